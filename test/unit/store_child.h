/* SPDX-License-Identifier: Apache-2.0 */
/* store_child.h - what a test of the store does in processes of its own: crash, wait, run out of things */
#ifndef TEST_STORE_CHILD_H
#define TEST_STORE_CHILD_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "store_util.h"

/* ---- children: cmocka must not run in them ---- */

#define MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# child, line %d: %s: %s\n", __LINE__, #what, err.msg); \
			_exit(99); \
		} \
	} while (0)

static __attribute__((unused)) pid_t start(void (*f)(void))
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		static const int cmockas[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
		const struct rlimit none = { 0, 0 };

		for (size_t i = 0; i < ARRAY_LEN(cmockas); i++)
			signal(cmockas[i], SIG_DFL);
		setrlimit(RLIMIT_CORE, &none);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		f();
		_exit(0);
	}
	return pid;
}

static __attribute__((unused)) int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static __attribute__((unused)) void check_child(void (*f)(void))
{
	assert_int_equal(finish(start(f)), 0);
}

static __attribute__((unused)) struct store *must_open(struct store_local_opts o)
{
	struct store *st;

	o.dir = dir;
	MUST(store_local_open(&o, soon(), &st, &err) == 0);
	return st;
}

static __attribute__((unused)) void must_verify(struct store *st)
{
	MUST(store_local_verify(st, false, print_finding, NULL, &err) == 0);
}

static __attribute__((unused)) int try_create(struct store *st, enum store_mode mode, const char *name,
					      const char *data, size_t len)
{
	const struct store_op op = { .kind = STORE_IPPOOL, .name = name, .data = data, .len = len };
	int r = store_begin(st, mode, soon(), &err);

	return r < 0 ? r : store_commit(st, &op, 1, &err);
}

/* 1: read as it should be */
static __attribute__((unused)) int try_read(struct store *st, const char *name, const char *want)
{
	struct store_obj o;
	int r = store_begin(st, STORE_READ, soon(), &err);

	if (r == 0)
		r = store_get(st, STORE_IPPOOL, NULL, name, &o, &err);
	if (r == 1 && (o.len != strlen(want) || memcmp(o.data, want, o.len) != 0))
		r = -ENOMSG;
	store_end(st);
	return r;
}

/* ---- a store to begin with ---- */

static __attribute__((unused)) int setup(void **state)
{
	struct store *st;

	if (make_dir(state) < 0)
		return -1;
	st = open_store();
	create(st, STORE_IPPOOL, "a", "1");
	store_close(st);
	return 0;
}

static __attribute__((unused)) int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
