/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - keys that wait, each once: a hash table of them, and a heap by the time they are due */
#include "kube/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/own.h"
#include "kube/thread.h"

#define FIRST_MS 50
#define MOST_MS  30000
#define SLOW_MS  600000
#define RACES    8    /* lost in a row: some seconds with the usual pauses */
#define BUCKETS  1024 /* a power of two; chains grow beyond it */
#define IDLE_MS  60000
#define NEVER    INT64_MAX
#define NO_SEAT  SIZE_MAX

struct entry {
	struct entry *chain;
	int64_t due; /* monotonic ms; NEVER: it does not wait */
	size_t seat; /* in the heap; NO_SEAT: in none */
	bool working;
	int64_t again; /* due after the worker is done with it; NEVER: not */
	unsigned failures;
	char key[];
};

struct kube_queue {
	struct kube_queue_conf c;
	struct kube_cancel cancel;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct entry *bucket[BUCKETS];
	struct entry **heap;
	size_t n_heap, heap_size, n;
	bool stopping;
	pthread_t *threads;
	unsigned n_threads;
};

/* ---- the heap; locked ---- */

static void seat(struct kube_queue *q, size_t i, struct entry *en)
{
	q->heap[i] = en;
	en->seat = i;
}

static void sift_up(struct kube_queue *q, size_t i)
{
	struct entry *en = q->heap[i];

	while (i > 0 && q->heap[(i - 1) / 2]->due > en->due) {
		seat(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	seat(q, i, en);
}

static void sift_down(struct kube_queue *q, size_t i)
{
	struct entry *en = q->heap[i];

	for (size_t below = 2 * i + 1; below < q->n_heap; below = 2 * i + 1) {
		if (below + 1 < q->n_heap && q->heap[below + 1]->due < q->heap[below]->due)
			below++;
		if (q->heap[below]->due >= en->due)
			break;
		seat(q, i, q->heap[below]);
		i = below;
	}
	seat(q, i, en);
}

/* There is room: reserve() came before. */
static void wait_until(struct kube_queue *q, struct entry *en, int64_t due)
{
	if (en->seat != NO_SEAT && en->due <= due)
		return;
	en->due = due;
	if (en->seat == NO_SEAT)
		seat(q, q->n_heap++, en);
	sift_up(q, en->seat);
	pthread_cond_signal(&q->work);
}

static struct entry *take_first(struct kube_queue *q)
{
	struct entry *en = q->heap[0];

	en->seat = NO_SEAT;
	en->due = NEVER;
	if (--q->n_heap) {
		seat(q, 0, q->heap[q->n_heap]);
		sift_down(q, 0);
	}
	return en;
}

/* ---- the table; locked ---- */

static struct entry **find(struct kube_queue *q, const char *key)
{
	struct entry **at = &q->bucket[XXH3_64bits(key, strlen(key)) % BUCKETS];

	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->chain;
	return at;
}

/* Room in the heap for one more than there are keys. */
static bool reserve(struct kube_queue *q)
{
	size_t size = q->heap_size ? 2 * q->heap_size : 64;
	struct entry **v;

	if (q->n < q->heap_size)
		return true;
	v = reallocarray(q->heap, size, sizeof(struct entry *));
	if (!v)
		return false;
	q->heap = v;
	q->heap_size = size;
	return true;
}

static struct entry *make(struct kube_queue *q, const char *key)
{
	struct entry **at = find(q, key), *en = *at;
	size_t len = strlen(key) + 1;

	if (en)
		return en;
	en = reserve(q) ? malloc(sizeof(*en) + len) : NULL;
	if (!en)
		return NULL;
	*en = (struct entry){ .due = NEVER, .seat = NO_SEAT, .again = NEVER };
	memcpy(en->key, key, len);
	*at = en;
	q->n++;
	return en;
}

static void forget(struct kube_queue *q, struct entry *en)
{
	struct entry **at = find(q, en->key);

	*at = en->chain;
	free(en);
	q->n--;
}

/* ---- workers ---- */

static int64_t pause_of(const struct kube_queue *q, unsigned failures)
{
	int64_t ms = q->c.first_ms;

	while (--failures && ms < q->c.most_ms)
		ms *= 2;
	return ms < q->c.most_ms ? ms : q->c.most_ms;
}

/* Unlocked meanwhile. */
static void work_on(struct kube_queue *q, struct entry *en)
{
	int64_t r;
	struct err e;

	en->working = true;
	pthread_mutex_unlock(&q->lock);
	r = q->c.work(en->key, &q->cancel, q->c.arg, &e);
	pthread_mutex_lock(&q->lock);
	if (r < 0 && q->c.failed && !q->stopping) {
		pthread_mutex_unlock(&q->lock);
		q->c.failed(en->key, &e, en->failures + 1, q->c.arg);
		pthread_mutex_lock(&q->lock);
	}
	en->working = false;
	en->failures = r < 0 ? en->failures + 1 : 0;
	if (r < 0)
		r = pause_of(q, en->failures);
	if (r > 0 && clock_mono_ms() + r < en->again)
		en->again = clock_mono_ms() + r;
	if (en->again == NEVER) {
		forget(q, en);
		return;
	}
	wait_until(q, en, en->again);
	en->again = NEVER;
}

static void *run(void *arg)
{
	struct kube_queue *q = arg;

	pthread_mutex_lock(&q->lock);
	while (!q->stopping) {
		int64_t left = q->n_heap ? q->heap[0]->due - clock_mono_ms() : IDLE_MS;

		if (left > 0)
			kube_cond_wait(&q->work, &q->lock, deadline_in(left));
		else
			work_on(q, take_first(q));
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- for callers ---- */

void kube_queue_add(struct kube_queue *q, const char *key, int64_t ms)
{
	int64_t due = clock_mono_ms() + (ms > 0 ? ms : 0);
	struct entry *en;

	pthread_mutex_lock(&q->lock);
	en = q->stopping ? NULL : make(q, key);
	if (en && en->working)
		en->again = due < en->again ? due : en->again;
	else if (en)
		wait_until(q, en, due);
	pthread_mutex_unlock(&q->lock);
}

void kube_queue_add_object(struct kube_queue *q, const char *ns, const char *name, int64_t ms)
{
	char key[512];

	(void)snprintf(key, sizeof(key), "%s%s%s", ns, *ns ? "/" : "", name);
	kube_queue_add(q, key, ms);
}

int64_t kube_queue_slow(const char *key)
{
	return SLOW_MS - SLOW_MS / 10 + (int64_t)(XXH3_64bits(key, strlen(key)) % (SLOW_MS / 5));
}

bool kube_queue_tells(const struct err *why, unsigned n)
{
	unsigned first = why->sys == ESTALE || why->sys == ENOENT ? RACES : 1;

	return n == first || n % 10 == 0;
}

size_t kube_queue_len(struct kube_queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

const char *kube_queue_key(const char *key, char *ns, size_t size)
{
	const char *slash = strchr(key, '/');

	(void)snprintf(ns, size, "%.*s", slash ? (int)(slash - key) : 0, key);
	return slash ? slash + 1 : key;
}

int kube_queue_start(const struct kube_queue_conf *c, struct kube_queue **ret, struct err *e)
{
	struct kube_queue *q = calloc(1, sizeof(*q));
	unsigned workers = c->workers ? c->workers : 1;
	int r = 0;

	*ret = NULL;
	if (!q)
		return err_nomem(e);
	q->c = *c;
	q->c.first_ms = c->first_ms ? c->first_ms : FIRST_MS;
	q->c.most_ms = c->most_ms ? c->most_ms : MOST_MS;
	pthread_mutex_init(&q->lock, NULL);
	kube_cond_init(&q->work);
	q->threads = calloc(workers, sizeof(*q->threads));
	if (!q->threads)
		r = err_nomem(e);
	while (r == 0 && q->n_threads < workers) {
		r = kube_thread(&q->threads[q->n_threads], run, q, e);
		q->n_threads += r == 0;
	}
	if (r < 0) {
		kube_queue_stop(q);
		return r;
	}
	*ret = q;
	return 0;
}

void kube_queue_stop(struct kube_queue *q)
{
	if (!q)
		return;
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_broadcast(&q->work);
	pthread_mutex_unlock(&q->lock);
	if (q->c.k)
		kube_cancel(q->c.k, &q->cancel);
	for (unsigned i = 0; i < q->n_threads; i++)
		pthread_join(q->threads[i], NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		while (q->bucket[i])
			forget(q, q->bucket[i]);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->work);
	free(q->threads);
	free(q->heap);
	free(q);
}
