/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - the logical backup beside the store */
#include "backup.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/local.h"

#define BACKUP_EVERY_MS (10 * 60 * 1000)
#define BACKUP_LIMIT_S  120

static bool is_due(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	int64_t age;

	if (snprintf(path, sizeof(path), "%s/backup.json", dir) >= (int)sizeof(path))
		return false;
	if (stat(path, &st) < 0)
		return true;
	age = clock_wall_ms() - (int64_t)st.st_mtim.tv_sec * 1000;
	return age < 0 || age >= BACKUP_EVERY_MS; /* from the future: the clock was set back */
}

/* Nothing of the call may stay open: the runtime waits for the end of our stdout. */
static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	close_range(3, ~0U, 0);
	setsid();
	setpriority(PRIO_PROCESS, 0, 19);
	signal(SIGALRM, SIG_DFL);
	alarm(BACKUP_LIMIT_S);
}

static int make(const char *dir)
{
	const struct store_local_opts o = { .dir = dir };
	struct store *st;
	struct err e;

	if (store_local_open(&o, deadline_in(BACKUP_LIMIT_S * 1000), &st, &e) < 0)
		return 1;
	/* Somebody else may have been quicker. */
	if (is_due(dir))
		(void)store_local_backup(st, "", &e);
	store_close(st);
	return 0;
}

/* Forked twice, so that nobody has to wait for it. */
void backup_if_due(const char *dir)
{
	pid_t child;

	if (!is_due(dir))
		return;
	child = fork();
	if (child > 0)
		waitpid(child, NULL, 0);
	if (child != 0)
		return;
	detach();
	if (fork() != 0)
		_exit(0);
	_exit(make(dir));
}
