/* SPDX-License-Identifier: Apache-2.0 */
/* gc_lab.h - the controller's own sources on the simulated cluster of gc_sim.h: its API, watches and queue
 * are ours
 */
#ifndef TEST_GC_LAB_H
#define TEST_GC_LAB_H

#include "gc_sim.h"

#include "ipam/collect.h"
#include "kube/cache.h"
#include "kube/object.h"

/* ---- what the controller's sources are given instead of a cluster ---- */

#include "../../cmd/controller/controller.h"
#include "../../cmd/controller/events.h"
#include "../../cmd/controller/world_views.c"

static const struct kube_item *sim_cache_get(struct kube_cache *c, const char *ns, const char *name);
static void sim_put(const struct kube_item **it);
static int sim_get(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e);
static int sim_list(struct kube *k, struct kube_op *op, const struct kube_lister *l, char *version,
		    struct err *e);
static int sim_queue_start(const struct kube_queue_conf *c, struct kube_queue **ret, struct err *e);
static void sim_queue_stop(struct kube_queue *q);
static void sim_queue_add(struct kube_queue *q, const char *key, int64_t ms);

#define kube_cache_get   sim_cache_get
#define kube_item_put_p  sim_put
#define kube_get         sim_get
#define kube_list        sim_list
#define kube_queue_start sim_queue_start
#define kube_queue_stop  sim_queue_stop
#define kube_queue_add   sim_queue_add

#include "../../cmd/controller/gc_seen.h"

/* Each in a name space of its own. */
#include "../../cmd/controller/gc.c"
#undef SETTLE_MS
#define look_at block_look_at
#undef skip
#define skip block_skip
#define told block_told
#include "../../cmd/controller/gc_block.c"
#undef look_at
#undef skip
#undef told
#define time_of guess_time_of
#define node_of guess_node_of
#include "../../cmd/controller/gc_guess.c"
#undef time_of
#undef node_of
#define key_of index_key_of
#define add    index_add
#include "../../cmd/controller/gc_index.c"
#undef key_of
#undef add
#define list scan_list
#include "../../cmd/controller/gc_scan.c"
#undef list
#define key_of  alive_key_of
#define compare alive_compare
#define add     alive_add
#include "../../pkg/ipam/alive.c"
#undef key_of
#undef compare
#undef add
#define key_of seen_key_of
#define find   seen_find
#include "../../cmd/controller/gc_seen.c"
#undef key_of
#undef find
#include "../../pkg/ipam/judge.c"

int64_t gc_endpoint(struct gc *g, const char *ns, const char *name, struct kube_cancel *cancel, struct err *e)
{
	(void)g, (void)ns, (void)name, (void)cancel, (void)e;
	return 0; /* none here */
}

static struct controller C;
static struct gc *G;
static int64_t led_since;
static char log_text[4096];

void say(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_LEVEL_INFO)
		return;
	va_start(ap, fmt);
	vsnprintf(log_text, sizeof(log_text), fmt, ap);
	va_end(ap);
	if (getenv("VERBOSE"))
		print_message("# %lld %s\n", (long long)(S.now - 1700000000000), log_text);
}

void events_say(struct events *v, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...)
{
	(void)v, (void)o, (void)warning, (void)reason, (void)fmt;
}

int64_t store_kube_skew(struct store_kube *h)
{
	(void)h;
	return 0;
}

bool world_synced(struct world *w)
{
	(void)w;
	return true;
}

/* Its number instead. */
struct kube_cache *world_cache(struct world *w, enum world_kind kind)
{
	(void)w;
	return (struct kube_cache *)(uintptr_t)(kind + 1);
}

static void sim_put(const struct kube_item **it)
{
	(void)it;
}

static void (*listener[WORLD_KINDS])(const struct kube_item *old, const struct kube_item *now, void *arg);
static void *listener_arg;

/* ---- objects as the API server gives them ---- */

static struct json_object *object(void)
{
	return json_object_new_object();
}

static void set(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static void set_time(struct json_object *o, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	set(o, key, clock_format(ms, text));
}

static struct json_object *put(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
	return v;
}

static const char *number_text(const char *prefix, unsigned n)
{
	static char text[8][24];
	static unsigned at;

	at = (at + 1) % 8;
	snprintf(text[at], sizeof(text[at]), "%s%u", prefix, n);
	return text[at];
}

static struct json_object *pod_object(int i)
{
	const struct sim_pod *p = &S.pod[i];
	struct json_object *o = object(), *meta = put(o, "metadata", object()), *spec, *status;

	set(meta, "name", pod_name(i));
	set(meta, "namespace", "ns");
	set(meta, "uid", number_text("u", p->uid));
	set_time(meta, "creationTimestamp", p->created);
	if (p->deleting)
		set_time(meta, "deletionTimestamp", p->deleted_at);
	spec = put(o, "spec", object());
	set(spec, "nodeName", number_text("n", (unsigned)p->node));
	set(spec, "restartPolicy", p->failed ? "Always" : "Never");
	status = put(o, "status", object());
	set(status, "phase", p->ended ? (p->failed ? "Failed" : "Succeeded") : "Running");
	return o;
}

static struct json_object *node_object(int i)
{
	const struct sim_node *n = &S.node[i];
	struct json_object *o = object(), *meta = put(o, "metadata", object()), *status, *list, *c;

	set(meta, "name", number_text("n", (unsigned)i));
	set(meta, "uid", "x");
	status = put(o, "status", object());
	list = put(status, "conditions", json_object_new_array());
	c = object();
	json_object_array_add(list, c);
	set(c, "type", "Ready");
	set(c, "status", n->ready ? "True" : "Unknown");
	set_time(c, "lastTransitionTime", n->since);
	set(put(status, "nodeInfo", object()), "bootID",
	    number_text("b", (unsigned)(n->boot - (n->boot_told_at != 0))));
	return o;
}

static struct json_object *set_object(int i)
{
	struct json_object *o = object(), *meta = put(o, "metadata", object()), *spec;

	set(meta, "name", number_text("set", (unsigned)i));
	set(meta, "namespace", "ns");
	set(meta, "uid", "s");
	spec = put(o, "spec", object());
	put(spec, "replicas", json_object_new_int(S.set[i].replicas));
	return o;
}

static const char *block_name(int i)
{
	static char name[BLOCKS][IP_BLOCK_NAME_MAX];

	return ip_block_name(4, (ip_num)(0x0a000000 >> 6) + (ip_num)i, name[i]);
}

static struct json_object *block_object(int i)
{
	struct json_object *o = object(), *meta = put(o, "metadata", object()), *spec;

	set(meta, "name", block_name(i));
	set(meta, "uid", "b");
	spec = put(o, "spec", object());
	set(spec, "cidr", "10.0.0.0/26");
	set(spec, "records", S.block[i].text);
	return o;
}

static struct json_object *any_object(enum world_kind kind, int i)
{
	switch (kind) {
	case WORLD_PODS:
		return S.pod[i].exists ? pod_object(i) : NULL;
	case WORLD_NODES:
		return S.node[i].exists ? node_object(i) : NULL;
	case WORLD_STATEFULSETS:
		return S.set[i].exists ? set_object(i) : NULL;
	default:
		return block_object(i);
	}
}

static int count_of(enum world_kind kind)
{
	return kind == WORLD_PODS ? PODS : kind == WORLD_NODES ? NODES : kind == WORLD_BLOCKS ? BLOCKS : SETS;
}

static const char *name_of(enum world_kind kind, int i)
{
	return kind == WORLD_PODS     ? pod_name(i)
	       : kind == WORLD_NODES  ? number_text("n", (unsigned)i)
	       : kind == WORLD_BLOCKS ? block_name(i)
				      : number_text("set", (unsigned)i);
}

/* ---- the API ---- */

/* The world goes on while somebody waits for an answer. */
static void meanwhile(void)
{
	bool was = S.inside;

	if (!odds(5))
		return;
	S.inside = true;
	sim_act();
	S.inside = was;
}

static int call_fails(struct err *e)
{
	if (S.now < S.fails_to || (S.failing && odds(3)))
		return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "no answer");
	return 0;
}

static int sim_get(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e)
{
	enum world_kind kind = op->res == &kube_resources[KUBE_PODS]           ? WORLD_PODS
			       : op->res == &kube_resources[KUBE_NODES]        ? WORLD_NODES
			       : op->res == &kube_resources[KUBE_STATEFULSETS] ? WORLD_STATEFULSETS
									       : WORLD_BLOCKS;

	(void)k;
	meanwhile();
	op->answer = (struct kube_answer){ .status = 200 };
	*ret = NULL;
	if (call_fails(e) < 0)
		return -e->sys;
	for (int i = 0; i < count_of(kind) && op->res != &maps; i++)
		if (strcmp(name_of(kind, i), op->name) == 0)
			*ret = any_object(kind, i);
	if (*ret)
		return 0;
	op->answer.status = 404;
	strcpy(op->answer.reason, "NotFound");
	return err_set(e, ENOENT, "not found");
}

static int sim_list(struct kube *k, struct kube_op *op, const struct kube_lister *l, char *version,
		    struct err *e)
{
	enum world_kind kind = op->res == &kube_resources[KUBE_PODS] ? WORLD_PODS : WORLD_BLOCKS;
	int r = call_fails(e);

	(void)k, (void)version;
	if (op->res == &kube_resources[KUBE_SPIDERENDPOINTS])
		return r;
	for (int i = 0; i < count_of(kind) && r == 0; i++) {
		struct json_object *o = any_object(kind, i);

		/* as its field selector says */
		if (o && !(kind == WORLD_PODS && S.pod[i].ended))
			r = l->each(o, l->arg, e);
		json_object_put(o);
		meanwhile();
	}
	return r;
}

/* ---- watches ---- */

#define EVENTS 4096
struct event {
	int64_t due;
	enum world_kind kind;
	int i;
};
static struct event events[EVENTS];
static size_t n_events;

struct cached {
	struct kube_item item;
	char ns[8], name[32], uid[16];
	struct json_object *tree;
	void *view;
};
static struct cached cache[WORLD_KINDS][PODS];

static const struct json_table *table_of(enum world_kind kind)
{
	return kind == WORLD_PODS     ? &world_pod_table
	       : kind == WORLD_NODES  ? &world_node_table
	       : kind == WORLD_BLOCKS ? api_kinds[API_IPBLOCK].table
				      : &world_sts_table;
}

static void cached_clear(enum world_kind kind, struct cached *c)
{
	if (c->view)
		json_clear(table_of(kind), c->view);
	free(c->view);
	*c = (struct cached){ .view = NULL };
}

/* The cache hears of the object as it is now. */
static void deliver(enum world_kind kind, int i)
{
	struct cached old = cache[kind][i], *now = &cache[kind][i];
	struct json_object *o = any_object(kind, i);
	struct err e;

	*now = (struct cached){ .view = NULL };
	old.item = (struct kube_item){ old.ns, old.name, old.uid, "", old.view, NULL };
	if (o) {
		const char *uid = kube_meta(o, "uid");

		now->view = calloc(1, table_of(kind)->size);
		if (json_decode(table_of(kind), o, NULL, now->view, &e) < 0)
			fail_msg("%s", e.msg);
		snprintf(now->ns, sizeof(now->ns), "%s",
			 kind == WORLD_PODS || kind == WORLD_STATEFULSETS ? "ns" : "");
		snprintf(now->name, sizeof(now->name), "%s", name_of(kind, i));
		snprintf(now->uid, sizeof(now->uid), "%s", uid);
	}
	json_object_put(o);
	now->item = (struct kube_item){ now->ns, now->name, now->uid, "", now->view, NULL };
	if (listener[kind] && (now->view || old.view))
		listener[kind](old.view ? &old.item : NULL, now->view ? &now->item : NULL, listener_arg);
	cached_clear(kind, &old);
}

static const struct kube_item *sim_cache_get(struct kube_cache *c, const char *ns, const char *name)
{
	enum world_kind kind = (enum world_kind)((uintptr_t)c - 1);

	(void)ns;
	for (int i = 0; i < count_of(kind); i++)
		if (cache[kind][i].view && strcmp(cache[kind][i].name, name) == 0)
			return &cache[kind][i].item;
	return NULL;
}

static void later(enum world_kind kind, int i)
{
	if (n_events < EVENTS)
		events[n_events++] = (struct event){ S.now + (int64_t)rnd(S.lossy ? 20000 : 1500), kind, i };
}

static void sim_event(int kind, int i)
{
	if (!G || (S.lossy && odds(5)))
		return;
	later((enum world_kind)kind, i);
	if (S.lossy && odds(10))
		later((enum world_kind)kind, i);
}

static void deliver_due(void)
{
	for (size_t k = 0; k < n_events;) {
		struct event ev = events[k];

		if (ev.due > S.now) {
			k++;
			continue;
		}
		events[k] = events[--n_events];
		deliver(ev.kind, ev.i);
	}
}

void world_listen(struct world *w, enum world_kind kind,
		  void (*changed)(const struct kube_item *old, const struct kube_item *now, void *arg),
		  void *arg)
{
	(void)w;
	listener[kind] = changed;
	listener_arg = arg;
}

/* ---- the queue ---- */

#define KEYS 256
static struct {
	char key[64];
	int64_t due;
	unsigned failures;
} queue[KEYS];
static size_t n_queue;
static struct kube_queue_conf queue_conf;

static int sim_queue_start(const struct kube_queue_conf *c, struct kube_queue **ret, struct err *e)
{
	(void)e;
	queue_conf = *c;
	n_queue = 0;
	*ret = (struct kube_queue *)&queue_conf;
	return 0;
}

static void sim_queue_stop(struct kube_queue *q)
{
	(void)q;
	n_queue = 0;
}

static void sim_queue_add(struct kube_queue *q, const char *key, int64_t ms)
{
	size_t i = 0;

	(void)q;
	while (i < n_queue && strcmp(queue[i].key, key) != 0)
		i++;
	if (i == n_queue) {
		assert_true(n_queue < KEYS && strlen(key) < sizeof(queue[0].key));
		strcpy(queue[n_queue].key, key);
		queue[n_queue].failures = 0;
		queue[n_queue++].due = S.now + ms;
	} else if (S.now + ms < queue[i].due) {
		queue[i].due = S.now + ms;
	}
}

static void queue_work(void)
{
	for (size_t i = 0; i < n_queue; i++) {
		unsigned failures = queue[i].failures;
		struct err e = { 0 };
		char key[64];
		int64_t r;

		if (queue[i].due > S.now)
			continue;
		strcpy(key, queue[i].key);
		queue[i] = queue[--n_queue];
		r = queue_conf.work(key, NULL, queue_conf.arg, &e);
		if (r < 0) {
			failures = failures < 9 ? failures + 1 : failures;
			r = 50 << failures;
			if (!e.msg[0])
				fail_msg("%s: failed without a sentence", key);
		} else {
			failures = 0;
		}
		if (!r)
			continue;
		sim_queue_add(NULL, key, r);
		for (size_t k = 0; k < n_queue; k++)
			if (strcmp(queue[k].key, key) == 0)
				queue[k].failures = failures;
	}
}

#endif
