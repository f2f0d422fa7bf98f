/* SPDX-License-Identifier: Apache-2.0 */
/* rt_link.c - links: which there are, make, change, remove */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nl/rt_impl.h"

/* The kernel would take "veth%d" for a pattern and number it. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (const char *p = name; *p; p++)
		if (isspace((unsigned char)*p) || strchr("/:%", *p))
			return false;
	return true;
}

#define WANT_NAME \
	"interface \"%.64s\": want a name of 1 to 15 characters without blank, slash, colon and percent"

static bool name_ok(struct netlink_batch *b, const char *name)
{
	if (is_name(name))
		return true;
	netlink_refuse(b, EINVAL, WANT_NAME, name);
	return false;
}

/* ---- lists ---- */

static void parse_kind(struct nlattr *info, struct rt_link *l)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1], *vlan[IFLA_VLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	rt_text(tb[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	if (strcmp(l->kind, "vlan") == 0 && tb[IFLA_INFO_DATA] &&
	    nla_parse_nested(vlan, IFLA_VLAN_MAX, tb[IFLA_INFO_DATA], NULL) >= 0) {
		l->vlan_id = rt_u16(vlan[IFLA_VLAN_ID]);
		l->vlan_protocol = ntohs(rt_u16(vlan[IFLA_VLAN_PROTOCOL]));
	}
}

int rt_link_parse(struct nlmsghdr *h, struct rt_link *ret, struct err *e)
{
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *i = nlmsg_data(h);
	int r;

	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	r = rt_attrs(h, sizeof(*i), tb, IFLA_MAX, e);
	if (r < 0)
		return r;
	if (i->ifi_family != AF_UNSPEC) /* a bridge port */
		return 0;
	*ret = (struct rt_link){ .index = i->ifi_index, .flags = i->ifi_flags, .type = i->ifi_type };
	rt_text(tb[IFLA_IFNAME], ret->name, sizeof(ret->name));
	rt_text(tb[IFLA_IFALIAS], ret->alias, sizeof(ret->alias));
	rt_mac(tb[IFLA_ADDRESS], ret->mac);
	ret->mtu = rt_u32(tb[IFLA_MTU]);
	ret->txqlen = rt_u32(tb[IFLA_TXQLEN]);
	ret->link = (int)rt_u32(tb[IFLA_LINK]);
	ret->link_netnsid = tb[IFLA_LINK_NETNSID] ? (int)rt_u32(tb[IFLA_LINK_NETNSID]) : -1;
	ret->master = (int)rt_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_LINKINFO])
		parse_kind(tb[IFLA_LINKINFO], ret);
	return 1;
}

static int each_link(struct nlmsghdr *h, void *list, struct err *e)
{
	struct rt_link l;
	int r = rt_link_parse(h, &l, e);

	return r > 0 ? rt_list_add(list, &l, e) : r;
}

static struct nl_msg *get_msg(int index, int flags)
{
	const struct ifinfomsg i = { .ifi_index = index };
	struct nl_msg *m = rt_msg(RTM_GETLINK, flags, &i, sizeof(i));

	rt_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return m;
}

int rt_links(struct netlink *nl, struct rt_links *ret, struct err *e)
{
	struct rt_list l = { .size = sizeof(struct rt_link) };
	int r = netlink_ask(nl, get_msg(0, NLM_F_DUMP), each_link, rt_list_reset, &l, e, "list interfaces");

	if (r < 0)
		free(l.v);
	else
		*ret = (struct rt_links){ .v = l.v, .n = l.n };
	return r;
}

static int get_link(struct netlink *nl, struct nl_msg *m, const char *what, struct rt_link *ret,
		    struct err *e)
{
	struct rt_list l = { .size = sizeof(struct rt_link) };
	int r = netlink_ask(nl, m, each_link, rt_list_reset, &l, e, "get %s", what);

	if (r == -ENODEV || (r == 0 && l.n == 0))
		r = err_code(e, ERR_IO, ENODEV, "%s: %s does not exist", nl->where, what);
	if (r == 0)
		*ret = *(struct rt_link *)l.v;
	free(l.v);
	return r;
}

int rt_link_by_name(struct netlink *nl, const char *name, struct rt_link *ret, struct err *e)
{
	char what[NETLINK_WHAT_MAX];
	struct nl_msg *m;

	if (!is_name(name))
		return err_code(e, ERR_CONFIG, EINVAL, "%s: " WANT_NAME, nl->where, name);
	m = get_msg(0, 0);
	rt_put_text(&m, IFLA_IFNAME, name);
	snprintf(what, sizeof(what), "interface %s", name);
	return get_link(nl, m, what, ret, e);
}

int rt_link_by_index(struct netlink *nl, int index, struct rt_link *ret, struct err *e)
{
	char what[NETLINK_WHAT_MAX];

	snprintf(what, sizeof(what), "the interface with index %d", index);
	if (index <= 0) /* the kernel says EINVAL, which would not be tolerated */
		return err_code(e, ERR_IO, ENODEV, "%s: %s does not exist", nl->where, what);
	return get_link(nl, get_msg(index, 0), what, ret, e);
}

static int each_netnsid(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct nlattr *tb[NETNSA_MAX + 1];
	int r = rt_attrs(h, sizeof(struct rtgenmsg), tb, NETNSA_MAX, e);

	if (r == 0 && tb[NETNSA_NSID])
		*(int *)arg = (int)rt_u32(tb[NETNSA_NSID]);
	return r;
}

int rt_netnsid(struct netlink *nl, int netns, int *ret, struct err *e)
{
	const struct rtgenmsg head = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *m = rt_msg(RTM_GETNSID, 0, &head, sizeof(head));

	rt_put_u32(&m, NETNSA_FD, (uint32_t)netns);
	*ret = NETNSA_NSID_NOT_ASSIGNED;
	return netlink_ask(nl, m, each_netnsid, NULL, ret, e, "ask for the number of a network namespace");
}

/* ---- make ---- */

static struct nl_msg *new_msg(const char *name)
{
	const struct ifinfomsg i = { 0 };
	struct nl_msg *m = rt_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));

	rt_put_text(&m, IFLA_IFNAME, name);
	return m;
}

static void put_veth_end(struct nl_msg **m, uint32_t mtu, const uint8_t mac[LINK_MAC_LEN])
{
	if (mtu)
		rt_put_u32(m, IFLA_MTU, mtu);
	rt_put(m, IFLA_ADDRESS, mac, LINK_MAC_LEN);
}

void rt_veth_add(struct netlink_batch *b, const struct rt_veth *v)
{
	struct ifinfomsg i = { 0 };
	struct nlattr *info, *data, *peer;
	struct nl_msg *m;

	if (!name_ok(b, v->name) || !name_ok(b, v->peer_name))
		return;
	m = new_msg(v->name);
	put_veth_end(&m, v->mtu, v->mac);
	info = rt_nest(&m, IFLA_LINKINFO);
	rt_put_text(&m, IFLA_INFO_KIND, "veth");
	data = rt_nest(&m, IFLA_INFO_DATA);
	peer = rt_nest(&m, VETH_INFO_PEER);
	if (m && nlmsg_append(m, &i, sizeof(i), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	rt_put_text(&m, IFLA_IFNAME, v->peer_name);
	put_veth_end(&m, v->mtu, v->peer_mac);
	rt_put_u32(&m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns);
	rt_nest_end(&m, peer);
	rt_nest_end(&m, data);
	rt_nest_end(&m, info);
	netlink_add(b, m, NETLINK_EXACT, "add link %s type veth peer name %s", v->name, v->peer_name);
}

void rt_vlan_add(struct netlink_batch *b, const char *name, int parent, uint16_t id)
{
	struct nlattr *info, *data;
	struct nl_msg *m;

	if (!name_ok(b, name))
		return;
	m = new_msg(name);
	rt_put_u32(&m, IFLA_LINK, (uint32_t)parent);
	info = rt_nest(&m, IFLA_LINKINFO);
	rt_put_text(&m, IFLA_INFO_KIND, "vlan");
	data = rt_nest(&m, IFLA_INFO_DATA);
	rt_put_u16(&m, IFLA_VLAN_ID, id);
	rt_nest_end(&m, data);
	rt_nest_end(&m, info);
	netlink_add(b, m, NETLINK_EXACT, "add link %s type vlan id %u", name, id);
}

/* ---- change, remove ---- */

static struct nl_msg *link_msg(int type, int index, const char *name, unsigned flags, unsigned change)
{
	const struct ifinfomsg i = { .ifi_index = index, .ifi_flags = flags, .ifi_change = change };
	struct nl_msg *m = rt_msg(type, 0, &i, sizeof(i));

	/* Together with an index it would be a new name. */
	if (index == 0)
		rt_put_text(&m, IFLA_IFNAME, name);
	return m;
}

static bool target_ok(struct netlink_batch *b, int index, const char *name)
{
	return index != 0 || name_ok(b, name);
}

void rt_link_del(struct netlink_batch *b, int index, const char *name)
{
	if (target_ok(b, index, name))
		netlink_add(b, link_msg(RTM_DELLINK, index, name, 0, 0), NETLINK_OK(ENODEV), "delete link %s",
			    name);
}

void rt_link_set_up(struct netlink_batch *b, int index, const char *name, bool up)
{
	if (target_ok(b, index, name))
		netlink_add(b, link_msg(RTM_SETLINK, index, name, up ? IFF_UP : 0, IFF_UP), NETLINK_EXACT,
			    "set link %s %s", name, up ? "up" : "down");
}

void rt_link_set_mac(struct netlink_batch *b, int index, const char *name, const uint8_t mac[LINK_MAC_LEN])
{
	char text[LINK_MAC_TEXT];
	struct nl_msg *m;

	if (!target_ok(b, index, name))
		return;
	m = link_msg(RTM_SETLINK, index, name, 0, 0);
	rt_put(&m, IFLA_ADDRESS, mac, LINK_MAC_LEN);
	netlink_add(b, m, NETLINK_EXACT, "set link %s address %s", name, link_mac_format(mac, text));
}

void rt_link_set_txqlen(struct netlink_batch *b, int index, const char *name, uint32_t txqlen)
{
	struct nl_msg *m;

	if (!target_ok(b, index, name))
		return;
	m = link_msg(RTM_SETLINK, index, name, 0, 0);
	rt_put_u32(&m, IFLA_TXQLEN, txqlen);
	netlink_add(b, m, NETLINK_EXACT, "set link %s txqueuelen %u", name, txqlen);
}

void rt_link_set_alias(struct netlink_batch *b, int index, const char *name, const char *alias)
{
	struct nl_msg *m;

	if (!target_ok(b, index, name))
		return;
	if (strlen(alias) >= RT_ALIAS_MAX) {
		netlink_refuse(b, EINVAL, "set link %s alias \"%.32s...\": want at most %d characters", name,
			       alias, RT_ALIAS_MAX - 1);
		return;
	}
	m = link_msg(RTM_SETLINK, index, name, 0, 0);
	rt_put(&m, IFLA_IFALIAS, alias, strlen(alias)); /* with a NUL an empty one would not remove it */
	netlink_add(b, m, NETLINK_EXACT, "set link %s alias \"%s\"", name, alias);
}

void rt_link_set_master(struct netlink_batch *b, int index, const char *name, int master)
{
	struct nl_msg *m;

	if (!target_ok(b, index, name))
		return;
	m = link_msg(RTM_SETLINK, index, name, 0, 0);
	rt_put_u32(&m, IFLA_MASTER, (uint32_t)master);
	if (master)
		netlink_add(b, m, NETLINK_EXACT, "set link %s master index %d", name, master);
	else
		netlink_add(b, m, NETLINK_EXACT, "set link %s nomaster", name);
}
