/* SPDX-License-Identifier: Apache-2.0 */
/* pick.h - one free address of a pool: bit arithmetic on a ring of blocks (design: allocation.md section 1)
 *
 * Never used or cooled down first, least recently released first within a block; then those still cooling;
 * last those freed without word from their holder, which must be probed before use. Of equals in a block the
 * lowest without a ring_key, else each node has an order of its own: what two nodes write at the same time
 * then seldom meets. Cost depends neither on the pool's size nor on what is taken.
 */
#ifndef IPAM_PICK_H
#define IPAM_PICK_H

#include "ipam/plan.h"

struct pick {
	struct ip addr;
	struct txn_block *block;
	struct block_rec *rec; /* what is recorded now: nothing, free or a quarantine that is over */
	bool probe;            /* unconfirmed: probe even if detection is off */
};

/* 1 and *ret, or 0 when every address of the pool is taken. Nothing is changed. */
int pick_any(struct txn *t, const struct plan_pool *pool, struct pick *ret, struct err *e);
/* The same for one address; 0 when it is taken (ret->rec tells by whom) or not eligible (ret->rec NULL). */
int pick_this(struct txn *t, const struct plan_pool *pool, struct ip addr, struct pick *ret, struct err *e);

#endif
