/* SPDX-License-Identifier: Apache-2.0 */
/* applications.c - the part of the leader that makes pools for applications, and lets them follow their size
 */
#include <stdlib.h>
#include <string.h>

#include "app_freed.h"
#include "app_part.h"
#include "base/own.h"

#define WORKERS   4
#define SOON_MS   20   /* events of one change come together */
#define HUNGRY_MS 2000 /* pods of all the others come and go */
#define SAY_FROM  4    /* conflicts with other writers settle by themselves before */

/* ---- what is to be looked at ---- */

static void add(const char *key, void *arg)
{
	struct apps *a = arg;

	kube_queue_add(a->queue, key, SOON_MS);
}

static void add_in(const char *key, int64_t ms, void *arg)
{
	struct apps *a = arg;

	kube_queue_add(a->queue, key, ms);
}

static void add_slowly(const char *key, void *arg)
{
	struct apps *a = arg;

	kube_queue_add(a->queue, key, APP_LOOK_MS);
}

static void add_hungry(const char *key, void *arg)
{
	struct apps *a = arg;

	kube_queue_add(a->queue, key, HUNGRY_MS);
}

static void add_pool(struct apps *a, const struct kube_item *item)
{
	char key[APP_KEY_MAX];

	if (item && item->view && *app_pool_key(item->view, key))
		kube_queue_add(a->queue, key, SOON_MS);
}

static bool same_map(const struct json_map *a, const struct json_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const char *v = json_map_get(b, a->v[i].key);

		if (!v || strcmp(v, a->v[i].value) != 0)
			return false;
	}
	return true;
}

/* Status is written often, and says nothing here. */
static bool same_pool(const struct api_ippool *a, const struct api_ippool *b)
{
	const struct api_meta *m = &a->obj.meta, *n = &b->obj.meta;

	return m->generation.v == n->generation.v && !m->deletion_timestamp == !n->deletion_timestamp &&
	       same_map(&m->labels, &n->labels) && same_map(&m->annotations, &n->annotations);
}

static void pools_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct kube_item *any = now ? now : old;
	const struct api_ippool *p = any->view;
	struct ip_prefix network;
	struct apps *a = arg;
	struct err unknown;

	if (old && now && old->view && now->view && same_pool(old->view, now->view))
		return;
	add_pool(a, old);
	add_pool(a, now);
	if (p && p->spec.range.subnet && ip_prefix_parse(p->spec.range.subnet, &network, &unknown) == 0)
		app_wake(a->waits, APP_HUNGRY, network, add, a);
}

static void world_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct apps *a = arg;

	(void)old;
	(void)now;
	app_table_each(a->table, add, a);
}

static void subnets_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct api_subnet *was = old ? old->view : NULL, *is = now ? now->view : NULL;

	if (was && is && was->obj.meta.generation.v == is->obj.meta.generation.v &&
	    !was->obj.meta.deletion_timestamp == !is->obj.meta.deletion_timestamp)
		return;
	world_changed(old, now, arg);
}

static void blocks_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct ip_prefix block = { 0 };
	struct apps *a = arg;
	struct err unknown;
	ip_num index;

	if (ip_block_parse((now ? now : old)->name, &block.ip.ver, &index, &unknown) < 0 ||
	    !app_freed(old, now, clock_wall_ms()))
		return;
	block.ip.n = index << IP_BLOCK_BITS;
	block.len = (uint8_t)(ip_bits(block.ip.ver) - IP_BLOCK_BITS);
	app_wake(a->waits, APP_LEAVING, block, add_slowly, a);
	app_wake(a->waits, APP_HUNGRY, block, add_hungry, a); /* what no pool has is held, too */
}

static void pods_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct apps *a = arg;

	foreign_pod(old, now, a->foreign);
}

/* ---- saying ---- */

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	struct apps *a = arg;
	struct app app;
	struct err e;

	say(n < SAY_FROM ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "pools of %s: %s", key, why->msg);
	if (n != SAY_FROM || app_table_get(a->table, key, &app, &e) <= 0)
		return;
	app_warn(&(struct app_task){ a, key, &app, NULL }, "PoolFailed", "%s", why->msg);
	app_clear(&app);
}

static void trouble(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

/* ---- life ---- */

static void stop(void *part)
{
	struct apps *a = part;

	if (!a)
		return;
	/* First what tells the queue, then the queue, then what its workers use. */
	workloads_stop(a->workloads);
	foreign_stop(a->foreign);
	kube_queue_stop(a->queue);
	workloads_free(a->workloads);
	foreign_free(a->foreign);
	app_waits_free(a->waits);
	app_table_free(a->table);
	for (size_t i = 0; i < APP_LOCKS; i++)
		pthread_mutex_destroy(&a->subnet[i]);
	free(a);
}

static int start_all(struct apps *a, struct err *e)
{
	const struct kube_queue_conf queue = {
		.k = a->c->k, .workers = WORKERS, .work = app_work, .failed = failed, .arg = a
	};
	const struct foreign_conf foreign = {
		.k = a->c->k, .table = a->table, .changed = add_in, .trouble = trouble, .arg = a
	};
	const struct workloads_conf workloads = {
		.k = a->c->k, .table = a->table, .changed = add, .trouble = trouble, .arg = a
	};
	int r = foreign_start(&foreign, &a->foreign, e);

	/* Workers look at all of it: the queue comes last, and finds the world not yet synced. */
	if (r == 0)
		r = kube_queue_start(&queue, &a->queue, e);
	return r < 0 ? r : workloads_start(&workloads, &a->workloads, e);
}

static void listen(struct apps *a)
{
	world_listen(a->c->world, WORLD_POOLS, pools_changed, a);
	world_listen(a->c->world, WORLD_SUBNETS, subnets_changed, a);
	world_listen(a->c->world, WORLD_RESERVED, world_changed, a);
	world_listen(a->c->world, WORLD_BLOCKS, blocks_changed, a);
	world_listen(a->c->world, WORLD_PODS, pods_changed, a);
}

/* Switched off, there is nothing to do: *ret is NULL. */
static int start(struct controller *c, void **ret, struct err *e)
{
	struct apps *a;
	int r;

	*ret = NULL;
	if (!c->conf.file.enable_subnet || !c->conf.file.enable_auto_pool)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return err_nomem(e);
	a->c = c;
	for (size_t i = 0; i < APP_LOCKS; i++)
		pthread_mutex_init(&a->subnet[i], NULL);
	r = app_table_new(&a->table, e);
	if (r == 0)
		r = app_waits_new(&a->waits, e);
	if (r == 0)
		r = start_all(a, e);
	if (r < 0) {
		stop(a);
		return r;
	}
	listen(a);
	*ret = a;
	return 0;
}

const struct controller_part part_applications = { "applications", start, stop };
