/* SPDX-License-Identifier: Apache-2.0 */
/* kube_impl.h - shared by the files of store/kube*.c
 *
 * Everything below "lock" is read and changed under the hub's lock alone. A transaction holds it from begin
 * to end; only while it waits for the network it is given up, so what was looked at before may have changed:
 * the commit compares versions.
 */
#ifndef STORE_KUBE_IMPL_H
#define STORE_KUBE_IMPL_H

#include <pthread.h>

#include "kube/object.h"
#include "kube/watch.h"
#include "store/kube.h"

#define KUBE_ATTEMPT_MS       5000 /* of one request; then its outcome is unknown */
#define KUBE_ATTEMPT_LEAST_MS 1000
#define KUBE_LINES_KEPT       48   /* blocks whose records stay in memory */
#define KUBE_BLOCKS_KEPT      8192 /* blocks of which something is remembered */
#define KUBE_BUCKETS          1024
#define KUBE_WRITERS          4 /* threads that write endpoints */

/* ---- text that is lent to transactions while others replace it ---- */

struct blob {
	unsigned refs; /* lock */
	size_t len;
	char text[];
};
struct blob *blob_new(const char *text, size_t len); /* NULL: out of memory */
struct blob *blob_ref(struct blob *b);
void blob_put(struct blob *b); /* accepts NULL */

/* ---- shelf: objects by namespace and name, in order ---- */

struct shelf_item {
	char *ns, *name;
	uint64_t version;
	struct blob *data;
	char **terms; /* NULL-terminated, or NULL */
	/* pools, reserved addresses: what the last one looked like from outside, and when it was last listed
	 */
	uint64_t digest, mark;
	/* endpoints; data NULL: it is to go */
	char uid[64]; /* of the object in the API; "": it is not there as far as we know */
	bool queued, running, again;
	unsigned failures;
	int64_t not_before, queued_at;
	struct shelf_item *next_job;
};
struct shelf {
	struct shelf_item **v;
	size_t n, cap;
};
struct shelf_item *shelf_find(const struct shelf *s, const char *ns, const char *name);
/* Adds or replaces; the item keeps its uid. NULL: out of memory, nothing has changed. */
struct shelf_item *shelf_put(struct shelf *s, const char *ns, const char *name, const char *data, size_t len,
			     const char *const *terms, uint64_t version);
void shelf_drop(struct shelf *s, const char *ns, const char *name);
void shelf_clear(struct shelf *s);

/* ---- blocks ---- */

struct kube_txn;
struct kube_block;

enum change_state { CHANGE_WAITS, CHANGE_DONE, CHANGE_DROPPED };

/* One record's change; lines with their newline, NULL: none. */
struct rec_change {
	struct kube_txn *txn;
	struct kube_block *block;
	unsigned slot;
	char *pre, *post;
	enum change_state state;
	bool sending;               /* it is part of an update that is under way ... */
	bool maybe;                 /* ... or of one of which nobody knows what became */
	struct rec_change *next;    /* of the block, in order; only those that wait */
	struct rec_change *sibling; /* of the transaction */
};

struct kube_block {
	uint8_t ver;
	ip_num index;
	struct kube_block *chain;
	uint64_t version; /* of what transactions see; never 0 */
	int64_t free_at;  /* the same */
	int64_t used_at;
	uint64_t as_of; /* store_kube.seq before the request after whose answer this was the API's */
	bool known;     /* lines are what the API server had, or has */
	bool summed;    /* free_at is known, whether or not the lines are kept */
	bool exists;    /* in the API */
	char rv[KUBE_VERSION_MAX];
	char **line; /* IP_BLOCK_SIZE as in the API, NULL: none; NULL when not known */
	struct rec_change *first, *last;
	size_t refs;                    /* changes that name it, of any state */
	bool flushing;                  /* somebody writes it */
	bool shaken;                    /* something below its changes is not what it was ... */
	struct kube_block *next_shaken; /* ... as with these */
	bool loading;
	bool damaged;       /* it could not be understood the last time */
	bool one_by_one;    /* the server refused the batch: who is to blame? */
	unsigned failures;  /* in a row */
	int64_t not_before; /* monotonic ms: the next attempt */
};

/* What a commit changes in blocks. */
struct kube_txn {
	struct rec_change *changes;
	size_t waiting; /* changes that wait */
	bool failed, orphan;
	struct err why;        /* of a failure */
	bool giving;           /* is undone when it fails or is given up */
	struct kube_txn *next; /* of the orphans */
	char **intents;        /* names of files to remove at the end */
	size_t n_intents;
};

struct store_kube {
	struct store_kube_conf conf;
	struct kube *k;
	char *node, *dir;
	int dirfd; /* -1: none */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* of anything below, but not what concerns these alone: */
	pthread_cond_t jobs;    /* endpoints' writers: there is work, or an end */
	pthread_cond_t settle;  /* the settler: the same */
	uint64_t seq;           /* versions */
	struct kube_block *bucket[KUBE_BUCKETS];
	size_t n_blocks, n_lines;
	struct kube_block *shaken;
	struct ip_set full[2]; /* blocks (not addresses) said to be full: IPv4, IPv6 */
	unsigned full_met;     /* since that was listed */
	int64_t full_at;       /* monotonic ms: when that was last begun */
	bool refreshing;
	struct kube_txn *orphans;
	struct shelf pools, reserved, local[2]; /* local: STORE_META, STORE_ATTACHMENT */
	struct shelf endpoints;                 /* of pods of this node that are not fixed */
	struct shelf intents;                   /* found at start */
	struct shelf_item *job_first, *job_last;
	size_t n_jobs;      /* queued or under way */
	size_t n_flushing;  /* blocks that are being written ... */
	int64_t flushed_at; /* ... and monotonic ms: when the last one was */
	int64_t late_at;    /* monotonic ms: when endpoints that nobody knows are looked for; 0: never */
	uint64_t pools_mark, reserved_mark;
	uint64_t pools_seen;           /* lock; version of the last event, 0 before the first list is in */
	uint64_t pools_edited;         /* lock; of the last one that was news */
	struct kube_session *planning; /* lock; whose transactions have looked at pools */
	uint64_t pools_listed;         /* the watch's thread: highest version of a list that is not yet in */
	bool pools_listing;            /* the same */
	uint64_t losses, mended;       /* blocks lost so far, and how many of these were mended */
	bool pools_in, reserved_in, closing, stopping;
	int64_t skew_ms;
	uint64_t newest; /* the highest version the server has said; each write makes it higher */
	struct store_kube_stats stats;
	struct kube_cancel cancel;

	struct kube_watch *watch_pools, *watch_reserved;
	pthread_t settler, writer[KUBE_WRITERS];
	size_t n_threads; /* that have been started */
};

struct kube_session {
	struct store st;
	struct store_kube *h;
	bool fixed, held;
	bool planned;              /* is one of store_kube.planning ... */
	uint64_t pools_seen;       /* ... since this was store_kube.pools_seen */
	struct kube_session *next; /* of these */
	uint64_t doubted;          /* store_kube.seq when it first doubted; 0: it has not */
	unsigned reread;           /* blocks */
	enum store_mode mode;
	struct deadline until;
	struct blob **lent;
	size_t n_lent, cap_lent;
};

static inline bool hub_is_tool(const struct store_kube *h)
{
	return !h->node[0];
}

/* An object that the transaction may read until it ends. */
int session_lend(struct kube_session *s, struct blob *b, struct err *e);
/* The same for new text; *ret points to it. */
int session_lend_text(struct kube_session *s, const char *text, size_t len, const char **ret, struct err *e);

/* kube_block.c: memory alone */
struct kube_block *block_find(struct store_kube *h, uint8_t ver, ip_num index);
struct kube_block *block_make(struct store_kube *h, uint8_t ver, ip_num index, struct err *e);
/* "" for none. */
const char *block_records(struct json_object *tree);
void line_node(const char *line, char out[256]);
/* The lines that transactions see. */
void block_lines(const struct kube_block *b, const char *out[IP_BLOCK_SIZE]);
int block_text(const struct kube_block *b, struct buf *out, struct err *e);
/* What the API server has; NULL records: no such object. Changes that wait are held against it. 1: a record
 * of this node's containers is not what it was, and nobody here has changed it. */
int block_take(struct store_kube *h, struct kube_block *b, const char *records, const char *rv,
	       struct err *e);
/* Adds what makes the block's text that of the operation. */
int block_change(struct store_kube *h, struct kube_block *b, const struct store_op *op, struct kube_txn *t,
		 struct err *e);
void block_settle(struct store_kube *h, struct kube_block *b,
		  const char *rv); /* all that waits was written */
void block_evict(struct store_kube *h);
/* Of all blocks that nobody uses just now. */
void blocks_forget(struct store_kube *h);
void txn_fail(struct store_kube *h, struct kube_txn *t, const struct err *why);
/* Makes the changes that undo what was done of t. */
int txn_invert(struct store_kube *h, struct kube_txn *t, struct kube_txn **ret, struct err *e);
void txn_free(struct store_kube *h, struct kube_txn *t);
void blocks_free(struct store_kube *h);

/* kube_flush.c: under the lock, which is given up meanwhile */
int block_load(struct store_kube *h, struct kube_block *b, struct deadline until, struct err *e);
/* Waits for those who read or write it: what comes is newer than anything they had. */
int block_reload(struct store_kube *h, struct kube_block *b, struct deadline until, struct err *e);
/* Until nothing of t waits, or it failed, or the deadline. */
int txn_await(struct store_kube *h, struct kube_txn *t, struct deadline until, struct err *e);
/* Somebody else finishes it, and undoes it when it is of those. */
void txn_orphan(struct store_kube *h, struct kube_txn *t);
/* The same for one that failed; when until allows, nobody sees anything of it afterwards. */
void txn_abandon(struct store_kube *h, struct kube_txn *t, struct deadline until);
void *kube_settler(void *hub);

/* kube_lost.c */
void hub_lost(struct store_kube *h, bool all, const char *sentence);
/* The API server is one of an earlier state. */
void hub_set_back(struct store_kube *h);
/* It may be. */
void hub_doubtful(struct store_kube *h);

/* kube_full.c */
int kube_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		   struct err *e);
int kube_doubt(struct store *st, uint8_t ver, const struct ip_set *set, struct err *e);
void full_note(struct store_kube *h, const struct kube_block *b);
int full_list(struct store_kube *h, bool fresh, struct deadline until, struct err *e);

/* kube_local.c */
int local_open(struct store_kube *h, struct err *e);
int local_intent(struct store_kube *h, const struct store_op *op, struct kube_txn *t, struct err *e);
/* t: whose intent it was. */
int local_apply(struct store_kube *h, const struct store_op *op, const struct kube_txn *t, struct err *e);
void local_drop_intents(struct store_kube *h, struct kube_txn *t);
/* An endpoint that waits to be written. It waits in memory too: a full disk is told of, nothing more. */
void local_pending(struct store_kube *h, const char *ns, const char *name, const char *text);
void local_pending_end(struct store_kube *h, const char *ns, const char *name);

/* kube_follow.c */
int follow_start(struct store_kube *h, struct err *e);
void follow_stop(struct store_kube *h);

/* kube_endpoint.c */
int endpoint_read(struct kube_session *s, const char *ns, const char *name, struct store_obj *ret,
		  struct err *e);
/* Now; the lock is given up meanwhile. -ESTALE: somebody else has changed what the session had read. */
int endpoint_write(struct kube_session *s, const struct store_op *op, struct err *e);
/* By a thread of ours. data NULL: gone. */
int endpoint_behind(struct store_kube *h, const char *ns, const char *name, const char *data, struct err *e);
/* The same of what is on disk already. */
int endpoint_queue(struct store_kube *h, const char *ns, const char *name, const char *data, struct err *e);
int endpoint_recall(struct store_kube *h, struct deadline until, struct err *e);
/* What a create of unknown outcome has left, when it is time; the lock is given up meanwhile. */
void endpoint_late(struct store_kube *h);
void *kube_writer(void *hub);

/* kube_object.c: what is read and written as it is */
const struct kube_resource *object_resource(enum store_kind kind);
uint64_t object_version(struct json_object *tree);
/* The text of an object as transactions see it. */
int object_value(struct store_kube *h, enum store_kind kind, struct json_object *tree, struct buf *out,
		 const char *terms[4], struct err *e);
int object_read(struct kube_session *s, enum store_kind kind, const char *ns, const char *name,
		struct store_obj *ret, struct err *e);
int object_write(struct store_kube *h, const struct store_op *op, struct deadline until, struct err *e);
int object_list(struct kube_session *s, enum store_kind kind, const char *term, const char *from,
		const char *to, int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg,
		struct err *e);

/* Gives the lock up around something that takes long. */
static inline void hub_unlock(struct store_kube *h)
{
	pthread_mutex_unlock(&h->lock);
}
static inline void hub_lock(struct store_kube *h)
{
	pthread_mutex_lock(&h->lock);
}

#endif
