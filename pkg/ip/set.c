/* SPDX-License-Identifier: Apache-2.0 */
/* set.c - sets of addresses as sorted ranges: making and combining them
 *
 * An operation writes its result into new memory and swaps it in at the end. So both operands may be the same
 * set, and a failure leaves the set as it was.
 */
#include "ip/ip.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ip/priv.h"

/* hi and lo are next to each other or overlap; says it without computing hi + 1, which may not exist. */
static bool reaches(ip_num hi, ip_num lo)
{
	return lo == 0 || hi >= lo - 1;
}

static int reserve(struct ip_set *s, size_t want, struct err *e)
{
	struct ip_range *r;
	size_t cap;

	if (want <= s->cap)
		return 0;
	if (want > IP_SET_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "more than %d IP ranges", IP_SET_MAX);
	cap = s->cap ? s->cap * 2 : 4;
	if (cap < want)
		cap = want;
	if (cap > IP_SET_MAX)
		cap = IP_SET_MAX;
	r = reallocarray(s->r, cap, sizeof(*r));
	if (!r)
		return err_nomem(e);
	s->r = r;
	s->cap = cap;
	return 0;
}

/* Appends r, which starts no earlier than the last one does. */
static int push(struct ip_set *s, struct ip_range r, struct err *e)
{
	struct ip_range *last = s->n ? &s->r[s->n - 1] : NULL;
	int ret;

	if (last && reaches(last->hi, r.lo)) {
		if (r.hi > last->hi)
			last->hi = r.hi;
		return 0;
	}
	ret = reserve(s, s->n + 1, e);
	if (ret < 0)
		return ret;
	s->r[s->n++] = r;
	return 0;
}

/* s becomes from, whose memory it takes over. */
static void swap_in(struct ip_set *s, struct ip_set *from)
{
	free(s->r);
	*s = *from;
	*from = (struct ip_set){ .ver = s->ver };
}

void ip_set_clear(struct ip_set *s)
{
	free(s->r);
	*s = (struct ip_set){ .ver = s->ver };
}

int ip_set_add(struct ip_set *s, struct ip_range r, struct err *e)
{
	size_t first, behind;

	assert((s->ver == 4 || s->ver == 6) && r.lo <= r.hi && r.hi <= ip_max(s->ver));
	/* What r touches, [first, behind), melts into it. */
	first = ip_set_find(s, r.lo ? r.lo - 1 : 0);
	for (behind = first; behind < s->n && reaches(r.hi, s->r[behind].lo); behind++)
		;
	if (behind == first) {
		int ret = reserve(s, s->n + 1, e);

		if (ret < 0)
			return ret;
	} else {
		if (s->r[first].lo < r.lo)
			r.lo = s->r[first].lo;
		if (s->r[behind - 1].hi > r.hi)
			r.hi = s->r[behind - 1].hi;
	}
	if (behind < s->n)
		memmove(&s->r[first + 1], &s->r[behind], (s->n - behind) * sizeof(r));
	s->r[first] = r;
	s->n = s->n + 1 - (behind - first);
	return 0;
}

int ip_set_add_set(struct ip_set *s, const struct ip_set *other, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set out = { .ver = s->ver ? s->ver : other->ver };
	size_t i = 0, j = 0;
	int r;

	if (!other->n)
		return 0;
	if (out.ver != other->ver)
		return err_set(e, EINVAL, "IPv4 and IPv6 addresses do not go into one set");
	r = reserve(&out, s->n > other->n ? s->n : other->n, e);
	while (r == 0 && (i < s->n || j < other->n)) {
		if (j == other->n || (i < s->n && s->r[i].lo <= other->r[j].lo))
			r = push(&out, s->r[i++], e);
		else
			r = push(&out, other->r[j++], e);
	}
	if (r == 0)
		swap_in(s, &out);
	return r;
}

/* Appends what of keep is not in cut[from..]; these are sorted. */
static int push_rest(struct ip_set *out, struct ip_range keep, const struct ip_set *cut, size_t from,
		     struct err *e)
{
	for (size_t i = from; i < cut->n && cut->r[i].lo <= keep.hi; i++) {
		if (cut->r[i].lo > keep.lo) {
			int r = push(out, (struct ip_range){ keep.lo, cut->r[i].lo - 1 }, e);

			if (r < 0)
				return r;
		}
		if (cut->r[i].hi >= keep.hi)
			return 0;
		keep.lo = cut->r[i].hi + 1;
	}
	return push(out, keep, e);
}

int ip_set_subtract(struct ip_set *s, const struct ip_set *other, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set out = { .ver = s->ver };
	size_t j = 0;
	int r;

	if (!ip_set_overlaps(s, other))
		return 0;
	r = reserve(&out, s->n, e);
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		while (j < other->n && other->r[j].hi < s->r[i].lo)
			j++;
		r = push_rest(&out, s->r[i], other, j, e);
	}
	if (r == 0)
		swap_in(s, &out);
	return r;
}

int ip_set_intersect(struct ip_set *s, const struct ip_set *other, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set out = { .ver = s->ver };
	size_t i = 0, j = 0;
	int r = 0;

	if (s->ver != other->ver) {
		ip_set_clear(s);
		return 0;
	}
	while (r == 0 && i < s->n && j < other->n) {
		const struct ip_range a = s->r[i], b = other->r[j];

		if (a.lo <= b.hi && b.lo <= a.hi)
			r = push(&out,
				 (struct ip_range){ a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi },
				 e);
		if (a.hi < b.hi)
			i++;
		else
			j++;
	}
	if (r == 0)
		swap_in(s, &out);
	return r;
}

int ip_set_copy(const struct ip_set *in, struct ip_set *out, struct err *e)
{
	int r;

	*out = (struct ip_set){ .ver = in->ver };
	r = reserve(out, in->n, e);
	if (r < 0)
		return r;
	if (in->n)
		memcpy(out->r, in->r, in->n * sizeof(*in->r));
	out->n = in->n;
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct ip_range *ra = a, *rb = b;

	return ra->lo < rb->lo ? -1 : ra->lo > rb->lo;
}

int ip_set_parse(const char *const *texts, size_t n, uint8_t ver, struct ip_set *out, struct err *e)
{
	CLEANUP(ip_set_clear) struct ip_set all = { .ver = ver };
	bool sorted = true;
	int r;

	*out = (struct ip_set){ .ver = ver };
	r = reserve(&all, n, e);
	for (; r == 0 && all.n < n; all.n++) {
		r = ip_range_parse(texts[all.n], ver, &all.r[all.n], NULL, e);
		if (r == 0 && all.n && all.r[all.n].lo < all.r[all.n - 1].lo)
			sorted = false;
	}
	if (r < 0)
		return r;
	/* What we stored ourselves is sorted; qsort would take memory and time to find that out. */
	if (!sorted)
		qsort(all.r, n, sizeof(*all.r), by_first);
	all.n = 0;
	for (size_t i = 0; i < n; i++)
		(void)push(&all, all.r[i],
			   e); /* never ahead of the reader, so in place and without failure */
	swap_in(out, &all);
	return 0;
}
