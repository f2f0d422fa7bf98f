/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - one watch and one cache a kind */
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/tables.h"
#include "base/err.h"
#include "kube/watch.h"
#include "world_views.h"

#define PAGE 100 /* objects at a time: what a page takes is given back late, if at all */

struct listener {
	void (*changed)(const struct kube_item *old, const struct kube_item *now, void *arg);
	void *arg;
};

struct view { /* of one kind */
	struct world *w;
	enum world_kind kind;
	struct kube_cache *cache;
	struct kube_watch *watch;
	struct listener listener[WORLD_LISTENERS];
	size_t n;
};

struct world {
	struct world_conf conf;
	struct view view[WORLD_KINDS];
};

static const struct {
	enum kube_resource_id id;
	enum api_kind api; /* whose table it is, or ... */
	const struct json_table *table;
} kinds[WORLD_KINDS] = {
	[WORLD_POOLS] = { KUBE_SPIDERIPPOOLS, 0, &api_ippool_brief_table },
	[WORLD_SUBNETS] = { KUBE_SPIDERSUBNETS, API_SUBNET, NULL },
	[WORLD_RESERVED] = { KUBE_SPIDERRESERVEDIPS, API_RESERVEDIP, NULL },
	[WORLD_BLOCKS] = { KUBE_SPIDERIPBLOCKS, API_IPBLOCK, NULL },
	[WORLD_ENDPOINTS] = { KUBE_SPIDERENDPOINTS, 0, &world_endpoint_table },
	[WORLD_PODS] = { KUBE_PODS, 0, &world_pod_table },
	[WORLD_NODES] = { KUBE_NODES, 0, &world_node_table },
	[WORLD_STATEFULSETS] = { KUBE_STATEFULSETS, 0, &world_sts_table },
};

static const struct json_table *table_of(enum world_kind kind)
{
	return kinds[kind].table ? kinds[kind].table : api_kinds[kinds[kind].api].table;
}

static void changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct view *v = arg;

	for (size_t i = 0; i < v->n; i++)
		v->listener[i].changed(old, now, v->listener[i].arg);
}

static bool is_going(const struct kube_item *endpoint)
{
	const struct world_endpoint *o = endpoint->view;

	return o && o->meta.deleted_at;
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	const struct view *v = arg;

	return kube_cache_event(ev, v->cache, e);
}

static void trouble(const struct err *why, void *arg)
{
	const struct view *v = arg;
	char sentence[ERR_MSG_MAX + 64];

	snprintf(sentence, sizeof(sentence), "watch of %s: %s", kube_resources[kinds[v->kind].id].plural,
		 why->msg);
	v->w->conf.trouble(sentence, v->w->conf.arg);
}

int world_new(const struct world_conf *conf, struct world **ret, struct err *e)
{
	struct world *w = calloc(1, sizeof(*w));
	int r = 0;

	*ret = NULL;
	if (!w)
		return err_nomem(e);
	w->conf = *conf;
	for (int i = 0; i < WORLD_KINDS && r == 0; i++) {
		struct view *v = &w->view[i];
		const struct kube_cache_conf c = { .table = table_of((enum world_kind)i),
						   .want = i == WORLD_ENDPOINTS ? is_going : NULL,
						   .changed = changed,
						   .arg = v };

		v->w = w;
		v->kind = (enum world_kind)i;
		r = kube_cache_new(&c, &v->cache, e);
	}
	if (r < 0) {
		world_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

int world_start(struct world *w, struct err *e)
{
	int r = 0;

	for (int i = 0; i < WORLD_KINDS && r == 0; i++) {
		struct view *v = &w->view[i];
		const struct kube_watch_conf c = { .k = w->conf.k,
						   .res = &kube_resources[kinds[i].id],
						   .page = PAGE,
						   .table = table_of(v->kind),
						   .metadata_only = v->kind == WORLD_ENDPOINTS,
						   .event = event,
						   .trouble = trouble,
						   .arg = v };

		r = kube_watch_start(&c, &v->watch, e);
	}
	if (r < 0)
		world_stop(w);
	return r;
}

void world_stop(struct world *w)
{
	for (int i = 0; i < WORLD_KINDS; i++) {
		kube_watch_stop(w->view[i].watch);
		w->view[i].watch = NULL;
	}
}

void world_free(struct world *w)
{
	if (!w)
		return;
	for (int i = 0; i < WORLD_KINDS; i++)
		kube_cache_free(w->view[i].cache);
	free(w);
}

void world_listen(struct world *w, enum world_kind kind,
		  void (*fn)(const struct kube_item *old, const struct kube_item *now, void *arg), void *arg)
{
	struct view *v = &w->view[kind];

	assert(v->n < WORLD_LISTENERS);
	v->listener[v->n++] = (struct listener){ fn, arg };
}

struct kube_cache *world_cache(struct world *w, enum world_kind kind)
{
	return w->view[kind].cache;
}

bool world_wait(struct world *w, struct deadline until)
{
	for (int i = 0; i < WORLD_KINDS; i++)
		if (!kube_cache_wait(w->view[i].cache, until))
			return false;
	return true;
}

bool world_synced(struct world *w)
{
	return world_wait(w, deadline_in(0));
}
