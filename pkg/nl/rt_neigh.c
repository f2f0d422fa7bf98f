/* SPDX-License-Identifier: Apache-2.0 */
/* rt_neigh.c - neighbour entries */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "nl/rt_impl.h"

int rt_neigh_parse(struct nlmsghdr *h, struct rt_neigh *ret, struct err *e)
{
	struct nlattr *tb[NDA_MAX + 1];
	struct ndmsg *n = nlmsg_data(h);
	int r;

	if (h->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	r = rt_attrs(h, sizeof(*n), tb, NDA_MAX, e);
	if (r < 0)
		return r;
	*ret = (struct rt_neigh){ .index = n->ndm_ifindex, .state = n->ndm_state };
	rt_ip(tb[NDA_DST], rt_version(n->ndm_family), &ret->ip);
	rt_mac(tb[NDA_LLADDR], ret->mac);
	return ret->ip.ver != 0 && !(n->ndm_flags & NTF_PROXY);
}

struct neigh_list {
	struct rt_list l; /* first: rt_list_reset() */
	uint8_t ver;
	int index;
};

static int each_neigh(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct neigh_list *a = arg;
	struct rt_neigh n;
	int r = rt_neigh_parse(h, &n, e);

	if (r <= 0 || (a->ver && a->ver != n.ip.ver) || (a->index && a->index != n.index))
		return r;
	return rt_list_add(&a->l, &n, e);
}

int rt_neighs(struct netlink *nl, uint8_t ver, int index, struct rt_neighs *ret, struct err *e)
{
	const struct ndmsg head = { .ndm_family = rt_family(ver) };
	struct neigh_list a = { .l.size = sizeof(struct rt_neigh), .ver = ver, .index = index };
	struct nl_msg *m = rt_msg(RTM_GETNEIGH, NLM_F_DUMP, &head, sizeof(head));
	int r;

	if (index)
		rt_put_u32(&m, NDA_IFINDEX, (uint32_t)index);
	r = netlink_ask(nl, m, each_neigh, rt_list_reset, &a, e, "list neighbours");
	if (r < 0)
		free(a.l.v);
	else
		*ret = (struct rt_neighs){ .v = a.l.v, .n = a.l.n };
	return r;
}

static struct nl_msg *neigh_msg(int type, int flags, const struct rt_neigh *n, uint16_t state)
{
	const struct ndmsg head = { .ndm_family = rt_family(n->ip.ver),
				    .ndm_ifindex = n->index,
				    .ndm_state = state };
	struct nl_msg *m = rt_msg(type, flags, &head, sizeof(head));

	rt_put_ip(&m, NDA_DST, n->ip);
	return m;
}

void rt_neigh_put(struct netlink_batch *b, const struct rt_neigh *n, const char *dev)
{
	struct nl_msg *m =
		neigh_msg(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, n, n->state ? n->state : NUD_PERMANENT);
	char ip[IP_TEXT_MAX], mac[LINK_MAC_TEXT];

	rt_put(&m, NDA_LLADDR, n->mac, LINK_MAC_LEN);
	netlink_add(b, m, NETLINK_EXACT, "add neighbour %s lladdr %s dev %s", ip_format(n->ip, ip),
		    link_mac_format(n->mac, mac), dev);
}

void rt_neigh_del(struct netlink_batch *b, const struct rt_neigh *n, const char *dev)
{
	char ip[IP_TEXT_MAX];

	netlink_add(b, neigh_msg(RTM_DELNEIGH, 0, n, 0), NETLINK_OK(ENOENT, ENODEV),
		    "delete neighbour %s dev %s", ip_format(n->ip, ip), dev);
}
