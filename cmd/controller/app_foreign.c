/* SPDX-License-Identifier: Apache-2.0 */
/* app_foreign.c - applications of kinds that are not Kubernetes' own */
#include "app_foreign.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "discovery.h"
#include "kube/object.h"
#include "kube/watch.h"

#define KINDS_MAX   64    /* resources that are followed */
#define DEBOUNCE_MS 100   /* pods come in crowds */
#define AGAIN_MS    60000 /* what is not followed is looked at now and then; also for rights that came */
#define CALL_MS     10000
#define PAGE        100

struct note { /* a pod that nobody has read yet */
	struct note *next;
	char *ns, *pod;
	char key[];
};

struct kind {
	struct foreign *f;
	struct discovered d;
	char api_version[320];
	struct kube_watch *watch;
	atomic_bool followed;
};

struct foreign {
	struct foreign_conf c;
	pthread_mutex_t lock;
	struct note *notes;
	struct kind *kinds[KINDS_MAX]; /* only added to */
	size_t n;
	bool stopped;
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

/* The newest counts. */
static void note_pod(struct foreign *f, const char *key, const char *ns, const char *pod)
{
	struct note *n = calloc(1, sizeof(*n) + strlen(key) + 1), **at;

	if (!n)
		return;
	memcpy(n->key, key, strlen(key) + 1);
	n->ns = strdup(ns);
	n->pod = strdup(pod);
	if (!n->ns || !n->pod) {
		note_free(n);
		return;
	}
	pthread_mutex_lock(&f->lock);
	for (at = &f->notes; *at && strcmp((*at)->key, key) != 0; at = &(*at)->next)
		;
	n->next = *at ? (*at)->next : NULL;
	note_free(*at);
	*at = n;
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
		note_pod(f, key, item->ns, item->name);
	else if (!app_table_has(f->c.table, key))
		return;
	f->c.changed(key, DEBOUNCE_MS, f->c.arg);
}

/* ---- resources ---- */

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct kind *kind = arg;
	struct foreign *f = kind->f;
	char key[APP_KEY_MAX];

	(void)e;
	if (ev->change == KUBE_SYNCED)
		kind->followed = true;
	if (!ev->object)
		return 0;
	app_key(kind->api_version, kind->d.kind, ev->ns, ev->name, key);
	if (app_table_has(f->c.table, key))
		f->c.changed(key, DEBOUNCE_MS, f->c.arg);
	return 0;
}

static void trouble(const struct err *why, void *arg)
{
	struct kind *kind = arg;
	struct err said = *why;

	kind->followed = false;
	foreign_explain(&kind->d, -said.sys, &said);
	kind->f->c.trouble(said.msg, kind->f->c.arg);
}

static struct kind *find_kind(struct foreign *f, const char *api_version, const char *kind)
{
	struct kind *found = NULL;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n && !found; i++)
		if (!strcmp(f->kinds[i]->api_version, api_version) && !strcmp(f->kinds[i]->d.kind, kind))
			found = f->kinds[i];
	pthread_mutex_unlock(&f->lock);
	return found;
}

/* Another worker may have been faster. */
static struct kind *add_kind(struct foreign *f, struct kind *new)
{
	struct kind *there = find_kind(f, new->api_version, new->d.kind);

	if (there)
		return there;
	pthread_mutex_lock(&f->lock);
	if (f->n < KINDS_MAX && !f->stopped)
		there = f->kinds[f->n++] = new;
	pthread_mutex_unlock(&f->lock);
	return there;
}

static int get_kind(struct foreign *f, const char *api_version, const char *kind, struct kube_cancel *cancel,
		    struct kind **ret, struct err *e)
{
	struct kind *new;
	int r;

	*ret = find_kind(f, api_version, kind);
	if (*ret)
		return 0;
	new = calloc(1, sizeof(*new));
	if (!new)
		return err_nomem(e);
	new->f = f;
	snprintf(new->api_version, sizeof(new->api_version), "%s", api_version);
	r = discovery_find(f->c.k, api_version, kind, deadline_in(CALL_MS), cancel, &new->d, e);
	*ret = r == 0 ? add_kind(f, new) : NULL;
	if (r == 0 && !*ret)
		r = err_code(e, ERR_TRY_AGAIN, E2BIG,
			     "%s %s: pools are made for at most %d kinds that are not Kubernetes' own",
			     api_version, kind, KINDS_MAX);
	if (*ret != new)
		free(new);
	return r;
}

static int follow(struct kind *kind, struct err *e)
{
	const struct kube_watch_conf c = { .k = kind->f->c.k,
					   .res = &kind->d.res,
					   .metadata_only = true,
					   .page = PAGE,
					   .event = event,
					   .trouble = trouble,
					   .arg = kind };
	int r = 0;

	pthread_mutex_lock(&kind->f->lock);
	if (!kind->watch && !kind->f->stopped)
		r = kube_watch_start(&c, &kind->watch, e);
	pthread_mutex_unlock(&kind->f->lock);
	return r;
}

int foreign_resource(struct foreign *f, const char *api_version, const char *kind, struct kube_cancel *cancel,
		     const struct discovered **ret, struct err *e)
{
	struct kind *found;
	int r = get_kind(f, api_version, kind, cancel, &found, e);

	*ret = r == 0 ? &found->d : NULL;
	return r;
}

int foreign_explain(const struct discovered *d, int r, struct err *e)
{
	if (r != -EACCES)
		return r;
	return err_code(e, ERR_CONFIG, EACCES,
			"spiderpool-controller may not read %s: add to a ClusterRole with the label "
			"rbac.spiderpool.spidernet.io/aggregate-to-controller: \"true\" the rule "
			"{apiGroups: [\"%s\"], resources: [\"%s\", \"%s/scale\"], verbs: [get, list, watch]}",
			d->plural, d->group, d->plural, d->plural);
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
	struct app a, known;
	int r;

	if (!is_foreign(o) || p->spec.host_network || !p->meta.ns ||
	    (!p->meta.annotations.subnet && !p->meta.annotations.subnets))
		return 0;
	const struct ipam_owner id = { o->api_version, o->kind, p->meta.ns, o->name, o->uid };

	r = app_make(&id, &a, e);
	if (r == 0)
		r = app_annotations_copy(&p->meta.annotations, &a.annotations, e);
	if (r == 0 && app_table_get(f->c.table, key, &known, e) > 0) {
		a.replicas = known.replicas;
		app_clear(&known);
	}
	if (r == 0)
		r = app_table_put(f->c.table, key, &a, 0, e);
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
			note_pod(f, key, n->ns, n->pod); /* nobody else will tell of it */
		json_clear(&app_pod_table, &p);
	}
	note_free(n);
	return r == -ENOENT ? 0 : r;
}

static int look_at_scale(struct foreign *f, const struct kind *kind, struct app *a,
			 struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = { .res = &kind->d.res,
			      .ns = kind->d.res.namespaced ? a->ns : NULL,
			      .name = a->name,
			      .sub = "scale",
			      .cancel = cancel };
	struct app_scale s;
	int r;

	a->replicas = 0;
	if (!kind->d.scale || !a->annotations.number || !strchr(a->annotations.number, '+'))
		return 0;
	r = get(f, &op, &app_scale_table, &s, e);
	if (r == 0) {
		a->replicas = s.spec.replicas.set && s.spec.replicas.v > 0 ? s.spec.replicas.v : 0;
		json_clear(&app_scale_table, &s);
	}
	return foreign_explain(&kind->d, r, e);
}

/* 1: it is there and *a is up to date; 0: it is gone. */
static int look_at_object(struct foreign *f, const struct kind *kind, struct app *a,
			  struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = { .res = &kind->d.res,
			      .ns = kind->d.res.namespaced ? a->ns : NULL,
			      .name = a->name,
			      .metadata_only = true,
			      .cancel = cancel };
	struct app_object o;
	int r = get(f, &op, &app_object_table, &o, e);
	bool same;

	if (r == -ENOENT && !strcmp(op.answer.reason, "NotFound"))
		return 0;
	if (r < 0)
		return foreign_explain(&kind->d, r, e);
	same = o.meta.uid && !strcmp(o.meta.uid, a->uid);
	a->deleting = o.meta.deleted_at;
	json_clear(&app_object_table, &o);
	if (!same)
		return 0;
	r = look_at_scale(f, kind, a, cancel, e);
	return r < 0 ? r : 1;
}

static int64_t look(struct foreign *f, const char *key, struct app *a, struct kube_cancel *cancel,
		    struct err *e)
{
	struct kind *kind;
	int r = get_kind(f, a->api_version, a->kind, cancel, &kind, e);

	if (r == 0)
		r = follow(kind, e);
	if (r == 0)
		r = look_at_object(f, kind, a, cancel, e);
	if (r < 0)
		return r;
	if (r > 0)
		r = app_table_put(f->c.table, key, a, 0, e);
	else
		app_table_drop(f->c.table, key);
	return r < 0 ? r : kind->followed ? 0 : AGAIN_MS;
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

	*ret = f;
	if (!f)
		return err_nomem(e);
	f->c = *c;
	pthread_mutex_init(&f->lock, NULL);
	return 0;
}

void foreign_stop(struct foreign *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stopped = true;
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		kube_watch_stop(f->kinds[i]->watch);
		f->kinds[i]->watch = NULL;
	}
}

void foreign_free(struct foreign *f)
{
	struct note *n;

	if (!f)
		return;
	for (size_t i = 0; i < f->n; i++)
		free(f->kinds[i]);
	while ((n = f->notes)) {
		f->notes = n->next;
		note_free(n);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
}
