/* SPDX-License-Identifier: Apache-2.0 */
/* node.c - the node's side: its addresses, and where it finds the pod's */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/own.h"
#include "podnet/podnet.h"

#define RULE_PRIORITY       1000
#define DEFAULT_SOURCE_LOOK 16 /* addresses; loopback ones come before */

/* Interfaces of container networks and tunnels (spec 2.6): pods do not ask for the node by their addresses.
 */
static bool is_infrastructure(const char *name)
{
	static const char *const prefixes[] = { "docker",    "cbr",  "dummy",         "virbr",
						"lxcbr",     "veth", "cali",          "flannel",
						"kube-ipvs", "cni",  "vx-submariner", "cilium" };

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strcmp(name, "lo") == 0;
}

/* What the node sends from when it sends to the pod. No way there (IPv6 without a route, say) is no failure:
 * the node's own addresses come behind. */
static void add_sources(struct podnet *n, const struct podnet_view *v, struct podnet_ips *ret)
{
	for (size_t i = 0; i < v->addrs.n; i++) {
		struct ip to = v->addrs.v[i].p.ip;
		struct rt_route route;
		struct err ignored;

		if (podnet_view_has(v, to.ver) && rt_route_lookup(&n->node.rt, to, &route, &ignored) == 0 &&
		    route.src.ver && !ip_is_link_local(route.src) && !ip_equal(route.src, to))
			podnet_ips_add(ret, route.src);
	}
}

static int add_own(struct podnet *n, const struct podnet_view *v, struct podnet_ips *ret, struct err *e)
{
	struct rt_addrs addrs;
	int index = 0, r = rt_addrs(&n->node.rt, v->has4 && v->has6 ? 0 : v->has4 ? 4 : 6, 0, &addrs, e);
	struct rt_link l = { 0 };

	for (size_t i = 0; r == 0 && i < addrs.n; i++) {
		const struct rt_addr *a = &addrs.v[i];

		if (ip_is_multicast(a->p.ip) || ip_is_link_local(a->p.ip))
			continue;
		if (a->index != index) {
			r = rt_link_by_index(&n->node.rt, a->index, &l, e);
			index = r == 0 ? a->index : 0;
			if (r == -ENODEV)
				r = 0; /* went away meanwhile */
		}
		if (index == a->index && !is_infrastructure(l.name))
			podnet_ips_add(ret, a->p.ip);
	}
	free(addrs.v);
	return r;
}

/* What IPv4 is sent from by a route that names no source, over a pair without addresses: the first one of any
 * interface, be it a bridge's, in the order in which the kernel keeps them. Only this request tells that
 * order. */
static void add_default_source(struct podnet *n, struct podnet_ips *ret)
{
	struct ifreq list[DEFAULT_SOURCE_LOOK];
	struct ifconf q = { .ifc_len = sizeof(list), .ifc_req = list };

	if (ioctl(n->node.sock, SIOCGIFCONF, &q) < 0)
		return;
	for (size_t i = 0; i < (size_t)q.ifc_len / sizeof(list[0]); i++) {
		const struct sockaddr_in *a = (const struct sockaddr_in *)&list[i].ifr_addr;
		struct ip ip = ip_from_bytes(4, (const uint8_t *)&a->sin_addr);

		if (ip.n >> 24 == IN_LOOPBACKNET)
			continue;
		if (!ip_is_link_local(ip))
			podnet_ips_add(ret, ip);
		return;
	}
}

int podnet_node_ips(struct podnet *n, const struct podnet_view *v, struct podnet_ips *ret, struct err *e)
{
	int r;

	*ret = (struct podnet_ips){ 0 };
	add_sources(n, v, ret);
	r = add_own(n, v, ret, e);
	if (r == 0 && v->has4)
		add_default_source(n, ret);
	return r;
}

/* ---- where the pod is ---- */

static bool is_nic_ip(const struct podnet_ips *ips, struct ip ip)
{
	for (size_t i = 0; i < ips->n; i++)
		if (ip_equal(ips->v[i], ip))
			return true;
	return false;
}

static int forget_neighbours(struct podnet *n, const struct podnet_ips *ips, uint8_t ver, struct err *e)
{
	struct netlink_batch b = { 0 };
	struct rt_neighs l;
	int r = rt_neighs(&n->node.rt, ver, 0, &l, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (is_nic_ip(ips, l.v[i].ip))
			rt_neigh_del(&b, &l.v[i], "");
	free(l.v);
	r = netlink_send(&n->node.rt, &b, e);
	netlink_batch_clear(&b);
	return r;
}

int podnet_plan_neighbours(struct podnet *n, const struct podnet_view *v, const struct podnet_path *p,
			   const struct podnet_ips *node_ips, bool first, struct podnet_changes *l,
			   struct err *e)
{
	struct podnet_ips ips;
	int r = 0;

	podnet_view_ips(v, v->nic->index, 0, &ips);
	if (v->has4)
		r = forget_neighbours(n, &ips, 4, e);
	if (r == 0 && v->has6)
		r = forget_neighbours(n, &ips, 6, e);
	if (r < 0)
		return err_wrap(e, "stale neighbours");
	for (size_t i = 0; first && i < node_ips->n; i++)
		podnet_add_neighbour(l, PODNET_POD, p->pod_dev, node_ips->v[i], p->node_mac);
	for (size_t i = 0; i < ips.n; i++)
		podnet_add_neighbour(l, PODNET_NODE, p->node_dev, ips.v[i], p->pod_mac);
	return 0;
}

static int forget_routes(struct podnet *n, const struct podnet_ips *ips, uint8_t ver, uint32_t table,
			 struct err *e)
{
	struct netlink_batch b = { 0 };
	struct rt_routes l;
	int r = rt_routes(&n->node.rt, ver, table, &l, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++)
		if (l.v[i].dst.len == ip_bits(ver) && is_nic_ip(ips, l.v[i].dst.ip))
			rt_route_del(&b, &l.v[i], "");
	free(l.v);
	r = netlink_send(&n->node.rt, &b, e);
	netlink_batch_clear(&b);
	return r;
}

int podnet_plan_node_routes(struct podnet *n, const struct podnet_view *v, const struct podnet_path *p,
			    uint32_t table, struct podnet_changes *l, struct err *e)
{
	struct podnet_ips ips;
	int r = 0;

	podnet_view_ips(v, v->nic->index, 0, &ips);
	for (uint8_t ver = 4; r == 0 && ver <= 6; ver += 2)
		if (podnet_view_has(v, ver))
			r = forget_routes(n, &ips, ver, table, e);
	if (r < 0)
		return err_wrap(e, "stale routes");
	for (size_t i = 0; i < ips.n; i++)
		podnet_add_route(l, PODNET_NODE,
				 &(struct rt_route){ .dst = { ips.v[i], ip_bits(ips.v[i].ver) },
						     .table = table,
						     .scope = RT_SCOPE_LINK },
				 p->node_dev, false);
	/* The rule comes last: undo.c says why. */
	for (uint8_t ver = 4; table != RT_TABLE_MAIN && ver <= 6; ver += 2)
		if (podnet_view_has(v, ver))
			podnet_add_rule(
				l, PODNET_NODE,
				&(struct rt_rule){ .ver = ver, .table = table, .priority = RULE_PRIORITY });
	return 0;
}
