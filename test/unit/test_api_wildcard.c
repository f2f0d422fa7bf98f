/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_wildcard.c - pool names with *, ? and [...] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"

static void test_match(void **state)
{
	enum { NO, YES, BAD };
	static const struct {
		const char *pattern, *name;
		int want;
	} rows[] = {
		{ "", "", YES },
		{ "", "a", NO },
		{ "abc", "abc", YES },
		{ "abc", "abcd", NO },
		{ "*", "", YES },
		{ "*", "abc", YES },
		{ "*", "a/b", NO },
		{ "*c", "abc", YES },
		{ "a*", "a", YES },
		{ "a*", "abc", YES },
		{ "a*", "ab/c", NO },
		{ "a*/b", "abc/b", YES },
		{ "a*/b", "a/c/b", NO },
		{ "a*b*c*d*e*", "axbxcxdxe", YES },
		{ "a*b*c*d*e*/f", "axbxcxdxexxx/f", YES },
		{ "a*b*c*d*e*/f", "axbxcxdxe/xxx/f", NO },
		{ "a*b?c*x", "abxbbxdbxebxczzx", YES },
		{ "a*b?c*x", "abxbbxdbxebxczzy", NO },
		{ "***c", "abc", YES },
		{ "*abc", "ababc", YES },
		{ "*ab*", "xaxab", YES },
		{ "a?c", "abc", YES },
		{ "a?c", "a/c", NO },
		{ "a?", "a", NO },
		{ "ab[c]", "abc", YES },
		{ "ab[b-d]", "abc", YES },
		{ "ab[e-g]", "abc", NO },
		{ "ab[^c]", "abc", NO },
		{ "ab[^e-g]", "abc", YES },
		{ "ab[!c]", "ab!", YES }, /* only ^ negates */
		{ "ab[d-b]", "abc", NO }, /* reversed: no character */
		{ "[a-ce-g]*", "fish", YES },
		{ "[\\]a]", "]", YES },
		{ "[\\-]", "-", YES },
		{ "[x\\-]", "-", YES },
		{ "[^a]", "/", YES }, /* a class may be the separator, as in Go */
		{ "[*]a", "*a", YES },
		{ "[*]a", "xa", NO },
		{ "a\\*b", "a*b", YES },
		{ "a\\*b", "axb", NO },
		{ "a\\*b", "a*xb", NO },
		{ "a\\\\b", "a\\b", YES },
		{ "[^a]", "^", YES },
		{ "[^a]", "", NO },
		{ "?", "", NO },
		{ "[x*]a", "*a", YES },
		{ "a/*", "a/", YES },
		{ "**", "a/b", NO },
		{ "pool-?-v[46]", "pool-1-v6", YES },
		{ "]", "]", YES },
		{ "[]a]", "]", BAD },
		{ "[-]", "-", BAD },
		{ "[x-]", "x", BAD },
		{ "[-x]", "x", BAD },
		{ "[a-b-c]", "a", BAD },
		{ "[", "a", BAD },
		{ "[^", "a", BAD },
		{ "[^bc", "a", BAD },
		{ "[a", "a", BAD },
		{ "[a-", "a", BAD },
		{ "[\\", "a", BAD },
		{ "a[", "a", BAD },
		{ "a[", "ab", BAD },
		{ "x[", "ab", BAD }, /* malformed behind where matching stops */
		{ "x\\", "ab", BAD },
		{ "a*[]", "xyz", BAD },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e;
		int r = api_wildcard_match(rows[i].pattern, rows[i].name, &e);

		if (r != (rows[i].want == BAD ? -EINVAL : rows[i].want))
			fail_msg("row %zu: \"%s\" on \"%s\": %d", i, rows[i].pattern, rows[i].name, r);
		if (r < 0 && (e.cni != ERR_CONFIG || !strstr(e.msg, rows[i].pattern)))
			fail_msg("row %zu: says \"%s\"", i, e.msg);
	}
}

/* Backtracking would not end within the life of this machine. */
static void test_no_backtracking(void **state)
{
	enum { STARS = 2000, NAME = 20000 };
	char *pattern = calloc(1, 2 * STARS + 2), *name = calloc(1, NAME + 1);
	struct err e;

	(void)state;
	for (size_t i = 0; i < STARS; i++)
		memcpy(pattern + 2 * i, "a*", 2);
	pattern[2 * STARS] = 'b';
	memset(name, 'a', NAME);
	assert_int_equal(api_wildcard_match(pattern, name, &e), 0);
	name[NAME - 1] = 'b';
	assert_int_equal(api_wildcard_match(pattern, name, &e), 1);
	free(pattern);
	free(name);
}

static void test_is_wildcard(void **state)
{
	(void)state;
	assert_true(api_is_wildcard("a*"));
	assert_true(api_is_wildcard("?"));
	assert_true(api_is_wildcard("v[46]"));
	assert_false(api_is_wildcard("v[4"));
	assert_false(api_is_wildcard("v4]"));
	assert_false(api_is_wildcard("a\\b"));
	assert_false(api_is_wildcard(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_no_backtracking),
		cmocka_unit_test(test_is_wildcard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
