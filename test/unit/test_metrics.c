/* SPDX-License-Identifier: Apache-2.0 */
/* test_metrics.c - values, their text to the letter, and many threads at once */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/own.h"
#include "metrics/metrics.h"
#include "prom.h"

static void print(const struct metric *rows, size_t n, struct buf *out)
{
	const struct metrics m = { rows, n };
	const char *bad;

	buf_reset(out);
	metrics_print(&m, out);
	assert_int_equal(out->err, 0);
	bad = prom_check(buf_cstr(out));
	if (bad)
		fail_msg("%s", bad);
}

static void test_plain(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	struct counter c = { 0 }, most = { UINT64_MAX };
	struct gauge g = { 0 };
	const struct metric rows[] = {
		METRIC_COUNTER("a_counts", "how \"many\"\nand \\ why", &c),
		METRIC_COUNTER("b_counts", "most", &most),
		METRIC_GAUGE("g", "a gauge", &g),
	};

	(void)state;
	counter_inc(&c);
	counter_add(&c, 41);
	gauge_set(&g, 0.1);
	gauge_add(&g, -2.6);
	print(rows, ARRAY_LEN(rows), &out);
	assert_string_equal(buf_cstr(&out), "# HELP a_counts how \"many\"\\nand \\\\ why\n"
					    "# TYPE a_counts counter\n"
					    "a_counts 42\n"
					    "# HELP b_counts most\n"
					    "# TYPE b_counts counter\n"
					    "b_counts 18446744073709551615\n"
					    "# HELP g a gauge\n"
					    "# TYPE g gauge\n"
					    "g -2.5\n");
}

static void test_numbers(void **state)
{
	static const struct {
		double v;
		const char *want;
	} rows[] = {
		{ 0, "g 0\n" },           { -0.25, "g -0.25\n" },
		{ 0.1, "g 0.1\n" },       { 0.1 + 0.2, "g 0.30000000000000004\n" },
		{ 1e300, "g 1e+300\n" },  { 1732341600, "g 1732341600\n" },
		{ INFINITY, "g +Inf\n" }, { -INFINITY, "g -Inf\n" },
		{ NAN, "g NaN\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
		struct gauge g = { 0 };
		const struct metric m[] = { METRIC_GAUGE("g", "x", &g) };

		gauge_set(&g, rows[i].v);
		print(m, 1, &out);
		if (strcmp(strrchr(buf_cstr(&out), 'g'), rows[i].want) != 0)
			fail_msg("row %zu: %s, want %s", i, buf_cstr(&out), rows[i].want);
	}
}

static double forty(void *arg)
{
	return 40 + *(int *)arg;
}

static void test_labels(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	struct counter add = { 1 }, del = { 2 };
	int two = 2;
	const struct metric rows[] = {
		METRIC_COUNTER("c", "x", &add, .label = { { "verb", "add" }, { "code", "200" } }),
		METRIC_COUNTER("c", "x", &del, .label = { { "verb", "d\"e\\l\n\xff ü" } }),
		METRIC_READ("r", "x", forty, .arg = &two, .label = { { "empty", "" } }),
	};

	(void)state;
	print(rows, ARRAY_LEN(rows), &out);
	assert_string_equal(buf_cstr(&out), "# HELP c x\n# TYPE c counter\n"
					    "c{verb=\"add\",code=\"200\"} 1\n"
					    "c{verb=\"d\\\"e\\\\l\\n\xef\xbf\xbd ü\"} 2\n"
					    "# HELP r x\n# TYPE r gauge\nr{empty=\"\"} 42\n");
}

static const struct metrics_buckets three = { 3, { 0.5, 1, 2 } };

static void test_histogram(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	struct histogram h = HISTOGRAM_INIT(three), other = HISTOGRAM_INIT(three);
	const struct metric rows[] = {
		METRIC_HISTOGRAM("h", "x", &h, .label = { { "a", "b" } }),
		METRIC_HISTOGRAM("h", "x", &other),
	};

	(void)state;
	histogram_observe(&h, 0.25);
	histogram_observe(&h, 0.5); /* a bound is in its bucket */
	histogram_observe(&h, 1.5);
	histogram_observe(&h, 1000);
	print(rows, ARRAY_LEN(rows), &out);
	assert_string_equal(buf_cstr(&out), "# HELP h x\n# TYPE h histogram\n"
					    "h_bucket{a=\"b\",le=\"0.5\"} 2\n"
					    "h_bucket{a=\"b\",le=\"1\"} 2\n"
					    "h_bucket{a=\"b\",le=\"2\"} 3\n"
					    "h_bucket{a=\"b\",le=\"+Inf\"} 4\n"
					    "h_sum{a=\"b\"} 1002.25\n"
					    "h_count{a=\"b\"} 4\n"
					    "h_bucket{le=\"0.5\"} 0\n"
					    "h_bucket{le=\"1\"} 0\n"
					    "h_bucket{le=\"2\"} 0\n"
					    "h_bucket{le=\"+Inf\"} 0\n"
					    "h_sum 0\n"
					    "h_count 0\n");
}

#define GAUGE(name, v) "# HELP " name " x\n# TYPE " name " gauge\n" name " " v "\n"
#define TIMES(average, max, min, latest) \
	GAUGE("t_average_duration_seconds", average) \
	GAUGE("t_max_duration_seconds", max) \
	GAUGE("t_min_duration_seconds", min) \
	GAUGE("t_latest_duration_seconds", latest) "# HELP t_duration_seconds x\n"

static void test_timing(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	struct timing t = TIMING_INIT(metrics_slow);
	const struct metric rows[] = { METRIC_TIMING("t_*duration_seconds", "x", &t) };
	const char *never = TIMES("0", "0", "0", "0"), *twice = TIMES("1", "1.5", "0.5", "0.5");

	(void)state;
	print(rows, 1, &out);
	assert_memory_equal(buf_cstr(&out), never, strlen(never));
	timing_observe(&t, 1.5);
	timing_observe(&t, 0.5);
	print(rows, 1, &out);
	assert_memory_equal(buf_cstr(&out), twice, strlen(twice));
	assert_string_equal(buf_cstr(&out) + strlen(twice), "# TYPE t_duration_seconds histogram\n"
							    "t_duration_seconds_bucket{le=\"0.1\"} 0\n"
							    "t_duration_seconds_bucket{le=\"0.3\"} 0\n"
							    "t_duration_seconds_bucket{le=\"0.5\"} 1\n"
							    "t_duration_seconds_bucket{le=\"1\"} 1\n"
							    "t_duration_seconds_bucket{le=\"3\"} 2\n"
							    "t_duration_seconds_bucket{le=\"5\"} 2\n"
							    "t_duration_seconds_bucket{le=\"7\"} 2\n"
							    "t_duration_seconds_bucket{le=\"10\"} 2\n"
							    "t_duration_seconds_bucket{le=\"15\"} 2\n"
							    "t_duration_seconds_bucket{le=\"+Inf\"} 2\n"
							    "t_duration_seconds_sum 2\n"
							    "t_duration_seconds_count 2\n");
}

/* ---- many threads ---- */

#define THREADS 4
#define EACH    20000

static struct counter counted;
static struct gauge moved;
static struct timing timed = TIMING_INIT(metrics_fine);
static const struct metric shared[] = {
	METRIC_COUNTER("c", "x", &counted),
	METRIC_GAUGE("g", "x", &moved),
	METRIC_TIMING("t_*s", "x", &timed),
};

static void *count(void *arg)
{
	for (int i = 0; i < EACH; i++) {
		counter_inc(&counted);
		gauge_add(&moved, i % 2 ? -0.5 : 1);
		timing_observe(&timed, 0.25 * (double)(1 + i % 4 + (intptr_t)arg));
	}
	return NULL;
}

static void test_threads(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	pthread_t t[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, count, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 50; i++)
		print(shared, ARRAY_LEN(shared), &out); /* agrees with itself meanwhile */
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	print(shared, ARRAY_LEN(shared), &out);
	/* of a thread: 0.625 and a quarter for its number on average; all sums are exact */
	assert_non_null(strstr(buf_cstr(&out), "\nc 80000\n"));
	assert_non_null(strstr(buf_cstr(&out), "\ng 20000\n"));
	assert_non_null(strstr(buf_cstr(&out), "\nt_average_s 1\n"));
	assert_non_null(strstr(buf_cstr(&out), "\nt_max_s 1.75\n"));
	assert_non_null(strstr(buf_cstr(&out), "\nt_min_s 0.25\n"));
	assert_non_null(strstr(buf_cstr(&out), "\nt_s_sum 80000\n"));
	assert_non_null(strstr(buf_cstr(&out), "\nt_s_count 80000\n"));
}

/* The checker of this test sees what it is for. */
static void test_checker(void **state)
{
#define HEAD "# HELP a x\n# TYPE a counter\n"
#define HIST "# HELP h x\n# TYPE h histogram\n"
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ HEAD "a 1\n", NULL },
		{ HEAD "a 1", "no line end" },
		{ HEAD "a{b=\"\"} 1.5e+3\n", NULL },
		{ HEAD "a{b=\"\\\"\"} 1\n", NULL },
		{ HEAD "a{b=\"\\x\"} 1\n", "no sample" },
		{ HEAD "a{b=\"\"\"} 1\n", "no sample" },
		{ HEAD "a{b=c} 1\n", "no sample" },
		{ HEAD "a-b 1\n", "no sample" },
		{ HEAD "a x\n", "no sample" },
		{ HEAD "b 1\n", "another metric" },
		{ HEAD "ab 1\n", "another metric" },
		{ HEAD HEAD, "second HELP" },
		{ "a 1\n", "another metric" },
		{ "# HELP a x\na 1\n", "another metric" },
		{ "# HELP a x\n# TYPE b counter\n", "neither" },
		{ "# HELP a x\n# TYPE a count\n", "neither" },
		{ HIST "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", NULL },
		{ HIST "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n", "less than" },
		{ HIST "h_bucket{le=\"1\"} 1\nh_sum 1\n", "no bucket of +Inf" },
		{ HIST "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "_count" },
		{ HIST "h 1\n", "a histogram has" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = prom_check(rows[i].text);

		if (!got != !rows[i].why || (got && !strstr(got, rows[i].why)))
			fail_msg("row %zu: %s, want %s", i, got ? got : "fine", rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),   cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_labels),  cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_timing),  cmocka_unit_test(test_threads),
		cmocka_unit_test(test_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
