/* SPDX-License-Identifier: Apache-2.0 */
/* local_line.c - the lines of a backup */
#include "store/local_line.h"

#include <errno.h>
#include <string.h>

#include "store/local_impl.h"

static const struct json_field head_fields[] = {
	JF(struct line_head, format, "format", .flags = JSON_REQUIRED),
	JF(struct line_head, schema, "schema", .flags = JSON_REQUIRED, .min = 1, .max = INT64_MAX),
	JF(struct line_head, time, "time", .flags = JSON_REQUIRED),
	JF(struct line_head, count, "count", .flags = JSON_REQUIRED | JSON_EMPTY, .min = 0, .max = INT64_MAX),
	JF(struct line_head, revision, "revision", .flags = JSON_REQUIRED | JSON_EMPTY, .min = 0,
	   .max = INT64_MAX),
};
const struct json_table line_head_table = JSON_TABLE(struct line_head, "head of a backup", head_fields);

static const struct json_field tail_fields[] = {
	JF(struct line_tail, count, "count", .flags = JSON_REQUIRED | JSON_EMPTY, .min = 0, .max = INT64_MAX),
	JF(struct line_tail, xxh64, "xxh64", .flags = JSON_REQUIRED),
};
const struct json_table line_tail_table = JSON_TABLE(struct line_tail, "tail of a backup", tail_fields);

static const struct json_field obj_fields[] = {
	JF(struct line_obj, kind, "kind", .flags = JSON_REQUIRED),
	JF(struct line_obj, ns, "namespace"),
	JF(struct line_obj, name, "name", .flags = JSON_REQUIRED),
	JF(struct line_obj, version, "version", .flags = JSON_REQUIRED, .min = 1, .max = INT64_MAX),
	JF(struct line_obj, free_at, "freeAt", .min = 0, .max = INT64_MAX),
	JF(struct line_obj, terms, "terms"),
	JF(struct line_obj, data, "data"),
	JF(struct line_obj, hex, "hex"),
};
const struct json_table line_obj_table = JSON_TABLE(struct line_obj, "object of a backup", obj_fields);

static void line_obj_clear_p(struct line_obj *o)
{
	json_clear(&line_obj_table, o);
}

/* Whether it can stand in a JSON string, at most twice as long. */
static bool is_text(const char *data, size_t len)
{
	const char *end = data + len;
	size_t n;

	for (const char *p = data; p < end; p += n) {
		n = json_utf8(p, end);
		if (!n || ((unsigned char)*p < 0x20 && !strchr("\t\n\r", *p)) || !*p)
			return false;
	}
	return true;
}

static char *to_hex(const char *data, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	char *out = malloc(2 * len + 1);

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digit[(unsigned char)data[i] >> 4];
		out[2 * i + 1] = digit[(unsigned char)data[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place: hex becomes data. */
static int from_hex(char *hex, size_t *len)
{
	size_t n = strlen(hex);

	if (n % 2)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(hex[i]), low = nibble(hex[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		hex[i / 2] = (char)(high << 4 | low);
	}
	*len = n / 2;
	return 0;
}

static int terms_unpack(struct local_terms t, struct json_strv *out, struct err *e)
{
	const uint8_t *term;
	size_t len;
	int r = 0;

	while (r == 0 && local_terms_next(&t, &term, &len)) {
		char text[STORE_TERM_MAX + 56] = "";

		memcpy(text, term, len);
		r = json_strv_add(out, text, e);
	}
	return r;
}

int line_obj_encode(enum store_kind kind, const char *ns, const char *name, const struct local_val *val,
		    struct buf *out, struct err *e)
{
	CLEANUP(line_obj_clear_p)
	struct line_obj o = {
		.kind = strdup(store_kind_name(kind)),
		.ns = *ns ? strdup(ns) : NULL,
		.name = strdup(name),
		.version = (int64_t)val->version,
		.free_at = val->free_at,
	};
	bool text = is_text(val->data, val->len);
	int r = terms_unpack(val->terms, &o.terms, e);

	if (text)
		o.data = strndup(val->data, val->len);
	else
		o.hex = to_hex(val->data, val->len);
	if (!o.kind || (*ns && !o.ns) || !o.name || (!o.data && !o.hex))
		return err_nomem(e);
	return r < 0 ? r : json_encode_text(&line_obj_table, &o, out, e);
}

int line_obj_decode(const char *text, size_t len, const char *what, struct line_obj *o, struct store_op *ret,
		    struct err *e)
{
	int kind, r = json_decode_text(&line_obj_table, text, len, what, o, e);

	if (r < 0)
		return r;
	kind = store_kind_parse(o->kind, e);
	if (kind < 0)
		return err_wrap(e, "%s", what);
	if (!o->data == !o->hex || (o->hex && from_hex(o->hex, &o->len) < 0))
		return err_code(e, ERR_DECODE, EBADMSG, "%s: %s %s: want either data or hex", what, o->kind,
				o->name);
	if (o->data)
		o->len = strlen(o->data);
	*ret = (struct store_op){
		.verb = STORE_CREATE,
		.kind = (enum store_kind)kind,
		.ns = o->ns ? o->ns : "",
		.name = o->name,
		.version = (uint64_t)o->version,
		.data = o->data ? o->data : o->hex,
		.len = o->len,
		.terms = (const char *const *)o->terms.v,
		.free_at = o->free_at,
	};
	r = store_op_check(ret, e);
	return r < 0 ? err_wrap(e, "%s", what) : 0;
}
