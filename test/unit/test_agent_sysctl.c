/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no namespaces */
/* test_agent_sysctl.c - link: -Wl,--wrap=sysctl_get,--wrap=sysctl_set */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netlab.h"

/* A part of the agent, not of the library. */
#include "../../cmd/agent/sysctl.c"

/* A kernel that is made up, or none: the real one. */
static struct {
	bool on;
	const char *thresh, *forwarding; /* NULL: there is none; "!": may not be written */
	char set[512];
} fake;

int __real_sysctl_get(const struct netspace *s, const char *path, char ret[SYSCTL_TEXT_MAX], struct err *e);
int __wrap_sysctl_get(const struct netspace *s, const char *path, char ret[SYSCTL_TEXT_MAX], struct err *e);
int __real_sysctl_set(const struct netspace *s, const char *path, const char *value, struct err *e);
int __wrap_sysctl_set(const struct netspace *s, const char *path, const char *value, struct err *e);

static const char *faked(const char *path)
{
	return strstr(path, "thresh") ? fake.thresh : strstr(path, "forwarding") ? fake.forwarding : "1";
}

int __wrap_sysctl_get(const struct netspace *s, const char *path, char ret[SYSCTL_TEXT_MAX], struct err *e)
{
	if (!fake.on)
		return __real_sysctl_get(s, path, ret, e);
	if (!faked(path))
		return err_sys(e, ENOENT, "%s", path);
	snprintf(ret, SYSCTL_TEXT_MAX, "%s", faked(path));
	return 0;
}

int __wrap_sysctl_set(const struct netspace *s, const char *path, const char *value, struct err *e)
{
	size_t n = strlen(fake.set);

	if (!fake.on)
		return __real_sysctl_set(s, path, value, e);
	if (*faked(path) == '!')
		return err_sys(e, EROFS, "%s", path);
	snprintf(fake.set + n, sizeof(fake.set) - n, "%s=%s ", path, value);
	return 0;
}

static char said[1024];

static void note(const char *sentence, void *arg)
{
	assert_ptr_equal(arg, &fake);
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", sentence);
}

static int tune(const struct netspace *s, struct err *e)
{
	said[0] = fake.set[0] = '\0';
	return agent_tune_sysctls(s, note, &fake, e);
}

static void test_made_up(void **state)
{
	static const struct {
		const char *thresh, *forwarding;
		int r;
		const char *set, *said;
	} rows[] = {
		{ "28160", "1", 0, "ipv4/conf/all/rp_filter=0 ",
		  "sysctl ipv4/conf/all/rp_filter: was 1, is 0 now\n" },
		{ "1024", "1", 0,
		  "ipv4/neigh/default/gc_thresh3=28160 ipv6/neigh/default/gc_thresh3=28160 "
		  "ipv4/conf/all/rp_filter=0 ",
		  "sysctl ipv4/neigh/default/gc_thresh3: was 1024, is 28160 now\n"
		  "sysctl ipv6/neigh/default/gc_thresh3: was 1024, is 28160 now\n"
		  "sysctl ipv4/conf/all/rp_filter: was 1, is 0 now\n" },
		{ "100000", "0", 0,
		  "ipv4/conf/all/forwarding=1 ipv6/conf/all/forwarding=1 ipv4/conf/all/rp_filter=0 ",
		  "sysctl ipv4/conf/all/forwarding: was 0, is 1 now\n"
		  "sysctl ipv6/conf/all/forwarding: was 0, is 1 now\n"
		  "sysctl ipv4/conf/all/rp_filter: was 1, is 0 now\n" },
		{ NULL, "1", 0, "ipv4/conf/all/rp_filter=0 ",
		  "sysctl ipv4/neigh/default/gc_thresh3: this kernel has none here, left out\n"
		  "sysctl ipv6/neigh/default/gc_thresh3: this kernel has none here, left out\n"
		  "sysctl ipv4/conf/all/rp_filter: was 1, is 0 now\n" },
		/* the others are made all the same */
		{ "28160", "!", -EROFS, "ipv4/conf/all/rp_filter=0 ",
		  "sysctl ipv4/conf/all/rp_filter: was 1, is 0 now\n" },
	};
	const struct netspace none = { 0 };

	(void)state;
	fake.on = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		int r;

		fake.thresh = rows[i].thresh;
		fake.forwarding = rows[i].forwarding;
		r = tune(&none, &e);
		if (r != rows[i].r || strcmp(fake.set, rows[i].set) != 0 || strcmp(said, rows[i].said) != 0)
			fail_msg("row %zu: %d %s\nset %s\nsaid %s", i, r, e.msg, fake.set, said);
		if (r < 0)
			assert_string_equal(e.msg, "ipv4/conf/all/forwarding: Read-only file system");
	}
}

static void test_kernel(void **state)
{
	static const char *const want[] = {
		"ipv4/conf/all/arp_notify", "1", "ipv4/conf/all/forwarding", "1",
		"ipv6/conf/all/forwarding", "1", "ipv4/conf/all/rp_filter",  "0"
	};
	struct netspace s;
	struct err e;

	(void)state;
	fake.on = false;
	assert_int_equal(netspace_open(-1, "node", &s, &e), 0);
	assert_int_equal(sysctl_set(&s, "ipv4/conf/all/rp_filter", "2", &e), 0);
	if (tune(&s, &e) < 0)
		fail_msg("%s", e.msg);
	assert_non_null(strstr(said, "ipv4/conf/all/rp_filter: was 2, is 0 now"));
	for (size_t i = 0; i < ARRAY_LEN(want); i += 2) {
		char value[SYSCTL_TEXT_MAX];

		assert_int_equal(sysctl_get(&s, want[i], value, &e), 0);
		assert_string_equal(value, want[i + 1]);
	}
	assert_int_equal(tune(&s, &e), 0);
	assert_null(strstr(said, "is 0 now")); /* nothing is left to do */
	netspace_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_made_up), cmocka_unit_test(test_kernel) };

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
