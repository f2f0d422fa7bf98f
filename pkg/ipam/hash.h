/* SPDX-License-Identifier: Apache-2.0 */
/* hash.h - finding again what a transaction has read already, however much that is
 *
 * Several things may have one hash: the caller compares. Nothing is ever taken out.
 */
#ifndef IPAM_HASH_H
#define IPAM_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hash_slot {
	uint64_t key;
	void *value; /* NULL: empty */
};

/* Zeroed is empty. */
struct hash {
	struct hash_slot *slot;
	size_t cap, n; /* cap: 0 or a power of two */
};

/* The values of a key, one after the other; *at is 0 before the first call. NULL when there are no more. */
void *hash_next(const struct hash *h, uint64_t key, size_t *at);
/* value is not NULL, and stays the caller's. */
int hash_add(struct hash *h, uint64_t key, void *value, struct err *e);
void hash_clear(struct hash *h);

#endif
