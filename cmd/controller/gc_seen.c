/* SPDX-License-Identifier: Apache-2.0 */
/* gc_seen.c - since when it is known that a pod is gone */
#include "gc_seen.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void gc_seen_init(struct gc_seen *s)
{
	*s = (struct gc_seen){ .cap = 0 };
	pthread_mutex_init(&s->lock, NULL);
}

void gc_seen_clear(struct gc_seen *s)
{
	pthread_mutex_destroy(&s->lock);
	free(s->slot);
	s->slot = NULL;
	s->cap = s->n = 0;
}

static struct gc_seen_slot *find(struct gc_seen_slot *slot, size_t cap, uint64_t key)
{
	size_t i = key & (cap - 1);

	while (slot[i].key && slot[i].key != key)
		i = (i + 1) & (cap - 1);
	return &slot[i];
}

/* Into a table of cap slots; what is older than before stays behind. */
static void rehash(struct gc_seen *s, size_t cap, int64_t before)
{
	struct gc_seen_slot *slot = calloc(cap, sizeof(*slot));
	size_t n = 0;

	if (!slot)
		return;
	for (size_t i = 0; i < s->cap; i++) {
		if (!s->slot[i].key || s->slot[i].since < before)
			continue;
		*find(slot, cap, s->slot[i].key) = s->slot[i];
		n++;
	}
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
	s->n = n;
}

static uint64_t key_of(const char *ns, const char *name, const char *uid)
{
	uint64_t key = XXH3_64bits_withSeed(ns, strlen(ns), XXH3_64bits(uid, strlen(uid)));

	return XXH3_64bits_withSeed(name, strlen(name), key) | 1;
}

int64_t gc_seen_gone(struct gc_seen *s, const char *ns, const char *name, const char *uid, int64_t at_most)
{
	uint64_t key = key_of(ns, name, uid);
	struct gc_seen_slot *at;

	pthread_mutex_lock(&s->lock);
	if (2 * (s->n + 1) > s->cap)
		rehash(s, s->cap ? 2 * s->cap : 64, INT64_MIN);
	if (2 * (s->n + 1) <= s->cap) {
		at = find(s->slot, s->cap, key);
		if (!at->key) {
			*at = (struct gc_seen_slot){ key, at_most };
			s->n++;
		}
		if (at_most < at->since)
			at->since = at_most;
		at_most = at->since;
	}
	pthread_mutex_unlock(&s->lock);
	return at_most;
}

int64_t gc_seen_known(struct gc_seen *s, const char *ns, const char *name, const char *uid)
{
	const struct gc_seen_slot *at;
	int64_t since = 0;

	pthread_mutex_lock(&s->lock);
	if (s->cap) {
		at = find(s->slot, s->cap, key_of(ns, name, uid));
		since = at->key ? at->since : 0;
	}
	pthread_mutex_unlock(&s->lock);
	return since;
}

void gc_seen_prune(struct gc_seen *s, int64_t before)
{
	size_t cap = 64, left = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->cap; i++)
		left += s->slot[i].key && s->slot[i].since >= before;
	while (cap < 4 * left)
		cap *= 2;
	if (left < s->n)
		rehash(s, cap, before);
	pthread_mutex_unlock(&s->lock);
}
