/* SPDX-License-Identifier: Apache-2.0 */
/* app_plan.c - what is to become of an application's pools */
#include "app_plan.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

bool app_pool_reclaimed(const struct api_ippool *p)
{
	const char *v = json_map_get(&p->obj.meta.labels, APP_LABEL_RECLAIM);

	return v && !strcmp(v, "true");
}

bool app_pool_of_uid(const struct api_ippool *p, const char *uid)
{
	const char *v = json_map_get(&p->obj.meta.labels, APP_LABEL_UID);
	char label[API_LABEL_MAX];

	return v && uid && !strcmp(v, api_label_value(uid, label));
}

static bool is_of(const struct api_ippool *p, const char *key)
{
	char own[APP_KEY_MAX];

	return !strcmp(app_pool_key(p, own), key);
}

/* Is p the better one? */
static bool better(const struct app *a, const struct api_ippool *p, const struct api_ippool *than)
{
	bool own = app_pool_of_uid(p, a->uid);

	if (!than || own != app_pool_of_uid(than, a->uid))
		return !than || own;
	return strcmp(p->obj.meta.name, than->obj.meta.name) < 0;
}

const struct api_ippool *app_choose(const struct app *a, const struct app_want *w,
				    const struct app_pools *pools)
{
	const struct api_ippool *best = NULL;
	char key[APP_KEY_MAX];

	app_key(a->api_version, a->kind, a->ns, a->name, key);
	for (size_t i = 0; i < pools->n; i++) {
		const struct api_ippool *p = pools->v[i];

		if (p->obj.meta.deletion_timestamp || !is_of(p, key) || !app_pool_serves(p, w))
			continue;
		/* What its predecessor left behind goes with that. */
		if (app_pool_reclaimed(p) && !app_pool_of_uid(p, a->uid))
			continue;
		if (better(a, p, best))
			best = p;
	}
	return best;
}

int app_check_subnet(const struct app_want *w, const struct api_subnet *s, struct err *e)
{
	if (!s)
		return err_code(e, ERR_CONFIG, ENOENT,
				"SpiderSubnet %s, named for interface %s (IPv%u), does not exist", w->subnet,
				w->interface, w->ver);
	if (s->obj.meta.deletion_timestamp)
		return err_code(e, ERR_CONFIG, EBUSY,
				"SpiderSubnet %s is being deleted: no pool is made from it any more",
				w->subnet);
	if (api_range_version(&s->spec) != w->ver)
		return err_code(e, ERR_CONFIG, EINVAL,
				"SpiderSubnet %s is of IPv%u, and named for IPv%u of interface %s", w->subnet,
				api_range_version(&s->spec), w->ver, w->interface);
	return 0;
}

static bool same_network(const struct api_range_spec *a, const struct api_range_spec *b)
{
	return a->subnet && b->subnet && !strcmp(a->subnet, b->subnet);
}

int app_others(const struct api_subnet *s, const struct app_pools *pools, const struct api_ippool *skip,
	       struct ip_set *out, struct err *e)
{
	int r = 0;

	*out = (struct ip_set){ .ver = api_range_version(&s->spec) };
	for (size_t i = 0; r == 0 && i < pools->n; i++) {
		CLEANUP(ip_set_clear) struct ip_set one = { 0 };
		const struct api_ippool *p = pools->v[i];

		if ((skip && !strcmp(p->obj.meta.name, skip->obj.meta.name)) ||
		    !same_network(&p->spec.range, &s->spec))
			continue;
		r = api_range_total(&p->spec.range, &one, e);
		if (r < 0 && r != -ENOMEM)
			r = 0;
		else if (r == 0 && one.n)
			r = ip_set_add_set(out, &one, e);
	}
	if (r < 0)
		ip_set_clear(out);
	return r;
}

enum app_fate app_fate_of(const struct app *a, bool asks, const struct api_ippool *p)
{
	if (p->obj.meta.deletion_timestamp || !app_pool_reclaimed(p))
		return APP_KEEP;
	if (!a || !app_pool_of_uid(p, a->uid))
		return APP_GONE;
	return asks ? APP_LEAVE : APP_KEEP;
}
