/* SPDX-License-Identifier: Apache-2.0 */
/* pick.c - one free address of a pool */
#include "ipam/pick.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Rounds after the first look for the address that rests longest, among this many blocks at most. */
#define VISITS_MAX 64

enum round { COOLED, COOLING, UNCONFIRMED, ROUND_MAX };

struct search {
	struct txn *t;
	const struct plan_pool *pool;
	enum round round;
	unsigned first, step; /* the order of a block's addresses */
	int64_t cooled;       /* released at or before this time: rested long enough */
	int64_t best;         /* free since, of what ret holds */
	unsigned visits;
	bool found;
	struct pick *ret;
};

/* Since when the address is free, 0 for never used; negative when this round may not take it. */
static int64_t usable_since(const struct search *s, const struct block_rec *r)
{
	int64_t since;

	if (block_rec_held(r, s->t->now))
		return -1;
	since = block_rec_free_at(r);
	if (since > s->t->now)
		since = s->t->now; /* a clock that was ahead */
	switch (s->round) {
	case COOLED:
		return !r->unconfirmed && since <= s->cooled ? since : -1;
	case COOLING:
		return !r->unconfirmed ? since : -1;
	default:
		return since;
	}
}

static void look_at(struct search *s, struct txn_block *b, uint64_t mask)
{
	for (unsigned j = 0; j < IP_BLOCK_SIZE; j++) {
		unsigned i = (s->first + j * s->step) % IP_BLOCK_SIZE;
		int64_t since = mask >> i & 1 ? usable_since(s, &b->b.rec[i]) : -1;

		if (since < 0 || (s->found && since >= s->best))
			continue;
		s->found = true;
		s->best = since;
		*s->ret = (struct pick){
			.addr = { b->b.ver, (b->b.index << IP_BLOCK_BITS) + i },
			.block = b,
			.rec = &b->b.rec[i],
			.probe = b->b.rec[i].unconfirmed,
		};
	}
}

/* Nobody knows what is taken in it. */
static void pass_over(const struct search *s, const struct err *why)
{
	char sentence[ERR_MSG_MAX];

	if (s->round != COOLED || !s->t->m->note)
		return;
	snprintf(sentence, sizeof(sentence), "nothing is given out of what cannot be read: %.1500s",
		 why->msg);
	s->t->m->note(sentence, s->t->m->note_arg);
}

/* Blocks lo..hi of the ring; done when the first round finds one, or all have been seen. */
static int scan(struct search *s, ip_num lo, ip_num hi, struct err *e)
{
	const struct ip_set *set = &s->pool->eligible;
	int64_t latest = s->round == COOLED ? s->cooled : INT64_MAX - 1;
	ip_num b = lo, next;

	while (b <= hi) {
		struct txn_block *block;
		int r = store_next_free(s->t->m->st, set->ver, b, hi, latest, &next, e);

		if (r <= 0)
			return r;
		if (!ip_set_mask(set, next)) {
			if (!ip_set_block_next(set, next, &b))
				return 0;
			continue;
		}
		r = txn_block(s->t, set->ver, next, &block, e);
		if (r == -EUCLEAN)
			pass_over(s, e);
		else if (r < 0)
			return r;
		else
			look_at(s, block, ip_set_mask(set, next));
		if (s->found && (s->round == COOLED || ++s->visits >= VISITS_MAX))
			return 0;
		b = next + 1;
	}
	return 0;
}

int pick_any(struct txn *t, const struct plan_pool *pool, struct pick *ret, struct err *e)
{
	const char *key = t->m->conf.ring_key;
	uint64_t n = ip_set_blocks(&pool->eligible);
	uint64_t hash = key[0] ? XXH3_64bits(key, strlen(key)) : 0;
	ip_num first = ip_set_block_at(&pool->eligible, 0);
	ip_num mid = ip_set_block_at(&pool->eligible, hash % n);
	ip_num last = ip_set_block_at(&pool->eligible, n - 1);
	struct search s = { .t = t, .pool = pool, .cooled = t->now - t->m->conf.cooldown_ms, .ret = ret };

	/* Nodes that share a block go through it in orders of their own; an odd step meets each address. */
	s.first = (unsigned)(hash >> 58);
	s.step = (unsigned)(hash >> 52 & 63) | 1;

	for (s.round = COOLED; s.round < ROUND_MAX && !s.found; s.round++) {
		int r = scan(&s, mid, last, e);

		if (r == 0 && mid > first && !(s.found && s.round == COOLED))
			r = scan(&s, first, mid - 1, e);
		if (r < 0)
			return r;
	}
	return s.found;
}

int pick_this(struct txn *t, const struct plan_pool *pool, struct ip addr, struct pick *ret, struct err *e)
{
	int r;

	*ret = (struct pick){ .addr = addr };
	if (addr.ver != pool->eligible.ver || !ip_set_has(&pool->eligible, addr.n))
		return 0;
	r = txn_record(t, addr, &ret->block, &ret->rec, e);
	if (r < 0)
		return r;
	ret->probe = ret->rec->unconfirmed;
	return !block_rec_held(ret->rec, t->now);
}
