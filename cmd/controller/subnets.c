/* SPDX-License-Identifier: Apache-2.0 */
/* subnets.c - SpiderSubnet: which pools have its addresses, what they have from it, and its end */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/tables.h"
#include "base/own.h"
#include "controller.h"
#include "events.h"
#include "kube/object.h"
#include "pools_meta.h"
#include "status.h"

#define WORKERS  2
#define CALL_MS  10000
#define PAUSE_MS 500
#define SOON_MS  200

struct subnets {
	struct controller *c;
	struct kube_queue *q;
};

struct job {
	struct subnets *s;
	const char *name;
	struct kube_cancel *cancel;
	const struct kube_item *item;
	const struct api_subnet *subnet; /* of the item */
	struct kube_items pools;         /* of its CIDR */
};

static struct kube_op op_of(const struct job *j, enum kube_resource_id res, const char *name)
{
	return (struct kube_op){
		.res = &kube_resources[res], .name = name, .until = deadline_in(CALL_MS), .cancel = j->cancel
	};
}

static struct event_object object_of(const struct job *j)
{
	return (struct event_object){ API_VERSION, api_kinds[API_SUBNET].kind, "", j->name, j->item->uid };
}

static void tell_of_pool(const struct job *j, const char *pool, const char *why)
{
	const struct event_object o = object_of(j);

	events_say(j->s->c->events, &o, true, "GatewayNotFollowed",
		   "SpiderIPPool %s keeps the former gateway or routes: %s", pool, why);
}

static int patch(const struct job *j, enum kube_resource_id res, const char *name, const char *sub,
		 const struct buf *body, struct err *e)
{
	struct kube_op op = op_of(j, res, name);

	op.sub = sub;
	return kube_patch(j->s->c->k, &op, KUBE_MERGE_PATCH, buf_cstr(body), body->len, NULL, e);
}

/* ---- pools ---- */

static bool is_below(const struct kube_item *item, void *arg)
{
	const struct api_ippool *p = item->view;
	const char *cidr = arg;

	return p && p->spec.range.subnet && strcmp(p->spec.range.subnet, cidr) == 0;
}

static int find_pools(struct job *j, struct err *e)
{
	return j->subnet->spec.subnet ? kube_cache_pick(world_cache(j->s->c->world, WORLD_POOLS), is_below,
							j->subnet->spec.subnet, &j->pools, e)
				      : 0;
}

static bool is_controlled(const struct job *j, const struct api_ippool *p)
{
	struct json_object *refs = p->obj.meta.owner_references;
	bool is;

	for (size_t i = 0; i < json_len(refs); i++) {
		const char *uid = json_get_str(json_at(refs, i), "uid");

		if (uid && strcmp(uid, j->item->uid) == 0 &&
		    json_get_bool(json_at(refs, i), "controller", &is) && is)
			return true;
	}
	return false;
}

/* ---- gateway and routes ---- */

/* 1: pools still have older values, and may have those of now. */
static int follow_one(const struct job *j, const struct kube_item *item, bool write, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct pools_follow f;
	int r;

	if (!is_controlled(j, item->view))
		return 0;
	r = pools_meta_follow(item->view, j->subnet, &f, &body, e);
	if (r == 0 && f.stuck && write)
		tell_of_pool(j, item->name, "the gateway of now is one of its addresses");
	if (r == 0 && f.due && write)
		r = patch(j, KUBE_SPIDERIPPOOLS, item->name, NULL, &body, e);
	if (r == -ENOENT) /* our watch will tell */
		r = 0;
	return r < 0 ? r : f.due || f.stuck;
}

/* Nothing that the next pool would be spared. */
static bool is_of_all(int r, const struct err *why)
{
	return r == -ENOMEM || r == -ECANCELED || (why->cni == ERR_TRY_AGAIN && r != -ESTALE);
}

/* A pool that refuses does not keep the others from it; the first failure is the answer. 1: as follow_one().
 */
static int follow_all(const struct job *j, bool write, struct err *e)
{
	bool older = false;
	int ret = 0;

	for (size_t i = 0; i < j->pools.n; i++) {
		const char *name = j->pools.v[i]->name;
		struct err why;
		int r = follow_one(j, j->pools.v[i], write, &why);

		older |= r > 0;
		if (r >= 0)
			continue;
		if (write && why.cni != ERR_TRY_AGAIN && r != -ECANCELED)
			tell_of_pool(j, name, why.msg);
		if (ret == 0) {
			*e = why;
			ret = err_wrap(e, "SpiderIPPool %s of it", name);
		}
		if (is_of_all(r, &why))
			break;
	}
	return ret < 0 ? ret : older;
}

/* First the subnet says what it passes on, then the pools get it, then it says that no pool has anything
 * older. 1: it was written, and comes again. */
static int follow(const struct job *j, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	int older = follow_all(j, false, e); /* a failure is seen again below */
	int r = subnets_meta_patch(j->subnet, !older, &body, e);

	if (r > 0) {
		r = patch(j, KUBE_SPIDERSUBNETS, j->name, NULL, &body, e);
		return r < 0 ? r : 1;
	}
	if (r == 0 && older)
		r = follow_all(j, true, e);
	return r < 0 ? r : 0;
}

/* ---- status ---- */

static int fill(const struct job *j, struct status_subnet *now, struct err *e)
{
	const struct api_ippool **v = calloc(j->pools.n + 1, sizeof(*v));
	int r;

	if (!v)
		return err_nomem(e);
	for (size_t i = 0; i < j->pools.n; i++)
		v[i] = j->pools.v[i]->view;
	r = status_subnet_fill(j->subnet, v, j->pools.n, clock_wall_ms() + store_kube_skew(j->s->c->hub), now,
			       e);
	free(v);
	return r;
}

/* The cached subnet has no conditions: what is published is read. */
static int publish(const struct job *j, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	const struct event_object o = object_of(j);
	struct status_subnet old = { 0 }, now = { 0 };
	struct kube_op op = op_of(j, KUBE_SPIDERSUBNETS, j->name);
	int r = kube_get(j->s->c->k, &op, &tree, e);

	if (r == 0)
		r = status_read(&status_subnet_table, tree, &old, e);
	if (r == 0)
		r = json_copy(&status_subnet_table, &old, &now, e);
	if (r == 0)
		r = fill(j, &now, e);
	if (r == 0)
		r = status_patch(&status_subnet_table, j->item->uid, kube_meta(tree, "resourceVersion"), &old,
				 &now, &body, e);
	if (r > 0) {
		r = patch(j, KUBE_SPIDERSUBNETS, j->name, "status", &body, e);
		if (r == 0 && status_is(&now.conditions, STATUS_EXHAUSTED) &&
		    !status_is(&old.conditions, STATUS_EXHAUSTED) && now.total.v)
			events_say(j->s->c->events, &o, false, "Exhausted", "every address is in a pool");
	}
	json_clear(&status_subnet_table, &old);
	json_clear(&status_subnet_table, &now);
	return r;
}

/* ---- the end ---- */

static int delete_pool(const struct job *j, const struct kube_item *item, struct err *e)
{
	const struct api_ippool *p = item->view;
	struct kube_op op = op_of(j, KUBE_SPIDERIPPOOLS, item->name);
	int r;

	if (p->obj.meta.deletion_timestamp)
		return 0;
	op.if_uid = item->uid;
	r = kube_delete(j->s->c->k, &op, e);
	if (r == -ENOENT || r == -ESTALE)
		return 0;
	if (r < 0)
		return err_wrap(e, "SpiderIPPool %s of it", item->name);
	return r;
}

/* Its pools go first, each when its last address is given back; unless they are to be orphaned. */
static int end(const struct job *j, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	const struct api_meta *m = &j->subnet->obj.meta;
	bool orphan = json_strv_has(&m->finalizers, "orphan");
	size_t left = 0;
	int r = 0;

	for (size_t i = 0; i < j->pools.n && !orphan; i++) {
		struct err why;
		int one;

		if (!is_controlled(j, j->pools.v[i]->view))
			continue;
		left++;
		one = delete_pool(j, j->pools.v[i], &why);
		if (one < 0 && r == 0) {
			*e = why;
			r = one;
		}
		if (one < 0 && is_of_all(one, &why))
			break;
	}
	if (r == 0 && !left)
		r = pools_meta_release(m, &body, e);
	if (r > 0)
		r = patch(j, KUBE_SPIDERSUBNETS, j->name, NULL, &body, e);
	return r < 0 ? r : 0;
}

/* ---- one look ---- */

/* What one step cannot do does not keep the next from what it can; the first failure is the answer. */
static int look(struct job *j, struct err *e)
{
	bool ending = j->subnet->obj.meta.deletion_timestamp;
	struct err later;
	int r = find_pools(j, e), next;

	if (r < 0)
		return r;
	if (!ending && j->s->c->conf.file.enable_subnet)
		r = follow(j, e);
	next = r > 0 ? 0 : publish(j, r < 0 ? &later : e);
	r = r < 0 ? r : next;
	next = ending ? end(j, r < 0 ? &later : e) : 0;
	r = r < 0 ? r : next;
	kube_items_clear(&j->pools);
	return r;
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	CLEANUP(kube_item_put_p) const struct kube_item *item = NULL;
	struct subnets *s = arg;
	struct job j = { .s = s, .name = key, .cancel = cancel };
	int r;

	if (!world_synced(s->c->world))
		return SOON_MS;
	item = kube_cache_get(world_cache(s->c->world, WORLD_SUBNETS), NULL, key);
	if (!item || !item->view)
		return 0;
	j.item = item;
	j.subnet = item->view;
	r = look(&j, e);
	return r < 0 ? r : kube_queue_slow(key);
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)arg;
	if (kube_queue_tells(why, n))
		say(LOG_LEVEL_WARN, "SpiderSubnet %s, try %u: %s", key, n, why->msg);
}

/* ---- what is heard ---- */

static void subnet_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct subnets *s = arg;

	if (now)
		kube_queue_add(s->q, now->name, old ? PAUSE_MS : 0);
}

struct above {
	struct subnets *s;
	const char *cidr;
};

static bool add_above(const struct kube_item *item, void *arg)
{
	const struct above *a = arg;
	const struct api_subnet *n = item->view;

	if (n && n->spec.subnet && strcmp(n->spec.subnet, a->cidr) == 0)
		kube_queue_add(a->s->q, item->name, PAUSE_MS);
	return false;
}

static bool is_same(const struct api_ippool *a, const struct api_ippool *b)
{
	return a && b && a->obj.meta.generation.v == b->obj.meta.generation.v &&
	       json_len(a->obj.meta.owner_references) == json_len(b->obj.meta.owner_references);
}

/* Published status of a pool is no news here. */
static void pool_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct api_ippool *was = old ? old->view : NULL, *is = now ? now->view : NULL;
	const struct api_ippool *p = is ? is : was;
	struct subnets *s = arg;
	struct above a = { s, p ? p->spec.range.subnet : NULL };
	struct kube_items none;
	struct err e;

	if (a.cidr && !is_same(was, is))
		(void)kube_cache_pick(world_cache(s->c->world, WORLD_SUBNETS), add_above, &a, &none, &e);
}

/* ---- start and stop ---- */

static void subnets_stop(void *part)
{
	struct subnets *s = part;

	kube_queue_stop(s->q);
	free(s);
}

static int subnets_start(struct controller *c, void **ret, struct err *e)
{
	struct subnets *s = calloc(1, sizeof(*s));
	struct kube_queue_conf conf = { .k = c->k, .workers = WORKERS, .work = work, .failed = failed };
	int r;

	*ret = NULL;
	if (!s)
		return err_nomem(e);
	s->c = c;
	conf.arg = s;
	r = kube_queue_start(&conf, &s->q, e);
	if (r < 0) {
		free(s);
		return r;
	}
	world_listen(c->world, WORLD_SUBNETS, subnet_changed, s);
	world_listen(c->world, WORLD_POOLS, pool_changed, s);
	*ret = s;
	return 0;
}

const struct controller_part part_subnets = { "subnets", subnets_start, subnets_stop };
