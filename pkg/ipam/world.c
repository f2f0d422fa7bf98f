/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - what validation compares with */
#include "ipam/world.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/admin.h"
#include "ipam/usage.h"

struct load {
	enum api_kind kind;
	struct world_list *list;
};

static int add(const struct store_obj *o, void *arg, struct err *e)
{
	const struct load *x = arg;
	struct world_list *l = x->list;
	struct api_object **v = realloc(l->v, (l->n + 1) * sizeof(struct api_object *));
	uint64_t *versions;
	int r;

	if (!v)
		return err_nomem(e);
	l->v = v;
	versions = realloc(l->versions, (l->n + 1) * sizeof(*versions));
	if (!versions)
		return err_nomem(e);
	l->versions = versions;
	v[l->n] = calloc(1, api_kinds[x->kind].size);
	if (!v[l->n])
		return err_nomem(e);
	versions[l->n] = o->version;
	r = api_decode_text(x->kind, o->data, o->len, o->name, v[l->n++], e);
	if (r == 0 && !v[l->n - 1]->meta.name)
		r = err_code(e, ERR_DECODE, EBADMSG, "metadata.name: missing");
	return r < 0 ? err_wrap(e, "%s %s", api_kinds[x->kind].kind, o->name) : 0;
}

static void forget(enum api_kind kind, struct world_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i]->meta.name, name) != 0)
			continue;
		api_free(kind, l->v[i]);
		l->v[i] = l->v[--l->n];
		l->versions[i] = l->versions[l->n];
		return;
	}
}

static int load_kind(struct txn *t, enum api_kind kind, const struct admin_pending *dry, struct world *w,
		     struct err *e)
{
	struct load x = { kind, &w->list[kind] };
	int r = store_list(t->m->st, admin_store_kind(kind), NULL, NULL, NULL, add, &x, e);

	for (size_t i = 0; r == 0 && dry && i < dry->n; i++) {
		const struct admin_pending_obj *p = &dry->v[i];
		const struct store_obj o = { .name = p->name, .data = p->text, .len = strlen(p->text) };

		if (p->kind != kind)
			continue;
		forget(kind, x.list, p->name);
		r = add(&o, &x, e);
	}
	return r;
}

struct api_object *world_find(const struct world *w, enum api_kind kind, const char *name)
{
	for (size_t i = 0; i < w->list[kind].n; i++)
		if (strcmp(w->list[kind].v[i]->meta.name, name) == 0)
			return w->list[kind].v[i];
	return NULL;
}

uint64_t world_version(const struct world *w, enum api_kind kind, const char *name)
{
	for (size_t i = 0; i < w->list[kind].n; i++)
		if (strcmp(w->list[kind].v[i]->meta.name, name) == 0)
			return w->list[kind].versions[i];
	return 0;
}

static int add_held(const struct ipam_found *f, void *arg, struct err *e)
{
	struct ip_set *out = arg;

	/* A quarantine is no reason to refuse an edit. */
	if (f->rec->hold == HOLD_FREE || f->rec->hold == HOLD_QUARANTINE)
		return 0;
	return ip_set_add(out, (struct ip_range){ f->addr.n, f->addr.n }, e);
}

static int load_held(struct txn *t, enum api_kind kind, const char *name, struct world *w, struct err *e)
{
	const struct api_object *old = world_find(w, kind, name);
	const struct api_range_spec *s;
	struct ip_set total = { 0 };
	int r;

	if (!old || (kind != API_IPPOOL && kind != API_SUBNET))
		return 0;
	s = kind == API_IPPOOL ? &((const struct api_ippool *)old)->spec.range
			       : &((const struct api_subnet *)old)->spec;
	r = api_range_total(s, &total, e);
	w->held.ver = total.ver;
	if (r == 0)
		r = usage_walk(t, &total, add_held, &w->held, e);
	ip_set_clear(&total);
	return r;
}

int world_load(struct txn *t, enum api_kind kind, const char *name, const struct admin_pending *dry,
	       struct world *ret, struct err *e)
{
	int r;

	*ret = (struct world){ 0 };
	r = load_kind(t, API_IPPOOL, dry, ret, e);
	if (r == 0)
		r = load_kind(t, API_SUBNET, dry, ret, e);
	if (r == 0 && kind != API_IPPOOL && kind != API_SUBNET)
		r = load_kind(t, kind, dry, ret, e);
	if (r == 0)
		r = load_held(t, kind, name, ret, e);
	if (r < 0) {
		world_clear(ret);
		return r;
	}
	ret->api = (struct api_world){
		.enable_ipv4 = true,
		.enable_ipv6 = true,
		.enable_subnet = true,
		.refuse_delete_in_use = true,
		.pools = (const struct api_ippool *const *)ret->list[API_IPPOOL].v,
		.n_pools = ret->list[API_IPPOOL].n,
		.subnets = (const struct api_subnet *const *)ret->list[API_SUBNET].v,
		.n_subnets = ret->list[API_SUBNET].n,
		.held = &ret->held,
		.held_advice = "delete the Pods that have them first; what is only kept for a Pod goes with "
			       "\"spiderpoolctl ip release\"",
	};
	return 0;
}

void world_clear(struct world *w)
{
	for (int k = 0; k < API_KIND_MAX; k++) {
		for (size_t i = 0; i < w->list[k].n; i++)
			api_free(k, w->list[k].v[i]);
		free(w->list[k].v);
		free(w->list[k].versions);
	}
	ip_set_clear(&w->held);
	*w = (struct world){ 0 };
}
