/* SPDX-License-Identifier: Apache-2.0 */
/* subnets_follow.c - a subnet's gateway and routes, and the pools that have them from it */
#include <errno.h>
#include <string.h>

#include "api/tables.h"
#include "base/own.h"
#include "pools_meta.h"
#include "pools_patch.h"

#define VALUES_MAX 16 /* edits that may overtake each other */
#define PASSED_MAX ((size_t)128 << 10)

/* ---- what the subnet has passed on: a list of {"gateway": ..., "routes": [...]} ---- */

static int value_now(const struct api_range_spec *s, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	struct json_object *routes = NULL;
	int r = o ? json_set_str(o, "gateway", s->gateway && *s->gateway ? s->gateway : NULL, e)
		  : err_nomem(e);

	if (r == 0)
		r = pools_patch_routes_json(s, &routes, e);
	/* A subnet with an empty list has no routes to pass on, as one without a list. */
	if (r == 0 && json_len(routes))
		r = json_set(o, "routes", TAKE_PTR(routes), e);
	json_put_p(&routes);
	if (r == 0)
		*ret = TAKE_PTR(o);
	return r;
}

/* Nothing that can be read: nothing was passed on. */
static struct json_object *passed_on(const struct api_subnet *s)
{
	const char *text = json_map_get(&s->obj.meta.annotations, POOLS_PASSED_ON);
	struct json_object *a = NULL;
	struct err e;

	if (text && (json_parse(text, strlen(text), "annotation", &a, &e) < 0 ||
		     !json_object_is_type(a, json_type_array)))
		json_put_p(&a);
	return a;
}

static bool is_same(struct json_object *a, struct json_object *b)
{
	CLEANUP(buf_clear) struct buf x = BUF_INIT(PASSED_MAX);
	CLEANUP(buf_clear) struct buf y = BUF_INIT(PASSED_MAX);
	struct err e;

	return json_print(a, false, &x, &e) == 0 && json_print(b, false, &y, &e) == 0 &&
	       strcmp(buf_cstr(&x), buf_cstr(&y)) == 0;
}

/* Appends what the annotation is to be. */
static int next_values(const struct api_subnet *s, bool settled, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *old = passed_on(s);
	CLEANUP(json_put_p) struct json_object *a = json_object_new_array();
	struct json_object *now = NULL;
	size_t n = json_len(old);
	int r = a ? value_now(&s->spec, &now, e) : err_nomem(e);

	for (size_t i = n > VALUES_MAX ? n - VALUES_MAX : 0; r == 0 && i < n && !settled; i++)
		if (!is_same(json_at(old, i), now))
			r = json_append(a, json_object_get(json_at(old, i)), e);
	if (r == 0)
		r = json_append(a, TAKE_PTR(now), e);
	json_put_p(&now);
	return r < 0 ? r : json_print(a, false, out, e);
}

static int patch_passed(struct pools_patch *x, const struct api_subnet *s, bool settled, struct err *e)
{
	const char *was = json_map_get(&s->obj.meta.annotations, POOLS_PASSED_ON);
	CLEANUP(buf_clear) struct buf b = BUF_INIT(PASSED_MAX);
	int r = next_values(s, settled, &b, e);

	if (r < 0 || (was && strcmp(was, buf_cstr(&b)) == 0))
		return r;
	return pools_patch_text(x, "metadata", "annotations", POOLS_PASSED_ON, buf_cstr(&b), e);
}

/* ---- a pool ---- */

/* Has the pool an older value of the subnet, and not that of now? key: "gateway", "routes". Absent is a
 * value.
 */
static bool has_older(struct json_object *passed, const char *key, struct json_object *is,
		      struct json_object *now)
{
	if (is_same(is, json_get(now, key)))
		return false;
	for (size_t i = 0; i < json_len(passed); i++)
		if (is_same(is, json_get(json_at(passed, i), key)))
			return true;
	return false;
}

/* A gateway that a pool hands out to pods would be refused. */
static int gateway_fits(const struct api_ippool *p, const struct api_subnet *s, bool *ret, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set total = { 0 };
	struct ip gw;
	struct err why;
	int r = api_range_total(&p->spec.range, &total, &why);

	if (r == -ENOMEM)
		return err_nomem(e);
	*ret = r == 0 && (!s->spec.gateway || (ip_parse(s->spec.gateway, &gw, &why) == 0 &&
					       gw.ver == total.ver && !ip_set_has(&total, gw.n)));
	return 0;
}

static int follow_gateway(struct pools_patch *x, const struct api_ippool *p, const struct api_subnet *s,
			  struct pools_follow *ret, struct err *e)
{
	bool fits;
	int r = gateway_fits(p, s, &fits, e);

	if (r == 0 && fits)
		r = pools_patch_gateway(x, &s->spec, e);
	ret->due |= fits;
	ret->stuck |= !fits;
	return r;
}

static int follow(struct pools_patch *x, const struct api_ippool *p, const struct api_subnet *s,
		  struct json_object *passed, struct pools_follow *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *now = NULL;
	CLEANUP(json_put_p) struct json_object *gw = NULL;
	CLEANUP(json_put_p) struct json_object *routes = NULL;
	const struct api_range_spec *pr = &p->spec.range;
	int r = value_now(&s->spec, &now, e);

	if (r == 0 && pr->gateway && *pr->gateway) {
		gw = json_object_new_string(pr->gateway);
		r = gw ? 0 : err_nomem(e);
	}
	if (r == 0)
		r = pools_patch_routes_json(pr, &routes, e);
	if (r == 0 && has_older(passed, "gateway", gw, now))
		r = follow_gateway(x, p, s, ret, e);
	if (r == 0 && has_older(passed, "routes", routes, now)) {
		ret->due = true;
		r = json_get(now, "routes") ? pools_patch_routes(x, &s->spec, e)
					    : pools_patch_put(x, "spec", "routes", NULL, e);
	}
	return r;
}

int pools_meta_follow(const struct api_ippool *p, const struct api_subnet *s, struct pools_follow *ret,
		      struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *passed = passed_on(s);
	struct pools_patch x = { 0 };
	int r = 0;

	*ret = (struct pools_follow){ 0 };
	if (!json_len(passed) || p->obj.meta.deletion_timestamp)
		return 0;
	r = pools_patch_begin(&x, &p->obj.meta, e);
	if (r == 0)
		r = follow(&x, p, s, passed, ret, e);
	if (r == 0)
		r = pools_patch_end(&x, out, e);
	pools_patch_clear(&x);
	return r < 0 ? r : 0;
}

/* ---- the subnet ---- */

static int patch_plain(struct pools_patch *x, const struct api_subnet *s, struct err *e)
{
	const struct api_world w = { .enable_subnet = true };
	const struct api_meta *m = &s->obj.meta;
	const char *was = json_map_get(&m->labels, API_LABEL_SUBNET_CIDR), *label;
	struct api_subnet d;
	int r = json_copy(&api_subnet_table, s, &d, e);

	if (r == 0)
		r = api_default(API_SUBNET, &d, &w, e);
	if (r == 0 && m->finalizers.n != d.obj.meta.finalizers.n)
		r = pools_patch_finalizers(x, &d.obj.meta.finalizers, e);
	label = json_map_get(&d.obj.meta.labels, API_LABEL_SUBNET_CIDR);
	if (r == 0 && label && (!was || strcmp(was, label) != 0))
		r = pools_patch_text(x, "metadata", "labels", API_LABEL_SUBNET_CIDR, label, e);
	if (r == 0 && !s->spec.ip_version.set && d.spec.ip_version.set)
		r = pools_patch_put(x, "spec", "ipVersion", json_object_new_int64(d.spec.ip_version.v), e);
	json_clear(&api_subnet_table, &d);
	return r;
}

int subnets_meta_patch(const struct api_subnet *s, bool settled, struct buf *out, struct err *e)
{
	struct pools_patch x = { 0 };
	int r = 0;

	if (s->obj.meta.deletion_timestamp)
		return 0;
	r = pools_patch_begin(&x, &s->obj.meta, e);
	if (r == 0)
		r = patch_plain(&x, s, e);
	if (r == 0)
		r = patch_passed(&x, s, settled, e);
	if (r == 0)
		r = pools_patch_end(&x, out, e);
	pools_patch_clear(&x);
	return r;
}
