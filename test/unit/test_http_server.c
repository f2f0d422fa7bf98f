/* SPDX-License-Identifier: Apache-2.0 */
/* test_http_server.c - answers, limits, clients that vanish, stopping, and whose socket it is */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "http/client.h"
#include "http/server.h"

#define AMPLE 60000 /* ms */

/* ---- what is served ---- */

static struct {
	atomic_int delivered, lost, other; /* calls of after(); other: own or arg were not what they were */
	sem_t entered, go, ended;          /* of /wait */
} seen;

static char the_arg;

static int serve_echo(struct http_exchange *x, void *arg)
{
	x->own = arg;
	buf_fmt(&x->answer, "%s %s %zu %.20s", x->method, x->path, x->len, x->body);
	return strlen(x->body) == x->len ? 0 : -EIO;
}

static int serve_query(struct http_exchange *x, void *arg)
{
	const char *a = http_query(x, "a"), *b = http_query(x, "b");

	x->own = arg;
	http_say(x, 202, "%s %s \"%lld\"", a ? a : "-", b ? b : "-", (long long)x->uid);
	return 0;
}

static int serve_failure(struct http_exchange *x, void *arg)
{
	x->own = arg;
	buf_str(&x->answer, "half an ans");
	return -ENOSPC;
}

static int serve_long(struct http_exchange *x, void *arg)
{
	x->own = arg;
	x->answer.max = 8;
	buf_str(&x->answer, "123456789");
	return 0;
}

static int serve_wait(struct http_exchange *x, void *arg)
{
	x->own = arg;
	sem_post(&seen.entered);
	while (sem_wait(&seen.go) < 0)
		;
	buf_str(&x->answer, "waited");
	return 0;
}

static int serve_slow(struct http_exchange *x, void *arg)
{
	x->own = arg;
	usleep(2200000);
	x->type = "text/plain";
	buf_str(&x->answer, "slow");
	return 0;
}

static void after(struct http_exchange *x, bool delivered, void *arg)
{
	if (arg != &the_arg || x->own != &the_arg)
		seen.other++;
	if (delivered)
		seen.delivered++;
	else
		seen.lost++;
	if (strcmp(x->path, "/wait") == 0)
		sem_post(&seen.ended);
}

static const struct http_route routes[] = {
	{ "POST", "/echo", serve_echo },    { "GET", "/echo", serve_echo },
	{ "GET", "/query", serve_query },   { "DELETE", "/failure", serve_failure },
	{ "GET", "/too-long", serve_long }, { "GET", "/wait", serve_wait },
	{ "GET", "/slow", serve_slow },
};
static const struct http_server_conf conf = {
	.routes = routes, .n = ARRAY_LEN(routes), .after = after, .arg = &the_arg
};

/* ---- a server in a directory of its own ---- */

static char dir[64], path[96];
static struct http_server *server;
static struct err err;

static struct http_server *start_with(const struct http_server_conf *c)
{
	struct http_server *s = NULL;

	if (http_server_unix(c, path, 0600, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	sem_init(&seen.entered, 0, 0);
	sem_init(&seen.go, 0, 0);
	sem_init(&seen.ended, 0, 0);
	snprintf(dir, sizeof(dir), "/tmp/http-server-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run/s.sock", dir);
	server = NULL;
	return 0;
}

static int teardown(void **state)
{
	char run[80];

	(void)state;
	if (http_server_stop(server, deadline_in(AMPLE), &err) < 0)
		fail_msg("%s", err.msg);
	unlink(path);
	snprintf(run, sizeof(run), "%s/run", dir);
	rmdir(run);
	if (rmdir(dir) < 0)
		fail_msg("%s: something is left behind", dir);
	assert_int_equal(seen.other, 0);
	return 0;
}

static int ask(const char *method, const char *what, const char *body, struct http_answer *a)
{
	const struct http_request q = {
		.socket = path, .method = method, .path = what, .body = body, .max = 1 << 20
	};

	return http_unix(&q, deadline_in(AMPLE), a, &err);
}

static void expect(const char *method, const char *what, const char *body, int status, const char *said)
{
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };

	if (ask(method, what, body, &a) < 0)
		fail_msg("%s %s: %s", method, what, err.msg);
	if (a.status != status || strcmp(buf_cstr(&a.body), said) != 0)
		fail_msg("%s %s: got %d \"%s\", want %d \"%s\"", method, what, a.status, buf_cstr(&a.body),
			 status, said);
}

/* ---- raw connections ---- */

static int raw_open(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void raw_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until the text ends with end, or until the peer closes when end is NULL. */
static const char *raw_read(int fd, const char *end)
{
	static char text[65536];
	size_t n = 0;
	ssize_t r = 1;

	text[0] = '\0';
	while (r > 0 && n < sizeof(text) - 1 &&
	       !(end && n >= strlen(end) && strcmp(text + n - strlen(end), end) == 0)) {
		r = recv(fd, text + n, sizeof(text) - 1 - n, 0);
		n += r > 0 ? (size_t)r : 0;
		text[n] = '\0';
	}
	return text;
}

static void want_in(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

/* ---- answers ---- */

static void test_answers(void **state)
{
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *said;
	} rows[] = {
		{ "POST", "/echo", "{\"a\":1}", 200, "POST /echo 7 {\"a\":1}" },
		{ "POST", "/echo", NULL, 200, "POST /echo 0 " },
		{ "GET", "/echo", "{\"podName\":\"x\"}", 200, "GET /echo 15 {\"podName\":\"x\"}" },
		{ "GET", "/query?a=1%202&b", NULL, 202, "\"1 2  \\\"0\\\"\"" },
		{ "GET", "/query?c=3", NULL, 202, "\"- - \\\"0\\\"\"" },
		{ "DELETE", "/failure", NULL, 500, "\"No space left on device\"" },
		{ "GET", "/too-long", NULL, 500, "\"the answer: File too large\"" },
		{ "GET", "/nothing%22", "body", 404, "\"there is no /nothing\\\" here\"" },
		{ "PUT", "/query", "body", 405, "\"PUT /query: want method GET\"" },
	};

	(void)state;
	server = start_with(&conf);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(rows[i].method, rows[i].path, rows[i].body, rows[i].status, rows[i].said);
	/* Errors of the handler were delivered too; refusals were nobody's. */
	http_server_stop(server, deadline_in(AMPLE), &err);
	server = NULL;
	assert_int_equal(seen.delivered, 7);
	assert_int_equal(seen.lost, 0);
}

static void test_any_path(void **state)
{
	static const struct http_route any = { "GET", NULL, serve_echo };
	const struct http_server_conf c = { .routes = &any, .n = 1, .arg = &the_arg };

	(void)state;
	server = start_with(&c);
	expect("GET", "/", NULL, 200, "GET / 0 ");
	expect("GET", "/metrics/x", NULL, 200, "GET /metrics/x 0 ");
	expect("POST", "/metrics", NULL, 405, "\"POST /metrics: want method GET\"");
}

static void test_one_connection(void **state)
{
	int fd;
	const char *text;

	(void)state;
	server = start_with(&conf);
	fd = raw_open();
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
	raw_send(fd, "3\r\ncde\r\n0\r\n\r\n");
	text = raw_read(fd, "POST /echo 5 abcde");
	want_in(text, "Content-Type: application/json\r\n");
	raw_send(fd, "PUT /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	text = raw_read(fd, "want method GET\"");
	want_in(text, "HTTP/1.1 405 ");
	want_in(text, "Allow: GET\r\n");
	raw_send(fd, "HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	text = raw_read(fd, NULL);
	want_in(text, "HTTP/1.1 200 ");
	assert_null(strstr(text, "HEAD /echo"));
	close(fd);
}

/* ---- limits ---- */

static void test_big(void **state)
{
	static char body[(1 << 20) - 300];
	CLEANUP(http_answer_clear) struct http_answer a = { 0 };
	struct http_server_conf c = conf;

	(void)state;
	server = start_with(&conf);
	memset(body, 'b', sizeof(body) - 1);
	expect("POST", "/echo", body, 200, "POST /echo 1048275 bbbbbbbbbbbbbbbbbbbb");
	http_server_stop(server, deadline_in(AMPLE), &err);
	c.body_max = 100000;
	server = start_with(&c);
	expect("POST", "/echo", body, 413, "\"a body of more than 100000 bytes\"");
	body[100001] = '\0';
	expect("POST", "/echo", body, 413, "\"a body of more than 100000 bytes\"");
	body[100000] = '\0';
	expect("POST", "/echo", body, 200, "POST /echo 100000 bbbbbbbbbbbbbbbbbbbb");
}

static void test_big_chunks(void **state)
{
	struct http_server_conf c = conf;
	int fd;

	(void)state;
	c.body_max = 7;
	server = start_with(&c);
	fd = raw_open();
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	raw_send(fd, "7\r\n1234567\r\n0\r\n\r\n");
	raw_read(fd, "POST /echo 7 1234567");
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	raw_send(fd, "7\r\n1234567\r\n1\r\n8\r\n0\r\n\r\n");
	want_in(raw_read(fd, "bytes\""), "HTTP/1.1 413 ");
	close(fd);
	/* nobody waits for what is too big anyway */
	fd = raw_open();
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n");
	want_in(raw_read(fd, NULL), "HTTP/1.1 413 ");
	close(fd);
	assert_int_equal(seen.delivered, 1);
}

/* All bodies together; what one has held the next one may. */
static void test_big_together(void **state)
{
	struct http_server_conf c = conf;
	int fd;

	(void)state;
	c.bodies_max = 10;
	server = start_with(&c);
	fd = raw_open();
	raw_send(fd, "GET /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n123456");
	while (sem_wait(&seen.entered) < 0)
		;
	expect("POST", "/echo", "1234", 200, "POST /echo 4 1234");
	expect("POST", "/echo", "12345", 503, "\"too much is being asked at this moment: try again\"");
	sem_post(&seen.go);
	want_in(raw_read(fd, "waited"), "HTTP/1.1 200 ");
	for (int i = 0; i < 2; i++) {
		raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1234567890");
		want_in(raw_read(fd, "POST /echo 10 1234567890"), "HTTP/1.1 200 ");
	}
	close(fd);
}

static void test_idle(void **state)
{
	struct http_server_conf c = conf;
	int fd;

	(void)state;
	c.idle_s = 1;
	server = start_with(&c);
	expect("GET", "/slow", NULL, 200, "slow");
	fd = raw_open();
	raw_send(fd, "GET /slow HT");
	assert_string_equal(raw_read(fd, NULL), "");
	close(fd);
}

/* ---- many at once ---- */

#define THREADS 32
#define EACH    20

static atomic_int wrong;

static void *many(void *arg)
{
	char body[32], want[64];

	for (int i = 0; i < EACH; i++) {
		CLEANUP(http_answer_clear) struct http_answer a = { 0 };
		const struct http_request q = {
			.socket = path, .method = "POST", .path = "/echo", .body = body, .max = 1 << 20
		};
		struct err e;

		snprintf(body, sizeof(body), "%d/%d", (int)(intptr_t)arg, i);
		snprintf(want, sizeof(want), "POST /echo %zu %s", strlen(body), body);
		if (http_unix(&q, deadline_in(AMPLE), &a, &e) < 0 || strcmp(buf_cstr(&a.body), want) != 0)
			wrong++;
	}
	return NULL;
}

static void test_parallel(void **state)
{
	struct http_server_conf c = conf;
	pthread_t t[THREADS];

	(void)state;
	wrong = 0;
	server = start_with(&c);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, (void *)(intptr_t)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	http_server_stop(server, deadline_in(AMPLE), &err);
	server = NULL;
	assert_int_equal(wrong, 0);
	assert_int_equal(seen.delivered, THREADS * EACH);
	assert_int_equal(seen.lost, 0);
}

/* ---- clients that vanish ---- */

static void test_vanished(void **state)
{
	int fd;

	(void)state;
	server = start_with(&conf);
	fd = raw_open();
	raw_send(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	sem_wait(&seen.entered);
	close(fd);
	sem_post(&seen.go);
	sem_wait(&seen.ended);
	assert_int_equal(seen.lost, 1);
	/* before its request was whole: nobody has heard of it */
	fd = raw_open();
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
	close(fd);
	/* one that stays */
	sem_post(&seen.go);
	expect("GET", "/wait", NULL, 200, "waited");
	sem_wait(&seen.ended);
	assert_int_equal(seen.lost, 1);
	assert_int_equal(seen.delivered, 1);
}

/* ---- stopping ---- */

static void *stopper(void *arg)
{
	static struct err e;

	(void)arg;
	return (void *)(intptr_t)http_server_stop(server, deadline_in(AMPLE), &e);
}

static void test_stop(void **state)
{
	pthread_t t;
	void *r;
	int working, open;

	(void)state;
	server = start_with(&conf);
	open = raw_open(); /* kept open between requests */
	raw_send(open, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_read(open, "GET /echo 0 ");
	working = raw_open();
	raw_send(working, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
	sem_wait(&seen.entered);
	/* there is no time */
	assert_int_equal(http_server_stop(server, deadline_in(50), &err), -ETIMEDOUT);
	want_in(err.msg, "1 request(s) still being served");
	assert_int_equal(access(path, F_OK), -1);
	raw_send(open, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	want_in(raw_read(open, NULL), "HTTP/1.1 503 ");
	/* there is */
	assert_int_equal(pthread_create(&t, NULL, stopper, NULL), 0);
	sem_post(&seen.go);
	want_in(raw_read(working, NULL), "waited");
	pthread_join(t, &r);
	assert_int_equal((intptr_t)r, 0);
	server = NULL;
	assert_int_equal(seen.delivered, 2);
	close(open);
	close(working);
}

/* ---- whose socket it is ---- */

static void test_foreign_user(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	server = start_with(&conf);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	child = fork();
	if (child == 0) {
		int fd = setuid(65534) < 0 ? -1 : raw_open();

		if (fd < 0 || send(fd, "GET /query HTTP/1.0\r\n\r\n", 23, MSG_NOSIGNAL) != 23)
			_exit(3);
		_exit(strstr(raw_read(fd, NULL), " 403 ") ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(seen.delivered + seen.lost, 0);
	expect("GET", "/query", NULL, 202, "\"- - \\\"0\\\"\"");
}

/* A socket file that nobody listens on any more. */
static void leave_stale(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	close(fd);
}

static void test_name(void **state)
{
	struct http_server *other = NULL;
	char file[128];
	struct stat st;
	FILE *f;

	(void)state;
	server = start_with(&conf); /* the directory was missing */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(http_server_unix(&conf, path, 0600, &other, &err), -EADDRINUSE);
	want_in(err.msg, "another server listens on it");
	want_in(err.msg, path);
	assert_null(other);
	expect("GET", "/echo", NULL, 200, "GET /echo 0 "); /* it was left alone */
	http_server_stop(server, deadline_in(AMPLE), &err);
	assert_int_equal(access(path, F_OK), -1);

	leave_stale();
	server = start_with(&conf);
	expect("GET", "/echo", NULL, 200, "GET /echo 0 ");
	/* somebody else's file in its place stays */
	unlink(path);
	leave_stale();
	http_server_stop(server, deadline_in(AMPLE), &err);
	server = NULL;
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);

	f = fopen(path, "w");
	fclose(f);
	assert_int_equal(http_server_unix(&conf, path, 0600, &other, &err), -EEXIST);
	want_in(err.msg, "is no socket");
	snprintf(file, sizeof(file), "%s/x", path);
	assert_int_equal(http_server_unix(&conf, file, 0600, &other, &err), -ENOTDIR);
	assert_int_equal(http_server_unix(&conf, "s.sock", 0600, &other, &err), -ENAMETOOLONG);
}

/* ---- TCP ---- */

static int tcp_open(int family, uint16_t port)
{
	const struct sockaddr_in to4 = { .sin_family = AF_INET,
					 .sin_port = htons(port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
					  .sin6_port = htons(port),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = family == AF_INET ? connect(fd, (const struct sockaddr *)&to4, sizeof(to4))
				  : connect(fd, (const struct sockaddr *)&to6, sizeof(to6));

	if (r < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void expect_tcp(int family, uint16_t port)
{
	int fd = tcp_open(family, port);

	assert_true(fd >= 0);
	raw_send(fd, "GET /query HTTP/1.0\r\n\r\n");
	want_in(raw_read(fd, NULL), "\"- - \\\"-1\\\"\"");
	close(fd);
}

static void test_tcp(void **state)
{
	struct http_server *other = NULL;
	uint16_t port;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(http_server_tcp(&conf, NULL, 0, &server, &err), 0);
	port = http_server_port(server);
	expect_tcp(AF_INET, port);
	if (fd >= 0)
		expect_tcp(AF_INET6, port);
	close(fd);
	assert_int_equal(http_server_tcp(&conf, NULL, port, &other, &err), -EADDRINUSE);
	want_in(err.msg, "listen on every address port ");
	http_server_stop(server, deadline_in(AMPLE), &err);
	assert_int_equal(http_server_tcp(&conf, "127.0.0.1", port, &server, &err), 0);
	expect_tcp(AF_INET, port);
	assert_int_equal(tcp_open(AF_INET6, port), -1);
	assert_int_equal(http_server_tcp(&conf, "localhost", 0, &other, &err), -EINVAL);
	want_in(err.msg, "localhost port 0: want an IP address");
}

/* ---- TLS ---- */

/* Of a test authority that nobody trusts. */
static const char cert[] = "-----BEGIN CERTIFICATE-----\n"
			   "MIIBfjCCASWgAwIBAgIUEh+9YVf4vJOrtlzUbZ7teoGsbxcwCgYIKoZIzj0EAwIw\n"
			   "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA0MjYxNloYDzIxMjYxMDMw\n"
			   "MDQyNjE2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
			   "PQMBBwNCAARupL1TdykPVR9yNJLi4cCqQopz9nzOgehDLDFsgw4dLB9nPgDLQx2+\n"
			   "32N+JU3xAmguAVQpxwOjMkAdbQpFMiFho1MwUTAdBgNVHQ4EFgQU3YnHgZ+fyk7O\n"
			   "W4YXZxBfq0FmuVEwHwYDVR0jBBgwFoAU3YnHgZ+fyk7OW4YXZxBfq0FmuVEwDwYD\n"
			   "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA/T1uQ5haC+IKojFhZRJ1I\n"
			   "/qI5SNdVLQlZAOXp47IjVwIgcLKKMsEIhi3eHttF4uzTXGGewfN7HFhyFEZIrtX1\n"
			   "uiY=\n"
			   "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
			  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+LfXDQgwmsRv7ktw\n"
			  "8t2mN9EMFSdtgzHBCJtb3JNjlXWhRANCAARupL1TdykPVR9yNJLi4cCqQopz9nzO\n"
			  "gehDLDFsgw4dLB9nPgDLQx2+32N+JU3xAmguAVQpxwOjMkAdbQpFMiFh\n"
			  "-----END PRIVATE KEY-----\n";

/* Of another one. */
static const char cert2[] = "-----BEGIN CERTIFICATE-----\n"
			    "MIIBfzCCASWgAwIBAgIUFSeozXiLEX0m1DiKIwJCJ4xF6o8wCgYIKoZIzj0EAwIw\n"
			    "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA4MDEyNloYDzIxMjYxMDMw\n"
			    "MDgwMTI2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
			    "PQMBBwNCAATi08sFXSUzW86ePW01MGsVJIC944Dd278FbxBXAqo6i7m7J/1k6Lg6\n"
			    "uy3Dv5EKSFB1xbgW8MjgcAnOt5ATTFeio1MwUTAdBgNVHQ4EFgQUBYi5sJFqzcEg\n"
			    "Zr0K9n9uYu+mg38wHwYDVR0jBBgwFoAUBYi5sJFqzcEgZr0K9n9uYu+mg38wDwYD\n"
			    "VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBBj6ac8DHtSoWu0aYeHMCC\n"
			    "iNUY3y8++Ye+NebvKcwPUgIhAKOmy/GeLrA30/rRL6IWztPVnXT9aZXchmWsq6ID\n"
			    "3TRF\n"
			    "-----END CERTIFICATE-----\n";
static const char key2[] = "-----BEGIN PRIVATE KEY-----\n"
			   "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoehqSJj938Tya2QW\n"
			   "oZjJdlveR9bVeRO5b/l02NUzc82hRANCAATi08sFXSUzW86ePW01MGsVJIC944Dd\n"
			   "278FbxBXAqo6i7m7J/1k6Lg6uy3Dv5EKSFB1xbgW8MjgcAnOt5ATTFei\n"
			   "-----END PRIVATE KEY-----\n";

static size_t take(char *data, size_t size, size_t n, void *out)
{
	buf_add(out, data, size * n);
	return size * n;
}

/* A request that wants this certificate. */
static CURLcode ask_tls(CURL *curl, const char *trusted, struct buf *text)
{
	char url[64], ca[] = "/tmp/http-server-ca-XXXXXX";
	const int fd = mkstemp(ca);
	CURLcode r;

	assert_int_equal(write(fd, trusted, strlen(trusted)), strlen(trusted));
	close(fd);
	buf_reset(text);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/echo", http_server_port(server));
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{}");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, text);
	r = curl_easy_perform(curl);
	unlink(ca);
	return r;
}

static CURLcode ask_anew(const char *trusted)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1000);
	CURL *curl = curl_easy_init();
	CURLcode r = ask_tls(curl, trusted, &text);

	curl_easy_cleanup(curl);
	if (r == CURLE_OK)
		assert_string_equal(buf_cstr(&text), "POST /echo 2 {}");
	return r;
}

static void test_tls(void **state)
{
	struct http_server_conf c = conf;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1000);
	CURL *open = curl_easy_init();
	long connects;

	(void)state;
	c.cert = key;
	c.key = key;
	assert_int_equal(http_server_tcp(&c, "127.0.0.1", 0, &server, &err), -EINVAL);
	want_in(err.msg, "start the HTTP server: certificate: ");
	c.cert = cert2;
	assert_int_equal(http_server_tcp(&c, "127.0.0.1", 0, &server, &err), -EINVAL);
	want_in(err.msg, "start the HTTP server: certificate and key do not fit");
	c.cert = cert;
	assert_int_equal(http_server_tcp(&c, "127.0.0.1", 0, &server, &err), 0);
	assert_int_equal(ask_anew(cert), CURLE_OK);
	assert_int_equal(ask_anew(cert2), CURLE_PEER_FAILED_VERIFICATION);

	assert_int_equal(ask_tls(open, cert, &text), CURLE_OK);
	assert_int_equal(http_server_renew(server, cert2, key, &err), -EINVAL);
	assert_int_equal(http_server_renew(server, cert2, cert2, &err), -EINVAL);
	assert_int_equal(ask_anew(cert), CURLE_OK);
	assert_int_equal(http_server_renew(server, cert2, key2, &err), 0);
	assert_int_equal(ask_anew(cert2), CURLE_OK);
	assert_int_equal(ask_anew(cert), CURLE_PEER_FAILED_VERIFICATION);
	/* Who was there before goes on. */
	buf_reset(&text);
	assert_int_equal(curl_easy_perform(open), CURLE_OK);
	assert_int_equal(curl_easy_getinfo(open, CURLINFO_NUM_CONNECTS, &connects), CURLE_OK);
	assert_int_equal(connects, 0);
	assert_string_equal(buf_cstr(&text), "POST /echo 2 {}");
	curl_easy_cleanup(open);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_answers),    T(test_any_path),     T(test_one_connection), T(test_big),
		T(test_big_chunks), T(test_idle),         T(test_parallel),       T(test_vanished),
		T(test_stop),       T(test_foreign_user), T(test_name),           T(test_tcp),
		T(test_tls),        T(test_big_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
