/* SPDX-License-Identifier: Apache-2.0 */
/* app_kinds.c - kinds that are not Kubernetes' own, discovered and followed */
#include "app_kinds.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/watch.h"

#define KINDS_MAX 64
#define CALL_MS   10000
#define PAGE      100

struct kind {
	struct app_kinds *all;
	struct discovered d;
	char api_version[320];
	int64_t since; /* discovered; monotonic */
	struct kube_watch *watch;
	atomic_bool followed;
	atomic_bool stale; /* it was not served as it was discovered */
	int said;          /* the watch's thread: an errno */
};

struct app_kinds {
	struct app_kinds_conf c;
	pthread_mutex_t lock; /* held while a watch is stopped: none of their threads takes it */
	struct kind *kinds[KINDS_MAX];
	size_t n;
	bool stopped;
};

/* ---- watches ---- */

struct those {
	const struct app_kinds *all;
	char key[APP_KEY_MAX]; /* as all of them begin */
};

static void look_at(const char *key, void *arg)
{
	const struct those *t = arg;

	if (!strncmp(key, t->key, strlen(t->key)))
		t->all->c.changed(key, t->all->c.arg);
}

static void look_at_all(const struct kind *kind)
{
	struct those t = { .all = kind->all };

	app_key(kind->api_version, kind->d.kind, "", "", t.key);
	t.key[strlen(t.key) - 1] = '\0'; /* before the namespace */
	app_table_each(kind->all->c.table, look_at, &t);
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct kind *kind = arg;
	const struct app_kinds *ks = kind->all;
	char key[APP_KEY_MAX];

	(void)e;
	if (ev->change == KUBE_LISTING)
		return 0;
	kind->followed = true;
	kind->said = 0;
	/* Nobody says what was deleted before the list. */
	if (ev->change == KUBE_SYNCED) {
		look_at_all(kind);
		return 0;
	}
	app_key(kind->api_version, kind->d.kind, ev->ns, ev->name, key);
	if (app_table_has(ks->c.table, key))
		ks->c.changed(key, ks->c.arg);
	return 0;
}

static int explain(const struct discovered *d, int r, struct err *e)
{
	if (r != -EACCES)
		return r;
	return err_code(e, ERR_CONFIG, EACCES,
			"spiderpool-controller may not read %s: add to a ClusterRole with the label "
			"rbac.spiderpool.spidernet.io/aggregate-to-controller: \"true\" the rule "
			"{apiGroups: [\"%s\"], resources: [\"%s\", \"%s/scale\"], verbs: [get, list, watch]}",
			d->plural, d->group, d->plural, d->plural);
}

static void trouble(const struct err *why, void *arg)
{
	struct kind *kind = arg;
	struct err said = *why;

	kind->followed = false;
	if ((why->sys == ENOENT || why->sys == ENXIO) && !atomic_exchange(&kind->stale, true))
		look_at_all(kind);
	if (kind->said == why->sys)
		return;
	kind->said = why->sys;
	explain(&kind->d, -said.sys, &said);
	kind->all->c.trouble(said.msg, kind->all->c.arg);
}

/* ---- what is remembered; locked ---- */

static struct kind **find(struct app_kinds *ks, const char *api_version, const char *kind)
{
	for (size_t i = 0; i < ks->n; i++)
		if (!strcmp(ks->kinds[i]->api_version, api_version) && !strcmp(ks->kinds[i]->d.kind, kind))
			return &ks->kinds[i];
	return NULL;
}

/* That it has no subresource "scale" may change, and no error tells. */
static bool is_fresh(const struct kind *kind)
{
	return !kind->stale && (kind->d.scale || clock_mono_ms() - kind->since < APP_KINDS_AGAIN_MS);
}

static int add(struct app_kinds *ks, const char *api_version, const struct discovered *d, struct err *e)
{
	struct kind *new;

	if (ks->n == KINDS_MAX)
		return err_code(e, ERR_TRY_AGAIN, E2BIG,
				"%s %s: pools are made for at most %d kinds that are not Kubernetes' own",
				api_version, d->kind, KINDS_MAX);
	new = calloc(1, sizeof(*new));
	if (!new)
		return err_nomem(e);
	new->all = ks;
	snprintf(new->api_version, sizeof(new->api_version), "%s", api_version);
	discovery_copy(d, &new->d);
	new->since = clock_mono_ms();
	ks->kinds[ks->n++] = new;
	return 0;
}

/* The watch reads what it follows. */
static void refresh(struct kind *kind, const struct discovered *d)
{
	if (strcmp(kind->d.plural, d->plural) != 0 || kind->d.res.namespaced != d->res.namespaced) {
		kube_watch_stop(kind->watch);
		kind->watch = NULL;
		kind->followed = false;
		discovery_copy(d, &kind->d);
	}
	kind->d.scale = d->scale;
	kind->since = clock_mono_ms();
	kind->stale = false;
}

/* ---- for callers ---- */

static bool get_known(struct app_kinds *ks, const char *api_version, const char *kind, struct discovered *ret)
{
	struct kind **at;
	bool known;

	pthread_mutex_lock(&ks->lock);
	at = find(ks, api_version, kind);
	known = at && is_fresh(*at);
	if (known)
		discovery_copy(&(*at)->d, ret);
	pthread_mutex_unlock(&ks->lock);
	return known;
}

/* Another worker may have been faster. */
static int remember(struct app_kinds *ks, const char *api_version, const struct discovered *d, struct err *e)
{
	struct kind **at;
	int r = 0;

	pthread_mutex_lock(&ks->lock);
	at = find(ks, api_version, d->kind);
	if (at)
		refresh(*at, d);
	else
		r = add(ks, api_version, d, e);
	pthread_mutex_unlock(&ks->lock);
	return r;
}

static void forget(struct app_kinds *ks, const char *api_version, const char *kind)
{
	struct kind **at, *gone = NULL;

	pthread_mutex_lock(&ks->lock);
	at = find(ks, api_version, kind);
	if (at) {
		gone = *at;
		*at = ks->kinds[--ks->n];
		kube_watch_stop(gone->watch);
	}
	pthread_mutex_unlock(&ks->lock);
	free(gone);
}

int app_kinds_get(struct app_kinds *ks, const char *api_version, const char *kind, struct kube_cancel *cancel,
		  struct discovered *ret, struct err *e)
{
	struct err why;
	int r;

	if (get_known(ks, api_version, kind, ret))
		return 0;
	r = discovery_find(ks->c.k, api_version, kind, deadline_in(CALL_MS), cancel, ret, e);
	if (r == 0)
		return remember(ks, api_version, ret, e);
	if (r != -ENOENT)
		return r;
	r = discovery_defined(ks->c.k, api_version, kind, deadline_in(CALL_MS), cancel, &why);
	if (r < 0)
		*e = why;
	if (r == 0)
		forget(ks, api_version, kind);
	return r < 0 ? r : r ? -ENOENT : 1;
}

int app_kinds_follow(struct app_kinds *ks, const char *api_version, const char *kind, struct err *e)
{
	struct kube_watch_conf c = {
		.k = ks->c.k, .metadata_only = true, .page = PAGE, .event = event, .trouble = trouble
	};
	struct kind **at;
	int r = 0;

	pthread_mutex_lock(&ks->lock);
	at = ks->stopped ? NULL : find(ks, api_version, kind);
	if (at && !(*at)->watch) {
		(*at)->said = 0;
		c.res = &(*at)->d.res;
		c.arg = *at;
		r = kube_watch_start(&c, &(*at)->watch, e);
	}
	if (r == 0)
		r = at && (*at)->followed;
	pthread_mutex_unlock(&ks->lock);
	return r;
}

void app_kinds_doubt(struct app_kinds *ks, const struct discovered *d)
{
	pthread_mutex_lock(&ks->lock);
	for (size_t i = 0; i < ks->n; i++) {
		struct kind *kind = ks->kinds[i];

		if (!strcmp(kind->d.group, d->group) && !strcmp(kind->d.version, d->version) &&
		    !strcmp(kind->d.kind, d->kind))
			kind->stale = true;
	}
	pthread_mutex_unlock(&ks->lock);
}

int app_kinds_explain(struct app_kinds *ks, const struct discovered *d, int r, struct err *e)
{
	if (r == -ENXIO)
		app_kinds_doubt(ks, d);
	return explain(d, r, e);
}

/* ---- life ---- */

int app_kinds_new(const struct app_kinds_conf *c, struct app_kinds **ret, struct err *e)
{
	struct app_kinds *ks = calloc(1, sizeof(*ks));

	*ret = ks;
	if (!ks)
		return err_nomem(e);
	ks->c = *c;
	pthread_mutex_init(&ks->lock, NULL);
	return 0;
}

void app_kinds_stop(struct app_kinds *ks)
{
	if (!ks)
		return;
	pthread_mutex_lock(&ks->lock);
	ks->stopped = true;
	for (size_t i = 0; i < ks->n; i++) {
		kube_watch_stop(ks->kinds[i]->watch);
		ks->kinds[i]->watch = NULL;
	}
	pthread_mutex_unlock(&ks->lock);
}

void app_kinds_free(struct app_kinds *ks)
{
	if (!ks)
		return;
	for (size_t i = 0; i < ks->n; i++)
		free(ks->kinds[i]);
	pthread_mutex_destroy(&ks->lock);
	free(ks);
}
