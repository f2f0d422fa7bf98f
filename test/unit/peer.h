/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - for tests of clients: a child that listens on a unix socket and answers with what it was told
 *
 * The socket listens before peer_start() returns. The child keeps what it was asked in FILE "asked" beside
 * it.
 */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
	const char *text; /* what it answers; NULL: nothing */
	size_t len;       /* 0: strlen(text) */
	size_t step;      /* bytes at a time, 0: all */
	int pause_ms;     /* behind each step */
	bool unread;      /* answers without reading the request */
	bool stays;       /* keeps the connection open behind its answer */
	bool deaf;        /* never accepts; its queue is full */
};

struct peer_proc {
	char dir[64], socket[96], asked[96];
	int fd, extra; /* the listener; a connection that fills a deaf peer's queue */
	pid_t pid;
};

static size_t peer_whole(const char *in)
{
	const char *end = strstr(in, "\r\n\r\n"), *length = strstr(in, "Content-Length: ");

	return end ? (size_t)(end + 4 - in) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0)
		   : 0;
}

static inline void peer_read(int fd, const char *asked)
{
	static char in[1 << 20];
	size_t n = 0;
	int out;

	while (n < sizeof(in) - 1 && (!peer_whole(in) || n < peer_whole(in))) {
		ssize_t r = read(fd, in + n, sizeof(in) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
		in[n] = '\0';
	}
	out = open(asked, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (write(out, in, n) != (ssize_t)n)
		_exit(2);
	close(out);
}

static inline void peer_answer(const struct peer *p, int fd)
{
	size_t len = p->len || !p->text ? p->len : strlen(p->text);

	for (size_t i = 0; i < len;) {
		size_t n = p->step && p->step < len - i ? p->step : len - i;
		ssize_t r = send(fd, p->text + i, n, MSG_NOSIGNAL);

		if (r <= 0)
			return;
		i += (size_t)r;
		usleep((useconds_t)p->pause_ms * 1000);
	}
}

static inline int peer_connect(const struct peer_proc *x)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", x->socket);
	assert(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static inline void peer_child(const struct peer *p, const struct peer_proc *x)
{
	alarm(60); /* outlives no test */
	for (;;) {
		int fd = accept(x->fd, NULL, NULL);

		if (fd < 0)
			_exit(0);
		if (!p->unread)
			peer_read(fd, x->asked);
		peer_answer(p, fd);
		while (p->stays)
			pause();
		close(fd);
	}
}

static inline void peer_start(struct peer_proc *x, const struct peer *p)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*x = (struct peer_proc){ .extra = -1 };
	snprintf(x->dir, sizeof(x->dir), "/tmp/spiderpool-peer-XXXXXX");
	assert(mkdtemp(x->dir));
	snprintf(x->socket, sizeof(x->socket), "%s/sock", x->dir);
	snprintf(x->asked, sizeof(x->asked), "%s/asked", x->dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", x->socket);
	x->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(bind(x->fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	assert(listen(x->fd, p->deaf ? 0 : 16) == 0);
	if (p->deaf) {
		x->extra = peer_connect(x);
		return;
	}
	x->pid = fork();
	assert(x->pid >= 0);
	if (x->pid == 0)
		peer_child(p, x);
}

/* Ends the child; the socket file stays, nobody listens. */
static inline void peer_stop(struct peer_proc *x)
{
	if (x->pid > 0) {
		kill(x->pid, SIGKILL);
		waitpid(x->pid, NULL, 0);
	}
	close(x->fd);
	if (x->extra >= 0)
		close(x->extra);
	x->pid = 0;
	x->fd = x->extra = -1;
}

static inline void peer_remove(struct peer_proc *x)
{
	unlink(x->asked);
	unlink(x->socket);
	rmdir(x->dir);
}

/* What it was asked last; static. */
static inline const char *peer_asked(const struct peer_proc *x)
{
	static char text[1 << 20];
	int fd = open(x->asked, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
