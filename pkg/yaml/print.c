/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a tree as YAML in block style */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json/tree.h"
#include "yaml/scalar.h"
#include "yaml/yaml.h"

#define DIGITS "0123456789"
/* Bytes of a key that is written before its ':'. libyaml looks for that within 1024 characters; an escape has
 * at most four for a byte. */
#define KEY_MAX 128

struct printer {
	struct buf *out;
	struct err *e;
};

static int print_block(struct printer *pr, struct json_object *o, unsigned indent, unsigned depth);

static void pad(struct buf *out, unsigned n)
{
	buf_fmt(out, "%*s", (int)n, "");
}

/* The character of n bytes at p; n is what json_utf8() says. */
static unsigned code_point(const char *p, size_t n)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned c = n == 1 ? u[0] : u[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (u[i] & 0x3f);
	return c;
}

/* Whether a character may stand as it is: no control character, no line break, no mark that is invisible. */
static bool printable(unsigned c)
{
	if (c < 0x7f)
		return c >= ' ';
	return c > 0xa0 && c != 0x2028 && c != 0x2029 && c != 0xfeff && (c & 0xfffe) != 0xfffe;
}

static void print_escape(struct buf *out, unsigned c)
{
	static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
	const char *at = c && c < 0x80 ? strchr(values, (int)c) : NULL;

	if (at)
		buf_fmt(out, "\\%c", names[at - values]);
	else
		buf_fmt(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

static void print_quoted(struct buf *out, const char *s, size_t len)
{
	const char *end = s + len;

	buf_chr(out, '"');
	while (s < end) {
		size_t n = json_utf8(s, end);
		unsigned c = n ? code_point(s, n) : 0xfffd;

		if (!n)
			buf_str(out, "\xef\xbf\xbd");
		else if (printable(c) && c != '"' && c != '\\')
			buf_add(out, s, n);
		else
			print_escape(out, c);
		s += n ? n : 1;
	}
	buf_chr(out, '"');
}

/* Other YAML readers take these for a time or a number to base 60: 12:30, 2026-11-22. */
static bool looks_like_time(const char *s)
{
	if (s[strspn(s, DIGITS "_:.+-TtZz ")])
		return false;
	return strchr(s, ':') || (strspn(s, DIGITS) == 4 && s[4] == '-');
}

static bool all_printable(const char *s, size_t len, const char *also)
{
	const char *end = s + len;

	while (s < end) {
		size_t n = json_utf8(s, end);

		if (!n || (!printable(code_point(s, n)) && (!*s || !strchr(also, *s))))
			return false;
		s += n;
	}
	return true;
}

/* Whether text can stand without quotes and still be read as text. */
static bool plain(const char *s, size_t len)
{
	struct yaml_scalar v;

	if (!len || strchr(" -?:,[]{}#&*!|>'\"%@`", *s) || s[len - 1] == ' ' || s[len - 1] == ':')
		return false;
	if (!all_printable(s, len, "") || strstr(s, ": ") || strstr(s, " #") || strncmp(s, "...", 3) == 0)
		return false;
	yaml_resolve(s, &v);
	return v.kind == YAML_STRING && !looks_like_time(s);
}

/* Whether text can be a literal block: lines, the first of them with something at its start, and at most one
 * line break at the end. */
static bool literal(const char *s, size_t len)
{
	if (!memchr(s, '\n', len) || strchr(" \t\n", *s) || !all_printable(s, len, "\n\t"))
		return false;
	return len < 2 || memcmp(s + len - 2, "\n\n", 2) != 0;
}

static void print_literal(struct buf *out, const char *s, size_t len, unsigned indent)
{
	const char *end = s + len;

	buf_str(out, end[-1] == '\n' ? "|" : "|-");
	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		size_t n = (size_t)((eol ? eol : end) - s);

		buf_chr(out, '\n');
		if (n)
			pad(out, indent);
		buf_add(out, s, n);
		s = eol ? eol + 1 : end;
	}
}

static void print_string(struct buf *out, struct json_object *o, unsigned indent)
{
	const char *s = json_text(o);
	size_t len = strlen(s);

	if (literal(s, len))
		print_literal(out, s, len, indent);
	else if (plain(s, len))
		buf_add(out, s, len);
	else
		print_quoted(out, s, len);
}

/* "key:", or "? key" and ":" on the next line when it is long. */
static void print_key(struct buf *out, const char *key, unsigned indent)
{
	size_t len = strlen(key);

	if (len > KEY_MAX)
		buf_str(out, "? ");
	if (plain(key, len))
		buf_str(out, key);
	else
		print_quoted(out, key, len);
	if (len > KEY_MAX) {
		buf_chr(out, '\n');
		pad(out, indent);
	}
	buf_chr(out, ':');
}

/* A map or a list with something in it; all else fits behind its key. */
static bool is_block(struct json_object *o)
{
	if (json_object_is_type(o, json_type_object))
		return json_object_object_length(o) > 0;
	return json_len(o) > 0;
}

/* Behind "key:" (where lists are not indented, as kubectl writes them) or "-". */
static int print_value(struct printer *pr, struct json_object *o, unsigned indent, unsigned depth,
		       bool of_key)
{
	if (of_key && is_block(o)) {
		buf_chr(pr->out, '\n');
		indent -= json_len(o) ? 2 : 0;
		pad(pr->out, indent);
	} else {
		buf_chr(pr->out, ' ');
	}
	return print_block(pr, o, indent, depth);
}

static int print_map(struct printer *pr, struct json_object *o, unsigned indent, unsigned depth)
{
	struct json_object_iter it;
	bool first = true;

	json_object_object_foreachC(o, it)
	{
		int r;

		if (!first) {
			buf_chr(pr->out, '\n');
			pad(pr->out, indent);
		}
		first = false;
		print_key(pr->out, it.key, indent);
		r = print_value(pr, it.val, indent + 2, depth + 1, true);
		if (r < 0)
			return r;
	}
	return 0;
}

static int print_list(struct printer *pr, struct json_object *a, unsigned indent, unsigned depth)
{
	for (size_t i = 0; i < json_len(a); i++) {
		int r;

		if (i) {
			buf_chr(pr->out, '\n');
			pad(pr->out, indent);
		}
		buf_chr(pr->out, '-');
		r = print_value(pr, json_at(a, i), indent + 2, depth + 1, false);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The cursor stands at column indent, or for what is no block anywhere; no line break at the end. */
static int print_block(struct printer *pr, struct json_object *o, unsigned indent, unsigned depth)
{
	if (depth >= JSON_DEPTH_MAX && is_block(o))
		return err_set(pr->e, EINVAL, "YAML document nested deeper than %d", JSON_DEPTH_MAX);
	if (is_block(o))
		return json_len(o) ? print_list(pr, o, indent, depth) : print_map(pr, o, indent, depth);
	if (!json_text(o))
		return json_print(o, false, pr->out, pr->e);
	print_string(pr->out, o, indent ? indent : 2);
	return 0;
}

int yaml_print(struct json_object *o, struct buf *out, struct err *e)
{
	struct printer pr = { .out = out, .e = e };
	int r = print_block(&pr, o, 0, 0);

	if (r < 0)
		return r;
	buf_chr(out, '\n');
	if (out->err == -EFBIG)
		return err_set(e, EFBIG, "YAML document larger than the limit of %zu bytes", out->max);
	return out->err ? err_nomem(e) : 0;
}
