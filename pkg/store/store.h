/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - versioned objects: get, list, commit (design: allocation.md section 2)
 *
 * An object is (kind, namespace, name) and an opaque value with a version; the version changes with every
 *write and is what compare-and-swap compares. Values are the text forms of pkg/api: JSON, for blocks the
 *record lines.
 *
 * A store does one transaction at a time:
 *
 *	store_begin() - store_get(), store_list(), store_next_free() ... - store_commit() or store_end()
 *
 * STORE_READ sees one consistent state and may not commit. STORE_WRITE excludes every other writer from begin
 *to end (local) or is optimistic (Kubernetes); in both, commit is all or nothing and a version that does not
 *fit is -ESTALE: begin again. STORE_RELEASE is STORE_WRITE for operations that only give back (DEL, GC): it
 *may use the reserve that is kept for a full disk.
 *
 * What get and list lend is valid until the transaction ends. After store_commit(), failed or not, the
 * transaction has ended. One thread per struct store.
 *
 * Errors: code ERR_TRY_AGAIN when the same call may succeed later (lock held too long), ERR_IO for everything
 * that needs an operator; each says what to do.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "ip/ip.h"

#define STORE_VALUE_MAX ((size_t)4 << 20) /* bytes in one value */
#define STORE_NAME_MAX  253               /* bytes in a namespace and in a name, UTF-8 */
#define STORE_OPS_MAX   1024              /* operations in one commit */
#define STORE_TERM_MAX  200               /* bytes in one index term, UTF-8 */
#define STORE_TERMS_MAX 256               /* index terms of one object */

enum store_kind {
	STORE_META, /* notes of the store's users about the whole directory: boot ID, restore in progress */
	STORE_IPPOOL,
	STORE_SUBNET,
	STORE_RESERVEDIP,
	STORE_ENDPOINT,
	STORE_BLOCK,
	STORE_ATTACHMENT, /* what one ADD answered: local only, in the agent these are files */
	STORE_KIND_MAX
};

/* Fixed words for errors and backups: "SpiderIPPool"; NULL for a number that is no kind. */
const char *store_kind_name(enum store_kind kind);
/* -EINVAL when the word is none of them. */
int store_kind_parse(const char *word, struct err *e);

/* The STORE_META object that a restore leaves: {"backupTime":MS,"restoredAt":MS,"boot":"ID"}, the last one
 * the boot it was made in. */
#define STORE_META_RESTORED "restored"

enum store_mode { STORE_READ, STORE_WRITE, STORE_RELEASE };
enum store_verb { STORE_CREATE, STORE_UPDATE, STORE_DELETE };

struct store_obj {
	const char *ns, *name; /* ns is "" for cluster-scoped kinds */
	uint64_t version;
	const char *data;
	size_t len;
};

struct store_op {
	enum store_verb verb;
	enum store_kind kind;
	const char *ns, *name; /* ns NULL or "" for cluster-scoped kinds */
	uint64_t version;      /* update, delete: the version it must have now */
	const char *data;      /* create, update */
	size_t len;
	const char *const *terms; /* create, update: index terms, NULL-terminated; NULL for none */
	int64_t free_at;          /* create, update of a block: see store_next_free() */
	bool behind;              /* may be written after the commit has returned: nobody else needs it now */
};

struct store; /* opaque */

/* One of these per implementation; callers use the functions below. */
struct store_impl {
	int (*begin)(struct store *st, enum store_mode mode, struct deadline until, struct err *e);
	int (*get)(struct store *st, enum store_kind kind, const char *ns, const char *name,
		   struct store_obj *ret, struct err *e);
	int (*list)(struct store *st, enum store_kind kind, const char *term, const char *from,
		    const char *to, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		    void *arg, struct err *e);
	int (*next_free)(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
			 struct err *e);
	/* NULL: what is read is never old */
	int (*doubt)(struct store *st, uint8_t ver, const struct ip_set *set, struct err *e);
	int (*commit)(struct store *st, const struct store_op *ops, size_t n, struct err *e);
	void (*end)(struct store *st);
	void (*close)(struct store *st);
};

/* What store_commit() asks of each operation: -EINVAL, -ENAMETOOLONG, -EFBIG, -E2BIG. */
int store_op_check(const struct store_op *op, struct err *e);

/* Every implementation's struct starts with this one. */
struct store {
	const struct store_impl *impl;
};

int store_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e);

/* 1 and *ret filled in, 0 when there is none, negative on error. */
int store_get(struct store *st, enum store_kind kind, const char *ns, const char *name, struct store_obj *ret,
	      struct err *e);

/* Every object of the kind in the order of (namespace, name): all of them, or those carrying the index term,
 * or (term NULL, from/to not NULL, cluster-scoped kinds) those with from <= name <= to. Stops when each()
 * answers non-zero and returns that answer; else 0. each() may not begin or end a transaction. */
int store_list(struct store *st, enum store_kind kind, const char *term, const char *from, const char *to,
	       int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg, struct err *e);

/* The free hint: the smallest block b, from <= b <= to, whose free_at is <= before: 1 and *ret, or 0. A block
 * that was never written counts as free_at 0. free_at is the time (ms) at which the longest-free address of
 * the block was released, 0 when one was never used, INT64_MAX when all 64 are held. Cost does not grow with
 * the distance. Locally the answer is exact; elsewhere it is a hint that the caller checks by reading the
 * block. */
int store_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		    struct err *e);

/* The transaction found nothing free in the set's blocks: 1 when that was decided by what may be old, and has
 * now been read anew (end and begin again); 0 when it is true. */
int store_doubt(struct store *st, uint8_t ver, const struct ip_set *set, struct err *e);

/* All operations or none, durable when it returns 0. -ESTALE: a version did not fit, or create found one;
 * the error names the object. Ends the transaction in every case. With n 0, what the transaction read is
 * durable: for whoever is about to acknowledge it once more. */
int store_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e);
void store_end(struct store *st);   /* gives up; harmless when no transaction is open */
void store_close(struct store *st); /* accepts NULL; ends a transaction */
void store_close_p(struct store **st);

#endif
