/* SPDX-License-Identifier: Apache-2.0 */
/* gc_index.c - from a pod, a node, a StatefulSet to the blocks in which it has something */
#include "gc_index.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "ipam/fate.h"

#define NONE    UINT32_MAX
#define BUCKETS 1024 /* at first; a power of two */

/* One owner in one block. It is in two chains: of what has its hash, and of its block. */
struct link {
	uint64_t key;
	uint32_t block, next, of_block;
};

struct seat {
	struct gc_block b;
	uint32_t first; /* link; of one that is free: the next free seat */
};

struct gc_index {
	pthread_mutex_t lock;
	uint32_t *bucket;
	size_t n_buckets;
	struct link *link;
	uint32_t n_links, cap_links, unused; /* unused: chain of links that are free */
	size_t live;
	struct seat *seat; /* of blocks with something; each has a link of its own, by which it is found */
	uint32_t n_seats, cap_seats, unused_seats;
};

int gc_index_new(struct gc_index **ret, struct err *e)
{
	struct gc_index *ix = calloc(1, sizeof(*ix));

	*ret = NULL;
	if (!ix)
		return err_nomem(e);
	ix->bucket = malloc(BUCKETS * sizeof(*ix->bucket));
	if (!ix->bucket) {
		free(ix);
		return err_nomem(e);
	}
	ix->n_buckets = BUCKETS;
	ix->unused = ix->unused_seats = NONE;
	memset(ix->bucket, 0xff, BUCKETS * sizeof(*ix->bucket));
	pthread_mutex_init(&ix->lock, NULL);
	*ret = ix;
	return 0;
}

void gc_index_free(struct gc_index *ix)
{
	if (!ix)
		return;
	pthread_mutex_destroy(&ix->lock);
	free(ix->bucket);
	free(ix->link);
	free(ix->seat);
	free(ix);
}

static uint64_t key_of(enum gc_kind kind, const char *ns, size_t ns_len, const char *name, size_t len)
{
	return XXH3_64bits_withSeed(name, len, XXH3_64bits_withSeed(ns, ns_len, (uint64_t)kind));
}

static uint32_t *chain_of(struct gc_index *ix, uint64_t key)
{
	return &ix->bucket[key & (ix->n_buckets - 1)];
}

/* ---- links; locked ---- */

static int grow_buckets(struct gc_index *ix, struct err *e)
{
	size_t n = 2 * ix->n_buckets;
	uint32_t *b;

	if (ix->live < ix->n_buckets)
		return 0;
	b = malloc(n * sizeof(*b));
	if (!b)
		return err_nomem(e);
	memset(b, 0xff, n * sizeof(*b));
	for (size_t i = 0; i < ix->n_buckets; i++) {
		for (uint32_t l = ix->bucket[i], next; l != NONE; l = next) {
			uint32_t *to = &b[ix->link[l].key & (n - 1)];

			next = ix->link[l].next;
			ix->link[l].next = *to;
			*to = l;
		}
	}
	free(ix->bucket);
	ix->bucket = b;
	ix->n_buckets = n;
	return 0;
}

static int new_link(struct gc_index *ix, uint32_t *ret, struct err *e)
{
	struct link *v;
	uint32_t cap;

	*ret = ix->unused;
	if (*ret != NONE) {
		ix->unused = ix->link[*ret].next;
		return 0;
	}
	if (ix->n_links == ix->cap_links) {
		cap = ix->cap_links ? ix->cap_links + ix->cap_links / 2 : 256;
		v = realloc(ix->link, cap * sizeof(*v));
		if (!v)
			return err_nomem(e);
		ix->link = v;
		ix->cap_links = cap;
	}
	*ret = ix->n_links++;
	return 0;
}

static int add(struct gc_index *ix, uint64_t key, uint32_t block, struct err *e)
{
	struct link *x;
	uint32_t l;
	int r;

	for (l = *chain_of(ix, key); l != NONE; l = ix->link[l].next)
		if (ix->link[l].key == key && ix->link[l].block == block)
			return 0;
	r = grow_buckets(ix, e);
	if (r == 0)
		r = new_link(ix, &l, e);
	if (r < 0)
		return r;
	x = &ix->link[l];
	*x = (struct link){ key, block, *chain_of(ix, key), ix->seat[block].first };
	*chain_of(ix, key) = ix->seat[block].first = l;
	ix->live++;
	return 0;
}

static void unchain(struct gc_index *ix, uint32_t l)
{
	uint32_t *at = chain_of(ix, ix->link[l].key);

	while (*at != l)
		at = &ix->link[*at].next;
	*at = ix->link[l].next;
	ix->link[l].next = ix->unused;
	ix->unused = l;
	ix->live--;
}

/* And its seat is another's. */
static void empty(struct gc_index *ix, uint32_t block)
{
	for (uint32_t l = ix->seat[block].first, next; l != NONE; l = next) {
		next = ix->link[l].of_block;
		unchain(ix, l);
	}
	ix->seat[block].first = ix->unused_seats;
	ix->unused_seats = block;
}

/* ---- blocks; locked ---- */

static uint64_t key_of_block(uint8_t ver, ip_num index)
{
	return XXH3_64bits_withSeed(&index, sizeof(index), ver);
}

static uint32_t find_seat(struct gc_index *ix, uint8_t ver, ip_num index)
{
	uint64_t key = key_of_block(ver, index);

	for (uint32_t l = *chain_of(ix, key); l != NONE; l = ix->link[l].next) {
		const struct gc_block *b = &ix->seat[ix->link[l].block].b;

		if (ix->link[l].key == key && b->index == index && b->ver == ver)
			return ix->link[l].block;
	}
	return NONE;
}

static int new_seat(struct gc_index *ix, uint8_t ver, ip_num index, uint32_t *ret, struct err *e)
{
	struct seat *v;
	uint32_t cap;
	int r;

	*ret = ix->unused_seats;
	if (*ret != NONE) {
		ix->unused_seats = ix->seat[*ret].first;
	} else if (ix->n_seats < ix->cap_seats) {
		*ret = ix->n_seats++;
	} else {
		cap = ix->cap_seats ? ix->cap_seats + ix->cap_seats / 2 : 16;
		v = realloc(ix->seat, cap * sizeof(*v));
		if (!v)
			return err_nomem(e);
		ix->seat = v;
		ix->cap_seats = cap;
		*ret = ix->n_seats++;
	}
	ix->seat[*ret] = (struct seat){ { ver, index }, NONE };
	r = add(ix, key_of_block(ver, index), *ret, e);
	if (r < 0)
		empty(ix, *ret);
	return r;
}

static bool has_something(const struct block *b)
{
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		if (fate_concerns(&b->rec[i]))
			return true;
	return false;
}

/* The StatefulSet of namespace/name/ordinal. */
static int add_set(struct gc_index *ix, const char *ref, uint32_t block, struct err *e)
{
	const char *name = strchr(ref, '/'), *end = name ? strchr(name + 1, '/') : NULL;

	if (!end)
		return 0;
	return add(ix, key_of(GC_SET, ref, (size_t)(name - ref), name + 1, (size_t)(end - name - 1)), block,
		   e);
}

static int add_record(struct gc_index *ix, const struct block_rec *r, uint32_t block, struct err *e)
{
	int err = 0;

	if (!fate_concerns(r))
		return 0;
	if (r->pod[0])
		err = add(ix, key_of(GC_POD, r->ns, strlen(r->ns), r->pod, strlen(r->pod)), block, e);
	if (err == 0 && r->node[0])
		err = add(ix, key_of(GC_NODE, "", 0, r->node, strlen(r->node)), block, e);
	if (err == 0 && r->hold == HOLD_STS)
		err = add_set(ix, r->ref, block, e);
	return err;
}

int gc_index_put(struct gc_index *ix, uint8_t ver, ip_num index, const struct block *b, struct err *e)
{
	bool any = b && has_something(b);
	uint32_t block;
	int r = 0;

	pthread_mutex_lock(&ix->lock);
	block = find_seat(ix, ver, index);
	if (block != NONE)
		empty(ix, block);
	if (any)
		r = new_seat(ix, ver, index, &block, e);
	for (unsigned i = 0; any && r == 0 && i < IP_BLOCK_SIZE; i++)
		r = add_record(ix, &b->rec[i], block, e);
	pthread_mutex_unlock(&ix->lock);
	return r;
}

void gc_index_each(struct gc_index *ix, enum gc_kind kind, const char *ns, const char *name,
		   void (*told)(const struct gc_block *b, void *arg), void *arg)
{
	uint64_t key = key_of(kind, ns, strlen(ns), name, strlen(name));

	pthread_mutex_lock(&ix->lock);
	for (uint32_t l = *chain_of(ix, key); l != NONE; l = ix->link[l].next)
		if (ix->link[l].key == key)
			told(&ix->seat[ix->link[l].block].b, arg);
	pthread_mutex_unlock(&ix->lock);
}

size_t gc_index_count(struct gc_index *ix)
{
	size_t n;

	pthread_mutex_lock(&ix->lock);
	n = ix->live;
	pthread_mutex_unlock(&ix->lock);
	return n;
}
