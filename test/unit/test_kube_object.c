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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
