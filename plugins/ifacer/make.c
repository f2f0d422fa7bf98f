/* SPDX-License-Identifier: Apache-2.0 */
/* make.c - a plan carried out
 *
 * An interface is made, marked as ours and given its options by requests that the kernel gets in one system
 * call: a process that is killed has made it with its mark or not at all. They name it by an index that is
 * chosen here, because a name could meanwhile be that of an interface which somebody else has made. A bond
 * gets its slaves in a second call, when it is there.
 */
#include "make.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/random.h>

#include "base/own.h"
#include "nl/rt_impl.h"

#define INDEX_FIRST 10000
#define INDEXES     20000
#define INDEX_TRIES 64

struct making {
	struct netlink *nl;
	const struct ifacer_plan *p;
	const struct ifacer_view *v;
	const char *mark;
	int bond, vlan; /* indexes */
	bool made_bond, made_vlan, raised_parent;
	bool lowered[IFACER_INTERFACES_MAX], joined[IFACER_INTERFACES_MAX];
};

static bool done(const struct netlink_batch *b, size_t i)
{
	return i < b->n && b->v[i].result == 0;
}

/* The kernel counts from 1; indexes that fit in 16 bits are good for whoever keeps them in such. */
static int free_index(struct netlink *nl, int *ret, struct err *e)
{
	struct rt_link l;
	struct err absent;

	for (int i = 0; i < INDEX_TRIES; i++) {
		uint32_t random;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return err_sys(e, errno, "get a random number");
		*ret = INDEX_FIRST + (int)(random % INDEXES);
		if (rt_link_by_index(nl, *ret, &l, &absent) == -ENODEV)
			return 0;
	}
	return err_set(e, EBUSY, "no free interface index found in %d tries", INDEX_TRIES);
}

/* The interface that the last request makes shall have this index. */
static void give_index(struct netlink_batch *b, int index)
{
	struct nl_msg *m = b->n ? b->v[b->n - 1].msg : NULL;

	if (m)
		((struct ifinfomsg *)nlmsg_data(nlmsg_hdr(m)))->ifi_index = index;
}

/* ---- the way back ---- */

/* What an earlier call did stays. */
static void undo(struct making *m)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	struct err ignored;

	if (m->made_vlan)
		rt_link_del(&b, m->vlan, m->p->vlan);
	if (m->made_bond)
		rt_link_del(&b, m->bond, m->p->bond);
	for (size_t i = 0; m->p->bond[0] && i < m->p->ports; i++) {
		const struct rt_link *port = &m->v->port[i];

		if (m->joined[i] && !m->made_bond)
			rt_link_set_master(&b, port->index, port->name, port->master);
		if (m->lowered[i] && (port->flags & IFF_UP))
			rt_link_set_up(&b, port->index, port->name, true);
	}
	if (m->raised_parent)
		rt_link_set_up(&b, m->v->port[0].index, m->p->port[0], false);
	/* The reason of the failure is what the user needs; what stays is marked and found by the next ADD.
	 */
	(void)netlink_send(m->nl, &b, &ignored);
}

/* ---- bond ---- */

static int bond_failed(const struct making *m, int r, struct err *e)
{
	char mode[48];

	if (r == -EACCES || r == -EPERM)
		return err_wrap(e, "bond %s of mode %s cannot be had that way", m->p->bond,
				bond_mode_text(m->p->mode, mode));
	return r;
}

static int make_bond(struct making *m, const struct bond_options *o, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	int r = free_index(m->nl, &m->bond, e);

	if (r < 0)
		return r;
	bond_add(&b, m->bond, m->p->bond, m->p->mode);
	rt_link_set_alias(&b, m->bond, m->p->bond, m->mark);
	bond_options_put(&b, m->bond, m->p->bond, o, false);
	r = netlink_send(m->nl, &b, e);
	m->made_bond = r == 0 || done(&b, 0);
	if (r == -EEXIST && !m->made_bond)
		return -EAGAIN;
	return bond_failed(m, r, e);
}

static void add_port(struct making *m, struct netlink_batch *b, size_t i, size_t *master_at)
{
	const struct rt_link *port = &m->v->port[i];

	if (port->flags & IFF_UP) /* the kernel enslaves only what is down */
		rt_link_set_up(b, port->index, port->name, false);
	m->lowered[i] = true;
	*master_at = b->n;
	rt_link_set_master(b, port->index, port->name, m->bond);
	rt_link_set_up(b, port->index, port->name, true);
}

static int add_ports(struct making *m, const struct bond_options *o, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	size_t master_at[IFACER_INTERFACES_MAX];
	int r;

	for (size_t i = 0; i < m->p->ports; i++)
		if (m->v->port[i].master != m->bond)
			add_port(m, &b, i, &master_at[i]);
	if (m->made_bond || !(m->v->bond.flags & IFF_UP))
		rt_link_set_up(&b, m->bond, m->p->bond, true);
	if (m->made_bond)
		bond_options_put(&b, m->bond, m->p->bond, o, true);
	r = netlink_send(m->nl, &b, e);
	for (size_t i = 0; i < m->p->ports; i++)
		m->joined[i] = m->lowered[i] && (r == 0 || done(&b, master_at[i]));
	return bond_failed(m, r, e);
}

static int ensure_bond(struct making *m, struct err *e)
{
	struct bond_options o;
	int r = 0;

	ifacer_resolve_options(m->p, m->v, false, &o);
	m->bond = m->v->bond.index;
	if (!m->bond)
		r = make_bond(m, &o, e);
	return r < 0 ? r : add_ports(m, &o, e);
}

/* ---- vlan ---- */

/* The kernel has only one VLAN of an ID on an interface, in whatever namespace and of whatever name. */
static int vlan_exists(struct making *m, int parent, struct err *e)
{
	const char *parent_name = m->p->bond[0] ? m->p->bond : m->p->port[0];
	char where[96] = "in another network namespace, as those of pods with the plugin vlan are";
	struct rt_links all = { 0 };
	struct err ignored;
	bool again = rt_links(m->nl, &all, &ignored) < 0;

	for (size_t i = 0; i < all.n; i++) {
		const struct rt_link *l = &all.v[i];

		again |= strcmp(l->name, m->p->vlan) == 0;
		if (strcmp(l->kind, "vlan") == 0 && l->link == parent && l->link_netnsid == -1 &&
		    l->vlan_id == m->p->vlan_id)
			snprintf(where, sizeof(where), "named %s", l->name);
	}
	free(all.v);
	if (again)
		return -EAGAIN;
	return err_set(
		e, EEXIST,
		"cannot have multiple different vlan interfaces with the same vlanId %u on node at the "
		"same time: that of %s is %s already, want %s; use that one or remove it",
		m->p->vlan_id, parent_name, where, m->p->vlan);
}

static int ensure_vlan(struct making *m, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	const bool on_bond = m->p->bond[0];
	const struct rt_link *have = &m->v->vlan;
	const int parent = on_bond ? m->bond : m->v->port[0].index;
	size_t made_at = SIZE_MAX;
	int r = 0;

	m->vlan = have->index;
	if (!m->vlan)
		r = free_index(m->nl, &m->vlan, e);
	if (r < 0)
		return r;
	m->raised_parent = !on_bond && !(m->v->port[0].flags & IFF_UP);
	if (m->raised_parent)
		rt_link_set_up(&b, parent, m->p->port[0], true);
	if (!have->index) {
		made_at = b.n;
		rt_vlan_add(&b, m->p->vlan, parent, m->p->vlan_id);
		give_index(&b, m->vlan);
		rt_link_set_alias(&b, m->vlan, m->p->vlan, m->mark);
	}
	if (!(have->flags & IFF_UP))
		rt_link_set_up(&b, m->vlan, m->p->vlan, true);
	r = netlink_send(m->nl, &b, e);
	m->made_vlan = !have->index && (r == 0 || done(&b, made_at));
	if (r == -EEXIST && !have->index && !m->made_vlan)
		return vlan_exists(m, parent, e);
	return r;
}

int ifacer_make(struct netlink *nl, const struct ifacer_plan *p, const struct ifacer_view *v,
		const char *mark, struct err *e)
{
	struct making m = { .nl = nl, .p = p, .v = v, .mark = mark };
	int r = 0;

	if (p->bond[0])
		r = ensure_bond(&m, e);
	if (r == 0 && p->vlan[0])
		r = ensure_vlan(&m, e);
	if (r < 0)
		undo(&m);
	return r;
}

/* ---- can it be made at all? ---- */

/* A zero MAC is refused by the kind itself, before anything is made; a kind that the kernel does not have,
 * and finds no module for, is refused as such. */
int ifacer_kind_supported(struct netlink *nl, const char *kind, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	const uint8_t zero[LINK_MAC_LEN] = { 0 };
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *m = rt_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info;

	rt_put(&m, IFLA_ADDRESS, zero, sizeof(zero));
	info = rt_nest(&m, IFLA_LINKINFO);
	rt_put_text(&m, IFLA_INFO_KIND, kind);
	rt_nest_end(&m, info);
	netlink_add(&b, m, NETLINK_OK(EADDRNOTAVAIL, EINVAL), "look for interfaces of type %s", kind);
	if (netlink_send(nl, &b, e) == 0)
		return 0;
	if (e->sys == EOPNOTSUPP)
		return err_wrap(e, "this kernel cannot make a %s (module %s)", kind,
				strcmp(kind, "vlan") == 0 ? "8021q" : "bonding");
	return -e->sys;
}
