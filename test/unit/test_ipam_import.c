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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_of_one_family),
	};

	return cmocka_run_group_tests_name("ipam import", tests, NULL, NULL);
}
