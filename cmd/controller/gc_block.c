/* SPDX-License-Identifier: Apache-2.0 */
/* gc_block.c - one block: whose owners have died is read from the API, and one commit takes their addresses
 */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "events.h"
#include "gc_impl.h"

#define MACHINES_MS 60000 /* virtual machines are not watched */

struct pass {
	struct gc *g;
	bool fresh;
	int64_t again_at; /* 0: no need to */
};

static void look_at(struct pass *p, int64_t at)
{
	if (at && (!p->again_at || at < p->again_at))
		p->again_at = at;
}

static bool skip(const struct block_rec *r, void *arg)
{
	struct pass *p = arg;
	int64_t at;

	if (r->hold == HOLD_VM && !p->fresh)
		look_at(p, gc_now(p->g) + MACHINES_MS);
	if (p->fresh || !gc_guess(p->g, r, &at))
		return false;
	look_at(p, at);
	return true;
}

static void count_failed(struct gc *g, struct ip addr, const struct block_rec *r)
{
	char text[IP_TEXT_MAX];

	ip_format(addr, text);
	if (gc_seen_known(&g->seen, GC_FAILED, text, r->uid))
		return;
	gc_seen_gone(&g->seen, GC_FAILED, text, r->uid, gc_now(g));
	gc_count(0, 1);
}

/* Odd enough for whoever looks at the node, or will look for it. */
static void told(struct ip addr, const struct block_rec *r, const struct fate *f, const struct err *why,
		 void *arg)
{
	struct event_object node = { "v1", "Node", "", r->node, r->node };
	struct pass *p = arg;
	char text[IP_TEXT_MAX];

	if (why) {
		count_failed(p->g, addr, r);
		return;
	}
	if (!f->kept_without_node || gc_seen_known(&p->g->seen, GC_TOLD, r->pod, r->uid))
		return;
	gc_seen_gone(&p->g->seen, GC_TOLD, r->pod, r->uid, gc_now(p->g));
	events_say(p->g->c->events, &node, true, "AddressKeptWithoutNode",
		   "the node is gone, and pod %s/%s, which keeps address %s, is still there: delete the pod, "
		   "with force if its node will not come back",
		   r->ns, r->pod, ip_format(addr, text));
}

static const struct block_rec *record_of(const struct block *b, const struct collect_item *it)
{
	return &b->rec[it->addr.n & (IP_BLOCK_SIZE - 1)];
}

/* Before it is done: from then on it may be another's. e2e/kube/history.py reads these lines. */
static void log_items(const struct block *b, const struct judged *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct block_rec *r = record_of(b, &x->v[i]);
		char text[IP_TEXT_MAX];

		say(LOG_LEVEL_INFO, "%s pod=%s/%s container=%s nic=%s address=%s node=%s unconfirmed=%s: %s",
		    x->v[i].clear ? "KEEP" : "FREE", r->ns, r->pod, r->container, r->nic,
		    ip_format(x->v[i].addr, text), r->node, x->v[i].unconfirmed ? "yes" : "no",
		    x->fate[i].why);
	}
}

/* A node that said nothing gets one Event, however many addresses it is about. */
static void tell_node(struct gc *g, const struct block *b, const struct judged *x, size_t i)
{
	const char *name = record_of(b, &x->v[i])->node;
	const struct event_object node = { "v1", "Node", "", name, name };

	if (!x->v[i].done || !x->v[i].unconfirmed || !name[0])
		return;
	for (size_t k = 0; k < i; k++)
		if (x->v[k].done && x->v[k].unconfirmed && strcmp(record_of(b, &x->v[k])->node, name) == 0)
			return;
	events_say(
		g->c->events, &node, false, "AddressesFreedUnconfirmed",
		"addresses of pods that are gone were freed without word from this node; they are given out "
		"last, and looked for on the wire before");
}

/* The pods' endpoints may hold nothing any more. */
static void follow(struct gc *g, const struct block *b, const struct judged *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct block_rec *r = record_of(b, &x->v[i]);

		if (x->v[i].done && r->pod[0])
			gc_add_endpoint(g, r->ns, r->pod, 0);
		tell_node(g, b, x, i);
	}
}

static int collect(struct gc *g, const struct block *b, struct judged *x, struct err *e)
{
	struct engine m;
	size_t done = 0;
	int r;

	if (!x->n)
		return 0;
	log_items(b, x);
	r = engine_open(g->c, deadline_in(GC_CALL_MS), &m, e);
	if (r == 0) {
		r = ipam_collect(&m.m, x->v, x->n, &done, e);
		engine_close(&m);
	}
	gc_count(done, 0);
	for (size_t i = 0; r < 0 && i < x->n; i++)
		if (!x->v[i].done)
			count_failed(g, x->v[i].addr, record_of(b, &x->v[i]));
	if (r == 0)
		follow(g, b, x);
	return r;
}

/* 1: decoded, 0: there is none. */
static int decode(const char *name, const char *records, struct block *b, struct err *e)
{
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(name, &ver, &index, e);

	if (r == 0)
		r = block_decode(ver, index, records ? records : "", records ? strlen(records) : 0, b, e);
	return r < 0 ? err_wrap(e, "SpiderIPBlock %s", name) : 1;
}

static int read_cached(struct gc *g, const char *name, struct block *b, struct err *e)
{
	CLEANUP(kube_item_put_p)
	const struct kube_item *item = kube_cache_get(world_cache(g->w, WORLD_BLOCKS), "", name);
	const struct api_ipblock *view = item ? item->view : NULL;

	return view ? decode(name, view->spec.records, b, e) : 0;
}

static int read_fresh(struct gc *g, const char *name, struct kube_cancel *cancel, struct block *b,
		      struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .name = name,
			      .until = deadline_in(GC_CALL_MS),
			      .cancel = cancel };
	int r = kube_get(g->c->k, &op, &o, e);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : decode(name, json_get_str(json_get(o, "spec"), "records"), b, e);
}

int64_t gc_block(struct gc *g, const char *name, bool fresh, struct kube_cancel *cancel, struct err *e)
{
	struct pass p = { .g = g, .fresh = fresh };
	struct judge j = gc_judge(g, cancel);
	struct judged x;
	struct block b;
	int r = fresh ? read_fresh(g, name, cancel, &b, e) : read_cached(g, name, &b, e);

	if (r <= 0)
		return r;
	judge_block(&j, &b, skip, told, &p, &x);
	look_at(&p, x.again_at);
	r = collect(g, &b, &x, e);
	block_clear(&b);
	if (r == 0 && x.failed) {
		*e = x.why;
		r = -e->sys;
	}
	if (r < 0)
		return r;
	return p.again_at > gc_now(g) ? p.again_at - gc_now(g) : p.again_at != 0;
}
