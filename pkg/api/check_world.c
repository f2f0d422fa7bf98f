/* SPDX-License-Identifier: Apache-2.0 */
/* check_world.c - what pools and subnets have to do with each other */
#include <string.h>

#include "api/check.h"

const char *api_name_of(const struct api_object *o)
{
	return o->meta.name ? o->meta.name : "";
}

const struct api_subnet *api_find_owner(const struct api_range_spec *pool, const struct api_world *w)
{
	if (!w->enable_subnet || !pool->subnet)
		return NULL;
	for (size_t i = 0; i < w->n_subnets; i++) {
		const struct api_subnet *s = w->subnets[i];

		if (s->spec.subnet && strcmp(s->spec.subnet, pool->subnet) == 0)
			return s;
	}
	return NULL;
}

bool api_read_network(const struct api_range_spec *s, struct ip_prefix *ret)
{
	struct err unreadable;

	if (!s->subnet || ip_prefix_parse(s->subnet, ret, &unreadable) < 0)
		return false;
	*ret = ip_prefix_network(*ret);
	return true;
}

int api_other_total(enum api_kind kind, const struct api_object *o, const struct api_range_spec *s,
		    struct ip_set *out, struct err *e)
{
	int r = api_range_total(s, out, e);

	return r < 0 ? err_wrap(e, "cannot be compared with %s %s, repair that first", api_kinds[kind].kind,
				api_name_of(o))
		     : 0;
}

int api_try_total(const struct api_range_spec *s, struct ip_set *out, struct err *e)
{
	struct err why;
	int r = api_range_total(s, out, &why);

	return r == -ENOMEM ? err_nomem(e) : r == 0;
}

int check_inside(const struct ip_set *pool, const struct ip_set *subnet, const char *why, struct err *e)
{
	struct ip_set outside;
	char text[SUMMARY_MAX];
	int r;

	r = ip_set_copy(pool, &outside, e);
	if (r == 0)
		r = ip_set_subtract(&outside, subnet, e);
	if (r == 0 && outside.n)
		r = check_failed(e, "spec.ips: %s: %s", check_summary(&outside, text), why);
	ip_set_clear(&outside);
	return r;
}
