/* SPDX-License-Identifier: Apache-2.0 */
/* multus.c - the NetworkAttachmentDefinition of each SpiderMultusConfig: made, kept as it should be, taken
 * over
 *
 * It goes with its SpiderMultusConfig, by Kubernetes' own garbage collector. What it should be is judged by
 * the caches; a write is preceded by a read of the object itself and is void when it has changed since.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "controller.h"
#include "events.h"
#include "kube/object.h"
#include "multus_follow.h"
#include "nad.h"

#define CALL_MS     10000
#define GOING_MS    5000 /* one that is being deleted is looked at again, though its end is heard of */
#define UNSYNCED_MS 200
#define BODY_MAX    ((size_t)4 << 20)
#define NS_MAX      256

struct multus {
	struct controller *c;
	struct kube_queue *queue;
	struct follow configs, nads;
};

/* ---- what is looked at ---- */

static void config_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct multus *p = arg;
	const struct kube_item *i = now ? now : old;

	kube_queue_add_object(p->queue, i->ns, i->name, 0);
}

struct search {
	const char *ns, *nad; /* NULL: all */
};

static bool wants(const struct kube_item *item, void *arg)
{
	const struct search *s = arg;

	return !s->nad || (strcmp(item->ns, s->ns) == 0 && item->view &&
			   strcmp(api_multus_nad_name(item->view), s->nad) == 0);
}

/* Who wants it, whoever has it. */
static void look_at(struct multus *p, const char *ns, const char *nad)
{
	struct search s = { ns, nad };
	struct kube_items found;
	struct err e;

	if (kube_cache_pick(p->configs.cache, wants, &s, &found, &e) < 0) {
		say(LOG_LEVEL_ERROR, "NetworkAttachmentDefinition %s/%s: %s", ns ? ns : "", nad ? nad : "",
		    e.msg);
		return;
	}
	for (size_t i = 0; i < found.n; i++)
		kube_queue_add_object(p->queue, found.v[i]->ns, found.v[i]->name, 0);
	kube_items_clear(&found);
}

static void nad_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct kube_item *i = now ? now : old;

	look_at(arg, i->ns, i->name);
}

static void nads_synced(void *arg)
{
	look_at(arg, NULL, NULL);
}

/* ---- one ---- */

static void tell(struct multus *p, const struct api_multus *m, const char *reason, const char *sentence)
{
	const struct event_object o = { API_VERSION, API_MULTUS_KIND, m->obj.meta.ns, m->obj.meta.name,
					m->obj.meta.uid };

	events_say(p->c->events, &o, true, reason, "%s", sentence);
}

/* Another SpiderMultusConfig has it, is still there and still wants it. */
static bool is_anothers(struct multus *p, const struct nad *n, const struct api_multus *m)
{
	const struct kube_owner *o = nad_owner(n);
	const struct kube_item *item;
	bool yes;

	if (!o || !o->name || !o->uid || strcmp(o->uid, m->obj.meta.uid) == 0)
		return false;
	item = kube_cache_get(p->configs.cache, m->obj.meta.ns, o->name);
	yes = item && strcmp(item->uid, o->uid) == 0 && item->view &&
	      strcmp(api_multus_nad_name(item->view), n->meta.name) == 0;
	kube_item_put(item);
	return yes;
}

static struct kube_op op_of(const struct api_multus *m, const char *name, struct kube_cancel *cancel)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_NETWORK_ATTACHMENTS],
				 .ns = m->obj.meta.ns,
				 .name = name,
				 .until = deadline_in(CALL_MS),
				 .cancel = cancel };
}

static int create(struct multus *p, const struct api_multus *m, const struct api_multus_nad *want,
		  struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(BODY_MAX);
	struct kube_op op = op_of(m, NULL, cancel);
	int r = nad_new(want, m, &body, e);

	if (r == 0)
		r = kube_create(p->c->k, &op, body.s, body.len, NULL, e);
	if (r == 0)
		say(LOG_LEVEL_INFO, "NetworkAttachmentDefinition %s/%s created", m->obj.meta.ns, want->name);
	return r;
}

static int update(struct multus *p, const struct api_multus *m, const struct api_multus_nad *want,
		  struct json_object *there, struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(BODY_MAX);
	struct kube_op op = op_of(m, want->name, cancel);
	int r = nad_change(there, want, m, &body, e);

	if (r == 0)
		r = kube_update(p->c->k, &op, body.s, body.len, NULL, e);
	if (r == 0)
		say(LOG_LEVEL_INFO, "NetworkAttachmentDefinition %s/%s updated", m->obj.meta.ns, want->name);
	return r;
}

/* What kube_queue_conf.work answers. */
static int64_t settle(struct multus *p, const struct api_multus *m, const struct api_multus_nad *want,
		      struct json_object *there, struct kube_cancel *cancel, struct err *e)
{
	char text[1024];
	struct nad n;
	int64_t r = json_decode(&nad_table, there, "NetworkAttachmentDefinition", &n, e);

	if (r < 0)
		return r;
	if (n.meta.deleted_at) {
		r = GOING_MS;
	} else if (is_anothers(p, &n, m)) {
		snprintf(text, sizeof(text),
			 "NetworkAttachmentDefinition %s belongs to SpiderMultusConfig %s: this one has no "
			 "effect until one of them gets another name",
			 want->name, nad_owner(&n)->name);
		tell(p, m, "Conflict", text);
	} else if (!nad_is(&n, want, m)) {
		r = update(p, m, want, there, cancel, e);
	}
	json_clear(&nad_table, &n);
	return r;
}

static bool cached_is(struct multus *p, const struct api_multus *m, const struct api_multus_nad *want)
{
	const struct kube_item *item = kube_cache_get(p->nads.cache, m->obj.meta.ns, want->name);
	const struct nad *n = item ? item->view : NULL;
	bool yes = n && !n->meta.deleted_at && nad_is(n, want, m);

	kube_item_put(item);
	return yes;
}

static int64_t ensure(struct multus *p, const struct api_multus *m, struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *there = NULL;
	struct kube_op op;
	struct api_multus_nad want;
	int64_t r = api_multus_generate(m, &want, e);

	if (r == -EINVAL) { /* it came past the webhook; what there was stays */
		tell(p, m, "InvalidConfig", e->msg);
		return 0;
	}
	if (r < 0)
		return r;
	if (!cached_is(p, m, &want)) {
		op = op_of(m, want.name, cancel);
		r = kube_get(p->c->k, &op, &there, e);
		if (r == -ENOENT)
			r = create(p, m, &want, cancel, e);
		else if (r == 0)
			r = settle(p, m, &want, there, cancel, e);
	}
	api_multus_nad_clear(&want);
	return r;
}

static int64_t look(struct multus *p, const struct kube_item *item, struct kube_cancel *cancel, struct err *e)
{
	struct api_multus m;
	int64_t r;

	if (!item->view) {
		say(LOG_LEVEL_WARN, API_MULTUS_KIND " %s/%s: %s", item->ns, item->name, item->why);
		return 0;
	}
	r = json_copy(&api_multus_table, item->view, &m, e);
	if (r < 0)
		return r;
	if (!m.obj.meta.deletion_timestamp) {
		r = api_multus_default(&m, e);
		if (r == 0)
			r = ensure(p, &m, cancel, e);
	}
	json_clear(&api_multus_table, &m);
	return r;
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct multus *p = arg;
	const struct kube_item *item;
	char ns[NS_MAX];
	const char *name = kube_queue_key(key, ns, sizeof(ns));
	int64_t r = 0;

	if (!follow_synced(&p->nads)) /* then all of them are looked at */
		return 0;
	if (!follow_synced(&p->configs))
		return UNSYNCED_MS;
	item = kube_cache_get(p->configs.cache, ns, name);
	if (item)
		r = look(p, item, cancel, e);
	if (item && r == 0)
		r = kube_queue_slow(key);
	kube_item_put(item);
	return r;
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)arg;
	if (n > 1 || why->sys != ESTALE)
		say(LOG_LEVEL_WARN, API_MULTUS_KIND " %s: trying again: %s", key, why->msg);
}

/* ---- the part ---- */

static void stop(void *part)
{
	struct multus *p = part;

	multus_follow_stop(&p->configs);
	multus_follow_stop(&p->nads);
	kube_queue_stop(p->queue);
	follow_clear(&p->configs);
	follow_clear(&p->nads);
	free(p);
}

static int start_all(struct multus *p, struct err *e)
{
	const struct kube_queue_conf queue = { .k = p->c->k, .work = work, .failed = failed, .arg = p };
	const struct follow_conf configs = { .k = p->c->k,
					     .res = &kube_resources[KUBE_SPIDERMULTUSCONFIGS],
					     .table = &api_multus_table,
					     .needed = API_MULTUS_KIND,
					     .changed = config_changed,
					     .arg = p };
	const struct follow_conf nads = { .k = p->c->k,
					  .res = &kube_resources[KUBE_NETWORK_ATTACHMENTS],
					  .table = &nad_table,
					  .needed = API_MULTUS_KIND,
					  .changed = nad_changed,
					  .synced = nads_synced,
					  .arg = p };
	int r = follow_new(&p->configs, &configs, e);

	if (r == 0)
		r = follow_new(&p->nads, &nads, e);
	if (r == 0)
		r = kube_queue_start(&queue, &p->queue, e);
	if (r == 0)
		r = multus_follow_start(&p->configs, e);
	return r < 0 ? r : multus_follow_start(&p->nads, e);
}

static int start(struct controller *c, void **ret, struct err *e)
{
	struct multus *p;
	int r;

	*ret = NULL;
	if (!c->conf.multus_config)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e);
	p->c = c;
	r = start_all(p, e);
	if (r < 0)
		stop(p);
	else
		*ret = p;
	return r;
}

const struct controller_part part_multus = { "SpiderMultusConfigs", start, stop };
