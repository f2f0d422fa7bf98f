/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c - field tables: decode, encode, copy, unknown keys, lists and maps */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/own.h"
#include "sample.h"

static const struct sample zero;

static int decode(const char *text, struct sample *out, struct err *e)
{
	return json_decode_text(&sample_table, text, strlen(text), "config", out, e);
}

static char *encode(const struct sample *in)
{
	struct buf b = BUF_INIT(JSON_TEXT_MAX);
	struct err e;

	assert_int_equal(json_encode_text(&sample_table, in, &b, &e), 0);
	return b.s;
}

static void every_kind_is_decoded(void **arg)
{
	struct sample s;
	struct err e;
	int64_t i;

	(void)arg;
	assert_int_equal(decode("{\"name\":\"a\",\"level\":\"info\",\"flag\":true,\"n\":65535,"
				"\"big\":-9223372036854775808,\"opt\":false,\"num\":-1,\"list\":[\"x\",\"\"],"
				"\"none\":[],\"map\":{\"k/l\":\"v\",\"\":\"\"},\"raw\":{\"r\":[1]},"
				"\"in\":{\"a\":\"b\"},\"ptr\":{\"a\":\"c\",\"more\":[{\"a\":\"d\"}]},"
				"\"many\":[{\"a\":\"1\"},{\"a\":\"2\"}],\"ignored\":{\"x\":1}}",
				&s, &e),
			 0);
	assert_string_equal(s.name, "a");
	assert_string_equal(s.level, "info");
	assert_true(s.flag && !s.shown);
	assert_int_equal(s.n, 65535);
	assert_true(s.big == INT64_MIN);
	assert_true(s.opt.set && !s.opt.v);
	assert_true(s.num.set && s.num.v == -1);
	assert_true(s.list.set && s.list.n == 2 && !s.list.v[2]);
	assert_true(json_strv_has(&s.list, "x") && json_strv_has(&s.list, "") &&
		    !json_strv_has(&s.list, "y"));
	assert_true(s.none.set && s.none.n == 0);
	assert_string_equal(json_map_get(&s.map, "k/l"), "v");
	assert_string_equal(json_map_get(&s.map, ""), "");
	assert_null(json_map_get(&s.map, "k"));
	assert_true(json_number(json_at(json_get(s.raw, "r"), 0), &i) && i == 1);
	assert_string_equal(s.in.a, "b");
	assert_string_equal(s.ptr->more.v[0].a, "d");
	assert_int_equal(s.many.n, 2);
	assert_string_equal(s.many.v[1].a, "2");
	json_clear(&sample_table, &s);
	assert_memory_equal(&s, &zero, sizeof(s));
}

static void null_and_absent_are_the_same(void **arg)
{
	struct sample s;
	struct err e;

	(void)arg;
	assert_int_equal(
		decode("{\"name\":null,\"level\":null,\"flag\":null,\"n\":null,\"big\":null,"
		       "\"opt\":null,\"num\":null,\"list\":null,\"map\":null,\"raw\":null,\"in\":null,"
		       "\"ptr\":null,\"many\":null}",
		       &s, &e),
		0);
	assert_memory_equal(&s, &zero, sizeof(s));
}

/* What is in a document with one field, and the sentence about it. */
static const struct {
	const char *in, *msg;
} faults[] = {
	{ "[]", "want an object, got a list" },
	{ "null", "want an object, got null" },
	{ "3", "want an object, got 3" },
	{ "{\"name\":3}", "name: want a string, got 3" },
	{ "{\"name\":3.0}", "name: want a string, got 3.0" },
	{ "{\"name\":true}", "name: want a string, got true" },
	{ "{\"name\":false}", "name: want a string, got false" },
	{ "{\"name\":[\"a\"]}", "name: want a string, got a list" },
	{ "{\"name\":{}}", "name: want a string, got an object" },
	{ "{\"level\":\"Info\"}", "level: want \"debug\", \"info\" or \"warn\", got \"Info\"" },
	{ "{\"level\":\"\"}", "level: want \"debug\", \"info\" or \"warn\", got \"\"" },
	{ "{\"level\":1}", "level: want \"debug\", \"info\" or \"warn\", got 1" },
	{ "{\"flag\":\"true\"}", "flag: want true or false, got \"true\"" },
	{ "{\"flag\":1}", "flag: want true or false, got 1" },
	{ "{\"opt\":0}", "opt: want true or false, got 0" },
	{ "{\"n\":65536}", "n: want a whole number from 0 to 65535, got 65536" },
	{ "{\"n\":-1}", "n: want a whole number from 0 to 65535, got -1" },
	{ "{\"n\":1.5}", "n: want a whole number from 0 to 65535, got 1.5" },
	{ "{\"n\":1.0}", "n: want a whole number from 0 to 65535, got 1.0" },
	{ "{\"n\":3e9}", "n: want a whole number from 0 to 65535, got 3e9" },
	{ "{\"n\":12345678901234567890}",
	  "n: want a whole number from 0 to 65535, got 12345678901234567890" },
	{ "{\"n\":123456789012345678901}",
	  "n: want a whole number from 0 to 65535, got 123456789012345678901" },
	{ "{\"n\":\"12\"}", "n: want a whole number from 0 to 65535, got \"12\"" },
	{ "{\"n\":true}", "n: want a whole number from 0 to 65535, got true" },
	{ "{\"big\":9223372036854775808}", "big: want a whole number from -9223372036854775808 to "
					   "9223372036854775807, got 9223372036854775808" },
	{ "{\"num\":11}", "num: want a whole number from -1 to 10, got 11" },
	{ "{\"num\":-2}", "num: want a whole number from -1 to 10, got -2" },
	{ "{\"list\":\"x\"}", "list: want a list of strings, got \"x\"" },
	{ "{\"list\":{}}", "list: want a list of strings, got an object" },
	{ "{\"list\":[\"x\",1]}", "list[1]: want a string, got 1" },
	{ "{\"list\":[null]}", "list[0]: want a string, got null" },
	{ "{\"map\":[]}", "map: want an object of strings, got a list" },
	{ "{\"map\":{\"k\":1}}", "map.k: want a string, got 1" },
	{ "{\"map\":{\"a.b/c\":null}}", "map[\"a.b/c\"]: want a string, got null" },
	{ "{\"map\":{\"\":1}}", "map[\"\"]: want a string, got 1" },
	{ "{\"map\":{\"a\\nb\":1}}", "map[\"a?b\"]: want a string, got 1" },
	{ "{\"in\":[]}", "in: want an object, got a list" },
	{ "{\"in\":{}}", "in.a: missing, want a string" },
	{ "{\"in\":{\"a\":null}}", "in.a: missing, want a string" },
	{ "{\"in\":{\"A\":\"x\"}}", "in.A: unknown field; known are a, more" },
	{ "{\"ptr\":\"x\"}", "ptr: want an object, got \"x\"" },
	{ "{\"many\":{}}", "many: want a list of objects, got an object" },
	{ "{\"many\":[{\"a\":\"x\"},{\"a\":1}]}", "many[1].a: want a string, got 1" },
	{ "{\"many\":[null]}", "many[0]: want an object, got null" },
	{ "{\"many\":[{\"a\":\"x\",\"more\":[{\"a\":\"y\"},{}]}]}",
	  "many[0].more[1].a: missing, want a string" },
	{ "{\"n\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
	  "n: want a whole number from 0 to 65535, got "
	  "\"012345678901234567890123456789012345678901234567890123456789012...\"" },
};

static void faults_are_told_by_path(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct err e = { 0 };
		struct sample s;
		char want[300];
		int r = decode(faults[i].in, &s, &e);

		snprintf(want, sizeof(want), "config: %s", faults[i].msg);
		if (r != -EINVAL || e.cni != ERR_CONFIG || strcmp(e.msg, want) != 0)
			fail_msg("%s: answer %d, code %d, %s", faults[i].in, r, e.cni, e.msg);
		if (memcmp(&s, &zero, sizeof(s)) != 0)
			fail_msg("%s: the struct is not empty", faults[i].in);
	}
}

static void first_word_is_optional(void **arg)
{
	struct err e;
	struct sample s;

	(void)arg;
	assert_int_equal(json_decode_text(&sample_table, "{\"n\":-1}", 8, NULL, &s, &e), -EINVAL);
	assert_string_equal(e.msg, "n: want a whole number from 0 to 65535, got -1");
	assert_int_equal(json_decode_text(&sample_table, "[]", 2, NULL, &s, &e), -EINVAL);
	assert_string_equal(e.msg, "sample: want an object, got a list");
	assert_int_equal(json_decode_text(&sample_table, "[", 1, NULL, &s, &e), -EINVAL);
	assert_string_equal(e.msg, "sample:1:2: want a value, got the end of the text");
	assert_int_equal(e.cni, ERR_DECODE);
	assert_memory_equal(&s, &zero, sizeof(s));
}

static void lists_and_maps_are_limited(void **arg)
{
	static const struct {
		const char *head, *first, *next, *tail, *msg;
	} rows[] = {
		{ "{\"list\":[", "\"x\"", ",\"x\"", "]}", "list" },
		{ "{\"many\":[", "{\"a\":\"\"}", ",{\"a\":\"\"}", "]}", "many" },
		{ "{\"map\":{", "\"0\":\"x\"", ",\"%zu\":\"x\"", "}}", "map" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t n = JSON_LIST_MAX; n <= JSON_LIST_MAX + 1; n++) {
			CLEANUP(buf_clear) struct buf b = BUF_INIT(JSON_TEXT_MAX);
			struct err e = { 0 };
			struct sample s;
			char want[100];

			buf_str(&b, rows[i].head);
			buf_str(&b, rows[i].first);
			for (size_t k = 1; k < n; k++) {
				if (i == 2)
					buf_fmt(&b, ",\"%zu\":\"x\"", k);
				else
					buf_str(&b, rows[i].next);
			}
			buf_str(&b, rows[i].tail);
			snprintf(want, sizeof(want), "config: %s: want at most 65536 elements, got 65537",
				 rows[i].msg);
			if ((decode(b.s, &s, &e) == 0) != (n == JSON_LIST_MAX) ||
			    strcmp(e.msg, n == JSON_LIST_MAX ? "" : want) != 0)
				fail_msg("%s with %zu elements: %s", rows[i].msg, n, e.msg);
			json_clear(&sample_table, &s);
		}
	}
}

/* "shown" has JSON_EMPTY, so it is always there. */
static const char *const documents[] = {
	"{\"shown\":false}",
	"{\"name\":\"\",\"shown\":true}",
	"{\"shown\":false,\"opt\":false,\"num\":0,\"list\":[],\"none\":[],\"map\":{},\"many\":[]}",
	"{\"name\":\"\u00e9\\n\\\"\",\"level\":\"warn\",\"flag\":true,\"shown\":false,\"n\":1,\"big\":-1,"
	"\"opt\":true,"
	"\"num\":10,\"list\":[\"\",\"x\"],\"map\":{\"z\":\"1\",\"a\":\"\"},\"raw\":[null,1.50,1e400,{}],"
	"\"in\":{\"a\":\"\",\"more\":[]},\"ptr\":{\"a\":\"x\"},\"many\":[{\"a\":\"1\",\"more\":[{\"a\":\"\"}]"
	"}]}",
	"{\"shown\":false,\"raw\":false}",
	"{\"shown\":false,\"raw\":\"\"}",
};

static void encode_is_the_inverse_of_decode(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		CLEANUP(free_p) char *got = NULL, *got_copy = NULL;
		struct sample s, copy;
		struct err e = { 0 };

		if (decode(documents[i], &s, &e) < 0)
			fail_msg("%s: %s", documents[i], e.msg);
		got = encode(&s);
		if (strcmp(got, documents[i]) != 0)
			fail_msg("%s: got %s", documents[i], got);
		assert_int_equal(json_copy(&sample_table, &s, &copy, &e), 0);
		json_clear(&sample_table, &s);
		got_copy = encode(&copy);
		if (strcmp(got_copy, documents[i]) != 0)
			fail_msg("%s: the copy is %s", documents[i], got_copy);
		json_clear(&sample_table, &copy);
	}
}

static void empty_flag_encodes_zero_values(void **arg)
{
	struct all {
		char *s;
		bool b;
		uint32_t u;
		int64_t i;
		struct json_bool ob;
		struct json_strv l;
		struct sample_leaf in;
	};
	const struct json_field fields[] = {
		JF(struct all, s, "s", .flags = JSON_EMPTY),
		JF(struct all, b, "b", .flags = JSON_EMPTY),
		JF(struct all, u, "u", .flags = JSON_EMPTY),
		JF(struct all, i, "i", .flags = JSON_EMPTY),
		JF(struct all, ob, "ob", .flags = JSON_EMPTY),
		JF(struct all, l, "l", .flags = JSON_EMPTY),
		JS(struct all, in, "in", &sample_leaf_table, .flags = JSON_EMPTY),
	};
	const struct json_table table = JSON_TABLE(struct all, "all", fields);
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1000);
	const struct all none = { 0 };
	struct err e;

	(void)arg;
	assert_int_equal(json_encode_text(&table, &none, &b, &e), 0);
	assert_string_equal(b.s, "{\"s\":\"\",\"b\":false,\"u\":0,\"i\":0,\"in\":{}}");
}

static void a_copy_shares_nothing(void **arg)
{
	struct sample s, copy;
	struct err e;

	(void)arg;
	assert_int_equal(decode("{\"raw\":{\"a\":1}}", &s, &e), 0);
	assert_int_equal(json_copy(&sample_table, &s, &copy, &e), 0);
	assert_int_equal(json_set_str(s.raw, "a", "changed", &e), 0);
	assert_null(json_get_str(copy.raw, "a"));
	json_clear(&sample_table, &s);
	json_clear(&sample_table, &copy);
}

/* Strings that are shared are not copied; the original may go. */
static void packed_is_one_piece(void **arg)
{
	static const char text[] =
		"{\"name\":\"shared\",\"level\":\"info\",\"flag\":true,\"n\":7,\"num\":-1,"
		"\"list\":[\"x\",\"\",\"shared\"],\"none\":[],\"map\":{\"k\":\"v\",\"\":\"x\"},"
		"\"raw\":{\"r\":[1]},\"in\":{\"a\":\"b\",\"more\":[]},"
		"\"ptr\":{\"a\":\"c\",\"more\":[{\"a\":\"d\"},{\"a\":\"d\"}]},"
		"\"many\":[{\"a\":\"1\"},{\"a\":\"2\"}]}";
	const char *const strings[] = { "other", "shared" };
	const struct json_shared shared = { strings, ARRAY_LEN(strings) };
	CLEANUP(free_p) char *was = NULL, *is = NULL;
	struct sample s, *packed;
	struct err e;
	size_t size;

	(void)arg;
	assert_int_equal(decode(text, &s, &e), 0);
	was = encode(&s);
	size = json_pack_size(&sample_table, &s, &shared);
	packed = malloc(size);
	assert_non_null(packed);
	json_pack(&sample_table, &s, &shared, packed);
	json_clear(&sample_table, &s);
	is = encode(packed);
	assert_string_equal(is, was);
	assert_ptr_equal(packed->name, strings[1]);
	assert_ptr_equal(packed->list.v[2], strings[1]);
	assert_in_range(packed->many.v[1].a, packed, (char *)packed + size - 1);
	assert_null(packed->list.v[3]);
	json_pack_clear(&sample_table, packed);
	free(packed);
}

/* What no table names is checked, and not there; below a member that has no table of its own is everything.
 */
static void only_what_a_table_names_is_kept(void **arg)
{
	static const struct {
		const char *text, *kept; /* NULL: an error */
	} rows[] = {
		{ "{\"name\":\"a\",\"x\":{\"name\":\"b\",\"in\":[{}]},\"raw\":{\"x\":[{\"y\":null}]},\"map\":{\"x\":\"\"}}",
		  "{\"name\":\"a\",\"raw\":{\"x\":[{\"y\":null}]},\"map\":{\"x\":\"\"}}" },
		{ "{\"x\":[1,\"\\u00e9\",true,null,-1.5e3,{}],\"many\":[{\"x\":1,\"a\":\"1\",\"more\":[{\"a\":\"2\",\"b\":0}]},7]}",
		  "{\"many\":[{\"a\":\"1\",\"more\":[{\"a\":\"2\"}]},7]}" },
		{ "[{\"x\":1,\"name\":\"a\"}]", "[{\"name\":\"a\"}]" },
		{ "{\"in\":\"name\",\"x\":1,\"x\":2}", "{\"in\":\"name\"}" },
		{ "{\"x\":{\"y\":[1,]}}", NULL },
		{ "{\"x\":\"\\ud800\"}", NULL },
		{ "{\"x\":tru}", NULL },
		{ "{\"x\":01}", NULL },
		{ "{\"x\":{\"y\"}}", NULL },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(1000);
		CLEANUP(json_put_p) struct json_object *o = NULL;
		const char *text = rows[i].text;
		struct err e = { 0 };
		int r = json_parse_kept(&sample_table, text, strlen(text), "t", 0, &o, &e);

		if (r == 0)
			r = json_print(o, false, &b, &e);
		if (r < 0 ? rows[i].kept || !e.msg[0] : !rows[i].kept || strcmp(b.s, rows[i].kept) != 0)
			fail_msg("%s: %s", text, r < 0 ? e.msg : b.s);
	}
}

static void note_path(const char *path, void *arg)
{
	struct buf *b = arg;

	buf_fmt(b, "%s ", path);
}

static void unknown_keys_are_listed(void **arg)
{
	static const char text[] =
		"{\"Name\":1,\"map\":{\"free\":1},\"raw\":{\"free\":1},\"in\":{\"x\":1},"
		"\"ptr\":{\"more\":[{},{\"y\":{\"z\":1}}]},\"many\":[3,{\"k.l\":1}],\"list\":[{}]}";
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1000);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e;

	(void)arg;
	assert_int_equal(json_parse(text, strlen(text), "t", &o, &e), 0);
	json_unknown(&sample_table, o, note_path, &b);
	assert_string_equal(b.s, "Name in.x ptr.more[1].y many[1][\"k.l\"] ");
}

static void long_paths_are_cut(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(10000);
	struct err e = { 0 };
	struct sample s;

	(void)arg;
	buf_str(&b, "{\"map\":{\"");
	for (int i = 0; i < 300; i++)
		buf_str(&b, "\u20ac");
	buf_str(&b, "\":1}}");
	assert_int_equal(decode(b.s, &s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "\u20ac...\"]: want a string, got 1"));
	assert_true(strlen(e.msg) < 200);
}

static void lists_of_strings_by_hand(void **arg)
{
	struct json_strv l = { 0 }, copy;
	struct err e;

	(void)arg;
	assert_false(json_strv_has(&l, "a"));
	for (int i = 0; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(json_strv_add(&l, text, &e), 0);
		assert_true(l.set && l.n == (size_t)i + 1 && !l.v[l.n]);
	}
	assert_int_equal(json_strv_copy(&l, &copy, &e), 0);
	json_strv_clear(&l);
	assert_true(!l.set && !l.n && !l.v);
	assert_true(copy.set && copy.n == 1000 && !copy.v[1000] && json_strv_has(&copy, "999"));
	json_strv_clear(&copy);
	l.n = JSON_LIST_MAX;
	assert_int_equal(json_strv_add(&l, "", &e), -E2BIG);
	l = (struct json_strv){ .set = true };
	assert_int_equal(json_strv_copy(&l, &copy, &e), 0);
	assert_true(copy.set && !copy.n);
}

static void maps_by_hand(void **arg)
{
	struct json_map m = { 0 }, copy;
	struct err e;

	(void)arg;
	assert_null(json_map_get(&m, "a"));
	assert_int_equal(json_map_set(&m, "a", "1", &e), 0);
	assert_int_equal(json_map_set(&m, "b", "2", &e), 0);
	assert_int_equal(json_map_set(&m, "a", "3", &e), 0);
	assert_true(m.set && m.n == 2);
	assert_string_equal(json_map_get(&m, "a"), "3");
	assert_string_equal(m.v[1].key, "b");
	assert_int_equal(json_map_copy(&m, &copy, &e), 0);
	assert_int_equal(json_map_set(&m, "c", "4", &e), 0);
	json_map_remove(&m, "x");
	json_map_remove(&m, "a");
	assert_true(m.n == 2 && !json_map_get(&m, "a"));
	assert_string_equal(m.v[0].key, "b");
	assert_string_equal(json_map_get(&m, "c"), "4");
	json_map_remove(&m, "c");
	json_map_remove(&m, "b");
	assert_true(m.set && !m.n);
	json_map_clear(&m);
	assert_true(!m.set && !m.n && !m.v);
	assert_string_equal(json_map_get(&copy, "b"), "2");
	json_map_clear(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_decoded),
		cmocka_unit_test(null_and_absent_are_the_same),
		cmocka_unit_test(faults_are_told_by_path),
		cmocka_unit_test(first_word_is_optional),
		cmocka_unit_test(lists_and_maps_are_limited),
		cmocka_unit_test(encode_is_the_inverse_of_decode),
		cmocka_unit_test(empty_flag_encodes_zero_values),
		cmocka_unit_test(a_copy_shares_nothing),
		cmocka_unit_test(packed_is_one_piece),
		cmocka_unit_test(only_what_a_table_names_is_kept),
		cmocka_unit_test(unknown_keys_are_listed),
		cmocka_unit_test(long_paths_are_cut),
		cmocka_unit_test(lists_of_strings_by_hand),
		cmocka_unit_test(maps_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
