/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.h - one whole process, as a runtime starts it: stdin from memory, stdout read to its end, waited for
 */
#ifndef BENCH_SPAWN_H
#define BENCH_SPAWN_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct child {
	const char *const *argv, *const *env;
	const char *in;
	pid_t pid;
	int in_fd, out[2];
	char text[2048];
	size_t len;
};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* What a runtime has before it starts anything: not part of the time. */
static void child_prepare(struct child *c)
{
	size_t len = strlen(c->in);

	c->len = 0;
	c->in_fd = memfd_create("in", MFD_CLOEXEC);
	if (c->in_fd < 0 || write(c->in_fd, c->in, len) != (ssize_t)len || lseek(c->in_fd, 0, SEEK_SET) < 0 ||
	    pipe2(c->out, O_CLOEXEC) < 0)
		die("prepare");
}

static void child_start(struct child *c, bool traced)
{
	c->pid = vfork();
	if (c->pid < 0)
		die("vfork");
	if (c->pid > 0)
		return;
	if (traced)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	dup2(c->in_fd, STDIN_FILENO);
	dup2(c->out[1], STDOUT_FILENO);
	execve(c->argv[0], (char **)c->argv, (char **)c->env);
	_exit(127);
}

static void child_read(struct child *c)
{
	ssize_t n;

	close(c->out[1]);
	while ((n = read(c->out[0], c->text + c->len, sizeof(c->text) - 1 - c->len)) != 0)
		if (n > 0)
			c->len += (size_t)n;
		else if (errno != EINTR)
			die("read");
	c->text[c->len] = '\0';
}

static void child_wait(struct child *c)
{
	int status;

	if (waitpid(c->pid, &status, 0) != c->pid)
		die("waitpid");
	if (status) {
		fprintf(stderr, "bench: %s: status %x: %s\n", c->argv[0], (unsigned)status, c->text);
		exit(1);
	}
	close(c->in_fd);
	close(c->out[0]);
}

/* Microseconds from the start to the end of one. */
static inline double child_run(struct child *c)
{
	double start;

	child_prepare(c);
	start = now_us();
	child_start(c, false);
	child_read(c);
	child_wait(c);
	return now_us() - start;
}

/* From the first start to the last end. */
static inline double child_run_all(struct child *c, size_t n)
{
	double start;

	for (size_t i = 0; i < n; i++)
		child_prepare(&c[i]);
	start = now_us();
	for (size_t i = 0; i < n; i++)
		child_start(&c[i], false);
	for (size_t i = 0; i < n; i++) {
		child_read(&c[i]);
		child_wait(&c[i]);
	}
	return now_us() - start;
}

/* ---- memory ---- */

struct memory {
	long peak, anon; /* KiB: VmHWM, RssAnon when it ends */
};

static long status_value(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* The process is stopped when it is about to end: its memory is still there, and its peak is told. (ru_maxrss
 * would count the memory that a child of vfork() shares with us.) */
static inline struct memory child_memory(struct child *c)
{
	struct memory m = { -1, -1 };
	int status;

	child_prepare(c);
	child_start(c, true);
	close(c->out[1]);
	waitpid(c->pid, &status, 0); /* execve */
	ptrace(PTRACE_SETOPTIONS, c->pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
	for (;;) {
		int sig = 0;

		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			m = (struct memory){ status_value(c->pid, "VmHWM:"),
					     status_value(c->pid, "RssAnon:") };
		else if (WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP)
			sig = WSTOPSIG(status);
		ptrace(PTRACE_CONT, c->pid, NULL, (void *)(intptr_t)sig);
		if (waitpid(c->pid, &status, 0) != c->pid)
			die("waitpid");
		if (WIFEXITED(status) || WIFSIGNALED(status))
			break;
	}
	close(c->in_fd);
	close(c->out[0]);
	return m;
}

#endif
