/* SPDX-License-Identifier: Apache-2.0 */
/* controller.h - spiderpool-controller: what its parts share
 *
 * Every replica serves admission, probes and the HTTP API. One of them, by a Lease, is the leader: it has the
 * world and the parts (below). Nothing is kept that the API server does not have; a part that starts
 * anywhere, any time, makes things as they should be from what it sees (levels, not edges).
 */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "config.h"
#include "daemon/say.h"
#include "ipam/ipam.h"
#include "kube/client.h"
#include "kube/lease.h"
#include "kube/queue.h"
#include "store/kube.h"
#include "world.h"

struct controller {
	struct controller_config conf;
	struct kube *k;
	struct store_kube *hub; /* the engine on this cluster, as no node's: engine_open() */
	struct kube_lease *lease;
	struct events *events; /* events.h */
	struct world *world;   /* of the leader; NULL elsewhere */
	void *parts[8];        /* what part_start() answered, in the order of the table in lead.c */
	atomic_bool started, leading, stopping;
	pthread_mutex_t lock;
	pthread_cond_t stop;
};

/* ---- parts: what only the leader does ----
 *
 * start: registers its listeners with c->world (which starts after all parts have) and starts its queues.
 * Whatever the queue finds before world_synced() it should leave for later (answer 200 to look again in 200
 * ms). stop: no listener is called any more; ends the queues and releases everything. Both must return soon
 * (seconds).
 */
struct controller_part {
	const char *name;
	int (*start)(struct controller *c, void **ret, struct err *e);
	void (*stop)(void *part);
};
extern const struct controller_part part_pools;   /* pools.c: SpiderIPPool's status, finalizer, conditions */
extern const struct controller_part part_subnets; /* subnets.c: SpiderSubnet's */
extern const struct controller_part part_applications; /* applications.c: pools of applications */
extern const struct controller_part part_gc;           /* gc.c: addresses whose owner has died */
extern const struct controller_part part_multus;       /* multus.c: SpiderMultusConfig */
extern const struct controller_part part_coordinator;  /* coordinator.c: SpiderCoordinator's status */

/* A session of the engine: m->store lives until engine_close(). fixed as in store/kube.h. */
struct engine {
	struct store *st;
	struct ipam m;
};
int engine_open(struct controller *c, struct deadline until, struct engine *ret, struct err *e);
void engine_close(struct engine *g);

#endif
