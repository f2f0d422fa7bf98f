/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_alloc.c - each allocation of pkg/json and pkg/yaml, and of the libraries below, fails once */
#include "inject.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/own.h"
#include "json/json.h"
#include "yaml/yaml.h"

#include "../unit/sample.h"

static const char *const text = "{\"name\": \"a\", \"level\": \"debug\", \"flag\": true, \"n\": 7, \"big\": "
				"-5, \"opt\": false, \"num\": 0,"
				" \"list\": [\"x\", \"y\"], \"none\": [], \"map\": {\"k\": \"v\", \"l\": "
				"\"w\"}, \"raw\": {\"deep\": [1, 2.5, "
				"[\"\\u00e9\", true, null], {\"u\": 18446744073709551615}]}, \"in\": {\"a\": "
				"\"b\"}, \"ptr\": {\"a\": \"c\"},"
				" \"many\": [{\"a\": \"1\"}, {\"a\": \"2\", \"more\": [{\"a\": \"3\"}]}]}";

/* 20 keys: json-c grows its hash table on the way. */
static const char *const wide =
	"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
	"\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1}";

struct state {
	struct sample in, out;
	struct json_object *tree, *result;
	struct buf buf;
	struct json_strv strv;
	struct json_map map;
};

static int op_parse(struct state *s, struct err *e)
{
	return json_parse(text, strlen(text), "text", &s->result, e);
}

static int op_parse_wide(struct state *s, struct err *e)
{
	return json_parse(wide, strlen(wide), "text", &s->result, e);
}

static int op_decode(struct state *s, struct err *e)
{
	return json_decode(&sample_table, s->tree, "text", &s->out, e);
}

static int op_decode_text(struct state *s, struct err *e)
{
	return json_decode_text(&sample_table, text, strlen(text), "text", &s->out, e);
}

static int op_encode(struct state *s, struct err *e)
{
	return json_encode(&sample_table, &s->in, &s->result, e);
}

static int op_encode_text(struct state *s, struct err *e)
{
	return json_encode_text(&sample_table, &s->in, &s->buf, e);
}

static int op_copy(struct state *s, struct err *e)
{
	return json_copy(&sample_table, &s->in, &s->out, e);
}

static int op_dup(struct state *s, struct err *e)
{
	return json_dup(s->tree, &s->result, e);
}

static int op_print(struct state *s, struct err *e)
{
	return json_print(s->tree, true, &s->buf, e);
}

static int op_set(struct state *s, struct err *e)
{
	int r;

	s->result = json_object_new_object();
	if (!s->result)
		return err_nomem(e);
	r = json_set(s->result, "a", json_object_new_array(), e);
	for (int i = 0; i < 40 && r == 0; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		r = json_set_str(s->result, key, "value", e);
		if (r == 0)
			r = json_append(json_get(s->result, "a"), json_object_new_int64(i), e);
	}
	if (r < 0)
		json_put_p(&s->result);
	return r;
}

/* What was there before a failed addition is still there. */
static int op_strv(struct state *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < 3 && r == 0; i++) {
		r = json_strv_add(&s->strv, "x", e);
		if (s->strv.n != i + (r == 0))
			return -EIO;
	}
	if (r < 0)
		json_strv_clear(&s->strv);
	return r;
}

static int op_map(struct state *s, struct err *e)
{
	static const char *const keys[] = { "a", "b", "a" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys) && r == 0; i++)
		r = json_map_set(&s->map, keys[i], "x", e);
	if (r < 0)
		json_map_clear(&s->map);
	return r;
}

static int keep(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct state *s = arg;

	(void)line;
	json_put_p(&s->result);
	return json_dup(o, &s->result, e);
}

static int yaml_text(struct state *s, const char *t, struct err *e)
{
	int r = yaml_parse(t, strlen(t), "text", keep, s, e);

	if (r < 0)
		json_put_p(&s->result);
	return r;
}

static int op_yaml(struct state *s, struct err *e)
{
	return yaml_text(s,
			 "a: &no\n"
			 "  b: [1, 2.5, yes, ~, x]\n",
			 e) == -EINVAL
		       ? yaml_text(s,
				   "---\na:\n  b: [1, 2.5, yes, ~, x]\n  \"c d\": |\n    lines\n    of text\n"
				   "---\n- x: 1\n- 18446744073709551615\n",
				   e)
		       : -ENOMEM;
}

static int op_yaml_json(struct state *s, struct err *e)
{
	return yaml_text(s, text, e);
}

static int op_yaml_print(struct state *s, struct err *e)
{
	return yaml_print(s->tree, &s->buf, e);
}

static const struct {
	const char *name;
	int (*run)(struct state *s, struct err *e);
	long least; /* allocations, so that a row which reaches nothing is noticed */
} ops[] = {
	{ "parse", op_parse, 40 },
	{ "parse many keys", op_parse_wide, 40 },
	{ "decode", op_decode, 15 },
	{ "decode text", op_decode_text, 60 },
	{ "encode", op_encode, 40 },
	{ "encode text", op_encode_text, 40 },
	{ "copy", op_copy, 15 },
	{ "dup", op_dup, 40 },
	{ "print", op_print, 2 },
	{ "set", op_set, 80 },
	{ "list of strings", op_strv, 6 },
	{ "map", op_map, 7 },
	{ "yaml", op_yaml, 40 },
	{ "yaml that is json", op_yaml_json, 60 },
	{ "yaml print", op_yaml_print, 2 },
};

static void release(struct state *s)
{
	json_clear(&sample_table, &s->out);
	json_put_p(&s->result);
	buf_clear(&s->buf);
	json_strv_clear(&s->strv);
	json_map_clear(&s->map);
}

/* True when nothing but the input is left in s. */
static bool is_clean(const struct state *s)
{
	static const struct sample zero;

	return memcmp(&s->out, &zero, sizeof(zero)) == 0 && !s->result && !s->strv.v && !s->map.v;
}

static void run(struct state *s, size_t row, long count)
{
	for (long n = 1;; n++) {
		struct err e = { 0 };
		long live = inject_live(), failed;
		int r;

		inject_arm(n, count);
		r = ops[row].run(s, &e);
		failed = inject_disarm();
		if (!failed && r == 0 && n > ops[row].least) {
			release(s);
			return;
		}
		if (!failed || r != -ENOMEM || e.sys != ENOMEM || !is_clean(s))
			fail_msg("%s, allocation %ld: failed %ld, answer %d, clean %d, \"%s\"", ops[row].name,
				 n, failed, r, is_clean(s), e.msg);
		buf_clear(&s->buf);
		if (inject_live() != live)
			fail_msg("%s, allocation %ld: %ld blocks leaked", ops[row].name, n,
				 inject_live() - live);
	}
}

static void prepare(struct state *s)
{
	struct err e;

	*s = (struct state){ .buf = BUF_INIT(BUF_MAX_DEFAULT) };
	assert_int_equal(json_decode_text(&sample_table, text, strlen(text), "text", &s->in, &e), 0);
	assert_int_equal(json_parse(text, strlen(text), "text", &s->tree, &e), 0);
}

static void run_all(long count)
{
	struct state s;

	prepare(&s);
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		run(&s, i, count);
	json_clear(&sample_table, &s.in);
	json_put_p(&s.tree);
}

static void one_allocation_fails(void **arg)
{
	(void)arg;
	run_all(1);
}

static void all_further_allocations_fail(void **arg)
{
	(void)arg;
	run_all(1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_fails),
		cmocka_unit_test(all_further_allocations_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
