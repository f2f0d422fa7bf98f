/* SPDX-License-Identifier: Apache-2.0 */
/* pools_repair.c - what a pool must carry before anything is published into it; and the end of it */
#include <string.h>

#include "api/tables.h"
#include "base/own.h"
#include "ipam/takeover.h"
#include "pools_impl.h"
#include "pools_meta.h"

#define FENCE_MS   10000 /* so long it is believed that no older Spiderpool is there */
#define PENDING_MS 30000 /* until the next look at a pool that waits for its take-over */

struct owner_search {
	const char *cidr;
};

static bool is_owner(const struct kube_item *item, void *arg)
{
	const struct owner_search *s = arg;
	const struct api_subnet *n = item->view;

	return n && n->spec.subnet && !n->obj.meta.deletion_timestamp && strcmp(n->spec.subnet, s->cidr) == 0;
}

/* *ret_item is to be released. */
static int find_owner(const struct pools_job *j, const struct kube_item **ret_item, struct err *e)
{
	struct owner_search s = { j->pool->spec.range.subnet };
	struct kube_items found;
	int r;

	*ret_item = NULL;
	if (!j->p->c->conf.file.enable_subnet || !s.cidr)
		return 0;
	r = kube_cache_pick(world_cache(j->p->c->world, WORLD_SUBNETS), is_owner, &s, &found, e);
	if (r == 0 && found.n)
		*ret_item = kube_item_get(found.v[0]);
	kube_items_clear(&found);
	return r;
}

/* Nobody else writes into pools of this cluster. */
static int fence(const struct pools_job *j, struct err *e)
{
	struct pools *p = j->p;
	const struct takeover_cluster t = { .k = p->c->k, .ns = p->c->conf.ns, .identity = p->c->conf.pod };
	int64_t at;
	int r;

	pthread_mutex_lock(&p->lock);
	at = p->fenced;
	pthread_mutex_unlock(&p->lock);
	if (at && clock_mono_ms() - at < FENCE_MS)
		return 0;
	r = takeover_fence(&t, deadline_in(POOLS_CALL_MS), e);
	if (r == 0) {
		pthread_mutex_lock(&p->lock);
		p->fenced = clock_mono_ms();
		pthread_mutex_unlock(&p->lock);
	}
	return r;
}

static int read_pool(const struct pools_job *j, struct api_ippool *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_op op = pools_op(j, NULL);
	int r = kube_get(j->p->c->k, &op, &tree, e);

	*ret = (struct api_ippool){ 0 };
	return r < 0 ? r : json_decode(&api_ippool_table, tree, "SpiderIPPool", ret, e);
}

static int patch(const struct pools_job *j, const struct buf *body, struct err *e)
{
	struct kube_op op = pools_op(j, NULL);

	return kube_patch(j->p->c->k, &op, KUBE_MERGE_PATCH, buf_cstr(body), body->len, NULL, e);
}

static bool is_marked(const struct api_ippool *pool)
{
	return json_map_get(&pool->obj.meta.annotations, API_ANNOTATION_TAKEN_OVER) != NULL;
}

/* 1: it is left alone. */
static int wait_for_takeover(const struct pools_job *j, const struct api_ippool *fresh, int64_t *again_ms)
{
	if (!takeover_due(fresh))
		return 0;
	pools_event(
		j, true, "TakeoverPending",
		"status.allocatedIPs has records of an older Spiderpool that are not taken over yet: nothing is "
		"given out and nothing is published until an agent has done that");
	*again_ms = PENDING_MS;
	return 1;
}

static int repair(const struct pools_job *j, const struct api_subnet *owner, int64_t *again_ms, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct api_ippool fresh;
	int r = read_pool(j, &fresh, e);

	if (r == 0)
		r = wait_for_takeover(j, &fresh, again_ms);
	if (r == 0 && !is_marked(&fresh))
		r = fence(j, e);
	if (r == 0)
		r = pools_meta_patch(&fresh, owner, pools_now(j->p), &body, e);
	if (r > 0 && body.len) {
		r = patch(j, &body, e);
		if (r == 0 && owner && !json_map_get(&fresh.obj.meta.labels, API_LABEL_OWNER))
			pools_event(j, false, "Adopted", "belongs to SpiderSubnet %s now",
				    owner->obj.meta.name);
		r = r < 0 ? r : 1;
	}
	json_clear(&api_ippool_table, &fresh);
	return r;
}

int pools_repair(const struct pools_job *j, int64_t *again_ms, struct err *e)
{
	CLEANUP(kube_item_put_p) const struct kube_item *owner = NULL;
	struct api_ippool fresh;
	int r;

	*again_ms = 0;
	if (j->pool->obj.meta.deletion_timestamp) {
		if (is_marked(j->pool))
			return 0;
		r = read_pool(j, &fresh, e);
		if (r == 0)
			r = wait_for_takeover(j, &fresh, again_ms);
		json_clear(&api_ippool_table, &fresh);
		return r;
	}
	r = find_owner(j, &owner, e);
	if (r < 0 || !pools_meta_due(j->pool, owner ? owner->view : NULL))
		return r;
	r = repair(j, owner ? owner->view : NULL, again_ms, e);
	if (r == 0)
		*again_ms = POOLS_PAUSE_MS; /* done already, and our watch has not heard of it */
	return r < 0 ? r : 1;
}
