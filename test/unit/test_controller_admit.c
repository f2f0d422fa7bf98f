/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_admit.c - what is asked of the API server for which edit, and what its troubles make of the
 * answer (e2e/kube/75-admission.bats has every rule) */
#include "admit_lab.h"

#define MAPS "/api/v1/namespaces/kube-system/configmaps"
#define MAP  MAPS "/spiderpool-admission"
#define STATUS(code, reason) \
	"{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"" reason "\",\"code\":" code "}"
#define NO_MAP \
	{ \
		MAP, .text = HTTP("404 Not Found") STATUS("404", "NotFound"), .times = 1 \
	}
#define NEW_MAP \
	{ \
		MAPS, .text = HTTP("201 Created") "{}", .times = 1 \
	}
#define THE_MAP(intents) \
	{ \
		MAP, \
			.text = OK \
			"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"spiderpool-admission\",\"resourceVersion\":" \
			"\"5\"},\"data\":{\"intents\":\"{\\\"intents\\\":[" intents "]}\"}}", \
			.times = 1 \
	}
#define PUT_MAP \
	{ \
		MAP, .text = OK "{}", .times = 1 \
	}
#define A      POOL("a", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.9\"]")
#define A_LESS POOL("a", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.4\"]")
#define A_MORE POOL("a", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.12\"]")
#define A_OFF  POOL("a", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.9\"],\"disable\":true")
#define A_META \
	POOL("a", ",\"labels\":{\"x\":\"y\"}", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.9\"]")
#define A_BAD         POOL("a", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.1.1\"]")
#define A_BAD_META    POOL("a", ",\"labels\":{\"x\":\"y\"}", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.1.1\"]")
#define APP_SPEC      "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1\"]"
#define APP           POOL("app", ",\"labels\":{\"" API_LABEL_APP_NAME "\":\"web\"}", APP_SPEC)
#define APP_NONE      POOL("app", "", APP_SPEC)
#define APP_NONE_GOES POOL("app", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", APP_SPEC)
#define B             POOL("b", "", "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.9\"]")
#define GHOST \
	"{\\\"id\\\":\\\"i\\\",\\\"kind\\\":\\\"SpiderIPPool\\\",\\\"name\\\":\\\"b\\\",\\\"uid\\\":\\\"u-b\\\"," \
	"\\\"subnet\\\":\\\"10.0.0.0/24\\\",\\\"ipVersion\\\":4,\\\"ips\\\":[\\\"10.0.0.9\\\"]," \
	"\\\"until\\\":1795420890000}"
#define THERE(object) \
	{ \
		SPIDER "/spiderippools/", .text = OK object, .times = 1 \
	}
#define BLOCK(line) \
	{ \
		SPIDER "/spideripblocks/v4-0a000000", \
			.text = OK "{\"metadata\":{\"name\":\"v4-0a000000\"},\"spec\":{\"records\":\"" line \
				   "\"}}", \
			.times = 1 \
	}
#define RECORD(offset, hold, pool) \
	offset "\\t" hold "\\t1\\t" pool "\\tn\\tns\\tp\\tu\\teth0\\tnode\\tc\\tb\\tr\\tx\\t\\t0\\t\\t\\n"

#define ANSWERS_MAX 10

static const struct {
	const char *rule, *operation, *old, *object;
	int r; /* 0, or the errno of the refusal */
	int cni;
	const char *says, *asked;
	struct fake_answer answers[ANSWERS_MAX];
	bool dry_run, deletion, no_apps;
	const char *user; /* we are "us"; NULL: who we are is not known */
} rows[] = {
	{ "a new pool: intent, then lists",
	  "CREATE",
	  NULL,
	  A,
	  0,
	  0,
	  NULL,
	  "GET map,POST map,GET pools,GET subnets",
	  { NO_MAP, NEW_MAP, LIST("spiderippools", ""), LIST("spidersubnets", "") },
	  .dry_run = false },
	{ "a dry run writes nothing",
	  "CREATE",
	  NULL,
	  A,
	  0,
	  0,
	  NULL,
	  "GET map,GET pools,GET subnets",
	  { NO_MAP, LIST("spiderippools", ""), LIST("spidersubnets", "") },
	  .dry_run = true },
	{ "wrong by itself: nobody is asked",
	  "CREATE",
	  NULL,
	  A_BAD,
	  EINVAL,
	  ERR_CONFIG,
	  "spec.ips[0]",
	  "",
	  { { 0 } },
	  .dry_run = false },
	{ "labels: nobody is asked", "UPDATE", A, A_META, 0, 0, NULL, "", { { 0 } }, .dry_run = false },
	{ "labels of what would be refused today: nobody is asked",
	  "UPDATE",
	  A_BAD,
	  A_BAD_META,
	  0,
	  0,
	  NULL,
	  "",
	  { { 0 } },
	  .dry_run = false },
	{ "whose pool of an application it is: not by anybody",
	  "UPDATE",
	  APP,
	  APP_NONE,
	  EINVAL,
	  ERR_CONFIG,
	  "SpiderIPPool app: metadata.labels[" API_LABEL_APP_NAME "]: cannot change from web",
	  "",
	  { { 0 } },
	  .user = "you" },
	{ "by us", "UPDATE", APP, APP_NONE, 0, 0, NULL, "", { { 0 } }, .user = "us" },
	{ "while it is being deleted",
	  "UPDATE",
	  APP,
	  APP_NONE_GOES,
	  0,
	  0,
	  NULL,
	  "",
	  { { 0 } },
	  .user = "you" },
	{ "when we do not know ourselves", "UPDATE", APP, APP_NONE, 0, 0, NULL, "", { { 0 } }, .user = NULL },
	{ "when the controller makes no such pools",
	  "UPDATE",
	  APP,
	  APP_NONE,
	  0,
	  0,
	  NULL,
	  "",
	  { { 0 } },
	  .user = "you",
	  .no_apps = true },
	{ "a pool for an application: not by anybody",
	  "CREATE",
	  NULL,
	  APP,
	  EINVAL,
	  ERR_CONFIG,
	  "only the controller makes pools for applications",
	  "",
	  { { 0 } },
	  .user = "you" },
	{ "a pool for an application, by us",
	  "CREATE",
	  NULL,
	  APP,
	  0,
	  0,
	  NULL,
	  "GET map,POST map,GET pools,GET subnets",
	  { NO_MAP, NEW_MAP, LIST("spiderippools", ""), LIST("spidersubnets", "") },
	  .user = "us" },
	{ "in the way of another: the intent is taken out",
	  "CREATE",
	  NULL,
	  A,
	  EINVAL,
	  ERR_CONFIG,
	  "10.0.0.9: SpiderIPPool b has them too",
	  "GET map,PUT map,GET pools,GET subnets,GET map",
	  { THE_MAP(""), PUT_MAP, LIST("spiderippools", B), LIST("spidersubnets", ""), THE_MAP("") },
	  .dry_run = false },
	{ "of what is just being created",
	  "CREATE",
	  NULL,
	  A,
	  EAGAIN,
	  ERR_CONFIG,
	  "SpiderIPPool b is just being created: try again",
	  "GET map,PUT map,GET pools,GET subnets,GET map",
	  { THE_MAP(GHOST), PUT_MAP, LIST("spiderippools", ""), LIST("spidersubnets", ""), THE_MAP("") },
	  .dry_run = false },
	{ "the same, in a dry run",
	  "CREATE",
	  NULL,
	  A,
	  EAGAIN,
	  ERR_CONFIG,
	  "try again",
	  "GET map,GET pools,GET subnets",
	  { THE_MAP(GHOST), LIST("spiderippools", ""), LIST("spidersubnets", "") },
	  .dry_run = true },
	{ "somebody else wrote: again",
	  "CREATE",
	  NULL,
	  A,
	  0,
	  0,
	  NULL,
	  "GET map,PUT map,GET map,PUT map,GET pools,GET subnets",
	  { THE_MAP(""),
	    { MAP, .text = HTTP("409 Conflict") STATUS("409", "Conflict"), .times = 1 },
	    THE_MAP(""),
	    PUT_MAP,
	    LIST("spiderippools", ""),
	    LIST("spidersubnets", "") },
	  .dry_run = false },
	{ "somebody else made it: again",
	  "CREATE",
	  NULL,
	  A,
	  0,
	  0,
	  NULL,
	  "GET map,POST map,GET map,PUT map,GET pools,GET subnets",
	  { NO_MAP,
	    { MAPS, .text = HTTP("409 Conflict") STATUS("409", "AlreadyExists"), .times = 1 },
	    THE_MAP(""),
	    PUT_MAP,
	    LIST("spiderippools", ""),
	    LIST("spidersubnets", "") },
	  .dry_run = false },
	{ "no right to write: not the pool's fault",
	  "CREATE",
	  NULL,
	  A,
	  EACCES,
	  ERR_IO,
	  "",
	  "GET map,POST map,GET map",
	  { NO_MAP, { MAPS, .text = HTTP("403 Forbidden") STATUS("403", "Forbidden"), .times = 1 }, NO_MAP },
	  .dry_run = false },
	{ "no list: not the pool's fault",
	  "CREATE",
	  NULL,
	  A,
	  EACCES,
	  ERR_IO,
	  "cannot be compared with what there is",
	  "GET map,PUT map,GET pools,GET map",
	  { THE_MAP(""),
	    PUT_MAP,
	    { SPIDER, .text = HTTP("403 Forbidden") STATUS("403", "Forbidden"), .times = 1 },
	    THE_MAP("") },
	  .dry_run = false },
	{ "fewer addresses: their blocks alone",
	  "UPDATE",
	  A,
	  A_LESS,
	  0,
	  0,
	  NULL,
	  "GET block",
	  { BLOCK(RECORD("2", "pod", "a")) },
	  .dry_run = false },
	{ "no such block",
	  "UPDATE",
	  A,
	  A_LESS,
	  0,
	  0,
	  NULL,
	  "GET block",
	  { { SPIDER "/spideripblocks/", .text = HTTP("404 Not Found") STATUS("404", "NotFound"),
	      .times = 1 } },
	  .dry_run = false },
	{ "held",
	  "UPDATE",
	  A,
	  A_LESS,
	  EBUSY,
	  ERR_CONFIG,
	  "10.0.0.7: in use",
	  "GET block",
	  { BLOCK(RECORD("7", "sts", "a")) },
	  .dry_run = false },
	{ "held under another name",
	  "UPDATE",
	  A,
	  A_LESS,
	  0,
	  0,
	  NULL,
	  "GET block",
	  { BLOCK(RECORD("7", "pod", "c")) },
	  .dry_run = false },
	{ "cooling",
	  "UPDATE",
	  A,
	  A_LESS,
	  0,
	  0,
	  NULL,
	  "GET block",
	  { BLOCK(RECORD("7", "free", "a")) },
	  .dry_run = false },
	{ "in quarantine, which is why it is taken out",
	  "UPDATE",
	  A,
	  A_LESS,
	  0,
	  0,
	  NULL,
	  "GET block",
	  { BLOCK(RECORD("7", "quarantine", "a")) },
	  .dry_run = false },
	{ "a damaged block",
	  "UPDATE",
	  A,
	  A_LESS,
	  EBADMSG,
	  ERR_DECODE,
	  "SpiderIPBlock v4-0a000000",
	  "GET block",
	  { BLOCK("7\\tpod\\n") },
	  .dry_run = false },
	{ "more addresses: intent, then lists",
	  "UPDATE",
	  A_LESS,
	  A,
	  0,
	  0,
	  NULL,
	  "GET map,PUT map,GET pools,GET subnets",
	  { THE_MAP(""), PUT_MAP, LIST("spiderippools", A_LESS), LIST("spidersubnets", "") },
	  .dry_run = false },
	{ "into another",
	  "UPDATE",
	  A_LESS,
	  A,
	  EINVAL,
	  ERR_CONFIG,
	  "10.0.0.9: SpiderIPPool b has them too",
	  "GET map,PUT map,GET pools,GET subnets,GET map",
	  { THE_MAP(""), PUT_MAP, LIST("spiderippools", A_LESS "," B), LIST("spidersubnets", ""),
	    THE_MAP("") },
	  .dry_run = false },
	{ "beside what another has had from of old",
	  "UPDATE",
	  A,
	  A_MORE,
	  0,
	  0,
	  NULL,
	  "GET map,PUT map,GET pools,GET subnets",
	  { THE_MAP(""), PUT_MAP, LIST("spiderippools", A "," B), LIST("spidersubnets", "") },
	  .dry_run = false },
	{ "the same addresses: nobody is asked",
	  "UPDATE",
	  A,
	  A_OFF,
	  0,
	  0,
	  NULL,
	  "",
	  { { 0 } },
	  .dry_run = false },
	{ "a delete: it was there",
	  "DELETE",
	  A,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools,GET map",
	  { THERE(A), THE_MAP("") },
	  .dry_run = false },
	{ "its create is over",
	  "DELETE",
	  B,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools,GET map,PUT map",
	  { THERE(B), THE_MAP(GHOST), PUT_MAP },
	  .dry_run = false },
	{ "a delete, and nobody answers: never refused for that",
	  "DELETE",
	  A,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools,GET map",
	  { THERE(A), { MAP, .text = HTTP("403 Forbidden") STATUS("403", "Forbidden"), .times = 1 } },
	  .dry_run = false },
	{ "in use, with the switch",
	  "DELETE",
	  A,
	  NULL,
	  EBUSY,
	  ERR_CONFIG,
	  "in use",
	  "GET pools,GET map,GET block",
	  { THERE(A), THE_MAP(""), BLOCK(RECORD("7", "pod", "a")) },
	  .deletion = true },
	{ "not in use, with the switch",
	  "DELETE",
	  A,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools,GET map,GET block",
	  { THERE(A), THE_MAP(""), BLOCK("") },
	  .deletion = true },
	{ "a delete of what is not there yet: its intent stays",
	  "DELETE",
	  B,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools",
	  { { SPIDER "/spiderippools/b", .text = HTTP("404 Not Found") STATUS("404", "NotFound"),
	      .times = 1 } },
	  .dry_run = false },
	{ "of another one of that name",
	  "DELETE",
	  B,
	  NULL,
	  0,
	  0,
	  NULL,
	  "GET pools",
	  { { SPIDER "/spiderippools/b", .text = OK A, .times = 1 } },
	  .dry_run = false },
};

/* "GET map,PUT map" */
static void asked(const struct fake *f, char *out, size_t size)
{
	static const struct {
		const char *path, *name;
	} names[] = { { MAPS, "map" },
		      { SPIDER "/spiderippools", "pools" },
		      { SPIDER "/spidersubnets", "subnets" },
		      { SPIDER "/spideripblocks", "block" } };

	out[0] = '\0';
	for (size_t i = 0; i < f->n_asked; i++) {
		const char *path = strchr(f->asked[i], ' ') + 1, *name = path;
		const size_t n = strlen(out);

		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			if (strncmp(path, names[k].path, strlen(names[k].path)) == 0)
				name = names[k].name;
		}
		snprintf(out + n, size - n, "%s%.*s%s", n ? "," : "", (int)(path - f->asked[i]), f->asked[i],
			 name);
	}
}

static void check_row(size_t i)
{
	CLEANUP(json_put_p) struct json_object *old = parse(rows[i].old);
	CLEANUP(json_put_p) struct json_object *object = parse(rows[i].object);
	const struct review_request q = { .uid = (char *)"q",
					  .user.name = (char *)rows[i].user,
					  .operation = (char *)rows[i].operation,
					  .dry_run = rows[i].dry_run,
					  .old = old,
					  .object = object };
	struct controller_config conf = { .file = { .enable_ipv4 = true,
						    .enable_subnet = true,
						    .enable_auto_pool = !rows[i].no_apps,
						    .deletion_webhook = rows[i].deletion } };
	struct fake_answer answers[ANSWERS_MAX];
	struct admit_call c = { .q = &q, .until = deadline_in(5000) };
	char what[1024];
	struct admit a;
	struct kube *k;
	struct fake f;
	size_t n = 0;
	int r;

	memcpy(answers, rows[i].answers, sizeof(answers));
	while (n < ANSWERS_MAX && answers[n].path)
		n++;
	fake_start(&f, answers, n, &k);
	open_admit(&a, k, &conf);
	c.a = &a;
	if (rows[i].user)
		a.self = (char *)"us";
	r = admit_validate_pool(&c, NULL, &err);
	close_admit(&a);
	fake_stop(&f, k);
	asked(&f, what, sizeof(what));
	if (r != -rows[i].r || (r < 0 && (err.cni != rows[i].cni || !strstr(err.msg, rows[i].says))))
		fail_msg("%s: %d %d %s (asked %s)", rows[i].rule, r, r < 0 ? err.cni : 0,
			 r < 0 ? err.msg : "", what);
	if (strcmp(what, rows[i].asked) != 0)
		fail_msg("%s: asked %s, want %s", rows[i].rule, what, rows[i].asked);
}

static void pools(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(i);
}

/* ---- many at once share what is written and read ---- */

#define MANY 24

struct one {
	pthread_t thread;
	struct admit *a;
	char id[16];
	int r;
	struct err e;
};

static void *ask(void *arg)
{
	struct one *o = arg;
	CLEANUP(json_put_p) struct json_object *object = parse(A);
	const struct review_request q = { .uid = o->id, .operation = (char *)"CREATE", .object = object };
	struct admit_call c = { .a = o->a, .q = &q, .until = deadline_in(20000) };

	o->r = admit_validate_pool(&c, NULL, &o->e);
	return NULL;
}

/* An answer after which the connection stays open. */
static struct fake_answer kept(const char *method, const char *path, const char *body, char text[1024])
{
	snprintf(text, 1024, "HTTP/1.1 200 OK\r\n" DATE "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	return (struct fake_answer){ .method = method, .path = path, .text = text, .keeps = true };
}

#define EMPTY_MAP    "{\"metadata\":{\"name\":\"spiderpool-admission\",\"resourceVersion\":\"5\"}}"
#define ITEMS(items) "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items "]}"

static void together(void **state)
{
	static char text[4][1024];
	struct fake_answer answers[] = {
		kept("GET", MAP, EMPTY_MAP, text[0]),
		kept("PUT", MAP, "{}", text[1]),
		kept("GET", SPIDER "/spiderippools?", ITEMS(B), text[2]),
		kept("GET", SPIDER "/spidersubnets?", ITEMS(""), text[3]),
	};
	struct controller_config conf = { .file = { .enable_ipv4 = true } };
	struct one many[MANY] = { 0 };
	struct admit a;
	struct kube *k;
	struct fake f;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	open_admit(&a, k, &conf);
	for (int i = 0; i < MANY; i++) {
		many[i].a = &a;
		snprintf(many[i].id, sizeof(many[i].id), "q%d", i);
		assert_int_equal(pthread_create(&many[i].thread, NULL, ask, &many[i]), 0);
	}
	for (int i = 0; i < MANY; i++) {
		pthread_join(many[i].thread, NULL);
		if (many[i].r != -EINVAL || !strstr(many[i].e.msg, "SpiderIPPool b has them too"))
			fail_msg("%d: %d %s", i, many[i].r, many[i].e.msg);
	}
	/* nobody holds what was read any more, nobody waits */
	assert_null(a.all->last);
	assert_null(a.book->head);
	assert_int_equal(a.book->begun, a.book->ended);
	close_admit(&a);
	fake_stop(&f, k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools),
		cmocka_unit_test(together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
