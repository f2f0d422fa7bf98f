/* SPDX-License-Identifier: Apache-2.0 */
/* check_list.c - lists of ranges, by arithmetic on their ends: a range may span half of IPv6 */
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/own.h"

struct item {
	struct ip_range range;
	size_t index; /* in the list */
};

static int check_item(const char *text, uint8_t ver, const struct ip_prefix *subnet, struct err *e)
{
	char network[IP_TEXT_MAX];
	struct ip_range range, all;
	int r;

	r = ip_range_parse(text, ver, &range, NULL, e);
	if (r < 0 || !subnet)
		return r;
	all = ip_prefix_range(*subnet);
	if (range.lo >= all.lo && range.hi <= all.hi)
		return 0;
	return check_failed(e, "%s: not inside spec.subnet %s", text, ip_prefix_format(*subnet, network));
}

int check_list(const char *field, const struct json_strv *l, uint8_t ver, const struct ip_prefix *subnet,
	       struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		if (check_item(l->v[i], ver, subnet, e) < 0)
			return err_wrap(e, "spec.%s[%zu]", field, i);
	}
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->range.lo != y->range.lo)
		return x->range.lo < y->range.lo ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

int check_no_overlap(const char *field, const struct json_strv *l, uint8_t ver, struct err *e)
{
	CLEANUP(free_p) struct item *items = NULL;
	int r;

	if (l->n < 2)
		return 0;
	items = calloc(l->n, sizeof(*items));
	if (!items)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++) {
		items[i].index = i;
		r = ip_range_parse(l->v[i], ver, &items[i].range, NULL, e);
		if (r < 0)
			return r;
	}
	qsort(items, l->n, sizeof(*items), by_first);
	for (size_t i = 1; i < l->n; i++) {
		const struct item *a = &items[i - 1], *b = &items[i];

		/* Neighbours are enough: two that overlap have only overlapping ones between them. */
		if (a->range.hi >= b->range.lo)
			return check_failed(e,
					    "spec.%s[%zu]: %s: overlaps item %zu, %s: list each address once",
					    field, b->index, l->v[b->index], a->index, l->v[a->index]);
	}
	return 0;
}

const char *check_summary(const struct ip_set *s, char out[SUMMARY_MAX])
{
	const size_t shown = s->n <= 6 ? s->n : 5;
	char text[IP_RANGE_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < shown; i++)
		len += (size_t)snprintf(out + len, SUMMARY_MAX - len, "%s%s", i ? ", " : "",
					ip_range_format(s->ver, s->r[i], text));
	if (shown < s->n)
		snprintf(out + len, SUMMARY_MAX - len, " and %zu more ranges", s->n - shown);
	return out;
}

int check_kept(const struct ip_set *kept, const struct ip_set *old_total, const struct ip_set *total,
	       const char *why, struct err *e)
{
	struct ip_set lost;
	char text[SUMMARY_MAX];
	int r;

	r = ip_set_copy(kept, &lost, e);
	if (r == 0 && old_total)
		r = ip_set_intersect(&lost, old_total, e);
	if (r == 0)
		r = ip_set_subtract(&lost, total, e);
	if (r == 0 && lost.n)
		r = err_code(e, ERR_CONFIG, EBUSY, "spec.ips: %s: %s", check_summary(&lost, text), why);
	ip_set_clear(&lost);
	return r;
}
