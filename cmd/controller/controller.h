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
#include "http/server.h"
#include "ipam/ipam.h"
#include "kube/client.h"
#include "kube/lease.h"
#include "kube/queue.h"
#include "store/kube.h"
#include "world.h"

#define CONTROLLER_PARTS 8

struct webhook; /* webhook.h */

struct controller {
	struct controller_config conf;
	struct kube *k;
	struct store_kube *hub; /* the engine on this cluster, as no node's: engine_open() */
	struct events *events;  /* events.h */
	struct kube_lease *lease;
	struct webhook *webhook;
	struct http_server *health, *metrics;
	atomic_bool started, leading, stopping;
	pthread_mutex_t lock; /* of changed */
	pthread_cond_t changed;

	/* Of the leader. The lock is held by whoever is not a part and reads them: lead_use(). Parts need no
	 * lock. */
	pthread_mutex_t using;
	struct world *world;           /* NULL elsewhere */
	void *parts[CONTROLLER_PARTS]; /* what start() answered */
	pthread_t leader;
	bool has_leader;
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

/* ---- lead.c ---- */

int lead_start(struct controller *c, struct err *e); /* takes part in the election */
void lead_stop(struct controller *c);
/* The world, locked against the end of our leading; NULL, and not locked, when another replica leads. */
struct world *lead_use(struct controller *c);
void lead_done(struct controller *c);
/* What start() of this part answered; between lead_use() and lead_done(). */
void *lead_part(struct controller *c, const struct controller_part *part);

/* ---- serve.c: probes, metrics, the HTTP API ---- */

int serve_start(struct controller *c, struct err *e);
void serve_stop(struct controller *c, struct deadline until);

/* ---- engine.c ---- */

/* A session of the engine: m->store lives until engine_close(). fixed as in store/kube.h. */
struct engine {
	struct store *st;
	struct ipam m;
};
int engine_start(struct controller *c, struct err *e);
int engine_open(struct controller *c, struct deadline until, struct engine *ret, struct err *e);
void engine_close(struct engine *g);

/* ---- what the parts give to the others ---- */

/* Append to out, as Prometheus text; pools_metrics() between lead_use() and lead_done(). */
void webhook_metrics(struct buf *out);
void gc_metrics(struct controller *c, struct buf *out);
void pools_metrics(struct controller *c, struct buf *out);

/* The HTTP API beside the probes; arg is the controller. */
extern const struct http_route controller_api_routes[];
extern const size_t controller_api_n;

/* Admission, on every replica. */
int webhook_start(struct controller *c, struct webhook **ret, struct err *e);
void webhook_stop(struct webhook *w, struct deadline until); /* accepts NULL */

/* Other commands of the program. */
int init_main(int argc, char **argv, char **envp);
int clean_main(int argc, char **argv, char **envp);

#endif
