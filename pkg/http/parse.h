/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h - an HTTP/1.1 answer, as it comes in
 *
 * Bodies end by Content-Length, by the last chunk or when the peer closes. Interim answers (100, 103) are
 * skipped. Strict where two readers could disagree: both kinds of length, two lengths, folded header lines,
 * other transfer codings and control characters are no HTTP. A line may end in a bare LF.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/client.h"

#define HTTP_LINE_MAX 8192  /* bytes of a line of the head, or of a chunk's size */
#define HTTP_HEAD_MAX 65536 /* of everything that is not body */

enum http_state {
	HTTP_STATUS_LINE,
	HTTP_HEADER,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CLOSE,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_DONE,
};

struct http_parser {
	struct http_answer *answer;
	enum http_state state;
	bool has_length, chunked, nothing_yet;
	uint64_t left; /* bytes of the body or of the chunk that are still to come */
	size_t head;   /* bytes of the head so far */
	size_t line_len;
	char line[HTTP_LINE_MAX];
};

/* The answer (zeroed by the caller) takes a body of up to max bytes. */
void http_parser_init(struct http_parser *p, struct http_answer *a, size_t max);
/* 1: the answer is whole, what follows is not looked at; 0: more must come; -EBADMSG, -EFBIG, -ENOMEM. */
int http_parse(struct http_parser *p, const char *data, size_t len, struct err *e);
/* The peer closed: 0 when that ends the answer, -EBADMSG when it cuts it off, -ECONNRESET when none began. */
int http_parse_end(struct http_parser *p, struct err *e);

#endif
