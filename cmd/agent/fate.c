/* SPDX-License-Identifier: Apache-2.0 */
/* fate.c - whether a pod still lives */
#include <errno.h>

#include "base/own.h"
#include "cluster_impl.h"

/* p: what has the name of the pod that is meant; NULL for none. */
static enum cluster_fate fate_by(const struct cluster *c, const struct kube_pod *p, const char *uid)
{
	if (p && cluster_pod_is(p, uid))
		return kube_pod_alive(p) ? FATE_ALIVE : FATE_DEAD;
	return p && kube_pod_config_hash(p) && cluster_same(p->spec.node, c->node) ? FATE_REMADE : FATE_GONE;
}

enum cluster_fate cluster_pod_known(struct cluster *c, const char *ns, const char *name, const char *uid)
{
	CLEANUP(kube_item_put_p)
	const struct kube_item *item = kube_cache_get(c->follow[FOLLOW_PODS].cache, ns, name);

	return fate_by(c, item ? item->view : NULL, uid);
}

bool cluster_pod_known_alive(struct cluster *c, const char *ns, const char *name, const char *uid)
{
	return cluster_pod_known(c, ns, name, uid) == FATE_ALIVE;
}

int cluster_pod_fate(struct cluster *c, const char *ns, const char *name, const char *uid,
		     struct deadline until, enum cluster_fate *ret, int64_t *ret_grace_s, struct err *e)
{
	struct kube_pod *p;
	struct err why;
	int r = cluster_get_pod(c, ns, name, until, &p, &why);

	if (r < 0 && r != -ENOENT) {
		*e = why;
		return r;
	}
	*ret = fate_by(c, p, uid);
	*ret_grace_s = p && cluster_pod_is(p, uid) && p->meta.grace_s.set ? p->meta.grace_s.v : 0;
	cluster_free(&kube_pod_table, p);
	return 0;
}
