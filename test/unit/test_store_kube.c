/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_kube.c - a block's changes before, while and after they are written: what an answer, another
 * node's write or nobody's answer makes of them (memory alone; e2e/kube/25-store.bats has the API server) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "store/kube_impl.h"

#define INDEX 0x280000 /* 10.0.0.0/26 */

struct lab {
	struct store_kube h;
	struct kube_block *b;
	struct err e;
	char text[8192];
};

/* "0 a" is: address 0 is held by container a. */
static const char *records(struct lab *l, const char *who)
{
	static char out[2][8192];
	static int turn;
	char *o = out[turn ^= 1];
	size_t n = 0;

	(void)l;
	*o = '\0';
	for (unsigned slot; *who; who += strcspn(who, ","), who += *who == ',') {
		char name[16];

		assert_int_equal(sscanf(who, "%u %15[^,]", &slot, name), 2);
		n += (size_t)snprintf(o + n, sizeof(out[0]) - n,
				      "%u\tpod\t1\tp\tnet\tns\tpod\tu\teth0\tn1\t%s\tboot\t\t\t\t0\t\t\n",
				      slot, name);
	}
	return o;
}

/* The container of each line that transactions see. */
static const char *seen(struct lab *l)
{
	const char *line[IP_BLOCK_SIZE];
	size_t n = 0;

	block_lines(l->b, line);
	l->text[0] = '\0';
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		const char *p = line[i];

		for (int f = 0; p && f < 10; f++)
			p = strchr(p, '\t') + 1;
		if (p)
			n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, "%s%u %.*s", n ? "," : "", i,
					      (int)strcspn(p, "\t"), p);
	}
	return l->text;
}

static void took(struct lab *l, const char *who, const char *rv)
{
	assert_int_equal(block_take(&l->h, l->b, who ? records(l, who) : NULL, rv, &l->e), 0);
}

static void open_lab(struct lab *l, const char *who)
{
	*l = (struct lab){ .h.node = (char *)"n9" };
	l->b = block_make(&l->h, 4, INDEX, &l->e);
	took(l, who, "1");
}

/* The block is to be so. */
static struct kube_txn *change(struct lab *l, const char *who)
{
	struct kube_txn *t = calloc(1, sizeof(*t));
	const char *text = records(l, who);
	struct store_op op = { .verb = STORE_UPDATE, .data = text, .len = strlen(text) };

	assert_int_equal(block_change(&l->h, l->b, &op, t, &l->e), 0);
	return t;
}

static void sent(struct lab *l, bool lost)
{
	for (struct rec_change *c = l->b->first; c; c = c->next) {
		c->sending = !lost;
		c->maybe |= lost;
	}
}

static void close_lab(struct lab *l, struct kube_txn *a, struct kube_txn *b, struct kube_txn *c)
{
	struct kube_txn *t[] = { a, b, c };

	err_set(&l->e, 5, "the end");
	for (int i = 0; i < 3; i++)
		for (struct rec_change *x = t[i] ? t[i]->changes : NULL; x; x = x->sibling)
			x->sending = x->maybe = false;
	for (int i = 0; i < 3; i++)
		if (t[i])
			txn_fail(&l->h, t[i], &l->e);
	for (int i = 0; i < 3; i++)
		txn_free(&l->h, t[i]);
	assert_int_equal(l->b->refs, 0);
	blocks_free(&l->h);
}

/* Every address from this one on is held. */
static const char *all_from(int first, char out[2048])
{
	size_t n = 0;

	out[0] = '\0';
	for (int i = first; i < IP_BLOCK_SIZE; i++)
		n += (size_t)snprintf(out + n, 2048 - n, "%s%d x", n ? "," : "", i);
	return out;
}

#define SEEN(l, want) assert_string_equal(seen(l), want)

/* Another node wrote: what fits stays, what does not falls with what was built on it. */
static void test_replay(void **state)
{
	struct kube_txn *a, *b, *c;
	struct lab l;

	(void)state;
	open_lab(&l, "9 x");
	a = change(&l, "0 a,9 x");
	b = change(&l, "0 a,1 b,9 x");
	c = change(&l, "0 c,1 b,9 x"); /* from a's hands */
	sent(&l, false);
	took(&l, "0 z,9 x", "2");
	assert_true(a->failed && c->failed && !b->failed);
	assert_int_equal(a->why.sys, ESTALE);
	assert_int_equal(a->waiting + c->waiting, 0);
	SEEN(&l, "0 z,1 b,9 x");
	close_lab(&l, a, b, c);
}

/* Nobody knows what became of an update; then the object says it. */
static void test_unknown(void **state)
{
	static const struct {
		const char *now, *rv, *seen;
		enum change_state is;
		bool failed, maybe;
	} rows[] = {
		{ "0 a,9 x", "2", "0 a,9 x", CHANGE_DONE, false, false },         /* it landed */
		{ "0 a,5 o,9 x", "3", "0 a,5 o,9 x", CHANGE_DONE, false, false }, /* and another's on top */
		{ "5 o,9 x", "2", "0 a,5 o,9 x", CHANGE_WAITS, false, false },    /* another's came first */
		{ "0 z,9 x", "2", "0 z,9 x", CHANGE_DROPPED, true, false },       /* and took the address */
		{ "9 x", "1", "0 a,9 x", CHANGE_WAITS, false, true },             /* it may still land */
		{ NULL, NULL, "0 a", CHANGE_WAITS, false, false },                /* the block is gone */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_txn *a;
		struct lab l;

		open_lab(&l, "9 x");
		a = change(&l, "0 a,9 x");
		sent(&l, true);
		took(&l, rows[i].now, rows[i].rv);
		if (strcmp(seen(&l), rows[i].seen) != 0 || a->changes->state != rows[i].is ||
		    a->failed != rows[i].failed || a->changes->maybe != rows[i].maybe)
			fail_msg("row %zu: %s, state %d, failed %d, maybe %d", i, seen(&l), a->changes->state,
				 a->failed, a->changes->maybe);
		close_lab(&l, a, NULL, NULL);
	}
}

/* What may have landed is not dropped with the rest: it must be written or found out. */
static void test_given_up(void **state)
{
	struct kube_txn *a;
	struct lab l;

	(void)state;
	open_lab(&l, "9 x");
	a = change(&l, "0 a,9 x");
	sent(&l, true);
	err_set(&l.e, 110, "late");
	txn_fail(&l.h, a, &l.e);
	assert_int_equal(a->waiting, 1);
	SEEN(&l, "0 a,9 x");
	close_lab(&l, a, NULL, NULL);
}

/* What was built on it falls too. */
static void test_built_on(void **state)
{
	struct kube_txn *a, *c;
	struct lab l;

	(void)state;
	open_lab(&l, "9 x");
	a = change(&l, "0 a,9 x");
	c = change(&l, "0 c,9 x");
	err_set(&l.e, 110, "late");
	txn_fail(&l.h, a, &l.e);
	assert_true(c->failed);
	SEEN(&l, "9 x");
	close_lab(&l, a, c, NULL);
}

#define FALLING 60
#define STACK   (192 << 10) /* less than a thread of the store has */

static void *fall(void *arg)
{
	took(arg, NULL, NULL);
	return NULL;
}

/* All that wait for a block fall at once: each in its turn, not each on top of the other. */
static void test_many_fall(void **state)
{
	struct kube_txn *t[FALLING];
	pthread_attr_t attr;
	pthread_t thread;
	char text[2048];
	struct lab l;

	(void)state;
	open_lab(&l, all_from(0, text));
	for (int i = 0; i < FALLING; i++)
		t[i] = change(&l, all_from(i + 1, text));
	pthread_attr_init(&attr);
	assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attr, fall, &l), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	for (int i = 0; i < FALLING; i++) {
		assert_true(t[i]->failed);
		assert_int_equal(t[i]->why.sys, ESTALE);
		assert_int_equal(t[i]->waiting, 0);
		txn_free(&l.h, t[i]);
	}
	SEEN(&l, "");
	close_lab(&l, NULL, NULL, NULL);
}

/* Who saw what was given up must not write it back: the block is another one now. */
static void test_dropped_is_a_change(void **state)
{
	struct kube_txn *a;
	struct lab l;
	uint64_t saw;

	(void)state;
	open_lab(&l, "9 x");
	a = change(&l, "0 a,9 x");
	saw = l.b->version;
	err_set(&l.e, 110, "late");
	txn_fail(&l.h, a, &l.e);
	SEEN(&l, "9 x");
	assert_int_not_equal(l.b->version, saw);
	assert_int_equal(l.b->free_at, 0);
	close_lab(&l, a, NULL, NULL);
}

static const char *all_but(int free, char out[2048])
{
	size_t n = 0;

	for (int i = 0; i < IP_BLOCK_SIZE; i++)
		if (i != free)
			n += (size_t)snprintf(out + n, 2048 - n, "%s%d x", n ? "," : "", i);
	return out;
}

static struct kube_txn *fill(struct lab *l, char text[2048])
{
	struct kube_txn *t;

	open_lab(l, all_but(63, text));
	t = change(l, all_but(-1, text));
	/* As the engine says with the operation. */
	l->b->free_at = INT64_MAX;
	full_note(&l->h, l->b);
	assert_true(ip_set_has(&l->h.full[0], INDEX));
	return t;
}

/* A block that was full until its last claim was given up, or undone, is looked at again. */
static void test_full_no_more(void **state)
{
	struct kube_txn *a, *u;
	char text[2048];
	struct lab l;

	(void)state;
	a = fill(&l, text);
	err_set(&l.e, 110, "late");
	txn_fail(&l.h, a, &l.e);
	assert_false(ip_set_has(&l.h.full[0], INDEX));
	close_lab(&l, a, NULL, NULL);

	a = fill(&l, text);
	sent(&l, false);
	block_settle(&l.h, l.b, "2");
	assert_int_equal(txn_invert(&l.h, a, &u, &l.e), 0);
	assert_false(ip_set_has(&l.h.full[0], INDEX));
	assert_null(u->changes->post);
	close_lab(&l, a, u, NULL);
}

/* Undoing leaves alone what is another's by now. */
static void test_undo(void **state)
{
	struct kube_txn *a, *b, *u;
	struct lab l;

	(void)state;
	open_lab(&l, "0 old,9 x");
	a = change(&l, "0 a,1 a,9 x");
	b = change(&l, "0 a,1 b,9 x");
	sent(&l, false);
	block_settle(&l.h, l.b, "2");
	assert_int_equal(txn_invert(&l.h, a, &u, &l.e), 0);
	SEEN(&l, "0 old,1 b,9 x");
	close_lab(&l, a, b, u);
}

/* A success at the same version: nothing that was sent before can land. */
static void test_settled(void **state)
{
	struct kube_txn *a, *b;
	struct lab l;

	(void)state;
	open_lab(&l, "9 x");
	a = change(&l, "0 a,9 x");
	sent(&l, true);
	b = change(&l, "0 a,1 b,9 x");
	l.b->first->sending = true;
	block_settle(&l.h, l.b, "2");
	assert_int_equal(a->waiting, 0);
	assert_int_equal(b->waiting, 1);
	SEEN(&l, "0 a,1 b,9 x");
	assert_string_equal(l.b->rv, "2");
	close_lab(&l, a, b, NULL);

	open_lab(&l, "9 x");
	b = change(&l, "1 b,9 x");
	a = change(&l, "0 a,1 b,9 x");
	a->changes->maybe = true; /* and this time only the other was sent */
	b->changes->sending = true;
	block_settle(&l.h, l.b, "2");
	assert_int_equal(a->waiting, 1);
	assert_false(a->changes->maybe);
	close_lab(&l, a, b, NULL);
}

static void test_evict(void **state)
{
	struct lab l;

	(void)state;
	open_lab(&l, "9 x");
	for (unsigned i = 1; i < 3 * KUBE_LINES_KEPT; i++) {
		struct kube_block *b = block_make(&l.h, 4, INDEX + i, &l.e);

		assert_int_equal(block_take(&l.h, b, "", "1", &l.e), 0);
		block_evict(&l.h);
	}
	assert_int_equal(l.h.n_lines, KUBE_LINES_KEPT);
	assert_true(l.b->summed && l.b->exists);
	blocks_free(&l.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay),       cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_given_up),     cmocka_unit_test(test_many_fall),
		cmocka_unit_test(test_built_on),     cmocka_unit_test(test_dropped_is_a_change),
		cmocka_unit_test(test_full_no_more), cmocka_unit_test(test_undo),
		cmocka_unit_test(test_settled),      cmocka_unit_test(test_evict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
