/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_object.c - get, list, create, update, patch, delete against a real kube-apiserver */
#include "lab.h"

static struct kube *k;
static const char *ns;

#define CM (&lab_configmaps)

static struct json_object *get(const struct kube_resource *res, const char *in, const char *name)
{
	struct kube_op op = lab_op(res, in, name);
	struct json_object *o = NULL;
	struct err e;

	ok(kube_get(k, &op, &o, &e), &e);
	return o;
}

static const char *data(struct json_object *o, const char *key)
{
	const char *s = json_get_str(json_get(o, "data"), key);

	return s ? s : "(none)";
}

/* An update with the version that o has. */
static int update(struct json_object *o, const char *name, const char *value, struct kube_op *op,
		  struct err *e)
{
	char meta[128], more[128];
	const char *body;

	snprintf(meta, sizeof(meta), "\"resourceVersion\":\"%s\"", kube_meta(o, "resourceVersion"));
	snprintf(more, sizeof(more), "\"data\":{\"a\":\"%s\"}", value);
	body = lab_object(CM, ns, name, meta, more);
	*op = lab_op(CM, ns, name);
	return kube_update(k, op, body, strlen(body), NULL, e);
}

static void test_life(void **state)
{
	CLEANUP(json_put_p) struct json_object *o = NULL, *made = NULL, *now = NULL;
	const char *body = lab_object(CM, ns, "life", "\"labels\":{\"x\":\"1\"}", "\"data\":{\"a\":\"1\"}");
	struct kube_op op = lab_op(CM, ns, "life");
	int64_t before = clock_wall_ms();
	struct err e;

	(void)state;
	ok(kube_create(k, &op, body, strlen(body), &made, &e), &e);
	assert_string_equal(data(made, "a"), "1");
	/* The server's clock is this machine's; it says whole seconds. */
	assert_true(op.answer.date_ms >= before - 1000 && op.answer.date_ms <= clock_wall_ms());
	assert_int_equal(kube_create(k, &op, body, strlen(body), NULL, &e), -EEXIST);
	assert_string_equal(op.answer.reason, "AlreadyExists");
	assert_int_equal(op.answer.outcome, KUBE_ANSWERED);
	assert_non_null(strstr(e.msg, "configmaps \"life\" already exists (AlreadyExists, HTTP 409)"));
	ok(update(made, "life", "2", &op, &e), &e);
	assert_int_equal(update(made, "life", "3", &op, &e), -ESTALE);
	assert_string_equal(op.answer.reason, "Conflict");
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	o = get(CM, ns, "life");
	assert_string_equal(data(o, "a"), "2");
	lab_delete(k, CM, ns, "life");
	op = lab_op(CM, ns, "life");
	assert_int_equal(kube_get(k, &op, &now, &e), -ENOENT);
	assert_null(now);
	assert_int_equal(kube_delete(k, &op, &e), -ENOENT);
}

static void test_patch(void **state)
{
	static const char merge[] = "{\"data\":{\"a\":null,\"b\":\"2\"}}";
	static const char stale[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"data\":{\"b\":\"3\"}}";
	static const char steps[] = "[{\"op\":\"test\",\"path\":\"/data/b\",\"value\":\"2\"},"
				    "{\"op\":\"replace\",\"path\":\"/data/b\",\"value\":\"4\"}]";
	CLEANUP(json_put_p) struct json_object *o = NULL, *p = NULL;
	struct kube_op op = lab_op(CM, ns, "patch");
	struct err e;

	(void)state;
	lab_create(k, CM, ns, "patch", "", "\"data\":{\"a\":\"1\"}");
	ok(kube_patch(k, &op, KUBE_MERGE_PATCH, merge, strlen(merge), &o, &e), &e);
	assert_string_equal(data(o, "a"), "(none)");
	assert_string_equal(data(o, "b"), "2");
	assert_int_equal(kube_patch(k, &op, KUBE_MERGE_PATCH, stale, strlen(stale), NULL, &e), -ESTALE);
	ok(kube_patch(k, &op, KUBE_JSON_PATCH, steps, strlen(steps), &p, &e), &e);
	assert_string_equal(data(p, "b"), "4");
	assert_int_equal(kube_patch(k, &op, KUBE_JSON_PATCH, steps, strlen(steps), NULL, &e), -EINVAL);
}

static void test_preconditions(void **state)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = lab_op(CM, ns, "pre");
	struct err e;

	(void)state;
	lab_create(k, CM, ns, "pre", "", "");
	o = get(CM, ns, "pre");
	op.if_uid = "00000000-0000-0000-0000-000000000000";
	assert_int_equal(kube_delete(k, &op, &e), -ESTALE);
	assert_non_null(strstr(e.msg, "UID"));
	op.if_uid = kube_meta(o, "uid");
	op.if_version = "1";
	assert_int_equal(kube_delete(k, &op, &e), -ESTALE);
	op.if_version = kube_meta(o, "resourceVersion");
	ok(kube_delete(k, &op, &e), &e);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *name, *body, *said;
		int r;
	} rows[] = {
		{ "no JSON", "{", "HTTP 400", -EINVAL },
		{ "bad name",
		  "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"A_b\"}}",
		  "RFC 1123 subdomain must consist of lower case", -EINVAL },
		{ "other kind", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\"}}",
		  "HTTP 400", -EINVAL },
	};
	struct kube_op op;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		op = lab_op(CM, ns, "a");
		if (kube_create(k, &op, rows[i].body, strlen(rows[i].body), NULL, &e) != rows[i].r ||
		    !strstr(e.msg, rows[i].said) || op.answer.outcome != KUBE_ANSWERED)
			fail_msg("%s: %s", rows[i].name, e.msg);
	}
	op = lab_op(CM, ns, "../nodes");
	assert_int_equal(kube_create(k, &op, "{}", 2, NULL, &e), -EINVAL);
}

/* ---- lists ---- */

struct seen {
	unsigned n, begun, specs;
	char last[64];
};

static void begin(void *arg)
{
	struct seen *s = arg;

	s->n = s->specs = 0;
	s->begun++;
}

static int each(struct json_object *o, void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->n++;
	s->specs += json_get(o, "data") != NULL;
	snprintf(s->last, sizeof(s->last), "%s", kube_meta(o, "name"));
	return 0;
}

static struct seen list(struct kube_op op)
{
	char version[KUBE_VERSION_MAX] = "";
	struct seen s = { 0 };
	struct kube_lister l = { .each = each, .begin = begin, .arg = &s };
	struct err e;

	op.res = CM;
	op.ns = ns;
	op.until = deadline_in(AMPLE);
	ok(kube_list(k, &op, &l, version, &e), &e);
	assert_true(version[0]);
	assert_int_equal(s.begun, 1);
	return s;
}

#define MANY 2000

static void test_pages(void **state)
{
	struct seen s;
	char name[32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%04d", i);
		lab_create(k, CM, ns, name, i % 10 ? "" : "\"labels\":{\"tenth\":\"yes\"}",
			   "\"data\":{\"a\":\"1\"}");
	}
	s = list((struct kube_op){ .page = 300, .fields = "metadata.name!=patch" });
	assert_int_equal(s.n, MANY);
	assert_int_equal(s.specs, MANY);
	assert_string_equal(s.last, "many-1999");
	s = list((struct kube_op){ .page = 7, .metadata_only = true, .labels = "tenth" });
	assert_int_equal(s.n, MANY / 10);
	assert_int_equal(s.specs, 0);
	s = list((struct kube_op){ .fields = "metadata.name=many-0042" });
	assert_int_equal(s.n, 1);
	s = list((struct kube_op){ .version = "0" });
	assert_true(s.n >= MANY);
}

/* Pages of a state that etcd has compacted meanwhile: the list begins anew. */

struct compacting {
	struct seen seen;
	bool done;
};

static void begin_compacting(void *arg)
{
	begin(&((struct compacting *)arg)->seen);
}

static void compact(int64_t revision);

static int compact_once(struct json_object *o, void *arg, struct err *e)
{
	struct compacting *c = arg;

	if (!c->done) {
		CLEANUP(json_put_p) struct json_object *cm = NULL;

		c->done = true;
		lab_create(k, CM, ns, "after", "", "");
		cm = get(CM, ns, "after");
		compact(atoll(kube_meta(cm, "resourceVersion")));
	}
	return each(o, &c->seen, e);
}

/* etcd's own door; what the API server itself does every five minutes. */
static void compact(int64_t revision)
{
	struct kube_config conf = { .server = (char *)"http://127.0.0.1:2379" };
	struct kube_request q = { .method = "POST", .path = "/v3/kv/compaction" };
	struct kube_answer a;
	struct kube *etcd;
	char body[96];
	struct err e;

	snprintf(body, sizeof(body), "{\"revision\":\"%lld\",\"physical\":true}", (long long)revision);
	q.body = body;
	q.len = strlen(body);
	ok(kube_open(&conf, 0, &etcd, &e), &e);
	ok(kube_call(etcd, &q, deadline_in(AMPLE), &a, &e), &e);
	kube_answer_clear(&a);
	kube_close(etcd);
}

static void test_pages_expire(void **state)
{
	struct compacting c = { 0 };
	struct kube_lister l = { .each = compact_once, .begin = begin_compacting, .arg = &c };
	struct kube_op op = { .res = CM, .ns = ns, .page = 100, .until = deadline_in(AMPLE) };
	struct err e;

	(void)state;
	ok(kube_list(k, &op, &l, NULL, &e), &e);
	assert_int_equal(c.seen.begun, 2);
	assert_true(c.seen.n > MANY);
}

static void test_metadata_only(void **state)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = lab_op(CM, ns, "many-0001");
	struct err e;

	(void)state;
	op.metadata_only = true;
	ok(kube_get(k, &op, &o, &e), &e);
	assert_string_equal(json_get_str(o, "kind"), "PartialObjectMetadata");
	assert_null(json_get(o, "data"));
}

static void test_subresource(void **state)
{
	static const char patch[] = "{\"status\":{\"phase\":\"Running\"}}";
	CLEANUP(json_put_p) struct json_object *o = NULL;
	const struct kube_resource *pods = &kube_resources[KUBE_PODS];
	struct kube_op op = lab_op(pods, ns, "p");
	struct err e;

	(void)state;
	lab_create(k, pods, ns, "p", "",
		   "\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}");
	op.sub = "status";
	ok(kube_patch(k, &op, KUBE_MERGE_PATCH, patch, strlen(patch), NULL, &e), &e);
	o = get(pods, ns, "p");
	assert_string_equal(json_get_str(json_get(o, "status"), "phase"), "Running");
}

/* Every built-in resource is where its descriptor says. */
static void test_resources(void **state)
{
	(void)state;
	for (int i = 0; i <= KUBE_JOBS; i++) {
		const struct kube_resource *res = &kube_resources[i];
		struct seen s = { 0 };
		struct kube_lister l = { .each = each, .arg = &s };
		struct kube_op op = { .res = res, .until = deadline_in(AMPLE), .page = 1 };
		struct err e;

		if (kube_list(k, &op, &l, NULL, &e) < 0)
			fail_msg("%s: %s", res->plural, e.msg);
		assert_ptr_equal(kube_resource_find(*res->group ? "apps/v9" : "v1", res->kind),
				 *res->group && strcmp(res->group, "apps") != 0 ? NULL : res);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),          cmocka_unit_test(test_patch),
		cmocka_unit_test(test_preconditions), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_pages),         cmocka_unit_test(test_pages_expire),
		cmocka_unit_test(test_metadata_only), cmocka_unit_test(test_subresource),
		cmocka_unit_test(test_resources),
	};
	int r;

	k = lab_open();
	ns = lab_namespace(k, "object");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	kube_close(k);
	return r;
}
