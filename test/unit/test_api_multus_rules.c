/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_multus_rules.c - SpiderMultusConfig: what is refused, and with which words
 *
 * Rows that begin with M and a number are those of the end-to-end table that users' documents name.
 */
#include "multus_lab.h"

#define MACVLAN "{cniType: macvlan, macvlan: {master: [eth0]"
#define CHAIN   "{cniType: macvlan, macvlan: {master: [eth0]}, chainCNIJsonData: "
#define COORD   "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: "
#define OVS     "{cniType: ovs, ovs: {bridge: b, trunk: ["
#define A       " | annotations: "
#define CR_NAME "multus.spidernet.io/cr-name"
#define RDMA    "cni.spidernet.io/rdma-resource-inject"
#define NETWORK "cni.spidernet.io/network-resource-inject"
#define M       "SpiderMultusConfig ns/demo: "
#define LONG \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define ROW(the_rule, the_old, the_obj, the_says, ...) \
	{ \
		.rule = (the_rule), .old = (the_old), .obj = (the_obj), .says = (the_says), __VA_ARGS__ \
	}

static const struct row {
	const char *rule, *old, *obj, *says; /* says NULL: accepted */
	const char *nad_owner, *other;
} rows[] = {
	ROW("M00019 empty spec", NULL, "{}", NULL),
	ROW("name", NULL, "{} | name: A", "SpiderMultusConfig ns/A: metadata.name: \"A\": want"),
	ROW("M00020 empty cr-name", NULL, "{}" A "{" CR_NAME ": \"\"}",
	    M "metadata.annotations: " CR_NAME ": \"\": want at most 253"),
	ROW("M00020 long cr-name", NULL, "{}" A "{" CR_NAME ": " LONG "}",
	    M "metadata.annotations: " CR_NAME),
	ROW("M00025 cr-name is no name", NULL, "{}" A "{" CR_NAME ": a_b}",
	    M "metadata.annotations: " CR_NAME ": \"a_b\""),
	ROW("M00013 version", NULL, "{}" A "{multus.spidernet.io/cni-version: x}",
	    M
	    "metadata.annotations: multus.spidernet.io/cni-version: \"x\": want 0.3.0, 0.3.1, 0.4.0 or 1.0.0"),
	ROW("version 1.1.0", NULL, "{}" A "{multus.spidernet.io/cni-version: 1.1.0}", "want 0.3.0"),
	ROW("network name", NULL, "{}" A "{cni.spidernet.io/cniconfig-name: -a}",
	    M "metadata.annotations: cni.spidernet.io/cniconfig-name: \"-a\""),
	ROW("network name has a slash", NULL, "{}" A "{cni.spidernet.io/cniconfig-name: a/b}", "a/b"),

	ROW("M00011 the definition is another's", NULL, "{}",
	    M "NetworkAttachmentDefinition demo belongs to SpiderMultusConfig x: want another",
	    .nad_owner = "x"),
	ROW("M00011 ... by annotation", NULL, "{}" A "{" CR_NAME ": nad}",
	    M "NetworkAttachmentDefinition nad belongs to SpiderMultusConfig own", .nad_owner = "own"),
	ROW("M00011 ... that is not made yet", NULL, "{}" A "{" CR_NAME ": nad}",
	    M "NetworkAttachmentDefinition nad belongs to SpiderMultusConfig other",
	    .other = "{} | name: other, annotations: {" CR_NAME ": nad}"),
	ROW("M00014 the definition is its own", NULL, "{}", NULL, .nad_owner = "demo", .other = "{}"),
	ROW("an old one belongs to another", "{}", "{}", M "NetworkAttachmentDefinition demo belongs",
	    .nad_owner = "x"),

	ROW("cr-name changes", "{}" A "{" CR_NAME ": nad}", "{}" A "{" CR_NAME ": m}",
	    M "metadata.annotations: " CR_NAME
	      ": cannot change: the NetworkAttachmentDefinition would be m instead of nad"),
	ROW("cr-name comes", "{}", "{}" A "{" CR_NAME ": m}", "would be m instead of demo"),
	ROW("cr-name goes", "{}" A "{" CR_NAME ": nad}", "{}", "would be demo instead of nad"),
	ROW("cr-name says the name", "{}", "{}" A "{" CR_NAME ": demo}", NULL),
	ROW("all may change in what is being deleted", "{}",
	    "{cniType: macvlan} | annotations: {" CR_NAME ": m}, deletionTimestamp: \"2026-01-01T00:00:00Z\"",
	    NULL),

	ROW("cniType", NULL, "{cniType: bridge}", M "spec.cniType: \"bridge\": want macvlan, ipvlan"),
	ROW("M00015 no part", NULL, "{cniType: macvlan}",
	    M "spec.macvlan: missing: want it for cniType macvlan"),
	ROW("M00015 no part: ib-sriov", NULL, "{cniType: ib-sriov, sriov: {resourceName: r}}",
	    M "spec.ibsriov: missing"),
	ROW("M00015 another part", NULL, MACVLAN "}, ipvlan: {master: [a]}}",
	    M "spec.ipvlan: not for cniType macvlan: remove it"),
	ROW("another part: custom", NULL, "{cniType: custom, ovs: {bridge: b}}",
	    M "spec.ovs: not for cniType custom"),
	ROW("customCNI", NULL, MACVLAN "}, customCNI: '{}'}", M "spec.customCNI: not for cniType macvlan"),
	ROW("customCNI is empty", NULL, MACVLAN "}, customCNI: ''}", NULL),
	ROW("M00005 no JSON", NULL, "{customCNI: '{'}", M "spec.customCNI:1:2"),
	ROW("M00005 no object", NULL, "{customCNI: '1'}", M "spec.customCNI: want a network configuration"),

	ROW("M00016 VLAN", NULL, MACVLAN ", vlanID: 4095}}", M "spec.macvlan.vlanID: 4095: want 0 to 4094"),
	ROW("VLAN 4094", NULL, MACVLAN ", vlanID: 4094}}", NULL),
	ROW("VLAN -1", NULL, "{cniType: vlan, vlan: {master: [a], vlanID: -1}}", "spec.vlan.vlanID: -1"),
	ROW("VLAN of sriov", NULL, "{cniType: sriov, sriov: {resourceName: r, vlanID: 4095}}",
	    "spec.sriov.vlanID"),
	ROW("VLAN of ovs", NULL, "{cniType: ovs, ovs: {bridge: r, vlan: 4095}}", "spec.ovs.vlan: 4095"),
	ROW("M00033 mtu", NULL, MACVLAN ", mtu: -1}}", M "spec.macvlan.mtu: -1: want 0 to"),
	ROW("M00034 mtu", NULL, "{cniType: ipvlan, ipvlan: {master: [a], mtu: -2}}", "spec.ipvlan.mtu: -2"),
	ROW("M00035 mtu", NULL, "{cniType: sriov, sriov: {resourceName: a, mtu: -1}}",
	    M "spec.sriov.mtu: -1"),
	ROW("matchMasterSubnet", NULL, MACVLAN ", ippools: {matchMasterSubnet: true}}}",
	    M "spec.macvlan.ippools.matchMasterSubnet: true: only for cniType sriov"),
	ROW("master", NULL, "{cniType: macvlan, macvlan: {master: []}}", M "spec.macvlan.master: missing"),
	ROW("empty master", NULL, "{cniType: macvlan, macvlan: {master: [a, '']}}",
	    M "spec.macvlan.master[1]"),
	ROW("masters without bond", NULL, "{cniType: ipvlan, ipvlan: {master: [a, b]}}",
	    M "spec.ipvlan.bond.name: missing: want the name of the bond that the 2 interfaces"),
	ROW("bond without name", NULL, "{cniType: vlan, vlan: {master: [a, b], bond: {name: '', mode: 1}}}",
	    "spec.vlan.bond.name: missing"),
	ROW("bond mode", NULL, "{cniType: vlan, vlan: {master: [a, b], bond: {name: 'x', mode: 7}}}",
	    "spec.vlan.bond.mode: 7: want 0 to 6"),
	ROW("vlanMode", NULL, "{cniType: vlan, vlan: {master: [a], vlanMode: x}}",
	    M "spec.vlan.vlanMode: \"x\": want manual or auto"),
	ROW("M00040 auto and an ID", NULL, "{cniType: vlan, vlan: {master: [a], vlanMode: auto, vlanID: 3}}",
	    M "spec.vlan.vlanID: 3: want none with spec.vlan.vlanMode auto"),
	ROW("auto and ID 0", NULL, "{cniType: vlan, vlan: {master: [a], vlanMode: auto, vlanID: 0}}",
	    "want none with"),
	ROW("sriov: resource", NULL, "{cniType: sriov, sriov: {resourceName: ''}}",
	    M "spec.sriov.resourceName: missing"),
	ROW("sriov: rates", NULL,
	    "{cniType: sriov, sriov: {resourceName: r, minTxRateMbps: 2, maxTxRateMbps: 1}}",
	    M "spec.sriov.minTxRateMbps: 2: want at most maxTxRateMbps, which is 1"),
	ROW("sriov: rate", NULL, "{cniType: sriov, sriov: {resourceName: r, minTxRateMbps: -2}}",
	    "spec.sriov.minTxRateMbps: -2: want 0"),
	ROW("ib-sriov: resource", NULL, "{cniType: ib-sriov, ibsriov: {}}",
	    M "spec.ibsriov.resourceName: missing"),
	ROW("ib-sriov: state", NULL, "{cniType: ib-sriov, ibsriov: {resourceName: r, linkState: up}}",
	    M "spec.ibsriov.linkState: \"up\""),
	ROW("ipoib: master", NULL, "{cniType: ipoib, ipoib: {}}", M "spec.ipoib.master: missing"),
	ROW("ovs: bridge", NULL, "{cniType: ovs, ovs: {}}", M "spec.ovs.bridge: missing"),
	ROW("ovs: minID", NULL, OVS "{minID: 4095, maxID: 4095}]}}",
	    M "spec.ovs.trunk[0].minID: 4095: want 0"),
	ROW("ovs: maxID", NULL, OVS "{minID: 1, maxID: 4095}]}}", M "spec.ovs.trunk[0].maxID: 4095"),
	ROW("ovs: id", NULL, OVS "{id: 1}, {id: 4095}]}}", M "spec.ovs.trunk[1].id: 4095"),
	ROW("ovs: range", NULL, OVS "{minID: 2, maxID: 1}]}}",
	    M "spec.ovs.trunk[0].maxID: 1: want at least minID"),
	ROW("ovs: maxID alone", NULL, OVS "{maxID: 1}]}}", M "spec.ovs.trunk[0].minID: missing"),
	ROW("ovs: minID alone", NULL, OVS "{minID: 1}]}}", M "spec.ovs.trunk[0].maxID: missing"),

	ROW("M00027 rdma", NULL, MACVLAN ", rdmaResourceName: r, ippools: {ipv4: [p]}}}" A "{" RDMA ": x}",
	    NULL),
	ROW("M00028 no resource", NULL, MACVLAN ", ippools: {ipv4: [p]}}}" A "{" RDMA ": x}",
	    M "metadata.annotations: " RDMA
	      ": want a resource of a device plugin in spec.macvlan.rdmaResourceName"),
	ROW("M00029 no pool", NULL, MACVLAN ", rdmaResourceName: r}}" A "{" RDMA ": x}",
	    M "metadata.annotations: " RDMA ": want at least one pool in spec.macvlan.ippools"),
	ROW("M00030 wrong type", NULL, "{cniType: ovs, ovs: {bridge: b}}" A "{" RDMA ": x}",
	    M "metadata.annotations: " RDMA
	      ": not for cniType ovs: want macvlan, ipvlan, vlan, sriov or ib-sriov"),
	ROW("M00030 custom", NULL, "{}" A "{" RDMA ": x}", "not for cniType custom"),
	ROW("rdma: ipoib", NULL, "{cniType: ipoib, ipoib: {master: a}}" A "{" RDMA ": x}",
	    "not for cniType ipoib"),
	ROW("rdma: sriov", NULL,
	    "{cniType: sriov, sriov: {resourceName: r, ippools: {ipv6: [p]}}}" A "{" RDMA ": x}", NULL),
	ROW("M00031 network", NULL,
	    MACVLAN ", rdmaResourceName: r, ippools: {ipv4: [p]}}}" A "{" NETWORK ": x}", NULL),
	ROW("network: no resource", NULL, MACVLAN "}}" A "{" NETWORK ": x}", NULL),
	ROW("M00032 network: no pool", NULL, MACVLAN ", rdmaResourceName: r}}" A "{" NETWORK ": x}",
	    M "metadata.annotations: " NETWORK ": want at least one pool"),
	ROW("network: custom", NULL, "{}" A "{" NETWORK ": x}",
	    "not for cniType custom: want macvlan, ipvlan, vlan, sriov, ib-sriov or ipoib"),

	ROW("M00022 podRPFilter", NULL, COORD "{podRPFilter: 2}}", NULL),
	ROW("M00023 podRPFilter", NULL, COORD "{podRPFilter: 14}}",
	    M "spec.coordinator.podRPFilter: 14: want 0, 1 or 2, or -1"),
	ROW("M00024 podMACPrefix", NULL, COORD "{podMACPrefix: \"0a:1b\"}}", NULL),
	ROW("M00024 podMACPrefix", NULL, COORD "{podMACPrefix: \"01:10\"}}",
	    M "spec.coordinator.podMACPrefix: \"01:10\": want a unicast prefix"),
	ROW("M00026 vethLinkAddress", NULL, COORD "{vethLinkAddress: 169.254.200.1}}", NULL),
	ROW("vethLinkAddress", NULL, COORD "{vethLinkAddress: x}}", M "spec.coordinator.vethLinkAddress: "),
	ROW("mode", NULL, COORD "{mode: x}}", M "spec.coordinator.mode: \"x\": want auto"),

	ROW("M00021 more plugins", NULL, CHAIN "['{\"type\":\"a\"}']}", NULL),
	ROW("no JSON", NULL, CHAIN "['{\"type\":\"a\"}', 'x']}", M "spec.chainCNIJsonData[1]: plugin:1:1"),
	ROW("no type", NULL, CHAIN "['{\"name\":\"a\"}']}",
	    M "spec.chainCNIJsonData[0]: want the configuration of a plugin, a JSON object with \"type\""),
	ROW("type is a number", NULL, CHAIN "['{\"type\":1}']}", "spec.chainCNIJsonData[0]: want"),
	ROW("a list", NULL, CHAIN "['[]']}", "spec.chainCNIJsonData[0]: want"),
};

static int ask(const struct row *row, struct api_multus *m, struct err *e)
{
	struct api_multus old, other;
	const struct api_multus *others[] = { &other };
	struct api_multus_world w = { .nad_owner = row->nad_owner };
	int r;

	if (row->other) {
		multus_lab_make(row->other, &other);
		w.others = others;
		w.n_others = 1;
	}
	if (row->old) {
		multus_lab_make(row->old, &old);
		r = api_multus_validate_update(&old, m, &w, e);
		multus_lab_clear(&old);
	} else {
		r = api_multus_validate_create(m, &w, e);
	}
	if (row->other)
		multus_lab_clear(&other);
	return r;
}

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct err e = { .cni = 0 };
		struct api_multus m;
		int r;

		multus_lab_make(row->obj, &m);
		r = ask(row, &m, &e);
		if (!row->says && (r != 0 || e.msg[0]))
			fail_msg("%s: refused: %d, %s", row->rule, r, e.msg);
		if (row->says && r >= 0)
			fail_msg("%s: accepted", row->rule);
		if (row->says && (!strstr(e.msg, row->says) || e.sys != -r))
			fail_msg("%s: says\n\t%s\nwant\n\t%s", row->rule, e.msg, row->says);
		if (row->says && row->says[0] == 'S' && strncmp(e.msg, row->says, strlen(row->says)) != 0)
			fail_msg("%s: begins\n\t%s", row->rule, e.msg);
		multus_lab_clear(&m);
	}
}

/* An object that nobody has given defaults, or that came past validation: a sentence, no definition. */
static void test_bypassed(void **state)
{
	static const char *const lines[] = {
		"{cniType: macvlan}",
		"{cniType: macvlan, macvlan: {}}",
		"{cniType: macvlan, macvlan: {master: [a, b], vlanID: 3}}",
		"{cniType: vlan, vlan: {master: [a]}}",
		"{cniType: sriov, sriov: {}}",
		"{cniType: ipoib, ipoib: {}}",
		"{cniType: ovs, ovs: {}}",
		"{cniType: x}",
		"{cniType: ovs, ovs: {bridge: a}, chainCNIJsonData: [x]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct api_multus_nad n;
		struct api_multus m;
		struct err e;

		multus_lab_read(lines[i], &m);
		if (api_multus_generate(&m, &n, &e) != -EINVAL)
			fail_msg("%s", lines[i]);
		assert_null(n.config.s);
		multus_lab_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_bypassed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
