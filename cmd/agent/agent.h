/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - spiderpool-agent: what its parts share
 *
 * One process a node. It keeps nothing that the API server or its state directory does not have, and may be
 * killed at any instant (design/allocation.md section 3).
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "cluster.h"
#include "config.h"
#include "daemon/say.h"
#include "http/server.h"
#include "metrics/metrics.h"
#include "ipam/ipam.h"
#include "ipam/note.h"
#include "ipam/socket.h"
#include "store/kube.h"

#define AGENT_CALL_MS 60000 /* a caller that says no deadline waits so long */
#define AGENT_DEL_MS  4000  /* then a DEL becomes a note */

struct keys;     /* keys.h */
struct observed; /* observed.h */

struct agent {
	struct agent_config conf;
	char boot[64];
	char *notes, *objects; /* directories */
	struct kube *k;
	struct store_kube *hub;
	struct cluster *cluster;
	struct http_server *socket, *health, *metrics;
	struct keys *keys;
	struct observed *observed; /* lock */

	pthread_mutex_t lock;
	pthread_cond_t pools, wake, stop; /* a pool changed; something for the sweeper to look at; the end */
	uint64_t pools_seq;
	bool sweep_soon, blocks_lost;
	int64_t lost_at; /* monotonic ms, 0: never */
	bool orphans;    /* settle_orphans() */
	bool damaged;    /* a block of ours could not be understood */
	atomic_bool started, stopping;
	pthread_t sweeper;
	bool sweeping;
};

/* ---- request.c: a pod's call for the engine ---- */

struct call {
	struct cluster_pod pod;
	struct ipam_request req;
	bool migrates; /* its address is in use on purpose */
	struct ipam_master master;
	struct store *st;
	struct ipam m;
};
/* -EPERM and code ERR_CONFIG: a pod of another node. What add says is lent to c. */
int call_open(struct agent *a, const struct socket_add *add, struct deadline until, struct call *c,
	      struct err *e);
void call_close(struct call *c);
/* For what is about containers alone. */
int call_open_plain(struct agent *a, bool fixed, struct deadline until, struct call *c, struct err *e);

/* ---- verbs: 0, or *e; the pod's other verbs wait ---- */

int verb_add(struct agent *a, const struct socket_add *q, struct deadline until, struct socket_answer *ret,
	     struct err *e);
int verb_conflict(struct agent *a, const struct socket_conflict *q, struct deadline until,
		  struct socket_answer *ret, struct err *e);
int verb_del(struct agent *a, const struct socket_del *q, struct deadline until, struct err *e);
int verb_undo(struct agent *a, const struct socket_del *q, struct deadline until, struct err *e);
int verb_batch_del(struct agent *a, const struct socket_batch_del *q, struct deadline until, struct err *e);
int verb_gc(struct agent *a, const struct socket_gc *q, struct deadline until, int64_t *ret_freed,
	    struct err *e);
int verb_check(struct agent *a, const struct socket_check *q, struct deadline until, struct err *e);
int verb_status(struct agent *a, const struct socket_status *q, struct deadline until, struct err *e);
int verb_workload(struct agent *a, const char *ns, const char *pod, struct deadline until,
		  struct socket_workload *ret, struct err *e);

/* ---- release.c ---- */

/* Frees what an attachment holds by the rules of DEL: nothing while its pod is alive. The pod's lock is held.
 * unseen: its container may run on, for all that is known here. */
int release_attached(struct agent *a, const struct ipam_attachment *at, bool unseen, struct deadline until,
		     struct err *e);
/* The same for every attachment of a container's NIC ("" for any, in any network when NULL). */
int release_container(struct agent *a, const char *network, const char *container, const char *nic,
		      struct deadline until, struct err *e);
/* Notes of the pod, whose lock is held; with ns NULL of all whose lock nobody has. What cannot be settled now
 * stays. */
int release_notes(struct agent *a, const char *ns, const char *pod, struct deadline until, struct err *e);

struct attached {
	struct ipam_attachment *v;
	size_t n;
};
/* Copies of what is recorded on this node, that want() says yes to (NULL: all). */
int attached_list(struct agent *a, bool (*want)(const struct ipam_attachment *at, void *arg), void *arg,
		  struct attached *ret, struct err *e);
void attached_clear(struct attached *l);

/* ---- takeover.c ---- */

/* Pools that an older Spiderpool has left records in: done by one of all agents, waited for by the others. */
int takeover(struct agent *a, struct err *e);

/* ---- settle.c ---- */

/* Before anybody is served. */
int settle_all(struct agent *a, struct err *e);
/* What blocks have lost of this node's pods is claimed again. last: what another has by now is told of, and
 * addresses are given out again; else this is to be repeated. */
int settle_lost(struct agent *a, bool last, struct deadline until, struct err *e);
/* Records of this node that no attachment answers for go with their pods; a->orphans tells whether some stay.
 */
int settle_orphans(struct agent *a, struct deadline until, struct err *e);

/* ---- life.c ---- */

/* Everything that must be known before a pod is served; tries again until it is, or the agent is to stop. */
int life_start(struct agent *a, struct err *e);
int life_sweeper(struct agent *a, struct err *e); /* starts it */
void life_end(struct agent *a);                   /* whatever waits is to end */
void life_stop(struct agent *a);

/* ---- serve.c, gauges.c ---- */

int serve_probes(struct agent *a, struct err *e); /* health and metrics, from the beginning */
int serve_start(struct agent *a, struct err *e);  /* the socket */
void serve_stop(struct agent *a, struct deadline until);
void gauges_print(struct agent *a, struct buf *out);
void gauges_add(int r, const struct err *e, double seconds);
void gauges_release(double seconds);
void gauges_release_failed(const struct err *e); /* noted, or refused */
void gauges_wait(bool release, double seconds);
void gauges_waited_for_pool(void);
void gauges_commit(double seconds, void *arg);
void gauges_api(const char *method, double seconds, void *arg);

#endif
