/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - what a watch has seen */
#include "kube/cache.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/thread.h"

#define BUCKETS_MIN 64

struct entry {
	struct kube_item item; /* first: a reader's pointer is one to the entry */
	struct entry *next;    /* the cache's lock */
	uint64_t listed;       /* by which list it was seen last; the watch's thread alone */
	const struct json_table *table;
	atomic_uint refs; /* the cache's is one of them */
	uint32_t hash;
	alignas(int64_t) char room[]; /* the view and all that it points to, then the item's strings */
};

struct kube_cache {
	struct kube_cache_conf c;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entry **buckets;
	size_t n, n_buckets; /* a power of two */
	bool synced;
	/* the watch's thread */
	uint64_t list;
};

/* ---- items ---- */

static struct entry *entry_of(const struct kube_item *item)
{
	return (struct entry *)item; /* NOLINT: readers see the item alone, as constant */
}

const struct kube_item *kube_item_get(const struct kube_item *item)
{
	atomic_fetch_add_explicit(&entry_of(item)->refs, 1, memory_order_relaxed);
	return item;
}

void kube_item_put(const struct kube_item *item)
{
	struct entry *t = item ? entry_of(item) : NULL;

	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (t->item.view)
		json_pack_clear(t->table, (void *)t->item.view);
	free((char *)t->item.why);
	free(t);
}

void kube_item_put_p(const struct kube_item **item)
{
	kube_item_put(*item);
	*item = NULL;
}

static uint32_t hash(const char *ns, const char *name)
{
	uint32_t h = 2166136261u;

	for (; *ns; ns++)
		h = (h ^ (unsigned char)*ns) * 16777619u;
	h = (h ^ '/') * 16777619u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h ^ h >> 15;
}

/* The strings stand behind the view, which need not have its own of those. */
static struct entry *entry_make(struct kube_cache *c, const struct kube_event *ev, const void *view)
{
	const char *ids[] = { ev->ns, ev->name, ev->uid, ev->version };
	struct json_shared shared = { ids, ARRAY_LEN(ids) };
	size_t size = view ? json_pack_size(c->c.table, view, &shared) : 0;
	struct entry *t;
	char *at;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		size += strlen(ids[i]) + 1;
	t = calloc(1, sizeof(*t) + size);
	if (!t)
		return NULL;
	at = t->room + size;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		at -= strlen(ids[i]) + 1;
		ids[i] = memcpy(at, ids[i], strlen(ids[i]) + 1);
	}
	t->item = (struct kube_item){ .ns = ids[0], .name = ids[1], .uid = ids[2], .version = ids[3] };
	if (view) {
		json_pack(c->c.table, view, &shared, t->room);
		t->item.view = t->room;
	}
	t->refs = 1;
	t->table = c->c.table;
	t->listed = c->list;
	t->hash = hash(ev->ns, ev->name);
	return t;
}

/* An object that is not as its table says is kept as one that nobody can use, with the reason. */
static int entry_new(struct kube_cache *c, const struct kube_event *ev, struct entry **ret, struct err *e)
{
	CLEANUP(free_p) char *sentence = NULL;
	void *view = calloc(1, c->c.table->size);
	struct err why;
	int r = view ? json_decode(c->c.table, ev->object, NULL, view, &why) : -ENOMEM;

	if (r < 0 && r != -ENOMEM)
		sentence = strdup(why.msg);
	*ret = r == 0 || sentence ? entry_make(c, ev, r == 0 ? view : NULL) : NULL;
	if (r == 0)
		json_clear(c->c.table, view);
	free(view);
	if (!*ret)
		return err_nomem(e);
	(*ret)->item.why = TAKE_PTR(sentence);
	return 0;
}

/* ---- the table ---- */

static struct entry **find(struct kube_cache *c, uint32_t h, const char *ns, const char *name)
{
	struct entry **at = &c->buckets[h & (c->n_buckets - 1)];

	while (*at &&
	       ((*at)->hash != h || strcmp((*at)->item.name, name) != 0 || strcmp((*at)->item.ns, ns) != 0))
		at = &(*at)->next;
	return at;
}

/* When there is no memory for it, chains get longer, that is all. */
static void grow(struct kube_cache *c)
{
	size_t n = c->n_buckets * 2;
	struct entry **new = c->n < c->n_buckets ? NULL : calloc(n, sizeof(*new));

	if (!new)
		return;
	for (size_t i = 0; i < c->n_buckets; i++) {
		struct entry *t;

		while ((t = c->buckets[i])) {
			c->buckets[i] = t->next;
			t->next = new[t->hash & (n - 1)];
			new[t->hash & (n - 1)] = t;
		}
	}
	free(c->buckets);
	c->buckets = new;
	c->n_buckets = n;
}

/* Puts now (NULL: nothing) where ns/name is, and returns what was there. */
static struct entry *swap(struct kube_cache *c, const char *ns, const char *name, struct entry *now)
{
	struct entry **at, *old;

	pthread_mutex_lock(&c->lock);
	at = find(c, hash(ns, name), ns, name);
	old = *at;
	if (now) {
		now->next = old ? old->next : NULL;
		*at = now;
		c->n += !old;
		grow(c);
	} else if (old) {
		*at = old->next;
		c->n--;
	}
	pthread_mutex_unlock(&c->lock);
	return old;
}

static void changed(struct kube_cache *c, struct entry *old, struct entry *now)
{
	if (c->c.changed && (old || now))
		c->c.changed(old ? &old->item : NULL, now ? &now->item : NULL, c->c.arg);
	kube_item_put(old ? &old->item : NULL);
}

/* ---- events ---- */

/* The watch's thread alone changes the table, so it may read it without the lock. */
static struct entry *unlisted(struct kube_cache *c, size_t *bucket)
{
	for (; *bucket < c->n_buckets; ++*bucket) {
		for (struct entry *t = c->buckets[*bucket]; t; t = t->next) {
			if (t->listed != c->list)
				return t;
		}
	}
	return NULL;
}

static void sweep(struct kube_cache *c)
{
	size_t bucket = 0;
	struct entry *t;

	while ((t = unlisted(c, &bucket)))
		changed(c, swap(c, t->item.ns, t->item.name, NULL), NULL);
	pthread_mutex_lock(&c->lock);
	c->synced = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (c->c.synced)
		c->c.synced(c->c.arg);
}

static int store(struct kube_cache *c, const struct kube_event *ev, struct err *e)
{
	struct entry *old = *find(c, hash(ev->ns, ev->name), ev->ns, ev->name), *now = NULL;
	int r;

	/* A list tells again what is known. */
	if (old && !strcmp(old->item.version, ev->version) && !strcmp(old->item.uid, ev->uid)) {
		old->listed = c->list;
		return 0;
	}
	r = entry_new(c, ev, &now, e);
	if (r < 0)
		return r;
	if (c->c.want && !c->c.want(&now->item)) {
		kube_item_put(&now->item);
		now = NULL;
	}
	changed(c, swap(c, ev->ns, ev->name, now), now);
	return 0;
}

int kube_cache_event(const struct kube_event *ev, void *cache, struct err *e)
{
	struct kube_cache *c = cache;

	switch (ev->change) {
	case KUBE_LISTING:
		c->list++;
		return 0;
	case KUBE_SYNCED:
		sweep(c);
		return 0;
	case KUBE_DELETED:
		changed(c, swap(c, ev->ns, ev->name, NULL), NULL);
		return 0;
	default:
		return store(c, ev, e);
	}
}

/* ---- readers ---- */

bool kube_cache_wait(struct kube_cache *c, struct deadline until)
{
	bool synced;

	pthread_mutex_lock(&c->lock);
	while (!c->synced && deadline_left(until))
		kube_cond_wait(&c->changed, &c->lock, until);
	synced = c->synced;
	pthread_mutex_unlock(&c->lock);
	return synced;
}

size_t kube_cache_count(struct kube_cache *c)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

const struct kube_item *kube_cache_get(struct kube_cache *c, const char *ns, const char *name)
{
	struct entry *t;

	ns = ns ? ns : "";
	pthread_mutex_lock(&c->lock);
	t = *find(c, hash(ns, name), ns, name);
	if (t)
		kube_item_get(&t->item);
	pthread_mutex_unlock(&c->lock);
	return t ? &t->item : NULL;
}

static size_t pick(struct kube_cache *c, bool (*want)(const struct kube_item *item, void *arg), void *arg,
		   struct kube_items *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_buckets; i++) {
		for (struct entry *t = c->buckets[i]; t; t = t->next) {
			if (want && !want(&t->item, arg))
				continue;
			if (ret)
				ret->v[n] = kube_item_get(&t->item);
			n++;
		}
	}
	return n;
}

int kube_cache_pick(struct kube_cache *c, bool (*want)(const struct kube_item *item, void *arg), void *arg,
		    struct kube_items *ret, struct err *e)
{
	size_t n;

	*ret = (struct kube_items){ 0 };
	pthread_mutex_lock(&c->lock);
	n = pick(c, want, arg, NULL);
	ret->v = n ? calloc(n, sizeof(const struct kube_item *)) : NULL;
	if (ret->v)
		ret->n = pick(c, want, arg, ret);
	pthread_mutex_unlock(&c->lock);
	return n && !ret->v ? err_nomem(e) : 0;
}

void kube_items_clear(struct kube_items *l)
{
	for (size_t i = 0; i < l->n; i++)
		kube_item_put(l->v[i]);
	free(l->v);
	*l = (struct kube_items){ 0 };
}

/* ---- life ---- */

int kube_cache_new(const struct kube_cache_conf *conf, struct kube_cache **ret, struct err *e)
{
	struct kube_cache *c = calloc(1, sizeof(*c));

	*ret = NULL;
	if (!c)
		return err_nomem(e);
	c->c = *conf;
	c->n_buckets = BUCKETS_MIN;
	c->buckets = calloc(c->n_buckets, sizeof(struct entry *));
	if (!c->buckets) {
		free(c);
		return err_nomem(e);
	}
	pthread_mutex_init(&c->lock, NULL);
	kube_cond_init(&c->changed);
	*ret = c;
	return 0;
}

void kube_cache_free(struct kube_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_buckets; i++) {
		struct entry *t;

		while ((t = c->buckets[i])) {
			c->buckets[i] = t->next;
			kube_item_put(&t->item);
		}
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c->buckets);
	free(c);
}
