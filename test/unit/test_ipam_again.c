/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_again.c - the same pod comes again, in the same sandbox or in a new one */
#include "ipam_lab.h"

#include "ipam/claim.h"

#define POOL4 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true"
#define POOL6 "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true"

/* ---- taking over ---- */

/* One address was taken away: both families are given, and what is left is kept. */
static void test_one_family_was_released(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	lab_pool(&l, "b", POOL6);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64");
	assert_int_equal(ipam_release(&l.m, lab_ip("10.0.0.1"), true, &l.e), 0);
	r.container = "c2";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24 fd00::1/64");
	lab_close(&l);
}

static int second_address(struct txn *t, void *arg, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip("10.0.0.9"), &b, &rec, e);

	return r < 0 ? r : claim_record(t, arg, "eth0", "a", b, rec, e);
}

/* A NIC with two addresses of one family, of which the pod's endpoint can name but one. */
static void test_what_the_endpoint_does_not_name(void **state)
{
	static const struct {
		bool keep;
		const char *uid; /* of the pod that comes */
	} rows[] = { { false, "u" }, { true, "u" }, { true, "u2" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
		struct lab l;

		print_message("# row %zu\n", i);
		lab_open(&l);
		l.m.conf.keep_by_pod_name = rows[i].keep;
		lab_pool(&l, "a", POOL4);
		lab_add(&l, &r);
		assert_int_equal(txn_run(&l.m, STORE_WRITE, second_address, &r, &l.e), 0);
		lab_put(&l, STORE_ATTACHMENT, "c1", "eth0/net",
			"{\"network\":\"net\",\"container\":\"c1\",\"nic\":\"eth0\",\"node\":\"n1\",\"boot\":"
			"\"boot-1\","
			"\"namespace\":\"default\",\"pod\":\"p\",\"uid\":\"u\",\"since\":1,\"ips\":["
			"{\"address\":\"10.0.0.1/24\",\"pool\":\"a\"},{\"address\":\"10.0.0.9/"
			"24\",\"pool\":\"a\"}]}");
		r.container = "c2";
		r.uid = rows[i].uid;
		EXPECT(lab_add(&l, &r), "10.0.0.1/24");
		EXPECT(lab_state(&l, "10.0.0.9"), "free");
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_family_was_released),
		cmocka_unit_test(test_what_the_endpoint_does_not_name),
	};

	return cmocka_run_group_tests_name("ipam again", tests, NULL, NULL);
}
