/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - what the end of a request means */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/internal.h"
#include "kube/status.h"

static int code_errno(const struct kube_job *j)
{
	switch (j->code) {
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	case CURLE_COULDNT_CONNECT:
		return j->os_errno > 0 ? (int)j->os_errno : ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_WRITE_ERROR:
		return j->answer.body.err == -ENOMEM || j->unread.err == -ENOMEM ? ENOMEM
		       : j->unread.err                                           ? ENOBUFS
										 : EFBIG;
	case CURLE_ABORTED_BY_CALLBACK:
		return ECANCELED;
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return ENOKEY; /* not EINVAL: that is what a name is called that no object can have */
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_URL_MALFORMAT:
		return EPROTO;
	default:
		return ECONNRESET;
	}
}

/* "GET https://10.0.0.1:6443/api/v1/pods"; what follows "?" says nothing to a reader. */
static int wrap(const struct kube_job *j, struct err *e)
{
	return err_wrap(e, "%s %.*s", j->method, (int)strcspn(j->url, "?"), j->url);
}

static int transport(struct kube_job *j, struct err *e)
{
	int sys = code_errno(j);
	int cni = sys == ENOKEY ? ERR_CONFIG : sys == EPROTO || sys == EFBIG ? ERR_IO : ERR_TRY_AGAIN;

	if (sys == ENOMEM)
		err_nomem(e);
	else if (sys == EFBIG)
		err_code(e, cni, sys, "the answer is longer than the limit of %zu bytes", j->max);
	else if (sys == ENOBUFS)
		err_code(e, cni, sys, "the answer came faster than it was read, %zu bytes lay unread",
			 j->max);
	else if (j->code == CURLE_SEND_FAIL_REWIND)
		err_code(e, cni, sys, "the connection broke after the request was sent");
	else
		err_code(e, cni, sys, "%s", j->why[0] ? j->why : curl_easy_strerror(j->code));
	return wrap(j, e);
}

int kube_job_result(struct kube_job *j, struct err *e)
{
	struct kube_answer *a = &j->answer;
	struct kube_status s;

	/* libcurl makes an answer even of a part of a head. */
	if (j->code == CURLE_OK && !j->head_done)
		j->code = CURLE_GOT_NOTHING;
	if (j->code != CURLE_OK) {
		a->outcome = j->sent ? KUBE_UNKNOWN : KUBE_NOT_SENT;
		return transport(j, e);
	}
	a->outcome = a->status >= 500 || a->status == 408 ? KUBE_UNKNOWN : KUBE_ANSWERED;
	if (a->status / 100 == 2)
		return 0;
	kube_status_read(buf_cstr(&a->body), a->body.len, &s);
	s.code = a->status;
	memcpy(a->reason, s.reason, sizeof(a->reason));
	if (!a->retry_after_ms)
		a->retry_after_ms = s.retry_after_ms;
	kube_status_err(&s, e);
	return wrap(j, e);
}

int kube_given_up(struct kube_job *j, int sys, struct err *e)
{
	const char *done = j->sent ? "sent, and there was no answer" : "not sent";

	if (sys == ECANCELED)
		err_code(e, ERR_TRY_AGAIN, sys, "cancelled (%s)", done);
	else
		err_code(e, ERR_TRY_AGAIN, sys, "%s before the deadline",
			 j->sent ? "sent, but no answer came" : "no connection was had");
	return wrap(j, e);
}
