/* SPDX-License-Identifier: Apache-2.0 */
/* pools_notes.c - what is remembered of pools between two looks */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "pools_impl.h"

static struct pools_note **find(struct pools *p, const char *name)
{
	struct pools_note **at = &p->notes[XXH3_64bits(name, strlen(name)) % POOLS_BUCKETS];

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

struct pools_note *pools_note_get(struct pools *p, const char *name, struct err *e)
{
	struct pools_note **at, *n;

	pthread_mutex_lock(&p->lock);
	at = find(p, name);
	n = *at;
	if (!n) {
		n = calloc(1, sizeof(*n) + strlen(name) + 1);
		if (n)
			memcpy(n->name, name, strlen(name) + 1);
		else
			(void)err_nomem(e);
		*at = n;
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

int64_t pools_note_records(struct pools *p, const char *name)
{
	struct pools_note *n;
	int64_t records;

	pthread_mutex_lock(&p->lock);
	n = *find(p, name);
	records = n ? n->records : 0;
	pthread_mutex_unlock(&p->lock);
	return records;
}

bool pools_note_is_at(struct pools *p, const char *name, const char *version)
{
	struct pools_note *n;
	bool is;

	pthread_mutex_lock(&p->lock);
	n = *find(p, name);
	is = n && strcmp(n->version, version) == 0;
	pthread_mutex_unlock(&p->lock);
	return is;
}

void pools_note_drop(struct pools *p, const char *name)
{
	struct pools_note **at, *n;

	pthread_mutex_lock(&p->lock);
	at = find(p, name);
	n = *at;
	if (n)
		*at = n->next;
	pthread_mutex_unlock(&p->lock);
	free(n);
}

void pools_notes_each(struct pools *p, void (*each)(struct pools_note *n, void *arg), void *arg)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < POOLS_BUCKETS; i++)
		for (struct pools_note *n = p->notes[i]; n; n = n->next)
			each(n, arg);
	pthread_mutex_unlock(&p->lock);
}

void pools_notes_clear(struct pools *p)
{
	for (size_t i = 0; i < POOLS_BUCKETS; i++) {
		struct pools_note *n;

		while ((n = p->notes[i])) {
			p->notes[i] = n->next;
			free(n);
		}
	}
}
