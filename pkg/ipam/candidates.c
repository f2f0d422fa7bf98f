/* SPDX-License-Identifier: Apache-2.0 */
/* candidates.c - which pools a pod asks for */
#include "ipam/candidates_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "ipam/networks.h"

#define ANNOTATION_MAX ((size_t)64 << 10)

static const char *const rule_names[RULE_MAX] = {
	[RULE_SUBNETS] = "annotation " ANNOTATION_SUBNETS,
	[RULE_SUBNET] = "annotation " ANNOTATION_SUBNET,
	[RULE_IPPOOLS] = "annotation " ANNOTATION_IPPOOLS,
	[RULE_IPPOOL] = "annotation " ANNOTATION_IPPOOL,
	[RULE_NAMESPACE] = "annotations " ANNOTATION_DEFAULT_IPV4 "/default-ipv6-ippool of the namespace",
	[RULE_NETWORK] = "default_ipv4_ippool/default_ipv6_ippool of the network configuration",
	[RULE_DEFAULT] = "pools with spec.default: true",
};

const char *rule_name(enum rule r)
{
	return rule_names[r];
}

/* ---- shapes of the annotations ---- */

static const struct json_field pool_item_fields[] = {
	JF(struct candidate_nic, nic, "interface"),
	JF(struct candidate_nic, ipv4, "ipv4"),
	JF(struct candidate_nic, ipv6, "ipv6"),
	JF(struct candidate_nic, clean_gateway, "cleangateway"),
};
const struct json_table candidate_nic_table = JSON_TABLE(struct candidate_nic, "value", pool_item_fields);

/* An annotation whose text is an array is decoded as the only member of an object. */
static const struct json_field nics_fields[] = {
	JL(struct candidates, nics, "items", &candidate_nic_table, .flags = JSON_REQUIRED),
};
const struct json_table candidates_nics_table = JSON_TABLE(struct candidates, "ippools", nics_fields);

static const struct json_field routes_fields[] = {
	JL(struct candidates, routes, "items", &api_route_table, .flags = JSON_REQUIRED),
};
static const struct json_table routes_table = JSON_TABLE(struct candidates, "routes", routes_fields);

struct names {
	struct json_strv items;
};
static const struct json_field names_fields[] = {
	JF(struct names, items, "items", .flags = JSON_REQUIRED),
};
static const struct json_table names_table = JSON_TABLE(struct names, "names", names_fields);

/* Everything candidates own, for clear. */
static const struct json_field nic_fields[] = {
	JF(struct candidate_nic, nic, "nic"),
	JF(struct candidate_nic, ipv4, "ipv4"),
	JF(struct candidate_nic, ipv6, "ipv6"),
	JF(struct candidate_nic, made_for, "madeFor"),
};
static const struct json_table nic_table = JSON_TABLE(struct candidate_nic, "nic", nic_fields);
static const struct json_field all_fields[] = {
	JL(struct candidates, nics, "nics", &nic_table),
	JL(struct candidates, routes, "routes", &api_route_table),
};
static const struct json_table all_table = JSON_TABLE(struct candidates, "candidates", all_fields);

const char *candidates_annotation(const struct ipam_request *req, const char *key)
{
	return req->annotations ? json_map_get(req->annotations, key) : NULL;
}

void candidates_clear(struct candidates *c)
{
	json_clear(&all_table, c);
}

int candidates_bad(struct err *e, const char *annotation)
{
	if (e->sys != ENOMEM) {
		e->cni = ERR_CONFIG;
		e->sys = EINVAL;
	}
	return err_wrap(e, "annotation %s", annotation);
}

int candidates_parse(const char *annotation, const char *text, struct json_object **ret, struct err *e)
{
	if (strlen(text) > ANNOTATION_MAX)
		return err_code(e, ERR_CONFIG, EINVAL, "annotation %s: longer than %zu bytes", annotation,
				ANNOTATION_MAX);
	if (json_parse(text, strlen(text), "value", ret, e) < 0)
		return candidates_bad(e, annotation);
	if (!*ret)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: value is null; want what it stands for, or no annotation",
				annotation);
	return 0;
}

int candidates_items(const char *annotation, const char *text, const struct json_table *table, void *out,
		     struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL, *wrap = json_object_new_object();
	int r;

	if (!wrap)
		return err_nomem(e);
	r = candidates_parse(annotation, text, &tree, e);
	if (r < 0)
		return r;
	r = json_set(wrap, "items", TAKE_PTR(tree), e);
	if (r == 0)
		r = json_decode(table, wrap, NULL, out, e);
	return r < 0 ? candidates_bad(e, annotation) : 0;
}

/* ---- checks (spec/ipam.md 2.6) ---- */

static int check_names(const char *source, const char *nic, const char *family, const struct json_strv *names,
		       struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!names->v[i][0])
			return err_code(e, ERR_CONFIG, EINVAL, "%s: NIC %s: %s[%zu]: empty pool name", source,
					nic, family, i);
		if (strlen(names->v[i]) > STORE_NAME_MAX)
			return err_code(
				e, ERR_CONFIG, EINVAL,
				"%s: NIC %s: %s[%zu]: \"%.64s...\" is longer than the %d bytes of a name",
				source, nic, family, i, names->v[i], STORE_NAME_MAX);
		for (size_t k = 0; k < i; k++)
			if (strcmp(names->v[i], names->v[k]) == 0)
				return err_code(e, ERR_CONFIG, EINVAL,
						"%s: NIC %s: %s: pool %s is named twice", source, nic, family,
						names->v[i]);
	}
	return 0;
}

static int check_nic_names(const struct candidate_nic *n, const char *source, struct err *e)
{
	int r = check_names(source, n->nic, "ipv4", &n->ipv4, e);

	return r < 0 ? r : check_names(source, n->nic, "ipv6", &n->ipv6, e);
}

/* Either all items name their NIC or none does; unnamed items are eth0 and then the pod's networks in their
 * order. */
static int name_nics(struct candidates *c, const struct ipam_request *req, struct err *e)
{
	size_t named = 0;

	for (size_t i = 0; i < c->nics.n; i++)
		named += c->nics.v[i].nic && c->nics.v[i].nic[0];
	if (named == c->nics.n)
		return 0;
	if (named)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_IPPOOLS
				": %zu of %zu items name an interface; want all of them or none",
				named, c->nics.n);
	for (size_t i = 0; i < c->nics.n; i++) {
		int r = networks_nic_name(candidates_annotation(req, ANNOTATION_NETWORKS), i,
					  &c->nics.v[i].nic, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_ippools(const struct candidates *c, const struct ipam_request *req, struct err *e)
{
	bool own = false;

	if (!c->nics.n || c->nics.n > IPAM_NICS_MAX)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_IPPOOLS ": %zu items; want 1 to %d", c->nics.n,
				IPAM_NICS_MAX);
	for (size_t i = 0; i < c->nics.n; i++) {
		const struct candidate_nic *n = &c->nics.v[i];
		int r;

		if (!cni_ifname_ok(n->nic))
			return err_code(
				e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_IPPOOLS
				": \"%.64s\" is no name of an interface; want 1 to 15 bytes without \"/\", "
				"\":\" and white space",
				n->nic);
		r = check_nic_names(n, rule_name(RULE_IPPOOLS), e);
		if (r < 0)
			return r;
		if (!n->ipv4.n && !n->ipv6.n)
			return err_code(e, ERR_CONFIG, EINVAL,
					"annotation " ANNOTATION_IPPOOLS ": interface %s: names no pool",
					n->nic);
		for (size_t k = 0; k < i; k++)
			if (strcmp(n->nic, c->nics.v[k].nic) == 0)
				return err_code(e, ERR_CONFIG, EINVAL,
						"annotation " ANNOTATION_IPPOOLS
						": interface %s is named twice",
						n->nic);
		own |= strcmp(n->nic, req->nic) == 0;
	}
	if (!own)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_IPPOOLS
				": interface %s of this network is not among its items",
				req->nic);
	return 0;
}

/* ---- rules ---- */

static int rule_ippools(const struct ipam_request *req, const char *text, struct candidates *c, struct err *e)
{
	int r = candidates_items(ANNOTATION_IPPOOLS, text, &candidates_nics_table, c, e);

	c->rule = RULE_IPPOOLS;
	if (r == 0)
		r = name_nics(c, req, e);
	return r < 0 ? r : check_ippools(c, req, e);
}

int candidates_own_nic(struct candidates *c, const struct ipam_request *req, bool clean_gateway,
		       struct err *e)
{
	struct candidate_nic *n = calloc(1, sizeof(*n));

	if (!n)
		return err_nomem(e);
	c->nics.v = n;
	c->nics.n = 1;
	c->nics.set = true;
	n->clean_gateway = clean_gateway;
	n->nic = strdup(req->nic);
	return n->nic ? 0 : err_nomem(e);
}

static int rule_ippool(const struct ipam_conf *conf, const struct ipam_request *req, const char *text,
		       struct candidates *c, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct candidate_nic item;
	int r = candidates_parse(ANNOTATION_IPPOOL, text, &tree, e);

	if (r < 0)
		return r;
	if (json_decode(&candidate_nic_table, tree, NULL, &item, e) < 0)
		return candidates_bad(e, ANNOTATION_IPPOOL);
	r = candidates_own_nic(c, req, conf->clean_gateway, e);
	if (r == 0) {
		c->nics.v[0].ipv4 = item.ipv4;
		c->nics.v[0].ipv6 = item.ipv6;
		item.ipv4 = item.ipv6 = (struct json_strv){ 0 };
	}
	json_clear(&candidate_nic_table, &item);
	if (r < 0)
		return r;
	if (!c->nics.v[0].ipv4.n && !c->nics.v[0].ipv6.n)
		return err_code(e, ERR_CONFIG, EINVAL, "annotation " ANNOTATION_IPPOOL ": names no pool");
	return check_nic_names(&c->nics.v[0], rule_name(RULE_IPPOOL), e);
}

/* An annotation of the namespace that is a list of names; 1 when it names any. */
static int namespace_names(const struct ipam_request *req, const char *key, struct json_strv *ret,
			   struct err *e)
{
	const char *text = req->ns_annotations ? json_map_get(req->ns_annotations, key) : NULL;
	struct names names;
	int r;

	if (!text)
		return 0;
	r = candidates_items(key, text, &names_table, &names, e);
	if (r < 0)
		return err_wrap(e, "namespace %s", req->ns);
	*ret = names.items;
	return ret->n > 0;
}

/* 1 when the namespace names pools of either family. */
static int rule_namespace(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *c,
			  struct err *e)
{
	struct json_strv v4 = { 0 }, v6 = { 0 };
	int r4 = namespace_names(req, ANNOTATION_DEFAULT_IPV4, &v4, e);
	int r6 = r4 < 0 ? r4 : namespace_names(req, ANNOTATION_DEFAULT_IPV6, &v6, e);
	int r = r6 < 0 ? r6 : r4 || r6;

	if (r > 0 && candidates_own_nic(c, req, conf->clean_gateway, e) < 0)
		r = -ENOMEM;
	if (r <= 0) {
		json_strv_clear(&v4);
		json_strv_clear(&v6);
		return r;
	}
	c->rule = RULE_NAMESPACE;
	c->nics.v[0].ipv4 = v4;
	c->nics.v[0].ipv6 = v6;
	r = check_nic_names(&c->nics.v[0], rule_name(RULE_NAMESPACE), e);
	return r < 0 ? r : 1;
}

static int rule_network(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *c,
			struct err *e)
{
	int r = candidates_own_nic(c, req, conf->clean_gateway, e);

	if (r == 0 && conf->default_ipv4)
		r = json_strv_copy(conf->default_ipv4, &c->nics.v[0].ipv4, e);
	if (r == 0 && conf->default_ipv6)
		r = json_strv_copy(conf->default_ipv6, &c->nics.v[0].ipv6, e);
	return r < 0 ? r : check_nic_names(&c->nics.v[0], rule_name(RULE_NETWORK), e);
}

static bool has_names(const struct json_strv *l)
{
	return l && l->n;
}

static int select_rule(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *c,
		       struct err *e)
{
	const char *ippools = candidates_annotation(req, ANNOTATION_IPPOOLS);
	const char *ippool = candidates_annotation(req, ANNOTATION_IPPOOL);
	int r = conf->cluster ? candidates_subnets(conf, req, c, e) : 0;

	if (r)
		return r < 0 ? r : 0;
	if (ippools)
		return rule_ippools(req, ippools, c, e);
	if (ippool) {
		c->rule = RULE_IPPOOL;
		return rule_ippool(conf, req, ippool, c, e);
	}
	r = rule_namespace(conf, req, c, e);
	if (r)
		return r < 0 ? r : 0;
	if (has_names(conf->default_ipv4) || has_names(conf->default_ipv6)) {
		c->rule = RULE_NETWORK;
		return rule_network(conf, req, c, e);
	}
	c->rule = RULE_DEFAULT;
	return candidates_own_nic(c, req, conf->clean_gateway, e);
}

/* Pools for an application are made by the controller; without it a pod that counts on them must not get an
 * address from somewhere else. */
static int refuse_subnet(const struct ipam_request *req, struct err *e)
{
	const char *found = candidates_annotation(req, ANNOTATION_SUBNETS)  ? ANNOTATION_SUBNETS
			    : candidates_annotation(req, ANNOTATION_SUBNET) ? ANNOTATION_SUBNET
									    : NULL;

	if (!found)
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL,
			"annotation %s: pools for applications are made by spiderpool-controller, which this "
			"datastore "
			"does not have; name a pool with " ANNOTATION_IPPOOL,
			found);
}

static int read_routes(const struct ipam_request *req, struct candidates *c, struct err *e)
{
	const char *text = candidates_annotation(req, ANNOTATION_ROUTES);
	struct candidates tmp;
	int r;

	if (!text)
		return 0;
	r = candidates_items(ANNOTATION_ROUTES, text, &routes_table, &tmp, e);
	if (r < 0)
		return r;
	memcpy(&c->routes, &tmp.routes, sizeof(c->routes));
	for (size_t i = 0; i < c->routes.n; i++) {
		const struct api_route *rt = &c->routes.v[i];
		struct ip_prefix dst;
		struct ip gw;

		if (!rt->dst || !rt->gw)
			return err_code(e, ERR_CONFIG, EINVAL,
					"annotation " ANNOTATION_ROUTES ": item %zu has no %s", i,
					rt->dst ? "gw" : "dst");
		if (ip_prefix_parse(rt->dst, &dst, e) < 0 || ip_parse(rt->gw, &gw, e) < 0)
			return candidates_bad(e, ANNOTATION_ROUTES);
		if (dst.ip.ver != gw.ver)
			return err_code(e, ERR_CONFIG, EINVAL,
					"annotation " ANNOTATION_ROUTES
					": dst %s and gw %s are of different families",
					rt->dst, rt->gw);
	}
	return 0;
}

int candidates_select(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *ret,
		      struct err *e)
{
	int r;

	*ret = (struct candidates){ 0 };
	r = conf->cluster ? 0 : refuse_subnet(req, e);
	if (r == 0)
		r = select_rule(conf, req, ret, e);
	if (r == 0)
		r = read_routes(req, ret, e);
	if (r < 0)
		candidates_clear(ret);
	return r;
}
