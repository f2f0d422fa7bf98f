/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator_look.c - what the status of a SpiderCoordinator should say
 *
 * Something that is not there, not allowed or not understood is a status: NotReady, with the sentence as its
 * reason. An API server that does not answer is not: what was known of it stays.
 */
#include "coordinator_look.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/network.h"
#include "coordinator_find.h"

#define SERVICECIDR(v) \
	{ \
		"networking.k8s.io", v, "servicecidrs", "ServiceCIDR", false \
	}
#define CILIUM(v) \
	{ \
		"cilium.io", v, "ciliumpodippools", "CiliumPodIPPool", false \
	}
#define KUBEADM     "kubeadm-config"
#define KCM_LABELS  "component=kube-controller-manager"
#define KUBE_SYSTEM "kube-system"

const struct kube_resource coordinator_sources[COORDINATOR_SOURCES] = {
	[COORDINATOR_SERVICECIDRS] = SERVICECIDR("v1"),
	[COORDINATOR_SERVICECIDRS + 1] = SERVICECIDR("v1beta1"),
	[COORDINATOR_SERVICECIDRS + 2] = SERVICECIDR("v1alpha1"),
	[COORDINATOR_CALICO_POOLS] = { "crd.projectcalico.org", "v1", "ippools", "IPPool", false },
	[COORDINATOR_CILIUM_POOLS] = CILIUM("v2alpha1"),
	[COORDINATOR_CILIUM_POOLS_V2] = CILIUM("v2"),
};
const struct kube_resource coordinator_configmaps = { "", "v1", "configmaps", "ConfigMap", true };

/* An answer of the functions below besides 0 and negative ones: *e is the reason of NotReady. */
enum { NOT_READY = 1 };

struct look {
	const struct coordinator_reader *r;
	struct coordinator_cidrs found;   /* the answer */
	struct coordinator_cidrs cluster; /* of kubeadm or kube-controller-manager */
	bool cluster_read;
};

static int not_ready(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int not_ready(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return NOT_READY;
}

/* What an operator has to do something about is a reason. */
static int weigh(int r)
{
	return r == -EACCES ? NOT_READY : r;
}

static int configmap(const struct look *l, const char *ns, const char *name, struct json_object **ret,
		     struct err *e)
{
	return l->r->configmap(ns, name, ret, l->r->arg, e);
}

static int list(const struct look *l, const struct kube_resource *res, const char *ns, const char *labels,
		struct json_object **ret, struct err *e)
{
	return l->r->list(res, ns, labels, ret, l->r->arg, e);
}

/* ---- the cluster's own configuration ---- */

static int read_kubeadm(struct look *l, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	const char *text;
	int r = configmap(l, KUBE_SYSTEM, KUBEADM, &o, e);

	if (r < 0)
		return r == -ENOENT ? 0 : weigh(r);
	text = json_get_str(json_get(o, "data"), "ClusterConfiguration");
	return text ? coordinator_add_kubeadm(&l->cluster, text, e) : 0;
}

static int read_flags(struct look *l, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *pods = NULL;
	int r = list(l, &kube_resources[KUBE_PODS], KUBE_SYSTEM, KCM_LABELS, &pods, e);

	if (r < 0)
		return weigh(r);
	if (!json_len(pods))
		return not_ready(
			e, "neither the ConfigMap " KUBE_SYSTEM "/" KUBEADM
			   " nor a Pod with the label " KCM_LABELS " in the namespace " KUBE_SYSTEM
			   " says what addresses the cluster's Pods and services have: want one of them");
	for (size_t i = 0; i < json_len(pods) && r == 0; i++)
		r = coordinator_add_flags(&l->cluster, json_at(pods, i), e);
	return r;
}

/* Only what is needed has to be found. */
static int read_cluster(struct look *l, bool pods, bool services, struct err *e)
{
	int r = l->cluster_read ? 0 : read_kubeadm(l, e);

	l->cluster_read = true;
	if (r == 0 && ((pods && !l->cluster.pods.n) || (services && !l->cluster.services.n)))
		r = read_flags(l, e);
	return r;
}

/* ---- services ---- */

static int find_services(struct look *l, struct err *e)
{
	int r = -ENOENT;

	for (int i = 0; i < 3 && r == -ENOENT; i++) {
		CLEANUP(json_put_p) struct json_object *a = NULL;

		r = list(l, &coordinator_sources[COORDINATOR_SERVICECIDRS + i], NULL, NULL, &a, e);
		if (r == 0)
			r = coordinator_add_objects(&l->found.services, a, e);
	}
	if (r < 0 && r != -ENOENT)
		return weigh(r);
	if (l->found.services.n)
		return 0;
	r = read_cluster(l, false, true, e);
	return r ? r : json_strv_copy(&l->cluster.services, &l->found.services, e);
}

/* ---- pods ---- */

static int pods_of_cluster(struct look *l, struct err *e)
{
	int r = read_cluster(l, true, false, e);

	return r ? r : json_strv_copy(&l->cluster.pods, &l->found.pods, e);
}

static int pods_of_objects(struct look *l, int first, int last, struct err *e)
{
	int r = -ENOENT;

	for (int i = first; i <= last && r == -ENOENT; i++) {
		CLEANUP(json_put_p) struct json_object *a = NULL;

		r = list(l, &coordinator_sources[i], NULL, NULL, &a, e);
		if (r == 0)
			r = coordinator_add_objects(&l->found.pods, a, e);
	}
	if (r == -ENOENT)
		return not_ready(e, "the cluster has no %s.%s", coordinator_sources[first].plural,
				 coordinator_sources[first].group);
	return weigh(r);
}

static int pods_of_cilium(struct look *l, struct err *e)
{
	const char *config = l->r->cilium_config, *slash = strchr(config, '/'), *ipam;
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct json_object *data;
	char ns[256];
	int r;

	snprintf(ns, sizeof(ns), "%.*s", slash ? (int)(slash - config) : 0, config);
	r = configmap(l, ns, slash ? slash + 1 : "", &o, e);
	if (r == -ENOENT)
		return not_ready(e, "there is no ConfigMap %s of Cilium", config);
	if (r < 0)
		return weigh(r);
	data = json_get(o, "data");
	ipam = json_get_str(data, "ipam");
	if (!ipam)
		return not_ready(e, "ConfigMap %s has no key ipam", config);
	if (strcmp(ipam, "kubernetes") == 0)
		return pods_of_cluster(l, e);
	if (strcmp(ipam, "multi-pool") == 0)
		return pods_of_objects(l, COORDINATOR_CILIUM_POOLS, COORDINATOR_CILIUM_POOLS_V2, e);
	if (strcmp(ipam, "cluster-pool") != 0 && strcmp(ipam, "cluster-pool-v2beta") != 0)
		return not_ready(e,
				 "ConfigMap %s: ipam: \"%.64s\": want cluster-pool, cluster-pool-v2beta, "
				 "multi-pool or kubernetes",
				 config, ipam);
	if (json_get_str(data, "cluster-pool-ipv4-cidr"))
		r = coordinator_add(&l->found.pods, json_get_str(data, "cluster-pool-ipv4-cidr"), e);
	if (r == 0 && json_get_str(data, "cluster-pool-ipv6-cidr"))
		r = coordinator_add(&l->found.pods, json_get_str(data, "cluster-pool-ipv6-cidr"), e);
	return r;
}

static int find_pods(struct look *l, const char *type, struct err *e)
{
	if (strcmp(type, "cluster") == 0)
		return pods_of_cluster(l, e);
	if (strcmp(type, "calico") == 0)
		return pods_of_objects(l, COORDINATOR_CALICO_POOLS, COORDINATOR_CALICO_POOLS, e);
	if (strcmp(type, "cilium") == 0)
		return pods_of_cilium(l, e);
	if (strcmp(type, "none") == 0)
		return 0;
	return not_ready(e, "spec.podCIDRType: \"%.64s\": want auto, cluster, calico, cilium or none", type);
}

/* ---- auto ---- */

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static int is_network(const struct dirent *d)
{
	return (ends_in(d->d_name, ".conf") || ends_in(d->d_name, ".conflist")) &&
	       !strstr(d->d_name, "00-multus");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* *ret is one of the types; "none" when there is no file. */
static int find_type(const char *dir, const char **ret, struct err *e)
{
	CLEANUP(free_p) char *path = NULL;
	struct dirent **names = NULL;
	struct cni_network net;
	int n = scandir(dir, &names, is_network, by_name), r = 0;

	*ret = "none";
	if (n < 0)
		return not_ready(e, "spec.podCIDRType: auto: CNI directory %s: %s", dir, strerror(errno));
	if (n > 0 && asprintf(&path, "%s/%s", dir, names[0]->d_name) < 0)
		r = err_nomem(e);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (n == 0 || r < 0)
		return r;
	if (cni_network_load(path, &net, e) < 0) {
		err_wrap(e, "spec.podCIDRType: auto");
		return NOT_READY;
	}
	*ret = coordinator_type_of(net.name);
	cni_network_clear(&net);
	return 0;
}

/* ---- the whole ---- */

static int find(struct look *l, const char *type, struct err *e)
{
	int r = 0;

	if (strcmp(type, "auto") == 0)
		r = find_type(l->r->cni_dir, &type, e);
	if (r == 0)
		r = find_pods(l, type, e);
	return r ? r : find_services(l, e);
}

static int fill(struct api_coordinator_status *ret, bool ready, const char *reason,
		struct coordinator_cidrs *found, struct err *e)
{
	*ret = (struct api_coordinator_status){ .phase = strdup(ready ? "Synced" : "NotReady"),
						.reason = ready ? NULL : strdup(reason) };
	if (ready) {
		ret->overlay_pod_cidr = found->pods;
		ret->service_cidr = found->services;
		*found = (struct coordinator_cidrs){ .pods = { .set = false } };
	}
	ret->overlay_pod_cidr.set = ret->service_cidr.set = true;
	if (ret->phase && (ready || ret->reason))
		return 0;
	json_clear(&api_coordinator_status_table, ret);
	return err_nomem(e);
}

int coordinator_look(const struct coordinator_reader *reader, const char *type,
		     struct api_coordinator_status *ret, struct err *e)
{
	struct look l = { .r = reader };
	struct err why = { .cni = 0 };
	int r = find(&l, type ? type : "", &why);

	if (r < 0)
		*e = why;
	else
		r = fill(ret, r == 0, why.msg, &l.found, e);
	coordinator_cidrs_clear(&l.found);
	coordinator_cidrs_clear(&l.cluster);
	return r;
}
