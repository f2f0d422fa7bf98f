/* SPDX-License-Identifier: Apache-2.0 */
/* look.c - a pod and its node as they are */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "nl/netns.h"
#include "podnet/podnet.h"

/* ---- both namespaces ---- */

static int is_wanted(int fd, const char *want_id, struct err *e)
{
	char id[NETNS_ID_MAX];
	int r = want_id ? netns_id(fd, id, e) : 0;

	return r < 0 ? r : !want_id || strcmp(id, want_id) == 0;
}

/* What is meant for a pod must not be done to the node, whatever CNI_NETNS_OVERRIDE says. */
static int refuse_own(int fd, const char *netns, struct err *e)
{
	int r = netns_is_own(fd, e);

	if (r <= 0)
		return r;
	return err_code(e, ERR_NETNS, EINVAL,
			"network namespace %s is the node's own; want the pod's: nothing was changed", netns);
}

int podnet_open(const char *netns, const char *want_id, struct podnet *ret, struct err *e)
{
	CLEANUP(close_p) int fd = -1;
	struct err gone;
	int r;

	*ret = (struct podnet){ 0 };
	r = netspace_open(-1, "node", &ret->node, e);
	if (r < 0)
		return r;
	r = netns[0] ? netns_open(netns, &fd, &gone) : -ENOENT;
	if (r == 0)
		r = refuse_own(fd, netns, &gone);
	if (r == 0)
		r = is_wanted(fd, want_id, &gone);
	if (r == 1)
		r = netspace_open(TAKE_FD(fd), "pod", &ret->pod, &gone);
	else if (r == 0)
		return 0; /* another one */
	ret->has_pod = r == 0;
	if (r == 0 || want_id)
		return 0;
	*e = gone;
	podnet_close(ret);
	return r;
}

void podnet_close(struct podnet *n)
{
	netspace_close(&n->pod);
	netspace_close(&n->node);
	*n = (struct podnet){ 0 };
}

/* ---- lists of addresses ---- */

void podnet_ips_add(struct podnet_ips *l, struct ip ip)
{
	for (size_t i = 0; i < l->n; i++)
		if (ip_equal(l->v[i], ip))
			return;
	if (ip.ver && l->n < PODNET_IPS_MAX)
		l->v[l->n++] = ip;
}

struct ip podnet_ips_first(const struct podnet_ips *l, uint8_t ver)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].ver == ver)
			return l->v[i];
	return (struct ip){ 0 };
}

/* ---- the pod ---- */

const struct rt_link *podnet_view_index(const struct podnet_view *v, int index)
{
	for (size_t i = 0; i < v->links.n; i++)
		if (v->links.v[i].index == index)
			return &v->links.v[i];
	return NULL;
}

const struct rt_link *podnet_view_link(const struct podnet_view *v, const char *name)
{
	for (size_t i = 0; i < v->links.n; i++)
		if (strcmp(v->links.v[i].name, name) == 0)
			return &v->links.v[i];
	return NULL;
}

bool podnet_view_has(const struct podnet_view *v, uint8_t ver)
{
	return ver == 4 ? v->has4 : v->has6;
}

void podnet_view_ips(const struct podnet_view *v, int index, uint8_t ver, struct podnet_ips *ret)
{
	*ret = (struct podnet_ips){ 0 };
	for (size_t i = 0; i < v->addrs.n; i++)
		if (v->addrs.v[i].index == index && (!ver || v->addrs.v[i].p.ip.ver == ver))
			podnet_ips_add(ret, v->addrs.v[i].p.ip);
}

void podnet_view_clear(struct podnet_view *v)
{
	free(v->links.v);
	free(v->addrs.v);
	free(v->routes.v);
	free(v->rules.v);
	*v = (struct podnet_view){ 0 };
}

static bool is_routable(const struct podnet_view *v, const struct rt_addr *a)
{
	const struct rt_link *l = podnet_view_index(v, a->index);

	return !ip_is_multicast(a->p.ip) && !ip_is_link_local(a->p.ip) && l && !(l->flags & IFF_LOOPBACK);
}

static void keep_routable(struct podnet_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->addrs.n; i++)
		if (is_routable(v, &v->addrs.v[i]))
			v->addrs.v[n++] = v->addrs.v[i];
	v->addrs.n = n;
}

static int join_routes(struct netlink *nl, struct rt_routes *all, struct err *e)
{
	struct rt_routes six;
	struct rt_route *v;
	int r = rt_routes(nl, 4, RT_TABLE_MAIN, all, e);

	if (r == 0)
		r = rt_routes(nl, 6, RT_TABLE_MAIN, &six, e);
	if (r < 0)
		return r;
	v = reallocarray(all->v, all->n + six.n + 1, sizeof(*v));
	if (v) {
		all->v = v;
		if (six.n)
			memcpy(v + all->n, six.v, six.n * sizeof(*v));
		all->n += six.n;
	}
	free(six.v);
	return v ? 0 : err_nomem(e);
}

static int join_rules(struct netlink *nl, struct rt_rules *all, struct err *e)
{
	struct rt_rules six;
	struct rt_rule *v;
	int r = rt_rules(nl, 4, all, e);

	if (r == 0)
		r = rt_rules(nl, 6, &six, e);
	if (r < 0)
		return r;
	v = reallocarray(all->v, all->n + six.n + 1, sizeof(*v));
	if (v) {
		all->v = v;
		if (six.n)
			memcpy(v + all->n, six.v, six.n * sizeof(*v));
		all->n += six.n;
	}
	free(six.v);
	return v ? 0 : err_nomem(e);
}

static int look_at_nic(struct podnet_view *v, struct err *e)
{
	struct podnet_ips ips;

	podnet_view_ips(v, v->nic->index, 0, &ips);
	v->has4 = podnet_ips_first(&ips, 4).ver != 0;
	v->has6 = podnet_ips_first(&ips, 6).ver != 0;
	if (!v->has4 && !v->has6)
		return err_set(
			e, EADDRNOTAVAIL,
			"no usable IP addresses on \"%s\": neither IPAM nor a router has given it one that can be routed",
			v->nic->name);
	return 0;
}

int podnet_view_limit(struct podnet_view *v, bool want4, bool want6, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < v->addrs.n; i++)
		if (v->addrs.v[i].p.ip.ver == 4 ? want4 : want6)
			v->addrs.v[n++] = v->addrs.v[i];
	v->addrs.n = n;
	return look_at_nic(v, e);
}

static int find_nic(struct podnet_view *v, const char *nic, struct err *e)
{
	v->nic = podnet_view_link(v, nic);
	if (v->nic)
		return look_at_nic(v, e);
	return err_set(e, ENODEV,
		       "pod: interface %s does not exist; the main plugin of the chain should have made it",
		       nic);
}

int podnet_look(struct podnet *n, const char *nic, struct podnet_view *ret, struct err *e)
{
	struct netlink *nl = &n->pod.rt;
	int r;

	*ret = (struct podnet_view){ 0 };
	r = rt_links(nl, &ret->links, e);
	if (r == 0)
		r = rt_addrs(nl, 0, 0, &ret->addrs, e);
	if (r == 0)
		r = join_routes(nl, &ret->routes, e);
	if (r == 0)
		r = join_rules(nl, &ret->rules, e);
	if (r == 0) {
		keep_routable(ret);
		r = find_nic(ret, nic, e);
	}
	if (r < 0)
		podnet_view_clear(ret);
	return r;
}

const struct rt_link *podnet_default_owner(const struct podnet_view *v, uint8_t ver)
{
	const struct rt_link *owner = NULL;

	for (size_t i = 0; i < v->routes.n; i++) {
		const struct rt_route *r = &v->routes.v[i];
		const struct rt_link *l = podnet_view_index(v, r->oif);

		if (r->dst.ip.ver != ver || r->dst.len || r->type != RTN_UNICAST || !l || l == v->nic ||
		    (l->flags & IFF_LOOPBACK))
			continue;
		if (!owner || l->index < owner->index)
			owner = l;
	}
	return owner;
}
