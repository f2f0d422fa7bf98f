/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_client.c - answers that a real API server does not give to order */
#include "kube_fake.h"

#include <errno.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object.h"

#define AMPLE    30000
#define OK       "HTTP/1.1 200 OK\r\n"
#define OBJECT   "{\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"7\"}}"
#define OBJECT_L "Content-Length: 47\r\n"

struct row {
	const char *name;
	struct fake_answer answers[3];
	int ms, r, status;
	enum kube_outcome outcome; /* of a write; reads differ by their repetition alone */
	const char *said;          /* in the sentence, or the body */
	size_t asked;
};

/* Each is a PUT; a read of the same is repeated where that is of use. */
static struct row rows[] = {
	{ "plain", { { .text = OK OBJECT_L "\r\n" OBJECT } }, AMPLE, 0, 200, KUBE_ANSWERED, "", 1 },
	{ "chunks",
	  { { .text = OK "Transfer-Encoding: chunked\r\n\r\n2f\r\n" OBJECT "\r\n0\r\n\r\n" } },
	  AMPLE,
	  0,
	  200,
	  KUBE_ANSWERED,
	  "",
	  1 },
	{ "drips",
	  { { .text = OK OBJECT_L "\r\n" OBJECT, .step = 3 } },
	  AMPLE,
	  0,
	  200,
	  KUBE_ANSWERED,
	  "",
	  1 },
	{ "told to wait, header",
	  { { .text = "HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", .times = 1 },
	    { .text = OK OBJECT_L "\r\n" OBJECT } },
	  AMPLE,
	  0,
	  200,
	  KUBE_ANSWERED,
	  "",
	  2 },
	{ "told to wait too long",
	  { { .text = "HTTP/1.1 429 x\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n" } },
	  AMPLE,
	  -EAGAIN,
	  429,
	  KUBE_ANSWERED,
	  "HTTP 429",
	  1 },
	{ "a proxy's page",
	  { { .text = "HTTP/1.1 503 x\r\n\r\n<html>\n  <b>No\x01 backend</b></html>" } },
	  AMPLE,
	  -EAGAIN,
	  503,
	  KUBE_UNKNOWN,
	  "<html> <b>No backend</b></html> (HTTP 503)",
	  1 },
	{ "elsewhere",
	  { { .text = "HTTP/1.1 307 x\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n" } },
	  AMPLE,
	  -EIO,
	  307,
	  KUBE_ANSWERED,
	  "HTTP 307",
	  1 },
	{ "cut in its body",
	  { { .text = OK "Content-Length: 99\r\n\r\n{" } },
	  AMPLE,
	  -ECONNRESET,
	  200,
	  KUBE_UNKNOWN,
	  "",
	  1 },
	{ "cut in its head", { { .text = OK "Content-" } }, AMPLE, -ECONNRESET, 200, KUBE_UNKNOWN, "", 1 },
	{ "closes", { { .text = NULL } }, AMPLE, -ECONNRESET, 0, KUBE_UNKNOWN, "", 1 },
	{ "garbage", { { .text = "SSH-2.0-x\r\n\r\n" } }, AMPLE, -EPROTO, 0, KUBE_UNKNOWN, "", 1 },
	{ "too long",
	  { { .text = OK "Content-Length: 99999999\r\n\r\n{", .stays = true } },
	  300,
	  -ETIMEDOUT,
	  0,
	  KUBE_UNKNOWN,
	  "no answer came",
	  1 },
	{ "silent", { { .stays = true } }, 300, -ETIMEDOUT, 0, KUBE_UNKNOWN, "no answer came", 1 },
	{ "not JSON",
	  { { .text = OK "Content-Length: 1\r\n\r\n{" } },
	  AMPLE,
	  -EBADMSG,
	  200,
	  KUBE_ANSWERED,
	  "answer:1:2",
	  1 },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row *t = &rows[i];
		struct kube_op op = { .res = &kube_resources[KUBE_NODES], .name = "x" };
		CLEANUP(json_put_p) struct json_object *o = NULL;
		struct err e = { 0 };
		struct fake f;
		struct kube *k;
		int r;

		for (size_t n = 0; n < ARRAY_LEN(t->answers); n++)
			t->answers[n].path = "/api/v1/nodes/x";
		fake_start(&f, t->answers, t->answers[1].text ? 2 : 1, &k);
		op.until = deadline_in(t->ms);
		r = kube_update(k, &op, "{}", 2, &o, &e);
		fake_stop(&f, k);
		if (r != t->r || op.answer.status != t->status || op.answer.outcome != t->outcome ||
		    !strstr(e.msg, t->said) || f.n_asked != t->asked || (r == 0) != (o != NULL))
			fail_msg("%s: %d, HTTP %d, outcome %d, %zu requests: %s", t->name, r,
				 op.answer.status, op.answer.outcome, f.n_asked, e.msg);
		if (r == 0)
			assert_string_equal(kube_meta(o, "resourceVersion"), "7");
	}
}

/* A read is asked again until it is answered. */
static void test_read_again(void **state)
{
	struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes/x", .text = OK "Content-", .times = 1 },
		{ .path = "/api/v1/nodes/x",
		  .text = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
		  .times = 1 },
		{ .path = "/api/v1/nodes/x",
		  .text = OK OBJECT_L "Date: Sun, 22 Nov 2026 21:00:00 GMT\r\n\r\n" OBJECT,
		  .times = 1 },
	};
	struct kube_op op = { .res = &kube_resources[KUBE_NODES], .name = "x", .until = deadline_in(AMPLE) };
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(kube_get(k, &op, &o, &e), 0);
	assert_int_equal(op.answer.date_ms, 1795381200000);
	fake_stop(&f, k);
	assert_int_equal(f.n_asked, 3);
}

/* libcurl by itself would send it again over a new connection, since the old one had been used before. */
static void test_kept_connection_breaks(void **state)
{
	struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes/a", .text = OK OBJECT_L "\r\n" OBJECT, .keeps = true },
		{ .path = "/api/v1/nodes/b", .text = NULL },
	};
	struct kube_op op = { .res = &kube_resources[KUBE_NODES], .name = "a", .until = deadline_in(AMPLE) };
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(kube_update(k, &op, "{}", 2, NULL, &e), 0);
	op.name = "b";
	assert_int_equal(kube_update(k, &op, "{}", 2, NULL, &e), -ECONNRESET);
	assert_int_equal(op.answer.outcome, KUBE_UNKNOWN);
	assert_non_null(strstr(e.msg, "the connection broke after the request was sent"));
	fake_stop(&f, k);
	assert_int_equal(f.n_asked, 2);
}

static void test_limit(void **state)
{
	struct fake_answer answers[] = { { .path = "/", .text = OK "Content-Length: 5\r\n\r\n12345" } };
	struct kube_request q = { .method = "GET", .path = "/x", .max = 5 };
	struct kube_answer a;
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, 1, &k);
	assert_int_equal(kube_call(k, &q, deadline_in(AMPLE), &a, &e), 0);
	assert_string_equal(buf_cstr(&a.body), "12345");
	kube_answer_clear(&a);
	q.max = 4;
	assert_int_equal(kube_call(k, &q, deadline_in(AMPLE), &a, &e), -EFBIG);
	kube_answer_clear(&a);
	q.method = "POST";
	q.body = "";
	q.len = KUBE_REQUEST_MAX + 1;
	assert_int_equal(kube_call(k, &q, deadline_in(AMPLE), &a, &e), -EFBIG);
	assert_int_equal(a.outcome, KUBE_NOT_SENT);
	fake_stop(&f, k);
}

/* ---- lists ---- */

static int each(struct json_object *o, void *arg, struct err *e)
{
	(void)e;
	strcat(arg, kube_meta(o, "name"));
	return 0;
}

static void begin(void *arg)
{
	strcat(arg, "|");
}

#define PAGE(version, next, name) \
	OK "\r\n{\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" next \
	   "\"},\"items\":[{\"metadata\":{\"name\":\"" name "\"}}]}"

static void test_list(void **state)
{
	struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes?limit=1&continue=n%2F2",
		  .text = "HTTP/1.1 410 x\r\n\r\n{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}",
		  .times = 1 },
		{ .path = "/api/v1/nodes?limit=1&continue=n%2F2", .text = PAGE("8", "", "b") },
		{ .path = "/api/v1/nodes?limit=1&resourceVersion=0", .text = PAGE("8", "n/2", "a") },
	};
	struct kube_op op = {
		.res = &kube_resources[KUBE_NODES], .until = deadline_in(AMPLE), .page = 1, .version = "0"
	};
	char said[64] = "", version[KUBE_VERSION_MAX];
	struct kube_lister l = { .each = each, .begin = begin, .arg = said };
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(kube_list(k, &op, &l, version, &e), 0);
	fake_stop(&f, k);
	assert_string_equal(said, "|a|ab");
	assert_string_equal(version, "8");
}

/* One object that somebody annotated with what is no text does not hide all others. */
static void test_no_text(void **state)
{
	struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes?limit=200", .text = PAGE("8", "", "a\\u0000b\\udc00") },
	};
	struct kube_op op = { .res = &kube_resources[KUBE_NODES], .until = deadline_in(AMPLE) };
	char said[64] = "";
	struct kube_lister l = { .each = each, .begin = begin, .arg = said };
	struct err e;
	struct fake f;
	struct kube *k;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	assert_int_equal(kube_list(k, &op, &l, NULL, &e), 0);
	fake_stop(&f, k);
	assert_string_equal(said, "|a\xef\xbf\xbd"
				  "b\xef\xbf\xbd");
}

struct caller {
	struct kube *k;
	struct kube_op op;
	int r;
};

static void *update(void *arg)
{
	struct caller *c = arg;
	struct err e;

	c->r = kube_update(c->k, &c->op, "{}", 2, NULL, &e);
	return NULL;
}

static void test_abort(void **state)
{
	struct fake_answer answers[] = { { .path = "/api/v1/nodes/x", .stays = true } };
	struct caller c = {
		.op = { .res = &kube_resources[KUBE_NODES], .name = "x", .until = deadline_in(AMPLE) }
	};
	pthread_t thread;
	struct fake f;
	struct err e;
	size_t asked = 0;

	(void)state;
	fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
	assert_int_equal(pthread_create(&thread, NULL, update, &c), 0);
	while (!asked) {
		usleep(1000);
		pthread_mutex_lock(&f.lock);
		asked = f.n_asked;
		pthread_mutex_unlock(&f.lock);
	}
	kube_abort(c.k);
	pthread_join(thread, NULL);
	assert_int_equal(c.r, -ECANCELED);
	assert_int_equal(c.op.answer.outcome, KUBE_UNKNOWN);
	assert_int_equal(kube_update(c.k, &c.op, "{}", 2, NULL, &e), -ECANCELED);
	assert_int_equal(c.op.answer.outcome, KUBE_NOT_SENT);
	assert_int_equal(kube_sleep(c.k, NULL, AMPLE, &e), -ECANCELED);
	fake_stop(&f, c.k);
	assert_int_equal(f.n_asked, 1);
}

/* The authority's file was there when the client was opened. That is no word on the object: not -EINVAL, as
 * of a name that no object can have. */
static void test_lost_authority(void **state)
{
	char file[] = "/tmp/spiderpool-test-XXXXXX", server[64];
	struct kube_config conf = { .server = server, .ca.file = file };
	struct kube_op op = { .res = &kube_resources[KUBE_NODES], .name = "x", .until = deadline_in(AMPLE) };
	struct fake_answer answers[] = { { .path = "/" } };
	struct json_object *o = NULL;
	struct kube *plain, *k;
	struct fake f;
	struct err e;
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	fake_start(&f, answers, ARRAY_LEN(answers), &plain);
	snprintf(server, sizeof(server), "https://127.0.0.1:%d", f.port);
	assert_int_equal(kube_open(&conf, 0, &k, &e), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(kube_get(k, &op, &o, &e), -ENOKEY);
	assert_int_equal(e.cni, ERR_CONFIG);
	kube_close(k);
	fake_stop(&f, plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_read_again),
		cmocka_unit_test(test_kept_connection_breaks),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_lost_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
