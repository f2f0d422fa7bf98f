/* SPDX-License-Identifier: Apache-2.0 */
/* local_backup.c - the logical backup: see local_line.h for what it looks like */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "store/local_impl.h"
#include "store/local_line.h"

#define CHUNK ((size_t)64 << 10)

struct out {
	const struct local *l;
	const char *path;
	int fd;
	struct buf buf; /* not yet written */
	XXH64_state_t sum;
	uint64_t written; /* objects */
};

static int flush(struct out *o, size_t least, struct err *e)
{
	int r;

	if (o->buf.err)
		return err_sys(e, -o->buf.err, "write %s", o->path);
	if (o->buf.len < least)
		return 0;
	XXH64_update(&o->sum, buf_cstr(&o->buf), o->buf.len);
	r = file_write_fd(o->fd, o->path, buf_cstr(&o->buf), o->buf.len, e);
	buf_reset(&o->buf);
	return r;
}

static int add_head(struct out *o, uint64_t count, struct err *e)
{
	char format[] = LINE_FORMAT, time[CLOCK_TEXT_MAX];
	const struct line_head h = { .format = format,
				     .time = time,
				     .schema = LOCAL_SCHEMA,
				     .count = (int64_t)count,
				     .revision = (int64_t)local_version(o->l) };
	int r;

	clock_format(clock_wall_ms(), time);
	r = json_encode_text(&line_head_table, &h, &o->buf, e);
	buf_chr(&o->buf, '\n');
	return r;
}

static int add_obj(const struct store_obj *obj, enum store_kind kind, struct out *o, struct err *e)
{
	struct local_key k;
	struct local_val val;
	int r;

	local_key_obj(&k, kind, obj->ns, obj->name);
	r = local_load(o->l, &k, &val, e); /* for terms and free_at, which lists do not lend */
	if (r < 0)
		return r;
	r = line_obj_encode(kind, obj->ns, obj->name, &val, &o->buf, e);
	buf_chr(&o->buf, '\n');
	o->written++;
	return r < 0 ? r : flush(o, CHUNK, e);
}

struct kind_out {
	struct out *o;
	enum store_kind kind;
};

static int each_obj(const struct store_obj *obj, void *arg, struct err *e)
{
	const struct kind_out *k = arg;

	return add_obj(obj, k->kind, k->o, e);
}

static int add_tail(struct out *o, uint64_t count, struct err *e)
{
	char sum[LINE_SUM_MAX];
	const struct line_tail t = { .count = (int64_t)count, .xxh64 = sum };
	int r = flush(o, 1, e);

	if (r < 0)
		return r;
	snprintf(sum, sizeof(sum), "%016" PRIx64, (uint64_t)XXH64_digest(&o->sum));
	r = json_encode_text(&line_tail_table, &t, &o->buf, e);
	buf_chr(&o->buf, '\n');
	return r < 0 ? r : flush(o, 1, e);
}

static int write_all(struct out *o, struct err *e)
{
	uint64_t count = 0;
	int r = local_whole(o->l, &count, e);

	if (r == 0)
		r = add_head(o, count, e);
	for (int k = 0; k < STORE_KIND_MAX && r == 0; k++) {
		struct kind_out ko = { o, (enum store_kind)k };

		r = local_list((struct store *)&o->l->st, ko.kind, NULL, NULL, NULL, each_obj, &ko, e);
	}
	if (r == 0 && o->written != count)
		r = local_damaged(o->l, e, "%llu objects are there, %llu can be listed",
				  (unsigned long long)count, (unsigned long long)o->written);
	return r < 0 ? r : add_tail(o, count, e);
}

static void out_clear_p(struct out *o)
{
	buf_clear(&o->buf);
	close_p(&o->fd);
}

/* The store's own: one process at a time writes it; what a killed one left behind is written over. */
static int own_temp_open(int dirfd, const char *temp, struct err *e)
{
	CLEANUP(close_p)
	int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat ours, there;

	if (fd < 0)
		return err_sys(e, errno, "create %s", temp);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 ||
	    fstatat(dirfd, temp, &there, AT_SYMLINK_NOFOLLOW) < 0 || ours.st_ino != there.st_ino)
		return err_code(e, ERR_TRY_AGAIN, EBUSY, "%s: another process is just writing it", temp);
	if (ftruncate(fd, 0) < 0)
		return err_sys(e, errno, "write %s", temp);
	return TAKE_FD(fd);
}

/* A user's: among files that are not ours, so under a name that nobody has; mode 0600. */
static int user_temp_open(char *temp, struct err *e)
{
	int fd = mkostemp(temp, O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "create %s", temp) : fd;
}

/* The file is replaced: a device, a pipe or what a link points to would not be written but be gone. */
static int check_target(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
	if (S_ISREG(st.st_mode))
		return 0;
	return err_set(e, EINVAL,
		       "%s is %s; want a file that is new or may be replaced (\"-\" is standard output)",
		       path,
		       S_ISLNK(st.st_mode)   ? "a symbolic link"
		       : S_ISDIR(st.st_mode) ? "a directory"
					     : "no regular file");
}

/* Takes fd, of temp. */
static int write_file(struct local *l, int fd, int dirfd, const char *temp, const char *path, struct err *e)
{
	CLEANUP(out_clear_p)
	struct out o = { .l = l, .path = temp, .fd = fd, .buf = { .max = BUF_MAX_DEFAULT } };
	int r;

	XXH64_reset(&o.sum, 0);
	r = local_begin(&l->st, STORE_READ, deadline_in(5000), e);
	if (r == 0)
		r = write_all(&o, e);
	local_end(&l->st);
	if (r == 0 && fsync(o.fd) < 0)
		r = err_sys(e, errno, "sync %s", temp);
	if (r == 0 && renameat(dirfd, temp, dirfd, path) < 0)
		r = err_sys(e, errno, "rename %s to %s", temp, path);
	if (r < 0)
		unlinkat(dirfd, temp, 0);
	return r;
}

static int sync_dir(int dirfd, const char *path, struct err *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	CLEANUP(close_p) int fd = -1;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "sync directory of %s", path);
	return 0;
}

/* What it would take of the last room is missed by whoever gives addresses back, the more as meanwhile no
 * page is used anew. */
static int check_room(const struct local *l, struct err *e)
{
	MDB_envinfo info;
	MDB_stat stat;
	size_t need;

	mdb_env_info(l->env, &info);
	mdb_env_stat(l->env, &stat);
	need = (info.me_last_pgno + 1) *
	       stat.ms_psize; /* as text it is longer, but not all pages are in use */
	need += need / 4 + 2 * LOCAL_RESERVE;
	return local_free_kib(l) < need / 1024 ? local_disk_full(l, need, e) : 0;
}

static int write_own(struct local *l, struct err *e)
{
	static const char path[] = "backup.json", temp[] = "backup.json.tmp";
	int fd, r = check_room(l, e);

	if (r < 0)
		return r;
	fd = own_temp_open(l->dirfd, temp, e);
	r = fd < 0 ? fd : write_file(l, fd, l->dirfd, temp, path, e);

	return r < 0 ? r : sync_dir(l->dirfd, path, e);
}

static int write_user(struct local *l, const char *path, struct err *e)
{
	char temp[PATH_MAX];
	int fd, r;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	r = check_target(path, e);
	if (r < 0)
		return r;
	fd = user_temp_open(temp, e);
	r = fd < 0 ? fd : write_file(l, fd, AT_FDCWD, temp, path, e);
	return r < 0 ? r : sync_dir(AT_FDCWD, path, e);
}

int store_local_backup(struct store *st, const char *path, struct err *e)
{
	struct local *l = local_of(st);
	int r;

	if (l->txn)
		return err_set(e, EBUSY, "store: a transaction is open already");
	r = *path ? write_user(l, path, e) : write_own(l, e);
	return r < 0 ? err_wrap(e, "backup of %s", l->dir) : 0;
}

int64_t store_local_backup_time(struct store *st)
{
	struct stat file;

	if (fstatat(local_of(st)->dirfd, "backup.json", &file, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000;
}
