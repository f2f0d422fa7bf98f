/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - an HTTP/1.1 server on libmicrohttpd */
#include "http/server.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "http/listen.h"
#include "http/tls.h"
#include "json/tree.h"

#define BODY_MAX   ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)16 << 20)
#define IDLE_S     30
#define REQUEST_MS 100000
#define STACK      ((size_t)256 << 10)
/* Of a connection, for the heads of a request and an answer. */
#define HEAD_MAX ((size_t)16 << 10)

struct http_server {
	struct http_server_conf conf;
	struct MHD_Daemon *daemon;
	char *path; /* NULL: TCP */
	struct listen_name name;
	struct http_tls *tls; /* NULL: none */
	uint16_t port;
	int listener; /* ours again once the server stops, else -1 */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t idle;
	size_t serving; /* exchanges between serve() and the end of after() */
	size_t bodies;  /* bytes */
	bool stopping;
};

struct exchange {
	struct http_exchange x; /* first: http_query() gets back from it */
	struct MHD_Connection *connection;
	const struct http_route *route; /* NULL: refused, the answer is there already */
	const char *allow;              /* the method that there is, for 405 */
	bool served;
	struct buf in;
	size_t held; /* of bodies */
};

/* ---- for handlers ---- */

const char *http_query(const struct http_exchange *x, const char *key)
{
	const struct exchange *own = (const struct exchange *)x;
	const char *value = NULL;

	if (MHD_lookup_connection_value_n(own->connection, MHD_GET_ARGUMENT_KIND, key, strlen(key), &value,
					  NULL) == MHD_NO)
		return NULL;
	return value ? value : "";
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	const struct exchange *own = (const struct exchange *)x;

	return MHD_lookup_connection_value(own->connection, MHD_HEADER_KIND, name);
}

void http_say(struct http_exchange *x, int status, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	struct json_object *o;
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(&x->answer);
	x->status = status;
	x->type = "application/json";
	o = json_object_new_string(text);
	if (!o || json_print(o, false, &x->answer, &e) < 0)
		buf_reset(&x->answer); /* the status alone has to do */
	json_put_p(&o);
}

/* ---- one exchange ---- */

static const struct http_route *find_route(const struct http_server *s, const char *method, const char *path,
					   const char **allow)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	*allow = NULL;
	for (size_t i = 0; i < s->conf.n; i++) {
		const struct http_route *r = &s->conf.routes[i];

		if (r->path && strcmp(r->path, path) != 0)
			continue;
		if (strcmp(r->method, method) == 0)
			return r;
		*allow = r->method;
	}
	return NULL;
}

static int64_t peer_uid(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return (uid_t)-1;
	return cred.uid;
}

/* What can be refused before the body has come. */
static void look_at_head(const struct http_server *s, struct exchange *x)
{
	if (s->path) {
		x->x.uid = peer_uid(x->connection);
		if (x->x.uid != 0 && x->x.uid != geteuid()) {
			http_say(&x->x, MHD_HTTP_FORBIDDEN, "user %lld may not use this socket: want root",
				 (long long)x->x.uid);
			return;
		}
	}
	x->route = find_route(s, x->x.method, x->x.path, &x->allow);
	if (x->route)
		return;
	if (x->allow)
		http_say(&x->x, MHD_HTTP_METHOD_NOT_ALLOWED, "%s %.512s: want method %s", x->x.method,
			 x->x.path, x->allow);
	else
		http_say(&x->x, MHD_HTTP_NOT_FOUND, "there is no %.512s here", x->x.path);
}

static struct exchange *exchange_new(const struct http_server *s, struct MHD_Connection *c,
				     const char *method, const char *path)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->x = (struct http_exchange){
		.method = method,
		.path = path,
		.uid = -1,
		.until = deadline_in(s->conf.request_ms),
		.status = MHD_HTTP_OK,
		.type = "application/json",
		.answer = BUF_INIT(ANSWER_MAX),
	};
	x->connection = c;
	x->in = BUF_INIT(s->conf.body_max);
	look_at_head(s, x);
	return x;
}

static enum MHD_Result answer(struct http_server *s, struct exchange *x)
{
	struct MHD_Response *r;
	enum MHD_Result done = MHD_YES;

	if (x->x.answer.err) {
		x->x.answer.max = ANSWER_MAX;
		http_say(&x->x, MHD_HTTP_INTERNAL_SERVER_ERROR, "the answer: %s", strerror(-x->x.answer.err));
	}
	/* The text belongs to the exchange, which outlives the response. */
	r = MHD_create_response_from_buffer(x->x.answer.len, x->x.answer.s, MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	if (x->x.answer.len)
		done &= MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, x->x.type);
	if (x->x.status == MHD_HTTP_METHOD_NOT_ALLOWED && x->allow)
		done &= MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, x->allow);
	pthread_mutex_lock(&s->lock);
	if (s->stopping)
		done &= MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	pthread_mutex_unlock(&s->lock);
	if (done == MHD_YES)
		done = MHD_queue_response(x->connection, (unsigned)x->x.status, r);
	MHD_destroy_response(r);
	return done;
}

static bool may_serve(struct http_server *s, struct exchange *x)
{
	pthread_mutex_lock(&s->lock);
	x->served = !s->stopping;
	s->serving += x->served;
	pthread_mutex_unlock(&s->lock);
	if (!x->served)
		http_say(&x->x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is stopping: try again");
	return x->served;
}

static void serve(struct http_server *s, struct exchange *x)
{
	int r;

	x->x.body = buf_cstr(&x->in);
	x->x.len = x->in.len;
	if (!may_serve(s, x))
		return;
	r = x->route->serve(&x->x, s->conf.arg);
	if (r < 0)
		http_say(&x->x, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s", strerror(-r));
}

static bool declared_too_big(const struct http_server *s, struct MHD_Connection *c)
{
	const char *text = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > s->conf.body_max;
}

static void too_big(const struct http_server *s, struct exchange *x)
{
	x->route = NULL;
	x->allow = NULL;
	http_say(&x->x, MHD_HTTP_CONTENT_TOO_LARGE, "a body of more than %zu bytes", s->conf.body_max);
}

/* Clients may be many and all send slowly. */
static bool may_hold(struct http_server *s, struct exchange *x, size_t n)
{
	bool fits;

	if (!s->conf.bodies_max)
		return true;
	pthread_mutex_lock(&s->lock);
	fits = n <= s->conf.bodies_max - s->bodies;
	if (fits) {
		s->bodies += n;
		x->held += n;
	}
	pthread_mutex_unlock(&s->lock);
	return fits;
}

static void let_go(struct http_server *s, struct exchange *x)
{
	buf_clear(&x->in);
	pthread_mutex_lock(&s->lock);
	s->bodies -= x->held;
	x->held = 0;
	pthread_mutex_unlock(&s->lock);
}

static void take_piece(struct http_server *s, struct exchange *x, const char *piece, size_t n)
{
	if (!x->route)
		return;
	if (may_hold(s, x, n)) {
		buf_add(&x->in, piece, n);
		return;
	}
	let_go(s, x);
	x->route = NULL;
	x->allow = NULL;
	http_say(&x->x, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is being asked at this moment: try again");
}

/* Called with the head, then with each piece of the body, then without one. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *piece, size_t *len, void **own)
{
	struct http_server *s = arg;
	struct exchange *x = *own;

	(void)version;
	if (!x) {
		*own = x = exchange_new(s, c, method, path);
		if (!x)
			return MHD_NO;
		if (!declared_too_big(s, c))
			return MHD_YES;
		too_big(s, x); /* closes the connection, the body stays unread */
		return answer(s, x);
	}
	if (*len) {
		take_piece(s, x, piece, *len);
		*len = 0;
		return x->in.err == -ENOMEM ? MHD_NO : MHD_YES;
	}
	if (x->in.err)
		too_big(s, x);
	if (x->route)
		serve(s, x);
	return answer(s, x);
}

static void on_end(void *arg, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode why)
{
	struct http_server *s = arg;
	struct exchange *x = *own;

	(void)c;
	if (!x)
		return;
	*own = NULL;
	if (x->served) {
		if (s->conf.after)
			s->conf.after(&x->x, why == MHD_REQUEST_TERMINATED_COMPLETED_OK, s->conf.arg);
		pthread_mutex_lock(&s->lock);
		if (--s->serving == 0)
			pthread_cond_signal(&s->idle);
		pthread_mutex_unlock(&s->lock);
	}
	let_go(s, x);
	buf_clear(&x->x.answer);
	free(x);
}

/* ---- the server ---- */

static void server_free(struct http_server *s)
{
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	http_tls_free(s->tls);
	free(s->path);
	free(s);
}

static struct http_server *server_new(const struct http_server_conf *c, const char *path)
{
	struct http_server *s = calloc(1, sizeof(*s));
	pthread_condattr_t a;

	if (!s)
		return NULL;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&s->idle, &a);
	pthread_condattr_destroy(&a);
	pthread_mutex_init(&s->lock, NULL);
	s->listener = -1;
	s->conf = *c;
	if (!s->conf.connections)
		s->conf.connections = path ? 1024 : 64;
	if (!s->conf.body_max)
		s->conf.body_max = BODY_MAX;
	if (!s->conf.idle_s)
		s->conf.idle_s = IDLE_S;
	if (!s->conf.request_ms)
		s->conf.request_ms = REQUEST_MS;
	s->path = path ? strdup(path) : NULL;
	if (path && !s->path) {
		server_free(s);
		return NULL;
	}
	return s;
}

/* fd is MHD's from here on, unless this fails. */
static int start(struct http_server *s, int fd, struct err *e)
{
	const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			       MHD_USE_POLL | MHD_USE_ITC | (s->conf.cert ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, http_tls_retrieve() },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_tls_connection, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	sigset_t all, before;
	int why;

	if (s->conf.cert && http_tls_new(s->conf.cert, s->conf.key, &s->tls, e) < 0)
		return err_wrap(e, "start the HTTP server");
	tls[1].ptr_value = s->tls;
	/* Signals are for the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	errno = 0;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_NOTIFY_COMPLETED, on_end, s, MHD_OPTION_CONNECTION_LIMIT,
				     s->conf.connections, MHD_OPTION_CONNECTION_TIMEOUT, s->conf.idle_s,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MAX,
				     MHD_OPTION_THREAD_STACK_SIZE, STACK, MHD_OPTION_STRICT_FOR_CLIENT, 1,
				     MHD_OPTION_ARRAY, s->conf.cert ? tls : none, MHD_OPTION_END);
	why = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (s->daemon)
		return 0;
	return err_code(e, ERR_IO, why ? why : EINVAL, "start the HTTP server: %s",
			why ? strerror(why) : "no reason given");
}

int http_server_unix(const struct http_server_conf *c, const char *path, mode_t mode,
		     struct http_server **ret, struct err *e)
{
	struct http_server *s = server_new(c, path);
	int fd = -1, r;

	*ret = NULL;
	if (!s)
		return err_nomem(e);
	r = listen_unix(path, mode, &fd, &s->name, e);
	if (r == 0) {
		r = start(s, fd, e);
		if (r < 0) {
			listen_remove(path, &s->name);
			close(fd);
		}
	}
	if (r < 0)
		server_free(s);
	else
		*ret = s;
	return r;
}

int http_server_tcp(const struct http_server_conf *c, const char *host, uint16_t port,
		    struct http_server **ret, struct err *e)
{
	struct http_server *s = server_new(c, NULL);
	struct sockaddr_in6 own = { 0 }; /* the port is where an IPv4 address has it, too */
	socklen_t len = sizeof(own);
	int fd = -1, r;

	*ret = NULL;
	if (!s)
		return err_nomem(e);
	r = listen_tcp(host, port, &fd, e);
	if (r == 0) {
		r = getsockname(fd, (struct sockaddr *)&own, &len) < 0 ? err_sys(e, errno, "getsockname")
								       : start(s, fd, e);
		if (r < 0)
			close(fd);
	}
	s->port = ntohs(own.sin6_port);
	if (r < 0)
		server_free(s);
	else
		*ret = s;
	return r;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->path ? 0 : s->port;
}

int http_server_renew(struct http_server *s, const char *cert, const char *key, struct err *e)
{
	return http_tls_renew(s->tls, cert, key, e);
}

int http_server_stop(struct http_server *s, struct deadline until, struct err *e)
{
	struct timespec t = { .tv_sec = until.at_ms / 1000, .tv_nsec = until.at_ms % 1000 * 1000000 };
	size_t left;
	int r = 0;

	if (!s)
		return 0;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_mutex_unlock(&s->lock);
	if (s->path)
		listen_remove(s->path, &s->name);
	if (s->listener < 0)
		s->listener = MHD_quiesce_daemon(s->daemon);
	pthread_mutex_lock(&s->lock);
	while (s->serving && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&s->idle, &s->lock, &t);
	left = s->serving;
	pthread_mutex_unlock(&s->lock);
	if (left)
		return err_code(e, ERR_IO, ETIMEDOUT, "%s: %zu request(s) still being served",
				s->path ? s->path : "HTTP server", left);
	MHD_stop_daemon(s->daemon);
	close_p(&s->listener);
	server_free(s);
	return 0;
}
