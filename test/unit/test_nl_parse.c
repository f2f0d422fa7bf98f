/* SPDX-License-Identifier: Apache-2.0 */
/* test_nl_parse.c - rtnetlink messages: what is put reads back, what is broken is refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "nl/rt_impl.h"

static struct ip_prefix P(const char *text) {
	struct ip_prefix p = { 0 };
	struct err e;

	if (ip_prefix_parse(text, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

/* All parsers; how many say it is theirs. */
static int
parse_all(struct nlmsghdr *h, struct rt_list *routes)
{
	struct rt_link l;
	struct rt_addr a;
	struct rt_rule u;
	struct rt_neigh n;
	struct err e;
	const int r[] = { rt_link_parse(h, &l, &e), rt_addr_parse(h, &a, &e), rt_rule_parse(h, &u, &e),
			  rt_neigh_parse(h, &n, &e), rt_route_parse(h, routes, &e) };
	int taken = 0;

	for (size_t i = 0; i < ARRAY_LEN(r); i++) {
		assert_true(r[i] >= -EBADMSG && r[i] <= 1);
		taken += r[i] == 1;
	}
	return taken;
}

/* A message of one attribute behind its head. */
static struct nl_msg *message(int type, const void *head, size_t len, int attr, const void *data, size_t n)
{
	struct nl_msg *m = rt_msg(type, 0, head, len);

	rt_put(&m, attr, data, n);
	assert_non_null(m);
	return m;
}

static void add_samples(struct netlink_batch *b)
{
	const struct rt_route route = { .dst = P("10.9.0.0/16"),
					.via = P("10.0.0.1/32").ip,
					.src = P("10.0.0.2/32").ip,
					.oif = 7,
					.table = 70000,
					.scope = RT_SCOPE_LINK,
					.protocol = 188,
					.type = RTN_UNICAST,
					.metric = 5,
					.mtu = 1300,
					.advmss = 1200 };
	const struct rt_rule rule = { .ver = 6,
				      .src = P("fd00::2/128"),
				      .dst = P("fd01::/64"),
				      .mark = 1,
				      .mask = 3,
				      .table = 70000,
				      .priority = 999,
				      .protocol = 188 };
	const struct rt_neigh neigh = { .index = 7, .ip = P("fd00::9/128").ip, .mac = { 2, 0, 0, 0, 0, 9 } };
	const struct rt_addr addr = { .index = 7, .p = P("fd00::9/64"), .flags = 0x202 };
	const struct rtnexthop hops[2] = { { .rtnh_len = sizeof(hops[0]) }, { .rtnh_len = sizeof(hops[0]) } };
	const struct rtmsg head = { .rtm_family = AF_INET };

	rt_route_put(b, &route, "eth0");
	rt_rule_put(b, &rule);
	rt_neigh_put(b, &neigh, "eth0");
	rt_addr_put(b, &addr, "eth0");
	rt_vlan_add(b, "eth0.100", 7, 100);
	netlink_add(b, message(RTM_NEWROUTE, &head, sizeof(head), RTA_MULTIPATH, hops, sizeof(hops)),
		    NETLINK_EXACT, "several hops");
}

/* Requests have the form of what the kernel tells. */
static void what_is_put_reads_back(void **state)
{
	struct rt_list routes = { .size = sizeof(struct rt_route) };
	struct netlink_batch b = { 0 };
	struct rt_route *route;
	struct rt_neigh n;
	struct rt_rule u;
	struct rt_addr a;
	struct rt_link l;
	struct err e;

	(void)state;
	add_samples(&b);
	assert_int_equal(b.err, 0);
	assert_int_equal(rt_route_parse(nlmsg_hdr(b.v[0].msg), &routes, &e), 1);
	route = routes.v;
	assert_true(ip_prefix_equal(route->dst, P("10.9.0.0/16")));
	assert_true(ip_equal(route->via, P("10.0.0.1/32").ip));
	assert_true(ip_equal(route->src, P("10.0.0.2/32").ip));
	assert_int_equal(route->oif, 7);
	assert_int_equal(route->table, 70000);
	assert_int_equal(route->scope, RT_SCOPE_LINK);
	assert_int_equal(route->protocol, 188);
	assert_int_equal(route->metric, 5);
	assert_int_equal(route->mtu, 1300);
	assert_int_equal(route->advmss, 1200);
	assert_int_equal(route->hops, 1);
	free(routes.v);
	assert_int_equal(rt_rule_parse(nlmsg_hdr(b.v[1].msg), &u, &e), 1);
	assert_true(ip_prefix_equal(u.src, P("fd00::2/128")));
	assert_true(ip_prefix_equal(u.dst, P("fd01::/64")));
	assert_int_equal(u.mark, 1);
	assert_int_equal(u.mask, 3);
	assert_int_equal(u.table, 70000);
	assert_int_equal(u.priority, 999);
	assert_int_equal(u.protocol, 188);
	assert_int_equal(rt_neigh_parse(nlmsg_hdr(b.v[2].msg), &n, &e), 1);
	assert_int_equal(n.index, 7);
	assert_true(ip_equal(n.ip, P("fd00::9/128").ip));
	assert_int_equal(n.mac[5], 9);
	assert_int_equal(n.state, NUD_PERMANENT);
	assert_int_equal(rt_addr_parse(nlmsg_hdr(b.v[3].msg), &a, &e), 1);
	assert_int_equal(a.index, 7);
	assert_true(ip_prefix_equal(a.p, P("fd00::9/64")));
	assert_int_equal(a.flags, 0x202);
	assert_int_equal(rt_link_parse(nlmsg_hdr(b.v[4].msg), &l, &e), 1);
	assert_string_equal(l.name, "eth0.100");
	assert_string_equal(l.kind, "vlan");
	assert_int_equal(l.link, 7);
	assert_int_equal(l.link_netnsid, -1);
	assert_int_equal(l.vlan_id, 100);
	netlink_batch_clear(&b);
}

/* The last attribute ends with the message, as if it had been meant to be that short. */
static void cut_last(struct nlmsghdr *h)
{
	const size_t head = h->nlmsg_type == RTM_NEWLINK   ? sizeof(struct ifinfomsg)
			    : h->nlmsg_type == RTM_NEWADDR ? sizeof(struct ifaddrmsg)
							   : sizeof(struct rtmsg);
	char *p = (char *)h + NLMSG_HDRLEN + head, *end = (char *)h + h->nlmsg_len;

	while (end - p >= NLA_HDRLEN) {
		struct nlattr *a = (struct nlattr *)p;

		if (end - p < a->nla_len)
			a->nla_len = (uint16_t)(end - p);
		p += NLA_ALIGN(a->nla_len);
	}
}

/* Cut anywhere, in a block of its own size, so that ASan sees a byte read beyond. */
static void cut_anywhere(void **state)
{
	struct rt_list routes = { .size = sizeof(struct rt_route) };
	struct netlink_batch b = { 0 };

	(void)state;
	add_samples(&b);
	for (size_t i = 0; i < b.n; i++) {
		const struct nlmsghdr *h = nlmsg_hdr(b.v[i].msg);

		for (size_t len = sizeof(*h); len <= h->nlmsg_len; len++) {
			CLEANUP(free_p) struct nlmsghdr *copy = malloc(len);

			assert_non_null(copy);
			memcpy(copy, h, len);
			copy->nlmsg_len = (uint32_t)len;
			assert_int_equal(parse_all(copy, &routes) == 1 || len < h->nlmsg_len, 1);
			cut_last(copy);
			parse_all(copy, &routes);
		}
	}
	free(routes.v);
	netlink_batch_clear(&b);
}

static void odd_attributes(void **state)
{
	const struct ifinfomsg link = { .ifi_index = 3 }, port = { .ifi_family = AF_BRIDGE, .ifi_index = 3 };
	const struct ifaddrmsg four = { .ifa_family = AF_INET, .ifa_prefixlen = 24 },
			       long4 = { .ifa_family = AF_INET, .ifa_prefixlen = 33 },
			       alien = { .ifa_family = AF_PACKET, .ifa_prefixlen = 24 };
	const struct rtmsg route = { .rtm_family = AF_INET },
			   long6 = { .rtm_family = AF_INET6, .rtm_dst_len = 129 };
	const struct fib_rule_hdr rule = { .family = AF_INET, .src_len = 33 };
	const struct ndmsg neigh = { .ndm_family = AF_INET },
			   proxy = { .ndm_family = AF_INET, .ndm_flags = NTF_PROXY },
			   fdb = { .ndm_family = AF_BRIDGE };
	const struct {
		const char *name;
		int type;
		const void *head;
		size_t len;
		int attr;
		size_t bytes; /* of ff */
		int want;
	} rows[] = {
		{ "link", RTM_NEWLINK, &link, sizeof(link), IFLA_IFNAME, 300, 1 },
		{ "link, long MAC", RTM_NEWLINK, &link, sizeof(link), IFLA_ADDRESS, 20, 1 },
		{ "link, short number", RTM_NEWLINK, &link, sizeof(link), IFLA_MTU, 1, 1 },
		{ "link, broken info", RTM_NEWLINK, &link, sizeof(link), IFLA_LINKINFO, 9, 1 },
		{ "bridge port", RTM_NEWLINK, &port, sizeof(port), IFLA_MTU, 4, 0 },
		{ "link that goes", RTM_DELLINK, &link, sizeof(link), IFLA_MTU, 4, 0 },
		{ "address", RTM_NEWADDR, &four, sizeof(four), IFA_ADDRESS, 4, 1 },
		{ "short address", RTM_NEWADDR, &four, sizeof(four), IFA_ADDRESS, 3, 0 },
		{ "address of the other family", RTM_NEWADDR, &four, sizeof(four), IFA_LOCAL, 16, 0 },
		{ "address, prefix too long", RTM_NEWADDR, &long4, sizeof(long4), IFA_LOCAL, 4, 0 },
		{ "address of no family", RTM_NEWADDR, &alien, sizeof(alien), IFA_LOCAL, 4, 0 },
		{ "route", RTM_NEWROUTE, &route, sizeof(route), RTA_GATEWAY, 4, 1 },
		{ "route, short gateway", RTM_NEWROUTE, &route, sizeof(route), RTA_GATEWAY, 2, 1 },
		{ "route, via of no family", RTM_NEWROUTE, &route, sizeof(route), RTA_VIA, 18, 1 },
		{ "route, short via", RTM_NEWROUTE, &route, sizeof(route), RTA_VIA, 2, 1 },
		{ "route, broken metrics", RTM_NEWROUTE, &route, sizeof(route), RTA_METRICS, 7, 1 },
		{ "route, prefix too long", RTM_NEWROUTE, &long6, sizeof(long6), RTA_GATEWAY, 16, 0 },
		{ "rule, prefix too long", RTM_NEWRULE, &rule, sizeof(rule), FRA_TABLE, 4, 0 },
		{ "neighbour", RTM_NEWNEIGH, &neigh, sizeof(neigh), NDA_DST, 4, 1 },
		{ "neighbour, short address", RTM_NEWNEIGH, &neigh, sizeof(neigh), NDA_DST, 3, 0 },
		{ "proxied neighbour", RTM_NEWNEIGH, &proxy, sizeof(proxy), NDA_DST, 4, 0 },
		{ "bridge's own", RTM_NEWNEIGH, &fdb, sizeof(fdb), NDA_DST, 4, 0 },
	};
	uint8_t ff[512];

	(void)state;
	memset(ff, 0xff, sizeof(ff));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rt_list routes = { .size = sizeof(struct rt_route) };
		struct nl_msg *m =
			message(rows[i].type, rows[i].head, rows[i].len, rows[i].attr, ff, rows[i].bytes);

		if (parse_all(nlmsg_hdr(m), &routes) != rows[i].want)
			fail_msg("%s", rows[i].name);
		if (rows[i].type == RTM_NEWROUTE && rows[i].want)
			assert_int_equal(((struct rt_route *)routes.v)->via.ver, i == 11 ? 4 : 0);
		free(routes.v);
		nlmsg_free(m);
	}
}

static void odd_links(void **state)
{
	const struct ifinfomsg link = { .ifi_index = 3 };
	const uint8_t mac[20] = { 2, 2, 2, 2, 2, 2, 2 };
	char name[40];
	struct nl_msg *m;
	struct rt_link l;
	struct err e;

	(void)state;
	memset(name, 'n', sizeof(name)); /* without NUL */
	m = message(RTM_NEWLINK, &link, sizeof(link), IFLA_IFNAME, name, sizeof(name));
	rt_put(&m, IFLA_ADDRESS, mac, sizeof(mac));
	rt_put(&m, IFLA_IFALIAS, "abc", 2);
	rt_put(&m, IFLA_MTU, mac, 2);
	assert_int_equal(rt_link_parse(nlmsg_hdr(m), &l, &e), 1);
	assert_string_equal(l.name, "nnnnnnnnnnnnnnn");
	assert_string_equal(l.alias, "ab");
	assert_int_equal(l.mac[0], 0);
	assert_int_equal(l.mtu, 0);
	nlmsg_free(m);
}

static void odd_hops(void **state)
{
	const struct rtmsg head = { .rtm_family = AF_INET };
	const struct rtnexthop good = { .rtnh_len = sizeof(good), .rtnh_ifindex = 1 };
	const struct {
		const char *name;
		struct rtnexthop hop[3];
		size_t bytes, want;
	} rows[] = {
		{ "three", { good, good, good }, 24, 3 },
		{ "none", { good }, 0, 0 },
		{ "cut", { good, good }, 15, 1 },
		{ "length 0", { good, { .rtnh_len = 0 }, good }, 24, 1 },
		{ "length 7", { good, { .rtnh_len = 7 }, good }, 24, 1 },
		{ "too long", { good, { .rtnh_len = 17 }, good }, 24, 1 },
		{ "junk inside", { good, { .rtnh_len = 13 }, good }, 24, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rt_list routes = { .size = sizeof(struct rt_route) };
		struct nl_msg *m =
			message(RTM_NEWROUTE, &head, sizeof(head), RTA_MULTIPATH, rows[i].hop, rows[i].bytes);
		struct err e;

		assert_int_equal(rt_route_parse(nlmsg_hdr(m), &routes, &e), 1);
		if (routes.n != rows[i].want)
			fail_msg("%s: %zu hops", rows[i].name, routes.n);
		for (size_t k = 0; k < routes.n; k++)
			assert_int_equal(((struct rt_route *)routes.v)[k].hops, rows[i].want);
		free(routes.v);
		nlmsg_free(m);
	}
}

/* Kernels answer with more than they were asked for: those without IPv6 with IPv4, old ones with everything.
 * Here one says the same whatever the question. */
static void play_kernel(int fd, uint32_t seq)
{
	const struct nlmsghdr done = { .nlmsg_len = NLMSG_LENGTH(4),
				       .nlmsg_type = NLMSG_DONE,
				       .nlmsg_flags = NLM_F_MULTI,
				       .nlmsg_seq = seq };
	uint8_t last[NLMSG_SPACE(4)] = { 0 };
	struct netlink_batch b = { 0 };

	for (int i = 0; i < 8; i++) {
		struct ip_prefix p = P(i % 2 ? "fd00::7/128" : "10.0.0.7/32");
		int index = i & 2 ? 7 : 8;

		rt_addr_put(&b, &(struct rt_addr){ .index = index, .p = p }, "x");
		rt_neigh_put(&b, &(struct rt_neigh){ .index = index, .ip = p.ip }, "x");
		rt_route_put(&b, &(struct rt_route){ .dst = p, .oif = 7, .table = i & 2 ? 7 : 8 }, "x");
		if (i & 4)
			((struct rtmsg *)nlmsg_data(nlmsg_hdr(b.v[b.n - 1].msg)))->rtm_flags |= RTM_F_CLONED;
		rt_rule_put(&b, &(struct rt_rule){ .ver = p.ip.ver, .table = 7 });
	}
	for (size_t i = 0; i < b.n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(b.v[i].msg);

		h->nlmsg_flags = NLM_F_MULTI;
		h->nlmsg_seq = seq;
		assert_int_equal(send(fd, h, h->nlmsg_len, 0), h->nlmsg_len);
	}
	memcpy(last, &done, sizeof(done));
	assert_int_equal(send(fd, last, sizeof(last), 0), sizeof(last));
	netlink_batch_clear(&b);
}

static void lists_leave_out_what_was_not_asked_for(void **state)
{
	const struct {
		uint8_t ver;
		uint32_t which; /* index or table */
		size_t addrs, neighs, routes, rules;
	} rows[] = {
		{ 0, 0, 8, 8, 4, 8 }, { 4, 0, 4, 4, 2, 4 }, { 6, 0, 4, 4, 2, 4 },
		{ 0, 7, 4, 4, 2, 8 }, { 6, 7, 2, 2, 1, 4 }, { 6, 9, 0, 0, 0, 4 },
	};
	struct netlink nl;
	struct err e;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(netlink_adopt(pair[0], NETLINK_ROUTE, "pod", &nl, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rt_addrs a = { 0 };
		struct rt_neighs n = { 0 };
		struct rt_routes r = { 0 };
		struct rt_rules u = { 0 };

		for (uint32_t k = 1; k <= 4; k++)
			play_kernel(pair[1], nl.seq + k);
		assert_int_equal(rt_addrs(&nl, rows[i].ver, (int)rows[i].which, &a, &e), 0);
		assert_int_equal(rt_neighs(&nl, rows[i].ver, (int)rows[i].which, &n, &e), 0);
		assert_int_equal(rt_routes(&nl, rows[i].ver, rows[i].which, &r, &e), 0);
		assert_int_equal(rt_rules(&nl, rows[i].ver, &u, &e), 0);
		if (a.n != rows[i].addrs || n.n != rows[i].neighs || r.n != rows[i].routes ||
		    u.n != rows[i].rules)
			fail_msg("row %zu: %zu %zu %zu %zu", i, a.n, n.n, r.n, u.n);
		free(a.v);
		free(n.v);
		free(r.v);
		free(u.v);
	}
	netlink_close(&nl);
	close(pair[1]);
}

static void what_does_not_fit(void **state)
{
	struct nl_msg *m = rt_msg(RTM_NEWLINK, 0, "", 0);
	struct netlink_batch b = { 0 };
	static uint8_t big[70000];

	(void)state;
	rt_put(&m, 1, big, 60000);
	assert_null(m);
	rt_put_u32(&m, 1, 1);
	rt_nest_end(&m, rt_nest(&m, 1));
	assert_null(netlink_add(&b, m, NETLINK_EXACT, "x"));
	assert_int_equal(b.err, -ENOMEM);
	m = rt_msg(RTM_NEWLINK, 0, "", 0);
	rt_put(&m, 1, big, sizeof(big));
	assert_null(m);
	m = rt_msg(RTM_NEWLINK, 0, big, sizeof(big));
	assert_null(m);
}

static void lists_end_somewhere(void **state)
{
	struct rt_list l = { .size = sizeof(uint32_t) };
	struct err e;

	(void)state;
	for (uint32_t i = 0; i < RT_LIST_MAX; i++)
		if (rt_list_add(&l, &i, &e) < 0)
			fail_msg("item %u: %s", i, e.msg);
	for (uint32_t i = 0; i < RT_LIST_MAX; i++)
		if (((uint32_t *)l.v)[i] != i)
			fail_msg("item %u", i);
	assert_int_equal(rt_list_add(&l, &(uint32_t){ 0 }, &e), -E2BIG);
	/* Begun again, it keeps its memory. */
	rt_list_reset(&l);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(rt_list_add(&l, &i, &e), 0);
	free(l.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_reads_back),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(odd_attributes),
		cmocka_unit_test(odd_links),
		cmocka_unit_test(odd_hops),
		cmocka_unit_test(lists_leave_out_what_was_not_asked_for),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(lists_end_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
