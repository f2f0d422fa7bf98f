/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - metav1.Status: why the API server refused, in its own words */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "kube/client.h"

#define KUBE_MESSAGE_MAX 1024

struct kube_status {
	int code;                     /* HTTP's; 0 when it does not say */
	char reason[KUBE_REASON_MAX]; /* "NotFound", "AlreadyExists", "Expired", ...; "" when it does not say
				       */
	char message[KUBE_MESSAGE_MAX];
	int64_t retry_after_ms; /* 0 when it does not say */
};

/* Of a tree; false, and zeroed, when it is no Status. */
bool kube_status_decode(struct json_object *tree, struct kube_status *ret);
/* Of an answer's body. What is no Status (a proxy's page, plain text) is quoted as far as it can be shown. */
void kube_status_read(const char *text, size_t len, struct kube_status *ret);

/* The positive errno (client.h) of an HTTP status and a reason ("" for unknown). */
int kube_status_errno(int http, const char *reason);
/* "MESSAGE (REASON, HTTP 404)"; code ERR_TRY_AGAIN or ERR_IO. Returns -errno. */
int kube_status_err(const struct kube_status *s, struct err *e);

#endif
