/* SPDX-License-Identifier: Apache-2.0 */
/* local_hint.c - which block is free next: a tree of minima over the blocks' free_at
 *
 * A node of level 0 holds free_at of 64 blocks, one of level n + 1 the minima of 64 nodes of level n: 5
 * levels hold all of IPv4, 21 all of IPv6. What is not there counts as 0, "never used". So a node exists only
 * where some entry is not 0, and a level above the lowest only where 64 neighbours are all in use: the tree
 * stays as sparse as the addresses, and a change goes up only as far as a minimum changes. Times are kept to
 * the millisecond, exactly.
 *
 * A value: sum, a bit for each entry that is not 0, those entries.
 */
#include <errno.h>
#include <string.h>

#include "store/local_impl.h"

#define SHIFT      6
#define NODE_HEAD  (2 * sizeof(uint64_t))
#define NODE_BYTES (NODE_HEAD + LOCAL_FAN * sizeof(int64_t))

int local_hint_levels(uint8_t ver)
{
	return ver == 4 ? 5 : 21; /* blocks are numbered in 26 and in 122 bits */
}

void local_hint_key(struct local_key *k, uint8_t ver, int level, ip_num node)
{
	size_t bytes = ver == 4 ? 4 : 16;

	k->b[0] = LOCAL_KEY_HINT;
	k->b[1] = ver;
	k->b[2] = (uint8_t)level;
	for (size_t i = 0; i < bytes; i++)
		k->b[3 + i] = (uint8_t)(node >> 8 * (bytes - 1 - i));
	k->len = 3 + bytes;
}

int local_hint_key_parse(const MDB_val *k, uint8_t *ver, int *level, ip_num *node)
{
	const uint8_t *b = k->mv_data;

	if (k->mv_size < 3 || b[0] != LOCAL_KEY_HINT || (b[1] != 4 && b[1] != 6) ||
	    k->mv_size != (b[1] == 4 ? 7 : 19) || b[2] >= local_hint_levels(b[1]))
		return -EUCLEAN;
	*ver = b[1];
	*level = b[2];
	*node = 0;
	for (size_t i = 3; i < k->mv_size; i++)
		*node = *node << 8 | b[i];
	return 0;
}

static int node_decode(const MDB_val *k, const MDB_val *v, struct local_node *n)
{
	const uint8_t *p = v->mv_data;
	uint64_t sum, bits;

	if (v->mv_size < NODE_HEAD || v->mv_size > NODE_BYTES)
		return -EUCLEAN;
	memcpy(&sum, p, sizeof(sum));
	memcpy(&bits, p + sizeof(sum), sizeof(bits));
	if (sum != local_val_sum(k, v) ||
	    v->mv_size != NODE_HEAD + sizeof(int64_t) * (size_t)__builtin_popcountll(bits))
		return -EUCLEAN;
	n->exists = true;
	p += NODE_HEAD;
	for (int i = 0; i < LOCAL_FAN; i++) {
		if (!(bits >> i & 1))
			continue;
		memcpy(&n->at[i], p, sizeof(n->at[i]));
		p += sizeof(n->at[i]);
	}
	return 0;
}

int local_hint_load(const struct local *l, uint8_t ver, int level, ip_num node, struct local_node *ret,
		    struct err *e)
{
	struct local_key k;
	MDB_val key, v;
	int rc;

	local_hint_key(&k, ver, level, node);
	key = local_key_val(&k);
	memset(ret, 0, sizeof(*ret));
	rc = local_mdb_get(l, &key, &v);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return local_err(l, rc, "read the free hint", e);
	if (node_decode(&key, &v, ret) < 0)
		return err_code(e, ERR_IO, EUCLEAN,
				"state directory %s: the hint of free blocks is damaged; make it anew with "
				"\"spiderpoolctl fsck --repair --state-dir %s\"",
				l->dir, l->dir);
	return 0;
}

static int node_store(const struct local *l, uint8_t ver, int level, ip_num node, const struct local_node *n,
		      struct err *e)
{
	uint64_t buf[NODE_BYTES / sizeof(uint64_t)] = { 0 };
	size_t used = 2;
	struct local_key k;
	MDB_val key, v;
	int rc;

	local_hint_key(&k, ver, level, node);
	key = local_key_val(&k);
	for (int i = 0; i < LOCAL_FAN; i++) {
		if (!n->at[i])
			continue;
		buf[1] |= UINT64_C(1) << i;
		buf[used++] = (uint64_t)n->at[i];
	}
	v = (MDB_val){ used * sizeof(buf[0]), buf };
	buf[0] = local_val_sum(&key, &v);
	if (buf[1])
		rc = local_mdb_put(l, &key, &v, 0);
	else
		rc = n->exists ? local_mdb_del(l, &key) : 0;
	return rc ? local_err(l, rc, "write the free hint", e) : 0;
}

int64_t local_hint_min(const struct local_node *n)
{
	int64_t min = n->at[0];

	for (int i = 1; i < LOCAL_FAN; i++)
		if (n->at[i] < min)
			min = n->at[i];
	return min;
}

int local_hint_set(const struct local *l, uint8_t ver, ip_num block, int64_t free_at, struct err *e)
{
	for (int level = 0; level < local_hint_levels(ver); level++, block >>= SHIFT) {
		struct local_node n;
		int slot = (int)(block % LOCAL_FAN);
		int r = local_hint_load(l, ver, level, block >> SHIFT, &n, e);

		if (r < 0)
			return r;
		if (n.at[slot] == free_at)
			return 0;
		n.at[slot] = free_at;
		r = node_store(l, ver, level, block >> SHIFT, &n, e);
		if (r < 0)
			return r;
		free_at = local_hint_min(&n);
	}
	return 0;
}

/* The first slot from start on whose time is not behind before; LOCAL_FAN for none. */
static int slot_find(const struct local_node *n, int start, int64_t before)
{
	while (start < LOCAL_FAN && n->at[start] > before)
		start++;
	return start;
}

/* The first free block below entry of a node of this level; there is one. */
static int go_down(const struct local *l, uint8_t ver, int level, ip_num entry, int64_t before, ip_num *ret,
		   struct err *e)
{
	while (level > 0) {
		struct local_node n;
		int slot, r;

		r = local_hint_load(l, ver, level - 1, entry, &n, e);
		if (r < 0)
			return r;
		slot = slot_find(&n, 0, before);
		if (slot == LOCAL_FAN)
			return local_damaged(l, e, "the hint of free blocks contradicts itself");
		entry = entry << SHIFT | (unsigned)slot;
		level--;
	}
	*ret = entry;
	return 0;
}

int local_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		    struct err *e)
{
	const struct local *l = local_of(st);
	ip_num entry = from;
	int r = local_txn_check(l, e);

	if (r < 0)
		return r;
	/* Up, until something to the right is free; then down to it. */
	for (int level = 0; level < local_hint_levels(ver); level++, entry >>= SHIFT) {
		int slot = (int)(entry % LOCAL_FAN) + (level > 0);
		struct local_node n;

		if (slot == LOCAL_FAN)
			continue;
		r = local_hint_load(l, ver, level, entry >> SHIFT, &n, e);
		if (r < 0)
			return r;
		slot = slot_find(&n, slot, before);
		if (slot == LOCAL_FAN)
			continue;
		entry = (entry >> SHIFT) << SHIFT | (unsigned)slot;
		r = go_down(l, ver, level, entry, before, ret, e);
		return r < 0 ? r : *ret <= to;
	}
	return 0;
}
