/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_validate_kinds.c - rules of all kinds but SpiderIPPool, of delete, and the manifests users have */
#include "api_rows.h"

#define S "subnet: 10.0.0.0/24, "

static const struct row subnet_rows[] = {
	ROW("minimal", NULL, NULL, "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}", NULL),
	ROW("name", NULL, NULL, "subnet S {" S "}", "SpiderSubnet S: metadata.name: \"S\""),
	ROW("name is used", "subnet s {subnet: 10.9.0.0/24}", NULL, "subnet s {" S "}",
	    "SpiderSubnet s: already exists: choose another name"),
	ROW("version", NULL, NULL, "subnet s {ipVersion: 5, " S "}",
	    "SpiderSubnet s: spec.ipVersion: 5: want 4 or 6"),
	ROW("version is disabled", NULL, NULL, "subnet s {" S "}", "spec.ipVersion: 4: IPv4 is disabled",
	    .flags = NO_V4),
	ROW("network", NULL, NULL, "subnet s {subnet: 10.0.0.1/24}",
	    "spec.subnet: 10.0.0.1/24: want the network itself"),
	ROW("ips", NULL, NULL, "subnet s {" S "ips: [10.0.1.1]}", "spec.ips[0]: 10.0.1.1: not inside"),
	ROW("excludeIPs", NULL, NULL, "subnet s {" S "excludeIPs: [10.0.0.2-10.0.0.1]}",
	    "spec.excludeIPs[0]"),
	ROW("gateway", NULL, NULL, "subnet s {" S "ips: [10.0.0.1], gateway: 10.0.0.1}",
	    "spec.gateway: 10.0.0.1: would be"),
	ROW("routes", NULL, NULL, "subnet s {" S "routes: [{dst: 1.0.0.0/8, gw: 1.0.0.1}]}",
	    "spec.routes[0]: gw"),

	ROW("same network", "subnet t {" S "}", NULL, "subnet s {" S "}",
	    "spec.subnet: 10.0.0.0/24: overlaps 10.0.0.0/24 of SpiderSubnet t: want a network apart from it"),
	ROW("inside another", "subnet t {subnet: 10.0.0.0/8}", NULL, "subnet s {" S "}",
	    "overlaps 10.0.0.0/8 of SpiderSubnet t"),
	ROW("around another", "subnet t {subnet: 10.0.0.4/30}", NULL, "subnet s {" S "}",
	    "overlaps 10.0.0.4/30"),
	ROW("beside another", "subnet t {subnet: 10.0.1.0/24}\nsubnet u {subnet: \"::/0\"}", NULL,
	    "subnet s {" S "}", NULL),

	ROW("pool of another network", "pool p {subnet: 10.0.0.0/25}", NULL, "subnet s {" S "}",
	    "SpiderSubnet s: spec.subnet: 10.0.0.0/24: overlaps 10.0.0.0/25 of SpiderIPPool p: want the same "
	    "network"),
	ROW("pool around", "pool p {subnet: 10.0.0.0/8}", NULL, "subnet s {" S "}",
	    "overlaps 10.0.0.0/8 of SpiderIPPool p"),
	ROW("pool outside the ranges", "pool p {" S "ips: [10.0.0.4-10.0.0.9]}", NULL,
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.5]}",
	    "SpiderSubnet s: spec.ips: 10.0.0.6-10.0.0.9: missing, SpiderIPPool p has them: add them"),
	ROW("pool inside the ranges", "pool p {" S "ips: [10.0.0.4-10.0.0.5]}", NULL,
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.5]}", NULL),
	ROW("pool cannot be read", "pool p {" S "ips: [x]}", NULL, "subnet s {" S "}",
	    "SpiderSubnet s: cannot be compared with SpiderIPPool p, repair that first: spec.ips"),
	ROW("pool of the other family", "pool p {subnet: \"::/0\"}", NULL, "subnet s {" S "}", NULL),

	ROW("same", "pool p {" S "ips: [10.0.0.1]}", "subnet s {" S "ips: [10.0.0.1]}",
	    "subnet s {" S "ips: [10.0.0.1]}", NULL),
	ROW("version changes", NULL, "subnet s {" S "}", "subnet s {ipVersion: 6, " S "}",
	    "spec.ipVersion: cannot change from 4"),
	ROW("network changes", NULL, "subnet s {" S "}", "subnet s {subnet: 10.0.1.0/24}",
	    "spec.subnet: 10.0.1.0/24: cannot change"),
	ROW("update with bad ips", NULL, "subnet s {" S "}", "subnet s {" S "ips: [10.0.1.1]}",
	    "spec.ips[0]"),
	ROW("update with bad gateway", NULL, "subnet s {" S "}", "subnet s {" S "gateway: x}",
	    "spec.gateway"),
	ROW("a pool has them", "pool p {" S "ips: [10.0.0.4-10.0.0.5]}",
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}",
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.9], excludeIPs: [10.0.0.5]}",
	    "SpiderSubnet s: spec.ips: 10.0.0.5: SpiderIPPool p has them: take them out of it first"),
	ROW("no pool has them", "pool p {" S "ips: [10.0.0.4-10.0.0.5]}",
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}", "subnet s {" S "ips: [10.0.0.4-10.0.0.20]}", NULL),
	ROW("a pool was outside already", "pool p {" S "ips: [10.0.0.40]}", "subnet s {" S "ips: [10.0.0.1]}",
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.2]}", NULL),
	ROW("a pool of another network", "pool p {subnet: 10.0.1.0/24, ips: [10.0.1.1]}",
	    "subnet s {" S "ips: [10.0.0.1]}", "subnet s {" S "}", NULL),
	ROW("old ranges cannot be read", "pool p {" S "ips: [10.0.0.9]}", "subnet s {" S "ips: [x]}",
	    "subnet s {" S "ips: [10.0.0.1]}", "spec.ips: 10.0.0.9: SpiderIPPool p has them"),
	ROW("old ranges cannot be read, another network", "pool p {subnet: 10.0.1.0/24, ips: [10.0.1.9]}",
	    "subnet s {" S "ips: [x]}", "subnet s {" S "ips: [10.0.0.1]}", NULL),
	ROW("a pool cannot be read", "pool p {" S "ips: [x]}", "subnet s {" S "ips: [10.0.0.1]}",
	    "subnet s {" S "}", NULL),
	ROW("held", NULL, "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}",
	    "subnet s {" S "ips: [10.0.0.1-10.0.0.4]}",
	    "SpiderSubnet s: spec.ips: 10.0.0.5: in use: delete the Pods", .held = "10.0.0.4 10.0.0.5"),
	ROW("held stays", NULL, "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}",
	    "subnet s {" S "ips: [10.0.0.4-10.0.0.5]}", NULL, .held = "10.0.0.4 10.0.0.5"),
	ROW("terminating", NULL, "subnet s {" S "}",
	    "subnet s {" S "ips: [10.0.0.1]} | deletionTimestamp: \"2026-01-01T00:00:00Z\"",
	    "SpiderSubnet s: spec: cannot change any more", .flags = NO_DEFAULTS),
	ROW("terminating, metadata", NULL, "subnet s {" S "}",
	    "subnet s {" S "} | deletionTimestamp: \"2026-01-01T00:00:00Z\"", NULL, .flags = NO_DEFAULTS),
};

static const struct row other_rows[] = {
	ROW("reserved", NULL, NULL, "reserved r {ips: [10.0.0.1, 10.0.0.5-10.0.0.9]}", NULL),
	ROW("reserved v6", NULL, NULL, "reserved r {ips: [\"fd00::-fd00::ffff:ffff:ffff:ffff\"]}", NULL),
	ROW("reserved name", NULL, NULL, "reserved r_1 {ips: [10.0.0.1]}",
	    "SpiderReservedIP r_1: metadata.name: \"r_1\""),
	ROW("reserved nothing", NULL, NULL, "reserved r {ips: []}",
	    "SpiderReservedIP r: spec.ipVersion: missing"),
	ROW("reserved nothing of v4", NULL, NULL, "reserved r {ipVersion: 4, ips: []}", NULL),
	ROW("reserved version", NULL, NULL, "reserved r {ipVersion: 7, ips: [10.0.0.1]}",
	    "spec.ipVersion: 7: want 4 or 6"),
	ROW("reserved disabled", NULL, NULL, "reserved r {ips: [\"fd00::1\"]}", "IPv6 is disabled",
	    .flags = NO_V6),
	ROW("reserved both families", NULL, NULL, "reserved r {ips: [10.0.0.1, \"fd00::1\"]}",
	    "SpiderReservedIP r: spec.ips[1]: "),
	ROW("reserved CIDR", NULL, NULL, "reserved r {ips: [10.0.0.0/24]}",
	    "spec.ips[0]: IP range \"10.0.0.0/24\": CIDR notation"),
	ROW("reserved CIDR of v4", NULL, NULL, "reserved r {ipVersion: 4, ips: [10.0.0.0/24]}",
	    "spec.ips[0]: IP range \"10.0.0.0/24\""),
	ROW("reserved reversed", NULL, NULL, "reserved r {ipVersion: 4, ips: [10.0.0.2-10.0.0.1]}",
	    "spec.ips[0]: "),
	ROW("reserved update", NULL, "reserved r {ips: [10.0.0.1]}", "reserved r {ips: [10.0.0.2]}", NULL),
	ROW("reserved version changes", NULL, "reserved r {ips: [10.0.0.1]}",
	    "reserved r {ips: [\"fd00::1\"]}", "SpiderReservedIP r: spec.ipVersion: cannot change from 4"),
	ROW("reserved update item", NULL, "reserved r {ips: [10.0.0.1]}", "reserved r {ips: [10.0.0.1, x]}",
	    "spec.ips[1]"),
	ROW("reserved terminating", NULL, "reserved r {ips: [10.0.0.1]}",
	    "reserved r {ips: [10.0.0.2]} | deletionTimestamp: \"2026-01-01T00:00:00Z\"",
	    "SpiderReservedIP r: spec: cannot change any more"),

	ROW("endpoint", NULL, NULL, "endpoint web-0 {} | namespace: team-a", NULL),
	ROW("endpoint without namespace", NULL, NULL, "endpoint web-0 {}", NULL),
	ROW("endpoint without namespace, unset", NULL, NULL, "endpoint web-0 {}",
	    "SpiderEndpoint web-0: metadata.namespace: missing", .flags = NO_DEFAULTS),
	ROW("endpoint namespace", NULL, NULL, "endpoint web-0 {} | namespace: a.b",
	    "SpiderEndpoint a.b/web-0: metadata.namespace: \"a.b\""),
	ROW("endpoint name", NULL, NULL, "endpoint Web {} | namespace: a",
	    "SpiderEndpoint a/Web: metadata.name: \"Web\""),

	ROW("block", NULL, NULL, "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.64/26}", NULL),
	ROW("block v6", NULL, NULL,
	    "block v6-fd000000000000000000000000000040 {ipVersion: 6, cidr: \"fd00::40/122\"}", NULL),
	ROW("block with records", NULL, NULL,
	    "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.64/26, records: "
	    "\"7\\tpod\\t1\\tp\\t\\t\\t\\t\\t\\t\\tc\\t\\t\\t\\t\\t0\\t\\t\\n\"}",
	    NULL),
	ROW("block name", NULL, NULL, "block b1 {ipVersion: 4, cidr: 10.0.0.64/26}",
	    "SpiderIPBlock b1: metadata.name: "),
	ROW("block name inside a block", NULL, NULL, "block v4-0a000041 {ipVersion: 4, cidr: 10.0.0.64/26}",
	    "metadata.name: "),
	ROW("block version", NULL, NULL, "block v4-0a000040 {ipVersion: 6, cidr: 10.0.0.64/26}",
	    "SpiderIPBlock v4-0a000040: spec.ipVersion: want 4, as the name says"),
	ROW("block without version", NULL, NULL, "block v4-0a000040 {cidr: 10.0.0.64/26}",
	    "spec.ipVersion: want 4"),
	ROW("block cidr", NULL, NULL, "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.0/26}",
	    "spec.cidr: 10.0.0.0/26: want 10.0.0.64/26, as the name says"),
	ROW("block without cidr", NULL, NULL, "block v4-0a000040 {ipVersion: 4}",
	    "spec.cidr: missing: want 10.0.0.64/26"),
	ROW("block records", NULL, NULL,
	    "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.64/26, records: \"7\\tpod\\n\"}",
	    "SpiderIPBlock v4-0a000040: spec.records: block v4-0a000040: line 1 of its records: hold"),
	ROW("block update", NULL, "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.64/26}",
	    "block v4-0a000040 {ipVersion: 4, cidr: 10.0.0.64/26, records: x}", "spec.records: "),
};

/* What published examples look like, in our own words. */
static const struct row manifest_rows[] = {
	ROW("minimal v4 pool", NULL, NULL,
	    "pool custom-v4 {subnet: 172.18.41.0/24, ips: [172.18.41.40-172.18.41.50]}", NULL),
	ROW("minimal v6 pool", NULL, NULL,
	    "pool custom-v6 {subnet: \"abcd:1234::/120\", ips: [\"abcd:1234::40-abcd:1234::50\"]}", NULL),
	ROW("minimal subnets", NULL, NULL,
	    "subnet custom-v6 {subnet: \"abcd:1234::/120\", ips: [\"abcd:1234::40-abcd:1234::50\"]}", NULL),
	ROW("one address for masters", "pool worker {subnet: 172.19.0.0/24, ips: [172.19.0.9]}", NULL,
	    "pool master {subnet: 172.18.41.0/24, ips: [172.18.41.40], gateway: 172.18.41.1, nodeAffinity: "
	    "{matchExpressions: "
	    "[{key: node-role.kubernetes.io/master, operator: Exists}]}}",
	    NULL),
	ROW("one address for workers", NULL, NULL,
	    "pool worker {subnet: 172.18.42.0/24, ips: [172.18.42.40], gateway: 172.18.42.1, nodeAffinity: "
	    "{matchExpressions: "
	    "[{key: node-role.kubernetes.io/master, operator: DoesNotExist}]}}",
	    NULL),
	ROW("pool for one application",
	    "subnet static {subnet: 172.18.41.0/24, ips: [172.18.41.40-172.18.41.50]}", NULL,
	    "pool occupied {subnet: 172.18.41.0/24, ips: [172.18.41.44-172.18.41.47], podAffinity: "
	    "{matchLabels: {app: static}}}",
	    NULL),
	ROW("pool for namespaces", NULL, NULL,
	    "pool ns {subnet: 172.18.41.0/24, ips: [172.18.41.40], namespaceAffinity: {matchLabels: "
	    "{kubernetes.io/metadata.name: test-ns1}}}",
	    NULL),
	ROW("two pools for two networks",
	    "pool multi-1 {subnet: 172.18.41.0/24, ips: [172.18.41.40-172.18.41.41]}", NULL,
	    "pool multi-2 {subnet: 172.18.42.0/24, ips: [172.18.42.40-172.18.42.41]}", NULL),
	ROW("non-canonical network", NULL, NULL,
	    "pool eth0-v4 {subnet: 10.6.0.1/16, ips: [10.6.168.171-10.6.168.180]}",
	    "SpiderIPPool eth0-v4: spec.subnet: 10.6.0.1/16: want the network itself, written 10.6.0.0/16"),
	ROW("obsolete vlan", NULL, NULL,
	    "subnet eth0-v4 {ipVersion: 4, subnet: 10.6.0.0/16, ips: [10.6.168.171-10.6.168.180], vlan: 0}",
	    NULL),
	ROW("reserved", NULL, NULL, "reserved r {ips: [172.18.42.10-172.18.42.18]}", NULL),
	ROW("a hole by excludeIPs", NULL, NULL,
	    "pool use {subnet: 172.18.42.0/24, ips: [172.18.42.10-172.18.42.20], excludeIPs: [172.18.42.15]}",
	    NULL),
	ROW("a hole by two ranges", NULL, NULL,
	    "pool not-use {subnet: 172.18.42.0/24, ips: [172.18.42.10-172.18.42.14, "
	    "172.18.42.16-172.18.42.20]}",
	    NULL),
	ROW("the hole of another pool",
	    "pool use {subnet: 172.18.42.0/24, ips: [172.18.42.10-172.18.42.20], excludeIPs: [172.18.42.15]}",
	    NULL, "pool other {subnet: 172.18.42.0/24, ips: [172.18.42.15]}", NULL),
	ROW("routes", NULL, NULL,
	    "pool route {subnet: 172.18.41.0/24, ips: [172.18.41.51-172.18.41.60], gateway: 172.18.41.1, "
	    "routes: [{dst: 172.18.42.0/24, gw: 172.18.41.1}]}",
	    NULL),
	ROW("subnet routes", NULL, NULL,
	    "subnet route {subnet: 172.18.41.0/24, ips: [172.18.41.51-172.18.41.60], gateway: 172.18.41.1, "
	    "routes: [{dst: 172.18.42.0/24, gw: 172.18.41.1}]}",
	    NULL),
};

static void test_subnet(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(subnet_rows); i++)
		row_check(&subnet_rows[i]);
}

static void test_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(other_rows); i++)
		row_check(&other_rows[i]);
}

static void test_manifests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(manifest_rows); i++)
		row_check(&manifest_rows[i]);
}

static void test_delete(void **state)
{
	static const struct {
		struct row row;
		bool refuse;
	} rows[] = {
		{ ROW("unused pool", NULL, NULL, "pool p {" S "ips: [10.0.0.1]}", NULL), true },
		{ ROW("used pool", NULL, NULL, "pool p {" S "}",
		      "SpiderIPPool p: 4 of its addresses in use, 10.0.0.3 for one: delete the Pods that "
		      "have them first",
		      .held = "10.0.0.9 10.0.0.3-10.0.0.5"),
		  true },
		{ ROW("used pool, allowed", NULL, NULL, "pool p {" S "}", NULL, .held = "10.0.0.9"), false },
		{ ROW("used subnet", NULL, NULL, "subnet s {" S "}",
		      "SpiderSubnet s: 1 of its addresses in use, 10.0.0.9", .held = "10.0.0.9"),
		  true },
		{ ROW("subnet with pools", "pool p {" S "ips: [10.0.0.1]}", NULL, "subnet s {" S "}",
		      "SpiderSubnet s: SpiderIPPool p has addresses of it: delete the pool first"),
		  true },
		{ ROW("subnet with pools, allowed", "pool p {" S "ips: [10.0.0.1]}", NULL, "subnet s {" S "}",
		      NULL),
		  false },
		{ ROW("subnet with empty pools",
		      "pool p {" S "}\npool q {subnet: 10.0.1.0/24, ips: [10.0.1.1]}", NULL,
		      "subnet s {" S "}", NULL),
		  true },
		{ ROW("reserved", NULL, NULL, "reserved r {ips: [10.0.0.1]}", NULL, .held = "10.0.0.1"),
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i].row;
		struct row_object o = row_object(row->rule, row->obj, strlen(row->obj));
		struct row_run run;
		struct err e = { 0 };
		int r;

		row_start(&run, row);
		run.w.refuse_delete_in_use = rows[i].refuse;
		r = api_validate_delete(o.kind, o.o, &run.w, &e);
		if (r != (row->says ? -EBUSY : 0) || (row->says && !strstr(e.msg, row->says)))
			fail_msg("%s: %d, \"%s\"", row->rule, r, e.msg);
		api_free(o.kind, o.o);
		row_end(&run);
	}
}

/* What a caller can act on. */
static void test_codes(void **state)
{
	static const struct {
		struct row row;
		int want;
	} rows[] = {
		{ ROW("used name", "pool p {" S "}", NULL, "pool p {" S "}", ""), -EEXIST },
		{ ROW("used name of a subnet", "subnet s {subnet: 10.9.0.0/24}", NULL, "subnet s {" S "}",
		      ""),
		  -EEXIST },
		{ ROW("held", NULL, "pool p {" S "ips: [10.0.0.1]}", "pool p {" S "}", "",
		      .held = "10.0.0.1"),
		  -EBUSY },
		{ ROW("wrong", NULL, NULL, "pool p {" S "gateway: x}", ""), -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row_object o = row_object("codes", rows[i].row.obj, strlen(rows[i].row.obj));
		struct row_run run;
		struct err e;

		row_start(&run, &rows[i].row);
		if (row_validate(&run, &rows[i].row, &o, &e) != rows[i].want)
			fail_msg("%s: %s", rows[i].row.rule, e.msg);
		api_free(o.kind, o.o);
		row_end(&run);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subnet), cmocka_unit_test(test_other), cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_delete), cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
