/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_operator.c - what an operator takes away */
#include "ipam_lab.h"

#define POOL4 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], gateway: 10.0.0.254"
#define POOL6 "subnet: fd00::/64, ips: ['fd00::1-fd00::3'], gateway: 'fd00::ff'"

/* What an operator took from a NIC is missed by CHECK, and the sandbox that comes again starts anew. */
static void test_one_family_released(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	struct ip_prefix have[2];
	struct ip v4;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_pool(&l, "s", POOL6 ", default: true");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64");
	assert_int_equal(ip_prefix_parse("10.0.0.1/24", &have[0], &l.e), 0);
	assert_int_equal(ip_prefix_parse("fd00::1/64", &have[1], &l.e), 0);
	assert_int_equal(ip_parse("10.0.0.1", &v4, &l.e), 0);
	assert_int_equal(ipam_check(&l.m, "net", "c1", "eth0", have, 2, &l.e), 0);
	assert_int_equal(ipam_release(&l.m, v4, true, &l.e), 0);
	assert_true(ipam_check(&l.m, "net", "c1", "eth0", have, 2, &l.e) < 0);
	EXPECT_PART(l.e.msg, "was released by an operator");
	assert_int_equal(lab_fsck(&l, false), 0);
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24 fd00::2/64");
	lab_close(&l);
}

static void test_operator(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1");
	struct ip v4, v6;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_pool(&l, "s", POOL6 ", default: true");
	lab_add(&l, &r);
	assert_int_equal(ip_parse("10.0.0.1", &v4, &l.e), 0);
	assert_int_equal(ip_parse("fd00::1", &v6, &l.e), 0);
	assert_int_equal(ipam_release(&l.m, v4, false, &l.e), -EBUSY);
	assert_int_equal(ipam_quarantine(&l.m, v4, INT64_MAX, &l.e), -EBUSY);
	assert_int_equal(ipam_release(&l.m, v4, true, &l.e), 0);
	assert_int_equal(ipam_release(&l.m, v4, true, &l.e), -ENOENT);
	assert_int_equal(lab_fsck(&l, false), 0);
	assert_int_equal(ipam_quarantine(&l.m, v4, clock_wall_ms() + 10000, &l.e), 0);
	assert_int_equal(ipam_release(&l.m, v6, true, &l.e), 0);
	assert_int_equal(lab_fsck(&l, false), 0);
	/* the sandbox comes again and starts anew */
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24 fd00::2/64");
	lab_close(&l);
}

/* What the NIC had claimed ahead goes with it: no DEL would find that any more. */
static void test_operator_takes_all(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1");
	struct json_map_entry entry;
	struct json_map map = lab_annotation(&entry, ANNOTATION_IPPOOLS,
					     "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
					     "{\"interface\":\"net1\",\"ipv4\":[\"a\"]}]");
	struct ip v4;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2], default: true");
	r.annotations = &map;
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	assert_int_equal(ip_parse("10.0.0.1", &v4, &l.e), 0);
	assert_int_equal(ipam_release(&l.m, v4, true, &l.e), 0);
	lab_del(&l, "c1", "eth0");
	r = lab_request("c2", "eth0");
	EXPECT_PART(lab_add(&l, &r), "/24");
	r = lab_request("c3", "eth0");
	EXPECT_PART(lab_add(&l, &r), "/24");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_family_released),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_operator_takes_all),
	};

	return cmocka_run_group_tests_name("ipam operator", tests, NULL, NULL);
}
