/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_object.c - objects and lists: names that say too little, pages that are too large */
#include "kube_fake.h"

#include <errno.h>

#include "base/own.h"
#include "kube/object.h"

#define AMPLE 30000

/* What others wrote is asked for as it is: a name that says too little is an error, and nothing is asked. */
static void test_no_namespace(void **state)
{
	const struct kube_resource *pods = &kube_resources[KUBE_PODS];
	struct kube_op op = { .res = pods, .ns = "", .name = "x", .until = deadline_in(AMPLE) };
	struct fake_answer none = { .path = "/none" };
	struct json_object *o;
	struct err e[5];
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, &none, 1, &k);
	assert_int_equal(kube_get(k, &op, &o, &e[0]), -EINVAL);
	assert_null(o);
	assert_int_equal(kube_update(k, &op, "{}", 2, NULL, &e[1]), -EINVAL);
	assert_int_equal(kube_create(k, &op, "{}", 2, &o, &e[2]), -EINVAL);
	assert_null(o);
	op.ns = NULL;
	assert_int_equal(kube_delete(k, &op, &e[3]), -EINVAL);
	assert_int_equal(kube_patch(k, &op, KUBE_MERGE_PATCH, "{}", 2, NULL, &e[4]), -EINVAL);
	fake_stop(&f, k);
	assert_int_equal(f.n_asked, 0);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		assert_string_equal(e[i].msg, "Pod \"x\": want a namespace, got none");
}

/* ---- lists ---- */

static int each(struct json_object *o, void *arg, struct err *e)
{
	(void)e;
	strcat(arg, kube_meta(o, "name"));
	return 0;
}

static void begin(void *arg)
{
	strcat(arg, "|");
}

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define PAGE(next, names) \
	OK "{\"metadata\":{\"resourceVersion\":\"8\",\"continue\":\"" next "\"},\"items\":[" names "]}"
#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\"}}"

static char *too_large(void)
{
	char *text = malloc(KUBE_ANSWER_MAX + sizeof(OK) + 1);

	assert_non_null(text);
	memset(text, ' ', KUBE_ANSWER_MAX + sizeof(OK));
	memcpy(text, OK, sizeof(OK) - 1);
	text[KUBE_ANSWER_MAX + sizeof(OK)] = '\0';
	return text;
}

/* Objects are of any size: a page becomes shorter, where it stands, until its answer can be taken. */
static void test_large(void **state)
{
	CLEANUP(free_p) char *large = too_large();
	struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes?limit=5&continue", .text = large },
		{ .path = "/api/v1/nodes?limit=5", .text = PAGE("n", ITEM("a") "," ITEM("b")) },
		{ .path = "/api/v1/nodes?limit=3&continue=n", .text = large },
		{ .path = "/api/v1/nodes?limit=2&continue=n", .text = PAGE("m", ITEM("c")) },
		{ .path = "/api/v1/nodes?limit=2&continue=m", .text = large },
		{ .path = "/api/v1/nodes?limit=1&continue=m", .text = PAGE("", ITEM("d")), .times = 1 },
		{ .path = "/api/v1/nodes?limit=1&continue=m", .text = large },
	};
	struct kube_op op = { .res = &kube_resources[KUBE_NODES], .until = deadline_in(AMPLE), .page = 5 };
	char said[64] = "", version[KUBE_VERSION_MAX];
	struct kube_lister l = { .each = each, .begin = begin, .arg = said };
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(kube_list(k, &op, &l, version, &e), 0);
	assert_string_equal(said, "|abcd");
	assert_string_equal(version, "8");
	/* One alone that is too large cannot be helped. */
	assert_int_equal(kube_list(k, &op, &l, version, &e), -EFBIG);
	assert_int_equal(f.n_asked, 12);
	fake_stop(&f, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_namespace),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
