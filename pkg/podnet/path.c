/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - the pair of interfaces between pod and node */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "podnet/podnet.h"

void podnet_veth_name(const char *container, char out[IFNAMSIZ])
{
	snprintf(out, IFNAMSIZ, "veth%.11s", container);
}

/* ---- an existing pair ---- */

/* An index alone may be that of some link of another namespace, and both may name each other by chance. */
static int find_peer(struct podnet *n, const struct rt_link *pod, struct rt_link *ret, struct err *e)
{
	int node, r = rt_netnsid(&n->pod.rt, n->node.netns, &node, e);

	if (r == 0)
		r = pod->link && node >= 0 && pod->link_netnsid == node
			    ? rt_link_by_index(&n->node.rt, pod->link, ret, e)
			    : -ENODEV;
	if (r < 0 && r != -ENODEV)
		return r;
	if (r == 0 && ret->link == pod->index)
		return 0;
	return err_set(
		e, ENODEV,
		"pod: interface %s%s%s has no other end on the node; want a veth pair (or alike) there",
		pod->name, pod->kind[0] ? " of kind " : "", pod->kind);
}

int podnet_path_find(struct podnet *n, const struct podnet_view *v, const char *dev, struct podnet_path *ret,
		     struct err *e)
{
	const struct rt_link *pod = podnet_view_link(v, dev);
	struct rt_link node, bridge;
	int r;

	if (!pod)
		return err_set(e, ENODEV, "pod: interface %s does not exist", dev);
	r = find_peer(n, pod, &node, e);
	if (r < 0)
		return r;
	if (node.master && rt_link_by_index(&n->node.rt, node.master, &bridge, e) == 0 &&
	    strcmp(bridge.kind, "bridge") == 0)
		node = bridge;
	*ret = (struct podnet_path){ 0 };
	memcpy(ret->pod_dev, pod->name, IFNAMSIZ);
	memcpy(ret->node_dev, node.name, IFNAMSIZ);
	memcpy(ret->pod_mac, pod->mac, LINK_MAC_LEN);
	memcpy(ret->node_mac, node.mac, LINK_MAC_LEN);
	return 0;
}

/* ---- a new pair ---- */

/* Given at creation, so that udev leaves them alone. */
static int random_mac(uint8_t mac[LINK_MAC_LEN], struct err *e)
{
	if (getrandom(mac, LINK_MAC_LEN, 0) != LINK_MAC_LEN)
		return err_sys(e, errno, "random MAC address");
	mac[0] = (uint8_t)((mac[0] | 0x02) & 0xfe);
	return 0;
}

int podnet_path_clean(struct podnet *n, const char *alias, uint32_t keep_mtu, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	struct rt_link pod, node;
	struct err ignored;
	int r = rt_link_by_name(&n->pod.rt, PODNET_VETH_NAME, &pod, e);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (find_peer(n, &pod, &node, &ignored) < 0 || (node.alias[0] && strcmp(node.alias, alias) != 0))
		return 0; /* somebody else's; making ours will say that the name is taken */
	if (node.alias[0] && pod.mtu == keep_mtu && node.mtu == keep_mtu)
		return 0;
	rt_link_del(&b, pod.index, PODNET_VETH_NAME);
	return netlink_send(&n->pod.rt, &b, e);
}

/* A name that is taken is another container's whose ID begins alike: two that begin alike in 11 places are
 * made by chance or on purpose, so the other name depends on all of the ID. */
static int choose_name(struct podnet *n, const char *container, char out[IFNAMSIZ], struct err *e)
{
	struct rt_link l;
	int r;

	podnet_veth_name(container, out);
	r = rt_link_by_name(&n->node.rt, out, &l, e);
	if (r == 0) {
		snprintf(out, IFNAMSIZ, "veth%011" PRIx64, XXH3_64bits(container, strlen(container)) >> 20);
		r = rt_link_by_name(&n->node.rt, out, &l, e);
	}
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	return err_set(
		e, EEXIST,
		"node: interface %s exists already and is not ours; look at it with \"ip -d link show %s\" and remove "
		"it if nobody needs it",
		out, out);
}

/* The pair of an earlier ADD: other NICs of the pod have routes by it. */
static int former_pair(struct podnet *n, const struct podnet_view *v, const char *container,
		       struct podnet_path *ret, struct err *e)
{
	const struct rt_link *pod = podnet_view_link(v, PODNET_VETH_NAME);
	struct rt_link node;

	if (!pod || find_peer(n, pod, &node, e) < 0 || strcmp(node.alias, container) != 0)
		return -ENODEV;
	memcpy(ret->node_dev, node.name, IFNAMSIZ);
	memcpy(ret->pod_mac, pod->mac, LINK_MAC_LEN);
	memcpy(ret->node_mac, node.mac, LINK_MAC_LEN);
	return 0;
}

static int new_pair(struct podnet *n, const char *container, struct podnet_path *ret, struct err *e)
{
	int r = choose_name(n, container, ret->node_dev, e);

	if (r == 0)
		r = random_mac(ret->pod_mac, e);
	return r < 0 ? r : random_mac(ret->node_mac, e);
}

int podnet_path_plan(struct podnet *n, const struct podnet_view *v, const char *container, uint32_t mtu,
		     struct podnet_path *ret, struct podnet_changes *l, struct err *e)
{
	struct podnet_pair pair = {
		.dev = PODNET_VETH_NAME, .peer = ret->node_dev, .alias = container, .mtu = mtu
	};
	char setting[SYSCTL_TEXT_MAX];

	*ret = (struct podnet_path){ .pod_dev = PODNET_VETH_NAME };
	if (former_pair(n, v, container, ret, e) < 0 && new_pair(n, container, ret, e) < 0)
		return -e->sys;
	memcpy(pair.mac, ret->pod_mac, LINK_MAC_LEN);
	memcpy(pair.peer_mac, ret->node_mac, LINK_MAC_LEN);
	podnet_add_veth(l, &pair);
	podnet_add_up(l, PODNET_NODE, ret->node_dev);
	podnet_add_up(l, PODNET_POD, ret->pod_dev);
	if (n->node.has_ipv6) {
		snprintf(setting, sizeof(setting), "ipv6/conf/%s/accept_ra", ret->node_dev);
		podnet_add_sysctl(l, PODNET_NODE, setting, "0", NULL);
	}
	return 0;
}
