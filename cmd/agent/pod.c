/* SPDX-License-Identifier: Apache-2.0 */
/* pod.c - a pod of this node, with all that its addresses depend on */
#include <errno.h>
#include <stdlib.h>

#include "cluster_impl.h"

struct who {
	const char *ns, *name, *uid;
};

static void view_clear(struct cluster_view *v)
{
	kube_item_put(v->item);
	cluster_free(v->table, v->own);
	*v = (struct cluster_view){ 0 };
}

static const void *view_of(const struct cluster_view *v)
{
	return v->item ? v->item->view : v->own;
}

/* From the cache: false when it is not there or cannot be used. */
static bool view_cached(struct kube_cache *cache, const char *ns, const char *name, struct cluster_view *v)
{
	v->item = kube_cache_get(cache, ns, name);
	if (v->item && !v->item->view)
		view_clear(v);
	return v->item;
}

/* ---- the pod ---- */

/* Without a UID a pod that is on its way out may be the predecessor of the one that is meant. */
static bool usable(const struct kube_pod *p, const struct who *w)
{
	return p->meta.ns && p->meta.name && p->meta.uid && cluster_pod_is(p, w->uid) &&
	       (*w->uid || kube_pod_alive(p));
}

static int read_pod(struct cluster *c, const struct who *w, struct deadline until, struct cluster_view *v,
		    struct err *e)
{
	struct kube_pod *p;
	int r = cluster_get_pod(c, w->ns, w->name, until, &p, e);

	if (r == -ENOENT)
		return err_code(e, ERR_TRY_AGAIN, ENOENT, "pod %s/%s (UID %s) does not exist", w->ns, w->name,
				*w->uid ? w->uid : "not given");
	if (r < 0)
		return r;
	v->own = p;
	v->table = &kube_pod_table;
	if (!cluster_pod_is(p, w->uid))
		return err_code(e, ERR_TRY_AGAIN, ESTALE,
				"pod %s/%s has the UID %s now, this call is for the one with UID %s", w->ns,
				w->name, p->meta.uid, w->uid);
	if (!cluster_same(p->spec.node, c->node))
		return err_code(e, ERR_CONFIG, EPERM, "pod %s/%s is on node \"%s\", this is node \"%s\"",
				w->ns, w->name, p->spec.node ? p->spec.node : "", c->node);
	return 0;
}

static int find_pod(struct cluster *c, const struct who *w, struct deadline until, struct cluster_pod *p,
		    struct err *e)
{
	int r;

	if (view_cached(c->follow[FOLLOW_PODS].cache, w->ns, w->name, &p->view) &&
	    !usable(view_of(&p->view), w))
		view_clear(&p->view);
	r = p->view.item ? 0 : read_pod(c, w, until, &p->view, e);
	if (r < 0)
		return r;
	p->pod = view_of(&p->view);
	p->ns = p->pod->meta.ns;
	p->name = p->pod->meta.name;
	p->uid = p->pod->meta.uid;
	p->labels = &p->pod->meta.labels;
	p->annotations = &p->pod->meta.annotations;
	p->alive = kube_pod_alive(p->pod);
	return 0;
}

/* ---- its namespace and node ---- */

static const struct kube_meta_view nothing;

/* *ret NULL: the API has none. */
static int find_meta(struct cluster *c, unsigned follow, const struct cluster_get *g, struct cluster_view *v,
		     struct err *e)
{
	struct err why;
	int r;

	if (view_cached(c->follow[follow].cache, "", g->name, v))
		return 0;
	/* The watch may be behind, or not have begun. */
	v->table = g->table;
	r = cluster_get(c, g, &v->own, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*e = why;
	return r;
}

static int find_namespace(struct cluster *c, struct deadline until, struct cluster_pod *p, struct err *e)
{
	struct cluster_get g = { .res = &kube_resources[KUBE_NAMESPACES],
				 .name = p->ns,
				 .metadata_only = true,
				 .table = &kube_namespace_table,
				 .until = until };
	int r = find_meta(c, FOLLOW_NAMESPACES, &g, &p->ns_view, e);
	const struct kube_namespace *ns = view_of(&p->ns_view);

	p->ns_known = ns;
	p->ns_labels = ns ? &ns->meta.labels : &nothing.labels;
	p->ns_annotations = ns ? &ns->meta.annotations : &nothing.annotations;
	return r;
}

static int find_node(struct cluster *c, struct deadline until, struct cluster_pod *p, struct err *e)
{
	struct cluster_get g = { .res = &kube_resources[KUBE_NODES],
				 .name = c->node,
				 .metadata_only = true,
				 .table = &kube_node_table,
				 .until = until };
	int r = find_meta(c, FOLLOW_NODE, &g, &p->node_view, e);
	const struct kube_node *node = view_of(&p->node_view);

	p->node_known = node;
	p->node_labels = node ? &node->meta.labels : &nothing.labels;
	return r;
}

/* ---- all of it ---- */

int cluster_pod_get(struct cluster *c, const char *ns, const char *name, const char *uid,
		    struct deadline until, struct cluster_pod *ret, struct err *e)
{
	struct who w = { ns, name, uid };
	int r;

	*ret = (struct cluster_pod){ 0 };
	r = find_pod(c, &w, until, ret, e);
	if (r == 0)
		r = find_namespace(c, until, ret, e);
	if (r == 0)
		r = find_node(c, until, ret, e);
	if (r == 0)
		r = cluster_pod_owner(c, ret, until, e);
	if (r == 0)
		r = cluster_pod_hold(c, ret, e);
	if (r < 0)
		cluster_pod_clear(ret);
	return r;
}

void cluster_pod_clear(struct cluster_pod *p)
{
	view_clear(&p->view);
	view_clear(&p->ns_view);
	view_clear(&p->node_view);
	free(p->owner.api_version);
	free(p->owner.kind);
	free(p->owner.ns);
	free(p->owner.name);
	free(p->owner.uid);
	free(p->hold_ref);
	free(p->endpoint);
	*p = (struct cluster_pod){ 0 };
}
