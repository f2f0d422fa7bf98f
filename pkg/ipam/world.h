/* SPDX-License-Identifier: Apache-2.0 */
/* world.h - all pools and subnets of the store, and what is held: what validation compares with */
#ifndef IPAM_WORLD_H
#define IPAM_WORLD_H

#include "ipam/admin.h"
#include "ipam/txn.h"

struct world_list {
	struct api_object **v; /* of one kind */
	uint64_t *versions;
	size_t n;
};

struct world {
	struct api_world api; /* points into what follows */
	struct world_list list[API_KIND_MAX];
	struct ip_set held;
};

/* held is filled for the object of that kind and name, if it exists. dry: what counts as written; NULL:
 * nothing. */
int world_load(struct txn *t, enum api_kind kind, const char *name, const struct admin_pending *dry,
	       struct world *ret, struct err *e);
void world_clear(struct world *w);
/* NULL and 0 when there is none. Pools, subnets and the kind it was loaded for. */
struct api_object *world_find(const struct world *w, enum api_kind kind, const char *name);
uint64_t world_version(const struct world *w, enum api_kind kind, const char *name);

#endif
