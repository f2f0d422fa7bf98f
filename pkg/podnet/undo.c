/* SPDX-License-Identifier: Apache-2.0 */
/* undo.c - takes a list of changes back, from its end */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/devs.h"
#include "podnet/marks.h"

struct job {
	struct podnet *n;
	struct devs devs;
	struct netlink_batch batch[2];
	int first; /* failure */
	struct err *e;
};

static void failed(struct job *j, int r, const struct err *e)
{
	if (r < 0 && j->first == 0) {
		j->first = r;
		*j->e = *e;
	}
}

static void flush(struct job *j)
{
	for (int w = 0; w < 2; w++) {
		struct err e;

		failed(j, netlink_send(&podnet_space(j->n, (enum podnet_where)w)->rt, &j->batch[w], &e), &e);
		netlink_batch_clear(&j->batch[w]);
	}
}

/* false: there is none any more, and nothing to take back. */
static bool dev(struct job *j, enum podnet_where w, const char *name, struct rt_link *ret)
{
	struct err e;
	int r = devs_get(&j->devs, w, name, ret, &e);

	if (r < 0 && r != -ENODEV)
		failed(j, r, &e);
	return r == 0;
}

/* The node's end goes by its alias: the name may be another container's by now. With it goes the pod's. */
static void undo_veth(struct job *j, const struct podnet_change *c)
{
	uint8_t mac[LINK_MAC_LEN];
	struct rt_link l;
	struct err e;

	flush(j);
	devs_forget(&j->devs);
	if (dev(j, PODNET_NODE, c->peer, &l) && strcmp(l.alias, c->value ? c->value : "") == 0)
		rt_link_del(&j->batch[PODNET_NODE], l.index, c->peer);
	else if (j->n->has_pod && dev(j, PODNET_POD, c->dev, &l) && podnet_mac_parse(c->mac, mac, &e) == 0 &&
		 memcmp(mac, l.mac, sizeof(mac)) == 0) /* killed before the alias was there */
		rt_link_del(&j->batch[PODNET_POD], l.index, c->dev);
	flush(j);
	devs_forget(&j->devs);
}

/* Puts back what there was before. The pod may have made that impossible since (a gateway needs an address
 * that it took off, say): that is its own affair, and no reason not to let it go. */
static void restore(struct job *j, enum podnet_where w, struct netlink_batch *b)
{
	struct err ignored;
	int r;

	flush(j);
	r = netlink_send(&podnet_space(j->n, w)->rt, b, &ignored);
	if (r == -ENOMEM)
		failed(j, r, &ignored);
	netlink_batch_clear(b);
}

static void undo_link(struct job *j, enum podnet_kind kind, enum podnet_where w,
		      const struct podnet_change *c)
{
	struct netlink_batch b = { 0 };
	uint8_t mac[LINK_MAC_LEN];
	struct rt_link l;
	struct err e;

	if (kind == PODNET_UP || !c->was || !dev(j, w, c->dev, &l))
		return;
	if (kind == PODNET_TXQLEN)
		rt_link_set_txqlen(&b, l.index, c->dev, (uint32_t)strtoul(c->was, NULL, 10));
	else if (podnet_mac_parse(c->was, mac, &e) == 0)
		rt_link_set_mac(&b, l.index, c->dev, mac);
	restore(j, w, &b);
}

static int undo_route(struct job *j, enum podnet_where w, const struct podnet_change *c, int oif,
		      struct err *e)
{
	struct netlink_batch b = { 0 };
	struct rt_route route;
	int r = podnet_change_route(c, &route, e);

	if (r < 0)
		return r;
	route.oif = oif;
	if (!c->gone) {
		rt_route_del(&j->batch[w], &route, c->dev);
		return 0;
	}
	rt_route_append(&b, &route, c->dev);
	restore(j, w, &b);
	return 0;
}

static int undo_on_dev(struct job *j, enum podnet_kind kind, enum podnet_where w,
		       const struct podnet_change *c, struct err *e)
{
	struct rt_neigh neigh;
	struct rt_addr addr;
	struct rt_link l;
	int r;

	if (!dev(j, w, c->dev, &l))
		return 0;
	if (kind == PODNET_ROUTE) {
		r = undo_route(j, w, c, l.index, e);
	} else if (kind == PODNET_NEIGHBOUR) {
		r = podnet_change_neighbour(c, &neigh, e);
		neigh.index = l.index;
		if (r == 0)
			rt_neigh_del(&j->batch[w], &neigh, c->dev);
	} else {
		r = podnet_change_address(c, &addr, e);
		addr.index = l.index;
		if (r == 0)
			rt_addr_del(&j->batch[w], &addr, c->dev);
	}
	return r;
}

static int table_in_use(struct job *j, const struct rt_rule *rule, struct err *e)
{
	struct rt_routes l;
	int r = rt_routes(&j->n->node.rt, rule->ver, rule->table, &l, e);

	if (r < 0)
		return r;
	free(l.v);
	return l.n > 0;
}

/* The node's rule is everybody's: it goes with the last route of its table. An ADD makes its route before the
 * rule, so one that comes between our look and our removal either is seen by the second look or makes the
 * rule after us. */
static int undo_node_rule(struct job *j, const struct rt_rule *rule, struct err *e)
{
	int r;

	flush(j);
	r = table_in_use(j, rule, e);
	if (r != 0)
		return r < 0 ? r : 0;
	rt_rule_del(&j->batch[PODNET_NODE], rule);
	flush(j);
	r = table_in_use(j, rule, e);
	if (r > 0)
		rt_rule_put(&j->batch[PODNET_NODE], rule);
	flush(j);
	return r < 0 ? r : 0;
}

static int undo_rule(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_rule rule;
	int r = podnet_change_rule(c, &rule, e);

	if (r < 0)
		return r;
	if (w == PODNET_NODE)
		return undo_node_rule(j, &rule, e);
	rt_rule_del(&j->batch[w], &rule);
	return 0;
}

static int undo_setting(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	int r;

	if (!c->was)
		return 0;
	flush(j);
	r = sysctl_set(podnet_space(j->n, w), c->path, c->was, e);
	return r == -ENOENT ? 0 : r; /* its interface is gone */
}

static void undo_one(struct job *j, const struct podnet_change *c)
{
	enum podnet_kind kind;
	enum podnet_where w;
	struct err e;
	int r = podnet_change_kind(c, &kind, &w, &e);

	if (r < 0) {
		failed(j, r, &e);
		return;
	}
	if (w == PODNET_POD && !j->n->has_pod && kind != PODNET_VETH)
		return; /* it went with its namespace */
	switch (kind) {
	case PODNET_VETH:
		undo_veth(j, c);
		break;
	case PODNET_UP:
	case PODNET_MAC:
	case PODNET_TXQLEN:
		undo_link(j, kind, w, c);
		break;
	case PODNET_ADDRESS:
	case PODNET_ROUTE:
	case PODNET_NEIGHBOUR:
		r = undo_on_dev(j, kind, w, c, &e);
		break;
	case PODNET_RULE:
		r = undo_rule(j, w, c, &e);
		break;
	case PODNET_SYSCTL:
		r = undo_setting(j, w, c, &e);
		break;
	case PODNET_MARKS:
		flush(j);
		r = podnet_marks_del(&j->n->pod.nf, c->value, &e);
		break;
	case PODNET_KINDS:
		break;
	}
	failed(j, r, &e);
}

/* Routes, neighbours and addresses of a link go with it. */
static bool goes_with_pair(const struct podnet_change *c, const struct podnet_change *v, size_t count)
{
	if (strcmp(c->kind, "route") != 0 && strcmp(c->kind, "neighbour") != 0 &&
	    strcmp(c->kind, "address") != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(v[i].kind, "veth") == 0 && c->dev && !c->gone)
			return strcmp(c->dev, strcmp(c->where, "pod") == 0 ? v[i].dev : v[i].peer) == 0;
	return false;
}

/* The pair itself. With its last address the kernel would take all routes by it, also those of other NICs. */
static bool is_of_pair(const struct podnet_change *c, const struct podnet_change *v, size_t count)
{
	return strcmp(c->kind, "veth") == 0 ||
	       (strcmp(c->kind, "address") == 0 && goes_with_pair(c, v, count));
}

static bool needed(const struct podnet_change *c, const struct podnet_records *keep)
{
	for (size_t i = 0; keep && i < keep->n; i++)
		for (size_t k = 0; k < keep->v[i].changes.n; k++)
			if (podnet_change_same(c, &keep->v[i].changes.v[k]))
				return true;
	return false;
}

/* Taken back last: whether it may go is read from the routes that are left. */
static bool is_node_rule(const struct podnet_change *c)
{
	enum podnet_kind kind;
	enum podnet_where w;
	struct err e;

	return podnet_change_kind(c, &kind, &w, &e) == 0 && kind == PODNET_RULE && w == PODNET_NODE;
}

int podnet_undo(struct podnet *n, const struct podnet_change *v, size_t count,
		const struct podnet_records *keep, bool keep_pair, struct err *e)
{
	struct job j = { .n = n, .devs.n = n, .e = e };

	for (size_t i = count; i-- > 0;)
		if (!is_node_rule(&v[i]) && !needed(&v[i], keep) &&
		    !(keep_pair ? is_of_pair(&v[i], v, count) : goes_with_pair(&v[i], v, count)))
			undo_one(&j, &v[i]);
	flush(&j);
	for (size_t i = count; i-- > 0;)
		if (is_node_rule(&v[i]))
			undo_one(&j, &v[i]);
	flush(&j);
	return j.first;
}
