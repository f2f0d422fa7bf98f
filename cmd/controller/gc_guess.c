/* SPDX-License-Identifier: Apache-2.0 */
/* gc_guess.c - what the caches say of an address: that all is well, or when to look again. They never free.
 */
#include <string.h>

#include "base/own.h"
#include "gc_impl.h"
#include "ipam/owner.h"

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

static int64_t time_of(const char *text, int64_t otherwise)
{
	int64_t ms;
	struct err e;

	return text && clock_parse(text, &ms, &e) == 0 ? ms : otherwise;
}

bool gc_pod_lives(const struct kube_item *pod)
{
	const struct world_pod *p = pod ? pod->view : NULL;

	return p && !p->meta.deleted_at && !is(p->status.phase, "Succeeded") &&
	       !is(p->status.phase, "Failed");
}

/* false: not known to be gone for any time. */
static bool pod_of(struct gc *g, const struct block_rec *r, struct fate_pod *ret)
{
	CLEANUP(kube_item_put_p)
	const struct kube_item *item = kube_cache_get(world_cache(g->w, WORLD_PODS), r->ns, r->pod);
	const struct world_pod *p = item ? item->view : NULL;

	if (!p || strcmp(item->uid, r->uid) != 0) {
		ret->is = FATE_POD_ABSENT;
		ret->gone_since = gc_seen_known(&g->seen, r->ns, r->pod, r->uid);
		return ret->gone_since != 0;
	}
	ret->is = FATE_POD_SAME;
	ret->alive = gc_pod_lives(item);
	ret->silent = is(p->status.phase, "Running") && (!p->status.ip || !p->status.ip[0]);
	ret->deleted_at = p->meta.deleted_at ? time_of(p->meta.deleted_at, 1) : 0;
	return true;
}

static void node_of(const struct world_node *n, int64_t now, struct fate_node *ret)
{
	ret->is = world_node_ready(n) ? FATE_NODE_READY : FATE_NODE_NOT_READY;
	ret->boot = n->status.info.boot_id ? n->status.info.boot_id : "";
	ret->since = now;
	for (size_t i = 0; i < n->status.conditions.n; i++)
		if (is(n->status.conditions.v[i].type, "Ready"))
			ret->since = time_of(n->status.conditions.v[i].changed_at, now);
}

static bool set_has(struct gc *g, const char *ref)
{
	CLEANUP(kube_item_put_p) const struct kube_item *item = NULL;
	const char *name = strchr(ref, '/'), *last = strrchr(ref, '/');
	char ns[254], set[254];
	const struct world_sts *s;
	int64_t ordinal, start, replicas;

	if (!name || name == last || !owner_ordinal(last + 1, &ordinal))
		return false;
	snprintf(ns, sizeof(ns), "%.*s", (int)(name - ref), ref);
	snprintf(set, sizeof(set), "%.*s", (int)(last - name - 1), name + 1);
	item = kube_cache_get(world_cache(g->w, WORLD_STATEFULSETS), ns, set);
	s = item ? item->view : NULL;
	if (!s)
		return false;
	start = s->spec.ordinals.start.set ? s->spec.ordinals.start.v : 0;
	replicas = s->spec.replicas.set ? s->spec.replicas.v : 1;
	return ordinal >= start && ordinal - start < replicas;
}

bool gc_guess(struct gc *g, const struct block_rec *r, int64_t *again_at)
{
	CLEANUP(kube_item_put_p) const struct kube_item *node = NULL;
	struct fate_facts f = { .now = gc_now(g), .node = { .is = FATE_NODE_ABSENT, .boot = "" } };
	struct fate x;

	*again_at = 0;
	if (fate_waits(r)) {
		f.hold_lives = r->hold == HOLD_STS && set_has(g, r->ref);
	} else {
		if (!r->pod[0] || !pod_of(g, r, &f.pod))
			return false;
		if (r->hold != HOLD_POD)
			f.hold_lives = r->hold == HOLD_STS && set_has(g, r->ref);
		node = kube_cache_get(world_cache(g->w, WORLD_NODES), "", r->node);
		if (node && node->view)
			node_of(node->view, f.now, &f.node);
	}
	x = fate_of(r, &f, &g->rules);
	if (x.verdict == FATE_LATER)
		*again_at = x.at;
	/* What is odd is told once, and for that it is to be true. */
	if (x.kept_without_node && !gc_seen_known(&g->seen, GC_TOLD, r->pod, r->uid))
		return false;
	return x.verdict == FATE_KEEP || x.verdict == FATE_LATER;
}
