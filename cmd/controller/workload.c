/* SPDX-License-Identifier: Apache-2.0 */
/* workload.c - Kubernetes' own workloads that ask for pools */
#include "workload.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/own.h"
#include "kube/watch.h"

/* Whole objects come, a few KiB each: not many at a time. */
#define PAGE 25

/* Servers before Kubernetes 1.21 have only this one, from 1.25 on only the other. */
static const struct kube_resource cron_jobs_beta = { "batch", "v1beta1", "cronjobs", "CronJob", true };

struct follow {
	struct workloads *w;
	enum app_kind kind;
	struct kube_watch *watch;
	uint64_t list; /* the watch's thread */
	atomic_bool synced;
	bool missed; /* the watch's thread: the resource was not there, and another version was tried */
};

struct workloads {
	struct workloads_conf c;
	struct kube_resource res[APP_KINDS]; /* each its watch's */
	_Atomic(const struct kube_resource *) cron_jobs;
	struct follow follow[APP_KINDS];
};

static const char *version_of(const struct workloads *w, enum app_kind kind, struct buf *b)
{
	kube_resource_version(&w->res[kind], b);
	return buf_cstr(b);
}

/* ---- events ---- */

static void gone(const char *key, void *arg)
{
	const struct follow *f = arg;

	f->w->c.changed(key, f->w->c.arg);
}

/* One that was never kept may have pools all the same, of an earlier time. */
static void forget(struct follow *f, const char *key)
{
	app_table_drop(f->w->c.table, key);
	gone(key, f);
}

static int take(struct follow *f, const struct kube_event *ev, const char *key, struct err *e)
{
	CLEANUP(buf_clear) struct buf version = BUF_INIT(512);
	struct app_object o;
	struct app a;
	int r = json_decode(&app_object_table, ev->object, f->w->res[f->kind].kind, &o, e);

	if (r < 0)
		return r;
	r = app_read(f->kind, version_of(f->w, f->kind, &version), &o, &a, e);
	if (r == 0 && app_table_has(f->w->c.table, key))
		forget(f, key);
	else if (r > 0 && (app_asks(&a) || app_table_has(f->w->c.table, key)))
		r = app_table_put(f->w->c.table, key, &a, f->list, e);
	else if (r > 0)
		r = 0;
	if (r > 0)
		gone(key, f);
	app_clear(&a);
	json_clear(&app_object_table, &o);
	return r < 0 ? r : 0;
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct follow *f = arg;
	const struct kube_resource *res = &f->w->res[f->kind];
	char key[APP_KEY_MAX];
	int r;

	if (ev->change == KUBE_LISTING) {
		f->list++;
		return 0;
	}
	if (ev->change == KUBE_SYNCED) {
		f->missed = false;
		app_table_sweep(f->w->c.table, f->kind, f->list, gone, f);
		f->synced = true;
		return 0;
	}
	app_key(res->group[0] == 'b' ? "batch/v1" : "apps/v1", res->kind, ev->ns, ev->name, key);
	if (ev->change == KUBE_DELETED) {
		forget(f, key);
		return 0;
	}
	r = take(f, ev, key, e);
	/* What nobody can read asks for nothing; the list goes on. */
	if (r < 0 && r != -ENOMEM) {
		f->w->c.trouble(e->msg, f->w->c.arg);
		forget(f, key);
		r = 0;
	}
	return r;
}

static void change_version(struct workloads *w)
{
	const struct kube_resource *beta = &cron_jobs_beta, *is = w->cron_jobs;

	is = is == beta ? app_resources[APP_CRONJOB] : beta;
	w->res[APP_CRONJOB] = *is; /* the watch reads it with each try */
	w->cron_jobs = is;
}

/* That one version is missing is no trouble; that both are, is. */
static void trouble(const struct err *why, void *arg)
{
	struct follow *f = arg;
	bool missed = f->missed;

	f->missed = f->kind == APP_CRONJOB && (why->sys == ENXIO || why->sys == ENOENT);
	if (f->missed)
		change_version(f->w);
	if (f->missed && !missed)
		return;
	f->w->c.trouble(why->msg, f->w->c.arg);
}

/* ---- life ---- */

int workloads_start(const struct workloads_conf *c, struct workloads **ret, struct err *e)
{
	struct workloads *w = calloc(1, sizeof(*w));
	int r = 0;

	*ret = NULL;
	if (!w)
		return err_nomem(e);
	w->c = *c;
	for (size_t i = 0; i < APP_KINDS; i++)
		w->res[i] = *app_resources[i];
	w->cron_jobs = app_resources[APP_CRONJOB];
	for (size_t i = 0; r == 0 && i < APP_KINDS; i++) {
		struct follow *f = &w->follow[i];
		const struct kube_watch_conf watch = { .k = c->k,
						       .res = &w->res[i],
						       .table = &app_object_table,
						       .page = PAGE,
						       .event = event,
						       .trouble = trouble,
						       .arg = f };

		f->w = w;
		f->kind = (enum app_kind)i;
		r = kube_watch_start(&watch, &f->watch, e);
	}
	if (r < 0) {
		workloads_stop(w);
		workloads_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void workloads_stop(struct workloads *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < APP_KINDS; i++) {
		kube_watch_stop(w->follow[i].watch);
		w->follow[i].watch = NULL;
	}
}

void workloads_free(struct workloads *w)
{
	free(w);
}

bool workloads_synced(struct workloads *w)
{
	for (size_t i = 0; i < APP_KINDS; i++)
		if (!w->follow[i].synced)
			return false;
	return true;
}

const struct kube_resource *workloads_resource(const struct workloads *w, enum app_kind kind)
{
	return kind == APP_CRONJOB ? w->cron_jobs : &w->res[kind];
}
