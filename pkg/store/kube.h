/* SPDX-License-Identifier: Apache-2.0 */
/* kube.h - the store of a cluster: custom resources of kube-apiserver, written together
 *
 * One hub a process, one session a request. What sessions commit on one block is one update of that object:
 * who comes first writes for all that wait (group commit). A change is of records, each with what it was
 * before: when another node wrote the block meanwhile, what still fits is applied to the new one, what does
 * not is -ESTALE.
 *
 * An update whose outcome is unknown is repeated at the version it was made for until something certain is
 * known (the fence of design/allocation.md section 2): after its success or after the object has moved on the
 * first one can never land. A session that gives up meanwhile is undone behind its back, unless it gave back
 * (STORE_RELEASE).
 *
 * Where things are: blocks, endpoints, pools, subnets, reserved addresses in the API; attachments and notes
 * about the node in files of a directory (they need not survive a power cut, as no container does). Pools and
 * reserved addresses are followed by watches, pools by metadata only. Blocks are kept as last read or
 * written: what is decided on them is held against the API by the update, and by store_doubt().
 */
#ifndef STORE_KUBE_H
#define STORE_KUBE_H

#include <json-c/json.h>

#include "kube/client.h"
#include "store/store.h"

#define STORE_KUBE_NODE_LABEL \
	"node.ipam.spidernet.io/" /* and the node's name: it holds something in the block */
#define STORE_KUBE_FULL_LABEL "ipam.spidernet.io/full" /* "true": nothing in the block is free */

struct store_kube_conf {
	struct kube *k;
	const char *node; /* "": an operator's tool: nothing is followed, nothing node-local, all is read each
			     time */
	const char *dir;  /* of node-local objects; made when missing */
	/* The text a pool has in transactions, and its index terms (fixed strings, at most 3 and NULL). */
	int (*pool_value)(struct json_object *pool, struct buf *text, const char *terms[4], struct err *e);
	/* A pool came, went or changed; on a thread of ours, short. May be NULL. */
	void (*pools_changed)(void *arg);
	/* What store_kube_pools_seen() says is later now, as a transaction has ended; short. May be NULL. */
	void (*pools_caught_up)(void *arg);
	/* What blocks say of this node is not what it wrote: nothing more is given out until
	 * store_kube_mended(). all: not of one record, but the block or the whole cluster has lost its state,
	 * so that other nodes have as much to claim again. Short, and not to call back. May be NULL. */
	void (*lost)(const char *sentence, bool all, void *arg);
	/* An update of a block: from when it was decided what is in it until that was certain, or nobody
	 * could say. May be NULL. */
	void (*wrote)(double seconds, void *arg);
	/* Worth a line in the log. May be NULL. */
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

struct store_kube;

int store_kube_open(const struct store_kube_conf *c, struct store_kube **ret, struct err *e);
/* The resourceVersion up to which what happened to pools is known here, also to transactions that are under
 * way, as a number; 0: they are not in. */
uint64_t store_kube_pools_seen(struct store_kube *h);
/* Sessions must have been closed. Endpoints that wait to be written get until to be. Accepts NULL. */
void store_kube_close(struct store_kube *h, struct deadline until);
/* Whether pools and reserved addresses are in; waits for it. */
bool store_kube_wait(struct store_kube *h, struct deadline until);

/* fixed: of a pod whose address outlives it; its endpoint may have been written on another node. */
int store_kube_session(struct store_kube *h, bool fixed, struct store **ret, struct err *e);

/* After it no earlier update of the block by anybody can land. */
int store_kube_fence(struct store_kube *h, uint8_t ver, ip_num index, struct deadline until, struct err *e);
/* What was lost with blocks is claimed again. losses: what store_kube_losses() said before that began. */
void store_kube_mended(struct store_kube *h, uint64_t losses);
uint64_t store_kube_losses(struct store_kube *h);
/* Blocks in which the node holds something, by quorum: each() gets (version 0) what the API has. */
int store_kube_node_blocks(struct store_kube *h, struct deadline until,
			   int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg,
			   struct err *e);

/* Attachments of calls that were cut off when the last process ended, as they would have been stored but for
 * ns, which is "": of one there may be several. */
int store_kube_intents(struct store_kube *h, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		       void *arg, struct err *e);
void store_kube_intents_end(struct store_kube *h); /* removes them */

/* What the API server's clock is ahead of ours, ms. */
int64_t store_kube_skew(struct store_kube *h);
/* How many endpoints wait to be written. */
size_t store_kube_behind(struct store_kube *h);

struct store_kube_stats {
	uint64_t writes, conflicts, unknown, changes, undone, endpoint_writes, reads;
	size_t orphans; /* now: transactions that were given up and are not settled yet */
};
void store_kube_stats(struct store_kube *h, struct store_kube_stats *ret);

#endif
