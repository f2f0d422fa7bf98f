/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_kube_server.c - blocks on an API server that refuses, forgets, starts and was set back */
#include "store_kube_lab.h"

/* What the server wants to be left alone with it is: also when the caller has no time for it. */
static void test_too_many_requests(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS,
		  .method = "POST",
		  .text = REFUSED("429", "Retry-After: 1\r\n", "TooManyRequests"),
		  .times = 1 },
		{ .path = BLOCKS,
		  .method = "POST",
		  .text = REFUSED("429", "Retry-After: 60\r\n", "TooManyRequests"),
		  .times = 1 },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2") },
		{ 0 },
	};
	const struct claim c = { .line = LINE("0", "a"), .ms = 5000 };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), -ETIMEDOUT);
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	if (!strstr(l.e.msg, "HTTP 429"))
		fail_msg("%s", l.e.msg);
	assert_int_equal(asked(&l, "POST " BLOCKS), 2);
	close_lab(&l);
}

/* Of several that are written together the server does not want one: the others do not suffer. */
static void test_split(void **state)
{
	static atomic_bool held = true;
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2"), .held = &held },
		{ .path = BLOCK, .method = "PUT", .has = "bad", .text = REFUSED("422", "", "Invalid") },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("3"), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("4"), .times = 1 },
		{ 0 },
	};
	struct claimer who[] = { { .c.line = LINE("0", "first") },
				 { .c.line = LINE("1", "good") },
				 { .c.line = LINE("2", "bad") },
				 { .c.line = LINE("3", "fine") } };
	pthread_t thread[ARRAY_LEN(who)];
	struct store_kube_stats s;
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		who[i].l = &l;
		pthread_create(&thread[i], NULL, claim_one, &who[i]);
		do /* its change is in the queue */
			store_kube_stats(l.hub, &s);
		while (s.changes <= i && !who[i].r && usleep(1000) == 0);
		if (who[i].r)
			fail_msg("%zu: %s", i, who[i].e.msg);
	}
	atomic_store(&held, false);
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		if (who[i].r != (i == 2 ? -EINVAL : 0))
			fail_msg("%zu: %d %s", i, who[i].r, who[i].r ? who[i].e.msg : "");
	assert_true(asked(&l, "PUT " BLOCK) >= 3);
	close_lab(&l);
}

/* Somebody deletes the block under us: nothing is given out until what the node had in it is claimed again,
 * not even what was on its way. */
static void test_deleted(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = NOT_FOUND, .times = 1 },
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("9") },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("10"), .times = 1 }, /* undone */
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("11") },
		{ 0 },
	};
	const struct claim c = { .line = LINE("0", "a") }, next = { .line = LINE("1", "b"), .ms = 100 };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), -ESTALE);
	assert_int_equal(atomic_load(&l.lost), 1);
	assert_true(l.all);
	assert_int_equal(claim(&l, &next, &l.e), -EBUSY);
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	store_kube_mended(l.hub, store_kube_losses(l.hub));
	claims(&l, LINE("1", "b"));
	close_lab(&l);
}

/* What the server says of a block, or of a write, shows that its state is not what it was. */
static void test_lost(void **state)
{
	static const struct {
		const char *put, *get; /* the first PUT, and the second GET; the first says version 7, address
					  9 is ours */
		int r;
		bool all;
		const char *said; /* NULL: nothing is lost */
	} rows[] = {
		/* another node was quicker with another address */
		{ REFUSED("409", "", "Conflict"), SERVED("8", TLINE("9", "x") TLINE("12", "z")), 0, false,
		  NULL },
		/* the block is older than it was */
		{ REFUSED("409", "", "Conflict"), SERVED("5", TLINE("9", "x")), -ESTALE, true,
		  "an older state" },
		/* newer, but what we wrote is not in it */
		{ REFUSED("409", "", "Conflict"), SERVED("9", ""), -ESTALE, false,
		  "was changed by somebody else" },
		/* the write is the server's third, and the seventh was read before */
		{ WRITTEN("3"), SERVED("3", ""), -ESTALE, true, "an older state" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct fake_answer a[] = {
			{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
			{ .path = BLOCK, .method = "GET", .text = rows[i].get },
			{ .path = BLOCK, .method = "PUT", .text = rows[i].put, .times = 1 },
			{ .path = BLOCK, .method = "PUT", .text = WRITTEN("20"), .times = 1 },
			{ .path = BLOCK, .method = "PUT", .text = WRITTEN("21") },
			{ 0 },
		};
		const struct claim c = { .line = LINE("10", "a") };
		struct lab l;
		int r;

		open_lab(&l, a);
		r = claim(&l, &c, &l.e);
		if (r != rows[i].r || !!atomic_load(&l.lost) != !!rows[i].said || l.all != rows[i].all ||
		    (rows[i].said && !strstr(l.trouble, rows[i].said)))
			fail_msg("row %zu: %d %s: %s", i, r, r ? l.e.msg : "", l.trouble);
		close_lab(&l);
	}
}

/* A server that starts knows neither custom resources yet, which says nothing of any object, nor who may do
 * what. */
static void test_not_served(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = REFUSED("403", "", "Forbidden"), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = NOT_SERVED, .times = 2 },
		{ .path = BLOCK,
		  .method = "PUT",
		  .has = "\\t"
			 "x\\t",
		  .text = WRITTEN("8") },
		{ .path = BLOCK, .method = "GET", .text = NOT_SERVED },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("9") },
		{ 0 },
	};
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	claims(&l, LINE("0", "a"));
	assert_int_equal(atomic_load(&l.lost), 0);
	assert_int_equal(asked(&l, "POST " BLOCKS), 0);
	assert_int_equal(asked(&l, "PUT " BLOCK), 4);
	close_lab(&l);
}

/* ---- what is said to have been seen of pools ---- */

static void await(struct lab *l, const char *what)
{
	while (!asked(l, what))
		usleep(1000);
}

static void await_times(atomic_int *told, int times)
{
	while (atomic_load(told) < times)
		usleep(1000);
}

#define GONE(name, rv) \
	"{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"" name \
	"\",\"uid\":\"u\",\"resourceVersion\":\"" rv "\"}}}\n"

/* While a claim is under way that was made by the pools as they had been before, these are not said to be
 * seen. */
static void test_seen(void **state)
{
	static atomic_bool watch, post;
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("8"), .held = &post },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("9") },
		{ .path = API "spiderippools?watch=1",
		  .text = "HTTP/1.1 200 OK\r\n\r\n" GONE("p", "7"),
		  .held = &watch,
		  .times = 1,
		  .stays = true },
		{ 0 },
	};

	(void)state;
	for (int looked = 0; looked < 2; looked++) {
		struct claimer x = { .c.line = LINE("0", "a"), .c.pool = looked ? "p" : NULL };
		pthread_t thread;
		struct lab l;

		atomic_store(&watch, true);
		atomic_store(&post, true);
		open_lab(&l, rows);
		x.l = &l;
		assert_int_equal(pthread_create(&thread, NULL, claim_one, &x), 0);
		await(&l, "POST " BLOCKS);
		await_times(&l.pools_changed, 1); /* the list */
		atomic_store(&watch, false);
		await_times(&l.pools_changed, 2);
		assert_int_equal(store_kube_pools_seen(l.hub), looked ? 0 : 7);
		assert_int_equal(l.caught_up, 0);
		atomic_store(&post, false);
		pthread_join(thread, NULL);
		if (x.r < 0)
			fail_msg("%s", x.e.msg);
		assert_int_equal(l.caught_up, looked);
		assert_int_equal(store_kube_pools_seen(l.hub), 7);
		x.c.line = LINE("1", "b"); /* by what is seen: nobody waits for that */
		(void)claim_one(&x);
		if (x.r < 0)
			fail_msg("%s", x.e.msg);
		assert_int_equal(l.caught_up, looked);
		assert_int_equal(store_kube_pools_seen(l.hub), 7);
		close_lab(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_many_requests),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_not_served),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
