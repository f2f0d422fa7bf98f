/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - an HTTP/1.1 server whose handlers may block: one thread with a small stack for each connection
 *
 * Over a unix socket only root (and the server's own user) is served. Requests and answers are JSON, whole in
 * memory, with a limit. GET may have a body. A connection stays open for the next request.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

/* One request and its answer. All strings are lent until after() has returned. */
struct http_exchange {
	const char *method, *path;
	const char *body; /* "" without; len does not count the NUL */
	size_t len;
	int64_t uid;           /* of the peer; -1 over TCP */
	struct deadline until; /* when the client is taken to have given up */

	int status;        /* 200 unless set */
	const char *type;  /* application/json unless set; must live as long as the server */
	struct buf answer; /* its maximum may be changed */
	void *own;         /* the handler's, until after() */
};

/* The first route with this method and path serves; a path of NULL is any. HEAD is served as GET. */
struct http_route {
	const char *method, *path;
	/* 0: what is in x is answered. Otherwise 500 is, with the text of that errno. */
	int (*serve)(struct http_exchange *x, void *arg);
};

/* What is 0 has the default. Everything lent until the server has stopped. */
struct http_server_conf {
	const struct http_route *routes;
	size_t n;
	/* Called once for each exchange that was served, when the answer has left or cannot any more:
	 * delivered says whether it was handed to the client's socket as a whole. May be NULL. */
	void (*after)(struct http_exchange *x, bool delivered, void *arg);
	void *arg;
	unsigned connections; /* more are closed at once; 1024 for a unix socket, 64 for TCP */
	size_t body_max;      /* 1 MiB; more is answered with 413 */
	size_t bodies_max; /* of all that are being received or served; more is answered with 503; no limit */
	unsigned idle_s;   /* without a byte in or out: closed; 30. Does not count while a handler works */
	int64_t request_ms;     /* what until is made of; 100000 */
	const char *cert, *key; /* PEM text: TLS; needed only for the start */
};

struct http_server;

/* Makes the directory. A socket on which nobody listens is replaced in one step; somebody who does is left
 * alone: -EADDRINUSE. -EEXIST when path is no socket. mode is subject to the umask. */
int http_server_unix(const struct http_server_conf *c, const char *path, mode_t mode,
		     struct http_server **ret, struct err *e);
/* host is an address; NULL: every address of this machine, IPv4 and IPv6. Port 0: any free one. */
int http_server_tcp(const struct http_server_conf *c, const char *host, uint16_t port,
		    struct http_server **ret, struct err *e);
/* 0 for a unix socket. */
uint16_t http_server_port(const struct http_server *s);

/* Of a server with TLS: another certificate (a chain, PEM) and its key for connections that come from now on.
 * -EINVAL, code ERR_CONFIG: they cannot be read or do not fit, and nothing has changed. */
int http_server_renew(struct http_server *s, const char *cert, const char *key, struct err *e);

/* Takes no more connections, removes the socket file, answers 503 to what comes over open connections, and
 * waits for the handlers that work. 0: all have come back, s is released. -ETIMEDOUT: some have not; they go
 * on running on memory that is theirs, so s is not released and the program should end. NULL is accepted. */
int http_server_stop(struct http_server *s, struct deadline until, struct err *e);

/* The value of ?key=, NULL when it is not there; "" for a bare key. */
const char *http_query(const struct http_exchange *x, const char *key);
/* The value of a header, whatever the case of its name; NULL when it is not there. */
const char *http_header(const struct http_exchange *x, const char *name);
/* Sets the answer to a JSON string. */
void http_say(struct http_exchange *x, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
