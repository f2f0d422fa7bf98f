/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_observed.c - what an agent says on its own Pod: once for each version, and again after a failure
 */
#include "kube_fake.h"

#include <stdatomic.h>

#define store_kube_pools_seen lab_seen
/* A part of the agent, not of the library. */
#include "../../cmd/agent/observed.c"

#define POD  "/api/v1/namespaces/kube-system/pods/agent-1"
#define DONE "HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}"
#define GONE \
	"HTTP/1.1 404 x\r\n\r\n{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"message\":\"gone\"}"
#define REFUSED "HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\n{}"

static atomic_ulong seen;

uint64_t lab_seen(struct store_kube *h)
{
	(void)h;
	return seen;
}

static size_t asked(struct fake *f)
{
	size_t n;

	pthread_mutex_lock(&f->lock);
	n = f->n_asked;
	for (size_t i = 0; i < n; i++)
		assert_string_equal(f->asked[i], "PATCH " POD);
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void wait_for(struct fake *f, size_t n)
{
	for (int i = 0; i < 1000 && asked(f) < n; i++)
		usleep(10000);
	assert_int_equal(asked(f), n);
}

static void run_rows(struct fake_answer *answers, size_t n_answers, size_t first)
{
	struct fake f;
	struct kube *k;
	struct observed *o;
	struct err e;

	seen = 5;
	fake_start(&f, answers, n_answers, &k);
	assert_int_equal(observed_start(k, NULL, "kube-system", "agent-1", &o, &e), 0);
	wait_for(&f, first);
	observed_changed(o); /* nothing new */
	usleep(1500000);
	assert_int_equal(asked(&f), first);
	seen = 6;
	for (int i = 0; i < 3; i++)
		observed_changed(o);
	wait_for(&f, first + 1);
	seen = 4; /* etcd was set back */
	observed_changed(o);
	wait_for(&f, first + 2);
	observed_changed(NULL);
	observed_stop(o);
	fake_stop(&f, k);
}

static void test_said(void **state)
{
	struct fake_answer answers[] = { { .path = POD, .text = DONE, .keeps = true } };

	(void)state;
	run_rows(answers, 1, 1);
}

static void test_again(void **state)
{
	struct fake_answer answers[] = { { .path = POD, .text = REFUSED, .times = 1, .keeps = true },
					 { .path = POD, .text = DONE, .keeps = true } };

	(void)state;
	run_rows(answers, 2, 2);
}

/* An agent that runs as no Pod is told so, and goes on. */
static void test_no_pod(void **state)
{
	struct fake_answer answers[] = { { .path = POD, .text = GONE } };
	struct fake f;
	struct kube *k;
	struct observed *o;
	struct err e;

	(void)state;
	seen = 5;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(observed_start(k, NULL, "kube-system", "agent-1", &o, &e), 0);
	wait_for(&f, 1);
	usleep(500000);
	assert_int_equal(asked(&f), 1);
	observed_stop(o);
	fake_stop(&f, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_said),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_no_pod),
	};

	say_level(LOG_LEVEL_PANIC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
