/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.c - DEL of a pod that another program made */
#include "foreign.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "podnet/podnet.h"

/* Indexes count in the namespace of the other end: both must name each other. */
static int is_pods(struct podnet *n, const struct rt_link *node, struct err *e)
{
	struct rt_link pod;
	int r = rt_link_by_name(&n->pod.rt, PODNET_VETH_NAME, &pod, e);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return pod.link == node->index && node->link == pod.index;
}

/* Without the pod's namespace the name has to do: a pair goes with either of its namespaces, so something
 * keeps this one's alive. Go's plugins give no alias, ours do. */
static int del_pair(struct podnet *n, const char *name, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	struct rt_link l;
	int r = rt_link_by_name(&n->node.rt, name, &l, e);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (strcmp(l.kind, "veth") != 0 || l.alias[0])
		return 0;
	r = n->has_pod ? is_pods(n, &l, e) : 1;
	if (r <= 0)
		return r;
	rt_link_del(&b, l.index, name);
	return netlink_send(&n->node.rt, &b, e);
}

int foreign_del(const struct cni_call *c, struct err *e)
{
	bool told = c->env.netns[0];
	char name[IFNAMSIZ];
	struct podnet n;
	int r = told ? podnet_open(c->env.netns, NULL, &n, e) : 0;

	if (!told || (r < 0 && e->cni == ERR_NETNS))
		r = podnet_open("", "", &n, e); /* the node alone */
	if (r < 0)
		return r;
	podnet_veth_name(c->env.container_id, name);
	r = del_pair(&n, name, e);
	podnet_close(&n);
	return r;
}
