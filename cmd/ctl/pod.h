/* SPDX-License-Identifier: Apache-2.0 */
/* pod.h - a pod of a cluster, with all that its addresses depend on, as the API server has it now */
#ifndef CTL_POD_H
#define CTL_POD_H

#include "ctl.h"
#include "ipam/owner.h"
#include "kube/views.h"

struct pod_objects {
	bool pod_known, ns_known, node_known;
	struct kube_pod pod;
	struct kube_namespace ns;
	struct kube_node node;
	struct kube_owner owner; /* the last controller; of none: the pod itself */
	struct owner_hold hold;
};

/* What there is not is no error. node NULL: the pod's. */
int pod_read(struct ctl *c, const char *ns, const char *name, const char *node, struct pod_objects *ret,
	     struct err *e);
void pod_clear(struct pod_objects *p);

/* All pods, their metadata and spec.nodeName; each() gets them lent. */
int pods_each(struct ctl *c, int (*each)(const struct kube_pod *p, void *arg, struct err *e), void *arg,
	      struct err *e);

#endif
