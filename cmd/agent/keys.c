/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - one call of a pod at a time; containers that had DEL */
#include "keys.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "kube/thread.h"

struct key {
	struct key *next;
	char *ns, *pod;
};

struct gone {
	uint64_t hash;
	int64_t at; /* monotonic ms */
};

struct keys {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct key *held;
	struct gone *gone; /* a ring */
	size_t n_gone, next_gone;
};

int keys_new(struct keys **ret, struct err *e)
{
	struct keys *k = calloc(1, sizeof(*k));

	if (!k)
		return err_nomem(e);
	pthread_mutex_init(&k->lock, NULL);
	kube_cond_init(&k->changed);
	*ret = k;
	return 0;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	free(k->gone);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct key **find(struct keys *k, const char *ns, const char *pod)
{
	struct key **at = &k->held;

	while (*at && (strcmp((*at)->ns, ns) != 0 || strcmp((*at)->pod, pod) != 0))
		at = &(*at)->next;
	return at;
}

static void key_free(struct key *key)
{
	if (!key)
		return;
	free(key->ns);
	free(key->pod);
	free(key);
}

int keys_lock(struct keys *k, const char *ns, const char *pod, struct deadline until, struct err *e)
{
	struct key *key = calloc(1, sizeof(*key));
	int r = 0;

	if (key) {
		key->ns = strdup(ns);
		key->pod = strdup(pod);
	}
	if (!key || !key->ns || !key->pod) {
		key_free(key);
		return err_nomem(e);
	}
	pthread_mutex_lock(&k->lock);
	while (*find(k, ns, pod) && deadline_left(until) > 0)
		kube_cond_wait(&k->changed, &k->lock, until);
	if (*find(k, ns, pod)) {
		r = err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "pod %s/%s: another call for it is still under way",
			     ns, pod);
		key_free(key);
	} else {
		key->next = k->held;
		k->held = key;
	}
	pthread_mutex_unlock(&k->lock);
	return r;
}

void keys_unlock(struct keys *k, const char *ns, const char *pod)
{
	struct key **at, *key;

	pthread_mutex_lock(&k->lock);
	at = find(k, ns, pod);
	key = *at;
	if (key)
		*at = key->next;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	key_free(key);
}

static uint64_t hash_of(const char *container, const char *nic)
{
	return XXH3_64bits_withSeed(nic, strlen(nic), XXH3_64bits(container, strlen(container)));
}

void keys_gone(struct keys *k, const char *container, const char *nic)
{
	pthread_mutex_lock(&k->lock);
	if (!k->gone)
		k->gone = calloc(KEYS_GONE_MAX, sizeof(*k->gone)); /* pages are taken as they fill */
	if (k->gone) {
		k->gone[k->next_gone] = (struct gone){ hash_of(container, nic), clock_mono_ms() };
		k->next_gone = (k->next_gone + 1) % KEYS_GONE_MAX;
		if (k->n_gone < KEYS_GONE_MAX)
			k->n_gone++;
	}
	pthread_mutex_unlock(&k->lock);
}

bool keys_is_gone(struct keys *k, const char *container, const char *nic)
{
	uint64_t hash = hash_of(container, nic);
	int64_t oldest = clock_mono_ms() - KEYS_GONE_MS;
	bool ret = false;

	pthread_mutex_lock(&k->lock);
	/* Newest first: what is too old ends the search. */
	for (size_t i = 0; i < k->n_gone && !ret; i++) {
		const struct gone *g = &k->gone[(k->next_gone + KEYS_GONE_MAX - 1 - i) % KEYS_GONE_MAX];

		if (g->at < oldest)
			break;
		ret = g->hash == hash;
	}
	pthread_mutex_unlock(&k->lock);
	return ret;
}
