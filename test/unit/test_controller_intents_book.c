/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_intents_book.c - requests that share a write, or a list, and do not have the same time left
 *
 * One request is under way, held by the API server; others come meanwhile, some with little time. Then the
 * next call of whoever is first among them is held, until those with little time have given up.
 */
#include "kube_fake.h"

#include <limits.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/admit_world.c"
#define take_out take_out_at
#include "../../cmd/controller/intents.c"
#undef take_out
#include "../../cmd/controller/intents_book.c"

#define ROUNDS   3
#define HASTY    5
#define HASTY_MS 500
#define LONG_MS  60000
#define MAP      "/api/v1/namespaces/kube-system/configmaps/spiderpool-admission"
#define PLAIN    "HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\n\r\n"
#define SUBNETS  "/apis/spiderpool.spidernet.io/v2beta1/spidersubnets"

struct lab {
	struct kube *k;
	struct intents_book *book;
	struct admit_world *world;
	struct admit_call call;
};

struct actor {
	struct lab *l;
	pthread_t thread;
	int (*act)(struct actor *a, struct err *e);
	char id[16];
	int64_t ms;
	int r;
	struct err e;
};

static void *run_actor(void *arg)
{
	struct actor *a = arg;

	a->r = a->act(a, &a->e);
	return NULL;
}

static void begin(struct lab *l, struct actor *a, int (*act)(struct actor *a, struct err *e), const char *id,
		  int64_t ms)
{
	*a = (struct actor){ .l = l, .act = act, .ms = ms };
	snprintf(a->id, sizeof(a->id), "%s", id);
	assert_int_equal(pthread_create(&a->thread, NULL, run_actor, a), 0);
}

static int end(struct actor *a)
{
	pthread_join(a->thread, NULL);
	return a->r;
}

static bool asked(struct fake *f)
{
	bool any;

	pthread_mutex_lock(&f->lock);
	any = f->n_asked > 0;
	pthread_mutex_unlock(&f->lock);
	return any;
}

/* Those with little time may have given up before; that is seldom. */
static void await(struct lab *l, bool (*has)(struct lab *l, unsigned want), unsigned want, int tries)
{
	while (!has(l, want) && tries--)
		usleep(1000);
}

/* ---- intents ---- */

static int add(struct actor *a, struct err *e)
{
	const struct intent i = { .id = a->id,
				  .kind = (char *)"SpiderIPPool",
				  .name = a->id,
				  .uid = a->id,
				  .base = (char *)"",
				  .subnet = (char *)"10.0.0.0/24",
				  .version = 4 };
	struct intents before;
	int r = intents_book_add(a->l->book, &i, deadline_in(a->ms), &before, e);

	if (r == 0)
		intents_clear(&before);
	return r;
}

static int take_out_again(struct actor *a, struct err *e)
{
	(void)e;
	intents_book_remove(a->l->book, a->id);
	return 0;
}

static bool book_has(struct lab *l, unsigned want)
{
	struct intents_book *b = l->book;
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = b->n_leaving;
	for (struct entry *x = b->head; x; x = x->next)
		n++;
	pthread_mutex_unlock(&b->lock);
	return n >= want;
}

static void test_book(void **state)
{
	static const char map[] = PLAIN "{\"metadata\":{\"name\":\"spiderpool-admission\"}}";

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		atomic_bool first = true, then = true;
		struct fake_answer answers[] = {
			{ .path = MAP, .method = "GET", .text = map, .held = &first, .times = 1 },
			{ .path = MAP, .method = "GET", .text = map, .held = &then },
			{ .path = MAP, .method = "PUT", .text = PLAIN "{}" },
		};
		struct actor writer, patient, remover, hasty[HASTY];
		struct lab l = { 0 };
		struct fake f;
		struct err e;

		fake_start(&f, answers, ARRAY_LEN(answers), &l.k);
		assert_int_equal(intents_book_new(l.k, "kube-system", &l.book, &e), 0);
		begin(&l, &writer, add, "writer", LONG_MS);
		while (!asked(&f))
			usleep(1000);
		begin(&l, &patient, add, "patient", LONG_MS);
		begin(&l, &remover, take_out_again, "gone", 0);
		await(&l, book_has, 2, INT_MAX);
		for (int i = 0; i < HASTY; i++)
			begin(&l, &hasty[i], add, "hasty", HASTY_MS);
		await(&l, book_has, 2 + HASTY, HASTY_MS / 2);
		atomic_store(&first, false);
		if (end(&writer) < 0)
			fail_msg("round %d: the first: %s", round, writer.e.msg);
		for (int i = 0; i < HASTY; i++)
			assert_true(end(&hasty[i]) < 0);
		(void)end(&remover);
		atomic_store(&then, false);
		if (end(&patient) < 0)
			fail_msg("round %d: who has time: %s", round, patient.e.msg);
		intents_book_free(l.book);
		fake_stop(&f, l.k);
	}
}

/* ---- the list of what there is ---- */

static int look(struct actor *a, struct err *e)
{
	struct admit admit = { .k = a->l->k };
	const struct admit_call c = { .a = &admit, .until = deadline_in(a->ms) };
	const struct admit_snapshot *s;
	int r = admit_snapshot(a->l->world, &c, &s, e);

	admit_snapshot_done(a->l->world, s);
	return r;
}

static bool world_has(struct lab *l, unsigned want)
{
	struct admit_world *w = l->world;
	bool has;

	pthread_mutex_lock(&w->lock);
	has = w->waiting >= want;
	pthread_mutex_unlock(&w->lock);
	return has;
}

static void test_list(void **state)
{
	static const char list[] =
		PLAIN "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}";

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		atomic_bool first = true, then = true;
		struct fake_answer answers[] = {
			{ .path = SUBNETS, .text = list, .held = &first, .times = 1 },
			{ .path = SUBNETS, .text = list, .held = &then },
		};
		struct actor reader, patient, hasty[HASTY];
		struct lab l = { 0 };
		struct fake f;
		struct err e;

		fake_start(&f, answers, ARRAY_LEN(answers), &l.k);
		assert_int_equal(admit_world_new(false, &l.world, &e), 0);
		begin(&l, &reader, look, "", LONG_MS);
		while (!asked(&f))
			usleep(1000);
		begin(&l, &patient, look, "", LONG_MS);
		await(&l, world_has, 2, INT_MAX);
		for (int i = 0; i < HASTY; i++)
			begin(&l, &hasty[i], look, "", HASTY_MS);
		await(&l, world_has, 2 + HASTY, HASTY_MS / 2);
		atomic_store(&first, false);
		if (end(&reader) < 0)
			fail_msg("round %d: the first: %s", round, reader.e.msg);
		for (int i = 0; i < HASTY; i++)
			assert_true(end(&hasty[i]) < 0);
		atomic_store(&then, false);
		if (end(&patient) < 0)
			fail_msg("round %d: who has time: %s", round, patient.e.msg);
		admit_world_free(l.world);
		fake_stop(&f, l.k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_book), cmocka_unit_test(test_list) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
