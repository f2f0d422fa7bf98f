/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_reclaim.c - what a node claims again when blocks may have lost it, and what it leaves to others
 */
#include "ipam/reclaim.h"
#include "ipam/claim.h"
#include "ipam/release.h"
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

/* As it was before the attachment. */
static int without_holder(struct txn *t, void *arg, struct err *e)
{
	const struct ipam_attachment *at = arg;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip("10.0.0.1"), &b, &rec, e);

	if (r == 0) {
		release_holder(t, b, rec);
		rec->since = at->since - 1;
	}
	return r;
}

static int put_again(struct txn *t, void *arg, struct err *e)
{
	const struct ipam_attachment *at = arg;
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, at->network, at->container, at->nic, &s, e);

	return r < 0 ? r : claim_put(t, at->network, at, s.version, e);
}

/* Its DEL comes between the list of attachments and the look at this one: of what it let go nothing comes
 * back, whether the block had lost it or keeps it for the next pod. */
static void test_gone_meanwhile(void **state)
{
	static const struct {
		const char *sts, *before, *after;
		bool lost;
	} rows[] = {
		{ NULL, "none", "none", true },
		{ "default/db/0", "none", "none", true },
		{ "default/db/0", "sts c1", "sts", false },
		{ NULL, "pod c1", "free", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_attachment at;
		struct lab l;

		print_message("# row %zu\n", i);
		cluster_open(&l);
		lab_pool(&l, "a", A);
		at = add(&l, "c1", rows[i].sts ? "db-0" : "p", "n1", rows[i].sts);
		if (rows[i].lost)
			assert_int_equal(txn_run(&l.m, STORE_WRITE, wipe, (char *)"10.0.0.1", &l.e), 0);
		EXPECT(lab_state(&l, "10.0.0.1"), rows[i].before);
		assert_int_equal(ipam_del(&l.m, "net", "c1", "eth0", &l.e), 0);
		assert_int_equal(ipam_reclaim(&l.m, &at, &l.e), 0);
		EXPECT(lab_state(&l, "10.0.0.1"), rows[i].after);
		ipam_attachment_clear(&at);
		store_close(l.st);
		lab_remove(&l);
	}
}

/* The update of a DEL stands in the block, and the attachment is about to go. */
static void test_going(void **state)
{
	struct ipam_attachment at;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	at = add(&l, "c1", "db-0", "n1", "default/db/0");
	at.since -= 2; /* it was longer ago */
	assert_int_equal(txn_run(&l.m, STORE_WRITE, put_again, &at, &l.e), 0);
	assert_int_equal(txn_run(&l.m, STORE_WRITE, without_holder,
				 &(struct ipam_attachment){ .since = at.since + 2 }, &l.e),
			 0);
	assert_int_equal(ipam_reclaim(&l.m, &at, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts");
	ipam_attachment_clear(&at);
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
	/* Set back to before it had a holder: it is this one's again. */
	assert_int_equal(txn_run(&l.m, STORE_WRITE, without_holder, &now, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts");
	assert_int_equal(ipam_reclaim(&l.m, &now, &l.e), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	ipam_attachment_clear(&at);
	ipam_attachment_clear(&now);
	store_close(l.st);
	lab_remove(&l);
}

/* Its pod is gone; the container may run on, unless somebody saw it end. */
static void test_unseen(void **state)
{
	static const struct {
		const char *name;
		bool sts, hold_dead, again, detached;
		const char *want;
	} rows[] = {
		{ "no DEL", .want = "free unconfirmed" },
		{ "DEL", .detached = true, .want = "free" },
		{ "DEL, none of the sandbox before", .again = true, .detached = true,
		  .want = "free unconfirmed" },
		{ "kept", .sts = true, .want = "sts unconfirmed" },
		{ "kept, DEL", .sts = true, .detached = true, .want = "sts" },
		{ "kept for nothing", .sts = true, .hold_dead = true, .want = "free unconfirmed" },
		{ "kept for nothing, DEL", .sts = true, .hold_dead = true, .detached = true, .want = "free" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *container = "c1";
		struct lab l;

		print_message("# %s\n", rows[i].name);
		cluster_open(&l);
		lab_pool(&l, "a", A);
		for (int n = 0; n <= rows[i].again; n++) {
			struct cluster_pod p = { .sts = rows[i].sts ? "default/web/0" : NULL };

			container = p.container = n ? "c2" : "c1";
			EXPECT(cluster_add(&l, p), "10.0.0.1/24");
		}
		if (rows[i].detached && ipam_detach(&l.m, "net", container, "eth0", &l.e) < 0)
			fail_msg("%s", l.e.msg);
		if (ipam_del_unseen(&l.m, "net", container, "eth0", rows[i].hold_dead, &l.e) < 0)
			fail_msg("%s", l.e.msg);
		EXPECT(lab_state(&l, "10.0.0.1"), rows[i].want);
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),           cmocka_unit_test(test_given_away),
		cmocka_unit_test(test_gone_meanwhile), cmocka_unit_test(test_going),
		cmocka_unit_test(test_moved),          cmocka_unit_test(test_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
