/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_coordinator.c - SpiderCoordinator: defaults and rules */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "api/coordinator.h"
#include "base/own.h"
#include "yaml/yaml.h"

static int document(struct json_object *tree, size_t line, void *arg, struct err *e)
{
	(void)line;
	return json_decode(&api_coordinator_table, tree, "row", arg, e);
}

static void make(const char *spec, const char *meta, bool defaults, struct api_coordinator *ret)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 20);
	struct err e;

	buf_fmt(&text, "spec: %s\nmetadata: %s\n", spec, meta);
	*ret = (struct api_coordinator){ .obj = { .kind = NULL } };
	if (yaml_parse(text.s, text.len, "row", document, ret, &e) < 0)
		fail_msg("%s: %s", text.s, e.msg);
	if (defaults)
		assert_int_equal(api_coordinator_default(ret, &e), 0);
}

#define C   "SpiderCoordinator default: "
#define T   "podCIDRType: auto"
#define TOO "want a routing table of its own"

static const struct {
	const char *rule, *spec, *says;
} rows[] = {
	{ "least", "{" T "}", NULL },
	{ "podCIDRType", "{}", C "spec.podCIDRType: missing: want auto, cluster, calico, cilium or none" },
	{ "podCIDRType", "{podCIDRType: flannel}", C "spec.podCIDRType: \"flannel\": want auto, cluster" },
	{ "mode", "{" T ", mode: disabled}", NULL },
	{ "mode", "{" T ", mode: off2}", C "spec.mode: \"off2\": want auto, underlay, overlay or disabled" },
	{ "hijackCIDR", "{" T ", hijackCIDR: [10.0.0.1, 10.0.0.0/8, \"fd00::/8\"]}", NULL },
	{ "hijackCIDR", "{" T ", hijackCIDR: [10.0.0.1, x]}", C "spec.hijackCIDR[1]: prefix \"x\"" },
	{ "hijackCIDR: no blanks", "{" T ", hijackCIDR: [' 10.0.0.1']}", C "spec.hijackCIDR[0]: " },
	{ "policyRoutes",
	  "{" T ", policyRoutes: [{dst: 10.0.0.0/8, gw: 1.1.1.1}, {dst: \"::1\", gw: \"fd00::1\"}]}", NULL },
	{ "policyRoutes: dst", "{" T ", policyRoutes: [{dst: x, gw: 1.1.1.1}]}",
	  C "spec.policyRoutes[0].dst: prefix \"x\"" },
	{ "policyRoutes: no dst", "{" T ", policyRoutes: [{gw: 1.1.1.1}]}",
	  C "spec.policyRoutes[0].dst: missing: want" },
	{ "policyRoutes: gw", "{" T ", policyRoutes: [{dst: 1.1.1.1, gw: 1.1.1.1/8}]}",
	  C "spec.policyRoutes[0].gw: address \"1.1.1.1/8\"" },
	{ "policyRoutes: no gw", "{" T ", policyRoutes: [{dst: 1.1.1.1}]}",
	  C "spec.policyRoutes[0].gw: missing" },
	{ "policyRoutes: families", "{" T ", policyRoutes: [{dst: 1.1.1.0/24, gw: \"fd00::1\"}]}",
	  C "spec.policyRoutes[0].gw: fd00::1: want IPv4 as dst 1.1.1.0/24 is" },
	{ "podMACPrefix", "{" T ", podMACPrefix: \"0A:1b\"}", NULL },
	{ "podMACPrefix: empty", "{" T ", podMACPrefix: \"\"}", NULL },
	{ "podMACPrefix: group", "{" T ", podMACPrefix: \"0b:11\"}",
	  C "spec.podMACPrefix: \"0b:11\": want a unicast prefix" },
	{ "podMACPrefix: dash", "{" T ", podMACPrefix: \"0a-11\"}",
	  C "spec.podMACPrefix: \"0a-11\": want two bytes" },
	{ "podMACPrefix: comma", "{" T ", podMACPrefix: \"0,:11\"}", "want two bytes" },
	{ "podMACPrefix: long", "{" T ", podMACPrefix: \"0a:1b:2c\"}", "want two bytes" },
	{ "hostRuleTable", "{" T ", hostRuleTable: 254}", C "spec.hostRuleTable: 254: " TOO },
	{ "hostRuleTable: large", "{" T ", hostRuleTable: 4294967296}", TOO },
	{ "hostRuleTable: 0 is the default", "{" T ", hostRuleTable: 0}", NULL },
	{ "podRPFilter", "{" T ", podRPFilter: 3}", C "spec.podRPFilter: 3: want 0, 1 or 2, or -1 to leave" },
	{ "podRPFilter: less", "{" T ", podRPFilter: -5}", NULL },
	{ "txQueueLen", "{" T ", txQueueLen: -1}", C "spec.txQueueLen: -1: want 0 to" },
	{ "vethLinkAddress", "{" T ", vethLinkAddress: 169.254.100.1}", NULL },
	{ "vethLinkAddress: none", "{" T ", vethLinkAddress: 169.254.100.1/16}",
	  C "spec.vethLinkAddress: address \"169.254.100.1/16\"" },
	{ "vethLinkAddress: IPv6", "{" T ", vethLinkAddress: \"fe80::1\"}",
	  C "spec.vethLinkAddress: fe80::1: want an IPv4 address" },
	{ "vethMTU", "{" T ", vethMTU: 0}", C "spec.vethMTU: 0: want 68 to 65535" },
	{ "vethMTU: large", "{" T ", vethMTU: 65536}", "spec.vethMTU: 65536" },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { .cni = 0 };
		struct api_coordinator c;
		int r;

		make(rows[i].spec, "{name: default}", true, &c);
		r = api_coordinator_validate(&c, &e);
		if (!rows[i].says && r != 0)
			fail_msg("%s: %s: %s", rows[i].rule, rows[i].spec, e.msg);
		if (rows[i].says && (r != -EINVAL || !strstr(e.msg, rows[i].says)))
			fail_msg("%s: %d, %s\nwant\n%s", rows[i].rule, r, e.msg, rows[i].says);
		json_clear(&api_coordinator_table, &c);
	}
}

static void test_bypassed(void **state)
{
	struct api_coordinator c;
	struct err e;

	(void)state;
	make("{mode: auto, " T "}", "{name: default}", false, &c);
	assert_int_equal(api_coordinator_validate(&c, &e), -EINVAL);
	assert_non_null(strstr(e.msg, C "spec.podRPFilter: missing"));
	assert_int_equal(api_coordinator_check(&c.spec, "spec.coordinator", true, &e), 0);
	json_clear(&api_coordinator_table, &c);

	make("{podMACPrefix: \"01:00\"}", "{name: default}", false, &c);
	assert_int_equal(api_coordinator_check(&c.spec, "spec.coordinator", true, &e), -EINVAL);
	assert_int_equal(strncmp(e.msg, "spec.coordinator.podMACPrefix: ", 31), 0);
	json_clear(&api_coordinator_table, &c);

	make("{}", "{name: A}", true, &c);
	assert_int_equal(api_coordinator_validate(&c, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "SpiderCoordinator A: metadata.name: \"A\""));
	json_clear(&api_coordinator_table, &c);
}

static const struct {
	const char *spec, *meta, *want;
} defaults[] = {
	{ "{}", "{name: a}",
	  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"spiderpool.spidernet.io\"]},\"spec\":{\"mode\":\"auto\","
	  "\"tunePodRoutes\":true,\"hostRuleTable\":500,\"podRPFilter\":0,\"txQueueLen\":0,\"vethMTU\":1500}}" },
	{ "{mode: x, podCIDRType: none, hijackCIDR: [10.0.0.1, yy, \"fd00::1\", 10.0.0.0/8], policyRoutes: [{dst: "
	  "10.0.0.1, gw: g}, {gw: a}], tunePodRoutes: false, hostRuleTable: 1, podRPFilter: -1, txQueueLen: 2, "
	  "vethLinkAddress: l, vethMTU: 3}",
	  "{name: a, finalizers: [x]}",
	  "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"x\",\"spiderpool.spidernet.io\"]},\"spec\":{\"mode\":"
	  "\"x\",\"podCIDRType\":\"none\",\"hijackCIDR\":[\"10.0.0.1/32\",\"yy\",\"fd00::1/128\",\"10.0.0.0/8\"],"
	  "\"policyRoutes\":[{\"dst\":\"10.0.0.1/32\",\"gw\":\"g\"},{\"gw\":\"a\"}],\"tunePodRoutes\":false,"
	  "\"hostRuleTable\":1,\"podRPFilter\":-1,\"txQueueLen\":2,\"vethLinkAddress\":\"l\",\"vethMTU\":3}}" },
	{ "{}", "{name: a, deletionTimestamp: \"2026-01-01T00:00:00Z\"}",
	  "{\"metadata\":{\"name\":\"a\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}" },
};

static void test_defaults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(1 << 16);
		struct api_coordinator c;
		struct err e;

		make(defaults[i].spec, defaults[i].meta, true, &c);
		assert_int_equal(api_coordinator_default(&c, &e), 0); /* again: nothing more */
		assert_int_equal(json_encode_text(&api_coordinator_table, &c, &b, &e), 0);
		if (strcmp(buf_cstr(&b), defaults[i].want) != 0)
			fail_msg("%s:\n%s\nwant\n%s", defaults[i].spec, buf_cstr(&b), defaults[i].want);
		json_clear(&api_coordinator_table, &c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rules), cmocka_unit_test(test_bypassed),
					    cmocka_unit_test(test_defaults) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
