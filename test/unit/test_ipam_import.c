/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_import.c - addresses that somebody else gave out, or that a backup does not know of */
#include "ipam_lab.h"

#include "ipam/import.h"

#define POOL "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true"

static void told(size_t i, enum import_result result, const char *reason, void *arg)
{
	static const char *const words[] = { "claimed", "claimable", "known", "refused: " };
	struct lab *l = arg;

	(void)i;
	snprintf(l->text, sizeof(l->text), "%s%s", words[result], reason);
}

/* What becomes of one request for this address, and that one unless it is NULL. */
static const char *import(struct lab *l, struct ipam_request r, const char *address, const char *second)
{
	const struct ipam_import x = { .v = &r, .n = 1, .told = told, .arg = l };

	r.requested[r.n_requested++] = lab_ip(address);
	if (second)
		r.requested[r.n_requested++] = lab_ip(second);
	if (ipam_import(&l->m, &x, &l->e) < 0)
		fail_msg("import: %s", l->e.msg);
	return l->text;
}

/* The endpoint could not name both: a new sandbox of the pod would forget one. */
static void test_two_of_one_family(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL);
	lab_pool(&l, "b", "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true");
	EXPECT(import(&l, r, "10.0.0.5", "10.0.0.6"),
	       "refused: container c1, NIC eth0 has several IPv4 addresses; want one");
	EXPECT(lab_state(&l, "10.0.0.5"), "none");
	EXPECT(import(&l, r, "10.0.0.5", "fd00::5"), "claimed");
	EXPECT(import(&l, r, "10.0.0.5", "fd00::5"), "known");
	EXPECT(lab_add(&l, &r), "10.0.0.5/24 fd00::5/64");
	lab_del(&l, "c1", "eth0");
	EXPECT(lab_state(&l, "10.0.0.5"), "free");
	lab_close(&l);
}

/* One container, one address, two networks: the DEL of one would leave the other's record wrong. */
static void test_under_another_network(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL);
	EXPECT(import(&l, r, "10.0.0.5", NULL), "claimed");
	r.network = "other";
	EXPECT_PART(import(&l, r, "10.0.0.5", NULL),
		    "refused: address 10.0.0.5 is held by pod - (container c1, NIC eth0, network net)");
	lab_del(&l, "c1", "eth0");
	assert_int_equal(lab_fsck(&l, false), 0);
	EXPECT(import(&l, r, "10.0.0.5", NULL), "claimed");
	lab_close(&l);
}

/* The pod has another address than the one kept for it: that is kept no more. */
static void test_beside_a_kept_address(void **state)
{
	(void)state;
	for (int held = 0; held < 2; held++) {
		struct ipam_request c1 = lab_pod("c1", "eth0", "p", "u"),
				    c2 = lab_pod("c2", "eth0", "p", "u2");
		struct lab l;

		print_message("# held %d\n", held);
		lab_open(&l);
		lab_pool(&l, "a", POOL);
		l.m.conf.keep_by_pod_name = true;
		EXPECT(lab_add(&l, &c1), "10.0.0.1/24");
		if (!held)
			lab_del(&l, "c1", "eth0");
		EXPECT(import(&l, c2, "10.0.0.5", NULL), "claimed");
		EXPECT(lab_state(&l, "10.0.0.1"), held ? "pod c1" : "free");
		assert_int_equal(lab_fsck(&l, false), 0);
		lab_del(&l, "c1", "eth0");
		lab_del(&l, "c2", "eth0");
		EXPECT(lab_state(&l, "10.0.0.1"), "free");
		EXPECT(lab_state(&l, "10.0.0.5"), "pin");
		c2.container = "c3";
		EXPECT(lab_add(&l, &c2), "10.0.0.5/24");
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_of_one_family),
		cmocka_unit_test(test_under_another_network),
		cmocka_unit_test(test_beside_a_kept_address),
	};

	return cmocka_run_group_tests_name("ipam import", tests, NULL, NULL);
}
