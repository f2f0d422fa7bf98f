/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c - listening sockets */
#include "http/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

#define QUEUE 4096 /* the kernel makes it somaxconn */

/* The name a new socket has until it listens and may take the real one. */
#define NEW_SUFFIX ".new"

static int address_of(const char *path, const char *suffix, struct sockaddr_un *ret, struct err *e)
{
	size_t max = sizeof(ret->sun_path) - sizeof(NEW_SUFFIX);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (path[0] != '/' || strlen(path) > max)
		return err_code(e, ERR_CONFIG, ENAMETOOLONG, "want an absolute path of at most %zu bytes",
				max);
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s%s", path, suffix);
	return 0;
}

/* Whoever looks whether a socket is in use and then takes its name holds the directory's lock. */
static int lock_dir(const char *path, int *ret, struct err *e)
{
	CLEANUP(free_p) char *dir = strdup(path);
	CLEANUP(close_p) int fd = -1;
	int r;

	if (!dir)
		return err_nomem(e);
	dir[strrchr(dir, '/') == dir ? 1 : strrchr(dir, '/') - dir] = '\0';
	r = file_mkdirs(dir, 0755, e);
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, errno, "lock %s", dir);
	*ret = TAKE_FD(fd);
	return 0;
}

/* 0 when the name may be taken. */
static int in_use(const char *path, struct err *e)
{
	CLEANUP(close_p) int fd = -1;
	struct sockaddr_un to;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "look at it");
	if (!S_ISSOCK(st.st_mode))
		return err_code(e, ERR_CONFIG, EEXIST, "it exists and is no socket: remove it");
	r = address_of(path, "", &to, e);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno == ECONNREFUSED || errno == ENOENT)
			return 0;
		if (errno != EAGAIN) /* which is a full queue: there is somebody, and busy */
			return err_sys(e, errno, "try whether somebody listens");
	}
	return err_code(e, ERR_CONFIG, EADDRINUSE, "another server listens on it: stop that one first");
}

static int take_name(int fd, const char *path, mode_t mode, struct listen_name *name, struct err *e)
{
	struct sockaddr_un own;
	struct stat st;
	int r = address_of(path, NEW_SUFFIX, &own, e);

	if (r < 0)
		return r;
	if (unlink(own.sun_path) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", own.sun_path);
	/* The file is born with the mode of the socket. */
	if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
		return err_sys(e, errno, "bind %s", own.sun_path);
	if (listen(fd, QUEUE) < 0 || lstat(own.sun_path, &st) < 0 || rename(own.sun_path, path) < 0) {
		r = err_sys(e, errno, "listen");
		(void)unlink(own.sun_path);
		return r;
	}
	*name = (struct listen_name){ st.st_dev, st.st_ino };
	return 0;
}

int listen_unix(const char *path, mode_t mode, int *ret, struct listen_name *name, struct err *e)
{
	CLEANUP(close_p) int lock = -1;
	CLEANUP(close_p) int fd = -1;
	struct sockaddr_un own;
	int r = address_of(path, "", &own, e);

	if (r == 0)
		r = lock_dir(path, &lock, e);
	if (r == 0)
		r = in_use(path, e);
	if (r == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = fd < 0 ? err_sys(e, errno, "socket") : take_name(fd, path, mode, name, e);
	}
	if (r < 0)
		return err_wrap(e, "socket %s", path);
	*ret = TAKE_FD(fd);
	return 0;
}

void listen_remove(const char *path, const struct listen_name *name)
{
	CLEANUP(close_p) int lock = -1;
	struct stat st;
	struct err e;

	/* Without the lock somebody's new socket could be taken away between the look and the unlink. */
	if (lock_dir(path, &lock, &e) == 0 && lstat(path, &st) == 0 && st.st_dev == name->dev &&
	    st.st_ino == name->ino)
		(void)unlink(path);
}

static int open_tcp(const struct addrinfo *a, int *ret, struct err *e)
{
	CLEANUP(close_p) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1, off = 0;

	if (fd < 0)
		return err_sys(e, errno, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (a->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0))
		return err_sys(e, errno, "set its options");
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0)
		return err_sys(e, errno, "bind");
	if (listen(fd, QUEUE) < 0)
		return err_sys(e, errno, "listen");
	*ret = TAKE_FD(fd);
	return 0;
}

int listen_tcp(const char *host, uint16_t port, int *ret, struct err *e)
{
	const struct addrinfo want = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM };
	/* One IPv6 socket takes both families; a kernel without IPv6 has 0.0.0.0. */
	const char *const hosts[] = { host ? host : "::", host ? NULL : "0.0.0.0" };
	int r = -EAFNOSUPPORT;
	char service[8];

	(void)snprintf(service, sizeof(service), "%u", port);
	for (size_t i = 0; i < ARRAY_LEN(hosts) && hosts[i] && r == -EAFNOSUPPORT; i++) {
		struct addrinfo *a = NULL;

		if (getaddrinfo(hosts[i], service, &want, &a) != 0) {
			r = err_code(e, ERR_CONFIG, EINVAL, "want an IP address");
			break;
		}
		r = open_tcp(a, ret, e);
		freeaddrinfo(a);
	}
	return r < 0 ? err_wrap(e, "listen on %s port %s", host ? host : "every address", service) : 0;
}
