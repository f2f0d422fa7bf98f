/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - why the API server refused */
#include "kube/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"

#define QUOTE_MAX 200

static void set(char *out, size_t max, const char *s)
{
	snprintf(out, max, "%s", s ? s : "");
}

bool kube_status_decode(struct json_object *tree, struct kube_status *ret)
{
	struct json_object *details = json_get(tree, "details");
	const char *kind = json_get_str(tree, "kind");
	int64_t v;

	*ret = (struct kube_status){ 0 };
	if (!kind || strcmp(kind, "Status") != 0)
		return false;
	if (json_get_int(tree, "code", &v) && v >= 0 && v <= 999)
		ret->code = (int)v;
	set(ret->reason, sizeof(ret->reason), json_get_str(tree, "reason"));
	set(ret->message, sizeof(ret->message), json_get_str(tree, "message"));
	if (json_get_int(details, "retryAfterSeconds", &v) && v > 0)
		ret->retry_after_ms = (v < 3600 ? v : 3600) * 1000;
	return true;
}

/* On one line, printable ASCII. */
static void quote(const char *text, size_t len, char *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < max; i++) {
		char c = text[i] > ' ' && text[i] <= '~' ? text[i] : ' ';

		if (c != ' ' || (n && out[n - 1] != ' '))
			out[n++] = c;
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

void kube_status_read(const char *text, size_t len, struct kube_status *ret)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct err ignored;

	if (json_parse_as(text, len, "status", JSON_MEND, &tree, &ignored) == 0 &&
	    kube_status_decode(tree, ret))
		return;
	*ret = (struct kube_status){ 0 };
	quote(text, len, ret->message, QUOTE_MAX);
}

int kube_status_errno(int http, const char *reason)
{
	static const struct {
		int http, sys;
	} codes[] = {
		{ 400, EINVAL },     { 401, EPERM },  { 403, EACCES }, { 404, ENOENT }, { 405, EOPNOTSUPP },
		{ 406, EOPNOTSUPP }, { 408, EAGAIN }, { 409, ESTALE }, { 410, EIDRM },  { 413, EFBIG },
		{ 415, EOPNOTSUPP }, { 422, EINVAL }, { 429, EAGAIN },
	};

	if (!strcmp(reason, "AlreadyExists"))
		return EEXIST;
	/* Only "NotFound" says that an object is not there. An API server that starts has this status for
	 * every custom resource, and so has whoever stands in front of it. */
	if (http == 404 && strcmp(reason, "NotFound") != 0)
		return ENXIO;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].http == http)
			return codes[i].sys;
	}
	return http >= 500 ? EAGAIN : EIO;
}

int kube_status_err(const struct kube_status *s, struct err *e)
{
	int sys = kube_status_errno(s->code, s->reason);
	int cni = sys == EAGAIN || sys == ESTALE || sys == EIDRM || sys == ENXIO ? ERR_TRY_AGAIN : ERR_IO;
	const char *message = s->message[0] ? s->message : "refused without a reason";

	if (s->reason[0])
		return err_code(e, cni, sys, "%s (%s, HTTP %d)", message, s->reason, s->code);
	return err_code(e, cni, sys, "%s (HTTP %d)", message, s->code);
}
