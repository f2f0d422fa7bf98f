/* SPDX-License-Identifier: Apache-2.0 */
/* gc_impl.h - the parts of the garbage collector (gc.c)
 *
 * One queue. Its keys:
 *	b/BLOCK   a block, as the caches have it: they may say that all is well, never that something is free
 *	B/BLOCK   a block, as the API has it, and nothing of what the caches say
 *	e/NS/NAME an endpoint
 *	scan      all blocks and endpoints, by lists of the API
 *	asked     whether another replica was asked for a scan
 */
#ifndef CONTROLLER_GC_IMPL_H
#define CONTROLLER_GC_IMPL_H

#include "controller.h"
#include "gc_index.h"
#include "gc_seen.h"
#include "ipam/judge.h"

#define GC_SCAN  "scan"
#define GC_ASKED "asked"

#define GC_CALL_MS 30000

struct gc {
	struct controller *c;
	struct world *w;
	struct kube_queue *q;
	struct gc_index *ix;
	struct gc_seen seen;
	struct fate_rules rules;
	uint64_t asked; /* hash of the request that was seen last, 0: nobody looked; one worker at a time */
};

int64_t gc_now(const struct gc *g);
struct judge gc_judge(struct gc *g, struct kube_cancel *cancel);

/* What a worker does; answers as kube_queue_conf.work. */
int64_t gc_block(struct gc *g, const char *name, bool fresh, struct kube_cancel *cancel, struct err *e);
int64_t gc_endpoint(struct gc *g, const char *ns, const char *name, struct kube_cancel *cancel,
		    struct err *e);
int64_t gc_scan(struct gc *g, struct kube_cancel *cancel, struct err *e);
/* Looks whether a scan was asked for where this replica does not hear it. */
int64_t gc_asked(struct gc *g, struct kube_cancel *cancel, struct err *e);

void gc_add_block(struct gc *g, char how, const char *name, int64_t ms); /* how: 'b' or 'B' */
void gc_add_endpoint(struct gc *g, const char *ns, const char *name, int64_t ms);

/* What the caches say of a record: true: nothing is to be done now; *again_at (0: never) when to look. */
bool gc_guess(struct gc *g, const struct block_rec *r, int64_t *again_at);

/* Namespace of notes in gc.seen that a pod's address is kept without its node: told once. */
#define GC_TOLD "\001told"
/* The same of addresses that could not be taken: counted once, however often that is tried. */
#define GC_FAILED "\001failed"

/* Of what the world keeps. */
bool gc_pod_lives(const struct kube_item *pod); /* as far as it can tell; accepts NULL */

void gc_count(size_t freed, size_t failed);

#endif
