/* SPDX-License-Identifier: Apache-2.0 */
/* inject.h - networks and resources of a Pod that asks for them by one annotation (podResourceInject); pure
 */
#ifndef CONTROLLER_INJECT_H
#define CONTROLLER_INJECT_H

#include <json-c/json.h>

#include "api/multus.h"

#define INJECT_NETWORKS "k8s.v1.cni.cncf.io/networks"

/* The annotation that counts, of the Pod or else of its namespace; RDMA before network. NULL: none. The
 * result is one of API_MULTUS_INJECT_*, *value is lent. */
const char *inject_wanted(struct json_object *pod, const struct json_map *of_namespace, const char **value);
/* Whether the webhook leaves a namespace alone: podResourceInject.namespacesExclude, then namespacesInclude
 * (empty: all others). */
bool inject_left_alone(const char *ns, const struct json_strv *exclude, const struct json_strv *include);

/* Changes pod: networks of the configs that carry key=value, which are sorted (configs is), and what they
 * need from device plugins as limits of the first container. -EINVAL, code ERR_CONFIG: none, or one that
 * cannot be used so. */
int inject_pod(struct json_object *pod, const char *key, const char *value, struct api_multus **configs,
	       size_t n, struct err *e);

#endif
