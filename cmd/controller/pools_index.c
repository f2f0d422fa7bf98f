/* SPDX-License-Identifier: Apache-2.0 */
/* pools_index.c - which pools a block touches, and in which blocks a pool has something */
#include "pools_index.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/block.h"
#include "base/own.h"
#include "json/types.h"

struct entry { /* a block */
	struct pools_block at;
	struct json_strv names; /* of the pools in its records */
};
struct pool {
	char *name;
	struct ip_set total;
};

struct pools_index {
	pthread_mutex_t lock;
	struct entry *v; /* in address order */
	size_t n, cap;
	struct pool *pools; /* by name */
	size_t n_pools, cap_pools;
};

int pools_index_new(struct pools_index **ret, struct err *e)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return err_nomem(e);
	pthread_mutex_init(&(*ret)->lock, NULL);
	return 0;
}

void pools_index_free(struct pools_index *ix)
{
	if (!ix)
		return;
	for (size_t i = 0; i < ix->n; i++)
		json_strv_clear(&ix->v[i].names);
	for (size_t i = 0; i < ix->n_pools; i++) {
		free(ix->pools[i].name);
		ip_set_clear(&ix->pools[i].total);
	}
	free(ix->v);
	free(ix->pools);
	pthread_mutex_destroy(&ix->lock);
	free(ix);
}

/* Room for one more element at seat i of a sorted array. */
static void *open_seat(void *array, size_t *n, size_t *cap, size_t size, size_t i)
{
	char **v = array;

	if (*n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		char *grown = reallocarray(*v, more, size);

		if (!grown)
			return NULL;
		*v = grown;
		*cap = more;
	}
	memmove(*v + (i + 1) * size, *v + i * size, (*n - i) * size);
	memset(*v + i * size, 0, size);
	++*n;
	return *v + i * size;
}

/* ---- pools ---- */

static size_t pool_seat(const struct pools_index *ix, const char *name, bool *found)
{
	size_t lo = 0, hi = ix->n_pools;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(ix->pools[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo < ix->n_pools && strcmp(ix->pools[lo].name, name) == 0;
	return lo;
}

static void pool_drop(struct pools_index *ix, size_t i)
{
	free(ix->pools[i].name);
	ip_set_clear(&ix->pools[i].total);
	memmove(&ix->pools[i], &ix->pools[i + 1], (--ix->n_pools - i) * sizeof(*ix->pools));
}

static int pool_put(struct pools_index *ix, const char *name, const struct ip_set *total, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set copy = { 0 };
	struct pool *p;
	bool found;
	size_t i = pool_seat(ix, name, &found);
	char *own;
	int r;

	if (!total) {
		if (found)
			pool_drop(ix, i);
		return 0;
	}
	r = ip_set_copy(total, &copy, e);
	if (r < 0)
		return r;
	if (!found) {
		own = strdup(name);
		p = own ? open_seat(&ix->pools, &ix->n_pools, &ix->cap_pools, sizeof(*p), i) : NULL;
		if (!p) {
			free(own);
			return err_nomem(e);
		}
		p->name = own;
	}
	p = &ix->pools[i];
	ip_set_clear(&p->total);
	p->total = copy;
	copy = (struct ip_set){ 0 };
	return 0;
}

int pools_index_pool(struct pools_index *ix, const char *name, const struct ip_set *total, struct err *e)
{
	int r;

	pthread_mutex_lock(&ix->lock);
	r = pool_put(ix, name, total, e);
	pthread_mutex_unlock(&ix->lock);
	return r;
}

bool pools_index_has_pool(struct pools_index *ix, const char *name)
{
	bool found;

	pthread_mutex_lock(&ix->lock);
	(void)pool_seat(ix, name, &found);
	pthread_mutex_unlock(&ix->lock);
	return found;
}

/* ---- blocks ---- */

static int order(const struct pools_block *a, const struct pools_block *b)
{
	if (a->ver != b->ver)
		return a->ver < b->ver ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static size_t block_seat(const struct pools_index *ix, const struct pools_block *at, bool *found)
{
	size_t lo = 0, hi = ix->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order(&ix->v[mid].at, at) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo < ix->n && order(&ix->v[lo].at, at) == 0;
	return lo;
}

static int names_of(const struct pools_block *at, const char *records, struct json_strv *ret, struct err *e)
{
	struct block b;
	int r = block_decode(at->ver, at->index, records, strlen(records), &b, e);

	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++)
		if (*b.rec[i].pool && !json_strv_has(ret, b.rec[i].pool))
			r = json_strv_add(ret, b.rec[i].pool, e);
	block_clear(&b);
	return r;
}

static bool in_range(const struct pools_block *at, const struct ip_set *total)
{
	return at->ver == total->ver && ip_set_mask(total, at->index);
}

static void tell(const struct pools_index *ix, const struct pools_block *at, const struct json_strv *before,
		 const struct json_strv *now, void (*touched)(const char *pool, void *arg), void *arg)
{
	for (size_t i = 0; i < before->n; i++)
		touched(before->v[i], arg);
	for (size_t i = 0; i < now->n; i++)
		touched(now->v[i], arg);
	for (size_t i = 0; i < ix->n_pools; i++)
		if (in_range(at, &ix->pools[i].total))
			touched(ix->pools[i].name, arg);
}

static void block_drop(struct pools_index *ix, size_t i)
{
	json_strv_clear(&ix->v[i].names);
	memmove(&ix->v[i], &ix->v[i + 1], (--ix->n - i) * sizeof(*ix->v));
}

int pools_index_block(struct pools_index *ix, uint8_t ver, ip_num index, const char *records,
		      void (*touched)(const char *pool, void *arg), void *arg, struct err *e)
{
	const struct pools_block at = { ver, index };
	struct json_strv names = { 0 };
	struct entry *v;
	bool found;
	size_t i;
	int r = records ? names_of(&at, records, &names, e) : 0;

	pthread_mutex_lock(&ix->lock);
	i = block_seat(ix, &at, &found);
	tell(ix, &at, found ? &ix->v[i].names : &(struct json_strv){ 0 }, &names, touched, arg);
	if (!records) {
		if (found)
			block_drop(ix, i);
	} else {
		v = found ? &ix->v[i] : open_seat(&ix->v, &ix->n, &ix->cap, sizeof(*v), i);
		if (v) {
			v->at = at;
			json_strv_clear(&v->names);
			v->names = names;
			names = (struct json_strv){ 0 };
		} else {
			r = err_nomem(e);
		}
	}
	pthread_mutex_unlock(&ix->lock);
	json_strv_clear(&names);
	return r;
}

int pools_index_of(struct pools_index *ix, const char *name, const struct ip_set *total,
		   struct pools_block **ret, size_t *ret_n, struct err *e)
{
	struct pools_block *v;
	size_t n = 0;

	pthread_mutex_lock(&ix->lock);
	v = calloc(ix->n + 1, sizeof(*v));
	for (size_t i = 0; v && i < ix->n; i++)
		if (in_range(&ix->v[i].at, total) || json_strv_has(&ix->v[i].names, name))
			v[n++] = ix->v[i].at;
	pthread_mutex_unlock(&ix->lock);
	*ret = v;
	*ret_n = n;
	return v ? 0 : err_nomem(e);
}
