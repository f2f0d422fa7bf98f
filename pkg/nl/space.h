/* SPDX-License-Identifier: Apache-2.0 */
/* space.h - everything that is needed to configure one network namespace, opened once
 *
 * All of it stays with that namespace for life; nobody has to enter it again.
 */
#ifndef NL_SPACE_H
#define NL_SPACE_H

#include <stdbool.h>

#include "base/err.h"
#include "nl/netlink.h"

struct netspace {
	const char *where;    /* "node", "pod": in front of sentences */
	int netns;            /* fd, owned */
	struct netlink rt;    /* NETLINK_ROUTE */
	struct netlink nf;    /* NETLINK_NETFILTER; fd -1 when the kernel has none */
	int sock;             /* AF_INET datagram, for link.h */
	int sysctl4, sysctl6; /* /proc/sys/net/ipv4 and ipv6 */
	bool has_ipv6;        /* the kernel knows IPv6; otherwise sysctl6 is -1 */
};

/* Takes netns over, also when it fails; -1: the namespace of the calling thread. */
int netspace_open(int netns, const char *where, struct netspace *ret, struct err *e);
void netspace_close(struct netspace *s); /* accepts a zeroed one */

/* ---- settings below /proc/sys/net/ipv4 or ipv6 ---- */

#define SYSCTL_TEXT_MAX 64

/* path: "ipv4/conf/all/rp_filter"; interface names may hold dots, so slashes separate. -ENOENT: there is no
 * such setting. The value without its line end. */
int sysctl_get(const struct netspace *s, const char *path, char ret[SYSCTL_TEXT_MAX], struct err *e);
/* Writes unless that is the value already. */
int sysctl_set(const struct netspace *s, const char *path, const char *value, struct err *e);
/* Calls each() with the name of every directory in path ("ipv4/conf"): all, default and every interface. */
int sysctl_each(const struct netspace *s, const char *path,
		int (*each)(const char *name, void *arg, struct err *e), void *arg, struct err *e);

#endif
