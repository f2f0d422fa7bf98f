/* SPDX-License-Identifier: Apache-2.0 */
/* local_guard.c - signals: a damaged map, and the deadline that LMDB's locks do not have */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "store/local_impl.h"

/* ---- the file was cut below the map, or a page holds nonsense ----
 *
 * Which is SIGBUS or SIGSEGV in the map, and inside LMDB anywhere; or the C library notices that LMDB has
 * written beyond its memory, and aborts.
 */

static const int signals[] = { SIGBUS, SIGSEGV, SIGABRT };
static struct sigaction old[ARRAY_LEN(signals)];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static struct local_guard *guards; /* changed under guards_lock, read by the handler */
static __thread const struct local_guard *volatile inside; /* LMDB, of this store */

static bool blamed(const struct local_guard *g, const siginfo_t *si)
{
	const char *addr = si->si_addr;

	if (si->si_signo == SIGABRT || si->si_code <= 0) /* sent: by abort(), or by another process */
		return si->si_signo == SIGABRT && g == inside;
	return g == inside || (addr >= g->lo && addr < g->hi);
}

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	(void)ctx;
	for (const struct local_guard *g = guards; g; g = g->next)
		if (g->on_damage && blamed(g, si))
			g->on_damage(g->sentence);
	/* Not ours: what was there before gets it, as the instruction runs again. */
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (signals[i] == sig)
			sigaction(sig, &old[i], NULL);
	if (si->si_code <= 0)
		raise(sig);
}

static void handlers_install(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &sa, &old[i]);
}

static void handlers_remove(void)
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		sigaction(signals[i], &old[i], NULL);
}

static unsigned handlers_wanted(void)
{
	unsigned n = 0;

	for (const struct local_guard *g = guards; g; g = g->next)
		n += g->on_damage != NULL;
	return n;
}

void store_local_damage(const char *dir, char out[STORE_LOCAL_DAMAGE_MAX])
{
	snprintf(
		out, STORE_LOCAL_DAMAGE_MAX,
		"state directory %.256s: the store is damaged (the file was cut, or the disk fails); restore "
		"the last backup with \"spiderpoolctl restore --state-dir %.256s\"",
		dir, dir);
}

int local_guard_add(struct local *l, const struct local_header *h, struct err *e)
{
	struct local_guard *g = &l->guard;
	int r = 0;

	g->dev = h->dev;
	g->ino = h->ino;
	g->on_damage = l->on_damage;
	store_local_damage(l->dir, g->sentence);
	pthread_mutex_lock(&guards_lock);
	for (const struct local_guard *o = guards; o && r == 0; o = o->next)
		if (o->dev == g->dev && o->ino == g->ino)
			r = err_set(e, EBUSY, "state directory %s: already open in this process", l->dir);
	if (r == 0) {
		if (g->on_damage && !handlers_wanted())
			handlers_install();
		g->next = guards;
		guards = g;
	}
	pthread_mutex_unlock(&guards_lock);
	return r;
}

void local_guard_remove(struct local *l)
{
	struct local_guard **p = &guards;

	pthread_mutex_lock(&guards_lock);
	while (*p && *p != &l->guard)
		p = &(*p)->next;
	if (*p) {
		*p = l->guard.next;
		if (l->guard.on_damage && !handlers_wanted())
			handlers_remove();
	}
	pthread_mutex_unlock(&guards_lock);
}

void local_guard_enter(const struct local *l)
{
	inside = &l->guard;
}

void local_guard_leave(void)
{
	inside = NULL;
}

/* ---- SIGALRM: waiting for LMDB's locks ----
 *
 * Its mutexes survive the death of who holds them, but not always that of who waits: a process killed when it
 * was just woken takes that wake with it, and if a newcomer has taken the lock by then, neither he nor the
 * kernel wakes the others. A signal makes them look again.
 */

#define LOOK_AGAIN_MS 100

static void (*volatile alarm_hook)(void);
static struct deadline alarm_until;
static struct sigaction old_alarm;
static struct itimerval old_timer;
static sigset_t old_mask;

static void on_alarm(int sig)
{
	void (*hook)(void) = alarm_hook;

	(void)sig;
	if (hook && deadline_left(alarm_until) == 0)
		hook();
}

void local_alarm_set(const struct local *l, struct deadline until)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	int64_t ms = deadline_left(until);
	struct itimerval t = { .it_interval.tv_usec = LOOK_AGAIN_MS * 1000 };
	sigset_t set;

	if (!l->on_lock_timeout)
		return;
	if (ms >= LOOK_AGAIN_MS)
		t.it_value = t.it_interval;
	else
		t.it_value.tv_usec = ms * 1000 + 1; /* 0 would be never */
	alarm_until = until;
	alarm_hook = l->on_lock_timeout;
	sigaction(SIGALRM, &sa, &old_alarm);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, &old_mask); /* whoever started us may have blocked it */
	setitimer(ITIMER_REAL, &t, &old_timer);
}

void local_alarm_clear(const struct local *l)
{
	if (!l->on_lock_timeout)
		return;
	alarm_hook = NULL;
	setitimer(ITIMER_REAL, &old_timer, NULL);
	pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
	sigaction(SIGALRM, &old_alarm, NULL);
}
