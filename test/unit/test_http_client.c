/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_client.c - requests over a unix socket to peers that answer well, badly, slowly and not at all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/own.h"
#include "http/client.h"
#include "peer.h"

#define OK    "HTTP/1.1 200 OK\r\n"
#define SOON  300   /* ms; for peers that never answer */
#define AMPLE 30000 /* for those that do */

struct row {
	const char *name;
	struct peer peer;
	int ms, r, status;
	const char *said; /* the body, or a part of the sentence */
};

static const struct row rows[] = {
	{ "plain", { .text = OK "Content-Length: 2\r\n\r\n{}" }, AMPLE, 0, 200, "{}" },
	{ "kept open", { .text = OK "Content-Length: 2\r\n\r\n{}", .stays = true }, AMPLE, 0, 200, "{}" },
	{ "until it closes", { .text = OK "\r\nall" }, AMPLE, 0, 200, "all" },
	{ "chunks",
	  { .text = OK "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", .stays = true },
	  AMPLE,
	  0,
	  200,
	  "ab" },
	{ "failure", { .text = "HTTP/1.1 500 x\r\n\r\n\"no\"" }, AMPLE, 0, 500, "\"no\"" },
	{ "slow",
	  { .text = OK "Content-Length: 2\r\n\r\n{}", .step = 1, .pause_ms = 2 },
	  AMPLE,
	  0,
	  200,
	  "{}" },
	{ "unread", { .text = OK "Content-Length: 2\r\n\r\n{}", .unread = true }, AMPLE, 0, 200, "{}" },
	{ "silent", { .stays = true }, SOON, -ETIMEDOUT, 0, "no answer before the deadline" },
	{ "deaf", { .deaf = true }, SOON, -ETIMEDOUT, 0, "no connection (the queue is full)" },
	{ "stops in its head",
	  { .text = OK "Content-", .stays = true },
	  SOON,
	  -ETIMEDOUT,
	  0,
	  "(status 200, 0 bytes of body)" },
	{ "stops in its body",
	  { .text = OK "Content-Length: 9\r\n\r\n{}", .stays = true },
	  SOON,
	  -ETIMEDOUT,
	  0,
	  "(status 200, 2 bytes of body)" },
	{ "drips",
	  { .text = OK "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", .step = 1, .pause_ms = 50 },
	  SOON,
	  -ETIMEDOUT,
	  0,
	  "before the deadline" },
	{ "closes", { .text = "" }, AMPLE, -ECONNRESET, 0, "closed without an answer" },
	{ "closes unread",
	  { .text = "", .unread = true },
	  AMPLE,
	  -ECONNRESET,
	  0,
	  "closed without an answer" },
	{ "cut head", { .text = "HTTP/1.1 200 OK\r\nCont" }, AMPLE, -EBADMSG, 0, "cut off within its head" },
	{ "cut body",
	  { .text = OK "Content-Length: 5\r\n\r\n{}" },
	  AMPLE,
	  -EBADMSG,
	  0,
	  "cut off after 2 bytes" },
	{ "another protocol",
	  { .text = "SSH-2.0-x\r\n" },
	  AMPLE,
	  -EBADMSG,
	  0,
	  "no HTTP/1.1 answer: \"SSH-2.0-x\"" },
	{ "binary", { .text = "\0\0\0\4\0\0\0\0\0", .len = 9 }, AMPLE, -EBADMSG, 0, "control character" },
	{ "too long",
	  { .text = OK "Content-Length: 1025\r\n\r\n" },
	  AMPLE,
	  -EFBIG,
	  0,
	  "more than 1024 bytes" },
};

static int ask(const struct peer_proc *x, const char *body, int ms, struct http_answer *a, struct err *e)
{
	const struct http_request q = {
		.socket = x->socket, .method = "GET", .path = "/v1/x", .body = body, .max = 1024
	};

	return http_unix(&q, deadline_in(ms), a, e);
}

static void check(const struct row *w, const char *socket, int r, const struct http_answer *a,
		  const struct err *e)
{
	if (r != w->r)
		fail_msg("%s: got %d %s, want %d", w->name, r, r < 0 ? e->msg : "", w->r);
	if (r == 0 && (a->status != w->status || strcmp(buf_cstr(&a->body), w->said) != 0))
		fail_msg("%s: got %d \"%s\"", w->name, a->status, buf_cstr(&a->body));
	if (r < 0 && (!strstr(e->msg, w->said) || !strstr(e->msg, socket) || !strstr(e->msg, "GET /v1/x") ||
		      e->cni != ERR_IO || a->body.s))
		fail_msg("%s: %d \"%s\", want \"%s\"", w->name, e->cni, e->msg, w->said);
}

static void test_peers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(http_answer_clear) struct http_answer a = { 0 };
		struct peer_proc x;
		struct err e;

		peer_start(&x, &rows[i].peer);
		check(&rows[i], x.socket, ask(&x, "{\"a\":1}", rows[i].ms, &a, &e), &a, &e);
		peer_stop(&x);
		peer_remove(&x);
	}
}

static void test_nobody(void **state)
{
	static const struct row refused = { "stale", { 0 }, 0, -ECONNREFUSED, 0, "nobody listens" };
	static const struct row absent = { "absent", { 0 }, 0, -ENOENT, 0, "there is no such socket" };
	struct peer_proc x;
	struct http_answer a;
	struct err e;

	(void)state;
	peer_start(&x, &(struct peer){ 0 });
	peer_stop(&x);
	check(&refused, x.socket, ask(&x, NULL, AMPLE, &a, &e), &a, &e);
	peer_remove(&x);
	check(&absent, x.socket, ask(&x, NULL, AMPLE, &a, &e), &a, &e);
	assert_int_equal(ask(&x, NULL, 0, &a, &e), -ETIMEDOUT);
}

static void test_long_path(void **state)
{
	char path[200];
	const struct http_request q = { .socket = path, .method = "GET", .path = "/" };
	struct http_answer a;
	struct err e;

	(void)state;
	snprintf(path, sizeof(path), "/%0150d", 0);
	assert_int_equal(http_unix(&q, deadline_in(AMPLE), &a, &e), -ENAMETOOLONG);
	assert_non_null(strstr(e.msg, "151 bytes; the limit for a socket is 107"));
}

/* What goes over the wire; a long body that takes many writes. */
static void test_request(void **state)
{
	static char body[400000];
	static const struct peer peer = { .text = "HTTP/1.1 204 x\r\n\r\n" };
	struct http_answer a;
	struct peer_proc x;
	struct err e;
	const char *head = "GET /v1/x HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
			   "Connection: close\r\n";

	(void)state;
	peer_start(&x, &peer);
	assert_int_equal(ask(&x, NULL, AMPLE, &a, &e), 0);
	assert_true(strncmp(peer_asked(&x), head, strlen(head)) == 0);
	assert_string_equal(peer_asked(&x) + strlen(head), "\r\n");
	memset(body, 'b', sizeof(body) - 1);
	assert_int_equal(ask(&x, body, AMPLE, &a, &e), 0);
	assert_non_null(
		strstr(peer_asked(&x), "Content-Type: application/json\r\nContent-Length: 399999\r\n\r\n"));
	assert_string_equal(strstr(peer_asked(&x), "\r\n\r\n") + 4, body);
	peer_stop(&x);
	peer_remove(&x);
}

/* A peer that answers and closes while we are still sending. */
static void test_early_answer(void **state)
{
	static char body[900000];
	static const struct row early = { "early", { .text = "HTTP/1.1 413 x\r\n\r\n\"x\"", .unread = true },
					  AMPLE,   0,
					  413,     "\"x\"" };
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	struct peer_proc x;
	struct err e;

	(void)state;
	memset(body, 'b', sizeof(body) - 1);
	peer_start(&x, &early.peer);
	check(&early, x.socket, ask(&x, body, AMPLE, &a, &e), &a, &e);
	peer_stop(&x);
	peer_remove(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),        cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_long_path),    cmocka_unit_test(test_request),
		cmocka_unit_test(test_early_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
