/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_find.h - where a cluster says what addresses its pods and services have: the texts
 *
 * Pure. What is no prefix is skipped, what is there already is not added again; prefixes are without host
 * bits.
 */
#ifndef CONTROLLER_COORDINATOR_FIND_H
#define CONTROLLER_COORDINATOR_FIND_H

#include "json/json.h"

#define COORDINATOR_CIDRS_MAX 1024

struct coordinator_cidrs {
	struct json_strv pods, services;
};
void coordinator_cidrs_clear(struct coordinator_cidrs *c);

/* Separated by commas or blanks. */
int coordinator_add(struct json_strv *l, const char *text, struct err *e);
/* ClusterConfiguration of the ConfigMap kubeadm-config: YAML text. */
int coordinator_add_kubeadm(struct coordinator_cidrs *c, const char *text, struct err *e);
/* The flags of kube-controller-manager, a Pod: of command, then of args. A list that has something already
 * stays as it is. */
int coordinator_add_flags(struct coordinator_cidrs *c, struct json_object *pod, struct err *e);
/* Objects that each give prefixes, the oldest first: ServiceCIDR, IPPool of Calico, CiliumPodIPPool. Those
 * that are disabled or being deleted give none. */
int coordinator_add_objects(struct json_strv *l, struct json_object *array, struct err *e);
/* What podCIDRType auto makes of the name of the network that the CNI configuration has first. */
const char *coordinator_type_of(const char *network);

#endif
