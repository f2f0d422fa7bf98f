/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - of Kubernetes' own objects, what we read */
#include "kube/views.h"

#include <string.h>

static const struct json_field owner_fields[] = {
	JF(struct kube_owner, api_version, "apiVersion"),
	JF(struct kube_owner, kind, "kind"),
	JF(struct kube_owner, name, "name"),
	JF(struct kube_owner, uid, "uid"),
	JF(struct kube_owner, controller, "controller"),
};
const struct json_table kube_owner_table = JSON_TABLE(struct kube_owner, "owner", owner_fields);

static const struct json_field meta_fields[] = {
	JF(struct kube_meta_view, name, "name"),
	JF(struct kube_meta_view, ns, "namespace"),
	JF(struct kube_meta_view, uid, "uid"),
	JF(struct kube_meta_view, version, "resourceVersion"),
	JF(struct kube_meta_view, created_at, "creationTimestamp"),
	JF(struct kube_meta_view, deleted_at, "deletionTimestamp"),
	JF(struct kube_meta_view, grace_s, "deletionGracePeriodSeconds"),
	JF(struct kube_meta_view, labels, "labels"),
	JF(struct kube_meta_view, annotations, "annotations"),
	JL(struct kube_meta_view, owners, "ownerReferences", &kube_owner_table),
};
static const struct json_table meta_table = JSON_TABLE(struct kube_meta_view, "metadata", meta_fields);

static const struct json_field object_fields[] = {
	JF(struct kube_object, api_version, "apiVersion"),
	JF(struct kube_object, kind, "kind"),
	JS(struct kube_object, meta, "metadata", &meta_table),
};
const struct json_table kube_object_table = JSON_TABLE(struct kube_object, "object", object_fields);

static const struct json_field pod_spec_fields[] = {
	JF(struct kube_pod_spec, node, "nodeName"),
	JF(struct kube_pod_spec, restart_policy, "restartPolicy"),
	JF(struct kube_pod_spec, host_network, "hostNetwork"),
};
static const struct json_table pod_spec_table = JSON_TABLE(struct kube_pod_spec, "spec", pod_spec_fields);
static const struct json_field pod_status_fields[] = {
	JF(struct kube_pod_status, phase, "phase"),
};
static const struct json_table pod_status_table =
	JSON_TABLE(struct kube_pod_status, "status", pod_status_fields);
static const struct json_field pod_fields[] = {
	JS(struct kube_pod, meta, "metadata", &meta_table),
	JS(struct kube_pod, spec, "spec", &pod_spec_table),
	JS(struct kube_pod, status, "status", &pod_status_table),
};
const struct json_table kube_pod_table = JSON_TABLE(struct kube_pod, "Pod", pod_fields);

static const struct json_field node_fields[] = {
	JS(struct kube_node, meta, "metadata", &meta_table),
};
const struct json_table kube_node_table = JSON_TABLE(struct kube_node, "Node", node_fields);

static const struct json_field namespace_fields[] = {
	JS(struct kube_namespace, meta, "metadata", &meta_table),
};
const struct json_table kube_namespace_table =
	JSON_TABLE(struct kube_namespace, "Namespace", namespace_fields);

static const struct json_field ordinals_fields[] = {
	JF(struct kube_ordinals, start, "start"),
};
static const struct json_table ordinals_table = JSON_TABLE(struct kube_ordinals, "ordinals", ordinals_fields);
static const struct json_field stateful_set_spec_fields[] = {
	JF(struct kube_stateful_set_spec, replicas, "replicas"),
	JS(struct kube_stateful_set_spec, ordinals, "ordinals", &ordinals_table),
};
const struct json_table kube_stateful_set_spec_table =
	JSON_TABLE(struct kube_stateful_set_spec, "spec", stateful_set_spec_fields);
static const struct json_field stateful_set_fields[] = {
	JS(struct kube_stateful_set, meta, "metadata", &meta_table),
	JS(struct kube_stateful_set, spec, "spec", &kube_stateful_set_spec_table),
};
const struct json_table kube_stateful_set_table =
	JSON_TABLE(struct kube_stateful_set, "StatefulSet", stateful_set_fields);

const struct kube_owner *kube_controller(const struct kube_meta_view *m)
{
	for (size_t i = 0; i < m->owners.n; i++) {
		if (m->owners.v[i].controller)
			return &m->owners.v[i];
	}
	return NULL;
}

static bool is(const char *s, const char *word)
{
	return s && !strcmp(s, word);
}

bool kube_pod_alive(const struct kube_pod *p)
{
	if (!p || p->meta.deleted_at)
		return false;
	if (is(p->status.phase, "Succeeded"))
		return is(p->spec.restart_policy, "Always");
	/* Kubelet starts none of its containers again, whatever its policy. */
	return !is(p->status.phase, "Failed");
}

const char *kube_pod_config_hash(const struct kube_pod *p)
{
	return json_map_get(&p->meta.annotations, "kubernetes.io/config.hash");
}
