/* SPDX-License-Identifier: Apache-2.0 */
/* test_yaml.c - YAML to trees and back */
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
#include "json/tree.h"
#include "json/types.h"
#include "yaml/yaml.h"

#define T(s) (s), sizeof(s) - 1

/* Each document as "LINE:JSON " */
static int note(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct buf *out = arg;
	int r;

	buf_fmt(out, "%zu:", line);
	r = json_print(o, false, out, e);
	buf_chr(out, ' ');
	return r;
}

static const struct {
	const char *yaml, *json;
} scalars[] = {
	{ "~", "null" },
	{ "", "null" },
	{ "null", "null" },
	{ "Null", "null" },
	{ "NULL", "null" },
	{ "nULL", "\"nULL\"" },
	{ "true", "true" },
	{ "True", "true" },
	{ "TRUE", "true" },
	{ "tRUE", "\"tRUE\"" },
	{ "yes", "true" },
	{ "YES", "true" },
	{ "on", "true" },
	{ "y", "true" },
	{ "no", "false" },
	{ "Off", "false" },
	{ "N", "false" },
	{ "0", "0" },
	{ "-0", "0" },
	{ "+12", "12" },
	{ "1_000_000", "1000000" },
	{ "0x1F", "31" },
	{ "-0Xff", "-255" },
	{ "0x", "\"0x\"" },
	{ "0xg", "\"0xg\"" },
	{ "0x-1", "\"0x-1\"" },
	{ "0b101", "5" },
	{ "-0b11", "-3" },
	{ "0b2", "\"0b2\"" },
	{ "0o17", "15" },
	{ "017", "15" },
	{ "-017", "-15" },
	{ "0o18", "\"0o18\"" },
	{ "08", "8" },
	{ "-09", "-9" },
	{ "00", "0" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "-9223372036854775808", "-9223372036854775808" },
	{ "-9223372036854775809", "-9223372036854775809" },
	{ "-0x8000000000000001", "\"-0x8000000000000001\"" },
	{ "18446744073709551615", "18446744073709551615" },
	{ "18446744073709551616", "18446744073709551616" },
	{ "0xffffffffffffffff", "18446744073709551615" },
	{ "0x10000000000000000", "\"0x10000000000000000\"" },
	{ "1.5", "1.5" },
	{ "-1.50", "-1.50" },
	{ "+1.5", "1.5" },
	{ ".5", "0.5" },
	{ "5.", "5.0" },
	{ "01.5", "1.5" },
	{ "1e3", "1e3" },
	{ "1E-3", "1E-3" },
	{ "1e400", "1e400" },
	{ "+1e400", "\"+1e400\"" },
	{ "1_0.5", "10.5" },
	{ "1e", "\"1e\"" },
	{ "1.2.3", "\"1.2.3\"" },
	{ ".", "\".\"" },
	{ "-", NULL },
	{ "+", "\"+\"" },
	{ "._5", "\"._5\"" },
	{ ".e5", "\".e5\"" },
	{ "1:30", "\"1:30\"" },
	{ "00:11:22:33:44:55", "\"00:11:22:33:44:55\"" },
	{ "2026-11-22", "\"2026-11-22\"" },
	{ "2026-11-22T21:00:00Z", "\"2026-11-22T21:00:00Z\"" },
	{ "10.0.0.0/24", "\"10.0.0.0/24\"" },
	{ "fd00::1", "\"fd00::1\"" },
	{ "'12'", "\"12\"" },
	{ "\"yes\"", "\"yes\"" },
	{ "''", "\"\"" },
	{ "! 12", "\"12\"" },
	{ "!!str 12", "\"12\"" },
	{ "!!str", "\"\"" },
	{ "!!int '12'", "12" },
	{ "!!float 12", "12" },
	{ "!!bool yes", "true" },
	{ "!!null ~", "null" },
	{ "!!map {a: 1}", "{\"a\":1}" },
	{ "!!seq [1]", "[1]" },
	{ "|\n  a\n   b\n\n  c\n", "\"a\\n b\\n\\nc\\n\"" },
	{ "|-\n  12\n", "\"12\"" },
	{ ">\n  a\n  b\n", "\"a b\\n\"" },
	{ "\"\\u00e9\\x41\\n\\U0001f600\"", "\"\u00e9A\\n\U0001f600\"" },
	{ "a # comment", "\"a\"" },
	{ "<<", "\"<<\"" },
};

static void scalars_resolve_as_in_kubernetes(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(scalars); i++) {
		CLEANUP(buf_clear)
		struct buf in = BUF_INIT(1000), got = BUF_INIT(1000), want = BUF_INIT(1000);
		struct err e = { 0 };
		int r;

		buf_fmt(&in, "- %s\n", scalars[i].yaml);
		buf_fmt(&want, "1:[%s] ", scalars[i].json ? scalars[i].json : "[null]");
		r = yaml_parse(in.s, in.len, "t", note, &got, &e);
		if (r < 0 || strcmp(buf_cstr(&got), want.s) != 0)
			fail_msg("%s: got %s %s", scalars[i].yaml, buf_cstr(&got), e.msg);
	}
}

static void documents_come_in_order(void **arg)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		{ T(""), "" },
		{ T("# nothing\n"), "" },
		{ T("---\n---\n...\n---\nnull\n"), "" },
		{ T("a: 1\n---\nb: 2\n"), "1:{\"a\":1} 3:{\"b\":2} " },
		{ T("\n# first\n---\n\na: 1\n---\n# second\n- x\n...\n---\n3\n"),
		  "5:{\"a\":1} 8:[\"x\"] 11:3 " },
		{ T("\xef\xbb\xbf"
		    "a: 1\n"),
		  "1:{\"a\":1} " },
		{ T("a:\r\n  b: 1\r\n"), "1:{\"a\":{\"b\":1}} " },
		{ T("%YAML 1.1\n---\na: 1\n"), "3:{\"a\":1} " },
		{ T("a:\n- 1\n- b: 2\n  c: [x, {w: z}]\n"),
		  "1:{\"a\":[1,{\"b\":2,\"c\":[\"x\",{\"w\":\"z\"}]}]} " },
		{ T("? a\n: b\n"), "1:{\"a\":\"b\"} " },
		{ T("\n\n{\"a\": [1, \"\\ud83d\\ude00\", 1.0],\n\t\"b\": null}\n"),
		  "3:{\"a\":[1,\"\U0001f600\",1.0],\"b\":null} " },
		{ T("{\"a\": 1}\n---\n{\"b\": 2}\n"), "1:{\"a\":1} 3:{\"b\":2} " },
		{ T("[a, b]"), "1:[\"a\",\"b\"] " },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(1000);
		struct err e = { 0 };
		int r = yaml_parse(rows[i].in, rows[i].len, "t", note, &got, &e);

		if (r < 0 || strcmp(buf_cstr(&got), rows[i].out) != 0)
			fail_msg("%s: got %s %s", rows[i].in, buf_cstr(&got), e.msg);
	}
}

static void faults_are_told_by_line_and_column(void **arg)
{
	static const struct {
		const char *in;
		size_t len;
		const char *msg;
	} rows[] = {
		{ T("a: &x 1"), "t:1:4: anchors (&x) are not supported" },
		{ T("a:\n  &x b: 1"), "t:2:3: anchors (&x) are not supported" },
		{ T("a: &x [1]"), "t:1:4: anchors (&x) are not supported" },
		{ T("a: &x {}"), "t:1:4: anchors (&x) are not supported" },
		{ T("a: *x"), "t:1:4: aliases (*x) are not supported" },
		{ T("*x : a"), "t:1:1: aliases (*x) are not supported" },
		{ T("<<: {a: 1}"), "t:1:1: merge keys (<<) are not supported" },
		{ T("a: !foo 1"), "t:1:4: tag !foo is not supported" },
		{ T("!foo a: 1"), "t:1:1: tag !foo is not supported" },
		{ T("a: !!set {b}"), "t:1:4: tag tag:yaml.org,2002:set is not supported" },
		{ T("a: !!map [b]"), "t:1:4: tag tag:yaml.org,2002:map is not supported" },
		{ T("a: !!binary YQ=="), "t:1:4: tag tag:yaml.org,2002:binary is not supported" },
		{ T("a: !!int x"), "t:1:4: \"x\" is not what its tag tag:yaml.org,2002:int says" },
		{ T("a: !!int 1.5"), "t:1:4: \"1.5\" is not what its tag tag:yaml.org,2002:int says" },
		{ T("a: !!bool 1"), "t:1:4: \"1\" is not what its tag tag:yaml.org,2002:bool says" },
		{ T("a: 1\nb: 2\na: 3"), "t:3:1: key \"a\" is there twice" },
		{ T("a: ~\n\"a\": 3"), "t:2:1: key \"a\" is there twice" },
		{ T("{\"a\":1,\"a\":2}"), "t:1:8: key \"a\" is there twice" },
		{ T("1: a"), "t:1:1: key \"1\" would be read as a number: put it in quotes" },
		{ T("1.5: a"), "t:1:1: key \"1.5\" would be read as a number: put it in quotes" },
		{ T("yes: a"), "t:1:1: key \"yes\" would be read as true or false: put it in quotes" },
		{ T("~: a"), "t:1:1: key \"~\" would be read as null: put it in quotes" },
		{ T("[a]: b"), "t:1:1: a key must be text, not a list or a mapping" },
		{ T("? {a: b}\n: c"), "t:1:3: a key must be text, not a list or a mapping" },
		{ T("a: .inf"), "t:1:4: .inf cannot be written in JSON; put it in quotes if it is text" },
		{ T("a: -.INF"), "t:1:4: -.INF cannot be written in JSON; put it in quotes if it is text" },
		{ T("a: .nan"), "t:1:4: .nan cannot be written in JSON; put it in quotes if it is text" },
		{ T("a: \"\\0\""), "t:1:4: a NUL character is not allowed in text" },
		{ T("\"\\0\": a"), "t:1:1: a NUL character is not allowed in text" },
		{ T("a: b\n\x01"), "t:2:1: control characters are not allowed" },
		{ T("\u00e9: \xff"), "t:1:4: invalid leading UTF-8 octet" },
		{ T("a: b\0c"), "t:1:5: control characters are not allowed" },
		{ T("a: b: c"), "t:1:5: mapping values are not allowed in this context" },
		{ T("a: \"b"), "t:1:6: found unexpected end of stream, while scanning a quoted scalar" },
		{ T("a: [b"), "t:2:1: did not find expected ',' or ']', while parsing a flow sequence" },
		{ T("a:\n\tb: 1"),
		  "t:2:1: found character that cannot start any token, while scanning for the next token" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(1000);
		struct err e = { 0 };
		int r = yaml_parse(rows[i].in, rows[i].len, "t", note, &got, &e);

		if (r != -EINVAL || e.cni != ERR_DECODE || strcmp(e.msg, rows[i].msg) != 0)
			fail_msg("%s: answer %d, code %d, %s", rows[i].in, r, e.cni, e.msg);
	}
}

struct repeat {
	const char *head, *each, *tail;
	size_t n;
	int answer;
	const char *msg;
};

static int count(struct json_object *o, size_t line, void *arg, struct err *e)
{
	(void)o;
	(void)line;
	(void)e;
	++*(size_t *)arg;
	return 0;
}

static void sizes_are_limited(void **arg)
{
	static const struct repeat rows[] = {
		{ "", "[", "", JSON_DEPTH_MAX + 1, -EINVAL, "t:1:33: nested deeper than 32" },
		{ "", "- ", "1", JSON_DEPTH_MAX, 0, "" },
		{ "", "- ", "1", JSON_DEPTH_MAX + 1, -EINVAL, "t:1:65: nested deeper than 32" },
		{ "", "- ", "1", 100000, -EINVAL, "t:1:65: nested deeper than 32" },
		{ "", "- 1\n", "", JSON_LIST_MAX, 0, "" },
		{ "", "- 1\n", "", JSON_LIST_MAX + 1, -EINVAL, "t:65537:3: more than 65536 elements" },
		{ "", "--- 1\n", "", YAML_DOCS_MAX, 0, "" },
		{ "", "--- 1\n", "", YAML_DOCS_MAX + 1, -EINVAL, "t:100001:1: more than 100000 documents" },
		{ "", "---\n", "", YAML_DOCS_MAX + 1, -EINVAL, "t:100001:1: more than 100000 documents" },
		{ "", "%TAG !e! x\n", "--- a", 1, 0, "" },
		{ "a: \"\n", "%TAG\n", "\"", 100, 0, "" },
		{ "a: \"\n", "%TAG\n", "\"", 101, -EINVAL, "t: more than 100 %TAG lines" },
		{ "", " ", "a", YAML_TEXT_MAX, -EFBIG, "t: larger than the limit of 16777216 bytes" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf in = BUF_INIT(BUF_MAX_DEFAULT);
		struct err e = { 0 };
		size_t docs = 0;
		int r;

		buf_str(&in, rows[i].head);
		for (size_t n = 0; n < rows[i].n; n++)
			buf_str(&in, rows[i].each);
		buf_str(&in, rows[i].tail);
		r = yaml_parse(in.s, in.len, "t", count, &docs, &e);
		if (r != rows[i].answer || strcmp(e.msg, rows[i].msg) != 0)
			fail_msg("row %zu: answer %d, %s", i, r, e.msg);
	}
}

/* Lists of lists, as one list may not be that long. */
static void memory_is_limited_by_document(void **arg)
{
	(void)arg;
	for (size_t docs = 1; docs <= 2; docs++) {
		CLEANUP(buf_clear) struct buf in = BUF_INIT(YAML_TEXT_MAX);
		struct err e = { 0 };
		size_t n = 0;
		int r;

		for (size_t i = 0; i < 6; i++) {
			if (i % (6 / docs) == 0)
				buf_str(&in, "---\n");
			buf_str(&in, "- [");
			for (size_t k = 0; k < 60000; k++)
				buf_str(&in, "{},");
			buf_str(&in, "]\n");
		}
		r = yaml_parse(in.s, in.len, "t", count, &n, &e);
		if ((r == 0) != (docs == 2) || (r < 0 && !strstr(e.msg, "too many values")))
			fail_msg("%zu documents: answer %d, %s", docs, r, e.msg);
	}
}

static int refuse(struct json_object *o, size_t line, void *arg, struct err *e)
{
	size_t *calls = arg;

	(void)o;
	return ++*calls == 2 ? err_set(e, EEXIST, "no more at line %zu", line) : 0;
}

static void the_first_refusal_ends_it(void **arg)
{
	static const char text[] = "a: 1\n---\nb: 2\n---\nc: 3\n";
	struct err e;
	size_t calls = 0;

	(void)arg;
	assert_int_equal(yaml_parse(T(text), "t", refuse, &calls, &e), -EEXIST);
	assert_int_equal(calls, 2);
	assert_string_equal(e.msg, "no more at line 3");
	calls = 0;
	assert_int_equal(yaml_parse(T("a: 1\n---\n*x\n"), "t", count, &calls, &e), -EINVAL);
	assert_int_equal(calls, 1);
}

static void trees_are_printed_in_block_style(void **arg)
{
	static const struct {
		const char *json, *yaml;
	} rows[] = {
		{ "null", "null\n" },
		{ "true", "true\n" },
		{ "\"a\"", "a\n" },
		{ "\"a\\nb\"", "|-\n  a\n  b\n" },
		{ "[]", "[]\n" },
		{ "{}", "{}\n" },
		{ "{\"a\":{},\"b\":[],\"c\":null}", "a: {}\nb: []\nc: null\n" },
		{ "{\"a\":{\"b\":{\"c\":1}},\"d\":2}", "a:\n  b:\n    c: 1\nd: 2\n" },
		{ "{\"a\":[1,\"x\"],\"b\":[{\"c\":1,\"d\":[2]},[3,[4]],[]]}",
		  "a:\n- 1\n- x\nb:\n- c: 1\n  d:\n  - 2\n- - 3\n  - - 4\n- []\n" },
		{ "{\"a\":\"x\\n\\n y\\n\",\"b\":[\"x\\ny\"]}", "a: |\n  x\n\n   y\nb:\n- |-\n  x\n  y\n" },
		{ "[\"yes\",\"No\",\"null\",\"~\",\"\",\"12\",\"0x1\",\"1.5\",\".inf\",\"<<\",\"1e3\"]",
		  "- \"yes\"\n- \"No\"\n- \"null\"\n- \"~\"\n- \"\"\n- \"12\"\n- \"0x1\"\n- \"1.5\"\n- "
		  "\".inf\"\n"
		  "- \"<<\"\n- \"1e3\"\n" },
		{ "[\"1:30\",\"2026-11-22\",\"10.0.0.1\",\"10.0.0.1-10.0.0.9\",\"fd00::/64\",\"fd00::\"]",
		  "- \"1:30\"\n- \"2026-11-22\"\n- 10.0.0.1\n- 10.0.0.1-10.0.0.9\n- fd00::/64\n- "
		  "\"fd00::\"\n" },
		{ "[\"a b\",\" a\",\"a \",\"a: b\",\"a #b\",\"a#b\",\"- a\",\"#a\",\"&a\",\"---\",\"...\"]",
		  "- a b\n- \" a\"\n- \"a \"\n- \"a: b\"\n- \"a #b\"\n- a#b\n- \"- a\"\n- \"#a\"\n- "
		  "\"&a\"\n- "
		  "\"---\"\n"
		  "- \"...\"\n" },
		{ "[\"\\t\",\"a\\\\b\\\"\",\"\\u0001\\u007f\",\"\xc2\x85\u00a0\u2028\ufeff\ufffe\","
		  "\"\u00e9\U0001f600\","
		  "\"\U0001ffff\"]",
		  "- \"\\t\"\n- a\\b\"\n- \"\\x01\\x7f\"\n- \"\\x85\\xa0\\u2028\\ufeff\\ufffe\"\n"
		  "- \u00e9\U0001f600\n- \"\\U0001ffff\"\n" },
		{ "[\"\\na\",\" a\\nb\",\"a\\n\\n\",\"a\\rb\\n\",\"\\n\"]",
		  "- \"\\na\"\n- \" a\\nb\"\n- \"a\\n\\n\"\n- \"a\\rb\\n\"\n- \"\\n\"\n" },
		{ "{\"1\":1,\"yes\":2,\"a b\":3,\"x\\ny\":4,\"\":5}",
		  "\"1\": 1\n\"yes\": 2\na b: 3\n\"x\\ny\": 4\n\"\": 5\n" },
		{ "[1,-2,18446744073709551615,1.0,1.50,1e400]",
		  "- 1\n- -2\n- 18446744073709551615\n- 1.0\n- 1.50\n- 1e400\n" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(1000);
		CLEANUP(json_put_p) struct json_object *o = NULL;
		struct err e = { 0 };

		if (json_parse(rows[i].json, strlen(rows[i].json), "t", &o, &e) < 0 ||
		    yaml_print(o, &got, &e) < 0 || strcmp(buf_cstr(&got), rows[i].yaml) != 0)
			fail_msg("%s: got\n%s%s", rows[i].json, buf_cstr(&got), e.msg);
	}
}

static int same(struct json_object *o, size_t line, void *arg, struct err *e)
{
	(void)line;
	return json_object_equal(o, arg) ? 0 : err_set(e, EBADMSG, "not the same");
}

static void what_is_printed_reads_back(void **arg)
{
	/* put together, as values, keys and elements */
	static const char *const bits[] = { "",   "a",  " ",    "\n",       "\t",     "-",      ":",
					    "#",  "'",  "\"",   "\\",       "[",      "}",      ",",
					    "?",  "|",  ">",    "%",        "@",      "`",      "!",
					    "&",  "*",  "0",    "1",        ".",      "e",      "_",
					    "x",  "y",  "~",    "=",        "<",      "\r",     "\b",
					    "--", "..", "\x7f", "\xc2\x85", "\u2029", "\u00e9", "\ufeff" };
	static const char *const ends[] = { "", "a", " ", ":", "#", "\n" };
	size_t n = ARRAY_LEN(bits);

	(void)arg;
	for (size_t i = 0; i < n * n * ARRAY_LEN(ends); i++) {
		CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
		CLEANUP(buf_clear) struct buf b = BUF_INIT(1000);
		struct err e = { 0 };
		struct json_object *list = json_object_new_array();
		char s[20];

		snprintf(s, sizeof(s), "%s%s%s", bits[i % n], bits[i / n % n], ends[i / n / n]);
		assert_int_equal(json_append(list, json_object_new_string(s), &e), 0);
		assert_int_equal(json_set_str(o, "k", s, &e), 0);
		assert_int_equal(json_set(o, s, list, &e), 0);
		if (yaml_print(o, &b, &e) < 0 || yaml_parse(b.s, b.len, "t", same, o, &e) < 0)
			fail_msg("row %zu: %s in\n%s", i, e.msg, b.s);
		buf_reset(&b);
		if (yaml_print(json_get(o, "k"), &b, &e) < 0 ||
		    yaml_parse(b.s, b.len, "t", same, json_get(o, "k"), &e) < 0)
			fail_msg("row %zu: %s in\n%s", i, e.msg, b.s);
	}
}

static void long_keys_read_back(void **arg)
{
	(void)arg;
	for (size_t len = 100; len < 3000; len += 14) {
		CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
		CLEANUP(buf_clear) struct buf b = BUF_INIT(100000), key = BUF_INIT(100000);
		struct json_object *inner = json_object_new_object();
		struct err e = { 0 };

		while (key.len < len)
			buf_str(&key, len % 28 ? "abcdefg" : "\xc2\x85");
		assert_int_equal(json_set_str(inner, key.s, "x", &e), 0);
		assert_int_equal(json_set(o, key.s, inner, &e), 0);
		if (yaml_print(o, &b, &e) < 0 || yaml_parse(b.s, b.len, "t", same, o, &e) < 0)
			fail_msg("%zu bytes: %s in\n%s", len, e.msg, b.s);
	}
}

static void too_deep_and_too_large_is_not_printed(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(100000), small = BUF_INIT(10);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e;

	(void)arg;
	for (int i = 0; i <= JSON_DEPTH_MAX; i++) {
		struct json_object *outer = json_object_new_object();

		assert_int_equal(json_set(outer, "k", o ? o : json_object_new_string("x"), &e), 0);
		o = outer;
	}
	assert_int_equal(yaml_print(o, &b, &e), -EINVAL);
	assert_string_equal(e.msg, "YAML document nested deeper than 32");
	buf_reset(&b);
	assert_int_equal(yaml_print(json_get(o, "k"), &b, &e), 0);
	assert_int_equal(yaml_parse(b.s, b.len, "t", same, json_get(o, "k"), &e), 0);
	assert_int_equal(yaml_print(json_get(o, "k"), &small, &e), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_resolve_as_in_kubernetes),
		cmocka_unit_test(documents_come_in_order),
		cmocka_unit_test(faults_are_told_by_line_and_column),
		cmocka_unit_test(sizes_are_limited),
		cmocka_unit_test(memory_is_limited_by_document),
		cmocka_unit_test(the_first_refusal_ends_it),
		cmocka_unit_test(trees_are_printed_in_block_style),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(long_keys_read_back),
		cmocka_unit_test(too_deep_and_too_large_is_not_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
