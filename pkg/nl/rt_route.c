/* SPDX-License-Identifier: Apache-2.0 */
/* rt_route.c - routes of both families, one next hop each */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nl/rt_impl.h"

/* ---- parse ---- */

/* RTA_VIA is how IPv4 goes through an IPv6 gateway. */
static void parse_via(struct nlattr **tb, uint8_t ver, struct ip *ret)
{
	const struct rtvia *via;

	rt_ip(tb[RTA_GATEWAY], ver, ret);
	if (!tb[RTA_VIA] || nla_len(tb[RTA_VIA]) <= (int)sizeof(*via))
		return;
	via = nla_data(tb[RTA_VIA]);
	ver = rt_version((uint8_t)via->rtvia_family);
	if (ver && nla_len(tb[RTA_VIA]) == (int)sizeof(*via) + ip_bits(ver) / 8)
		*ret = ip_from_bytes(ver, via->rtvia_addr);
}

/* RTNH_OK() reads the length without asking whether there is one. */
static bool is_hop(const struct rtnexthop *hop, int left)
{
	return left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
}

static unsigned count_hops(const struct nlattr *multi)
{
	const struct rtnexthop *hop = nla_data(multi);
	int left = nla_len(multi);
	unsigned n = 0;

	for (; is_hop(hop, left); hop = RTNH_NEXT(hop)) {
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		n++;
	}
	return n;
}

static int parse_hops(const struct nlattr *multi, struct rt_route *route, struct rt_list *ret, struct err *e)
{
	const struct rtnexthop *hop = nla_data(multi);
	int left = nla_len(multi), r = 0;
	const unsigned flags = route->flags;

	route->hops = count_hops(multi);
	for (; r == 0 && is_hop(hop, left); hop = RTNH_NEXT(hop)) {
		struct nlattr *tb[RTA_MAX + 1];

		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		if (nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      (int)(hop->rtnh_len - RTNH_LENGTH(0)), NULL) < 0)
			continue;
		route->via = (struct ip){ 0 };
		parse_via(tb, route->dst.ip.ver, &route->via);
		route->oif = hop->rtnh_ifindex;
		route->flags = flags | hop->rtnh_flags;
		r = rt_list_add(ret, route, e);
	}
	return r < 0 ? r : 1;
}

static void parse_metrics(struct nlattr *metrics, struct rt_route *route)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (nla_parse_nested(tb, RTAX_MAX, metrics, NULL) < 0)
		return;
	route->mtu = rt_u32(tb[RTAX_MTU]);
	route->advmss = rt_u32(tb[RTAX_ADVMSS]);
}

int rt_route_parse(struct nlmsghdr *h, struct rt_list *ret, struct err *e)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct rtmsg *m = nlmsg_data(h);
	struct rt_route route;
	uint8_t ver;
	int r;

	if (h->nlmsg_type != RTM_NEWROUTE)
		return 0;
	r = rt_attrs(h, sizeof(*m), tb, RTA_MAX, e);
	if (r < 0)
		return r;
	ver = rt_version(m->rtm_family);
	if (!ver || m->rtm_dst_len > ip_bits(ver))
		return 0;
	route = (struct rt_route){ .dst = { .ip.ver = ver, .len = m->rtm_dst_len },
				   .table = tb[RTA_TABLE] ? rt_u32(tb[RTA_TABLE]) : m->rtm_table,
				   .scope = m->rtm_scope,
				   .protocol = m->rtm_protocol,
				   .type = m->rtm_type,
				   .flags = m->rtm_flags,
				   .hops = 1 };
	rt_ip(tb[RTA_DST], ver, &route.dst.ip);
	rt_ip(tb[RTA_PREFSRC], ver, &route.src);
	parse_via(tb, ver, &route.via);
	route.dst = ip_prefix_network(route.dst);
	route.oif = (int)rt_u32(tb[RTA_OIF]);
	route.metric = rt_u32(tb[RTA_PRIORITY]);
	if (tb[RTA_METRICS])
		parse_metrics(tb[RTA_METRICS], &route);
	if (tb[RTA_MULTIPATH])
		return parse_hops(tb[RTA_MULTIPATH], &route, ret, e);
	r = rt_list_add(ret, &route, e);
	return r < 0 ? r : 1;
}

/* ---- list, look up ---- */

struct route_list {
	struct rt_list l; /* first: rt_list_reset() */
	uint8_t ver;
	uint32_t table;
};

static int each_route(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct route_list *a = arg;
	size_t before = a->l.n, n = before;
	struct rt_route *v;
	int r = rt_route_parse(h, &a->l, e);

	v = a->l.v;
	for (size_t i = before; r > 0 && i < a->l.n; i++)
		if (!(v[i].flags & RTM_F_CLONED) && (!a->ver || a->ver == v[i].dst.ip.ver) &&
		    (!a->table || a->table == v[i].table))
			v[n++] = v[i];
	a->l.n = n;
	return r;
}

int rt_routes(struct netlink *nl, uint8_t ver, uint32_t table, struct rt_routes *ret, struct err *e)
{
	const struct rtmsg head = { .rtm_family = rt_family(ver) };
	struct route_list a = { .l.size = sizeof(struct rt_route), .ver = ver, .table = table };
	struct nl_msg *m = rt_msg(RTM_GETROUTE, NLM_F_DUMP, &head, sizeof(head));
	int r;

	if (table)
		rt_put_u32(&m, RTA_TABLE, table);
	r = netlink_ask(nl, m, each_route, rt_list_reset, &a, e, "list routes");
	if (r == -ENOENT && table) { /* a table that never had a route */
		a.l.n = 0;
		r = 0;
	}
	if (r < 0)
		free(a.l.v);
	else
		*ret = (struct rt_routes){ .v = a.l.v, .n = a.l.n };
	return r;
}

static int each_found(struct nlmsghdr *h, void *list, struct err *e)
{
	return rt_route_parse(h, list, e);
}

int rt_route_lookup(struct netlink *nl, struct ip to, struct rt_route *ret, struct err *e)
{
	/* IPv6 tells the table anyway and refuses the flag. */
	const struct rtmsg head = { .rtm_family = rt_family(to.ver),
				    .rtm_dst_len = ip_bits(to.ver),
				    .rtm_flags = to.ver == 4 ? RTM_F_LOOKUP_TABLE : 0 };
	struct rt_list l = { .size = sizeof(struct rt_route) };
	struct nl_msg *m = rt_msg(RTM_GETROUTE, 0, &head, sizeof(head));
	char text[IP_TEXT_MAX];
	int r;

	rt_put_ip(&m, RTA_DST, to);
	ip_format(to, text);
	r = netlink_ask(nl, m, each_found, rt_list_reset, &l, e, "look up the route to %s", text);
	if (r == 0 && l.n == 0)
		r = err_sys(e, ENETUNREACH, "%s: look up the route to %s", nl->where, text);
	if (r == 0)
		*ret = *(struct rt_route *)l.v;
	free(l.v);
	return r;
}

/* ---- put, delete ---- */

static uint32_t table_of(const struct rt_route *r)
{
	return r->table ? r->table : RT_TABLE_MAIN;
}

static void put_via(struct nl_msg **m, const struct rt_route *r)
{
	const uint16_t family = rt_family(r->via.ver);
	uint8_t via[sizeof(family) + 16]; /* struct rtvia */

	if (r->via.ver == 0)
		return;
	if (r->via.ver == r->dst.ip.ver) {
		rt_put_ip(m, RTA_GATEWAY, r->via);
		return;
	}
	memcpy(via, &family, sizeof(family));
	ip_to_bytes(r->via, via + sizeof(family));
	rt_put(m, RTA_VIA, via, sizeof(family) + ip_bits(r->via.ver) / 8u);
}

/* What tells a route from others. */
static struct nl_msg *route_msg(int type, int flags, const struct rt_route *r, uint8_t protocol)
{
	const uint32_t table = table_of(r);
	const struct rtmsg head = { .rtm_family = rt_family(r->dst.ip.ver),
				    .rtm_dst_len = r->dst.len,
				    .rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
				    .rtm_protocol = protocol,
				    .rtm_scope = r->scope,
				    .rtm_type = r->type ? r->type : RTN_UNICAST,
				    .rtm_flags = r->flags & RTNH_F_ONLINK };
	struct nl_msg *m = rt_msg(type, flags, &head, sizeof(head));

	if (r->dst.len)
		rt_put_ip(&m, RTA_DST, ip_prefix_network(r->dst).ip);
	put_via(&m, r);
	if (r->oif)
		rt_put_u32(&m, RTA_OIF, (uint32_t)r->oif);
	rt_put_u32(&m, RTA_TABLE, table);
	if (r->metric)
		rt_put_u32(&m, RTA_PRIORITY, r->metric);
	return m;
}

static void add(struct netlink_batch *b, int flags, const struct rt_route *r, const char *dev)
{
	struct nl_msg *m = route_msg(RTM_NEWROUTE, flags, r, r->protocol ? r->protocol : RTPROT_BOOT);
	char text[RT_TEXT_MAX];

	if (r->src.ver)
		rt_put_ip(&m, RTA_PREFSRC, r->src);
	if (r->mtu || r->advmss) {
		struct nlattr *metrics = rt_nest(&m, RTA_METRICS);

		if (r->mtu)
			rt_put_u32(&m, RTAX_MTU, r->mtu);
		if (r->advmss)
			rt_put_u32(&m, RTAX_ADVMSS, r->advmss);
		rt_nest_end(&m, metrics);
	}
	netlink_add(b, m, NETLINK_OK(EEXIST), "add route %s", rt_route_text(r, dev, text));
}

void rt_route_put(struct netlink_batch *b, const struct rt_route *r, const char *dev)
{
	add(b, NLM_F_CREATE | (r->dst.ip.ver == 4 ? NLM_F_REPLACE : 0), r, dev);
}

void rt_route_append(struct netlink_batch *b, const struct rt_route *r, const char *dev)
{
	add(b, NLM_F_CREATE | NLM_F_APPEND, r, dev);
}

void rt_route_del(struct netlink_batch *b, const struct rt_route *r, const char *dev)
{
	char text[RT_TEXT_MAX];

	netlink_add(b, route_msg(RTM_DELROUTE, 0, r, RTPROT_UNSPEC), NETLINK_OK(ESRCH, ENOENT, ENODEV),
		    "delete route %s", rt_route_text(r, dev, text));
}

bool rt_route_matches(const struct rt_route *have, const struct rt_route *want)
{
	if (!ip_prefix_equal(have->dst, ip_prefix_network(want->dst)) || !ip_equal(have->via, want->via) ||
	    table_of(have) != table_of(want))
		return false;
	if (want->oif && have->oif != want->oif)
		return false;
	if (want->src.ver && !ip_equal(have->src, want->src))
		return false;
	/* IPv6 routes have no scope. */
	if (want->scope && want->dst.ip.ver == 4 && have->scope != want->scope)
		return false;
	return !want->mtu || have->mtu == want->mtu;
}

const char *rt_route_text(const struct rt_route *r, const char *dev, char out[RT_TEXT_MAX])
{
	char dst[IP_TEXT_MAX] = "default", via[IP_TEXT_MAX];
	size_t n;

	if (r->dst.len == ip_bits(r->dst.ip.ver))
		ip_format(r->dst.ip, dst);
	else if (r->dst.len)
		ip_prefix_format(ip_prefix_network(r->dst), dst);
	n = (size_t)snprintf(out, RT_TEXT_MAX, "%s%s%s", dst, r->via.ver ? " via " : "",
			     r->via.ver ? ip_format(r->via, via) : "");
	if (dev)
		n += (size_t)snprintf(out + n, RT_TEXT_MAX - n, " dev %.*s", IFNAMSIZ - 1, dev);
	if (r->src.ver)
		n += (size_t)snprintf(out + n, RT_TEXT_MAX - n, " src %s", ip_format(r->src, via));
	if (r->metric)
		n += (size_t)snprintf(out + n, RT_TEXT_MAX - n, " metric %u", r->metric);
	if (table_of(r) != RT_TABLE_MAIN)
		snprintf(out + n, RT_TEXT_MAX - n, " table %u", table_of(r));
	return out;
}
