/* SPDX-License-Identifier: Apache-2.0 */
/* tune.c - one default route in the pod, the other NICs' in tables of their own */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "plan_impl.h"

/* What leaves with an address of nic goes by nic: its routes in table, its default route there only. */
static int set_aside(const struct planner *x, const struct rt_link *nic, uint8_t ver, uint32_t table,
		     struct err *e)
{
	int r = podnet_plan_move(x->view, nic, ver, table, false, &x->p->changes, e);

	return r < 0 ? r : podnet_plan_from(x->view, nic, ver, table, plan_below(x), &x->p->changes, e);
}

/* The first overlay NIC: what the pod's own NIC sends from its address goes by it, also when Multus or a
 * later NIC takes the default route. */
static int keep_first(const struct planner *x, const struct rt_link *owner, uint8_t ver, struct err *e)
{
	for (size_t i = 0; i < x->view->routes.n; i++) {
		struct rt_route r = x->view->routes.v[i];

		if (r.dst.ip.ver != ver || r.dst.len || r.oif != owner->index || r.type != RTN_UNICAST)
			continue;
		r.table = TABLE_FIRST_NIC;
		r.metric = 0;
		podnet_add_route(&x->p->changes, PODNET_POD, &r, owner->name, false);
	}
	return podnet_plan_from(x->view, owner, ver, TABLE_FIRST_NIC, plan_below(x), &x->p->changes, e);
}

static bool owns_default(const struct podnet_view *v, const struct rt_link *nic, uint8_t ver)
{
	for (size_t i = 0; i < v->routes.n; i++)
		if (v->routes.v[i].dst.ip.ver == ver && !v->routes.v[i].dst.len &&
		    v->routes.v[i].oif == nic->index)
			return true;
	return false;
}

/* The NIC that is to have the default route: *ret, or NULL when it is to stay where it is. */
static int find_chosen(const struct planner *x, const struct rt_link **ret, struct err *e)
{
	const char *name = x->conf->default_route_nic;

	*ret = name[0] ? podnet_view_link(x->view, name) : NULL;
	if (!name[0] || *ret)
		return 0;
	/* Multus makes NICs one after the other: the chosen one's own ADD will do it. */
	if (x->conf->networks_known && json_strv_has(&x->conf->networks, name))
		return 0;
	return err_code(e, ERR_CONFIG, ENODEV, "podDefaultRouteNIC: %s don't exist in pod", name);
}

int plan_tune(const struct planner *x, uint8_t ver, struct err *e)
{
	const struct rt_link *nic = x->view->nic, *owner = podnet_default_owner(x->view, ver), *chosen;
	int r = 0;

	if (!owner)
		return 0;
	r = find_chosen(x, &chosen, e);
	if (r < 0)
		return r;
	if (chosen == nic)
		return set_aside(x, owner, ver, x->p->table, e);
	r = set_aside(x, nic, ver, x->p->table, e);
	if (r == 0 && x->p->overlay && x->p->first)
		r = keep_first(x, owner, ver, e);
	/* It came before this NIC and nobody moved the default route then: its ADD was not by coordinator. */
	if (r == 0 && chosen && chosen != owner && owns_default(x->view, chosen, ver))
		r = set_aside(x, owner, ver, plan_free_table(x), e);
	return r;
}
