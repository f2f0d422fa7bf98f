/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - what the leader sees of the cluster: one watch and one cache a kind, for all its parts
 *
 * Of each object only the fields below are kept. Readers take references (kube/cache.h) and never wait. A
 * question that decides over somebody's address is not answered from here: the object is read from the API
 * before.
 */
#ifndef CONTROLLER_WORLD_H
#define CONTROLLER_WORLD_H

#include "kube/cache.h"
#include "kube/views.h"

enum world_kind {
	WORLD_POOLS,        /* struct api_ippool, without status.allocatedIPs */
	WORLD_SUBNETS,      /* struct api_subnet */
	WORLD_RESERVED,     /* struct api_reservedip */
	WORLD_BLOCKS,       /* struct api_ipblock; api/block.h decodes spec.records */
	WORLD_ENDPOINTS,    /* struct world_endpoint; only of those that are being deleted */
	WORLD_PODS,         /* struct world_pod */
	WORLD_NODES,        /* struct world_node */
	WORLD_STATEFULSETS, /* struct world_sts */
	WORLD_KINDS
};

/* Name, namespace, UID and version are the item's. */
struct world_pod_meta {
	char *made_at, *deleted_at;
	JSON_LIST(struct kube_owner) owners;
};
struct world_pod_spec {
	bool host_network;
};
struct world_pod_status {
	char *phase, *ip;
};
struct world_pod {
	struct world_pod_meta meta;
	struct world_pod_spec spec;
	struct world_pod_status status;
};

struct world_endpoint_meta {
	char *deleted_at;
};
struct world_endpoint {
	struct world_endpoint_meta meta;
};

struct world_condition {
	char *type, *status, *changed_at; /* lastTransitionTime */
};
struct world_node_info {
	char *boot_id;
};
struct world_node_status {
	JSON_LIST(struct world_condition) conditions;
	struct world_node_info info;
};
struct world_node {
	struct world_node_status status;
};

struct world_sts {
	struct kube_stateful_set_spec spec;
};

bool world_node_ready(const struct world_node *n); /* condition Ready is True; NULL is not */

struct world; /* opaque */

struct world_conf {
	struct kube *k;
	/* What is not followed now, and why. From any thread. */
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

/* new - listen for each part - start - stop - free. Nothing is heard before start, nor after stop has
 * returned. */
int world_new(const struct world_conf *conf, struct world **ret, struct err *e);
int world_start(struct world *w, struct err *e);
void world_stop(struct world *w);
void world_free(struct world *w); /* accepts NULL */

/* Each change of a kind, as kube_cache_conf.changed has it; on that kind's watch thread: be short, hand it to
 * a queue. At most WORLD_LISTENERS a kind. Before world_start(). */
#define WORLD_LISTENERS 8
void world_listen(struct world *w, enum world_kind kind,
		  void (*changed)(const struct kube_item *old, const struct kube_item *now, void *arg),
		  void *arg);

struct kube_cache *world_cache(struct world *w, enum world_kind kind);
/* Whether the first list of every kind is in; waits for it. What is concluded from something's absence needs
 * it. */
bool world_wait(struct world *w, struct deadline until);
bool world_synced(struct world *w);

#endif
