/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.h - what the API server serves: a resource by its group, version and kind */
#ifndef CONTROLLER_DISCOVERY_H
#define CONTROLLER_DISCOVERY_H

#include <json-c/json.h>

#include "kube/client.h"
#include "kube/resource.h"

struct discovered {
	char group[254], version[64], plural[254], kind[64];
	struct kube_resource res; /* its strings are the ones above: discovery_copy() */
	bool scale;               /* it has a subresource "scale" */
};

/* Of a discovery document (APIResourceList): 0, or -ENOENT when the kind is not in it. */
int discovery_read(struct json_object *list, const char *api_version, const char *kind,
		   struct discovered *ret, struct err *e);
/* The same, asked for. -ENOENT also when the version is not served. */
int discovery_find(struct kube *k, const char *api_version, const char *kind, struct deadline until,
		   struct kube_cancel *cancel, struct discovered *ret, struct err *e);
/* Whether anything could serve the kind, in whatever version, though discovery has not found it (a definition
 * that is new, or going; a server beside the API server that is away): 1, 0 or an error. By quorum. */
int discovery_defined(struct kube *k, const char *api_version, const char *kind, struct deadline until,
		      struct kube_cancel *cancel, struct err *e);
void discovery_copy(const struct discovered *in, struct discovered *ret);

#endif
