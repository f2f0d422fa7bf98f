/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_queue.c - each key once, by one worker, again when it was added meanwhile or failed, soonest
 * first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "kube/queue.h"
#include "kube/thread.h"

#define KEYS 200

struct bench {
	struct kube_queue *q;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool hold; /* workers wait */
	unsigned working[KEYS], done[KEYS], calls, most, now, fails_left, told;
	char order[256];
};

static void bench_init(struct bench *b)
{
	*b = (struct bench){ .lock = PTHREAD_MUTEX_INITIALIZER };
	kube_cond_init(&b->cond);
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct bench *b = arg;
	int i = atoi(key), r = 0;

	(void)cancel;
	pthread_mutex_lock(&b->lock);
	if (b->working[i]++)
		abort(); /* two workers have one key */
	b->now++;
	b->most = b->now > b->most ? b->now : b->most;
	pthread_cond_broadcast(&b->cond);
	while (b->hold)
		kube_cond_wait(&b->cond, &b->lock, deadline_in(1000));
	b->working[i]--;
	b->now--;
	b->calls++;
	b->done[i]++;
	if (strlen(b->order) < sizeof(b->order) - 8)
		snprintf(b->order + strlen(b->order), 8, "%s ", key);
	if (b->fails_left) {
		b->fails_left--;
		r = err_set(e, EIO, "not yet");
	}
	pthread_mutex_unlock(&b->lock);
	return r;
}

static void start(struct bench *b, unsigned workers)
{
	const struct kube_queue_conf c = {
		.workers = workers, .work = work, .first_ms = 1, .most_ms = 4, .arg = b
	};
	struct err e;

	assert_int_equal(kube_queue_start(&c, &b->q, &e), 0);
}

static void idle(struct bench *b)
{
	for (int i = 0; i < 20000 && kube_queue_len(b->q); i++)
		usleep(1000);
	assert_int_equal(kube_queue_len(b->q), 0);
}

static void hold(struct bench *b, bool on)
{
	pthread_mutex_lock(&b->lock);
	b->hold = on;
	pthread_cond_broadcast(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

static void until_working(struct bench *b, unsigned n)
{
	pthread_mutex_lock(&b->lock);
	while (b->now < n)
		kube_cond_wait(&b->cond, &b->lock, deadline_in(1000));
	pthread_mutex_unlock(&b->lock);
}

static void test_once(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.hold = true;
	start(&b, 1);
	kube_queue_add(b.q, "0", 0);
	until_working(&b, 1);
	for (int i = 0; i < 5; i++) {
		kube_queue_add(b.q, "1", 0); /* waits: once */
		kube_queue_add(b.q, "0", 0); /* being worked on: once more */
	}
	hold(&b, false);
	idle(&b);
	assert_int_equal(b.done[0], 2);
	assert_int_equal(b.done[1], 1);
	kube_queue_stop(b.q);
}

static void test_workers(void **state)
{
	struct bench b;
	char key[8];

	(void)state;
	bench_init(&b);
	b.hold = true;
	start(&b, 3);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < KEYS; i++) {
			snprintf(key, sizeof(key), "%d", i);
			kube_queue_add(b.q, key, 0);
		}
	until_working(&b, 3);
	hold(&b, false);
	idle(&b);
	assert_int_equal(b.most, 3);
	for (int i = 0; i < KEYS; i++)
		assert_true(b.done[i] >= 1 && b.done[i] <= 2);
	kube_queue_stop(b.q);
}

/* The earlier time counts; who is due first comes first. */
static void test_order(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.hold = true;
	start(&b, 1);
	kube_queue_add(b.q, "9", 0);
	until_working(&b, 1);
	kube_queue_add(b.q, "1", 3600000);
	kube_queue_add(b.q, "2", 20);
	kube_queue_add(b.q, "3", 10);
	kube_queue_add(b.q, "4", 30);
	kube_queue_add(b.q, "2", 3600000); /* later than it is due: no matter */
	kube_queue_add(b.q, "1", 15);      /* sooner */
	usleep(40000);
	hold(&b, false);
	idle(&b);
	assert_string_equal(b.order, "9 3 1 2 4 ");
	kube_queue_stop(b.q);
}

static void test_failures(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.fails_left = 5;
	start(&b, 2);
	kube_queue_add(b.q, "7", 0);
	idle(&b);
	assert_int_equal(b.done[7], 6);
	kube_queue_stop(b.q);
}

static void test_stop(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	start(&b, 2);
	for (int i = 0; i < 50; i++)
		kube_queue_add(b.q, "5", 3600000);
	kube_queue_add(b.q, "6", 3600000);
	assert_int_equal(kube_queue_len(b.q), 2);
	kube_queue_stop(b.q);
	assert_int_equal(b.calls, 0);
	kube_queue_stop(NULL);
}

static void failed(const char *key, const struct err *e, unsigned times, void *arg)
{
	struct bench *b = arg;

	(void)key;
	(void)e;
	(void)times;
	pthread_mutex_lock(&b->lock);
	b->told++;
	pthread_mutex_unlock(&b->lock);
}

static void *stop(void *arg)
{
	struct bench *b = arg;

	kube_queue_stop(b->q);
	return NULL;
}

/* What fails because it was told to end is no failure. */
static void test_failure_at_the_end(void **state)
{
	const struct kube_queue_conf c = { .work = work, .failed = failed, .first_ms = 1, .most_ms = 4 };
	struct bench b;
	pthread_t thread;
	struct err e;

	(void)state;
	for (int stopping = 0; stopping < 2; stopping++) {
		struct kube_queue_conf with = c;

		bench_init(&b);
		with.arg = &b;
		b.hold = true;
		b.fails_left = 1;
		assert_int_equal(kube_queue_start(&with, &b.q, &e), 0);
		kube_queue_add(b.q, "0", 0);
		until_working(&b, 1);
		if (stopping) {
			char key[16];
			size_t before;
			int i = 1;

			pthread_create(&thread, NULL, stop, &b);
			do { /* until nothing is taken any more */
				before = kube_queue_len(b.q);
				snprintf(key, sizeof(key), "%d", i++);
				kube_queue_add(b.q, key, 3600000);
				usleep(1000);
			} while (kube_queue_len(b.q) > before);
		}
		hold(&b, false);
		if (stopping) {
			pthread_join(thread, NULL);
		} else {
			idle(&b);
			kube_queue_stop(b.q);
		}
		assert_int_equal(b.told, !stopping);
	}
}

/* About ten minutes, spread over two. */
static void test_slow(void **state)
{
	unsigned tenth[10] = { 0 };
	char key[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t ms;

		snprintf(key, sizeof(key), "pool-%d", i);
		ms = kube_queue_slow(key);
		assert_in_range(ms, 540000, 659999);
		assert_int_equal(ms, kube_queue_slow(key));
		tenth[(ms - 540000) / 12000]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(tenth); i++)
		assert_in_range(tenth[i], 50, 150);
}

static void test_key(void **state)
{
	char ns[64];

	(void)state;
	assert_string_equal(kube_queue_key("a/b", ns, sizeof(ns)), "b");
	assert_string_equal(ns, "a");
	assert_string_equal(kube_queue_key("b", ns, sizeof(ns)), "b");
	assert_string_equal(ns, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),  cmocka_unit_test(test_workers),
		cmocka_unit_test(test_order), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_stop),  cmocka_unit_test(test_key),
		cmocka_unit_test(test_slow),  cmocka_unit_test(test_failure_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
