/* SPDX-License-Identifier: Apache-2.0 */
/* kube_full.c - which blocks need not be looked at: a hint, until somebody doubts it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

#define MET_MAX       2 /* full blocks found one by one; then all are listed */
#define LIST_EVERY_MS 1000
#define DOUBT_MAX     4096 /* blocks read anew for one request */

static struct ip_set *set_of(struct store_kube *h, uint8_t ver)
{
	struct ip_set *s = &h->full[ver == 6];

	s->ver = ver;
	return s;
}

void full_note(struct store_kube *h, const struct kube_block *b)
{
	struct ip_set *s = set_of(h, b->ver);
	struct ip_range at = { b->index, b->index };
	struct ip_set one = { .ver = b->ver, .r = &at, .n = 1, .cap = 1 };
	struct err e; /* it is only a hint */

	if (b->summed && b->free_at == INT64_MAX) {
		if (!ip_set_has(s, b->index))
			h->full_met++;
		(void)ip_set_add(s, at, &e);
	} else if (ip_set_has(s, b->index)) {
		(void)ip_set_subtract(s, &one, &e);
	}
}

struct listing {
	struct ip_set set[2];
};

static void begin(void *arg)
{
	struct listing *l = arg;

	ip_set_clear(&l->set[0]);
	ip_set_clear(&l->set[1]);
}

static int add(struct json_object *o, void *arg, struct err *e)
{
	struct listing *l = arg;
	const char *name = kube_meta(o, "name");
	uint8_t ver;
	ip_num index;
	struct err ignored; /* somebody else's object */

	if (!name || ip_block_parse(name, &ver, &index, &ignored) < 0)
		return 0;
	l->set[ver == 6].ver = ver;
	return ip_set_add(&l->set[ver == 6], (struct ip_range){ index, index }, e);
}

/* fresh: by quorum. As a hint what the server has at hand is enough, and costs etcd nothing. */
int full_list(struct store_kube *h, bool fresh, struct deadline until, struct err *e)
{
	struct listing l = { 0 };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .until = until,
			      .metadata_only = true,
			      .version = fresh ? NULL : "0",
			      .labels = STORE_KUBE_FULL_LABEL "=true" };
	const struct kube_lister lister = { .each = add, .begin = begin, .arg = &l };
	int r;

	h->full_at = clock_mono_ms();
	h->full_met = 0;
	h->stats.reads++;
	hub_unlock(h);
	r = kube_list(h->k, &op, &lister, NULL, e);
	hub_lock(h);
	for (int i = 0; i < 2; i++) {
		ip_set_clear(&h->full[i]);
		if (r == 0)
			h->full[i] = l.set[i];
		else
			ip_set_clear(&l.set[i]);
	}
	/* What waits to be written is newer. */
	for (size_t i = 0; i < KUBE_BUCKETS; i++)
		for (const struct kube_block *b = h->bucket[i]; b; b = b->chain)
			if (b->first)
				full_note(h, b);
	return r;
}

/* The first block not before b that is not said to be full. */
static ip_num skip(const struct ip_set *s, ip_num b)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->r[mid].hi < b)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->r[lo].lo <= b ? s->r[lo].hi + 1 : b;
}

/* What the server had at hand may be older than what we know. */
static void mend_hint(struct store_kube *h)
{
	for (size_t i = 0; i < KUBE_BUCKETS; i++)
		for (const struct kube_block *b = h->bucket[i]; b; b = b->chain)
			if (b->summed && b->free_at != INT64_MAX)
				full_note(h, b);
}

int kube_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		   struct err *e)
{
	struct store_kube *h = ((struct kube_session *)st)->h;
	struct kube_session *s = (struct kube_session *)st;
	ip_num b = from;

	if (h->full_met > MET_MAX && clock_mono_ms() - h->full_at > LIST_EVERY_MS) {
		int r = full_list(h, false, s->until, e);

		if (r < 0)
			return r;
		mend_hint(h);
	}
	while ((b = skip(set_of(h, ver), b)) <= to) {
		const struct kube_block *k = block_find(h, ver, b);

		if (!k || !k->summed || k->free_at <= before) {
			*ret = b;
			return 1;
		}
		b++;
	}
	return 0;
}

/* ---- doubt ---- */

/* As the API had it at a time after asked: what others write just now tells as well as a read. */
static int freshen(struct store_kube *h, struct kube_block *b, uint64_t asked, struct deadline until,
		   struct err *e)
{
	int r;

	b->refs++;
	while (b->as_of < asked && (b->flushing || b->loading || b->first) && deadline_left(until) > 0)
		kube_cond_wait(&h->changed, &h->lock, until);
	r = b->as_of < asked ? block_reload(h, b, until, e) : 0;
	b->refs--;
	return r;
}

/* All blocks of the set that are not listed as full, each once for a session. Returns how many were read. */
static int reread(struct store_kube *h, struct kube_session *s, uint8_t ver, const struct ip_set *set,
		  struct err *e)
{
	ip_num b = 0;
	int n = 0;

	while (ip_set_block_next(set, b, &b) && s->reread < DOUBT_MAX) {
		struct kube_block *k;
		ip_num next = skip(set_of(h, ver), b);
		int r;

		if (next != b) {
			b = next;
			continue;
		}
		k = block_make(h, ver, b++, e);
		if (!k)
			return -ENOMEM;
		if (k->as_of >= s->doubted)
			continue;
		r = freshen(h, k, s->doubted, s->until, e);
		if (r < 0 && r != -EUCLEAN)
			return r;
		s->reread++;
		n += r == 0;
		block_evict(h);
	}
	return n;
}

/* Of all families and pools; requests that doubt at the same time do so one after the other. */
static int list_anew(struct store_kube *h, struct kube_session *s, struct err *e)
{
	int r;

	while (h->refreshing && deadline_left(s->until) > 0)
		kube_cond_wait(&h->changed, &h->lock, s->until);
	h->refreshing = true;
	s->doubted = ++h->seq;
	r = full_list(h, true, s->until, e);
	h->refreshing = false;
	pthread_cond_broadcast(&h->changed);
	return r;
}

int kube_doubt(struct store *st, uint8_t ver, const struct ip_set *set, struct err *e)
{
	struct kube_session *s = (struct kube_session *)st;
	struct store_kube *h = s->h;
	bool first = !s->doubted;
	int r;

	if (hub_is_tool(h))
		return 0;
	r = first ? list_anew(h, s, e) : 0;
	if (r == 0)
		r = reread(h, s, ver, set, e);
	return r < 0 ? r : first || r > 0;
}
