/* SPDX-License-Identifier: Apache-2.0 */
/* local_schema.c - the record that says what kind of store this is, and making a new one */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/local_impl.h"

static struct local_key schema_key(void)
{
	return (struct local_key){ 1, { LOCAL_KEY_STORE } };
}

/* LMDB does not tell where its map is. The record lies in it, and the page that the record is in begins with
 * its number; that holds while LMDB's pages are not larger than the system's. */
static void find_map(struct local *l, const MDB_val *v)
{
	MDB_envinfo info;
	MDB_stat stat;
	const char *page;
	uint64_t number;

	l->guard.lo = l->guard.hi = NULL;
	mdb_env_info(l->env, &info);
	mdb_env_stat(l->env, &stat);
	if (stat.ms_psize > (unsigned)sysconf(_SC_PAGESIZE))
		return;
	page = (const char *)((uintptr_t)v->mv_data & ~(uintptr_t)(stat.ms_psize - 1));
	memcpy(&number, page, sizeof(number));
	if (number > info.me_last_pgno)
		return;
	l->guard.lo = page - number * stat.ms_psize;
	l->guard.hi = l->guard.lo + info.me_mapsize;
}

int local_schema_read(struct local *l, struct err *e)
{
	struct local_key k = schema_key();
	MDB_val key = local_key_val(&k), v;
	struct local_schema rec = { 0 };
	uint64_t sum;
	MDB_dbi dbi;
	int rc = mdb_dbi_open(l->txn, NULL, 0, &dbi);

	if (rc == 0)
		rc = local_mdb_get(l, &key, &v);
	if (rc == MDB_NOTFOUND)
		return local_damaged(l, e, "data.mdb is an LMDB file, but no store of addresses");
	if (rc)
		return local_err(l, rc, "open", e);
	if (v.mv_size < 16 || v.mv_size > 4096)
		return local_damaged(l, e, "the store's first record is damaged");
	local_guard_enter(l); /* where the map ends is not known yet */
	memcpy(&rec, v.mv_data, v.mv_size < sizeof(rec) ? v.mv_size : sizeof(rec));
	sum = local_val_sum(&key, &v);
	local_guard_leave();
	if (rec.sum != sum)
		return local_damaged(l, e, "the store's first record is damaged");
	if (rec.schema > LOCAL_SCHEMA)
		return err_code(
			e, ERR_IO, EPROTO,
			"state directory %s was written by a newer version (schema %u, this program knows "
			"%d); use the newer program",
			l->dir, rec.schema, LOCAL_SCHEMA);
	if (rec.schema != LOCAL_SCHEMA || (v.mv_size != sizeof(rec) && v.mv_size != LOCAL_SCHEMA_SHORT))
		return local_damaged(l, e, "the store's first record makes no sense");
	l->base = rec.base;
	find_map(l, &v);
	return 0;
}

int local_schema_load(const struct local *l, struct local_schema *ret, struct err *e)
{
	struct local_key k = schema_key();
	MDB_val key = local_key_val(&k), v;
	int rc = local_mdb_get(l, &key, &v);

	*ret = (struct local_schema){ 0 };
	if (rc && rc != MDB_NOTFOUND)
		return local_err(l, rc, "read", e);
	if (rc || (v.mv_size != sizeof(*ret) && v.mv_size != LOCAL_SCHEMA_SHORT))
		return local_damaged(l, e, "the store's first record is damaged");
	memcpy(ret, v.mv_data, v.mv_size);
	if (ret->sum != local_val_sum(&key, &v))
		return local_damaged(l, e, "the store's first record is damaged");
	return v.mv_size == sizeof(*ret);
}

int local_schema_store(const struct local *l, struct local_schema *rec, struct err *e)
{
	struct local_key k = schema_key();
	MDB_val key = local_key_val(&k), v = { sizeof(*rec), rec };
	int rc;

	rec->sum = local_val_sum(&key, &v);
	rc = local_mdb_put(l, &key, &v, 0);
	return rc ? local_err(l, rc, "write", e) : 0;
}

/* ---- a new environment ---- */

static const char temp_name[] = "data.tmp";

static int next_txn(struct local *n, struct err *e)
{
	MDB_dbi dbi;
	int rc = mdb_txn_begin(n->env, NULL, 0, &n->txn);

	if (rc == 0)
		rc = mdb_dbi_open(n->txn, NULL, 0, &dbi);
	return rc ? local_err(n, rc, "make", e) : 0;
}

static int temp_open(struct local *n, struct err *e)
{
	char path[PATH_MAX];
	int rc;

	if (snprintf(path, sizeof(path), "%s/%s", n->dir, temp_name) >= (int)sizeof(path))
		return local_err(n, ENAMETOOLONG, "make", e);
	/* A leftover is of a process that died: the owner lock is ours. */
	unlinkat(n->dirfd, temp_name, 0);
	rc = mdb_env_create(&n->env);
	if (rc == 0)
		rc = mdb_env_set_mapsize(n->env, local_map_bytes);
	if (rc == 0) /* in one file, without a lock file: nobody else knows of it */
		rc = mdb_env_open(n->env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC | MDB_NOTLS, 0600);
	return rc ? local_err(n, rc, "make", e) : next_txn(n, e);
}

struct local *local_new_begin(const struct local *l, uint64_t base, struct err *e)
{
	size_t len = strlen(l->dir) + 1;
	struct local *n = calloc(1, sizeof(*n) + len);
	int r;

	if (!n) {
		err_nomem(e);
		return NULL;
	}
	memcpy(n->dir, l->dir, len);
	n->dirfd = l->dirfd; /* borrowed */
	n->base = base;
	r = temp_open(n, e);
	if (r == 0)
		r = local_schema_store(n, &(struct local_schema){ .schema = LOCAL_SCHEMA, .base = base }, e);
	if (r < 0) {
		local_new_drop(l, n);
		return NULL;
	}
	return n;
}

int local_new_commit(struct local *n, struct err *e)
{
	int rc = local_mdb_commit(n);

	return rc ? local_err(n, rc, "make", e) : next_txn(n, e);
}

int local_new_finish(const struct local *l, struct local *n, struct err *e)
{
	int rc = local_mdb_commit(n), fd = -1;

	if (rc == 0)
		rc = mdb_env_get_fd(n->env, &fd);
	if (rc == 0 && fsync(fd) < 0)
		rc = errno;
	if (rc)
		return local_err(l, rc, "make", e);
	if (renameat(l->dirfd, temp_name, l->dirfd, "data.mdb") < 0 || fsync(l->dirfd) < 0)
		return local_err(l, errno, "make data.mdb", e);
	return 0;
}

void local_new_drop(const struct local *l, struct local *n)
{
	if (!n)
		return;
	if (n->txn)
		mdb_txn_abort(n->txn);
	mdb_env_close(n->env);
	unlinkat(l->dirfd, temp_name, 0);
	free(n);
}
