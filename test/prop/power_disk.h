/* SPDX-License-Identifier: Apache-2.0 */
/* power_disk.h - what one directory may look like after a power cut
 *
 * Every write to the directory's files is recorded on its way to the kernel, and every flush. At a cut, what
 * was flushed is there. Of what was not, any part may be: each write, or each sector of it, in whatever
 * order; names come and go in the order they did, up to some point. That is what POSIX and journalling file
 * systems promise, and not more. What is written through a map (LMDB's lock file) is not recorded: it is old
 * or zeros.
 *
 * Include it in one file of a program that is linked with --wrap= of each __wrap_ function below; one thread.
 */
#ifndef TEST_POWER_DISK_H
#define TEST_POWER_DISK_H

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK_SECTOR 512
#define DISK_FILES  256
#define DISK_FILE   ((size_t)16 << 20) /* the largest that a file may become */
#define DISK_NAMES  32

enum disk_what { DISK_WRITE, DISK_SIZE, DISK_SYNC, DISK_LINK, DISK_UNLINK, DISK_SYNC_NAMES };

struct disk_event {
	enum disk_what what;
	int file;
	bool through; /* a write that was durable when it returned */
	bool shrinks; /* DISK_SIZE: also when the file is longer */
	size_t off, len;
	uint8_t *data;
	char name[64]; /* DISK_LINK: file gets this name, and no other */
};

struct disk_image {
	uint8_t *data; /* DISK_FILE bytes */
	size_t size, used;
};

static struct {
	const char *dir; /* NULL: nothing is recorded */
	ino_t dir_ino, ino[DISK_FILES];
	int n_files;
	struct disk_event *ev;
	size_t n, cap;
} disk;

/* ---- recording ---- */

static struct disk_event *disk_add(enum disk_what what, int file)
{
	if (disk.n == disk.cap) {
		disk.cap = disk.cap ? 2 * disk.cap : 1024;
		disk.ev = realloc(disk.ev, disk.cap * sizeof(*disk.ev));
		assert(disk.ev);
	}
	disk.ev[disk.n] = (struct disk_event){ .what = what, .file = file };
	return &disk.ev[disk.n++];
}

/* The number of the file behind fd; -1 when it is none of ours. */
static int disk_file(int fd)
{
	struct stat st;

	if (!disk.dir || fstat(fd, &st) < 0)
		return -1;
	for (int i = disk.n_files - 1; i >= 0; i--)
		if (disk.ino[i] == st.st_ino && S_ISREG(st.st_mode))
			return i;
	return -1;
}

static bool disk_is_dir(int fd)
{
	struct stat st;

	return disk.dir && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == disk.dir_ino;
}

static void disk_write(int fd, const void *data, size_t len, off_t off)
{
	int file = len ? disk_file(fd) : -1;
	struct disk_event *e;

	if (file < 0)
		return;
	assert((size_t)off + len <= DISK_FILE);
	e = disk_add(DISK_WRITE, file);
	e->off = (size_t)off;
	e->len = len;
	e->through = fcntl(fd, F_GETFL) & O_DSYNC;
	e->data = malloc(len);
	assert(e->data);
	memcpy(e->data, data, len);
}

static void disk_link(int file, const char *name)
{
	struct disk_event *e = disk_add(DISK_LINK, file);

	assert(strlen(name) < sizeof(e->name));
	strcpy(e->name, name);
}

/* A descriptor of the directory's file of that name was just opened. */
static void disk_opened(int fd, const char *name)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || disk_file(fd) >= 0)
		return;
	assert(disk.n_files < DISK_FILES);
	disk.ino[disk.n_files] = st.st_ino;
	disk_link(disk.n_files++, name);
}

/* The name in the directory, NULL when the path leads elsewhere. */
static const char *disk_name(int at, const char *path)
{
	size_t len = disk.dir ? strlen(disk.dir) : 0;

	if (!disk.dir)
		return NULL;
	if (path[0] == '/' && strncmp(path, disk.dir, len) == 0 && path[len] == '/')
		path += len + 1;
	else if (path[0] == '/' || !disk_is_dir(at))
		return NULL;
	return strchr(path, '/') ? NULL : path;
}

int __real_open(const char *path, int flags, ...);
int __real_openat(int at, const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __real_pwrite(int fd, const void *data, size_t len, off_t off);
ssize_t __real_writev(int fd, const struct iovec *iov, int n);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_ftruncate(int fd, off_t len);
int __real_fallocate(int fd, int mode, off_t off, off_t len);
int __real_renameat(int from_at, const char *from, int to_at, const char *to);
int __real_unlinkat(int at, const char *path, int flags);

int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int at, const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t off);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int n);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_fallocate(int fd, int mode, off_t off, off_t len);
int __wrap_renameat(int from_at, const char *from, int to_at, const char *to);
int __wrap_unlinkat(int at, const char *path, int flags);

int __wrap_openat(int at, const char *path, int flags, ...)
{
	const char *name = disk_name(at, path);
	mode_t mode = 0;
	va_list ap;
	int fd;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = (mode_t)va_arg(ap, unsigned);
	va_end(ap);
	assert(!name || !(flags & O_TRUNC)); /* would have to be recorded */
	fd = __real_openat(at, path, flags, mode);
	if (name)
		disk_opened(fd, name);
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = (mode_t)va_arg(ap, unsigned);
	va_end(ap);
	return __wrap_openat(AT_FDCWD, path, flags, mode);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t len, off_t off)
{
	ssize_t n = __real_pwrite(fd, data, len, off);

	if (n > 0)
		disk_write(fd, data, (size_t)n, off);
	return n;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	off_t off = disk.dir ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t n = __real_write(fd, data, len);

	if (n > 0)
		disk_write(fd, data, (size_t)n, off);
	return n;
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int n)
{
	off_t off = disk.dir ? lseek(fd, 0, SEEK_CUR) : 0;
	ssize_t done = __real_writev(fd, iov, n);
	size_t left = done > 0 ? (size_t)done : 0;

	for (int i = 0; i < n && left; i++) {
		size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;

		disk_write(fd, iov[i].iov_base, len, off);
		off += (off_t)len;
		left -= len;
	}
	return done;
}

/* Before the call: what is written while it runs is not covered by it. */
static void disk_sync(int fd)
{
	if (disk_is_dir(fd))
		disk_add(DISK_SYNC_NAMES, -1);
	else if (disk_file(fd) >= 0)
		disk_add(DISK_SYNC, disk_file(fd));
}

int __wrap_fsync(int fd)
{
	disk_sync(fd);
	return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
	disk_sync(fd);
	return __real_fdatasync(fd);
}

static void disk_size(int fd, off_t size, bool shrinks)
{
	int file = disk_file(fd);
	struct disk_event *e;

	if (file < 0)
		return;
	assert((size_t)size <= DISK_FILE);
	e = disk_add(DISK_SIZE, file);
	e->len = (size_t)size;
	e->shrinks = shrinks;
}

int __wrap_ftruncate(int fd, off_t len)
{
	disk_size(fd, len, true);
	return __real_ftruncate(fd, len);
}

int __wrap_fallocate(int fd, int mode, off_t off, off_t len)
{
	disk_size(fd, off + len, false);
	return __real_fallocate(fd, mode, off, len);
}

int __wrap_renameat(int from_at, const char *from, int to_at, const char *to)
{
	const char *name = disk_name(to_at, to);
	int fd = name ? __real_openat(from_at, from, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		assert(disk_file(fd) >= 0);
		disk_link(disk_file(fd), name);
		close(fd);
	}
	return __real_renameat(from_at, from, to_at, to);
}

int __wrap_unlinkat(int at, const char *path, int flags)
{
	const char *name = disk_name(at, path);

	if (name && faccessat(at, path, F_OK, 0) == 0) {
		struct disk_event *e = disk_add(DISK_UNLINK, -1);

		assert(strlen(name) < sizeof(e->name));
		strcpy(e->name, name);
	}
	return __real_unlinkat(at, path, flags);
}

static void disk_start(const char *path)
{
	struct stat st;

	assert(stat(path, &st) == 0);
	disk.dir_ino = st.st_ino;
	disk.dir = path;
}

static void disk_stop(void)
{
	disk.dir = NULL;
}

/* ---- playing back ---- */

struct disk_names {
	char name[DISK_NAMES][64];
	int file[DISK_NAMES], n;
};

static struct {
	size_t at; /* the next event */
	struct disk_image flushed[DISK_FILES];
	struct disk_names names;
	size_t *pending, n_pending; /* events that a cut may undo, in their order */
} play;

static void names_apply(struct disk_names *t, const struct disk_event *e)
{
	for (int i = 0; i < t->n; i++) {
		if (strcmp(t->name[i], e->name) != 0 && (e->what != DISK_LINK || t->file[i] != e->file))
			continue;
		t->n--;
		memcpy(t->name[i], t->name[t->n], sizeof(t->name[i]));
		t->file[i--] = t->file[t->n];
	}
	if (e->what != DISK_LINK)
		return;
	assert(t->n < DISK_NAMES);
	memcpy(t->name[t->n], e->name, sizeof(e->name));
	t->file[t->n++] = e->file;
}

static void image_extend(struct disk_image *m, size_t end)
{
	if (m->size < end)
		m->size = end;
}

static void image_write(struct disk_image *m, size_t off, const uint8_t *data, size_t len)
{
	memcpy(m->data + off, data, len);
	image_extend(m, off + len);
	if (m->used < off + len)
		m->used = off + len;
}

static void image_size(struct disk_image *m, const struct disk_event *e)
{
	if (e->shrinks && e->len < m->used) {
		memset(m->data + e->len, 0, m->used - e->len);
		m->used = e->len;
	}
	if (e->shrinks)
		m->size = e->len;
	image_extend(m, e->len);
}

static void image_apply(struct disk_image *m, const struct disk_event *e)
{
	if (e->what == DISK_SIZE)
		image_size(m, e);
	else
		image_write(m, e->off, e->data, e->len);
}

static void image_need(struct disk_image *m)
{
	if (!m->data)
		m->data = calloc(1, DISK_FILE);
	assert(m->data);
}

static bool is_name_event(const struct disk_event *e)
{
	return e->what == DISK_LINK || e->what == DISK_UNLINK;
}

/* What a flush covers is no longer pending. */
static void play_flush(const struct disk_event *sync)
{
	size_t kept = 0;

	for (size_t i = 0; i < play.n_pending; i++) {
		const struct disk_event *e = &disk.ev[play.pending[i]];

		if (sync->what == DISK_SYNC_NAMES && is_name_event(e))
			names_apply(&play.names, e);
		else if (sync->what == DISK_SYNC && !is_name_event(e) && e->file == sync->file)
			image_apply(&play.flushed[e->file], e);
		else
			play.pending[kept++] = play.pending[i];
	}
	play.n_pending = kept;
}

static void play_next(void)
{
	const struct disk_event *e = &disk.ev[play.at];

	if (!play.pending) {
		play.pending = calloc(disk.n, sizeof(*play.pending));
		assert(play.pending);
	}
	if (e->file >= 0)
		image_need(&play.flushed[e->file]);
	if (e->what == DISK_SYNC || e->what == DISK_SYNC_NAMES)
		play_flush(e);
	else
		play.pending[play.n_pending++] = play.at;
	play.at++;
}

/* ---- a cut ---- */

enum disk_fate { FATE_NONE, FATE_ALL, FATE_SOME, FATE_TORN, FATE_ONE, FATE_ALL_BUT_ONE, FATE_MAX };

static bool fate_decides(enum disk_fate f, bool chosen, uint32_t (*rnd)(uint32_t))
{
	switch (f) {
	case FATE_NONE:
		return false;
	case FATE_ALL:
		return true;
	case FATE_ONE:
		return chosen;
	case FATE_ALL_BUT_ONE:
		return !chosen;
	default:
		return rnd(2);
	}
}

static void cut_write(struct disk_image *m, const struct disk_event *e, enum disk_fate f, bool chosen,
		      uint32_t (*rnd)(uint32_t))
{
	bool torn = f == FATE_TORN && e->what == DISK_WRITE && !e->through;

	if (!torn) {
		if (e->through || fate_decides(f, chosen, rnd))
			image_apply(m, e);
		return;
	}
	for (size_t off = e->off, end; off < e->off + e->len; off = end) {
		end = (off / DISK_SECTOR + 1) * DISK_SECTOR;
		if (end > e->off + e->len)
			end = e->off + e->len;
		if (rnd(2))
			image_write(m, off, e->data + (off - e->off), end - off);
	}
}

static void cut_file(const char *to, const char *name, const struct disk_image *m)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", to, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0);
	assert(__real_pwrite(fd, m->data, m->used, 0) == (ssize_t)m->used);
	assert(__real_ftruncate(fd, (off_t)m->size) == 0);
	close(fd);
}

/* Fills the empty directory "to" with what may be left when the power fails after the events played so far.
 */
static void disk_cut(const char *to, enum disk_fate f, uint32_t (*rnd)(uint32_t))
{
	static struct disk_image m; /* one file at a time */
	struct disk_names names = play.names;
	size_t n_names = 0, keep, chosen = play.n_pending ? rnd((uint32_t)play.n_pending) : 0;

	for (size_t i = 0; i < play.n_pending; i++)
		n_names += is_name_event(&disk.ev[play.pending[i]]);
	keep = f == FATE_NONE ? 0 : f == FATE_ALL ? n_names : rnd((uint32_t)n_names + 1);
	for (size_t i = 0; i < play.n_pending && keep; i++)
		if (is_name_event(&disk.ev[play.pending[i]])) {
			names_apply(&names, &disk.ev[play.pending[i]]);
			keep--;
		}
	image_need(&m);
	for (int i = 0; i < names.n; i++) {
		const struct disk_image *was = &play.flushed[names.file[i]];

		memset(m.data, 0, m.used);
		memcpy(m.data, was->data, was->used);
		m.used = was->used;
		m.size = was->size;
		for (size_t k = 0; k < play.n_pending; k++) {
			const struct disk_event *e = &disk.ev[play.pending[k]];

			if (!is_name_event(e) && e->file == names.file[i])
				cut_write(&m, e, f, k == chosen, rnd);
		}
		cut_file(to, names.name[i], &m);
	}
}

#endif
