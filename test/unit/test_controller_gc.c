/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_gc.c - where the garbage collector looks, and since when it knows that a pod is gone */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/gc_index.c"
#define key_of seen_key_of
#include "../../cmd/controller/gc_seen.c"

/* ---- the index ---- */

static void put(struct gc_index *ix, ip_num index, const struct block_rec *recs, size_t n)
{
	struct block b;
	struct err e;

	block_init(&b, 4, index);
	for (size_t i = 0; i < n; i++) {
		struct block_rec *r = &b.rec[i];

		r->hold = recs[i].hold;
		r->ns = recs[i].ns ? recs[i].ns : "";
		r->pod = recs[i].pod ? recs[i].pod : "";
		r->node = recs[i].node ? recs[i].node : "";
		r->ref = recs[i].ref ? recs[i].ref : "";
	}
	if (gc_index_put(ix, 4, index, recs ? &b : NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static void add_name(const struct gc_block *b, void *arg)
{
	char *text = arg;
	size_t n = strlen(text);

	snprintf(text + n, 64 - n, "%llu ", (unsigned long long)b->index);
}

static void expect(struct gc_index *ix, enum gc_kind kind, const char *ns, const char *name, const char *want)
{
	char got[64] = "";

	gc_index_each(ix, kind, ns, name, add_name, got);
	if (strcmp(got, want) != 0)
		fail_msg("%d %s/%s: got \"%s\", want \"%s\"", kind, ns, name, got, want);
}

static void test_index(void **state)
{
	static const struct block_rec first[] = {
		{ .hold = HOLD_POD, .ns = "a", .pod = "p", .node = "n1" },
		{ .hold = HOLD_POD, .ns = "a", .pod = "p", .node = "n1" }, /* its second NIC */
		{ .hold = HOLD_STS, .ns = "a", .pod = "db-0", .node = "n2", .ref = "a/db/0" },
		{ .hold = HOLD_FREE, .ns = "a", .pod = "was", .node = "n9" },
		{ .hold = HOLD_VM, .ns = "a", .pod = "launcher", .ref = "a/vm" },
	};
	static const struct block_rec second[] = {
		{ .hold = HOLD_POD, .ns = "a", .pod = "p", .node = "n1" },
		{ .hold = HOLD_STS, .ns = "a", .pod = "db-1", .ref = "a/db/1" },
		{ .hold = HOLD_STS, .ns = "a", .pod = "x", .ref = "nonsense" },
	};
	struct gc_index *ix;
	struct err e;

	(void)state;
	assert_int_equal(gc_index_new(&ix, &e), 0);
	put(ix, 1, first, ARRAY_LEN(first));
	put(ix, 2, second, ARRAY_LEN(second));
	expect(ix, GC_POD, "a", "p", "2 1 ");
	expect(ix, GC_POD, "b", "p", "");
	expect(ix, GC_POD, "a", "was", "");
	expect(ix, GC_NODE, "", "n1", "2 1 ");
	expect(ix, GC_NODE, "", "n2", "1 ");
	expect(ix, GC_SET, "a", "db", "2 1 ");
	expect(ix, GC_SET, "a", "d", "");
	expect(ix, GC_POD, "a", "db", "");
	put(ix, 2, second + 1, 1);
	expect(ix, GC_POD, "a", "p", "1 ");
	put(ix, 1, NULL, 0);
	expect(ix, GC_POD, "a", "p", "");
	expect(ix, GC_SET, "a", "db", "2 ");
	put(ix, 2, NULL, 0);
	assert_int_equal(gc_index_count(ix), 0);
	gc_index_free(ix);
}

/* Blocks come and go; what is kept is of those that have something. */
static void test_index_seats(void **state)
{
	static const struct block_rec rec = { .hold = HOLD_POD, .ns = "a", .pod = "p" };
	static const struct block_rec nothing = { .hold = HOLD_FREE, .ns = "a", .pod = "p" };
	struct gc_index *ix;
	struct err e;

	(void)state;
	assert_int_equal(gc_index_new(&ix, &e), 0);
	for (ip_num i = 0; i < 1000; i++)
		put(ix, i, &nothing, 1);
	for (ip_num i = 0; i < 1000; i++) {
		put(ix, i, &rec, 1);
		put(ix, i + 1, &rec, 1);
		put(ix, i, i % 2 ? &nothing : NULL, i % 2);
	}
	expect(ix, GC_POD, "a", "p", "1000 ");
	assert_int_equal(ix->n_seats, 2);
	gc_index_free(ix);
}

/* Against a plain table; its memory does not grow with what came and went. */
static void test_index_random(void **state)
{
	static bool has[50][200];
	struct block_rec recs[8];
	char name[8][16];
	struct gc_index *ix;
	uint32_t links = 0;
	struct err e;

	(void)state;
	srandom(1);
	assert_int_equal(gc_index_new(&ix, &e), 0);
	for (int round = 0; round < 20000; round++) {
		unsigned block = (unsigned)random() % 50, pod;

		memset(has[block], 0, sizeof(has[block]));
		for (size_t i = 0; i < 8; i++) {
			pod = (unsigned)random() % 200;
			has[block][pod] = true;
			snprintf(name[i], 16, "p%u", pod);
			recs[i] = (struct block_rec){ .hold = HOLD_POD, .ns = "a", .pod = name[i] };
		}
		put(ix, block, recs, 8);
		links = round == 1000 ? ix->cap_links : links;
	}
	assert_int_equal(ix->cap_links, links);
	for (unsigned pod = 0; pod < 200; pod++) {
		size_t want = 0, got = 0;
		char text[64 * 8] = "", *p;

		snprintf(name[0], 16, "p%u", pod);
		for (unsigned block = 0; block < 50; block++)
			want += has[block][pod];
		gc_index_each(ix, GC_POD, "a", name[0], add_name, text);
		for (p = text; *p; p++)
			got += *p == ' ';
		assert_int_equal(got, want);
	}
	gc_index_free(ix);
}

/* ---- since when ---- */

static void test_seen(void **state)
{
	struct gc_seen s;
	char uid[16];

	(void)state;
	gc_seen_init(&s);
	assert_int_equal(gc_seen_known(&s, "a", "p", "u1"), 0);
	assert_int_equal(gc_seen_gone(&s, "a", "p", "u1", 100), 100);
	assert_int_equal(gc_seen_gone(&s, "a", "p", "u1", 200), 100);
	assert_int_equal(gc_seen_gone(&s, "a", "p", "u1", 50), 50);
	assert_int_equal(gc_seen_gone(&s, "a", "p", "u2", 300), 300); /* a later pod of that name */
	assert_int_equal(gc_seen_gone(&s, "b", "p", "u1", 400), 400);
	assert_int_equal(gc_seen_known(&s, "a", "p", "u1"), 50);
	for (int i = 0; i < 10000; i++) {
		snprintf(uid, sizeof(uid), "v%d", i);
		assert_int_equal(gc_seen_gone(&s, "a", "p", uid, 1000 + i), 1000 + i);
	}
	gc_seen_prune(&s, 10990);
	assert_int_equal(s.n, 10);
	assert_true(s.cap <= 64);
	assert_int_equal(gc_seen_known(&s, "a", "p", "v9990"), 10990);
	assert_int_equal(gc_seen_known(&s, "a", "p", "u1"), 0);
	gc_seen_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_index), cmocka_unit_test(test_index_seats),
					    cmocka_unit_test(test_index_random),
					    cmocka_unit_test(test_seen) };

	return cmocka_run_group_tests_name("controller gc", tests, NULL, NULL);
}
