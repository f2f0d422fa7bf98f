/* SPDX-License-Identifier: Apache-2.0 */
/* proxy.h - a bad network between a client and the API server: a thread that passes bytes on, or does not */
#ifndef TEST_KUBE_PROXY_H
#define TEST_KUBE_PROXY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "lab.h"

#define PROXY_CONNS 64

enum proxy_mode {
	PROXY_FINE,
	PROXY_LOSE, /* requests arrive, of answers nothing; then the connection ends */
	PROXY_HALF, /* a part of an answer arrives, late, and then the connection ends */
};

struct proxy {
	int fd;
	struct sockaddr_in to;
	pthread_t thread;
	atomic_int mode;
	atomic_bool stop;
	int client[PROXY_CONNS], server[PROXY_CONNS], spoilt[PROXY_CONNS]; /* 0, or how often it was */
};

static inline void proxy_drop(struct proxy *p, int i)
{
	close(p->client[i]);
	close(p->server[i]);
	p->client[i] = p->server[i] = -1;
}

static inline void proxy_accept(struct proxy *p)
{
	int c = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < PROXY_CONNS && c >= 0; i++) {
		if (p->client[i] >= 0)
			continue;
		if (connect(s, (struct sockaddr *)&p->to, sizeof(p->to)) < 0)
			break;
		p->client[i] = c;
		p->server[i] = s;
		p->spoilt[i] = 0;
		return;
	}
	close(c);
	close(s);
}

/* false: the connection has ended. */
static inline bool proxy_pass(struct proxy *p, int i, bool answer)
{
	int from = answer ? p->server[i] : p->client[i], to = answer ? p->client[i] : p->server[i];
	int mode = atomic_load(&p->mode);
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), MSG_DONTWAIT), done = 0;

	if (n <= 0)
		return false;
	if (answer && mode != PROXY_FINE) {
		usleep(2000);
		if (mode == PROXY_HALF)
			(void)!send(to, buf, (size_t)n / 2, MSG_NOSIGNAL);
		return ++p->spoilt[i] < 3 && mode == PROXY_LOSE;
	}
	if (answer && p->spoilt[i])
		return false; /* there is a hole in it */
	while (done < n) {
		ssize_t r = send(to, buf + done, (size_t)(n - done), MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		done += r;
	}
	return true;
}

static inline void *proxy_run(void *arg)
{
	struct proxy *p = arg;

	while (!atomic_load(&p->stop)) {
		struct pollfd f[1 + 2 * PROXY_CONNS];

		f[0] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
		for (int i = 0; i < PROXY_CONNS; i++) {
			f[1 + 2 * i] = (struct pollfd){ .fd = p->client[i], .events = POLLIN };
			f[2 + 2 * i] = (struct pollfd){ .fd = p->server[i], .events = POLLIN };
		}
		if (poll(f, ARRAY_LEN(f), 20) <= 0)
			continue;
		for (int i = 0; i < PROXY_CONNS; i++)
			if ((f[1 + 2 * i].revents && !proxy_pass(p, i, false)) ||
			    (f[2 + 2 * i].revents && !proxy_pass(p, i, true)))
				proxy_drop(p, i);
		if (f[0].revents)
			proxy_accept(p);
	}
	return NULL;
}

static inline void proxy_start(struct proxy *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*p = (struct proxy){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	for (int i = 0; i < PROXY_CONNS; i++)
		p->client[i] = p->server[i] = -1;
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->fd, 64), 0);
}

/* The configuration's server is the proxy from here on. */
static inline void proxy_between(struct proxy *p, struct kube_config *c)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	char host[64];
	int port;

	assert_int_equal(sscanf(c->server, "https://%63[0-9.]:%d", host, &port), 2);
	p->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	assert_int_equal(inet_pton(AF_INET, host, &p->to.sin_addr), 1);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &len), 0);
	free(c->server);
	assert_true(asprintf(&c->server, "https://127.0.0.1:%d", ntohs(a.sin_port)) > 0);
	pthread_create(&p->thread, NULL, proxy_run, p);
}

static inline void proxy_spoil(struct proxy *p, enum proxy_mode mode)
{
	atomic_store(&p->mode, mode);
}

static inline void proxy_stop(struct proxy *p)
{
	atomic_store(&p->stop, true);
	pthread_join(p->thread, NULL);
	for (int i = 0; i < PROXY_CONNS; i++)
		if (p->client[i] >= 0)
			proxy_drop(p, i);
	close(p->fd);
}

#endif
