/* SPDX-License-Identifier: Apache-2.0 */
/* app_size.c - which addresses the pool of an application is to have */
#include "app_size.h"

#include <string.h>

#include "base/own.h"

/* ---- what is held ---- */

int app_held_add(struct app_held *h, const struct block *b, int64_t now, const char *pool, struct err *e)
{
	uint64_t held = block_held_mask(b, now);
	int r = 0;

	h->own.ver = h->other.ver = b->ver;
	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++) {
		ip_num at = (b->index << IP_BLOCK_BITS) + i;
		bool own = *pool && !strcmp(b->rec[i].pool, pool);

		if (held >> i & 1)
			r = ip_set_add(own ? &h->own : &h->other, (struct ip_range){ at, at }, e);
	}
	return r;
}

int app_held_forget(struct app_held *h, uint8_t ver, ip_num index, struct err *e)
{
	struct ip_range range = { index << IP_BLOCK_BITS, (index << IP_BLOCK_BITS) + (IP_BLOCK_SIZE - 1) };
	const struct ip_set block = { .ver = ver, .r = &range, .n = 1, .cap = 1 };
	int r = ip_set_subtract(&h->own, &block, e);

	return r < 0 ? r : ip_set_subtract(&h->other, &block, e);
}

void app_held_clear(struct app_held *h)
{
	ip_set_clear(&h->own);
	ip_set_clear(&h->other);
}

/* ---- sizing ---- */

/* The n lowest addresses of from; out is overwritten. */
static int lowest(const struct ip_set *from, int64_t n, struct ip_set *out, struct err *e)
{
	int r = 0;

	*out = (struct ip_set){ .ver = from->ver };
	for (size_t i = 0; r == 0 && i < from->n && n > 0; i++) {
		struct ip_range range = from->r[i];

		if (range.hi - range.lo >= (ip_num)n)
			range.hi = range.lo + (ip_num)n - 1;
		n -= (int64_t)(range.hi - range.lo + 1);
		r = ip_set_add(out, range, e);
	}
	return r;
}

static int subtract_all(struct ip_set *s, const struct ip_set *const *sets, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = ip_set_subtract(s, sets[i], e);
	return r;
}

/* What is held through this pool: what it has of it, and what it should have, as far as it can. */
static int must_have(const struct app_size_in *in, struct ip_set *out, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set back = { 0 };
	int r = ip_set_copy(&in->held->own, out, e);

	if (r == 0)
		r = ip_set_intersect(out, in->now, e);
	if (r == 0)
		r = ip_set_copy(&in->held->own, &back, e);
	if (r == 0)
		r = ip_set_intersect(&back, in->subnet, e);
	if (r == 0)
		r = ip_set_subtract(&back, in->others, e);
	if (r == 0 && back.n)
		r = ip_set_add_set(out, &back, e);
	return r;
}

static int usable(const struct app_size_in *in, const struct ip_set *must, struct ip_set *out, struct err *e)
{
	const struct ip_set *const useless[] = { in->others, in->reserved, &in->held->other };
	int r = ip_set_copy(in->now, out, e);

	if (r == 0)
		r = ip_set_intersect(out, in->subnet, e);
	if (r == 0)
		r = subtract_all(out, useless, ARRAY_LEN(useless), e);
	if (r == 0 && must->n)
		r = ip_set_add_set(out, must, e);
	return r;
}

static int shrink(struct app_size *s, const struct ip_set *must, int64_t by, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set idle = { 0 }, give = { 0 };
	int r = ip_set_copy(&s->ips, &idle, e);

	if (r == 0)
		r = ip_set_subtract(&idle, must, e);
	if (r == 0)
		r = lowest(&idle, by, &give, e);
	if (r == 0)
		r = ip_set_subtract(&s->ips, &give, e);
	s->excess = by - ip_set_count(&give);
	return r;
}

static int grow(struct app_size *s, const struct app_size_in *in, int64_t by, struct err *e)
{
	const struct ip_set *const taken[] = { in->others,     in->reserved,     in->resting,
					       &in->held->own, &in->held->other, &s->ips };
	CLEANUP(ip_set_clear) struct ip_set idle = { 0 }, take = { 0 };
	int r = ip_set_copy(in->subnet, &idle, e);

	if (r == 0)
		r = subtract_all(&idle, taken, ARRAY_LEN(taken), e);
	if (r == 0)
		r = lowest(&idle, by, &take, e);
	if (r == 0 && take.n)
		r = ip_set_add_set(&s->ips, &take, e);
	s->missing = by - ip_set_count(&take);
	return r;
}

int app_size(const struct app_size_in *in, struct app_size *ret, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set must = { 0 };
	int64_t have;
	int r;

	*ret = (struct app_size){ .ips = { .ver = in->subnet->ver } };
	r = must_have(in, &must, e);
	if (r == 0)
		r = usable(in, &must, &ret->ips, e);
	ret->ips.ver = in->subnet->ver;
	have = ip_set_count(&ret->ips);
	if (r == 0 && have > in->want)
		r = shrink(ret, &must, have - in->want, e);
	else if (r == 0 && have < in->want)
		r = grow(ret, in, in->want - have, e);
	if (r == 0)
		r = ip_set_copy(in->now, &ret->dropped, e);
	if (r == 0)
		r = ip_set_subtract(&ret->dropped, &ret->ips, e);
	if (r < 0) {
		app_size_clear(ret);
		return r;
	}
	ret->changed = ret->dropped.n || !ip_set_contains(in->now, &ret->ips);
	return 0;
}

void app_size_clear(struct app_size *s)
{
	ip_set_clear(&s->ips);
	ip_set_clear(&s->dropped);
	*s = (struct app_size){ 0 };
}
