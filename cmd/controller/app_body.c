/* SPDX-License-Identifier: Apache-2.0 */
/* app_body.c - the pool of an application as the API server is given it */
#include "app_body.h"

#include <errno.h>
#include <string.h>

#include "api/tables.h"
#include "base/own.h"
#include "ipam/candidates.h"

static int set_bool(struct json_object *o, const char *key, bool v, struct err *e)
{
	return json_set(o, key, json_object_new_boolean(v), e);
}

/* A new object of o under key; NULL, and *e, without memory. */
static struct json_object *member(struct json_object *o, const char *key, struct err *e)
{
	struct json_object *m = json_object_new_object();

	return json_set(o, key, m, e) == 0 ? m : NULL;
}

/* The values of m under key of o that have does not have; have NULL: all. */
static int set_map(struct json_object *o, const char *key, const struct json_map *m,
		   const struct json_map *have, struct err *e)
{
	struct json_object *to = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const char *v = have ? json_map_get(have, m->v[i].key) : NULL;

		if (v && !strcmp(v, m->v[i].value))
			continue;
		to = to ? to : member(o, key, e);
		r = to ? json_set_str(to, m->v[i].key, m->v[i].value, e) : -ENOMEM;
	}
	return r < 0 ? r : to != NULL;
}

static int set_ips(struct json_object *spec, const struct ip_set *ips, struct err *e)
{
	struct json_object *list = json_object_new_array();
	char text[IP_RANGE_MAX];
	int r = json_set(spec, "ips", list, e);

	for (size_t i = 0; r == 0 && i < ips->n; i++)
		r = json_append(list, json_object_new_string(ip_range_format(ips->ver, ips->r[i], text)), e);
	return r;
}

/* ---- a new one ---- */

static int set_owner(struct json_object *meta, const struct api_object *subnet, struct err *e)
{
	struct json_object *refs = json_object_new_array(), *ref;
	int r = json_set(meta, "ownerReferences", refs, e);

	if (r < 0)
		return r;
	ref = json_object_new_object();
	r = json_append(refs, ref, e);
	if (r == 0)
		r = json_set_str(ref, "apiVersion", API_VERSION, e);
	if (r == 0)
		r = json_set_str(ref, "kind", api_kinds[API_SUBNET].kind, e);
	if (r == 0)
		r = json_set_str(ref, "name", subnet->meta.name, e);
	if (r == 0)
		r = json_set_str(ref, "uid", subnet->meta.uid, e);
	if (r == 0)
		r = set_bool(ref, "controller", true, e);
	if (r == 0)
		r = set_bool(ref, "blockOwnerDeletion", true, e);
	return r;
}

static int set_finalizer(struct json_object *meta, struct err *e)
{
	struct json_object *list = json_object_new_array();
	int r = json_set(meta, "finalizers", list, e);

	return r < 0 ? r : json_append(list, json_object_new_string(API_FINALIZER), e);
}

static int set_meta(struct json_object *o, const struct app *a, const struct app_want *w,
		    const struct api_subnet *subnet, const char *name, struct err *e)
{
	CLEANUP(json_map_clear) struct json_map labels = { 0 };
	struct json_object *meta = member(o, "metadata", e), *annotations;
	int r = meta ? json_set_str(meta, "name", name, e) : -ENOMEM;

	if (r == 0)
		r = app_pool_labels(a, w, subnet->spec.subnet, &labels, e);
	if (r == 0)
		r = set_map(meta, "labels", &labels, NULL, e);
	if (r >= 0) {
		annotations = member(meta, "annotations", e);
		r = annotations ? json_set_str(annotations, ANNOTATION_IP_NUMBER, w->number, e) : -ENOMEM;
	}
	if (r == 0)
		r = set_finalizer(meta, e);
	return r < 0 ? r : set_owner(meta, &subnet->obj, e);
}

static int set_affinity(struct json_object *spec, const struct app *a, const struct json_map *have,
			struct err *e)
{
	CLEANUP(json_map_clear) struct json_map m = { 0 };
	CLEANUP(json_put_p) struct json_object *selector = json_object_new_object();
	int r = app_pool_affinity(a, &m, e);

	if (r == 0)
		r = selector ? set_map(selector, "matchLabels", &m, have, e) : err_nomem(e);
	if (r <= 0)
		return r;
	r = json_set(spec, "podAffinity", TAKE_PTR(selector), e);
	return r < 0 ? r : 1;
}

int app_body_create(const struct app *a, const struct app_want *w, const struct api_subnet *subnet,
		    const char *name, const struct ip_set *ips, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	struct json_object *spec = NULL;
	int r = o ? json_set_str(o, "apiVersion", API_VERSION, e) : err_nomem(e);

	if (r == 0)
		r = json_set_str(o, "kind", api_kinds[API_IPPOOL].kind, e);
	if (r == 0)
		r = set_meta(o, a, w, subnet, name, e);
	if (r == 0)
		r = json_encode(&api_subnet_spec_table, &subnet->spec, &spec, e);
	if (r == 0)
		r = json_set(o, "spec", spec, e);
	if (r < 0)
		return r;
	json_object_object_del(spec, "excludeIPs");
	r = set_ips(spec, ips, e);
	if (r == 0)
		r = json_set(spec, "ipVersion", json_object_new_int(w->ver), e);
	if (r == 0)
		r = set_affinity(spec, a, NULL, e);
	return r < 0 ? r : json_print(o, false, out, e);
}

/* ---- a change ---- */

static int patch_meta(struct json_object *meta, const struct app *a, const struct app_want *w,
		      const struct api_ippool *pool, struct err *e)
{
	CLEANUP(json_map_clear) struct json_map labels = { 0 }, annotations = { 0 };
	int n = 0, r = app_pool_labels(a, w, pool->spec.range.subnet, &labels, e);

	if (r == 0)
		n = r = set_map(meta, "labels", &labels, &pool->obj.meta.labels, e);
	if (r >= 0)
		r = json_map_set(&annotations, ANNOTATION_IP_NUMBER, w->number, e);
	if (r == 0)
		r = set_map(meta, "annotations", &annotations, &pool->obj.meta.annotations, e);
	return r < 0 ? r : n || r;
}

static int patch_spec(struct json_object *o, const struct app *a, const struct api_ippool *pool,
		      const struct ip_set *ips, struct err *e)
{
	const struct api_selector *s = pool->spec.pod_affinity;
	CLEANUP(json_put_p) struct json_object *spec = json_object_new_object();
	int r = spec ? set_affinity(spec, a, s ? &s->match_labels : NULL, e) : err_nomem(e);
	int n = r;

	if (r >= 0 && ips)
		n = r = set_ips(spec, ips, e) < 0 ? -ENOMEM : 1;
	if (r >= 0 && ips && pool->spec.range.exclude_ips.n)
		r = json_put_member(spec, "excludeIPs", NULL, e);
	if (r < 0 || !n)
		return r;
	r = json_set(o, "spec", TAKE_PTR(spec), e);
	return r < 0 ? r : 1;
}

int app_body_update(const struct app *a, const struct app_want *w, const struct api_ippool *pool,
		    const struct ip_set *ips, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	struct json_object *meta = o ? member(o, "metadata", e) : NULL;
	int n = 0, r = meta ? 0 : err_nomem(e);

	if (r == 0)
		n = r = patch_meta(meta, a, w, pool, e);
	if (r >= 0)
		r = patch_spec(o, a, pool, ips, e);
	if (r < 0 || !(n || r))
		return r;
	r = json_set_str(meta, "uid", pool->obj.meta.uid, e);
	if (r == 0)
		r = json_set_str(meta, "resourceVersion", pool->obj.meta.resource_version, e);
	if (r == 0)
		r = json_print(o, false, out, e);
	return r < 0 ? r : 1;
}
