/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_reclaim.c - what a node claims again when blocks may have lost it, and what it leaves to others
 */
#include "ipam/reclaim.h"
#include "ipam_cluster.h"

#define A "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true"

static struct ipam_attachment add(struct lab *l, const char *container, const char *pod, const char *node,
				  const char *sts)
{
	struct cluster_pod p = {
		.container = container, .pod = pod, .uid = container, .node = node, .sts = sts
	};
	struct ipam_request q = cluster_request(&p);
	struct ipam_attachment at;

	q.owner.kind = sts ? "StatefulSet" : "Pod";
	l->m.until = deadline_in(60000);
	if (ipam_add(&l->m, &q, &at, &l->e) < 0)
		fail_msg("%s", l->e.msg);
	return at;
}

static int wipe(struct txn *t, void *arg, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip(arg), &b, &rec, e);

	if (r == 0) {
		block_rec_init(rec);
		b->dirty = true;
	}
	return r;
}

static void test_lost(void **state)
{
	struct ipam_attachment at;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	at = add(&l, "c1", "p", "n1", NULL);
	assert_int_equal(txn_run(&l.m, STORE_WRITE, wipe, (char *)"10.0.0.1", &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "none");
	assert_int_equal(ipam_reclaim(&l.m, &at, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c1");
	ipam_attachment_clear(&at);
	lab_close(&l);
}

/* Another pod has it: it stays with that one, and a sentence names both. */
static void test_given_away(void **state)
{
	struct ipam_attachment at, other;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	at = add(&l, "c1", "p", "n1", NULL);
	assert_int_equal(txn_run(&l.m, STORE_WRITE, wipe, (char *)"10.0.0.1", &l.e), 0);
	other = add(&l, "c2", "q", "n2", NULL);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c2");
	assert_int_equal(ipam_reclaim(&l.m, &at, &l.e), -EEXIST);
	EXPECT_PART(l.e.msg, "address 10.0.0.1 of pod default/p (container c1");
	EXPECT_PART(l.e.msg, "default/q");
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c2");
	ipam_attachment_clear(&at);
	ipam_attachment_clear(&other);
	store_close(l.st);
	lab_remove(&l);
}

/* A StatefulSet's pod runs on another node by now, and this one never heard of its end: nothing was lost. */
static void test_moved(void **state)
{
	struct ipam_attachment at, now;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	at = add(&l, "c1", "db-0", "n1", "default/db/0");
	now = add(&l, "c2", "db-0", "n2", "default/db/0");
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	assert_int_equal(ipam_reclaim(&l.m, &at, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	/* Without a holder it is this one's again. */
	assert_int_equal(ipam_del(&l.m, "net", "c2", "eth0", &l.e), 0);
	assert_int_equal(ipam_reclaim(&l.m, &now, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	ipam_attachment_clear(&at);
	ipam_attachment_clear(&now);
	store_close(l.st);
	lab_remove(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_given_away),
		cmocka_unit_test(test_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
