/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_coordinator_watch.c - what SpiderCoordinator's status is read from is followed, over an API
 * server of scripted answers
 */
#include "kube_fake.h"

#include "base/clock.h"
#include "daemon/say.h"

static void note(enum log_level level, const char *fmt, ...);
#define say note
#include "../../cmd/controller/coordinator.c" /* a program's own, no library's */
#undef say

#define AMPLE 30000
#define LIST  "HTTP/1.1 200 OK\r\n\r\n{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[]}"
#define EXPIRED \
	"HTTP/1.1 410 x\r\n\r\n{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"x\"}"
#define NO_PATH "HTTP/1.1 404 x\r\n\r\n404 page not found\n"
#define OPEN    "HTTP/1.1 200 OK\r\n\r\n"

static atomic_uint said;

static void note(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	said++;
}

/* ---- what is not looked at here ---- */

const struct kube_resource coordinator_configmaps, coordinator_sources[COORDINATOR_SOURCES] = {
	{ "g.io", "v1", "ks", "K", false },
};

int coordinator_look(const struct coordinator_reader *r, const char *type, struct api_coordinator_status *ret,
		     struct err *e)
{
	(void)r;
	(void)type;
	(void)ret;
	(void)e;
	return 0;
}

void events_say(struct events *ev, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...)
{
	(void)ev;
	(void)o;
	(void)warning;
	(void)reason;
	(void)fmt;
}

static int64_t nothing(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	(void)key;
	(void)cancel;
	(void)arg;
	(void)e;
	return 0;
}

/* ---- tests ---- */

static unsigned asked(struct fake *f)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = (unsigned)f->n_asked;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* Its definition is removed, made again, and removed. */
static void test_removed(void **state)
{
	static atomic_bool there, again;
	struct fake_answer answers[] = {
		{ .path = "/apis/g.io/v1/ks?limit", .text = LIST, .times = 1 },
		{ .path = "/apis/g.io/v1/ks?watch", .text = EXPIRED, .held = &there, .times = 1 },
		{ .path = "/apis/g.io/v1/ks?limit", .text = NO_PATH, .times = 4 },
		{ .path = "/apis/g.io/v1/ks?limit", .text = LIST, .times = 1 },
		{ .path = "/apis/g.io/v1/ks?watch", .text = EXPIRED, .held = &again, .times = 1 },
		{ .path = "/apis/g.io/v1/ks?limit", .text = NO_PATH },
	};
	struct controller c = { .conf.coordinator_name = "default" };
	struct coordinator *p = calloc(1, sizeof(*p));
	struct kube_queue_conf queue = { .work = nothing };
	struct deadline until = deadline_in(AMPLE);
	struct fake f;
	struct err e;

	(void)state;
	there = again = true;
	fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
	queue.k = c.k;
	p->c = &c;
	pthread_mutex_init(&p->lock, NULL);
	assert_int_equal(kube_queue_start(&queue, &p->queue, &e), 0);
	follow(p, coordinator_sources);
	follow(p, coordinator_sources); /* it is */
	while (asked(&f) < 2 && deadline_left(until))
		usleep(5000);
	assert_int_equal(said, 0);
	there = false;
	while (asked(&f) < 8 && deadline_left(until))
		usleep(5000);
	/* Its state was forgotten, and it is not there. */
	assert_int_equal(said, 2);
	again = false;
	while (asked(&f) < 11 && deadline_left(until))
		usleep(5000);
	assert_int_equal(said, 4);
	assert_true(deadline_left(until));
	stop(p);
	fake_stop(&f, c.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_removed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
