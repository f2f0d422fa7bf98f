/* SPDX-License-Identifier: Apache-2.0 */
/* review.c - AdmissionReview: the question and the answer */
#include "review.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define GROUP "admission.k8s.io/"

static const struct json_field user_fields[] = {
	JF(struct review_user, name, "username", .doc = "Who asks"),
};
static const struct json_table user_table = JSON_TABLE(struct review_user, "user", user_fields);

static const struct json_field request_fields[] = {
	JF(struct review_request, uid, "uid", .flags = JSON_REQUIRED, .doc = "Of this question"),
	JF(struct review_request, operation, "operation", .flags = JSON_REQUIRED,
	   .doc = "CREATE, UPDATE, DELETE"),
	JF(struct review_request, subresource, "subResource", .doc = "None for the object itself"),
	JF(struct review_request, name, "name", .doc = "Absent when the server has yet to make it"),
	JF(struct review_request, ns, "namespace", .doc = "Of what has one"),
	JS(struct review_request, user, "userInfo", &user_table, .doc = "Who asks"),
	JF(struct review_request, dry_run, "dryRun", .doc = "Nothing is to be changed"),
	JF(struct review_request, object, "object", .doc = "As it is to be; null for DELETE"),
	JF(struct review_request, old, "oldObject", .doc = "As it is; null for CREATE"),
};
static const struct json_table request_table = JSON_TABLE(struct review_request, "request", request_fields);

static const struct json_field review_fields[] = {
	JF(struct review, api_version, "apiVersion", .flags = JSON_REQUIRED, .doc = GROUP "v1 or v1beta1"),
	JF(struct review, kind, "kind", .flags = JSON_REQUIRED, .doc = "AdmissionReview"),
	JS(struct review, request, "request", &request_table, .flags = JSON_REQUIRED, .doc = "The question"),
};
static const struct json_table review_table = JSON_TABLE(struct review, "AdmissionReview", review_fields);

static bool is_no_object(struct json_object *o)
{
	return o && !json_object_is_type(o, json_type_object);
}

/* What an API server never asks, but whoever else finds the port may. */
static int check_question(const struct review *q, struct err *e)
{
	if (strcmp(q->kind, "AdmissionReview") != 0 ||
	    (strcmp(q->api_version, GROUP "v1") != 0 && strcmp(q->api_version, GROUP "v1beta1") != 0))
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s %s: want AdmissionReview of " GROUP "v1 or v1beta1", q->api_version,
				q->kind);
	if (is_no_object(q->request.object) || is_no_object(q->request.old))
		return err_code(e, ERR_CONFIG, EINVAL,
				"AdmissionReview: request.object, request.oldObject: want objects");
	if (strlen(q->request.uid) > REVIEW_UID_MAX ||
	    (q->request.name && strlen(q->request.name) > REVIEW_NAME_MAX))
		return err_code(e, ERR_CONFIG, EINVAL,
				"AdmissionReview: request.uid, request.name: too long");
	return 0;
}

int review_decode(const char *text, size_t len, size_t *room, struct review *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	int r;

	*ret = (struct review){ 0 };
	/* What is in an object of a user may be no text to the letter; it is not for us to refuse that. */
	r = json_parse_in(text, len, "AdmissionReview", JSON_MEND, room, &tree, e);
	if (r == 0)
		r = json_decode(&review_table, tree, "AdmissionReview", ret, e);
	if (r < 0)
		return r;
	r = check_question(ret, e);
	if (r < 0)
		review_clear(ret);
	return r;
}

void review_clear(struct review *r)
{
	json_clear(&review_table, r);
}

/* ---- the answer ---- */

void review_refuse(struct review_answer *a, const struct err *why)
{
	static const struct {
		int sys, code;
		const char *reason;
	} known[] = {
		{ EINVAL, 422, "Invalid" },  { EEXIST, 409, "AlreadyExists" }, { EBUSY, 403, "Forbidden" },
		{ EPERM, 403, "Forbidden" }, { EAGAIN, 409, "Conflict" },
	};

	a->allowed = false;
	a->code = 500;
	a->reason = "InternalError";
	/* Ours to refuse, and not the API server that refused us. */
	for (size_t i = 0; i < ARRAY_LEN(known) && why->cni == ERR_CONFIG; i++) {
		if (known[i].sys == why->sys) {
			a->code = known[i].code;
			a->reason = known[i].reason;
		}
	}
	snprintf(a->message, sizeof(a->message), "%s", why->msg);
}

void review_answer_clear(struct review_answer *a)
{
	json_put_p(&a->patch);
}

static void base64(const struct buf *in, struct buf *out)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < in->len; i += 3) {
		unsigned v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < in->len ? (unsigned char)in->s[i + k] : 0);
		buf_chr(out, digit[v >> 18]);
		buf_chr(out, digit[v >> 12 & 63]);
		buf_chr(out, i + 1 < in->len ? digit[v >> 6 & 63] : '=');
		buf_chr(out, i + 2 < in->len ? digit[v & 63] : '=');
	}
}

static int encode_patch(struct json_object *response, struct json_object *patch, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(JSON_TEXT_MAX);
	CLEANUP(buf_clear) struct buf coded = BUF_INIT(2 * JSON_TEXT_MAX);
	int r;

	if (!json_len(patch))
		return 0;
	r = json_print(patch, false, &text, e);
	if (r < 0)
		return r;
	base64(&text, &coded);
	if (coded.err)
		return err_set(e, -coded.err, "the patch: %s", strerror(-coded.err));
	r = json_set_str(response, "patchType", "JSONPatch", e);
	return r < 0 ? r : json_set_str(response, "patch", buf_cstr(&coded), e);
}

/* kubectl leaves out the message of what is "Invalid", and prints "FIELD: MESSAGE" of its causes instead. */
static int encode_cause(struct json_object *status, const char *message, struct err *e)
{
	struct json_object *details = json_object_new_object(), *causes = json_object_new_array();
	struct json_object *cause = json_object_new_object();
	const char *rest = strstr(message, ": ");
	struct json_object *field = rest ? json_object_new_string_len(message, (int)(rest - message))
					 : json_object_new_string("object");
	int r = json_set(status, "details", details, e);

	/* Each call takes over what it is given, also when it fails. */
	r = r < 0 ? (json_put_p(&causes), r) : json_set(details, "causes", causes, e);
	r = r < 0 ? (json_put_p(&cause), r) : json_append(causes, cause, e);
	r = r < 0 ? (json_put_p(&field), r) : json_set(cause, "field", field, e);
	if (r == 0)
		r = json_set_str(cause, "reason", "FieldValueInvalid", e);
	return r < 0 ? r : json_set_str(cause, "message", rest ? rest + 2 : message, e);
}

static int encode_refusal(struct json_object *response, const struct review_answer *a, struct err *e)
{
	struct json_object *status = json_object_new_object();
	int r = json_set(response, "status", status, e);

	if (r == 0)
		r = json_set(status, "code", json_object_new_int(a->code), e);
	if (r == 0)
		r = json_set_str(status, "reason", a->reason, e);
	if (r == 0)
		r = json_set_str(status, "message", a->message, e);
	if (r == 0 && strcmp(a->reason, "Invalid") == 0)
		r = encode_cause(status, a->message, e);
	return r;
}

int review_encode(const struct review *q, const struct review_answer *a, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = json_object_new_object();
	struct json_object *response = json_object_new_object();
	int r;

	if (!tree) {
		json_put_p(&response);
		return err_nomem(e);
	}
	r = json_set(tree, "response", response, e);
	if (r == 0)
		r = json_set_str(tree, "apiVersion", q->api_version, e);
	if (r == 0)
		r = json_set_str(tree, "kind", "AdmissionReview", e);
	if (r == 0)
		r = json_set_str(response, "uid", q->request.uid, e);
	if (r == 0)
		r = json_set(response, "allowed", json_object_new_boolean(a->allowed), e);
	if (r == 0)
		r = a->allowed ? encode_patch(response, a->patch, e) : encode_refusal(response, a, e);
	return r < 0 ? r : json_print(tree, false, out, e);
}
