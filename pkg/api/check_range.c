/* SPDX-License-Identifier: Apache-2.0 */
/* check_range.c - what pools and subnets have in common: version, network, ranges, gateway, routes */
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/own.h"

int check_version(const struct json_int *ver, const struct api_world *w, uint8_t *ret, struct err *e)
{
	if (!ver->set)
		return check_failed(e, "spec.ipVersion: missing: want 4 or 6");
	if (ver->v != 4 && ver->v != 6)
		return check_failed(e, "spec.ipVersion: %lld: want 4 or 6", (long long)ver->v);
	if (!(ver->v == 4 ? w->enable_ipv4 : w->enable_ipv6))
		return check_failed(e,
				    "spec.ipVersion: %d: IPv%d is disabled here: set enableIPv%d to use it",
				    (int)ver->v, (int)ver->v, (int)ver->v);
	*ret = (uint8_t)ver->v;
	return 0;
}

int check_version_kept(const struct json_int *old, const struct json_int *ver, struct err *e)
{
	if (!old->set || (ver->set && ver->v == old->v))
		return 0;
	return check_failed(e, "spec.ipVersion: cannot change from %lld: create another object",
			    (long long)old->v);
}

int check_subnet_kept(const char *old, const char *subnet, struct err *e)
{
	if (!old || (subnet && strcmp(subnet, old) == 0))
		return 0;
	return check_failed(e, "spec.subnet: %s: cannot change from %s: create another object",
			    subnet ? subnet : "none", old);
}

static int check_network(const struct api_range_spec *s, uint8_t ver, bool create, struct ip_prefix *ret,
			 struct err *e)
{
	char text[IP_TEXT_MAX];

	if (!s->subnet || !*s->subnet)
		return check_failed(e, "spec.subnet: missing: want a network, for example %s",
				    ver == 4 ? "10.0.0.0/24" : "fd00::/64");
	if (ip_prefix_parse(s->subnet, ret, e) < 0)
		return err_wrap(e, "spec.subnet");
	if (ret->ip.ver != ver)
		return check_failed(e, "spec.subnet: %s: is not IPv%d, but spec.ipVersion is %d", s->subnet,
				    ver, ver);
	ip_prefix_format(ip_prefix_network(*ret), text);
	if (create && strcmp(text, s->subnet) != 0)
		return check_failed(e, "spec.subnet: %s: want the network itself, written %s", s->subnet,
				    text);
	*ret = ip_prefix_network(*ret);
	return 0;
}

static int check_gateway(const char *gateway, const struct check_facts *f, struct err *e)
{
	char network[IP_TEXT_MAX];
	struct ip ip;

	if (!gateway || !*gateway)
		return 0;
	if (ip_parse(gateway, &ip, e) < 0)
		return err_wrap(e, "spec.gateway");
	if (!ip_prefix_contains(f->subnet, ip))
		return check_failed(e, "spec.gateway: %s: not inside spec.subnet %s", gateway,
				    ip_prefix_format(f->subnet, network));
	if (ip_set_has(&f->total, ip.n))
		return check_failed(
			e,
			"spec.gateway: %s: would be handed out to a Pod: take it out of spec.ips or add "
			"it to spec.excludeIPs",
			gateway);
	return 0;
}

static int check_route(const struct api_route *route, const struct check_facts *f, struct ip_prefix *ret_dst,
		       struct err *e)
{
	char network[IP_TEXT_MAX];
	struct ip gw;

	if (!route->dst || !route->gw)
		return check_failed(e, "%s: missing: a route wants dst and gw", route->dst ? "gw" : "dst");
	if (ip_prefix_parse(route->dst, ret_dst, e) < 0)
		return err_wrap(e, "dst");
	if (ret_dst->ip.ver != f->ver)
		return check_failed(e, "dst: %s: is not IPv%d", route->dst, f->ver);
	if (!ret_dst->len)
		return check_failed(e, "dst: %s: is the default route: it comes from spec.gateway",
				    route->dst);
	if (ip_parse(route->gw, &gw, e) < 0)
		return err_wrap(e, "gw");
	if (!ip_prefix_contains(f->subnet, gw))
		return check_failed(e, "gw: %s: not inside spec.subnet %s", route->gw,
				    ip_prefix_format(f->subnet, network));
	*ret_dst = ip_prefix_network(*ret_dst);
	return 0;
}

struct route_item {
	struct ip_prefix dst;
	size_t index;
};

static int by_dst(const void *a, const void *b)
{
	const struct route_item *x = a, *y = b;

	if (x->dst.ip.n != y->dst.ip.n)
		return x->dst.ip.n < y->dst.ip.n ? -1 : 1;
	if (x->dst.len != y->dst.len)
		return x->dst.len < y->dst.len ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int check_routes(const struct api_range_spec *s, const struct check_facts *f, struct err *e)
{
	CLEANUP(free_p) struct route_item *items = NULL;

	if (!s->routes.n)
		return 0;
	items = calloc(s->routes.n, sizeof(*items));
	if (!items)
		return err_nomem(e);
	for (size_t i = 0; i < s->routes.n; i++) {
		items[i].index = i;
		if (check_route(&s->routes.v[i], f, &items[i].dst, e) < 0)
			return err_wrap(e, "spec.routes[%zu]", i);
	}
	qsort(items, s->routes.n, sizeof(*items), by_dst);
	for (size_t i = 1; i < s->routes.n; i++) {
		if (ip_prefix_equal(items[i - 1].dst, items[i].dst))
			return check_failed(
				e, "spec.routes[%zu]: dst: %s: is the destination of item %zu too: keep one",
				items[i].index, s->routes.v[items[i].index].dst, items[i - 1].index);
	}
	return 0;
}

void check_facts_clear(struct check_facts *f)
{
	ip_set_clear(&f->total);
}

int check_range(const struct api_range_spec *s, const struct api_world *w, bool create,
		struct check_facts *facts, struct err *e)
{
	int r;

	if (!s->ip_version.set && (!s->subnet || !*s->subnet))
		return check_failed(
			e, "spec.subnet: missing: want a network, for example 10.0.0.0/24 or fd00::/64");
	/* Without a version the reason is a network that cannot be read. */
	if (!s->ip_version.set && s->subnet && *s->subnet &&
	    ip_prefix_parse(s->subnet, &facts->subnet, e) < 0)
		return err_wrap(e, "spec.subnet");
	r = check_version(&s->ip_version, w, &facts->ver, e);
	if (r == 0)
		r = check_network(s, facts->ver, create, &facts->subnet, e);
	if (r == 0)
		r = check_list("ips", &s->ips, facts->ver, &facts->subnet, e);
	if (r == 0)
		r = check_list("excludeIPs", &s->exclude_ips, facts->ver, &facts->subnet, e);
	if (r == 0)
		r = check_no_overlap("ips", &s->ips, facts->ver, e);
	if (r == 0)
		r = api_range_total(s, &facts->total, e);
	if (r == 0)
		r = check_gateway(s->gateway, facts, e);
	if (r == 0)
		r = check_routes(s, facts, e);
	return r;
}
