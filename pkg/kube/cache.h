/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what a watch has seen, for any number of readers
 *
 * An item never changes: a change of its object makes another item. Readers take references and may keep them
 * as long as they like. What is kept of an object is a struct that a field table describes (views.h, or the
 * tables of pkg/api), not its text.
 *
 *	kube_cache_new(&(struct kube_cache_conf){ .table = &kube_pod_table }, &c, e);
 *	kube_watch_start(&(struct kube_watch_conf){ ..., .event = kube_cache_event, .arg = c }, &w, e);
 */
#ifndef KUBE_CACHE_H
#define KUBE_CACHE_H

#include "base/clock.h"
#include "json/json.h"
#include "kube/watch.h"

struct kube_item {
	const char *ns, *name, *uid, *version; /* never NULL */
	const void *view; /* of the cache's table; NULL: it could not be decoded, and ... */
	const char *why;  /* ... the sentence that says why */
};

struct kube_cache; /* opaque */

struct kube_cache_conf {
	const struct json_table *table;
	/* Objects for which it says false, also those that could not be decoded, are as if they were not
	 * there. NULL: none. */
	bool (*want)(const struct kube_item *item);
	/* What changed, on the watch's thread, after readers can see it: old NULL: new; now NULL: gone; both
	 * lent. May be NULL. */
	void (*changed)(const struct kube_item *old, const struct kube_item *now, void *arg);
	/* The first list is in, or another one. May be NULL. */
	void (*synced)(void *arg);
	void *arg;
};

int kube_cache_new(const struct kube_cache_conf *c, struct kube_cache **ret, struct err *e);
/* The watch must have been stopped; items live on with their references. Accepts NULL. */
void kube_cache_free(struct kube_cache *c);
/* For kube_watch_conf.event, with the cache as its arg. */
int kube_cache_event(const struct kube_event *ev, void *cache, struct err *e);

/* Whether the first list is in; waits for it. */
bool kube_cache_wait(struct kube_cache *c, struct deadline until);
size_t kube_cache_count(struct kube_cache *c);
/* A reference, or NULL. ns "" or NULL: none. */
const struct kube_item *kube_cache_get(struct kube_cache *c, const char *ns, const char *name);

struct kube_items {
	const struct kube_item **v;
	size_t n;
};
/* References to all that want() (NULL: everything), in no order. want() is called with the cache locked. */
int kube_cache_pick(struct kube_cache *c, bool (*want)(const struct kube_item *item, void *arg), void *arg,
		    struct kube_items *ret, struct err *e);
void kube_items_clear(struct kube_items *l);

const struct kube_item *kube_item_get(const struct kube_item *item); /* another reference */
void kube_item_put(const struct kube_item *item);                    /* accepts NULL */
void kube_item_put_p(const struct kube_item **item);

#endif
