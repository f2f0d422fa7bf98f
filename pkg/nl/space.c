/* SPDX-License-Identifier: Apache-2.0 */
/* space.c - open all that is needed of a network namespace at once */
#include "nl/space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "nl/netns.h"

#define DIR4 "/proc/sys/net/ipv4"
#define DIR6 "/proc/sys/net/ipv6"

enum { IT_RT, IT_SOCK, IT_DIR4, IT_NF, IT_DIR6, IT_MAX };

/* IPv6 and nfnetlink are in a kernel or not, whatever the namespace. Without them everything else works. */
static bool has_nfnetlink(void)
{
	CLEANUP(close_p) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	return fd >= 0 || errno != EPROTONOSUPPORT;
}

static int open_items(int netns, bool nf, bool ipv6, int fd[IT_MAX], struct err *e)
{
	const struct netns_item all[IT_MAX] = {
		[IT_RT] = { .domain = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_ROUTE },
		[IT_SOCK] = { .domain = AF_INET, .type = SOCK_DGRAM },
		[IT_DIR4] = { .dir = DIR4 },
		[IT_NF] = { .domain = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_NETFILTER },
		[IT_DIR6] = { .dir = DIR6 },
	};
	struct netns_item it[IT_MAX];
	int which[IT_MAX], r;
	size_t n = 0;

	for (int i = 0; i < IT_MAX; i++) {
		fd[i] = -1;
		if ((i == IT_NF && !nf) || (i == IT_DIR6 && !ipv6))
			continue;
		which[n] = i;
		it[n++] = all[i];
	}
	r = netns_open_in(netns, it, n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		fd[which[i]] = it[i].fd;
	return r;
}

static int open_all(struct netspace *s, struct err *e)
{
	bool nf = has_nfnetlink();
	int fd[IT_MAX], r;

	if (s->netns < 0) {
		r = netns_open_own(&s->netns, e);
		if (r < 0)
			return r;
	}
	s->has_ipv6 = access(DIR6, F_OK) == 0;
	r = open_items(s->netns, nf, s->has_ipv6, fd, e);
	if (r < 0)
		return err_wrap(e, "%s", s->where);
	s->sock = fd[IT_SOCK];
	s->sysctl4 = fd[IT_DIR4];
	s->sysctl6 = fd[IT_DIR6];
	s->nf.fd = fd[IT_NF];
	r = netlink_adopt(fd[IT_RT], NETLINK_ROUTE, s->where, &s->rt, e);
	if (r == 0 && nf)
		r = netlink_adopt(fd[IT_NF], NETLINK_NETFILTER, s->where, &s->nf, e);
	return r;
}

int netspace_open(int netns, const char *where, struct netspace *ret, struct err *e)
{
	struct netspace s = { .where = where, .netns = netns, .sock = -1, .sysctl4 = -1, .sysctl6 = -1 };
	int r;

	s.rt = (struct netlink){ .fd = -1, .protocol = NETLINK_ROUTE, .where = where };
	s.nf = (struct netlink){ .fd = -1, .protocol = NETLINK_NETFILTER, .where = where };
	r = open_all(&s, e);
	if (r < 0)
		netspace_close(&s);
	*ret = s;
	return r;
}

void netspace_close(struct netspace *s)
{
	if (!s->where)
		return;
	netlink_close(&s->rt);
	netlink_close(&s->nf);
	close_p(&s->sock);
	close_p(&s->sysctl4);
	close_p(&s->sysctl6);
	close_p(&s->netns);
	s->sock = s->sysctl4 = s->sysctl6 = s->netns = -1;
}
