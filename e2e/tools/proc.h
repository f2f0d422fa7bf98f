/* SPDX-License-Identifier: Apache-2.0 */
/* proc.h - programs in flight: started with a text on stdin, their output collected, killed when wanted
 *
 * Nothing here waits but proc_reap(), which is called when the output has ended.
 */
#ifndef E2E_PROC_H
#define E2E_PROC_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

struct proc {
	pid_t pid; /* 0: none */
	int out;
	bool killed, ended; /* ended: the output is closed */
	int status;         /* as waitpid() tells it */
	struct buf text;
};

static void proc_die(const char *what)
{
	perror(what);
	exit(2);
}

static int proc_stdin(const char *text, size_t len)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
		proc_die("stdin");
	return fd;
}

/* errors: stderr goes where stdout goes, else nowhere. */
static void proc_start(struct proc *p, const char *const *argv, const char *const *env, const char *in,
		       size_t in_len, bool errors)
{
	posix_spawn_file_actions_t fa;
	int fds[2], in_fd = proc_stdin(in, in_len), r;

	if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0)
		proc_die("pipe");
	*p = (struct proc){ .out = fds[0], .text = BUF_INIT(1 << 20) };
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, fds[1], STDOUT_FILENO);
	if (errors)
		posix_spawn_file_actions_adddup2(&fa, fds[1], STDERR_FILENO);
	else
		posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	r = posix_spawn(&p->pid, argv[0], &fa, NULL, (char **)argv, (char **)env);
	if (r) {
		errno = r;
		proc_die(argv[0]);
	}
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	close(in_fd);
}

static bool proc_lives(const struct proc *p)
{
	siginfo_t si = { 0 };

	return waitid(P_PID, (id_t)p->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == 0;
}

static void proc_kill(struct proc *p)
{
	kill(p->pid, SIGKILL);
	p->killed = true;
}

/* Takes what is there. */
static void proc_read(struct proc *p)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(p->out, chunk, sizeof(chunk))) > 0)
		buf_add(&p->text, chunk, (size_t)n);
	if (n == 0)
		p->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		proc_die("read");
}

static void proc_reap(struct proc *p)
{
	while (waitpid(p->pid, &p->status, 0) < 0)
		if (errno != EINTR)
			proc_die("waitpid");
	close(p->out);
	p->pid = 0;
}

/* The process itself said that it had done its work. */
static bool proc_succeeded(const struct proc *p)
{
	return WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
}

static bool proc_was_cut_off(const struct proc *p)
{
	return p->killed && WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL;
}

#endif
