/* SPDX-License-Identifier: Apache-2.0 */
/* signals.c - a daemon's end */
#include "daemon/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "daemon/say.h"
#include "kube/thread.h"

#define HURRY_MS 2500
#define LEAVE_MS 4500 /* after that */

static struct daemon_end who;

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static _Noreturn void leave(const char *why)
{
	say(LOG_LEVEL_WARN, "left without an orderly end: %s", why);
	_exit(1);
}

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
	pause_ms(HURRY_MS);
	who.hurry(who.arg);
	pause_ms(LEAVE_MS);
	leave("something does not end");
}

int daemon_signals(const struct daemon_end *end, struct err *e)
{
	pthread_t thread;
	sigset_t set;

	who = *end;
	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGABRT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return kube_thread(&thread, wait_for_signal, NULL, e);
}

void daemon_server_stop(struct http_server *s, struct deadline until)
{
	struct err e;

	if (http_server_stop(s, until, &e) < 0)
		leave(e.msg);
}
