/* SPDX-License-Identifier: Apache-2.0 */
/* local_env.c - opening the LMDB environment without falling over what may be wrong with its files
 *
 * An environment belongs to the process that opened it: it must not be used in a child after fork().
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "store/local_impl.h"

static_assert(sizeof(size_t) == 8, "LMDB's file differs on 32 bits, and the map would not fit");

size_t local_map_bytes = (size_t)4 << 30;

/* ---- the meta pages, as LMDB 0.9 writes them ---- */

#define META_MAGIC   0xBEEFC0DEu
#define META_FLAG    0x08
#define META_VERSION 1

struct meta_page {
	uint64_t page;
	uint16_t pad, flags, lower, upper;
	uint32_t magic, version;
	uint64_t address, map_size;
	uint32_t psize; /* here starts what LMDB calls the free list's database */
	uint32_t free_list[11];
	uint32_t main_db[12];
	uint64_t last_page, txnid;
};
static_assert(sizeof(struct meta_page) == 152, "layout of LMDB's meta page");

static int meta_read(const struct local *l, int fd, off_t off, struct meta_page *m, struct err *e)
{
	ssize_t n = pread(fd, m, sizeof(*m), off);

	if (n < 0)
		return local_err(l, errno, "read data.mdb", e);
	if (n == 0 && off == 0)
		return local_damaged(l, e, "data.mdb is empty");
	if (n < (ssize_t)sizeof(*m))
		return local_damaged(l, e, "data.mdb was cut to %lld bytes", (long long)off + n);
	if (!(m->flags & META_FLAG) || m->magic != META_MAGIC)
		return local_damaged(l, e, "data.mdb is not an LMDB file");
	if (m->version != META_VERSION)
		return err_code(
			e, ERR_IO, EPROTO,
			"state directory %s: data.mdb has LMDB's format %u, this program knows %d; use the "
			"program that wrote it",
			l->dir, m->version, META_VERSION);
	if (m->psize < 512 || m->psize > 65536 || (m->psize & (m->psize - 1)) || m->last_page < 1 ||
	    m->last_page > UINT64_MAX / 65536 - 1)
		return local_damaged(l, e, "the first pages of data.mdb make no sense");
	return 0;
}

static int header_read_fd(const struct local *l, int fd, struct local_header *h, struct err *e)
{
	struct meta_page m[2];
	struct stat st;
	const struct meta_page *newest;
	int r = meta_read(l, fd, 0, &m[0], e);

	if (r == 0)
		r = meta_read(l, fd, (off_t)m[0].psize, &m[1], e);
	if (r < 0)
		return r;
	/* After the pages, so that a commit between cannot make the file look short. */
	if (fstat(fd, &st) < 0)
		return local_err(l, errno, "read data.mdb", e);
	newest = &m[m[1].txnid > m[0].txnid];
	*h = (struct local_header){ m[0].psize, newest->txnid, newest->last_page, st.st_dev, st.st_ino };
	if ((uint64_t)st.st_size < (h->last_page + 1) * h->psize)
		return local_damaged(l, e, "data.mdb was cut to %lld bytes, %llu belong to it",
				     (long long)st.st_size,
				     (unsigned long long)((h->last_page + 1) * h->psize));
	return 0;
}

int local_header_read(const struct local *l, struct local_header *h, struct err *e)
{
	CLEANUP(close_p)
	int fd = openat(l->dirfd, "data.mdb", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 && errno == ELOOP)
		return local_damaged(l, e, "data.mdb is a symbolic link");
	if (fd < 0)
		return local_err(l, errno, "open data.mdb", e);
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return local_damaged(l, e, "data.mdb is not a regular file");
	return header_read_fd(l, fd, h, e);
}

/* ---- LMDB's lock file ----
 *
 * It holds mutexes and the number of the last transaction. A process that gets an exclusive lock on its first
 * byte initialises it and then keeps a shared lock; one that gets the exclusive lock back when it closes
 * destroys the mutexes. Killed in the middle, or with another process coming at that moment, either leaves
 * remains that the other one takes for good: commits are lost. So here it is initialised only by who is alone
 * (local_dir.c), entered by others only while somebody who has it right still holds his shared lock, and a
 * shared lock on a descriptor of our own keeps LMDB from destroying it.
 */

static int first_byte(const struct local *l, int op, short type, struct flock *ret)
{
	*ret = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };
	return fcntl(l->lockfd, op, ret) < 0 ? errno : 0;
}

static int lock_file_hold(const struct local *l, struct err *e)
{
	struct flock lock;
	int rc = l->lockfd < 0 ? 0 : first_byte(l, F_OFD_SETLK, F_RDLCK, &lock);

	return rc ? local_err(l, rc, "lock lock.mdb", e) : 0;
}

/* 1: try again, perhaps one will be alone then. */
static int lock_file_enter(const struct local *l, bool alone, struct err *e)
{
	struct flock lock;
	int rc = first_byte(l, F_OFD_SETLK, F_RDLCK, &lock);

	if (rc == EAGAIN || rc == EACCES) /* somebody, or who died a moment ago, is initialising it */
		return local_owner_busy(l, e);
	if (rc == 0)
		rc = first_byte(l, F_OFD_GETLK, F_WRLCK, &lock);
	if (rc == 0 && lock.l_type != F_UNLCK)
		return 0; /* he has it right, and from now on so have we */
	if (rc == 0)
		rc = first_byte(l, F_OFD_SETLK, F_UNLCK, &lock);
	if (rc)
		return local_err(l, rc, "lock lock.mdb", e);
	return alone ? 0 : local_owner_busy(l, e);
}

/* LMDB only sets the file's length and then writes to its map: on a full disk that is a SIGBUS. */
static int lock_file_allocate(const struct local *l, struct err *e)
{
	const off_t bytes = 65664; /* for LOCAL_READERS */
	struct stat st;

	if (fstat(l->lockfd, &st) < 0)
		return local_err(l, errno, "open lock.mdb", e);
	if (st.st_size >= bytes && st.st_blocks * 512 >= bytes)
		return 0;
	while (fallocate(l->lockfd, 0, 0, bytes) < 0) {
		if (errno == EOPNOTSUPP)
			break;
		if (errno != EINTR)
			return local_err(l, errno, "allocate lock.mdb", e);
	}
	return 0;
}

static int lock_file_open(struct local *l, bool alone, struct err *e)
{
	int r;

	if (l->no_lock)
		return 0;
	l->lockfd = openat(l->dirfd, "lock.mdb", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->lockfd < 0 && l->read_only && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		l->no_lock = true;
		return 0;
	}
	if (l->lockfd < 0)
		return local_err(l, errno, "open lock.mdb", e);
	r = lock_file_enter(l, alone, e);
	return r == 0 && alone ? lock_file_allocate(l, e) : r;
}

/* ---- opening ---- */

static void on_assert(MDB_env *env, const char *msg)
{
	const struct local *l = mdb_env_get_userctx(env);

	(void)msg;
	if (l->on_damage)
		l->on_damage(l->guard.sentence);
	/* LMDB aborts. */
}

int local_env_moved(const struct local *l, const struct local_header *h, struct err *e)
{
	struct stat st;

	if (fstatat(l->dirfd, "data.mdb", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return local_err(l, errno, "open data.mdb", e);
	return st.st_dev == h->dev && st.st_ino == h->ino ? 0 : local_owner_busy(l, e);
}

static int env_create(struct local *l, struct err *e)
{
	int rc = mdb_env_create(&l->env);

	if (rc == 0)
		rc = mdb_env_set_mapsize(l->env, local_map_bytes);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(l->env, LOCAL_READERS);
	if (rc == 0)
		rc = mdb_env_set_userctx(l->env, l);
	if (rc == 0)
		rc = mdb_env_set_assert(l->env, on_assert);
	return rc ? local_err(l, rc, "open", e) : 0;
}

static int env_open(struct local *l, const struct local_header *h, struct err *e)
{
	/* The meta page is not flushed under the writer lock but behind it, by local_commit(): the next
	 * writer need not wait for that, and when many write at once, the first flush of each takes along the
	 * meta page of the one before. Without that flush a power cut may lose the last commit, never more:
	 * pages of the snapshot before it are reused only after the next commit's first flush. */
	unsigned flags =
		MDB_NOTLS | MDB_NOMETASYNC | (l->read_only ? MDB_RDONLY : 0) | (l->no_lock ? MDB_NOLOCK : 0);
	int rc = mdb_env_open(l->env, l->dir, flags, 0600), fd = -1;
	struct stat st;

	if (rc == ENOMEM)
		return err_sys(e, ENOMEM,
			       "state directory %s: map %zu MiB (is the address space limited? ulimit -v)",
			       l->dir, local_map_bytes >> 20);
	if (rc == 0)
		rc = mdb_env_get_fd(l->env, &fd);
	if (rc)
		return local_err(l, rc, "open", e);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || /* LMDB's other descriptors have it */ fstat(fd, &st) < 0)
		return local_err(l, errno, "open", e);
	if (st.st_dev != h->dev || st.st_ino != h->ino)
		return local_owner_busy(l, e);
	return lock_file_hold(l, e);
}

static int first_read(struct local *l, bool alone, struct err *e)
{
	int rc = 0, r;

	if (!alone && !l->no_lock)
		rc = mdb_reader_check(l->env, NULL);
	if (rc == 0)
		rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &l->txn);
	if (rc)
		return local_err(l, rc, "open", e);
	r = local_schema_read(l, e);
	mdb_txn_abort(TAKE_PTR(l->txn));
	return r;
}

int local_env_open(struct local *l, const struct local_header *h, bool alone, struct err *e)
{
	int r = lock_file_open(l, alone, e);

	if (r == 0)
		r = env_create(l, e);
	if (r == 0)
		r = local_guard_add(l, h, e);
	if (r == 0)
		r = env_open(l, h, e);
	if (r == 0)
		r = first_read(l, alone, e);
	if (r != 0)
		local_env_close(l);
	return r;
}

void local_env_close(struct local *l)
{
	if (l->env)
		mdb_env_close(TAKE_PTR(l->env));
	if (l->lockfd >= 0)
		close(TAKE_FD(l->lockfd));
	local_guard_remove(l);
}
