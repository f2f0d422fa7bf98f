/* SPDX-License-Identifier: Apache-2.0 */
/* candidates_subnet.c - pods that name subnets: the controller makes a pool for their application
 * (spec/ipam.md 2.6, 5.4) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "ipam/candidates_impl.h"

#define IP_NUMBER_MAX 9 /* digits */

/* Kinds of which the controller knows how many pods they have. */
static bool is_third_party(const struct ipam_owner *o)
{
	static const struct {
		const char *api_version, *kind;
	} known[] = {
		{ "apps/v1", "Deployment" },    { "apps/v1", "ReplicaSet" }, { "apps/v1", "StatefulSet" },
		{ "apps/v1", "DaemonSet" },     { "batch/v1", "Job" },       { "batch/v1", "CronJob" },
		{ "batch/v1beta1", "CronJob" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(o->api_version, known[i].api_version) == 0 && strcmp(o->kind, known[i].kind) == 0)
			return false;
	return true;
}

/* "N" or "+N"; what stands in front of the "+" means nothing. */
static int check_ip_number(const char *text, struct err *e)
{
	const char *plus = strchr(text, '+'), *digits = plus ? plus + 1 : text;
	size_t n = strspn(digits, "0123456789");

	if (n && n <= IP_NUMBER_MAX && !digits[n])
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL,
			"annotation " ANNOTATION_IP_NUMBER
			": \"%.64s\" is no number of addresses; want N, or +N for N more than pods",
			text);
}

static int check_reclaim(const char *text, struct err *e)
{
	static const char *const ok[] = { "true", "false", "1",    "0",     "t",    "f",
					  "T",    "F",     "TRUE", "FALSE", "True", "False" };

	for (size_t i = 0; i < ARRAY_LEN(ok); i++)
		if (strcmp(text, ok[i]) == 0)
			return 0;
	return err_code(e, ERR_CONFIG, EINVAL,
			"annotation " ANNOTATION_RECLAIM ": \"%.64s\"; want true or false", text);
}

static int check_application(const struct ipam_request *req, const char *annotation, struct err *e)
{
	const char *number = candidates_annotation(req, ANNOTATION_IP_NUMBER);
	const char *reclaim = candidates_annotation(req, ANNOTATION_RECLAIM);
	const struct ipam_owner *o = &req->owner;
	int r = number ? check_ip_number(number, e) : 0;

	if (r == 0 && reclaim)
		r = check_reclaim(reclaim, e);
	if (r < 0)
		return r;
	if (!o->kind || !o->kind[0] || strcmp(o->kind, "Pod") == 0)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"annotation %s: pod %s/%s belongs to no controller (Deployment, StatefulSet "
			"...), and pools are made for those only; name a pool with " ANNOTATION_IPPOOL,
			annotation, req->ns, req->pod);
	if (is_third_party(o) && !number)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: how many pods %s %s/%s (%s) has is not known; say with "
				"annotation " ANNOTATION_IP_NUMBER " how many addresses its pool is to have",
				annotation, o->kind, o->ns, o->name, o->api_version);
	return 0;
}

/* The first name counts. */
static int check_subnet(const char *annotation, const char *nic, const char *family,
			const struct json_strv *names, struct err *e)
{
	if (!names->n)
		return 0;
	if (!names->v[0][0] || strlen(names->v[0]) > STORE_NAME_MAX)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: interface %s: %s[0]: \"%.64s\" is no name of a subnet; want "
				"1 to %d bytes",
				annotation, nic, family, names->v[0], STORE_NAME_MAX);
	if (api_is_wildcard(names->v[0]))
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: interface %s: %s[0]: \"%.64s\": a subnet is named without "
				"wildcards",
				annotation, nic, family, names->v[0]);
	return 0;
}

static int check_item(const char *annotation, const struct candidate_nic *n, const char *nic, struct err *e)
{
	int r;

	if (!cni_ifname_ok(nic))
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: \"%.64s\" is no name of an interface; want 1 to 15 bytes "
				"without \"/\", \":\" and white space",
				annotation, nic);
	if (!n->ipv4.n && !n->ipv6.n)
		return err_code(e, ERR_CONFIG, EINVAL, "annotation %s: interface %s: names no subnet",
				annotation, nic);
	r = check_subnet(annotation, nic, "ipv4", &n->ipv4, e);
	return r < 0 ? r : check_subnet(annotation, nic, "ipv6", &n->ipv6, e);
}

/* The NIC of the request takes the item's subnets, those of them that count. */
static int take_item(struct candidates *c, const struct ipam_conf *conf, const struct ipam_request *req,
		     const struct candidate_nic *item, const char *made_for, struct err *e)
{
	struct candidate_nic *n;
	int r = candidates_own_nic(c, req, conf->clean_gateway, e);

	if (r < 0)
		return r;
	n = &c->nics.v[0];
	n->made_for = strdup(made_for);
	if (!n->made_for)
		return err_nomem(e);
	if (item->ipv4.n)
		r = json_strv_add(&n->ipv4, item->ipv4.v[0], e);
	if (r == 0 && item->ipv6.n)
		r = json_strv_add(&n->ipv6, item->ipv6.v[0], e);
	return r;
}

/* ---- subnet: one for all NICs; the pool is made for its interface, whichever NIC asks ---- */

static int rule_subnet(const struct ipam_conf *conf, const struct ipam_request *req, const char *text,
		       struct candidates *c, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct candidate_nic item;
	const char *nic;
	int r = candidates_parse(ANNOTATION_SUBNET, text, &tree, e);

	if (r < 0)
		return r;
	if (json_decode(&candidate_nic_table, tree, NULL, &item, e) < 0)
		return candidates_bad(e, ANNOTATION_SUBNET);
	nic = item.nic && item.nic[0] ? item.nic : "eth0";
	r = check_item(ANNOTATION_SUBNET, &item, nic, e);
	if (r == 0)
		r = take_item(c, conf, req, &item, nic, e);
	json_clear(&candidate_nic_table, &item);
	return r;
}

/* ---- subnets: an item for each NIC ---- */

static bool same_first(const struct json_strv *a, const struct json_strv *b)
{
	return a->n && b->n && strcmp(a->v[0], b->v[0]) == 0;
}

static int check_pair(const struct candidate_nic *a, const struct candidate_nic *b, struct err *e)
{
	bool v4 = same_first(&a->ipv4, &b->ipv4);

	if (strcmp(a->nic, b->nic) == 0)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_SUBNETS ": interface %s is named twice", a->nic);
	if (v4 || same_first(&a->ipv6, &b->ipv6))
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_SUBNETS
				": subnet %s is named for interface %s and for %s; want another one for each",
				v4 ? a->ipv4.v[0] : a->ipv6.v[0], b->nic, a->nic);
	return 0;
}

static int check_items(const struct candidates *all, struct err *e)
{
	if (!all->nics.n || all->nics.n > IPAM_NICS_MAX)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation " ANNOTATION_SUBNETS
				": %zu items, no subnet is specified; want 1 to %d",
				all->nics.n, IPAM_NICS_MAX);
	for (size_t i = 0; i < all->nics.n; i++) {
		const struct candidate_nic *n = &all->nics.v[i];
		int r = check_item(ANNOTATION_SUBNETS, n, n->nic ? n->nic : "", e);

		for (size_t k = 0; r == 0 && k < i; k++)
			r = check_pair(n, &all->nics.v[k], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each NIC's own ADD looks for its pool only. */
static int rule_subnets(const struct ipam_conf *conf, const struct ipam_request *req, const char *text,
			struct candidates *c, struct err *e)
{
	struct candidates all = { 0 };
	int r = candidates_items(ANNOTATION_SUBNETS, text, &candidates_nics_table, &all, e);
	bool own = false;

	if (r < 0)
		return r;
	r = check_items(&all, e);
	for (size_t i = 0; r == 0 && i < all.nics.n && !own; i++) {
		own = strcmp(all.nics.v[i].nic, req->nic) == 0;
		if (own)
			r = take_item(c, conf, req, &all.nics.v[i], req->nic, e);
	}
	if (r == 0 && !own)
		r = err_code(e, ERR_CONFIG, EINVAL,
			     "annotation " ANNOTATION_SUBNETS
			     ": interface %s of this network is not among its items",
			     req->nic);
	candidates_clear(&all);
	return r;
}

int candidates_subnets(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *c,
		       struct err *e)
{
	const char *subnets = candidates_annotation(req, ANNOTATION_SUBNETS);
	const char *subnet = candidates_annotation(req, ANNOTATION_SUBNET);
	const char *found = subnets ? ANNOTATION_SUBNETS : ANNOTATION_SUBNET;
	int r;

	if (!conf->enable_subnet || (!subnets && !subnet))
		return 0;
	if (!conf->enable_auto_pool)
		return err_code(e, ERR_CONFIG, EINVAL,
				"annotation %s: pools for applications are switched off in this cluster "
				"(enableAutoPoolForApplication); name a pool with " ANNOTATION_IPPOOL,
				found);
	c->rule = subnets ? RULE_SUBNETS : RULE_SUBNET;
	r = subnets ? rule_subnets(conf, req, subnets, c, e) : rule_subnet(conf, req, subnet, c, e);
	if (r == 0)
		r = check_application(req, found, e);
	return r < 0 ? r : 1;
}
