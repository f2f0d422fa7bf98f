/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - what the kernel has of a plan, and where it differs */
#include "look.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* ---- looking ---- */

static int get(struct netlink *nl, const char *name, struct rt_link *ret, struct err *e)
{
	struct err absent;
	int r = rt_link_by_name(nl, name, ret, &absent);

	if (r == -ENODEV) {
		*ret = (struct rt_link){ .index = 0 };
		return 0;
	}
	if (r < 0)
		*e = absent;
	return r;
}

static const struct rt_link *find(const struct rt_links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

/* The kernel tells slaves by index. */
static void name_links(struct bond_options *o, const struct rt_links *slaves)
{
	struct bond_value *v;

	for (size_t i = 0; (v = bond_options_link(o, i, NULL)); i++)
		for (size_t k = 0; k < slaves->n; k++)
			if (slaves->v[k].index == (int)v->n)
				snprintf(v->link, sizeof(v->link), "%s", slaves->v[k].name);
}

static int look_at_bond(struct netlink *nl, const char *name, struct ifacer_view *v, struct err *e)
{
	struct err absent;
	int r = bond_get(nl, name, &v->bond, &v->state, &absent);

	if (r == -ENODEV) {
		v->bond = (struct rt_link){ .index = 0 };
		return 0;
	}
	if (r < 0) {
		*e = absent;
		return r;
	}
	r = bond_slaves(nl, v->bond.index, name, &v->slaves, e);
	if (r == 0)
		name_links(&v->state.have, &v->slaves);
	return r;
}

int ifacer_look(struct netlink *nl, const struct ifacer_plan *p, struct ifacer_view *ret, struct err *e)
{
	int r = 0;

	*ret = (struct ifacer_view){ .slaves.n = 0 };
	if (p->bond[0])
		r = look_at_bond(nl, p->bond, ret, e);
	for (size_t i = 0; r == 0 && i < p->ports; i++) {
		const struct rt_link *slave = find(&ret->slaves, p->port[i]);

		if (slave)
			ret->port[i] = *slave;
		else
			r = get(nl, p->port[i], &ret->port[i], e);
	}
	if (r == 0 && p->vlan[0])
		r = get(nl, p->vlan, &ret->vlan, e);
	if (r < 0)
		ifacer_view_clear(ret);
	return r;
}

void ifacer_view_clear(struct ifacer_view *v)
{
	free(v->slaves.v);
	v->slaves = (struct rt_links){ 0 };
}

bool ifacer_is_marked(const struct rt_link *l)
{
	return strncmp(l->alias, IFACER_MARK, strlen(IFACER_MARK)) == 0;
}

static bool is_slave(const struct ifacer_view *v, const struct rt_link *port)
{
	return v->bond.index && port->master == v->bond.index;
}

size_t ifacer_missing_ports(const struct ifacer_plan *p, const struct ifacer_view *v)
{
	size_t n = 0;

	for (size_t i = 0; p->bond[0] && i < p->ports; i++)
		n += !is_slave(v, &v->port[i]);
	return n;
}

void ifacer_resolve_options(const struct ifacer_plan *p, const struct ifacer_view *v, bool slaves_only,
			    struct bond_options *ret)
{
	struct bond_value *link;

	*ret = p->options;
	for (size_t i = 0; (link = bond_options_link(ret, i, NULL)); i++)
		for (size_t k = 0; k < p->ports; k++)
			if (strcmp(link->link, p->port[k]) == 0 && (!slaves_only || is_slave(v, &v->port[k])))
				link->n = (uint32_t)v->port[k].index;
}

/* ---- comparing ---- */

struct comparison {
	struct netlink *nl;
	const struct ifacer_plan *p;
	const struct ifacer_view *v;
	bool whole;
	struct buf *out;
};

static void differs(struct comparison *c, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void differs(struct comparison *c, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_fmt(c->out, "%sinterface %s %s", c->out->len ? "; " : "", name, text);
}

static const char *name_of(struct comparison *c, int index, struct rt_link *l)
{
	struct err e;

	return rt_link_by_index(c->nl, index, l, &e) == 0 ? l->name : "an interface that is gone";
}

static const char *kind_of(const struct rt_link *l)
{
	return l->kind[0] ? l->kind : "a device";
}

static void compare_up(struct comparison *c, const struct rt_link *l)
{
	if (c->whole && !(l->flags & IFF_UP))
		differs(c, l->name, "is down, want up");
}

static bool is_bond(const struct rt_link *l)
{
	return l->index && strcmp(l->kind, "bond") == 0;
}

static void compare_port(struct comparison *c, const char *name, const struct rt_link *port)
{
	struct rt_link master;

	if (!port->index) {
		differs(c, name, "does not exist");
		return;
	}
	if (c->p->bond[0] && port->master && !is_slave(c->v, port))
		differs(c, name, "belongs to %s, want to %s", name_of(c, port->master, &master), c->p->bond);
	else if (c->p->bond[0] && is_bond(&c->v->bond) && !is_slave(c->v, port) &&
		 (c->whole || !ifacer_is_marked(&c->v->bond)))
		differs(c, name, "is no slave of %s", c->p->bond);
	compare_up(c, port);
}

static void compare_slaves(struct comparison *c)
{
	for (size_t i = 0; i < c->v->slaves.n; i++) {
		const char *name = c->v->slaves.v[i].name;
		bool wanted = false;

		for (size_t k = 0; k < c->p->ports; k++)
			wanted |= strcmp(name, c->p->port[k]) == 0;
		if (!wanted)
			differs(c, c->p->bond, "has the slave %s, which is not wanted", name);
	}
}

static void compare_bond(struct comparison *c)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);
	const struct rt_link *l = &c->v->bond;
	struct bond_options want;

	if (!l->index) {
		if (c->whole)
			differs(c, c->p->bond, "does not exist");
		return;
	}
	if (!is_bond(l)) {
		buf_fmt(c->out, "%sa non-bond type interface named %s already exists: it is %s, want a bond",
			c->out->len ? "; " : "", l->name, kind_of(l));
		return;
	}
	/* The kernel tells a primary only as long as it is a slave. */
	ifacer_resolve_options(c->p, c->v, !c->whole && ifacer_is_marked(l), &want);
	bond_compare(&c->v->state, c->p->mode, &want, &text);
	if (text.len)
		differs(c, l->name, "(bond): %s", buf_cstr(&text));
	compare_slaves(c);
	compare_up(c, l);
}

static void compare_vlan(struct comparison *c)
{
	const struct rt_link *l = &c->v->vlan;
	const struct rt_link *parent = c->p->bond[0] ? &c->v->bond : &c->v->port[0];
	struct rt_link other;

	if (!l->index) {
		if (c->whole)
			differs(c, c->p->vlan, "does not exist");
		return;
	}
	if (strcmp(l->kind, "vlan") != 0) {
		differs(c, l->name, "is %s, want a vlan", kind_of(l));
		return;
	}
	if (l->vlan_id != c->p->vlan_id)
		differs(c, l->name, "has the vlan id %u, want %u", l->vlan_id, c->p->vlan_id);
	if (l->vlan_protocol != ETH_P_8021Q)
		differs(c, l->name, "has the protocol 0x%04x, want 802.1Q (0x%04x)", l->vlan_protocol,
			ETH_P_8021Q);
	if (l->link_netnsid != -1)
		differs(c, l->name, "has its parent in another network namespace, want %s",
			c->p->bond[0] ? c->p->bond : c->p->port[0]);
	else if (l->link != parent->index)
		differs(c, l->name, "has the parent %s, want %s", name_of(c, l->link, &other),
			c->p->bond[0] ? c->p->bond : c->p->port[0]);
	compare_up(c, l);
}

void ifacer_compare(struct netlink *nl, const struct ifacer_plan *p, const struct ifacer_view *v, bool whole,
		    struct buf *out)
{
	struct comparison c = { nl, p, v, whole, out };

	for (size_t i = 0; i < p->ports; i++)
		compare_port(&c, p->port[i], &v->port[i]);
	if (p->bond[0])
		compare_bond(&c);
	if (p->vlan[0])
		compare_vlan(&c);
}
