/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - what callers do: hand over, wait, give up */
#include "kube/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/internal.h"
#include "kube/thread.h"

void kube_answer_clear(struct kube_answer *a)
{
	buf_clear(&a->body);
	a->status = 0;
}

const char *kube_server(const struct kube *k)
{
	return k->conf.server;
}

const char *kube_namespace(const struct kube *k)
{
	return k->conf.ns ? k->conf.ns : "default";
}

/* ---- jobs ---- */

void kube_jobs_add(struct kube_jobs *l, struct kube_job *j)
{
	j->next = NULL;
	j->prev = l->tail;
	if (l->tail)
		l->tail->next = j;
	else
		l->head = j;
	l->tail = j;
}

void kube_jobs_remove(struct kube_jobs *l, struct kube_job *j)
{
	if (j->prev)
		j->prev->next = j->next;
	else
		l->head = j->next;
	if (j->next)
		j->next->prev = j->prev;
	else
		l->tail = j->prev;
	j->next = j->prev = NULL;
}

void kube_job_free(struct kube_job *j)
{
	if (!j)
		return;
	assert(!j->easy);
	pthread_cond_destroy(&j->changed);
	for (struct curl_slist *h = j->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(j->headers);
	buf_clear(&j->unread);
	kube_answer_clear(&j->answer);
	free(j->method);
	free(j->url);
	free(j->body);
	free(j);
}

static int add_header(struct kube_job *j, const char *line, struct err *e)
{
	struct curl_slist *l = curl_slist_append(j->headers, line);

	if (!l)
		return err_nomem(e);
	j->headers = l;
	return 0;
}

static int add_headers(struct kube_job *j, const struct kube_request *q, struct err *e)
{
	static const char *const types[] = { "Content-Type: application/json",
					     "Content-Type: application/merge-patch+json",
					     "Content-Type: application/json-patch+json" };
	CLEANUP(buf_clear) struct buf line = BUF_INIT(KUBE_TOKEN_MAX + 64);
	int r = kube_token_header(&j->k->token, &line, e);

	if (r == 0 && line.len)
		r = add_header(j, line.s, e);
	if (line.s)
		explicit_bzero(line.s, line.len);
	buf_reset(&line);
	buf_fmt(&line, "Accept: %s", q->accept ? q->accept : "application/json");
	if (r == 0)
		r = line.err ? err_nomem(e) : add_header(j, line.s, e);
	if (r == 0 && q->body)
		r = add_header(j, types[q->type], e);
	/* Nobody waits for "100 Continue". */
	return r < 0 ? r : add_header(j, "Expect:", e);
}

static int job_new(struct kube *k, const struct kube_request *q, bool is_stream, struct kube_job **ret,
		   struct err *e)
{
	struct kube_job *j = calloc(1, sizeof(*j));
	int r;

	assert(q->path[0] == '/' && (q->body || !strcmp(q->method, "GET")));
	if (!j)
		return err_nomem(e);
	kube_cond_init(&j->changed);
	j->k = k;
	j->io = is_stream ? &k->streams : &k->calls;
	j->max = q->max ? q->max : KUBE_ANSWER_MAX;
	j->answer.body.max = j->max;
	j->unread.max = j->max;
	j->is_stream = is_stream;
	j->cancel = q->cancel;
	j->method = strdup(q->method);
	if (asprintf(&j->url, "%s%s", k->url, q->path) < 0)
		j->url = NULL;
	r = j->method && j->url ? add_headers(j, q, e) : err_nomem(e);
	if (r == 0 && q->len > KUBE_REQUEST_MAX)
		r = err_code(e, ERR_IO, EFBIG, "%s %s: a body of %zu bytes; the API server takes %zu",
			     q->method, q->path, q->len, KUBE_REQUEST_MAX);
	if (r == 0 && q->body) {
		j->len = q->len;
		j->body = malloc(q->len + 1);
		if (j->body)
			memcpy(j->body, q->body, q->len);
		else
			r = err_nomem(e);
	}
	if (r < 0)
		kube_job_free(j);
	else
		*ret = j;
	return r;
}

/* ---- waiting ---- */

static void enter(struct kube *k, struct kube_job *j)
{
	k->n_calls++;
	j->peer_prev = NULL;
	j->peer_next = k->peers;
	if (k->peers)
		k->peers->peer_prev = j;
	k->peers = j;
}

static void leave(struct kube *k, struct kube_job *j)
{
	if (j->peer_prev)
		j->peer_prev->peer_next = j->peer_next;
	else
		k->peers = j->peer_next;
	if (j->peer_next)
		j->peer_next->peer_prev = j->peer_prev;
	if (--k->n_calls == 0 && k->stopping)
		pthread_cond_broadcast(&k->cancelled);
}

static bool cut_short(const struct kube *k, const struct kube_cancel *c)
{
	return k->stopping || k->aborted || (c && c->set);
}

/* The thread must not touch a job of which the caller thinks that nothing was sent: it looks at given_up
 * before it sends. */
static void abandon(struct kube_job *j)
{
	if (j->state == KUBE_JOB_STARTED) {
		j->given_up = true;
		j->drop_next = j->io->dropped;
		j->io->dropped = j;
		curl_multi_wakeup(j->io->multi);
		return;
	}
	if (j->state == KUBE_JOB_QUEUED)
		kube_jobs_remove(&j->io->queued, j);
	kube_job_free(j);
}

static void queue(struct kube_job *j)
{
	kube_jobs_add(&j->io->queued, j);
	curl_multi_wakeup(j->io->multi);
}

/* Until the job is done, or the head of a stream is there and good. 0, -ETIMEDOUT, -ECANCELED. */
static int wait_job(struct kube *k, struct kube_job *j, struct deadline until)
{
	for (;;) {
		if (j->state == KUBE_JOB_DONE || (j->is_stream && j->head_done && j->answer.status < 300))
			return 0;
		if (cut_short(k, j->cancel))
			return -ECANCELED;
		if (!deadline_left(until))
			return -ETIMEDOUT;
		kube_cond_wait(&j->changed, &k->lock, until);
	}
}

static int call(struct kube *k, const struct kube_request *q, struct deadline until, struct kube_answer *ret,
		struct err *e)
{
	struct kube_job *j = NULL;
	int r;

	*ret = (struct kube_answer){ 0 };
	r = job_new(k, q, false, &j, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&k->lock);
	enter(k, j);
	queue(j);
	r = wait_job(k, j, until);
	leave(k, j);
	if (r < 0) {
		ret->outcome = j->sent ? KUBE_UNKNOWN : KUBE_NOT_SENT;
		r = kube_given_up(j, -r, e);
		abandon(j);
		pthread_mutex_unlock(&k->lock);
		return r;
	}
	pthread_mutex_unlock(&k->lock);
	r = kube_job_result(j, e);
	*ret = j->answer;
	j->answer.body = BUF_INIT(0);
	kube_job_free(j);
	return r;
}

int kube_call(struct kube *k, const struct kube_request *q, struct deadline until, struct kube_answer *ret,
	      struct err *e)
{
	double start = clock_mono_s();
	int r = call(k, q, until, ret, e);

	if (k->timed)
		k->timed(q->method, clock_mono_s() - start, k->timed_arg);
	return r;
}

void kube_timed(struct kube *k, void (*each)(const char *method, double seconds, void *arg), void *arg)
{
	k->timed = each;
	k->timed_arg = arg;
}

void kube_cancel(struct kube *k, struct kube_cancel *c)
{
	pthread_mutex_lock(&k->lock);
	c->set = true;
	for (struct kube_job *j = k->peers; j; j = j->peer_next) {
		if (j->cancel == c)
			pthread_cond_broadcast(&j->changed);
	}
	pthread_cond_broadcast(&k->cancelled);
	pthread_mutex_unlock(&k->lock);
}

int kube_sleep(struct kube *k, struct kube_cancel *c, int64_t ms, struct err *e)
{
	struct deadline until = deadline_in(ms);
	bool cut;

	pthread_mutex_lock(&k->lock);
	k->n_calls++;
	while (!(cut = cut_short(k, c)) && deadline_left(until))
		kube_cond_wait(&k->cancelled, &k->lock, until);
	if (--k->n_calls == 0 && k->stopping)
		pthread_cond_broadcast(&k->cancelled);
	pthread_mutex_unlock(&k->lock);
	return cut ? err_code(e, ERR_TRY_AGAIN, ECANCELED, "cancelled") : 0;
}

/* ---- streams ---- */

struct kube_stream {
	struct kube_job *j;
};

int kube_stream_open(struct kube *k, const struct kube_request *q, struct deadline until,
		     struct kube_stream **ret, struct kube_answer *answer, struct err *e)
{
	struct kube_stream *s = malloc(sizeof(*s));
	int r;

	*ret = NULL;
	*answer = (struct kube_answer){ 0 };
	if (!s)
		return err_nomem(e);
	r = job_new(k, q, true, &s->j, e);
	if (r < 0) {
		free(s);
		return r;
	}
	pthread_mutex_lock(&k->lock);
	enter(k, s->j);
	queue(s->j);
	r = wait_job(k, s->j, until);
	leave(k, s->j);
	if (r == 0 && s->j->state == KUBE_JOB_DONE && s->j->answer.status / 100 != 2) {
		r = kube_job_result(s->j, e);
		*answer = s->j->answer;
		s->j->answer.body = BUF_INIT(0);
	} else if (r < 0) {
		answer->outcome = s->j->sent ? KUBE_UNKNOWN : KUBE_NOT_SENT;
		r = kube_given_up(s->j, -r, e);
	} else {
		answer->status = s->j->answer.status;
		answer->outcome = KUBE_ANSWERED;
		answer->date_ms = s->j->answer.date_ms;
	}
	if (r < 0) {
		abandon(s->j);
		free(s);
	} else {
		*ret = s;
	}
	pthread_mutex_unlock(&k->lock);
	return r;
}

static int read_unread(struct kube *k, struct kube_job *j, struct buf *out, struct deadline until,
		       struct err *e)
{
	while (!j->unread.len) {
		if (cut_short(k, j->cancel))
			return err_code(e, ERR_TRY_AGAIN, ECANCELED, "cancelled");
		if (j->state == KUBE_JOB_DONE)
			return j->code == CURLE_OK ? 0 : kube_job_result(j, e);
		if (!deadline_left(until))
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "nothing came");
		kube_cond_wait(&j->changed, &k->lock, until);
	}
	buf_add(out, j->unread.s, j->unread.len);
	if (j->unread.len > (size_t)64 << 10)
		buf_clear(&j->unread);
	else
		buf_reset(&j->unread);
	if (out->err)
		return err_code(e, ERR_IO, -out->err, "answer of %s: %s", j->url, strerror(-out->err));
	return 1;
}

int kube_stream_read(struct kube_stream *s, struct buf *out, struct deadline until, struct err *e)
{
	struct kube *k = s->j->k;
	int r;

	pthread_mutex_lock(&k->lock);
	enter(k, s->j);
	r = read_unread(k, s->j, out, until, e);
	leave(k, s->j);
	pthread_mutex_unlock(&k->lock);
	return r;
}

void kube_stream_close(struct kube_stream *s)
{
	struct kube *k;

	if (!s)
		return;
	k = s->j->k;
	pthread_mutex_lock(&k->lock);
	abandon(s->j);
	pthread_mutex_unlock(&k->lock);
	free(s);
}
