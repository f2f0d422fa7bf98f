/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no namespaces */
/* test_nl_rt.c - links, addresses, neighbours and batches against the kernel */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/own.h"
#include "rtlab.h"

/* ---- links ---- */

static void a_pair_across_namespaces(void **state)
{
	struct netlink_batch b = { 0 };
	struct rt_link here, there, again;
	struct err e;

	(void)state;
	here = link_of(&node, "veth0");
	there = link_of(&pod, "eth0");
	assert_string_equal(here.name, "veth0");
	assert_string_equal(here.kind, "veth");
	assert_string_equal(here.alias, "");
	assert_int_equal(here.type, ARPHRD_ETHER);
	assert_memory_equal(here.mac, mac_node, LINK_MAC_LEN);
	assert_memory_equal(there.mac, mac_pod, LINK_MAC_LEN);
	assert_int_equal(here.mtu, 1400);
	assert_int_equal(there.mtu, 1400);
	assert_int_equal(here.link, there.index);
	assert_int_equal(there.link, here.index);
	assert_int_not_equal(here.link_netnsid, -1);
	assert_int_equal(here.master, 0);
	assert_true(here.flags & IFF_UP);
	assert_int_equal(rt_link_by_index(&node.rt, here.index, &again, &e), 0);
	assert_memory_equal(&again, &here, sizeof(here));

	/* The sockets stayed where they are. */
	assert_int_equal(rt_link_by_name(&node.rt, "eth0", &again, &e), -ENODEV);
	assert_int_equal(rt_link_by_name(&pod.rt, "veth0", &again, &e), -ENODEV);
	add_pair(&b);
	fails(&node, &b, -EEXIST,
	      "node: add link veth0 type veth peer name eth0: exists already (File exists)");
	rt_link_del(&b, here.index, "veth0");
	rt_link_del(&b, here.index, "veth0");
	rt_link_del(&b, 0, "veth0");
	sends(&node, &b);
	assert_int_equal(rt_link_by_name(&pod.rt, "eth0", &again, &e), -ENODEV);
	assert_string_equal(e.msg, "pod: interface eth0 does not exist");
	assert_int_equal(rt_link_by_index(&pod.rt, there.index, &again, &e), -ENODEV);
	assert_int_equal(rt_link_by_index(&pod.rt, 0, &again, &e), -ENODEV);
	assert_int_equal(rt_link_by_index(&pod.rt, -1, &again, &e), -ENODEV);
}

static void links_change(void **state)
{
	const uint8_t mac[LINK_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x77 };
	const uint8_t group[LINK_MAC_LEN] = { 0x01, 0, 0, 0, 0, 0x77 };
	struct netlink_batch b = { 0 };
	char alias[RT_ALIAS_MAX + 1];
	struct rt_link l;

	(void)state;
	for (int i = 0; i < 2; i++) {
		rt_link_set_up(&b, pod_if, "eth0", false);
		rt_link_set_mac(&b, pod_if, "eth0", mac);
		rt_link_set_txqlen(&b, pod_if, "another", 4321); /* with an index it is just for sentences */
		rt_link_set_alias(&b, 0, "eth0", "pod default/a");
		sends(&pod, &b);
	}
	l = link_of(&pod, "eth0");
	assert_int_equal(l.index, pod_if);
	assert_false(l.flags & IFF_UP);
	assert_memory_equal(l.mac, mac, LINK_MAC_LEN);
	assert_int_equal(l.txqlen, 4321);
	assert_string_equal(l.alias, "pod default/a");
	rt_link_set_alias(&b, pod_if, "eth0", "");
	rt_link_set_up(&b, pod_if, "eth0", true);
	sends(&pod, &b);
	l = link_of(&pod, "eth0");
	assert_string_equal(l.alias, "");
	assert_true(l.flags & IFF_UP);

	memset(alias, 'x', sizeof(alias));
	alias[RT_ALIAS_MAX] = '\0';
	rt_link_set_alias(&b, pod_if, "eth0", alias);
	fails(&pod, &b, -EINVAL,
	      "pod: set link eth0 alias \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\": want at most 255 "
	      "characters");
	alias[RT_ALIAS_MAX - 1] = '\0';
	rt_link_set_alias(&b, pod_if, "eth0", alias);
	sends(&pod, &b);
	assert_string_equal(link_of(&pod, "eth0").alias, alias);
	rt_link_set_mac(&b, pod_if, "eth0", group);
	fails(&pod, &b, -EADDRNOTAVAIL,
	      "pod: set link eth0 address 01:00:00:00:00:77: Cannot assign requested address");
	rt_link_set_txqlen(&b, 0, "nosuch", 1);
	fails(&pod, &b, -ENODEV, "pod: set link nosuch txqueuelen 1: No such device");
}

static void names_of_links(void **state)
{
	static const char *const bad[] = {
		"",    "sixteen--letters", "a/b", "a b", "a:1",
		"a\n", "veth%d",           ".",   "..",  "averyveryveryverylongname"
	};
	struct netlink_batch b = { 0 };
	struct rt_link l;
	struct rt_links before, after;
	struct err e;

	(void)state;
	assert_int_equal(rt_links(&node.rt, &before, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct rt_veth v[] = { { .name = bad[i], .peer_name = "x", .peer_netns = pod.netns },
					     { .name = "x", .peer_name = bad[i], .peer_netns = pod.netns } };

		for (int k = 0; k < 8; k++) {
			int r;

			switch (k) {
			case 0:
			case 1:
				rt_veth_add(&b, &v[k]);
				break;
			case 2:
				rt_vlan_add(&b, bad[i], 1, 5);
				break;
			case 3:
				rt_link_del(&b, 0, bad[i]);
				break;
			case 4:
				rt_link_set_up(&b, 0, bad[i], true);
				break;
			case 5:
				rt_link_set_alias(&b, 0, bad[i], "x");
				break;
			case 6:
				rt_link_set_master(&b, 0, bad[i], 0);
				break;
			}
			e = (struct err){ 0 };
			r = k < 7 ? netlink_send(&node.rt, &b, &e)
				  : rt_link_by_name(&node.rt, bad[i], &l, &e);
			if (r != -EINVAL || e.cni != ERR_CONFIG || !strstr(e.msg, "1 to 15 characters"))
				fail_msg("\"%s\", call %d: %d, %s", bad[i], k, r, e.msg);
			netlink_batch_clear(&b);
		}
	}
	assert_int_equal(rt_links(&node.rt, &after, &e), 0);
	assert_int_equal(before.n, after.n);
	free(before.v);
	free(after.v);
}

static void lists_of_links(void **state)
{
	struct netlink_batch b = { 0 };
	size_t lo = 0, ports = 0, children = 0;
	struct rt_links l;
	char busy[128];
	struct err e;
	int bridge;

	(void)state;
	ON(&pod, "ip link add br0 type bridge; ip link add mv0 link eth0 type macvlan");
	bridge = link_of(&pod, "br0").index;
	rt_link_set_master(&b, pod_if, "eth0", bridge);
	snprintf(busy, sizeof(busy), "pod: set link eth0 master index %d: Device or resource busy", bridge);
	fails(&pod, &b, -EBUSY, busy);
	ON(&pod, "ip link add x0 type veth peer name x1");
	rt_link_set_master(&b, 0, "x0", bridge);
	rt_link_set_master(&b, 0, "x0", bridge);
	sends(&pod, &b);
	assert_int_equal(rt_links(&pod.rt, &l, &e), 0);
	for (size_t i = 0; i < l.n; i++) {
		const struct rt_link *k = &l.v[i];

		lo += strcmp(k->name, "lo") == 0 && k->type == ARPHRD_LOOPBACK && k->link == 0;
		ports += strcmp(k->name, "x0") == 0 && k->master == bridge && k->link_netnsid == -1;
		children += strcmp(k->kind, "macvlan") == 0 && k->link == pod_if && k->link_netnsid == -1;
	}
	assert_int_equal(l.n, 6);
	assert_int_equal(lo, 1);
	assert_int_equal(ports, 1);
	assert_int_equal(children, 1);
	free(l.v);
	rt_link_set_master(&b, 0, "x0", 0);
	rt_link_set_master(&b, 0, "x0", 0);
	sends(&pod, &b);
	assert_int_equal(link_of(&pod, "x0").master, 0);
}

/* Not every kernel has VLANs: then it must say so. */
static void vlans(void **state)
{
	struct netlink_batch b = { 0 };
	struct rt_link l;
	struct err e = { 0 };

	(void)state;
	rt_vlan_add(&b, "eth0.100", pod_if, 100);
	if (netlink_send(&pod.rt, &b, &e) < 0) {
		assert_string_equal(e.msg, "pod: add link eth0.100 type vlan id 100: Unknown device type "
					   "(Operation not supported)");
		netlink_batch_clear(&b);
		return;
	}
	l = link_of(&pod, "eth0.100");
	assert_string_equal(l.kind, "vlan");
	assert_int_equal(l.vlan_id, 100);
	assert_int_equal(l.link, pod_if);
	rt_vlan_add(&b, "eth0.100", pod_if, 100);
	fails(&pod, &b, -EEXIST, "pod: add link eth0.100 type vlan id 100: exists already (File exists)");
}

/* ---- addresses ---- */

static size_t count_addrs(uint8_t ver, int index)
{
	struct rt_addrs a;
	struct err e;
	size_t n;

	assert_int_equal(rt_addrs(&pod.rt, ver, index, &a, &e), 0);
	for (size_t i = 0; i < a.n; i++)
		assert_true((!ver || a.v[i].p.ip.ver == ver) && (!index || a.v[i].index == index));
	n = a.n;
	free(a.v);
	return n;
}

static void addresses(void **state)
{
	const struct rt_addr four = { .index = pod_if, .p = P("10.1.2.3/24"), .scope = RT_SCOPE_LINK };
	const struct rt_addr six = { .index = pod_if, .p = P("fd00::3/64"), .flags = IFA_F_NODAD };
	const struct rt_addr flags = { .index = pod_if, .p = P("fd00::4/64"), .flags = IFA_F_NOPREFIXROUTE };
	const struct rt_addr other = { .index = pod_if, .p = P("fd00::4/64") };
	const struct rt_addr gone = { .index = 4711, .p = P("fd00::5/64") };
	const struct rt_addr gone4 = { .index = 4711, .p = P("10.0.0.5/24") };
	struct netlink_batch b = { 0 };
	struct rt_addrs a;
	struct err e;

	(void)state;
	ON(&pod, "ip link set lo up");
	for (int i = 0; i < 2; i++) {
		rt_addr_put(&b, &four, "eth0");
		rt_addr_put(&b, &six, "eth0");
		rt_addr_put(&b, &flags, "eth0");
		sends(&pod, &b);
	}
	for (int strict = 0; strict < 2; strict++) {
		be_strict(&pod, strict);
		assert_int_equal(count_addrs(4, pod_if), 1);
		assert_int_equal(count_addrs(6, pod_if), 2);
		assert_int_equal(count_addrs(0, pod_if), 3);
		assert_int_equal(count_addrs(4, 0), 2);
		assert_int_equal(count_addrs(0, 0), 5);
		assert_int_equal(count_addrs(0, 4711), 0);
	}
	assert_int_equal(rt_addrs(&pod.rt, 4, pod_if, &a, &e), 0);
	assert_true(ip_prefix_equal(a.v[0].p, four.p));
	assert_int_equal(a.v[0].scope, RT_SCOPE_LINK);
	free(a.v);
	assert_int_equal(rt_addrs(&pod.rt, 6, pod_if, &a, &e), 0);
	for (size_t i = 0; i < a.n; i++)
		assert_true(ip_equal(a.v[i].p.ip, six.p.ip) ? a.v[i].flags & IFA_F_NODAD
							    : a.v[i].flags & IFA_F_NOPREFIXROUTE);
	free(a.v);
	rt_addr_put(&b, &other, "eth0"); /* other flags */
	sends(&pod, &b);
	assert_int_equal(rt_addrs(&pod.rt, 6, pod_if, &a, &e), 0);
	for (size_t i = 0; i < a.n; i++)
		assert_false(a.v[i].flags & IFA_F_NOPREFIXROUTE);
	free(a.v);
	rt_addr_put(&b, &gone, "gone0");
	fails(&pod, &b, -ENODEV,
	      "pod: add address fd00::5/64 dev gone0: ipv6: Unable to find the interface (No such device)");
	rt_addr_del(&b, &gone, "gone0");
	rt_addr_del(&b, &gone4, "gone0");
	for (int i = 0; i < 2; i++) {
		rt_addr_del(&b, &four, "eth0");
		rt_addr_del(&b, &six, "eth0");
	}
	sends(&pod, &b);
	assert_int_equal(count_addrs(0, pod_if), 1);
	ON(&pod, "ip link set eth0 mtu 1000"); /* too small for IPv6, which goes away */
	rt_addr_del(&b, &other, "eth0");
	sends(&pod, &b);
	assert_int_equal(count_addrs(0, pod_if), 0);
}

/* The other end of a point-to-point address is not ours. */
static void local_addresses(void **state)
{
	struct rt_addrs a;
	struct err e;

	(void)state;
	ON(&pod, "ip addr add 10.0.0.1 peer 10.0.0.2/30 dev eth0");
	assert_int_equal(rt_addrs(&pod.rt, 4, pod_if, &a, &e), 0);
	assert_int_equal(a.n, 1);
	assert_true(ip_prefix_equal(a.v[0].p, P("10.0.0.1/30")));
	free(a.v);
}

/* ---- neighbours ---- */

static void neighbours(void **state)
{
	const uint8_t mac[LINK_MAC_LEN] = { 0x02, 0, 0, 0, 0, 0x99 };
	struct rt_neigh v[] = { { .index = pod_if, .ip = A("10.0.0.9") },
				{ .index = pod_if, .ip = A("fd00::9") },
				{ .index = pod_if, .ip = A("10.0.0.8"), .state = NUD_STALE } };
	struct netlink_batch b = { 0 };
	struct rt_neighs n;
	struct err e;

	(void)state;
	ON(&pod, "ip link set lo up; ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:01 dev eth0 nud stale;"
		 "ip neigh add proxy 10.0.0.99 dev eth0; ip neigh add 10.9.9.9 lladdr 0:0:0:0:0:0 dev lo");
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_LEN(v); i++) {
			memcpy(v[i].mac, round ? mac : mac_node, LINK_MAC_LEN);
			rt_neigh_put(&b, &v[i], "eth0");
		}
		sends(&pod, &b);
	}
	assert_int_equal(rt_neighs(&pod.rt, 4, pod_if, &n, &e), 0);
	assert_int_equal(n.n, 2);
	for (size_t i = 0; i < n.n; i++) {
		assert_memory_equal(n.v[i].mac, mac, LINK_MAC_LEN);
		assert_int_equal(n.v[i].state, ip_equal(n.v[i].ip, v[0].ip) ? NUD_PERMANENT : NUD_STALE);
	}
	free(n.v);
	assert_int_equal(rt_neighs(&pod.rt, 6, pod_if, &n, &e), 0);
	assert_int_equal(n.n, 1);
	assert_true(ip_equal(n.v[0].ip, v[1].ip));
	free(n.v);
	for (int strict = 0; strict < 2; strict++) {
		be_strict(&pod, strict);
		assert_int_equal(rt_neighs(&pod.rt, 0, pod_if, &n, &e), 0);
		assert_int_equal(n.n, 3);
		free(n.v);
		assert_int_equal(rt_neighs(&pod.rt, 0, 0, &n, &e), 0);
		assert_int_equal(n.n, 4);
		free(n.v);
	}
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(v); i++)
			rt_neigh_del(&b, &v[i], "eth0");
	v[0].index = 4711;
	rt_neigh_del(&b, &v[0], "gone0");
	sends(&pod, &b);
	assert_int_equal(rt_neighs(&pod.rt, 0, pod_if, &n, &e), 0);
	assert_int_equal(n.n, 0);
	free(n.v);
	rt_neigh_put(&b, &v[0], "gone0");
	fails(&pod, &b, -ENODEV,
	      "pod: add neighbour 10.0.0.9 lladdr 02:00:00:00:00:99 dev gone0: No such device");
}

/* ---- batches ---- */

static void hundreds_at_once(void **state)
{
	struct netlink_batch b = { 0 };
	struct rt_neighs n;
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 700; i++) {
		struct rt_neigh v = { .index = i == 333 || i == 555 ? 4711 : pod_if,
				      .ip = { .ver = i % 2 ? 6 : 4, .n = (ip_num)10 << 24 | (i + 1) } };

		memcpy(v.mac, mac_node, LINK_MAC_LEN);
		rt_neigh_put(&b, &v, i == 333 ? "first" : i == 555 ? "second" : "eth0");
	}
	assert_int_equal(netlink_send(&pod.rt, &b, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "dev first: No such device"));
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.v[i].result, i == 333 || i == 555 ? -ENODEV : 0);
	netlink_batch_clear(&b);
	assert_int_equal(rt_neighs(&pod.rt, 0, pod_if, &n, &e), 0);
	assert_int_equal(n.n, 698);
	free(n.v);
}

static atomic_bool stop;

static void *churn(void *arg)
{
	struct netlink_batch b = { 0 };
	struct netspace s;
	struct err e;

	(void)arg;
	if (netspace_open(dup(pod.netns), "churn", &s, &e) < 0)
		return NULL;
	for (unsigned i = 0; !stop && i < 100000; i++) {
		const struct rt_neigh v = { .index = pod_if, .ip = { .ver = 4, .n = 0x0b000000u + i % 64 } };
		const struct rt_addr a = { .index = pod_if, .p = { { 4, 0x0c000000u + i % 64 }, 32 } };

		(i / 64 % 2 ? rt_neigh_del : rt_neigh_put)(&b, &v, "eth0");
		(i / 64 % 2 ? rt_addr_del : rt_addr_put)(&b, &a, "eth0");
		if (netlink_send(&s.rt, &b, &e) < 0)
			netlink_batch_clear(&b);
	}
	netspace_close(&s);
	return NULL;
}

/* What stays is in every list, once. */
static void lists_while_others_change_things(void **state)
{
	struct netlink_batch b = { 0 };
	pthread_t t;

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		const struct rt_neigh v = { .index = pod_if, .ip = { .ver = 4, .n = 0x0a000000u + i } };
		const struct rt_addr a = { .index = pod_if, .p = { { 4, 0x0a000000u + i }, 32 } };

		rt_neigh_put(&b, &v, "eth0");
		rt_addr_put(&b, &a, "eth0");
	}
	sends(&pod, &b);
	stop = false;
	assert_int_equal(pthread_create(&t, NULL, churn, NULL), 0);
	for (int round = 0; round < 100; round++) {
		size_t neighs = 0, addrs = 0;
		struct err e = { 0 };
		struct rt_neighs n = { 0 };
		struct rt_addrs a = { 0 };
		int r[] = { rt_neighs(&pod.rt, 4, pod_if, &n, &e), rt_addrs(&pod.rt, 4, pod_if, &a, &e) };

		for (size_t i = 0; i < n.n; i++)
			neighs += n.v[i].ip.n >> 24 == 10;
		for (size_t i = 0; i < a.n; i++)
			addrs += a.v[i].p.ip.n >> 24 == 10;
		free(n.v);
		free(a.v);
		if (r[0] < 0 || r[1] < 0 || neighs != 600 || addrs != 600) {
			stop = true;
			pthread_join(t, NULL);
			fail_msg("round %d: %zu neighbours, %zu addresses, %s", round, neighs, addrs, e.msg);
		}
	}
	stop = true;
	pthread_join(t, NULL);
}

/* Any process of the namespace may write to our socket. */
static void only_the_kernel_is_believed(void **state)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr m;
	} lie = { .h = { .nlmsg_len = sizeof(lie), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = pod.rt.seq + 1 },
		  .m.error = -EUCLEAN };
	struct sockaddr_nl to = { 0 };
	socklen_t len = sizeof(to);
	struct netspace liar;
	struct rt_link l;
	struct err e;

	(void)state;
	assert_int_equal(getsockname(pod.rt.fd, (struct sockaddr *)&to, &len), 0);
	assert_int_equal(netspace_open(dup(pod.netns), "liar", &liar, &e), 0);
	assert_int_equal(sendto(liar.rt.fd, &lie, sizeof(lie), 0, (struct sockaddr *)&to, len), sizeof(lie));
	assert_int_equal(rt_link_by_name(&pod.rt, "eth0", &l, &e), 0);
	netspace_close(&liar);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_up, lab_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pair_across_namespaces),
		TEST(links_change),
		TEST(names_of_links),
		TEST(lists_of_links),
		TEST(vlans),
		TEST(addresses),
		TEST(local_addresses),
		TEST(neighbours),
		TEST(hundreds_at_once),
		TEST(lists_while_others_change_things),
		TEST(only_the_kernel_is_believed),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
