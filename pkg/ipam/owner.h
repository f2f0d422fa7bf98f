/* SPDX-License-Identifier: Apache-2.0 */
/* owner.h - whom a pod of a cluster belongs to, and what keeps its addresses when it is gone: the rules
 * alone, for whoever reads the objects
 */
#ifndef IPAM_OWNER_H
#define IPAM_OWNER_H

#include "api/block.h"
#include "kube/resource.h"
#include "kube/views.h"

#define OWNER_KUBEVIRT "kubevirt.io/v1"

/* The resource to read for what controls this controller in turn: of a ReplicaSet, a Job. NULL: nothing that
 * counts does. */
const struct kube_resource *owner_below(const struct kube_owner *o);
/* Does what controls one of those count? Its Deployment, its CronJob; of any version. */
bool owner_above(const struct kube_resource *below, const struct kube_owner *up);

struct owner_hold {
	enum hold hold;       /* HOLD_POD, HOLD_STS or HOLD_VM */
	char *ref, *endpoint; /* as in api/block.h, NULL for HOLD_POD; name of its SpiderEndpoint, NULL: the
				 pod's */
};

/* o: the last controller of the pod, as far as the two above climb. */
int owner_hold_of(const struct kube_owner *o, const char *ns, const char *pod, bool stateful_set,
		  bool kubevirt, struct owner_hold *ret, struct err *e);
void owner_hold_clear(struct owner_hold *h);

/* As the API server writes it: no sign, no zero in front. */
bool owner_ordinal(const char *s, int64_t *ret);

#endif
