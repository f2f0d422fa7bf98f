/* SPDX-License-Identifier: Apache-2.0 */
/* result_decode.c - a result document of any version into struct cni_result
 *
 * The document is decoded by tables into what is on the wire, then moved over: texts become addresses, and
 * the keys that no table names become extra.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/internal.h"
#include "cni/result.h"

struct wire_route {
	char *dst, *gw;
	struct json_int mtu, advmss, priority, table, scope;
};

struct wire_ip {
	char *version; /* says what the address says; not looked at */
	struct json_int interface;
	char *address, *gateway;
};

struct wire_ip02 {
	char *ip, *gateway;
	JSON_LIST(struct wire_route) routes;
};

struct wire {
	char *version;
	JSON_LIST(struct cni_interface) interfaces;
	JSON_LIST(struct wire_ip) ips;
	JSON_LIST(struct wire_route) routes;
	struct wire_ip02 *ip4, *ip6;
	struct cni_dns dns;
};

static const struct json_field route_fields[] = {
	JF(struct wire_route, dst, "dst", .flags = JSON_REQUIRED),
	JF(struct wire_route, gw, "gw"),
	JF(struct wire_route, mtu, "mtu"),
	JF(struct wire_route, advmss, "advmss"),
	JF(struct wire_route, priority, "priority"),
	JF(struct wire_route, table, "table"),
	JF(struct wire_route, scope, "scope"),
};
static const struct json_table route_table = JSON_TABLE(struct wire_route, "route", route_fields);

static const struct json_field ip_fields[] = {
	JF(struct wire_ip, version, "version"),
	JF(struct wire_ip, interface, "interface"),
	JF(struct wire_ip, address, "address", .flags = JSON_REQUIRED),
	JF(struct wire_ip, gateway, "gateway"),
};
static const struct json_table ip_table = JSON_TABLE(struct wire_ip, "ip", ip_fields);

static const struct json_field ip02_fields[] = {
	JF(struct wire_ip02, ip, "ip", .flags = JSON_REQUIRED),
	JF(struct wire_ip02, gateway, "gateway"),
	JL(struct wire_ip02, routes, "routes", &route_table),
};
static const struct json_table ip02_table = JSON_TABLE(struct wire_ip02, "ip4 or ip6", ip02_fields);

/* The two forms of a result; what belongs to the other form is an unknown key. */
static const struct json_field wire_fields[] = {
	JF(struct wire, version, "cniVersion"),
	JS(struct wire, dns, "dns", &cni_dns_table),
	JL(struct wire, interfaces, "interfaces", &cni_interface_table),
	JL(struct wire, ips, "ips", &ip_table),
	JL(struct wire, routes, "routes", &route_table),
};
static const struct json_table wire_table = JSON_TABLE(struct wire, "result", wire_fields);

static const struct json_field wire02_fields[] = {
	JF(struct wire, version, "cniVersion"),
	JS(struct wire, dns, "dns", &cni_dns_table),
	JP(struct wire, ip4, "ip4", &ip02_table),
	JP(struct wire, ip6, "ip6", &ip02_table),
};
static const struct json_table wire02_table = JSON_TABLE(struct wire, "result", wire02_fields);

static int parse_prefix(const char *text, const char *key, struct ip_prefix *ret, struct err *e)
{
	if (ip_prefix_parse(text, ret, e) < 0)
		return err_wrap(e, "%s", key);
	return 0;
}

/* Absent and "" are none, as in Go's net.IP. */
static int parse_gateway(const char *text, const char *key, struct ip *ret, struct err *e)
{
	if (!text || !*text)
		return 0;
	if (ip_parse(text, ret, e) < 0)
		return err_wrap(e, "%s", key);
	return 0;
}

static int take_ip(const struct wire_ip *w, struct json_object *o, struct cni_result *r, struct err *e)
{
	struct cni_ip_config *c;
	struct ip_prefix address;
	struct ip gateway = { 0 };
	int i;

	if (parse_prefix(w->address, "address", &address, e) < 0 ||
	    parse_gateway(w->gateway, "gateway", &gateway, e) < 0)
		return -e->sys;
	i = cni_result_add_ip(r, address, gateway, -1, e);
	if (i < 0)
		return i;
	c = &r->ips.v[i];
	c->interface = w->interface;
	return cni_extra_take(&ip_table, o, &c->extra, e);
}

static int take_route(const struct wire_route *w, struct json_object *o, struct cni_result *r, struct err *e)
{
	struct cni_route *t;
	struct ip_prefix dst;
	struct ip gw = { 0 };
	int i;

	if (parse_prefix(w->dst, "dst", &dst, e) < 0 || parse_gateway(w->gw, "gw", &gw, e) < 0)
		return -e->sys;
	i = cni_result_add_route(r, dst, gw, e);
	if (i < 0)
		return i;
	t = &r->routes.v[i];
	t->mtu = w->mtu;
	t->advmss = w->advmss;
	t->priority = w->priority;
	t->table = w->table;
	t->scope = w->scope;
	return cni_extra_take(&route_table, o, &t->extra, e);
}

/* at is "" or "ip4." */
static int take_routes(const struct wire_route *w, size_t n, struct json_object *list, const char *at,
		       struct cni_result *r, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (take_route(&w[i], json_at(list, i), r, e) < 0)
			return err_wrap(e, "%sroutes[%zu]", at, i);
	return 0;
}

static int take_new(struct wire *w, struct json_object *o, struct cni_result *r, struct err *e)
{
	struct json_object *ips = json_get(o, "ips");
	int ret;

	r->interfaces.v = TAKE_PTR(w->interfaces.v);
	r->interfaces.n = w->interfaces.n;
	r->interfaces.set = w->interfaces.set;
	w->interfaces.n = 0;
	for (size_t i = 0; i < r->interfaces.n; i++) {
		ret = cni_extra_take(&cni_interface_table, json_at(json_get(o, "interfaces"), i),
				     &r->interfaces.v[i].extra, e);
		if (ret < 0)
			return ret;
	}
	for (size_t i = 0; i < w->ips.n; i++)
		if (take_ip(&w->ips.v[i], json_at(ips, i), r, e) < 0)
			return err_wrap(e, "ips[%zu]", i);
	r->ips.set = w->ips.set;
	r->routes.set = w->routes.set;
	return take_routes(w->routes.v, w->routes.n, json_get(o, "routes"), "", r, e);
}

static int take_family(const struct wire_ip02 *w, const char *key, struct json_object *o,
		       struct cni_result *r, struct err *e)
{
	struct ip_prefix address;
	struct ip gateway = { 0 };
	char at[8];
	int i;

	if (!w)
		return 0;
	if (parse_prefix(w->ip, "ip", &address, e) < 0 ||
	    parse_gateway(w->gateway, "gateway", &gateway, e) < 0)
		return err_wrap(e, "%s", key);
	i = cni_result_add_ip(r, address, gateway, -1, e);
	if (i < 0)
		return i;
	i = cni_extra_take(&ip02_table, o, &r->ips.v[i].extra, e);
	if (i < 0)
		return i;
	snprintf(at, sizeof(at), "%s.", key);
	return take_routes(w->routes.v, w->routes.n, json_get(o, "routes"), at, r, e);
}

static int take(struct wire *w, struct json_object *o, struct cni_result *r, struct err *e)
{
	const struct json_table *t = r->version < CNI_V030 ? &wire02_table : &wire_table;
	int ret;

	r->dns = w->dns;
	w->dns = (struct cni_dns){ 0 };
	ret = cni_extra_take(&cni_dns_table, json_get(o, "dns"), &r->dns.extra, e);
	if (ret == 0)
		ret = cni_extra_take(t, o, &r->extra, e);
	if (ret < 0)
		return ret;
	if (t == &wire_table)
		return take_new(w, o, r, e);
	ret = take_family(w->ip4, "ip4", json_get(o, "ip4"), r, e);
	if (ret < 0)
		return ret;
	return take_family(w->ip6, "ip6", json_get(o, "ip6"), r, e);
}

static int find_version(struct json_object *o, enum cni_version assumed, const char *what,
			enum cni_version *ret, struct err *e)
{
	struct json_object *member = json_get(o, "cniVersion");
	const char *text = json_text(member);
	int v;

	*ret = assumed;
	if (member && !text)
		return err_code(e, ERR_DECODE, EINVAL, "%s: cniVersion: want a string", what);
	if (!text || !*text)
		return 0;
	v = cni_version_find(text);
	if (v < 0)
		return err_code(e, ERR_VERSION, EPROTONOSUPPORT, "%s: cniVersion \"%.32s\": want one of %s",
				what, text, cni_version_list());
	*ret = (enum cni_version)v;
	return 0;
}

int cni_result_decode(struct json_object *o, enum cni_version assumed, const char *what,
		      struct cni_result *ret, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result result = { .decoded = true };
	const struct json_table *t;
	struct wire w;
	int r;

	*ret = (struct cni_result){ 0 };
	if (!json_object_is_type(o, json_type_object))
		return err_code(e, ERR_DECODE, EINVAL, "%s: want a JSON object", what);
	r = find_version(o, assumed, what, &result.version, e);
	if (r < 0)
		return r;
	t = result.version < CNI_V030 ? &wire02_table : &wire_table;
	r = json_decode(t, o, what, &w, e);
	if (r == 0) {
		r = take(&w, o, &result, e);
		json_clear(t, &w);
		if (r < 0)
			err_wrap(e, "%s", what);
	}
	if (r < 0) {
		if (r != -ENOMEM)
			e->cni = ERR_DECODE;
		return r;
	}
	*ret = result;
	result = (struct cni_result){ 0 };
	return 0;
}

int cni_result_parse(const char *text, size_t len, enum cni_version assumed, const char *what,
		     struct cni_result *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	*ret = (struct cni_result){ 0 };
	if (len > CNI_RESULT_TEXT_MAX)
		return err_code(e, ERR_DECODE, EFBIG, "%s: larger than the limit of %zu bytes", what,
				CNI_RESULT_TEXT_MAX);
	r = json_parse(text, len, what, &o, e);
	return r < 0 ? r : cni_result_decode(o, assumed, what, ret, e);
}
