/* SPDX-License-Identifier: Apache-2.0 */
/* pools_impl.h - the inside of part_pools */
#ifndef CONTROLLER_POOLS_IMPL_H
#define CONTROLLER_POOLS_IMPL_H

#include <json-c/json.h>

#include "blocks.h"
#include "controller.h"
#include "events.h"
#include "kube/object.h"
#include "pools_index.h"
#include "settled.h"

#define POOLS_CALL_MS  10000
#define POOLS_PAUSE_MS 1000 /* changes of a pool within it are published together */
#define POOLS_SOON_MS  200

/* What is remembered of a pool; all of it can be forgotten. */
struct pools_note {
	struct pools_note *next;
	char uid[64];
	/* What the API server has at this version was seen, or written, by us: this much of it. "": not
	 * known. */
	char version[KUBE_VERSION_MAX];
	uint64_t essence;
	/* The version at which the generation was first seen; known: whether the status was asked about it.
	 */
	int64_t generation;
	char seen[KUBE_VERSION_MAX];
	bool known;
	int64_t deleted_seen; /* monotonic ms; 0: it is not being deleted */
	bool waits;           /* for agents */
	bool disabled;
	int64_t records, total, available;
	char name[];
};

#define POOLS_BUCKETS 1024

struct pools {
	struct controller *c;
	struct kube_queue *q;
	struct pools_index *ix;
	struct settled *settled;
	struct blocks *blocks;
	pthread_mutex_t lock;
	/* lock; of a note: lock to change it, and to read it for all but the worker that has its pool */
	struct pools_note *notes[POOLS_BUCKETS];
	int64_t fenced; /* monotonic ms: then there were no pods of an older Spiderpool */
};

/* ---- pools_notes.c ---- */

/* For the worker that has the pool: makes it when there is none. */
struct pools_note *pools_note_get(struct pools *p, const char *name, struct err *e);
void pools_note_drop(struct pools *p, const char *name);
void pools_notes_clear(struct pools *p);
/* For others. */
int64_t pools_note_records(struct pools *p, const char *name); /* published ones; 0: not known */
bool pools_note_is_at(struct pools *p, const char *name, const char *version);
/* With the lock held, for each. */
void pools_notes_each(struct pools *p, void (*each)(struct pools_note *n, void *arg), void *arg);

/* ---- one look at a pool ---- */

struct pools_job {
	struct pools *p;
	const char *name;
	struct kube_cancel *cancel;
	const struct kube_item *item;
	const struct api_ippool *pool; /* of the item */
	struct pools_note *note;
};
struct kube_op pools_op(const struct pools_job *j, const char *sub);
int64_t pools_now(const struct pools *p); /* the API server's clock */
void pools_event(const struct pools_job *j, bool warning, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- pools_repair.c: 1: done, or to wait for; the pool is looked at again in *again_ms (0: when it changes)
 * ---- */

int pools_repair(const struct pools_job *j, int64_t *again_ms, struct err *e);

/* ---- pools_publish.c ---- */

/* 0, or in how many ms to look again. */
int64_t pools_publish(const struct pools_job *j, struct err *e);

#endif
