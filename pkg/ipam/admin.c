/* SPDX-License-Identifier: Apache-2.0 */
/* admin.c - manifests into the store */
#include "ipam/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/uuid.h"
#include "ipam/usage.h"
#include "ipam/world.h"

static const enum store_kind store_kinds[API_KIND_MAX] = {
	[API_IPPOOL] = STORE_IPPOOL,     [API_SUBNET] = STORE_SUBNET, [API_RESERVEDIP] = STORE_RESERVEDIP,
	[API_ENDPOINT] = STORE_ENDPOINT, [API_IPBLOCK] = STORE_BLOCK,
};

enum store_kind admin_store_kind(enum api_kind kind)
{
	return store_kinds[kind];
}

struct apply {
	enum api_kind kind;
	struct api_object *obj;
	struct admin_pending *dry;
	enum admin_result *ret;
};

/* A manifest may have none: validation says so. */
static const char *name_of(const struct api_object *o)
{
	return o->meta.name ? o->meta.name : "";
}

static int dup_to(char **dst, const char *s, struct err *e)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		return err_nomem(e);
	free(*dst);
	*dst = copy;
	return 0;
}

/* What the API server sets: unique ID and time of creation stay over updates, every change of spec counts. */
static int stamp(const struct txn *t, struct api_meta *m, const struct api_meta *old, struct err *e)
{
	char now[CLOCK_TEXT_MAX], uid[UUID_TEXT_MAX];
	int r;

	m->generation = (struct json_int){ true, old ? old->generation.v + 1 : 1 };
	r = dup_to(&m->resource_version, NULL, e);
	if (r == 0)
		r = dup_to(&m->uid, old ? old->uid : uuid_random(uid), e);
	if (r == 0)
		r = dup_to(&m->creation_timestamp, old ? old->creation_timestamp : clock_format(t->now, now),
			   e);
	return r < 0 ? r : dup_to(&m->deletion_timestamp, NULL, e);
}

static int merge_map(struct json_map *to, const struct json_map *old, struct err *e)
{
	for (size_t i = 0; i < old->n; i++)
		if (!json_map_get(to, old->v[i].key) &&
		    json_map_set(to, old->v[i].key, old->v[i].value, e) < 0)
			return -e->sys;
	return 0;
}

/* In a cluster others write labels and annotations too, such as that the pool was taken over. */
static int merge(struct api_meta *m, const struct api_meta *old, struct err *e)
{
	int r = merge_map(&m->labels, &old->labels, e);

	if (r == 0)
		r = merge_map(&m->annotations, &old->annotations, e);
	if (r == 0 && !m->owner_references && old->owner_references)
		m->owner_references = json_object_get(old->owner_references);
	return r;
}

/* Status is counted, never taken from a manifest: what "get" printed can be applied again. */
static void drop_status(enum api_kind kind, struct api_object *obj)
{
	struct api_ippool *p = (struct api_ippool *)obj;
	struct api_subnet *s = (struct api_subnet *)obj;

	if (kind == API_IPPOOL) {
		free(p->status.allocated_ips);
		p->status = (struct api_ippool_status){ 0 };
	} else if (kind == API_SUBNET) {
		free(s->status.controlled_ippools);
		s->status = (struct api_subnet_status){ 0 };
	}
}

/* obj with the status of old, lent; NULL: with none. */
static void lend_status(enum api_kind kind, struct api_object *obj, const struct api_object *old)
{
	if (kind == API_IPPOOL)
		((struct api_ippool *)obj)->status =
			old ? ((const struct api_ippool *)old)->status : (struct api_ippool_status){ 0 };
	else if (kind == API_SUBNET)
		((struct api_subnet *)obj)->status =
			old ? ((const struct api_subnet *)old)->status : (struct api_subnet_status){ 0 };
}

/* Is the text the same but for what the store counts? */
static int same_text(enum api_kind kind, struct api_object *obj, const struct api_object *old, bool *ret,
		     struct err *e)
{
	struct buf a = BUF_INIT(STORE_VALUE_MAX), b = BUF_INIT(STORE_VALUE_MAX);
	struct json_int generation = obj->meta.generation;
	int r;

	obj->meta.generation = old->meta.generation;
	obj->meta.resource_version = old->meta.resource_version;
	lend_status(kind, obj, old);
	r = api_encode_text(kind, obj, &a, e);
	if (r == 0)
		r = api_encode_text(kind, old, &b, e);
	obj->meta.generation = generation;
	obj->meta.resource_version = NULL;
	lend_status(kind, obj, NULL);
	*ret = r == 0 && a.len == b.len && memcmp(buf_cstr(&a), buf_cstr(&b), a.len) == 0;
	buf_clear(&a);
	buf_clear(&b);
	return r;
}

static int put(struct txn *t, const struct apply *x, uint64_t version, struct err *e)
{
	struct buf value = BUF_INIT(STORE_VALUE_MAX);
	const char *terms[POOL_TERMS_MAX] = { NULL };
	int r = api_encode_text(x->kind, x->obj, &value, e);

	if (x->kind == API_IPPOOL)
		pool_terms((const struct api_ippool *)x->obj, terms);
	if (r == 0)
		r = txn_put(t, store_kinds[x->kind], "", x->obj->meta.name, version, &value, e);
	if (r == 0)
		r = txn_terms(t, terms, e);
	buf_clear(&value);
	return r;
}

void admin_pending_clear(struct admin_pending *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		free(p->v[i].text);
	}
	free(p->v);
	*p = (struct admin_pending){ 0 };
}

static int put_pending(const struct apply *x, struct err *e)
{
	struct admin_pending_obj *v = realloc(x->dry->v, (x->dry->n + 1) * sizeof(*v));
	struct buf text = BUF_INIT(STORE_VALUE_MAX);
	int r;

	if (!v)
		return err_nomem(e);
	x->dry->v = v;
	r = api_encode_text(x->kind, x->obj, &text, e);
	if (r == 0) {
		v = &v[x->dry->n++];
		*v = (struct admin_pending_obj){ x->kind, strdup(name_of(x->obj)), strdup(buf_cstr(&text)) };
		r = v->name && v->text ? 0 : err_nomem(e);
	}
	buf_clear(&text);
	return r;
}

static int apply_checked(struct txn *t, const struct apply *x, const struct world *w, struct err *e)
{
	const struct api_object *old = world_find(w, x->kind, name_of(x->obj));
	uint64_t version = world_version(w, x->kind, name_of(x->obj));
	bool same = false;
	int r;

	drop_status(x->kind, x->obj);
	r = old && t->m->conf.cluster ? merge(&x->obj->meta, &old->meta, e) : 0;
	if (r == 0)
		r = api_default(x->kind, x->obj, &w->api, e);
	if (r == 0)
		r = stamp(t, &x->obj->meta, old ? &old->meta : NULL, e);
	if (r == 0)
		r = old ? api_validate_update(x->kind, old, x->obj, &w->api, e)
			: api_validate_create(x->kind, x->obj, &w->api, e);
	if (r == 0 && old)
		r = same_text(x->kind, x->obj, old, &same, e);
	if (r < 0)
		return r;
	*x->ret = same ? ADMIN_UNCHANGED : old ? ADMIN_CONFIGURED : ADMIN_CREATED;
	if (x->dry)
		return same || put_pending(x, e) == 0 ? 1 : -e->sys;
	/* Of nothing, too: what it found may be of a process that was killed before it was durable. */
	return same ? 0 : put(t, x, version, e);
}

static int apply_body(struct txn *t, void *arg, struct err *e)
{
	const struct apply *x = arg;
	struct world w;
	int r = world_load(t, x->kind, name_of(x->obj), x->dry, &w, e);

	if (r < 0)
		return r;
	r = apply_checked(t, x, &w, e);
	world_clear(&w);
	return r;
}

int admin_apply(struct ipam *m, struct json_object *manifest, const char *what, struct admin_pending *dry,
		enum api_kind *ret_kind, char *name, enum admin_result *ret, struct err *e)
{
	struct api_object *obj = NULL;
	enum api_kind kind;
	int r = api_decode(manifest, what, &kind, &obj, e);

	if (r < 0)
		return r;
	*ret_kind = kind;
	if (name)
		snprintf(name, STORE_NAME_MAX + 1, "%s", name_of(obj));
	if (kind == API_ENDPOINT || kind == API_IPBLOCK) {
		r = err_code(e, ERR_CONFIG, EINVAL, "%s: %s objects are written by spiderpool itself", what,
			     api_kinds[kind].kind);
	} else {
		struct apply x = { kind, obj, dry, ret };

		r = txn_run(m, dry ? STORE_READ : STORE_WRITE, apply_body, &x, e);
	}
	api_free(kind, obj);
	return r;
}

/* ---- delete ---- */

struct removal {
	enum api_kind kind;
	const char *name;
	bool dry_run;
};

static int refuse_used_subnet(const struct world *w, const char *name, struct err *e)
{
	const struct api_subnet *s = (const struct api_subnet *)world_find(w, API_SUBNET, name);

	for (size_t i = 0; i < w->api.n_pools; i++) {
		const struct api_ippool *p = w->api.pools[i];

		if (strcmp(p->spec.range.subnet, s->spec.subnet) == 0)
			return err_code(
				e, ERR_CONFIG, EBUSY,
				"SpiderSubnet %s: SpiderIPPool %s belongs to it; delete its pools first",
				name, p->obj.meta.name);
	}
	return 0;
}

static int delete_body(struct txn *t, void *arg, struct err *e)
{
	const struct removal *x = arg;
	const struct api_object *obj;
	struct world w;
	int r;

	if (x->kind == API_ENDPOINT || x->kind == API_IPBLOCK)
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s %s: written by spiderpool itself; \"spiderpoolctl ip release\" lets an "
				"address go",
				api_kinds[x->kind].kind, x->name);
	r = world_load(t, x->kind, x->name, NULL, &w, e);
	if (r < 0)
		return r;
	obj = world_find(&w, x->kind, x->name);
	if (!obj)
		r = err_code(e, ERR_CONFIG, ENOENT, "%s %s: there is none", api_kinds[x->kind].kind, x->name);
	if (r == 0)
		r = api_validate_delete(x->kind, obj, &w.api, e);
	if (r == 0 && x->kind == API_SUBNET)
		r = refuse_used_subnet(&w, x->name, e);
	if (r == 0 && !x->dry_run)
		r = txn_delete(t, store_kinds[x->kind], "", x->name, world_version(&w, x->kind, x->name), e);
	world_clear(&w);
	return r;
}

int admin_delete(struct ipam *m, enum api_kind kind, const char *name, bool dry_run, struct err *e)
{
	struct removal x = { kind, name, dry_run };

	return txn_run(m, dry_run ? STORE_READ : STORE_WRITE, delete_body, &x, e);
}
