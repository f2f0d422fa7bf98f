/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_cluster.c - which pools a pod of a cluster may use (spec/ipam.md 2.5, 2.6, 3.4, 11; weak spots 1,
 * 4, 14, 16, 17, 18 of 13) */
#include "ipam_cluster.h"

struct row {
	const char *what;
	struct cluster_pod pod;
	const char *want;
};

static void run(struct lab *l, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char container[16];
		struct cluster_pod p = rows[i].pod;

		print_message("# row %zu: %s\n", i, rows[i].what);
		snprintf(container, sizeof(container), "row-%zu", i);
		if (!p.container)
			p.container = container;
		if (!p.uid)
			p.uid = container;
		EXPECT_PART(cluster_add(l, p), rows[i].want);
		lab_del(l, p.container, p.nic ? p.nic : "eth0");
	}
}

static void L00001_L00002_node_selector(void **state)
{
	static const struct row rows[] = {
		{ "label fits", { .node_labels = { { "zone", "a" } } }, "10.0.0.1/24" },
		{ "label does not",
		  { .node_labels = { { "zone", "b" } } },
		  "pool a: spec.nodeAffinity does not match the labels of node n1" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true, "
		 "nodeAffinity: {matchLabels: {zone: a}}");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void L00003_L00004_namespace_selector(void **state)
{
	static const struct row rows[] = {
		{ "label fits", { .ns_labels = { { "team", "a" } } }, "10.0.0.1/24" },
		{ "label does not",
		  { .ns_labels = { { "team", "b" } } },
		  "pool a: spec.namespaceAffinity does not match the labels of namespace default" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true, "
		 "namespaceAffinity: {matchLabels: {team: a}}");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void L00005_L00006_pod_selector(void **state)
{
	static const struct row rows[] = {
		{ "label fits", { .labels = { { "app", "web" } } }, "10.0.0.1/24" },
		{ "label does not",
		  { .labels = { { "app", "db" } } },
		  "pool a: spec.podAffinity does not match the labels of pod p" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true, "
		 "podAffinity: {matchLabels: {app: web}}");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

#define BOTH \
	{ \
		{ \
			ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\",\"b\"]}" \
		} \
	}

static void L00007_pools_of_two_zones(void **state)
{
	static const struct row rows[] = {
		{ "zone a", { .annotations = BOTH, .node_labels = { { "zone", "a" } } }, "10.0.0.1/24" },
		{ "zone b", { .annotations = BOTH, .node_labels = { { "zone", "b" } } }, "10.1.0.1/24" },
		{ "neither", { .annotations = BOTH }, "pool b: spec.nodeAffinity does not match" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1], nodeAffinity: {matchLabels: {zone: a}}");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1], nodeAffinity: {matchLabels: {zone: b}}");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void L00009_pools_and_namespaces(void **state)
{
	static const struct row rows[] = {
		{ "one pool, first namespace", { .ns = "n1", .annotations = BOTH }, "10.0.0.1/24" },
		{ "one pool, second namespace", { .ns = "n2", .annotations = BOTH }, "10.0.0.2/24" },
		{ "the second namespace alone has another",
		  { .ns = "n2", .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}" } } },
		  "10.1.0.1/24" },
		{ "not the first",
		  { .ns = "n1", .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}" } } },
		  "namespace \"n1\" is not in spec.namespaceName (n2)" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2], namespaceName: [n1, n2]");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1], namespaceName: [n2]");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void D00005_disabled_pool(void **state)
{
	static const char spec[] = "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2], default: true";
	char disabled[128];
	struct lab l;

	(void)state;
	cluster_open(&l);
	snprintf(disabled, sizeof(disabled), "%s, disable: true", spec);
	lab_pool(&l, "a", spec);
	EXPECT(cluster_add(&l, (struct cluster_pod){ 0 }), "10.0.0.1/24");
	lab_pool(&l, "a", disabled);
	EXPECT_PART(cluster_add(&l, (struct cluster_pod){ .container = "c2", .pod = "q", .uid = "u2" }),
		    "pool a: is disabled (spec.disable: true)");
	lab_del(&l, "c1", "eth0");
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_close(&l);
}

/* Weak spot 16: a pool without multusName asks for no network. */
static void D00009_D00010_W16_multus_name(void **state)
{
	static const struct row rows[] = {
		{ "nothing is known of the network, but its name",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" } } },
		  "network \"net\" is not in spec.multusName (kube-system/mv, blue)" },
		{ "a pool without multusName needs to know nothing",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}" } } },
		  "10.0.0.1/24" },
		{ "the default network of the pod",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_DEFAULT_NETWORK, "kube-system/mv" } } },
		  "10.9.0.1/24" },
		{ "without a namespace it is the agent's",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_DEFAULT_NETWORK, "blue" } } },
		  "10.9.0." },
		{ "a network of that name in another namespace",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_DEFAULT_NETWORK, "default/mv" } } },
		  "network \"default/mv\" is not in spec.multusName" },
		{ "net1: the pod's namespace is the default",
		  { .nic = "net1",
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_NETWORKS, "mv,kube-system/mv" } } },
		  "network \"default/mv\" is not in spec.multusName" },
		{ "net2 is the second entry",
		  { .nic = "net2",
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_NETWORKS, "mv, kube-system/mv" } } },
		  "10.9.0." },
		{ "an entry that names its interface",
		  { .nic = "x0",
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_NETWORKS, "mv,kube-system/mv@x0" } } },
		  "10.9.0." },
		{ "the JSON form",
		  { .nic = "net1",
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_NETWORKS,
				       "[{\"name\":\"blue\",\"namespace\":\"kube-system\"}]" } } },
		  "10.9.0." },
		{ "malformed",
		  { .nic = "net1",
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
				     { ANNOTATION_NETWORKS, "[{" } } },
		  "annotation k8s.v1.cni.cncf.io/networks" },
		{ "another NIC of the pod, whose network nobody tells",
		  { .annotations = { { ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
							   "{\"interface\":\"net1\",\"ipv4\":[\"m\"]}]" } } },
		  "pool m: spec.multusName needs the network of NIC net1" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	lab_pool(&l, "m",
		 "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.9], multusName: [kube-system/mv, blue]");
	run(&l, rows, ARRAY_LEN(rows));
	/* the cluster's own network, when the pod has no other */
	l.m.conf.cluster_network = "kube-system/mv";
	run(&l,
	    &(struct row){ "cluster network",
			   { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" } } },
			   "10.9.0." },
	    1);
	run(&l,
	    &(struct row){ "the pod's own beats it",
			   { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"m\"]}" },
					      { ANNOTATION_DEFAULT_NETWORK, "default/mv" } } },
			   "network \"default/mv\" is not in" },
	    1);
	lab_close(&l);
}

static void D00011_to_D00016_names_beat_selectors(void **state)
{
	static const struct row rows[] = {
		{ "D00011 nodeName, D00013 whatever nodeAffinity says", { .node = "n7" }, "10.0.0.1/24" },
		{ "D00012 D00013",
		  { .node = "n8", .node_labels = { { "zone", "a" } } },
		  "node \"n8\" is not in spec.nodeName (n7)" },
		{ "D00014 namespaceName, D00016 whatever namespaceAffinity says",
		  { .ns = "n1", .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}" } } },
		  "10.1.0.1/24" },
		{ "D00015 D00016",
		  { .ns = "n2",
		    .ns_labels = { { "team", "a" } },
		    .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}" } } },
		  "namespace \"n2\" is not in spec.namespaceName (n1)" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true, nodeName: [n7], "
		 "nodeAffinity: {matchLabels: {zone: a}}");
	lab_pool(&l, "b",
		 "subnet: 10.1.0.0/24, ips: [10.1.0.1], namespaceName: [n1], "
		 "namespaceAffinity: {matchLabels: {team: a}}");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

/* ---- annotations ---- */

static void A00003_malformed(void **state)
{
	static const struct {
		const char *key, *value, *want;
	} rows[] = {
		{ ANNOTATION_IPPOOL, "[]", "annotation ipam.spidernet.io/ippool" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\",\"a\"]}", "pool a is named twice" },
		{ ANNOTATION_IPPOOLS, "x", "annotation ipam.spidernet.io/ippools" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"1.2.3.4/33\",\"gw\":\"10.0.0.9\"}]",
		  "annotation ipam.spidernet.io/routes" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"fd00::/8\",\"gw\":\"10.0.0.9\"}]",
		  "of different families" },
		{ ANNOTATION_SUBNET, "x", "annotation ipam.spidernet.io/subnet" },
		{ ANNOTATION_SUBNET, "{}", "names no subnet" },
		{ ANNOTATION_SUBNET, "{\"ipv4\":[],\"ipv6\":[]}", "names no subnet" },
		{ ANNOTATION_SUBNET, "{\"ipv4\":[\"\"]}", "is no name of a subnet" },
		{ ANNOTATION_SUBNET, "{\"ipv4\":[\"s*\"]}", "without wildcards" },
		{ ANNOTATION_SUBNET, "{\"ipv4\":[\"s\"],\"interface\":\"a/b\"}", "no name of an interface" },
		{ ANNOTATION_SUBNETS, "{}", "annotation ipam.spidernet.io/subnets" },
		{ ANNOTATION_SUBNETS, "[]", "no subnet is specified" },
		{ ANNOTATION_SUBNETS, "[{\"interface\":\"eth0\"}]", "interface eth0: names no subnet" },
		{ ANNOTATION_SUBNETS, "[{\"ipv4\":[\"s\"]}]", "\"\" is no name of an interface" },
		{ ANNOTATION_SUBNETS,
		  "[{\"interface\":\"eth0\",\"ipv4\":[\"s\"]},{\"interface\":\"net1\",\"ipv4\":[\"s\"]}]",
		  "subnet s is named for interface eth0 and for net1" },
		{ ANNOTATION_SUBNETS,
		  "[{\"interface\":\"eth0\",\"ipv6\":[\"s\"]},{\"interface\":\"net1\",\"ipv6\":[\"s\"]}]",
		  "subnet s is named for interface eth0 and for net1" },
		{ ANNOTATION_SUBNETS,
		  "[{\"interface\":\"eth0\",\"ipv4\":[\"s\"]},{\"interface\":\"eth0\",\"ipv4\":[\"t\"]}]",
		  "interface eth0 is named twice" },
		{ ANNOTATION_SUBNETS, "[{\"interface\":\"net1\",\"ipv4\":[\"s\"]}]",
		  "interface eth0 of this network is not among" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# row %zu: %s %s\n", i, rows[i].key, rows[i].value);
		EXPECT_PART(
			cluster_add(&l,
				    (struct cluster_pod){
					    .annotations = { { (char *)rows[i].key, (char *)rows[i].value } },
					    .owner = OWNER_OF("apps/v1", "Deployment", "web") }),
			rows[i].want);
		assert_int_equal(l.e.cni, ERR_CONFIG);
	}
	EXPECT_PART(cluster_add(&l, (struct cluster_pod){ .of_ns = { { ANNOTATION_DEFAULT_IPV4, "a" } } }),
		    "namespace default: annotation ipam.spidernet.io/default-ipv4-ippool");
	EXPECT_PART(cluster_add(&l, (struct cluster_pod){ .of_ns = { { ANNOTATION_DEFAULT_IPV6, "[1]" } } }),
		    "namespace default: annotation ipam.spidernet.io/default-ipv6-ippool");
	lab_close(&l);
}

/* Each rule with a pool of its own: the first that the pod has decides alone. */
static void A00004_A00005_A00006_order(void **state)
{
	static const struct row rows[] = {
		{ "subnets first",
		  { .annotations = { { ANNOTATION_SUBNETS, "[{\"interface\":\"eth0\",\"ipv4\":[\"sub\"]}]" },
				     { ANNOTATION_SUBNET, "{\"ipv4\":[\"other\"]}" },
				     { ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"]}]" } },
		    .owner = OWNER_OF("apps/v1", "Deployment", "web") },
		  "10.5.0.1/24" },
		{ "then subnet",
		  { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"]}]" } },
		    .owner = OWNER_OF("apps/v1", "Deployment", "web") },
		  "10.5.0." },
		{ "A00005 ippools beats ippool",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}" },
				     { ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"]}]" } },
		    .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[\"nd\"]" } } },
		  "10.1.0.1/24" },
		{ "A00004 the pod beats the namespace",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}" } },
		    .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[\"nd\"]" } } },
		  "10.0.0.1/24" },
		{ "A00004 the namespace beats the network configuration",
		  { .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[\"nd\"]" } } },
		  "10.2.0." },
		{ "either family is enough: that alone",
		  { .of_ns = { { ANNOTATION_DEFAULT_IPV6, "[\"n6\"]" } } },
		  "fd02::1/64" },
		{ "an empty list names nothing",
		  { .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[]" } } },
		  "10.3.0.1/24" },
		{ "the network configuration beats the default pools", { 0 }, "10.3.0." },
	};
	static const char *const c[] = { "c", NULL };
	struct json_strv conf = lab_strv(c);
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.9]");
	lab_pool(&l, "nd", "subnet: 10.2.0.0/24, ips: [10.2.0.1-10.2.0.9]");
	lab_pool(&l, "n6", "subnet: fd02::/64, ips: ['fd02::1-fd02::9']");
	lab_pool(&l, "c", "subnet: 10.3.0.0/24, ips: [10.3.0.1-10.3.0.9]");
	lab_pool(&l, "d", "subnet: 10.4.0.0/24, ips: [10.4.0.1-10.4.0.9], default: true");
	cluster_app_pool(&l, "auto4-web", "subnet: 10.5.0.0/24, ips: [10.5.0.1-10.5.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", "");
	l.m.conf.default_ipv4 = &conf;
	run(&l, rows, ARRAY_LEN(rows));
	/* A00006: the namespace's beat the cluster's defaults */
	l.m.conf.default_ipv4 = NULL;
	run(&l, &rows[4], 1);
	run(&l, &(struct row){ "no rule but the default pools", { 0 }, "10.4.0.1/24" }, 1);
	lab_close(&l);
}

static void A00007_A00015_wildcards(void **state)
{
	static const struct row rows[] = {
		{ "A00007", { .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[\"ns-*\"]" } } }, "10.0.0.1/24" },
		{ "A00007 nothing matches",
		  { .of_ns = { { ANNOTATION_DEFAULT_IPV4, "[\"x-*\",\"y-?\"]" } } },
		  "no IPv4 pool matches \"x-*\" or \"y-?\"" },
		{ "A00015",
		  { .annotations = { { ANNOTATION_IPPOOLS,
				       "[{\"interface\":\"eth0\",\"ipv4\":[\"x*\",\"ns-[a-c]\"]}]" } } },
		  "10.0.0." },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "ns-a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void A00013_A00014_nics_of_ippools(void **state)
{
	static const struct row rows[] = {
		{ "A00013 a NIC is left out",
		  { .annotations = { { ANNOTATION_IPPOOLS,
				       "[{\"interface\":\"net1\",\"ipv4\":[\"a\"]}]" } } },
		  "interface eth0 of this network is not among its items" },
		{ "A00014 a NIC twice",
		  { .annotations = { { ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
							   "{\"interface\":\"eth0\",\"ipv4\":[\"b\"]}]" } } },
		  "interface eth0 is named twice" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void A00016_retries_drain_nothing(void **state)
{
	const struct cluster_pod p = { .annotations = { { ANNOTATION_IPPOOLS,
							  "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"]},"
							  "{\"interface\":\"net1\",\"ipv4\":[\"b\"]}]" } } };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3]");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1]");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "x",
						     .pod = "x",
						     .uid = "ux",
						     .annotations = { { ANNOTATION_IPPOOL,
									"{\"ipv4\":[\"b\"]}" } } }),
	       "10.1.0.1/24");
	for (int i = 0; i < 5; i++) {
		EXPECT_PART(cluster_add(&l, p), "NIC net1, IPv4; pool b: all 1 addresses are taken");
		assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
		EXPECT(lab_state(&l, "10.0.0.1"), "none");
	}
	lab_del(&l, "x", "eth0");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	lab_close(&l);
}

static void E00008_exhausted_pool(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true");
	EXPECT(cluster_add(&l, (struct cluster_pod){ 0 }), "10.0.0.1/24");
	EXPECT_PART(cluster_add(&l, (struct cluster_pod){ .container = "c2", .pod = "q", .uid = "u2" }),
		    "all IP addresses used out: NIC eth0, IPv4; pool a: all 1 addresses are taken");
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	lab_close(&l);
}

static void E00009_one_family(void **state)
{
	static const struct row rows[] = {
		{ "default pools: both", { 0 }, "10.0.0.1/24 fd00::1/64" },
		{ "the pod asks for IPv6 only",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv6\":[\"b\"]}" } } },
		  "fd00::2/64" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true");
	lab_pool(&l, "b", "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true");
	run(&l, rows, ARRAY_LEN(rows));
	EXPECT(lab_state(&l, "10.0.0.2"), "none");
	lab_close(&l);
}

/* ---- weak spots ---- */

static void W1_one_pool_two_nics(void **state)
{
	struct cluster_pod p = { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}" } } };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	p.nic = "net1";
	EXPECT(cluster_add(&l, p), "10.0.0.2/24");
	/* unnamed items: eth0, then the pod's networks in their order */
	p = (struct cluster_pod){ .container = "c2",
				  .pod = "q",
				  .uid = "u2",
				  .annotations = { { ANNOTATION_IPPOOLS,
						     "[{\"ipv4\":[\"a\"]},{\"ipv4\":[\"a\"]},"
						     "{\"ipv4\":[\"a\"]}]" },
						   { ANNOTATION_NETWORKS, "mv,ns/mv@blue" } } };
	EXPECT(cluster_add(&l, p), "10.0.0.3/24");
	p.nic = "blue";
	EXPECT(cluster_add(&l, p), "10.0.0.5/24");
	p.nic = "net1";
	EXPECT(cluster_add(&l, p), "10.0.0.4/24");
	lab_close(&l);
}

static void W4_equal_pools_keep_their_order(void **state)
{
	static const char *const want[] = { "10.1.0.1/24", "10.0.0.1/24", "10.2.0.1/24" };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1]");
	lab_pool(&l, "b", "subnet: 10.1.0.0/24, ips: [10.1.0.1]");
	lab_pool(&l, "c", "subnet: 10.2.0.0/24, ips: [10.2.0.1]");
	for (unsigned i = 0; i < 3; i++) {
		char name[2] = { (char)('1' + i), '\0' };

		EXPECT(cluster_add(&l,
				   (struct cluster_pod){
					   .container = name,
					   .pod = name,
					   .uid = name,
					   .annotations = { { ANNOTATION_IPPOOL,
							      "{\"ipv4\":[\"b\",\"a\",\"c\"]}" } } }),
		       want[i]);
	}
	lab_close(&l);
}

static void W17_unknown_names(void **state)
{
	static const struct row rows[] = {
		{ "one unknown name does not fail the others",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"nope\",\"x*\",\"a\"]}" } } },
		  "10.0.0.1/24" },
		{ "nothing usable: each is told",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"nope\",\"shut\",\"gone\"]}" } } },
		  "no IPPool available: NIC eth0, IPv4; pool nope: does not exist; pool shut: is disabled "
		  "(spec.disable: true); pool gone: does not exist" },
		{ "no lower rule is tried",
		  { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"x*\",\"y*\"]}" } } },
		  "no IPv4 pool matches \"x*\" or \"y*\"" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true");
	lab_pool(&l, "shut", "subnet: 10.1.0.0/24, ips: [10.1.0.1], disable: true");
	run(&l, rows, ARRAY_LEN(rows));
	lab_close(&l);
}

static void W18_edited_affinity(void **state)
{
	const struct cluster_pod p = { .annotations = { { ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}" } } };
	struct cluster_pod again = p, other = p;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], nodeName: [n9]");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	again.container = "c2"; /* the same pod in a new sandbox */
	EXPECT(cluster_add(&l, again), "10.0.0.1/24");
	other.container = "c3";
	other.pod = "q";
	other.uid = "u2";
	EXPECT_PART(cluster_add(&l, other), "pool a: node \"n1\" is not in spec.nodeName (n9)");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L00001_L00002_node_selector),
		cmocka_unit_test(L00003_L00004_namespace_selector),
		cmocka_unit_test(L00005_L00006_pod_selector),
		cmocka_unit_test(L00007_pools_of_two_zones),
		cmocka_unit_test(L00009_pools_and_namespaces),
		cmocka_unit_test(D00005_disabled_pool),
		cmocka_unit_test(D00009_D00010_W16_multus_name),
		cmocka_unit_test(D00011_to_D00016_names_beat_selectors),
		cmocka_unit_test(A00003_malformed),
		cmocka_unit_test(A00004_A00005_A00006_order),
		cmocka_unit_test(A00007_A00015_wildcards),
		cmocka_unit_test(A00013_A00014_nics_of_ippools),
		cmocka_unit_test(A00016_retries_drain_nothing),
		cmocka_unit_test(E00008_exhausted_pool),
		cmocka_unit_test(E00009_one_family),
		cmocka_unit_test(W1_one_pool_two_nics),
		cmocka_unit_test(W4_equal_pools_keep_their_order),
		cmocka_unit_test(W17_unknown_names),
		cmocka_unit_test(W18_edited_affinity),
	};

	return cmocka_run_group_tests_name("ipam in a cluster", tests, NULL, NULL);
}
