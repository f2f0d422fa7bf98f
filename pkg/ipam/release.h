/* SPDX-License-Identifier: Apache-2.0 */
/* release.h - giving back: records, attachments and the endpoint entries that name them */
#ifndef IPAM_RELEASE_H
#define IPAM_RELEASE_H

#include "ipam/txn.h"

/* The address is free from now on, and cools. */
void release_record(struct txn *t, struct txn_block *b, struct block_rec *r);
/* The holder is gone; what keeps the address (a pin) stays, else it is free (Invariant B). */
void release_holder(struct txn *t, struct txn_block *b, struct block_rec *r);

/* An attachment as it stands in the store. */
struct stored_attachment {
	struct ipam_key key;
	uint64_t version; /* 0: there is none */
	struct ipam_attachment a;
};

/* 1 found, 0 not. network "" looks for a claim ahead. */
int stored_get(struct txn *t, const char *network, const char *container, const char *nic,
	       struct stored_attachment *ret, struct err *e);
void stored_clear(struct stored_attachment *s);

/* Frees what the attachment's container still holds of its addresses (Invariant C), forgets the attachment,
 * what it claimed ahead, and the endpoint entries that are no longer true. */
int release_attachment(struct txn *t, const struct stored_attachment *s, struct err *e);
/* Only what it claimed ahead and nobody came for. */
int release_ahead(struct txn *t, const struct stored_attachment *s, struct err *e);

#endif
