/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_coordinator.c - where clusters say what addresses they have, as they say it
 *
 * Replies are those of real clusters, cut down. Rows that begin with V and a number are those of the
 * end-to-end table that users' documents name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "../../cmd/controller/coordinator_find.c" /* a program's own, no library's */
#include "../../cmd/controller/coordinator_look.c"
#include "base/file.h"

static const char *show(const struct json_strv *l)
{
	static char out[4][512];
	static unsigned turn;
	char *s = out[turn++ % 4];
	size_t n = 0;

	s[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		n += (size_t)snprintf(s + n, 512 - n, "%s%s", i ? " " : "", l->v[i]);
	return s;
}

static struct json_object *tree(const char *text)
{
	struct json_object *o;
	struct err e;

	if (json_parse(text, strlen(text), "row", &o, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return o;
}

/* ---- texts ---- */

/* kubeadm v1.20, as the ConfigMap has it */
#define KUBEADM_120 \
	"apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\n  timeoutForControlPlane: 4m0s\n" \
	"apiVersion: kubeadm.k8s.io/v1beta2\ncertificatesDir: /etc/kubernetes/pki\nclusterName: kubernetes\n" \
	"controllerManager: {}\ndns:\n  type: CoreDNS\netcd:\n  local:\n    dataDir: /var/lib/etcd\n" \
	"imageRepository: k8s.gcr.io\nkind: ClusterConfiguration\nkubernetesVersion: v1.20.2\nnetworking:\n" \
	"  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\nscheduler: {}\n"

static const struct {
	const char *text, *pods, *services;
} kubeadm[] = {
	{ KUBEADM_120, "10.244.0.0/16", "10.96.0.0/12" },
	{ "networking:\n  podSubnet: 10.244.0.0/16,fd00:10:244::/56\n  serviceSubnet: 10.96.0.0/16,fd00:10:96::/112\n",
	  "10.244.0.0/16 fd00:10:244::/56", "10.96.0.0/16 fd00:10:96::/112" },
	{ "networking:\n  dnsDomain: cluster.local\n  serviceSubnet: 10.96.0.0/12\n", "", "10.96.0.0/12" },
	{ "networking:\n  podSubnet: \"10.244.0.0/16\" # ours\r\n  serviceSubnet: '10.96.0.0/12'",
	  "10.244.0.0/16", "10.96.0.0/12" },
	{ "#podSubnet: 10.1.0.0/16\n  # serviceSubnet: 10.2.0.0/16\nx-podSubnet: 10.3.0.0/16\n", "", "" },
	{ "podSubnet: 10.244.0.0/16, bad ,fd00::/64\n", "10.244.0.0/16", "" },
	{ "podSubnet: bad,10.0.0.0/33,10.244.3.0/16,,10.244.0.0/16\n", "10.244.0.0/16", "" },
	{ "podSubnet:\n  serviceSubnet: 10.96.0.0/12\n", "", "10.96.0.0/12" },
	{ "podSubnet", "", "" },
	{ "", "", "" },
};

static void test_kubeadm(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kubeadm); i++) {
		struct coordinator_cidrs c = { .pods = { .set = false } };
		struct err e;

		assert_int_equal(coordinator_add_kubeadm(&c, kubeadm[i].text, &e), 0);
		if (strcmp(show(&c.pods), kubeadm[i].pods) != 0 ||
		    strcmp(show(&c.services), kubeadm[i].services) != 0)
			fail_msg("%s\n: %s; %s", kubeadm[i].text, show(&c.pods), show(&c.services));
		coordinator_cidrs_clear(&c);
	}
}

#define POD(containers) "{\"spec\":{\"containers\":[" containers "]}}"

static const struct {
	const char *pod, *pods, *services;
} flags[] = {
	{ POD("{\"command\":[\"kube-controller-manager\",\"--allocate-node-cidrs=true\",\"--cluster-cidr=10.244.0.0/"
	      "16\",\"--service-cluster-ip-range=10.96.0.0/12\"]}"),
	  "10.244.0.0/16", "10.96.0.0/12" },
	{ POD("{\"command\":[\"kube-controller-manager\"],\"args\":[\"--cluster-cidr\",\"10.1.0.0/16,fd00::/48\","
	      "\"--service-cluster-ip-range\",\"10.2.0.0/16\"]}"),
	  "10.1.0.0/16 fd00::/48", "10.2.0.0/16" },
	{ POD("{\"command\":[\"--cluster-cidr=10.1.0.0/16\"],\"args\":[\"--cluster-cidr=10.9.0.0/16\"]}"),
	  "10.1.0.0/16", "" },
	{ POD("{\"command\":[\"/bin/sh\",\"-c\",\"exec kube-controller-manager --cluster-cidr '10.1.0.0/16' "
	      "--service-cluster-ip-range=\\\"10.2.0.0/16\\\" 2>&1\"]}"),
	  "10.1.0.0/16", "10.2.0.0/16" },
	{ POD("{\"command\":[\"sidecar\"]},{\"args\":[\"--cluster-cidr=10.1.0.0/16\"]}"), "10.1.0.0/16", "" },
	{ POD("{\"command\":[\"--cluster-cidr-x=10.1.0.0/16\",\"x--cluster-cidr=10.1.0.0/16\",\"--cluster-cidr\"]},{"
	      "\"command\":[\"10.5.0.0/16\"]}"),
	  "", "" },
	{ "{}", "", "" },
};

static void test_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		CLEANUP(json_put_p) struct json_object *o = tree(flags[i].pod);
		struct coordinator_cidrs c = { .pods = { .set = false } };
		struct err e;

		assert_int_equal(coordinator_add_flags(&c, o, &e), 0);
		if (strcmp(show(&c.pods), flags[i].pods) != 0 ||
		    strcmp(show(&c.services), flags[i].services) != 0)
			fail_msg("%s\n: %s; %s", flags[i].pod, show(&c.pods), show(&c.services));
		coordinator_cidrs_clear(&c);
	}
}

static const struct {
	const char *array, *says;
} objects[] = {
	/* ServiceCIDR v1 and v1beta1, of Kubernetes 1.31 and newer */
	{ "[{\"metadata\":{\"name\":\"kubernetes\",\"creationTimestamp\":\"2024-09-02T10:00:00Z\"},\"spec\":{\"cidrs\":"
	  "[\"10.96.0.0/12\",\"fd00:10:96::/112\"]},\"status\":{\"conditions\":[]}},{\"metadata\":{\"name\":\"a\","
	  "\"creationTimestamp\":\"2024-09-01T10:00:00Z\"},\"spec\":{\"cidrs\":[\"10.2.0.0/16\"]}}]",
	  "10.2.0.0/16 10.96.0.0/12 fd00:10:96::/112" },
	/* v1alpha1, of 1.27 */
	{ "[{\"metadata\":{\"name\":\"kubernetes\"},\"spec\":{\"ipv4\":\"10.96.0.0/12\",\"ipv6\":\"fd00::/112\"}}]",
	  "10.96.0.0/12 fd00::/112" },
	{ "[{\"metadata\":{\"deletionTimestamp\":\"2024-09-02T10:00:00Z\"},\"spec\":{\"cidrs\":[\"10.96.0.0/12\"]}}]",
	  "" },
	/* Calico */
	{ "[{\"metadata\":{\"name\":\"default-ipv6-ippool\",\"creationTimestamp\":\"2023-01-01T00:00:01Z\"},\"spec\":{"
	  "\"allowedUses\":[\"Workload\"],\"blockSize\":122,\"cidr\":\"fd00::/48\",\"ipipMode\":\"Never\",\"natOutgoing\":"
	  "true,\"nodeSelector\":\"all()\"}},{\"metadata\":{\"name\":\"default-ipv4-ippool\",\"creationTimestamp\":"
	  "\"2023-01-01T00:00:00Z\"},\"spec\":{\"blockSize\":26,\"cidr\":\"10.244.0.0/16\"}},{\"metadata\":{\"name\":"
	  "\"off\",\"creationTimestamp\":\"2022-01-01T00:00:00Z\"},\"spec\":{\"cidr\":\"10.9.0.0/16\",\"disabled\":"
	  "true}}]",
	  "10.244.0.0/16 fd00::/48" },
	{ "[{\"metadata\":{\"name\":\"b\",\"creationTimestamp\":\"2023-01-01T00:00:00Z\"},\"spec\":{\"cidr\":\"10.2.0.0/"
	  "16\"}},{\"metadata\":{\"name\":\"a\",\"creationTimestamp\":\"2023-01-01T00:00:00Z\"},\"spec\":{\"cidr\":"
	  "\"10.1.0.0/16\",\"disabled\":false}}]",
	  "10.1.0.0/16 10.2.0.0/16" },
	/* Cilium */
	{ "[{\"metadata\":{\"name\":\"default\"},\"spec\":{\"ipv4\":{\"cidrs\":[\"10.10.0.0/16\",\"10.11.0.0/16\"],"
	  "\"maskSize\":27},\"ipv6\":{\"cidrs\":[\"fd00:100::/80\"],\"maskSize\":96}}}]",
	  "10.10.0.0/16 10.11.0.0/16 fd00:100::/80" },
	{ "[{\"spec\":{\"cidr\":\"bad\"}},{},{\"spec\":{\"cidr\":3,\"cidrs\":[1,\"10.0.0.0/8\"]}}]",
	  "10.0.0.0/8" },
	{ "[]", "" },
};

static void test_objects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		CLEANUP(json_put_p) struct json_object *o = tree(objects[i].array);
		struct json_strv l = { .set = false };
		struct err e;

		assert_int_equal(coordinator_add_objects(&l, o, &e), 0);
		if (strcmp(show(&l), objects[i].says) != 0)
			fail_msg("%s\n: %s", objects[i].array, show(&l));
		json_strv_clear(&l);
	}
}

/* ---- a cluster ---- */

#define NO_ANSWER "-5"  /* the API server hangs */
#define FORBIDDEN "-13" /* we may not */

static struct lab { /* NULL: there is none */
	const char *kubeadm, *cilium, *kcm;
	const char *services_v1, *services_v1beta1, *services_v1alpha1, *calico, *cilium_pools,
		*cilium_pools_v2;
	char dir[32];
} lab;

static int reply(const char *text, const char *what, struct json_object **ret, struct err *e)
{
	if (!text)
		return err_code(e, ERR_IO, ENOENT, "%s: not found", what);
	if (text[0] == '-')
		return err_code(e, ERR_IO, atoi(text + 1), "%s: refused", what);
	*ret = tree(text);
	return 0;
}

static int lab_configmap(const char *ns, const char *name, struct json_object **ret, void *arg, struct err *e)
{
	CLEANUP(json_put_p)
	struct json_object *o = json_object_new_object(), *data = json_object_new_object();
	bool ours = strcmp(name, "kubeadm-config") == 0;

	(void)arg;
	assert_string_equal(ns, "kube-system");
	if (!ours) {
		assert_string_equal(name, "cilium-config");
		return reply(lab.cilium, name, ret, e);
	}
	if (!lab.kubeadm || lab.kubeadm[0] == '-')
		return reply(lab.kubeadm, name, ret, e);
	json_object_object_add(data, "ClusterConfiguration", json_object_new_string(lab.kubeadm));
	json_object_object_add(o, "data", TAKE_PTR(data));
	*ret = TAKE_PTR(o);
	return 0;
}

static int lab_list(const struct kube_resource *res, const char *ns, const char *labels,
		    struct json_object **ret, void *arg, struct err *e)
{
	const char *const replies[COORDINATOR_SOURCES] = { lab.services_v1,       lab.services_v1beta1,
							   lab.services_v1alpha1, lab.calico,
							   lab.cilium_pools,      lab.cilium_pools_v2 };

	(void)arg;
	if (res == &kube_resources[KUBE_PODS]) {
		assert_string_equal(ns, "kube-system");
		assert_string_equal(labels, "component=kube-controller-manager");
		return reply(lab.kcm ? lab.kcm : "[]", "pods", ret, e);
	}
	assert_null(labels);
	return reply(replies[res - coordinator_sources], res->plural, ret, e);
}

#define KCM \
	"[" POD("{\"command\":[\"--cluster-cidr=10.7.0.0/16\",\"--service-cluster-ip-range=10.8.0.0/16\"]}") "]"
#define NOTHING  "[" POD("{\"command\":[\"kube-controller-manager\"]}") "]"
#define SERVICES "[{\"spec\":{\"cidrs\":[\"10.100.0.0/16\"]}}]"
#define CALICO   "[{\"spec\":{\"cidr\":\"10.50.0.0/16\"}}]"
#define CILIUM_(x) \
	"{\"data\":{\"ipam\":\"" x "\",\"cluster-pool-ipv4-cidr\":\"10.60.0.0/16 10.61.0.0/16\"," \
	"\"cluster-pool-ipv6-cidr\":\"fd60::/64\"}}"
#define POOLS "[{\"spec\":{\"ipv4\":{\"cidrs\":[\"10.70.0.0/16\"]}}}]"
#define NEITHER \
	"neither the ConfigMap kube-system/kubeadm-config nor a Pod with the label component=kube-controller-"

static const struct row {
	const char *name, *type, *network; /* the file that the CNI directory has */
	struct lab lab;
	const char *says; /* "Synced PODS; SERVICES", or the start of the reason */
} rows[] = {
#define ROW(n, t, net, s, ...) \
	{ \
		.name = (n), .type = (t), .network = (net), .says = (s), .lab = { __VA_ARGS__ } \
	}
	ROW("V00009 kubeadm first", "cluster", NULL, "Synced 10.244.0.0/16; 10.96.0.0/12",
	    .kubeadm = KUBEADM_120, .kcm = KCM),
	ROW("V00010 no kubeadm: flags", "cluster", NULL, "Synced 10.7.0.0/16; 10.8.0.0/16", .kcm = KCM),
	ROW("V00010 kubeadm says half of it", "cluster", NULL, "Synced 10.7.0.0/16; 10.96.0.0/12",
	    .kubeadm = "serviceSubnet: 10.96.0.0/12", .kcm = KCM),
	ROW("V00010 objects say the services", "cluster", NULL, "Synced 10.244.0.0/16; 10.100.0.0/16",
	    .kubeadm = KUBEADM_120, .services_v1 = SERVICES),
	ROW("ServiceCIDR v1beta1", "none", NULL, "Synced ; 10.100.0.0/16", .services_v1beta1 = SERVICES),
	ROW("ServiceCIDR v1alpha1", "none", NULL, "Synced ; 10.100.0.0/16", .services_v1alpha1 = SERVICES),
	ROW("ServiceCIDR, but none of them", "none", NULL, "Synced ; 10.8.0.0/16", .services_v1 = "[]",
	    .kcm = KCM),
	ROW("V00011 neither", "cluster", NULL, NEITHER),
	ROW("V00011 neither, for services alone", "none", NULL, NEITHER),
	ROW("V00006 pods are not found: no services either", "calico", NULL, "the cluster has no ippools.crd",
	    .services_v1 = SERVICES),
	ROW("flags that say nothing", "cluster", NULL, "Synced ; ", .kcm = NOTHING),
	ROW("kubeadm says no pods, which Calico has", "calico", NULL, "Synced 10.50.0.0/16; 10.96.0.0/12",
	    .kubeadm = "serviceSubnet: 10.96.0.0/12", .calico = CALICO),
	ROW("V00003 calico", "calico", NULL, "Synced 10.50.0.0/16; 10.8.0.0/16", .kcm = KCM,
	    .calico = CALICO),
	ROW("calico without pools", "calico", NULL, "Synced ; 10.8.0.0/16", .kcm = KCM, .calico = "[]"),
	ROW("V00004 cluster-pool", "cilium", NULL, "Synced 10.60.0.0/16 10.61.0.0/16 fd60::/64; 10.8.0.0/16",
	    .kcm = KCM, .cilium = CILIUM_("cluster-pool")),
	ROW("V00004 cluster-pool-v2beta", "cilium", NULL,
	    "Synced 10.60.0.0/16 10.61.0.0/16 fd60::/64; 10.8.0.0/16", .kcm = KCM,
	    .cilium = CILIUM_("cluster-pool-v2beta")),
	ROW("V00004 kubernetes", "cilium", NULL, "Synced 10.7.0.0/16; 10.8.0.0/16", .kcm = KCM,
	    .cilium = CILIUM_("kubernetes")),
	ROW("V00004 multi-pool", "cilium", NULL, "Synced 10.70.0.0/16; 10.8.0.0/16", .kcm = KCM,
	    .cilium = CILIUM_("multi-pool"), .cilium_pools = POOLS),
	ROW("V00004 multi-pool v2", "cilium", NULL, "Synced 10.70.0.0/16; 10.8.0.0/16", .kcm = KCM,
	    .cilium = CILIUM_("multi-pool"), .cilium_pools_v2 = POOLS),
	ROW("cilium: another mode", "cilium", NULL,
	    "ConfigMap kube-system/cilium-config: ipam: \"eni\": want cluster-pool", .kcm = KCM,
	    .cilium = CILIUM_("eni")),
	ROW("cilium: no mode", "cilium", NULL, "ConfigMap kube-system/cilium-config has no key ipam",
	    .kcm = KCM, .cilium = "{}"),
	ROW("cilium: none", "cilium", NULL, "there is no ConfigMap kube-system/cilium-config", .kcm = KCM),
	ROW("V00005 none", "none", NULL, "Synced ; 10.8.0.0/16", .kcm = KCM, .calico = CALICO),
	ROW("no type", NULL, NULL, "spec.podCIDRType: \"\": want auto", .kcm = KCM),
	ROW("another type", "flannel", NULL, "spec.podCIDRType: \"flannel\": want auto", .kcm = KCM),
	ROW("V00001 auto: calico", "auto",
	    "10-x.conflist {\"name\":\"k8s-pod-network\",\"plugins\":[{\"type\":\"a\"}]}",
	    "Synced 10.50.0.0/16; 10.8.0.0/16", .kcm = KCM, .calico = CALICO),
	ROW("V00001 auto: calico.conf", "auto", "10-x.conf {\"name\":\"calico\",\"type\":\"a\"}",
	    "Synced 10.50.0.0/16; 10.8.0.0/16", .kcm = KCM, .calico = CALICO),
	ROW("V00001 auto: cilium", "auto",
	    "05-cilium.conflist {\"name\":\"cilium\",\"plugins\":[{\"type\":\"a\"}]}",
	    "Synced 10.7.0.0/16; 10.8.0.0/16", .kcm = KCM, .cilium = CILIUM_("kubernetes")),
	ROW("V00001 auto: flannel", "auto",
	    "10-f.conflist {\"name\":\"flannel\",\"plugins\":[{\"type\":\"a\"}]}",
	    "Synced 10.7.0.0/16; 10.8.0.0/16", .kcm = KCM),
	ROW("V00001 auto: another", "auto",
	    "10-f.conflist {\"name\":\"bridge\",\"plugins\":[{\"type\":\"a\"}]}", "Synced ; 10.8.0.0/16",
	    .kcm = KCM),
	ROW("auto: Multus' own does not count", "auto", "00-multus.conf {\"name\":\"calico\",\"type\":\"a\"}",
	    "Synced ; 10.8.0.0/16", .kcm = KCM),
	ROW("auto: no network", "auto", "10-f.json {\"name\":\"calico\",\"type\":\"a\"}",
	    "Synced ; 10.8.0.0/16", .kcm = KCM),
	ROW("V00002 auto: empty", "auto", NULL, "Synced ; 10.8.0.0/16", .kcm = KCM),
	ROW("auto: a broken file", "auto", "10-f.conf {", "spec.podCIDRType: auto: ", .kcm = KCM),
	ROW("auto: no directory", "auto", "-", "spec.podCIDRType: auto: CNI directory /nowhere: No such file",
	    .kcm = KCM),
	ROW("may not read kubeadm's", "cluster", NULL, "kubeadm-config: refused", .kubeadm = FORBIDDEN,
	    .kcm = KCM),
	ROW("may not list pods", "cluster", NULL, "pods: refused", .kcm = FORBIDDEN),
	ROW("may not list ServiceCIDRs", "none", NULL, "servicecidrs: refused", .services_v1 = FORBIDDEN,
	    .kcm = KCM),
	ROW("may not list IPPools", "calico", NULL, "ippools: refused", .calico = FORBIDDEN, .kcm = KCM),
	ROW("kubeadm's cannot be read now", "cluster", NULL, NULL, .kubeadm = NO_ANSWER, .kcm = KCM),
	ROW("pods cannot be read now", "cluster", NULL, NULL, .kcm = NO_ANSWER),
	ROW("ServiceCIDRs cannot be read now", "none", NULL, NULL, .services_v1beta1 = NO_ANSWER, .kcm = KCM),
	ROW("IPPools cannot be read now", "calico", NULL, NULL, .calico = NO_ANSWER, .kcm = KCM),
	ROW("Cilium's cannot be read now", "cilium", NULL, NULL, .cilium = NO_ANSWER, .kcm = KCM),
};

/* "NAME TEXT": the one file of the directory; NULL: none. Its path is in out. */
static void lab_file(const char *network, char out[128])
{
	const char *text = network ? strchr(network, ' ') : NULL;
	struct err e;

	out[0] = '\0';
	if (!text)
		return;
	snprintf(out, 128, "%s/%.*s", lab.dir, (int)(text - network), network);
	assert_int_equal(file_replace(AT_FDCWD, out, 0600, text + 1, strlen(text + 1), false, &e), 0);
}

static void check(const struct row *row, int r, const struct api_coordinator_status *s, const struct err *e)
{
	char got[1024];

	if (!row->says) {
		if (r != -EIO || s->phase)
			fail_msg("%s: %d, %s", row->name, r, r < 0 ? e->msg : s->phase);
		return;
	}
	if (r != 0)
		fail_msg("%s: %d, %s", row->name, r, e->msg);
	snprintf(got, sizeof(got), "Synced %s; %s", show(&s->overlay_pod_cidr), show(&s->service_cidr));
	if (strncmp(row->says, "Synced", 6) == 0) {
		if (strcmp(s->phase, "Synced") != 0 || s->reason || strcmp(got, row->says) != 0)
			fail_msg("%s: %s %s %s", row->name, s->phase, s->reason, got);
	} else if (strcmp(s->phase, "NotReady") != 0 || strcmp(got, "Synced ; ") != 0 ||
		   strncmp(s->reason, row->says, strlen(row->says)) != 0) {
		fail_msg("%s: %s %s: %s", row->name, s->phase, got, s->reason);
	}
	assert_true(s->overlay_pod_cidr.set && s->service_cidr.set);
}

static void test_look(void **state)
{
	char dir[] = "/tmp/spiderpool-cni-XXXXXX", file[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const bool nowhere = rows[i].network && strcmp(rows[i].network, "-") == 0;
		const struct coordinator_reader reader = { .configmap = lab_configmap,
							   .list = lab_list,
							   .cni_dir = nowhere ? "/nowhere" : dir,
							   .cilium_config = "kube-system/cilium-config" };
		struct api_coordinator_status s;
		struct err e = { .cni = 0 };
		int r;

		lab = rows[i].lab;
		snprintf(lab.dir, sizeof(lab.dir), "%s", dir);
		lab_file(rows[i].network, file);
		r = coordinator_look(&reader, rows[i].type, &s, &e);
		check(&rows[i], r, &s, &e);
		json_clear(&api_coordinator_status_table, &s);
		if (*file)
			unlink(file);
	}
	rmdir(dir);
}

/* The first by name, whatever the order in which the directory has them. */
static void test_first(void **state)
{
	char dir[] = "/tmp/spiderpool-cni-XXXXXX", file[4][128];
	const char *const files[] = { "20-a.conf {\"name\":\"calico\",\"type\":\"a\"}", "10-b.txt x",
				      "10-c.conf {\"name\":\"cilium\",\"type\":\"a\"}", "00-multus.conf x" };
	const char *type;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(lab.dir, sizeof(lab.dir), "%s", dir);
	for (size_t i = 0; i < 4; i++)
		lab_file(files[i], file[i]);
	assert_int_equal(find_type(dir, &type, &e), 0);
	assert_string_equal(type, "cilium");
	for (size_t i = 0; i < 4; i++)
		unlink(file[i]);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kubeadm), cmocka_unit_test(test_flags),
					    cmocka_unit_test(test_objects), cmocka_unit_test(test_look),
					    cmocka_unit_test(test_first) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
