/* SPDX-License-Identifier: Apache-2.0 */
/* gc_seen.h - since when it is known that a pod is gone
 *
 * Only as long as this process lives: whoever leads anew begins to count anew, so a node's agent never has
 * less time than it is promised. Any number of threads.
 */
#ifndef CONTROLLER_GC_SEEN_H
#define CONTROLLER_GC_SEEN_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct gc_seen_slot {
	uint64_t key; /* 0: free */
	int64_t since;
};

/* Zeroed but for the lock: gc_seen_init(). */
struct gc_seen {
	pthread_mutex_t lock;
	struct gc_seen_slot *slot;
	size_t cap, n; /* cap: 0 or a power of two */
};

void gc_seen_init(struct gc_seen *s);
void gc_seen_clear(struct gc_seen *s);

/* A pod that is gone; the earliest at_most that was ever said of it. Without memory for it: at_most. */
int64_t gc_seen_gone(struct gc_seen *s, const char *ns, const char *name, const char *uid, int64_t at_most);
/* The same, if anything was said of it; else 0. */
int64_t gc_seen_known(struct gc_seen *s, const char *ns, const char *name, const char *uid);
/* Forgets what was said before that time; if it is asked about again it begins anew. */
void gc_seen_prune(struct gc_seen *s, int64_t before);

#endif
