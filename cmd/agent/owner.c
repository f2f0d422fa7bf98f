/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - from a pod up to the workload that it belongs to */
#include <errno.h>
#include <stdlib.h>

#include "cluster_impl.h"
#include "ipam/owner.h"

/* ---- who controls what, remembered ---- */

static void owner_free(struct kube_owner *o)
{
	free(o->api_version);
	free(o->kind);
	free(o->name);
	free(o->uid);
	*o = (struct kube_owner){ 0 };
}

static int copy(char **to, const char *from)
{
	*to = strdup(from ? from : "");
	return *to ? 0 : -ENOMEM;
}

static int owner_copy(const struct kube_owner *in, struct kube_owner *out, struct err *e)
{
	*out = (struct kube_owner){ .controller = in->controller };
	if (copy(&out->api_version, in->api_version) < 0 || copy(&out->kind, in->kind) < 0 ||
	    copy(&out->name, in->name) < 0 || copy(&out->uid, in->uid) < 0) {
		owner_free(out);
		return err_nomem(e);
	}
	return 0;
}

/* 1: known, and copied. */
static int recall(struct cluster *c, const char *uid, struct kube_owner *ret, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < KNOWN_OWNERS_MAX && r == 0; i++) {
		struct known_owner *o = &c->owners[i];

		if (!cluster_same(o->uid, uid))
			continue;
		o->used = ++c->owners_used;
		r = owner_copy(&o->up, ret, e);
		r = r < 0 ? r : 1;
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

static void known_free(struct known_owner *o)
{
	free(o->uid);
	owner_free(&o->up);
	*o = (struct known_owner){ 0 };
}

/* In the place of what was not asked for the longest. Without memory it is asked for again, that is all. */
static void remember(struct cluster *c, const char *uid, const struct kube_owner *up)
{
	struct known_owner o = { .uid = strdup(uid) }, *at = c->owners;
	struct err ignored;

	if (!o.uid || owner_copy(up, &o.up, &ignored) < 0) {
		known_free(&o);
		return;
	}
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < KNOWN_OWNERS_MAX; i++) {
		if (cluster_same(c->owners[i].uid, uid)) {
			at = &c->owners[i];
			break;
		}
		if (c->owners[i].used < at->used)
			at = &c->owners[i];
	}
	known_free(at);
	o.used = ++c->owners_used;
	*at = o;
	pthread_mutex_unlock(&c->lock);
}

void cluster_owners_clear(struct cluster *c)
{
	for (size_t i = 0; i < KNOWN_OWNERS_MAX; i++)
		known_free(&c->owners[i]);
}

/* ---- climbing ---- */

/* 1: o is controlled by *ret, a copy. That it is not may change: it is asked anew each time. */
static int ask(struct cluster *c, const struct cluster_pod *p, const struct kube_resource *res,
	       const struct kube_owner *o, struct deadline until, struct kube_owner *ret, struct err *e)
{
	struct cluster_get g = { .res = res,
				 .ns = p->ns,
				 .name = o->name,
				 .metadata_only = true,
				 .table = &kube_object_table,
				 .until = until };
	const struct kube_owner *up;
	struct kube_object *object;
	void *view;
	int r = cluster_get(c, &g, &view, e);

	object = view;
	if (r == -ENOENT)
		return err_code(e, ERR_TRY_AGAIN, ENOENT,
				"pod %s/%s belongs to %s \"%s\" (UID %s), which does not exist", p->ns,
				p->name, o->kind, o->name, o->uid);
	if (r < 0)
		return err_wrap(e, "owner of pod %s/%s", p->ns, p->name);
	up = kube_controller(&object->meta);
	if (!cluster_same(object->meta.uid, o->uid)) {
		r = err_code(e, ERR_TRY_AGAIN, ENOENT,
			     "pod %s/%s belongs to %s \"%s\" with UID %s, which does not exist: the one of "
			     "that name has UID %s",
			     p->ns, p->name, o->kind, o->name, o->uid, object->meta.uid ?: "none");
	} else if (owner_above(res, up)) {
		remember(c, o->uid, up);
		r = owner_copy(up, ret, e);
		r = r < 0 ? r : 1;
	}
	cluster_free(&kube_object_table, view);
	return r;
}

static int climb(struct cluster *c, const struct cluster_pod *p, const struct kube_owner *o,
		 struct deadline until, struct kube_owner *ret, struct err *e)
{
	const struct kube_resource *res = owner_below(o);
	int r = res ? recall(c, o->uid, ret, e) : 0;

	if (res && r == 0)
		r = ask(c, p, res, o, until, ret, e);
	return r == 0 ? owner_copy(o, ret, e) : r;
}

int cluster_pod_owner(struct cluster *c, struct cluster_pod *p, struct deadline until, struct err *e)
{
	const struct kube_owner itself = { (char *)"v1", (char *)"Pod", p->pod->meta.name, p->pod->meta.uid,
					   true };
	const struct kube_owner *o = kube_controller(&p->pod->meta);
	struct kube_owner top;
	int r = o ? climb(c, p, o, until, &top, e) : owner_copy(&itself, &top, e);

	if (r < 0)
		return r;
	p->owner = (struct cluster_owner){ .api_version = top.api_version,
					   .kind = top.kind,
					   .name = top.name,
					   .uid = top.uid,
					   .ns = strdup(p->ns) };
	return p->owner.ns ? 0 : err_nomem(e);
}
