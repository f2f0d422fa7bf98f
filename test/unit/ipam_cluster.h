/* SPDX-License-Identifier: Apache-2.0 */
/* ipam_cluster.h - the lab as a node agent uses the engine: pods with labels, owners and namespaces */
#ifndef TEST_IPAM_CLUSTER_H
#define TEST_IPAM_CLUSTER_H

#include "ipam_lab.h"

#define CLUSTER_ANNOTATIONS 4

/* A pod with all that the API knows of it; cluster_request() fills in the maps. */
struct cluster_pod {
	const char *container, *nic, *pod, *uid, *ns, *node;
	struct json_map_entry annotations[CLUSTER_ANNOTATIONS], of_ns[CLUSTER_ANNOTATIONS];
	struct json_map_entry labels[CLUSTER_ANNOTATIONS], ns_labels[CLUSTER_ANNOTATIONS],
		node_labels[CLUSTER_ANNOTATIONS];
	struct ipam_owner owner;
	const char *sts, *vm; /* what keeps the addresses */
	const char *endpoint;
	struct json_map maps[5];
};

#define OWNER_OF(version, k, n) \
	{ \
		.api_version = (version), .kind = (k), .ns = "default", .name = (n), .uid = "owner-uid-1" \
	}

static inline void cluster_open(struct lab *l)
{
	lab_open(l);
	l->m.conf.cluster = true;
	l->m.conf.enable_subnet = l->m.conf.enable_auto_pool = true;
	l->m.conf.agent_ns = "kube-system";
}

static inline const struct json_map *cluster_map(struct json_map *m, struct json_map_entry *v)
{
	*m = (struct json_map){ .v = v, .set = true };
	while (m->n < CLUSTER_ANNOTATIONS && v[m->n].key)
		m->n++;
	return m;
}

static inline struct ipam_request cluster_request(struct cluster_pod *p)
{
	static const struct ipam_owner none = OWNER_OF("v1", "Pod", "p");
	struct ipam_request r = lab_pod(p->container ? p->container : "c1", p->nic ? p->nic : "eth0",
					p->pod ? p->pod : "p", p->uid ? p->uid : "u1");

	if (p->ns)
		r.ns = p->ns;
	if (p->node)
		r.node = p->node;
	r.annotations = cluster_map(&p->maps[0], p->annotations);
	r.ns_annotations = cluster_map(&p->maps[1], p->of_ns);
	r.pod_labels = (struct ipam_labels){ true, cluster_map(&p->maps[2], p->labels) };
	r.ns_labels = (struct ipam_labels){ true, cluster_map(&p->maps[3], p->ns_labels) };
	r.node_labels = (struct ipam_labels){ true, cluster_map(&p->maps[4], p->node_labels) };
	r.owner = p->owner.kind ? p->owner : none;
	r.hold = p->sts ? HOLD_STS : p->vm ? HOLD_VM : HOLD_POD;
	r.hold_ref = p->sts ? p->sts : p->vm;
	r.endpoint = p->endpoint;
	return r;
}

static inline const char *cluster_add(struct lab *l, struct cluster_pod p)
{
	struct ipam_request r = cluster_request(&p);

	return lab_add(l, &r);
}

/* The pool that the controller makes for an application; affinity: its podAffinity too. */
static inline void cluster_app_pool(struct lab *l, const char *name, const char *spec, const char *gv,
				    const char *kind, const char *app, const char *nic, const char *affinity)
{
	char yaml[4096];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata:\n  name: %s\n"
		 "  labels:\n"
		 "    ipam.spidernet.io/owner-spider-subnet: sub\n"
		 "    ipam.spidernet.io/owner-application-gv: %s\n"
		 "    ipam.spidernet.io/owner-application-kind: %s\n"
		 "    ipam.spidernet.io/owner-application-namespace: default\n"
		 "    ipam.spidernet.io/owner-application-name: %s\n"
		 "    ipam.spidernet.io/owner-application-uid: owner-uid-1\n"
		 "    ipam.spidernet.io/interface: %s\n"
		 "    ipam.spidernet.io/ip-version: %s\n"
		 "spec: {%s%s}\n",
		 name, gv, kind, app, nic, strstr(spec, "::") ? "IPv6" : "IPv4", spec, affinity);
	lab_apply(l, yaml);
}

#endif
