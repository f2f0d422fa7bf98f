/* SPDX-License-Identifier: Apache-2.0 */
/* default.c - what the mutating webhook fills in
 *
 * A value that cannot be read is left as it is: validation comes next and says what is wrong with it. So the
 * only error here is -ENOMEM.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/own.h"

/* ---- metadata ---- */

static int default_namespace(enum api_kind kind, struct api_meta *m, struct err *e)
{
	if (!api_kinds[kind].namespaced) {
		free(TAKE_PTR(m->ns));
		return 0;
	}
	if (m->ns && *m->ns)
		return 0;
	free(m->ns);
	m->ns = strdup("default");
	return m->ns ? 0 : err_nomem(e);
}

static int add_finalizer(struct api_meta *m, struct err *e)
{
	if (json_strv_has(&m->finalizers, API_FINALIZER))
		return 0;
	return json_strv_add(&m->finalizers, API_FINALIZER, e);
}

static int set_cidr_label(struct api_meta *m, const char *label, const char *subnet, struct err *e)
{
	char value[API_LABEL_MAX];
	struct err unreadable;

	if (!subnet || api_cidr_label(subnet, value, &unreadable) < 0)
		return 0;
	return json_map_set(&m->labels, label, value, e);
}

static bool has_controller(struct json_object *refs)
{
	bool controller;

	for (size_t i = 0; i < json_len(refs); i++) {
		if (json_get_bool(json_at(refs, i), "controller", &controller) && controller)
			return true;
	}
	return false;
}

/* The list is shared with the tree that the object was read from (json.h), which is not to change. */
static int own_list(struct json_object **refs, struct err *e)
{
	struct json_object *copy = NULL;
	int r = 0;

	if (!json_object_is_type(*refs, json_type_array))
		copy = json_object_new_array();
	else
		r = json_dup(*refs, &copy, e);
	if (r < 0 || !copy)
		return r < 0 ? r : err_nomem(e);
	json_object_put(*refs);
	*refs = copy;
	return 0;
}

/* A local store has no UIDs: then the label alone tells the owner. */
static int set_owner(struct api_meta *m, const struct api_meta *owner, struct err *e)
{
	struct json_object *ref;
	int r;

	if (!owner->uid || !*owner->uid || has_controller(m->owner_references))
		return 0;
	r = own_list(&m->owner_references, e);
	if (r < 0)
		return r;
	ref = json_object_new_object();
	r = json_append(m->owner_references, ref, e);
	if (r == 0)
		r = json_set_str(ref, "apiVersion", API_VERSION, e);
	if (r == 0)
		r = json_set_str(ref, "kind", api_kinds[API_SUBNET].kind, e);
	if (r == 0)
		r = json_set_str(ref, "name", owner->name ? owner->name : "", e);
	if (r == 0)
		r = json_set_str(ref, "uid", owner->uid, e);
	if (r == 0)
		r = json_set(ref, "controller", json_object_new_boolean(true), e);
	if (r == 0)
		r = json_set(ref, "blockOwnerDeletion", json_object_new_boolean(true), e);
	return r;
}

/* ---- ranges ---- */

/* Several items become maximal runs in ascending order; none or one stays as it was written. */
static int merge(struct json_strv *l, uint8_t ver, struct err *e)
{
	struct json_strv merged = { .set = true };
	struct ip_set set;
	char text[IP_RANGE_MAX];
	struct err unreadable;
	int r;

	if (l->n < 2 || !ver)
		return 0;
	r = ip_set_parse((const char *const *)l->v, l->n, ver, &set, &unreadable);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(e) : 0;
	for (size_t i = 0; i < set.n && r == 0; i++)
		r = json_strv_add(&merged, ip_range_format(ver, set.r[i], text), e);
	ip_set_clear(&set);
	if (r < 0) {
		json_strv_clear(&merged);
		return r;
	}
	json_strv_clear(l);
	*l = merged;
	return 0;
}

static void set_version(struct json_int *v, uint8_t ver)
{
	if (!v->set && ver)
		*v = (struct json_int){ .set = true, .v = ver };
}

static int default_range(struct api_range_spec *s, struct err *e)
{
	uint8_t ver;
	int r;

	if (s->gateway && !*s->gateway) /* templates write it so: no gateway */
		free(TAKE_PTR(s->gateway));
	set_version(&s->ip_version, api_range_version(s));
	set_version(&s->ip_version, api_list_version(&s->ips));
	set_version(&s->ip_version, api_list_version(&s->exclude_ips));
	ver = api_range_version(s);
	r = merge(&s->ips, ver, e);
	if (r == 0)
		r = merge(&s->exclude_ips, ver, e);
	return r;
}

/* ---- kinds ---- */

static int inherit_routes(struct api_range_spec *s, const struct api_range_spec *from, struct err *e)
{
	s->routes.v = calloc(from->routes.n, sizeof(*s->routes.v));
	if (!s->routes.v)
		return err_nomem(e);
	s->routes.set = true;
	for (; s->routes.n < from->routes.n; s->routes.n++) {
		const struct api_route *in = &from->routes.v[s->routes.n];
		struct api_route *out = &s->routes.v[s->routes.n];

		out->dst = in->dst ? strdup(in->dst) : NULL;
		out->gw = in->gw ? strdup(in->gw) : NULL;
		if ((in->dst && !out->dst) || (in->gw && !out->gw)) {
			s->routes.n++;
			return err_nomem(e);
		}
	}
	return 0;
}

static int inherit(struct api_ippool *p, const struct api_subnet *owner, struct err *e)
{
	struct api_range_spec *s = &p->spec.range;
	char label[API_LABEL_MAX];
	int r;

	r = set_owner(&p->obj.meta, &owner->obj.meta, e);
	if (r == 0)
		r = json_map_set(&p->obj.meta.labels, API_LABEL_OWNER,
				 api_label_value(api_name_of(&owner->obj), label), e);
	if (r < 0)
		return r;
	if (!s->gateway && owner->spec.gateway) {
		s->gateway = strdup(owner->spec.gateway);
		if (!s->gateway)
			return err_nomem(e);
	}
	if (!s->routes.set && owner->spec.routes.n) /* an empty list wants none */
		return inherit_routes(s, &owner->spec, e);
	return 0;
}

static int default_pool(struct api_ippool *p, const struct api_world *w, struct err *e)
{
	const struct api_subnet *owner = api_find_owner(&p->spec.range, w);
	int r;

	p->spec.is_default.set = true;
	p->spec.disable.set = true;
	r = default_range(&p->spec.range, e);
	if (r == 0)
		r = add_finalizer(&p->obj.meta, e);
	if (r == 0)
		r = set_cidr_label(&p->obj.meta, API_LABEL_POOL_CIDR, p->spec.range.subnet, e);
	if (r == 0 && owner && !owner->obj.meta.deletion_timestamp)
		r = inherit(p, owner, e);
	return r;
}

static int default_subnet(struct api_subnet *s, struct err *e)
{
	int r;

	r = default_range(&s->spec, e);
	if (r == 0)
		r = add_finalizer(&s->obj.meta, e);
	if (r == 0)
		r = set_cidr_label(&s->obj.meta, API_LABEL_SUBNET_CIDR, s->spec.subnet, e);
	return r;
}

static int default_reservedip(struct api_reservedip *res, struct err *e)
{
	struct json_int *ver = &res->spec.ip_version;

	set_version(ver, api_list_version(&res->spec.ips));
	return merge(&res->spec.ips, ver->v == 4 || ver->v == 6 ? (uint8_t)ver->v : 0, e);
}

int api_default(enum api_kind kind, void *obj, const struct api_world *w, struct err *e)
{
	struct api_object *o = obj;
	int r;

	if (o->meta.deletion_timestamp)
		return 0;
	r = default_namespace(kind, &o->meta, e);
	if (r < 0)
		return r;
	switch (kind) {
	case API_IPPOOL:
		return default_pool(obj, w, e);
	case API_SUBNET:
		return default_subnet(obj, e);
	case API_RESERVEDIP:
		return default_reservedip(obj, e);
	default:
		return 0;
	}
}
