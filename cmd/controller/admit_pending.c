/* SPDX-License-Identifier: Apache-2.0 */
/* admit_pending.c - an object against the intents of others */
#include "admit_pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define LIFE "90 s" /* INTENT_LIFE_MS */

static const struct api_range_spec *range_of(enum api_kind kind, const void *obj)
{
	return kind == API_IPPOOL ? &((const struct api_ippool *)obj)->spec.range
				  : &((const struct api_subnet *)obj)->spec;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

/* ---- our own ---- */

int admit_needs_intent(enum api_kind kind, const void *old, const void *obj, struct err *e)
{
	struct ip_set before, after;
	struct err unreadable;
	int r;

	if (!old)
		return 1;
	r = api_range_total(range_of(kind, old), &before, &unreadable);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(e) : 1;
	r = api_range_total(range_of(kind, obj), &after, e);
	if (r == 0)
		r = kind == API_IPPOOL ? !ip_set_contains(&before, &after)
				       : !ip_set_contains(&after, &before);
	ip_set_clear(&before);
	ip_set_clear(&after);
	return r;
}

static int set_text(char **to, const char *s, struct err *e)
{
	*to = strdup(text(s));
	return *to ? 0 : err_nomem(e);
}

int admit_make_intent(enum api_kind kind, const struct api_object *old, const void *obj, struct intent *ret,
		      struct err *e)
{
	const struct api_object *o = obj;
	const struct api_range_spec *s = range_of(kind, obj);
	struct ip_set total;
	int r = api_range_total(s, &total, e);

	*ret = (struct intent){ .version = api_range_version(s) };
	/* Too many addresses in a pool refuse others; in a subnet they would let others in. */
	if (r == 0)
		r = intent_set_ips(ret, &total, kind == API_IPPOOL, e);
	ip_set_clear(&total);
	if (r == 0)
		r = set_text(&ret->id, "", e);
	if (r == 0)
		r = set_text(&ret->kind, api_kinds[kind].kind, e);
	if (r == 0)
		r = set_text(&ret->name, o->meta.name, e);
	if (r == 0)
		r = set_text(&ret->uid, o->meta.uid, e);
	if (r == 0)
		r = set_text(&ret->base, old ? old->meta.resource_version : NULL, e);
	if (r == 0)
		r = set_text(&ret->subnet, s->subnet, e);
	if (r < 0)
		intent_clear(ret);
	return r;
}

/* ---- those of others ---- */

static int kind_of(const struct intent *i)
{
	if (strcmp(i->kind, api_kinds[API_IPPOOL].kind) == 0)
		return API_IPPOOL;
	return strcmp(i->kind, api_kinds[API_SUBNET].kind) == 0 ? API_SUBNET : -1;
}

/* Of the object with the intent's UID. */
static const char *version_of(enum api_kind kind, const char *uid, const struct api_world *w)
{
	const size_t n = kind == API_IPPOOL ? w->n_pools : w->n_subnets;

	for (size_t k = 0; k < n; k++) {
		const struct api_object *o = kind == API_IPPOOL ? &w->pools[k]->obj : &w->subnets[k]->obj;

		if (o->meta.uid && strcmp(o->meta.uid, uid) == 0)
			return text(o->meta.resource_version);
	}
	return NULL;
}

/* Everything is lent by the intent. */
static void fill(const struct intent *i, struct api_object *o, struct api_range_spec *s)
{
	o->meta.name = i->name;
	o->meta.uid = i->uid;
	s->subnet = i->subnet;
	s->ip_version = (struct json_int){ .set = true, .v = i->version };
	s->ips = i->ips;
}

static int against(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
		   const struct intent *i, struct err *e)
{
	struct api_ippool pool = { 0 };
	struct api_subnet subnet = { 0 };
	const struct api_ippool *pools = &pool;
	const struct api_subnet *subnets = &subnet;
	struct api_world alone = *w;

	alone.held = NULL;
	alone.n_pools = alone.n_subnets = 0;
	if (kind_of(i) == API_IPPOOL) {
		fill(i, &pool.obj, &pool.spec.range);
		alone.pools = &pools;
		alone.n_pools = 1;
	} else {
		fill(i, &subnet.obj, &subnet.spec);
		alone.subnets = &subnets;
		alone.n_subnets = 1;
	}
	return old ? api_validate_update(kind, old, obj, &alone, e)
		   : api_validate_create(kind, obj, &alone, e);
}

static bool same_object(enum api_kind kind, const struct api_object *o, const struct intent *i)
{
	return kind_of(i) == (int)kind && strcmp(i->name, text(o->meta.name)) == 0;
}

static bool is_create(const struct intent *i)
{
	return !i->base || !*i->base;
}

/* Two creates of one name: the API server would let one of them through, and we could not tell when the other
 * one is over. Two updates of one object start from one version: as soon as one is stored, the other one is
 * over. */
static int check_one(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
		     const struct intent *i, struct err *e)
{
	struct err why;
	int r = 0;

	if (!same_object(kind, obj, i)) {
		r = against(kind, old, obj, w, i, e);
		if (r == 0 || r == -ENOMEM)
			return r;
	} else if (old || !is_create(i)) {
		return 0;
	}
	why = *e;
	return err_code(e, ERR_CONFIG, EAGAIN,
			"%s%s%s %s is just being %s: try again in some seconds (" LIFE " at the most)",
			r ? why.msg : "", r ? "; but " : "", i->kind, i->name,
			is_create(i) ? "created" : "changed");
}

int admit_pending(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
		  const struct intents *before, void (*settled)(const char *id, void *arg), void *arg,
		  struct err *e)
{
	for (size_t k = 0; k < before->list.n; k++) {
		const struct intent *i = &before->list.v[k];
		const int other = kind_of(i);
		int r;

		if (other < 0)
			continue;
		if (intent_settled(i, version_of((enum api_kind)other, i->uid, w))) {
			if (settled)
				settled(i->id, arg);
			continue;
		}
		r = check_one(kind, old, obj, w, i, e);
		if (r < 0)
			return r;
	}
	return 0;
}
