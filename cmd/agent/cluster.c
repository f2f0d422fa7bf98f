/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c - what is watched, and what is read when it is needed */
#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "cluster_impl.h"

void cluster_trouble(struct cluster *c, const struct err *why)
{
	if (c->conf.trouble)
		c->conf.trouble(why->msg, c->conf.arg);
}

/* ---- reading ---- */

void cluster_free(const struct json_table *table, void *view)
{
	if (!view)
		return;
	json_clear(table, view);
	free(view);
}

int cluster_get(struct cluster *c, const struct cluster_get *g, void **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = g->res,
			      .ns = g->ns,
			      .name = g->name,
			      .metadata_only = g->metadata_only,
			      .table = g->table,
			      .until = g->until,
			      .cancel = &c->cancel };
	void *view;
	int r;

	*ret = NULL;
	r = kube_get(c->conf.k, &op, &o, e);
	if (r == -ENXIO)
		return err_code(e, ERR_TRY_AGAIN, ENXIO,
				"%s %s/%s: what answers as the API server does not know this kind of object",
				g->res->kind, g->ns ? g->ns : "", g->name);
	if (r < 0)
		return r;
	view = calloc(1, g->table->size);
	if (!view)
		return err_nomem(e);
	r = json_decode(g->table, o, NULL, view, e);
	if (r < 0) {
		free(view);
		return err_wrap(e, "%s %s/%s", g->res->kind, g->ns ? g->ns : "", g->name);
	}
	*ret = view;
	return 0;
}

int cluster_get_pod(struct cluster *c, const char *ns, const char *name, struct deadline until,
		    struct kube_pod **ret, struct err *e)
{
	struct cluster_get g = { .res = &kube_resources[KUBE_PODS],
				 .ns = ns,
				 .name = name,
				 .table = &kube_pod_table,
				 .until = until };
	void *view;
	int r = cluster_get(c, &g, &view, e);

	*ret = view;
	if (r == 0 && !((*ret)->meta.ns && (*ret)->meta.name && (*ret)->meta.uid)) {
		cluster_free(&kube_pod_table, view);
		*ret = NULL;
		r = err_code(e, ERR_DECODE, EBADMSG, "pod %s/%s: an answer without a namespace, name or UID",
			     ns, name);
	}
	return r;
}

bool cluster_pod_is(const struct kube_pod *p, const char *uid)
{
	return !*uid || cluster_same(p->meta.uid, uid) || cluster_same(kube_pod_config_hash(p), uid);
}

/* ---- watching ---- */

/* Of one that cannot be read nothing is known. */
static bool ended(const struct kube_item *item)
{
	return item->view && !kube_pod_alive(item->view);
}

static void pod_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct cluster *c = arg;
	bool same = old && now && !strcmp(old->uid, now->uid);

	if (old && !same)
		c->conf.pod_ended(old->ns, old->name, old->uid, c->conf.arg);
	if (now && ended(now) && !(same && ended(old)))
		c->conf.pod_ended(now->ns, now->name, now->uid, c->conf.arg);
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct follow *f = arg;

	return kube_cache_event(ev, f->cache, e);
}

static void trouble(const struct err *why, void *arg)
{
	struct follow *f = arg;

	cluster_trouble(f->c, why);
}

/* All of them list what the server has at hand: a quorum read of one node's pods reads those of all nodes
 * from etcd. */
static int follow(struct cluster *c, struct follow *f, const struct json_table *table,
		  struct kube_watch_conf *w, struct err *e)
{
	struct kube_cache_conf cache = { .table = table, .arg = c };
	int r;

	if (w->res == &kube_resources[KUBE_PODS] && c->conf.pod_ended)
		cache.changed = pod_changed;
	f->c = c;
	r = kube_cache_new(&cache, &f->cache, e);
	if (r < 0)
		return r;
	w->k = c->conf.k;
	w->table = table;
	w->cached = true;
	w->event = event;
	w->trouble = trouble;
	w->arg = f;
	return kube_watch_start(w, &f->watch, e);
}

static int follow_all(struct cluster *c, struct err *e)
{
	CLEANUP(buf_clear) struct buf pods = BUF_INIT(512);
	CLEANUP(buf_clear) struct buf node = BUF_INIT(512);
	struct kube_watch_conf w[FOLLOW_MAX] = {
		[FOLLOW_PODS] = { .res = &kube_resources[KUBE_PODS] },
		[FOLLOW_NAMESPACES] = { .res = &kube_resources[KUBE_NAMESPACES], .metadata_only = true },
		[FOLLOW_NODE] = { .res = &kube_resources[KUBE_NODES], .metadata_only = true },
	};
	const struct json_table *tables[FOLLOW_MAX] = { &kube_pod_table, &kube_namespace_table,
							&kube_node_table };
	int r = 0;

	buf_fmt(&pods, "spec.nodeName=%s", c->node);
	buf_fmt(&node, "metadata.name=%s", c->node);
	if (pods.err || node.err)
		return err_nomem(e);
	w[FOLLOW_PODS].fields = pods.s;
	w[FOLLOW_NODE].fields = node.s;
	for (size_t i = 0; i < FOLLOW_MAX && r == 0; i++)
		r = follow(c, &c->follow[i], tables[i], &w[i], e);
	return r;
}

/* ---- life ---- */

/* It becomes a part of selectors. */
static bool node_name(const char *s)
{
	size_t len = s ? strlen(s) : 0;

	return len && len <= 253 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

int cluster_start(const struct cluster_conf *conf, struct cluster **ret, struct err *e)
{
	struct cluster *c;
	int r;

	*ret = NULL;
	if (!node_name(conf->node))
		return err_code(e, ERR_CONFIG, EINVAL,
				"name of this node \"%s\": want that of its Node object", conf->node ?: "");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_nomem(e);
	c->conf = *conf;
	pthread_mutex_init(&c->lock, NULL);
	c->node = strdup(conf->node);
	r = c->node ? follow_all(c, e) : err_nomem(e);
	if (r < 0)
		cluster_stop(c);
	else
		*ret = c;
	return r;
}

bool cluster_wait(struct cluster *c, struct deadline until)
{
	for (size_t i = 0; i < FOLLOW_MAX; i++) {
		if (!kube_cache_wait(c->follow[i].cache, until))
			return false;
	}
	return true;
}

void cluster_cancel(struct cluster *c)
{
	kube_cancel(c->conf.k, &c->cancel);
}

void cluster_stop(struct cluster *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < FOLLOW_MAX; i++) {
		kube_watch_stop(c->follow[i].watch);
		kube_cache_free(c->follow[i].cache);
	}
	cluster_owners_clear(c);
	pthread_mutex_destroy(&c->lock);
	free(c->node);
	free(c);
}
