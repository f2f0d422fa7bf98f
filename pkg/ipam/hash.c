/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - open addressing; keys are hashes already */
#include "ipam/hash.h"

#include <stdlib.h>

#define CAP_MIN 64

void *hash_next(const struct hash *h, uint64_t key, size_t *at)
{
	while (h->cap) {
		const struct hash_slot *s = &h->slot[(key + *at) & (h->cap - 1)];

		++*at;
		if (!s->value || s->key == key)
			return s->value;
	}
	return NULL;
}

static void put(struct hash *h, uint64_t key, void *value)
{
	size_t i = key & (h->cap - 1);

	while (h->slot[i].value)
		i = (i + 1) & (h->cap - 1);
	h->slot[i] = (struct hash_slot){ key, value };
}

/* At most half full, so that a search soon ends. */
static int grow(struct hash *h, struct err *e)
{
	struct hash big = { .cap = h->cap ? 2 * h->cap : CAP_MIN, .n = h->n };

	big.slot = calloc(big.cap, sizeof(*big.slot));
	if (!big.slot)
		return err_nomem(e);
	for (size_t i = 0; i < h->cap; i++)
		if (h->slot[i].value)
			put(&big, h->slot[i].key, h->slot[i].value);
	free(h->slot);
	*h = big;
	return 0;
}

int hash_add(struct hash *h, uint64_t key, void *value, struct err *e)
{
	int r = 2 * (h->n + 1) > h->cap ? grow(h, e) : 0;

	if (r < 0)
		return r;
	put(h, key, value);
	h->n++;
	return 0;
}

void hash_clear(struct hash *h)
{
	free(h->slot);
	*h = (struct hash){ 0 };
}
