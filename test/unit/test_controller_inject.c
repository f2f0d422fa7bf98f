/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_inject.c - networks and resources of a Pod by one annotation */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A part of the controller, not of the library. */
#include "../../cmd/controller/inject.c"

#define RDMA    API_MULTUS_INJECT_RDMA
#define NETWORK API_MULTUS_INJECT_NETWORK
#define MAX     4

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	if (json_parse(text, strlen(text), "test", &o, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

/* ---- which annotation counts ---- */

static const struct {
	const char *pod, *ns, *key, *value;
} wanted[] = {
	{ "{}", "{}", NULL, NULL },
	{ "{\"metadata\":{\"annotations\":{\"" NETWORK "\":\"a\"}}}", "{}", NETWORK, "a" },
	{ "{\"metadata\":{\"annotations\":{\"" NETWORK "\":\"a\",\"" RDMA "\":\"b\"}}}", "{}", RDMA, "b" },
	{ "{\"metadata\":{}}", "{\"" NETWORK "\":\"n\"}", NETWORK, "n" },
	{ "{\"metadata\":{\"annotations\":{\"" NETWORK "\":\"a\"}}}", "{\"" NETWORK "\":\"n\"}", NETWORK,
	  "a" },
	{ "{\"metadata\":{\"annotations\":{\"" NETWORK "\":\"a\"}}}", "{\"" RDMA "\":\"n\"}", RDMA, "n" },
};

static void which(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		CLEANUP(json_put_p) struct json_object *pod = parse(wanted[i].pod);
		CLEANUP(json_put_p) struct json_object *ns = parse(wanted[i].ns);
		struct json_map m = { 0 };
		const char *key, *value;

		json_object_object_foreach(ns, k, v)
			assert_int_equal(json_map_set(&m, k, json_text(v), &err), 0);
		key = inject_wanted(pod, &m, &value);
		if (!key != !wanted[i].key ||
		    (key && (strcmp(key, wanted[i].key) || strcmp(value, wanted[i].value))))
			fail_msg("row %zu: %s %s", i, key, value);
		json_map_clear(&m);
	}
}

static void namespaces(void **state)
{
	struct json_strv none = { 0 }, a = { 0 };

	(void)state;
	assert_int_equal(json_strv_add(&a, "a", &err), 0);
	assert_false(inject_left_alone("a", &none, &none));
	assert_true(inject_left_alone("a", &a, &none));
	assert_false(inject_left_alone("b", &a, &none));
	assert_false(inject_left_alone("a", &none, &a));
	assert_true(inject_left_alone("b", &none, &a));
	assert_true(inject_left_alone("a", &a, &a));
	json_strv_clear(&a);
}

/* ---- what becomes of the Pod ---- */

#define POD(annotations, containers) \
	"{\"metadata\":{" annotations "},\"spec\":{\"containers\":[" containers "]}}"
#define NETWORKS(list) "\"annotations\":{\"" INJECT_NETWORKS "\":\"" list "\"}"
#define SMC(ns, name, spec) \
	"{\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\"},\"spec\":{" spec "}}"
#define MACVLAN(ns, name, master) \
	SMC(ns, name, "\"cniType\":\"macvlan\",\"macvlan\":{\"master\":[\"" master "\"]}")
#define SRIOV(ns, name, resource) \
	SMC(ns, name, \
	    "\"cniType\":\"sriov\",\"sriov\":{\"resourceName\":\"" resource \
	    "\",\"ippools\":{\"ipv4\":[\"p\"]}}")
#define LIMIT(r) "\"resources\":{\"limits\":{\"" r "\":\"1\"}}"

static const struct {
	const char *rule, *key, *pod, *configs[MAX], *after, *says;
} rows[] = {
	{ "none", NETWORK, POD("", "{}"), { NULL }, NULL, "no SpiderMultusConfig has that annotation" },
	{ "one", NETWORK, POD("", "{}"), { MACVLAN("n", "a", "eth0") }, POD(NETWORKS("n/a"), "{}"), NULL },
	{ "sorted by master, then name",
	  NETWORK,
	  POD("", "{}"),
	  { MACVLAN("n", "a", "eth2"), MACVLAN("n", "c", "eth1"), MACVLAN("n", "b", "eth1"),
	    MACVLAN("m", "d", "eth1") },
	  POD(NETWORKS("m/d,n/b,n/c,n/a"), "{}"),
	  NULL },
	{ "overwrites",
	  NETWORK,
	  POD(NETWORKS("x"), "{}"),
	  { MACVLAN("n", "a", "eth0") },
	  POD(NETWORKS("n/a"), "{}"),
	  NULL },
	{ "the definition's name",
	  NETWORK,
	  POD("", "{}"),
	  { "{\"metadata\":{\"namespace\":\"n\",\"name\":\"a\",\"annotations\":{\"" API_MULTUS_CR_NAME
	    "\":\"other\"}},\"spec\":{\"cniType\":\"macvlan\",\"macvlan\":{\"master\":[\"e\"]}}}" },
	  POD(NETWORKS("n/other"), "{}"),
	  NULL },
	{ "a resource",
	  RDMA,
	  POD("", "{},{}"),
	  { SRIOV("n", "a", "x.io/r") },
	  POD(NETWORKS("n/a"), "{" LIMIT("x.io/r") "},{}"),
	  NULL },
	{ "one of them for two networks",
	  RDMA,
	  POD("", "{}"),
	  { SRIOV("n", "a", "x.io/r"), SRIOV("n", "b", "x.io/r") },
	  POD(NETWORKS("n/a,n/b"), "{" LIMIT("x.io/r") "}"),
	  NULL },
	{ "has it already",
	  RDMA,
	  POD("", "{},{" LIMIT("x.io/r") "}"),
	  { SRIOV("n", "a", "x.io/r") },
	  POD(NETWORKS("n/a"), "{},{" LIMIT("x.io/r") "}"),
	  NULL },
	{ "beside other limits",
	  RDMA,
	  POD("", "{\"resources\":{\"limits\":{\"cpu\":\"1\"}}}"),
	  { SRIOV("n", "a", "x.io/r") },
	  POD(NETWORKS("n/a"), "{\"resources\":{\"limits\":{\"cpu\":\"1\",\"x.io/r\":\"1\"}}}"),
	  NULL },
	{ "rdma without a resource",
	  RDMA,
	  POD("", "{}"),
	  { MACVLAN("n", "a", "eth0") },
	  NULL,
	  "SpiderMultusConfig n/a: " },
	{ "not for this type",
	  NETWORK,
	  POD("", "{}"),
	  { SMC("n", "a", "\"cniType\":\"custom\"") },
	  NULL,
	  "not for cniType custom" },
	{ "a resource and no pool",
	  NETWORK,
	  POD("", "{}"),
	  { SMC("n", "a", "\"cniType\":\"sriov\",\"sriov\":{\"resourceName\":\"r\"}") },
	  NULL,
	  "at least one pool" },
};

static void check_row(size_t i)
{
	CLEANUP(json_put_p) struct json_object *pod = parse(rows[i].pod);
	struct api_multus configs[MAX], *list[MAX];
	size_t n = 0;
	int r;

	for (; n < MAX && rows[i].configs[n]; n++) {
		const char *text = rows[i].configs[n];

		list[n] = &configs[n];
		r = json_decode_text(&api_multus_table, text, strlen(text), "row", list[n], &err);
		if (r < 0)
			fail_msg("%s: %s", rows[i].rule, err.msg);
	}
	r = inject_pod(pod, rows[i].key, "v", list, n, &err);
	if (rows[i].says && (r != -EINVAL || err.cni != ERR_CONFIG || !strstr(err.msg, rows[i].says)))
		fail_msg("%s: %d %s", rows[i].rule, r, r < 0 ? err.msg : "");
	if (!rows[i].says) {
		CLEANUP(json_put_p) struct json_object *after = parse(rows[i].after);
		CLEANUP(buf_clear) struct buf text = BUF_INIT(65536);

		assert_int_equal(json_print(pod, false, &text, &err), 0);
		if (r < 0 || !json_object_equal(pod, after))
			fail_msg("%s: %s\n%s", rows[i].rule, r < 0 ? err.msg : "", buf_cstr(&text));
	}
	for (size_t k = 0; k < n; k++)
		json_clear(&api_multus_table, &configs[k]);
}

static void pods(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
