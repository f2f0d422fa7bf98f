/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_env.c - versions, verbs and the environment of a plugin */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/env.h"

static void versions_are_ordered_by_number(void **arg)
{
	static const struct {
		const char *a, *b;
		int want;
	} rows[] = {
		{ "0.1.0", "0.1.0", 0 },  { "0.3.1", "0.3.0", 1 },  { "0.4.0", "1.0.0", -1 },
		{ "0.10.0", "0.9.9", 1 }, { "1.1.0", "1.0.10", 1 }, { "2.0.0", "1.1.0", 1 },
		{ "01.1.0", "1.1.0", 0 },
	};
	static const char *const bad[] = { "",      "1",      "1.0",  "1.0.0.0",     "1.0.0-rc1", "v1.0.0",
					   "1.0.x", " 1.0.0", "1..0", "1000000.0.0", "1.0.0 " };
	struct err e;
	int r;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cni_version_compare(rows[i].a, rows[i].b, &r, &e), 0);
		if (r != rows[i].want)
			fail_msg("%s against %s: %d", rows[i].a, rows[i].b, r);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (cni_version_compare("1.0.0", bad[i], &r, &e) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	for (int v = 0; v < CNI_VERSION_MAX; v++) {
		const char *text = cni_version_text((enum cni_version)v);

		assert_int_equal(cni_version_find(text), v);
		assert_non_null(strstr(cni_version_list(), text));
		if (v) {
			cni_version_compare(text, cni_version_text((enum cni_version)(v - 1)), &r, &e);
			assert_int_equal(r, 1);
		}
	}
	assert_int_equal(cni_version_find("0.5.0"), -EINVAL);
}

static void each_verb_has_its_version(void **arg)
{
	static const enum cni_version since[CNI_VERB_MAX] = {
		[CNI_ADD] = CNI_V010, [CNI_DEL] = CNI_V010,    [CNI_CHECK] = CNI_V040,
		[CNI_GC] = CNI_V110,  [CNI_STATUS] = CNI_V110, [CNI_VERSION] = CNI_V010,
	};
	struct err e;

	(void)arg;
	for (int verb = 0; verb < CNI_VERB_MAX; verb++) {
		assert_int_equal(cni_verb_find(cni_verb_text((enum cni_verb)verb)), verb);
		for (int v = 0; v < CNI_VERSION_MAX; v++) {
			int want = (enum cni_version)v >= since[verb] ? 0 : -EPROTONOSUPPORT;

			e = (struct err){ 0 };
			if (cni_verb_allowed((enum cni_verb)verb, (enum cni_version)v, &e) != want)
				fail_msg("%s with %s", cni_verb_text((enum cni_verb)verb),
					 cni_version_text((enum cni_version)v));
			assert_int_equal(e.cni, want ? ERR_VERSION : 0);
		}
	}
	assert_int_equal(cni_verb_find("add"), -EINVAL);
	assert_int_equal(cni_verb_find(""), -EINVAL);
}

#define C    "CNI_CONTAINERID=c1"
#define N    "CNI_NETNS=/n"
#define I    "CNI_IFNAME=eth0"
#define P    "CNI_PATH=/p"
#define V(x) "CNI_COMMAND=" x

static const struct env_row {
	const char *name;
	const char *vars[8];
	const char *missing; /* must be in the sentence; NULL: it is fine */
	const char *absent;  /* must not be in it */
} env_rows[] = {
	{ "ADD", { V("ADD"), C, N, I, P }, NULL, NULL },
	{ "ADD without path", { V("ADD"), C, N, I }, NULL, NULL },
	{ "ADD without netns", { V("ADD"), C, I, P }, "CNI_NETNS is missing", "CNI_IFNAME" },
	{ "ADD without anything",
	  { V("ADD") },
	  "environment of ADD: CNI_CONTAINERID is missing, CNI_NETNS is missing, CNI_IFNAME is missing",
	  "CNI_PATH" },
	{ "empty counts as missing",
	  { V("ADD"), "CNI_CONTAINERID=", N, I },
	  "CNI_CONTAINERID is missing",
	  "CNI_NETNS" },
	{ "CHECK without netns", { V("CHECK"), C, I, P }, "CNI_NETNS is missing", NULL },
	{ "DEL without netns", { V("DEL"), C, I, P }, NULL, NULL },
	{ "DEL without ifname", { V("DEL"), C, N, P }, "CNI_IFNAME is missing", "CNI_NETNS" },
	{ "GC", { V("GC"), P }, NULL, NULL },
	{ "GC without path", { V("GC") }, "CNI_PATH is missing", "CNI_CONTAINERID" },
	{ "GC does not look at the rest", { V("GC"), P, "CNI_IFNAME=a/b", "CNI_CONTAINERID=:" }, NULL, NULL },
	{ "STATUS", { V("STATUS") }, NULL, NULL },
	{ "VERSION", { V("VERSION"), "CNI_CONTAINERID=-" }, NULL, NULL },
	{ "unknown verb", { V("UPDATE"), C, N, I }, "unknown CNI_COMMAND \"UPDATE\"", NULL },
	{ "verb in small letters", { V("add"), C, N, I }, "unknown CNI_COMMAND \"add\"", NULL },
	{ "no verb", { C, N, I }, "CNI_COMMAND is missing", NULL },
	{ "bad container",
	  { V("ADD"), "CNI_CONTAINERID=-a", N, I },
	  "CNI_CONTAINERID is \"-a\", want",
	  "CNI_IFNAME" },
	{ "bad and missing",
	  { V("ADD"), "CNI_CONTAINERID=a b", I },
	  "CNI_CONTAINERID is \"a b\", want",
	  NULL },
	{ "bad and missing, second", { V("ADD"), "CNI_CONTAINERID=a b", I }, "CNI_NETNS is missing", NULL },
	{ "ifname with slash", { V("DEL"), C, "CNI_IFNAME=a/b" }, "CNI_IFNAME is \"a/b\"", NULL },
	{ "ifname too long", { V("DEL"), C, "CNI_IFNAME=0123456789abcdef" }, "CNI_IFNAME is", NULL },
	{ "ifname of 15", { V("DEL"), C, "CNI_IFNAME=0123456789abcde" }, NULL, NULL },
	{ "ifname dot", { V("DEL"), C, "CNI_IFNAME=." }, "CNI_IFNAME is \".\"", NULL },
	{ "ifname dots", { V("DEL"), C, "CNI_IFNAME=.." }, "CNI_IFNAME is \"..\"", NULL },
	{ "ifname three dots", { V("DEL"), C, "CNI_IFNAME=..." }, NULL, NULL },
	{ "ifname with colon", { V("DEL"), C, "CNI_IFNAME=eth0:1" }, "CNI_IFNAME", NULL },
	{ "ifname with blank", { V("DEL"), C, "CNI_IFNAME=eth 0" }, "CNI_IFNAME", NULL },
	{ "path too long",
	  { V("STATUS"), "CNI_PATH=:::::::::::::::::::::::::::::::::" },
	  "at most 32 directories",
	  NULL },
};

static void variables_are_checked_per_verb(void **arg)
{
	struct cni_env env;
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(env_rows); i++) {
		const struct env_row *row = &env_rows[i];
		int r = cni_env_read((char *const *)row->vars, &env, &e);

		if (!row->missing) {
			if (r != 0)
				fail_msg("%s: %s", row->name, e.msg);
			continue;
		}
		if (r >= 0 || e.cni != ERR_ENV || !strstr(e.msg, row->missing) ||
		    (row->absent && strstr(e.msg, row->absent)))
			fail_msg("%s: %d, code %d, %s", row->name, r, e.cni, r < 0 ? e.msg : "");
	}
}

static void values_arrive(void **arg)
{
	static const char *const vars[] = { "XCNI_COMMAND=DEL",
					    "CNI_COMMANDS=DEL",
					    V("ADD"),
					    V("DEL"),
					    "CNI_ARGS=A=B;C=D",
					    C,
					    N,
					    I,
					    P,
					    NULL };
	static const struct {
		const char *var;
		bool want;
	} rows[] = {
		{ "CNI_NETNS_OVERRIDE=1", true },    { "CNI_NETNS_OVERRIDE=TRUE", true },
		{ "CNI_NETNS_OVERRIDE=true", true }, { "CNI_NETNS_OVERRIDE=0", false },
		{ "CNI_NETNS_OVERRIDE=yes", false }, { "CNI_NETNS_OVERRIDE=", false },
	};
	struct cni_env env;
	struct err e;

	(void)arg;
	assert_int_equal(cni_env_read((char *const *)vars, &env, &e), 0);
	assert_int_equal(env.verb, CNI_ADD);
	assert_string_equal(env.container_id, "c1");
	assert_string_equal(env.netns, "/n");
	assert_string_equal(env.ifname, "eth0");
	assert_string_equal(env.args, "A=B;C=D");
	assert_string_equal(env.path, "/p");
	assert_false(env.netns_override);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const more[] = { V("STATUS"), rows[i].var, NULL };

		assert_int_equal(cni_env_read((char *const *)more, &env, &e), 0);
		if (env.netns_override != rows[i].want)
			fail_msg("%s", rows[i].var);
		assert_string_equal(env.container_id, "");
	}
}

static void names_are_checked(void **arg)
{
	static const struct {
		const char *name;
		bool want;
	} rows[] = {
		{ "a", true },    { "0", true },    { "a_b.c-d", true }, { "A9", true },
		{ "", false },    { "_a", false },  { ".a", false },     { "-a", false },
		{ "a/b", false }, { "a b", false }, { "a\n", false },    { "\303\244", false },
		{ "a:b", false },
	};
	char longest[CNI_NAME_MAX + 2];

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (cni_name_ok(rows[i].name) != rows[i].want)
			fail_msg("\"%s\"", rows[i].name);
	memset(longest, 'a', sizeof(longest));
	longest[CNI_NAME_MAX + 1] = '\0';
	assert_false(cni_name_ok(longest));
	longest[CNI_NAME_MAX] = '\0';
	assert_true(cni_name_ok(longest));
}

static void environment_is_replaced(void **arg)
{
	static const char *const envp[] = {
		"PATH=/bin", "CNI_COMMAND=ADD", "CNI_COMMANDS=x", "CNI_COMMAND=DEL", "NOEQUALS", "B=2", NULL
	};
	static const char *const set[] = { "CNI_COMMAND=CHECK", "NEW=1", NULL };
	static const char *const want[] = { "PATH=/bin", "CNI_COMMANDS=x",    "NOEQUALS",
					    "B=2",       "CNI_COMMAND=CHECK", "NEW=1" };
	char **out = NULL;
	struct err e;

	(void)arg;
	assert_int_equal(cni_env_with((char *const *)envp, set, &out, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		assert_string_equal(out[i], want[i]);
	assert_null(out[ARRAY_LEN(want)]);
	free(out);
}

static void own_netns_is_recognised(void **arg)
{
	char path[64];

	(void)arg;
	assert_true(cni_netns_is_own("/proc/self/ns/net"));
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)getpid());
	assert_true(cni_netns_is_own(path));
	assert_false(cni_netns_is_own("/proc/self/ns/mnt"));
	assert_false(cni_netns_is_own("/var/run/netns/not-there"));
	assert_false(cni_netns_is_own(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_ordered_by_number),
		cmocka_unit_test(each_verb_has_its_version),
		cmocka_unit_test(variables_are_checked_per_verb),
		cmocka_unit_test(values_arrive),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(environment_is_replaced),
		cmocka_unit_test(own_netns_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
