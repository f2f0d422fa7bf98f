/* SPDX-License-Identifier: Apache-2.0 */
/* app_read.c - what the sizing of pools reads: from the caches to find out whether there is anything to do,
 * by quorum before it is done */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app_part.h"
#include "base/own.h"
#include "kube/object.h"

#define PAGE              50 /* pools' metadata, managedFields included, are some KiB each */
#define BLOCKS_ONE_BY_ONE 64

/* ---- pools ---- */

void app_seen_clear(struct app_seen *s)
{
	for (size_t i = 0; i < s->n_items; i++)
		kube_item_put(s->items[i]);
	for (size_t i = 0; i < s->n_own; i++)
		api_free(API_IPPOOL, &s->own[i]->obj);
	free(s->items);
	free(s->own);
	free(s->v);
	*s = (struct app_seen){ 0 };
}

static int push(void *list, size_t *n, void *v, struct err *e)
{
	void ***l = list;
	void **grown = *n & (*n - 1) ? *l : reallocarray(*l, *n ? 2 * *n : 1, sizeof(*grown));

	if (!grown)
		return err_nomem(e);
	*l = grown;
	grown[(*n)++] = v;
	return 0;
}

/* Takes the reference over. */
static int add_item(struct app_seen *s, const struct kube_item *item, struct err *e)
{
	int r = push(&s->items, &s->n_items, (void *)item, e);

	if (r < 0)
		kube_item_put(item);
	return r < 0 ? r : push(&s->v, &s->n, (void *)item->view, e);
}

static int add_own(struct app_seen *s, struct api_ippool *p, struct err *e)
{
	int r = push(&s->own, &s->n_own, p, e);

	if (r < 0)
		api_free(API_IPPOOL, &p->obj);
	return r < 0 ? r : push(&s->v, &s->n, p, e);
}

static int pick(struct apps *a, bool (*want)(const struct kube_item *item, void *arg), void *arg,
		struct app_seen *ret, struct err *e)
{
	struct kube_items items;
	int r = kube_cache_pick(world_cache(a->c->world, WORLD_POOLS), want, arg, &items, e);

	*ret = (struct app_seen){ 0 };
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = add_item(ret, kube_item_get(items.v[i]), e);
	kube_items_clear(&items);
	if (r < 0)
		app_seen_clear(ret);
	return r;
}

static bool has_key(const struct kube_item *item, void *arg)
{
	char key[APP_KEY_MAX];

	return item->view && !strcmp(app_pool_key(item->view, key), arg);
}

int app_seen_key(struct apps *a, const char *key, struct app_seen *ret, struct err *e)
{
	return pick(a, has_key, (void *)key, ret, e);
}

static bool has_network(const struct kube_item *item, void *arg)
{
	const struct api_ippool *p = item->view;

	return p && p->spec.range.subnet && !strcmp(p->spec.range.subnet, arg);
}

int app_seen_network(struct apps *a, const char *cidr, struct app_seen *ret, struct err *e)
{
	return pick(a, has_network, (void *)cidr, ret, e);
}

/* ---- pools by quorum ---- */

struct listing {
	struct apps *a;
	struct app_seen *seen;
	struct json_strv names, unknown; /* all; those that the cache does not have as they are */
};

static void begin(void *arg)
{
	struct listing *l = arg;

	app_seen_clear(l->seen);
	json_strv_clear(&l->names);
	json_strv_clear(&l->unknown);
}

static int each(struct json_object *o, void *arg, struct err *e)
{
	struct listing *l = arg;
	const char *name = kube_meta(o, "name"), *version = kube_meta(o, "resourceVersion");
	const struct kube_item *item;
	int r;

	if (!name || !version)
		return 0;
	r = json_strv_add(&l->names, name, e);
	item = kube_cache_get(world_cache(l->a->c->world, WORLD_POOLS), NULL, name);
	if (r == 0 && item && item->view && !strcmp(item->version, version))
		return add_item(l->seen, item, e);
	kube_item_put(item);
	return r < 0 ? r : json_strv_add(&l->unknown, name, e);
}

static int read_pool(const struct app_task *t, const char *name, struct app_seen *seen, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS],
			      .name = name,
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	struct api_ippool *p;
	int r = kube_get(t->apps->c->k, &op, &o, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e);
	if (json_decode(api_kinds[API_IPPOOL].table, o, name, p, e) < 0) {
		free(p);
		return -e->sys;
	}
	return add_own(seen, p, e);
}

/* What lacks the label is not in the list, and as the cache has it. */
static int add_unlabelled(struct listing *l, const char *cidr, struct err *e)
{
	struct app_seen cached;
	int r = app_seen_network(l->a, cidr, &cached, e);

	for (size_t i = 0; r == 0 && i < cached.n_items; i++) {
		const struct api_ippool *p = cached.items[i]->view;

		if (!json_map_get(&p->obj.meta.labels, API_LABEL_POOL_CIDR) &&
		    !json_strv_has(&l->names, cached.items[i]->name))
			r = add_item(l->seen, kube_item_get(cached.items[i]), e);
	}
	app_seen_clear(&cached);
	return r;
}

int app_seen_now(const struct app_task *t, const char *cidr, struct app_seen *ret, struct err *e)
{
	char label[API_LABEL_MAX], selector[API_LABEL_MAX + sizeof(API_LABEL_POOL_CIDR) + 1];
	struct listing l = { .a = t->apps, .seen = ret };
	const struct kube_lister lister = { .each = each, .begin = begin, .arg = &l };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS],
			      .labels = selector,
			      .metadata_only = true,
			      .page = PAGE,
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	int r = api_cidr_label(cidr, label, e);

	*ret = (struct app_seen){ 0 };
	snprintf(selector, sizeof(selector), "%s=%s", API_LABEL_POOL_CIDR, r == 0 ? label : "");
	if (r == 0)
		r = kube_list(t->apps->c->k, &op, &lister, NULL, e);
	for (size_t i = 0; r == 0 && i < l.unknown.n; i++)
		r = read_pool(t, l.unknown.v[i], ret, e);
	if (r == 0)
		r = add_unlabelled(&l, cidr, e);
	json_strv_clear(&l.names);
	json_strv_clear(&l.unknown);
	if (r < 0)
		app_seen_clear(ret);
	return r;
}

/* ---- who holds what ---- */

static int64_t now_ms(struct apps *a)
{
	return clock_wall_ms() + store_kube_skew(a->c->hub);
}

static bool in_network(const struct kube_item *item, void *arg)
{
	const struct ip_prefix *network = arg;
	struct ip_range r = ip_prefix_range(*network);
	struct err unknown;
	ip_num index;
	uint8_t ver;

	return item->view && ip_block_parse(item->name, &ver, &index, &unknown) == 0 &&
	       ver == network->ip.ver && index >= r.lo >> IP_BLOCK_BITS && index <= r.hi >> IP_BLOCK_BITS;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct kube_item *const *)a)->name,
		      (*(const struct kube_item *const *)b)->name);
}

static int add_records(struct apps *a, const char *name, const struct api_ipblock *b, const char *pool,
		       struct app_held *held, struct err *e)
{
	const char *text = b->spec.records ? b->spec.records : "";
	struct block block;
	ip_num index;
	uint8_t ver;
	int r = ip_block_parse(name, &ver, &index, e);

	if (r == 0)
		r = block_decode(ver, index, text, strlen(text), &block, e);
	if (r < 0)
		return err_wrap(e, "block %s", name);
	r = app_held_add(held, &block, now_ms(a), pool, e);
	block_clear(&block);
	return r;
}

int app_held_cached(struct apps *a, const struct ip_prefix *network, const char *pool, struct app_held *ret,
		    struct err *e)
{
	struct kube_items items;
	int r = kube_cache_pick(world_cache(a->c->world, WORLD_BLOCKS), in_network, (void *)network, &items,
				e);

	*ret = (struct app_held){ { .ver = network->ip.ver }, { .ver = network->ip.ver } };
	if (r == 0 && items.n)
		qsort(items.v, items.n, sizeof(*items.v), by_name); /* so that sets only grow at their end */
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = add_records(a, items.v[i]->name, items.v[i]->view, pool, ret, e);
	kube_items_clear(&items);
	if (r < 0)
		app_held_clear(ret);
	return r;
}

static int verified_block(struct ip_set *verified, uint8_t ver, ip_num index, struct err *e)
{
	verified->ver = ver;
	return ip_set_add(
		verified,
		(struct ip_range){ index << IP_BLOCK_BITS, (index << IP_BLOCK_BITS) + (IP_BLOCK_SIZE - 1) },
		e);
}

static int take_block(const struct app_task *t, struct json_object *o, const char *name, const char *pool,
		      struct app_held *held, struct err *e)
{
	struct api_ipblock b;
	int r = json_decode(api_kinds[API_IPBLOCK].table, o, name, &b, e);

	if (r < 0)
		return r;
	r = add_records(t->apps, name, &b, pool, held, e);
	api_clear(API_IPBLOCK, &b);
	return r;
}

static int read_block(const struct app_task *t, uint8_t ver, ip_num index, const char *pool,
		      struct app_held *held, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	char name[IP_BLOCK_NAME_MAX];
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .name = ip_block_name(ver, index, name),
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	int r = kube_get(t->apps->c->k, &op, &o, e);

	if (r < 0 && r != -ENOENT)
		return r;
	r = app_held_forget(held, ver, index, e);
	return r < 0 || !o ? r : take_block(t, o, name, pool, held, e);
}

/* Of too many blocks to ask for each: those that exist. */
struct all_blocks {
	const struct app_task *t;
	const struct ip_set *set;
	const char *pool;
	struct app_held *held;
};

static int each_block(struct json_object *o, void *arg, struct err *e)
{
	const struct all_blocks *all = arg;
	const char *name = kube_meta(o, "name");
	struct err unknown;
	ip_num index;
	uint8_t ver;
	int r;

	if (!name || ip_block_parse(name, &ver, &index, &unknown) < 0 || ver != all->set->ver ||
	    !ip_set_mask(all->set, index))
		return 0;
	r = app_held_forget(all->held, ver, index, e);
	return r < 0 ? r : take_block(all->t, o, name, all->pool, all->held, e);
}

/* Nothing of the set is held but what the list says: a list that begins anew may say less. */
static int read_all(const struct app_task *t, const struct ip_set *set, const char *pool,
		    struct app_held *held, struct err *e)
{
	struct all_blocks all = { t, set, pool, held };
	const struct kube_lister lister = { .each = each_block, .arg = &all };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .page = PAGE,
			      .until = deadline_in(APP_CALL_MS),
			      .cancel = t->cancel };
	int r = ip_set_subtract(&held->own, set, e);

	if (r == 0)
		r = ip_set_subtract(&held->other, set, e);
	return r < 0 ? r : kube_list(t->apps->c->k, &op, &lister, NULL, e);
}

int app_held_now(const struct app_task *t, const struct ip_set *set, const char *pool, struct app_held *held,
		 struct ip_set *verified, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set left = { 0 };
	ip_num index = 0;
	int r = ip_set_copy(set, &left, e);

	if (r == 0)
		r = ip_set_subtract(&left, verified, e);
	if (r == 0 && ip_set_blocks(&left) > BLOCKS_ONE_BY_ONE) {
		r = read_all(t, &left, pool, held, e);
		verified->ver = left.ver;
		return r < 0 ? r : ip_set_add_set(verified, &left, e);
	}
	while (r == 0 && ip_set_block_next(&left, index, &index)) {
		r = read_block(t, left.ver, index, pool, held, e);
		if (r == 0)
			r = verified_block(verified, left.ver, index, e);
		index++;
	}
	return r;
}

int app_reserved(struct apps *a, uint8_t ver, struct ip_set *ret, struct err *e)
{
	struct kube_items items;
	int r = kube_cache_pick(world_cache(a->c->world, WORLD_RESERVED), NULL, NULL, &items, e);

	*ret = (struct ip_set){ .ver = ver };
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		CLEANUP(ip_set_clear) struct ip_set one = { 0 };
		const struct api_reservedip *res = items.v[i]->view;
		struct err unreadable;

		if (!res || res->obj.meta.deletion_timestamp ||
		    api_reserved_set(res, &one, &unreadable) < 0 || one.ver != ver || !one.n)
			continue;
		r = ip_set_add_set(ret, &one, e);
	}
	kube_items_clear(&items);
	if (r < 0)
		ip_set_clear(ret);
	return r;
}
