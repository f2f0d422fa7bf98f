/* SPDX-License-Identifier: Apache-2.0 */
/* app_work.c - one application: its pools are made as it wants them, and those it needs no more go */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app_part.h"
#include "base/own.h"
#include "discovery.h"
#include "kube/object.h"

#define SOON_MS     20
#define NOT_YET_MS  200
#define NO_RIGHT_MS 30000 /* that we may is no event */

/* ---- saying ---- */

void app_warn(const struct app_task *t, const char *reason, const char *fmt, ...)
{
	const struct app *a = t->app;
	const struct event_object o = { a->api_version, a->kind, a->ns, a->name, a->uid ? a->uid : "" };
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	events_say(t->apps->c->events, &o, true, reason, "%s", text);
}

/* The soonest of what is to be looked at again; the first error stays. */
static void soonest(int64_t *all, int64_t one)
{
	if (*all < 0)
		return;
	if (one < 0 || (one > 0 && (!*all || one < *all)))
		*all = one;
}

/* ---- what it wants ---- */

struct chosen {
	char name[APP_WANTS_MAX][STORE_NAME_MAX + 1];
	size_t n;
};

static int64_t settle_all(const struct app_task *t, const struct app_wants *w, struct chosen *chosen,
			  struct err *e)
{
	int64_t all = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct err why;
		int64_t r = app_settle(t, &w->v[i], chosen->name[chosen->n], &why);

		if (r < 0 && all >= 0)
			*e = why;
		if (r >= 0 && chosen->name[chosen->n][0])
			chosen->n++;
		soonest(&all, r);
	}
	return all;
}

static bool is_chosen(const struct chosen *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->name[i], name))
			return true;
	return false;
}

/* ---- what it needs no more ---- */

static int remove_pool(const struct app_task *t, const struct api_ippool *p, const char *why, struct err *e)
{
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS],
			      .name = p->obj.meta.name,
			      .if_uid = p->obj.meta.uid,
			      .if_version = p->obj.meta.resource_version,
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	int r = kube_delete(t->apps->c->k, &op, e);

	if (r == 0)
		say(LOG_LEVEL_INFO, "pool %s: deleted, %s", p->obj.meta.name, why);
	return r == -ENOENT ? 0 : r;
}

/* In how many ms to look again, as something in it is held; 0: nothing is. */
static int64_t is_held(const struct app_task *t, const struct api_ippool *p, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set total = { 0 }, verified = { 0 };
	struct app_held held = { 0 };
	struct ip_prefix network;
	int64_t r = ip_prefix_parse(p->spec.range.subnet ? p->spec.range.subnet : "", &network, e);

	if (r == 0)
		r = api_range_total(&p->spec.range, &total, e);
	if (r == 0)
		r = app_held_cached(t->apps, &network, p->obj.meta.name, &held, e);
	if (r == 0 && !held.own.n)
		r = app_held_now(t, &total, p->obj.meta.name, &held, &verified, e);
	if (r == 0 && held.own.n)
		r = app_wait_ms(t, APP_LEAVING, network);
	app_held_clear(&held);
	return r;
}

static int64_t leave(const struct app_task *t, const struct api_ippool *p, struct err *e)
{
	int64_t r = is_held(t, p, e);

	return r ? r : remove_pool(t, p, "its application now wants others", e);
}

/* Whether the application that the pool was made for exists, by quorum: 1, 0, or an error. */
static int exists(const struct app_task *t, const struct ipam_owner *o, const struct api_ippool *p,
		  struct err *e)
{
	CLEANUP(json_put_p) struct json_object *object = NULL;
	enum app_kind kind = app_kind_of(o->api_version, o->kind);
	bool foreign = kind == APP_FOREIGN;
	struct discovered d;
	struct kube_op op = { .name = o->name,
			      .ns = o->ns,
			      .metadata_only = true,
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	const char *uid;
	int r = 0;

	if (foreign)
		r = foreign_resource(t->apps->foreign, o->api_version, o->kind, t->cancel, &d, e);
	if (r)
		return r < 0 ? r : 0;
	op.res = foreign ? &d.res : workloads_resource(t->apps->workloads, kind);
	if (!op.res->namespaced)
		op.ns = NULL;
	r = kube_get(t->apps->c->k, &op, &object, e);
	if (r == -ENOENT && !strcmp(op.answer.reason, "NotFound"))
		return 0;
	if (r < 0)
		return foreign ? foreign_explain(t->apps->foreign, &d, r, e) : r;
	uid = kube_meta(object, "uid");
	return uid && app_pool_of_uid(p, uid);
}

/* Of somebody else's kind, and no pod of it tells of it: it is followed, so that its end is seen. */
static int64_t adopt(const struct app_task *t, struct ipam_owner *o, const struct api_ippool *p,
		     struct err *e)
{
	int r;

	o->uid = json_map_get(&p->obj.meta.labels, APP_LABEL_UID);
	r = o->uid ? foreign_adopt(t->apps->foreign, t->key, o, e) : 0;
	return r < 0 ? r : o->uid ? SOON_MS : 0;
}

static int64_t reclaim_pool(const struct app_task *t, const struct api_ippool *p, struct err *e)
{
	char version[STORE_NAME_MAX + 1];
	struct ipam_owner o = { .kind = "" };
	int r = app_pool_owner(p, version, &o) ? exists(t, &o, p, e) : 1;

	if (r == 1 && !t->app && *o.kind && app_kind_of(version, o.kind) == APP_FOREIGN)
		return adopt(t, &o, p, e);
	if (r == -EACCES) {
		const struct app of = { .api_version = version,
					.kind = (char *)o.kind,
					.ns = (char *)o.ns,
					.name = (char *)o.name };
		const struct app_task said = { t->apps, t->key, &of, t->cancel };

		app_warn(&said, "RightMissing", "%s", e->msg);
		return NO_RIGHT_MS;
	}
	return r ? (r < 0 ? r : 0) : remove_pool(t, p, "its application is gone", e);
}

static int64_t clear_up(const struct app_task *t, bool asks, const struct chosen *chosen, struct err *e)
{
	struct app_seen seen;
	int64_t all = app_seen_key(t->apps, t->key, &seen, e);

	for (size_t i = 0; all >= 0 && i < seen.n; i++) {
		const struct api_ippool *p = seen.v[i];
		enum app_fate fate = app_fate_of(t->app, asks, p);

		if (is_chosen(chosen, p->obj.meta.name) || fate == APP_KEEP)
			continue;
		soonest(&all, fate == APP_LEAVE ? leave(t, p, e) : reclaim_pool(t, p, e));
	}
	app_seen_clear(&seen);
	return all;
}

/* ---- one key ---- */

/* What cannot be read is said, and neither makes pools nor lets any go. */
static bool read_wants(const struct app_task *t, struct app_wants *w)
{
	struct err why;

	w->n = 0;
	if (!app_asks(t->app) || t->app->deleting)
		return false;
	if (app_wants(t->app, &t->apps->c->conf.file, w, &why) == 0)
		return true;
	app_warn(t, "AnnotationInvalid", "%s", why.msg);
	return false;
}

struct plan { /* too much for a worker's stack */
	struct app_wants wants;
	struct chosen chosen;
};

static int64_t look_with(struct app_task *t, struct plan *p, struct err *e)
{
	struct err why;
	int64_t r = 0, left;
	bool asks = false;

	if (t->app) {
		asks = read_wants(t, &p->wants);
		r = settle_all(t, &p->wants, &p->chosen, e);
	}
	/* What could not be made must not be taken for what is not wanted. */
	if (r < 0)
		return r;
	left = clear_up(t, asks, &p->chosen, &why);
	if (left < 0)
		*e = why;
	soonest(&r, left);
	return r;
}

static int64_t look(struct app_task *t, struct err *e)
{
	struct plan *p = calloc(1, sizeof(*p));
	int64_t r = p ? look_with(t, p, e) : err_nomem(e);

	free(p);
	return r;
}

/* The object that a right is missing for is known as far as its pods tell. */
static int64_t no_right(const struct app_task *t, const struct err *why)
{
	struct app a;
	struct err e;

	if (app_table_get(t->apps->table, t->key, &a, &e) > 0) {
		const struct app_task said = { t->apps, t->key, &a, t->cancel };

		app_warn(&said, "RightMissing", "%s", why->msg);
		app_clear(&a);
	}
	return NO_RIGHT_MS;
}

int64_t app_work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct app_task t = { .apps = arg, .key = key, .cancel = cancel };
	struct app a;
	int64_t again, r;
	int known;

	if (!world_synced(t.apps->c->world) || !workloads_synced(t.apps->workloads))
		return NOT_YET_MS;
	again = foreign_look(t.apps->foreign, key, cancel, e);
	if (again == -EACCES)
		return no_right(&t, e);
	known = again < 0 ? -1 : app_table_get(t.apps->table, key, &a, e);
	if (known < 0)
		return -e->sys;
	t.app = known ? &a : NULL;
	r = look(&t, e);
	if (known)
		app_clear(&a);
	soonest(&r, again);
	return r || !known ? r : kube_queue_slow(key);
}
