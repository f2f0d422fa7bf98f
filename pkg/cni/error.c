/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - the error document */
#include "cni/error.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"

#define SHOWN_MAX 1024 /* of a foreign plugin's text, in our sentence */

struct doc {
	char *version;
	int64_t code;
	char *msg, *details;
};

static const struct json_field fields[] = {
	JF(struct doc, version, "cniVersion"),
	JF(struct doc, code, "code", .flags = JSON_EMPTY),
	JF(struct doc, msg, "msg", .flags = JSON_EMPTY),
	JF(struct doc, details, "details"),
};
static const struct json_table table = JSON_TABLE(struct doc, "error", fields);

void cni_error_print(const struct err *e, enum cni_version v, const char *details, struct buf *out)
{
	const struct doc doc = {
		.version = (char *)cni_version_text(v),
		.code = e->cni ? e->cni : ERR_INTERNAL,
		.msg = (char *)e->msg,
		.details = (char *)details,
	};
	struct err ignored;

	if (json_encode_text(&table, &doc, out, &ignored) < 0 && !out->err)
		out->err = -ENOMEM;
}

/* How much of a text is shown: not too much, and no line ends behind it. */
static int shown(const char *text, size_t len)
{
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return (int)(len > SHOWN_MAX ? SHOWN_MAX : len);
}

int cni_error_read(const char *out, size_t out_len, const char *err_text, const char *how, struct err *e)
{
	struct err bad;
	struct doc doc;
	int n = shown(err_text, strlen(err_text));

	if (!out_len && !n)
		return err_set(e, EIO, "failed without an error message: %s", how);
	if (!out_len)
		return err_set(e, EIO, "failed with %s: %.*s", how, n, err_text);
	if (json_decode_text(&table, out, out_len, "its error document", &doc, &bad) < 0)
		return err_set(e, EIO, "failed with %s, and what it printed is no error document: %.*s", how,
			       shown(out, out_len), out);
	err_code(e, doc.code > 0 && doc.code <= INT32_MAX ? (int)doc.code : ERR_INTERNAL, EIO, "%.*s%s%.*s",
		 SHOWN_MAX, doc.msg ? doc.msg : "", doc.details && *doc.details ? "; " : "", SHOWN_MAX / 2,
		 doc.details ? doc.details : "");
	if (!*e->msg)
		err_code(e, e->cni, EIO, "failed without an error message: %s", how);
	json_clear(&table, &doc);
	return -EIO;
}
