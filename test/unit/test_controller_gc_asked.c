/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_gc_asked.c - a scan that another replica was asked for */
#include "kube_fake.h"

#include "../../cmd/controller/gc_impl.h"

static unsigned scans;

static void queue_add(struct kube_queue *q, const char *key, int64_t ms)
{
	(void)q, (void)ms;
	assert_string_equal(key, GC_SCAN);
	scans++;
}

#define kube_queue_add queue_add
#include "../../cmd/controller/gc_scan.c"
#include "../../cmd/controller/gc_seen.c"

void gc_add_block(struct gc *g, char how, const char *name, int64_t ms)
{
	(void)g, (void)how, (void)name, (void)ms;
}

void gc_add_endpoint(struct gc *g, const char *ns, const char *name, int64_t ms)
{
	(void)g, (void)ns, (void)name, (void)ms;
}

int64_t gc_now(const struct gc *g)
{
	(void)g;
	return 0;
}

#define NONE      "HTTP/1.1 404 x\r\n\r\n{\"kind\":\"Status\",\"code\":404,\"reason\":\"NotFound\"}"
#define ASKED(at) "HTTP/1.1 200 OK\r\n\r\n{\"data\":{\"requestedAt\":\"" at "\"}}"
/* A pod's name may have 253 bytes. */
#define POD "spiderpool-controller-with-a-name-that-somebody-took-pains-over-7d4b9c6f58-x2v7q"

static const struct {
	const char *text;
	unsigned scans; /* asked for until then */
} looks[] = {
	{ ASKED("2026-11-23T10:00:00.000Z " POD), 0 }, /* before this replica led */
	{ ASKED("2026-11-23T10:00:00.000Z " POD), 0 },
	{ ASKED("2026-11-23T10:00:07.000Z " POD), 1 },
	{ ASKED("2026-11-23T10:00:07.000Z " POD), 1 },
	{ ASKED("2026-11-23T10:00:07.000Z " POD "z"), 2 },
	{ NONE, 2 },
	{ ASKED("2026-11-23T10:00:09.000Z c"), 3 },
};

static void test_asked(void **state)
{
	struct fake_answer answers[ARRAY_LEN(looks)] = { 0 };
	struct controller c = { .conf = { .ns = (char *)"system" } };
	struct gc g = { .c = &c };
	struct fake f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		answers[i].path = "/api/v1/namespaces/system/configmaps/spiderpool-gc";
		answers[i].text = looks[i].text;
		answers[i].times = 1;
	}
	fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		if (gc_asked(&g, NULL, &e) < 0)
			fail_msg("look %zu: %s", i, e.msg);
		if (scans != looks[i].scans)
			fail_msg("look %zu: %u scans", i, scans);
	}
	fake_stop(&f, c.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_asked) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
