/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - the part of the leader that takes addresses from owners that have died
 *
 * What changes in the cluster only says where to look. The rules are ipam/fate.h's, what they go by is read
 * from the API (ipam/judge.h), and a record that changed meanwhile stays (ipam/collect.h). So events may be
 * lost, late or doubled: the worst is that something is looked at for nothing, or by the next scan.
 */
#include "gc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "gc_impl.h"
#include "metrics/metrics.h"

#define SYNC_MS   200  /* between two looks whether the caches are filled */
#define SETTLE_MS 200  /* several things happen together */
#define BLOCK_MS  1000 /* an agent that frees what ended writes the block more than once */

static struct counter freed_counts, failure_counts;

void gc_count(size_t freed, size_t failed)
{
	counter_add(&freed_counts, freed);
	counter_add(&failure_counts, failed);
}

void gc_counts(uint64_t *freed, uint64_t *failed)
{
	*freed = freed_counts.v;
	*failed = failure_counts.v;
}

void gc_metrics(struct controller *c, struct buf *out)
{
	static const struct metric rows[] = {
		METRIC_COUNTER("spiderpool_ip_gc_counts", "addresses taken from owners that have died",
			       &freed_counts),
		METRIC_COUNTER("spiderpool_ip_gc_failure_counts",
			       "addresses that could not be judged or taken, for now", &failure_counts),
	};

	(void)c;
	metrics_print(&(struct metrics){ rows, ARRAY_LEN(rows) }, out);
}

int64_t gc_now(const struct gc *g)
{
	return clock_wall_ms() + store_kube_skew(g->c->hub);
}

static int64_t gone_since(const struct block_rec *r, int64_t at_most, void *arg)
{
	struct gc *g = arg;

	return gc_seen_gone(&g->seen, r->ns, r->pod, r->uid, at_most);
}

struct judge gc_judge(struct gc *g, struct kube_cancel *cancel)
{
	return (struct judge){ .k = g->c->k,
			       .cancel = cancel,
			       .until = deadline_in(GC_CALL_MS),
			       .skew_ms = store_kube_skew(g->c->hub),
			       .rules = g->rules,
			       .gone_since = gone_since,
			       .arg = g };
}

/* ---- the queue ---- */

void gc_add_block(struct gc *g, char how, const char *name, int64_t ms)
{
	char key[IP_BLOCK_NAME_MAX + 2];

	snprintf(key, sizeof(key), "%c/%s", how, name);
	kube_queue_add(g->q, key, ms);
}

void gc_add_endpoint(struct gc *g, const char *ns, const char *name, int64_t ms)
{
	char key[2 * STORE_NAME_MAX + 4];

	snprintf(key, sizeof(key), "e/%s/%s", ns, name);
	kube_queue_add(g->q, key, ms);
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct gc *g = arg;
	char ns[254];
	const char *name;

	if (!world_synced(g->w))
		return SYNC_MS;
	if (strcmp(key, GC_SCAN) == 0)
		return gc_scan(g, cancel, e);
	if (strcmp(key, GC_ASKED) == 0)
		return gc_asked(g, cancel, e);
	if (key[0] != 'e')
		return gc_block(g, key + 2, key[0] == 'B', cancel, e);
	name = kube_queue_key(key + 2, ns, sizeof(ns));
	return gc_endpoint(g, ns, name, cancel, e);
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)arg;
	if (n == 1 || n % 10 == 0)
		say(LOG_LEVEL_WARN, "garbage collection of %s failed %u times, it is tried again: %s", key, n,
		    why->msg);
}

/* ---- what changes in the cluster ---- */

struct wake {
	struct gc *g;
	int64_t ms;
};

static void add_one(const struct gc_block *b, void *arg)
{
	char name[IP_BLOCK_NAME_MAX];
	struct wake *w = arg;

	gc_add_block(w->g, 'b', ip_block_name(b->ver, b->index, name), w->ms);
}

static void look_at(struct gc *g, enum gc_kind kind, const char *ns, const char *name)
{
	struct wake w = { g, SETTLE_MS };

	gc_index_each(g->ix, kind, ns, name, add_one, &w);
}

static void pod_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	bool another = old && now && strcmp(old->uid, now->uid) != 0;
	const struct kube_item *it = now ? now : old;
	struct gc *g = arg;

	if (gc_pod_lives(now) && !another && !g->rules.running_without_ip)
		return;
	look_at(g, GC_POD, it->ns, it->name);
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void node_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct world_node *was = old ? old->view : NULL, *is = now ? now->view : NULL;

	if (was && is && world_node_ready(was) == world_node_ready(is) &&
	    same_text(was->status.info.boot_id, is->status.info.boot_id))
		return;
	look_at(arg, GC_NODE, "", now ? now->name : old->name);
}

static void set_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct world_sts *was = old ? old->view : NULL, *is = now ? now->view : NULL;

	if (was && is && was->spec.replicas.v == is->spec.replicas.v &&
	    was->spec.replicas.set == is->spec.replicas.set &&
	    was->spec.ordinals.start.v == is->spec.ordinals.start.v)
		return;
	look_at(arg, GC_SET, now ? now->ns : old->ns, now ? now->name : old->name);
}

static void endpoint_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct world_endpoint *ep = now ? now->view : NULL;

	(void)old;
	if (ep && ep->meta.deleted_at)
		gc_add_endpoint(arg, now->ns, now->name, SETTLE_MS);
}

static void block_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct api_ipblock *view = now ? now->view : NULL;
	const char *name = now ? now->name : old->name, *text = view ? view->spec.records : NULL;
	struct gc *g = arg;
	struct block b;
	struct err e;
	uint8_t ver;
	ip_num index;
	int r;

	if (ip_block_parse(name, &ver, &index, &e) < 0)
		return;
	r = block_decode(ver, index, text ? text : "", text ? strlen(text) : 0, &b, &e);
	if (r == 0) {
		r = gc_index_put(g->ix, ver, index, view ? &b : NULL, &e);
		block_clear(&b);
	}
	if (r < 0)
		say(LOG_LEVEL_WARN, "SpiderIPBlock %s: %s", name, e.msg);
	if (now)
		gc_add_block(g, 'b', name, BLOCK_MS);
}

/* ---- the part ---- */

static void stop(void *part)
{
	struct gc *g = part;

	kube_queue_stop(g->q);
	gc_index_free(g->ix);
	gc_seen_clear(&g->seen);
	free(g);
}

static int start(struct controller *c, void **ret, struct err *e)
{
	struct gc *g;
	struct kube_queue_conf q = {
		.k = c->k, .workers = (unsigned)c->conf.gc_workers, .work = work, .failed = failed
	};
	int r;

	*ret = NULL;
	if (!c->conf.gc) {
		say(LOG_LEVEL_INFO, "garbage collection is switched off (SPIDERPOOL_GC_IP_ENABLED)");
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_nomem(e);
	g->c = c;
	g->w = c->world;
	g->rules = (struct fate_rules){ c->conf.gc_ready_nodes, c->conf.gc_not_ready_nodes,
					c->conf.gc_running_without_ip, c->conf.gc_delay_s * 1000 };
	gc_seen_init(&g->seen);
	q.arg = g;
	r = gc_index_new(&g->ix, e);
	if (r == 0)
		r = kube_queue_start(&q, &g->q, e);
	if (r < 0) {
		stop(g);
		return r;
	}
	world_listen(g->w, WORLD_PODS, pod_changed, g);
	world_listen(g->w, WORLD_NODES, node_changed, g);
	world_listen(g->w, WORLD_STATEFULSETS, set_changed, g);
	world_listen(g->w, WORLD_ENDPOINTS, endpoint_changed, g);
	world_listen(g->w, WORLD_BLOCKS, block_changed, g);
	kube_queue_add(g->q, GC_SCAN, SETTLE_MS);
	kube_queue_add(g->q, GC_ASKED, SETTLE_MS);
	*ret = g;
	return 0;
}

void gc_scan_now(void *part)
{
	struct gc *g = part;

	kube_queue_add(g->q, GC_SCAN, 0);
}

const struct controller_part part_gc = { .name = "garbage collection", .start = start, .stop = stop };
