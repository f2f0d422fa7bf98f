/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_multus.c - SpiderMultusConfig: the definition made of each type, defaults, needs of Pods
 *
 * Rows that begin with M and a number are those of the end-to-end table that users' documents name.
 */
#include "cni/network.h"
#include "multus_lab.h"

/* ---- definitions ---- */

#define HEAD    "{\"cniVersion\":\"0.3.1\",\"name\":\"demo\",\"plugins\":["
#define IPAM    "\"ipam\":{\"type\":\"spiderpool\"}"
#define COORD   "{\"tunePodRoutes\":true,\"mode\":\"auto\",\"type\":\"coordinator\"}"
#define MACVLAN "{\"type\":\"macvlan\",\"master\":\"eth0\",\"mode\":\"bridge\",\"mtu\":0," IPAM "}"

static const struct {
	const char *name, *line, *config;
} golden[] = {
	{ "the example",
	  "{cniType: macvlan, macvlan: {master: [eth0, eth1], vlanID: 10, bond: {name: bond0, "
	  "mode: 1}, ippools: {ipv4: [p4]}}}",
	  HEAD
	  "{\"vlanID\":10,\"type\":\"ifacer\",\"interfaces\":[\"eth0\",\"eth1\"],\"bond\":{\"name\":"
	  "\"bond0\",\"mode\":1,\"options\":\"\"}},{\"type\":\"macvlan\",\"master\":\"bond0.10\",\"mode\":"
	  "\"bridge\",\"mtu\":0,\"ipam\":{\"type\":\"spiderpool\",\"default_ipv4_ippool\":[\"p4\"]}}," COORD
	  "]}" },
	{ "M00001 macvlan", "{cniType: macvlan, macvlan: {master: [eth0]}}", HEAD MACVLAN "," COORD "]}" },
	{ "macvlan: VLAN", "{cniType: macvlan, macvlan: {master: [eth0], vlanID: 5, mtu: 1400}}",
	  HEAD
	  "{\"vlanID\":5,\"type\":\"ifacer\",\"interfaces\":[\"eth0\"]},{\"type\":\"macvlan\",\"master\":"
	  "\"eth0.5\",\"mode\":\"bridge\",\"mtu\":1400," IPAM "}," COORD "]}" },
	{ "macvlan: bond",
	  "{cniType: macvlan, macvlan: {master: [eth0, eth1], bond: {name: b, mode: 4, options: "
	  "miimon=100}}}",
	  HEAD
	  "{\"type\":\"ifacer\",\"interfaces\":[\"eth0\",\"eth1\"],\"bond\":{\"name\":\"b\",\"mode\":4,"
	  "\"options\":\"miimon=100\"}},{\"type\":\"macvlan\",\"master\":\"b\",\"mode\":\"bridge\",\"mtu\":"
	  "0," IPAM "}," COORD "]}" },
	{ "one master: the bond stays beside",
	  "{cniType: macvlan, macvlan: {master: [eth0], bond: {name: b, mode: "
	  "0}}}",
	  HEAD MACVLAN "," COORD "]}" },
	{ "M00002 ipvlan", "{cniType: ipvlan, ipvlan: {master: [eth0], ippools: {ipv4: [a, b], ipv6: [c]}}}",
	  HEAD "{\"type\":\"ipvlan\",\"master\":\"eth0\",\"mtu\":0,\"ipam\":{\"type\":\"spiderpool\","
	       "\"default_ipv4_ippool\":[\"a\",\"b\"],\"default_ipv6_ippool\":[\"c\"]}}," COORD "]}" },
	{ "M00006 M00009 ipvlan: two masters, VLAN, bond",
	  "{cniType: ipvlan, enableCoordinator: false, ipvlan: {master: [a, b], vlanID: 7, bond: {name: c, mode: "
	  "6}}}",
	  HEAD
	  "{\"vlanID\":7,\"type\":\"ifacer\",\"interfaces\":[\"a\",\"b\"],\"bond\":{\"name\":\"c\",\"mode\":"
	  "6,\"options\":\"\"}},{\"type\":\"ipvlan\",\"master\":\"c.7\",\"mtu\":0," IPAM "}]}" },
	{ "M00038 vlan", "{cniType: vlan, vlan: {master: [eth0], vlanID: 100}}",
	  HEAD "{\"type\":\"vlan\",\"master\":\"eth0\",\"vlanMode\":\"manual\",\"vlanId\":100,\"mtu\":0," IPAM
	       "}," COORD "]}" },
	{ "vlan: no ID is 0", "{cniType: vlan, vlan: {master: [eth0]}}",
	  HEAD "{\"type\":\"vlan\",\"master\":\"eth0\",\"vlanMode\":\"manual\",\"vlanId\":0,\"mtu\":0," IPAM
	       "}," COORD "]}" },
	{ "M00039 vlan: auto", "{cniType: vlan, vlan: {master: [eth0], vlanMode: auto}}",
	  HEAD "{\"type\":\"vlan\",\"master\":\"eth0\",\"vlanMode\":\"auto\",\"mtu\":0," IPAM "}," COORD
	       "]}" },
	{ "vlan: bond below",
	  "{cniType: vlan, vlan: {master: [a, b], vlanID: 9, mtu: 9000, bond: {name: c, mode: 1}}}",
	  HEAD
	  "{\"type\":\"ifacer\",\"interfaces\":[\"a\",\"b\"],\"bond\":{\"name\":\"c\",\"mode\":1,\"options\":"
	  "\"\"}},{\"type\":\"vlan\",\"master\":\"c\",\"vlanMode\":\"manual\",\"vlanId\":9,\"mtu\":9000," IPAM
	  "}," COORD "]}" },
	{ "M00003 sriov", "{cniType: sriov, sriov: {resourceName: spidernet.io/vf}}",
	  HEAD "{\"vlan\":0,\"min_tx_rate\":0,\"max_tx_rate\":0,\"type\":\"sriov\"," IPAM "}," COORD "]}" },
	{ "M00035 sriov: rates, rdma, mtu, subnet",
	  "{cniType: sriov, sriov: {resourceName: r, vlanID: 3, minTxRateMbps: 10, maxTxRateMbps: 20, mtu: 1400, "
	  "rdmaIsolation: true, ippools: {ipv4: [p], matchMasterSubnet: true}}}",
	  HEAD
	  "{\"vlan\":3,\"min_tx_rate\":10,\"max_tx_rate\":20,\"type\":\"sriov\",\"ipam\":{\"type\":"
	  "\"spiderpool\",\"default_ipv4_ippool\":[\"p\"],\"match_master_subnet\":true}},{\"type\":\"rdma\"}"
	  "," COORD ",{\"type\":\"tuning\",\"mtu\":1400}]}" },
	{ "ib-sriov", "{cniType: ib-sriov, ibsriov: {resourceName: r}}",
	  HEAD "{\"type\":\"ib-sriov\",\"pkey\":\"\",\"link_state\":\"enable\",\"rdmaIsolation\":true,"
	       "\"ibKubernetesEnabled\":false," IPAM "}," COORD "]}" },
	{ "ib-sriov: all",
	  "{cniType: ib-sriov, ibsriov: {resourceName: r, pkey: \"0x8001\", linkState: disable, "
	  "rdmaIsolation: false, enableIbKubernetes: true}, disableIPAM: true}",
	  HEAD
	  "{\"type\":\"ib-sriov\",\"pkey\":\"0x8001\",\"link_state\":\"disable\",\"rdmaIsolation\":false,"
	  "\"ibKubernetesEnabled\":true}," COORD "]}" },
	{ "ipoib", "{cniType: ipoib, ipoib: {master: ib0, ippools: {ipv6: [x]}}}",
	  HEAD "{\"type\":\"ipoib\",\"master\":\"ib0\",\"ipam\":{\"type\":\"spiderpool\","
	       "\"default_ipv6_ippool\":[\"x\"]}}," COORD "]}" },
	{ "ovs", "{cniType: ovs, ovs: {bridge: br1}}",
	  HEAD "{\"vlan\":0,\"type\":\"ovs\",\"bridge\":\"br1\"," IPAM "}," COORD "]}" },
	{ "ovs: all",
	  "{cniType: ovs, ovs: {bridge: br1, vlan: 5, deviceID: \"0000:01:00.1\", trunk: [{minID: 1, maxID: 4094}, "
	  "{id: 7}]}}",
	  HEAD "{\"vlan\":5,\"type\":\"ovs\",\"bridge\":\"br1\",\"deviceID\":\"0000:01:00.1\"," IPAM
	       ",\"trunk\":[{\"minID\":1,\"maxID\":4094},{\"id\":7}]}," COORD "]}" },
	{ "M00017 no IPAM", "{cniType: macvlan, macvlan: {master: [eth0]}, disableIPAM: true}",
	  HEAD "{\"type\":\"macvlan\",\"master\":\"eth0\",\"mode\":\"bridge\",\"mtu\":0}," COORD "]}" },
	{ "M00021 more plugins, between the main one and coordinator",
	  "{cniType: macvlan, macvlan: {master: [eth0]}, chainCNIJsonData: ['{\"type\": \"a\", \"z\": 1, \"b\": "
	  "[0.50]}', '{\"type\":\"b\"}']}",
	  HEAD MACVLAN ",{\"type\":\"a\",\"z\":1,\"b\":[0.50]},{\"type\":\"b\"}," COORD "]}" },
	{ "sriov: more plugins, after rdma and before coordinator and tuning",
	  "{cniType: sriov, sriov: {resourceName: r, rdmaIsolation: true, mtu: 9}, chainCNIJsonData: "
	  "['{\"type\":\"a\"}']}",
	  HEAD "{\"vlan\":0,\"min_tx_rate\":0,\"max_tx_rate\":0,\"type\":\"sriov\"," IPAM
	       "},{\"type\":\"rdma\"},{\"type\":\"a\"}," COORD ",{\"type\":\"tuning\",\"mtu\":9}]}" },
	{ "no coordinator",
	  "{cniType: macvlan, macvlan: {master: [eth0]}, enableCoordinator: false, coordinator: "
	  "{mode: underlay}}",
	  HEAD MACVLAN "]}" },
	{ "M00022 podRPFilter",
	  "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: {podRPFilter: 2}}",
	  HEAD MACVLAN
	  ",{\"tunePodRoutes\":true,\"mode\":\"auto\",\"type\":\"coordinator\",\"podRPFilter\":2}]}" },
	{ "podRPFilter 0 with podCIDRType",
	  "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: {podRPFilter: "
	  "0, podCIDRType: none, hostRuleTable: 500}}",
	  HEAD MACVLAN
	  ",{\"tunePodRoutes\":true,\"mode\":\"auto\",\"type\":\"coordinator\",\"podRPFilter\":0}]}" },
	{ "coordinator: all",
	  "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: {mode: underlay, hijackCIDR: [10.0.0.1, "
	  "\"fd00::1\", 10.1.0.0/16], policyRoutes: [{dst: 10.9.0.1, gw: 10.0.0.2}], podMACPrefix: \"0a:1b\", "
	  "tunePodRoutes: false, podDefaultRouteNIC: net1, hostRuleTable: 600, podRPFilter: -1, txQueueLen: 2000, "
	  "vethLinkAddress: 169.254.200.1, vethMTU: 1400}}",
	  HEAD MACVLAN
	  ",{\"txQueueLen\":2000,\"vethLinkAddress\":\"169.254.200.1\",\"vethMTU\":1400,\"tunePodRoutes\":false,"
	  "\"podMACPrefix\":\"0a:1b\",\"mode\":\"underlay\",\"type\":\"coordinator\",\"podDefaultRouteNic\":"
	  "\"net1\",\"podRPFilter\":-1,\"hijackCIDR\":[\"10.0.0.1/32\",\"fd00::1/128\",\"10.1.0.0/16\"],"
	  "\"policyRoutes\":[{\"dst\":\"10.9.0.1/32\",\"gw\":\"10.0.0.2\"}],\"hostRuleTable\":600}]}" },
	{ "M00004 custom: to the letter",
	  "{cniType: custom, customCNI: '{ \"type\" : \"x\" }', enableCoordinator: true, "
	  "coordinator: {mode: auto}}",
	  "{ \"type\" : \"x\" }" },
	{ "M00019 empty spec", "{}", NULL },
	{ "M00012 version",
	  "{cniType: macvlan, macvlan: {master: [eth0]}} | annotations: "
	  "{multus.spidernet.io/cni-version: 0.4.0}",
	  "{\"cniVersion\":\"0.4.0\",\"name\":\"demo\",\"plugins\":[" MACVLAN "," COORD "]}" },
	{ "M00010 name of the definition",
	  "{cniType: macvlan, macvlan: {master: [eth0]}} | annotations: "
	  "{multus.spidernet.io/cr-name: other}",
	  "{\"cniVersion\":\"0.3.1\",\"name\":\"other\",\"plugins\":[" MACVLAN "," COORD "]}" },
	{ "name of the network",
	  "{cniType: macvlan, macvlan: {master: [eth0]}} | annotations: "
	  "{multus.spidernet.io/cr-name: other, cni.spidernet.io/cniconfig-name: net_1}",
	  "{\"cniVersion\":\"0.3.1\",\"name\":\"net_1\",\"plugins\":[" MACVLAN "," COORD "]}" },
};

/* What is made is what a runtime takes. */
static void loads(const char *row, const struct api_multus_nad *n)
{
	struct cni_network net;
	struct err e;

	if (cni_network_parse(n->config.s, n->config.len, "nad", &net, &e) < 0)
		fail_msg("%s: %s", row, e.msg);
	assert_true(net.plugins.n > 0);
	cni_network_clear(&net);
}

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(golden); i++) {
		struct api_multus_nad n;
		struct api_multus m;
		struct err e;

		multus_lab_make(golden[i].line, &m);
		if (api_multus_validate_create(&m, NULL, &e) < 0 || api_multus_generate(&m, &n, &e) < 0)
			fail_msg("%s: %s", golden[i].name, e.msg);
		if (n.has_config != (golden[i].config != NULL))
			fail_msg("%s: has_config", golden[i].name);
		if (n.has_config && strcmp(buf_cstr(&n.config), golden[i].config) != 0)
			fail_msg("%s:\n%s\nwant\n%s", golden[i].name, buf_cstr(&n.config), golden[i].config);
		if (n.has_config && strncmp(n.config.s, "{\"cniVersion", 12) == 0)
			loads(golden[i].name, &n);
		api_multus_nad_clear(&n);
		multus_lab_clear(&m);
	}
}

/* ---- name and annotations ---- */

static const struct {
	const char *line, *name, *annotations;
} metas[] = {
	{ "{}", "demo", "" },
	{ "{cniType: sriov, sriov: {resourceName: a/b}} | annotations: {x: v}", "demo",
	  "x=v k8s.v1.cni.cncf.io/resourceName=a/b " },
	{ "{cniType: ib-sriov, ibsriov: {resourceName: ib}}", "demo", "k8s.v1.cni.cncf.io/resourceName=ib " },
	{ "{cniType: ovs, ovs: {bridge: br}}", "demo", "" },
	{ "{cniType: ovs, ovs: {bridge: br, deviceID: d}} | annotations: {multus.spidernet.io/cr-name: nad}",
	  "nad",
	  "multus.spidernet.io/cr-name=nad k8s.v1.cni.cncf.io/resourceName=ovs-cni.network.kubevirt.io/br " },
	{ "{cniType: macvlan, macvlan: {master: [a], rdmaResourceName: r, ippools: {ipv4: [p]}}} | annotations: "
	  "{cni.spidernet.io/rdma-resource-inject: r1}",
	  "demo", "cni.spidernet.io/rdma-resource-inject=r1 " },
};

static void test_meta(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);
		struct api_multus_nad n;
		struct api_multus m;
		struct err e;

		multus_lab_make(metas[i].line, &m);
		if (api_multus_generate(&m, &n, &e) < 0)
			fail_msg("%s: %s", metas[i].line, e.msg);
		for (size_t k = 0; k < n.annotations.n; k++)
			buf_fmt(&b, "%s=%s ", n.annotations.v[k].key, n.annotations.v[k].value);
		assert_string_equal(n.name, metas[i].name);
		if (strcmp(buf_cstr(&b), metas[i].annotations) != 0)
			fail_msg("%s: %s", metas[i].line, buf_cstr(&b));
		api_multus_nad_clear(&n);
		multus_lab_clear(&m);
	}
}

/* ---- defaults ---- */

static const struct {
	const char *line, *spec;
} defaults[] = {
	{ "{}",
	  "{\"cniType\":\"custom\",\"enableCoordinator\":false,\"disableIPAM\":false,\"chainCNIJsonData\":[]}" },
	{ "{cniType: macvlan, macvlan: {master: [a], ippools: {}}}",
	  "{\"cniType\":\"macvlan\",\"macvlan\":{\"master\":[\"a\"],\"mtu\":0,\"vlanID\":0,\"ippools\":{"
	  "\"matchMasterSubnet\":false}},\"enableCoordinator\":true,\"disableIPAM\":false,\"coordinator\":{"
	  "\"mode\":\"auto\",\"hijackCIDR\":[],\"policyRoutes\":[],\"tunePodRoutes\":true,"
	  "\"podRPFilter\":0,\"txQueueLen\":0},"
	  "\"chainCNIJsonData\":[]}" },
	{ "{cniType: macvlan, enableCoordinator: false}",
	  "{\"cniType\":\"macvlan\",\"enableCoordinator\":false,\"disableIPAM\":false,\"chainCNIJsonData\":[]}" },
	{ "{cniType: nothing, enableCoordinator: false}",
	  "{\"cniType\":\"nothing\",\"enableCoordinator\":false,\"disableIPAM\":false,\"chainCNIJsonData\":[]}" },
	{ "{cniType: vlan, enableCoordinator: false, vlan: {vlanMode: auto, bond: {name: b}}}",
	  "{\"cniType\":\"vlan\",\"vlan\":{\"mtu\":0,\"bond\":{\"name\":\"b\",\"mode\":0},"
	  "\"vlanMode\":\"auto\"},\"enableCoordinator\":false,\"disableIPAM\":false,\"chainCNIJsonData\":[]}" },
	{ "{cniType: macvlan} | deletionTimestamp: \"2026-01-01T00:00:00Z\"", "{\"cniType\":\"macvlan\"}" },
};

static void test_defaults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);
		struct api_multus m;
		struct err e;

		multus_lab_make(defaults[i].line, &m);
		assert_int_equal(api_multus_default(&m, &e), 0); /* again: nothing more */
		assert_int_equal(json_encode_text(&api_multus_spec_table, &m.spec, &b, &e), 0);
		if (strcmp(buf_cstr(&b), defaults[i].spec) != 0)
			fail_msg("%s:\n%s\nwant\n%s", defaults[i].line, buf_cstr(&b), defaults[i].spec);
		multus_lab_clear(&m);
	}
}

static void test_labels(void **state)
{
	struct api_multus m;

	(void)state;
	multus_lab_make("{} | annotations: {cni.spidernet.io/rdma-resource-inject: a, "
			"cni.spidernet.io/network-resource-inject: b, c: d}, labels: {e: f}",
			&m);
	assert_int_equal(m.obj.meta.labels.n, 3);
	assert_string_equal(json_map_get(&m.obj.meta.labels, API_MULTUS_INJECT_RDMA), "a");
	assert_string_equal(json_map_get(&m.obj.meta.labels, API_MULTUS_INJECT_NETWORK), "b");
	multus_lab_clear(&m);
}

/* ---- needs ---- */

static const struct {
	const char *line, *says; /* resource masters order pools */
} needs[] = {
	{ "{}", "-  '' 0" },
	{ "{cniType: macvlan}", "-  '' 0" },
	{ "{cniType: macvlan, macvlan: {master: [a], rdmaResourceName: r, ippools: {ipv6: [p]}}}",
	  "r a 'a' 1" },
	{ "{cniType: ipvlan, ipvlan: {master: [a, b], bond: {name: c}, ippools: {ipv4: []}}}",
	  "- a,b 'c' 0" },
	{ "{cniType: sriov, sriov: {resourceName: r}}", "r  'r' 0" },
	{ "{cniType: ib-sriov, ibsriov: {resourceName: r, ippools: {ipv4: [x]}}}", "r  'r' 1" },
	{ "{cniType: ipoib, ipoib: {master: i}}", "- i 'i' 0" },
	{ "{cniType: ovs, ovs: {bridge: i, ippools: {ipv4: [x]}}}", "-  '' 1" },
};

static void test_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);
		struct api_multus_needs n;
		struct api_multus m;

		multus_lab_make(needs[i].line, &m);
		api_multus_needs(&m, &n);
		buf_fmt(&b, "%s ", n.resource ? n.resource : "-");
		for (size_t k = 0; k < n.n_masters; k++)
			buf_fmt(&b, "%s%s", k ? "," : "", n.master[k]);
		buf_fmt(&b, " '%s' %d", n.order, n.pools);
		if (strcmp(buf_cstr(&b), needs[i].says) != 0)
			fail_msg("%s: %s", needs[i].line, buf_cstr(&b));
		multus_lab_clear(&m);
	}
}

static void test_nad_owner(void **state)
{
	static const struct {
		const char *text, *owner;
	} rows[] = {
		{ "{}", NULL },
		{ "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\"}]}}",
		  NULL },
		{ "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"spiderpool.spidernet.io/v1\",\"kind\":"
		  "\"SpiderMultusConfig\",\"name\":\"m\"}]}}",
		  "m" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p) struct json_object *o = NULL;
		const char *owner;
		struct err e;

		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), "row", &o, &e), 0);
		owner = api_multus_nad_owner(o);
		if (!owner != !rows[i].owner || (owner && strcmp(owner, rows[i].owner) != 0))
			fail_msg("%s: %s", rows[i].text, owner ? owner : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden), cmocka_unit_test(test_meta),  cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_labels), cmocka_unit_test(test_needs), cmocka_unit_test(test_nad_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
