/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - verbs that only look: CHECK, STATUS, what a pod has */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"

int verb_check(struct agent *a, const struct socket_check *q, struct deadline until, struct err *e)
{
	CLEANUP(free_p) struct ip_prefix *have = calloc(q->ips.n + 1, sizeof(*have));
	struct call c;
	int r = have ? 0 : err_nomem(e);

	for (size_t i = 0; r == 0 && i < q->ips.n; i++)
		r = ip_prefix_parse(q->ips.v[i], &have[i], e);
	if (r < 0)
		return r;
	r = call_open_plain(a, false, until, &c, e);
	if (r == 0)
		r = ipam_check(&c.m, q->network, q->container_id, q->ifname, have, q->ips.n, e);
	call_close(&c);
	return r;
}

int verb_status(struct agent *a, const struct socket_status *q, struct deadline until, struct err *e)
{
	struct call c;
	int r = call_open_plain(a, false, until, &c, e);

	c.m.conf.default_ipv4 = &q->default_ipv4;
	c.m.conf.default_ipv6 = &q->default_ipv6;
	if (r == 0)
		r = ipam_status(&c.m, e);
	call_close(&c);
	return r;
}

/* ---- what a pod has ---- */

static int dup_to(char **to, const char *s, struct err *e)
{
	*to = s ? strdup(s) : NULL;
	return s && !*to ? err_nomem(e) : 0;
}

static int copy_interface(const struct api_endpoint_ip *from, struct socket_interface *to, struct err *e)
{
	const struct {
		char **to;
		const char *from;
	} texts[] = {
		{ &to->interface, from->interface },
		{ &to->ipv4, from->ipv4 },
		{ &to->ipv6, from->ipv6 },
		{ &to->mac, from->mac },
		{ &to->ipv4_pool, from->ipv4_pool },
		{ &to->ipv6_pool, from->ipv6_pool },
		{ &to->ipv4_gateway, from->ipv4_gateway },
		{ &to->ipv6_gateway, from->ipv6_gateway },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (dup_to(texts[i].to, texts[i].from, e) < 0)
			return -ENOMEM;
	to->vlan = from->vlan.v;
	to->routes.v = calloc(from->routes.n + 1, sizeof(*to->routes.v));
	if (!to->routes.v)
		return err_nomem(e);
	for (size_t i = 0; i < from->routes.n; i++) {
		struct socket_route *rt = &to->routes.v[to->routes.n++];

		if (dup_to(&rt->ifname, from->interface, e) < 0 ||
		    dup_to(&rt->dst, from->routes.v[i].dst, e) < 0 ||
		    dup_to(&rt->gw, from->routes.v[i].gw, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int copy(const struct api_endpoint *ep, const char *ns, const char *pod, struct socket_workload *ret,
		struct err *e)
{
	const struct api_endpoint_current *c = &ep->status.current;
	int r = dup_to(&ret->pod_namespace, ns, e);

	if (r == 0)
		r = dup_to(&ret->pod_name, pod, e);
	if (r == 0)
		r = dup_to(&ret->pod_uid, c->uid, e);
	if (r == 0)
		r = dup_to(&ret->node, c->node, e);
	ret->interfaces.set = true;
	ret->interfaces.v = calloc(c->ips.n + 1, sizeof(*ret->interfaces.v));
	if (!ret->interfaces.v)
		return err_nomem(e);
	for (size_t i = 0; r == 0 && i < c->ips.n; i++)
		r = copy_interface(&c->ips.v[i], &ret->interfaces.v[ret->interfaces.n++], e);
	return r;
}

/* What waits to be written is newer than what the API has. */
static int find(struct agent *a, bool fixed, const char *ns, const char *pod, struct deadline until,
		struct api_endpoint *ret, struct err *e)
{
	CLEANUP(store_close_p) struct store *st = NULL;
	struct store_obj o;
	int r = store_kube_session(a->hub, fixed, &st, e);

	if (r == 0)
		r = store_begin(st, STORE_READ, until, e);
	if (r == 0)
		r = store_get(st, STORE_ENDPOINT, ns, pod, &o, e);
	if (r <= 0)
		return r;
	r = api_decode_text(API_ENDPOINT, o.data, o.len, "SpiderEndpoint", ret, e);
	return r < 0 ? r : 1;
}

int verb_workload(struct agent *a, const char *ns, const char *pod, struct deadline until,
		  struct socket_workload *ret, struct err *e)
{
	struct api_endpoint ep;
	int r = find(a, false, ns, pod, until, &ep, e);

	*ret = (struct socket_workload){ 0 };
	if (r == 0)
		r = find(a, true, ns, pod, until, &ep, e);
	if (r == 0)
		return err_code(e, ERR_UNKNOWN_CONTAINER, ENOENT, "there is no SpiderEndpoint %s/%s", ns,
				pod);
	if (r < 0)
		return r;
	r = copy(&ep, ns, pod, ret, e);
	api_clear(API_ENDPOINT, &ep);
	if (r < 0)
		json_clear(&socket_workload_table, ret);
	return r;
}
