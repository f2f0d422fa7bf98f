/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - from what is there and what is wanted to the list of changes (spec 4.2, 4.4) */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/way.h"

#define TABLE_OF_NET0 99 /* net1 has 100 */
#define TABLE_LOWEST  100
#define BELOW_MAIN    32766

/* What all steps look at. */
struct planner {
	const struct veth_conf *conf;
	struct podnet_attach *a;
	const struct podnet_view *view;
	struct veth_plan *p;
};

/* ---- settings ---- */

/* Before the pair is made: its ends take "default" over. */
static int plan_settings(const struct planner *x, struct err *e)
{
	struct podnet_changes *l = &x->p->changes;
	int r = podnet_plan_rp_filter(&x->a->n, PODNET_POD, x->conf->rp_filter, l, e);

	if (r == 0 && x->conf->rp_filter_on_host)
		r = podnet_plan_rp_filter(&x->a->n, PODNET_NODE, x->conf->rp_filter, l, e);
	if (r == 0 && x->view->has6)
		r = podnet_plan_ipv6(&x->a->n, l, e);
	return r;
}

static int plan_mac(const struct planner *x, struct err *e)
{
	if (!x->conf->has_mac_prefix)
		return 0;
	return podnet_plan_mac(x->view, x->conf->mac_prefix, &x->p->changes, x->p->mac, e) < 0
		       ? err_wrap(e, "mac_prefix")
		       : 0;
}

/* ---- the pair and its routes ---- */

static int plan_path(const struct planner *x, struct err *e)
{
	struct veth_plan *p = x->p;

	if (p->first)
		return podnet_path_plan(&x->a->n, x->view, x->a->call->env.container_id, VETH_MTU, &p->path,
					&p->changes, e);
	return podnet_path_find(&x->a->n, x->view, PODNET_VETH_NAME, &p->path, e);
}

/* net1 has 100, net2 has 101, as ever; for other names, and when that one is taken, the lowest that is free.
 */
static uint32_t choose_table(const struct planner *x)
{
	const char *name = x->view->nic->name;
	uint32_t wanted = TABLE_LOWEST, number;
	char again[IFNAMSIZ];

	if (sscanf(name, "net%6u", &number) == 1 && number > 0) {
		snprintf(again, sizeof(again), "net%u", number);
		if (strcmp(again, name) == 0)
			wanted = TABLE_OF_NET0 + number;
	}
	if (podnet_free_table(x->view, &x->a->others, &x->p->changes, NULL, wanted) != wanted)
		wanted = TABLE_LOWEST;
	return podnet_free_table(x->view, &x->a->others, &x->p->changes, NULL, wanted);
}

static void plan_ways(const struct planner *x)
{
	uint32_t table = x->p->first ? RT_TABLE_MAIN : x->p->table;
	struct podnet_way w = { .view = x->view,
				.path = &x->p->path,
				.node_ips = &x->p->node_ips,
				.changes = &x->p->changes,
				.log = x->a->log };
	struct podnet_ips ips;

	podnet_view_ips(x->view, x->view->nic->index, 4, &ips);
	w.src4 = podnet_ips_first(&ips, 4);
	podnet_way_to_node(&w, table);
	podnet_way_through(&w, &x->conf->hijack, table);
	for (uint8_t ver = 4; ver <= 6; ver += 2)
		if (podnet_view_has(x->view, ver) && !podnet_ips_first(&x->p->node_ips, ver).ver)
			log_warn(x->a->log, "the node has no IPv%d address that the pod could reach it by",
				 ver);
}

/* ---- more than one NIC (spec 4.4) ---- */

/* net10 comes behind net2. */
static bool comes_behind(const char *nic, const char *other)
{
	return strverscmp(nic, other) > 0;
}

static int plan_migration(const struct planner *x, uint8_t ver, struct err *e)
{
	const struct rt_link *nic = x->view->nic, *owner = podnet_default_owner(x->view, ver);
	bool always = x->conf->migrate == VETH_MIGRATE_ALWAYS;
	int r;

	if (!podnet_view_has(x->view, ver) || x->conf->migrate == VETH_MIGRATE_NEVER)
		return 0;
	if (!always && owner && !comes_behind(nic->name, owner->name)) {
		log_info(x->a->log, "migrate_route: IPv%d routes of %s stay, it comes before %s", ver,
			 nic->name, owner->name);
		return 0;
	}
	/* The pod's only default route is not taken away unless that is asked for. */
	r = podnet_plan_move(x->view, nic, ver, x->p->table, !always && !owner, &x->p->changes, e);
	return r < 0 ? r : podnet_plan_from(x->view, nic, ver, x->p->table, BELOW_MAIN, &x->p->changes, e);
}

/* ---- all of it ---- */

static int plan_all(struct planner *x, struct err *e)
{
	struct veth_plan *p = x->p;
	struct podnet *n = &x->a->n;
	int r = podnet_node_ips(n, x->view, &p->node_ips, e);

	p->first = x->a->had_pair || !podnet_view_link(x->view, PODNET_VETH_NAME);
	if (!p->first)
		p->table = choose_table(x);
	if (r == 0)
		r = plan_settings(x, e);
	if (r == 0)
		r = plan_mac(x, e);
	if (r == 0)
		r = plan_path(x, e);
	if (r == 0)
		r = podnet_plan_neighbours(n, x->view, &p->path, &p->node_ips, p->first, &p->changes, e);
	if (r < 0)
		return r;
	plan_ways(x);
	for (uint8_t ver = 4; r == 0 && !p->first && ver <= 6; ver += 2)
		r = plan_migration(x, ver, e);
	return r < 0 ? r : podnet_plan_node_routes(n, x->view, &p->path, RT_TABLE_MAIN, &p->changes, e);
}

static void families(const struct cni_result *prev, bool *four, bool *six)
{
	*four = *six = false;
	for (size_t i = 0; i < prev->ips.n; i++)
		*(prev->ips.v[i].address.ip.ver == 4 ? four : six) = true;
}

int veth_plan(const struct veth_conf *c, struct podnet_attach *a, const char *nic,
	      const struct cni_result *prev, struct veth_plan *ret, struct err *e)
{
	CLEANUP(podnet_view_clear) struct podnet_view view = { 0 };
	struct planner x = { .conf = c, .a = a, .view = &view, .p = ret };
	bool four, six;
	int r = a->had_pair ? podnet_path_clean(&a->n, a->call->env.container_id, VETH_MTU, e) : 0;

	if (r == 0)
		r = podnet_look(&a->n, nic, &view, e);

	if (r == 0 && c->only_mac)
		return plan_mac(&x, e);
	families(prev, &four, &six);
	if (r == 0)
		r = podnet_view_limit(&view, four, six, e);
	return r < 0 ? r : plan_all(&x, e);
}

void veth_plan_clear(struct veth_plan *p)
{
	podnet_changes_clear(&p->changes);
}
