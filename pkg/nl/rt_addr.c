/* SPDX-License-Identifier: Apache-2.0 */
/* rt_addr.c - addresses of interfaces */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "nl/rt_impl.h"

int rt_addr_parse(struct nlmsghdr *h, struct rt_addr *ret, struct err *e)
{
	struct nlattr *tb[IFA_MAX + 1];
	struct ifaddrmsg *a = nlmsg_data(h);
	int r;

	if (h->nlmsg_type != RTM_NEWADDR)
		return 0;
	r = rt_attrs(h, sizeof(*a), tb, IFA_MAX, e);
	if (r < 0)
		return r;
	*ret = (struct rt_addr){ .index = (int)a->ifa_index, .scope = a->ifa_scope };
	ret->p.len = a->ifa_prefixlen;
	ret->flags = tb[IFA_FLAGS] ? rt_u32(tb[IFA_FLAGS]) : a->ifa_flags;
	/* IFA_ADDRESS is the other end where there is IFA_LOCAL. */
	rt_ip(tb[IFA_ADDRESS], rt_version(a->ifa_family), &ret->p.ip);
	rt_ip(tb[IFA_LOCAL], rt_version(a->ifa_family), &ret->p.ip);
	return ret->p.ip.ver != 0 && ret->p.len <= ip_bits(ret->p.ip.ver);
}

struct addr_list {
	struct rt_list l; /* first: rt_list_reset() */
	uint8_t ver;
	int index;
};

static int each_addr(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct addr_list *a = arg;
	struct rt_addr addr;
	int r = rt_addr_parse(h, &addr, e);

	if (r <= 0 || (a->ver && a->ver != addr.p.ip.ver) || (a->index && a->index != addr.index))
		return r;
	return rt_list_add(&a->l, &addr, e);
}

int rt_addrs(struct netlink *nl, uint8_t ver, int index, struct rt_addrs *ret, struct err *e)
{
	const struct ifaddrmsg head = { .ifa_family = rt_family(ver), .ifa_index = (unsigned)index };
	struct addr_list a = { .l.size = sizeof(struct rt_addr), .ver = ver, .index = index };
	int r = netlink_ask(nl, rt_msg(RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head)), each_addr,
			    rt_list_reset, &a, e, "list addresses");

	if (r == -ENODEV && index) { /* of an interface that is gone */
		a.l.n = 0;
		r = 0;
	}
	if (r < 0)
		free(a.l.v);
	else
		*ret = (struct rt_addrs){ .v = a.l.v, .n = a.l.n };
	return r;
}

static struct nl_msg *addr_msg(int type, int flags, const struct rt_addr *a)
{
	const struct ifaddrmsg head = { .ifa_family = rt_family(a->p.ip.ver),
					.ifa_prefixlen = a->p.len,
					.ifa_flags = (uint8_t)a->flags,
					.ifa_scope = a->scope,
					.ifa_index = (unsigned)a->index };
	struct nl_msg *m = rt_msg(type, flags, &head, sizeof(head));

	rt_put_ip(&m, IFA_LOCAL, a->p.ip);
	rt_put_ip(&m, IFA_ADDRESS, a->p.ip);
	return m;
}

void rt_addr_put(struct netlink_batch *b, const struct rt_addr *a, const char *dev)
{
	struct nl_msg *m = addr_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a);
	char text[IP_TEXT_MAX];

	if (a->flags)
		rt_put_u32(&m, IFA_FLAGS, a->flags);
	netlink_add(b, m, NETLINK_EXACT, "add address %s dev %s", ip_prefix_format(a->p, text), dev);
}

void rt_addr_del(struct netlink_batch *b, const struct rt_addr *a, const char *dev)
{
	char text[IP_TEXT_MAX];

	netlink_add(b, addr_msg(RTM_DELADDR, 0, a), NETLINK_OK(EADDRNOTAVAIL, ENODEV, ENXIO),
		    "delete address %s dev %s", ip_prefix_format(a->p, text), dev);
}
