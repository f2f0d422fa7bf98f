/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - shared inside pkg/kube only */
#ifndef KUBE_INTERNAL_H
#define KUBE_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "kube/client.h"

/* ---- configuration ---- */

/* What holds for every source; makes the server's URL canonical. */
int kube_config_check(struct kube_config *c, const char *what, struct err *e);
int kube_config_read(const char *path, size_t max, char **ret, struct err *e);
/* New text; code ERR_CONFIG. */
int kube_base64_text(const char *in, char **ret, struct err *e);

/* ---- the bearer token ---- */

struct kube_token {
	pthread_mutex_t lock;
	char *path, *text; /* text: NULL when there is none */
	struct stat seen;
};

int kube_token_init(struct kube_token *t, const struct kube_config *c, struct err *e);
void kube_token_clear(struct kube_token *t);
/* Writes "Authorization: Bearer ..." or, without a token, nothing. A file that changed is read again; one
 * that cannot be read any more leaves us with what it held. */
int kube_token_header(struct kube_token *t, struct buf *out, struct err *e);

/* ---- certificates ---- */

/* libcurl on GnuTLS reads files alone: text from a kubeconfig is given as a file that has no name. */
struct kube_file {
	int fd; /* -1: none */
	char *path;
};

struct kube_tls {
	struct kube_file ca, cert, key;
};

int kube_tls_init(struct kube_tls *t, const struct kube_config *c, struct err *e);
void kube_tls_clear(struct kube_tls *t);

/* ---- requests under way ----
 *
 * A job belongs to its caller and to the thread of its kube_io. The caller waits, gives up at its deadline
 * and goes; then the thread, or nobody when it has not seen the job yet, releases it. All members are the
 * caller's until it is queued; afterwards those under "lock" are the client's lock's, the rest the thread's
 * until KUBE_JOB_DONE. */

enum kube_job_state { KUBE_JOB_QUEUED, KUBE_JOB_STARTED, KUBE_JOB_DONE };

struct kube_job {
	struct kube *k;
	struct kube_io *io;
	/* set before it is queued */
	char *method, *url, *body;
	size_t len, sent_to; /* bytes of body, and how many curl has taken */
	struct curl_slist *headers;
	size_t max;
	bool is_stream;
	struct kube_cancel *cancel;

	/* lock */
	struct kube_job *next, *prev; /* in queued */
	struct kube_job *drop_next;
	struct kube_job *peer_next, *peer_prev;
	enum kube_job_state state;
	bool given_up, sent, head_done;
	pthread_cond_t changed;
	struct buf unread; /* of a stream */

	/* the thread's */
	CURL *easy;
	int64_t sent_at; /* when the last attempt began, 0: none has, ... */
	int port;        /* ... and our end of its connection */
	struct kube_answer answer;
	CURLcode code;
	long os_errno;
	char why[CURL_ERROR_SIZE];
};

struct kube_jobs {
	struct kube_job *head, *tail;
};

void kube_jobs_add(struct kube_jobs *l, struct kube_job *j);
void kube_jobs_remove(struct kube_jobs *l, struct kube_job *j);

#define KUBE_IDLE_MAX   16 /* easy handles kept for the next request */
#define KUBE_SOCKET_MAX 64 /* connections that can be told apart */

/* A thread with connections of its own. Streams share one of HTTP/2, as they are many and mostly silent.
 * Calls go over HTTP/1.1: the API server answers a single request sooner there (bench/kube/api.c with and
 * without API_HTTP2), and one that hangs holds up no other. */
struct kube_io {
	struct kube *k;
	bool streams;
	pthread_t thread;
	CURLM *multi;

	/* kube.lock */
	struct kube_jobs queued;
	struct kube_job *dropped; /* their callers gave them up */

	/* the thread's */
	CURL *idle[KUBE_IDLE_MAX];
	size_t n_idle, n_streams;
	int64_t heard_at; /* when something last came from the server */
	int sockets[KUBE_SOCKET_MAX];
	size_t n_sockets;
};

struct kube {
	struct kube_config conf;
	unsigned flags;
	void (*timed)(const char *method, double seconds, void *arg);
	void *timed_arg;
	struct kube_token token;
	struct kube_tls tls;
	char *url;                     /* what requests go to */
	struct curl_slist *connect_to; /* when the name in the certificate is another one */
	struct kube_io calls, streams;

	pthread_mutex_t lock;
	pthread_cond_t cancelled; /* wakes sleepers, and kube_close() */
	struct kube_job *peers;   /* all that somebody waits for */
	size_t n_calls;           /* that have not returned; sleepers too */
	bool stopping;            /* kube_close() */
	bool aborted;             /* kube_abort() */
};

int kube_io_start(struct kube_io *io, struct kube *k, bool streams, struct err *e);
/* After everybody has gone. */
void kube_io_end(struct kube_io *io);
/* Prepares job->easy; -ENOMEM. */
int kube_easy_set(struct kube_job *j);
void kube_job_free(struct kube_job *j);

/* ---- answers ---- */

/* What the job's end means, as kube_call() returns it. */
int kube_job_result(struct kube_job *j, struct err *e);
/* Of a caller that gave up. */
int kube_given_up(struct kube_job *j, int sys, struct err *e);

#endif
