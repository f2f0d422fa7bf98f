/* SPDX-License-Identifier: Apache-2.0 */
/* result_encode.c - struct cni_result into the document of any version */
#include <errno.h>

#include "base/own.h"
#include "cni/internal.h"
#include "cni/result.h"

/* The document came in the other of the two forms: ip4/ip6 before 0.3.0, lists since. */
static bool changes_form(const struct cni_result *r, enum cni_version v)
{
	return r->decoded && (r->version < CNI_V030) != (v < CNI_V030);
}

/* Every element: its unknown keys first, so that what we know stands above them. */
static int new_element(struct json_object *extra, struct json_object **ret, struct err *e)
{
	*ret = json_object_new_object();
	if (!*ret)
		return err_nomem(e);
	return cni_extra_put(extra, NULL, *ret, e);
}

static int set_int(struct json_object *o, const char *key, struct json_int v, struct err *e)
{
	return v.set ? json_set(o, key, json_object_new_int64(v.v), e) : 0;
}

static int set_prefix(struct json_object *o, const char *key, struct ip_prefix p, struct err *e)
{
	char text[IP_TEXT_MAX];

	return json_set_str(o, key, ip_prefix_format(p, text), e);
}

static int set_ip(struct json_object *o, const char *key, struct ip ip, struct err *e)
{
	char text[IP_TEXT_MAX];

	return ip.ver ? json_set_str(o, key, ip_format(ip, text), e) : 0;
}

static int encode_interface(const struct cni_interface *i, bool old, struct json_object **ret, struct err *e)
{
	int r = json_encode(old ? &cni_interface_old_table : &cni_interface_table, i, ret, e);

	return r < 0 ? r : cni_extra_put(i->extra, NULL, *ret, e);
}

static int encode_ip(const struct cni_ip_config *c, bool old, bool extra, struct json_object **ret,
		     struct err *e)
{
	int r = new_element(extra ? c->extra : NULL, ret, e);

	if (r == 0 && old)
		r = json_set_str(*ret, "version", c->address.ip.ver == 4 ? "4" : "6", e);
	if (r == 0)
		r = set_int(*ret, "interface", c->interface, e);
	if (r == 0)
		r = set_prefix(*ret, "address", c->address, e);
	return r < 0 ? r : set_ip(*ret, "gateway", c->gateway, e);
}

/* plain: dst and gw, nothing else */
static int encode_route(const struct cni_route *t, bool plain, struct json_object **ret, struct err *e)
{
	int r = new_element(plain ? NULL : t->extra, ret, e);

	if (r == 0)
		r = set_prefix(*ret, "dst", t->dst, e);
	if (r == 0)
		r = set_ip(*ret, "gw", t->gw, e);
	if (r < 0 || plain)
		return r;
	r = set_int(*ret, "mtu", t->mtu, e);
	if (r == 0)
		r = set_int(*ret, "advmss", t->advmss, e);
	if (r == 0)
		r = set_int(*ret, "priority", t->priority, e);
	if (r == 0)
		r = set_int(*ret, "table", t->table, e);
	return r < 0 ? r : set_int(*ret, "scope", t->scope, e);
}

/* An array under key; the caller appends to it while o owns it. */
static int new_list(struct json_object *o, const char *key, struct json_object **ret, struct err *e)
{
	*ret = json_object_new_array();
	return json_set(o, key, *ret, e);
}

static int append(struct json_object *list, int r, struct json_object *element, struct err *e)
{
	if (r < 0) {
		json_object_put(element);
		return r;
	}
	return json_append(list, element, e);
}

static int encode_interfaces(const struct cni_result *r, enum cni_version v, struct json_object *o,
			     struct err *e)
{
	/* Only on the way down are the newer members lost: an old document that has them keeps them. */
	bool old = v < CNI_V100 && !(r->decoded && r->version < CNI_V100);
	struct json_object *list, *element;
	int ret;

	if (!r->interfaces.set)
		return 0;
	ret = new_list(o, "interfaces", &list, e);
	for (size_t i = 0; i < r->interfaces.n && ret == 0; i++) {
		element = NULL;
		ret = encode_interface(&r->interfaces.v[i], old, &element, e);
		ret = append(list, ret, element, e);
	}
	return ret;
}

static int encode_ips(const struct cni_result *r, enum cni_version v, struct json_object *o, struct err *e)
{
	struct json_object *list, *element;
	int ret;

	if (!r->ips.set)
		return 0;
	ret = new_list(o, "ips", &list, e);
	for (size_t i = 0; i < r->ips.n && ret == 0; i++) {
		ret = encode_ip(&r->ips.v[i], v < CNI_V100, !changes_form(r, v), &element, e);
		ret = append(list, ret, element, e);
	}
	return ret;
}

/* The routes of one family, or of both with ver 0; no list when there are none, unless always. */
static int encode_routes(const struct cni_result *r, uint8_t ver, bool plain, bool always,
			 struct json_object *o, struct err *e)
{
	struct json_object *list = NULL, *element;
	int ret = always ? new_list(o, "routes", &list, e) : 0;

	for (size_t i = 0; i < r->routes.n && ret == 0; i++) {
		if (ver && r->routes.v[i].dst.ip.ver != ver)
			continue;
		if (!list)
			ret = new_list(o, "routes", &list, e);
		if (ret < 0)
			return ret;
		ret = encode_route(&r->routes.v[i], plain, &element, e);
		ret = append(list, ret, element, e);
	}
	return ret;
}

static const struct cni_ip_config *first_of(const struct cni_result *r, uint8_t ver)
{
	for (size_t i = 0; i < r->ips.n; i++)
		if (r->ips.v[i].address.ip.ver == ver)
			return &r->ips.v[i];
	return NULL;
}

/* ip4 or ip6: the first address of the family with all routes of the family. */
static int encode_family(const struct cni_result *r, uint8_t ver, const char *key, struct json_object *o,
			 struct err *e)
{
	const struct cni_ip_config *c = first_of(r, ver);
	bool plain = !(r->decoded && r->version < CNI_V030);
	struct json_object *f = NULL;
	int ret;

	if (!c)
		return 0;
	ret = new_element(plain ? NULL : c->extra, &f, e);
	if (ret == 0)
		ret = set_prefix(f, "ip", c->address, e);
	if (ret == 0)
		ret = set_ip(f, "gateway", c->gateway, e);
	if (ret == 0)
		ret = encode_routes(r, ver, plain, false, f, e);
	if (ret < 0) {
		json_object_put(f);
		return ret;
	}
	return json_set(o, key, f, e);
}

static int encode_dns(const struct cni_dns *d, enum cni_version v, struct json_object *o, struct err *e)
{
	bool empty = !d->nameservers.n && !d->search.n && !d->options.n && !d->domain && !d->extra;
	CLEANUP(json_put_p) struct json_object *dns = NULL;
	int r;

	/* Before 1.0.0 the libraries always print it, and somebody may rely on that. */
	if (empty && v >= CNI_V100)
		return 0;
	r = json_encode(&cni_dns_table, d, &dns, e);
	if (r == 0)
		r = cni_extra_put(d->extra, NULL, dns, e);
	return r < 0 ? r : json_set(o, "dns", TAKE_PTR(dns), e);
}

static int encode_addresses(const struct cni_result *r, enum cni_version v, struct json_object *o,
			    struct err *e)
{
	int ret;

	if (v < CNI_V030) {
		if (!r->ips.n)
			return err_code(
				e, ERR_CONFIG, EINVAL,
				"a CNI %s result needs an address and there is none: set cniVersion to "
				"0.3.0 or later",
				cni_version_text(v));
		ret = encode_family(r, 4, "ip4", o, e);
		return ret < 0 ? ret : encode_family(r, 6, "ip6", o, e);
	}
	ret = encode_interfaces(r, v, o, e);
	if (ret == 0)
		ret = encode_ips(r, v, o, e);
	return ret < 0 || !r->routes.set ? ret : encode_routes(r, 0, false, true, o, e);
}

int cni_result_encode(const struct cni_result *r, enum cni_version v, struct json_object **ret, struct err *e)
{
	/* some plugins print both forms in one document */
	static const char *const other_form[] = { "ip4", "ip6", "interfaces", "ips", "routes", NULL };
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	int err;

	*ret = NULL;
	if (!o)
		return err_nomem(e);
	err = json_set_str(o, "cniVersion", cni_version_text(v), e);
	if (err == 0)
		err = cni_extra_put(r->extra, changes_form(r, v) ? other_form : NULL, o, e);
	if (err == 0)
		err = encode_addresses(r, v, o, e);
	if (err == 0)
		err = encode_dns(&r->dns, v, o, e);
	if (err == 0)
		*ret = TAKE_PTR(o);
	return err;
}

int cni_result_print(const struct cni_result *r, enum cni_version v, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int err = cni_result_encode(r, v, &o, e);

	return err < 0 ? err : json_print(o, false, out, e);
}
