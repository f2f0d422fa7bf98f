/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_gc.c - GC: whose time has come, and whose has not */
#include "ipam_lab.h"

#include "ipam/claim.h"

#define POOL4  "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], gateway: 10.0.0.254"
#define POOL4B "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.3]"

static int count_block(const struct store_obj *o, void *arg, struct err *e)
{
	(void)o;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int count_blocks(struct lab *l)
{
	int n = 0;

	assert_int_equal(store_begin(l->st, STORE_READ, deadline_in(1000), &l->e), 0);
	assert_int_equal(store_list(l->st, STORE_BLOCK, NULL, NULL, NULL, count_block, &n, &l->e), 0);
	store_end(l->st);
	return n;
}

static void test_gc(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1"), r2 = lab_request("c2", "eth0"),
			    r3 = lab_request("c3", "eth0");
	struct json_map_entry entry;
	struct json_map map = lab_annotation(
		&entry, ANNOTATION_IPPOOLS,
		"[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},{\"interface\":\"net1\",\"ipv4\":[\"b\"]}]");
	struct ipam_valid valid[] = { { "c1", "eth0" } };
	int64_t now = 1700000000000;
	size_t freed;

	(void)state;
	lab_open(&l);
	clock_freeze_wall(now);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_pool(&l, "b", POOL4B);
	r.annotations = &map;
	lab_add(&l, &r);
	lab_add(&l, &r2);
	r3.network = "other";
	EXPECT_PART(lab_add(&l, &r3), "10.0.0.3/24");
	/* c2 is not valid, but was made after the list */
	assert_int_equal(ipam_gc(&l.m, "net", valid, 1, now - 1, &freed, &l.e), 0);
	assert_int_equal(freed, 0);
	assert_int_equal(ipam_gc(&l.m, "net", valid, 1, now, &freed, &l.e), 0);
	assert_int_equal(freed, 1);
	r2.container = "d";
	EXPECT_PART(lab_add(&l, &r2), "10.0.0.2/24"); /* c1 and the other network's c3 stand */
	assert_int_equal(ipam_gc(&l.m, "net", NULL, 0, now, &freed, &l.e), 0);
	assert_int_equal(freed, 3); /* c1 eth0, its net1 that was claimed ahead, d */
	assert_int_equal(count_blocks(&l), 2);
	clock_freeze_wall(now + IPAM_COOLDOWN_MAX_S * 1000);
	assert_int_equal(ipam_gc(&l.m, "net", NULL, 0, now, &freed, &l.e), 0);
	assert_int_equal(count_blocks(&l), 1); /* c3 is in the other */
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* A network whose addresses need not rest does not forget for the others when theirs were released. */
static void test_gc_of_a_hurried_network(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	int64_t now = 1900000000000;
	size_t freed;
	struct lab l;

	(void)state;
	lab_open(&l);
	clock_freeze_wall(now);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_add(&l, &r);
	lab_del(&l, "c1", "eth0");
	clock_freeze_wall(now + 10);
	l.m.conf.cooldown_ms = 0;
	assert_int_equal(ipam_gc(&l.m, "other", NULL, 0, now + 10, &freed, &l.e), 0);
	l.m.conf.cooldown_ms = IPAM_COOLDOWN_MS;
	r.container = "c2";
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24");
	clock_freeze_wall(-1);
	lab_close(&l);
}

static const char two_nics[] = "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
			       "{\"interface\":\"net1\",\"ipv4\":[\"a\"]}]";

/* How many a GC of the network frees that started then with nothing valid. */
static size_t gc(struct lab *l, const char *network, int64_t started)
{
	size_t freed;

	if (ipam_gc(&l->m, network, NULL, 0, started, &freed, &l->e) < 0)
		fail_msg("gc: %s", l->e.msg);
	return freed;
}

/* Claimed ahead long ago, but its own ADD came after GC had begun: its list cannot have it. */
static void test_gc_and_claims_ahead(void **state)
{
	struct ipam_request eth0 = lab_pod("c1", "eth0", "p", "u"), net1 = lab_pod("c1", "net1", "p", "u");
	struct json_map_entry entry;
	struct json_map map = lab_annotation(&entry, ANNOTATION_IPPOOLS, two_nics);
	int64_t now = 1900000000000;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	eth0.annotations = net1.annotations = &map;
	net1.network = "second";
	clock_freeze_wall(now);
	lab_add(&l, &eth0);
	clock_freeze_wall(now + 2000);
	EXPECT_PART(lab_add(&l, &net1), "10.0.0.2/24");
	assert_int_equal(gc(&l, "second", now + 1000), 0);
	EXPECT(lab_state(&l, "10.0.0.2"), "pod c1");
	assert_int_equal(gc(&l, "second", now + 2000), 1);
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* The same when a new sandbox takes the claim ahead over. */
static void test_gc_and_a_take_over(void **state)
{
	struct ipam_request c1 = lab_pod("c1", "eth0", "p", "u"), c2 = lab_pod("c2", "eth0", "p", "u");
	struct json_map_entry entry;
	struct json_map map = lab_annotation(&entry, ANNOTATION_IPPOOLS, two_nics);
	int64_t now = 1900000000000;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	c1.annotations = c2.annotations = &map;
	clock_freeze_wall(now);
	lab_add(&l, &c1);
	clock_freeze_wall(now + 2000);
	EXPECT_PART(lab_add(&l, &c2), "10.0.0.1/24");
	assert_int_equal(gc(&l, "net", now + 1000), 0);
	EXPECT(lab_state(&l, "10.0.0.2"), "pod c2");
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* The runtime gave the first ADD up and does not list it; then it came again. */
static void test_gc_and_a_repeated_add(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	int64_t now = 1900000000000;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	clock_freeze_wall(now);
	lab_add(&l, &r);
	clock_freeze_wall(now + 2000);
	lab_add(&l, &r);
	assert_int_equal(gc(&l, "net", now + 1000), 0);
	assert_int_equal(gc(&l, "net", now + 2000), 1);
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* Recorded with a clock that was ahead: not left alone for years. */
static void test_gc_of_the_future(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	clock_freeze_wall(4000000000000);
	lab_add(&l, &r);
	clock_freeze_wall(1900000000000);
	assert_int_equal(gc(&l, "net", 1900000000000), 1);
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* ---- more than one transaction may write ---- */

#define WIDE   16
#define MANY   64
#define POOL_8 "subnet: 10.0.0.0/8, ips: [10.0.0.1-10.255.255.254], default: true"

static int hold_wide(struct txn *t, void *arg, struct err *e)
{
	const unsigned *first = arg;
	struct ipam_request req;
	struct ipam_attachment a;
	char container[16];
	int r;

	snprintf(container, sizeof(container), "c%u", *first);
	req = lab_request(container, "eth0");
	r = claim_init(&a, &req, "eth0", 1, e);
	for (unsigned i = 0; r == 0 && i < WIDE; i++) {
		const struct plan_nic nic = { .nic = (char *)"eth0" };
		struct plan_pool pool = { .name = (char *)"a", .subnet.len = 8 };
		struct ip addr = { .ver = 4, .n = 0x0a000001 + (*first * WIDE + i) * IP_BLOCK_SIZE };
		struct txn_block *b;
		struct block_rec *rec;

		r = txn_record(t, addr, &b, &rec, e);
		if (r == 0)
			r = claim_record(t, &req, "eth0", "a", b, rec, e);
		if (r == 0)
			r = claim_add_address(&a, &nic, &pool, addr, false, e);
	}
	if (r == 0)
		r = claim_put(t, "net", &a, 0, e);
	ipam_attachment_clear(&a);
	return r;
}

/* An attachment with many addresses, each in another block: no ADD makes such ones. */
static void hold_many(struct lab *l)
{
	for (unsigned i = 0; i < MANY; i++)
		if (txn_run(&l->m, STORE_WRITE, hold_wide, &i, &l->e) < 0)
			fail_msg("%s", l->e.msg);
}

static void test_gc_of_many(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL_8);
	hold_many(&l);
	assert_int_equal(gc(&l, "net", clock_wall_ms()), MANY);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_close(&l);
}

static void test_reboot_of_many(void **state)
{
	struct ipam_request r = lab_request("x", "eth0");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL_8);
	hold_many(&l);
	EXPECT(lab_add(&l, &r), "10.0.0.2/8");
	r.boot = "boot-2";
	r.container = "y";
	EXPECT(lab_add(&l, &r), "10.0.0.3/8");
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_close(&l);
}

/* ---- an ADD that waits for the lock ---- */

static const struct store_impl *real;
static int64_t later; /* when the lock is there */

static int slow_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	int r = real->begin(st, mode, until, e);

	if (mode == STORE_WRITE)
		clock_freeze_wall(later);
	return r;
}

/* GC begins after ADD, but before ADD gets the lock. */
static void test_gc_and_an_add_that_waited(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	int64_t now = 1900000000000;
	struct store_impl slow;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	assert_int_equal(ipam_boot(&l.m, "boot-1", &l.e), 0); /* or ADD would wait twice */
	real = l.st->impl;
	slow = *real;
	slow.begin = slow_begin;
	l.st->impl = &slow;
	later = now + 5000;
	clock_freeze_wall(now);
	lab_add(&l, &r);
	l.st->impl = real;
	assert_int_equal(gc(&l, "net", now + 1000), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c1");
	assert_int_equal(gc(&l, "net", later), 1);
	clock_freeze_wall(-1);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gc),
		cmocka_unit_test(test_gc_of_a_hurried_network),
		cmocka_unit_test(test_gc_and_claims_ahead),
		cmocka_unit_test(test_gc_and_a_take_over),
		cmocka_unit_test(test_gc_and_a_repeated_add),
		cmocka_unit_test(test_gc_of_the_future),
		cmocka_unit_test(test_gc_of_many),
		cmocka_unit_test(test_reboot_of_many),
		cmocka_unit_test(test_gc_and_an_add_that_waited),
	};

	return cmocka_run_group_tests_name("ipam gc", tests, NULL, NULL);
}
