/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_events.c - Events: written behind the caller's back, counted, dropped when too many wait */
#include "kube_fake.h"

/* A part of the controller, not of the library. */
#include "../../cmd/controller/events.c"

#define CREATED "HTTP/1.1 201 x\r\nContent-Length: 2\r\n\r\n{}"
#define OK_     "HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\n{}"
#define GONE \
	"HTTP/1.1 404 x\r\n\r\n{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\",\"message\":\"gone\"}"
#define EVENTS "/api/v1/namespaces/default/events"

static const struct event_object pool = { "spiderpool.spidernet.io/v2beta1", "SpiderIPPool", "", "p1", "u1" };

/* How many requests of that method there were. */
static size_t asked(struct fake *f, const char *method)
{
	size_t n = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_asked; i++)
		n += strncmp(f->asked[i], method, strlen(method)) == 0;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void wait_for(struct fake *f, const char *method, size_t n)
{
	for (int i = 0; i < 500 && asked(f, method) < n; i++)
		usleep(10000);
	assert_int_equal(asked(f, method), n);
}

static void test_count(void **state)
{
	struct fake_answer answers[] = { { .path = EVENTS "/p1.", .text = OK_, .keeps = true },
					 { .path = EVENTS, .text = CREATED, .keeps = true } };
	struct fake f;
	struct events *v;
	struct kube *k;
	struct err e;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(events_start(k, "spiderpool-controller", "c-0", &v, &e), 0);
	events_say(v, &pool, true, "Exhausted", "no address of %d is free", 5);
	wait_for(&f, "POST", 1);
	events_say(v, &pool, true, "Exhausted", "no address of %d is free", 5);
	wait_for(&f, "PATCH", 1);
	events_say(v, &pool, true, "Exhausted", "no address of %d is free", 6);
	wait_for(&f, "POST", 2);
	events_say(v, &pool, false, "Exhausted", "no address of %d is free", 5);
	wait_for(&f, "POST", 3);
	assert_int_equal(asked(&f, "PATCH"), 1);
	events_stop(v);
	fake_stop(&f, k);
}

/* The API server has forgotten the Event: another one. */
static void test_forgotten(void **state)
{
	struct fake_answer answers[] = { { .path = EVENTS "/p1.", .text = GONE },
					 { .path = EVENTS, .text = CREATED, .keeps = true } };
	struct fake f;
	struct events *v;
	struct kube *k;
	struct err e;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(events_start(k, "x", "y", &v, &e), 0);
	events_say(v, &pool, true, "R", "m");
	wait_for(&f, "POST", 1);
	events_say(v, &pool, true, "R", "m");
	wait_for(&f, "POST", 2);
	assert_int_equal(asked(&f, "PATCH"), 1);
	events_stop(v);
	fake_stop(&f, k);
}

/* What is written: the whole body. */
static void test_body(void **state)
{
	static const char want[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"p1.1\",\"namespace\":\"default\"},"
		"\"involvedObject\":{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderIPPool\","
		"\"name\":\"p1\",\"uid\":\"u1\"},\"source\":{\"component\":\"c\"},\"reportingComponent\":\"c\","
		"\"reportingInstance\":\"i\",\"type\":\"Warning\",\"reason\":\"R\",\"message\":\"say \\\"x\\\"\","
		"\"firstTimestamp\":\"2023-11-14T22:13:20Z\",\"lastTimestamp\":\"2023-11-14T22:13:20Z\",\"count\":3}";
	struct events v = { .component = (char *)"c", .instance = (char *)"i" };
	struct known n = { .name = "p1.1", .ns = "default", .count = 3 };
	struct buf out = BUF_INIT(65536);
	struct said *s = said_new(&pool, true, "R", "say \"x\"");
	struct err e;

	(void)state;
	s->at = 1700000000000;
	assert_int_equal(body_of(&v, s, &n, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), want);
	said_free(s);
	buf_clear(&out);
}

/* No thread takes them. */
static void test_too_many(void **state)
{
	struct events v = { .last = &v.first };
	char text[32];

	(void)state;
	pthread_mutex_init(&v.lock, NULL);
	kube_cond_init(&v.work);
	for (int i = 0; i < WAITING_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_false(put(&v, said_new(&pool, true, "R", text)));
	}
	assert_false(put(&v, said_new(&pool, true, "R", "7"))); /* waits already */
	assert_int_equal(v.waiting, WAITING_MAX);
	assert_true(put(&v, said_new(&pool, true, "R", "one more")));
	assert_false(put(&v, said_new(&pool, true, "R", "and more"))); /* said once */
	assert_int_equal(v.waiting, WAITING_MAX);
	for (struct said *s = v.first, *next; s; s = next) {
		assert_int_equal(s->times, strcmp(s->message, "7") == 0 ? 2 : 1);
		next = s->next;
		said_free(s);
	}
}

/* It ends although the API server says nothing. */
static void test_stop(void **state)
{
	struct fake_answer answers[] = { { .path = EVENTS, .text = NULL, .stays = true } };
	struct fake f;
	struct events *v;
	struct kube *k;
	struct err e;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(events_start(k, "x", "y", &v, &e), 0);
	events_say(v, &pool, true, "R", "m");
	events_say(v, &pool, true, "R", "n");
	wait_for(&f, "POST", 1);
	events_stop(v);
	fake_stop(&f, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count), cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_body),  cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_stop),
	};

	say_level(LOG_LEVEL_PANIC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
