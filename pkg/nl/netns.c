/* SPDX-License-Identifier: Apache-2.0 */
/* netns.c - open a network namespace, tell which it is, open sockets inside */
#include "nl/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/own.h"

static int fail(struct err *e, int sys, const char *what)
{
	return err_code(e, ERR_NETNS, sys, "%s: %s", what, strerror(sys));
}

/* A runtime in a container may see the plain file over which the namespace is mounted on the host: saying so
 * is worth more than the ENOTTY or EINVAL which would come later. */
static int check_netns(int fd, const char *path, struct err *e)
{
	struct statfs fs;
	int type;

	if (fstatfs(fd, &fs) < 0)
		return err_code(e, ERR_NETNS, errno, "network namespace %s: statfs: %s", path,
				strerror(errno));
	if (fs.f_type != NSFS_MAGIC)
		return err_code(
			e, ERR_NETNS, EINVAL,
			"network namespace %s: this is not a namespace but an ordinary file or directory; "
			"want one such as /run/netns/NAME, mounted and visible to this process",
			path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_code(e, ERR_NETNS, errno, "network namespace %s: ask for its type: %s", path,
				strerror(errno));
	if (type != CLONE_NEWNET)
		return err_code(e, ERR_NETNS, EINVAL,
				"network namespace %s: this is a namespace of another type (0x%x); want a "
				"network namespace",
				path, (unsigned)type);
	return 0;
}

int netns_open(const char *path, int *ret_fd, struct err *e)
{
	/* O_NONBLOCK: path comes from outside and might be a fifo. */
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return err_code(e, ERR_NETNS, errno, "network namespace %s: %s", path, strerror(errno));
	r = check_netns(fd, path, e);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int netns_open_own(int *ret_fd, struct err *e)
{
	return netns_open("/proc/thread-self/ns/net", ret_fd, e);
}

const char *netns_dir_id(const char *path, char out[NETNS_ID_MAX])
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = "/proc";
	struct stat st;

	out[0] = '\0';
	if (!slash || slash - path >= (ptrdiff_t)sizeof(dir))
		return out;
	if (strncmp(path, "/proc/", 6) != 0) /* there, directories go with their processes */
		snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (stat(dir, &st) == 0)
		snprintf(out, NETNS_ID_MAX, "%llu:%llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
	return out;
}

int netns_id(int netns, char out[NETNS_ID_MAX], struct err *e)
{
	struct stat st;

	if (fstat(netns, &st) < 0)
		return fail(e, errno, "identity of a network namespace");
	snprintf(out, NETNS_ID_MAX, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return 0;
}

static int same_netns(int a, int b, struct err *e)
{
	struct stat x, y;

	if (fstat(a, &x) < 0 || fstat(b, &y) < 0)
		return fail(e, errno, "compare network namespaces");
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int netns_is_own(int netns, struct err *e)
{
	CLEANUP(close_p) int own = -1;
	int r = netns_open_own(&own, e);

	return r < 0 ? r : same_netns(netns, own, e);
}

static int open_item(struct netns_item *it, struct err *e)
{
	it->fd = it->dir ? open(it->dir, O_PATH | O_DIRECTORY | O_CLOEXEC)
			 : socket(it->domain, it->type | SOCK_CLOEXEC, it->protocol);
	if (it->fd >= 0)
		return 0;
	if (it->dir)
		return err_code(e, ERR_NETNS, errno, "open %s in the network namespace: %s", it->dir,
				strerror(errno));
	return err_code(e, ERR_NETNS, errno,
			"open a socket (family %d, type %d) in the network namespace: %s", it->domain,
			it->type, strerror(errno));
}

static int open_items(struct netns_item *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = open_item(&items[i], e);

		if (r == 0)
			continue;
		while (i-- > 0) {
			close(items[i].fd);
			items[i].fd = -1;
		}
		return r;
	}
	return 0;
}

int netns_open_in(int netns, struct netns_item *items, size_t n, struct err *e)
{
	CLEANUP(close_p) int own = -1;
	int r, stay;

	for (size_t i = 0; i < n; i++)
		items[i].fd = -1;
	r = netns_open_own(&own, e);
	if (r < 0)
		return r;
	stay = same_netns(netns, own, e);
	if (stay < 0)
		return stay;
	if (!stay && setns(netns, CLONE_NEWNET) < 0)
		return fail(e, errno, "enter the network namespace");
	r = open_items(items, n, e);
	/* A thread left behind in a pod would configure the pod wherever its next caller means the host.
	 * There is no way on from here that is safe. */
	if (!stay && setns(own, CLONE_NEWNET) < 0)
		abort();
	return r;
}
