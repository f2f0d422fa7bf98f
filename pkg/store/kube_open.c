/* SPDX-License-Identifier: Apache-2.0 */
/* kube_open.c - the hub: what all sessions of a process share */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/own.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

#define RECALL_MS 30000

static int start_threads(struct store_kube *h, struct err *e)
{
	int r = kube_thread(&h->settler, kube_settler, h, e);

	if (r < 0)
		return r;
	h->n_threads++;
	for (size_t i = 0; r == 0 && i < KUBE_WRITERS; i++) {
		r = kube_thread(&h->writer[i], kube_writer, h, e);
		h->n_threads += r == 0;
	}
	return r;
}

static int start(struct store_kube *h, struct err *e)
{
	int r = local_open(h, e);

	if (r == 0 && !hub_is_tool(h))
		r = endpoint_recall(h, deadline_in(RECALL_MS), e);
	if (r == 0)
		r = start_threads(h, e);
	if (r == 0 && !hub_is_tool(h))
		r = follow_start(h, e);
	return r;
}

int store_kube_open(const struct store_kube_conf *c, struct store_kube **ret, struct err *e)
{
	struct store_kube *h = calloc(1, sizeof(*h));
	int r;

	*ret = NULL;
	if (!h)
		return err_nomem(e);
	h->conf = *c;
	h->k = c->k;
	h->dirfd = -1;
	h->node = strdup(c->node);
	h->dir = c->dir ? strdup(c->dir) : NULL;
	pthread_mutex_init(&h->lock, NULL);
	kube_cond_init(&h->changed);
	kube_cond_init(&h->jobs);
	kube_cond_init(&h->settle);
	r = h->node && (h->dir || !c->dir) ? start(h, e) : err_nomem(e);
	if (r < 0) {
		store_kube_close(h, deadline_in(0));
		return r;
	}
	*ret = h;
	return 0;
}

static void wake_threads(struct store_kube *h)
{
	pthread_cond_broadcast(&h->changed);
	pthread_cond_broadcast(&h->jobs);
	pthread_cond_broadcast(&h->settle);
}

static void stop_threads(struct store_kube *h)
{
	hub_lock(h);
	h->stopping = true;
	wake_threads(h);
	hub_unlock(h);
	if (h->n_threads)
		pthread_join(h->settler, NULL);
	for (size_t i = 1; i < h->n_threads; i++)
		pthread_join(h->writer[i - 1], NULL);
}

void store_kube_close(struct store_kube *h, struct deadline until)
{
	if (!h)
		return;
	follow_stop(h);
	hub_lock(h);
	h->closing = true;
	wake_threads(h);
	while ((h->n_jobs || h->orphans) && h->n_threads && deadline_left(until) > 0)
		kube_cond_wait(&h->changed, &h->lock, until);
	hub_unlock(h);
	stop_threads(h);
	while (h->orphans) {
		struct kube_txn *t = h->orphans;

		/* What is not settled is on disk, and is at the next start. */
		h->orphans = t->next;
		for (struct rec_change *c = t->changes; c; c = c->sibling)
			if (c->state == CHANGE_WAITS)
				c->block->first = c->block->last = NULL;
		txn_free(h, t);
	}
	blocks_free(h);
	shelf_clear(&h->pools);
	shelf_clear(&h->reserved);
	shelf_clear(&h->local[0]);
	shelf_clear(&h->local[1]);
	shelf_clear(&h->endpoints);
	shelf_clear(&h->intents);
	close_p(&h->dirfd);
	free(h->node);
	free(h->dir);
	pthread_cond_destroy(&h->changed);
	pthread_cond_destroy(&h->jobs);
	pthread_cond_destroy(&h->settle);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

bool store_kube_wait(struct store_kube *h, struct deadline until)
{
	bool in;

	hub_lock(h);
	while (!(h->pools_in && h->reserved_in) && deadline_left(until) > 0)
		kube_cond_wait(&h->changed, &h->lock, until);
	in = h->pools_in && h->reserved_in;
	hub_unlock(h);
	return in;
}

struct node_blocks {
	struct store_kube *h;
	int (*each)(const struct store_obj *o, void *arg, struct err *e);
	void *arg;
};

static int node_block(struct json_object *o, void *arg, struct err *e)
{
	struct node_blocks *x = arg;
	const char *text = block_records(o);
	const struct store_obj obj = {
		.ns = "", .name = kube_meta(o, "name"), .data = text, .len = strlen(text)
	};

	return obj.name ? x->each(&obj, x->arg, e) : 0;
}

int store_kube_node_blocks(struct store_kube *h, struct deadline until,
			   int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg,
			   struct err *e)
{
	char label[sizeof(STORE_KUBE_NODE_LABEL) + API_LABEL_MAX], value[API_LABEL_MAX];
	struct node_blocks x = { h, each, arg };
	struct kube_op op = {
		.res = object_resource(STORE_BLOCK), .until = until, .labels = label, .page = 50
	};
	const struct kube_lister l = { .each = node_block, .arg = &x };

	snprintf(label, sizeof(label), "%s%s", STORE_KUBE_NODE_LABEL, api_label_value(h->node, value));
	return kube_list(h->k, &op, &l, NULL, e);
}

int64_t store_kube_skew(struct store_kube *h)
{
	int64_t ms;

	hub_lock(h);
	ms = h->skew_ms;
	hub_unlock(h);
	return ms;
}

size_t store_kube_behind(struct store_kube *h)
{
	size_t n;

	hub_lock(h);
	n = h->n_jobs;
	hub_unlock(h);
	return n;
}

void store_kube_stats(struct store_kube *h, struct store_kube_stats *ret)
{
	hub_lock(h);
	*ret = h->stats;
	for (const struct kube_txn *t = h->orphans; t; t = t->next)
		ret->orphans++;
	hub_unlock(h);
}
