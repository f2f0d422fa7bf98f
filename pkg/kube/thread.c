/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - threads of pkg/kube */
#include "kube/thread.h"

#include <signal.h>

/* libcurl, GnuTLS, JSON 32 levels deep, and a callback; a thread's default would be 8 MiB of addresses. */
#define STACK ((size_t)256 << 10)

int kube_thread(pthread_t *ret, void *(*run)(void *), void *arg, struct err *e)
{
	pthread_attr_t a;
	sigset_t all, before;
	int r;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, STACK);
	/* Signals are for the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(ret, &a, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&a);
	return r ? err_sys(e, r, "start a thread") : 0;
}

void kube_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

void kube_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, struct deadline until)
{
	struct timespec t = { .tv_sec = until.at_ms / 1000, .tv_nsec = until.at_ms % 1000 * 1000000 };

	pthread_cond_timedwait(c, lock, &t);
}
