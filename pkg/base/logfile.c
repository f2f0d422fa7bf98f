/* SPDX-License-Identifier: Apache-2.0 */
/* logfile.c - a file that many processes append lines to at once, rotated by whoever finds it full */
#include "base/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/own.h"

#define STAMP_LEN    23 /* 2026-11-22T21-00-00.000 */
#define NAME_LEN_MAX (NAME_MAX - STAMP_LEN - 1)
#define MAX_BYTES    ((int64_t)100 << 20)
#define OLD_MAX      4096 /* rotated files looked at */
#define STAMP_TRIES  1000 /* names tried when more than one file fills up in a millisecond */
#define REOPEN_TRIES 4
#define DAY_MS       86400000

/* ---- path ---- */

/* Length of root if path lies below it, else 0. */
static size_t below(const char *path, const char *root)
{
	size_t len = strlen(root);

	while (len && root[len - 1] == '/')
		len--;
	return len && strncmp(path, root, len) == 0 && path[len] == '/' ? len : 0;
}

/* No component is empty, "." or ".."; the last one leaves room for the time of a rotation. */
static bool is_plain(const char *path)
{
	size_t len = 0;

	for (const char *p = path; *p == '/'; p += len) {
		p++;
		len = strcspn(p, "/");
		if (!len || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return len && len <= NAME_LEN_MAX;
}

static bool ends_in_log(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 4, ".log") == 0 && path[len - 5] != '/';
}

int logfile_init(struct logfile *f, const char *path, const char *state_dir, struct err *e)
{
	size_t root_len = below(path, LOGFILE_ROOT);
	size_t len = strlen(path);

	if (!root_len && state_dir) {
		root_len = below(path, state_dir);
		if (root_len && !ends_in_log(path))
			return err_code(e, ERR_CONFIG, EINVAL,
					"log file \"%.256s\": want a name that ends in .log below %s", path,
					state_dir);
	}
	if (!root_len || !is_plain(path) || len >= sizeof(f->path))
		return err_code(e, ERR_CONFIG, EINVAL,
				"log file \"%.256s\": want an absolute path of at most %zu bytes below "
				"%s%s%s, without "
				"\".\", \"..\" and doubled slashes",
				path, sizeof(f->path) - 1, LOGFILE_ROOT, state_dir ? " or " : "",
				state_dir ? state_dir : "");
	*f = (struct logfile){ .root_len = root_len, .max_bytes = MAX_BYTES };
	memcpy(f->path, path, len);
	return 0;
}

/* ---- opening ---- */

/* Keeps what failed for logfile_status(). */
static int failed(struct logfile *f, const char *at, int sys)
{
	f->failed = sys;
	f->failed_at = at;
	return -sys;
}

/* The directory of the file, below the root never through a link; missing ones are made. */
static int open_dir(struct logfile *f, const char **ret_name)
{
	char path[LOGFILE_PATH_MAX];
	char *part = path + f->root_len, *next;
	int dir;

	memcpy(path, f->path, sizeof(path));
	*part++ = '\0';
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (; dir >= 0 && (next = strchr(part, '/')); part = next + 1) {
		CLEANUP(close_p) int parent = dir;

		*next = '\0';
		dir = openat(parent, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0 && errno == ENOENT && (mkdirat(parent, part, 0750) == 0 || errno == EEXIST))
			dir = openat(parent, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	*ret_name = strrchr(f->path, '/') + 1;
	return dir < 0 ? failed(f, "open its directory", errno) : dir;
}

static int open_file(struct logfile *f)
{
	/* NONBLOCK: a FIFO in its place must not hold up the plugin. */
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	CLEANUP(close_p) int dir = -1;
	CLEANUP(close_p) int fd = -1;
	const char *name;
	struct stat st;

	dir = open_dir(f, &name);
	if (dir < 0)
		return dir;
	fd = openat(dir, name, flags, 0600);
	if (fd < 0)
		return failed(f, errno == ELOOP ? "it is a symbolic link" : "open", errno);
	if (fstat(fd, &st) < 0)
		return failed(f, "look at it", errno);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1 || st.st_uid != geteuid())
		return failed(f, "want a regular file with one name, owned by this user", EPERM);
	f->fd = TAKE_FD(fd);
	f->is_open = true;
	return 0;
}

void logfile_close(struct logfile *f)
{
	if (f->is_open)
		close(f->fd);
	f->is_open = false;
}

/* ---- rotating ---- */

/* A rotated name is stem, '-', time, extension. */
struct pattern {
	const char *name;
	size_t stem; /* length */
};

static struct pattern pattern_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return (struct pattern){ name, dot && dot > name ? (size_t)(dot - name) : strlen(name) };
}

static void rotated_name(struct pattern p, const char *stamp, char out[NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, "%.*s-%s%s", (int)p.stem, p.name, stamp, p.name + p.stem);
}

/* The time in a rotated name, NULL for any other file. */
static const char *stamp_in(struct pattern p, const char *name)
{
	static const char shape[STAMP_LEN + 1] = "dddd-dd-ddTdd-dd-dd.ddd";
	const char *stamp = name + p.stem + 1;

	if (strlen(name) != strlen(p.name) + 1 + STAMP_LEN || strncmp(name, p.name, p.stem) != 0 ||
	    name[p.stem] != '-' || strcmp(stamp + STAMP_LEN, p.name + p.stem) != 0)
		return NULL;
	for (int i = 0; i < STAMP_LEN; i++) {
		bool digit = stamp[i] >= '0' && stamp[i] <= '9';

		if (shape[i] == 'd' ? !digit : stamp[i] != shape[i])
			return NULL;
	}
	return stamp;
}

struct stamps {
	char (*v)[STAMP_LEN + 1];
	size_t n, cap;
};

static void stamps_clear(struct stamps *s)
{
	free(s->v);
}

static bool stamps_add(struct stamps *s, const char *stamp)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		void *v = cap > OLD_MAX ? NULL : reallocarray(s->v, cap, sizeof(*s->v));

		if (!v)
			return false;
		s->v = v;
		s->cap = cap;
	}
	memcpy(s->v[s->n], stamp, STAMP_LEN);
	s->v[s->n++][STAMP_LEN] = '\0';
	return true;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int newest_first(const void *a, const void *b)
{
	return strcmp(b, a);
}

/* Removes what is too old or too many. Times compare as text. */
static void prune(struct logfile *f, int dir, struct pattern p)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(closedir_p) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	CLEANUP(stamps_clear) struct stamps old = { 0 };
	char cutoff[CLOCK_TEXT_MAX], name[NAME_MAX + 1];
	struct dirent *ent;

	if (!d) {
		failed(f, "list its directory", errno);
		close_p(&fd);
		return;
	}
	while ((ent = readdir(d))) {
		const char *stamp = stamp_in(p, ent->d_name);

		if (stamp && !stamps_add(&old, stamp))
			break;
	}
	clock_format_ms(clock_wall_ms() - (int64_t)f->max_age_days * DAY_MS, '-', cutoff);
	if (old.n)
		qsort(old.v, old.n, sizeof(*old.v), newest_first);
	for (size_t i = 0; i < old.n; i++) {
		if (!(f->max_count && i >= (size_t)f->max_count) &&
		    !(f->max_age_days && strcmp(old.v[i], cutoff) < 0))
			continue;
		rotated_name(p, old.v[i], name);
		if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
			failed(f, "remove an old file", errno);
	}
}

/* Renames to the first free name from now on. Looking first is enough: under the lock of the one file that
 * has this path, nobody else makes such a name. */
static int move_away(struct logfile *f, int dir, struct pattern p)
{
	char stamp[CLOCK_TEXT_MAX], name[NAME_MAX + 1];
	int64_t now = clock_wall_ms();
	struct stat st;

	for (int i = 0; i < STAMP_TRIES; i++) {
		rotated_name(p, clock_format_ms(now + i, '-', stamp), name);
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		return renameat(dir, p.name, dir, name) < 0 ? failed(f, "rotate", errno) : 0;
	}
	return failed(f, "rotate", EEXIST);
}

/* The open file is full. True: another one is at its path now, or none; reopen, which also gives up the lock.
 * False: go on in this one, as another process is rotating it at this moment, or it cannot be done. */
static bool rotate(struct logfile *f, size_t len)
{
	bool locked = flock(f->fd, LOCK_EX | LOCK_NB) == 0;
	CLEANUP(close_p) int dir = -1;
	struct stat mine, st;
	const char *name;

	dir = open_dir(f, &name);
	if (dir >= 0 && fstat(f->fd, &mine) == 0) {
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != mine.st_ino ||
		    st.st_dev != mine.st_dev)
			return true;
		if (locked && st.st_size + (int64_t)len > f->max_bytes &&
		    move_away(f, dir, pattern_of(name)) == 0) {
			if (f->max_count || f->max_age_days)
				prune(f, dir, pattern_of(name));
			return true;
		}
	}
	if (locked)
		(void)flock(f->fd, LOCK_UN);
	return false;
}

/* ---- writing ---- */

/* An open file that still has a name and room. Whatever goes wrong with rotating, lines go on. */
static int make_ready(struct logfile *f, size_t len)
{
	struct stat st;

	for (int i = 0;; i++) {
		int r = f->is_open ? 0 : open_file(f);

		if (r < 0)
			f->gave_up = true;
		if (r < 0 || i == REOPEN_TRIES)
			return r;
		if (fstat(f->fd, &st) < 0)
			return failed(f, "look at it", errno);
		if (st.st_nlink && (!st.st_size || st.st_size + (int64_t)len <= f->max_bytes))
			return 0;
		if (st.st_nlink && !rotate(f, len))
			return 0;
		logfile_close(f);
	}
}

int logfile_append(struct logfile *f, const char *line, size_t len)
{
	ssize_t n;
	int r;

	if (!f->path[0])
		return 0;
	if (f->gave_up)
		return -f->failed;
	r = make_ready(f, len);
	if (r < 0)
		return r;
	n = write(f->fd, line, len);
	if (n < 0)
		return failed(f, "write", errno);
	return (size_t)n < len ? failed(f, "write", ENOSPC) : 0;
}

int logfile_status(const struct logfile *f, struct err *e)
{
	return f->failed ? err_sys(e, f->failed, "log file %s: %s", f->path, f->failed_at) : 0;
}
