/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_review.c - AdmissionReview in and out; patches touch what was changed and nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/review.c"
#include "../../cmd/controller/review_diff.c"
#include "api/api.h"

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;

	if (json_parse(text, strlen(text), "test", &o, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

static void check_text(const char *row, struct json_object *o, const char *want)
{
	struct buf text = BUF_INIT(1 << 20);

	assert_int_equal(json_print(o, false, &text, &err), 0);
	if (strcmp(buf_cstr(&text), want) != 0)
		fail_msg("%s:\n got %s\nwant %s", row, buf_cstr(&text), want);
	buf_clear(&text);
}

/* ---- patches ---- */

static const struct {
	const char *object, *before, *after, *patch;
} diffs[] = {
	{ "{}", "{}", "{}", "[]" },
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":1}", "[]" },
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":2}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2}]" },
	{ "{}", "{}", "{\"a\":{\"b\":\"\",\"c\":{\"d\":\"\"}}}",
	  "[{\"op\":\"add\",\"path\":\"/a\",\"value\":{\"c\":{}}}]" },
	/* what we do not read stays */
	{ "{\"x\":1,\"a\":{\"y\":2}}", "{}", "{\"a\":{\"b\":3}}",
	  "[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":3}]" },
	{ "{\"x\":{\"a\":1}}", "{}", "{}", "[]" },
	{ "{\"a\":1,\"x\":2}", "{\"a\":1}", "{}", "[{\"op\":\"remove\",\"path\":\"/a\"}]" },
	/* null is nothing, but there it is */
	{ "{\"a\":null}", "{}", "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":1}]" },
	{ "{\"a\":null}", "{}", "{\"a\":{\"b\":1}}",
	  "[{\"op\":\"add\",\"path\":\"/a\",\"value\":{\"b\":1}}]" },
	/* lists */
	{ "{\"l\":[1,2]}", "{\"l\":[1,2]}", "{\"l\":[1,2,3,4]}",
	  "[{\"op\":\"add\",\"path\":\"/l/-\",\"value\":3},{\"op\":\"add\",\"path\":\"/l/-\",\"value\":4}]" },
	{ "{\"l\":[1,2]}", "{\"l\":[1,2]}", "{\"l\":[1]}",
	  "[{\"op\":\"replace\",\"path\":\"/l\",\"value\":[1]}]" },
	{ "{\"l\":[1,2]}", "{\"l\":[1,2]}", "{\"l\":[2,1,3]}",
	  "[{\"op\":\"replace\",\"path\":\"/l\",\"value\":[2,1,3]}]" },
	{ "{}", "{}", "{\"l\":[1]}", "[{\"op\":\"add\",\"path\":\"/l\",\"value\":[1]}]" },
	{ "{\"l\":[{\"a\":1,\"x\":2},{\"a\":1}]}", "{\"l\":[{\"a\":1},{\"a\":1}]}",
	  "{\"l\":[{\"a\":1,\"b\":2},{}]}",
	  "[{\"op\":\"add\",\"path\":\"/l/0/b\",\"value\":2},{\"op\":\"remove\",\"path\":\"/l/1/a\"}]" },
	/* RFC 6901 */
	{ "{\"m\":{}}", "{\"m\":{}}", "{\"m\":{\"a/b~c\":\"x\"}}",
	  "[{\"op\":\"add\",\"path\":\"/m/a~1b~0c\",\"value\":\"x\"}]" },
	/* "" is nothing, unless something else was there */
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":1,\"b\":\"\"}", "[]" },
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":\"\"}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":\"\"}]" },
	{ "{\"a\":{\"b\":{\"c\":1,\"d\":2}},\"e\":1}", "{\"a\":{\"b\":{\"c\":1,\"d\":2}},\"e\":1}",
	  "{\"a\":{\"b\":{\"c\":1,\"d\":3}},\"e\":2}",
	  "[{\"op\":\"replace\",\"path\":\"/a/b/d\",\"value\":3},{\"op\":\"replace\",\"path\":\"/e\",\"value\":2}]" },
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":{\"b\":1}}",
	  "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":{\"b\":1}}]" },
};

static void patches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(diffs); i++) {
		CLEANUP(json_put_p) struct json_object *object = parse(diffs[i].object);
		CLEANUP(json_put_p) struct json_object *before = parse(diffs[i].before);
		CLEANUP(json_put_p) struct json_object *after = parse(diffs[i].after);
		CLEANUP(json_put_p) struct json_object *patch = NULL;

		assert_int_equal(review_diff(object, before, after, &patch, &err), 0);
		check_text(diffs[i].object, patch, diffs[i].patch);
	}
}

/* ---- what api_default() does to a pool, as a patch ---- */

static void pool_patch(void **state)
{
	static const char text[] =
		"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderIPPool\",\"metadata\":"
		"{\"name\":\"p\",\"annotations\":{\"a.b/c\":\"d\"},\"managedFields\":[{\"x\":1}],\"finalizers\":[\"f\"]},"
		"\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.2\",\"10.0.0.1\"],\"unknown\":{\"a\":[]}}}";
	const struct api_world w = { .enable_ipv4 = true };
	CLEANUP(json_put_p) struct json_object *object = parse(text);
	CLEANUP(json_put_p) struct json_object *before = NULL;
	CLEANUP(json_put_p) struct json_object *after = NULL;
	CLEANUP(json_put_p) struct json_object *patch = NULL;
	struct api_object *o;
	enum api_kind kind;

	(void)state;
	assert_int_equal(api_decode(object, "pool", &kind, &o, &err), 0);
	assert_int_equal(json_encode(api_kinds[kind].table, o, &before, &err), 0);
	assert_int_equal(api_default(kind, o, &w, &err), 0);
	assert_int_equal(json_encode(api_kinds[kind].table, o, &after, &err), 0);
	assert_int_equal(review_diff(object, before, after, &patch, &err), 0);
	check_text(
		"pool", patch,
		"[{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{\"ipam.spidernet.io/ippool-cidr\":"
		"\"10-0-0-0-24\"}},{\"op\":\"add\",\"path\":\"/metadata/finalizers/-\",\"value\":"
		"\"spiderpool.spidernet.io\"},{\"op\":\"add\",\"path\":\"/spec/ipVersion\",\"value\":4},"
		"{\"op\":\"replace\",\"path\":\"/spec/ips\",\"value\":[\"10.0.0.1-10.0.0.2\"]},"
		"{\"op\":\"add\",\"path\":\"/spec/default\",\"value\":false},"
		"{\"op\":\"add\",\"path\":\"/spec/disable\",\"value\":false}]");
	api_free(kind, o);
}

/* ---- questions ---- */

#define QUESTION(version, more) \
	"{\"apiVersion\":\"admission.k8s.io/" version \
	"\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u1\"" more "}}"

static const struct {
	const char *text, *says;
} questions[] = {
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":{},\"oldObject\":null,\"dryRun\":true"),
	  NULL },
	{ QUESTION("v1beta1", ",\"operation\":\"DELETE\",\"userInfo\":{\"username\":\"x\",\"groups\":[]}"),
	  NULL },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":{\"a\":\"\\ud800\"}"), NULL },
	{ QUESTION("v2", ",\"operation\":\"CREATE\""), "v1 or v1beta1" },
	{ QUESTION("v1", ""), "operation" },
	{ "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"request\":{\"uid\":\"u\",\"operation\":\"x\"}}",
	  "v1 Pod" },
	{ "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}", "request" },
	{ "[]", "AdmissionReview" },
	{ "", "AdmissionReview" },
};

static void decoding(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct review q;
		int r = review_decode(questions[i].text, strlen(questions[i].text), &q, &err);

		if ((r < 0) != !!questions[i].says)
			fail_msg("%s: %d", questions[i].text, r);
		if (r < 0 && !strstr(err.msg, questions[i].says))
			fail_msg("%s: %s", questions[i].text, err.msg);
		review_clear(&q);
	}
}

/* ---- answers ---- */

static const struct {
	int cni, sys, code;
	const char *reason;
} refusals[] = {
	{ ERR_CONFIG, EINVAL, 422, "Invalid" },         { ERR_CONFIG, EEXIST, 409, "AlreadyExists" },
	{ ERR_CONFIG, EBUSY, 403, "Forbidden" },        { ERR_CONFIG, EAGAIN, 409, "Conflict" },
	{ ERR_IO, EEXIST, 500, "InternalError" },       { ERR_TRY_AGAIN, ETIMEDOUT, 500, "InternalError" },
	{ ERR_INTERNAL, ENOMEM, 500, "InternalError" },
};

static void refusing(void **state)
{
	struct review q = { .api_version = (char *)"admission.k8s.io/v1", .request = { .uid = (char *)"u" } };
	struct review_answer a = { .allowed = true };
	struct buf out = BUF_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		err_code(&err, refusals[i].cni, refusals[i].sys, "no \"%zu\"", i);
		review_refuse(&a, &err);
		if (a.allowed || a.code != refusals[i].code || strcmp(a.reason, refusals[i].reason) != 0)
			fail_msg("row %zu: %d %s", i, a.code, a.reason);
	}
	assert_int_equal(review_encode(&q, &a, &out, &err), 0);
	assert_string_equal(
		buf_cstr(&out),
		"{\"response\":{\"uid\":\"u\",\"allowed\":false,\"status\":{\"code\":500,\"reason\":"
		"\"InternalError\",\"message\":\"no \\\"6\\\"\"}},\"apiVersion\":\"admission.k8s.io/v1\","
		"\"kind\":\"AdmissionReview\"}");
	buf_clear(&out);
	/* kubectl prints the causes of these, and nothing else */
	err_code(&err, ERR_CONFIG, EINVAL, "SpiderIPPool p: spec.ips[0]: wrong");
	review_refuse(&a, &err);
	assert_int_equal(review_encode(&q, &a, &out, &err), 0);
	assert_non_null(strstr(buf_cstr(&out),
			       "\"details\":{\"causes\":[{\"field\":\"SpiderIPPool p\",\"reason\":"
			       "\"FieldValueInvalid\",\"message\":\"spec.ips[0]: wrong\"}]}"));
	buf_clear(&out);
}

static void allowing(void **state)
{
	static const char *const coded[] = { "WzFd", "WzEyXQ==", "WzEyM10=" };
	static const char *const plain[] = { "[1]", "[12]", "[123]" };
	struct review q = { .api_version = (char *)"admission.k8s.io/v1beta1",
			    .request = { .uid = (char *)"u" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		struct review_answer a = { .allowed = true, .patch = parse(plain[i]) };
		struct buf out = BUF_INIT(1 << 20);
		char want[256];

		snprintf(
			want, sizeof(want),
			"{\"response\":{\"uid\":\"u\",\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"%s\"},"
			"\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\"}",
			coded[i]);
		assert_int_equal(review_encode(&q, &a, &out, &err), 0);
		assert_string_equal(buf_cstr(&out), want);
		buf_clear(&out);
		review_answer_clear(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patches),  cmocka_unit_test(pool_patch), cmocka_unit_test(decoding),
		cmocka_unit_test(refusing), cmocka_unit_test(allowing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
