/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c - a daemon's end */
#include "daemon/signals.h"

#include <signal.h>
#include <unistd.h>

#include "daemon/say.h"
#include "kube/thread.h"

#define LEAVE_S 4

static struct {
	void (*end)(void *arg);
	void *arg;
} who;

static void *wait_for_signal(void *arg)
{
	sigset_t set;
	int sig;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &sig);
	say(LOG_LEVEL_INFO, "stopping");
	who.end(who.arg);
	/* What is under way may hang in the API server; nothing is lost by leaving it. */
	sleep(LEAVE_S);
	say(LOG_LEVEL_WARN, "left without an orderly end");
	_exit(1);
}

int daemon_signals(void (*end)(void *arg), void *arg, struct err *e)
{
	pthread_t thread;
	sigset_t set;

	who.end = end;
	who.arg = arg;
	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return kube_thread(&thread, wait_for_signal, NULL, e);
}
