/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app_kinds.c - kinds of others, over an API server of scripted answers: found, followed,
 * found anew, gone
 */
#include "kube_fake.h"

#include <errno.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/discovery.c"
#define find table_find
#include "../../cmd/controller/app_table.c"
#undef find

static int64_t mono;

static int64_t test_mono(void)
{
	return mono;
}
#define clock_mono_ms test_mono
#include "../../cmd/controller/app_kinds.c"

#define AMPLE   30000
#define HTTP_OK "HTTP/1.1 200 OK\r\n\r\n"
#define REFUSED(code, reason) \
	"HTTP/1.1 " code " x\r\n\r\n{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason \
	"\",\"message\":\"refused\"}"
#define NO_PATH      "HTTP/1.1 404 x\r\n\r\n404 page not found\n"
#define ITEMS(items) HTTP_OK "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define RESOURCES(plural) \
	HTTP_OK "{\"resources\":[{\"name\":\"" plural "\",\"namespaced\":true,\"kind\":\"K\"}"
#define SERVED(plural)   RESOURCES(plural) ",{\"name\":\"" plural "/scale\",\"kind\":\"Scale\"}]}"
#define UNSCALED(plural) RESOURCES(plural) "]}"
#define NAMED(name)      "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"4\"}}"
#define DEFINES(name, of) \
	HTTP_OK "{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"names\":{\"kind\":\"" of "\"}}}"
#define SERVICE(group, at) "{\"spec\":{\"group\":\"" group "\",\"service\":" at "}}"

#define DISCOVERY   "/apis/g.io/v1"
#define LIST        "/apis/g.io/v1/ks?limit"
#define WATCH       "/apis/g.io/v1/ks?watch=1"
#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#define SERVICES    "/apis/apiregistration.k8s.io/v1/apiservices"

static struct lab {
	struct fake f;
	struct fake_answer answers[16];
	struct kube *k;
	struct app_table *table;
	struct app_kinds *ks;
	pthread_mutex_t lock;
	char keys[4096], troubles[4096]; /* that were told, each and a blank */
} lab;
static struct err err;

static void add_text(char *to, size_t size, const char *text)
{
	pthread_mutex_lock(&lab.lock);
	snprintf(to + strlen(to), size - strlen(to), "%s ", text);
	pthread_mutex_unlock(&lab.lock);
}

static void note_key(const char *key, void *arg)
{
	(void)arg;
	add_text(lab.keys, sizeof(lab.keys), key);
}

static void note_trouble(const char *sentence, void *arg)
{
	(void)arg;
	add_text(lab.troubles, sizeof(lab.troubles), sentence);
}

static unsigned count_in(const char *in, const char *what)
{
	unsigned n = 0;

	pthread_mutex_lock(&lab.lock);
	for (const char *s = in; (s = strstr(s, what)); s++)
		n++;
	pthread_mutex_unlock(&lab.lock);
	return n;
}

static unsigned asked(const char *path)
{
	unsigned n = 0;

	pthread_mutex_lock(&lab.f.lock);
	for (size_t i = 0; i < lab.f.n_asked; i++)
		n += !strncmp(strchr(lab.f.asked[i], ' ') + 1, path, strlen(path));
	pthread_mutex_unlock(&lab.f.lock);
	return n;
}

#define EVENTUALLY(what) \
	do { \
		struct deadline until_ = deadline_in(AMPLE); \
		while (!(what) && deadline_left(until_)) \
			usleep(5000); \
		if (!(what)) \
			fail_msg("never: %s; told of %s; troubles: %s", #what, lab.keys, lab.troubles); \
	} while (0)

static void put_key(const char *api_version, const char *kind, const char *name)
{
	const struct ipam_owner id = { api_version, kind, "ns", name, "u" };
	char key[APP_KEY_MAX];
	struct app a;

	assert_int_equal(app_make(&id, &a, &err), 0);
	assert_int_equal(app_table_put(lab.table, app_key(api_version, kind, "ns", name, key), &a, 0, &err),
			 1);
}

/* The answers end with an empty one. */
static void start(const struct fake_answer *answers)
{
	struct app_kinds_conf c = { .changed = note_key, .trouble = note_trouble };
	size_t n = 0;

	memset(&lab, 0, sizeof(lab));
	pthread_mutex_init(&lab.lock, NULL);
	for (; answers[n].path; n++)
		lab.answers[n] = answers[n];
	fake_start(&lab.f, lab.answers, n, &lab.k);
	assert_int_equal(app_table_new(&lab.table, &err), 0);
	c.k = lab.k;
	c.table = lab.table;
	assert_int_equal(app_kinds_new(&c, &lab.ks, &err), 0);
}

static void stop(void)
{
	app_kinds_stop(lab.ks);
	app_kinds_free(lab.ks);
	app_table_free(lab.table);
	fake_stop(&lab.f, lab.k);
	pthread_mutex_destroy(&lab.lock);
}

static int get_k(struct discovered *d)
{
	int r = app_kinds_get(lab.ks, "g.io/v1", "K", NULL, d, &err);

	if (r < 0 && r != -ENOENT)
		fail_msg("%s", err.msg);
	return r;
}

/* 1: it is heard of already. */
static int follow_k(void)
{
	return app_kinds_follow(lab.ks, "g.io/v1", "K", &err);
}

/* ---- following ---- */

/* What is deleted while the watch is away is not among what is listed, and nobody tells of it. */
static void test_listed_again(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = LIST, .text = ITEMS("") },
		{ .path = WATCH, .text = REFUSED("410", "Expired"), .times = 1 },
		{ .path = WATCH, .text = HTTP_OK, .stays = true },
		{ .path = DISCOVERY, .text = SERVED("ks") },
		{ 0 },
	};
	struct discovered d;

	(void)state;
	start(answers);
	put_key("g.io/v1", "K", "a");
	put_key("g.io/v1", "Kx", "b");
	put_key("h.io/v1", "K", "c");
	assert_int_equal(get_k(&d), 0);
	assert_in_range(follow_k(), 0, 1);
	EVENTUALLY(count_in(lab.keys, "g.io|K|ns|a ") == 2);
	assert_int_equal(count_in(lab.keys, "|b "), 0);
	assert_int_equal(count_in(lab.keys, "|c "), 0);
	EVENTUALLY(follow_k() == 1);
	stop();
}

/* A watch that goes on where it was lists nothing. */
static void test_resumed(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = LIST, .text = ITEMS("") },
		{ .path = WATCH, .text = REFUSED("500", "InternalError"), .times = 1 },
		{ .path = WATCH,
		  .text = HTTP_OK
		  "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"a\",\"namespace\":"
		  "\"ns\",\"uid\":\"u\",\"resourceVersion\":\"6\"}}}\n",
		  .stays = true },
		{ .path = DISCOVERY, .text = SERVED("ks") },
		{ 0 },
	};
	struct discovered d;

	(void)state;
	start(answers);
	assert_int_equal(get_k(&d), 0);
	assert_in_range(follow_k(), 0, 1);
	EVENTUALLY(count_in(lab.troubles, "InternalError") == 1);
	EVENTUALLY(follow_k() == 1);
	stop();
}

/* Every few seconds, for as long as the right is missing. */
static void test_said_once(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = LIST, .text = REFUSED("403", "Forbidden") },
		{ .path = DISCOVERY, .text = SERVED("ks") },
		{ 0 },
	};
	struct discovered d;

	(void)state;
	start(answers);
	assert_int_equal(get_k(&d), 0);
	assert_in_range(follow_k(), 0, 1);
	EVENTUALLY(asked(LIST) >= 4);
	assert_int_equal(count_in(lab.troubles, "may not read ks"), 1);
	assert_int_equal(follow_k(), 0);
	stop();
}

/* ---- what is served changes ---- */

static void test_stale(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = LIST, .text = ITEMS("") },
		{ .path = WATCH, .text = HTTP_OK, .stays = true },
		{ .path = "/apis/g.io/v1/others?limit", .text = ITEMS(""), .times = 1 },
		{ .path = "/apis/g.io/v1/others?watch=1", .text = NO_PATH },
		{ .path = "/apis/g.io/v1/others?limit", .text = NO_PATH },
		{ .path = DEFINITIONS "?limit", .text = ITEMS("") },
		{ .path = SERVICES, .text = ITEMS("") },
		{ .path = DISCOVERY, .text = SERVED("ks"), .times = 1 },
		{ .path = DISCOVERY, .text = SERVED("others"), .times = 1 },
		{ .path = DISCOVERY, .text = NO_PATH },
		{ 0 },
	};
	struct discovered d;

	(void)state;
	start(answers);
	put_key("g.io/v1", "K", "a");
	assert_int_equal(get_k(&d), 0);
	assert_in_range(follow_k(), 0, 1);
	EVENTUALLY(count_in(lab.keys, "|a ") == 1);
	/* A request for it is answered as none of its kind is: it is another one by now. */
	assert_int_equal(app_kinds_explain(lab.ks, &d, -EACCES, &err), -EACCES);
	assert_int_equal(get_k(&d), 0);
	assert_string_equal(d.res.plural, "ks");
	assert_int_equal(app_kinds_explain(lab.ks, &d, -ENXIO, &err), -ENXIO);
	assert_int_equal(get_k(&d), 0);
	assert_string_equal(d.res.plural, "others");
	assert_in_range(follow_k(), 0, 1);
	/* Listed, and not served any more: both lets its applications be looked at. */
	EVENTUALLY(count_in(lab.keys, "|a ") == 3);
	assert_int_equal(get_k(&d), 1);
	assert_int_equal(lab.ks->n, 0);
	stop();
}

static void test_scale(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = DISCOVERY, .text = UNSCALED("ks"), .times = 1 },
		{ .path = DISCOVERY, .text = SERVED("ks") },
		{ 0 },
	};
	struct discovered d;

	(void)state;
	start(answers);
	assert_int_equal(get_k(&d), 0);
	mono += APP_KINDS_AGAIN_MS - 1;
	assert_int_equal(get_k(&d), 0);
	assert_false(d.scale);
	mono++;
	assert_int_equal(get_k(&d), 0);
	assert_true(d.scale);
	mono += 2 * APP_KINDS_AGAIN_MS;
	assert_int_equal(get_k(&d), 0);
	assert_int_equal(asked(DISCOVERY), 2);
	stop();
}

/* ---- what is not served ---- */

static const struct {
	const char *name, *discovery, *definitions, *definition, *services;
	int r;
} unserved[] = {
	{ "nothing is left", NO_PATH, ITEMS(""), NO_PATH, ITEMS(""), 1 },
	{ "a definition of the kind", NO_PATH, ITEMS(NAMED("ks.g.io")), DEFINES("ks.g.io", "K"), ITEMS(""),
	  -ENOENT },
	{ "of the kind, in another version", HTTP_OK "{\"resources\":[]}", ITEMS(NAMED("ks.g.io")),
	  DEFINES("ks.g.io", "K"), ITEMS(""), -ENOENT },
	{ "of another kind of the group", NO_PATH, ITEMS(NAMED("ks.g.io")), DEFINES("ks.g.io", "X"),
	  ITEMS(SERVICE("g.io", "null")), 1 },
	{ "of another group", REFUSED("404", "NotFound"), ITEMS(NAMED("ks.h.g.io")),
	  DEFINES("ks.h.g.io", "K"), ITEMS(SERVICE("h.g.io", "{}")), 1 },
	{ "deleted meanwhile", NO_PATH, ITEMS(NAMED("ks.g.io")), REFUSED("404", "NotFound"), ITEMS(""), 1 },
	{ "a server beside", NO_PATH, ITEMS(""), NO_PATH, ITEMS(SERVICE("g.io", "{\"name\":\"s\"}")),
	  -ENOENT },
	{ "the list is refused", NO_PATH, REFUSED("403", "Forbidden"), NO_PATH, ITEMS(""), -EACCES },
	{ "the other list is refused", NO_PATH, ITEMS(""), NO_PATH, REFUSED("403", "Forbidden"), -EACCES },
};

static void test_unserved(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unserved); i++) {
		const struct fake_answer answers[] = {
			{ .path = DISCOVERY, .text = unserved[i].discovery },
			{ .path = DEFINITIONS "?limit", .text = unserved[i].definitions },
			{ .path = DEFINITIONS "/", .text = unserved[i].definition },
			{ .path = SERVICES, .text = unserved[i].services },
			{ 0 },
		};
		struct discovered d;
		int r;

		start(answers);
		r = app_kinds_get(lab.ks, "g.io/v1", "K", NULL, &d, &err);
		if (r != unserved[i].r)
			fail_msg("%s: %d, %s", unserved[i].name, r, r < 0 ? err.msg : "");
		stop();
	}
}

/* What has been Kubernetes' own in an older version. */
static void test_own_groups(void **state)
{
	static const struct fake_answer answers[] = { { .path = "/api", .text = NO_PATH }, { 0 } };
	struct discovered d;

	(void)state;
	start(answers);
	assert_int_equal(app_kinds_get(lab.ks, "apps/v1beta1", "Deployment", NULL, &d, &err), -ENOENT);
	assert_int_equal(app_kinds_get(lab.ks, "v0", "Pod", NULL, &d, &err), -ENOENT);
	assert_int_equal(lab.f.n_asked, 2);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed_again), cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_said_once),    cmocka_unit_test(test_stale),
		cmocka_unit_test(test_scale),        cmocka_unit_test(test_unserved),
		cmocka_unit_test(test_own_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
