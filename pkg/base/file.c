/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - small files: read whole with a limit, replace atomically */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/own.h"

#define TEMP_END ".tmp"

int file_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *e)
{
	char chunk[16384];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %s", what);
		if (n == 0)
			break;
		total += (size_t)n;
		if (total > max)
			return err_code(e, ERR_IO, EFBIG, "%s: larger than the limit of %zu bytes", what,
					max);
		buf_add(out, chunk, (size_t)n);
	}
	if (out->err)
		return err_sys(e, -out->err, "read %s", what);
	return 0;
}

int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e)
{
	CLEANUP(close_p) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	return file_read_fd(fd, path, max, out, e);
}

int file_write_fd(int fd, const char *what, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "write %s", what);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* fsync of the directory that holds path, so that the rename itself survives a power cut. */
static int sync_parent(int dirfd, const char *path, struct err *e)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 0;
	CLEANUP(close_p) int fd = -1;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (len ? len : 1) : 1, slash ? path : ".");
	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "sync directory of %s", path);
	return 0;
}

static int write_temp(int dirfd, const char *temp, mode_t mode, const void *data, size_t len, bool durable,
		      struct err *e)
{
	CLEANUP(close_p)
	int fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_sys(e, errno, "create %s", temp);
	r = file_write_fd(fd, temp, data, len, e);
	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0)
		return err_sys(e, errno, "chmod %s", temp);
	if (durable && fsync(fd) < 0)
		return err_sys(e, errno, "sync %s", temp);
	return 0;
}

int file_replace(int dirfd, const char *path, mode_t mode, const void *data, size_t len, bool durable,
		 struct err *e)
{
	char temp[PATH_MAX];
	int r;

	/* One process writes one file at a time; a leftover of the same pid is from before a reboot. */
	if (snprintf(temp, sizeof(temp), "%s.%d" TEMP_END, path, (int)getpid()) >= (int)sizeof(temp))
		return err_sys(e, ENAMETOOLONG, "%s", path);
	unlinkat(dirfd, temp, 0);
	r = write_temp(dirfd, temp, mode, data, len, durable, e);
	if (r == 0 && renameat(dirfd, temp, dirfd, path) < 0)
		r = err_sys(e, errno, "rename %s to %s", temp, path);
	if (r < 0) {
		unlinkat(dirfd, temp, 0);
		return r;
	}
	return durable ? sync_parent(dirfd, path, e) : 0;
}

/* ".PID.tmp" behind a name. */
static bool is_temp(const char *name)
{
	size_t len = strlen(name), end = strlen(TEMP_END), digits = 0;

	if (len <= end || strcmp(name + len - end, TEMP_END) != 0)
		return false;
	len -= end;
	while (len && name[len - 1] >= '0' && name[len - 1] <= '9') {
		len--;
		digits++;
	}
	return digits && len > 1 && name[len - 1] == '.';
}

void file_tidy(const char *dir, int64_t age_ms)
{
	DIR *d = opendir(dir);
	struct stat st;

	for (struct dirent *f; d && (f = readdir(d));)
		if (is_temp(f->d_name) && fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && clock_wall_ms() - st.st_mtim.tv_sec * 1000 >= age_ms)
			unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
}

int file_mkdirs(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (!len || len >= sizeof(part))
		return err_sys(e, len ? ENAMETOOLONG : EINVAL, "make directory \"%.64s\"", path);
	memcpy(part, path, len);
	part[len] = '\0';
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_sys(e, errno, "make directory %s", part);
		*p = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make directory %s", part);
	if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_sys(e, ENOTDIR, "make directory %s", part);
	return 0;
}
