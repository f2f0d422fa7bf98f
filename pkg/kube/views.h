/* SPDX-License-Identifier: Apache-2.0 */
/* views.h - of Kubernetes' own objects, what we read: structs and their field tables
 *
 * Nothing is required of an object that somebody else made: what is absent is NULL or not set. Release with
 * json_clear() and the table, but for views of a cache, which are its own.
 */
#ifndef KUBE_VIEWS_H
#define KUBE_VIEWS_H

#include "json/json.h"

struct kube_owner {
	char *api_version, *kind, *name, *uid;
	bool controller;
};

struct kube_meta_view {
	char *name, *ns, *uid, *version, *created_at, *deleted_at;
	struct json_int grace_s; /* deletionGracePeriodSeconds */
	struct json_map labels, annotations;
	JSON_LIST(struct kube_owner) owners;
};

/* Any object, as PartialObjectMetadata or whole: workloads above all. */
struct kube_object {
	char *api_version, *kind; /* NULL in lists of built-in kinds */
	struct kube_meta_view meta;
};

struct kube_pod_spec {
	char *node, *restart_policy;
	bool host_network;
};
struct kube_pod_status {
	char *phase;
};
struct kube_pod {
	struct kube_meta_view meta;
	struct kube_pod_spec spec;
	struct kube_pod_status status;
};

struct kube_node {
	struct kube_meta_view meta;
};

struct kube_namespace {
	struct kube_meta_view meta;
};

struct kube_ordinals {
	struct json_int start; /* absent: 0 */
};
struct kube_stateful_set_spec {
	struct json_int replicas; /* absent: 1 */
	struct kube_ordinals ordinals;
};
struct kube_stateful_set {
	struct kube_meta_view meta;
	struct kube_stateful_set_spec spec;
};

/* What objects of other tables have, too. */
extern const struct json_table kube_owner_table, kube_stateful_set_spec_table;

extern const struct json_table kube_object_table, kube_pod_table, kube_node_table, kube_namespace_table,
	kube_stateful_set_table;

/* The owner that controls the object; NULL for none. */
const struct kube_owner *kube_controller(const struct kube_meta_view *m);
/* Not going, not ended for good: it may still use its addresses. NULL is dead. */
bool kube_pod_alive(const struct kube_pod *p);
/* A static pod of kubelet is known to the runtime by this instead of its UID; NULL for other pods. */
const char *kube_pod_config_hash(const struct kube_pod *p);

#endif
