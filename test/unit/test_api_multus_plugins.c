/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_multus_plugins.c - what is made of a SpiderMultusConfig is what our plugins read
 *
 * The programs' own sources are compiled in; what both call by one name is renamed.
 */
#include "multus_lab.h"

#include "../../plugins/coordinator/conf.c"
#include "../../plugins/coordinator/fields.c"
#include "../../plugins/coordinator/section.c"
#define bad ifacer_bad
#include "../../plugins/ifacer/conf.c"
#include "../../plugins/ifacer/fields.c"
#include "cni/network.h"
#include "ipam/section.h"

struct seen {
	unsigned ifacer, coordinator, ipam, others;
};

static void no_unknown(const char *path, void *arg)
{
	fail_msg("%s: unknown key %s", (const char *)arg, path);
}

static void no_note(const char *sentence, void *arg)
{
	fail_msg("%s: %s", (const char *)arg, sentence);
}

static void read_coordinator(const char *row, struct json_object *o)
{
	struct coordinator_section s;
	struct coordinator_conf c;
	struct err e;

	coordinator_section_notes(o, no_note, (void *)row);
	if (coordinator_section_read(o, &s, &e) < 0 || coordinator_conf_merge(&s, NULL, NULL, &c, &e) < 0)
		fail_msg("%s: %s", row, e.msg);
	coordinator_conf_clear(&c);
	coordinator_section_clear(&s);
}

static void read_ifacer(const char *row, struct json_object *o)
{
	struct ifacer_conf c;
	struct ifacer_plan p;
	struct err e;

	if (ifacer_conf_read(o, &c, &p, &e) < 0)
		fail_msg("%s: %s", row, e.msg);
	if (ifacer_plan_is_empty(&p))
		fail_msg("%s: ifacer has nothing to do", row);
	ifacer_conf_clear(&c);
}

static void read_ipam(const char *row, struct json_object *o)
{
	struct ipam_section s;
	struct err e;

	if (ipam_section_read(o, &s, no_unknown, (void *)row, &e) < 0)
		fail_msg("%s: %s", row, e.msg);
	ipam_section_clear(&s);
}

static void read_plugin(const char *row, const struct cni_network_plugin *p, struct seen *seen)
{
	struct json_object *ipam = json_get(p->conf, "ipam");

	if (strcmp(p->type, "coordinator") == 0) {
		read_coordinator(row, p->conf);
		seen->coordinator++;
	} else if (strcmp(p->type, "ifacer") == 0) {
		read_ifacer(row, p->conf);
		seen->ifacer++;
	} else {
		seen->others++;
	}
	if (ipam) {
		read_ipam(row, ipam);
		seen->ipam++;
	}
}

static const struct {
	const char *line;
	struct seen seen;
} rows[] = {
	{ "{cniType: macvlan, macvlan: {master: [eth0]}}", { 0, 1, 1, 1 } },
	{ "{cniType: macvlan, macvlan: {master: [eth0], vlanID: 4094, ippools: {ipv4: [a], ipv6: [b, c]}}}",
	  { 1, 1, 1, 1 } },
	{ "{cniType: ipvlan, ipvlan: {master: [a, b], bond: {name: c, mode: 4, options: \"miimon=100;lacp_rate="
	  "fast\"}}}",
	  { 1, 1, 1, 1 } },
	{ "{cniType: vlan, vlan: {master: [a, b], vlanID: 7, bond: {name: c, mode: 0}}, disableIPAM: true}",
	  { 1, 1, 0, 1 } },
	{ "{cniType: sriov, sriov: {resourceName: r, rdmaIsolation: true, mtu: 9000, ippools: {matchMasterSubnet: "
	  "true}}}",
	  { 0, 1, 1, 3 } },
	{ "{cniType: ib-sriov, ibsriov: {resourceName: r}, enableCoordinator: false}", { 0, 0, 1, 1 } },
	{ "{cniType: ovs, ovs: {bridge: b, trunk: [{minID: 1, maxID: 2}]}, chainCNIJsonData: ['{\"type\": \"x\"}']}",
	  { 0, 1, 1, 2 } },
	{ "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: {mode: disabled}}", { 0, 1, 1, 1 } },
	{ "{cniType: macvlan, macvlan: {master: [eth0]}, coordinator: {mode: overlay, hijackCIDR: [10.0.0.1, "
	  "\"fd00::1\"], policyRoutes: [{dst: 10.9.0.1, gw: 10.0.0.2}], podMACPrefix: \"0a:1b\", tunePodRoutes: "
	  "false, podDefaultRouteNIC: net1, hostRuleTable: 600, podRPFilter: -1, txQueueLen: 2000, vethLinkAddress: "
	  "169.254.200.1, vethMTU: 1400}}",
	  { 0, 1, 1, 1 } },
};

static void test_plugins(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct seen seen = { .ifacer = 0 };
		struct api_multus_nad n;
		struct cni_network net;
		struct api_multus m;
		struct err e;

		multus_lab_make(rows[i].line, &m);
		if (api_multus_generate(&m, &n, &e) < 0 ||
		    cni_network_parse(n.config.s, n.config.len, "nad", &net, &e) < 0)
			fail_msg("%s: %s", rows[i].line, e.msg);
		for (size_t k = 0; k < net.plugins.n; k++)
			read_plugin(rows[i].line, &net.plugins.v[k], &seen);
		if (memcmp(&seen, &rows[i].seen, sizeof(seen)) != 0)
			fail_msg("%s: %u %u %u %u", rows[i].line, seen.ifacer, seen.coordinator, seen.ipam,
				 seen.others);
		cni_network_clear(&net);
		api_multus_nad_clear(&n);
		multus_lab_clear(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_plugins) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
