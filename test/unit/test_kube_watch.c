/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_watch.c - watches that break in the middle of a line, expire, and say what is no event */
#include "kube_fake.h"

#include <errno.h>

#include "base/own.h"
#include "kube/cache.h"
#include "kube/views.h"

#define AMPLE 30000
#define OK    "HTTP/1.1 200 OK\r\n"

#define LIST(version, items) \
	OK "\r\n{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define ITEM(name, version)       "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define LINE(type, name, version) "{\"type\":\"" type "\",\"object\":" ITEM(name, version) "}\n"
/* Nobody wants it. */
#define GOING(name, version) \
	"{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version \
	"\",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}"
#define GONE(name, version) "{\"type\":\"MODIFIED\",\"object\":" GOING(name, version) "}\n"
#define EXPIRED \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"," \
	"\"message\":\"too old\"}}\n"
#define FIRST         "/api/v1/nodes?limit"
#define FROM(version) "/api/v1/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=" version "&"
#define LAST \
	{ \
		.path = FROM("99"), .text = OK "\r\n", .stays = true \
	}

struct row {
	const char *name;
	struct fake_answer answers[8];
	const char *log; /* what a follower is told until the object "end" comes */
	unsigned troubles;
};

static struct row rows[] = {
	{ "in pieces",
	  { { .path = FIRST, .text = LIST("5", ITEM("a", "4") "," ITEM("b", "5")) },
	    { .path = FROM("5"),
	      .text = OK "\r\n\n" LINE("ADDED", "c", "6") LINE("MODIFIED", "a", "7")
		      LINE("ADDED", "end", "99"),
	      .step = 7 },
	    LAST },
	  "[+a+b]+c*a+end",
	  0 },
	{ "cut in the middle of a line, resumed behind the last whole one",
	  { { .path = FIRST, .text = LIST("5", ITEM("a", "4")) },
	    { .path = FROM("5"), .text = OK "\r\n" LINE("ADDED", "b", "6") "{\"type\":\"ADDED\",\"obj" },
	    { .path = FROM("6"), .text = OK "\r\n" LINE("DELETED", "a", "8") LINE("ADDED", "end", "99") },
	    LAST },
	  "[+a]+b-a+end",
	  0 },
	{ "what is not wanted is as if it were not there",
	  { { .path = FIRST, .text = LIST("5", ITEM("a", "4") "," GOING("b", "5")) },
	    { .path = FROM("5"),
	      .text = OK "\r\n" LINE("MODIFIED", "b", "6") GONE("a", "7") GONE("b", "8")
		      LINE("DELETED", "a", "9") LINE("ADDED", "end", "99") },
	    LAST },
	  "[+a]+b-a-b+end",
	  0 },
	{ "a bookmark is where it goes on",
	  { { .path = FIRST, .text = LIST("5", "") },
	    { .path = FROM("5"),
	      .text = OK
	      "\r\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"50\"}}}\n" },
	    { .path = FROM("50"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[]+end",
	  0 },
	{ "expired in the stream: what is not in the next list is gone",
	  { { .path = FIRST, .text = LIST("5", ITEM("a", "4") "," ITEM("b", "5")), .times = 1 },
	    { .path = FROM("5"), .text = OK "\r\n" EXPIRED, .times = 1 },
	    { .path = FIRST, .text = LIST("9", ITEM("b", "5") "," ITEM("c", "9")) },
	    { .path = FROM("9"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[+a+b][+c-a]+end",
	  1 },
	{ "expired at once",
	  { { .path = FIRST, .text = LIST("5", ""), .times = 1 },
	    { .path = FROM("5"),
	      .text = "HTTP/1.1 410 x\r\nContent-Length: 42\r\n\r\n{\"kind\":\"Status\",\"code\":410,\"reason\":\"Gone\"}",
	      .times = 1 },
	    { .path = FIRST, .text = LIST("9", ITEM("c", "9")) },
	    { .path = FROM("9"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[][+c]+end",
	  1 },
	{ "garbage",
	  { { .path = FIRST, .text = LIST("5", ""), .times = 1 },
	    { .path = FROM("5"), .text = OK "\r\n" LINE("ADDED", "a", "6") "<html>\n", .times = 1 },
	    { .path = FIRST, .text = LIST("9", ITEM("a", "6")) },
	    { .path = FROM("9"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[]+a[]+end",
	  1 },
	{ "told to wait, then gone back in time",
	  { { .path = FIRST, .text = LIST("50", ITEM("a", "50")), .times = 1 },
	    { .path = FROM("50"),
	      .text = "HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
	      .times = 1 },
	    { .path = FIRST, .text = LIST("9", ITEM("b", "9")), .times = 2 },
	    { .path = FROM("9"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[+a][+b-a]+end",
	  1 },
	{ "a list that is none, and one that fails",
	  { { .path = FIRST, .text = OK "\r\n{\"kind\":\"Status\"}", .times = 1 },
	    { .path = FIRST, .text = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", .times = 1 },
	    { .path = FIRST, .text = LIST("5", "") },
	    { .path = FROM("5"), .text = OK "\r\n" LINE("ADDED", "end", "99") },
	    LAST },
	  "[[[]+end",
	  2 },
};

struct follower {
	struct kube_cache *cache;
	pthread_mutex_t lock;
	char log[256];
	unsigned troubles;
	bool ended;
};

static void add(struct follower *f, char sign, const char *name)
{
	size_t n = strlen(f->log);

	pthread_mutex_lock(&f->lock);
	snprintf(f->log + n, sizeof(f->log) - n, "%c%s", sign, name);
	f->ended = f->ended || !strcmp(name, "end");
	pthread_mutex_unlock(&f->lock);
}

static bool want(const struct kube_item *item)
{
	const struct kube_node *n = item->view;

	return !n->meta.deleted_at;
}

static void changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	add(arg, !old ? '+' : now ? '*' : '-', now ? now->name : old->name);
}

static void synced(void *arg)
{
	add(arg, ']', "");
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct follower *f = arg;

	if (ev->change == KUBE_LISTING)
		add(f, '[', "");
	return kube_cache_event(ev, f->cache, e);
}

static void trouble(const struct err *why, void *arg)
{
	struct follower *f = arg;

	assert_true(why->msg[0]);
	pthread_mutex_lock(&f->lock);
	f->troubles++;
	pthread_mutex_unlock(&f->lock);
}

static bool ended(struct follower *f)
{
	bool is;

	pthread_mutex_lock(&f->lock);
	is = f->ended;
	pthread_mutex_unlock(&f->lock);
	return is;
}

static void run_row(struct row *t)
{
	struct follower fo = { 0 };
	struct kube_watch_conf c = { .res = &kube_resources[KUBE_NODES],
				     .table = &kube_node_table,
				     .event = event,
				     .trouble = trouble,
				     .arg = &fo };
	struct kube_cache_conf cache = { &kube_node_table, want, changed, synced, &fo };
	struct deadline end = deadline_in(AMPLE);
	struct kube_watch *w;
	struct err e;
	struct fake f;
	size_t n = 0;

	while (n < ARRAY_LEN(t->answers) && t->answers[n].path)
		n++;
	pthread_mutex_init(&fo.lock, NULL);
	fake_start(&f, t->answers, n, &c.k);
	assert_int_equal(kube_cache_new(&cache, &fo.cache, &e), 0);
	assert_int_equal(kube_watch_start(&c, &w, &e), 0);
	while (!ended(&fo) && deadline_left(end))
		usleep(2000);
	kube_watch_stop(w);
	fake_stop(&f, c.k);
	if (strcmp(fo.log, t->log) != 0 || fo.troubles < t->troubles) {
		for (size_t i = 0; i < f.n_asked; i++)
			print_message("# %s\n", f.asked[i]);
		fail_msg("%s: \"%s\" with %u troubles, want \"%s\" with %u", t->name, fo.log, fo.troubles,
			 t->log, t->troubles);
	}
	kube_cache_free(fo.cache);
	pthread_mutex_destroy(&fo.lock);
}

static void test_streams(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		run_row(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_streams) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
