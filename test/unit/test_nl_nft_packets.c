/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no netlink of nf_tables */
/* test_nl_nft_packets.c - the rules do what they are for: a reply leaves by the link that the request came by
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

#include "base/own.h"
#include "netlab.h"
#include "nft_marks.h"

static const struct net {
	uint8_t family;
	const char *v, *host, *pod_len, *pod, *node, *gw;
} nets[] = {
	{ NFPROTO_IPV4, "-4", "/32", "/24", "10.8.0.2", "10.9.0.1", "10.8.0.1" },
	{ NFPROTO_IPV6, "-6", "/128", "/64", "fd08::2", "fd09::1", "fd08::1" },
};

/* The node reaches the pod's eth0 address by a veth; the pod's default route leads elsewhere, by eth0, so
 * that answers are lost there unless a mark sends them back. */
static void lay_cables(int node, int pod, int wire, const struct net *n)
{
	char p[LAB_PATH_MAX], w[LAB_PATH_MAX];
	const char *nodad = n->family == NFPROTO_IPV6 ? "nodad" : "";

	/* Duplicate address detection would delay, and IPv6 answers for the addresses of the link only. */
	lab_sh(node, "sysctl -qw net.ipv6.conf.default.dad_transmits=0");
	lab_sh(pod, "sysctl -qw net.ipv6.conf.default.dad_transmits=0");
	lab_sh(node,
	       "ip link add vethpod type veth peer name veth0 address 02:00:00:00:00:02 netns %s; "
	       "ip link set lo up; ip link set vethpod up",
	       lab_path(pod, p));
	lab_sh(node, "ip %s addr add %s%s dev vethpod %s", n->v, n->node, n->host, nodad);
	lab_sh(node, "ip %s route add %s dev vethpod src %s", n->v, n->pod, n->node);
	lab_sh(node, "ip neigh add %s lladdr 02:00:00:00:00:02 dev vethpod", n->pod);
	lab_sh(pod,
	       "ip link add eth0 type veth peer name gw0 netns %s; ip link set lo up; ip link set veth0 up; "
	       "ip link set eth0 up; sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.veth0.rp_filter=0",
	       lab_path(wire, w));
	lab_sh(wire, "ip link set gw0 up; ip %s addr add %s%s dev gw0 %s", n->v, n->gw, n->pod_len, nodad);
	lab_sh(pod, "ip %s addr add %s%s dev eth0 %s", n->v, n->pod, n->pod_len, nodad);
	lab_sh(pod, "ip %s route add default via %s dev eth0", n->v, n->gw);
	lab_sh(pod, "ip %s rule add fwmark 0x1/0x1 lookup 100 pref 1000", n->v);
	lab_sh(pod, "ip %s route add default dev veth0 table 100", n->v);
}

static void ping(int node, const struct net *n, bool answers)
{
	lab_sh(node, "%s ping -c 1 -W %d %s >/dev/null", answers ? "" : "!", answers ? 5 : 1, n->pod);
}

static void marks_send_replies_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
		CLEANUP(close_p) int node = lab_netns();
		CLEANUP(close_p) int pod = lab_netns();
		CLEANUP(close_p) int wire = lab_netns();
		CLEANUP(netlink_close) struct netlink nf = open_nf(pod);
		struct nft_table t = marks;
		struct err e;

		t.family = nets[i].family;
		lay_cables(node, pod, wire, &nets[i]);
		ping(node, &nets[i], false); /* no table */
		put(&nf, &t);
		ping(node, &nets[i], true);
		/* A mark that a chain of type filter sets comes too late for the route. */
		t.chain[1].type = "filter";
		put(&nf, &t);
		ping(node, &nets[i], false);
		t.chain[1].type = "route";
		put(&nf, &t);
		ping(node, &nets[i], true);
		/* Nothing is marked that came in by another interface. */
		t.chain[0].rule[0].part[0].text = "veth01";
		put(&nf, &t);
		ping(node, &nets[i], false);
		expect(nft_table_del(&nf, t.family, t.name, &e), 0, &e, "del");
		ping(node, &nets[i], false);
	}
}

/* Somebody else uses bit 1 of both marks; a reply needs both bits to find back. */
static const struct nft_table theirs = {
	.name = "theirs",
	.n = 2,
	.chain = {
		{
			.name = "in",
			.type = "filter",
			.hook = NF_INET_PRE_ROUTING,
			.priority = -151,
			.n = 1,
			.rule = { { .n = 2,
				    .part = { { .what = NFT_IF_IIFNAME, .text = "veth0" },
					      { .what = NFT_DO_SET_CT_MARK, .value = 2 } } } },
		},
		{
			.name = "out",
			.type = "route",
			.hook = NF_INET_LOCAL_OUT,
			.priority = -151,
			.n = 1,
			.rule = { { .n = 2,
				    .part = { { .what = NFT_IF_CT_MARK, .value = 2 },
					      { .what = NFT_DO_SET_MARK, .value = 2 } } } },
		},
	},
};

static void other_bits_stay(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nets); i++) {
		CLEANUP(close_p) int node = lab_netns();
		CLEANUP(close_p) int pod = lab_netns();
		CLEANUP(close_p) int wire = lab_netns();
		CLEANUP(netlink_close) struct netlink nf = open_nf(pod);
		struct nft_table ours = marks, other = theirs;
		struct err e;

		ours.family = other.family = nets[i].family;
		lay_cables(node, pod, wire, &nets[i]);
		lab_sh(pod, "ip %s rule del pref 1000; ip %s rule add fwmark 0x3/0x3 lookup 100 pref 1000",
		       nets[i].v, nets[i].v);
		put(&nf, &ours);
		ping(node, &nets[i], false);
		put(&nf, &other);
		ping(node, &nets[i], true);
		expect(nft_table_del(&nf, ours.family, ours.name, &e), 0, &e, "del");
		ping(node, &nets[i], false);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_send_replies_back),
		cmocka_unit_test(other_bits_stay),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
