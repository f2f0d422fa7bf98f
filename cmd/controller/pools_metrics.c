/* SPDX-License-Identifier: Apache-2.0 */
/* pools_metrics.c - how many pools and subnets there are, and what is left in each (spec/ipam.md section 9)
 */
#include <inttypes.h>
#include <string.h>

#include "pools_impl.h"

#define PREFIX "spiderpool_"

static void head(struct buf *out, const char *name, const char *help)
{
	buf_fmt(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name, help, name);
}

/* Names of objects hold nothing that a label's value would have to escape. */
static void row(struct buf *out, const char *name, const char *label, const char *value, int64_t n)
{
	buf_fmt(out, PREFIX "%s{%s=\"%s\"} %" PRId64 "\n", name, label, value, n);
}

static void count(struct buf *out, struct world *w, enum world_kind kind, const char *name, const char *help)
{
	head(out, name, help);
	buf_fmt(out, PREFIX "%s %zu\n", name, kube_cache_count(world_cache(w, kind)));
}

/* ---- pools ---- */

static void pool_total(struct pools_note *n, void *out)
{
	row(out, "debug_ippool_total_ip_counts", "SpiderIPPool", n->name, n->total);
}

static void pool_available(struct pools_note *n, void *out)
{
	row(out, "debug_ippool_available_ip_counts", "SpiderIPPool", n->name, n->available);
}

static void pool_disabled(struct pools_note *n, void *out)
{
	row(out, "debug_ippool_disabled", "SpiderIPPool", n->name, n->disabled);
}

static void print_pools(struct pools *p, struct buf *out)
{
	head(out, "debug_ippool_total_ip_counts", "Addresses of the pool");
	pools_notes_each(p, pool_total, out);
	head(out, "debug_ippool_available_ip_counts", "Addresses of the pool that are free");
	pools_notes_each(p, pool_available, out);
	head(out, "debug_ippool_disabled", "1: spec.disable is true, nothing of the pool is given out");
	pools_notes_each(p, pool_disabled, out);
}

/* ---- subnets ---- */

enum what { TOTAL, AVAILABLE, POOLS };
static const struct {
	const char *name, *help;
} rows[] = {
	[TOTAL] = { "debug_subnet_total_ip_counts", "Addresses of the subnet" },
	[AVAILABLE] = { "debug_subnet_available_ip_counts", "Addresses of the subnet that are in no pool" },
	[POOLS] = { "debug_subnet_ippool_counts", "Pools of the subnet" },
};

static bool is_below(const struct kube_item *item, void *arg)
{
	const struct api_ippool *p = item->view;

	return p && p->spec.range.subnet && strcmp(p->spec.range.subnet, arg) == 0;
}

static int64_t pools_of(struct world *w, const struct api_subnet *s)
{
	struct kube_items l;
	int64_t n;
	struct err e;

	if (!s->spec.subnet ||
	    kube_cache_pick(world_cache(w, WORLD_POOLS), is_below, s->spec.subnet, &l, &e) < 0)
		return 0;
	n = (int64_t)l.n;
	kube_items_clear(&l);
	return n;
}

static int64_t value_of(struct world *w, const struct api_subnet *s, enum what what)
{
	switch (what) {
	case TOTAL:
		return s->status.total_ip_count.v;
	case AVAILABLE:
		return s->status.total_ip_count.v - s->status.allocated_ip_count.v;
	default:
		return pools_of(w, s);
	}
}

static void print_subnets(struct world *w, struct buf *out)
{
	struct kube_items all;
	struct err e;

	if (kube_cache_pick(world_cache(w, WORLD_SUBNETS), NULL, NULL, &all, &e) < 0)
		return;
	for (enum what what = TOTAL; what <= POOLS; what++) {
		head(out, rows[what].name, rows[what].help);
		for (size_t i = 0; i < all.n; i++)
			if (all.v[i]->view)
				row(out, rows[what].name, "SpiderSubnet", all.v[i]->name,
				    value_of(w, all.v[i]->view, what));
	}
	kube_items_clear(&all);
}

void pools_metrics(struct controller *c, struct buf *out)
{
	struct pools *p = lead_part(c, &part_pools);

	count(out, c->world, WORLD_POOLS, "total_ippool_counts", "SpiderIPPools");
	count(out, c->world, WORLD_SUBNETS, "total_subnet_counts", "SpiderSubnets");
	if (p)
		print_pools(p, out);
	print_subnets(c->world, out);
}
