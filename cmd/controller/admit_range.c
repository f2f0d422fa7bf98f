/* SPDX-License-Identifier: Apache-2.0 */
/* admit_range.c - SpiderIPPool, SpiderSubnet, SpiderReservedIP */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "admit_pending.h"
#include "base/own.h"
#include "kube/object.h"

#define EXISTS_MS 1500

static struct api_world world_of(const struct admit_call *c)
{
	const struct daemon_file *f = &c->a->conf->file;
	const char *user = c->q->user.name;

	return (struct api_world){
		.enable_ipv4 = f->enable_ipv4,
		.enable_ipv6 = f->enable_ipv6,
		.enable_subnet = f->enable_subnet,
		.refuse_delete_in_use = f->deletion_webhook,
		.by_controller = user && c->a->self[0] && strcmp(user, c->a->self) == 0,
		/* When we do not know ourselves, our own pools must be let through all the same. */
		.guard_apps = f->enable_subnet && f->enable_auto_pool && c->a->self[0],
	};
}

static bool is_deleting(struct json_object *o)
{
	return kube_meta(o, "deletionTimestamp");
}

static struct json_object *owner_label(struct json_object *o)
{
	return json_get(json_get(json_get(o, "metadata"), "labels"), API_LABEL_OWNER);
}

/* A pool that no subnet has yet is adopted by the leading replica, routes and gateway included. */
static bool same_owner(const struct review_request *q)
{
	return !owner_label(q->old) || json_object_equal(owner_label(q->object), owner_label(q->old));
}

/* ---- defaults ---- */

struct defaulting {
	enum api_kind kind;
	struct api_world w;
	const char *mark; /* that the edit would lose; NULL: none */
};

static const char *taken_over(struct json_object *o)
{
	return json_get_str(json_get(json_get(o, "metadata"), "annotations"), API_ANNOTATION_TAKEN_OVER);
}

static int fill_in(void *obj, void *arg, struct err *e)
{
	const struct defaulting *d = arg;
	struct api_object *o = obj;
	int r = api_default(d->kind, obj, &d->w, e);

	if (r == 0 && d->mark)
		r = json_map_set(&o->meta.annotations, API_ANNOTATION_TAKEN_OVER, d->mark, e);
	return r;
}

static int mutate(const struct admit_call *c, enum api_kind kind, struct json_object **patch, struct err *e)
{
	struct defaulting d = { .kind = kind, .w = world_of(c) };
	const struct admit_snapshot *s = NULL;
	int r = 0;

	if (!admit_is_object(c->q) || !c->q->object)
		return 0;
	/* Manifests do not have it, and "kubectl replace" makes the pool what the manifest says. */
	if (kind == API_IPPOOL && !taken_over(c->q->object))
		d.mark = taken_over(c->q->old);
	if (is_deleting(c->q->object) && !d.mark)
		return 0;
	if (kind == API_IPPOOL && d.w.enable_subnet && !is_deleting(c->q->object) &&
	    !(admit_same_spec(c->q) && same_owner(c->q)))
		r = admit_snapshot(c->a->subnets, c, &s, e);
	if (s) {
		d.w.subnets = s->subnets;
		d.w.n_subnets = s->n_subnets;
	}
	if (r == 0)
		r = admit_patch(api_kinds[kind].table, c->q, fill_in, &d, patch, e);
	admit_snapshot_done(c->a->subnets, s);
	return r;
}

int admit_mutate_pool(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	return mutate(c, API_IPPOOL, patch, e);
}

int admit_mutate_subnet(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	return mutate(c, API_SUBNET, patch, e);
}

int admit_mutate_reserved(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	return mutate(c, API_RESERVEDIP, patch, e);
}

/* ---- rules ---- */

/* What one question is about; release with clear_job(). */
struct job {
	const struct admit_call *c;
	enum api_kind kind;
	struct api_object *old, *obj; /* NULL: none */
	struct api_world w;
	const struct admit_snapshot *s;
	struct ip_set held;
};

static void clear_job(struct job *j)
{
	api_free(j->kind, j->old);
	api_free(j->kind, j->obj);
	admit_snapshot_done(j->c->a->all, j->s);
	ip_set_clear(&j->held);
}

static int decode(enum api_kind kind, struct json_object *tree, struct api_object **ret, struct err *e)
{
	const struct api_kind_info *info = &api_kinds[kind];
	CLEANUP(free_p) struct api_object *o = NULL;
	int r;

	if (!tree)
		return 0;
	o = calloc(1, info->size);
	if (!o)
		return err_nomem(e);
	r = json_decode(info->table, tree, NULL, o, e);
	if (r < 0)
		return err_wrap(e, "%s", info->kind);
	*ret = TAKE_PTR(o);
	return 0;
}

static const struct api_range_spec *range_of(const struct job *j, const struct api_object *o)
{
	return j->kind == API_IPPOOL ? &((const struct api_ippool *)o)->spec.range
				     : &((const struct api_subnet *)o)->spec;
}

static int check(const struct job *j, struct err *e)
{
	return j->old ? api_validate_update(j->kind, j->old, j->obj, &j->w, e)
		      : api_validate_create(j->kind, j->obj, &j->w, e);
}

static int list_all(struct job *j, struct err *e)
{
	int r = admit_snapshot(j->c->a->all, j->c, &j->s, e);

	if (r < 0)
		return r;
	j->w.pools = j->s->pools;
	j->w.n_pools = j->s->n_pools;
	j->w.subnets = j->s->subnets;
	j->w.n_subnets = j->s->n_subnets;
	return 0;
}

/* Who has what is to be taken away; all of the family when the old object cannot be read. */
static int find_held(struct job *j, const struct ip_set *kept, struct err *e)
{
	const struct api_range_spec *old = range_of(j, j->old);
	const char *pool = j->kind == API_IPPOOL ? j->old->meta.name : NULL;
	struct ip_set gone;
	struct err unreadable;
	int r = api_range_total(old, &gone, &unreadable);

	if (r < 0 && !kept->ver)
		return 0;
	if (r < 0) {
		gone = (struct ip_set){ .ver = kept->ver };
		r = ip_set_add(&gone, (struct ip_range){ 0, ip_max(kept->ver) }, e);
	}
	if (r == 0)
		r = ip_set_subtract(&gone, kept, e);
	if (r == 0 && gone.n)
		r = admit_held(j->c, &gone, pool, &j->held, e);
	ip_set_clear(&gone);
	j->w.held = &j->held;
	return r;
}

static int look_at_held(struct job *j, struct err *e)
{
	struct ip_set total;
	int r;

	if (!j->old)
		return 0;
	r = api_range_total(range_of(j, j->obj), &total, e);
	if (r == 0)
		r = find_held(j, &total, e);
	ip_set_clear(&total);
	return r;
}

static void note_settled(const char *id, void *arg)
{
	intents_book_settled(arg, id);
}

/* The intent first, then the look at what there is: intents.h. */
static int check_others(struct job *j, struct err *e)
{
	const struct admit_call *c = j->c;
	struct intents_book *book = c->a->book;
	struct intents before;
	struct intent mine;
	int r = admit_make_intent(j->kind, j->old, j->obj, &mine, e);

	if (r < 0)
		return r;
	free(mine.id);
	mine.id = strdup(c->q->uid);
	if (!mine.id)
		r = err_nomem(e);
	if (r == 0)
		r = c->q->dry_run ? intents_book_read(book, c->until, &before, e)
				  : intents_book_add(book, &mine, c->until, &before, e);
	if (r == 0) {
		r = list_all(j, e);
		if (r == 0)
			r = check(j, e);
		if (r == 0)
			r = admit_pending(j->kind, j->old, j->obj, &j->w, &before,
					  c->q->dry_run ? NULL : note_settled, book, e);
		intents_clear(&before);
	}
	/* Also when it is not known whether it was written. */
	if (r < 0 && mine.id && !c->q->dry_run)
		intents_book_remove(book, mine.id);
	intent_clear(&mine);
	return r;
}

static int validate_edit(struct job *j, struct err *e)
{
	int r;

	/* What is wrong by itself need not be compared with anything. */
	r = check(j, e);
	if (r < 0 || j->obj->meta.deletion_timestamp)
		return r;
	r = look_at_held(j, e);
	if (r == 0)
		r = admit_needs_intent(j->kind, j->old, j->obj, e);
	if (r < 0)
		return r;
	return r ? check_others(j, e) : check(j, e);
}

/* Nothing is asked of the API server, and what cannot be read is let through. */
static int validate_metadata(struct job *j, struct err *e)
{
	struct err unreadable;
	int r;

	if (j->kind != API_IPPOOL || !j->w.guard_apps)
		return 0;
	r = decode(j->kind, j->c->q->old, &j->old, &unreadable);
	if (r == 0)
		r = decode(j->kind, j->c->q->object, &j->obj, &unreadable);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(e) : 0;
	return api_validate_metadata(j->kind, j->old, j->obj, &j->w, e);
}

/* Our own controller deletes a pool whose application is gone, and lets the finalizer wait for the addresses.
 */
static int validate_delete(struct job *j, struct err *e)
{
	const struct ip_set nothing = { .ver = api_range_version(range_of(j, j->old)) };
	int r;

	if (j->w.by_controller || j->old->meta.deletion_timestamp)
		return 0;
	r = find_held(j, &nothing, e);
	if (r == 0 && j->kind == API_SUBNET)
		r = list_all(j, e);
	return r < 0 ? r : api_validate_delete(j->kind, j->old, &j->w, e);
}

/* What is deleted has been stored, so its create's intent can go. That it is there the API server has to say:
 * the question may be somebody else's, about a create that is under way. */
static void note_exists(const struct admit_call *c, enum api_kind kind)
{
	CLEANUP(json_put_p) struct json_object *there = NULL;
	const char *uid = kube_meta(c->q->old, "uid"), *name = kube_meta(c->q->old, "name"), *is;
	struct kube_op op = {
		.res = &kube_resources[kind == API_IPPOOL ? KUBE_SPIDERIPPOOLS : KUBE_SPIDERSUBNETS],
		.name = name,
		.metadata_only = true,
		.until = deadline_min(c->until, deadline_in(EXISTS_MS)),
	};
	struct err ignored;

	if (kind == API_RESERVEDIP || !uid || !name || kube_get(c->a->k, &op, &there, &ignored) < 0)
		return;
	is = kube_meta(there, "uid");
	if (is && strcmp(is, uid) == 0)
		intents_book_exists(c->a->book, uid);
}

static int validate(const struct admit_call *c, enum api_kind kind, struct err *e)
{
	struct job j = { .c = c, .kind = kind, .w = world_of(c) };
	const bool gone = strcmp(c->q->operation, "DELETE") == 0;
	int r;

	if (!admit_is_object(c->q) || (gone ? !c->q->old : !c->q->object))
		return 0;
	if (gone && !c->q->dry_run)
		note_exists(c, kind);
	if (gone && !j.w.refuse_delete_in_use)
		return 0;
	if (!gone && admit_same_spec(c->q)) {
		r = validate_metadata(&j, e);
		clear_job(&j);
		return r;
	}
	r = decode(kind, c->q->old, &j.old, e);
	if (r < 0 && r != -ENOMEM)
		r = gone ? 0 : r;
	if (r == 0 && !gone)
		r = decode(kind, c->q->object, &j.obj, e);
	if (r == 0 && gone && j.old)
		r = validate_delete(&j, e);
	else if (r == 0 && !gone)
		r = kind == API_RESERVEDIP ? check(&j, e) : validate_edit(&j, e);
	clear_job(&j);
	return r;
}

int admit_validate_pool(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	(void)patch;
	return validate(c, API_IPPOOL, e);
}

int admit_validate_subnet(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	(void)patch;
	return validate(c, API_SUBNET, e);
}

int admit_validate_reserved(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	(void)patch;
	return validate(c, API_RESERVEDIP, e);
}
