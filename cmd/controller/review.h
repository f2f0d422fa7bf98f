/* SPDX-License-Identifier: Apache-2.0 */
/* review.h - AdmissionReview of admission.k8s.io/v1 and v1beta1, and the patch that an answer may carry
 *
 * Pure functions. Objects are trees: what we do not know of an object is neither read nor touched.
 */
#ifndef CONTROLLER_REVIEW_H
#define CONTROLLER_REVIEW_H

#include "json/json.h"

struct review_user {
	char *name;
};

struct review_request {
	char *uid, *operation, *subresource, *name, *ns;
	struct review_user user;
	bool dry_run;
	struct json_object *object, *old; /* as they came; NULL: none */
};

struct review {
	char *api_version, *kind;
	struct review_request request;
};

#define REVIEW_UID_MAX  64
#define REVIEW_NAME_MAX 253

/* -EINVAL: not a question that can be answered. *room as in json_parse_in(). Release with review_clear(). */
int review_decode(const char *text, size_t len, size_t *room, struct review *ret, struct err *e);
void review_clear(struct review *r);

struct review_answer {
	bool allowed;
	int code;                  /* HTTP's, of a refusal */
	const char *reason;        /* metav1.StatusReason, of a refusal */
	char message[ERR_MSG_MAX]; /* of a refusal */
	struct json_object *patch; /* operations of RFC 6902; NULL or without any: none. Owned. */
};

/* What a refusal for this reason looks like to a client: it may try again, choose another name, ... */
void review_refuse(struct review_answer *a, const struct err *why);
/* Appends the AdmissionReview that answers r, in r's version. */
int review_encode(const struct review *r, const struct review_answer *a, struct buf *out, struct err *e);
void review_answer_clear(struct review_answer *a);

/* Operations that do to the object what was done to our reading of it. object: as it came; before and after:
 * what we read of it, and what that became. A member that would become an empty string is not added. Members
 * that neither has stay as they are; a list that only grew is added to. *ret is a new array, maybe empty. */
int review_diff(struct json_object *object, struct json_object *before, struct json_object *after,
		struct json_object **ret, struct err *e);

#endif
