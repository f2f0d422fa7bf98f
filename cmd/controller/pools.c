/* SPDX-License-Identifier: Apache-2.0 */
/* pools.c - SpiderIPPool: what is published about it, what it must carry, and its end */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "pools_impl.h"

#define WORKERS 4

struct kube_op pools_op(const struct pools_job *j, const char *sub)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_SPIDERIPPOOLS],
				 .name = j->name,
				 .sub = sub,
				 .until = deadline_in(POOLS_CALL_MS),
				 .cancel = j->cancel };
}

int64_t pools_now(const struct pools *p)
{
	return clock_wall_ms() + store_kube_skew(p->c->hub);
}

void pools_event(const struct pools_job *j, bool warning, const char *reason, const char *fmt, ...)
{
	const struct event_object o = { API_VERSION, api_kinds[API_IPPOOL].kind, "", j->name, j->item->uid };
	char text[STATUS_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	events_say(j->p->c->events, &o, warning, reason, "%s", text);
}

/* ---- one look ---- */

/* What is remembered is of this object, and of its generation. */
static void refresh(const struct pools_job *j)
{
	const struct api_meta *m = &j->pool->obj.meta;
	struct pools_note *n = j->note;

	pthread_mutex_lock(&j->p->lock);
	if (strcmp(n->uid, j->item->uid) != 0) {
		snprintf(n->uid, sizeof(n->uid), "%s", j->item->uid);
		n->version[0] = '\0';
		n->generation = 0;
		n->deleted_seen = 0;
	}
	/* A server that was set back numbers anew: nobody gets to the former version for a long time. */
	if (n->generation != m->generation.v || settled_number(j->item->version) < settled_number(n->seen)) {
		n->generation = m->generation.v;
		snprintf(n->seen, sizeof(n->seen), "%s", j->item->version);
		n->known = false;
	}
	if (m->deletion_timestamp && !n->deleted_seen)
		n->deleted_seen = clock_mono_ms();
	pthread_mutex_unlock(&j->p->lock);
}

static int64_t look(struct pools_job *j, struct err *e)
{
	int64_t again_ms = 0, r;

	refresh(j);
	r = pools_repair(j, &again_ms, e);
	if (r > 0)
		return again_ms;
	return r < 0 ? r : pools_publish(j, e);
}

static void forget(struct pools *p, struct pools_note *n)
{
	pthread_mutex_lock(&p->lock);
	n->version[0] = '\0';
	pthread_mutex_unlock(&p->lock);
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	CLEANUP(kube_item_put_p) const struct kube_item *item = NULL;
	struct pools *p = arg;
	struct pools_job j = { .p = p, .name = key, .cancel = cancel };
	int64_t r;

	if (!world_synced(p->c->world) || !settled_synced(p->settled))
		return POOLS_SOON_MS;
	item = kube_cache_get(world_cache(p->c->world, WORLD_POOLS), NULL, key);
	if (!item || !item->view) {
		pools_note_drop(p, key);
		return 0;
	}
	j.item = item;
	j.pool = item->view;
	j.note = pools_note_get(p, key, e);
	r = j.note ? look(&j, e) : -ENOMEM;
	if (r < 0 && j.note)
		forget(p, j.note);
	return r ? r : kube_queue_slow(key);
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)arg;
	if (kube_queue_tells(why, n))
		say(LOG_LEVEL_WARN, "SpiderIPPool %s, try %u: %s", key, n, why->msg);
}

/* ---- what is heard ---- */

/* A long status is written less often. */
static void add_soon(const char *name, void *arg)
{
	struct pools *p = arg;
	int64_t records = pools_note_records(p, name);

	kube_queue_add(p->q, name, records > POOLS_PAUSE_MS ? records : POOLS_PAUSE_MS);
}

static bool add_now(const struct kube_item *item, void *arg)
{
	struct pools *p = arg;

	kube_queue_add(p->q, item->name, POOLS_SOON_MS);
	return false;
}

static void add_all(struct pools *p)
{
	struct kube_items none;
	struct err e;

	(void)kube_cache_pick(world_cache(p->c->world, WORLD_POOLS), add_now, p, &none, &e);
}

static void index_pool(struct pools *p, const struct kube_item *now)
{
	const struct api_ippool *pool = now->view;
	CLEANUP(ip_set_clear) struct ip_set total = { 0 };
	struct err e;

	if (!pool) {
		say(LOG_LEVEL_WARN, "SpiderIPPool %s cannot be read: %s", now->name, now->why);
		return;
	}
	if (api_range_total(&pool->spec.range, &total, &e) < 0)
		say(LOG_LEVEL_WARN, "SpiderIPPool %s: %s", now->name, e.msg);
	if (pools_index_pool(p->ix, now->name, &total, &e) < 0)
		say(LOG_LEVEL_ERROR, "SpiderIPPool %s: %s", now->name, e.msg);
}

/* Whose the records are that name this pool may be another matter now. */
static void add_heirs(struct pools *p, const char *name)
{
	const struct ip_set none = { 0 };
	struct pools_block *v = NULL;
	size_t n = 0;
	struct err e;

	if (pools_index_of(p->ix, name, &none, &v, &n, &e) < 0 || n)
		add_all(p);
	free(v);
}

static void pool_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct pools *p = arg;
	struct err e;

	if (!now) {
		(void)pools_index_pool(p->ix, old->name, NULL, &e);
		kube_queue_add(p->q, old->name, 0);
		add_heirs(p, old->name);
		return;
	}
	index_pool(p, now);
	if (!old)
		add_heirs(p, now->name);
	if (!pools_note_is_at(p, now->name, now->version)) /* what we wrote ourselves needs no look */
		kube_queue_add(p->q, now->name, 0);
}

static void block_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct api_ipblock *b = now ? now->view : NULL;
	const char *name = now ? now->name : old->name;
	struct pools *p = arg;
	struct err e;
	uint8_t ver;
	ip_num index;

	if (ip_block_parse(name, &ver, &index, &e) < 0 ||
	    pools_index_block(p->ix, ver, index,
			      b && b->spec.records ? b->spec.records
			      : now                ? ""
						   : NULL,
			      add_soon, p, &e) < 0)
		say(LOG_LEVEL_ERROR, "SpiderIPBlock %s: %s", name, e.msg);
}

static bool add_below(const struct kube_item *item, void *arg)
{
	struct pools *p = ((void **)arg)[0];
	const char *cidr = ((void **)arg)[1];
	const struct api_ippool *pool = item->view;

	if (pool && pool->spec.range.subnet && strcmp(pool->spec.range.subnet, cidr) == 0)
		kube_queue_add(p->q, item->name, 0);
	return false;
}

static void subnet_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct pools *p = arg;
	const struct api_subnet *s = now ? now->view : NULL;
	void *below[] = { p, s ? s->spec.subnet : NULL };
	struct kube_items none;
	struct err e;

	(void)old;
	if (below[1])
		(void)kube_cache_pick(world_cache(p->c->world, WORLD_POOLS), add_below, below, &none, &e);
}

static void reserved_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	(void)old;
	(void)now;
	add_all(arg);
}

static void add_waiting(struct pools_note *n, void *arg)
{
	struct pools *p = arg;

	if (n->waits)
		kube_queue_add(p->q, n->name, POOLS_SOON_MS);
}

static void agents_changed(void *arg)
{
	struct pools *p = arg;

	pools_notes_each(p, add_waiting, p);
}

/* ---- start and stop ---- */

static void pools_stop(void *part)
{
	struct pools *p = part;

	settled_end(p->settled);
	kube_queue_stop(p->q);
	blocks_stop(p->blocks);
	settled_stop(p->settled);
	pools_index_free(p->ix);
	pools_notes_clear(p);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int pools_start(struct controller *c, void **ret, struct err *e)
{
	struct pools *p = calloc(1, sizeof(*p));
	const struct kube_queue_conf qc = {
		.k = c->k, .workers = WORKERS, .work = work, .failed = failed, .arg = p
	};
	int r;

	if (!p)
		return err_nomem(e);
	p->c = c;
	pthread_mutex_init(&p->lock, NULL);
	r = pools_index_new(&p->ix, e);
	if (r == 0)
		r = settled_start(c, agents_changed, p, &p->settled, e);
	if (r == 0)
		r = blocks_start(c, &p->blocks, e);
	if (r == 0)
		r = kube_queue_start(&qc, &p->q, e);
	if (r < 0) {
		pools_stop(p);
		return r;
	}
	world_listen(c->world, WORLD_POOLS, pool_changed, p);
	world_listen(c->world, WORLD_BLOCKS, block_changed, p);
	world_listen(c->world, WORLD_SUBNETS, subnet_changed, p);
	world_listen(c->world, WORLD_RESERVED, reserved_changed, p);
	*ret = p;
	return 0;
}

const struct controller_part part_pools = { "pools", pools_start, pools_stop };
