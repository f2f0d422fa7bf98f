/* SPDX-License-Identifier: Apache-2.0 */
/* txn.h - one transaction of the engine: the blocks it touches, the objects it writes, the strings both need
 *
 * Blocks are read once and changed in memory, so two NICs of one call see each other's addresses. Nothing is
 * written before txn_run() commits all of it together.
 */
#ifndef IPAM_TXN_H
#define IPAM_TXN_H

#include "api/block.h"
#include "ipam/hash.h"
#include "ipam/ipam.h"

struct txn_block {
	struct block b;
	uint64_t version; /* 0: not in the store yet */
	bool dirty;
};

struct txn_op;       /* an object to write */
struct txn_chunk;    /* strings */
struct txn_endpoint; /* ipam/endpoint.h */

struct txn {
	struct ipam *m;
	int64_t now;    /* wall time of the transaction, ms */
	bool probe_all; /* restored from a backup: any address may be in use */
	bool hold_dead; /* what is released is free, whatever kept it */
	bool unseen;    /* nobody on its node saw the container end that it is released for */
	bool again;     /* the body failed with -ESTALE since what it read was old: begin again */
	struct txn_block **blocks;
	size_t n_blocks;
	struct hash block_of; /* by family and index */
	struct txn_endpoint **endpoints;
	size_t n_endpoints;
	struct hash endpoint_of; /* by namespace and pod */
	struct txn_op *ops;
	size_t n_ops;
	struct txn_chunk *strings;
};

/* Runs body between begin and commit; again when the commit lost a race (-ESTALE), until the call's deadline.
 * body returns 1 to end without writing (that is success too). What body hands out must not point into the
 * transaction. */
int txn_run(struct ipam *m, enum store_mode mode, int (*body)(struct txn *t, void *arg, struct err *e),
	    void *arg, struct err *e);

/* The block that holds addresses index*64...; the pointer is good until the transaction ends. Set dirty after
 * a change. -EUCLEAN: the store has it, but it cannot be understood. */
int txn_block(struct txn *t, uint8_t ver, ip_num index, struct txn_block **ret, struct err *e);
/* The record of one address. */
int txn_record(struct txn *t, struct ip addr, struct txn_block **ret_block, struct block_rec **ret,
	       struct err *e);
/* A copy of s that lives as long as the transaction: for record strings. NULL s is "". NULL on OOM (and *e
 * set). */
const char *txn_str(struct txn *t, const char *s, struct err *e);

/* Queue a write; value is taken over (emptied). version 0 creates. */
int txn_put(struct txn *t, enum store_kind kind, const char *ns, const char *name, uint64_t version,
	    struct buf *value, struct err *e);
/* Index terms of the last txn_put(); strings that outlive the transaction. */
int txn_terms(struct txn *t, const char *const *terms, struct err *e);
/* The last operation may be written after the commit (store_op.behind). */
void txn_behind(struct txn *t);
int txn_delete(struct txn *t, enum store_kind kind, const char *ns, const char *name, uint64_t version,
	       struct err *e);

#endif
