/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - pieces of a plan on the pod's side */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/podnet.h"

#define RP_FILTER_LOOSE 2

/* ---- MAC ---- */

int podnet_plan_mac(const struct podnet_view *v, const uint8_t prefix[2], struct podnet_changes *l,
		    uint8_t mac[LINK_MAC_LEN], struct err *e)
{
	struct podnet_ips ips;
	uint8_t bytes[16];
	struct ip ip;

	if (strcmp(v->nic->kind, "ipvlan") == 0)
		return err_code(
			e, ERR_CONFIG, EOPNOTSUPP,
			"%s is an ipvlan interface, which has its master's MAC address: leave this key away for this "
			"network",
			v->nic->name);
	podnet_view_ips(v, v->nic->index, 0, &ips);
	ip = podnet_ips_first(&ips, v->has4 ? 4 : 6);
	ip_to_bytes(ip, bytes);
	memcpy(mac, prefix, 2);
	memcpy(mac + 2, ip.ver == 4 ? bytes : bytes + 12, 4);
	if (memcmp(mac, v->nic->mac, LINK_MAC_LEN) != 0)
		podnet_add_mac(l, v->nic->name, mac, v->nic->mac);
	return 0;
}

/* ---- routes ---- */

static bool has_change(const struct podnet_changes *l, const struct rt_route *r)
{
	char dst[IP_TEXT_MAX];

	ip_prefix_format(r->dst, dst);
	for (size_t i = 0; i < l->n; i++) {
		const struct podnet_change *c = &l->v[i];

		if (c->dst && strcmp(c->kind, "route") == 0 && strcmp(c->where, "pod") == 0 && !c->gone &&
		    c->table == r->table && strcmp(c->dst, dst) == 0)
			return true;
	}
	return false;
}

bool podnet_plan_pod_route(const struct podnet_view *v, const struct rt_route *r, const char *dev,
			   struct podnet_changes *l)
{
	if (has_change(l, r))
		return true;
	for (size_t i = 0; r->table == RT_TABLE_MAIN && i < v->routes.n; i++)
		if (ip_prefix_equal(v->routes.v[i].dst, r->dst))
			return false;
	podnet_add_route(l, PODNET_POD, r, dev, false);
	return true;
}

static bool is_kernels_own(const struct rt_route *r)
{
	return r->dst.ip.ver == 6 && (ip_is_link_local(r->dst.ip) || ip_is_multicast(r->dst.ip));
}

/* What a next hop keeps when it changes tables. */
static struct rt_route moved(const struct rt_route *r, uint32_t table)
{
	struct rt_route to = { .dst = r->dst,
			       .via = r->via,
			       .src = r->dst.len ? r->src : (struct ip){ 0 },
			       .table = table,
			       .scope = r->scope,
			       .mtu = r->mtu };

	return to;
}

int podnet_plan_move(const struct podnet_view *v, const struct rt_link *nic, uint8_t ver, uint32_t table,
		     bool keep_default, struct podnet_changes *l, struct err *e)
{
	/* Routes that others are reached by come before those: on-link first. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < v->routes.n; i++) {
			const struct rt_route *r = &v->routes.v[i];
			struct rt_route to = moved(r, table);

			if (r->dst.ip.ver != ver || r->oif != nic->index || r->type != RTN_UNICAST ||
			    is_kernels_own(r) || (pass == 0) != (r->via.ver == 0))
				continue;
			if (r->dst.len == 0 && r->hops > 1 && ver == 4)
				return err_set(
					e, EOPNOTSUPP,
					"pod: the default route of %s is one route over several interfaces, which cannot be taken "
					"apart; want one default route an interface",
					nic->name);
			podnet_add_route(l, PODNET_POD, &to, nic->name, false);
		}
	for (size_t i = 0; !keep_default && i < v->routes.n; i++)
		if (v->routes.v[i].dst.ip.ver == ver && v->routes.v[i].oif == nic->index &&
		    v->routes.v[i].dst.len == 0 && v->routes.v[i].type == RTN_UNICAST)
			podnet_add_route(l, PODNET_POD, &v->routes.v[i], nic->name, true);
	return 0;
}

/* ---- rules ---- */

static bool priority_taken(const struct podnet_view *v, const struct podnet_changes *l, uint8_t ver,
			   uint32_t priority)
{
	for (size_t i = 0; i < v->rules.n; i++)
		if (v->rules.v[i].ver == ver && v->rules.v[i].priority == priority)
			return true;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].kind, "rule") == 0 && strcmp(l->v[i].where, "pod") == 0 &&
		    l->v[i].priority == priority && l->v[i].value &&
		    l->v[i].value[0] == (ver == 6 ? '6' : '4'))
			return true;
	return false;
}

static int plan_from(const struct podnet_view *v, struct ip from, uint32_t table, uint32_t below,
		     struct podnet_changes *l, struct err *e)
{
	uint32_t priority = below - 1;

	while (priority > 0 && priority_taken(v, l, from.ver, priority))
		priority--;
	if (!priority)
		return err_set(e, ENOSPC, "pod: no rule priority below %u is free", below);
	podnet_add_rule(l, PODNET_POD,
			&(struct rt_rule){ .ver = from.ver,
					   .src = { from, ip_bits(from.ver) },
					   .table = table,
					   .priority = priority });
	return 0;
}

int podnet_plan_from(const struct podnet_view *v, const struct rt_link *nic, uint8_t ver, uint32_t table,
		     uint32_t below, struct podnet_changes *l, struct err *e)
{
	struct podnet_ips ips;
	int r = 0;

	podnet_view_ips(v, nic->index, ver, &ips);
	for (size_t i = 0; r == 0 && i < ips.n; i++)
		r = plan_from(v, ips.v[i], table, below, l, e);
	return r;
}

static bool table_taken(const struct podnet_view *v, const struct podnet_records *others,
			const struct podnet_changes *l, const char *sharing, uint32_t table)
{
	for (size_t i = 0; i < others->n; i++)
		if (others->v[i].table == table && (!sharing || strcmp(others->v[i].ifname, sharing) != 0))
			return true;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].table == table && strcmp(l->v[i].where, "pod") == 0)
			return true;
	for (size_t i = 0; i < v->rules.n; i++)
		if (v->rules.v[i].table == table)
			return true;
	return false;
}

uint32_t podnet_free_table(const struct podnet_view *v, const struct podnet_records *others,
			   const struct podnet_changes *l, const char *sharing, uint32_t from)
{
	while (table_taken(v, others, l, sharing, from) ||
	       (from >= RT_TABLE_DEFAULT && from <= RT_TABLE_LOCAL))
		from++;
	return from;
}

/* ---- settings ---- */

int podnet_plan_sysctl(struct podnet *n, enum podnet_where w, const char *path, const char *value, bool keep,
		       struct podnet_changes *l, struct err *e)
{
	char was[SYSCTL_TEXT_MAX];
	int r = sysctl_get(w == PODNET_POD ? &n->pod : &n->node, path, was, e);

	if (r == 0)
		podnet_add_sysctl(l, w, path, value, keep ? NULL : was);
	return r;
}

/* One setting of all, default and each interface. */
struct each {
	struct podnet *n;
	enum podnet_where w;
	struct podnet_changes *l;
	const char *dir, *setting, *value;
	bool keep; /* stays when the rest is undone */
};

/* The node's interfaces come and go with other pods: of them only what differs is ours, and nobody puts it
 * back. */
static int plan_node_setting(struct each *f, const char *name, const char *path, struct err *e)
{
	char is[SYSCTL_TEXT_MAX];
	int r = sysctl_get(&f->n->node, path, is, e);

	if (r == 0 && (strcmp(is, f->value) != 0 || strcmp(name, "all") == 0))
		podnet_add_sysctl(f->l, PODNET_NODE, path, f->value, NULL);
	return r;
}

static int plan_one_of_each(const char *name, void *arg, struct err *e)
{
	struct each *f = arg;
	char path[SYSCTL_TEXT_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%.16s/%s", f->dir, name, f->setting);
	if (f->w == PODNET_NODE)
		r = plan_node_setting(f, name, path, e);
	else
		r = podnet_plan_sysctl(f->n, f->w, path, f->value, f->keep, f->l, e);
	return r == -ENOENT ? 0 : r; /* an interface that went away meanwhile */
}

int podnet_plan_rp_filter(struct podnet *n, enum podnet_where w, int value, struct podnet_changes *l,
			  struct err *e)
{
	char text[16], all[SYSCTL_TEXT_MAX];
	struct each f = { n, w, l, "ipv4/conf", "rp_filter", text, false };

	snprintf(text, sizeof(text), "%d", value);
	/* The kernel takes the larger one of "all" and the interface's own: with the largest there is, none
	 * of the hundreds that a node may have need be looked at. */
	if (w == PODNET_NODE && value == RP_FILTER_LOOSE &&
	    sysctl_get(&n->node, "ipv4/conf/all/rp_filter", all, e) == 0 && strcmp(all, text) == 0)
		return plan_one_of_each("all", &f, e);
	return sysctl_each(w == PODNET_POD ? &n->pod : &n->node, f.dir, plan_one_of_each, &f, e);
}

int podnet_plan_ipv6(struct podnet *n, struct podnet_changes *l, struct err *e)
{
	struct each f = { n, PODNET_POD, l, "ipv6/conf", "disable_ipv6", "0", true };

	return sysctl_each(&n->pod, f.dir, plan_one_of_each, &f, e);
}
