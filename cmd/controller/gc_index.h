/* SPDX-License-Identifier: Apache-2.0 */
/* gc_index.h - from a pod, a node, a StatefulSet to the blocks in which it has something
 *
 * Pure memory, 24 bytes for a pod and block. What was put in stays until the block is put in anew; that a
 * block is looked at for nothing does no harm. Any number of threads.
 */
#ifndef CONTROLLER_GC_INDEX_H
#define CONTROLLER_GC_INDEX_H

#include "api/block.h"

enum gc_kind { GC_POD, GC_NODE, GC_SET };

struct gc_index; /* opaque */

int gc_index_new(struct gc_index **ret, struct err *e);
void gc_index_free(struct gc_index *ix); /* accepts NULL */

/* The block has these records now; NULL: it is gone. */
int gc_index_put(struct gc_index *ix, uint8_t ver, ip_num index, const struct block *b, struct err *e);

struct gc_block {
	uint8_t ver;
	ip_num index;
};
/* Tells each block in which it has something; told() may not call back. ns "" for a node. */
void gc_index_each(struct gc_index *ix, enum gc_kind kind, const char *ns, const char *name,
		   void (*told)(const struct gc_block *b, void *arg), void *arg);
size_t gc_index_count(struct gc_index *ix);

#endif
