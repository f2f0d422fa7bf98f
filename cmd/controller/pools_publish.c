/* SPDX-License-Identifier: Apache-2.0 */
/* pools_publish.c - a pool's status, from the blocks as they are */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "pools_impl.h"
#include "pools_meta.h"

#define AWARE_MS 5000 /* after it an agent that has not seen the deletion is not waited for any more */
#define LONG_MS  3600000

/* What is known of the pool, and what is to be said of it. */
struct view {
	struct ip_set total, eligible;
	struct status_pool_in in;
	struct status_sum sum;
	struct status_names behind;
	struct json_object *tree; /* the pool as it was read now; NULL: it was not */
	struct status_pool old;
};

static void view_clear(struct view *v)
{
	ip_set_clear(&v->total);
	ip_set_clear(&v->eligible);
	status_sum_clear(&v->sum);
	json_put_p(&v->tree);
	json_clear(&status_pool_table, &v->old);
}

/* ---- from the caches ---- */

static bool is_pool(const char *name, void *arg)
{
	struct pools *p = arg;

	return pools_index_has_pool(p->ix, name);
}

static int reserve(struct pools *p, struct ip_set *eligible, struct err *e)
{
	struct kube_items all;
	int r = kube_cache_pick(world_cache(p->c->world, WORLD_RESERVED), NULL, NULL, &all, e);

	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const struct api_reservedip *res = all.v[i]->view;
		struct ip_set set = { 0 };
		struct err unreadable;

		if (res && !res->obj.meta.deletion_timestamp && api_reserved_set(res, &set, &unreadable) == 0)
			r = ip_set_subtract(eligible, &set, e);
		ip_set_clear(&set);
	}
	kube_items_clear(&all);
	return r;
}

static int add_block(struct pools *p, const struct pools_block *at, struct view *v, struct err *e)
{
	CLEANUP(kube_item_put_p) const struct kube_item *item = NULL;
	char name[IP_BLOCK_NAME_MAX];
	const struct api_ipblock *o;
	struct block b;
	int r;

	item = kube_cache_get(world_cache(p->c->world, WORLD_BLOCKS), NULL,
			      ip_block_name(at->ver, at->index, name));
	o = item ? item->view : NULL;
	if (!o || !o->spec.records)
		return 0;
	r = block_decode(at->ver, at->index, o->spec.records, strlen(o->spec.records), &b, e);
	if (r == 0)
		r = status_sum_block(&v->in, &b, &v->sum, e);
	block_clear(&b);
	return r < 0 ? err_wrap(e, "SpiderIPBlock %s", name) : 0;
}

static int look(const struct pools_job *j, struct view *v, struct err *e)
{
	CLEANUP(free_p) struct pools_block *blocks = NULL;
	struct pools *p = j->p;
	size_t n = 0;
	int r = api_range_total(&j->pool->spec.range, &v->total, e);

	if (r == 0)
		r = ip_set_copy(&v->total, &v->eligible, e);
	if (r == 0)
		r = reserve(p, &v->eligible, e);
	v->in = (struct status_pool_in){ .name = j->name,
					 .total = &v->total,
					 .eligible = &v->eligible,
					 .now = pools_now(p),
					 .max = (size_t)p->c->conf.pool_max,
					 .is_pool = is_pool,
					 .arg = p };
	if (r == 0)
		r = pools_index_of(p->ix, j->name, &v->total, &blocks, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_block(p, &blocks[i], v, e);
	status_sum_end(&v->sum);
	return r;
}

/* ---- from the API ---- */

/* -ESTALE: our watch is behind. */
static int read_status(const struct pools_job *j, struct view *v, struct err *e)
{
	struct kube_op op = pools_op(j, NULL);
	int64_t generation = 0;
	int r = v->tree ? 0 : kube_get(j->p->c->k, &op, &v->tree, e);

	if (r < 0)
		return r;
	(void)json_get_int(json_get(v->tree, "metadata"), "generation", &generation);
	if (generation != j->pool->obj.meta.generation.v)
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "SpiderIPPool %s was just changed", j->name);
	json_clear(&status_pool_table, &v->old);
	return status_read(&status_pool_table, v->tree, &v->old, e);
}

/* The version at which this generation was first seen: by us, or by who led before us. One that is later than
 * what the pool has is of an object that is no more: etcd was set back, or the status came with a backup. */
static int learn(const struct pools_job *j, struct view *v, struct err *e)
{
	struct pools_note *n = j->note;
	int r;

	if (n->known && n->version[0] && strcmp(n->version, j->item->version) == 0)
		return 0;
	r = read_status(j, v, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&j->p->lock);
	if (!n->known && v->old.observed_version && v->old.observed_generation.v == n->generation &&
	    settled_number(v->old.observed_version) <= settled_number(n->seen))
		snprintf(n->seen, sizeof(n->seen), "%s", v->old.observed_version);
	n->known = true;
	pthread_mutex_unlock(&j->p->lock);
	return 0;
}

static struct status_pool_facts facts_of(const struct pools_job *j, const struct view *v)
{
	return (struct status_pool_facts){ .generation = j->note->generation,
					   .now = v->in.now,
					   .version = j->note->seen,
					   .behind = &v->behind };
}

/* What is to be published, but for times. */
static int essence_of(const struct pools_job *j, const struct view *v, uint64_t *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(KUBE_REQUEST_MAX);
	struct status_pool_facts f = facts_of(j, v);
	struct status_pool plain = { 0 };
	int r;

	f.now = 0;
	r = status_pool_fill(&v->in, &v->sum, &f, &plain, e);
	if (r == 0)
		r = json_encode_text(&status_pool_table, &plain, &text, e);
	json_clear(&status_pool_table, &plain);
	*ret = XXH3_64bits(buf_cstr(&text), text.len);
	return r;
}

static void remember(const struct pools_job *j, const struct view *v, const char *version, uint64_t essence)
{
	struct pools_note *n = j->note;

	pthread_mutex_lock(&j->p->lock);
	snprintf(n->version, sizeof(n->version), "%s", version ? version : "");
	n->essence = essence;
	n->waits = v->behind.n > 0;
	n->disabled = j->pool->spec.disable.v;
	n->records = v->sum.published;
	n->total = ip_set_count(&v->total);
	n->available = ip_set_count(&v->eligible) - v->sum.taken;
	pthread_mutex_unlock(&j->p->lock);
}

/* ---- events ---- */

static bool became(const struct status_conditions *old, const struct status_conditions *now, const char *type)
{
	return status_is(now, type) && !status_is(old, type);
}

static const char *message_of(const struct status_conditions *l, const char *type)
{
	const struct status_condition *c = status_find(l, type);

	return c && c->message ? c->message : "";
}

static const char *reason_of(const struct status_conditions *l, const char *type)
{
	const struct status_condition *c = status_find(l, type);

	return c && c->reason ? c->reason : "";
}

/* The pool of an application has as many addresses as it needs: it is full, and that is no news. Nor is it of
 * one that gives none out. */
static void tell(const struct pools_job *j, const struct status_conditions *old,
		 const struct status_conditions *now)
{
	const char *conflict = message_of(now, STATUS_CONFLICT), *settled = message_of(now, STATUS_SETTLED);
	bool plain = !json_map_get(&j->pool->obj.meta.labels, API_LABEL_APP_NAME) && !j->pool->spec.disable.v;

	if (plain && became(old, now, STATUS_EXHAUSTED) &&
	    strcmp(reason_of(now, STATUS_EXHAUSTED), "NoneFree") == 0)
		pools_event(j, true, "Exhausted", "%s", message_of(now, STATUS_EXHAUSTED));
	if (plain && became(old, now, STATUS_NEARLY))
		pools_event(j, true, "NearlyExhausted", "%s", message_of(now, STATUS_NEARLY));
	if (status_is(now, STATUS_CONFLICT) && strcmp(conflict, message_of(old, STATUS_CONFLICT)) != 0)
		pools_event(j, true, "Quarantined", "%s", conflict);
	if (strcmp(reason_of(now, STATUS_SETTLED), "AddressesOutside") == 0 &&
	    strcmp(settled, message_of(old, STATUS_SETTLED)) != 0)
		pools_event(j, true, "AddressesOutside", "%s", settled);
}

/* ---- publishing ---- */

static int write_status(const struct pools_job *j, struct view *v, uint64_t essence, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	CLEANUP(json_put_p) struct json_object *after = NULL;
	struct status_pool_facts f = facts_of(j, v);
	struct kube_op op = pools_op(j, "status");
	struct status_pool now;
	int r = read_status(j, v, e);

	if (r < 0)
		return r;
	r = json_copy(&status_pool_table, &v->old, &now, e);
	if (r == 0)
		r = status_pool_fill(&v->in, &v->sum, &f, &now, e);
	if (r == 0)
		r = status_patch(&status_pool_table, kube_meta(v->tree, "uid"),
				 kube_meta(v->tree, "resourceVersion"), &v->old, &now, &body, e);
	if (r > 0) {
		op.metadata_only = true;
		r = kube_patch(j->p->c->k, &op, KUBE_MERGE_PATCH, buf_cstr(&body), body.len, &after, e);
		if (r == 0)
			tell(j, &v->old.conditions, &now.conditions);
	}
	if (r == 0)
		remember(j, v, kube_meta(after ? after : v->tree, "resourceVersion"), essence);
	json_clear(&status_pool_table, &now);
	return r;
}

static int publish(const struct pools_job *j, struct view *v, struct err *e)
{
	struct pools_note *n = j->note;
	uint64_t essence = 0;
	int r = learn(j, v, e);

	if (r == 0)
		r = settled_behind(j->p->settled, n->seen, &v->behind, e);
	if (r == 0)
		r = essence_of(j, v, &essence, e);
	if (r < 0)
		return r;
	if (n->version[0] && strcmp(n->version, j->item->version) == 0 && n->essence == essence)
		return 0;
	return write_status(j, v, essence, e);
}

/* ---- the end of a pool ---- */

/* Nobody gives out its addresses any more; a record that comes nevertheless is in its block, and as good as
 * ever. */
static bool may_go(const struct pools_job *j, const struct view *v)
{
	return !v->sum.allocated && (!v->behind.n || clock_mono_ms() - j->note->deleted_seen >= AWARE_MS);
}

static int release(const struct pools_job *j, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op = pools_op(j, NULL);
	int r = pools_meta_release(&j->pool->obj.meta, &body, e);

	if (r > 0)
		r = kube_patch(j->p->c->k, &op, KUBE_MERGE_PATCH, buf_cstr(&body), body.len, NULL, e);
	return r < 0 ? r : 0;
}

static int64_t again(const struct pools_job *j, const struct view *v)
{
	int64_t ms = v->sum.next - v->in.now;

	if (j->note->deleted_seen && !v->sum.allocated)
		return POOLS_PAUSE_MS;
	if (!v->sum.next)
		return 0;
	return ms < POOLS_SOON_MS ? POOLS_SOON_MS : ms > LONG_MS ? LONG_MS : ms;
}

int64_t pools_publish(const struct pools_job *j, struct err *e)
{
	bool marked = json_map_get(&j->pool->obj.meta.annotations, API_ANNOTATION_TAKEN_OVER) != NULL;
	struct view v = { .tree = NULL };
	int64_t ret = look(j, &v, e);

	if (ret == 0 && marked)
		ret = publish(j, &v, e);
	if (ret == 0 && j->note->deleted_seen && may_go(j, &v))
		ret = release(j, e);
	else if (ret == 0)
		ret = again(j, &v);
	view_clear(&v);
	return ret;
}
