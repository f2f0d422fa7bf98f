/* SPDX-License-Identifier: Apache-2.0 */
/* local_impl.h - inside of the embedded store: for the files of this folder and their tests
 *
 * All records lie in LMDB's one unnamed database, told apart by the first byte of the key, so that a commit
 * dirties as few pages as possible:
 *
 *	00                                        schema record, and which blocks there are
 *	10+kind  ns 00 name 00                    object: head, index terms, data
 *	30+kind  hash(term)[3]  ns 00 name        index entry, empty value
 *	50  ver  level  node number, big-endian   free hint: minima of 64 blocks or 64 nodes below
 *
 * The longest key is 511 bytes, LMDB's limit. Three bytes of hash suffice because a list by term looks into
 * the object, which carries its terms in full. Every value but the empty one begins with a checksum over key
 * and value, so bytes that are wrong, or right but in the wrong place, are found.
 */
#ifndef STORE_LOCAL_IMPL_H
#define STORE_LOCAL_IMPL_H

#include <lmdb.h>
#include <sys/types.h>

#include "base/own.h"
#include "store/local.h"

#define LOCAL_SCHEMA  1
#define LOCAL_READERS 1024
#define LOCAL_RESERVE ((size_t)1 << 20)   /* bytes that only STORE_RELEASE may fall back on */
#define LOCAL_COMMIT  ((size_t)128 << 10) /* bytes that a transaction for writing finds at its begin */
#define LOCAL_DBI     1                   /* what LMDB calls its unnamed database */

#define LOCAL_KEY_MAX 511
enum { LOCAL_KEY_STORE = 0x00, LOCAL_KEY_OBJ = 0x10, LOCAL_KEY_INDEX = 0x30, LOCAL_KEY_HINT = 0x50 };

/* Address space of the map; the file takes only what is used. Tests make it small. */
extern size_t local_map_bytes;

struct local_guard { /* one open store, as the signal handlers see it */
	struct local_guard *next;
	const char *lo, *hi; /* addresses that belong to it */
	void (*on_damage)(const char *sentence);
	dev_t dev;
	ino_t ino;
	char sentence[STORE_LOCAL_DAMAGE_MAX];
};

struct local {
	struct store st;
	MDB_env *env;
	MDB_txn *txn;
	MDB_cursor *cur; /* of store_get(), lives as long as txn */
	enum store_mode mode;
	bool read_only, relaxed;
	bool counted;  /* in this transaction every block was found to be there */
	bool no_lock;  /* read-only file system: LMDB's lock file cannot be used */
	uint64_t base; /* an object's version is base + the number of the LMDB transaction */
	int dirfd, ownerfd, lockfd;
	void (*on_lock_timeout)(void);
	void (*on_damage)(const char *sentence);
	struct local_guard guard;
	char owner[64]; /* what the file "owner" holds while processes like this one use the store */
	char dir[];     /* without slashes at the end */
};

static inline struct local *local_of(struct store *st)
{
	return (struct local *)st; /* st is its first member */
}

/* ---- errors: local_err.c ---- */

/* "state directory DIR: ...; restore ...", -EUCLEAN */
int local_damaged(const struct local *l, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What LMDB returned (an MDB_ code or an errno) as a sentence; doing is "commit", "read", ... */
int local_err(const struct local *l, int rc, const char *doing, struct err *e);
unsigned long long local_free_kib(const struct local *l); /* on its file system */
int local_disk_full(const struct local *l, size_t needed, struct err *e);

/* ---- keys and values: local_val.c ---- */

struct local_key {
	size_t len;
	uint8_t b[LOCAL_KEY_MAX + 1];
};

struct local_terms { /* packed: a length byte, then the bytes; pointers into the value */
	const uint8_t *p;
	size_t len;
};

struct local_val {
	uint64_t version;
	int64_t free_at;
	struct local_terms terms;
	const char *data;
	size_t len;
};

uint64_t local_sum(uint64_t seed, const void *data, size_t len);
MDB_val local_key_val(struct local_key *k);
void local_key_obj(struct local_key *k, enum store_kind kind, const char *ns, const char *name);
/* The index key that belongs to an object key. */
void local_key_index(struct local_key *k, const struct local_key *obj, const void *term, size_t len);
/* And back; -EUCLEAN when the index key is none. */
int local_key_index_obj(const MDB_val *index, struct local_key *obj);
/* Strings lie in the key. -EUCLEAN when it is no object key. */
int local_key_parse(const MDB_val *k, enum store_kind *kind, const char **ns, const char **name);

/* Whether k is a key and comes behind last (length 0 at first), which then becomes k: a walk over pages that
 * are damaged must not go in circles. */
bool local_key_follows(struct local_key *last, const MDB_val *k);

int local_val_decode(const MDB_val *k, const MDB_val *v, struct local_val *ret); /* -EUCLEAN */
size_t local_val_size(const struct local_val *val);
void local_val_encode(const struct local_key *k, const struct local_val *val, void *out);
/* The sum that a value at this key must begin with. */
uint64_t local_val_sum(const MDB_val *k, const MDB_val *v);
/* false at the end; otherwise *term and *len, and *it moves on. */
bool local_terms_next(struct local_terms *it, const uint8_t **term, size_t *len);
bool local_terms_have(struct local_terms terms, const void *term, size_t len);
/* Whether one of them has the same index entry as this term. */
bool local_terms_share(struct local_terms terms, const void *term, size_t len);

/* ---- the directory: local_dir.c ---- */

int local_dir_open(struct local *l, bool create, struct err *e);
int local_owner_open(struct local *l, struct err *e);
/* 0 and *alone: the lock is held, exclusively when alone. 1: others are in the way, try again. */
int local_owner_lock(struct local *l, bool *alone, struct err *e);
/* Exclusive to shared; 1 when others came in between. */
int local_owner_share(struct local *l, struct err *e);
int local_owner_busy(const struct local *l, struct err *e); /* the sentence for it; returns 1 */

/* ---- the environment: local_env.c, local_schema.c ---- */

struct local_header { /* what the meta pages of data.mdb say */
	unsigned psize;
	uint64_t txnid, last_page;
	dev_t dev;
	ino_t ino;
};

/* Reads and checks without LMDB. -ENOENT: there is no data.mdb (*e not set). */
int local_header_read(const struct local *l, struct local_header *h, struct err *e);
/* 1: another file took the place of the one h was read from. */
int local_env_open(struct local *l, const struct local_header *h, bool alone, struct err *e);
void local_env_close(struct local *l);
/* 1: data.mdb is no longer the file that h was read from. */
int local_env_moved(const struct local *l, const struct local_header *h, struct err *e);
/* Schema record of the open transaction; also finds out where the map is. */
int local_schema_read(struct local *l, struct err *e);

/* sum and schema keep their places in every later schema. */
struct local_schema {
	uint64_t sum;
	uint32_t schema, zero;
	uint64_t base;
	uint64_t blocks, keys; /* how many there are, and the sum of their keys' hashes */
};
#define LOCAL_SCHEMA_SHORT offsetof(struct local_schema, blocks) /* of stores that do not count them yet */

/* 1: complete; 0: short. */
int local_schema_load(const struct local *l, struct local_schema *ret, struct err *e);
int local_schema_store(const struct local *l, struct local_schema *rec, struct err *e);

/* ---- which blocks there are: local_census.c ---- */

/* The block at the key has come, or gone; nothing for keys of other kinds. */
int local_census_change(const struct local *l, const struct local_key *k, bool come, struct err *e);
/* -EUCLEAN when the blocks that can be reached are not those that were written, or k, which was not found,
 * was not looked for where it belongs (NULL: none). */
int local_census_check(struct local *l, struct local_key *k, struct err *e);
/* A new environment in a directory of its own below l->dir, to be renamed into place; l holds the owner lock
 * exclusively. In between, objects are written with local_put() into n->txn. */
struct local *local_new_begin(const struct local *l, uint64_t base, struct err *e);
int local_new_commit(struct local *n, struct err *e); /* and begins the next transaction */
int local_new_finish(const struct local *l, struct local *n, struct err *e);
void local_new_drop(const struct local *l, struct local *n); /* accepts NULL */

/* ---- free pages: local_free.c ---- */

/* -EUCLEAN unless the first records of the list, most of them at most, make sense. */
int local_free_check(const struct local *l, size_t most, struct err *e);
#define LOCAL_FREE_FIRST 16 /* as many as a commit takes */

/* ---- signals: local_guard.c ---- */

/* -EBUSY when this process has the file open already (LMDB's locks would be lost). */
int local_guard_add(struct local *l, const struct local_header *h, struct err *e);
void local_guard_remove(struct local *l);
/* Between the two whatever faults is LMDB's doing, wherever it is. */
void local_guard_enter(const struct local *l);
void local_guard_leave(void);
/* Between the two whoever waits looks again now and then, and l->on_lock_timeout is called when the deadline
 * passes. */
void local_alarm_set(const struct local *l, struct deadline until);
void local_alarm_clear(const struct local *l);

/* ---- LMDB's calls, guarded: local_mdb.c ---- */

int local_mdb_get(const struct local *l, MDB_val *k, MDB_val *v);
int local_mdb_put(const struct local *l, MDB_val *k, MDB_val *v, unsigned flags);
int local_mdb_del(const struct local *l, MDB_val *k);
int local_mdb_move(const struct local *l, MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op);
int local_mdb_drop(const struct local *l, MDB_cursor *c); /* the record it is at */
int local_mdb_commit(struct local *l);

/* ---- transactions: local.c ---- */

struct local *local_alloc(const struct store_local_opts *o,
			  struct err *e); /* NULL on error; nothing is open */
int local_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e);
void local_end(struct store *st);
int local_txn_check(const struct local *l, struct err *e); /* -EINVAL when there is no transaction */
uint64_t local_version(const struct local *l); /* of what this transaction writes, or of what it sees */
/* Keeps the reserve and bytes allocated behind the last used page. Called with the writer lock. */
int local_space(struct local *l, size_t bytes, struct err *e);

/* ---- objects: local_obj.c, local_commit.c ---- */

int local_get(struct store *st, enum store_kind kind, const char *ns, const char *name, struct store_obj *ret,
	      struct err *e);
int local_list(struct store *st, enum store_kind kind, const char *term, const char *from, const char *to,
	       int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg, struct err *e);
/* Adds the number of objects of the kind. */
int local_count(const struct local *l, enum store_kind kind, uint64_t *count, struct err *e);
/* -EUCLEAN unless every record can be reached: LMDB counts them. *objects tells how many of them are objects.
 */
int local_whole(const struct local *l, uint64_t *objects, struct err *e);
int local_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e);
/* Value at the key with its checksum verified: 1, 0, or negative. */
int local_load(const struct local *l, struct local_key *k, struct local_val *ret, struct err *e);
/* Writes value and index entries; old is what was there, NULL for nothing. */
int local_put(const struct local *l, struct local_key *k, const struct local_val *val,
	      const struct local_val *old, struct err *e);
/* Index entries and free hint of an object, where there are none. */
int local_derive(const struct local *l, const struct local_key *k, const struct local_val *val,
		 struct err *e);
/* *out owns the packed form. */
int local_terms_pack(const char *const *terms, uint8_t **out, struct local_terms *ret, struct err *e);

/* ---- the free hint: local_hint.c ---- */

#define LOCAL_FAN 64

struct local_node {
	bool exists;
	int64_t at[LOCAL_FAN]; /* all 0 when it does not exist */
};

int local_hint_levels(uint8_t ver);
void local_hint_key(struct local_key *k, uint8_t ver, int level, ip_num node);
int local_hint_key_parse(const MDB_val *k, uint8_t *ver, int *level, ip_num *node); /* -EUCLEAN */
int local_hint_load(const struct local *l, uint8_t ver, int level, ip_num node, struct local_node *ret,
		    struct err *e);
int64_t local_hint_min(const struct local_node *n);
int local_hint_set(const struct local *l, uint8_t ver, ip_num block, int64_t free_at, struct err *e);
int local_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		    struct err *e);

#endif
