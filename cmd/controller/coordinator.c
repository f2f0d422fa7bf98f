/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.c - SpiderCoordinator's status: where the cluster's own pods and services are
 *
 * What it depends on is read anew each time; watches only say when, and a slow look covers what has none: the
 * CNI directory, and resources that come later. Only the object of the configured name counts; of others,
 * nothing but their finalizer is looked after.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/coordinator.h"
#include "base/own.h"
#include "controller.h"
#include "coordinator_look.h"
#include "events.h"
#include "kube/object.h"
#include "kube/watch.h"

#define CALL_MS   10000
#define AGAIN_MS  30000
#define SETTLE_MS 200 /* what changes together is looked at once */
#define NS_MAX    256
#define CONFIGS   2 /* ConfigMaps that matter: kubeadm's, Cilium's */

struct source {
	struct coordinator *p;
	struct kube_watch *watch; /* NULL: the cluster did not have it */
	int said;                 /* errno of the last trouble that was said; 0: none. The watch's thread */
};

struct coordinator {
	struct controller *c;
	struct kube_queue *queue;
	struct source objects, configs[CONFIGS];
	pthread_mutex_t lock; /* of what follows */
	bool stopping;
	struct source sources[COORDINATOR_SOURCES];
};

/* ---- when ---- */

static int object_event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct source *s = arg;

	(void)e;
	if (ev->change != KUBE_LISTING)
		s->said = 0;
	if (ev->name)
		kube_queue_add(s->p->queue, ev->name, 0);
	return 0;
}

static int source_event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct source *s = arg;

	(void)e;
	if (ev->change != KUBE_LISTING)
		s->said = 0;
	kube_queue_add(s->p->queue, s->p->c->conf.coordinator_name, SETTLE_MS);
	return 0;
}

/* What the cluster had and has no more is tried again and again. */
static void trouble(const struct err *why, void *arg)
{
	struct source *s = arg;

	if (s->said == why->sys)
		return;
	s->said = why->sys;
	say(LOG_LEVEL_WARN, "%s", why->msg);
}

static int watch(struct coordinator *p, const struct kube_resource *res, const char *ns, const char *fields,
		 struct source *ret, struct err *e)
{
	const struct kube_watch_conf w = { .k = p->c->k,
					   .res = res,
					   .ns = ns,
					   .fields = fields,
					   .metadata_only = true,
					   .event = source_event,
					   .trouble = trouble,
					   .arg = ret };

	ret->p = p;
	return kube_watch_start(&w, &ret->watch, e);
}

/* The cluster has it: from now on it is followed. */
static void follow(struct coordinator *p, const struct kube_resource *res)
{
	size_t i = (size_t)(res - coordinator_sources);
	struct err e;

	if (res < coordinator_sources || i >= COORDINATOR_SOURCES)
		return;
	pthread_mutex_lock(&p->lock);
	if (!p->stopping && !p->sources[i].watch && watch(p, res, NULL, NULL, &p->sources[i], &e) < 0)
		say(LOG_LEVEL_WARN, "%s: not followed: %s", res->plural, e.msg);
	pthread_mutex_unlock(&p->lock);
}

/* ---- reading ---- */

struct reading {
	struct coordinator *p;
	struct kube_cancel *cancel;
	struct json_object *list;
};

static int read_configmap(const char *ns, const char *name, struct json_object **ret, void *arg,
			  struct err *e)
{
	const struct reading *g = arg;
	struct kube_op op = { .res = &coordinator_configmaps,
			      .ns = ns,
			      .name = name,
			      .until = deadline_in(CALL_MS),
			      .cancel = g->cancel };

	return kube_get(g->p->c->k, &op, ret, e);
}

static void list_begin(void *arg)
{
	struct reading *g = arg;

	json_put_p(&g->list);
	g->list = json_object_new_array();
}

static int list_each(struct json_object *o, void *arg, struct err *e)
{
	struct reading *g = arg;

	return g->list ? json_append(g->list, json_object_get(o), e) : err_nomem(e);
}

static int read_list(const struct kube_resource *res, const char *ns, const char *labels,
		     struct json_object **ret, void *arg, struct err *e)
{
	struct reading *g = arg;
	const struct kube_lister lister = { .each = list_each, .begin = list_begin, .arg = g };
	struct kube_op op = {
		.res = res, .ns = ns, .labels = labels, .until = deadline_in(CALL_MS), .cancel = g->cancel
	};
	int r = kube_list(g->p->c->k, &op, &lister, NULL, e);

	if (r == 0) {
		follow(g->p, res);
		*ret = TAKE_PTR(g->list);
	}
	json_put_p(&g->list);
	/* An API server that starts says so of everything, but it has just given us the SpiderCoordinator. */
	return r == -ENXIO ? -ENOENT : r;
}

/* ---- one ---- */

static void tell(struct coordinator *p, const struct api_coordinator *o,
		 const struct api_coordinator_status *s)
{
	const struct event_object about = { API_VERSION, API_COORDINATOR_KIND, "", o->obj.meta.name,
					    o->obj.meta.uid };

	if (strcmp(s->phase, "Synced") == 0)
		say(LOG_LEVEL_INFO, API_COORDINATOR_KIND " %s: Synced", o->obj.meta.name);
	else
		events_say(p->c->events, &about, true, "ClusterNotReady", "%s", s->reason);
}

static int same(const struct api_coordinator_status *a, const struct api_coordinator_status *b, struct err *e)
{
	CLEANUP(buf_clear) struct buf x = BUF_INIT(BUF_MAX_DEFAULT), y = BUF_INIT(BUF_MAX_DEFAULT);
	int r = json_encode_text(&api_coordinator_status_table, a, &x, e);

	if (r == 0)
		r = json_encode_text(&api_coordinator_status_table, b, &y, e);
	return r < 0 ? r : strcmp(buf_cstr(&x), buf_cstr(&y)) == 0;
}

static struct kube_op op_of(const char *name, const char *sub, struct kube_cancel *cancel)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_SPIDERCOORDINATORS],
				 .name = name,
				 .sub = sub,
				 .until = deadline_in(CALL_MS),
				 .cancel = cancel };
}

/* The whole status at once: what is not in it is gone. */
static int publish(struct coordinator *p, const struct api_coordinator *o,
		   const struct api_coordinator_status *s, struct kube_cancel *cancel, struct err *e)
{
	struct kube_op op = op_of(o->obj.meta.name, "status", cancel);
	CLEANUP(buf_clear) struct buf body = BUF_INIT(BUF_MAX_DEFAULT);
	int r = same(&o->status, s, e);

	if (r)
		return r < 0 ? r : 0;
	buf_fmt(&body,
		"[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"%s\"},"
		"{\"op\":\"add\",\"path\":\"/status\",\"value\":",
		o->obj.meta.resource_version);
	r = json_encode_text(&api_coordinator_status_table, s, &body, e);
	buf_str(&body, "}]");
	if (r == 0)
		r = body.err ? err_nomem(e)
			     : kube_patch(p->c->k, &op, KUBE_JSON_PATCH, body.s, body.len, NULL, e);
	if (r == 0)
		tell(p, o, s);
	return r;
}

/* Nothing depends on an object that goes: agents tell the plugin that there is none. */
static int let_go(struct coordinator *p, const struct api_coordinator *o, struct kube_cancel *cancel,
		  struct err *e)
{
	struct api_coordinator change = { .obj.meta = { .resource_version = o->obj.meta.resource_version,
							.finalizers = { .set = true } } };
	struct kube_op op = op_of(o->obj.meta.name, NULL, cancel);
	CLEANUP(buf_clear) struct buf body = BUF_INIT(BUF_MAX_DEFAULT);
	int r = 0;

	if (!json_strv_has(&o->obj.meta.finalizers, API_FINALIZER))
		return 0;
	for (size_t i = 0; i < o->obj.meta.finalizers.n && r == 0; i++)
		if (strcmp(o->obj.meta.finalizers.v[i], API_FINALIZER) != 0)
			r = json_strv_add(&change.obj.meta.finalizers, o->obj.meta.finalizers.v[i], e);
	if (r == 0)
		r = json_encode_text(&api_coordinator_table, &change, &body, e);
	if (r == 0)
		r = kube_patch(p->c->k, &op, KUBE_MERGE_PATCH, body.s, body.len, NULL, e);
	json_strv_clear(&change.obj.meta.finalizers);
	return r;
}

static int64_t look(struct coordinator *p, const struct api_coordinator *o, struct kube_cancel *cancel,
		    struct err *e)
{
	struct reading g = { .p = p, .cancel = cancel };
	const struct coordinator_reader reader = { .configmap = read_configmap,
						   .list = read_list,
						   .cni_dir = p->c->conf.cni_dir,
						   .cilium_config = p->c->conf.cilium_config,
						   .arg = &g };
	struct api_coordinator_status s;
	int r;

	if (o->obj.meta.deletion_timestamp)
		return let_go(p, o, cancel, e);
	if (strcmp(o->obj.meta.name, p->c->conf.coordinator_name) != 0)
		return 0;
	r = coordinator_look(&reader, o->spec.pod_cidr_type, &s, e);
	if (r < 0)
		return r;
	r = publish(p, o, &s, cancel, e);
	json_clear(&api_coordinator_status_table, &s);
	return r < 0 ? r : AGAIN_MS;
}

static int64_t work(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	struct coordinator *p = arg;
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_op op = op_of(key, NULL, cancel);
	struct api_coordinator o;
	int64_t r = kube_get(p->c->k, &op, &tree, e);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = json_decode(&api_coordinator_table, tree, API_COORDINATOR_KIND, &o, e);
	if (r < 0)
		return r;
	r = look(p, &o, cancel, e);
	json_clear(&api_coordinator_table, &o);
	return r;
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)arg;
	if (n > 1) /* once: somebody was quicker */
		say(LOG_LEVEL_WARN, API_COORDINATOR_KIND " %s: trying again: %s", key, why->msg);
}

/* ---- the part ---- */

static void stop(void *part)
{
	struct coordinator *p = part;

	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_mutex_unlock(&p->lock);
	kube_watch_stop(p->objects.watch);
	for (size_t i = 0; i < CONFIGS; i++)
		kube_watch_stop(p->configs[i].watch);
	for (size_t i = 0; i < COORDINATOR_SOURCES; i++)
		kube_watch_stop(p->sources[i].watch);
	kube_queue_stop(p->queue);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int watch_config(struct coordinator *p, const char *config, struct source *ret, struct err *e)
{
	const char *slash = strchr(config, '/');
	char ns[NS_MAX], fields[NS_MAX + 16];

	snprintf(ns, sizeof(ns), "%.*s", slash ? (int)(slash - config) : 0, config);
	snprintf(fields, sizeof(fields), "metadata.name=%s", slash ? slash + 1 : config);
	return watch(p, &coordinator_configmaps, ns, fields, ret, e);
}

static int start_all(struct coordinator *p, struct err *e)
{
	const struct kube_queue_conf queue = { .k = p->c->k, .work = work, .failed = failed, .arg = p };
	const struct kube_watch_conf objects = { .k = p->c->k,
						 .res = &kube_resources[KUBE_SPIDERCOORDINATORS],
						 .event = object_event,
						 .trouble = trouble,
						 .arg = &p->objects };
	int r = kube_queue_start(&queue, &p->queue, e);

	p->objects.p = p;
	if (r == 0)
		r = kube_watch_start(&objects, &p->objects.watch, e);
	if (r == 0)
		r = watch_config(p, "kube-system/kubeadm-config", &p->configs[0], e);
	return r < 0 ? r : watch_config(p, p->c->conf.cilium_config, &p->configs[1], e);
}

static int start(struct controller *c, void **ret, struct err *e)
{
	struct coordinator *p;
	int r;

	*ret = NULL;
	if (!c->conf.coordinator)
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e);
	p->c = c;
	pthread_mutex_init(&p->lock, NULL);
	r = start_all(p, e);
	if (r < 0)
		stop(p);
	else
		*ret = p;
	return r;
}

const struct controller_part part_coordinator = { "SpiderCoordinator", start, stop };
