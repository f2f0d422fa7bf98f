/* SPDX-License-Identifier: Apache-2.0 */
/* exec.c - running another plugin */
#include "cni/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/error.h"

#define BUSY_MS      5000 /* how long a program may be "text file busy" */
#define BUSY_STEP_MS 100
#define KILL_MS      2000
#define TICK_MS      20 /* without pidfd_open(), before Linux 5.3 */

struct child {
	pid_t pid;
	int pidfd;    /* -1: not to be had */
	int out, err; /* our ends of its pipes; -1: at their end */
	int status;
	bool ended;
};

int cni_find_program(const char *type, const char *path, char **ret, struct err *e)
{
	struct stat st;

	*ret = NULL;
	if (!*type || strchr(type, '/'))
		return err_code(e, ERR_CONFIG, EINVAL, "plugin type \"%.64s\": want the name of a program",
				type);
	for (const char *p = path; *p; p += strspn(p, ":")) {
		size_t len = strcspn(p, ":");

		if (len && asprintf(ret, "%.*s/%s", (int)len, p, type) < 0) {
			*ret = NULL;
			return err_nomem(e);
		}
		if (len && stat(*ret, &st) == 0 && S_ISREG(st.st_mode))
			return 0;
		free(TAKE_PTR(*ret));
		p += len;
	}
	return err_code(e, ERR_CONFIG, ENOENT, "plugin \"%.64s\" is not in CNI_PATH \"%.256s\"", type, path);
}

/* Above the three that the child gets, so that giving it one does not overwrite another. */
static int lift(int fd)
{
	int high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

static int make_input(const struct cni_exec *x, int *ret, struct err *e)
{
	int r;

	*ret = lift(memfd_create("cni-request", MFD_CLOEXEC));
	if (*ret < 0)
		return err_sys(e, errno, "make a memory file for the request");
	r = file_write_fd(*ret, "the request", x->in, x->in_len, e);
	if (r == 0 && lseek(*ret, 0, SEEK_SET) < 0)
		r = err_sys(e, errno, "rewind the request");
	return r;
}

static int make_pipe(int *ours, int *theirs, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "make a pipe");
	*ours = lift(fds[0]);
	*theirs = lift(fds[1]);
	if (*ours < 0 || *theirs < 0 || fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, errno, "make a pipe");
	return 0;
}

/* A group of its own, so that what it starts can be killed with it; SIGPIPE as a new program expects it. */
static int set_attributes(posix_spawnattr_t *attr)
{
	sigset_t pipe, none;
	int r;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	r = posix_spawnattr_setflags(attr,
				     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawnattr_setpgroup(attr, 0);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &pipe);
	return r ? r : posix_spawnattr_setsigmask(attr, &none);
}

static int spawn_prepared(const struct cni_exec *x, posix_spawn_file_actions_t *fa, posix_spawnattr_t *attr,
			  pid_t *pid)
{
	struct deadline busy = deadline_min(x->deadline, deadline_in(BUSY_MS));
	char *const argv[] = { (char *)x->program, NULL };
	int r;

	for (;;) {
		r = posix_spawn(pid, x->program, fa, attr, argv, x->envp);
		if (r != ETXTBSY || !deadline_left(busy))
			return r;
		poll(NULL, 0, BUSY_STEP_MS); /* somebody is still writing the program */
	}
}

/* Positive errno, as posix_spawn() itself. */
static int spawn(const struct cni_exec *x, int in, int out, int err, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int r;

	r = posix_spawn_file_actions_init(&fa);
	if (r)
		return r;
	r = posix_spawnattr_init(&attr);
	if (r == 0) {
		r = set_attributes(&attr);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn_file_actions_adddup2(&fa, err, STDERR_FILENO);
		if (r == 0)
			r = spawn_prepared(x, &fa, &attr, pid);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fa);
	return r;
}

static int start(const struct cni_exec *x, struct child *c, struct err *e)
{
	CLEANUP(close_p) int in = -1;
	CLEANUP(close_p) int out = -1;
	CLEANUP(close_p) int err = -1;
	int r;

	r = make_input(x, &in, e);
	if (r == 0)
		r = make_pipe(&c->out, &out, e);
	if (r == 0)
		r = make_pipe(&c->err, &err, e);
	if (r < 0)
		return r;
	r = spawn(x, in, out, err, &c->pid);
	if (r)
		return err_sys(e, r, "run %s", x->program);
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return 0;
}

/* To our own stderr, unless that would block. */
static void pass_on(int fd, const char *data, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write(fd, data, len) < 0)
		return; /* stderr is only information */
}

/* Reads what is there now, at most limit bytes, and hands it on; closes *fd at the end. The limit keeps one
 * that never stops writing from holding us beyond the deadline. */
static void drain(int *fd, size_t limit, void (*take)(const char *data, size_t len, void *arg), void *arg)
{
	char chunk[4096]; /* PIPE_BUF: what poll() promises not to block */

	while (*fd >= 0 && limit) {
		ssize_t n = read(*fd, chunk, limit < sizeof(chunk) ? limit : sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(TAKE_FD(*fd));
			return;
		}
		limit -= (size_t)n;
		take(chunk, (size_t)n, arg);
	}
}

struct stderr_sink {
	int fd;
	struct buf kept;
};

static void take_stdout(const char *data, size_t len, void *arg)
{
	buf_add(arg, data, len);
}

static void take_stderr(const char *data, size_t len, void *arg)
{
	struct stderr_sink *s = arg;
	size_t room = CNI_STDERR_MAX - s->kept.len;

	pass_on(s->fd, data, len);
	buf_add(&s->kept, data, len < room ? len : room);
}

static void take_output(struct child *c, struct buf *out, struct stderr_sink *s)
{
	drain(&c->out, CNI_RESULT_TEXT_MAX + 1 - out->len, take_stdout, out);
	drain(&c->err, CNI_STDERR_MAX, take_stderr, s);
}

static void reap(struct child *c)
{
	pid_t pid;

	do
		pid = waitpid(c->pid, &c->status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	c->ended = pid != 0;
	if (pid < 0)
		c->status = -1; /* somebody else reaped it: SIGCHLD is ignored */
}

/* One that hangs in the kernel does not die even now; then it is left to whoever inherits it. */
static void kill_group(struct child *c)
{
	struct deadline d = deadline_in(KILL_MS);

	kill(-c->pid, SIGKILL);
	for (reap(c); !c->ended && deadline_left(d); reap(c))
		poll(NULL, 0, 1);
}

/* Until it has ended, by itself or by us. */
static int wait_for(const struct cni_exec *x, struct child *c, struct buf *out, struct stderr_sink *s,
		    struct err *e)
{
	while (!c->ended) {
		struct pollfd p[] = {
			{ .fd = c->out, .events = POLLIN },
			{ .fd = c->err, .events = POLLIN },
			{ .fd = c->pidfd, .events = POLLIN },
		};
		int64_t left = deadline_left(x->deadline);

		if (!left) {
			kill_group(c);
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "%s did not end in time and was killed",
					x->program);
		}
		if (c->pidfd < 0 && left > TICK_MS)
			left = TICK_MS;
		poll(p, ARRAY_LEN(p), left > INT_MAX ? INT_MAX : (int)left);
		reap(c);
		take_output(c, out, s);
		if (out->len > CNI_RESULT_TEXT_MAX) {
			if (!c->ended)
				kill_group(c);
			return err_code(e, ERR_IO, EFBIG, "%s printed more than %zu bytes", x->program,
					CNI_RESULT_TEXT_MAX);
		}
	}
	return 0;
}

static int judge(const struct child *c, const struct buf *out, const struct buf *err_text, struct err *e)
{
	char how[64] = "an unknown exit status";

	if (out->err || err_text->err)
		return err_nomem(e);
	if (c->status != -1 && WIFEXITED(c->status)) {
		if (WEXITSTATUS(c->status) == 0)
			return 0;
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(c->status));
	} else if (c->status != -1 && WIFSIGNALED(c->status)) {
		snprintf(how, sizeof(how), "signal %d", WTERMSIG(c->status));
	}
	return cni_error_read(buf_cstr(out), out->len, buf_cstr(err_text), how, e);
}

int cni_exec_run(const struct cni_exec *x, struct buf *out, struct err *e)
{
	struct stderr_sink s = { .fd = x->err_fd, .kept = BUF_INIT(CNI_STDERR_MAX) };
	struct child c = { .pidfd = -1, .out = -1, .err = -1 };
	int r;

	buf_reset(out);
	out->max = CNI_RESULT_TEXT_MAX + 1;
	r = start(x, &c, e);
	if (r == 0)
		r = wait_for(x, &c, out, &s, e);
	if (r == 0)
		r = judge(&c, out, &s.kept, e);
	buf_clear(&s.kept);
	close_p(&c.out);
	close_p(&c.err);
	close_p(&c.pidfd);
	return r;
}
