/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - carries a list of changes out */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/devs.h"
#include "podnet/marks.h"

/* Requests gather per side and go out together; what is not a request (a setting, nf_tables) or makes a link
 * waits for them. */
struct job {
	struct podnet *n;
	struct devs devs;
	struct netlink_batch batch[2];
};

static int flush(struct job *j, struct err *e)
{
	int r = netlink_send(&j->n->pod.rt, &j->batch[PODNET_POD], e);

	return r < 0 ? r : netlink_send(&j->n->node.rt, &j->batch[PODNET_NODE], e);
}

/* It is the pair of an earlier ADD. */
static bool is_there(struct job *j, const struct podnet_change *c, const struct rt_veth *v)
{
	struct rt_link pod, node;
	struct err e;

	return devs_get(&j->devs, PODNET_POD, c->dev, &pod, &e) == 0 &&
	       devs_get(&j->devs, PODNET_NODE, c->peer, &node, &e) == 0 &&
	       memcmp(pod.mac, v->mac, LINK_MAC_LEN) == 0 && memcmp(node.mac, v->peer_mac, LINK_MAC_LEN) == 0;
}

static int apply_veth(struct job *j, const struct podnet_change *c, struct err *e)
{
	struct rt_veth v = {
		.name = c->dev, .peer_name = c->peer, .mtu = c->mtu, .peer_netns = j->n->node.netns
	};
	struct rt_link peer;
	int r = podnet_mac_parse(c->mac, v.mac, e);

	if (r == 0)
		r = podnet_mac_parse(c->peer_mac, v.peer_mac, e);
	if (r == 0)
		r = flush(j, e);
	if (r < 0)
		return r;
	if (!is_there(j, c, &v))
		rt_veth_add(&j->batch[PODNET_POD], &v);
	r = flush(j, e);
	devs_forget(&j->devs);
	if (r == 0)
		r = devs_get(&j->devs, PODNET_NODE, c->peer, &peer, e);
	if (r == 0 && c->value)
		rt_link_set_alias(&j->batch[PODNET_NODE], peer.index, c->peer, c->value);
	return r;
}

static int apply_link(struct job *j, enum podnet_kind kind, enum podnet_where w,
		      const struct podnet_change *c, struct err *e)
{
	uint8_t mac[LINK_MAC_LEN];
	struct rt_link l;
	int r = devs_get(&j->devs, w, c->dev, &l, e);

	if (r == 0 && kind == PODNET_MAC)
		r = podnet_mac_parse(c->mac, mac, e);
	if (r < 0)
		return r;
	if (kind == PODNET_UP)
		rt_link_set_up(&j->batch[w], l.index, c->dev, true);
	else if (kind == PODNET_MAC)
		rt_link_set_mac(&j->batch[w], l.index, c->dev, mac);
	else
		rt_link_set_txqlen(&j->batch[w], l.index, c->dev, (uint32_t)strtoul(c->value, NULL, 10));
	return 0;
}

static int apply_route(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_route route;
	struct rt_link l;
	int r = podnet_change_route(c, &route, e);

	if (r == 0)
		r = devs_get(&j->devs, w, c->dev, &l, e);
	if (r < 0)
		return r;
	route.oif = l.index;
	if (c->gone)
		rt_route_del(&j->batch[w], &route, c->dev);
	else
		rt_route_append(&j->batch[w], &route, c->dev);
	return 0;
}

static int apply_rule(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_rule rule;
	int r = podnet_change_rule(c, &rule, e);

	if (r == 0)
		rt_rule_put(&j->batch[w], &rule);
	return r;
}

static int apply_neighbour(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_neigh neigh;
	struct rt_link l;
	int r = podnet_change_neighbour(c, &neigh, e);

	if (r == 0)
		r = devs_get(&j->devs, w, c->dev, &l, e);
	if (r < 0)
		return r;
	neigh.index = l.index;
	rt_neigh_put(&j->batch[w], &neigh, c->dev);
	return 0;
}

static int apply_address(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_addr addr;
	struct rt_link l;
	int r = podnet_change_address(c, &addr, e);

	if (r == 0)
		r = devs_get(&j->devs, w, c->dev, &l, e);
	if (r < 0)
		return r;
	addr.index = l.index;
	rt_addr_put(&j->batch[w], &addr, c->dev);
	return 0;
}

static int apply_at_once(struct job *j, enum podnet_kind kind, enum podnet_where w,
			 const struct podnet_change *c, struct err *e)
{
	int r = flush(j, e);

	if (r < 0)
		return r;
	if (kind == PODNET_SYSCTL) {
		r = sysctl_set(podnet_space(j->n, w), c->path, c->value, e);
		/* The node's interfaces come and go with other pods. */
		return r == -ENOENT && w == PODNET_NODE ? 0 : r;
	}
	return podnet_marks_put(&j->n->pod.nf, c->value, c->dev, e);
}

static int apply_one(struct job *j, const struct podnet_change *c, struct err *e)
{
	enum podnet_kind kind;
	enum podnet_where w;
	int r = podnet_change_kind(c, &kind, &w, e);

	if (r < 0)
		return r;
	switch (kind) {
	case PODNET_VETH:
		return apply_veth(j, c, e);
	case PODNET_UP:
	case PODNET_MAC:
	case PODNET_TXQLEN:
		return apply_link(j, kind, w, c, e);
	case PODNET_ADDRESS:
		return apply_address(j, w, c, e);
	case PODNET_ROUTE:
		return apply_route(j, w, c, e);
	case PODNET_RULE:
		return apply_rule(j, w, c, e);
	case PODNET_NEIGHBOUR:
		return apply_neighbour(j, w, c, e);
	case PODNET_SYSCTL:
	case PODNET_MARKS:
		return apply_at_once(j, kind, w, c, e);
	case PODNET_KINDS:
		break;
	}
	return 0;
}

int podnet_apply(struct podnet *n, const struct podnet_change *v, size_t count, struct err *e)
{
	struct job j = { .n = n, .devs.n = n };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = apply_one(&j, &v[i], e);
	if (r == 0)
		r = flush(&j, e);
	netlink_batch_clear(&j.batch[0]);
	netlink_batch_clear(&j.batch[1]);
	return r;
}
