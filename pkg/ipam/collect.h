/* SPDX-License-Identifier: Apache-2.0 */
/* collect.h - takes addresses from holders that are dead: many in few commits
 *
 * Who calls has judged each record (ipam/fate.h) as it was then. Each is compared with that before it is
 * changed, so one that was re-keyed, freed or claimed anew meanwhile stays as it is (Invariant C); what is
 * not changed any more is no failure. Uses the store's reserve.
 */
#ifndef IPAM_COLLECT_H
#define IPAM_COLLECT_H

#include "ipam/ipam.h"

struct collect_item {
	struct ip addr;
	/* As judged; lent. Together they name one holder of one time. */
	const char *container, *uid;
	int64_t since;
	enum hold hold;

	bool clear;       /* only the holder: what keeps the address lives */
	bool unconfirmed; /* nobody on its node has said so: chosen last, and looked for on the wire first */

	bool done; /* out: changed by this call */
};

/* How many items one commit takes. */
#define COLLECT_BATCH 256

/* In the order given: those of one block should stand together. *ret_done may be NULL. After a failure the
 * items that say so were done. */
int ipam_collect(struct ipam *m, struct collect_item *v, size_t n, size_t *ret_done, struct err *e);

#endif
