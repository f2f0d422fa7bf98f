/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_trouble.c - an API server that hangs, dies and comes back: nobody waits longer than they said,
 * and what is said of a write is true */
#include "lab.h"

#include <pthread.h>

static struct kube *k;
static const char *ns;

#define CM      (&lab_configmaps)
#define THREADS 32

static int create(const char *name, int64_t ms, struct kube_cancel *cancel, enum kube_outcome *ret,
		  struct err *e)
{
	const char *body = lab_object(CM, ns, name, "", "");
	struct kube_op op = { .res = CM, .ns = ns, .name = name, .cancel = cancel, .once = true };
	int r;

	op.until = deadline_in(ms);
	r = kube_create(k, &op, body, strlen(body), NULL, e);
	*ret = op.answer.outcome;
	return r;
}

static bool exists(const char *name)
{
	struct kube_op op = lab_op(CM, ns, name);
	struct json_object *o = NULL;
	struct err e;
	int r = kube_get(k, &op, &o, &e);

	json_object_put(o);
	if (r < 0 && r != -ENOENT)
		fail_msg("%s", e.msg);
	return r == 0;
}

static void test_hangs(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	enum kube_outcome outcome;
	struct err e;

	(void)state;
	ok(create("before", AMPLE, NULL, &outcome, &e), &e);
	lab_freeze(pid);
	assert_int_equal(create("hangs", 500, NULL, &outcome, &e), -ETIMEDOUT);
	assert_int_equal(outcome, KUBE_UNKNOWN);
	assert_non_null(strstr(e.msg, "sent, but no answer came before the deadline"));
	/* Its connection is no more; the next one gets no answer to its greeting. */
	assert_int_equal(create("never", 500, NULL, &outcome, &e), -ETIMEDOUT);
	assert_int_equal(outcome, KUBE_NOT_SENT);
	assert_non_null(strstr(e.msg, "no connection was had"));
	kill(pid, SIGCONT);
	ok(create("after", AMPLE, NULL, &outcome, &e), &e);
	assert_false(exists("never"));
}

static void test_dead(void **state)
{
	enum kube_outcome outcome;
	struct err e;

	(void)state;
	lab_cluster("stop kube-apiserver");
	/* The end of the connection may be noticed too late. */
	assert_true(create("dying", AMPLE, NULL, &outcome, &e) < 0);
	assert_int_not_equal(outcome, KUBE_ANSWERED);
	assert_int_equal(create("dead", AMPLE, NULL, &outcome, &e), -ECONNREFUSED);
	assert_int_equal(outcome, KUBE_NOT_SENT);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	lab_cluster("start kube-apiserver");
	lab_ready(k);
	assert_false(exists("dead"));
}

struct waiter {
	struct kube_cancel *cancel;
	int r;
};

static void *wait_cancelled(void *arg)
{
	struct waiter *w = arg;
	enum kube_outcome outcome;
	struct err e;

	w->r = create("cancelled", AMPLE, w->cancel, &outcome, &e);
	return NULL;
}

static void test_cancel(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	struct kube_cancel cancel = { 0 };
	struct waiter w = { .cancel = &cancel };
	struct deadline start = deadline_in(AMPLE);
	enum kube_outcome outcome;
	pthread_t t;
	struct err e;

	(void)state;
	lab_freeze(pid);
	pthread_create(&t, NULL, wait_cancelled, &w);
	usleep(200000);
	kube_cancel(k, &cancel);
	pthread_join(t, NULL);
	kill(pid, SIGCONT);
	assert_int_equal(w.r, -ECANCELED);
	assert_true(deadline_left(start) > 0);
	assert_int_equal(create("later", AMPLE, &cancel, &outcome, &e), -ECANCELED);
	assert_int_equal(outcome, KUBE_NOT_SENT);
	assert_int_equal(kube_sleep(k, &cancel, AMPLE, &e), -ECANCELED);
}

/* ---- many at once, and a server that comes and goes ---- */

struct storm {
	pthread_t t;
	int id, n;
	bool *stop;
	char outcome[20000]; /* 'y' done, 'n' not done, '?' */
};

static void *storm(void *arg)
{
	struct storm *s = arg;
	enum kube_outcome outcome;
	char name[32];
	struct err e;

	while (!__atomic_load_n(s->stop, __ATOMIC_RELAXED) && s->n < (int)sizeof(s->outcome)) {
		int r;

		snprintf(name, sizeof(name), "s-%d-%d", s->id, s->n);
		r = create(name, 300, NULL, &outcome, &e);
		s->outcome[s->n++] = r == 0 ? 'y' : outcome == KUBE_UNKNOWN ? '?' : 'n';
		if (r < 0)
			usleep(20000);
	}
	return NULL;
}

static int mark(struct json_object *o, void *arg, struct err *e)
{
	struct storm *all = arg;
	int id, n;

	(void)e;
	if (sscanf(kube_meta(o, "name"), "s-%d-%d", &id, &n) != 2)
		return 0;
	if (all[id].outcome[n] == 'n')
		fail_msg("s-%d-%d was said not to be done, and is there", id, n);
	all[id].outcome[n] = all[id].outcome[n] == 'y' ? '+' : '-';
	return 0;
}

static void test_storm(void **state)
{
	struct storm *all = calloc(THREADS, sizeof(*all));
	struct kube_lister l = { .each = mark, .arg = all };
	struct kube_op op = { .res = CM, .ns = ns, .metadata_only = true };
	bool stop = false;
	unsigned counts[256] = { 0 };
	struct err e;

	(void)state;
	for (int i = 0; i < THREADS; i++) {
		all[i].id = i;
		all[i].stop = &stop;
		pthread_create(&all[i].t, NULL, storm, &all[i]);
	}
	for (int i = 0; i < 3; i++) {
		pid_t pid = lab_pid("kube-apiserver");

		usleep(500000);
		lab_freeze(pid);
		usleep(700000);
		kill(pid, SIGCONT);
		usleep(500000);
		lab_cluster("stop kube-apiserver");
		usleep(200000);
		lab_cluster("start kube-apiserver");
		lab_ready(k);
	}
	usleep(500000);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i].t, NULL);
	op.until = deadline_in(AMPLE);
	ok(kube_list(k, &op, &l, NULL, &e), &e);
	for (int i = 0; i < THREADS; i++) {
		for (int n = 0; n < all[i].n; n++)
			counts[(unsigned char)all[i].outcome[n]]++;
	}
	print_message("# done %u, not done %u, unknown: done %u, not done %u\n", counts['+'], counts['n'],
		      counts['-'], counts['?']);
	assert_int_equal(counts['y'], 0);
	assert_true(counts['+'] > 0 && counts['n'] > 0 && counts['-'] + counts['?'] > 0);
	free(all);
}

static void *sleeps(void *arg)
{
	struct err e;

	*(int *)arg = kube_sleep(k, NULL, AMPLE, &e);
	return NULL;
}

/* Whoever waits is told, and nothing is left of the server's hanging. */
static void test_close(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	struct waiter w = { 0 };
	pthread_t a, b;
	int r = 0;

	(void)state;
	lab_freeze(pid);
	pthread_create(&a, NULL, wait_cancelled, &w);
	pthread_create(&b, NULL, sleeps, &r);
	usleep(200000);
	kube_close(k);
	kill(pid, SIGCONT);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	assert_int_equal(w.r, -ECANCELED);
	assert_int_equal(r, -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hangs), cmocka_unit_test(test_dead),  cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_storm), cmocka_unit_test(test_close),
	};

	alarm(240);
	k = lab_open();
	ns = lab_namespace(k, "trouble");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
