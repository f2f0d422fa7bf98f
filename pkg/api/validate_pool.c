/* SPDX-License-Identifier: Apache-2.0 */
/* validate_pool.c - the rules of SpiderIPPool */
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "base/own.h"

/* In a pool made for an application podAffinity names the application: these are compared with the Pod's top
 * controller and are no labels of Pods. */
static const char *const app_keys[] = {
	"ipam.spidernet.io/app-api-group", "ipam.spidernet.io/app-api-version", "ipam.spidernet.io/app-kind",
	"ipam.spidernet.io/app-namespace", "ipam.spidernet.io/app-name",
};

/* By these the controller and agents find the pool of an application. That of its subnet is put right where
 * defaults are; that it is kept when the application goes may be changed by anybody. */
static const char *const app_labels[] = {
	API_LABEL_APP_NAME,
	"ipam.spidernet.io/owner-application-gv",
	"ipam.spidernet.io/owner-application-kind",
	"ipam.spidernet.io/owner-application-namespace",
	"ipam.spidernet.io/owner-application-uid",
	"ipam.spidernet.io/interface",
	"ipam.spidernet.io/ip-version",
};

static const char *app_name(const struct api_ippool *p)
{
	return p ? json_map_get(&p->obj.meta.labels, API_LABEL_APP_NAME) : NULL;
}

/* ---- whose it is ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool has_all(const struct json_map *m, const struct json_map *of)
{
	for (size_t i = 0; i < of->n; i++) {
		if (!same_text(json_map_get(m, of->v[i].key), of->v[i].value))
			return false;
	}
	return true;
}

static bool same_app(const struct api_selector *a, const struct api_selector *b)
{
	static const struct json_map none = { 0 };
	const struct json_map *x = a ? &a->match_labels : &none, *y = b ? &b->match_labels : &none;

	return has_all(x, y) && has_all(y, x);
}

int validate_pool_identity(const struct api_ippool *p, const struct api_ippool *old,
			   const struct api_world *w, struct err *e)
{
	const char *app = app_name(old);

	if (!w->guard_apps || w->by_controller || (!app && !app_name(p)))
		return 0;
	if (!app)
		return check_failed(e,
				    "metadata.labels[%s]: only the controller makes pools for applications: "
				    "leave it out, or give the application the annotation "
				    "ipam.spidernet.io/subnet",
				    API_LABEL_APP_NAME);
	for (size_t i = 0; i < ARRAY_LEN(app_labels); i++) {
		const char *was = json_map_get(&old->obj.meta.labels, app_labels[i]);

		if (!same_text(was, json_map_get(&p->obj.meta.labels, app_labels[i])))
			return check_failed(e,
					    "metadata.labels[%s]: cannot change from %s: made for "
					    "application %s by the controller",
					    app_labels[i], was ? was : "none", app);
	}
	if (!same_app(old->spec.pod_affinity, p->spec.pod_affinity))
		return check_failed(e,
				    "spec.podAffinity: matchLabels: cannot change: made for application %s "
				    "by the controller",
				    app);
	return 0;
}

/* ---- who may use it ---- */

static bool is_app_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(app_keys); i++) {
		if (strcmp(key, app_keys[i]) == 0)
			return true;
	}
	return false;
}

static int check_app_affinity(const struct api_selector *s, struct err *e)
{
	if (s->match_expressions.n)
		return check_failed(e, "matchExpressions: not allowed in a pool made for an application");
	for (size_t i = 0; i < s->match_labels.n; i++) {
		const struct json_map_entry *l = &s->match_labels.v[i];

		if (!is_app_key(l->key))
			return check_failed(
				e,
				"matchLabels[%s]: not allowed in a pool made for an application: want "
				"only the keys ipam.spidernet.io/app-...",
				l->key);
		/* The group of Kubernetes' core is the only thing of an application that can be "". */
		if (!*l->value && strcmp(l->key, app_keys[0]) != 0)
			return check_failed(e, "matchLabels[%s]: \"\": want what the application has",
					    l->key);
	}
	return 0;
}

static int check_pod_affinity(const struct api_ippool *p, struct err *e)
{
	const struct api_selector *s = p->spec.pod_affinity;
	bool app = app_name(p);
	int r;

	if (!s)
		return 0;
	if (!s->match_labels.n && !s->match_expressions.n)
		return check_failed(e,
				    "spec.podAffinity: empty: want matchLabels or matchExpressions, or leave "
				    "it out to let every Pod use the pool");
	/* Names of applications are longer than labels may be. */
	r = check_selector(s, app ? NAME_MAX_LEN : LABEL_VALUE_MAX, e);
	if (r == 0 && app)
		r = check_app_affinity(s, e);
	return r < 0 ? err_wrap(e, "spec.podAffinity") : 0;
}

/* "name" or "namespace/name" */
static int check_network_name(const char *s, struct err *e)
{
	CLEANUP(free_p) char *ns = NULL;
	const char *slash = strchr(s, '/');

	if (!slash)
		return check_dns_subdomain(s, e);
	ns = strndup(s, (size_t)(slash - s));
	if (!ns)
		return err_nomem(e);
	if (check_dns_label(ns, e) < 0)
		return err_wrap(e, "%s: namespace", s);
	if (check_dns_subdomain(slash + 1, e) < 0)
		return err_wrap(e, "%s: name", s);
	return 0;
}

static int check_names(const char *field, const struct json_strv *l, int (*check)(const char *, struct err *),
		       struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		if (check(l->v[i], e) < 0)
			return err_wrap(e, "spec.%s[%zu]", field, i);
	}
	return 0;
}

static int check_optional_selector(const char *field, const struct api_selector *s, struct err *e)
{
	if (!s || check_selector(s, LABEL_VALUE_MAX, e) == 0)
		return 0;
	return err_wrap(e, "spec.%s", field);
}

static int check_affinities(const struct api_ippool *p, struct err *e)
{
	const struct api_ippool_spec *s = &p->spec;
	int r;

	r = check_pod_affinity(p, e);
	if (r == 0)
		r = check_optional_selector("namespaceAffinity", s->namespace_affinity, e);
	if (r == 0)
		r = check_optional_selector("nodeAffinity", s->node_affinity, e);
	if (r == 0)
		r = check_names("namespaceName", &s->namespace_name, check_dns_label, e);
	if (r == 0)
		r = check_names("nodeName", &s->node_name, check_dns_subdomain, e);
	if (r == 0)
		r = check_names("multusName", &s->multus_name, check_network_name, e);
	return r;
}

/* ---- other objects ---- */

/* Two pools of one network share no address. */
static int check_apart(const struct ip_set *total, const struct api_ippool *other, struct err *e)
{
	struct ip_set others, common;
	char text[SUMMARY_MAX];
	int r;

	r = api_other_total(API_IPPOOL, &other->obj, &other->spec.range, &others, e);
	if (r < 0)
		return r;
	r = ip_set_copy(total, &common, e);
	if (r == 0)
		r = ip_set_intersect(&common, &others, e);
	if (r == 0 && common.n)
		r = check_failed(e,
				 "spec.ips: %s: SpiderIPPool %s has them too: leave them to one of the two",
				 check_summary(&common, text), api_name_of(&other->obj));
	ip_set_clear(&common);
	ip_set_clear(&others);
	return r;
}

static int check_other_pools(const struct api_ippool *p, const struct check_facts *f,
			     const struct ip_set *added, bool create, const struct api_world *w,
			     struct err *e)
{
	for (size_t i = 0; i < w->n_pools; i++) {
		const struct api_ippool *other = w->pools[i];
		struct ip_prefix network;
		int r = 0;

		if (strcmp(api_name_of(&other->obj), api_name_of(&p->obj)) == 0) {
			if (!create)
				continue;
			return err_code(e, ERR_CONFIG, EEXIST, "already exists: choose another name");
		}
		if (!api_read_network(&other->spec.range, &network))
			continue;
		if (ip_prefix_equal(network, f->subnet))
			r = check_apart(added, other, e);
		else if (create && ip_prefix_overlaps(network, f->subnet))
			r = check_failed(e,
					 "spec.subnet: %s: overlaps %s of SpiderIPPool %s: want the same "
					 "network or one "
					 "apart from it",
					 p->spec.range.subnet, other->spec.range.subnet,
					 api_name_of(&other->obj));
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_owner(const struct api_ippool *p, const struct ip_set *added, const struct api_world *w,
		       struct err *e)
{
	const struct api_subnet *owner = api_find_owner(&p->spec.range, w);
	struct ip_set total;
	char why[NAME_MAX_LEN + 128];
	int r;

	if (!owner)
		return 0;
	r = api_other_total(API_SUBNET, &owner->obj, &owner->spec, &total, e);
	if (r < 0)
		return r;
	snprintf(why, sizeof(why), "not in SpiderSubnet %s: add them to its spec.ips first",
		 api_name_of(&owner->obj));
	r = check_inside(added, &total, why, e);
	ip_set_clear(&total);
	return r;
}

/* What the pool has had before is its own, also when another has it too, or its subnet has not: such a pool
 * can be disabled, and shrink step by step. */
static int check_others(const struct api_ippool *p, const struct api_ippool *old, const struct check_facts *f,
			const struct api_world *w, struct err *e)
{
	struct ip_set added = { 0 }, before = { 0 };
	int r = old ? api_try_total(&old->spec.range, &before, e) : 0, had = r;

	if (r >= 0)
		r = ip_set_copy(&f->total, &added, e);
	if (r == 0 && had)
		r = ip_set_subtract(&added, &before, e);
	if (r == 0 && (!old || added.n)) {
		r = check_other_pools(p, f, &added, !old, w, e);
		if (r == 0)
			r = check_owner(p, &added, w, e);
	}
	ip_set_clear(&before);
	ip_set_clear(&added);
	return r;
}

/* ---- updates ---- */

static bool same_set(const struct ip_set *a, const struct ip_set *b)
{
	return ip_set_contains(a, b) && ip_set_contains(b, a);
}

/* The addresses of a pool made for an application are the controller's business. */
static int check_sizing(const struct api_ippool *p, const struct api_ippool *old, const struct ip_set *total,
			const struct ip_set *old_total, const struct api_world *w, struct err *e)
{
	const char *app = app_name(old) ? app_name(old) : app_name(p);

	if (!app || !w->guard_apps || w->by_controller || (old_total && same_set(total, old_total)))
		return 0;
	return check_failed(
		e,
		"spec.ips: made for application %s and sized by the controller: change the annotation "
		"ipam.spidernet.io/ippool-ip-number of the application",
		app);
}

static int check_pool_kept(const struct api_ippool *p, const struct api_ippool *old,
			   const struct check_facts *f, const struct api_world *w, struct err *e)
{
	struct ip_set set;
	const struct ip_set *old_total;
	char why[256];
	int r;

	r = api_try_total(&old->spec.range, &set, e);
	if (r < 0)
		return r;
	/* An old spec that cannot be read has no say, but what is held must stay all the same. */
	old_total = r ? &set : NULL;
	snprintf(why, sizeof(why), "in use: %s; spec.disable keeps others from taking them",
		 check_held_advice(w));
	r = check_sizing(p, old, &f->total, old_total, w, e);
	if (r == 0 && w->held)
		r = check_kept(w->held, old_total, &f->total, why, e);
	ip_set_clear(&set);
	return r;
}

static int check_pool_rules(const struct api_ippool *p, const struct api_ippool *old,
			    const struct check_facts *f, const struct api_world *w, struct err *e)
{
	int r;

	r = validate_pool_identity(p, old, w, e);
	if (r == 0)
		r = check_affinities(p, e);
	if (r == 0)
		r = check_others(p, old, f, w, e);
	if (r == 0 && old)
		r = check_pool_kept(p, old, f, w, e);
	return r;
}

int validate_pool(const struct api_ippool *p, const struct api_ippool *old, const struct api_world *w,
		  struct err *e)
{
	struct check_facts facts = { 0 };
	int r = 0;

	if (old)
		r = check_version_kept(&old->spec.range.ip_version, &p->spec.range.ip_version, e);
	if (r == 0 && old)
		r = check_subnet_kept(old->spec.range.subnet, p->spec.range.subnet, e);
	if (r == 0)
		r = check_range(&p->spec.range, w, !old, &facts, e);
	if (r == 0)
		r = check_pool_rules(p, old, &facts, w, e);
	check_facts_clear(&facts);
	return r;
}
