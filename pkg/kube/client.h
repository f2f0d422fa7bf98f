/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - requests to kube-apiserver: one thread does the network, any number of threads wait for answers
 *
 * The thread owns libcurl: connections are kept and shared (HTTP/2 when the server offers it). Who calls
 * hands over a request and waits until its deadline, never longer: what a dead or hanging server does to the
 * thread's connections is not the caller's.
 *
 * Every function may be called from any thread. Errors: ERR_TRY_AGAIN when the same call may succeed later,
 * ERR_IO for what needs an operator, ERR_CONFIG for credentials that cannot be used.
 *
 *   -ETIMEDOUT -ECONNREFUSED -ECONNRESET -EHOSTUNREACH ...  no (whole) answer
 *   -EPROTO        not the server that the authority vouches for, or not HTTP
 *   -ENOKEY        a certificate's file, authority's or ours, cannot be read (any more)
 *   -ECANCELED     kube_cancel(), kube_abort(), kube_close()
 *   -EFBIG         the answer is longer than the caller's limit
 *   -EBADMSG       it is not JSON (object.h)
 * and, in the API server's own words,
 *   -ENOENT 404 NotFound    -EEXIST 409 AlreadyExists    -ESTALE 409 Conflict    -EIDRM 410 (expired, gone)
 *   -EINVAL 400, 422    -EPERM 401    -EACCES 403    -EAGAIN 429 and 5xx    -EOPNOTSUPP 405, 406, 415
 *   -ENXIO         404 in other words than its own: the kind of object is not served, or not yet (custom
 *                  resources while the server starts); nothing follows from it for an object
 */
#ifndef KUBE_CLIENT_H
#define KUBE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "kube/config.h"

#define KUBE_REQUEST_MAX ((size_t)3 << 20) /* bytes of a body; the API server's own limit */
#define KUBE_ANSWER_MAX  ((size_t)16 << 20)
#define KUBE_REASON_MAX  64

struct kube; /* opaque */

/* What became of a request that failed. A write whose outcome is unknown may have been done, or may still
 * land: settle it before anything else is decided on it. */
enum kube_outcome {
	KUBE_NOT_SENT, /* nothing left this process that anybody could act on */
	KUBE_UNKNOWN,  /* it was being sent or sent, and nobody said what became of it; any 5xx too */
	KUBE_ANSWERED, /* the API server did it, or says that it did not */
};

/* Zeroed by its owner; kube_cancel() ends every call that was given it, at once and from then on. */
struct kube_cancel {
	bool set; /* under the client's lock */
};

enum kube_content { KUBE_JSON, KUBE_MERGE_PATCH, KUBE_JSON_PATCH };

struct kube_request {
	const char *method, *path; /* the path with its query, escaped */
	const char *accept;        /* NULL: application/json */
	enum kube_content type;
	const char *body; /* copied; NULL: none */
	size_t len;
	size_t max; /* bytes of the answer; 0: KUBE_ANSWER_MAX */
	struct kube_cancel *cancel;
};

struct kube_answer {
	enum kube_outcome outcome;
	int status; /* 0: none */
	char reason[KUBE_REASON_MAX];
	int64_t date_ms;        /* the server's clock, in whole seconds; 0: it did not say */
	int64_t retry_after_ms; /* 0: it did not say */
	struct buf body;
};

/* The configuration is copied. flags: enum kube_open_flags. -EINVAL, code ERR_CONFIG: a file cannot be read.
 */
enum kube_open_flags { KUBE_HTTP1 = 1 << 0 /* never HTTP/2 */ };
int kube_open(const struct kube_config *conf, unsigned flags, struct kube **ret, struct err *e);
/* By kube_config_any(). */
int kube_open_any(const char *file, const char *context, const char *host, const char *port,
		  struct kube **ret, struct err *e);
/* Ends what is under way with -ECANCELED and waits until those calls have returned. Streams must be closed
 * before. Accepts NULL. */
void kube_close(struct kube *k);
void kube_close_p(struct kube **k);
/* From now on every call ends with -ECANCELED, those under way too: the owner is about to end. From any
 * thread, before kube_close(). */
void kube_abort(struct kube *k);
/* each() hears how long every kube_call() took, however it ended; on the caller's thread. Before the first
 * call. */
void kube_timed(struct kube *k, void (*each)(const char *method, double seconds, void *arg), void *arg);
/* The server's URL, and the namespace of the configuration ("default" when it has none). */
const char *kube_server(const struct kube *k);
const char *kube_namespace(const struct kube *k);

/* 0: an answer of 2xx. The answer is filled in always, the body with whatever came; clear it. One attempt: a
 * request is never sent twice behind the caller's back. */
int kube_call(struct kube *k, const struct kube_request *q, struct deadline until, struct kube_answer *ret,
	      struct err *e);
void kube_answer_clear(struct kube_answer *a);

void kube_cancel(struct kube *k, struct kube_cancel *c);
/* Sleeps; -ECANCELED when it was cut short. */
int kube_sleep(struct kube *k, struct kube_cancel *c, int64_t ms, struct err *e);

/* ---- answers without an end (watches) ---- */

struct kube_stream;

/* Waits until the head of the answer is there. Failure as kube_call(); ret is then NULL. q->max is how much
 * may lie unread. */
int kube_stream_open(struct kube *k, const struct kube_request *q, struct deadline until,
		     struct kube_stream **ret, struct kube_answer *answer, struct err *e);
/* Appends what has come, at least one byte, to out: 1; 0 at the end of the answer. -ETIMEDOUT: nothing came,
 * more may. -ENOBUFS: the reader was too slow. */
int kube_stream_read(struct kube_stream *s, struct buf *out, struct deadline until, struct err *e);
void kube_stream_close(struct kube_stream *s); /* accepts NULL */

#endif
