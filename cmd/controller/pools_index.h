/* SPDX-License-Identifier: Apache-2.0 */
/* pools_index.h - which pools a block touches, and in which blocks a pool has something
 *
 * A block touches the pools in whose ranges it has an address, and those that its records name. Any number of
 * threads.
 */
#ifndef CONTROLLER_POOLS_INDEX_H
#define CONTROLLER_POOLS_INDEX_H

#include "ip/ip.h"

struct pools_index; /* opaque */

int pools_index_new(struct pools_index **ret, struct err *e);
void pools_index_free(struct pools_index *ix); /* accepts NULL */

/* The pool hands these out; NULL: there is no such pool. The set is copied. */
int pools_index_pool(struct pools_index *ix, const char *name, const struct ip_set *total, struct err *e);
bool pools_index_has_pool(struct pools_index *ix, const char *name);

/* The block's records are these (text of api/block.h) now; NULL: it is gone. touched() is told every pool
 * that it touches or has touched before, maybe more than once. On failure too: what names nobody can read
 * touches the pools of its range. */
int pools_index_block(struct pools_index *ix, uint8_t ver, ip_num index, const char *records,
		      void (*touched)(const char *pool, void *arg), void *arg, struct err *e);

struct pools_block {
	uint8_t ver;
	ip_num index;
};
/* The blocks that touch the pool, in address order. *ret is to be freed. */
int pools_index_of(struct pools_index *ix, const char *name, const struct ip_set *total,
		   struct pools_block **ret, size_t *ret_n, struct err *e);

#endif
