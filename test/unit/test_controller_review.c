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

#include <time.h>

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

/* ---- any objects: the patch makes of the object what our reading of it became, and leaves the rest ---- */

static uint64_t seed, rng;

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static struct json_object *random_value(int depth)
{
	static const char *const keys[] = { "a", "b/c", "d~e", "~1", "f" };
	const uint32_t what = rnd(depth ? 4 : 2), n = rnd(4);
	struct json_object *o;

	if (what < 2)
		return what ? json_object_new_int((int)rnd(3)) : json_object_new_string(rnd(2) ? "x" : "y");
	o = what == 2 ? json_object_new_object() : json_object_new_array();
	for (uint32_t i = 0; i < n; i++) {
		if (what == 2)
			json_object_object_add(o, keys[rnd(ARRAY_LEN(keys))], random_value(depth - 1));
		else
			json_object_array_add(o, random_value(depth - 1));
	}
	return o;
}

/* Some of it is another one now. */
static struct json_object *changed(struct json_object *in, int depth)
{
	struct json_object *o;

	if (rnd(6) == 0)
		return random_value(depth);
	if (json_object_is_type(in, json_type_object)) {
		o = json_object_new_object();
		json_object_object_foreach(in, key, value)
		{
			if (rnd(8))
				json_object_object_add(o, key, changed(value, depth - 1));
		}
		if (rnd(3) == 0)
			json_object_object_add(o, "new", random_value(1));
		return o;
	}
	if (!json_object_is_type(in, json_type_array))
		return json_object_get(in);
	o = json_object_new_array();
	for (size_t i = 0; i < json_len(in); i++)
		json_object_array_add(o, changed(json_at(in, i), depth - 1));
	if (rnd(3) == 0)
		json_object_array_add(o, random_value(1));
	return o;
}

/* With members that we do not read (add), or without them. */
static struct json_object *unread(struct json_object *in, bool add)
{
	struct json_object *o;

	if (json_object_is_type(in, json_type_array)) {
		o = json_object_new_array();
		for (size_t i = 0; i < json_len(in); i++)
			json_object_array_add(o, unread(json_at(in, i), add));
		return o;
	}
	if (!json_object_is_type(in, json_type_object))
		return json_object_get(in);
	o = json_object_new_object();
	json_object_object_foreach(in, key, value)
	{
		if (key[0] != '?')
			json_object_object_add(o, key, unread(value, add));
	}
	if (add)
		json_object_object_add(o, "?", json_object_new_int(7));
	return o;
}

/* One step of a path; out has its text. */
static const char *path_step(const char *path, char *out)
{
	for (path++; *path && *path != '/'; path++) {
		if (*path == '~')
			*out++ = *++path == '0' ? '~' : '/';
		else
			*out++ = *path;
	}
	*out = '\0';
	return path;
}

static void apply_one(struct json_object *o, struct json_object *op)
{
	const char *path = json_get_str(op, "path"), *what = json_get_str(op, "op");
	struct json_object *value = json_get(op, "value");
	char step[64];

	for (path = path_step(path, step); *path; path = path_step(path, step))
		o = json_object_is_type(o, json_type_array) ? json_at(o, strtoul(step, NULL, 10))
							    : json_get(o, step);
	assert_non_null(o);
	if (json_object_is_type(o, json_type_array)) {
		assert_string_equal(step, "-");
		json_object_array_add(o, json_object_get(value));
	} else if (strcmp(what, "remove") == 0) {
		assert_non_null(json_get(o, step));
		json_object_object_del(o, step);
	} else {
		assert_int_equal(strcmp(what, "replace") == 0, json_get(o, step) != NULL);
		json_object_object_add(o, step, json_object_get(value));
	}
}

static void any_patch(void **state)
{
	size_t operations = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		CLEANUP(json_put_p) struct json_object *before = NULL;
		CLEANUP(json_put_p) struct json_object *after = NULL;
		CLEANUP(json_put_p) struct json_object *object = NULL;
		CLEANUP(json_put_p) struct json_object *read = NULL;
		CLEANUP(json_put_p) struct json_object *patch = NULL;

		do {
			json_put_p(&before);
			json_put_p(&after);
			before = random_value(4);
			after = changed(before, 4);
		} while (!json_object_is_type(before, json_type_object) ||
			 !json_object_is_type(after, json_type_object));
		object = unread(before, true);
		assert_int_equal(review_diff(object, before, after, &patch, &err), 0);
		operations += json_len(patch);
		if (json_object_equal(before, after) && json_len(patch))
			fail_msg("SEED=%llu round %d: not nothing", (unsigned long long)seed, round);
		for (size_t i = 0; i < json_len(patch); i++) {
			CLEANUP(json_put_p) struct json_object *op = NULL;

			assert_int_equal(json_dup(json_at(patch, i), &op, &err), 0);
			apply_one(object, op);
		}
		read = unread(object, false);
		if (!json_object_equal(read, after) || !json_get(object, "?"))
			fail_msg("SEED=%llu round %d: %s\n%s", (unsigned long long)seed, round,
				 json_object_to_json_string(read), json_object_to_json_string(after));
	}
	assert_true(operations > 10000);
}

/* ---- questions ---- */

#define QUESTION(version, more) \
	"{\"apiVersion\":\"admission.k8s.io/" version \
	"\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u1\"" more "}}"

#define FIFTY   "12345678901234567890123456789012345678901234567890"
#define NAME253 FIFTY FIFTY FIFTY FIFTY FIFTY "123"

static const struct {
	const char *text, *says;
} questions[] = {
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":{},\"oldObject\":null,\"dryRun\":true"),
	  NULL },
	{ QUESTION("v1beta1", ",\"operation\":\"DELETE\",\"userInfo\":{\"username\":\"x\",\"groups\":[]}"),
	  NULL },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":{\"a\":\"\\ud800\"}"), NULL },
	{ QUESTION("v2", ",\"operation\":\"CREATE\""), "v1 or v1beta1" },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":[1]"), "want objects" },
	{ QUESTION("v1", ",\"operation\":\"UPDATE\",\"object\":{},\"oldObject\":\"x\""), "want objects" },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"object\":7"), "want objects" },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"name\":\"" NAME253 "\""), NULL },
	{ QUESTION("v1", ",\"operation\":\"CREATE\",\"name\":\"" NAME253 "x\""), "too long" },
	{ QUESTION("v1", ",\"uid\":\"" FIFTY "1234567890abcd\",\"operation\":\"CREATE\""), NULL },
	{ QUESTION("v1", ",\"uid\":\"" FIFTY "1234567890abcde\",\"operation\":\"CREATE\""), "too long" },
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
		size_t room = 1 << 20;
		struct review q;
		int r = review_decode(questions[i].text, strlen(questions[i].text), &room, &q, &err);

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
	const char *given = getenv("SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patches),  cmocka_unit_test(any_patch), cmocka_unit_test(pool_patch),
		cmocka_unit_test(decoding), cmocka_unit_test(refusing),  cmocka_unit_test(allowing),
	};

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	rng = seed | 1;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
