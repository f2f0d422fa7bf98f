/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_multus.c - definitions: what counts as right, what is written, what stays */
#include "../../cmd/controller/nad.c" /* a program's own, no library's */

#include "multus_lab.h"

#define OWNER \
	"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderMultusConfig\",\"name\":\"demo\"," \
	"\"uid\":\"u1\",\"controller\":true,\"blockOwnerDeletion\":true}"
#define CONFIG "{ \\\"type\\\": \\\"x\\\" }"
#define LINE   "{customCNI: '{ \"type\": \"x\" }'} | uid: u1, annotations: {a: b, c: d}"
#define RIGHT \
	"{\"apiVersion\":\"k8s.cni.cncf.io/v1\",\"kind\":\"NetworkAttachmentDefinition\",\"metadata\":{\"name\":" \
	"\"demo\",\"namespace\":\"ns\",\"annotations\":{\"a\":\"b\",\"c\":\"d\"},\"ownerReferences\":[" OWNER \
	"]},\"spec\":{\"config\":\"" CONFIG "\"}}"

static struct api_multus config;
static struct api_multus_nad want;

static int setup(void **state)
{
	struct err e;

	(void)state;
	multus_lab_make(LINE, &config);
	return api_multus_generate(&config, &want, &e);
}

static int teardown(void **state)
{
	(void)state;
	api_multus_nad_clear(&want);
	multus_lab_clear(&config);
	return 0;
}

static struct json_object *tree(const char *text)
{
	struct json_object *o;
	struct err e;

	if (json_parse(text, strlen(text), "nad", &o, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return o;
}

static bool right(const char *text)
{
	CLEANUP(json_put_p) struct json_object *o = tree(text);
	struct nad n;
	struct err e;
	bool yes;

	if (json_decode(&nad_table, o, "nad", &n, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	yes = nad_is(&n, &want, &config);
	json_clear(&nad_table, &n);
	return yes;
}

static void test_new(void **state)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1 << 16);
	struct err e;

	(void)state;
	assert_int_equal(nad_new(&want, &config, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), RIGHT);
	assert_true(right(buf_cstr(&b)));
}

#define META(annotations, owners) \
	"{\"metadata\":{\"name\":\"demo\",\"annotations\":" annotations ",\"ownerReferences\":" owners "},"

/* What is not right, and right after one change. */
static const char *const wrong[] = {
	"{}",
	META("{}", "[" OWNER "]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"x\"}", "[" OWNER "]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"d\",\"e\":\"f\"}", "[" OWNER "]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"d\"}", "[]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"d\"}", "[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":"
					  "\"u1\"}]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"d\"}",
	     "[{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":"
	     "\"SpiderMultusConfig\",\"name\":\"demo\",\"uid\":\"u0\",\"controller\":"
	     "true}]") "\"spec\":{\"config\":\"" CONFIG "\"}}",
	META("{\"a\":\"b\",\"c\":\"d\"}", "[" OWNER "]") "\"spec\":{\"config\":\"{}\"}}",
	META("{\"a\":\"b\",\"c\":\"d\"}", "[" OWNER "]") "\"spec\":{}}",
	META("{\"a\":\"b\",\"c\":\"d\"}", "[" OWNER "]") "\"spec\":null}",
};

static void test_change(void **state)
{
	(void)state;
	assert_true(right(RIGHT));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CLEANUP(json_put_p) struct json_object *o = tree(wrong[i]);
		CLEANUP(buf_clear) struct buf b = BUF_INIT(1 << 16);
		struct err e;

		if (right(wrong[i]))
			fail_msg("%zu: %s", i, wrong[i]);
		assert_int_equal(nad_change(o, &want, &config, &b, &e), 0);
		if (!right(buf_cstr(&b)))
			fail_msg("%zu: still wrong: %s", i, buf_cstr(&b));
	}
}

static void test_rest_stays(void **state)
{
	CLEANUP(json_put_p)
	struct json_object *o = tree(
		"{\"apiVersion\":\"x\",\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"l\":\"m\"}},\"spec\":{"
		"\"other\":1,\"config\":\"\"}}");
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1 << 16);
	struct err e;

	(void)state;
	assert_int_equal(nad_change(o, &want, &config, &b, &e), 0);
	assert_string_equal(
		buf_cstr(&b),
		"{\"apiVersion\":\"x\",\"metadata\":{\"resourceVersion\":\"7\",\"labels\":{\"l\":\"m\"},"
		"\"annotations\":{\"a\":\"b\",\"c\":\"d\"},\"ownerReferences\":[" OWNER
		"]},\"spec\":{\"other\":1,\"config\":\"" CONFIG "\"}}");
}

static void test_no_config(void **state)
{
	CLEANUP(json_put_p) struct json_object *o = tree(RIGHT);
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1 << 16);
	struct err e;

	(void)state;
	want.has_config = false;
	assert_false(right(RIGHT));
	assert_int_equal(nad_change(o, &want, &config, &b, &e), 0);
	assert_non_null(strstr(buf_cstr(&b), "\"spec\":{}"));
	assert_true(right(buf_cstr(&b)));
	want.has_config = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_new), cmocka_unit_test(test_change),
					    cmocka_unit_test(test_rest_stays),
					    cmocka_unit_test(test_no_config) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
