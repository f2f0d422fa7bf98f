/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - one HTTP/1.1 request over a unix socket, for plugins: no library, no thread, no second chance
 *
 * Everything happens within the deadline, connecting included, however slowly the peer drips. What comes back
 * is whole or an error: a cut answer is never passed on.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct http_request {
	const char *socket;        /* path */
	const char *method, *path; /* plain text without blanks, ours, not a user's */
	const char *body;          /* JSON; NULL: none. GET may have one too */
	size_t max;                /* bytes of the answer's body */
};

struct http_answer {
	int status; /* 200 to 599 */
	struct buf body;
};

/* 0: there is an answer, whatever its status. Code ERR_IO, and
 *   -ENOENT        there is no socket file
 *   -ECONNREFUSED  nobody listens on it
 *   -ETIMEDOUT     the deadline came first
 *   -ECONNRESET    closed without an answer
 *   -EBADMSG       what came is no HTTP, or is cut off
 *   -EFBIG         the body is longer than max
 * or what the kernel said. The sentence names the socket, the request and what came. */
int http_unix(const struct http_request *q, struct deadline until, struct http_answer *ret, struct err *e);
void http_answer_clear(struct http_answer *a);

#endif
