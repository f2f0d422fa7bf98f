/* SPDX-License-Identifier: Apache-2.0 */
/* validate_subnet.c - the rules of SpiderSubnet */
#include <stdio.h>
#include <string.h>

#include "api/check.h"

static int check_other_subnets(const struct api_subnet *s, const struct check_facts *f,
			       const struct api_world *w, struct err *e)
{
	for (size_t i = 0; i < w->n_subnets; i++) {
		const struct api_subnet *other = w->subnets[i];
		struct ip_prefix network;

		if (strcmp(api_name_of(&other->obj), api_name_of(&s->obj)) == 0)
			return err_code(e, ERR_CONFIG, EEXIST, "already exists: choose another name");
		if (api_read_network(&other->spec, &network) && ip_prefix_overlaps(network, f->subnet))
			return check_failed(e,
					    "spec.subnet: %s: overlaps %s of SpiderSubnet %s: want a network "
					    "apart from it",
					    s->spec.subnet, other->spec.subnet, api_name_of(&other->obj));
	}
	return 0;
}

/* Pools that are there first: one of this CIDR becomes ours and must lie in it. */
static int check_new_over(const struct api_subnet *s, const struct check_facts *f,
			  const struct api_ippool *pool, struct err *e)
{
	struct ip_prefix network;
	struct ip_set total;
	char why[NAME_MAX_LEN + 128];
	int r;

	if (!api_read_network(&pool->spec.range, &network) || !ip_prefix_overlaps(network, f->subnet))
		return 0;
	if (!ip_prefix_equal(network, f->subnet))
		return check_failed(
			e,
			"spec.subnet: %s: overlaps %s of SpiderIPPool %s: want the same network or one apart "
			"from it",
			s->spec.subnet, pool->spec.range.subnet, api_name_of(&pool->obj));
	r = api_other_total(API_IPPOOL, &pool->obj, &pool->spec.range, &total, e);
	if (r < 0)
		return r;
	snprintf(why, sizeof(why), "missing, SpiderIPPool %s has them: add them", api_name_of(&pool->obj));
	r = check_inside(&total, &f->total, why, e);
	ip_set_clear(&total);
	return r;
}

/* An update leaves every pool below what it has of the subnet. */
static int check_still_over(const struct ip_set *old_total, const struct check_facts *f,
			    const struct api_ippool *pool, struct err *e)
{
	struct ip_prefix network;
	struct ip_set total;
	char why[NAME_MAX_LEN + 128];
	int r;

	if (!api_read_network(&pool->spec.range, &network) || !ip_prefix_equal(network, f->subnet))
		return 0;
	r = api_try_total(&pool->spec.range, &total, e);
	if (r < 0) /* a pool that cannot be read has no addresses */
		return r;
	snprintf(why, sizeof(why), "SpiderIPPool %s has them: take them out of it first",
		 api_name_of(&pool->obj));
	r = check_kept(&total, old_total, &f->total, why, e);
	ip_set_clear(&total);
	return r;
}

static int check_subnet_update(const struct api_subnet *old, const struct check_facts *f,
			       const struct api_world *w, struct err *e)
{
	struct ip_set set;
	const struct ip_set *old_total;
	int r;

	r = api_try_total(&old->spec, &set, e);
	if (r < 0)
		return r;
	old_total = r ? &set : NULL;
	r = 0;
	for (size_t i = 0; i < w->n_pools && r == 0; i++)
		r = check_still_over(old_total, f, w->pools[i], e);
	if (r == 0 && w->held)
		r = check_kept(w->held, old_total, &f->total, "in use: delete the Pods that have them first",
			       e);
	ip_set_clear(&set);
	return r;
}

static int check_subnet_create(const struct api_subnet *s, const struct check_facts *f,
			       const struct api_world *w, struct err *e)
{
	int r = check_other_subnets(s, f, w, e);

	for (size_t i = 0; i < w->n_pools && r == 0; i++)
		r = check_new_over(s, f, w->pools[i], e);
	return r;
}

int validate_subnet(const struct api_subnet *s, const struct api_subnet *old, const struct api_world *w,
		    struct err *e)
{
	struct check_facts facts = { 0 };
	int r = 0;

	if (old)
		r = check_version_kept(&old->spec.ip_version, &s->spec.ip_version, e);
	if (r == 0 && old)
		r = check_subnet_kept(old->spec.subnet, s->spec.subnet, e);
	if (r == 0)
		r = check_range(&s->spec, w, !old, &facts, e);
	if (r == 0)
		r = old ? check_subnet_update(old, &facts, w, e) : check_subnet_create(s, &facts, w, e);
	check_facts_clear(&facts);
	return r;
}

int validate_subnet_delete(const struct api_subnet *s, const struct api_world *w, struct err *e)
{
	for (size_t i = 0; i < w->n_pools; i++) {
		const struct api_ippool *pool = w->pools[i];

		if (s->spec.subnet && pool->spec.range.subnet && pool->spec.range.ips.n &&
		    strcmp(pool->spec.range.subnet, s->spec.subnet) == 0)
			return err_code(e, ERR_CONFIG, EBUSY,
					"SpiderIPPool %s has addresses of it: delete the pool first",
					api_name_of(&pool->obj));
	}
	return 0;
}
