/* SPDX-License-Identifier: Apache-2.0 */
/* resource.h - the resources that we read or write, and where the API server has them */
#ifndef KUBE_RESOURCE_H
#define KUBE_RESOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct kube_resource {
	const char *group; /* "" for the core group */
	const char *version, *plural, *kind;
	bool namespaced;
};

enum kube_resource_id {
	KUBE_PODS,
	KUBE_NODES,
	KUBE_NAMESPACES,
	KUBE_EVENTS,
	KUBE_LEASES,
	KUBE_REPLICASETS,
	KUBE_DEPLOYMENTS,
	KUBE_STATEFULSETS,
	KUBE_DAEMONSETS,
	KUBE_JOBS,
	KUBE_CRONJOBS,
	KUBE_NETWORK_ATTACHMENTS,
	KUBE_SPIDERIPPOOLS,
	KUBE_SPIDERSUBNETS,
	KUBE_SPIDERRESERVEDIPS,
	KUBE_SPIDERENDPOINTS,
	KUBE_SPIDERIPBLOCKS,
	KUBE_SPIDERMULTUSCONFIGS,
	KUBE_SPIDERCOORDINATORS,
	KUBE_RESOURCE_MAX
};

extern const struct kube_resource kube_resources[KUBE_RESOURCE_MAX];

/* By apiVersion and kind; NULL when it is none of them. */
const struct kube_resource *kube_resource_find(const char *api_version, const char *kind);
/* "apps/v1", "v1". Appends. */
void kube_resource_version(const struct kube_resource *r, struct buf *out);

/* Appends /apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUB. ns NULL or "": all namespaces, and none for what
 * has none; name and sub may be NULL. -EINVAL: a name that the API server could not have. */
int kube_resource_path(const struct kube_resource *r, const char *ns, const char *name, const char *sub,
		       struct buf *out, struct err *e);
/* Appends "?key=value" or "&key=value", escaped; nothing for a value that is NULL. */
void kube_query(struct buf *out, const char *key, const char *value);

#endif
