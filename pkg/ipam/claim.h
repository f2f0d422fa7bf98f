/* SPDX-License-Identifier: Apache-2.0 */
/* claim.h - writing down who has an address: the record in its block and the attachment that answers for it
 */
#ifndef IPAM_CLAIM_H
#define IPAM_CLAIM_H

#include "ipam/keep.h"
#include "ipam/pick.h"

/* The request becomes the record's holder; hold and pool stay. */
int claim_holder(struct txn *t, const struct ipam_request *req, struct txn_block *b, struct block_rec *r,
		 struct err *e);

/* A record that is free becomes the request's; kept by pod name if that is configured and there is a name. */
int claim_record(struct txn *t, const struct ipam_request *req, const char *nic, const char *pool,
		 struct txn_block *b, struct block_rec *r, struct err *e);

/* An attachment for one NIC of the request, without addresses. */
int claim_init(struct ipam_attachment *a, const struct ipam_request *req, const char *nic, int64_t now,
	       struct err *e);
/* Container, netns, node, boot and UID become those of the request. */
int claim_rehold(struct ipam_attachment *a, const struct ipam_request *req, struct err *e);
/* The request as the attachment's container made it; lent from the attachment. */
struct ipam_request claim_request_of(const struct ipam_attachment *a);
/* Queues the write under the key of network ("" for a claim ahead). */
int claim_put(struct txn *t, const char *network, const struct ipam_attachment *a, uint64_t version,
	      struct err *e);

/* One address for each family the plan has for this NIC: the kept one if it still fits, the requested one,
 * else any. a gets addresses and the pools' routes. Code ERR_TRY_AGAIN when pools are used up, ERR_CONFIG
 * when none may serve. */
int claim_nic(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic, struct kept *kept,
	      struct ipam_attachment *a, struct err *e);
/* The error of claim_nic() when the family's pools have no address for it. */
int claim_nothing_left(const struct plan_nic *nic, const struct plan_family *f, struct err *e);
/* What the NIC has, with another address in the place of the lost one, into the empty attachment a. */
int claim_replace(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
		  const struct ipam_attachment *old, struct ip lost, struct ipam_attachment *a,
		  struct err *e);

/* Each route of the pod's annotation goes to the first NIC that can reach its gateway. */
int claim_custom_routes(struct txn *t, const struct plan *p, struct ipam_attachment *list, size_t n,
			struct err *e);
/* The address with the pool's prefix length and gateway, then the pool's routes and the default route. */
int claim_add_address(struct ipam_attachment *a, const struct plan_nic *nic, const struct plan_pool *pool,
		      struct ip addr, bool probe, struct err *e);
int claim_add_route(struct ipam_attachment *a, const char *dst, const char *gw, struct err *e);

#endif
