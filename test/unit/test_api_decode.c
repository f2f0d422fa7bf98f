/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_decode.c - objects from and to text */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"

#define HEAD(kind) "{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"" kind "\","

static int decode(const char *text, enum api_kind *kind, struct api_object **o, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;

	if (json_parse(text, strlen(text), "test", &tree, e) < 0)
		fail_msg("%s: %s", text, e->msg);
	return api_decode(tree, "pools.yaml", kind, o, e);
}

static const char ippool[] = HEAD(
	"SpiderIPPool") "\"metadata\":{\"name\":\"p1\",\"uid\":\"u\",\"resourceVersion\":\"7\","
			"\"generation\":2,"
			"\"creationTimestamp\":\"2026-11-22T21:00:00Z\",\"deletionTimestamp\":\"2026-11-"
			"22T21:00:01Z\","
			"\"labels\":{\"a\":\"1\"},\"annotations\":{\"b\":\"x/y\"},\"finalizers\":[\"f\"],"
			"\"ownerReferences\":[{\"kind\":\"SpiderSubnet\",\"extra\":[1,null]}]},"
			"\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/"
			"24\",\"ips\":[\"10.0.0.1-10.0.0.9\"],\"excludeIPs\":[],"
			"\"gateway\":\"10.0.0.1\",\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"10.0.0.1\"}],"
			"\"podAffinity\":{\"matchLabels\":{\"app\":\"web\"},\"matchExpressions\":"
			"[{\"key\":\"k\",\"operator\":\"In\",\"values\":[\"v\"]}]},"
			"\"namespaceAffinity\":{},\"namespaceName\":[\"ns\"],\"nodeAffinity\":{"
			"\"matchLabels\":{}},"
			"\"nodeName\":[\"n\"],\"multusName\":[\"kube-system/"
			"macvlan\"],\"default\":false,\"disable\":true},"
			"\"status\":{\"allocatedIPs\":\"{}\",\"totalIPCount\":9,\"allocatedIPCount\":0}}";

static const char subnet[] =
	HEAD("SpiderSubnet") "\"metadata\":{\"name\":\"s1\"},"
			     "\"spec\":{\"ipVersion\":6,\"subnet\":\"fd00::/"
			     "64\",\"ips\":[\"fd00::1\"],\"gateway\":\"fd00::1\",\"routes\":[]},"
			     "\"status\":{\"controlledIPPools\":\"{}\",\"totalIPCount\":1,"
			     "\"allocatedIPCount\":1}}";

static const char reservedip[] = HEAD("SpiderReservedIP") "\"metadata\":{\"name\":\"r1\"},\"spec\":{"
							  "\"ipVersion\":4,\"ips\":[\"10.0.0.1\"]}}";

static const char endpoint[] = HEAD(
	"SpiderEndpoint") "\"metadata\":{\"name\":\"web-0\",\"namespace\":\"default\"},"
			  "\"status\":{\"current\":{\"uid\":\"u\",\"node\":\"n\",\"ips\":[{\"interface\":"
			  "\"eth0\","
			  "\"ipv4\":\"10.0.0.2/24\",\"ipv6\":\"fd00::2/"
			  "64\",\"ipv4Pool\":\"p4\",\"ipv6Pool\":\"p6\",\"vlan\":0,"
			  "\"ipv4Gateway\":\"10.0.0.1\",\"ipv6Gateway\":\"fd00::1\",\"cleanGateway\":false,"
			  "\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"10.0.0.1\"}],\"mac\":\"aa\"}]},"
			  "\"ownerControllerType\":\"StatefulSet\",\"ownerControllerName\":\"web\"}}";

static const char ipblock[] = HEAD(
	"SpiderIPBlock") "\"metadata\":{\"name\":\"v4-0a000000\"},"
			 "\"spec\":{\"ipVersion\":4,\"cidr\":\"10.0.0.0/26\",\"records\":\"7\\tpod\\n\"}}";

/* What the tables know comes back as it was, in their order. */
static void test_identity(void **state)
{
	static const struct {
		enum api_kind kind;
		const char *text;
	} rows[] = {
		{ API_IPPOOL, ippool },     { API_SUBNET, subnet },   { API_RESERVEDIP, reservedip },
		{ API_ENDPOINT, endpoint }, { API_IPBLOCK, ipblock },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
		struct api_object *o = NULL;
		enum api_kind kind = API_KIND_MAX;
		struct err e;

		if (decode(rows[i].text, &kind, &o, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		assert_int_equal(kind, rows[i].kind);
		free(TAKE_PTR(o->kind)); /* objects made by hand have neither */
		free(TAKE_PTR(o->api_version));
		assert_int_equal(api_encode_text(kind, o, &out, &e), 0);
		assert_string_equal(out.s, rows[i].text);
		api_free(kind, o);
		buf_clear(&out);
	}
}

static void test_members(void **state)
{
	struct api_ippool p;
	struct api_endpoint n;
	struct err e;

	(void)state;
	assert_int_equal(api_decode_text(API_IPPOOL, ippool, strlen(ippool), "p", &p, &e), 0);
	assert_string_equal(p.obj.meta.name, "p1");
	assert_string_equal(p.obj.meta.deletion_timestamp, "2026-11-22T21:00:01Z");
	assert_int_equal(p.obj.meta.generation.v, 2);
	assert_int_equal(p.spec.range.ip_version.v, 4);
	assert_string_equal(p.spec.range.routes.v[0].gw, "10.0.0.1");
	assert_true(p.spec.range.exclude_ips.set);
	assert_string_equal(p.spec.pod_affinity->match_expressions.v[0].values.v[0], "v");
	assert_non_null(p.spec.namespace_affinity);
	assert_string_equal(p.spec.node_name.v[0], "n");
	assert_string_equal(p.spec.multus_name.v[0], "kube-system/macvlan");
	assert_true(p.spec.is_default.set && !p.spec.is_default.v && p.spec.disable.v);
	assert_string_equal(p.status.allocated_ips, "{}");
	api_clear(API_IPPOOL, &p);
	assert_null(p.obj.meta.name);
	assert_int_equal(api_decode_text(API_ENDPOINT, endpoint, strlen(endpoint), "n", &n, &e), 0);
	assert_string_equal(n.status.current.ips.v[0].ipv6_pool, "p6");
	assert_string_equal(n.status.owner_controller_name, "web");
	api_clear(API_ENDPOINT, &n);
}

static void note_unknown(const char *path, void *arg)
{
	buf_fmt(arg, "%s ", path);
}

/* Manifests for other versions of the program carry fields that are none of ours. */
static void test_unknown_fields(void **state)
{
	static const char text[] = HEAD(
		"SpiderSubnet") "\"metadata\":{\"name\":\"s\",\"managedFields\":[{}]},"
				"\"spec\":{\"subnet\":\"10.0.0.0/"
				"24\",\"vlan\":0,\"routes\":[{\"dst\":\"d\",\"gw\":\"g\",\"metric\":1}]}}";
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct buf out = BUF_INIT(BUF_MAX_DEFAULT), unknown = BUF_INIT(BUF_MAX_DEFAULT);
	struct api_object *o;
	enum api_kind kind;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), "test", &tree, &e), 0);
	assert_int_equal(api_decode(tree, "test", &kind, &o, &e), 0);
	assert_int_equal(api_encode_text(kind, o, &out, &e), 0);
	assert_string_equal(out.s,
			    HEAD("SpiderSubnet") "\"metadata\":{\"name\":\"s\"},\"spec\":{\"subnet\":\"10.0."
						 "0.0/24\",\"routes\":[{\"dst\":\"d\",\"gw\":\"g\"}]}}");
	json_unknown(api_kinds[kind].table, tree, note_unknown, &unknown);
	assert_string_equal(buf_cstr(&unknown), "metadata.managedFields spec.vlan spec.routes[0].metric ");
	api_free(kind, o);
	buf_clear(&out);
	buf_clear(&unknown);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{}", "pools.yaml: apiVersion: missing: want spiderpool.spidernet.io/v2beta1" },
		{ "[]", "pools.yaml: apiVersion: missing" },
		{ "null", "pools.yaml: apiVersion: missing" },
		{ "{\"apiVersion\":2,\"kind\":\"SpiderIPPool\"}", "apiVersion: missing" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}",
		  "apiVersion: v1 found, want spiderpool.spidernet.io/v2beta1" },
		{ "{\"apiVersion\":\"spiderpool.spidernet.io/v2beta\",\"kind\":\"SpiderIPPool\"}",
		  "apiVersion: spiderpool.spidernet.io/v2beta is not served" },
		{ "{\"apiVersion\":\"spiderpool.spidernet.io/v1\",\"kind\":\"SpiderIPPool\"}",
		  "apiVersion: spiderpool.spidernet.io/v1 is not served any more: want "
		  "spiderpool.spidernet.io/v2beta1" },
		{ "{\"apiVersion\":\"spiderpool.spidernet.io/v2alpha1\",\"kind\":\"SpiderIPPool\"}",
		  "apiVersion: spiderpool.spidernet.io/v2alpha1 is not served" },
		{ "{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\"}", "kind: missing" },
		{ HEAD("IPPool") "\"spec\":{}}",
		  "kind: \"IPPool\" is not a kind of spiderpool.spidernet.io" },
		{ HEAD("spiderippool") "\"spec\":{}}",
		  "kind: spiderippool found, want it spelled SpiderIPPool" },
		{ HEAD("SpiderIPPool") "\"spec\":{\"ipVersion\":\"4\"}}", "pools.yaml: spec.ipVersion" },
		{ HEAD("SpiderIPPool") "\"spec\":{\"ips\":\"10.0.0.1\"}}", "pools.yaml: spec.ips" },
		{ HEAD("SpiderIPPool") "\"spec\":{\"default\":\"false\"}}", "pools.yaml: spec.default" },
		{ HEAD("SpiderIPPool") "\"spec\":{\"routes\":[{\"dst\":1}]}}", "spec.routes[0].dst" },
		{ HEAD("SpiderIPPool") "\"metadata\":{\"labels\":{\"a\":1}}}", "metadata.labels" },
		{ HEAD("SpiderEndpoint") "\"status\":{\"current\":{\"ips\":[{\"vlan\":4095}]}}}",
		  "status.current.ips[0].vlan" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct api_object *o = NULL;
		enum api_kind kind;
		struct err e;

		if (decode(rows[i].text, &kind, &o, &e) >= 0)
			fail_msg("row %zu: accepted", i);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("row %zu: says \"%s\", want \"%s\"", i, e.msg, rows[i].says);
	}
}

static void test_stored_as_other_kind(void **state)
{
	struct api_subnet s;
	struct err e;
	static const char bare[] = "{\"metadata\":{\"name\":\"s\"}}";
	static const char other[] = "{\"apiVersion\":\"v1\"}";

	(void)state;
	assert_int_equal(api_decode_text(API_SUBNET, ippool, strlen(ippool), "s1", &s, &e), -EBADMSG);
	assert_string_equal(e.msg, "s1: kind: SpiderIPPool found, want SpiderSubnet");
	assert_null(s.obj.meta.name);
	assert_int_equal(api_decode_text(API_SUBNET, other, strlen(other), "s1", &s, &e), -EBADMSG);
	assert_true(api_decode_text(API_SUBNET, "{\"metadata\":", 12, "s1", &s, &e) < 0);
	assert_null(s.obj.meta.name);
	assert_int_equal(api_decode_text(API_SUBNET, bare, strlen(bare), "s1", &s, &e), 0);
	assert_string_equal(s.obj.meta.name, "s");
	api_clear(API_SUBNET, &s);
	api_free(API_SUBNET, NULL);
}

static void test_kind_find(void **state)
{
	static const struct {
		const char *word;
		int kind;
	} rows[] = {
		{ "SpiderIPPool", API_IPPOOL }, { "spiderippools", API_IPPOOL },
		{ "spiderippool", API_IPPOOL }, { "sp", API_IPPOOL },
		{ "SS", API_SUBNET },           { "SpiderSubnets", API_SUBNET },
		{ "sr", API_RESERVEDIP },       { "spiderreservedip", API_RESERVEDIP },
		{ "se", API_ENDPOINT },         { "spiderendpoints", API_ENDPOINT },
		{ "sib", API_IPBLOCK },         { "spideripblocks", API_IPBLOCK },
		{ "spiderippoolz", -EINVAL },   { "", -EINVAL },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (api_kind_find(rows[i].word, &e) != rows[i].kind)
			fail_msg("row %zu: %s", i, rows[i].word);
	}
	assert_string_equal(
		e.msg, "\"\" is not a kind of spiderpool.spidernet.io: there are spiderippools (sp), "
		       "spidersubnets (ss), spiderreservedips (sr), spiderendpoints (se), spideripblocks "
		       "(sib)");
	assert_true(api_kinds[API_ENDPOINT].namespaced && !api_kinds[API_IPPOOL].namespaced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stored_as_other_kind),
		cmocka_unit_test(test_kind_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
