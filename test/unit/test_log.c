/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - levels, limits and logfmt lines */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "logdir.h"

static void test_levels(void **state)
{
	static const char *const names[] = { "debug", "info", "warn", "error", "fatal", "panic" };
	static const char *const wrong[] = { "", "warning", "inf", "infos", "debug ", "1" };
	enum log_level level;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(log_level_parse(names[i], &level, &err), 0);
		assert_int_equal(level, i);
		assert_string_equal(log_level_name(level), names[i]);
	}
	assert_int_equal(log_level_parse("WaRN", &level, &err), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (log_level_parse(wrong[i], &level, &err) != -EINVAL || err.cni != ERR_CONFIG)
			fail_msg("row \"%s\": accepted", wrong[i]);
		assert_non_null(strstr(err.msg, "want debug, info, warn, error, fatal or panic"));
		assert_int_equal(level, LOG_LEVEL_WARN);
	}
}

static void test_limits(void **state)
{
	static const struct {
		int64_t mb, age, count, want_mb;
		int want_age, want_count;
	} rows[] = {
		{ 0, 0, 0, 100, 0, 0 },
		{ -1, -1, -1, 100, 30, 10 },
		{ 1, 1, 1, 1, 1, 1 },
		{ 7, 8, 9, 7, 8, 9 },
		{ INT64_MIN, INT64_MIN, INT64_MIN, 100, 30, 10 },
		{ INT64_MAX, INT64_MAX, INT64_MAX, 1 << 30, 1 << 20, 1 << 20 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct log_conf c = { .path = "/var/log/x",
				      .max_size_mb = rows[i].mb,
				      .max_age_days = rows[i].age,
				      .max_count = rows[i].count };
		struct log l;

		assert_int_equal(log_init(&l, &c, &err), 0);
		if (l.file.max_bytes != rows[i].want_mb << 20 || l.file.max_age_days != rows[i].want_age ||
		    l.file.max_count != rows[i].want_count)
			fail_msg("row %zu: %lld bytes, %d days, %d files", i, (long long)l.file.max_bytes,
				 l.file.max_age_days, l.file.max_count);
	}
}

static void test_line(void **state)
{
	static const struct {
		const char *msg, *want;
	} rows[] = {
		{ "", "\"\"" },
		{ "took 10.0.0.7", "\"took 10.0.0.7\"" },
		{ "a=\"b\" \\ c", "\"a=\\\"b\\\" \\\\ c\"" },
		{ "one\ntwo\r\tthree", "\"one\\ntwo\\r\\tthree\"" },
		{ "\x01\x1b[31m\x7f", "\"\\u0001\\u001b[31m\\u007f\"" },
		{ "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x95\xb7",
		  "\"f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x95\xb7\"" },
		/* no UTF-8: stray, cut, overlong, surrogate, too large */
		{ "\x80z\xc3", "\"\xef\xbf\xbdz\xef\xbf\xbd\"" },
		{ "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xe0\x80\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	(void)state;
	clock_freeze_wall(NOW);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char name[32], want[256];
		struct log l;

		snprintf(name, sizeof(name), "%zu.log", i);
		open_log(&l, name);
		log_context(&l, "cmd", "ADD");
		log_context(&l, "none", NULL);
		log_context(&l, "empty", "");
		log_context(&l, "ifname", "e th=0");
		log_context(&l, "pod", "f\xc3\xbcr");
		log_warn(&l, "%s", rows[i].msg);
		log_close(&l);
		snprintf(want, sizeof(want),
			 "time=" NOW_TEXT " level=warn msg=%s cmd=ADD ifname=\"e th=0\" pod=\"f\xc3\xbcr\"\n",
			 rows[i].want);
		check_content(name, want);
	}
}

static void test_context(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "ADD", "ADD" },
		{ "a/b:c-d_e.f@1", "a/b:c-d_e.f@1" },
		{ "e th0", "\"e th0\"" },
		{ "a=b", "\"a=b\"" },
		{ "a\"b", "\"a\\\"b\"" },
		{ "a\\b", "\"a\\\\b\"" },
		{ "a\nb", "\"a\\nb\"" },
		{ "a\x7f", "\"a\\u007f\"" },
		{ "\xc3\xbc", "\"\xc3\xbc\"" },
		{ "\xff", "\"\xef\xbf\xbd\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct log l = { 0 };
		char want[64];

		log_context(&l, "key", rows[i].value);
		snprintf(want, sizeof(want), " key=%s", rows[i].want);
		if (l.context_len != strlen(want) || memcmp(l.context, want, l.context_len) != 0)
			fail_msg("row \"%s\": %.*s", rows[i].value, (int)l.context_len, l.context);
	}
	/* Whatever is left at the end, a pair goes in with its key and something of its value, or not. */
	for (size_t left = 0; left < 40; left++) {
		struct log l = { .context_len = LOG_CONTEXT_MAX - left };

		log_context(&l, "k", "12345678901234567890123456789012345678901234567890");
		if (left < 17)
			assert_int_equal(l.context_len, LOG_CONTEXT_MAX - left);
		else
			assert_memory_equal(l.context + LOG_CONTEXT_MAX - left, " k=\"1234", 8);
		assert_true(l.context_len <= LOG_CONTEXT_MAX);
		assert_true(left < 17 || l.context[l.context_len - 1] == '"');
	}
}

/* Message and context are cut where they must be; the line stays one well-formed line. */
static void test_long_line(void **state)
{
	char value[LOG_MSG_MAX + 100], msg[3 * LOG_MSG_MAX];
	struct buf b = BUF_INIT(1 << 20);
	const char *at;
	struct log l;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	memset(msg, '\x01', sizeof(msg) - 1); /* six bytes each */
	msg[sizeof(msg) - 1] = '\0';
	open_log(&l, "x.log");
	log_context(&l, "cmd", "ADD");
	log_context(&l, "long", value);
	log_context(&l, "late", "x");
	assert_true(l.context_len <= LOG_CONTEXT_MAX);
	log_error(&l, "%s", msg);
	log_error(&l, "%.*s", LOG_MSG_MAX - 1, value);
	log_error(&l, "%s%s", value, value);
	log_close(&l);
	assert_int_equal(file_read(AT_FDCWD, in_root("x.log"), 1 << 20, &b, &err), 0);
	at = strstr(b.s, "\\u0001...\" cmd=ADD long=\"vvvv");
	assert_non_null(at);
	at = strstr(at, "vvvv...\"\ntime="); /* the context's end is the line's: "late" did not fit */
	assert_non_null(at);
	at = strstr(at, "vvv\" cmd=ADD long="); /* whole */
	assert_non_null(at);
	at = strstr(at, "vvv...\" cmd=ADD long=");
	assert_non_null(at);
	assert_string_equal(b.s + b.len - 5, "...\"\n");
	buf_clear(&b);
}

static int evaluated;

static const char *costly(void)
{
	evaluated++;
	return "x";
}

static void test_nothing_below_level(void **state)
{
	struct log zero = { 0 }, l;
	struct log_conf none = { .path = "", .level = LOG_LEVEL_DEBUG };

	(void)state;
	log_error(NULL, "%s", costly());
	log_error(&zero, "%s", costly());
	log_context(NULL, "a", "b");
	assert_int_equal(log_status(NULL, &err), 0);
	assert_int_equal(log_status(&zero, &err), 0);
	log_close(NULL);
	log_close(&zero);
	assert_int_equal(log_init(&l, &none, &err), 0);
	log_error(&l, "%s", costly());
	open_log(&l, "a/x.log");
	log_debug(&l, "%s", costly());
	log_close(&l);
	assert_false(exists("a"));
	assert_int_equal(evaluated, 0);
	log_info(&l, "%s", costly());
	assert_true(exists("a/x.log") && evaluated == 1);
	log_close(&l);
	l.level = LOG_LEVEL_FATAL;
	log_error(&l, "%s", costly());
	assert_int_equal(evaluated, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_context),
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_below_level, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
