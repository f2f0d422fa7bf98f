/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_text.c - JSON text, trees and UTF-8 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/own.h"
#include "json/tree.h"

/* Text and length, so that a row can hold a NUL. */
#define T(s) (s), sizeof(s) - 1

static char *print(struct json_object *o, bool pretty)
{
	struct buf b = BUF_INIT(JSON_TEXT_MAX);
	struct err e = { 0 };

	if (json_print(o, pretty, &b, &e) < 0)
		fail_msg("print: %s", e.msg);
	return b.s;
}

static void text_is_read_and_printed(void **arg)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out; /* NULL: as it was */
	} rows[] = {
		{ T("null"), NULL },
		{ T("true"), NULL },
		{ T("false"), NULL },
		{ T("0"), NULL },
		{ T("-0"), "0" },
		{ T("-12"), NULL },
		{ T("9223372036854775807"), NULL },
		{ T("-9223372036854775808"), NULL },
		{ T("9223372036854775808"), NULL },
		{ T("18446744073709551615"), NULL },
		{ T("18446744073709551616"), NULL },
		{ T("-9223372036854775809"), NULL },
		{ T("1234567890123456789012345678901234567890"), NULL },
		{ T("1.50"), NULL },
		{ T("-0.0"), NULL },
		{ T("1e400"), NULL },
		{ T("1E+2"), NULL },
		{ T("0.1e-7"), NULL },
		{ T("\"\""), NULL },
		{ T("\"a/b\""), NULL },
		{ T("\"a\\/b\""), "\"a/b\"" },
		{ T("\"\\b\\f\\n\\r\\t\\\"\\\\\""), NULL },
		{ T("\"\\u0001\\u001f\\u007F\""), "\"\\u0001\\u001f\x7f\"" },
		{ T("\"\\u00e9\\u20ac\\ud83d\\uDE00\""), "\"\u00e9\u20ac\U0001f600\"" },
		{ T("\"\u00e9\u20ac\U0001f600\""), NULL },
		{ T("[]"), NULL },
		{ T("{}"), NULL },
		{ T(" [ 1 ,\t2\r\n, [ ] , { } ] "), "[1,2,[],{}]" },
		{ T("{\"a\":null,\"b\":[{\"c\":{}}]}"), NULL },
		{ T("{\"\":1}"), NULL },
		{ T("{\"a\":1,\"b\":2,\"a\":3}"), "{\"a\":3,\"b\":2}" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p) struct json_object *o = NULL, *copy = NULL;
		CLEANUP(free_p) char *got = NULL, *got_copy = NULL;
		struct err e;

		if (json_parse(rows[i].in, rows[i].len, "t", &o, &e) < 0)
			fail_msg("%s: %s", rows[i].in, e.msg);
		got = print(o, false);
		if (strcmp(got, rows[i].out ? rows[i].out : rows[i].in) != 0)
			fail_msg("%s: got %s", rows[i].in, got);
		assert_int_equal(json_dup(o, &copy, &e), 0);
		got_copy = print(copy, false);
		assert_string_equal(got_copy, got);
		if (!json_object_equal(o, copy) || (o && o == copy))
			fail_msg("%s: the copy differs", rows[i].in);
	}
}

static void faulty_text_is_refused(void **arg)
{
	static const struct {
		const char *in;
		size_t len;
		const char *msg;
	} rows[] = {
		{ T(""), "t:1:1: want a value, got the end of the text" },
		{ T(" \n "), "t:2:2: want a value, got the end of the text" },
		{ T("nul"), "t:1:1: want a value, got 'n'" },
		{ T("TRUE"), "t:1:1: want a value, got 'T'" },
		{ T("NaN"), "t:1:1: want a value, got 'N'" },
		{ T("[Infinity]"), "t:1:2: want a value, got 'I'" },
		{ T("[-Infinity]"), "t:1:3: want a digit, got 'I'" },
		{ T("'a'"), "t:1:1: want a value, got '''" },
		{ T("{'a':1}"), "t:1:2: want a key in double quotes, got '''" },
		{ T("{a:1}"), "t:1:2: want a key in double quotes, got 'a'" },
		{ T("{1:1}"), "t:1:2: want a key in double quotes, got '1'" },
		{ T("/* x */ 1"), "t:1:1: want a value, got '/'" },
		{ T("1 // x"), "t:1:3: want the end of the text, got '/'" },
		{ T("01"), "t:1:1: a number does not start with 0" },
		{ T("-"), "t:1:2: want a digit, got the end of the text" },
		{ T("+1"), "t:1:1: want a value, got '+'" },
		{ T(".5"), "t:1:1: want a value, got '.'" },
		{ T("1."), "t:1:3: want a digit, got the end of the text" },
		{ T("1.e5"), "t:1:3: want a digit, got 'e'" },
		{ T("1e"), "t:1:3: want a digit, got the end of the text" },
		{ T("1e5e5"), "t:1:4: want the end of the text, got 'e'" },
		{ T("0x10"), "t:1:2: want the end of the text, got 'x'" },
		{ T("[1,]"), "t:1:4: want a value, got ']'" },
		{ T("[1 2]"), "t:1:4: want ',' or ']', got '2'" },
		{ T("[1"), "t:1:3: want ',' or ']', got the end of the text" },
		{ T("{\"a\":1,}"), "t:1:8: want a key in double quotes, got '}'" },
		{ T("{\"a\" 1}"), "t:1:6: want ':', got '1'" },
		{ T("{\"a\":}"), "t:1:6: want a value, got '}'" },
		{ T("{\"a\":1 \"b\":2}"), "t:1:8: want ',' or '}', got '\"'" },
		{ T("{}{}"), "t:1:3: want the end of the text, got '{'" },
		{ T("1\0"), "t:1:2: want the end of the text, got byte 0x00" },
		{ T("\v1"), "t:1:1: want a value, got byte 0x0b" },
		{ T("\xef\xbb\xbf{}"), "t:1:1: want a value, got byte 0xef" },
		{ T("\"abc"), "t:1:1: this string has no end" },
		{ T("\"abc\\"), "t:1:6: want one of \" \\ / b f n r t u behind \\, got the end of the text" },
		{ T("\"\\x41\""), "t:1:3: want one of \" \\ / b f n r t u behind \\, got 'x'" },
		{ T("\"\\\0\""), "t:1:3: want one of \" \\ / b f n r t u behind \\, got byte 0x00" },
		{ T("\"\\u12g4\""), "t:1:2: want four hexadecimal digits behind \\u" },
		{ T("\"\\u12"), "t:1:2: want four hexadecimal digits behind \\u" },
		{ T("\"a\nb\""), "t:1:3: control character 0x0a in a string: write it as \\u000a" },
		{ T("\"a\0b\""), "t:1:3: control character 0x00 in a string: write it as \\u0000" },
		{ T("\"\\u0000\""), "t:1:2: \\u0000 is not allowed in strings" },
		{ T("{\"a\\u0000\":1}"), "t:1:4: \\u0000 is not allowed in strings" },
		{ T("\"\\ud800\""), "t:1:2: \\ud800 is half of a surrogate pair" },
		{ T("\"\\udc00\""), "t:1:2: \\udc00 is half of a surrogate pair" },
		{ T("\"\\ud83d\\u0041\""), "t:1:2: \\ud83d is half of a surrogate pair" },
		{ T("\"\xc3\xa9\xff\""), "t:1:3: not valid UTF-8" },
		{ T("\"\xed\xa0\x80\""), "t:1:2: not valid UTF-8" },
		{ T("\"\xc0\x80\""), "t:1:2: not valid UTF-8" },
		{ T("{\n  \"a\": [\n    tru\n  ]\n}"), "t:3:5: want a value, got 't'" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *o = (struct json_object *)&o;
		struct err e = { 0 };
		int r = json_parse(rows[i].in, rows[i].len, "t", &o, &e);

		if (r != -EINVAL || o || e.cni != ERR_DECODE || strcmp(e.msg, rows[i].msg) != 0)
			fail_msg("%s: answer %d, code %d, %s", rows[i].in, r, e.cni, e.msg);
	}
}

static void flags_change_what_is_refused(void **arg)
{
	static const struct {
		const char *in;
		unsigned flags;
		const char *out; /* NULL: refused with msg */
		const char *msg;
	} rows[] = {
		{ "{\"a\":1,\"a\":2}", 0, "{\"a\":2}", NULL },
		{ "{\"a\":1,\"a\":2}", JSON_MEND, "{\"a\":2}", NULL },
		{ "{\"a\":1,\"a\":2}", JSON_UNIQUE, NULL, "t:1:8: key \"a\" is there twice" },
		{ "{\"a\":null,\"a\":2}", JSON_UNIQUE, NULL, "t:1:11: key \"a\" is there twice" },
		{ "{\"a\":{\"a\":1}}", JSON_UNIQUE, "{\"a\":{\"a\":1}}", NULL },
		{ "\"x\\u0000y\"", JSON_MEND, "\"x\ufffdy\"", NULL },
		{ "\"\\ud800\\ud800\\udc00\"", JSON_MEND, "\"\ufffd\U00010000\"", NULL },
		{ "\"\\udc00\"", JSON_MEND, "\"\ufffd\"", NULL },
		{ "\"\\ud83dx\"", JSON_MEND, "\"\ufffdx\"", NULL },
		{ "\"\xff\"", JSON_MEND, NULL, "t:1:2: not valid UTF-8" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p) struct json_object *o = NULL;
		CLEANUP(free_p) char *got = NULL;
		struct err e = { 0 };
		int r = json_parse_as(rows[i].in, strlen(rows[i].in), "t", rows[i].flags, &o, &e);

		if ((r == 0) != (rows[i].out != NULL) || (r < 0 && strcmp(e.msg, rows[i].msg) != 0))
			fail_msg("row %zu %s: answer %d, %s", i, rows[i].in, r, e.msg);
		if (r < 0)
			continue;
		got = print(o, false);
		if (strcmp(got, rows[i].out) != 0)
			fail_msg("row %zu %s: got %s", i, rows[i].in, got);
	}
}

static void parse_repeated(const char *open, size_t n, const char *middle, const char *close, int want,
			   const char *msg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e = { 0 };
	int r;

	for (size_t i = 0; i < n; i++)
		buf_str(&b, open);
	buf_str(&b, middle);
	for (size_t i = 0; i < n && *close; i++)
		buf_str(&b, close);
	assert_int_equal(b.err, 0);
	r = json_parse(b.s, b.len, "t", &o, &e);
	if (r != want || strcmp(e.msg, msg) != 0)
		fail_msg("%zu times %s: answer %d, %s", n, open, r, e.msg);
}

static void sizes_are_limited(void **arg)
{
	(void)arg;
	parse_repeated("[", JSON_DEPTH_MAX, "1", "]", 0, "");
	parse_repeated("[", JSON_DEPTH_MAX + 1, "1", "]", -EINVAL, "t:1:33: nested deeper than 32");
	parse_repeated("{\"a\":", JSON_DEPTH_MAX, "1", "}", 0, "");
	parse_repeated("{\"a\":", JSON_DEPTH_MAX + 1, "1", "}", -EINVAL, "t:1:161: nested deeper than 32");
	parse_repeated("[", 1000000, "", "", -EINVAL, "t:1:33: nested deeper than 32");
	parse_repeated("1", JSON_NUMBER_MAX, "", "", 0, "");
	parse_repeated("1", JSON_NUMBER_MAX + 1, "", "", -EINVAL,
		       "t:1:1: a number of more than 1024 characters");
	parse_repeated(" ", JSON_TEXT_MAX - 1, "1", "", 0, "");
	parse_repeated(" ", JSON_TEXT_MAX, "1", "", -EFBIG, "t: larger than the limit of 16777216 bytes");
}

static void memory_is_limited(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(JSON_TEXT_MAX);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e;

	(void)arg;
	buf_chr(&b, '[');
	for (size_t i = 0; i <= JSON_TREE_MAX / JSON_COST_OBJECT; i++)
		buf_str(&b, "{},");
	buf_str(&b, "1]");
	assert_int_equal(json_parse(b.s, b.len, "t", &o, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "too many values: the limit is about 256 MiB of memory"));
	assert_null(o);
}

static void memory_can_be_less(void **arg)
{
	static const char text[] = "[{},{}]";
	const size_t need = JSON_COST_ARRAY + 2 * JSON_COST_OBJECT;
	CLEANUP(json_put_p) struct json_object *o = NULL;
	size_t room = need - 1;
	struct err e;

	(void)arg;
	assert_int_equal(json_parse_in(T(text), "t", 0, &room, &o, &e), -EINVAL);
	assert_int_equal(room, need - 1);
	room = need + 5;
	assert_int_equal(json_parse_in(T(text), "t", 0, &room, &o, &e), 0);
	assert_int_equal(room, 5);
}

static void pretty_text_has_two_blanks(void **arg)
{
	static const char text[] = "{\"a\":[],\"b\":{},\"c\":[1,{\"d\":\"x\"}]}";
	CLEANUP(json_put_p) struct json_object *o = NULL;
	CLEANUP(free_p) char *got = NULL;
	struct err e;

	(void)arg;
	assert_int_equal(json_parse(T(text), "t", &o, &e), 0);
	got = print(o, true);
	assert_string_equal(
		got, "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"x\"\n    }\n"
		     "  ]\n}");
}

static void bytes_that_are_no_text_are_replaced(void **arg)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		{ T("a\xff"
		    "b"),
		  "\"a\ufffdb\"" },
		{ T("\xe2\x82"), "\"\ufffd\ufffd\"" },
		{ T("a\0b"), "\"a\\u0000b\"" },
		{ T("\xed\xa0\x80"), "\"\ufffd\ufffd\ufffd\"" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p)
		struct json_object *o = json_object_new_string_len(rows[i].in, (int)rows[i].len);
		CLEANUP(free_p) char *got = print(o, false);

		if (strcmp(got, rows[i].out) != 0)
			fail_msg("row %zu: got %s", i, got);
	}
}

static void trees_that_json_cannot_write_are_refused(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(JSON_TEXT_MAX), small = BUF_INIT(10);
	CLEANUP(json_put_p) struct json_object *deep = NULL, *nan = json_object_new_double(NAN);
	CLEANUP(json_put_p)
	struct json_object *half = json_object_new_double(0.5), *whole = json_object_new_double(3);
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(json_print(nan, false, &b, &e), -EINVAL);
	for (int i = 0; i <= JSON_DEPTH_MAX; i++) {
		struct json_object *outer = json_object_new_array();

		assert_int_equal(json_append(outer, deep ? deep : json_object_new_int64(1), &e), 0);
		deep = outer;
	}
	assert_int_equal(json_print(deep, false, &b, &e), -EINVAL);
	assert_string_equal(e.msg, "JSON document nested deeper than 32");
	buf_reset(&b);
	assert_int_equal(json_print(json_at(deep, 0), false, &b, &e), 0);
	assert_int_equal(json_print(json_at(deep, 0), false, &small, &e), -EFBIG);
	assert_string_equal(e.msg, "JSON document larger than the limit of 10 bytes");
	buf_reset(&b);
	assert_int_equal(json_print(half, false, &b, &e), 0);
	assert_int_equal(json_print(whole, false, &b, &e), 0);
	assert_string_equal(b.s, "0.53.0");
}

static void values_are_read_by_type_only(void **arg)
{
	static const char text[] =
		"{\"s\":\"x\",\"i\":7,\"b\":true,\"n\":null,\"d\":1.0,\"u\":9223372036854775808,"
		"\"t\":\"12\",\"m\":9223372036854775807,\"l\":[1,null]}";
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e;
	int64_t i = 5;
	bool b = false;

	(void)arg;
	assert_int_equal(json_parse(T(text), "t", &o, &e), 0);
	assert_string_equal(json_get_str(o, "s"), "x");
	for (const char *k = "ibndul"; *k; k++)
		assert_null(json_get_str(o, (char[]){ *k, 0 }));
	for (const char *k = "sbndtlu"; *k; k++)
		assert_false(json_get_int(o, (char[]){ *k, 0 }, &i));
	for (const char *k = "sintul"; *k; k++)
		assert_false(json_get_bool(o, (char[]){ *k, 0 }, &b));
	assert_int_equal(i, 5);
	assert_true(json_get_int(o, "i", &i) && i == 7);
	assert_true(json_get_int(o, "m", &i) && i == INT64_MAX);
	assert_true(json_get_bool(o, "b", &b) && b);
	assert_null(json_get(o, "n"));
	assert_null(json_get(o, "absent"));
	assert_null(json_get(NULL, "s"));
	assert_null(json_get(json_get(o, "l"), "s"));
	assert_int_equal(json_len(json_get(o, "l")), 2);
	assert_int_equal(json_len(o), 0);
	assert_int_equal(json_len(NULL), 0);
	assert_true(json_number(json_at(json_get(o, "l"), 0), &i) && i == 1);
	assert_null(json_at(json_get(o, "l"), 1));
	assert_null(json_at(json_get(o, "l"), 2));
	assert_null(json_at(o, 0));
}

static void members_are_set_and_replaced(void **arg)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(free_p) char *got = NULL;
	struct err e;

	(void)arg;
	assert_int_equal(json_set_str(o, "a", "x", &e), 0);
	assert_int_equal(json_set_str(o, "b", NULL, &e), 0);
	assert_int_equal(json_set(o, "c", json_object_new_array(), &e), 0);
	assert_int_equal(json_append(json_get(o, "c"), json_object_new_boolean(1), &e), 0);
	assert_int_equal(json_set(o, "a", json_object_new_int64(1), &e), 0);
	assert_int_equal(json_put_member(o, "d", NULL, &e), 0);
	assert_int_equal(json_put_member(o, "c", NULL, &e), 0);
	assert_int_equal(json_set(o, "e", NULL, &e), -ENOMEM);
	got = print(o, false);
	assert_string_equal(got, "{\"a\":1,\"c\":null,\"d\":null}");
}

/* Every code point but the surrogates, and no other sequence of up to three bytes. */
static void utf8_is_what_the_standard_says(void **arg)
{
	(void)arg;
	for (unsigned c = 0; c < 0x110000; c++) {
		char s[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, want;

		if (n == 1)
			s[0] = (char)c;
		else
			s[0] = (char)((0xf00u >> n) | c >> 6 * (n - 1));
		for (size_t i = 1; i < n; i++)
			s[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
		want = c >= 0xd800 && c < 0xe000 ? 0 : n;
		if (json_utf8(s, s + n) != want)
			fail_msg("U+%04X: got %zu", c, json_utf8(s, s + n));
		if (n > 1 && json_utf8(s, s + n - 1) != 0)
			fail_msg("U+%04X without its last byte is accepted", c);
	}
	for (unsigned c = 0; c < 0x1000000; c += 0x1f) {
		unsigned char s[3] = { (unsigned char)(c >> 16), (unsigned char)(c >> 8), (unsigned char)c };
		size_t n = json_utf8((char *)s, (char *)s + 3);
		unsigned v = n == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
				    : (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);

		if ((n == 1) != (s[0] < 0x80) || (n == 2 && v < 0x80) ||
		    (n == 3 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))))
			fail_msg("bytes %06x: got %zu", c, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_and_printed),
		cmocka_unit_test(faulty_text_is_refused),
		cmocka_unit_test(flags_change_what_is_refused),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(memory_can_be_less),
		cmocka_unit_test(pretty_text_has_two_blanks),
		cmocka_unit_test(bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(trees_that_json_cannot_write_are_refused),
		cmocka_unit_test(values_are_read_by_type_only),
		cmocka_unit_test(members_are_set_and_replaced),
		cmocka_unit_test(utf8_is_what_the_standard_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
