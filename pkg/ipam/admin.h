/* SPDX-License-Identifier: Apache-2.0 */
/* admin.h - manifests into the store: what the API server with its webhooks does in a cluster
 *
 * Defaults and validation are pkg/api's, so a manifest is refused with the same sentence here and there.
 * Pools, subnets and reserved addresses are the administrator's; endpoints and blocks are the engine's own.
 */
#ifndef IPAM_ADMIN_H
#define IPAM_ADMIN_H

#include "ipam/ipam.h"

enum admin_result { ADMIN_CREATED, ADMIN_CONFIGURED, ADMIN_UNCHANGED };

/* What a dry run would have written so far: the next object is checked against that too. */
struct admin_pending {
	struct admin_pending_obj {
		enum api_kind kind;
		char *name, *text;
	} * v;
	size_t n;
};
void admin_pending_clear(struct admin_pending *p);

/* Creates or updates one object; with dry it goes there instead of into the store. *ret_kind and name
 * (STORE_NAME_MAX + 1 bytes, may be NULL) tell which object it was. Code ERR_CONFIG when it is refused. */
int admin_apply(struct ipam *m, struct json_object *manifest, const char *what, struct admin_pending *dry,
		enum api_kind *ret_kind, char *name, enum admin_result *ret, struct err *e);

/* -ENOENT when there is none; -EBUSY, code ERR_CONFIG, while something uses it. */
int admin_delete(struct ipam *m, enum api_kind kind, const char *name, bool dry_run, struct err *e);

/* Each object as it would be shown in a cluster: status of pools and subnets is counted from the blocks. obj
 * is lent. name NULL: all of the kind, in name order; with a name: that one, -ENOENT if it is not there. */
int admin_each(struct ipam *m, enum api_kind kind, const char *ns, const char *name,
	       int (*each)(struct api_object *obj, void *arg, struct err *e), void *arg, struct err *e);

/* STORE_IPPOOL ... for API_IPPOOL ... */
enum store_kind admin_store_kind(enum api_kind kind);

#endif
