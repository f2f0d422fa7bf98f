/* SPDX-License-Identifier: Apache-2.0 */
/* fate.c - whether a pod still lives */
#include <errno.h>

#include "base/own.h"
#include "cluster_impl.h"

bool cluster_pod_known_alive(struct cluster *c, const char *ns, const char *name, const char *uid)
{
	CLEANUP(kube_item_put_p)
	const struct kube_item *item = kube_cache_get(c->follow[FOLLOW_PODS].cache, ns, name);

	return item && item->view && cluster_pod_is(item->view, uid) && kube_pod_alive(item->view);
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
	*ret_grace_s = 0;
	if (!p || !cluster_pod_is(p, uid)) {
		*ret = FATE_GONE;
	} else {
		*ret = kube_pod_alive(p) ? FATE_ALIVE : FATE_DEAD;
		*ret_grace_s = p->meta.grace_s.set ? p->meta.grace_s.v : 0;
	}
	cluster_free(&kube_pod_table, p);
	return 0;
}
