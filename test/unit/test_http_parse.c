/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_parse.c - answers as texts: every row is parsed whole, byte by byte, and cut at every byte */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "http/parse.h"

#define OK     "HTTP/1.1 200 OK\r\n"
#define CHUNKS OK "Transfer-Encoding: chunked\r\n\r\n"
#define MAX    32

struct row {
	const char *text;
	int r, status;
	const char *said; /* the body, or a part of the sentence */
};

static const struct row rows[] = {
	/* bodies with a length */
	{ OK "Content-Length: 5\r\n\r\nhello", 1, 200, "hello" },
	{ OK "content-length:5  \r\nX: y\r\n\r\nhello", 1, 200, "hello" },
	{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 1, 200, "hello" },
	{ "HTTP/1.0 500 Internal Server Error\nContent-Length: 3\n\n\"x\"", 1, 500, "\"x\"" },
	{ "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 1, 404, "" },
	{ OK "Content-Length: 32\r\n\r\n01234567890123456789012345678901", 1, 200,
	  "01234567890123456789012345678901" },
	/* none */
	{ "HTTP/1.1 204 No Content\r\n\r\n", 1, 204, "" },
	{ "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", 1, 304, "" },
	/* interim answers */
	{ "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\na", 1, 200, "a" },
	{ "HTTP/1.1 103 x\r\nContent-Length: 7\r\n\r\n" CHUNKS "0\r\n\r\n", 1, 200, "" },
	/* chunks */
	{ CHUNKS "5\r\nhello\r\n0\r\n\r\n", 1, 200, "hello" },
	{ CHUNKS "0000a;x=\"y\"\r\n0123456789\r\nB \r\n0123456789a\r\n00\r\nX: y\r\n\r\n", 1, 200,
	  "01234567890123456789a" },
	{ CHUNKS "0\r\nContent-Length: what\r\n\r\n", 1, 200, "" },
	/* too long */
	{ OK "Content-Length: 33\r\n\r\n", -EFBIG, 200, "more than 32 bytes" },
	{ CHUNKS "10\r\n0123456789abcdef\r\n11\r\n", -EFBIG, 200, "more than 32 bytes" },
	{ OK "Content-Length: 281474976710656000000\r\n\r\n", -EBADMSG, 0, "no length" },
	/* no HTTP */
	{ "SSH-2.0-OpenSSH\r\n", -EBADMSG, 0, "no HTTP/1.1 answer: \"SSH-2.0-OpenSSH\"" },
	{ "HTTP/2 200\r\n", -EBADMSG, 0, "no HTTP/1.1 answer" },
	{ "{\"mode\":\"auto\"}\n", -EBADMSG, 0, "no HTTP/1.1 answer" },
	{ "\r\n" OK, -EBADMSG, 0, "no HTTP/1.1 answer" },
	{ "HTTP/1.1 20 OK\r\n", -EBADMSG, 0, "no status" },
	{ "HTTP/1.1 2000\r\n", -EBADMSG, 0, "no status" },
	{ "HTTP/1.1 099 x\r\n", -EBADMSG, 0, "a status that answers nothing" },
	{ "HTTP/1.1 600 x\r\n", -EBADMSG, 0, "a status that answers nothing" },
	{ "HTTP/1.1 101 Switching\r\n", -EBADMSG, 0, "a status that answers nothing" },
	{ "\x15\x03\x01", -EBADMSG, 0, "a control character" },
	{ OK "X: a\rb\r\n", -EBADMSG, 0, "a control character" },
	{ OK "X y\r\n", -EBADMSG, 0, "no header line" },
	{ OK ": y\r\n", -EBADMSG, 0, "no header line" },
	{ OK "X : y\r\n", -EBADMSG, 0, "no header line" },
	{ OK "X: y\r\n folded\r\n", -EBADMSG, 0, "no header line" },
	{ OK "Content-Length: -5\r\n", -EBADMSG, 0, "no length" },
	{ OK "Content-Length: 5, 5\r\n", -EBADMSG, 0, "no length" },
	{ OK "Content-Length:\r\n", -EBADMSG, 0, "no length" },
	{ OK "Content-Length: 5\r\nContent-Length: 6\r\n", -EBADMSG, 0, "a second, different length" },
	{ OK "Transfer-Encoding: gzip, chunked\r\n", -EBADMSG, 0, "a transfer coding other than chunked" },
	{ OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", -EBADMSG, 0,
	  "a transfer coding other than chunked" },
	{ OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", -EBADMSG, 0,
	  "both a length and chunks" },
	{ CHUNKS "\r\n", -EBADMSG, 0, "no size of a chunk" },
	{ CHUNKS "0x5\r\n", -EBADMSG, 0, "no size of a chunk" },
	{ CHUNKS "ffffffffffffffff\r\n", -EBADMSG, 0, "no size of a chunk" },
	{ CHUNKS "2\r\nabc\r\n", -EBADMSG, 0, "text behind a chunk" },
	{ CHUNKS "0\r\nX\r\n", -EBADMSG, 0, "no header line" },
};

/* Feeds step bytes at a time. */
static int parse(const char *text, size_t len, size_t step, struct http_answer *a, struct err *e)
{
	static struct http_parser p;
	int r = 0;

	*a = (struct http_answer){ 0 };
	http_parser_init(&p, a, MAX);
	for (size_t i = 0; r == 0 && i < len; i += step)
		r = http_parse(&p, text + i, len - i < step ? len - i : step, e);
	if (r == 0 && step == 1)
		r = http_parse_end(&p, e) < 0 ? -e->sys : 1;
	return r;
}

static void check(const struct row *w, size_t step)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	struct err e = { 0 };
	int r = parse(w->text, strlen(w->text), step, &a, &e);

	if (r != w->r)
		fail_msg("%s: got %d %s, want %d", w->text, r, e.msg, w->r);
	if (r < 0 && !strstr(e.msg, w->said))
		fail_msg("%s: got \"%s\", want \"%s\"", w->text, e.msg, w->said);
	if (r == 1 && (a.status != w->status || strcmp(buf_cstr(&a.body), w->said) != 0))
		fail_msg("%s: got %d \"%s\"", w->text, a.status, buf_cstr(&a.body));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check(&rows[i], 65536);
		check(&rows[i], 1);
	}
}

/* An answer that is cut off is never taken for a whole one. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = rows[i].r == 1 ? strlen(rows[i].text) : 0;

		for (size_t n = 0; n < len; n++) {
			CLEANUP(http_answer_clear) struct http_answer a = { 0 };
			struct err e = { 0 };
			int r = parse(rows[i].text, n, 1, &a, &e);

			if (r != (n ? -EBADMSG : -ECONNRESET))
				fail_msg("%s: cut after %zu bytes: %d %s", rows[i].text, n, r, e.msg);
		}
	}
}

static void test_until_close(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\n\r\nall of it";
	static struct http_parser p;
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	struct err e;

	(void)state;
	http_parser_init(&p, &a, MAX);
	assert_int_equal(http_parse(&p, text, strlen(text), &e), 0);
	assert_int_equal(http_parse_end(&p, &e), 0);
	assert_string_equal(buf_cstr(&a.body), "all of it");
	assert_int_equal(http_parse(&p, "0123456789012345678901234", 25, &e), -EFBIG);
}

/* More of the same than anybody needs. */
static void test_limits(void **state)
{
	static const struct {
		const char *start, *more, *said;
	} limits[] = {
		{ OK "X: ", "yyyyyyyyyyyyyyyy", "a line of more than" },
		{ OK, "X: y\r\n", "a head of more than" },
		{ "", "HTTP/1.1 100 x\r\n\r\n", "a head of more than" },
		{ CHUNKS "0\r\n", "X: y\r\n", "a head of more than" },
		{ CHUNKS "1;", "yyyyyyyyyyyyyyyy", "a line of more than" },
		{ CHUNKS, "1\r\nx\r\n", "more than 32 bytes" },
	};
	static struct http_parser p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		CLEANUP(http_answer_clear) struct http_answer a = { 0 };
		struct err e = { 0 };
		int r, n = 0;

		http_parser_init(&p, &a, MAX);
		r = http_parse(&p, limits[i].start, strlen(limits[i].start), &e);
		for (; r == 0 && n < 100000; n++)
			r = http_parse(&p, limits[i].more, strlen(limits[i].more), &e);
		if (r >= 0 || !strstr(e.msg, limits[i].said))
			fail_msg("row %zu: %d %s", i, r, e.msg);
	}
}

/* The sizes of chunks are no head: a long body in small pieces is read. */
static void test_many_chunks(void **state)
{
	static const char more[] = "1;extension\r\nx\r\n", end[] = "0\r\n\r\n";
	static struct http_parser p;
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	struct err e = { 0 };

	(void)state;
	http_parser_init(&p, &a, HTTP_HEAD_MAX);
	assert_int_equal(http_parse(&p, CHUNKS, strlen(CHUNKS), &e), 0);
	for (int i = 0; i < HTTP_HEAD_MAX; i++)
		assert_int_equal(http_parse(&p, more, strlen(more), &e), 0);
	assert_int_equal(http_parse(&p, end, strlen(end), &e), 1);
	assert_int_equal(a.body.len, HTTP_HEAD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),        cmocka_unit_test(test_cut),
		cmocka_unit_test(test_until_close), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_many_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
