/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - one HTTP/1.1 request over a unix socket */
#include "http/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/own.h"
#include "http/parse.h"

#define REQUEST_MAX ((size_t)1 << 20)

struct exchange {
	int fd;
	struct deadline until;
	const char *out; /* what has not been sent yet */
	size_t out_len;
	struct http_parser parser;
};

void http_answer_clear(struct http_answer *a)
{
	buf_clear(&a->body);
	a->status = 0;
}

static int late(const struct http_parser *p, struct err *e)
{
	if (!p || p->nothing_yet)
		return err_code(e, ERR_IO, ETIMEDOUT, "no %s before the deadline",
				p ? "answer" : "connection (the queue is full)");
	return err_code(e, ERR_IO, ETIMEDOUT,
			"no whole answer before the deadline (status %d, %zu bytes of body)",
			p->answer->status, p->answer->body.len);
}

/* A unix socket does not connect in the background: a full queue is EAGAIN at once for a non-blocking one,
 * and worth SO_SNDTIMEO of waiting for others. */
static int connect_unix(int fd, const struct sockaddr_un *to, struct deadline until, struct err *e)
{
	for (;;) {
		int64_t left = deadline_left(until);
		struct timeval tv = { .tv_sec = left / 1000, .tv_usec = (left % 1000) * 1000 };

		if (left == 0)
			return late(NULL, e);
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
			return err_sys(e, errno, "SO_SNDTIMEO");
		if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
			return 0;
		switch (errno) {
		case EINTR:
		case EAGAIN:
			break;
		case ENOENT:
			return err_code(e, ERR_IO, ENOENT, "there is no such socket");
		case ECONNREFUSED:
			return err_code(e, ERR_IO, ECONNREFUSED, "nobody listens");
		default:
			return err_sys(e, errno, "connect");
		}
	}
}

static int open_unix(const char *path, struct deadline until, int *ret, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	CLEANUP(close_p) int fd = -1;
	int r;

	if (strlen(path) >= sizeof(to.sun_path))
		return err_code(e, ERR_CONFIG, ENAMETOOLONG,
				"the path has %zu bytes; the limit for a socket is %zu", strlen(path),
				sizeof(to.sun_path) - 1);
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	r = connect_unix(fd, &to, until, e);
	if (r < 0)
		return r;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, errno, "O_NONBLOCK");
	*ret = TAKE_FD(fd);
	return 0;
}

static int write_request(const struct http_request *q, struct buf *out, struct err *e)
{
	assert(q->method[0] && !q->method[strcspn(q->method, " \r\n")]);
	assert(q->path[0] == '/' && !q->path[strcspn(q->path, " \r\n")]);
	buf_fmt(out, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n",
		q->method, q->path);
	if (q->body)
		buf_fmt(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(q->body));
	buf_str(out, "\r\n");
	if (q->body)
		buf_str(out, q->body);
	if (out->err == -EFBIG)
		return err_code(e, ERR_IO, EFBIG, "a request of more than %zu bytes", out->max);
	return out->err ? err_nomem(e) : 0;
}

/* A peer may answer and close without having read everything: then what it says counts. */
static int send_some(struct exchange *x, struct err *e)
{
	ssize_t n = send(x->fd, x->out, x->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0) {
		x->out += n;
		x->out_len -= (size_t)n;
	} else if (errno == EPIPE || errno == ECONNRESET) {
		x->out_len = 0;
	} else if (errno != EAGAIN && errno != EINTR) {
		return err_sys(e, errno, "send");
	}
	return 0;
}

/* 1: the answer is whole. */
static int receive_some(struct exchange *x, struct err *e)
{
	char data[16384];
	ssize_t n = recv(x->fd, data, sizeof(data), MSG_DONTWAIT);
	int r;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, errno, "receive");
	if (n > 0)
		return http_parse(&x->parser, data, (size_t)n, e);
	r = http_parse_end(&x->parser, e);
	return r < 0 ? r : 1;
}

static int run(struct exchange *x, struct err *e)
{
	int r = 0;

	while (r == 0) {
		struct pollfd p = { .fd = x->fd, .events = POLLIN | (x->out_len ? POLLOUT : 0) };
		int64_t left = deadline_left(x->until);

		if (left == 0)
			return late(&x->parser, e);
		if (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return err_sys(e, errno, "poll");
		if (x->out_len && (p.revents & (POLLOUT | POLLERR | POLLHUP)))
			r = send_some(x, e);
		if (r == 0 && (p.revents & (POLLIN | POLLERR | POLLHUP)))
			r = receive_some(x, e);
	}
	return r < 0 ? r : 0;
}

int http_unix(const struct http_request *q, struct deadline until, struct http_answer *ret, struct err *e)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(REQUEST_MAX);
	CLEANUP(close_p) int fd = -1;
	struct exchange x = { .until = until };
	int r;

	*ret = (struct http_answer){ 0 };
	r = write_request(q, &text, e);
	if (r == 0)
		r = open_unix(q->socket, until, &fd, e);
	if (r == 0) {
		x.fd = fd;
		x.out = buf_cstr(&text);
		x.out_len = text.len;
		http_parser_init(&x.parser, &a, q->max);
		r = run(&x, e);
	}
	if (r < 0)
		return err_wrap(e, "socket %s: %s %s", q->socket, q->method, q->path);
	*ret = a;
	a = (struct http_answer){ 0 };
	return 0;
}
