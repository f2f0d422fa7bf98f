/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - questions to sets of addresses; nothing here changes a set or takes memory */
#include "ip/ip.h"

#include "ip/priv.h"

size_t ip_set_find(const struct ip_set *s, ip_num n)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->r[mid].hi < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ip_set_has(const struct ip_set *s, ip_num n)
{
	size_t i = ip_set_find(s, n);

	return i < s->n && s->r[i].lo <= n;
}

bool ip_set_contains(const struct ip_set *s, const struct ip_set *sub)
{
	size_t i = 0;

	if (sub->n && s->ver != sub->ver)
		return false;
	for (size_t j = 0; j < sub->n; j++) {
		while (i < s->n && s->r[i].hi < sub->r[j].lo)
			i++;
		if (i == s->n || s->r[i].lo > sub->r[j].lo || s->r[i].hi < sub->r[j].hi)
			return false;
	}
	return true;
}

bool ip_set_first_common(const struct ip_set *a, const struct ip_set *b, struct ip_range *ret)
{
	size_t i = 0, j = 0;

	if (a->ver != b->ver)
		return false;
	while (i < a->n && j < b->n) {
		const struct ip_range *ra = &a->r[i], *rb = &b->r[j];

		if (ra->hi < rb->lo) {
			i++;
		} else if (rb->hi < ra->lo) {
			j++;
		} else {
			ret->lo = ra->lo > rb->lo ? ra->lo : rb->lo;
			ret->hi = ra->hi < rb->hi ? ra->hi : rb->hi;
			return true;
		}
	}
	return false;
}

bool ip_set_overlaps(const struct ip_set *a, const struct ip_set *b)
{
	struct ip_range ignored;

	return ip_set_first_common(a, b, &ignored);
}

int64_t ip_set_count(const struct ip_set *s)
{
	ip_num sum = 0;

	/* Saturates at the range that goes too far: all of IPv6 would wrap to 0. */
	for (size_t i = 0; i < s->n; i++) {
		ip_num more = s->r[i].hi - s->r[i].lo;

		if (more >= INT64_MAX - sum)
			return INT64_MAX;
		sum += more + 1;
	}
	return (int64_t)sum;
}
