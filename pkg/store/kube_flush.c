/* SPDX-License-Identifier: Apache-2.0 */
/* kube_flush.c - reading and writing blocks: who comes first writes for all that wait */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/block.h"
#include "base/own.h"
#include "json/json.h"
#include "kube/retry.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

#define IDLE_MS         1000
#define CONFLICT_MAX_MS 100
#define RETRY_AFTER_MAX 30000

static const struct kube_resource *blocks(void)
{
	return &kube_resources[KUBE_SPIDERIPBLOCKS];
}

static void note_clock(struct store_kube *h, const struct kube_answer *a)
{
	int64_t ahead;

	if (!a->date_ms)
		return;
	/* The server tells whole seconds, cut off. */
	ahead = a->date_ms + 500 - clock_wall_ms();
	h->skew_ms = ahead > -1500 && ahead < 1500 ? 0 : ahead;
}

/* What is written is for all that wait: who writes gives it a fair time even when his own is up. */
static struct deadline attempt(struct deadline until)
{
	int64_t left = deadline_left(until);

	return deadline_in(left < KUBE_ATTEMPT_LEAST_MS ? KUBE_ATTEMPT_LEAST_MS
			   : left > KUBE_ATTEMPT_MS     ? KUBE_ATTEMPT_MS
							: left);
}

/* ---- reading ---- */

static bool is_ours(const struct store_kube *h, const struct kube_block *b)
{
	char node[256];

	if (!b->line) /* not kept: it may be */
		return true;
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		if (!b->line[i])
			continue;
		line_node(b->line[i], node);
		if (node[0] && strcmp(node, h->node) == 0)
			return true;
	}
	return false;
}

static uint64_t number(const char *rv)
{
	return rv ? strtoull(rv, NULL, 10) : 0;
}

/* Of an answer to what was asked when before was the newest: a write's must be higher. */
static void note_version(struct store_kube *h, uint64_t version, uint64_t before)
{
	if (version > before) {
		h->newest = version > h->newest ? version : h->newest;
	} else {
		h->newest = version;
		hub_set_back(h);
	}
}

static int take(struct store_kube *h, struct kube_block *b, struct json_object *tree, struct err *e)
{
	const char *rv = tree ? kube_meta(tree, "resourceVersion") : NULL;
	bool vanished = b->exists && !tree && is_ours(h, b),
	     back = b->exists && rv && number(rv) < number(b->rv);
	char name[IP_BLOCK_NAME_MAX], sentence[256];
	int r = block_take(h, b, tree ? block_records(tree) : NULL, rv, e);

	ip_block_name(b->ver, b->index, name);
	if (r == -EBADMSG) {
		b->damaged = true;
		b->known = false; /* nobody plans on what it was before */
		e->sys = EUCLEAN;
	}
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s", name);
	full_note(h, b);
	snprintf(sentence, sizeof(sentence),
		 "SpiderIPBlock %s %s; what pods of this node have of it is claimed again", name,
		 vanished ? "has vanished" : "was changed by somebody else");
	if (back)
		hub_set_back(h);
	else if (vanished || r > 0 || b->damaged)
		hub_lost(h, vanished, sentence);
	b->damaged = false;
	if (number(rv) > h->newest)
		h->newest = number(rv);
	return 0;
}

/* A block was read or written. */
static void tell(struct store_kube *h)
{
	pthread_cond_broadcast(&h->changed);
	if (h->orphans)
		pthread_cond_signal(&h->settle);
}

/* By the only one who reads or writes the block. */
static int fetch(struct store_kube *h, struct kube_block *b, struct deadline until, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	char name[IP_BLOCK_NAME_MAX];
	struct kube_op op = { .res = blocks(),
			      .name = ip_block_name(b->ver, b->index, name),
			      .until = deadline_min(until, deadline_in(KUBE_ATTEMPT_MS)) };
	uint64_t asked = ++h->seq;
	int r;

	b->refs++;
	b->loading = true;
	h->stats.reads++;
	hub_unlock(h);
	r = kube_get(h->k, &op, &tree, e);
	hub_lock(h);
	note_clock(h, &op.answer);
	b->loading = false;
	b->refs--;
	if (r == 0 || r == -ENOENT)
		r = take(h, b, tree, e);
	if (r == 0)
		b->as_of = asked;
	tell(h);
	return r;
}

static int late(struct err *e)
{
	return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "kube-apiserver has not answered in time");
}

int block_reload(struct store_kube *h, struct kube_block *b, struct deadline until, struct err *e)
{
	int r;

	b->refs++;
	while ((b->loading || b->flushing) && deadline_left(until) > 0)
		kube_cond_wait(&h->changed, &h->lock, until);
	r = b->loading || b->flushing ? late(e) : fetch(h, b, until, e);
	b->refs--;
	return r;
}

int block_load(struct store_kube *h, struct kube_block *b, struct deadline until, struct err *e)
{
	int r = 0;

	b->refs++;
	while (b->loading && deadline_left(until) > 0)
		kube_cond_wait(&h->changed, &h->lock, until);
	if (!b->known && b->loading)
		r = late(e);
	else if (!b->known)
		r = fetch(h, b, until, e);
	b->refs--;
	return r;
}

/* ---- writing ---- */

static int add_labels(struct json_object *meta, const char *line[IP_BLOCK_SIZE], bool full, struct err *e)
{
	struct json_object *labels = json_object_new_object();
	char node[256], last[256] = "", value[API_LABEL_MAX],
			key[sizeof(STORE_KUBE_NODE_LABEL) + API_LABEL_MAX];
	int r = labels ? 0 : err_nomem(e);

	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++) {
		if (!line[i])
			continue;
		line_node(line[i], node);
		if (!node[0] || !strcmp(node, last))
			continue;
		memcpy(last, node, strlen(node) + 1);
		snprintf(key, sizeof(key), "%s%s", STORE_KUBE_NODE_LABEL, api_label_value(node, value));
		r = json_set_str(labels, key, "", e);
	}
	if (r == 0 && full)
		r = json_set_str(labels, STORE_KUBE_FULL_LABEL, "true", e);
	if (r < 0) {
		json_object_put(labels);
		return r;
	}
	return json_set(meta, "labels", labels, e);
}

static int add_meta(struct json_object *o, const struct kube_block *b, const char *line[IP_BLOCK_SIZE],
		    bool full, const char *fence, struct err *e)
{
	struct json_object *meta = json_object_new_object();
	char name[IP_BLOCK_NAME_MAX];
	int r = json_set(o, "metadata", meta, e);

	if (r == 0)
		r = json_set_str(meta, "name", ip_block_name(b->ver, b->index, name), e);
	if (r == 0 && b->exists)
		r = json_set_str(meta, "resourceVersion", b->rv, e);
	if (r == 0 && fence) {
		struct json_object *notes = json_object_new_object();

		r = json_set(meta, "annotations", notes, e);
		if (r == 0)
			r = json_set_str(notes, "ipam.spidernet.io/fence", fence, e);
	}
	return r < 0 ? r : add_labels(meta, line, full, e);
}

/* The block with what is being sent. */
static int body(const struct kube_block *b, const char *fence, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(buf_clear) struct buf records = BUF_INIT(BLOCK_TEXT_MAX);
	const char *line[IP_BLOCK_SIZE];
	struct ip_prefix cidr = { { b->ver, b->index << IP_BLOCK_BITS },
				  (uint8_t)(ip_bits(b->ver) - IP_BLOCK_BITS) };
	struct json_object *spec = json_object_new_object();
	const struct rec_change *c;
	char text[IP_TEXT_MAX];
	int r;

	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		line[i] = b->line[i];
	for (c = b->first; c && c->sending; c = c->next)
		line[c->slot] = c->post;
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		if (line[i])
			buf_str(&records, line[i]);
	r = o ? json_set(o, "spec", spec, e) : err_nomem(e);
	if (r == 0)
		r = json_set_str(o, "apiVersion", API_VERSION, e);
	if (r == 0)
		r = json_set_str(o, "kind", blocks()->kind, e);
	if (r == 0)
		r = add_meta(o, b, line, !c && b->free_at == INT64_MAX, fence, e); /* free_at is of all */
	if (r == 0)
		r = json_set(spec, "ipVersion", json_object_new_int(b->ver), e);
	if (r == 0)
		r = json_set_str(spec, "cidr", ip_prefix_format(cidr, text), e);
	if (r == 0 && records.len) /* an API server built with a new Go takes no "" for a text */
		r = json_set_str(spec, "records", buf_cstr(&records), e);
	return r < 0 ? r : json_print(o, false, out, e);
}

/* Without the lock. rv: of the block as it is now. */
static int put(struct store_kube *h, const char *name, bool exists, const struct buf *text,
	       struct deadline until, enum kube_outcome *outcome, char rv[KUBE_VERSION_MAX],
	       struct kube_answer *answer, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_op op = { .res = blocks(), .name = name, .until = attempt(until), .metadata_only = true };
	int r = exists ? kube_update(h->k, &op, text->s, text->len, &tree, e)
		       : kube_create(h->k, &op, text->s, text->len, &tree, e);
	const char *version = tree ? kube_meta(tree, "resourceVersion") : NULL;

	*outcome = r < 0 && op.answer.status / 100 == 2 ? KUBE_UNKNOWN : op.answer.outcome; /* unreadable */
	*answer = op.answer;
	if (r == 0 && !version) {
		*outcome = KUBE_UNKNOWN;
		return err_code(e, ERR_TRY_AGAIN, EBADMSG, "the answer has no resourceVersion");
	}
	snprintf(rv, KUBE_VERSION_MAX, "%s", version ? version : "");
	return r;
}

static void unsend(struct kube_block *b, bool maybe)
{
	for (struct rec_change *c = b->first; c; c = c->next) {
		c->maybe |= c->sending && maybe;
		c->sending = false;
	}
}

static void back_off(struct kube_block *b, int64_t base, int64_t max)
{
	b->failures++;
	b->not_before = clock_mono_ms() + kube_backoff(b->failures, base, max);
}

/* Not for want of rights: a server that starts knows none of them yet, and what lasts is said at the caller's
 * deadline. */
static bool is_refusal(int r)
{
	return r == -EINVAL || r == -EFBIG || r == -EOPNOTSUPP || r == -EMSGSIZE;
}

/* The server does not want it: one by one, to find whom it does not want. */
static void refused(struct store_kube *h, struct kube_block *b, const struct err *why)
{
	struct kube_txn *t = b->first ? b->first->txn : NULL; /* NULL: a fence alone */
	bool many = false;

	for (const struct rec_change *c = b->first; c && c->sending; c = c->next)
		many |= c->txn != t;
	unsend(b, false);
	if (many)
		b->one_by_one = true;
	for (struct rec_change *c = b->first; c && !many; c = c->next)
		c->maybe &= c->txn != t; /* nor would it want what was sent before */
	if (t && !many)
		txn_fail(h, t, why);
	back_off(b, 10, 2000);
}

/* The server says how long it wants to be left alone. */
static void leave_alone(struct kube_block *b, const struct kube_answer *a)
{
	int64_t ms = a->retry_after_ms < RETRY_AFTER_MAX ? a->retry_after_ms : RETRY_AFTER_MAX;

	if (b->not_before < clock_mono_ms() + ms)
		b->not_before = clock_mono_ms() + ms;
}

static int after_write(struct store_kube *h, struct kube_block *b, int r, enum kube_outcome outcome,
		       const struct kube_answer *a, const char *rv, struct deadline until, struct err *e)
{
	bool created = !b->exists;

	if (r == 0) {
		h->stats.writes++;
		b->failures = 0;
		b->not_before = 0;
		b->one_by_one = false;
		block_settle(h, b, rv);
		full_note(h, b);
		return 0;
	}
	if (outcome == KUBE_UNKNOWN) {
		h->stats.unknown++;
		unsend(b, true);
		back_off(b, 50, 2000);
		leave_alone(b, a);
		return r;
	}
	if (r == -ESTALE || r == -EEXIST || (r == -ENOENT && !created)) {
		h->stats.conflicts++;
		back_off(b, 4, CONFLICT_MAX_MS);
		/* Sent and refused, so it is not there: but what was sent before may be. */
		r = fetch(h, b, until, e);
		if (r < 0)
			unsend(b, false);
		return r;
	}
	if (is_refusal(r) || r == -ENOENT) {
		refused(h, b, e);
		return r;
	}
	unsend(b, false);
	back_off(b, 50, 2000);
	leave_alone(b, a);
	return r;
}

static int flush(struct store_kube *h, struct kube_block *b, const char *fence, struct deadline until,
		 struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_txn *only = b->first && b->one_by_one ? b->first->txn : NULL;
	char name[IP_BLOCK_NAME_MAX], rv[KUBE_VERSION_MAX];
	struct kube_answer answer = { 0 };
	enum kube_outcome outcome = KUBE_NOT_SENT;
	bool exists = b->exists;
	uint64_t asked = ++h->seq, newest = h->newest;
	double start = clock_mono_s();
	int r;

	ip_block_name(b->ver, b->index, name);
	b->flushing = true;
	h->n_flushing++;
	for (struct rec_change *c = b->first; c && (!only || c->txn == only); c = c->next)
		c->sending = true;
	r = b->known ? body(b, fence, &text, e) : block_load(h, b, until, e);
	if (r == 0 && text.len) {
		hub_unlock(h);
		r = put(h, name, exists, &text, until, &outcome, rv, &answer, e);
		hub_lock(h);
		note_clock(h, &answer);
		if (r == 0) {
			b->as_of = asked;
			note_version(h, number(rv), newest);
		}
		r = after_write(h, b, r, outcome, &answer, rv, until, e);
		if (h->conf.wrote)
			h->conf.wrote(clock_mono_s() - start, h->conf.arg);
	} else {
		unsend(b, false);
		if (r == -EUCLEAN)
			back_off(b, 50, 2000);
	}
	b->flushing = false;
	h->n_flushing--;
	h->flushed_at = clock_mono_ms();
	tell(h);
	return r < 0 ? err_wrap(e, "SpiderIPBlock %s", name) : 0;
}

/* ---- transactions ---- */

/* A block of t that can be written now; else when the next one can. */
static struct kube_block *ready(const struct kube_txn *t, struct deadline *next)
{
	int64_t now = clock_mono_ms();

	for (const struct rec_change *c = t->changes; c; c = c->sibling) {
		if (c->state != CHANGE_WAITS || c->block->flushing || c->block->loading)
			continue;
		if (c->block->not_before <= now)
			return c->block;
		*next = deadline_min(*next, (struct deadline){ c->block->not_before });
	}
	return NULL;
}

/* Writes one of its blocks, or waits for something to happen. */
static void step(struct store_kube *h, struct kube_txn *t, struct deadline until, struct err *last)
{
	struct deadline next = until;
	struct kube_block *b = ready(t, &next);

	if (b)
		(void)flush(h, b, NULL, until, last);
	else
		kube_cond_wait(&h->changed, &h->lock, next);
}

int txn_await(struct store_kube *h, struct kube_txn *t, struct deadline until, struct err *e)
{
	struct err last = { 0 };

	while (t->waiting && !t->failed) {
		if (deadline_left(until) == 0)
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
					"kube-apiserver did not take it in time%s%.900s",
					last.msg[0] ? ": " : "", last.msg);
		step(h, t, until, &last);
	}
	if (!t->failed)
		return 0;
	*e = t->why;
	return -t->why.sys;
}

void txn_orphan(struct store_kube *h, struct kube_txn *t)
{
	struct err e;

	err_code(&e, ERR_TRY_AGAIN, ETIMEDOUT, "given up");
	if (!t->giving)
		txn_fail(h, t, &e); /* what was not sent yet never is */
	t->orphan = true;
	t->next = h->orphans;
	h->orphans = t;
	tell(h);
}

static bool has_done(const struct kube_txn *t)
{
	for (const struct rec_change *c = t->changes; c; c = c->sibling)
		if (c->state == CHANGE_DONE)
			return true;
	return false;
}

static void remove_orphan(struct store_kube *h, struct kube_txn *t)
{
	struct kube_txn **at = &h->orphans;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
}

/* 0: t is over. */
static int undo(struct store_kube *h, struct kube_txn *t, struct err *e)
{
	struct deadline until = deadline_in(KUBE_ATTEMPT_MS);
	struct kube_txn *u;
	int r = 0;

	for (struct rec_change *c = t->changes; r == 0 && c; c = c->sibling)
		if (c->state == CHANGE_DONE)
			r = block_load(h, c->block, until, e);
	if (r == 0)
		r = txn_invert(h, t, &u, e);
	if (r < 0)
		return r;
	h->stats.undone++;
	u->giving = true;
	u->intents = TAKE_PTR(t->intents);
	u->n_intents = t->n_intents;
	t->n_intents = 0;
	txn_orphan(h, u);
	return 0;
}

void txn_abandon(struct store_kube *h, struct kube_txn *t, struct deadline until)
{
	struct err e;

	if (!t->giving) {
		err_code(&e, ERR_TRY_AGAIN, ECANCELED, "given up");
		txn_fail(h, t, &e);
		while (t->waiting && deadline_left(until) > 0)
			step(h, t, until, &e);
		if (!t->waiting && (!has_done(t) || undo(h, t, &e) == 0)) {
			local_drop_intents(h, t);
			txn_free(h, t);
			return;
		}
	}
	txn_orphan(h, t);
}

/* Whether something was done. */
static bool settle_one(struct store_kube *h, struct kube_txn *t, struct deadline *next)
{
	struct kube_block *b;
	struct err e;

	if (t->waiting) {
		b = ready(t, next);
		if (b)
			(void)flush(h, b, NULL, deadline_in(KUBE_ATTEMPT_MS), &e);
		return b != NULL;
	}
	remove_orphan(h, t);
	if (!t->giving && has_done(t) && undo(h, t, &e) < 0) {
		t->next = h->orphans;
		h->orphans = t;
		*next = deadline_min(*next, deadline_in(200));
		return false;
	}
	local_drop_intents(h, t);
	txn_free(h, t);
	pthread_cond_broadcast(&h->changed);
	return true;
}

void *kube_settler(void *hub)
{
	struct store_kube *h = hub;

	hub_lock(h);
	while (!h->stopping) {
		struct deadline next = deadline_in(IDLE_MS);
		bool any = false;

		for (struct kube_txn *t = h->orphans, *after; t && !any; t = after) {
			after = t->next; /* of one that is settled nothing is left */
			any = settle_one(h, t, &next);
		}
		endpoint_late(h);
		if (!any && !h->stopping)
			kube_cond_wait(&h->settle, &h->lock, next);
	}
	hub_unlock(h);
	return NULL;
}

/* ---- fence ---- */

int store_kube_fence(struct store_kube *h, uint8_t ver, ip_num index, struct deadline until, struct err *e)
{
	struct kube_block *b;
	char text[32];
	int r;

	hub_lock(h);
	b = block_make(h, ver, index, e);
	r = b ? block_reload(h, b, until, e) : -ENOMEM;
	snprintf(text, sizeof(text), "%lld-%llu", (long long)clock_wall_ms(), (unsigned long long)++h->seq);
	/* Also when another's write came first: the object is not what an earlier update was made for. */
	if (r == 0)
		r = flush(h, b, text, until, e);
	hub_unlock(h);
	return r;
}
