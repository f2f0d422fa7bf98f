/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - from what is there and what is wanted to the list of changes (spec 2.3, in its order) */
#include "plan.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "plan_impl.h"
#include "podnet/marks.h"
#include "podnet/way.h"

/* ---- mode, first NIC, table (spec 2.4) ---- */

static bool table_looked_up(const struct podnet_view *v, uint32_t table)
{
	for (size_t i = 0; i < v->rules.n; i++)
		if (v->rules.v[i].table == table)
			return true;
	return false;
}

/* Of an overlay pod: it is the first NIC that gets the first policy table. One that is added again is still
 * the first, whatever came after it. */
static bool is_first_overlay(const struct planner *x)
{
	for (size_t i = 0; i < x->a->others.n; i++)
		if (x->a->others.v[i].table == TABLE_POLICY)
			return false;
	return !table_looked_up(x->view, TABLE_FIRST_NIC); /* of a pod that was there before us */
}

/* The first underlay NIC shares 101 with the next one: it holds nothing but the node's addresses. */
uint32_t plan_free_table(const struct planner *x)
{
	const struct podnet_records *others = &x->a->others;
	const struct podnet_changes *l = &x->p->changes;
	uint32_t table = podnet_free_table(x->view, others, l, x->conf->pod_nic, TABLE_POLICY);

	return table == x->p->table ? podnet_free_table(x->view, others, l, x->conf->pod_nic, table + 1)
				    : table;
}

static int resolve(struct planner *x, struct err *e)
{
	const char *ifname = x->a->call->env.ifname;
	bool own = strcmp(ifname, x->conf->pod_nic) == 0;
	bool has_veth = podnet_view_link(x->view, PODNET_VETH_NAME) != NULL;
	struct coordinator_plan *p = x->p;

	p->overlay = x->conf->mode == COORDINATOR_OVERLAY ||
		     (x->conf->mode == COORDINATOR_AUTO && !own && !has_veth);
	if (p->overlay && own)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"mode: overlay is for additional NICs, but %s is the pod's first (podDefaultCniNic); want auto or "
			"underlay here",
			ifname);
	if (p->overlay && has_veth)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"mode: overlay, but the pod has %s of a first NIC in mode underlay; want auto or underlay here",
			PODNET_VETH_NAME);
	if (!p->overlay && !own && !has_veth)
		return err_code(
			e, ERR_CONFIG, ENODEV,
			"auxiliary interface %s was not created by the previous interface: enable coordinator on %s "
			"(podDefaultCniNic) too, or use mode auto or overlay",
			PODNET_VETH_NAME, x->conf->pod_nic);
	p->first = p->overlay ? is_first_overlay(x) : own;
	p->table = p->first ? TABLE_POLICY : plan_free_table(x);
	return 0;
}

/* ---- settings and the pair ---- */

#define IPV6_MTU_MIN 1280

static int plan_settings(const struct planner *x, struct err *e)
{
	struct podnet_changes *l = &x->p->changes;
	int r = 0;

	if (x->conf->pod_rp_filter != COORDINATOR_RP_LEAVE)
		r = podnet_plan_rp_filter(&x->a->n, PODNET_POD, x->conf->pod_rp_filter, l, e);
	if (r == 0 && x->view->has6)
		r = podnet_plan_sysctl(&x->a->n, PODNET_POD, "ipv6/conf/all/disable_ipv6", "0", true, l, e);
	return r;
}

static int plan_pair(const struct planner *x, struct err *e)
{
	struct podnet_changes *l = &x->p->changes;
	struct podnet_path *path = &x->p->path;
	int r;

	if (x->view->has6 && x->conf->veth_mtu < IPV6_MTU_MIN)
		return err_code(e, ERR_CONFIG, EINVAL,
				"vethMTU %u: %s has an IPv6 address; want %d or more, which IPv6 needs",
				x->conf->veth_mtu, x->view->nic->name, IPV6_MTU_MIN);
	r = podnet_path_plan(&x->a->n, x->view, x->a->call->env.container_id, x->conf->veth_mtu, path, l, e);
	if (r < 0)
		return r;
	if (x->view->has4 && x->conf->veth_link_address.ver)
		podnet_add_address(l, path->pod_dev, (struct ip_prefix){ x->conf->veth_link_address, 32 });
	/* With rp_filter the way back is looked up with the mark, or clients from elsewhere would be dropped.
	 */
	if (x->view->has4)
		podnet_add_sysctl(l, PODNET_POD, "ipv4/conf/" PODNET_VETH_NAME "/src_valid_mark", "1", NULL);
	return 0;
}

static int plan_path(const struct planner *x, struct err *e)
{
	if (!x->p->overlay && x->p->first)
		return plan_pair(x, e);
	return podnet_path_find(&x->a->n, x->view, x->p->overlay ? x->conf->pod_nic : PODNET_VETH_NAME,
				&x->p->path, e);
}

static int plan_nic(const struct planner *x, struct err *e)
{
	const struct rt_link *nic = x->view->nic;
	struct podnet_changes *l = &x->p->changes;

	podnet_add_up(l, PODNET_POD, nic->name);
	if (x->conf->tx_queue_len)
		podnet_add_txqlen(l, nic->name, x->conf->tx_queue_len, nic->txqlen);
	if (!x->conf->has_mac_prefix)
		return 0;
	x->p->has_mac = true;
	return podnet_plan_mac(x->view, x->conf->mac_prefix, l, x->p->mac, e) < 0
		       ? err_wrap(e, "podMACPrefix")
		       : 0;
}

/* ---- routes to the node and by it (spec 2.11 to 2.13) ---- */

/* From the pod's own address, so that the node's answer comes back this way. */
static struct ip source_hint(const struct planner *x, uint8_t ver)
{
	const struct rt_link *own = podnet_view_link(x->view, x->conf->pod_nic);
	struct podnet_ips ips;

	if (ver != 4 || !own)
		return (struct ip){ 0 };
	podnet_view_ips(x->view, own->index, 4, &ips);
	return podnet_ips_first(&ips, 4);
}

static void plan_ways(const struct planner *x)
{
	struct podnet_way w = { .view = x->view,
				.path = &x->p->path,
				.node_ips = &x->p->node_ips,
				.src4 = source_hint(x, 4),
				.changes = &x->p->changes,
				.log = x->a->log };

	podnet_way_to_node(&w, x->p->table);
	if (x->p->first)
		podnet_way_to_node(&w, RT_TABLE_MAIN);
	podnet_way_through(&w, &x->conf->hijack, x->p->first ? RT_TABLE_MAIN : x->p->table);
}

/* Both versions in one change: each transaction of nf_tables costs the kernel a wait for its readers. */
static void plan_marks(const struct planner *x)
{
	bool has4 = x->view->has4 && podnet_ips_first(&x->p->node_ips, 4).ver;
	bool has6 = x->view->has6 && podnet_ips_first(&x->p->node_ips, 6).ver;

	if (has4 || has6)
		podnet_add_marks(&x->p->changes, has4, has6, x->p->path.pod_dev);
}

static void plan_marked(const struct planner *x, uint8_t ver)
{
	struct podnet_changes *l = &x->p->changes;
	struct ip via = podnet_ips_first(&x->p->node_ips, ver);
	struct rt_route r = {
		.dst.ip.ver = ver, .via = via, .src = source_hint(x, ver), .table = TABLE_FIRST_NIC
	};

	podnet_add_rule(l, PODNET_POD,
			&(struct rt_rule){ .ver = ver,
					   .mark = PODNET_MARK,
					   .mask = PODNET_MARK,
					   .table = TABLE_FIRST_NIC,
					   .priority = RULE_MARKS });
	podnet_add_route(l, PODNET_POD, &r, x->p->path.pod_dev, false);
}

static void plan_policy_routes(const struct planner *x)
{
	for (size_t i = 0; i < x->conf->n_routes; i++) {
		const struct coordinator_route *want = &x->conf->routes[i];
		struct rt_route r = { .dst = want->dst,
				      .via = want->gw,
				      .table = !x->p->overlay && x->p->first ? RT_TABLE_MAIN : x->p->table };
		char text[RT_TEXT_MAX];

		if (podnet_view_has(x->view, want->dst.ip.ver) &&
		    !podnet_plan_pod_route(x->view, &r, x->view->nic->name, &x->p->changes))
			log_warn(
				x->a->log,
				"pod: policyRoutes: %s is not made, there is another one to that destination",
				rt_route_text(&r, x->view->nic->name, text));
	}
}

/* ---- all of it ---- */

static int plan_family(const struct planner *x, uint8_t ver, struct err *e)
{
	bool underlay_first = !x->p->overlay && x->p->first;

	if (!podnet_view_has(x->view, ver))
		return 0;
	if (!podnet_ips_first(&x->p->node_ips, ver).ver)
		log_warn(x->a->log, "the node has no IPv%d address that the pod could reach it by", ver);
	else if (underlay_first)
		plan_marked(x, ver);
	return x->conf->tune_pod_routes && !underlay_first ? plan_tune(x, ver, e) : 0;
}

static int plan_all(struct planner *x, struct err *e)
{
	struct coordinator_plan *p = x->p;
	struct podnet *n = &x->a->n;
	int r = resolve(x, e);

	if (r == 0)
		r = podnet_node_ips(n, x->view, &p->node_ips, e);
	if (r == 0)
		r = plan_settings(x, e);
	if (r == 0)
		r = plan_path(x, e);
	if (r == 0)
		r = plan_nic(x, e);
	if (r == 0)
		r = podnet_plan_neighbours(n, x->view, &p->path, &p->node_ips, p->first, &p->changes, e);
	if (r < 0)
		return r;
	plan_ways(x);
	if (!p->overlay && p->first)
		plan_marks(x);
	r = plan_family(x, 4, e);
	if (r == 0)
		r = plan_family(x, 6, e);
	if (r < 0)
		return r;
	plan_policy_routes(x);
	return podnet_plan_node_routes(n, x->view, &p->path, x->conf->host_rule_table, &p->changes, e);
}

int coordinator_plan(const struct coordinator_conf *c, struct podnet_attach *a, struct coordinator_plan *ret,
		     struct err *e)
{
	CLEANUP(podnet_view_clear) struct podnet_view view = { 0 };
	struct planner x = { .conf = c, .a = a, .view = &view, .p = ret };
	bool makes_pair = c->mode != COORDINATOR_OVERLAY && strcmp(a->call->env.ifname, c->pod_nic) == 0;
	int r = makes_pair ? podnet_path_clean(&a->n, a->call->env.container_id, c->veth_mtu, e) : 0;

	if (r == 0)
		r = podnet_look(&a->n, a->call->env.ifname, &view, e);
	if (r == 0)
		r = plan_all(&x, e);
	return r;
}

void coordinator_plan_clear(struct coordinator_plan *p)
{
	podnet_changes_clear(&p->changes);
}
