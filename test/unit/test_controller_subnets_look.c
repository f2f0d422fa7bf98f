/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_subnets_look.c - one look at a subnet: one pool that refuses does not stop the others */
#include "kube_fake.h"

#include "../../cmd/controller/controller.h"
#include "world_stub.h"

static char told[1024];

#define store_kube_skew(hub) ((void)(hub), 0)
#include "../../cmd/controller/pools_patch.c"
#include "../../cmd/controller/status.c"
#include "../../cmd/controller/status_subnet.c"
#define is_same is_same_pool
#include "../../cmd/controller/subnets.c"
#undef is_same
#define follow follow_values
#include "../../cmd/controller/subnets_follow.c"

/* ---- the rest of the controller ---- */

int pools_meta_release(const struct api_meta *m, struct buf *out, struct err *e)
{
	(void)m, (void)out, (void)e;
	return 0;
}

void events_say(struct events *v, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	(void)v, (void)o, (void)warning;
	if (strcmp(reason, "GatewayNotFollowed") != 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(told, sizeof(told), fmt, ap);
	va_end(ap);
}

/* ---- the lab ---- */

#define ROOT "/apis/spiderpool.spidernet.io/v2beta1/"
#define SUBNET(more) \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"su\",\"resourceVersion\":\"8\",\"finalizers\":[" \
	"\"spiderpool.spidernet.io\"],\"labels\":{\"ipam.spidernet.io/subnet-cidr\":\"10-0-0-0-24\"}" \
	",\"annotations\":{\"" POOLS_PASSED_ON "\":\"[{\\\"gateway\\\":\\\"10.0.0.1\\\"}" \
	",{\\\"gateway\\\":\\\"10.0.0.2\\\"}]\"}" more \
	"},\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\"," \
	"\"gateway\":\"10.0.0.2\",\"ips\":[\"10.0.0.9\"]}}"
#define POOL \
	"{\"metadata\":{\"name\":\"%s\",\"uid\":\"u%s\",\"resourceVersion\":\"5\",\"ownerReferences\":[" \
	"{\"uid\":\"su\",\"controller\":true}]},\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\"," \
	"\"gateway\":\"10.0.0.1\"}}"
#define OK(body) "HTTP/1.1 200 OK\r\n\r\n" body
#define REFUSED(code, reason) \
	"HTTP/1.1 " code " x\r\n\r\n{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":" code \
	",\"reason\":\"" reason "\",\"message\":\"said the server\"}"

static void hear(enum world_kind kind, const char *name, const char *text)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_event ev = { .change = KUBE_ADDED, .ns = "", .name = name, .version = "5" };
	struct err e;

	assert_int_equal(json_parse(text, strlen(text), "object", &o, &e), 0);
	ev.object = o;
	ev.uid = json_get_str(json_get(o, "metadata"), "uid");
	assert_int_equal(kube_cache_event(&ev, caches[kind], &e), 0);
}

static void lab_new(const char *subnet)
{
	static const char *const names[] = { "a", "b", "c" };
	const struct kube_cache_conf pools = { .table = &api_ippool_table };
	const struct kube_cache_conf subnets = { .table = &api_subnet_table };
	struct err e;

	assert_int_equal(kube_cache_new(&pools, &caches[WORLD_POOLS], &e), 0);
	assert_int_equal(kube_cache_new(&subnets, &caches[WORLD_SUBNETS], &e), 0);
	hear(WORLD_SUBNETS, "s", subnet);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char text[1024];

		snprintf(text, sizeof(text), POOL, names[i], names[i]);
		hear(WORLD_POOLS, names[i], text);
	}
	told[0] = '\0';
}

static void lab_end(void)
{
	kube_cache_free(caches[WORLD_POOLS]);
	kube_cache_free(caches[WORLD_SUBNETS]);
}

static unsigned times_asked(const struct fake *f, const char *what)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n_asked; i++)
		n += strcmp(f->asked[i], what) == 0;
	return n;
}

#define GOING ",\"deletionTimestamp\":\"2026-11-23T10:00:00Z\""

/* Whichever pool comes first: the first request for one gets the answer. */
static const struct {
	const char *what, *subnet, *method, *answer, *status;
	int r;
	unsigned pools; /* asked for */
	bool told;
} rows[] = {
	{ "all follow", SUBNET(""), "PATCH", OK("{}"), OK("{}"), 0, 3, false },
	{ "one is refused", SUBNET(""), "PATCH", REFUSED("422", "Invalid"), OK("{}"), -EINVAL, 3, true },
	{ "one is forbidden", SUBNET(""), "PATCH", REFUSED("403", "Forbidden"), OK("{}"), -EACCES, 3, true },
	{ "one is changed at the same time", SUBNET(""), "PATCH", REFUSED("409", "Conflict"), OK("{}"),
	  -ESTALE, 3, false },
	{ "one is gone", SUBNET(""), "PATCH", REFUSED("404", "NotFound"), OK("{}"), 0, 3, false },
	{ "no status can be written", SUBNET(""), "PATCH", OK("{}"), REFUSED("422", "Invalid"), -EINVAL, 3,
	  false },
	{ "its end: one may not be deleted", SUBNET(GOING), "DELETE", REFUSED("403", "Forbidden"), OK("{}"),
	  -EACCES, 3, false },
	{ "its end: no status can be written", SUBNET(GOING), "DELETE", OK("{}"), REFUSED("422", "Invalid"),
	  -EINVAL, 3, false },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_answer answers[] = {
			{ .path = ROOT "spiderippools/", .text = rows[i].answer, .times = 1 },
			{ .path = ROOT "spiderippools/", .text = OK("{}") },
			{ .path = ROOT "spidersubnets/s/status", .text = rows[i].status },
			{ .path = ROOT "spidersubnets/s", .method = "GET", .text = OK(SUBNET("")) },
		};
		struct controller c = { .conf.file.enable_subnet = true };
		struct subnets s = { .c = &c };
		char ask[128];
		unsigned n = 0;
		struct fake f;
		struct err e = { .sys = 0 };
		int64_t r;

		lab_new(rows[i].subnet);
		fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
		r = work("s", NULL, &s, &e);
		for (const char *p = "abc"; *p; p++) {
			snprintf(ask, sizeof(ask), "%s " ROOT "spiderippools/%c", rows[i].method, *p);
			n += times_asked(&f, ask);
		}
		if (rows[i].r ? r != rows[i].r || e.sys != -rows[i].r : r <= 0)
			fail_msg("%s: answered %lld: %s", rows[i].what, (long long)r, e.msg);
		if (n != rows[i].pools)
			fail_msg("%s: %u pools were asked for", rows[i].what, n);
		if (times_asked(&f, "PATCH " ROOT "spidersubnets/s/status") != 1)
			fail_msg("%s: status", rows[i].what);
		if (rows[i].told ? !strstr(told, "SpiderIPPool ") || !strstr(told, "said the server") : *told)
			fail_msg("%s: told \"%s\"", rows[i].what, told);
		fake_stop(&f, c.k);
		lab_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
