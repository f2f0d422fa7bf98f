/* SPDX-License-Identifier: Apache-2.0 */
/* pools_patch.c - a merge patch of a pool or subnet */
#include "pools_patch.h"

#include <errno.h>

#include "base/own.h"

static int part_of(struct json_object *o, const char *key, struct json_object **ret, struct err *e)
{
	*ret = json_get(o, key);
	if (*ret)
		return 0;
	*ret = json_object_new_object();
	return json_set(o, key, *ret, e);
}

int pools_patch_begin(struct pools_patch *x, const struct api_meta *m, struct err *e)
{
	struct json_object *meta;
	int r;

	x->n = 0;
	x->o = json_object_new_object();
	if (!x->o)
		return err_nomem(e);
	r = part_of(x->o, "metadata", &meta, e);
	if (r == 0)
		r = json_set_str(meta, "uid", m->uid, e);
	return r < 0 ? r : json_set_str(meta, "resourceVersion", m->resource_version, e);
}

int pools_patch_put(struct pools_patch *x, const char *part, const char *key, struct json_object *v,
		    struct err *e)
{
	struct json_object *in;
	int r = part_of(x->o, part, &in, e);

	x->n++;
	if (r == 0)
		r = json_put_member(in, key, v, e);
	if (r < 0)
		json_object_put(v);
	return r;
}

int pools_patch_text(struct pools_patch *x, const char *part, const char *map, const char *key,
		     const char *value, struct err *e)
{
	struct json_object *in, *o = NULL;
	int r = part_of(x->o, part, &in, e);

	x->n++;
	if (r == 0)
		r = part_of(in, map, &o, e);
	return r < 0 ? r : json_set_str(o, key, value, e);
}

int pools_patch_raw(struct pools_patch *x, const char *part, const char *key, struct json_object *copied,
		    struct err *e)
{
	struct json_object *copy;
	int r = json_dup(copied, &copy, e);

	return r < 0 ? r : pools_patch_put(x, part, key, copy, e);
}

int pools_patch_finalizers(struct pools_patch *x, const struct json_strv *all, struct err *e)
{
	struct json_object *a = json_object_new_array();
	int r = a ? 0 : err_nomem(e);

	for (size_t i = 0; r == 0 && i < all->n; i++)
		r = json_append(a, json_object_new_string(all->v[i]), e);
	if (r < 0) {
		json_object_put(a);
		return r;
	}
	return pools_patch_put(x, "metadata", "finalizers", a, e);
}

int pools_patch_gateway(struct pools_patch *x, const struct api_range_spec *is, struct err *e)
{
	struct json_object *v = is->gateway ? json_object_new_string(is->gateway) : NULL;

	if (is->gateway && !v)
		return err_nomem(e);
	return pools_patch_put(x, "spec", "gateway", v, e);
}

int pools_patch_routes_json(const struct api_range_spec *s, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *a = NULL;
	int r = 0;

	*ret = NULL;
	if (!s->routes.set)
		return 0;
	a = json_object_new_array();
	if (!a)
		return err_nomem(e);
	for (size_t i = 0; r == 0 && i < s->routes.n; i++) {
		struct json_object *o = NULL;

		r = json_encode(&api_route_table, &s->routes.v[i], &o, e);
		if (r == 0)
			r = json_append(a, o, e);
	}
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

int pools_patch_routes(struct pools_patch *x, const struct api_range_spec *is, struct err *e)
{
	struct json_object *a;
	int r = pools_patch_routes_json(is, &a, e);

	return r < 0 ? r : pools_patch_put(x, "spec", "routes", a, e);
}

int pools_patch_inherited(struct pools_patch *x, const struct api_range_spec *was,
			  const struct api_range_spec *is, struct err *e)
{
	int r = 0;

	if ((!was->gateway || !*was->gateway) && is->gateway)
		r = pools_patch_gateway(x, is, e);
	if (r == 0 && !was->routes.set && is->routes.set)
		r = pools_patch_routes(x, is, e);
	return r;
}

int pools_patch_end(struct pools_patch *x, struct buf *out, struct err *e)
{
	int r = x->n ? json_print(x->o, false, out, e) : 0;

	return r < 0 ? r : x->n > 0;
}

void pools_patch_clear(struct pools_patch *x)
{
	json_put_p(&x->o);
}
