/* SPDX-License-Identifier: Apache-2.0 */
/* kube_fake.h - an API server made of scripted answers, for what a real one cannot be made to do
 *
 * HTTP/1.1 on loopback. A request takes the first answer not used up whose path begins the request's (and
 * whose method and part of the body are the request's, when it has them); without one it is told 404. What
 * was asked is kept in order.
 */
#ifndef TEST_KUBE_FAKE_H
#define TEST_KUBE_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <assert.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kube/client.h"

#define FAKE_ASKED_MAX 64

struct fake_answer {
	const char *path;
	const char *method, *has; /* NULL: any; has: a part of the body */
	atomic_bool *held;        /* while it is set nothing is answered; NULL: at once */
	const char *text;         /* the whole answer; NULL: none */
	int times;                /* 0: always */
	size_t step;              /* bytes at a time, 0: all */
	bool stays; /* the connection stays as it is until the end of the test; otherwise it is closed */
	bool keeps; /* the next request comes over the same one */
	int used;
};

struct fake {
	int fd, port;
	struct fake_answer *answers;
	size_t n;
	bool stop;
	pthread_t thread, conns[64];
	size_t n_conns;
	pthread_mutex_t lock;
	char asked[FAKE_ASKED_MAX][256]; /* "GET /path" */
	size_t n_asked;
};

struct fake_conn {
	struct fake *f;
	int fd;
};

static inline bool fake_stopped(struct fake *f)
{
	bool stop;

	pthread_mutex_lock(&f->lock);
	stop = f->stop;
	pthread_mutex_unlock(&f->lock);
	return stop;
}

/* Readable, or the test ends. */
static inline bool fake_wait(struct fake *f, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, 10) == 0) {
		if (fake_stopped(f))
			return false;
	}
	return true;
}

/* 0: the peer has closed. */
static inline size_t fake_read(struct fake *f, int fd, char *in, size_t max)
{
	size_t n = 0, want = 0;
	char *end, *length;

	do {
		ssize_t r = fake_wait(f, fd) ? recv(fd, in + n, max - 1 - n, 0) : 0;

		if (r <= 0)
			return 0;
		n += (size_t)r;
		in[n] = '\0';
		end = strstr(in, "\r\n\r\n");
		length = strcasestr(in, "\r\nContent-Length: ");
		if (end)
			want = (size_t)(end + 4 - in) + (length ? strtoul(length + 18, NULL, 10) : 0);
	} while (!end || n < want);
	return n;
}

static inline bool fake_fits(const struct fake_answer *t, const char *request, const char *path)
{
	const char *body = strstr(request, "\r\n\r\n");

	if (strncmp(t->path, path, strlen(t->path)) != 0 || (t->times && t->used >= t->times))
		return false;
	return (!t->method || strncmp(t->method, request, strlen(t->method)) == 0) &&
	       (!t->has || strstr(body, t->has));
}

static inline struct fake_answer *fake_pick(struct fake *f, const char *request)
{
	struct fake_answer *a = NULL;
	const char *path = strchr(request, ' ') + 1;

	pthread_mutex_lock(&f->lock);
	if (f->n_asked < FAKE_ASKED_MAX)
		snprintf(f->asked[f->n_asked++], sizeof(f->asked[0]), "%.*s",
			 (int)(strcspn(path, " ") + (size_t)(path - request)), request);
	for (size_t i = 0; i < f->n && !a; i++) {
		struct fake_answer *t = &f->answers[i];

		if (fake_fits(t, request, path)) {
			t->used++;
			a = t;
		}
	}
	pthread_mutex_unlock(&f->lock);
	return a;
}

static inline void fake_send(int fd, const struct fake_answer *a)
{
	size_t len = a->text ? strlen(a->text) : 0, step = a->step ? a->step : len;

	for (size_t i = 0; i < len; i += step) {
		size_t n = step < len - i ? step : len - i;

		if (send(fd, a->text + i, n, MSG_NOSIGNAL) != (ssize_t)n)
			return;
		if (a->step)
			usleep(1000);
	}
}

static inline void *fake_serve(void *arg)
{
	static const struct fake_answer none = { .text = "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",
						 .keeps = true };
	struct fake_conn c = *(struct fake_conn *)arg;
	const struct fake_answer *a;
	char in[8192];

	free(arg);
	do {
		if (!fake_read(c.f, c.fd, in, sizeof(in)))
			break;
		a = fake_pick(c.f, in);
		a = a ? a : &none;
		while (a->held && atomic_load(a->held) && !fake_stopped(c.f))
			usleep(1000);
		fake_send(c.fd, a);
		while (a->stays && !fake_stopped(c.f))
			usleep(10000);
	} while (a->keeps);
	close(c.fd);
	return NULL;
}

static inline void *fake_accept(void *arg)
{
	struct fake *f = arg;

	while (fake_wait(f, f->fd)) {
		struct fake_conn *c = malloc(sizeof(*c));

		assert(c && f->n_conns < 64);
		*c = (struct fake_conn){ f, accept(f->fd, NULL, NULL) };
		pthread_create(&f->conns[f->n_conns++], NULL, fake_serve, c);
	}
	return NULL;
}

static inline void fake_start(struct fake *f, struct fake_answer *answers, size_t n, struct kube **ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	struct kube_config conf = { 0 };
	char server[64];
	struct err e;

	*f = (struct fake){ .answers = answers, .n = n };
	pthread_mutex_init(&f->lock, NULL);
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(f->fd, 64), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&a, &len), 0);
	f->port = ntohs(a.sin_port);
	pthread_create(&f->thread, NULL, fake_accept, f);
	snprintf(server, sizeof(server), "http://127.0.0.1:%d", f->port);
	conf.server = server;
	if (kube_open(&conf, KUBE_HTTP1, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

static inline void fake_stop(struct fake *f, struct kube *k)
{
	kube_close(k);
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	for (size_t i = 0; i < f->n_conns; i++)
		pthread_join(f->conns[i], NULL);
	close(f->fd);
	pthread_mutex_destroy(&f->lock);
}

#endif
