/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - the embedded store: open, transactions, close */
#include "store/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/local_impl.h"

static void local_close(struct store *st)
{
	struct local *l = local_of(st);

	local_end(st);
	local_env_close(l);
	if (l->ownerfd >= 0)
		close(l->ownerfd);
	if (l->dirfd >= 0)
		close(l->dirfd);
	free(l);
}

static const struct store_impl local_impl = {
	.begin = local_begin,
	.get = local_get,
	.list = local_list,
	.next_free = local_next_free,
	.commit = local_commit,
	.end = local_end,
	.close = local_close,
};

struct local *local_alloc(const struct store_local_opts *o, struct err *e)
{
	size_t len = strlen(o->dir);
	struct local *l;

	while (len > 1 && o->dir[len - 1] == '/') /* a slash would make open() follow a symbolic link */
		len--;
	if (len == 0 || len > STORE_LOCAL_DIR_MAX) {
		err_code(e, ERR_CONFIG, EINVAL, "state directory \"%.64s\": the path is %s", o->dir,
			 len ? "too long" : "empty");
		return NULL;
	}
	l = calloc(1, sizeof(*l) + len + 1);
	if (!l) {
		err_nomem(e);
		return NULL;
	}
	l->st.impl = &local_impl;
	l->read_only = o->read_only;
	l->relaxed = o->relaxed;
	l->on_lock_timeout = o->on_lock_timeout;
	l->on_damage = o->on_damage;
	l->dirfd = l->ownerfd = l->lockfd = -1;
	memcpy(l->dir, o->dir, len);
	return l;
}

/* There is no data.mdb. If there was one, somebody lost it: an empty store in its place would give out
 * addresses that are in use. LMDB's lock file is made after data.mdb. */
static int make(const struct local *l, bool create, struct err *e)
{
	struct local *n;
	int r;

	if (faccessat(l->dirfd, "lock.mdb", F_OK, 0) == 0 || faccessat(l->dirfd, "backup.json", F_OK, 0) == 0)
		return local_damaged(l, e, "data.mdb is gone (to begin anew, remove what is left there)");
	if (!create || l->read_only)
		return err_code(
			e, ERR_IO, ENOENT,
			"state directory %s holds no store; make it and its pools with \"spiderpoolctl "
			"apply --state-dir %s -f FILE\"",
			l->dir, l->dir);
	n = local_new_begin(l, 0, e);
	if (!n)
		return -e->sys;
	r = local_new_finish(l, n, e);
	local_new_drop(l, n);
	return r;
}

/* 1: others are in the way, try again; *e says why. */
static int try_open(struct local *l, bool create, struct err *e)
{
	struct local_header h;
	bool alone;
	int r = local_owner_lock(l, &alone, e);

	if (r != 0)
		return r;
	r = local_header_read(l, &h, e);
	if (r == -ENOENT && !alone && create)
		return local_owner_busy(l, e);
	if (r == -ENOENT) {
		r = make(l, create, e);
		if (r == 0)
			r = local_header_read(l, &h, e);
	}
	if (r == 0)
		r = local_env_open(l, &h, alone, e);
	if (r != 0 || !alone)
		return r;
	r = local_owner_share(l, e);
	if (r == 0)
		r = local_env_moved(l, &h, e);
	if (r != 0)
		local_env_close(l);
	return r;
}

static int late(const struct local *l, struct err *e)
{
	return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
			"state directory %s: others had it locked until the time was up", l->dir);
}

int store_local_open(const struct store_local_opts *o, struct deadline until, struct store **ret,
		     struct err *e)
{
	/* Who comes first keeps the others out for a fraction of a millisecond, or as long as it takes to
	 * make a store. Processes that are in another namespace will not go away soon. */
	const struct deadline others = deadline_in(500);
	const struct timespec pause = { .tv_nsec = 200000 };
	struct local *l = local_alloc(o, e);
	CLEANUP(store_close_p) struct store *st = l ? &l->st : NULL;
	int r;

	if (!l)
		return -e->sys;
	r = local_dir_open(l, o->create && !o->read_only, e);
	if (r == 0)
		r = local_owner_open(l, e);
	if (r < 0)
		return r;
	for (r = 1; r > 0; nanosleep(&pause, NULL)) {
		if (deadline_left(until) == 0)
			return late(l, e);
		local_alarm_set(l, until);
		r = try_open(l, o->create, e);
		local_alarm_clear(l);
		if (r == 0)
			break;
		if (r < 0 || (e->cni != ERR_TRY_AGAIN && deadline_left(others) == 0))
			return -e->sys;
	}
	*ret = TAKE_PTR(st);
	return 0;
}

/* ---- transactions ---- */

int local_txn_check(const struct local *l, struct err *e)
{
	return l->txn ? 0 : err_set(e, EINVAL, "store: no transaction is open");
}

static int txn_begin(struct local *l, unsigned flags, struct deadline until)
{
	int rc;

	local_alarm_set(l, until);
	rc = mdb_txn_begin(l->env, NULL, flags, &l->txn);
	local_alarm_clear(l);
	return rc;
}

/* Another process may have made the map larger; and killed readers keep their places. */
static int txn_begin_retry(struct local *l, unsigned flags, struct deadline until, struct err *e)
{
	int rc = txn_begin(l, flags, until);

	if (rc == MDB_READERS_FULL) {
		rc = mdb_reader_check(l->env, NULL);
		if (rc == 0)
			rc = txn_begin(l, flags, until);
	}
	if (rc == MDB_MAP_RESIZED) {
		rc = mdb_env_set_mapsize(l->env, 0);
		if (rc == 0)
			rc = txn_begin(l, flags, until);
		if (rc == 0)
			return local_schema_read(l, e);
	}
	return rc ? local_err(l, rc, "begin", e) : 0;
}

int local_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	struct local *l = local_of(st);
	int r;

	if (l->txn)
		return err_set(e, EBUSY, "store: a transaction is open already");
	if (mode != STORE_READ && l->read_only)
		return err_code(e, ERR_IO, EROFS, "state directory %s: opened for reading only", l->dir);
	if (deadline_left(until) == 0)
		return late(l, e);
	l->mode = mode;
	l->counted = false;
	r = txn_begin_retry(l, mode == STORE_READ ? MDB_RDONLY : 0, until, e);
	if (r == 0 && mode != STORE_READ)
		r = local_space(l, mode == STORE_WRITE ? LOCAL_COMMIT : 0, e);
	if (r == 0 && mode != STORE_READ)
		r = local_free_check(l, LOCAL_FREE_FIRST, e);
	if (r < 0)
		local_end(st);
	return r;
}

void local_end(struct store *st)
{
	struct local *l = local_of(st);

	if (l->cur)
		mdb_cursor_close(TAKE_PTR(l->cur));
	if (l->txn)
		mdb_txn_abort(TAKE_PTR(l->txn));
}

uint64_t local_version(const struct local *l)
{
	return l->base + mdb_txn_id(l->txn);
}

/* ---- room for what must not fail ---- */

/* Behind the last used page there are always LOCAL_RESERVE bytes and what this transaction will need, within
 * the file and allocated, so that a full disk is noticed before anything changed and STORE_RELEASE still has
 * something to write to. (Within the file, because LMDB does not write pages that it took from the end and
 * gave back in one transaction: they would make the file look cut.) */
int local_space(struct local *l, size_t bytes, struct err *e)
{
	const size_t step = LOCAL_RESERVE;
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	size_t need;
	int fd = -1;

	mdb_env_info(l->env, &info);
	mdb_env_stat(l->env, &stat);
	mdb_env_get_fd(l->env, &fd);
	need = (info.me_last_pgno + 1) * stat.ms_psize + LOCAL_RESERVE + bytes / 4096 * 4096;
	if (need > info.me_mapsize && l->mode == STORE_WRITE)
		return local_err(l, MDB_MAP_FULL, "begin", e);
	if (fstat(fd, &st) < 0)
		return local_err(l, errno, "begin", e);
	if ((size_t)st.st_size >= need && (size_t)st.st_blocks * 512 >= need)
		return 0;
	if (fallocate(fd, 0, 0, (off_t)(need + step)) == 0)
		return 0;
	if (l->mode == STORE_WRITE && (errno == ENOSPC || errno == EDQUOT))
		return local_disk_full(l, need + step - (size_t)st.st_blocks * 512, e);
	/* The file system cannot allocate ahead, or only something is to be given back. */
	if ((size_t)st.st_size < need && ftruncate(fd, (off_t)(need + step)) < 0)
		return local_err(l, errno, "begin", e);
	return 0;
}

/* ---- facts ---- */

int store_local_info(struct store *st, struct store_local_info *ret, struct err *e)
{
	struct local *l = local_of(st);
	struct stat file;
	MDB_envinfo info;
	MDB_stat stat;
	int r = local_begin(st, STORE_READ, deadline_in(1000), e);

	if (r < 0)
		return r;
	*ret = (struct store_local_info){ .schema = LOCAL_SCHEMA };
	for (int kind = 0; kind < STORE_KIND_MAX && r >= 0; kind++)
		r = local_count(l, (enum store_kind)kind, &ret->objects, e);
	mdb_env_info(l->env, &info);
	mdb_env_stat(l->env, &stat);
	local_end(st);
	if (r < 0)
		return r;
	if (fstatat(l->dirfd, "data.mdb", &file, 0) < 0)
		return local_err(l, errno, "read data.mdb", e);
	ret->revision = l->base + info.me_last_txnid;
	ret->used_bytes = (info.me_last_pgno + 1) * stat.ms_psize;
	ret->file_bytes = (uint64_t)file.st_size;
	ret->map_bytes = info.me_mapsize;
	ret->readers = info.me_numreaders;
	return 0;
}
