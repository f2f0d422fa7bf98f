/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_gauges.c - what the agent's metrics say of calls that went well and of those that did not; that
 * they are told of at all is shown by e2e/kube/50-agents.bats */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A part of the agent, not of the library. */
#include "../../cmd/agent/gauges.c"

#include <stdio.h>
#include <stdlib.h>

#include "prom.h"

static struct agent agent;
static struct buf text = BUF_INIT(BUF_MAX_DEFAULT);

static void print(void)
{
	const char *bad;

	buf_clear(&text);
	text.max = BUF_MAX_DEFAULT;
	gauges_print(&agent, &text);
	assert_int_equal(text.err, 0);
	bad = prom_check(buf_cstr(&text));
	if (bad)
		fail_msg("%s", bad);
}

/* The sample of this name and labels; negative: there is none. */
static double sample(const char *name)
{
	char want[256];
	const char *at;

	snprintf(want, sizeof(want), "\n" P "%s ", name);
	at = strstr(buf_cstr(&text), want);
	return at ? strtod(at + strlen(want), NULL) : -1;
}

static void add_ends(int sys)
{
	struct err e;

	if (sys)
		err_set(&e, sys, "it did not work");
	gauges_add(-sys, &e, 0.002);
}

static void test_adds(void **state)
{
	static const struct {
		int sys;
		const char *class; /* NULL: none */
	} rows[] = {
		{ 0, NULL },
		{ ENOSPC, "ip_used_out" },
		{ ENOENT, "no_available_pool" },
		{ ESTALE, "retries_exhausted" },
		{ ETIMEDOUT, "retries_exhausted" },
		{ EINVAL, NULL },
		{ EIO, "internal" },
		{ ECONNREFUSED, "internal" },
	};
	static const char *const classes[] = { "ip_used_out", "no_available_pool", "retries_exhausted",
					       "internal" };
	double of[ARRAY_LEN(classes)], before, failed;
	char name[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print();
		before = sample("ipam_allocation_counts");
		failed = sample("ipam_allocation_failure_counts");
		for (size_t c = 0; c < ARRAY_LEN(classes); c++) {
			snprintf(name, sizeof(name), "ipam_allocation_err_%s_counts", classes[c]);
			of[c] = sample(name);
			if (of[c] < 0)
				fail_msg("there is no %s", name);
		}
		add_ends(rows[i].sys);
		print();
		if (sample("ipam_allocation_counts") != before + 1 ||
		    sample("ipam_allocation_failure_counts") != failed + (rows[i].sys != 0))
			fail_msg("row %zu: ADDs or those that failed", i);
		for (size_t c = 0; c < ARRAY_LEN(classes); c++) {
			bool is = rows[i].class && strcmp(rows[i].class, classes[c]) == 0;

			snprintf(name, sizeof(name), "ipam_allocation_err_%s_counts", classes[c]);
			if (sample(name) != of[c] + is)
				fail_msg("row %zu: %s is %g, was %g", i, name, sample(name), of[c]);
		}
	}
	assert_true(sample("agent_add_seconds_count") == sample("ipam_allocation_counts"));
	assert_true(sample("agent_add_seconds_bucket{le=\"0.001\"}") == 0);
	assert_true(sample("agent_add_seconds_bucket{le=\"0.0025\"}") == sample("ipam_allocation_counts"));
}

static void test_releases(void **state)
{
	struct err e;

	(void)state;
	gauges_release(0.001);
	gauges_release(0.001);
	err_set(&e, ETIMEDOUT, "late");
	gauges_release_failed(&e);
	print();
	assert_true(sample("ipam_release_counts") == 2);
	assert_true(sample("ipam_release_failure_counts") == 1);
	assert_true(sample("ipam_release_err_retries_exhausted_counts") == 1);
	assert_true(sample("ipam_release_err_internal_counts") == 0);
	err_set(&e, EIO, "broken");
	gauges_release_failed(&e);
	print();
	assert_true(sample("ipam_release_failure_counts") == 2);
	assert_true(sample("ipam_release_err_internal_counts") == 1);
}

/* What the API server takes. */
static void test_times(void **state)
{
	(void)state;
	gauges_commit(0.004, NULL);
	gauges_api("PUT", 0.004, NULL);
	gauges_api("PUT", 0.2, NULL);
	gauges_api("GET", 0.0004, NULL);
	gauges_wait(false, 0.03);
	gauges_wait(true, 0.0001);
	print();
	assert_true(sample("agent_commit_seconds_count") == 1);
	assert_true(sample("agent_api_seconds_count{verb=\"PUT\"}") == 2);
	assert_true(sample("agent_api_seconds_bucket{verb=\"PUT\",le=\"0.005\"}") == 1);
	assert_true(sample("agent_api_seconds_bucket{verb=\"GET\",le=\"0.0005\"}") == 1);
	assert_true(sample("agent_api_seconds_count{verb=\"DELETE\"}") == 0);
	assert_true(sample("agent_queue_seconds_count") == 2);
	buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adds),
		cmocka_unit_test(test_releases),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
