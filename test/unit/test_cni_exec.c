/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, execve() of what cannot run fails differently there */
/* test_cni_exec.c - running plugins that behave and plugins that do not; delegation */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/delegate.h"
#include "cni/env.h"
#include "cni/exec.h"
#include "cnilab.h"

#define LONG_MS 60000 /* nothing here takes that long */

static const char *const path_only[] = { "PATH=/usr/bin:/bin", NULL };

static int run_in(const char *program, const char *in, size_t in_len, int ms, int err_fd, struct buf *out,
		  struct err *e)
{
	const struct cni_exec x = {
		.program = program,
		.envp = (char *const *)path_only,
		.in = in,
		.in_len = in_len,
		.deadline = deadline_in(ms),
		.err_fd = err_fd,
	};

	return cni_exec_run(&x, out, e);
}

static int run(const char *body, int ms, struct buf *out, struct err *e)
{
	lab_script("p", body);
	return run_in(lab_path("p"), "request", 7, ms, -1, out, e);
}

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Neither running nor stopped; a zombie that nobody reaps counts as dead. */
static bool is_dead(const char *pid_file)
{
	CLEANUP(free_p) char *pid = lab_read(pid_file);
	char path[64], text[256] = "", *state;
	int fd;

	if (!*pid)
		return false;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	state = strrchr(text, ')');
	return !state || state[2] == 'Z' || state[2] == 'X';
}

static bool dies(const char *pid_file)
{
	for (int i = 0; i < 1000 && !is_dead(pid_file); i++)
		poll(NULL, 0, 10);
	return is_dead(pid_file);
}

static void kill_by_file(const char *pid_file)
{
	CLEANUP(free_p) char *pid = lab_read(pid_file);

	if (atol(pid) > 1)
		kill((pid_t)atol(pid), SIGKILL);
}

/* ---- finding ---- */

static void programs_are_found(void **arg)
{
	static const struct {
		const char *type, *path; /* "@" is the directory */
		const char *want;        /* below the directory; NULL: an error */
		int sys;
	} rows[] = {
		{ "x", "@/a:@/b", "b/x", 0 },
		{ "y", "@/a:@/b", "a/y", 0 }, /* the first */
		{ "y", "@/b:@/a", "b/y", 0 },
		{ "y", "::@/b::", "b/y", 0 },
		{ "y", "@/none:@/b", "b/y", 0 },
		{ "d", "@/a:@/b", "b/d", 0 }, /* a directory of that name is passed over */
		{ "z", "@/a:@/b", NULL, ENOENT },
		{ "x", "", NULL, ENOENT },
		{ "", "@/a", NULL, EINVAL },
		{ "../b/x", "@/a", NULL, EINVAL },
		{ "..", "@/a", NULL, ENOENT },
	};
	struct err e;

	(void)arg;
	assert_int_equal(file_mkdirs(lab_path("a/d"), 0755, &e), 0);
	assert_int_equal(file_mkdirs(lab_path("b"), 0755, &e), 0);
	lab_write("b/x", 0755, "");
	lab_write("a/y", 0755, "");
	lab_write("b/y", 0755, "");
	lab_write("b/d", 0755, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf path = BUF_INIT(PATH_MAX);
		CLEANUP(free_p) char *found = NULL;
		int r;

		for (const char *p = rows[i].path; *p; p++)
			buf_fmt(&path, "%.*s", *p == '@' ? (int)sizeof(lab_dir) : 1, *p == '@' ? lab_dir : p);
		r = cni_find_program(rows[i].type, buf_cstr(&path), &found, &e);
		if (rows[i].want && (r != 0 || strcmp(found, lab_path(rows[i].want)) != 0))
			fail_msg("%s in %s: %s", rows[i].type, rows[i].path, r ? e.msg : found);
		if (!rows[i].want && (r != -rows[i].sys || e.cni != ERR_CONFIG || found))
			fail_msg("%s in %s: %d", rows[i].type, rows[i].path, r);
	}
}

/* ---- how a plugin ends ---- */

#define BAD_DOC "failed with exit status 4, and what it printed is no error document: not json"

static const struct end_row {
	const char *name, *body;
	int ms;
	int code;         /* 0: success */
	const char *text; /* its output, or what is in the sentence */
} end_rows[] = {
	{ "echo", "cat; echo $PATH", LONG_MS, 0, "request/usr/bin:/bin\n" },
	{ "stdin can be opened again", "cat /dev/stdin", LONG_MS, 0, "request" },
	{ "nothing", "", LONG_MS, 0, "" },
	{ "stderr is not the output", "echo x >&2; echo y", LONG_MS, 0, "y\n" },
	{ "its error", "echo '{\"code\":7,\"msg\":\"m\",\"details\":\"d\"}'; echo noise >&2; exit 1", LONG_MS,
	  7, "m; d" },
	{ "its error, any status", "echo '{\"code\":11,\"msg\":\"m\"}'; exit 77", LONG_MS, 11, "m" },
	{ "only stderr", "echo oops >&2; exit 3", LONG_MS, 999, "failed with exit status 3: oops" },
	{ "nothing at all", "exit 2", LONG_MS, 999, "failed without an error message: exit status 2" },
	{ "no document", "echo not json; exit 4", LONG_MS, 999, BAD_DOC },
	{ "a signal", "kill -9 $$", LONG_MS, 999, "failed without an error message: signal 9" },
	{ "SIGPIPE kills as usual", "kill -13 $$; exit 0", LONG_MS, 999, "signal 13" },
	{ "closes its output and goes on", "exec >&- 2>&-; sleep 0.2; exit 5", LONG_MS, 999,
	  "exit status 5" },
	{ "closes its output and succeeds", "echo a; exec >&- 2>&-; sleep 0.2", LONG_MS, 0, "a\n" },
	{ "too late", "sleep 1000", 300, ERR_TRY_AGAIN, "did not end in time and was killed" },
	{ "too late and talking", "while :; do echo x >&2; done", 300, ERR_TRY_AGAIN, "did not end in time" },
	{ "ignores SIGTERM", "trap '' TERM; sleep 1000", 300, ERR_TRY_AGAIN, "did not end in time" },
	{ "talks too much", "exec yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LONG_MS, ERR_IO,
	  "printed more than" },
};

static void every_end_is_understood(void **arg)
{
	int before = open_files();

	(void)arg;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_LEN(end_rows); i++) {
		const struct end_row *row = &end_rows[i];
		CLEANUP(buf_clear) struct buf out = { 0 };
		struct err e = { 0 };
		int r = run(row->body, row->ms, &out, &e);

		if (row->code == 0 && (r != 0 || strcmp(buf_cstr(&out), row->text) != 0))
			fail_msg("%s: %s", row->name, r ? e.msg : buf_cstr(&out));
		if (row->code && (r >= 0 || e.cni != row->code || !strstr(e.msg, row->text)))
			fail_msg("%s: %d, code %d, %s", row->name, r, e.cni, e.msg);
	}
	assert_int_equal(open_files(), before);
}

static void what_is_not_read_does_not_block(void **arg)
{
	size_t len = CNI_CONF_TEXT_MAX;
	CLEANUP(free_p) char *in = malloc(len);
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err e;

	(void)arg;
	memset(in, 'x', len);
	lab_script("p", "exit 0");
	assert_int_equal(run_in(lab_path("p"), in, len, LONG_MS, -1, &out, &e), 0);
	lab_script("p", "head -c 10 >/dev/null; echo done");
	assert_int_equal(run_in(lab_path("p"), in, len, LONG_MS, -1, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "done\n");
	lab_script("p", "wc -c");
	assert_int_equal(run_in(lab_path("p"), in, len, LONG_MS, -1, &out, &e), 0);
	assert_int_equal(atol(buf_cstr(&out)), (long)len);
}

static void the_group_is_killed(void **arg)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err e;

	(void)arg;
	assert_int_equal(run("echo $$ >$D/pid; sleep 1000 & echo $! >$D/child; wait", 500, &out, &e),
			 -ETIMEDOUT);
	assert_true(dies("pid"));
	assert_true(dies("child"));
}

/* What it leaves running has its stdout and stderr open; we are done when it has ended. */
static void children_left_behind_do_not_hold_us(void **arg)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err e;

	(void)arg;
	assert_int_equal(run("sleep 1000 & echo $! >$D/left; echo answer", LONG_MS, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "answer\n");
	assert_false(is_dead("left"));
	kill_by_file("left");
}

static void stderr_is_passed_on(void **arg)
{
	CLEANUP(close_p) int err = memfd_create("err", MFD_CLOEXEC);
	CLEANUP(buf_clear) struct buf out = { 0 };
	char text[64] = "";
	int fds[2];
	struct err e;

	(void)arg;
	lab_script("p", "echo one >&2; echo two >&2; echo out");
	assert_int_equal(run_in(lab_path("p"), "", 0, LONG_MS, err, &out, &e), 0);
	assert_int_equal(pread(err, text, sizeof(text) - 1, 0), 8);
	assert_string_equal(text, "one\ntwo\n");
	/* one that nobody reads, full: what does not fit is dropped, nothing blocks */
	assert_int_equal(pipe(fds), 0);
	lab_script("p", "head -c 1000000 /dev/zero >&2; echo out");
	assert_int_equal(run_in(lab_path("p"), "", 0, LONG_MS, fds[1], &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "out\n");
	close(fds[0]);
	lab_script("p", "echo lost >&2; echo out");
	assert_int_equal(run_in(lab_path("p"), "", 0, LONG_MS, fds[1], &out, &e), 0);
	close(fds[1]);
}

/* ---- what cannot be run ---- */

static void programs_that_cannot_run(void **arg)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err e;

	(void)arg;
	lab_write("plain", 0644, "#!/bin/sh\n");
	assert_int_equal(run_in(lab_path("plain"), "", 0, LONG_MS, -1, &out, &e), -EACCES);
	assert_int_equal(e.cni, ERR_IO);
	lab_write("lost", 0755, "#!/no/such/interpreter\n");
	assert_int_equal(run_in(lab_path("lost"), "", 0, LONG_MS, -1, &out, &e), -ENOENT);
	lab_write("text", 0755, "no program");
	assert_int_equal(run_in(lab_path("text"), "", 0, LONG_MS, -1, &out, &e), -ENOEXEC);
}

/* Somebody copies a new version over it: then it is tried again. */
static void busy_programs_are_tried_again(void **arg)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err e;
	int fd, status;
	pid_t pid;

	(void)arg;
	lab_script("p", "echo ran");
	fd = open(lab_path("p"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(run_in(lab_path("p"), "", 0, 200, -1, &out, &e), -ETXTBSY);
	assert_int_equal(e.cni, ERR_IO);
	pid = fork();
	if (pid == 0) {
		poll(NULL, 0, 300);
		_exit(0);
	}
	close(fd); /* the child still has it */
	assert_int_equal(run_in(lab_path("p"), "", 0, LONG_MS, -1, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "ran\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* ---- delegation ---- */

static const char request[] = "{\"cniVersion\":\"0.3.1\",  \"name\":\"n\"}"; /* two blanks: byte for byte */

static void make_call(struct cni_call *c, const char *const *envp, int ms)
{
	struct err e;

	*c = (struct cni_call){ .in = BUF_INIT(1000), .envp = (char *const *)envp, .err_fd = -1 };
	c->deadline = deadline_in(ms);
	buf_str(&c->in, request);
	assert_int_equal(cni_env_read(c->envp, &c->env, &e), 0);
	assert_int_equal(cni_conf_parse(request, strlen(request), &c->conf, NULL, &e), 0);
}

#define RECORD "cat >$D/in.$CNI_COMMAND; env | grep -e CNI -e OTHER | sort >$D/env.$CNI_COMMAND\n"
#define GOOD   "echo '{\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.5/24\"}]}'\n"

static const struct delegate_row {
	const char *name, *body;
	int ms;
	int code;          /* 0: success */
	const char *error; /* in the sentence */
	bool undone;
} delegate_rows[] = {
	{ "good", RECORD GOOD, LONG_MS, 0, NULL, false },
	{ "fails", RECORD "[ $CNI_COMMAND = DEL ] || { echo '{\"code\":11,\"msg\":\"later\"}'; exit 1; }",
	  LONG_MS, 11, "delegated plugin ipam: ADD: later", true },
	{ "prints rubbish", RECORD "echo rubbish", LONG_MS, ERR_DECODE,
	  "delegated plugin ipam: ADD: its result:1:", true },
	{ "prints nothing", RECORD, LONG_MS, ERR_DECODE, "its result", true },
	{ "has no address", RECORD "echo '{\"cniVersion\":\"0.3.1\"}'", LONG_MS, ERR_INTERNAL,
	  "IPAM plugin returned missing IP config", true },
	{ "hangs", RECORD "[ $CNI_COMMAND = DEL ] || sleep 1000", 500, ERR_TRY_AGAIN, "did not end in time",
	  true },
	{ "fails on DEL too", RECORD "echo '{\"code\":50,\"msg\":\"'$CNI_COMMAND'\"}'; exit 1", LONG_MS, 50,
	  "delegated plugin ipam: ADD: ADD", true },
};

static void delegate_row(const struct delegate_row *row, struct cni_call *c)
{
	CLEANUP(cni_result_clear) struct cni_result result = { 0 };
	CLEANUP(free_p) char *undone = NULL;
	struct err e = { 0 };
	int r;

	lab_script("ipam", row->body);
	unlink(lab_path("in.DEL"));
	r = cni_delegate_add(c, "ipam", &result, &e);
	if (row->code == 0 && (r != 0 || result.ips.n != 1))
		fail_msg("%s: %s", row->name, e.msg);
	if (row->code && (r >= 0 || e.cni != row->code || !strstr(e.msg, row->error) || result.ips.n))
		fail_msg("%s: code %d, %s", row->name, e.cni, e.msg);
	undone = lab_read("in.DEL");
	if (strcmp(undone, row->undone ? request : "") != 0)
		fail_msg("%s: DEL got \"%s\"", row->name, undone);
}

static void ipam_is_delegated_to(void **arg)
{
	char path[PATH_MAX];
	const char *const envp[] = { "PATH=/usr/bin:/bin",
				     "CNI_COMMAND=ADD",
				     "CNI_CONTAINERID=c1",
				     "CNI_NETNS=/n",
				     "CNI_IFNAME=eth0",
				     "CNI_ARGS=K8S_POD_NAME=p",
				     path,
				     "OTHER=1",
				     NULL };
	struct cni_call c;

	(void)arg;
	snprintf(path, sizeof(path), "CNI_PATH=/none:%s", lab_dir);
	for (size_t i = 0; i < ARRAY_LEN(delegate_rows); i++) {
		CLEANUP(free_p) char *in = NULL;

		make_call(&c, envp, delegate_rows[i].ms);
		delegate_row(&delegate_rows[i], &c);
		in = lab_read("in.ADD");
		assert_string_equal(in, request);
		cni_conf_clear(&c.conf);
		buf_clear(&c.in);
	}
}

static void verbs_are_forwarded(void **arg)
{
	static const enum cni_verb verbs[] = { CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS };
	char path[PATH_MAX], want[PATH_MAX + 200], file[32];
	const char *const envp[] = { "PATH=/usr/bin:/bin",
				     "CNI_COMMAND=DEL",
				     "CNI_CONTAINERID=c1",
				     "CNI_IFNAME=eth0",
				     "CNI_ARGS=A=1",
				     path,
				     "OTHER=1",
				     NULL };
	struct cni_call c;
	struct err e;

	(void)arg;
	snprintf(path, sizeof(path), "CNI_PATH=%s", lab_dir);
	make_call(&c, envp, LONG_MS);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *verb = cni_verb_text(verbs[i]);
		CLEANUP(free_p) char *in = NULL;
		CLEANUP(free_p) char *env = NULL;

		lab_script("ipam", RECORD);
		assert_int_equal(cni_delegate(&c, verbs[i], "ipam", &e), 0);
		snprintf(file, sizeof(file), "in.%s", verb);
		in = lab_read(file);
		assert_string_equal(in, request);
		snprintf(file, sizeof(file), "env.%s", verb);
		env = lab_read(file);
		snprintf(want, sizeof(want),
			 "CNI_ARGS=A=1\nCNI_COMMAND=%s\nCNI_CONTAINERID=c1\nCNI_IFNAME=eth0\n%s\nOTHER=1",
			 verb, path);
		assert_string_equal(env, want);
		lab_script("ipam", "echo '{\"code\":51,\"msg\":\"limited\"}'; exit 1");
		assert_true(cni_delegate(&c, verbs[i], "ipam", &e) < 0);
		assert_int_equal(e.cni, ERR_LIMITED);
		assert_true(cni_delegate(&c, verbs[i], "none", &e) < 0);
		assert_int_equal(e.cni, ERR_CONFIG);
	}
	cni_conf_clear(&c.conf);
	buf_clear(&c.in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_found),
		cmocka_unit_test(every_end_is_understood),
		cmocka_unit_test(what_is_not_read_does_not_block),
		cmocka_unit_test(the_group_is_killed),
		cmocka_unit_test(children_left_behind_do_not_hold_us),
		cmocka_unit_test(stderr_is_passed_on),
		cmocka_unit_test(programs_that_cannot_run),
		cmocka_unit_test(busy_programs_are_tried_again),
		cmocka_unit_test(ipam_is_delegated_to),
		cmocka_unit_test(verbs_are_forwarded),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
