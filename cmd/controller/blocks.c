/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.c - SpiderIPBlocks in which nobody has anything */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/object.h"

#define WALK_MS 30000
#define CALL_MS 10000
#define MOST    100 /* deleted in one walk */

struct blocks {
	struct controller *c;
	struct kube_queue *q; /* of one key */
};

bool blocks_is_empty(const struct block *b, int64_t now)
{
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		const struct block_rec *r = &b->rec[i];
		int64_t rest = r->unconfirmed ? BLOCKS_DOUBT_MS : BLOCKS_EMPTY_MS;

		if (r->hold != HOLD_NONE && (block_rec_held(r, now) || block_rec_free_at(r) > now - rest))
			return false;
	}
	return true;
}

static bool is_empty(const struct kube_item *item, int64_t now)
{
	const struct api_ipblock *o = item->view;
	struct block b;
	const char *records;
	struct err unreadable;
	uint8_t ver;
	ip_num index;
	bool empty;

	if (!o || ip_block_parse(item->name, &ver, &index, &unreadable) < 0)
		return false;
	records = o->spec.records ? o->spec.records : ""; /* all that was claimed there was undone */
	if (block_decode(ver, index, records, strlen(records), &b, &unreadable) < 0)
		return false;
	empty = blocks_is_empty(&b, now);
	block_clear(&b);
	return empty;
}

static int delete (struct blocks *w, const struct kube_item *item, struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .name = item->name,
			      .until = deadline_in(CALL_MS),
			      .cancel = cancel,
			      .if_uid = item->uid,
			      .if_version = item->version };
	int r = kube_delete(w->c->k, &op, e);

	if (r == 0)
		say(LOG_LEVEL_DEBUG, "SpiderIPBlock %s was empty, and is deleted", item->name);
	return r == -ENOENT || r == -ESTALE ? 0 : r;
}

static int64_t walk(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct blocks *w = arg;
	int64_t now = clock_wall_ms() + store_kube_skew(w->c->hub);
	struct kube_items all;
	size_t n = 0;
	int r;

	(void)key;
	if (!world_synced(w->c->world))
		return 1000;
	r = kube_cache_pick(world_cache(w->c->world, WORLD_BLOCKS), NULL, NULL, &all, e);
	for (size_t i = 0; r == 0 && i < all.n && n < MOST; i++)
		if (is_empty(all.v[i], now)) {
			r = delete (w, all.v[i], cancel, e);
			n++;
		}
	kube_items_clear(&all);
	return r < 0 ? r : WALK_MS;
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)key;
	(void)arg;
	if (n == 1 || n % 10 == 0)
		say(LOG_LEVEL_WARN, "empty blocks, try %u: %s", n, why->msg);
}

int blocks_start(struct controller *c, struct blocks **ret, struct err *e)
{
	struct blocks *w = calloc(1, sizeof(*w));
	const struct kube_queue_conf conf = { .k = c->k, .work = walk, .failed = failed, .arg = w };
	int r;

	*ret = NULL;
	if (!w)
		return err_nomem(e);
	w->c = c;
	r = kube_queue_start(&conf, &w->q, e);
	if (r < 0) {
		free(w);
		return r;
	}
	kube_queue_add(w->q, "walk", 1000);
	*ret = w;
	return 0;
}

void blocks_stop(struct blocks *w)
{
	if (!w)
		return;
	kube_queue_stop(w->q);
	free(w);
}
