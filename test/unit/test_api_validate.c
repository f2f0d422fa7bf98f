/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_validate.c - one rule of SpiderIPPool a row: refused with its sentence, and the accepted twin */
#include "api_rows.h"

#define P "pool p1 "
#define S "subnet: 10.0.0.0/24, "
/* 63 and 64 characters */
#define A63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
#define A64 A63 "h"

static const struct row create_rows[] = {
	ROW("minimal", NULL, NULL, P "{" S "ips: [10.0.0.1-10.0.0.9]}", NULL),
	ROW("no ips", NULL, NULL, P "{" S "}", NULL),
	ROW("v6", NULL, NULL, P "{subnet: \"fd00::/64\", ips: [\"fd00::1-fd00::ffff:ffff\"]}", NULL),
	ROW("every address of the network", NULL, NULL, P "{" S "ips: [10.0.0.0-10.0.0.255]}", NULL),
	ROW("half of IPv6", NULL, NULL,
	    P "{subnet: \"8000::/1\", ips: [\"8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe\"]}", NULL),

	ROW("name", NULL, NULL, "pool P1 {" S "}",
	    "SpiderIPPool P1: metadata.name: \"P1\": want at most 253 lower-case"),
	ROW("name ends", NULL, NULL, "pool p1- {" S "}", "SpiderIPPool p1-: metadata.name: \"p1-\": want"),
	ROW("name with dots", NULL, NULL, "pool a.b-c.9 {" S "}", NULL),
	ROW("name with an empty part", NULL, NULL, "pool a..b {" S "}", "metadata.name: \"a..b\""),
	ROW("name is missing", NULL, NULL, "pool - {" S "}",
	    "SpiderIPPool: metadata.name: missing: want a name"),
	ROW("name is long", NULL, NULL, "pool " A63 A63 A63 A64 " {" S "}", NULL),
	ROW("name is too long", NULL, NULL, "pool " A63 A63 A64 A64 " {" S "}", "metadata.name"),
	ROW("name is used", "pool p1 {subnet: 10.9.0.0/24}", NULL, P "{" S "}",
	    "SpiderIPPool p1: already exists: choose another name"),
	ROW("name of a subnet", "subnet p1 {subnet: 10.9.0.0/24}", NULL, P "{" S "}", NULL),

	ROW("version is missing", NULL, NULL, P "{" S "}", "SpiderIPPool p1: spec.ipVersion: missing",
	    .flags = NO_DEFAULTS),
	ROW("version untold", NULL, NULL, P "{ips: []}",
	    "SpiderIPPool p1: spec.ipVersion: missing: want 4 or 6"),
	ROW("version of no network", NULL, NULL, P "{subnet: x}",
	    "SpiderIPPool p1: spec.subnet: prefix \"x\""),
	ROW("version 5", NULL, NULL, P "{ipVersion: 5, " S "}",
	    "SpiderIPPool p1: spec.ipVersion: 5: want 4 or 6"),
	ROW("version -4", NULL, NULL, P "{ipVersion: -4, " S "}", "spec.ipVersion: -4: want 4 or 6"),
	ROW("version 0", NULL, NULL, P "{ipVersion: 0, " S "}", "spec.ipVersion: 0: want 4 or 6"),
	ROW("version 2^32+4", NULL, NULL, P "{ipVersion: 4294967300, " S "}",
	    "spec.ipVersion: 4294967300: want"),
	ROW("version is given", NULL, NULL, P "{ipVersion: 4, " S "}", NULL),
	ROW("version is not the network's", NULL, NULL, P "{ipVersion: 6, " S "}",
	    "spec.subnet: 10.0.0.0/24: is not IPv6, but spec.ipVersion is 6"),
	ROW("v4 disabled", NULL, NULL, P "{" S "}",
	    "spec.ipVersion: 4: IPv4 is disabled here: set enableIPv4", .flags = NO_V4),
	ROW("v4 without v6", NULL, NULL, P "{" S "}", NULL, .flags = NO_V6),
	ROW("v6 disabled", NULL, NULL, P "{subnet: \"fd00::/64\"}", "spec.ipVersion: 6: IPv6 is disabled",
	    .flags = NO_V6),
	ROW("v6 without v4", NULL, NULL, P "{subnet: \"fd00::/64\"}", NULL, .flags = NO_V4),

	ROW("subnet is missing", NULL, NULL, P "{ips: [10.0.0.1]}",
	    "SpiderIPPool p1: spec.subnet: missing: want a network, for example 10.0.0.0/24"),
	ROW("subnet is no network", NULL, NULL, P "{ipVersion: 4, subnet: 10.0.0.0}",
	    "spec.subnet: prefix \"10.0.0.0\""),
	ROW("subnet has host bits", NULL, NULL, P "{subnet: 10.6.0.1/16}",
	    "spec.subnet: 10.6.0.1/16: want the network itself, written 10.6.0.0/16"),
	ROW("subnet is spelled otherwise", NULL, NULL, P "{subnet: \"FD00:0::/64\"}", "written fd00::/64"),
	ROW("subnet is IPv4-mapped", NULL, NULL, P "{ipVersion: 6, subnet: \"::ffff:10.0.0.0/120\"}",
	    "spec.subnet: "),
	ROW("subnet of one address", NULL, NULL, P "{subnet: 10.0.0.1/32, ips: [10.0.0.1]}", NULL),

	ROW("subnet inside another pool's", "pool q {subnet: 10.0.0.0/16}", NULL, P "{" S "}",
	    "spec.subnet: 10.0.0.0/24: overlaps 10.0.0.0/16 of SpiderIPPool q: want the same network or one "
	    "apart"),
	ROW("subnet around another pool's", "pool q {subnet: 10.0.0.128/25}", NULL, P "{" S "}",
	    "overlaps 10.0.0.128/25 of SpiderIPPool q"),
	ROW("subnet beside another pool's", "pool q {subnet: 10.0.1.0/24, ips: [10.0.1.1]}", NULL,
	    P "{" S "ips: [10.0.0.1]}", NULL),
	ROW("subnet of the other family", "pool q {subnet: \"::/0\"}", NULL, P "{" S "}", NULL),
	ROW("subnet that cannot be read elsewhere", "pool q {ipVersion: 4, subnet: x}", NULL, P "{" S "}",
	    NULL),

	ROW("ips is CIDR", NULL, NULL, P "{" S "ips: [10.0.0.0/25]}",
	    "SpiderIPPool p1: spec.ips[0]: IP range \"10.0.0.0/25\": CIDR notation is not accepted"),
	ROW("ips is reversed, one item", NULL, NULL, P "{" S "ips: [10.0.0.9-10.0.0.1]}",
	    "spec.ips[0]: IP range \"10.0.0.9-10.0.0.1\": the first address is above the last"),
	ROW("ips is reversed, two items", NULL, NULL, P "{" S "ips: [10.0.0.11, 10.0.0.9-10.0.0.1]}",
	    "spec.ips[1]: "),
	ROW("ips is no address", NULL, NULL, P "{" S "ips: [10.0.0.1, web]}",
	    "spec.ips[1]: IP range \"web\""),
	ROW("ips has blanks", NULL, NULL, P "{" S "ips: [10.0.0.1 - 10.0.0.9]}", "spec.ips[0]: "),
	ROW("ips of both families in one range", NULL, NULL, P "{" S "ips: [\"10.0.0.1-fd00::1\"]}",
	    "spec.ips[0]: "),
	ROW("ips of the other family", NULL, NULL, P "{" S "ips: [\"fd00::1\"]}", "spec.ips[0]: "),
	ROW("ips is IPv4-mapped", NULL, NULL, P "{subnet: \"::/64\", ips: [\"::ffff:10.0.0.1\"]}",
	    "spec.ips[0]: "),
	ROW("ips below the subnet", NULL, NULL, P "{" S "ips: [9.255.255.255-10.0.0.1]}",
	    "spec.ips[0]: 9.255.255.255-10.0.0.1: not inside spec.subnet 10.0.0.0/24"),
	ROW("ips above the subnet", NULL, NULL, P "{" S "ips: [10.0.0.1, 10.0.0.255-10.0.1.0]}",
	    "spec.ips[1]: 10.0.0.255-10.0.1.0: not inside spec.subnet 10.0.0.0/24"),
	ROW("ips overlap", NULL, NULL, P "{ipVersion: 4, " S "ips: [10.0.0.5-10.0.0.9, 10.0.0.1-10.0.0.5]}",
	    "spec.ips[0]: 10.0.0.5-10.0.0.9: overlaps item 1, 10.0.0.1-10.0.0.5: list each address once",
	    .flags = NO_DEFAULTS),
	ROW("ips twice", NULL, NULL, P "{ipVersion: 4, " S "ips: [10.0.0.5, 10.0.0.1, 10.0.0.5]}",
	    "spec.ips[2]: 10.0.0.5: overlaps item 0", .flags = NO_DEFAULTS),
	ROW("ips overlap and are merged", NULL, NULL, P "{" S "ips: [10.0.0.5-10.0.0.9, 10.0.0.1-10.0.0.5]}",
	    NULL),
	ROW("ips touch", NULL, NULL, P "{ipVersion: 4, " S "ips: [10.0.0.5-10.0.0.9, 10.0.0.1-10.0.0.4]}",
	    NULL, .flags = NO_DEFAULTS),
	ROW("excludeIPs outside", NULL, NULL, P "{" S "excludeIPs: [10.0.1.1]}",
	    "spec.excludeIPs[0]: 10.0.1.1: not inside spec.subnet 10.0.0.0/24"),
	ROW("excludeIPs is CIDR", NULL, NULL, P "{" S "excludeIPs: [10.0.0.0/28]}",
	    "spec.excludeIPs[0]: IP range"),
	ROW("excludeIPs is reversed", NULL, NULL, P "{" S "excludeIPs: [10.0.0.9-10.0.0.8]}",
	    "spec.excludeIPs[0]: "),
	ROW("excludeIPs overlap", NULL, NULL, P "{ipVersion: 4, " S "excludeIPs: [10.0.0.1, 10.0.0.1]}", NULL,
	    .flags = NO_DEFAULTS),
	ROW("excludeIPs more than ips", NULL, NULL,
	    P "{" S "ips: [10.0.0.1], excludeIPs: [10.0.0.0-10.0.0.9]}", NULL),

	ROW("addresses of another pool", "pool q {" S "ips: [10.0.0.5-10.0.0.20, 10.0.0.30]}", NULL,
	    P "{" S "ips: [10.0.0.1-10.0.0.9, 10.0.0.30-10.0.0.40]}",
	    "SpiderIPPool p1: spec.ips: 10.0.0.5-10.0.0.9, 10.0.0.30: SpiderIPPool q has them too: leave "
	    "them to one"),
	ROW("addresses that another pool excludes",
	    "pool q {" S "ips: [10.0.0.1-10.0.0.20], excludeIPs: [10.0.0.1-10.0.0.9]}", NULL,
	    P "{" S "ips: [10.0.0.1-10.0.0.9]}", NULL),
	ROW("addresses of another pool, excluded", "pool q {" S "ips: [10.0.0.1-10.0.0.20]}", NULL,
	    P "{" S "ips: [10.0.0.1-10.0.0.30], excludeIPs: [10.0.0.1-10.0.0.20]}", NULL),
	ROW("another pool cannot be read", "pool q {" S "ips: [x]}", NULL, P "{" S "ips: [10.0.0.1]}",
	    "SpiderIPPool p1: cannot be compared with SpiderIPPool q, repair that first: spec.ips"),

	ROW("gateway", NULL, NULL, P "{" S "ips: [10.0.0.2-10.0.0.9], gateway: 10.0.0.1}", NULL),
	ROW("gateway outside", NULL, NULL, P "{" S "gateway: 10.0.1.1}",
	    "SpiderIPPool p1: spec.gateway: 10.0.1.1: not inside spec.subnet 10.0.0.0/24"),
	ROW("gateway is no address", NULL, NULL, P "{" S "gateway: 10.0.0.1/24}",
	    "spec.gateway: address \"10.0.0.1/24\""),
	ROW("gateway of the other family", NULL, NULL, P "{" S "gateway: \"fd00::1\"}",
	    "spec.gateway: fd00::1: not inside"),
	ROW("gateway in ips", NULL, NULL, P "{" S "ips: [10.0.0.1-10.0.0.9], gateway: 10.0.0.1}",
	    "spec.gateway: 10.0.0.1: would be handed out to a Pod: take it out of spec.ips or add it to "
	    "spec.excludeIPs"),
	ROW("gateway in ips, excluded", NULL, NULL,
	    P "{" S "ips: [10.0.0.1-10.0.0.9], excludeIPs: [10.0.0.1], gateway: 10.0.0.1}", NULL),
	ROW("gateway is empty", NULL, NULL, P "{" S "gateway: \"\"}", NULL),

	ROW("route", NULL, NULL,
	    P "{" S "routes: [{dst: 1.0.0.0/8, gw: 10.0.0.1}, {dst: 1.0.0.0/9, gw: 10.0.0.1}]}", NULL),
	ROW("route with host bits", NULL, NULL, P "{" S "routes: [{dst: 1.2.3.4/8, gw: 10.0.0.1}]}", NULL),
	ROW("route without dst", NULL, NULL, P "{" S "routes: [{gw: 10.0.0.1}]}",
	    "SpiderIPPool p1: spec.routes[0]: dst: missing: a route wants dst and gw"),
	ROW("route without gw", NULL, NULL, P "{" S "routes: [{dst: 1.0.0.0/8}]}",
	    "spec.routes[0]: gw: missing"),
	ROW("route to no network", NULL, NULL, P "{" S "routes: [{dst: 1.0.0.0, gw: 10.0.0.1}]}",
	    "spec.routes[0]: dst: prefix \"1.0.0.0\""),
	ROW("route of the other family", NULL, NULL, P "{" S "routes: [{dst: \"fd01::/64\", gw: 10.0.0.1}]}",
	    "spec.routes[0]: dst: fd01::/64: is not IPv4"),
	ROW("route is the default", NULL, NULL, P "{" S "routes: [{dst: 0.0.0.0/0, gw: 10.0.0.1}]}",
	    "spec.routes[0]: dst: 0.0.0.0/0: is the default route: it comes from spec.gateway"),
	ROW("route is the v6 default", NULL, NULL,
	    P "{subnet: \"fd00::/64\", routes: [{dst: \"::/0\", gw: \"fd00::1\"}]}",
	    "dst: ::/0: is the default route"),
	ROW("route twice", NULL, NULL,
	    P "{" S "routes: [{dst: 1.0.0.0/8, gw: 10.0.0.1}, {dst: 2.0.0.0/8, gw: 10.0.0.1}, {dst: "
	      "1.0.0.1/8, gw: 10.0.0.2}]}",
	    "spec.routes[2]: dst: 1.0.0.1/8: is the destination of item 0 too: keep one"),
	ROW("route through elsewhere", NULL, NULL, P "{" S "routes: [{dst: 1.0.0.0/8, gw: 10.0.1.1}]}",
	    "spec.routes[0]: gw: 10.0.1.1: not inside spec.subnet 10.0.0.0/24"),
	ROW("route through no address", NULL, NULL, P "{" S "routes: [{dst: 1.0.0.0/8, gw: eth0}]}",
	    "spec.routes[0]: gw: address \"eth0\""),

	ROW("podAffinity", NULL, NULL,
	    P "{" S "podAffinity: {matchLabels: {app: web}, matchExpressions: [{key: a/b, operator: In, "
	      "values: [\"\", x]}]}}",
	    NULL),
	ROW("podAffinity is empty", NULL, NULL, P "{" S "podAffinity: {}}",
	    "SpiderIPPool p1: spec.podAffinity: empty: want"),
	ROW("podAffinity of empty parts", NULL, NULL,
	    P "{" S "podAffinity: {matchLabels: {}, matchExpressions: []}}", "spec.podAffinity: empty"),
	ROW("podAffinity key", NULL, NULL, P "{" S "podAffinity: {matchLabels: {\"a b\": x}}}",
	    "spec.podAffinity: matchLabels: \"a b\": want a label key"),
	ROW("podAffinity key prefix", NULL, NULL, P "{" S "podAffinity: {matchLabels: {\"A/b\": x}}}",
	    "spec.podAffinity: matchLabels: \"A/b\": want a DNS name before the /"),
	ROW("podAffinity key ends in /", NULL, NULL, P "{" S "podAffinity: {matchLabels: {\"a/\": x}}}",
	    "\"a/\": want a label"),
	ROW("podAffinity value", NULL, NULL, P "{" S "podAffinity: {matchLabels: {a: \"-x\"}}}",
	    "spec.podAffinity: matchLabels[a]: \"-x\": want a label value"),
	ROW("podAffinity value of 63", NULL, NULL, P "{" S "podAffinity: {matchLabels: {a: " A63 "}}}", NULL),
	ROW("podAffinity value of 64", NULL, NULL, P "{" S "podAffinity: {matchLabels: {a: " A64 "}}}",
	    "at most 63 letters"),
	ROW("podAffinity operator", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: a, operator: Gt, values: [\"1\"]}]}}",
	    "spec.podAffinity: matchExpressions[0]: operator: \"Gt\": want In, NotIn, Exists or "
	    "DoesNotExist"),
	ROW("podAffinity without operator", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: a}]}}", "operator: \"\": want In"),
	ROW("podAffinity without key", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{operator: Exists}]}}",
	    "matchExpressions[0]: key: missing"),
	ROW("podAffinity In without values", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: a, operator: In}]}}",
	    "values: empty: In wants at least one"),
	ROW("podAffinity NotIn without values", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: b, operator: Exists}, {key: a, operator: NotIn, "
	      "values: []}]}}",
	    "matchExpressions[1]: values: empty: NotIn wants"),
	ROW("podAffinity Exists with values", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: a, operator: Exists, values: [x]}]}}",
	    "values: Exists takes none"),
	ROW("podAffinity bad value in a list", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: a, operator: In, values: [x, \"y z\"]}]}}",
	    "values[1]: \"y z\""),

	ROW("application", NULL, NULL,
	    P "{" S "podAffinity: {matchLabels: {ipam.spidernet.io/app-name: " A64
	      ", ipam.spidernet.io/app-kind: Deployment, "
	      "ipam.spidernet.io/app-api-group: apps, ipam.spidernet.io/app-api-version: v1, "
	      "ipam.spidernet.io/app-namespace: ns}}}"
	      " | labels: {ipam.spidernet.io/owner-application-name: web}",
	    NULL),
	ROW("application with another key", NULL, NULL,
	    P "{" S "podAffinity: {matchLabels: {app: web}}} | labels: "
	      "{ipam.spidernet.io/owner-application-name: web}",
	    "spec.podAffinity: matchLabels[app]: not allowed in a pool made for an application"),
	ROW("application with an expression", NULL, NULL,
	    P "{" S "podAffinity: {matchExpressions: [{key: ipam.spidernet.io/app-name, operator: Exists}]}}"
	      " | labels: {ipam.spidernet.io/owner-application-name: web}",
	    "spec.podAffinity: matchExpressions: not allowed in a pool made for an application"),
	ROW("application without affinity", NULL, NULL,
	    P "{" S "} | labels: {ipam.spidernet.io/owner-application-name: web}", NULL),

	ROW("namespaceAffinity is empty", NULL, NULL, P "{" S "namespaceAffinity: {}, nodeAffinity: {}}",
	    NULL),
	ROW("namespaceAffinity", NULL, NULL, P "{" S "namespaceAffinity: {matchLabels: {a: \"b c\"}}}",
	    "SpiderIPPool p1: spec.namespaceAffinity: matchLabels[a]: \"b c\""),
	ROW("nodeAffinity", NULL, NULL,
	    P "{" S "nodeAffinity: {matchExpressions: [{key: a, operator: exists}]}}",
	    "spec.nodeAffinity: matchExpressions[0]: operator: \"exists\""),
	ROW("names", NULL, NULL,
	    P "{" S "namespaceName: [default], nodeName: [node-1.example.com], multusName: [macvlan.1, "
	      "kube-system/macvlan]}",
	    NULL),
	ROW("namespaceName", NULL, NULL, P "{" S "namespaceName: [a, b.c]}",
	    "spec.namespaceName[1]: \"b.c\": want at most 63 lower-case letters, digits and -"),
	ROW("nodeName", NULL, NULL, P "{" S "nodeName: [Node_1]}",
	    "spec.nodeName[0]: \"Node_1\": want at most 253"),
	ROW("nodeName is empty", NULL, NULL, P "{" S "nodeName: [\"\"]}", "spec.nodeName[0]: \"\": want"),
	ROW("multusName", NULL, NULL, P "{" S "multusName: [a/b/c]}",
	    "spec.multusName[0]: a/b/c: name: \"b/c\""),
	ROW("multusName namespace", NULL, NULL, P "{" S "multusName: [/macvlan]}",
	    "spec.multusName[0]: /macvlan: namespace: \"\""),
	ROW("multusName pattern", NULL, NULL, P "{" S "multusName: [\"macvlan*\"]}",
	    "spec.multusName[0]: \"macvlan*\""),

	ROW("more than the SpiderSubnet", "subnet s {" S "ips: [10.0.0.1-10.0.0.9], excludeIPs: [10.0.0.5]}",
	    NULL, P "{" S "ips: [10.0.0.4-10.0.0.10]}",
	    "SpiderIPPool p1: spec.ips: 10.0.0.5, 10.0.0.10: not in SpiderSubnet s: add them to its spec.ips "
	    "first"),
	ROW("inside the SpiderSubnet", "subnet s {" S "ips: [10.0.0.1-10.0.0.9]}", NULL,
	    P "{" S "ips: [10.0.0.4-10.0.0.9]}", NULL),
	ROW("more than the SpiderSubnet, feature off", "subnet s {" S "}", NULL, P "{" S "ips: [10.0.0.4]}",
	    NULL, .flags = NO_SUBNETS),
	ROW("another SpiderSubnet", "subnet s {subnet: 10.0.1.0/24}", NULL, P "{" S "ips: [10.0.0.4]}", NULL),
	ROW("SpiderSubnet cannot be read", "subnet s {" S "ips: [x]}", NULL, P "{" S "}",
	    "cannot be compared with SpiderSubnet s, repair that first"),
};

static const struct row update_rows[] = {
	ROW("same", NULL, P "{" S "ips: [10.0.0.1]}", P "{" S "ips: [10.0.0.1]}", NULL),
	ROW("version changes", NULL, P "{" S "}", P "{ipVersion: 6, " S "}",
	    "SpiderIPPool p1: spec.ipVersion: cannot change from 4: create another object"),
	ROW("version vanishes", NULL, P "{ipVersion: 4, " S "}", P "{" S "}", "spec.ipVersion: cannot change",
	    .flags = NO_DEFAULTS),
	ROW("version appears", NULL, P "{" S "}", P "{ipVersion: 4, " S "}", NULL, .flags = NO_DEFAULTS),
	ROW("version is still missing", NULL, P "{" S "}", P "{" S "}", "spec.ipVersion: missing",
	    .flags = NO_DEFAULTS),
	ROW("version is disabled", NULL, P "{" S "}", P "{" S "}", "IPv4 is disabled", .flags = NO_V4),
	ROW("subnet changes", NULL, P "{" S "}", P "{subnet: 10.0.0.0/23}",
	    "SpiderIPPool p1: spec.subnet: 10.0.0.0/23: cannot change from 10.0.0.0/24: create another "
	    "object"),
	ROW("subnet vanishes", NULL, P "{" S "}", P "{ipVersion: 4}", "spec.subnet: none: cannot change"),
	ROW("subnet with host bits from of old", NULL, P "{subnet: 10.6.0.1/16}",
	    P "{subnet: 10.6.0.1/16, ips: [10.6.0.2]}", NULL),
	ROW("subnet overlaps from of old", "pool q {subnet: 10.0.0.0/16}", P "{" S "}",
	    P "{" S "ips: [10.0.0.1]}", NULL),
	ROW("ips", NULL, P "{" S "}", P "{" S "ips: [10.0.1.1]}", "spec.ips[0]: 10.0.1.1: not inside"),
	ROW("ips overlap", NULL, P "{ipVersion: 4, " S "}",
	    P "{ipVersion: 4, " S "ips: [10.0.0.1, 10.0.0.1]}", "spec.ips[1]: 10.0.0.1: overlaps",
	    .flags = NO_DEFAULTS),
	ROW("addresses of another pool", "pool q {" S "ips: [10.0.0.7]}", P "{" S "}",
	    P "{" S "ips: [10.0.0.1-10.0.0.9]}", "spec.ips: 10.0.0.7: SpiderIPPool q has them too"),
	ROW("gateway", NULL, P "{" S "}", P "{" S "gateway: 10.0.1.1}", "spec.gateway: 10.0.1.1"),
	ROW("routes", NULL, P "{" S "}", P "{" S "routes: [{dst: 0.0.0.0/0, gw: 10.0.0.1}]}",
	    "spec.routes[0]"),
	ROW("podAffinity", NULL, P "{" S "}", P "{" S "podAffinity: {}}", "spec.podAffinity: empty"),
	ROW("nodeName", NULL, P "{" S "}", P "{" S "nodeName: [\"*\"]}", "spec.nodeName[0]"),
	ROW("more than the SpiderSubnet", "subnet s {" S "ips: [10.0.0.1]}", P "{" S "}",
	    P "{" S "ips: [10.0.0.1-10.0.0.2]}", "spec.ips: 10.0.0.2: not in SpiderSubnet s"),

	ROW("held address leaves ips", NULL, P "{" S "ips: [10.0.0.1-10.0.0.9]}",
	    P "{" S "ips: [10.0.0.1-10.0.0.4]}",
	    "SpiderIPPool p1: spec.ips: 10.0.0.5, 10.0.0.7-10.0.0.8: in use: delete the Pods that have them "
	    "first",
	    .held = "10.0.0.3 10.0.0.5 10.0.0.7-10.0.0.8"),
	ROW("held address is excluded", NULL, P "{" S "ips: [10.0.0.1-10.0.0.9]}",
	    P "{" S "ips: [10.0.0.1-10.0.0.9], excludeIPs: [10.0.0.5]}", "spec.ips: 10.0.0.5: in use",
	    .held = "10.0.0.5"),
	ROW("held address stays", NULL, P "{" S "ips: [10.0.0.1-10.0.0.9]}",
	    P "{" S "ips: [10.0.0.3-10.0.0.5]}", NULL, .held = "10.0.0.3 10.0.0.5"),
	ROW("held address was outside already", NULL, P "{" S "ips: [10.0.0.1]}",
	    P "{" S "ips: [10.0.0.1-10.0.0.2]}", NULL, .held = "10.0.0.9"),
	ROW("held addresses, many", NULL, P "{" S "ips: [10.0.0.1-10.0.0.99]}", P "{" S "}",
	    "spec.ips: 10.0.0.1, 10.0.0.3, 10.0.0.5, 10.0.0.7, 10.0.0.9 and 2 more ranges: in use",
	    .held = "10.0.0.1 10.0.0.3 10.0.0.5 10.0.0.7 10.0.0.9 10.0.0.11 10.0.0.13"),
	ROW("held address, old spec cannot be read", NULL, P "{" S "ips: [x]}", P "{" S "ips: [10.0.0.1]}",
	    "spec.ips: 10.0.0.9: in use", .held = "10.0.0.9"),

	ROW("application's ips", NULL,
	    P "{" S "ips: [10.0.0.1]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    P "{" S "ips: [10.0.0.1-10.0.0.2]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    "SpiderIPPool p1: spec.ips: made for application web and sized by the controller: change the "
	    "annotation"),
	ROW("application's ips, label dropped", NULL,
	    P "{" S "ips: [10.0.0.1]} | labels: {ipam.spidernet.io/owner-application-name: web}", P "{" S "}",
	    "spec.ips: made for application web"),
	ROW("application's ips by the controller", NULL,
	    P "{" S "ips: [10.0.0.1]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    P "{" S "ips: [10.0.0.1-10.0.0.2]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    NULL, .flags = BY_CONTROLLER),
	ROW("application's ips, feature off", NULL,
	    P "{" S "ips: [10.0.0.1]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    P "{" S "ips: [10.0.0.1-10.0.0.2]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    NULL, .flags = NO_SUBNETS),
	ROW("application's pool, same addresses", NULL,
	    P "{" S "ips: [10.0.0.1]} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    P "{" S
	      "ips: [10.0.0.1], disable: true} | labels: {ipam.spidernet.io/owner-application-name: web}",
	    NULL),

	ROW("terminating, spec changes", NULL, P "{" S "}",
	    P "{" S "disable: true} | deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: "
	      "[spiderpool.spidernet.io]",
	    "SpiderIPPool p1: spec: cannot change any more, the object is being deleted since "
	    "2026-01-01T00:00:00Z",
	    .flags = NO_DEFAULTS),
	ROW("terminating, a finalizer goes", NULL,
	    P
	    "{" S
	    "ips: [x]} | deletionTimestamp: \"2026-01-01T00:00:00Z\", finalizers: [spiderpool.spidernet.io]",
	    P "{" S "ips: [x]} | deletionTimestamp: \"2026-01-01T00:00:00Z\"", NULL),
};

static void test_create(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(create_rows); i++)
		row_check(&create_rows[i]);
}

static void test_update(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(update_rows); i++)
		row_check(&update_rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
