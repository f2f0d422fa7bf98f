/* SPDX-License-Identifier: Apache-2.0 */
/* app_foreign.c - applications of kinds that are not Kubernetes' own */
#include "app_foreign.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app_kinds.h"
#include "base/own.h"
#include "kube/object.h"

#define DEBOUNCE_MS 100 /* pods come in crowds */
#define CALL_MS     10000

struct note { /* a pod that nobody has read yet */
	struct note *next;
	int64_t made_ms;
	char *ns, *pod;
	char key[];
};

struct foreign {
	struct foreign_conf c;
	pthread_mutex_t lock;
	struct note *notes;
	struct app_kinds *kinds;
};

/* ---- pods ---- */

static void note_free(struct note *n)
{
	if (!n)
		return;
	free(n->ns);
	free(n->pod);
	free(n);
}

/* Unknown is older than anything. */
static int64_t parse_ms(const char *text)
{
	struct err unknown;
	int64_t ms;

	return text && clock_parse(text, &ms, &unknown) == 0 ? ms : 0;
}

/* The newest counts: others may be of an older template. */
static void note_pod(struct foreign *f, const char *key, const char *ns, const char *pod, int64_t made_ms)
{
	struct note *n = calloc(1, sizeof(*n) + strlen(key) + 1), **at;

	if (!n)
		return;
	memcpy(n->key, key, strlen(key) + 1);
	n->made_ms = made_ms;
	n->ns = strdup(ns);
	n->pod = strdup(pod);
	if (!n->ns || !n->pod) {
		note_free(n);
		return;
	}
	pthread_mutex_lock(&f->lock);
	for (at = &f->notes; *at && strcmp((*at)->key, key) != 0; at = &(*at)->next)
		;
	if (*at && (*at)->made_ms > made_ms) {
		note_free(n);
	} else {
		n->next = *at ? (*at)->next : NULL;
		note_free(*at);
		*at = n;
	}
	pthread_mutex_unlock(&f->lock);
}

static struct note *take_note(struct foreign *f, const char *key)
{
	struct note **at, *n;

	pthread_mutex_lock(&f->lock);
	for (at = &f->notes; *at && strcmp((*at)->key, key) != 0; at = &(*at)->next)
		;
	n = *at;
	if (n)
		*at = n->next;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* A pod of kubelet's own is "controlled" by its node. */
static bool is_foreign(const struct kube_owner *o)
{
	return o && o->api_version && o->kind && o->name && o->uid && strcmp(o->kind, "Node") != 0 &&
	       app_kind_of(o->api_version, o->kind) == APP_FOREIGN;
}

void foreign_pod(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct foreign *f = arg;
	const struct kube_item *item = now ? now : old;
	const struct world_pod *p = item->view;
	const struct kube_owner *o = p ? app_controller(p->meta.owners.v, p->meta.owners.n) : NULL;
	char key[APP_KEY_MAX];

	if ((now && old) || !is_foreign(o) || p->spec.host_network)
		return;
	app_key(o->api_version, o->kind, item->ns, o->name, key);
	if (now)
		note_pod(f, key, item->ns, item->name, parse_ms(p->meta.made_at));
	else if (!app_table_has(f->c.table, key))
		return;
	f->c.changed(key, DEBOUNCE_MS, f->c.arg);
}

/* ---- resources ---- */

static void look_soon(const char *key, void *arg)
{
	const struct foreign *f = arg;

	f->c.changed(key, DEBOUNCE_MS, f->c.arg);
}

static void trouble(const char *sentence, void *arg)
{
	const struct foreign *f = arg;

	f->c.trouble(sentence, f->c.arg);
}

int foreign_resource(struct foreign *f, const char *api_version, const char *kind, struct kube_cancel *cancel,
		     struct discovered *ret, struct err *e)
{
	return app_kinds_get(f->kinds, api_version, kind, cancel, ret, e);
}

int foreign_explain(struct foreign *f, const struct discovered *d, int r, struct err *e)
{
	return app_kinds_explain(f->kinds, d, r, e);
}

/* ---- looking ---- */

static int get(struct foreign *f, struct kube_op *op, const struct json_table *table, void *out,
	       struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	op->until = deadline_in(CALL_MS);
	r = kube_get(f->c.k, op, &o, e);
	return r < 0 ? r : json_decode(table, o, op->res->kind, out, e);
}

/* What the pod asks for is what its application asks for; one that asks for nothing says nothing of the
 * others. */
static int take_pod(struct foreign *f, const char *key, const struct app_pod *p, struct err *e)
{
	const struct kube_owner *o = app_controller(p->meta.owners.v, p->meta.owners.n);
	struct app a = { 0 }, known;
	int r;

	if (!is_foreign(o) || p->spec.host_network || !p->meta.ns ||
	    (!p->meta.annotations.subnet && !p->meta.annotations.subnets))
		return 0;
	const struct ipam_owner id = { o->api_version, o->kind, p->meta.ns, o->name, o->uid };
	int64_t made_ms = parse_ms(p->meta.made_at);

	r = app_table_get(f->c.table, key, &known, e);
	if (r > 0 && known.told_ms > made_ms && known.uid && o->uid && !strcmp(known.uid, o->uid)) {
		app_clear(&known);
		return 0;
	}
	if (r >= 0)
		r = app_make(&id, &a, e);
	if (r == 0) {
		a.replicas = known.replicas;
		a.told_ms = made_ms;
		r = app_annotations_copy(&p->meta.annotations, &a.annotations, e);
	}
	if (r == 0)
		r = app_table_put(f->c.table, key, &a, 0, e);
	app_clear(&known);
	app_clear(&a);
	return r < 0 ? r : 0;
}

static int look_at_pod(struct foreign *f, const char *key, struct kube_cancel *cancel, struct err *e)
{
	struct note *n = take_note(f, key);
	struct app_pod p = { 0 };
	int r = 0;

	if (n) {
		struct kube_op op = {
			.res = &kube_resources[KUBE_PODS], .ns = n->ns, .name = n->pod, .cancel = cancel
		};

		r = get(f, &op, &app_pod_table, &p, e);
		if (r == 0)
			r = take_pod(f, key, &p, e);
		if (r < 0 && r != -ENOENT)
			note_pod(f, key, n->ns, n->pod, n->made_ms); /* nobody else will tell of it */
		json_clear(&app_pod_table, &p);
	}
	note_free(n);
	return r == -ENOENT ? 0 : r;
}

static bool wants_scale(const struct app *a)
{
	return a->annotations.number && strchr(a->annotations.number, '+');
}

static int look_at_scale(struct foreign *f, const struct discovered *d, struct app *a,
			 struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = { .res = &d->res,
			      .ns = d->res.namespaced ? a->ns : NULL,
			      .name = a->name,
			      .sub = "scale",
			      .cancel = cancel };
	struct app_scale s;
	int r;

	a->replicas = 0;
	if (!d->scale || !wants_scale(a))
		return 0;
	r = get(f, &op, &app_scale_table, &s, e);
	if (r == 0) {
		a->replicas = s.spec.replicas.set && s.spec.replicas.v > 0 ? s.spec.replicas.v : 0;
		json_clear(&app_scale_table, &s);
	}
	if (r == -ENOENT) /* the object has gone, or its kind has "scale" no more */
		app_kinds_doubt(f->kinds, d);
	return foreign_explain(f, d, r, e);
}

/* 1: it is there and *a is up to date; 0: it is gone. */
static int look_at_object(struct foreign *f, const struct discovered *d, struct app *a,
			  struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = { .res = &d->res,
			      .ns = d->res.namespaced ? a->ns : NULL,
			      .name = a->name,
			      .metadata_only = true,
			      .cancel = cancel };
	struct app_object o;
	int r = get(f, &op, &app_object_table, &o, e);
	bool same;

	if (r == -ENOENT && !strcmp(op.answer.reason, "NotFound"))
		return 0;
	if (r < 0)
		return foreign_explain(f, d, r, e);
	same = o.meta.uid && !strcmp(o.meta.uid, a->uid);
	a->deleting = o.meta.deleted_at;
	json_clear(&app_object_table, &o);
	if (!same)
		return 0;
	r = look_at_scale(f, d, a, cancel, e);
	return r < 0 ? r : 1;
}

static int64_t look(struct foreign *f, const char *key, struct app *a, struct kube_cancel *cancel,
		    struct err *e)
{
	struct discovered d;
	bool heard = false;
	int r = foreign_resource(f, a->api_version, a->kind, cancel, &d, e);

	if (r == 0) {
		r = app_kinds_follow(f->kinds, a->api_version, a->kind, e);
		/* An object without a namespace is known by those of its pods: its own events find nobody. */
		heard = r > 0 && d.res.namespaced && (d.scale || !wants_scale(a));
		if (r >= 0)
			r = look_at_object(f, &d, a, cancel, e);
	} else if (r > 0) {
		r = 0;
		heard = true;
	}
	if (r < 0)
		return r;
	if (r > 0)
		r = app_table_put(f->c.table, key, a, 0, e);
	else
		app_table_drop(f->c.table, key);
	return r < 0 ? r : heard ? 0 : APP_KINDS_AGAIN_MS;
}

int64_t foreign_look(struct foreign *f, const char *key, struct kube_cancel *cancel, struct err *e)
{
	struct app a;
	int64_t r = look_at_pod(f, key, cancel, e);

	if (r == 0)
		r = app_table_get(f->c.table, key, &a, e);
	if (r <= 0)
		return r;
	r = a.kind_id == APP_FOREIGN ? look(f, key, &a, cancel, e) : 0;
	app_clear(&a);
	return r;
}

int foreign_adopt(struct foreign *f, const char *key, const struct ipam_owner *id, struct err *e)
{
	struct app a;
	int r = app_make(id, &a, e);

	if (r == 0)
		r = app_table_put(f->c.table, key, &a, 0, e);
	app_clear(&a);
	return r < 0 ? r : 0;
}

/* ---- life ---- */

int foreign_start(const struct foreign_conf *c, struct foreign **ret, struct err *e)
{
	struct foreign *f = calloc(1, sizeof(*f));
	struct app_kinds_conf kinds = {
		.k = c->k, .table = c->table, .changed = look_soon, .trouble = trouble, .arg = f
	};
	int r;

	*ret = NULL;
	if (!f)
		return err_nomem(e);
	r = app_kinds_new(&kinds, &f->kinds, e);
	if (r < 0) {
		free(f);
		return r;
	}
	f->c = *c;
	pthread_mutex_init(&f->lock, NULL);
	*ret = f;
	return 0;
}

void foreign_stop(struct foreign *f)
{
	if (f)
		app_kinds_stop(f->kinds);
}

void foreign_free(struct foreign *f)
{
	struct note *n;

	if (!f)
		return;
	app_kinds_free(f->kinds);
	while ((n = f->notes)) {
		f->notes = n->next;
		note_free(n);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
}
