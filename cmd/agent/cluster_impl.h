/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_impl.h - shared by the files of cluster.h */
#ifndef AGENT_CLUSTER_IMPL_H
#define AGENT_CLUSTER_IMPL_H

#include <pthread.h>
#include <string.h>

#include "cluster.h"
#include "kube/object.h"

enum { FOLLOW_PODS, FOLLOW_NAMESPACES, FOLLOW_NODE, FOLLOW_MAX };

struct follow {
	struct cluster *c;
	struct kube_cache *cache;
	struct kube_watch *watch;
};

/* Who controls a ReplicaSet or a Job, by the UID of that. */
#define KNOWN_OWNERS_MAX 256

struct known_owner {
	char *uid; /* NULL: not used */
	struct kube_owner up;
	uint64_t used; /* the higher, the later */
};

struct cluster {
	struct cluster_conf conf;
	char *node;
	struct kube_cancel cancel;
	struct follow follow[FOLLOW_MAX];

	pthread_mutex_t lock;
	struct known_owner owners[KNOWN_OWNERS_MAX]; /* lock */
	uint64_t owners_used;                        /* lock */
};

static inline bool cluster_same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* The newest state of an object by the API, as a struct of its table, to be released with it.
 *   -ENOENT  there is none
 *   -ENXIO   404, and not in the API server's words: it does not serve the kind (for custom resources also
 *            while it starts), or somebody else answers; nothing follows from it for the object */
struct cluster_get {
	const struct kube_resource *res;
	const char *ns, *name;
	bool metadata_only;
	const struct json_table *table;
	struct deadline until;
};
int cluster_get(struct cluster *c, const struct cluster_get *g, void **ret, struct err *e);
/* The same of a pod; it has a namespace, a name and a UID. */
int cluster_get_pod(struct cluster *c, const char *ns, const char *name, struct deadline until,
		    struct kube_pod **ret, struct err *e);
void cluster_free(const struct json_table *table, void *view); /* accepts NULL */

/* Is the pod the one that is meant by uid? */
bool cluster_pod_is(const struct kube_pod *p, const char *uid);
/* Calls conf.trouble. */
void cluster_trouble(struct cluster *c, const struct err *why);

/* Fills in p->owner; p->hold, hold_ref and endpoint. */
int cluster_pod_owner(struct cluster *c, struct cluster_pod *p, struct deadline until, struct err *e);
int cluster_pod_hold(struct cluster *c, struct cluster_pod *p, struct err *e);

void cluster_owners_clear(struct cluster *c);

#endif
