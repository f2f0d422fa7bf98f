/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no namespaces */
/* test_nl_route.c - routes and rules against the kernel */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/own.h"
#include "rtlab.h"

static struct rt_routes routes(struct netspace *s, uint8_t ver, uint32_t table)
{
	struct rt_routes r = { 0 };
	struct err e;

	if (rt_routes(&s->rt, ver, table, &r, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < r.n; i++) {
		assert_true(!ver || r.v[i].dst.ip.ver == ver);
		assert_true(!table || r.v[i].table == table);
	}
	return r;
}

/* How often it is in its table, and how many others are. */
static void expect_route(const struct rt_route *want, size_t times, size_t others)
{
	struct rt_routes r = routes(&pod, want->dst.ip.ver, want->table ? want->table : RT_TABLE_MAIN);
	char text[RT_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r.n; i++)
		n += rt_route_matches(&r.v[i], want);
	if (n != times || r.n - n != others)
		fail_msg("%s: %zu times and %zu others, want %zu and %zu", rt_route_text(want, "eth0", text),
			 n, r.n - n, times, others);
	free(r.v);
}

static void pod_addresses(void)
{
	ON(&pod, "ip addr add 10.0.0.2/24 dev eth0 noprefixroute; ip route add 10.0.0.0/24 dev eth0;"
		 "ip addr add fd00::2/64 dev eth0 nodad");
}

static void put_and_deleted_twice(void **state)
{
	const struct {
		const char *name;
		struct rt_route r;
		size_t others;
	} rows[] = {
		{ "host route", { .dst = P("10.9.0.1/32"), .scope = RT_SCOPE_LINK }, 1 },
		{ "through a gateway", { .dst = P("10.9.0.0/16"), .via = A("10.0.0.1") }, 1 },
		{ "default, small table", { .dst = P("v4"), .via = A("10.0.0.1"), .table = 101 }, 0 },
		{ "default, large table", { .dst = P("v4"), .via = A("10.0.0.1"), .table = 70000 }, 0 },
		{ "source", { .dst = P("10.9.0.0/16"), .src = A("10.0.0.2"), .table = 500 }, 0 },
		{ "metric", { .dst = P("10.9.0.0/16"), .via = A("10.0.0.1"), .metric = 77 }, 1 },
		{ "mtu", { .dst = P("10.9.0.0/16"), .via = A("10.0.0.1"), .mtu = 1300, .advmss = 1200 }, 1 },
		{ "on link", { .dst = P("10.9.0.0/16"), .via = A("172.16.0.1"), .flags = RTNH_F_ONLINK }, 1 },
		{ "through IPv6", { .dst = P("10.9.0.0/16"), .via = A("fd00::1") }, 1 },
		{ "host bits", { .dst = P("10.9.7.7/16"), .via = A("10.0.0.1") }, 1 },
		{ "IPv6 host route", { .dst = P("fd09::1/128") }, 1 },
		{ "IPv6 through a gateway", { .dst = P("fd09::/64"), .via = A("fd00::1") }, 1 },
		{ "IPv6 default, large table",
		  { .dst = P("v6"), .via = A("fd00::1"), .table = 500, .src = A("fd00::2") },
		  0 },
		{ "IPv6 metric",
		  { .dst = P("fd09::/64"), .via = A("fd00::1"), .metric = 77, .mtu = 1300 },
		  1 },
	};

	(void)state;
	pod_addresses();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct rt_route r = rows[i].r;

		r.oif = pod_if;
		for (int k = 0; k < 2; k++) {
			rt_route_put(&b, &r, "eth0");
			sends(&pod, &b);
		}
		expect_route(&r, 1, rows[i].others);
		for (int k = 0; k < 2; k++) {
			rt_route_del(&b, &r, "eth0");
			sends(&pod, &b);
		}
		expect_route(&r, 0, rows[i].others);
	}
}

static void what_is_put_is_what_is_listed(void **state)
{
	const struct rt_route want = { .dst = P("10.9.0.0/16"),
				       .via = A("10.0.0.1"),
				       .src = A("10.0.0.2"),
				       .oif = pod_if,
				       .table = 500,
				       .protocol = 188,
				       .type = RTN_UNICAST,
				       .metric = 5,
				       .mtu = 1300,
				       .advmss = 1200,
				       .hops = 1 };
	struct netlink_batch b = { 0 };
	struct rt_routes r;

	(void)state;
	pod_addresses();
	rt_route_put(&b, &want, "eth0");
	rt_route_put(&b, &(struct rt_route){ .dst = P("v4"), .type = RTN_UNREACHABLE, .table = 501 }, NULL);
	sends(&pod, &b);
	r = routes(&pod, 4, 500);
	assert_int_equal(r.n, 1);
	assert_true(ip_prefix_equal(r.v[0].dst, want.dst));
	assert_true(ip_equal(r.v[0].via, want.via));
	assert_true(ip_equal(r.v[0].src, want.src));
	assert_int_equal(r.v[0].oif, pod_if);
	assert_int_equal(r.v[0].protocol, 188);
	assert_int_equal(r.v[0].type, RTN_UNICAST);
	assert_int_equal(r.v[0].metric, 5);
	assert_int_equal(r.v[0].mtu, 1300);
	assert_int_equal(r.v[0].advmss, 1200);
	assert_int_equal(r.v[0].hops, 1);
	free(r.v);
	r = routes(&pod, 4, 501);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].type, RTN_UNREACHABLE);
	assert_int_equal(r.v[0].protocol, RTPROT_BOOT);
	free(r.v);
}

static void ipv4_replaces(void **state)
{
	struct rt_route a = { .dst = P("v4"), .via = A("10.0.0.1"), .oif = pod_if };
	struct rt_route c = { .dst = P("v4"), .via = A("10.0.0.254"), .oif = pod_if };
	struct netlink_batch b = { 0 };

	(void)state;
	pod_addresses();
	rt_route_put(&b, &a, "eth0");
	rt_route_put(&b, &c, "eth0");
	sends(&pod, &b);
	expect_route(&a, 0, 2);
	expect_route(&c, 1, 1);
	a.metric = 9; /* beside it */
	rt_route_put(&b, &a, "eth0");
	sends(&pod, &b);
	expect_route(&c, 1, 2);
}

static void ipv6_goes_both_ways(void **state)
{
	const struct rt_route v[] = { { .dst = P("v6"), .via = A("fd00::1"), .oif = pod_if },
				      { .dst = P("v6"), .via = A("fd00::254"), .oif = pod_if } };
	struct netlink_batch b = { 0 };

	(void)state;
	pod_addresses();
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_LEN(v); i++)
			rt_route_put(&b, &v[i], "eth0");
	sends(&pod, &b);
	expect_route(&v[0], 1, 2);
	expect_route(&v[1], 1, 2);
}

static void appended(void **state)
{
	const struct rt_route v[] = { { .dst = P("v4"), .via = A("10.0.0.1"), .oif = pod_if },
				      { .dst = P("v4"), .via = A("10.0.0.254"), .oif = pod_if },
				      { .dst = P("v6"), .via = A("fd00::1"), .oif = pod_if },
				      { .dst = P("v6"), .via = A("fd00::254"), .oif = pod_if } };
	struct netlink_batch b = { 0 };

	(void)state;
	pod_addresses();
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_LEN(v); i++)
			rt_route_append(&b, &v[i], "eth0");
	sends(&pod, &b);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		expect_route(&v[i], 1, 2);
}

/* Only that one goes, not another of the same destination. */
static void deletes_exactly(void **state)
{
	struct netlink_batch b = { 0 };
	const struct rt_route direct = { .dst = P("10.9.0.0/16"), .oif = pod_if, .scope = RT_SCOPE_LINK };
	const struct rt_route other[] = {
		{ .dst = P("10.9.0.0/16"), .oif = pod_if, .via = A("10.0.0.1") },
		{ .dst = P("10.9.0.0/16"), .oif = pod_if + 100, .scope = RT_SCOPE_LINK },
		{ .dst = P("10.9.0.0/16"), .oif = pod_if, .scope = RT_SCOPE_LINK, .metric = 3 },
		{ .dst = P("10.9.0.0/16"), .oif = pod_if, .scope = RT_SCOPE_LINK, .table = 101 },
		{ .dst = P("10.9.0.0/17"), .oif = pod_if, .scope = RT_SCOPE_LINK },
		{ .dst = P("fd09::/64"), .oif = pod_if, .via = A("fd00::7") },
		{ .dst = P("fd09::/64"), .oif = pod_if, .metric = 7 },
		{ .dst = P("fd09::/64"), .oif = pod_if + 100 },
	};
	const struct rt_route via = { .dst = P("10.8.0.0/16"), .oif = pod_if, .via = A("10.0.0.1") };
	const struct rt_route direct8 = { .dst = P("10.8.0.0/16"), .oif = pod_if, .scope = RT_SCOPE_LINK };
	const struct rt_route six = { .dst = P("fd09::/64"), .oif = pod_if, .via = A("fd00::1") };

	(void)state;
	pod_addresses();
	rt_route_put(&b, &direct, "eth0");
	rt_route_put(&b, &via, "eth0");
	rt_route_put(&b, &six, "eth0");
	sends(&pod, &b);
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		rt_route_del(&b, &other[i], "x");
	rt_route_del(&b, &direct8, "eth0");
	sends(&pod, &b);
	expect_route(&direct, 1, 2);
	expect_route(&via, 1, 2);
	expect_route(&six, 1, 1);
	rt_route_del(&b, &direct, "eth0");
	rt_route_del(&b, &six, "eth0");
	sends(&pod, &b);
	expect_route(&direct, 0, 2);
	expect_route(&six, 0, 1);
}

static void several_hops(void **state)
{
	const struct rt_route want[] = {
		{ .dst = P("v4"), .oif = pod_if, .via = A("10.0.0.11") },
		{ .dst = P("v4"), .oif = pod_if, .via = A("10.0.0.12") },
		{ .dst = P("v6"), .oif = pod_if, .via = A("fd00::11") },
		{ .dst = P("v6"), .oif = pod_if, .via = A("fd00::12") },
	};
	struct netlink_batch b = { 0 };
	struct rt_routes r;

	(void)state;
	pod_addresses();
	ON(&pod, "ip route add default nexthop via 10.0.0.11 dev eth0 nexthop via 10.0.0.12 dev eth0 onlink;"
		 "ip -6 route add default nexthop via fd00::11 dev eth0 nexthop via fd00::12 dev eth0");
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		expect_route(&want[i], 1, 2);
	for (uint8_t ver = 4; ver <= 6; ver += 2) {
		size_t n = 0;

		r = routes(&pod, ver, RT_TABLE_MAIN);
		for (size_t i = 0; i < r.n; i++) {
			bool hop = r.v[i].dst.len == 0;

			assert_int_equal(r.v[i].hops, hop ? 2 : 1);
			assert_int_equal(r.v[i].oif, pod_if);
			n += hop && (r.v[i].flags & RTNH_F_ONLINK);
		}
		assert_int_equal(n, ver == 4 ? 1 : 0);
		free(r.v);
	}
	ON(&pod, "ip route add 10.50.0.0/16 table 50 nexthop via 10.0.0.11 dev eth0 nexthop dev eth0");
	r = routes(&pod, 4, 50);
	assert_int_equal(r.n, 2);
	assert_true(ip_equal(r.v[0].via, A("10.0.0.11")));
	assert_int_equal(r.v[1].via.ver, 0);
	free(r.v);
	/* All hops deleted one by one: nothing is left. */
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		rt_route_del(&b, &want[i], "eth0");
	sends(&pod, &b);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		expect_route(&want[i], 0, 1);
}

static void expect_lists(void)
{
	struct rt_routes r;
	size_t main4 = 0, main6 = 0, big = 0;

	r = routes(&pod, 0, 0);
	for (size_t i = 0; i < r.n; i++) {
		assert_false(r.v[i].flags & RTM_F_CLONED);
		main4 += r.v[i].table == RT_TABLE_MAIN && r.v[i].dst.ip.ver == 4;
		main6 += r.v[i].table == RT_TABLE_MAIN && r.v[i].dst.ip.ver == 6;
		big += r.v[i].table == 1000;
	}
	free(r.v);
	assert_int_equal(main4, 1);
	assert_int_equal(main6, 2);
	assert_int_equal(big, 2);
	r = routes(&pod, 0, 1000);
	assert_int_equal(r.n, 2);
	free(r.v);
	for (uint8_t ver = 4; ver <= 6; ver += 2) {
		r = routes(&pod, ver, 4711);
		assert_int_equal(r.n, 0);
		free(r.v);
	}
}

static void lists(void **state)
{
	(void)state;
	pod_addresses();
	ON(&pod,
	   "ip route add 10.7.0.0/16 dev eth0 table 1000; ip -6 route add fd07::/64 dev eth0 table 1000");
	/* Makes a cached route (an exception), not to be listed. */
	ON(&pod, "ip -6 route add fd08::/64 via fd00::1 dev eth0; ip -6 route get fd08::1 >/dev/null");
	for (int strict = 0; strict < 2; strict++) {
		be_strict(&pod, strict);
		expect_lists();
	}
}

static void failures(void **state)
{
	struct netlink_batch b = { 0 };

	(void)state;
	pod_addresses();
	rt_route_put(&b,
		     &(struct rt_route){ .dst = P("v4"), .via = A("10.9.9.9"), .oif = pod_if, .table = 101 },
		     "eth0");
	fails(&pod, &b, -ENETUNREACH,
	      "pod: add route default via 10.9.9.9 dev eth0 table 101: Nexthop has invalid gateway (Network is "
	      "unreachable)");
	rt_route_put(&b, &(struct rt_route){ .dst = P("fd09::1/128"), .via = A("fd99::1"), .oif = pod_if },
		     "eth0");
	fails(&pod, &b, -EHOSTUNREACH, "pod: add route fd09::1 via fd99::1 dev eth0: No route to host");
	rt_route_put(&b, &(struct rt_route){ .dst = P("10.9.0.0/16"), .src = A("10.9.9.9"), .oif = pod_if },
		     "eth0");
	fails(&pod, &b, -EINVAL,
	      "pod: add route 10.9.0.0/16 dev eth0 src 10.9.9.9: Invalid prefsrc address (Invalid argument)");
	rt_route_put(&b, &(struct rt_route){ .dst = P("10.9.0.0/16"), .oif = 4711 }, "gone0");
	fails(&pod, &b, -ENODEV, "pod: add route 10.9.0.0/16 dev gone0: No such device");
}

static void looked_up(void **state)
{
	struct rt_route r;
	struct err e;

	(void)state;
	pod_addresses();
	ON(&pod, "ip link set lo up; ip route add default via 10.0.0.1 dev eth0;"
		 "ip route add prohibit 10.66.0.0/16; ip -6 route add prohibit fd66::/64;"
		 "ip -6 route add blackhole fd67::/64; ip -6 route add unreachable fd68::/64;"
		 "ip rule add to 10.77.0.0/16 lookup 1000; ip route add 10.77.0.0/16 dev eth0 table 1000");
	assert_int_equal(rt_route_lookup(&pod.rt, A("10.0.0.7"), &r, &e), 0);
	assert_true(ip_equal(r.src, A("10.0.0.2")));
	assert_int_equal(r.oif, pod_if);
	assert_int_equal(r.via.ver, 0);
	assert_int_equal(r.table, RT_TABLE_MAIN);
	assert_int_equal(rt_route_lookup(&pod.rt, A("1.1.1.1"), &r, &e), 0);
	assert_true(ip_equal(r.via, A("10.0.0.1")));
	assert_int_equal(rt_route_lookup(&pod.rt, A("10.77.0.1"), &r, &e), 0);
	assert_int_equal(r.table, 1000);
	assert_int_equal(rt_route_lookup(&pod.rt, A("10.0.0.2"), &r, &e), 0);
	assert_int_equal(r.type, RTN_LOCAL);
	assert_int_equal(rt_route_lookup(&pod.rt, A("fd00::7"), &r, &e), 0);
	assert_true(ip_equal(r.src, A("fd00::2")));
	assert_int_equal(r.table, RT_TABLE_MAIN);
	assert_int_equal(rt_route_lookup(&pod.rt, A("10.66.0.1"), &r, &e), -EACCES);
	assert_string_equal(e.msg, "pod: look up the route to 10.66.0.1: Permission denied");
	assert_int_equal(rt_route_lookup(&pod.rt, A("fd66::1"), &r, &e), -EACCES);
	assert_int_equal(rt_route_lookup(&pod.rt, A("fd67::1"), &r, &e), -EINVAL);
	assert_int_equal(rt_route_lookup(&pod.rt, A("fd68::1"), &r, &e), -EHOSTUNREACH);
	assert_int_equal(rt_route_lookup(&pod.rt, A("fd55::1"), &r, &e), -ENETUNREACH);
	assert_string_equal(e.msg, "pod: look up the route to fd55::1: Network is unreachable");
	assert_int_equal(rt_route_lookup(&node.rt, A("1.1.1.1"), &r, &e), -ENETUNREACH);
	assert_string_equal(e.msg, "node: look up the route to 1.1.1.1: Network is unreachable");
}

static void texts(void **state)
{
	const struct {
		struct rt_route r;
		const char *dev, *want;
	} rows[] = {
		{ { .dst = P("v4") }, NULL, "default" },
		{ { .dst = P("v6"), .oif = 1 }, "eth0", "default dev eth0" },
		{ { .dst = P("10.0.0.9/24"), .via = A("10.0.0.1"), .table = 101 },
		  "eth0",
		  "10.0.0.0/24 via 10.0.0.1 dev eth0 table 101" },
		{ { .dst = P("fd00::1/128"), .src = A("fd00::2"), .metric = 7, .table = 254 },
		  "eth0",
		  "fd00::1 dev eth0 src fd00::2 metric 7" },
	};
	const struct {
		struct rt_rule r;
		const char *want;
	} rules[] = {
		{ { .ver = 4, .table = 101 }, "from all lookup 101 pref 0" },
		{ { .ver = 4, .src = P("10.0.0.5/32"), .mark = 1, .mask = 1, .table = 101, .priority = 999 },
		  "from 10.0.0.5 fwmark 0x1/0x1 lookup 101 pref 999" },
		{ { .ver = 6, .dst = P("fd00::7/64"), .table = 70000, .priority = 1 },
		  "from all to fd00::/64 lookup 70000 pref 1" },
	};
	char text[RT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(rt_route_text(&rows[i].r, rows[i].dev, text), rows[i].want);
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		assert_string_equal(rt_rule_text(&rules[i].r, text), rules[i].want);
}

static void matching(void **state)
{
	const struct rt_route base = { .dst = P("10.9.0.0/16"),
				       .via = A("10.0.0.1"),
				       .src = A("10.0.0.2"),
				       .oif = 7,
				       .table = 101,
				       .scope = RT_SCOPE_LINK,
				       .mtu = 1400 };
	struct rt_route have[7], want;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(have); i++)
		have[i] = base;
	have[0].dst = P("10.9.0.0/17");
	have[1].via = A("10.0.0.3");
	have[2].oif = 8;
	have[3].table = 102;
	have[4].src = (struct ip){ 0 };
	have[5].scope = 0;
	have[6].mtu = 0;
	assert_true(rt_route_matches(&base, &base));
	for (size_t i = 0; i < ARRAY_LEN(have); i++)
		if (rt_route_matches(&have[i], &base))
			fail_msg("row %zu matches", i);
	want = base;
	want.src = (struct ip){ 0 };
	want.scope = 0;
	want.mtu = 0;
	for (size_t i = 4; i < ARRAY_LEN(have); i++)
		if (!rt_route_matches(&have[i], &want))
			fail_msg("row %zu does not match", i);
}

/* ---- rules ---- */

static struct rt_rules rules(uint8_t ver)
{
	struct rt_rules r = { 0 };
	struct err e;

	if (rt_rules(&pod.rt, ver, &r, &e) < 0)
		fail_msg("%s", e.msg);
	return r;
}

static size_t count_rules(const struct rt_rule *want)
{
	struct rt_rules r = rules(want->ver);
	size_t n = 0;

	for (size_t i = 0; i < r.n; i++)
		n += rt_rule_equal(&r.v[i], want);
	free(r.v);
	return n;
}

static void rules_put_and_deleted_twice(void **state)
{
	/* Each differs from each other in at least one thing. */
	const struct rt_rule v[] = {
		{ .ver = 4, .src = P("10.0.0.2/32"), .table = 101, .priority = 1000 },
		{ .ver = 4, .src = P("10.0.0.3/32"), .table = 101, .priority = 1000 },
		{ .ver = 4, .src = P("10.0.0.0/24"), .table = 101, .priority = 1000 },
		{ .ver = 4, .dst = P("10.0.0.2/32"), .table = 101, .priority = 1001 },
		{ .ver = 4, .src = P("10.0.0.2/32"), .table = 102, .priority = 1000 },
		{ .ver = 4, .src = P("10.0.0.2/32"), .table = 70000, .priority = 1000 },
		{ .ver = 4, .src = P("10.0.0.2/32"), .table = 101, .priority = 1002 },
		{ .ver = 4, .src = P("10.0.0.2/32"), .table = 101, .priority = 0 },
		{ .ver = 4, .table = 500, .priority = 0 },
		{ .ver = 4, .mark = 1, .mask = 1, .table = 101, .priority = 999 },
		{ .ver = 4, .mark = 1, .mask = 3, .table = 101, .priority = 999 },
		{ .ver = 4, .mark = 2, .mask = 3, .table = 101, .priority = 999 },
		{ .ver = 4, .mark = 0, .mask = 4, .table = 101, .priority = 999 },
		{ .ver = 6, .src = P("fd00::2/128"), .table = 101, .priority = 1000 },
		{ .ver = 6, .dst = P("fd00::/64"), .table = 101, .priority = 1001 },
		{ .ver = 6, .mark = 1, .mask = 1, .table = 101, .priority = 999 },
		{ .ver = 6, .table = 500, .priority = 0 },
	};
	struct netlink_batch b = { 0 };
	struct rt_rules r;

	(void)state;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_LEN(v); i++) {
			rt_rule_put(&b, &v[i]);
			sends(&pod, &b);
		}
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		if (count_rules(&v[i]) != 1)
			fail_msg("rule %zu is there %zu times", i, count_rules(&v[i]));
	r = rules(0);
	assert_int_equal(r.n, ARRAY_LEN(v) + 5);
	free(r.v);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		rt_rule_del(&b, &v[i]);
		rt_rule_del(&b, &v[i]);
		sends(&pod, &b);
		for (size_t k = 0; k < ARRAY_LEN(v); k++)
			if (count_rules(&v[k]) != (k > i))
				fail_msg("rule %zu deleted: rule %zu is there %zu times", i, k,
					 count_rules(&v[k]));
	}
	r = rules(0);
	assert_int_equal(r.n, 5);
	free(r.v);
}

static void rules_of_others(void **state)
{
	static const char *const more[] = { "iif eth0", "oif eth0",     "not from 10.0.0.2",
					    "tos 0x10", "ipproto tcp",  "sport 80",
					    "dport 80", "uidrange 0-5", "l3mdev" };
	const struct rt_rule plain = { .ver = 4, .table = 101, .priority = 999 };
	struct rt_rules r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		size_t n = 0;

		ON(&pod, "ip rule add %s pref 999 %s", more[i],
		   strcmp(more[i], "l3mdev") == 0 ? "" : "lookup 101");
		r = rules(4);
		for (size_t k = 0; k < r.n; k++)
			n += r.v[k].more;
		free(r.v);
		if (n != 1 || count_rules(&plain) != 0)
			fail_msg("%s: %zu rules, %zu taken for plain", more[i], n, count_rules(&plain));
		ON(&pod, "ip rule del pref 999");
	}
	ON(&pod, "ip rule add pref 999 lookup 101 protocol 77");
	r = rules(4);
	assert_int_equal(r.n, 4);
	assert_int_equal(r.v[1].protocol, 77);
	assert_int_equal(r.v[1].action, FR_ACT_TO_TBL);
	assert_int_equal(r.v[1].table, 101);
	assert_int_equal(r.v[1].priority, 999);
	assert_int_equal(r.v[1].src.ip.ver, 0);
	assert_false(r.v[1].more);
	free(r.v);
	assert_int_equal(count_rules(&plain), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(put_and_deleted_twice),
		TEST(what_is_put_is_what_is_listed),
		TEST(ipv4_replaces),
		TEST(ipv6_goes_both_ways),
		TEST(appended),
		TEST(deletes_exactly),
		TEST(several_hops),
		TEST(lists),
		TEST(failures),
		TEST(looked_up),
		TEST(texts),
		TEST(matching),
		TEST(rules_put_and_deleted_twice),
		TEST(rules_of_others),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
