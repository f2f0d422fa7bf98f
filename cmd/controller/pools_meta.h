/* SPDX-License-Identifier: Apache-2.0 */
/* pools_meta.h - what admission would have made of a pool or subnet, for those that slipped past it, and what
 * comes later: pure functions from objects to patches
 *
 * A pool that is there before its subnet is adopted when that comes: it gets its owner, and inherits gateway
 * and routes if it has none of its own, once. A pool that has the gateway (the routes) of its subnet follows
 * when these change; one that has others keeps them. So that this can be cut off anywhere, the subnet says in
 * an annotation which values it has passed on: the last one is the one that holds.
 */
#ifndef CONTROLLER_POOLS_META_H
#define CONTROLLER_POOLS_META_H

#include "api/api.h"

#define POOLS_PASSED_ON "ipam.spidernet.io/passed-on"

/* owner: the subnet of the pool's CIDR that is not being deleted; NULL: none. */
bool pools_meta_due(const struct api_ippool *p, const struct api_subnet *owner);
/* Appends a merge patch for the pool at its version: 1, or 0 for nothing to do. It is marked as taken over.
 */
int pools_meta_patch(const struct api_ippool *p, const struct api_subnet *owner, int64_t now, struct buf *out,
		     struct err *e);
/* The same without our finalizer. 0: it has none. */
int pools_meta_release(const struct api_meta *m, struct buf *out, struct err *e);

/* Finalizer, label, ipVersion, and that the values of now are passed on. settled: no pool has older ones. */
int subnets_meta_patch(const struct api_subnet *s, bool settled, struct buf *out, struct err *e);

struct pools_follow {
	bool due;   /* something is to be changed */
	bool stuck; /* and cannot be: the subnet's gateway is one of the pool's own addresses */
};
/* Appends a merge patch that gives the pool the subnet's gateway and routes of now, as far as it has older
 * ones. */
int pools_meta_follow(const struct api_ippool *p, const struct api_subnet *s, struct pools_follow *ret,
		      struct buf *out, struct err *e);

#endif
