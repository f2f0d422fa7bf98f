/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h - what a node's agent sees of its cluster: its own pods, their namespaces, owners, and whether
 * what keeps an address is still there
 *
 * Watched are the pods of this node, namespaces (metadata alone) and this node (metadata alone), nothing
 * else; all else is read when it is needed and, where it cannot change, remembered in a small table. So
 * neither memory nor traffic grows with the cluster, its namespaces aside.
 *
 * Every function may be called from any thread and returns by its deadline. Errors are those of kube/client.h
 * and the ones said below; a question that could not be answered is never answered with "dead" or "gone".
 */
#ifndef AGENT_CLUSTER_H
#define AGENT_CLUSTER_H

#include "api/block.h"
#include "base/clock.h"
#include "kube/cache.h"
#include "kube/views.h"

struct cluster_conf {
	struct kube *k;
	const char *node;            /* copied */
	bool stateful_set, kubevirt; /* do their pods keep their addresses */
	/* A pod of this node is not alive any more (kube_pod_alive()), or its object is gone: told for each
	 * of the two, also when it is first seen so; not for a pod that went before cluster_start(). On the
	 * watch's thread: be short. May be NULL. */
	void (*pod_ended)(const char *ns, const char *name, const char *uid, void *arg);
	/* What an operator should know of, a sentence each time it is met. From any thread. May be NULL. */
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

struct cluster; /* opaque */

/* Does not wait for the API server. -EINVAL, code ERR_CONFIG: no name of a node. */
int cluster_start(const struct cluster_conf *conf, struct cluster **ret, struct err *e);
/* Whether all that is watched has been listed once; waits for it. */
bool cluster_wait(struct cluster *c, struct deadline until);
/* Ends every call under way with -ECANCELED, and each one from then on. */
void cluster_cancel(struct cluster *c);
/* No call may be under way (cluster_cancel() hastens them), nor may it come from pod_ended(). Accepts NULL.
 * What cluster_pod_get() has filled in stays. */
void cluster_stop(struct cluster *c);

/* ---- a pod ---- */

/* The workload that a pod belongs to; a pod of none is its own. Never NULL when filled in. */
struct cluster_owner {
	char *api_version, *kind, *ns, *name, *uid;
};

/* A view that may be a cache's, or was read for one call. */
struct cluster_view {
	const struct kube_item *item;
	void *own;
	const struct json_table *table; /* of own */
};

struct cluster_pod {
	const struct kube_pod *pod;
	const char *ns, *name, *uid; /* of the API, whatever UID was asked for */
	const struct json_map *labels, *annotations;
	bool ns_known, node_known; /* false: the API has no such object, and the maps are empty */
	const struct json_map *ns_labels, *ns_annotations, *node_labels;
	struct cluster_owner owner;
	enum hold hold;
	char *hold_ref; /* as in api/block.h; NULL for HOLD_POD */
	char *endpoint; /* the name of its SpiderEndpoint; NULL: the pod's */
	bool alive;
	/* private: what the pointers above point into */
	struct cluster_view view, ns_view, node_view;
};

/* uid may be "", or the annotation kubernetes.io/config.hash of a static pod. What the watch knows is used
 * unless it does not fit; then the API is asked.
 *   ERR_TRY_AGAIN -ENOENT  there is no such pod, or an owner of it is gone
 *   ERR_TRY_AGAIN -ESTALE  it is another one of that name: both UIDs are named
 *   ERR_CONFIG    -EPERM   it is none of this node */
int cluster_pod_get(struct cluster *c, const char *ns, const char *name, const char *uid,
		    struct deadline until, struct cluster_pod *ret, struct err *e);
void cluster_pod_clear(struct cluster_pod *p);

enum cluster_fate {
	FATE_ALIVE,
	FATE_DEAD, /* going, or ended for good */
	/* Another one of that name on this node, that stands for a pod of kubelet's own: somebody deleted the
	 * last one, kubelet made it anew, and the containers run on until their DEL. */
	FATE_REMADE,
	FATE_GONE, /* there is none, or another one of that name */
};

/* From what the watch knows alone. That a pod is not alive it does not prove: ask cluster_pod_fate() before
 * anything is freed. */
enum cluster_fate cluster_pod_known(struct cluster *c, const char *ns, const char *name, const char *uid);
bool cluster_pod_known_alive(struct cluster *c, const char *ns, const char *name, const char *uid);

/* Asks the API. *ret_grace_s: the seconds that a pod on its way out was given; 0 when it was not said. */
int cluster_pod_fate(struct cluster *c, const char *ns, const char *name, const char *uid,
		     struct deadline until, enum cluster_fate *ret, int64_t *ret_grace_s, struct err *e);

/* ---- addresses that outlive their pod ---- */

/* Asks the API whether what keeps an address is gone: a StatefulSet, or its ordinal; a virtual machine. Says
 * so whether conf wants such addresses kept or not. -EINVAL, code ERR_CONFIG: a ref that is none, or not of
 * HOLD_STS or HOLD_VM. */
int cluster_hold_dead(struct cluster *c, enum hold hold, const char *ref, struct deadline until, bool *ret,
		      struct err *e);

/* Whether the pod of a virtual machine is the target of a live migration: its address is then in use on
 * purpose, and is not to be looked for on the wire. An agent that may not read migrations is told no, with
 * a sentence to trouble(). */
int cluster_migration(struct cluster *c, const struct cluster_pod *p, struct deadline until, bool *ret,
		      struct err *e);

#endif
