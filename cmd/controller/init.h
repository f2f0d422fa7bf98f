/* SPDX-License-Identifier: Apache-2.0 */
/* init.h - what a cluster is given once, behind its installation: SPIDERPOOL_INIT_...
 *
 * init_read() is what the environment says, init_objects() what is to be made of it; init.c makes it.
 */
#ifndef CONTROLLER_INIT_H
#define CONTROLLER_INIT_H

#include "daemon/environ.h"
#include "json/tree.h"
#include "kube/resource.h"

#define INIT_OBJECTS_MAX 6

struct init_family {
	char *subnet_name, *pool_name, *subnet, *ranges, *gateway;
};

/* No string is NULL. */
struct init_conf {
	char *ns, *controller, *agent; /* where the controller's Service is */
	char *coordinator, *mode, *cidr_type, *hijack, *policy_routes, *link_address;
	bool tune_routes;
	int64_t veth_mtu;
	struct init_family v4, v6;
	bool multus, install_multus;
	char *cni_dir, *cni_name, *cni_ns, *readiness_file, *multus_configmap;
	int64_t wait_s;
	char *kubeconfig, *kube_host, *kube_port;
};

struct init_object {
	const struct kube_resource *res;
	const char *ns, *name; /* lent from body */
	struct json_object *body;
};

extern const struct daemon_variable init_variables[];
extern const size_t init_variables_n;

/* Code ERR_ENV: one sentence of all that is wrong. */
int init_read(char *const *envp, struct init_conf *out, struct err *e);
void init_clear(struct init_conf *c);
/* In the order in which they must be made; their number, or an error. network: what the node's first CNI
 * configuration is called; NULL: no definition of it is wanted. */
int init_objects(const struct init_conf *c, const char *network, struct init_object ret[INIT_OBJECTS_MAX],
		 struct err *e);
void init_objects_clear(struct init_object *v, int n);
/* The name of the network that a node gives to Pods: of the first file of dir, by name, that is not Multus'
 * own. To be freed by the caller. -ENOENT: there is none yet. */
int init_network(const char *dir, char **ret, struct err *e);

#endif
