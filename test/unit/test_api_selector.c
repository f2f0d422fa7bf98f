/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_selector.c - label selectors */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"

/* A selector is reached through a pool, a set of labels through its metadata. */
static void decode(const char *fmt, const char *part, struct api_ippool *out)
{
	struct buf text = BUF_INIT(4096);
	struct err e;

	buf_str(&text, fmt);
	buf_str(&text, part);
	buf_str(&text, "}}");
	if (api_decode_text(API_IPPOOL, text.s, text.len, "test", out, &e) < 0)
		fail_msg("%s: %s", text.s, e.msg);
	buf_clear(&text);
}

#define EXPR(key, op, values) \
	"{\"matchExpressions\":[{\"key\":\"" key "\",\"operator\":\"" op "\",\"values\":[" values "]}]}"

static void test_matches(void **state)
{
	static const struct {
		const char *selector, *labels;
		bool want;
	} rows[] = {
		{ "null", "{}", false },
		{ "null", "{\"a\":\"1\"}", false },
		{ "{}", "{}", true },
		{ "{}", "null", true },
		{ "{}", "{\"a\":\"1\"}", true },
		{ "{\"matchLabels\":{\"a\":\"1\"}}", "{\"a\":\"1\",\"b\":\"2\"}", true },
		{ "{\"matchLabels\":{\"a\":\"1\"}}", "{\"a\":\"2\"}", false },
		{ "{\"matchLabels\":{\"a\":\"1\"}}", "{}", false },
		{ "{\"matchLabels\":{\"a\":\"1\"}}", "null", false },
		{ "{\"matchLabels\":{\"a\":\"\"}}", "{}", false },
		{ "{\"matchLabels\":{\"a\":\"\"}}", "{\"a\":\"\"}", true },
		{ "{\"matchLabels\":{\"a\":\"1\",\"b\":\"2\"}}", "{\"a\":\"1\"}", false },
		{ EXPR("a", "In", "\"1\",\"2\""), "{\"a\":\"2\"}", true },
		{ EXPR("a", "In", "\"1\",\"2\""), "{\"a\":\"3\"}", false },
		{ EXPR("a", "In", "\"1\",\"2\""), "{}", false },
		{ EXPR("a", "In", "\"\""), "{}", false },
		{ EXPR("a", "NotIn", "\"1\",\"2\""), "{\"a\":\"2\"}", false },
		{ EXPR("a", "NotIn", "\"1\",\"2\""), "{\"a\":\"3\"}", true },
		{ EXPR("a", "NotIn", "\"1\",\"2\""), "{\"b\":\"1\"}", true },
		{ EXPR("a", "NotIn", "\"1\",\"2\""), "null", true },
		{ EXPR("a", "Exists", ""), "{\"a\":\"\"}", true },
		{ EXPR("a", "Exists", ""), "{\"b\":\"\"}", false },
		{ EXPR("a", "DoesNotExist", ""), "{\"a\":\"\"}", false },
		{ EXPR("a", "DoesNotExist", ""), "{\"b\":\"\"}", true },
		{ EXPR("a", "DoesNotExist", ""), "null", true },
		{ EXPR("a", "Gt", "\"0\""), "{\"a\":\"1\"}", false },
		{ EXPR("a", "in", "\"1\""), "{\"a\":\"1\"}", false },
		{ "{\"matchLabels\":{\"a\":\"1\"},\"matchExpressions\":[{\"key\":\"b\",\"operator\":"
		  "\"Exists\"}]}",
		  "{\"a\":\"1\"}", false },
		{ "{\"matchLabels\":{\"a\":\"1\"},\"matchExpressions\":[{\"key\":\"b\",\"operator\":"
		  "\"Exists\"}]}",
		  "{\"a\":\"1\",\"b\":\"\"}", true },
		{ "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\"},"
		  "{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}",
		  "{\"a\":\"1\"}", false },
		{ "{\"matchExpressions\":[{\"operator\":\"DoesNotExist\"}]}", "{\"a\":\"1\"}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct api_ippool s, l;
		const struct json_map *labels;

		decode("{\"spec\":{\"podAffinity\":", rows[i].selector, &s);
		decode("{\"metadata\":{\"labels\":", rows[i].labels, &l);
		labels = l.obj.meta.labels.set ? &l.obj.meta.labels : NULL;
		if (api_selector_matches(s.spec.pod_affinity, labels) != rows[i].want)
			fail_msg("row %zu: %s on %s", i, rows[i].selector, rows[i].labels);
		api_clear(API_IPPOOL, &s);
		api_clear(API_IPPOOL, &l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
