/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_conflict.c - somebody else uses an address of ours */
#include "ipam_lab.h"

static void test_conflict(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	struct ipam_attachment a;
	struct ip addr;
	int64_t now = 1700000000000;

	(void)state;
	lab_open(&l);
	clock_freeze_wall(now);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.4], default: true");
	assert_int_equal(ipam_add(&l.m, &r, &a, &l.e), 0);
	for (int i = 1; i <= 3; i++) {
		char next[32];

		snprintf(next, sizeof(next), "10.0.0.%d", i);
		assert_int_equal(ip_parse(next, &addr, &l.e), 0);
		assert_int_equal(ipam_conflict(&l.m, &r, &a, addr, "02:00:00:00:00:01", &l.e), 0);
		lab_describe(&l, &a);
		snprintf(next, sizeof(next), "10.0.0.%d/24", i + 1);
		EXPECT(l.text, next);
	}
	/* a fourth within the hour is not believed */
	assert_int_equal(ip_parse("10.0.0.4", &addr, &l.e), 0);
	assert_int_equal(ipam_conflict(&l.m, &r, &a, addr, "02:00:00:00:00:01", &l.e), -EADDRINUSE);
	EXPECT_PART(l.e.msg, "look for a proxy ARP router");
	ipam_attachment_clear(&a);
	lab_del(&l, "c1", "eth0");
	clock_freeze_wall(now + 1000);
	assert_int_equal(ip_parse("10.0.0.2", &addr, &l.e), 0);
	assert_int_equal(ipam_conflict_undo(&l.m, &r, addr, &l.e), 0);
	r.container = "c2"; /* .1 and .3 are out, .4 and .2 cool: .4 rests longer */
	EXPECT(lab_add(&l, &r), "10.0.0.4/24");
	r.container = "c3";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24");
	r.container = "c4";
	EXPECT_PART(lab_add(&l, &r), "used out");
	r.n_requested = 1;
	assert_int_equal(ip_parse("10.0.0.1", &r.requested[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r),
		    "is in quarantine since 2023-11-14T22:13:20Z: 02:00:00:00:00:01 was seen using it");
	clock_freeze_wall(now + IPAM_QUARANTINE_MS + 1);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* The last address of a pool: nothing to take its place, but the quarantine stands. */
static void test_conflict_on_the_last(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct ipam_attachment a;
	struct ip addr;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true");
	assert_int_equal(ipam_add(&l.m, &r, &a, &l.e), 0);
	assert_int_equal(ip_parse("10.0.0.1", &addr, &l.e), 0);
	assert_int_equal(ipam_conflict(&l.m, &r, &a, addr, "02:00:00:00:00:01", &l.e), -ENOSPC);
	ipam_attachment_clear(&a);
	assert_int_equal(lab_fsck(&l, false), 0); /* the pod's endpoint does not name it either */
	lab_del(&l, "c1", "eth0");
	assert_int_equal(lab_fsck(&l, false), 0);
	EXPECT_PART(lab_add(&l, &r), "used out");
	r.n_requested = 1;
	r.requested[0] = addr;
	EXPECT_PART(lab_add(&l, &r), "is in quarantine");
	lab_close(&l);
}

static const struct store_impl *real;
static int begun;

static int count_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	begun++;
	return real->begin(st, mode, until, e);
}

/* The pool no longer serves while its address is probed: an answer, not the same once more until the
 * deadline, with the writer's lock. */
static void test_conflict_and_the_pool_changed(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	struct store_impl counting;
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], default: true");
	assert_int_equal(ipam_add(&l.m, &r, &a, &l.e), 0);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], default: true, disable: true");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.3], default: true");
	real = l.st->impl;
	counting = *real;
	counting.begin = count_begin;
	l.st->impl = &counting;
	begun = 0;
	l.m.until = deadline_in(200);
	assert_int_equal(ipam_conflict(&l.m, &r, &a, lab_ip("10.0.0.1"), "02:00:00:00:00:01", &l.e), -ESTALE);
	EXPECT_PART(l.e.msg, "pool a changed while its address was probed");
	assert_int_equal(begun, 1);
	l.st->impl = real;
	ipam_attachment_clear(&a);
	lab_close(&l);
}

/* What is known of the other family's address is known on. */
static void test_conflict_leaves_the_other_family(void **state)
{
	struct ipam_request c1 = lab_pod("c1", "eth0", "p", "u"), c2 = lab_pod("c2", "eth0", "p", "u");
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true");
	lab_pool(&l, "b", "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true");
	c1.mac = "02:00:00:00:00:09";
	l.m.conf.keep_by_pod_name = true;
	lab_add(&l, &c1);
	assert_int_equal(ipam_add(&l.m, &c2, &a, &l.e), 0);
	assert_int_equal(ipam_conflict(&l.m, &c2, &a, lab_ip("10.0.0.1"), "02:00:00:00:00:01", &l.e), 0);
	assert_int_equal(a.ips.n, 2);
	EXPECT(a.ips.v[0].address, "10.0.0.2/24");
	assert_null(a.ips.v[0].former_mac);
	EXPECT(a.ips.v[1].address, "fd00::1/64");
	EXPECT(a.ips.v[1].former_mac, "02:00:00:00:00:09");
	assert_true(a.ips.v[1].kept);
	/* an operator takes it while the new one is probed: lost is lost */
	assert_int_equal(ipam_release(&l.m, lab_ip("fd00::1"), true, &l.e), 0);
	assert_int_equal(ipam_conflict(&l.m, &c2, &a, lab_ip("10.0.0.2"), "02:00:00:00:00:01", &l.e), 0);
	EXPECT(a.ips.v[0].address, "10.0.0.3/24");
	assert_true(a.ips.v[1].released);
	ipam_attachment_clear(&a);
	lab_close(&l);
}

/* Found with a clock that was ahead of its time: over when the clock is right and the time is. */
static void test_quarantine_of_the_future(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0");
	int64_t now = 1800000000000;
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2], default: true");
	clock_freeze_wall(now + IPAM_QUARANTINE_MS / 2); /* a bit ahead: as long as it was to last */
	assert_int_equal(ipam_add(&l.m, &r, &a, &l.e), 0);
	assert_int_equal(ipam_conflict(&l.m, &r, &a, lab_ip("10.0.0.1"), "02:00:00:00:00:01", &l.e), 0);
	ipam_attachment_clear(&a);
	clock_freeze_wall(now);
	r.container = "c2";
	EXPECT_PART(lab_add(&l, &r), "used out");
	clock_freeze_wall(now - IPAM_QUARANTINE_MS);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	/* an operator's, that has no end, has none */
	lab_del(&l, "c2", "eth0");
	assert_int_equal(ipam_quarantine(&l.m, lab_ip("10.0.0.1"), 0, &l.e), 0);
	clock_freeze_wall(now - 100 * IPAM_QUARANTINE_MS);
	EXPECT_PART(lab_add(&l, &r), "used out");
	clock_freeze_wall(-1);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_conflict_on_the_last),
		cmocka_unit_test(test_conflict_and_the_pool_changed),
		cmocka_unit_test(test_conflict_leaves_the_other_family),
		cmocka_unit_test(test_quarantine_of_the_future),
	};

	return cmocka_run_group_tests_name("ipam conflict", tests, NULL, NULL);
}
