/* SPDX-License-Identifier: Apache-2.0 */
/* kube_follow.c - pools and reserved addresses as watches tell
 *
 * Of pools only the metadata is followed: a status that is written does not travel to every node. The body is
 * read when the metadata says that it is another one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

#define READ_MS 10000

static int take(struct store_kube *h, enum store_kind kind, struct json_object *tree, uint64_t digest,
		struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct shelf *s = kind == STORE_IPPOOL ? &h->pools : &h->reserved;
	const char *name = kube_meta(tree, "name");
	struct shelf_item *it = NULL;
	const char *terms[4];
	int r = object_value(h, kind, tree, &text, terms, e);

	if (r < 0)
		return r;
	hub_lock(h);
	it = shelf_put(s, "", name, buf_cstr(&text), text.len, terms, ++h->seq);
	if (it) {
		it->digest = digest;
		it->mark = kind == STORE_IPPOOL ? h->pools_mark : h->reserved_mark;
	}
	hub_unlock(h);
	return it ? 0 : err_nomem(e);
}

/* One object that cannot be read must not keep the others from being followed. */
static int take_or_drop(struct store_kube *h, enum store_kind kind, struct json_object *tree, uint64_t digest,
			struct err *e)
{
	int r = take(h, kind, tree, digest, e);

	if (r == 0 || r == -ENOMEM)
		return r;
	if (h->conf.trouble)
		h->conf.trouble(e->msg, h->conf.arg);
	hub_lock(h);
	shelf_drop(kind == STORE_IPPOOL ? &h->pools : &h->reserved, "", kube_meta(tree, "name"));
	hub_unlock(h);
	return 0;
}

static int digest_of(struct json_object *o, uint64_t *ret, struct err *e)
{
	static const char *const keys[] = { "uid", "generation", "labels", "annotations",
					    "deletionTimestamp" };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct json_object *meta = json_get(o, "metadata");
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(keys); i++)
		r = json_print(json_get(meta, keys[i]), false, &text, e);
	*ret = XXH3_64bits(buf_cstr(&text), text.len) | 1;
	return r;
}

/* 1: it is as it was. */
static int is_known(struct store_kube *h, const char *name, uint64_t digest)
{
	struct shelf_item *it;
	int r;

	hub_lock(h);
	it = shelf_find(&h->pools, "", name);
	r = it && it->digest == digest;
	if (it)
		it->mark = h->pools_mark;
	hub_unlock(h);
	return r;
}

static int drop(struct store_kube *h, struct shelf *s, const char *name)
{
	hub_lock(h);
	shelf_drop(s, "", name);
	hub_unlock(h);
	return 0;
}

/* Objects are listed in the order of their names: what is highest is known at the end. */
static void note_seen(struct store_kube *h, const struct kube_event *ev)
{
	uint64_t version = ev->version ? strtoull(ev->version, NULL, 10) : 0;

	if (ev->change == KUBE_SYNCED) {
		version = h->pools_listed;
		h->pools_listing = false;
	} else if (h->pools_listing) {
		h->pools_listed = version > h->pools_listed ? version : h->pools_listed;
		return;
	}
	hub_lock(h);
	h->pools_seen = version;
	hub_unlock(h);
}

uint64_t store_kube_pools_seen(struct store_kube *h)
{
	uint64_t seen;

	hub_lock(h);
	seen = h->pools_seen;
	for (const struct kube_session *s = h->planning; s; s = s->next)
		seen = s->pools_seen < seen ? s->pools_seen : seen;
	hub_unlock(h);
	return seen;
}

static void changed(struct store_kube *h)
{
	hub_lock(h);
	h->pools_edited = h->pools_seen;
	hub_unlock(h);
	if (h->conf.pools_changed)
		h->conf.pools_changed(h->conf.arg);
}

static int read_pool(struct store_kube *h, const struct kube_event *ev, uint64_t digest, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS],
			      .name = ev->name,
			      .until = deadline_in(READ_MS),
			      .cancel = &h->cancel };
	int r = kube_get(h->k, &op, &tree, e);

	if (r == -ENOENT)
		return drop(h, &h->pools, ev->name);
	return r < 0 ? r : take_or_drop(h, STORE_IPPOOL, tree, digest, e);
}

/* What was not listed is gone. */
static void sweep(struct store_kube *h, struct shelf *s, uint64_t mark, bool *in)
{
	hub_lock(h);
	for (size_t i = s->n; i-- > 0;)
		if (s->v[i]->mark != mark)
			shelf_drop(s, "", s->v[i]->name);
	*in = true;
	pthread_cond_broadcast(&h->changed);
	hub_unlock(h);
}

/* What had been followed broke off: etcd may have been restored meanwhile, which shows in versions only to
 * those who saw later ones. */
static void listed_again(struct store_kube *h, bool back)
{
	hub_lock(h);
	if (back)
		hub_set_back(h);
	else if (h->pools_in)
		hub_doubtful(h);
	hub_unlock(h);
}

static int pool_event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct store_kube *h = arg;
	uint64_t digest;
	int r;

	switch (ev->change) {
	case KUBE_LISTING:
		h->pools_mark++;
		h->pools_listing = true;
		h->pools_listed = 0;
		return 0;
	case KUBE_SYNCED:
		listed_again(h, ev->back);
		sweep(h, &h->pools, h->pools_mark, &h->pools_in);
		break;
	case KUBE_DELETED:
		drop(h, &h->pools, ev->name);
		break;
	default:
		r = digest_of(ev->object, &digest, e);
		if (r < 0)
			return r;
		if (is_known(h, ev->name, digest)) {
			note_seen(h, ev);
			return 0;
		}
		r = read_pool(h, ev, digest, e);
		if (r < 0)
			return r;
	}
	note_seen(h, ev);
	changed(h);
	return 0;
}

/* Ranges that cannot be read are left out, with a sentence each time the object changes: one slip of an
 * operator must not stop every pod, and the object's other ranges count. With admission there are none. */
static void drop_unreadable(struct store_kube *h, struct json_object *tree)
{
	struct json_object *spec = json_get(tree, "spec"), *ips = json_get(spec, "ips");
	char sentence[ERR_MSG_MAX];
	int64_t family = 0;

	(void)json_get_int(spec, "ipVersion", &family);
	for (size_t i = 0; i < json_len(ips);) {
		const char *text = json_text(json_at(ips, i));
		struct ip_range range;
		uint8_t ver;
		struct err e;

		if (text && ip_range_parse(text, (uint8_t)family, &range, &ver, &e) == 0) {
			family = ver; /* of the first one, where the object does not say it */
			i++;
			continue;
		}
		snprintf(
			sentence, sizeof(sentence),
			"SpiderReservedIP %.253s: \"%.200s\" of spec.ips cannot be read and RESERVES NOTHING until it "
			"is mended: %.600s",
			kube_meta(tree, "name"), text ? text : "", text ? e.msg : "it is no text");
		if (h->conf.trouble)
			h->conf.trouble(sentence, h->conf.arg);
		json_object_array_del_idx(ips, i, 1);
	}
}

static int reserved_event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct store_kube *h = arg;

	switch (ev->change) {
	case KUBE_LISTING:
		h->reserved_mark++;
		return 0;
	case KUBE_SYNCED:
		sweep(h, &h->reserved, h->reserved_mark, &h->reserved_in);
		return 0;
	case KUBE_DELETED:
		return drop(h, &h->reserved, ev->name);
	default:
		drop_unreadable(h, ev->object);
		return take_or_drop(h, STORE_RESERVEDIP, ev->object, 0, e);
	}
}

static void trouble(const struct err *why, void *arg)
{
	struct store_kube *h = arg;

	if (h->conf.trouble)
		h->conf.trouble(why->msg, h->conf.arg);
}

int follow_start(struct store_kube *h, struct err *e)
{
	struct kube_watch_conf c = { .k = h->k,
				     .res = &kube_resources[KUBE_SPIDERIPPOOLS],
				     .metadata_only = true,
				     .event = pool_event,
				     .trouble = trouble,
				     .arg = h };
	int r = kube_watch_start(&c, &h->watch_pools, e);

	c.res = &kube_resources[KUBE_SPIDERRESERVEDIPS];
	c.metadata_only = false;
	c.event = reserved_event;
	return r < 0 ? r : kube_watch_start(&c, &h->watch_reserved, e);
}

void follow_stop(struct store_kube *h)
{
	kube_cancel(h->k, &h->cancel);
	kube_watch_stop(h->watch_pools);
	kube_watch_stop(h->watch_reserved);
}
