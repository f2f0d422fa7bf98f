/* SPDX-License-Identifier: Apache-2.0 */
/* app_wait.c - what waits for a subnet */
#include "app_wait.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"

struct waiter {
	struct waiter *next;
	enum app_wait what;
	struct ip_prefix subnet;
	char key[];
};

struct rest {
	struct rest *next;
	int64_t until; /* monotonic */
	struct ip_set set;
};

struct app_waits {
	pthread_mutex_t lock;
	struct waiter *first;
	struct rest *rests;
};

int app_waits_new(struct app_waits **ret, struct err *e)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return err_nomem(e);
	pthread_mutex_init(&(*ret)->lock, NULL);
	return 0;
}

static void rest_drop(struct rest **at)
{
	struct rest *r = *at;

	*at = r->next;
	ip_set_clear(&r->set);
	free(r);
}

void app_waits_free(struct app_waits *w)
{
	struct waiter *t;

	if (!w)
		return;
	while ((t = w->first)) {
		w->first = t->next;
		free(t);
	}
	while (w->rests)
		rest_drop(&w->rests);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* ---- applications ---- */

/* Where it is in the list, or the list's end. key NULL: any. Locked. */
static struct waiter **find_waiter(struct app_waits *w, enum app_wait what, struct ip_prefix subnet,
				   const char *key)
{
	struct waiter **at = &w->first;

	while (*at && ((*at)->what != what || !ip_prefix_equal((*at)->subnet, subnet) ||
		       (key && strcmp((*at)->key, key) != 0)))
		at = &(*at)->next;
	return at;
}

bool app_wait(struct app_waits *w, enum app_wait what, struct ip_prefix subnet, const char *key)
{
	size_t len = strlen(key) + 1;
	struct waiter **at, *t = NULL;

	pthread_mutex_lock(&w->lock);
	at = find_waiter(w, what, subnet, key);
	if (!*at && (t = malloc(sizeof(*t) + len))) {
		*t = (struct waiter){ NULL, what, subnet };
		memcpy(t->key, key, len);
		*at = t;
	}
	pthread_mutex_unlock(&w->lock);
	return t;
}

/* Taken out, or NULL. */
static struct waiter *take_waiter(struct app_waits *w, enum app_wait what, struct ip_prefix subnet,
				  const char *key)
{
	struct waiter **at, *t;

	pthread_mutex_lock(&w->lock);
	at = find_waiter(w, what, subnet, key);
	t = *at;
	if (t)
		*at = t->next;
	pthread_mutex_unlock(&w->lock);
	return t;
}

void app_wait_end(struct app_waits *w, enum app_wait what, struct ip_prefix subnet, const char *key)
{
	free(take_waiter(w, what, subnet, key));
}

void app_wake_one(struct app_waits *w, enum app_wait what, struct ip_prefix subnet,
		  void (*wake)(const char *key, void *arg), void *arg)
{
	struct waiter *t = take_waiter(w, what, subnet, NULL);

	if (t)
		wake(t->key, arg);
	free(t);
}

void app_wake(struct app_waits *w, enum app_wait what, struct ip_prefix changed,
	      void (*wake)(const char *key, void *arg), void *arg)
{
	struct waiter *woken = NULL, *t;

	pthread_mutex_lock(&w->lock);
	for (struct waiter **at = &w->first; *at;) {
		t = *at;
		if (t->what != what || !ip_prefix_overlaps(t->subnet, changed)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = woken;
		woken = t;
	}
	pthread_mutex_unlock(&w->lock);
	while ((t = woken)) {
		woken = t->next;
		wake(t->key, arg);
		free(t);
	}
}

/* ---- addresses ---- */

int app_rest(struct app_waits *w, const struct ip_set *dropped, struct err *e)
{
	struct rest *t;

	if (!dropped->n)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem(e);
	if (ip_set_copy(dropped, &t->set, e) < 0) {
		free(t);
		return -e->sys;
	}
	t->until = clock_mono_ms() + APP_REST_MS;
	pthread_mutex_lock(&w->lock);
	t->next = w->rests;
	w->rests = t;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int app_resting(struct app_waits *w, uint8_t ver, struct ip_set *out, struct err *e)
{
	int64_t now = clock_mono_ms();
	int r = 0;

	*out = (struct ip_set){ .ver = ver };
	pthread_mutex_lock(&w->lock);
	for (struct rest **at = &w->rests; *at && r == 0;) {
		if ((*at)->until <= now) {
			rest_drop(at);
			continue;
		}
		if ((*at)->set.ver == ver)
			r = ip_set_add_set(out, &(*at)->set, e);
		at = &(*at)->next;
	}
	pthread_mutex_unlock(&w->lock);
	if (r < 0)
		ip_set_clear(out);
	return r;
}
