/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.c - settings of a network namespace */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "nl/space.h"

static int bad_path(const struct netspace *s, const char *path, struct err *e)
{
	return err_code(
		e, ERR_CONFIG, EINVAL,
		"%s: sysctl \"%.128s\": want a path below ipv4/ or ipv6/ without empty, \".\" and \"..\" "
		"parts",
		s->where, path);
}

/* Interface names become part of paths: none may lead elsewhere. */
static bool stays_below(const char *path)
{
	for (const char *p = path;; p++) {
		size_t len = strcspn(p, "/");

		if (len == 0 || (p[0] == '.' && (len == 1 || (len == 2 && p[1] == '.'))))
			return false;
		p += len;
		if (!*p)
			return true;
	}
}

static int open_path(const struct netspace *s, const char *path, int flags, struct err *e)
{
	bool v4 = strncmp(path, "ipv4/", 5) == 0;
	int dir = v4 ? s->sysctl4 : s->sysctl6, fd;

	if ((!v4 && strncmp(path, "ipv6/", 5) != 0) || !stays_below(path + 5))
		return bad_path(s, path, e);
	if (dir < 0)
		return err_code(e, ERR_IO, ENOENT, "%s: sysctl %s: this kernel has no IPv6", s->where, path);
	fd = openat(dir, path + 5, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, errno, "%s: sysctl %s", s->where, path) : fd;
}

int sysctl_get(const struct netspace *s, const char *path, char ret[SYSCTL_TEXT_MAX], struct err *e)
{
	CLEANUP(close_p) int fd = open_path(s, path, O_RDONLY, e);
	char text[SYSCTL_TEXT_MAX + 1];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return err_sys(e, errno, "%s: sysctl %s: read", s->where, path);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n >= SYSCTL_TEXT_MAX)
		return err_code(e, ERR_IO, EFBIG, "%s: sysctl %s: its value has more than %d bytes", s->where,
				path, SYSCTL_TEXT_MAX - 1);
	text[n] = '\0';
	memcpy(ret, text, (size_t)n + 1);
	return 0;
}

int sysctl_set(const struct netspace *s, const char *path, const char *value, struct err *e)
{
	CLEANUP(close_p) int fd = -1;
	char now[SYSCTL_TEXT_MAX];
	int r = sysctl_get(s, path, now, e);

	if (r < 0 || strcmp(now, value) == 0)
		return r;
	fd = open_path(s, path, O_WRONLY, e);
	if (fd < 0)
		return fd;
	if (write(fd, value, strlen(value)) < 0)
		return err_sys(e, errno, "%s: sysctl %s: set to \"%.64s\"", s->where, path, value);
	return 0;
}

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

int sysctl_each(const struct netspace *s, const char *path,
		int (*each)(const char *name, void *arg, struct err *e), void *arg, struct err *e)
{
	CLEANUP(closedir_p) DIR *d = NULL;
	int fd = open_path(s, path, O_RDONLY | O_DIRECTORY, e), r = 0;
	struct dirent *entry;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		r = err_sys(e, errno, "%s: sysctl %s", s->where, path);
		close(fd);
		return r;
	}
	while (r >= 0 && (errno = 0, entry = readdir(d)) != NULL)
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			r = each(entry->d_name, arg, e);
	if (r < 0)
		return r;
	return errno ? err_sys(e, errno, "%s: sysctl %s: list", s->where, path) : 0;
}
