/* SPDX-License-Identifier: Apache-2.0 */
/* app_settle.c - one pool of an application is made as it is wanted
 *
 * The caches tell whether there is anything to do. If there is, the subnet is taken (one pool of it at a
 * time), its pools and the blocks of what is to be given back are read by quorum, and what then is to be
 * written is one create or one compare-and-swap. Pools themselves say who has which part of a subnet; no
 * second record of it is kept.
 */
#include <errno.h>
#include <string.h>

#include "app_part.h"
#include "base/own.h"
#include "kube/object.h"

#define BUSY_MS 2000 /* the other one wakes it before */
#define PASSES  4    /* a pass reads all anew; more than two are another's doing */

struct pass {
	const struct app_task *t;
	const struct app_want *w;
	const struct api_subnet *subnet;
	struct ip_prefix network;
	/* what was read */
	struct app_seen seen;
	const struct api_ippool *pool; /* NULL: there is none */
	char name[STORE_NAME_MAX + 1]; /* of what was made; "" before */
	bool gave_back;
	struct ip_set total, others, reserved, resting, now, verified;
	struct app_held held;
	struct app_size size;
};

static void pass_clear(struct pass *p)
{
	app_seen_clear(&p->seen);
	ip_set_clear(&p->total);
	ip_set_clear(&p->others);
	ip_set_clear(&p->reserved);
	ip_set_clear(&p->resting);
	ip_set_clear(&p->now);
	ip_set_clear(&p->verified);
	app_held_clear(&p->held);
	app_size_clear(&p->size);
	p->pool = NULL;
}

static const char *pool_name(const struct pass *p)
{
	return p->pool ? p->pool->obj.meta.name : "";
}

/* ---- reading ---- */

static int read_sets(struct pass *p, struct err *e)
{
	const struct app_pools pools = { p->seen.v, p->seen.n };
	struct apps *a = p->t->apps;
	int r;

	p->pool = app_choose(p->t->app, p->w, &pools);
	r = api_range_total(&p->subnet->spec, &p->total, e);
	if (r < 0)
		return err_wrap(e, "SpiderSubnet %s", p->w->subnet);
	p->total.ver = p->w->ver;
	r = app_others(p->subnet, &pools, p->pool, &p->others, e);
	if (r == 0)
		r = app_reserved(a, p->w->ver, &p->reserved, e);
	if (r == 0)
		r = app_resting(a->waits, p->w->ver, &p->resting, e);
	if (r == 0)
		r = ip_set_intersect(&p->resting, &p->total, e);
	if (r == 0 && p->pool)
		r = api_range_total(&p->pool->spec.range, &p->now, e);
	if (r == 0)
		r = app_held_cached(a, &p->network, pool_name(p), &p->held, e);
	return r;
}

static int size_it(struct pass *p, struct err *e)
{
	const struct app_size_in in = { &p->total, &p->others, &p->reserved, &p->resting,
					&p->now,   &p->held,   p->w->size };

	app_size_clear(&p->size);
	return app_size(&in, &p->size, e);
}

static int pass_cached(struct pass *p, struct err *e)
{
	int r = app_seen_network(p->t->apps, p->subnet->spec.subnet, &p->seen, e);

	if (r == 0)
		r = read_sets(p, e);
	return r < 0 ? r : size_it(p, e);
}

/* Nothing is given back unless its block says so now. check: what else is to be looked at. */
static int pass_now(struct pass *p, const struct ip_set *check, struct err *e)
{
	int r = app_seen_now(p->t, p->subnet->spec.subnet, &p->seen, e);

	if (r == 0)
		r = read_sets(p, e);
	if (r == 0 && check->n)
		r = app_held_now(p->t, check, pool_name(p), &p->held, &p->verified, e);
	while (r == 0) {
		r = size_it(p, e);
		if (r < 0 || ip_set_contains(&p->verified, &p->size.dropped))
			break;
		r = app_held_now(p->t, &p->size.dropped, pool_name(p), &p->held, &p->verified, e);
	}
	return r;
}

/* ---- writing ---- */

static struct kube_op op_of(const struct pass *p, const char *name)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_SPIDERIPPOOLS],
				 .name = name,
				 .until = deadline_in(APP_CALL_MS),
				 .cancel = p->t->cancel };
}

static bool is_taken(const struct pass *p, const char *name)
{
	const struct kube_item *item =
		kube_cache_get(world_cache(p->t->apps->c->world, WORLD_POOLS), NULL, name);
	bool taken = item;

	kube_item_put(item);
	for (size_t i = 0; i < p->seen.n && !taken; i++)
		taken = !strcmp(p->seen.v[i]->obj.meta.name, name);
	return taken;
}

static int find_name(const struct pass *p, char name[STORE_NAME_MAX + 1], struct err *e)
{
	for (unsigned i = 0; app_pool_name(p->t->app, p->w, i, name); i++)
		if (!is_taken(p, name))
			return 0;
	return err_code(e, ERR_TRY_AGAIN, EEXIST, "every name for its pool, up to %s, is another pool's",
			name);
}

static void log_write(const struct pass *p, const char *what, const char *name)
{
	const struct app *a = p->t->app;

	say(LOG_LEVEL_INFO, "pool %s of %s %s/%s: %s, %lld addresses of %lld wanted", name, a->kind, a->ns,
	    a->name, what, (long long)ip_set_count(&p->size.ips), (long long)p->w->size);
}

/* Admission has let somebody through with these addresses who has not been seen yet, and maybe never will be:
 * a request that a killed controller sent, say. They are left alone for a while. */
static void leave_alone(struct pass *p, int r, const struct err *why)
{
	CLEANUP(ip_set_clear) struct ip_set added = { 0 };
	struct err e;

	if (r != -ESTALE || !strstr(why->msg, "admission webhook") ||
	    ip_set_copy(&p->size.ips, &added, &e) < 0)
		return;
	if (ip_set_subtract(&added, &p->now, &e) == 0)
		(void)app_rest(p->t->apps->waits, &added, &e);
}

static int create(struct pass *p, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	char name[STORE_NAME_MAX + 1];
	struct kube_op op;
	int r = find_name(p, name, e);

	if (r == 0)
		r = app_body_create(p->t->app, p->w, p->subnet, name, &p->size.ips, &body, e);
	op = op_of(p, name);
	if (r == 0)
		r = kube_create(p->t->apps->c->k, &op, body.s, body.len, NULL, e);
	if (r < 0) {
		leave_alone(p, r, e);
		return r;
	}
	log_write(p, "made", name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	return 1;
}

/* 1: written; 0: there was nothing to write. */
static int write_it(struct pass *p, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op = op_of(p, pool_name(p));
	int r;

	if (!p->pool)
		return p->w->size && !p->size.ips.n ? 0 : create(p, e);
	r = app_body_update(p->t->app, p->w, p->pool, p->size.changed ? &p->size.ips : NULL, &body, e);
	if (r <= 0)
		return r;
	/* Before it is written: who reads the pools afterwards does not take it. */
	r = app_rest(p->t->apps->waits, &p->size.dropped, e);
	if (r == 0)
		r = kube_patch(p->t->apps->c->k, &op, KUBE_MERGE_PATCH, body.s, body.len, NULL, e);
	if (r == 0)
		log_write(p, "changed", pool_name(p));
	else
		leave_alone(p, r, e);
	p->gave_back |= p->size.dropped.n;
	return r < 0 ? r : 1;
}

/* ---- as a whole ---- */

static bool is_due(struct pass *p, int *r, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);

	if (p->size.changed || (!p->pool && (!p->w->size || p->size.ips.n)))
		return true;
	*r = p->pool ? app_body_update(p->t->app, p->w, p->pool, NULL, &body, e) : 0;
	return *r > 0;
}

/* The subnet is taken. */
static int settle(struct pass *p, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set check = { 0 };
	int r = 1;

	for (unsigned i = 0; r > 0 && i < PASSES; i++) {
		pass_clear(p);
		r = pass_now(p, &check, e);
		if (r == 0)
			r = write_it(p, e);
		/* What was given back may have been claimed in between: look once more, and take it back. */
		ip_set_clear(&check);
		if (r > 0 && !p->size.dropped.n)
			break;
		if (r > 0)
			r = ip_set_copy(&p->size.dropped, &check, e) < 0 ? -e->sys : 1;
	}
	return r < 0 ? r : 0;
}

static unsigned lock_of(const struct pass *p)
{
	unsigned h = 0;

	for (const char *name = p->w->subnet; *name; name++)
		h = h * 31 + (unsigned char)*name;
	return h % APP_LOCKS;
}

/* What is waited for is the lock, which subnets may share. */
static struct ip_prefix turn_of(const struct pass *p)
{
	return (struct ip_prefix){ { 4, lock_of(p) }, 32 };
}

/* A worker waits for nobody: other subnets' applications are not to wait for this one's. 1: it is another's
 * turn; whoever is done with the subnet wakes this key (wake_next()). It is noted before it is tried, so that
 * the end of the other one is not missed. */
static int with_subnet(struct pass *p, struct err *e)
{
	struct app_waits *waits = p->t->apps->waits;
	pthread_mutex_t *lock = &p->t->apps->subnet[lock_of(p)];
	int r;

	app_wait(waits, APP_BUSY, turn_of(p), p->t->key);
	if (pthread_mutex_trylock(lock) != 0)
		return 1;
	app_wait_end(waits, APP_BUSY, turn_of(p), p->t->key);
	r = settle(p, e);
	pthread_mutex_unlock(lock);
	return r;
}

static void wake_next(const char *key, void *arg)
{
	const struct app_task *t = arg;

	kube_queue_add(t->apps->queue, key, 0);
}

int64_t app_wait_ms(const struct app_task *t, enum app_wait what, struct ip_prefix network)
{
	return app_wait(t->apps->waits, what, network, t->key) ? APP_LOOK_MS : APP_WAIT_MS;
}

/* What is not as it is wanted now waits. */
static int64_t wait_for(const struct pass *p)
{
	const struct app_task *t = p->t;
	int64_t hungry = 0, leaving = 0;

	if (p->size.missing) {
		hungry = app_wait_ms(t, APP_HUNGRY, p->network);
		if (p->resting.n)
			return APP_REST_MS;
		if (hungry == APP_LOOK_MS) /* somebody may just have given back what is wanted */
			return hungry;
		app_warn(
			t, "SubnetExhausted",
			"SpiderSubnet %s has no free addresses left: for interface %s (IPv%u) %lld are wanted, "
			"there are %lld; enlarge the subnet's spec.ips, or let other applications need less",
			p->w->subnet, p->w->interface, p->w->ver, (long long)p->w->size,
			(long long)(p->w->size - p->size.missing));
	}
	if (p->size.excess)
		leaving = app_wait_ms(t, APP_LEAVING, p->network);
	if (p->gave_back)
		return APP_REST_MS; /* who claims it late is seen then */
	return hungry && (!leaving || hungry < leaving) ? hungry : leaving;
}

static int64_t run(struct pass *p, struct err *e)
{
	int r = pass_cached(p, e);
	bool due = r == 0 && is_due(p, &r, e);

	if (due)
		r = with_subnet(p, e);
	if (due && r > 0)
		return BUSY_MS;
	/* Also when there was nothing to do: somebody else may wait for this key's turn to end. */
	app_wake_one(p->t->apps->waits, APP_BUSY, turn_of(p), wake_next, (void *)p->t);
	return r < 0 ? r : wait_for(p);
}

/* What there is serves on, whatever is wrong with its subnet now. */
static int known_pool(const struct app_task *t, const struct app_want *w, char *ret, struct err *e)
{
	struct app_seen seen;
	const struct api_ippool *p;
	int r = app_seen_key(t->apps, t->key, &seen, e);

	ret[0] = '\0';
	if (r < 0)
		return r;
	p = app_choose(t->app, w, &(struct app_pools){ seen.v, seen.n });
	if (p)
		snprintf(ret, STORE_NAME_MAX + 1, "%s", p->obj.meta.name);
	app_seen_clear(&seen);
	return 0;
}

int64_t app_settle(const struct app_task *t, const struct app_want *w, char *ret_pool, struct err *e)
{
	const struct kube_item *item =
		kube_cache_get(world_cache(t->apps->c->world, WORLD_SUBNETS), NULL, w->subnet);
	struct pass p = { .t = t, .w = w, .subnet = item ? item->view : NULL };
	struct err why;
	int64_t r = known_pool(t, w, ret_pool, e);

	if (r < 0 || app_check_subnet(w, p.subnet, &why) < 0 ||
	    ip_prefix_parse(p.subnet->spec.subnet ? p.subnet->spec.subnet : "", &p.network, &why) < 0) {
		if (r == 0)
			app_warn(t, "SubnetUnusable", "%s", why.msg);
		kube_item_put(item);
		return r;
	}
	r = run(&p, e);
	if (r >= 0 && (p.pool || p.name[0]))
		snprintf(ret_pool, STORE_NAME_MAX + 1, "%s", p.pool ? pool_name(&p) : p.name);
	pass_clear(&p);
	kube_item_put(item);
	return r;
}
