/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.c - the HTTPS server of admission, and who keeps its certificate */
#include "webhook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cabundle.h"
#include "certificate.h"
#include "controller.h"
#include "daemon/signals.h"
#include "http/server.h"
#include "kube/thread.h"
#include "metrics/metrics.h"

#define CONNECTIONS 512 /* API servers ask over HTTP/1.1: as many as there are questions at once */
#define BODY_MAX    ((size_t)4 << 20) /* an object of etcd's size before and after */
#define BODIES_MAX  ((size_t)128 << 20)
/* Trees of questions: of one, and of all at once. Who reaches the port must not get us killed for memory. */
#define TREE_MAX ((size_t)32 << 20)
#define ROOM     ((size_t)320 << 20)
#define PER_BYTE (JSON_COST_OBJECT / 3 + 1) /* of text: "{}," */
#define LOOK_MS  10000
#define SOON_MS  1000
#define CALL_MS  10000
/* API servers hear of another caBundle by a watch. */
#define TRUST_MS 3000
/* What a question's time is when nobody says, and what is left of it for the way back and for taking an
 * intent out. */
#define TIME_MS 10000
#define BACK_MS 2500

struct webhook {
	struct controller *c;
	struct admit *admit;
	struct room room;
	struct http_server *server;
	struct http_route *routes;
	struct certificate now;
	pthread_t keeper;
	bool kept; /* the keeper runs */
	struct kube_cancel cancel;
	char said[ERR_MSG_MAX]; /* the keeper's last complaint */
};

static struct gauge certificate_over; /* s since 1970; 0: there is none */

/* ---- questions ---- */

int64_t webhook_time(const char *text)
{
	char *end;
	long s = text ? strtol(text, &end, 10) : 0;

	if (!text || s <= 0 || s > 60 || strcmp(end, "s") != 0)
		return TIME_MS - BACK_MS;
	return s * 1000 > 2 * BACK_MS ? s * 1000 - BACK_MS : s * 1000 / 2;
}

static void log_refusal(const struct review_request *q, const struct err *why)
{
	say(why->cni == ERR_CONFIG ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "refused %s by %s%s: %s", q->operation,
	    q->user.name ? q->user.name : "somebody", q->dry_run ? " (a dry run)" : "", why->msg);
}

static int say_bad(const struct admit_path *path, int status, const struct err *why, struct buf *out)
{
	buf_str(out, "{}");
	say(LOG_LEVEL_WARN, "%s: %s", path->path, why->msg);
	return status;
}

static int answer(struct admit *a, const struct admit_path *path, struct review *review,
		  struct deadline until, struct buf *out)
{
	struct review_answer answer = { .allowed = true };
	struct err e;
	int r = path->serve(&(struct admit_call){ a, &review->request, until }, &answer.patch, &e);

	if (r < 0) {
		log_refusal(&review->request, &e);
		review_refuse(&answer, &e);
	}
	r = review_encode(review, &answer, out, &e);
	review_answer_clear(&answer);
	if (r == 0)
		return 200;
	say(LOG_LEVEL_ERROR, "%s: the answer: %s", path->path, e.msg);
	return 500;
}

int webhook_answer(struct admit *a, struct room *room, const struct admit_path *path, const char *body,
		   size_t len, struct deadline until, struct buf *out)
{
	const size_t most = len < TREE_MAX / PER_BYTE ? (len + 1) * PER_BYTE : TREE_MAX;
	size_t left = most;
	struct review review;
	struct err e;
	int r = room_take(room, most, until, &e);

	if (r < 0)
		return say_bad(path, 503, &e, out);
	r = review_decode(body, len, &left, &review, &e);
	room_give(room, left); /* most take a hundredth */
	r = r < 0 ? say_bad(path, 400, &e, out) : answer(a, path, &review, until, out);
	review_clear(&review);
	room_give(room, most - left);
	return r;
}

static int serve_review(struct http_exchange *x, void *arg)
{
	struct webhook *w = arg;
	struct deadline until = deadline_in(webhook_time(http_query(x, "timeout")));

	for (size_t i = 0; i < admit_paths_n; i++) {
		if (strcmp(admit_paths[i].path, x->path) == 0)
			x->status = webhook_answer(w->admit, &w->room, &admit_paths[i], x->body, x->len,
						   until, &x->answer);
	}
	return 0;
}

static int serve_health(struct http_exchange *x, void *arg)
{
	(void)arg;
	x->type = "text/plain";
	buf_str(&x->answer, "ok");
	return 0;
}

/* ---- the certificate ---- */

static bool is_given(const struct webhook *w)
{
	return w->c->conf.cert && w->c->conf.cert[0];
}

/* Whom the API server trusts is asked only when there is no certificate yet; without the right to know,
 * nobody. */
static void read_trusted(struct webhook *w, struct buf *out)
{
	struct err ignored;

	if (!w->now.cert &&
	    cabundle_read(w->c->k, w->c->conf.name, deadline_in(CALL_MS), &w->cancel, out, &ignored) < 0)
		buf_reset(out);
}

static int read_certificate(struct webhook *w, struct certificate *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf trusted = BUF_INIT(CERTIFICATE_PEM_MAX * 4);

	if (is_given(w))
		return certificate_read_files(&w->c->conf, ret, e);
	read_trusted(w, &trusted);
	return certificate_read_secret(w->c->k, &w->c->conf, &w->now, buf_cstr(&trusted),
				       deadline_in(CALL_MS), &w->cancel, ret, e);
}

static bool is_good(const struct certificate *c)
{
	struct err ignored;

	return certificate_check(c, NULL, clock_wall_ms(), &ignored) >= 0;
}

/* Takes over c. */
static void set_certificate(struct webhook *w, struct certificate *c)
{
	certificate_clear(&w->now);
	w->now = *c;
	*c = (struct certificate){ 0 };
	gauge_set(&certificate_over, (double)certificate_end(&w->now) / 1000);
}

/* First all API servers trust it, then it is shown to them. When they cannot be told of one that we made, the
 * one of before does as long as it can; who gives us another has told them himself. */
static int show(struct webhook *w, struct certificate *fresh, struct err *e)
{
	int r = 0, trust = 0;

	if (fresh->ca[0])
		trust = cabundle_write(w->c->k, w->c->conf.name, fresh->ca, deadline_in(CALL_MS), &w->cancel,
				       e);
	if (certificate_same(fresh, &w->now) || (trust < 0 && !is_given(w) && is_good(&w->now)))
		return trust < 0 ? trust : 0;
	/* Also when another replica told them: that may have been a moment ago. */
	if (fresh->ca[0] && trust >= 0)
		r = kube_sleep(w->c->k, &w->cancel, TRUST_MS, e);
	if (r == 0)
		r = http_server_renew(w->server, fresh->cert, fresh->key, e);
	if (r < 0)
		return r;
	say(LOG_LEVEL_INFO, "admission has another certificate");
	set_certificate(w, fresh);
	return trust < 0 ? trust : 0;
}

/* 1: all is well but for what e says. */
static int keep(struct webhook *w, struct err *e)
{
	struct certificate fresh;
	struct err late;
	int found = read_certificate(w, &fresh, &late), r;

	if (found < 0) {
		*e = late;
		return found;
	}
	r = show(w, &fresh, e);
	certificate_clear(&fresh);
	if (r == 0 && found)
		*e = late;
	return r < 0 ? r : found;
}

/* The same complaint is said once. */
static void complain(struct webhook *w, const struct err *e)
{
	if (strcmp(w->said, e->msg) == 0)
		return;
	say(LOG_LEVEL_WARN, "%s", e->msg);
	memcpy(w->said, e->msg, sizeof(w->said));
}

static void *run(void *arg)
{
	struct webhook *w = arg;
	int64_t pause = 0;
	struct err e;

	while (kube_sleep(w->c->k, &w->cancel, pause, &e) == 0) {
		const int r = keep(w, &e);

		intents_book_flush(w->admit->book);
		pause = LOOK_MS;
		if (r == 0)
			w->said[0] = '\0';
		else if (r != -ECANCELED)
			complain(w, &e);
		if (r < 0 && e.cni == ERR_TRY_AGAIN)
			pause = SOON_MS;
	}
	return NULL;
}

static double read_left(void *arg)
{
	(void)arg;
	return certificate_over.v - (double)clock_wall_ms() / 1000;
}

void webhook_metrics(struct buf *out)
{
	static const struct metric rows[] = {
		METRIC_READ("spiderpool_controller_certificate_expires_seconds",
			    "time that is left of the certificate of admission", read_left),
	};

	if (certificate_over.v > 0)
		metrics_print(&(struct metrics){ rows, ARRAY_LEN(rows) }, out);
}

/* ---- start and stop ---- */

static int make_routes(struct webhook *w, struct err *e)
{
	w->routes = calloc(admit_paths_n + 1, sizeof(*w->routes));
	if (!w->routes)
		return err_nomem(e);
	w->routes[0] = (struct http_route){ "GET", WEBHOOK_HEALTH, serve_health };
	for (size_t i = 0; i < admit_paths_n; i++)
		w->routes[i + 1] = (struct http_route){ "POST", admit_paths[i].path, serve_review };
	return 0;
}

static int start_server(struct webhook *w, struct err *e)
{
	struct http_server_conf conf = {
		.arg = w, .connections = CONNECTIONS, .body_max = BODY_MAX, .bodies_max = BODIES_MAX
	};
	int r = make_routes(w, e);

	if (r < 0)
		return r;
	conf.routes = w->routes;
	conf.n = admit_paths_n + 1;
	conf.cert = w->now.cert;
	conf.key = w->now.key;
	r = http_server_tcp(&conf, NULL, (uint16_t)w->c->conf.webhook_port, &w->server, e);
	return r < 0 ? err_wrap(e, "admission on port %lld", (long long)w->c->conf.webhook_port) : 0;
}

void webhook_stop(struct webhook *w, struct deadline until)
{
	if (!w)
		return;
	kube_cancel(w->c->k, &w->cancel);
	if (w->kept)
		pthread_join(w->keeper, NULL);
	daemon_server_stop(w->server, until);
	admit_free(w->admit);
	certificate_clear(&w->now);
	room_clear(&w->room);
	free(w->routes);
	free(w);
}

int webhook_start(struct controller *c, struct webhook **ret, struct err *e)
{
	struct webhook *w = calloc(1, sizeof(*w));
	struct certificate first = { 0 };
	int r;

	if (!w)
		return err_nomem(e);
	w->c = c;
	room_init(&w->room, ROOM);
	r = admit_new(c->k, &c->conf, &w->admit, e);
	if (r == 0)
		r = read_certificate(w, &first, e);
	if (r >= 0) { /* what else there is to say of it, the keeper says */
		set_certificate(w, &first);
		r = start_server(w, e);
	}
	if (r == 0)
		r = kube_thread(&w->keeper, run, w, e);
	w->kept = r == 0;
	if (r < 0)
		webhook_stop(w, deadline_in(0));
	else
		*ret = w;
	return r;
}
