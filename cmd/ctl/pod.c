/* SPDX-License-Identifier: Apache-2.0 */
/* pod.c - a pod of a cluster, with all that its addresses depend on */
#include "pod.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kube/object.h"

/* 1 and *ret filled in, 0: there is none. */
static int get(struct ctl *c, const struct kube_resource *res, const char *ns, const char *name,
	       const struct json_table *table, void *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = res, .ns = ns, .name = name, .until = deadline_in(c->timeout_ms) };
	struct err why;
	int r = kube_get(c->k, &op, &o, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	r = json_decode(table, o, NULL, ret, e);
	return r < 0 ? err_wrap(e, "%s %s", res->kind, name) : 1;
}

static int copy(char **to, const char *from)
{
	*to = strdup(from ? from : "");
	return *to ? 0 : -ENOMEM;
}

static int set_owner(struct kube_owner *to, const struct kube_owner *from, struct err *e)
{
	struct kube_owner o = { .controller = true };

	if (copy(&o.api_version, from->api_version) < 0 || copy(&o.kind, from->kind) < 0 ||
	    copy(&o.name, from->name) < 0 || copy(&o.uid, from->uid) < 0)
		err_nomem(e);
	free(to->api_version);
	free(to->kind);
	free(to->name);
	free(to->uid);
	*to = o;
	return o.uid && o.name && o.kind && o.api_version ? 0 : -ENOMEM;
}

/* One step up, as the agent goes it (cmd/agent/owner.c). */
static int climb(struct ctl *c, struct pod_objects *p, struct err *e)
{
	const struct kube_resource *below = owner_below(&p->owner);
	struct kube_object o;
	int r = below ? get(c, below, p->pod.meta.ns, p->owner.name, &kube_object_table, &o, e) : 0;

	if (r <= 0)
		return r;
	if (o.meta.uid && strcmp(o.meta.uid, p->owner.uid) == 0 &&
	    owner_above(below, kube_controller(&o.meta)))
		r = set_owner(&p->owner, kube_controller(&o.meta), e);
	json_clear(&kube_object_table, &o);
	return r;
}

static int find_owner(struct ctl *c, struct pod_objects *p, struct err *e)
{
	const struct kube_owner itself = { (char *)"v1", (char *)"Pod", p->pod.meta.name, p->pod.meta.uid,
					   true };
	const struct kube_owner *o = kube_controller(&p->pod.meta);
	int r = set_owner(&p->owner, o ? o : &itself, e);

	if (r == 0 && o)
		r = climb(c, p, e);
	return r < 0 ? r
		     : owner_hold_of(&p->owner, p->pod.meta.ns, p->pod.meta.name,
				     c->settings.enable_stateful_set, c->settings.enable_kubevirt, &p->hold,
				     e);
}

int pod_read(struct ctl *c, const char *ns, const char *name, const char *node, struct pod_objects *ret,
	     struct err *e)
{
	int r = get(c, &kube_resources[KUBE_PODS], ns, name, &kube_pod_table, &ret->pod, e);

	ret->pod_known = r > 0;
	if (r > 0)
		r = find_owner(c, ret, e);
	if (r >= 0)
		r = get(c, &kube_resources[KUBE_NAMESPACES], NULL, ns, &kube_namespace_table, &ret->ns, e);
	ret->ns_known = r > 0;
	node = node ? node : ret->pod.spec.node;
	if (r >= 0 && node && *node) {
		r = get(c, &kube_resources[KUBE_NODES], NULL, node, &kube_node_table, &ret->node, e);
		ret->node_known = r > 0;
	}
	return r < 0 ? r : 0;
}

void pod_clear(struct pod_objects *p)
{
	json_clear(&kube_pod_table, &p->pod);
	json_clear(&kube_namespace_table, &p->ns);
	json_clear(&kube_node_table, &p->node);
	free(p->owner.api_version);
	free(p->owner.kind);
	free(p->owner.name);
	free(p->owner.uid);
	owner_hold_clear(&p->hold);
	*p = (struct pod_objects){ 0 };
}

/* ---- all of them ---- */

struct pods {
	int (*each)(const struct kube_pod *p, void *arg, struct err *e);
	void *arg;
};

static int one(struct json_object *o, void *arg, struct err *e)
{
	const struct pods *x = arg;
	struct kube_pod p;
	int r = json_decode(&kube_pod_table, o, NULL, &p, e);

	if (r < 0)
		return err_wrap(e, "Pod");
	if (p.meta.ns && p.meta.name && p.meta.uid)
		r = x->each(&p, x->arg, e);
	json_clear(&kube_pod_table, &p);
	return r;
}

int pods_each(struct ctl *c, int (*each)(const struct kube_pod *p, void *arg, struct err *e), void *arg,
	      struct err *e)
{
	struct pods x = { each, arg };
	struct kube_op op = { .res = &kube_resources[KUBE_PODS], .until = deadline_in(c->timeout_ms) };
	const struct kube_lister l = { .each = one, .arg = &x };

	return kube_list(c->k, &op, &l, NULL, e);
}
