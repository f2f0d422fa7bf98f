/* SPDX-License-Identifier: Apache-2.0 */
/* netns.h - network namespaces as file descriptors
 *
 * Code never works inside another namespace: netns_open_in() enters it, opens what was asked for and comes
 * back. A socket stays bound for life to the namespace it was opened in, so everything else takes sockets.
 * Only the calling thread moves, other threads notice nothing. Failures carry the CNI code ERR_NETNS.
 */
#ifndef NL_NETNS_H
#define NL_NETNS_H

#include <stddef.h>

#include "base/err.h"

#define NETNS_ID_MAX 48

/* Opens a network namespace file such as /run/netns/NAME or /proc/PID/ns/net; the caller closes it. -ENOENT
 * when there is nothing at path, -EINVAL when it is something else. */
int netns_open(const char *path, int *ret_fd, struct err *e);
/* That of the calling thread. */
int netns_open_own(int *ret_fd, struct err *e);

/* "device:inode" of the nsfs file: the same as long as the namespace lives, whatever path leads to it. */
int netns_id(int netns, char out[NETNS_ID_MAX], struct err *e);
/* "device:inode" of the directory that a path is looked up in (of /proc, for what lies in there): whoever
 * finds another one there sees other namespaces. "" when it cannot be told. */
const char *netns_dir_id(const char *path, char out[NETNS_ID_MAX]);
/* 1 when it is the calling thread's, 0 when not. */
int netns_is_own(int netns, struct err *e);

struct netns_item {
	const char *dir;            /* a directory to open with O_PATH; NULL: a socket */
	int domain, type, protocol; /* of the socket, as in socket(2); SOCK_CLOEXEC is added */
	int fd;                     /* out */
};

/* Opens all items inside netns, or none (every fd is -1 then).
 * A dir below /proc/sys/net/ipv4 or ipv6 goes on showing that namespace, as long as netns is kept open;
 * /proc/sys/net itself and /proc/PID/net do not, they follow whoever looks. */
int netns_open_in(int netns, struct netns_item *items, size_t n, struct err *e);

#endif
