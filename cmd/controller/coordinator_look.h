/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_look.h - what the status of a SpiderCoordinator should say, from what its reader finds */
#ifndef CONTROLLER_COORDINATOR_LOOK_H
#define CONTROLLER_COORDINATOR_LOOK_H

#include "api/coordinator.h"
#include "kube/resource.h"

struct coordinator_reader {
	/* Each: -ENOENT: the object, or the resource itself, is not there; -EACCES: we may not. Others: try
	 * again later. */
	int (*configmap)(const char *ns, const char *name, struct json_object **ret, void *arg,
			 struct err *e);
	/* *ret: an array of them. ns NULL: all. */
	int (*list)(const struct kube_resource *res, const char *ns, const char *labels,
		    struct json_object **ret, void *arg, struct err *e);
	const char *cni_dir;
	const char *cilium_config; /* NAMESPACE/NAME */
	void *arg;
};

/* What is listed beside Pods. */
enum {
	COORDINATOR_SERVICECIDRS, /* and two older versions of it */
	COORDINATOR_CALICO_POOLS = 3,
	COORDINATOR_CILIUM_POOLS,
	COORDINATOR_CILIUM_POOLS_V2,
	COORDINATOR_SOURCES
};
extern const struct kube_resource coordinator_sources[COORDINATOR_SOURCES];
extern const struct kube_resource coordinator_configmaps;

/* type: spec.podCIDRType, may be NULL. 0: *ret is the status (release with api_coordinator_status_table);
 * negative: the reader could not tell now, and nothing is known. */
int coordinator_look(const struct coordinator_reader *r, const char *type, struct api_coordinator_status *ret,
		     struct err *e);

#endif
