/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_nics.c - a pod that names several NICs: each is claimed once, all with the first */
#include "ipam_lab.h"

static void test_several_nics(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1"), r2;
	struct json_map_entry entry;
	struct json_map map = lab_annotation(&entry, ANNOTATION_IPPOOLS,
					     "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
					     "{\"interface\":\"net1\",\"ipv4\":[\"a\"]},"
					     "{\"interface\":\"net2\",\"ipv4\":[\"b\"]}]");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1]");
	r.annotations = &map;
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	r2 = r;
	r2.nic = "net1";
	r2.network = "other"; /* its own network: what was claimed ahead is found */
	EXPECT_PART(lab_add(&l, &r2), "10.0.0.2/24");
	EXPECT_PART(lab_add(&l, &r2), "10.0.0.2/24");
	assert_int_equal(lab_fsck(&l, false), 0);
	/* another pod gets nothing at all, because net2 cannot be served */
	r2 = lab_pod("c2", "eth0", "q", "u2");
	r2.annotations = &map;
	EXPECT_PART(lab_add(&l, &r2), "NIC net2, IPv4; pool b: all 1 addresses are taken");
	/* DEL of eth0 gives back net2, that nobody came for; net1 is its own attachment */
	lab_del(&l, "c1", "eth0");
	r2.container = "c3";
	r2.annotations = NULL;
	const char *const b[] = { "b", NULL };
	struct json_strv only_b = lab_strv(b);

	l.m.conf.default_ipv4 = &only_b;
	EXPECT_PART(lab_add(&l, &r2), "10.1.0.1/24");
	if (ipam_del(&l.m, "other", "c1", "net1", &l.e) < 0)
		fail_msg("%s", l.e.msg);
	lab_close(&l);
}

/* A kept pod comes again, and its NICs in whatever order: each is claimed once. */
static void test_several_nics_kept(void **state)
{
	static const char *const order[] = { "eth0", "net1" };
	struct json_map_entry entry;
	struct lab l;

	(void)state;
	for (unsigned row = 0; row < 8; row++) {
		const char *first = order[row & 1], *second = order[!(row & 1)];
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u1");
		struct json_map map;
		char text[200];

		snprintf(text, sizeof(text),
			 "[{\"interface\":\"%s\",\"ipv4\":[\"a\"]},{\"interface\":\"%s\",\"ipv4\":[\"a\"]}]",
			 order[!!(row & 2)], order[!(row & 2)]);
		map = lab_annotation(&entry, ANNOTATION_IPPOOLS, text);
		lab_open(&l);
		l.m.conf.keep_by_pod_name = true;
		lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2]");
		r.annotations = &map;
		r.nic = order[!!(row & 4)];
		lab_add(&l, &r);
		r = lab_pod("c2", first, "p", "u2"); /* another pod of that name; nobody deleted the first */
		r.annotations = &map;
		EXPECT_PART(lab_add(&l, &r), "10.0.0.");
		assert_int_equal(lab_fsck(&l, false), 0);
		r.nic = second;
		EXPECT_PART(lab_add(&l, &r), "10.0.0.");
		lab_del(&l, "c1", "eth0");
		lab_del(&l, "c2", first);
		assert_int_equal(lab_fsck(&l, false), 0);
		if (ipam_check(&l.m, "net", "c2", second, NULL, 0, &l.e) != -ENOENT ||
		    !strstr(l.e.msg, "prevResult"))
			fail_msg("row %u: %s", row, l.e.msg);
		lab_close(&l);
	}
}

/* One NIC is detached and attached again while the others stay. A container without pod names cannot be asked
 * what else it has: its NICs are claimed one by one. */
static void test_one_nic_again(void **state)
{
	static const struct {
		const char *ns, *pod, *uid, *net1, *net2;
	} rows[] = {
		{ "default", "p", "u", "pod c1", "pod c1" },
		{ "default", "p", "", "pod c1", "pod c1" }, /* a runtime that does not tell the UID */
		{ "", "", "", "pod c1", "none" },
	};
	struct json_map_entry entry;
	struct json_map map = lab_annotation(&entry, ANNOTATION_IPPOOLS,
					     "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
					     "{\"interface\":\"net1\",\"ipv4\":[\"b\"]},"
					     "{\"interface\":\"net2\",\"ipv4\":[\"c\"]}]");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request eth0 = lab_request("c1", "eth0"), net1;
		struct lab l;

		print_message("# row %zu\n", i);
		lab_open(&l);
		lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
		lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1]");
		lab_pool(&l, "c", "subnet: 10.2.0.0/24, ips: [10.2.0.1-10.2.0.9]");
		eth0.annotations = &map;
		eth0.ns = rows[i].ns;
		eth0.pod = rows[i].pod;
		eth0.uid = rows[i].uid;
		net1 = eth0;
		net1.nic = "net1";
		EXPECT(lab_add(&l, &eth0), "10.0.0.1/24");
		EXPECT(lab_add(&l, &net1), "10.1.0.1/24");
		lab_del(&l, "c1", "net1");
		EXPECT(lab_state(&l, "10.1.0.1"), "free");
		EXPECT(lab_add(&l, &net1), "10.1.0.1/24");
		EXPECT(lab_state(&l, "10.1.0.1"), rows[i].net1);
		EXPECT(lab_state(&l, "10.2.0.1"), rows[i].net2);
		EXPECT(lab_state(&l, "10.2.0.2"), "none");
		EXPECT(lab_state(&l, "10.0.0.2"), "none");
		lab_del(&l, "c1", "net1");
		lab_del(&l, "c1", "eth0");
		EXPECT(lab_state(&l, "10.0.0.1"), "free");
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_nics),
		cmocka_unit_test(test_several_nics_kept),
		cmocka_unit_test(test_one_nic_again),
	};

	return cmocka_run_group_tests_name("ipam nics", tests, NULL, NULL);
}
