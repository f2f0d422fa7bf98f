/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_status.c - what is published about pools, from blocks: the text, the counts, the conditions
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/status.c"
#include "../../cmd/controller/status_pool.c"

#define NOW   1700000000000
#define BLOCK ((ip_num)0x0a000000 / 64) /* 10.0.0.0/26 */

static bool is_known(const char *name, void *arg)
{
	(void)arg;
	return strcmp(name, "p") == 0 || strcmp(name, "other") == 0;
}

/* A pool of 10.0.0.ranges. */
struct lab {
	struct ip_set total, eligible;
	struct status_pool_in in;
	struct status_sum sum;
	struct block b;
};

static void lab_open(struct lab *l, const char *range, const char *reserved)
{
	struct ip_set r = { 0 };
	struct err e;

	*l = (struct lab){ .in = { .name = "p", .now = NOW, .max = 5000, .is_pool = is_known } };
	assert_int_equal(ip_set_parse(&range, *range ? 1 : 0, 4, &l->total, &e), 0);
	assert_int_equal(ip_set_parse(&reserved, *reserved ? 1 : 0, 4, &r, &e), 0);
	assert_int_equal(ip_set_copy(&l->total, &l->eligible, &e), 0);
	assert_int_equal(ip_set_subtract(&l->eligible, &r, &e), 0);
	ip_set_clear(&r);
	l->in.total = &l->total;
	l->in.eligible = &l->eligible;
	block_init(&l->b, 4, BLOCK);
}

static void lab_close(struct lab *l)
{
	status_sum_clear(&l->sum);
	ip_set_clear(&l->total);
	ip_set_clear(&l->eligible);
	block_clear(&l->b);
}

static struct block_rec *rec(struct lab *l, unsigned i, enum hold hold, const char *pool, const char *pod)
{
	struct block_rec *r = &l->b.rec[i];

	block_rec_init(r);
	r->hold = hold;
	r->pool = pool;
	r->ns = "default";
	r->pod = pod;
	r->uid = "u1";
	r->container = hold == HOLD_FREE || hold == HOLD_QUARANTINE ? "" : "c";
	return r;
}

static void count(struct lab *l)
{
	struct err e;

	assert_int_equal(status_sum_block(&l->in, &l->b, &l->sum, &e), 0);
	status_sum_end(&l->sum);
}

static void test_text(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	rec(&l, 2, HOLD_POD, "p", "b");
	rec(&l, 1, HOLD_STS, "p", "a-0")->container = "";
	rec(&l, 3, HOLD_FREE, "p", "c")->since = NOW;
	rec(&l, 4, HOLD_VM, "p", "virt-launcher-x")->ref = "default/vm1";
	rec(&l, 5, HOLD_QUARANTINE, "p", "")->until = NOW + 5000;
	rec(&l, 6, HOLD_QUARANTINE, "p", "")->until = NOW - 1; /* over */
	rec(&l, 7, HOLD_POD, "other", "d");                    /* another pool's, in our range */
	rec(&l, 8, HOLD_POD, "gone", "e");  /* of no pool that there is: ours by its place */
	rec(&l, 30, HOLD_POD, "p", "f");    /* ours by name, outside */
	rec(&l, 31, HOLD_POD, "gone", "g"); /* nobody's */
	l.b.rec[5].mac = "02:00:00:00:00:01";
	count(&l);
	assert_string_equal(buf_cstr(&l.sum.text),
			    "{\"10.0.0.1\":{\"pod\":\"default/a-0\",\"podUid\":\"u1\"},"
			    "\"10.0.0.2\":{\"pod\":\"default/b\",\"podUid\":\"u1\"},"
			    "\"10.0.0.4\":{\"pod\":\"default/vm1\",\"podUid\":\"u1\"},"
			    "\"10.0.0.8\":{\"pod\":\"default/e\",\"podUid\":\"u1\"},"
			    "\"10.0.0.30\":{\"pod\":\"default/f\",\"podUid\":\"u1\"}}");
	assert_int_equal(l.sum.allocated, 5);
	assert_int_equal(l.sum.published, 5);
	assert_int_equal(l.sum.taken, 6); /* .1 .2 .4 .5 .7 .8 */
	assert_int_equal(l.sum.next, NOW + 5000);
	assert_string_equal(l.sum.outside.text, "10.0.0.30 (default/f)");
	assert_string_equal(l.sum.quarantined.text, "10.0.0.5 (02:00:00:00:00:01)");
	lab_close(&l);
}

static void test_nothing(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	count(&l);
	assert_int_equal(l.sum.text.len, 0);
	assert_int_equal(l.sum.allocated, 0);
	lab_close(&l);
}

/* Cut at the stated maximum, names of a sentence at theirs; the count is of all. */
static void test_cut(void **state)
{
	struct lab l;

	(void)state;
	lab_open(&l, "10.0.0.1-10.0.0.9", "");
	for (unsigned i = 1; i < 30; i++)
		rec(&l, i, HOLD_POD, "p", "x");
	l.in.max = 2;
	count(&l);
	assert_string_equal(buf_cstr(&l.sum.text), "{\"10.0.0.1\":{\"pod\":\"default/x\",\"podUid\":\"u1\"},"
						   "\"10.0.0.2\":{\"pod\":\"default/x\",\"podUid\":\"u1\"}}");
	assert_int_equal(l.sum.published, 2);
	assert_int_equal(l.sum.allocated, 29);
	assert_int_equal(l.sum.outside.n, 20);
	assert_non_null(strstr(l.sum.outside.text, "10.0.0.14 (default/x) and 15 more"));
	lab_close(&l);
}

/* ---- against a naive count ---- */

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

static void fill(struct lab *l)
{
	static const char *const pools[] = { "p", "other", "gone", "" };

	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		enum hold hold = (enum hold)below(HOLD_MAX);
		struct block_rec *r = rec(l, i, hold, pools[below(4)], "x");

		if (hold == HOLD_NONE)
			block_rec_init(r);
		r->until = hold == HOLD_QUARANTINE && below(2) ? NOW - 500 + below(1000) : 0;
	}
}

static void test_naive(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		char range[64], reserved[64];
		int64_t allocated = 0, taken = 0;
		unsigned lo = below(64), hi = lo + below(64 - lo), at = below(64);
		struct lab l;

		snprintf(range, sizeof(range), "10.0.0.%u-10.0.0.%u", lo, hi);
		snprintf(reserved, sizeof(reserved), "10.0.0.%u", at);
		lab_open(&l, range, reserved);
		fill(&l);
		count(&l);
		for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
			const struct block_rec *r = &l.b.rec[i];
			bool inside = i >= lo && i <= hi, held = block_rec_held(r, NOW);

			taken += held && inside && i != at;
			if (held && r->hold != HOLD_QUARANTINE)
				allocated += !strcmp(r->pool, "p") ||
					     (inside && (!strcmp(r->pool, "gone") || !*r->pool));
		}
		if (l.sum.allocated != allocated || l.sum.taken != taken)
			fail_msg("round %d: allocated %lld, want %lld; taken %lld, want %lld", round,
				 (long long)l.sum.allocated, (long long)allocated, (long long)l.sum.taken,
				 (long long)taken);
		lab_close(&l);
	}
}

/* ---- conditions ---- */

static const struct status_names nobody;

static void publish(struct lab *l, struct status_pool *now, const struct status_names *behind, int64_t at)
{
	struct status_pool_facts f = { .generation = 3, .now = at, .version = "77", .behind = behind };
	struct err e;

	assert_int_equal(status_pool_fill(&l->in, &l->sum, &f, now, &e), 0);
}

static void assert_said(const struct status_pool *now, const char *type, const char *status,
			const char *reason)
{
	const struct status_condition *c = status_find(&now->conditions, type);

	if (!c || strcmp(c->status, status) != 0 || strcmp(c->reason, reason) != 0)
		fail_msg("%s: %s (%s), want %s (%s)", type, c ? c->status : "-", c ? c->reason : "-", status,
			 reason);
	assert_int_equal(c->generation.v, 3);
}

static void test_exhausted(void **state)
{
	static const struct {
		const char *range, *reserved;
		unsigned held;
		const char *is, *reason, *nearly;
	} rows[] = {
		{ "10.0.0.1-10.0.0.20", "", 0, "False", "SomeFree", NULL },
		{ "10.0.0.1-10.0.0.20", "", 17, "False", "SomeFree", NULL },
		{ "10.0.0.1-10.0.0.20", "", 18, "False", "SomeFree", "True" },
		{ "10.0.0.1-10.0.0.20", "", 20, "True", "NoneFree", NULL },
		{ "10.0.0.1-10.0.0.20", "10.0.0.19-10.0.0.20", 18, "True", "NoneFree", NULL },
		{ "10.0.0.1-10.0.0.4", "", 3, "False", "SomeFree", NULL }, /* small: one more is no alarm */
		{ "10.0.0.1-10.0.0.4", "", 4, "True", "NoneFree", NULL },
		{ "10.0.0.1-10.0.0.4", "10.0.0.1-10.0.0.4", 0, "True", "NoAddresses", NULL },
		{ "", "", 0, "True", "NoAddresses", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct status_pool now = { 0 };
		struct lab l;

		lab_open(&l, rows[i].range, rows[i].reserved);
		for (unsigned k = 0; k < rows[i].held; k++)
			rec(&l, 1 + k, HOLD_POD, "p", "x");
		count(&l);
		publish(&l, &now, &nobody, NOW);
		print_message("row %zu\n", i);
		assert_said(&now, STATUS_EXHAUSTED, rows[i].is, rows[i].reason);
		if (rows[i].nearly)
			assert_said(&now, STATUS_NEARLY, rows[i].nearly, "FewFree");
		else
			assert_null(status_find(&now.conditions, STATUS_NEARLY));
		json_clear(&status_pool_table, &now);
		lab_close(&l);
	}
}

static void test_settled(void **state)
{
	struct status_names behind = { .n = 0 };
	struct status_pool now = { 0 };
	struct lab l;

	(void)state;
	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	rec(&l, 40, HOLD_POD, "p", "x");
	count(&l);
	status_name(&behind, "%s", "node1");
	publish(&l, &now, &behind, NOW);
	assert_said(&now, STATUS_SETTLED, "False", "AgentsBehind");
	assert_string_equal(status_find(&now.conditions, STATUS_SETTLED)->message,
			    "not seen yet by the agents of node1");
	publish(&l, &now, &nobody, NOW + 1000);
	assert_said(&now, STATUS_SETTLED, "False", "AddressesOutside");
	assert_string_equal(status_find(&now.conditions, STATUS_SETTLED)->changed_at, "2023-11-14T22:13:20Z");
	lab_close(&l);

	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	count(&l);
	publish(&l, &now, &nobody, NOW + 2000);
	assert_said(&now, STATUS_SETTLED, "True", "Settled");
	assert_string_equal(status_find(&now.conditions, STATUS_SETTLED)->changed_at, "2023-11-14T22:13:22Z");
	assert_string_equal(now.observed_version, "77");
	assert_null(now.allocated_ips);
	json_clear(&status_pool_table, &now);
	lab_close(&l);
}

/* Told from when it was first so, and then that it is over. */
static void test_quiet(void **state)
{
	struct status_pool now = { 0 };
	struct lab l;

	(void)state;
	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	rec(&l, 5, HOLD_QUARANTINE, "p", "");
	rec(&l, 1, HOLD_POD, "p", "x");
	rec(&l, 2, HOLD_POD, "p", "y");
	l.in.max = 1;
	count(&l);
	publish(&l, &now, &nobody, NOW);
	assert_said(&now, STATUS_CONFLICT, "True", "Quarantined");
	assert_string_equal(status_find(&now.conditions, STATUS_CONFLICT)->message,
			    "somebody else answers for 10.0.0.5 (by an operator)");
	assert_said(&now, STATUS_TRUNCATED, "True", "TooMany");
	lab_close(&l);
	lab_open(&l, "10.0.0.1-10.0.0.20", "");
	count(&l);
	publish(&l, &now, &nobody, NOW);
	assert_said(&now, STATUS_CONFLICT, "False", "NoQuarantine");
	assert_said(&now, STATUS_TRUNCATED, "False", "Complete");
	json_clear(&status_pool_table, &now);
	lab_close(&l);
}

/* ---- the patch ---- */

static void test_patch(void **state)
{
	struct buf out = BUF_INIT(65536);
	struct status_pool old = { 0 }, now = { 0 };
	const struct status_said said = { "T", true, false, "R", "m" };
	struct err e;

	(void)state;
	now.total = (struct json_int){ true, 5 };
	assert_int_equal(status_say(&now.conditions, &said, 1, NOW, &e), 1);
	assert_int_equal(status_say(&now.conditions, &said, 1, NOW + 9000, &e), 0);
	assert_int_equal(status_patch(&status_pool_table, "u", "9", &old, &now, &out, &e), 1);
	assert_string_equal(
		buf_cstr(&out),
		"{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"9\"},\"status\":{\"totalIPCount\":5,"
		"\"conditions\":[{\"type\":\"T\",\"status\":\"True\",\"reason\":\"R\",\"message\":\"m\","
		"\"observedGeneration\":1,\"lastTransitionTime\":\"2023-11-14T22:13:20Z\"}],"
		"\"allocatedIPs\":null,\"allocatedIPCount\":null,\"observedGeneration\":null,"
		"\"observedVersion\":null}}");
	buf_reset(&out);
	assert_int_equal(status_patch(&status_pool_table, "u", "9", &now, &now, &out, &e), 0);
	assert_int_equal(out.len, 0);
	json_clear(&status_pool_table, &now);
	buf_clear(&out);
}

static void test_read(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t total;
	} rows[] = { { "{}", 0, 0 },
		     { "{\"status\":null}", 0, 0 },
		     { "{\"status\":{\"totalIPCount\":7}}", 0, 7 },
		     { "{\"status\":7}", -EINVAL, 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *o;
		struct status_pool s = { .total = { true, 9 } };
		struct err e;

		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), "x", &o, &e), 0);
		print_message("%s\n", rows[i].text);
		assert_int_equal(status_read(&status_pool_table, o, &s, &e), rows[i].r);
		assert_int_equal(s.total.v, rows[i].total);
		json_clear(&status_pool_table, &s);
		json_object_put(o);
	}
}

/* What others said stays. */
static void test_foreign(void **state)
{
	static const char text[] = "{\"conditions\":[{\"type\":\"Theirs\",\"status\":\"Unknown\"}]}";
	struct status_pool now;
	const struct status_said said = { "T", true, false, "R", "m" };
	struct err e;

	(void)state;
	assert_int_equal(json_decode_text(&status_pool_table, text, strlen(text), "x", &now, &e), 0);
	assert_int_equal(status_say(&now.conditions, &said, 1, NOW, &e), 1);
	assert_int_equal(now.conditions.n, 2);
	assert_string_equal(status_find(&now.conditions, "Theirs")->status, "Unknown");
	json_clear(&status_pool_table, &now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),      cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_cut),       cmocka_unit_test(test_naive),
		cmocka_unit_test(test_exhausted), cmocka_unit_test(test_settled),
		cmocka_unit_test(test_quiet),     cmocka_unit_test(test_patch),
		cmocka_unit_test(test_foreign),   cmocka_unit_test(test_read),
	};
	const char *text = getenv("SEED");

	seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_wall_ms();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
