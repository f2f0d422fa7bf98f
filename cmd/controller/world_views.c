/* SPDX-License-Identifier: Apache-2.0 */
/* world_views.c - what is kept of each object of the cluster */
#include <string.h>

#include "world_views.h"

static const struct json_field pod_meta_fields[] = {
	JF(struct world_pod_meta, made_at, "creationTimestamp"),
	JF(struct world_pod_meta, deleted_at, "deletionTimestamp"),
	JL(struct world_pod_meta, owners, "ownerReferences", &kube_owner_table),
};
static const struct json_table pod_meta_table =
	JSON_TABLE(struct world_pod_meta, "metadata", pod_meta_fields);
static const struct json_field pod_spec_fields[] = {
	JF(struct world_pod_spec, host_network, "hostNetwork"),
};
static const struct json_table pod_spec_table = JSON_TABLE(struct world_pod_spec, "spec", pod_spec_fields);
static const struct json_field pod_status_fields[] = {
	JF(struct world_pod_status, phase, "phase"),
	JF(struct world_pod_status, ip, "podIP"),
};
static const struct json_table pod_status_table =
	JSON_TABLE(struct world_pod_status, "status", pod_status_fields);
static const struct json_field pod_fields[] = {
	JS(struct world_pod, meta, "metadata", &pod_meta_table),
	JS(struct world_pod, spec, "spec", &pod_spec_table),
	JS(struct world_pod, status, "status", &pod_status_table),
};
const struct json_table world_pod_table = JSON_TABLE(struct world_pod, "Pod", pod_fields);

static const struct json_field endpoint_meta_fields[] = {
	JF(struct world_endpoint_meta, deleted_at, "deletionTimestamp"),
};
static const struct json_table endpoint_meta_table =
	JSON_TABLE(struct world_endpoint_meta, "metadata", endpoint_meta_fields);
static const struct json_field endpoint_fields[] = {
	JS(struct world_endpoint, meta, "metadata", &endpoint_meta_table),
};
const struct json_table world_endpoint_table =
	JSON_TABLE(struct world_endpoint, "SpiderEndpoint", endpoint_fields);

static const struct json_field condition_fields[] = {
	JF(struct world_condition, type, "type"),
	JF(struct world_condition, status, "status"),
	JF(struct world_condition, changed_at, "lastTransitionTime"),
};
static const struct json_table condition_table =
	JSON_TABLE(struct world_condition, "condition", condition_fields);
static const struct json_field node_info_fields[] = {
	JF(struct world_node_info, boot_id, "bootID"),
};
static const struct json_table node_info_table =
	JSON_TABLE(struct world_node_info, "nodeInfo", node_info_fields);
static const struct json_field node_status_fields[] = {
	JL(struct world_node_status, conditions, "conditions", &condition_table),
	JS(struct world_node_status, info, "nodeInfo", &node_info_table),
};
static const struct json_table node_status_table =
	JSON_TABLE(struct world_node_status, "status", node_status_fields);
static const struct json_field node_fields[] = {
	JS(struct world_node, status, "status", &node_status_table),
};
const struct json_table world_node_table = JSON_TABLE(struct world_node, "Node", node_fields);

static const struct json_field sts_fields[] = {
	JS(struct world_sts, spec, "spec", &kube_stateful_set_spec_table),
};
const struct json_table world_sts_table = JSON_TABLE(struct world_sts, "StatefulSet", sts_fields);

bool world_node_ready(const struct world_node *n)
{
	if (!n)
		return false;
	for (size_t i = 0; i < n->status.conditions.n; i++) {
		const struct world_condition *c = &n->status.conditions.v[i];

		if (c->type && c->status && strcmp(c->type, "Ready") == 0)
			return strcmp(c->status, "True") == 0;
	}
	return false;
}
