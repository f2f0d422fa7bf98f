/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_http.c - answers of an HTTP peer
 *
 * The first byte says how the rest is cut into pieces. Properties: pieces make no difference to what is read,
 * a body keeps to its limit, a whole answer has a status, and an error has a sentence and one of the codes.
 * What is read of an answer is read again from that answer written anew, with a length and in chunks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "http/parse.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what, const struct err *e)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

/* 1: whole; the number of bytes that it took does not show. */
static int parse(const char *text, size_t len, size_t step, struct http_answer *a, struct err *e)
{
	static struct http_parser p;
	int r = 0;

	http_parser_init(&p, a, MAX);
	for (size_t i = 0; r == 0 && i < len; i += step)
		r = http_parse(&p, text + i, len - i < step ? len - i : step, e);
	if (r == 0)
		r = http_parse_end(&p, e) < 0 ? -e->sys : 1;
	return r;
}

static void again(const struct http_answer *a, bool chunked)
{
	CLEANUP(http_answer_clear) struct http_answer b = { 0 };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(MAX + 256);
	struct err e = { 0 };

	buf_fmt(&text, "HTTP/1.1 %d x\r\n", a->status);
	if (chunked && a->body.len)
		buf_fmt(&text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", a->body.len);
	else
		buf_fmt(&text, "Content-Length: %zu\r\n\r\n", a->body.len);
	buf_add(&text, buf_cstr(&a->body), a->body.len);
	if (chunked && a->body.len)
		buf_str(&text, "\r\n0\r\n\r\n");
	must(parse(text.s, text.len, text.len, &b, &e) == 1, "written anew", &e);
	must(a->status == b.status && a->body.len == b.body.len &&
		     memcmp(buf_cstr(&a->body), buf_cstr(&b.body), b.body.len) == 0,
	     "different anew", &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 }, b = { 0 };
	struct err e = { 0 }, f = { 0 };
	int r;

	if (!size)
		return 0;
	r = parse((const char *)data + 1, size - 1, size, &a, &e);
	must(r == parse((const char *)data + 1, size - 1, data[0] % 16 + 1u, &b, &f), "pieces", &f);
	must(a.body.len <= MAX, "length", &e);
	if (r < 0) {
		must(r == -EBADMSG || r == -EFBIG || r == -ECONNRESET, "errno", &e);
		must(e.cni == ERR_IO && e.msg[0], "sentence", &e);
		return 0;
	}
	must(a.status >= 200 && a.status <= 599 && a.status == b.status, "status", &e);
	must(a.body.len == b.body.len && memcmp(buf_cstr(&a.body), buf_cstr(&b.body), a.body.len) == 0,
	     "body", &e);
	again(&a, false);
	again(&a, true);
	return 0;
}
