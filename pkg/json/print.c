/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a tree to JSON text */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json/internal.h"

struct printer {
	struct buf *out;
	bool pretty;
	struct err *e;
};

static int print_value(struct printer *pr, struct json_object *o, unsigned depth);

#define CHUNK      512
#define WRITTEN_AS 6 /* bytes of the longest form of one character: \uXXXX */

/* The character behind the backslash of a short form. */
static const char forms[256] = {
	['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
};

static bool is_plain(char c)
{
	return (unsigned char)c >= ' ' && (unsigned char)c < 0x80 && !forms[(unsigned char)c];
}

/* What is not plain, as JSON writes it; *s is moved behind it. */
static size_t put_special(char out[WRITTEN_AS], const char **s, const char *end)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)**s;
	size_t n;

	if (c >= 0x80) {
		n = json_utf8(*s, end);
		memcpy(out, n ? *s : "\xef\xbf\xbd", n ? n : 3);
		*s += n ? n : 1;
		return n ? n : 3;
	}
	++*s;
	out[0] = '\\';
	out[1] = forms[c];
	if (forms[c])
		return 2;
	memcpy(out + 1, (char[]){ 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 5);
	return 6;
}

/* Records of a block are some KiB of short fields: a call for each of them would be most of what it costs. */
static void print_string(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;
	char chunk[CHUNK];
	size_t n = 0;

	chunk[n++] = '"';
	while (s < end) {
		if (n > CHUNK - WRITTEN_AS) {
			buf_add(out, chunk, n);
			n = 0;
		}
		if (is_plain(*s))
			chunk[n++] = *s++;
		else
			n += put_special(chunk + n, &s, end);
	}
	buf_add(out, chunk, n);
	buf_chr(out, '"');
}

static int print_double(struct printer *pr, struct json_object *o)
{
	const char *text = json_double_text(o);
	char digits[40];
	double d;

	if (text) {
		buf_str(pr->out, text);
		return 0;
	}
	d = json_object_get_double(o);
	if (!isfinite(d))
		return err_set(pr->e, EINVAL, "JSON has no infinite numbers and no NaN");
	snprintf(digits, sizeof(digits), "%.17g", d);
	buf_str(pr->out, digits);
	if (!strpbrk(digits, ".e"))
		buf_str(pr->out, ".0");
	return 0;
}

static void print_int(struct printer *pr, struct json_object *o)
{
	int64_t i;

	if (json_number(o, &i))
		buf_fmt(pr->out, "%lld", (long long)i);
	else
		buf_fmt(pr->out, "%llu", (unsigned long long)json_object_get_uint64(o));
}

static void line_break(struct printer *pr, unsigned depth)
{
	if (!pr->pretty)
		return;
	buf_fmt(pr->out, "\n%*s", (int)depth * 2, "");
}

static int print_array(struct printer *pr, struct json_object *a, unsigned depth)
{
	size_t n = json_object_array_length(a);

	buf_chr(pr->out, '[');
	for (size_t i = 0; i < n; i++) {
		int r;

		if (i)
			buf_chr(pr->out, ',');
		line_break(pr, depth + 1);
		r = print_value(pr, json_object_array_get_idx(a, i), depth + 1);
		if (r < 0)
			return r;
	}
	if (n)
		line_break(pr, depth);
	buf_chr(pr->out, ']');
	return 0;
}

static int print_object(struct printer *pr, struct json_object *o, unsigned depth)
{
	struct json_object_iter it;
	bool any = false;

	buf_chr(pr->out, '{');
	json_object_object_foreachC(o, it)
	{
		int r;

		if (any)
			buf_chr(pr->out, ',');
		any = true;
		line_break(pr, depth + 1);
		print_string(pr->out, it.key, strlen(it.key));
		buf_str(pr->out, pr->pretty ? ": " : ":");
		r = print_value(pr, it.val, depth + 1);
		if (r < 0)
			return r;
	}
	if (any)
		line_break(pr, depth);
	buf_chr(pr->out, '}');
	return 0;
}

static int print_value(struct printer *pr, struct json_object *o, unsigned depth)
{
	enum json_type type = json_object_get_type(o);

	if (depth >= JSON_DEPTH_MAX && (type == json_type_object || type == json_type_array))
		return err_set(pr->e, EINVAL, "JSON document nested deeper than %d", JSON_DEPTH_MAX);
	switch (type) {
	case json_type_null:
		buf_str(pr->out, "null");
		return 0;
	case json_type_boolean:
		buf_str(pr->out, json_object_get_boolean(o) ? "true" : "false");
		return 0;
	case json_type_int:
		print_int(pr, o);
		return 0;
	case json_type_double:
		return print_double(pr, o);
	case json_type_string:
		print_string(pr->out, json_object_get_string(o), (size_t)json_object_get_string_len(o));
		return 0;
	case json_type_array:
		return print_array(pr, o, depth);
	case json_type_object:
		return print_object(pr, o, depth);
	}
	return err_set(pr->e, EINVAL, "JSON value of unknown type %d", (int)type);
}

int json_print(struct json_object *o, bool pretty, struct buf *out, struct err *e)
{
	struct printer pr = { .out = out, .pretty = pretty, .e = e };
	int r = print_value(&pr, o, 0);

	if (r < 0)
		return r;
	if (out->err == -EFBIG)
		return err_set(e, EFBIG, "JSON document larger than the limit of %zu bytes", out->max);
	return out->err ? err_nomem(e) : 0;
}
