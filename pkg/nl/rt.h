/* SPDX-License-Identifier: Apache-2.0 */
/* rt.h - rtnetlink: links, addresses, routes, rules and neighbours, as structs
 *
 * Verbs append a request to a batch (netlink.h) whose sentence names the object as iproute2 would write it;
 * the batch is sent by the caller. "put" makes it so whatever was there (create or replace, and twice leaves
 * one); "del" of what is not there succeeds. Lists come back in the order of the kernel; whoever asked frees
 * v.
 */
#ifndef NL_RT_H
#define NL_RT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ip/ip.h"
#include "nl/link.h"
#include "nl/netlink.h"

#define RT_KIND_MAX  16
#define RT_ALIAS_MAX 256
#define RT_TEXT_MAX  256

/* ---- links ---- */

struct rt_link {
	int index;
	char name[IFNAMSIZ], kind[RT_KIND_MAX], alias[RT_ALIAS_MAX]; /* "" when there is none */
	unsigned flags;                                              /* IFF_* */
	uint16_t type;                                               /* ARPHRD_* */
	uint8_t mac[LINK_MAC_LEN];                                   /* zero when it has another length */
	uint32_t mtu, txqlen;
	int link;         /* veth: index of the peer; vlan, macvlan, ...: of the parent; 0: none */
	int link_netnsid; /* of the namespace that link counts in; -1: this one */
	int master;       /* 0: none */
	uint16_t vlan_id, vlan_protocol; /* ETH_P_8021Q, ETH_P_8021AD; 0: no vlan */
};
struct rt_links {
	struct rt_link *v;
	size_t n;
};

/* -ENODEV when there is none; the sentence says the name. */
int rt_link_by_name(struct netlink *nl, const char *name, struct rt_link *ret, struct err *e);
int rt_link_by_index(struct netlink *nl, int index, struct rt_link *ret, struct err *e);
int rt_links(struct netlink *nl, struct rt_links *ret, struct err *e);
/* link_netnsid of links whose other end is in the namespace of the fd netns; -1: there can be none. */
int rt_netnsid(struct netlink *nl, int netns, int *ret, struct err *e);

/* A veth pair: name and mac here, peer_name and peer_mac in the namespace peer_netns. Fails with EEXIST. */
struct rt_veth {
	const char *name, *peer_name;
	uint8_t mac[LINK_MAC_LEN], peer_mac[LINK_MAC_LEN];
	uint32_t mtu;
	int peer_netns; /* fd */
};
void rt_veth_add(struct netlink_batch *b, const struct rt_veth *v);
/* 802.1Q. Fails with EEXIST. */
void rt_vlan_add(struct netlink_batch *b, const char *name, int parent, uint16_t id);
/* index 0: the one that has this name when the kernel gets there, so that a link can be made and set up in
 * one batch. */
void rt_link_del(struct netlink_batch *b, int index, const char *name);
void rt_link_set_up(struct netlink_batch *b, int index, const char *name, bool up);
void rt_link_set_mac(struct netlink_batch *b, int index, const char *name, const uint8_t mac[LINK_MAC_LEN]);
void rt_link_set_txqlen(struct netlink_batch *b, int index, const char *name, uint32_t txqlen);
void rt_link_set_alias(struct netlink_batch *b, int index, const char *name, const char *alias);
void rt_link_set_master(struct netlink_batch *b, int index, const char *name, int master); /* 0: none */

/* ---- addresses ---- */

struct rt_addr {
	int index;
	struct ip_prefix p; /* the local address, with host bits */
	uint8_t scope;      /* RT_SCOPE_* */
	uint32_t flags;     /* IFA_F_* */
};
struct rt_addrs {
	struct rt_addr *v;
	size_t n;
};

/* ver 0: both families; index 0: all links. */
int rt_addrs(struct netlink *nl, uint8_t ver, int index, struct rt_addrs *ret, struct err *e);
void rt_addr_put(struct netlink_batch *b, const struct rt_addr *a, const char *dev);
void rt_addr_del(struct netlink_batch *b, const struct rt_addr *a, const char *dev);

/* ---- routes ---- */

/* One next hop. The kernel's route over several comes as so many of these, each with hops > 1. */
struct rt_route {
	struct ip_prefix dst; /* len 0: the default route; ver always set; host bits cleared */
	struct ip via, src;   /* ver 0: none */
	int oif;              /* 0: none */
	uint32_t table;
	uint8_t scope, protocol, type; /* put: RTPROT_BOOT and RTN_UNICAST when 0; scope is taken as it is */
	uint32_t metric;               /* 0: IPv4 none, IPv6 the kernel's 1024 */
	uint32_t mtu, advmss;          /* 0: none */
	unsigned flags;                /* RTNH_F_*, RTM_F_* as dumped; put: RTNH_F_ONLINK */
	unsigned hops;                 /* as dumped */
};
struct rt_routes {
	struct rt_route *v;
	size_t n;
};

/* table 0: all. Cached and cloned routes are left out. */
int rt_routes(struct netlink *nl, uint8_t ver, uint32_t table, struct rt_routes *ret, struct err *e);
/* How the kernel would reach it: what it would send from (ret->src), by which link. -ENETUNREACH, ... */
int rt_route_lookup(struct netlink *nl, struct ip to, struct rt_route *ret, struct err *e);
/* IPv4: replaces the route of the same dst, metric and table (any via and dev). IPv6: adds unless the same
 * one with the same next hop is there. dev is for the sentence. */
void rt_route_put(struct netlink_batch *b, const struct rt_route *r, const char *dev);
/* Adds it beside others of the same dst (NLM_F_APPEND); the very same one being there is success. */
void rt_route_append(struct netlink_batch *b, const struct rt_route *r, const char *dev);
/* Exactly this one: dst, via, oif, table, metric (when not 0), for IPv4 also scope and type. What the kernel
 * cannot tell apart: an IPv6 route without via from one with it on the same oif. */
void rt_route_del(struct netlink_batch *b, const struct rt_route *r, const char *dev);
/* Same dst, via, oif, table; src, scope and mtu when want has them. For CHECK. */
bool rt_route_matches(const struct rt_route *have, const struct rt_route *want);
/* "10.0.0.0/24 via 10.0.0.1 dev eth0 table 101" */
const char *rt_route_text(const struct rt_route *r, const char *dev, char out[RT_TEXT_MAX]);

/* ---- rules ---- */

struct rt_rule {
	uint8_t ver;
	struct ip_prefix src, dst; /* ip.ver 0: any */
	uint32_t mark, mask;       /* mask 0: no mark asked for */
	uint32_t table, priority;
	uint8_t protocol, action; /* put: as iproute2, none when 0; FR_ACT_TO_TBL when 0 */
	bool more; /* as dumped: it has conditions that are not in here (iif, ports, not, ...) */
};
struct rt_rules {
	struct rt_rule *v;
	size_t n;
};

/* The kernel takes a rule without src (or dst) for the same as one that has it, if all else is equal, when it
 * is put and when it is deleted: give rules that differ only there priorities of their own. */
int rt_rules(struct netlink *nl, uint8_t ver, struct rt_rules *ret, struct err *e);
void rt_rule_put(struct netlink_batch *b, const struct rt_rule *r);   /* priority is always sent */
void rt_rule_del(struct netlink_batch *b, const struct rt_rule *r);   /* exactly this one */
bool rt_rule_equal(const struct rt_rule *a, const struct rt_rule *b); /* but for protocol */
/* "from 10.0.0.5 fwmark 0x1/0x1 lookup 101 pref 999" */
const char *rt_rule_text(const struct rt_rule *r, char out[RT_TEXT_MAX]);

/* ---- neighbours ---- */

struct rt_neigh {
	int index;
	struct ip ip;
	uint8_t mac[LINK_MAC_LEN];
	uint16_t state; /* NUD_*; put: NUD_PERMANENT when 0 */
};
struct rt_neighs {
	struct rt_neigh *v;
	size_t n;
};

/* index 0: all links. */
int rt_neighs(struct netlink *nl, uint8_t ver, int index, struct rt_neighs *ret, struct err *e);
void rt_neigh_put(struct netlink_batch *b, const struct rt_neigh *n, const char *dev);
void rt_neigh_del(struct netlink_batch *b, const struct rt_neigh *n, const char *dev);

#endif
