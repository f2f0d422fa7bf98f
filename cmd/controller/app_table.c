/* SPDX-License-Identifier: Apache-2.0 */
/* app_table.c - applications by key */
#include "app_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define BUCKETS 512 /* chains grow beyond it */

struct entry {
	struct entry *next;
	struct app a;
	uint64_t list;
	char key[];
};

struct app_table {
	pthread_mutex_t lock;
	struct entry *bucket[BUCKETS];
};

static struct entry **find(struct app_table *t, const char *key)
{
	uint32_t h = 2166136261u;
	struct entry **at;

	for (const char *s = key; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	at = &t->bucket[(h ^ h >> 16) % BUCKETS];
	while (*at && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	return at;
}

static void drop(struct entry **at)
{
	struct entry *en = *at;

	*at = en->next;
	app_clear(&en->a);
	free(en);
}

static bool same_app(const struct app *a, const struct app *b)
{
	return !strcmp(a->uid, b->uid) && !strcmp(a->api_version, b->api_version) &&
	       a->deleting == b->deleting && a->replicas == b->replicas &&
	       app_annotations_equal(&a->annotations, &b->annotations);
}

int app_table_new(struct app_table **ret, struct err *e)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return err_nomem(e);
	pthread_mutex_init(&(*ret)->lock, NULL);
	return 0;
}

void app_table_free(struct app_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (t->bucket[i])
			drop(&t->bucket[i]);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int app_table_get(struct app_table *t, const char *key, struct app *ret, struct err *e)
{
	struct entry *en;
	int r = 0;

	*ret = (struct app){ 0 };
	pthread_mutex_lock(&t->lock);
	en = *find(t, key);
	if (en)
		r = app_copy(&en->a, ret, e) < 0 ? -e->sys : 1;
	pthread_mutex_unlock(&t->lock);
	return r;
}

int app_table_put(struct app_table *t, const char *key, struct app *a, uint64_t list, struct err *e)
{
	struct entry **at, *en;
	int r = 1;

	pthread_mutex_lock(&t->lock);
	at = find(t, key);
	en = *at;
	if (!en) {
		en = calloc(1, sizeof(*en) + strlen(key) + 1);
		if (en)
			memcpy(en->key, key, strlen(key) + 1);
		*at = en;
	} else {
		r = !same_app(&en->a, a);
	}
	if (en) {
		app_clear(&en->a);
		en->a = *a;
		en->list = list;
		*a = (struct app){ 0 };
	} else {
		r = err_nomem(e);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool app_table_has(struct app_table *t, const char *key)
{
	bool has;

	pthread_mutex_lock(&t->lock);
	has = *find(t, key) != NULL;
	pthread_mutex_unlock(&t->lock);
	return has;
}

bool app_table_drop(struct app_table *t, const char *key)
{
	struct entry **at;
	bool had;

	pthread_mutex_lock(&t->lock);
	at = find(t, key);
	had = *at;
	if (had)
		drop(at);
	pthread_mutex_unlock(&t->lock);
	return had;
}

/* Taken out, or NULL. */
static struct entry *take_older(struct app_table *t, enum app_kind kind, uint64_t list)
{
	struct entry *en = NULL;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < BUCKETS && !en; i++) {
		for (struct entry **at = &t->bucket[i]; *at && !en; at = &(*at)->next) {
			if ((*at)->a.kind_id != kind || (*at)->list >= list)
				continue;
			en = *at;
			*at = en->next;
			break;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return en;
}

void app_table_sweep(struct app_table *t, enum app_kind kind, uint64_t list,
		     void (*gone)(const char *key, void *arg), void *arg)
{
	struct entry *en;

	while ((en = take_older(t, kind, list))) {
		en->next = NULL;
		gone(en->key, arg);
		drop(&en);
	}
}

void app_table_each(struct app_table *t, void (*each)(const char *key, void *arg), void *arg)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct entry *en = t->bucket[i]; en; en = en->next)
			each(en->key, arg);
	pthread_mutex_unlock(&t->lock);
}
