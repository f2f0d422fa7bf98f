/* SPDX-License-Identifier: Apache-2.0 */
/* netlab.h - for tests: network namespaces that have no name and vanish with the test, shell scripts in them
 */
#ifndef TEST_NETLAB_H
#define TEST_NETLAB_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAB_PATH_MAX 64

/* Moves the test into a network namespace of its own. Without the privilege the program ends here, as
 * skipped, or failed under STRICT=1. */
static inline void lab_begin(void)
{
	if (unshare(CLONE_NEWNET) == 0) {
		alarm(300); /* a hang is a failure, too */
		return;
	}
	printf("1..0 # SKIP needs CAP_SYS_ADMIN to make network namespaces\n");
	exit(getenv("STRICT") ? 1 : 0);
}

static inline void *lab_unshare(void *ret_fd)
{
	if (unshare(CLONE_NEWNET) == 0)
		*(int *)ret_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return NULL;
}

/* A new network namespace; it lives as long as the descriptor, and processes and links in it. */
static inline int lab_netns(void)
{
	pthread_t t;
	int fd = -1;

	if (pthread_create(&t, NULL, lab_unshare, &fd) != 0 || pthread_join(t, NULL) != 0 || fd < 0)
		abort();
	return fd;
}

/* As `ip link set X netns PATH` and others want it. */
static inline const char *lab_path(int netns, char out[LAB_PATH_MAX])
{
	snprintf(out, LAB_PATH_MAX, "/proc/%d/fd/%d", (int)getpid(), netns);
	return out;
}

/* Runs a shell script in netns; anything but success ends the test program. */
static inline void __attribute__((format(printf, 2, 3))) lab_sh(int netns, const char *fmt, ...)
{
	char script[4096], path[LAB_PATH_MAX], arg[LAB_PATH_MAX + 8];
	int status = -1;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(script, sizeof(script), fmt, ap);
	va_end(ap);
	snprintf(arg, sizeof(arg), "--net=%s", lab_path(netns, path));
	pid = fork();
	if (pid == 0) {
		execlp("nsenter", "nsenter", arg, "sh", "-ec", script, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		printf("Bail out! status %d: %s\n", status, script);
		exit(1);
	}
}

#endif
