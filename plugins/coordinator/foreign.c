/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.c - DEL of a pod that another program made */
#include "foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/podnet.h"

static void del_rules(const struct rt_rules *rules, struct ip ip, uint32_t table, struct netlink_batch *b)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct rt_rule *r = &rules->v[i];

		if (r->ver == ip.ver && r->table == table && r->dst.len == ip_bits(ip.ver) && !r->more &&
		    ip_equal(r->dst.ip, ip))
			rt_rule_del(b, r);
	}
}

static int del_legacy_rules(struct podnet *n, const char *ifname, uint32_t table, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	CLEANUP(podnet_view_clear) struct podnet_view v = { 0 };
	struct podnet_ips ips;
	struct err gone;
	int r = podnet_look(n, ifname, &v, &gone);

	if (r < 0)
		return 0; /* no NIC or no address any more */
	podnet_view_ips(&v, v.nic->index, 0, &ips);
	for (uint8_t ver = 4; ver <= 6; ver += 2) {
		struct rt_rules rules;

		r = rt_rules(&n->node.rt, ver, &rules, e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < ips.n; i++)
			del_rules(&rules, ips.v[i], table, &b);
		free(rules.v);
	}
	return netlink_send(&n->node.rt, &b, e);
}

int foreign_del(const struct cni_call *c, const struct coordinator_conf *conf, struct err *e)
{
	/* Also our own pair, when its record was lost; that of the first NIC, while others come and go. */
	const char *alias = strcmp(c->env.ifname, conf->pod_nic) == 0 ? c->env.container_id : "";
	struct podnet n;
	int r;

	if (!c->env.netns[0])
		return 0;
	r = podnet_open(c->env.netns, NULL, &n, e);
	if (r < 0)
		return e->cni == ERR_NETNS ? 0 : r;
	r = del_legacy_rules(&n, c->env.ifname, conf->host_rule_table, e);
	if (r == 0)
		r = podnet_path_clean(&n, alias, 0, e);
	podnet_close(&n);
	return r;
}
