/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_plugin.c - the frame of a plugin: each version and verb, and every way to fail */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/plugin.h"

/* ---- a plugin that notes what it was called with ---- */

static struct {
	int calls;
	enum cni_verb verb;
	char netns[64], pod[64];
	int fail_code; /* 0: succeed */
	bool silent;   /* ADD prints nothing */
} seen;

static int note(struct cni_call *c, struct err *e)
{
	struct cni_result r = { 0 };
	struct ip_prefix p;
	int err;

	seen.calls++;
	seen.verb = c->env.verb;
	snprintf(seen.netns, sizeof(seen.netns), "%s", c->env.netns);
	snprintf(seen.pod, sizeof(seen.pod), "%s", c->args.pod_name ? c->args.pod_name : "");
	if (!seen.silent) {
		assert_int_equal(ip_prefix_parse("10.0.0.5/24", &p, e), 0);
		assert_int_equal(cni_result_add_ip(&r, p, (struct ip){ 0 }, -1, e), 0);
		err = cni_result_print(&r, c->conf.version, c->out, e);
		cni_result_clear(&r);
		if (err < 0)
			return err;
	}
	/* after something was printed: it must not come out */
	return seen.fail_code ? err_code(e, seen.fail_code, EIO, "it went wrong") : 0;
}

static const struct cni_plugin plugin = {
	.name = "test", .add = note, .del = note, .check = note, .gc = note, .status = note
};
static const struct cni_plugin add_only = { .name = "test", .add = note };

#define VARS_MAX 12
static const char *vars[VARS_MAX];

static void set_vars(const char *const *v)
{
	memset(vars, 0, sizeof(vars));
	for (size_t i = 0; v[i]; i++)
		vars[i] = v[i];
}

static void attachment(const char *command)
{
	set_vars((const char *const[]){ command, "CNI_CONTAINERID=c1", "CNI_NETNS=/run/no-such-netns",
					"CNI_IFNAME=eth0", "CNI_PATH=/bin", "CNI_ARGS=K8S_POD_NAME=p",
					NULL });
}

static int input(const char *text)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct cni_answer run(const struct cni_plugin *p, const char *text)
{
	CLEANUP(close_p) int in = input(text);
	struct cni_answer a = { 0 };

	cni_plugin_run(p, (char *const *)vars, &(struct cni_io){ in, -1 }, &a);
	return a;
}

/* Status 1 and an error document with this code and part of its sentence. */
static void expect_error(const char *row, struct cni_answer *a, int code, const char *msg)
{
	char want[32];

	snprintf(want, sizeof(want), "\"code\":%d,", code);
	if (a->status != 1 || a->err.len || !strstr(buf_cstr(&a->out), want) ||
	    !strstr(buf_cstr(&a->out), msg) || strncmp(buf_cstr(&a->out), "{\"cniVersion\":\"", 15) != 0)
		fail_msg("%s: status %d, %s", row, a->status, buf_cstr(&a->out));
	cni_answer_clear(a);
}

static void expect_nothing(const char *row, struct cni_answer *a)
{
	if (a->status || a->out.len || a->err.len)
		fail_msg("%s: status %d, %s", row, a->status, buf_cstr(&a->out));
	cni_answer_clear(a);
}

static int reset(void **arg)
{
	(void)arg;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

/* ---- each version and verb ---- */

#define GC_LIST ",\"cni.dev/valid-attachments\":[]"

static const struct {
	enum cni_verb verb;
	const char *var;
	enum cni_version since;
} verbs[] = {
	{ CNI_ADD, "CNI_COMMAND=ADD", CNI_V010 },       { CNI_DEL, "CNI_COMMAND=DEL", CNI_V010 },
	{ CNI_CHECK, "CNI_COMMAND=CHECK", CNI_V040 },   { CNI_GC, "CNI_COMMAND=GC", CNI_V110 },
	{ CNI_STATUS, "CNI_COMMAND=STATUS", CNI_V110 },
};

static void one_of_the_matrix(size_t verb, enum cni_version v)
{
	char text[128], name[32], want[64];
	struct cni_answer a;

	snprintf(name, sizeof(name), "%s %s", cni_verb_text(verbs[verb].verb), cni_version_text(v));
	snprintf(text, sizeof(text), "{\"cniVersion\":\"%s\",\"name\":\"n\"" GC_LIST "}",
		 cni_version_text(v));
	snprintf(want, sizeof(want), "{\"cniVersion\":\"%s\",\"ip%s", cni_version_text(v),
		 v < CNI_V030 ? "4" : "s");
	reset(NULL);
	attachment(verbs[verb].var);
	a = run(&plugin, text);
	if (v < verbs[verb].since) {
		expect_error(name, &a, ERR_VERSION, "set cniVersion to");
		assert_int_equal(seen.calls, 0);
		return;
	}
	if (seen.calls != 1 || seen.verb != verbs[verb].verb)
		fail_msg("%s: %d calls", name, seen.calls);
	if (verbs[verb].verb != CNI_ADD) {
		expect_nothing(name, &a);
		return;
	}
	if (a.status || strncmp(buf_cstr(&a.out), want, strlen(want)) != 0 || a.out.s[a.out.len - 1] != '\n')
		fail_msg("%s: %s", name, buf_cstr(&a.out));
	cni_answer_clear(&a);
}

static void every_verb_in_every_version(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		for (int v = 0; v < CNI_VERSION_MAX; v++)
			one_of_the_matrix(i, (enum cni_version)v);
}

static void missing_handlers_are_success(void **arg)
{
	(void)arg;
	for (size_t i = 1; i < ARRAY_LEN(verbs); i++) {
		struct cni_answer a;

		attachment(verbs[i].var);
		a = run(&add_only, "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"" GC_LIST "}");
		expect_nothing(verbs[i].var, &a);
	}
	assert_int_equal(seen.calls, 0);
}

/* A runtime may leave stdin open, closed or a terminal. */
static void version_does_not_touch_stdin(void **arg)
{
	int fds[2], ends[] = { -1, -1 };

	(void)arg;
	assert_int_equal(pipe(fds), 0);
	ends[0] = fds[0]; /* never closed at the other end */
	set_vars((const char *const[]){ "CNI_COMMAND=VERSION", NULL });
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct cni_answer a = { 0 };

		cni_plugin_run(&plugin, (char *const *)vars, &(struct cni_io){ ends[i], -1 }, &a);
		assert_int_equal(a.status, 0);
		assert_string_equal(
			buf_cstr(&a.out),
			"{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\","
			"\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
		cni_answer_clear(&a);
	}
	close(fds[0]);
	close(fds[1]);
}

static void without_a_command_it_says_what_it_is(void **arg)
{
	struct cni_answer a;

	(void)arg;
	set_vars((const char *const[]){ "CNI_COMMAND=", NULL });
	a = run(&plugin, "");
	assert_int_equal(a.status, 0);
	assert_int_equal(a.out.len, 0);
	assert_non_null(strstr(buf_cstr(&a.err), "CNI plugin test "));
	assert_non_null(strstr(buf_cstr(&a.err), "CNI protocol versions supported: 0.1.0, 0.2.0"));
	cni_answer_clear(&a);
}

/* ---- failures ---- */

static const struct fail_row {
	const char *name, *command, *more; /* more: one more variable, or NULL */
	const char *text;
	int code; /* 0: success */
	const char *msg;
} fail_rows[] = {
	{ "unknown verb", "CNI_COMMAND=UPDATE", NULL, "{}", ERR_ENV, "unknown CNI_COMMAND" },
	{ "environment before request", "CNI_COMMAND=ADD", "CNI_IFNAME=a/b", "{", ERR_ENV, "CNI_IFNAME" },
	{ "no request", "CNI_COMMAND=ADD", NULL, "", ERR_DECODE, "network configuration" },
	{ "no JSON", "CNI_COMMAND=DEL", NULL, "{", ERR_DECODE, "network configuration" },
	{ "no name", "CNI_COMMAND=ADD", NULL, "{}", ERR_CONFIG, "name is missing" },
	{ "version", "CNI_COMMAND=ADD", NULL, "{\"name\":\"n\",\"cniVersion\":\"9.0.0\"}", ERR_VERSION,
	  "\"details\":\"test supports 0.1.0, 0.2.0, " },
	{ "args of ADD", "CNI_COMMAND=ADD", "CNI_ARGS=FOO=1", "{\"name\":\"n\"}", ERR_ENV, "unknown FOO" },
	{ "args of DEL", "CNI_COMMAND=DEL", "CNI_ARGS=FOO=1;x;IP=y", "{\"name\":\"n\"}", 0, NULL },
	{ "GC without a list", "CNI_COMMAND=GC", NULL, "{\"name\":\"n\",\"cniVersion\":\"1.1.0\"}",
	  ERR_CONFIG, "cni.dev/valid-attachments" },
	{ "own netns, ADD", "CNI_COMMAND=ADD", "CNI_NETNS=/proc/self/ns/net", "{\"name\":\"n\"}", ERR_NETNS,
	  "/proc/self/ns/net" },
	{ "own netns, CHECK", "CNI_COMMAND=CHECK", "CNI_NETNS=/proc/self/ns/net",
	  "{\"name\":\"n\",\"cniVersion\":\"1.0.0\"}", ERR_NETNS, "own network namespace" },
	{ "own netns, DEL", "CNI_COMMAND=DEL", "CNI_NETNS=/proc/self/ns/net", "{\"name\":\"n\"}", 0, NULL },
};

static void failures_have_their_code(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(fail_rows); i++) {
		const struct fail_row *row = &fail_rows[i];
		struct cni_answer a;

		reset(NULL);
		attachment(row->command);
		if (row->more) /* the first of two counts */
			set_vars((const char *const[]){ row->command, row->more, "CNI_CONTAINERID=c1",
							"CNI_NETNS=/n", "CNI_IFNAME=eth0", NULL });
		a = run(&plugin, row->text);
		if (row->code) {
			expect_error(row->name, &a, row->code, row->msg);
			assert_int_equal(seen.calls, 0);
		} else {
			expect_nothing(row->name, &a);
			assert_int_equal(seen.calls, 1);
		}
	}
}

static void del_never_sees_our_own_netns(void **arg)
{
	static const struct {
		const char *netns, *override, *want;
	} rows[] = {
		{ "CNI_NETNS=/proc/self/ns/net", "X=1", "" },
		{ "CNI_NETNS=/proc/self/ns/net", "CNI_NETNS_OVERRIDE=1", "/proc/self/ns/net" },
		{ "CNI_NETNS=/proc/self/ns/net", "CNI_NETNS_OVERRIDE=True", "/proc/self/ns/net" },
		{ "CNI_NETNS=/proc/self/ns/mnt", "X=1", "/proc/self/ns/mnt" },
		{ "CNI_NETNS=/gone", "X=1", "/gone" },
		{ "X=2", "X=1", "" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cni_answer a;

		reset(NULL);
		set_vars((const char *const[]){ "CNI_COMMAND=DEL", rows[i].netns, rows[i].override,
						"CNI_CONTAINERID=c1", "CNI_IFNAME=eth0", NULL });
		a = run(&plugin, "{\"name\":\"n\"}");
		expect_nothing(rows[i].netns, &a);
		if (seen.calls != 1 || strcmp(seen.netns, rows[i].want) != 0)
			fail_msg("%s %s: \"%s\"", rows[i].netns, rows[i].override, seen.netns);
	}
}

static void handlers_fail_with_their_code(void **arg)
{
	static const int codes[] = { ERR_TRY_AGAIN, ERR_UNAVAILABLE, ERR_LIMITED, ERR_INTERNAL,
				     100,           ERR_VERSION };
	struct cni_answer a;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		for (size_t v = 0; v < ARRAY_LEN(verbs); v++) {
			seen.fail_code = codes[i];
			attachment(verbs[v].var);
			a = run(&plugin, "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"" GC_LIST "}");
			assert_null(strstr(buf_cstr(&a.out), "10.0.0.5"));
			assert_non_null(strstr(buf_cstr(&a.out), "{\"cniVersion\":\"1.1.0\""));
			expect_error(verbs[v].var, &a, codes[i], "it went wrong");
		}
	}
	seen.fail_code = 0;
	seen.silent = true;
	attachment("CNI_COMMAND=ADD");
	a = run(&plugin, "{\"cniVersion\":\"0.4.0\",\"name\":\"n\"}");
	assert_non_null(strstr(buf_cstr(&a.out), "{\"cniVersion\":\"0.4.0\""));
	expect_error("no result", &a, ERR_INTERNAL, "ADD made no result");
}

static void stdin_may_fail(void **arg)
{
	struct cni_answer a = { 0 };
	CLEANUP(free_p) char *big = malloc(CNI_CONF_TEXT_MAX + 2);

	(void)arg;
	attachment("CNI_COMMAND=ADD");
	cni_plugin_run(&plugin, (char *const *)vars, &(struct cni_io){ -1, -1 }, &a);
	expect_error("closed", &a, ERR_IO, "read stdin: Bad file descriptor");
	memset(big, ' ', CNI_CONF_TEXT_MAX + 1);
	big[CNI_CONF_TEXT_MAX + 1] = '\0';
	a = run(&plugin, big);
	expect_error("too large", &a, ERR_DECODE, "larger than the limit");
}

/* ---- the end of main() ---- */

/* Run in a child: neither the request nor the document may land in somebody else's file. */
static int with_closed_fds(void)
{
	struct cni_answer a = { 0 };
	int fd;

	for (fd = 0; fd < 3; fd++)
		close(fd);
	attachment("CNI_COMMAND=ADD");
	cni_plugin_run(&plugin, (char *const *)vars, &(struct cni_io){ STDIN_FILENO, STDERR_FILENO }, &a);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 3 || a.status != 1 || !strstr(buf_cstr(&a.out), "\"code\":6,"))
		return 10;
	a.status = 0;
	return cni_answer_write(&a, STDOUT_FILENO, STDERR_FILENO) == 1 ? 0 : 11;
}

static void closed_descriptors_do_no_harm(void **arg)
{
	pid_t pid = fork();
	int status;

	(void)arg;
	if (pid == 0)
		_exit(with_closed_fds());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void answers_are_written(void **arg)
{
	struct cni_answer a = { .out = BUF_INIT(100), .err = BUF_INIT(100), .status = 0 };
	CLEANUP(close_p) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CLEANUP(close_p) int out = memfd_create("out", MFD_CLOEXEC);
	CLEANUP(close_p) int err = memfd_create("err", MFD_CLOEXEC);
	char text[256] = "";
	int fds[2];

	(void)arg;
	buf_str(&a.out, "document\n");
	buf_str(&a.err, "about\n");
	assert_int_equal(cni_answer_write(&a, out, err), 0);
	assert_int_equal(pread(out, text, sizeof(text) - 1, 0), 9);
	assert_string_equal(text, "document\n");
	assert_int_equal(pread(err, text, sizeof(text) - 1, 0), 6);
	a.status = 1;
	assert_int_equal(cni_answer_write(&a, out, err), 1);
	a.status = 0;
	buf_clear(&a.err);
	assert_int_equal(ftruncate(err, 0), 0);
	assert_int_equal(lseek(err, 0, SEEK_SET), 0);
	assert_int_equal(cni_answer_write(&a, full, err), 1); /* ENOSPC */
	assert_true(pread(err, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "write stdout: No space left"));
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(cni_answer_write(&a, fds[1], fds[1]), 1); /* EPIPE, and no signal */
	close(fds[1]);
	assert_int_equal(cni_answer_write(&a, -1, -1), 1);
	cni_answer_clear(&a);
	assert_int_equal(cni_answer_write(&a, full, -1), 0); /* nothing to say */
}

static void without_memory_there_is_a_document_too(void **arg)
{
	struct cni_answer a = { .out = { .err = -ENOMEM }, .status = 1 };
	CLEANUP(close_p) int out = memfd_create("out", MFD_CLOEXEC);
	char text[256] = "";

	(void)arg;
	assert_int_equal(cni_answer_write(&a, out, -1), 1);
	assert_true(pread(out, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"out of memory\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_verb_in_every_version, reset),
		cmocka_unit_test_setup(missing_handlers_are_success, reset),
		cmocka_unit_test_setup(version_does_not_touch_stdin, reset),
		cmocka_unit_test_setup(without_a_command_it_says_what_it_is, reset),
		cmocka_unit_test_setup(failures_have_their_code, reset),
		cmocka_unit_test_setup(del_never_sees_our_own_netns, reset),
		cmocka_unit_test_setup(handlers_fail_with_their_code, reset),
		cmocka_unit_test_setup(stdin_may_fail, reset),
		cmocka_unit_test_setup(closed_descriptors_do_no_harm, reset),
		cmocka_unit_test_setup(answers_are_written, reset),
		cmocka_unit_test_setup(without_memory_there_is_a_document_too, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
