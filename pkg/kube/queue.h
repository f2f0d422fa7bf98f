/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - keys of objects that somebody should look at: each once, by one worker at a time, again after a
 * failure
 *
 * Level-triggered: whoever hears of a change adds the object's key; the worker reads the state as it is then
 * and makes it as it should be. A key that is added while it waits is looked at once; one that is added while
 * a worker has it is looked at again afterwards.
 */
#ifndef KUBE_QUEUE_H
#define KUBE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "kube/client.h"

struct kube_queue_conf {
	struct kube *k;
	unsigned workers; /* threads; 0: 1 */
	/* 0: done, and forgotten; more than 0: look again in so many ms; negative: failed, again after a
	 * pause that doubles from first_ms to most_ms. cancel is set when the queue is to end: give it to
	 * every call of k. On a worker. */
	int64_t (*work)(const char *key, struct kube_cancel *cancel, void *arg, struct err *e);
	/* It failed, for the nth time in a row. May be NULL. On a worker. */
	void (*failed)(const char *key, const struct err *why, unsigned n, void *arg);
	unsigned first_ms, most_ms; /* 0: 50, 30000 */
	void *arg;
};

struct kube_queue;

int kube_queue_start(const struct kube_queue_conf *c, struct kube_queue **ret, struct err *e);
/* Ends the calls that were given its cancel, waits for the workers, forgets what waits. Accepts NULL. Not
 * from work().
 */
void kube_queue_stop(struct kube_queue *q);

/* To be looked at in ms at the latest (0: now): the earlier time counts when it waits already, so that a
 * delay debounces. The key is copied; without memory for it nothing is added: whoever relies on a queue has a
 * slow timer too. After kube_queue_stop() has begun it does nothing. From any thread. */
void kube_queue_add(struct kube_queue *q, const char *key, int64_t ms);
/* "namespace/name"; ns "": "name". */
void kube_queue_add_object(struct kube_queue *q, const char *ns, const char *name, int64_t ms);
/* What work() may answer of a key that is as it should be: some ten minutes, not the same for each key. A
 * change of a key that waits needs no memory: none is lost. */
int64_t kube_queue_slow(const char *key);
/* For failed(): whether it should be said. A race that was lost to somebody else (-ESTALE, -ENOENT) is said
 * when it does not end. */
bool kube_queue_tells(const struct err *why, unsigned n);
/* How many keys wait or are worked on. */
size_t kube_queue_len(struct kube_queue *q);

/* Splits a key: returns the name, *ns (size bytes) is "" when there is none. */
const char *kube_queue_key(const char *key, char *ns, size_t size);

#endif
