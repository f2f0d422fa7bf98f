/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - JSON text to a tree */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/internal.h"

struct parser {
	const char *start, *p, *end;
	const char *what;
	unsigned flags;
	size_t most, left;             /* what the tree may take, and still may */
	const struct json_table *keep; /* of the object that is read; NULL: all of it */
	bool skip;                     /* what is read is checked, not kept */
	struct buf scratch;            /* the string or number being read */
	struct err *e;
};

static int parse_value(struct parser *ps, unsigned depth, struct json_object **ret);

/* Line and column (in characters) are counted only for an error. */
static int __attribute__((format(printf, 3, 4))) fail(struct parser *ps, const char *at, const char *fmt, ...)
{
	char why[256];
	size_t line = 1, col = 1;
	va_list ap;

	for (const char *p = ps->start; p < at; p++) {
		if (*p == '\n') {
			line++;
			col = 1;
		} else if ((*p & 0xc0) != 0x80) {
			col++;
		}
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_code(ps->e, ERR_DECODE, EINVAL, "%s:%zu:%zu: %s", ps->what, line, col, why);
}

static int fail_want(struct parser *ps, const char *want)
{
	unsigned char c = ps->p < ps->end ? (unsigned char)*ps->p : 0;

	if (ps->p == ps->end)
		return fail(ps, ps->p, "want %s, got the end of the text", want);
	if (c > ' ' && c < 0x7f)
		return fail(ps, ps->p, "want %s, got '%c'", want, c);
	return fail(ps, ps->p, "want %s, got byte 0x%02x", want, c);
}

static int charge(struct parser *ps, size_t bytes)
{
	if (ps->skip)
		return 0;
	if (bytes > ps->left)
		return fail(ps, ps->p, "too many values: the limit is about %zu MiB of memory",
			    ps->most >> 20);
	ps->left -= bytes;
	return 0;
}

static void skip_space(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
		ps->p++;
}

static bool take(struct parser *ps, char c)
{
	if (ps->p == ps->end || *ps->p != c)
		return false;
	ps->p++;
	return true;
}

/* The four digits of \uXXXX, -1 when they are not there. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return v;
}

static void add_utf8(struct buf *b, int c)
{
	char s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (char)c;
	} else if (c < 0x800) {
		s[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		s[n++] = (char)(0xe0 | c >> 12);
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		s[n++] = (char)(0xf0 | c >> 18);
		s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		s[n++] = (char)(0x80 | (c & 0x3f));
	buf_add(b, s, n);
}

/* Behind "\u". */
static int parse_unicode(struct parser *ps, const char *at)
{
	int c = hex4(ps->p, ps->end);

	if (c < 0)
		return fail(ps, at, "want four hexadecimal digits behind \\u");
	ps->p += 4;
	if (c >= 0xd800 && c < 0xdc00 && ps->end - ps->p >= 6 && ps->p[0] == '\\' && ps->p[1] == 'u') {
		int low = hex4(ps->p + 2, ps->end);

		if (low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			ps->p += 6;
		}
	}
	if (c == 0 || (c >= 0xd800 && c < 0xe000)) {
		if (!(ps->flags & JSON_MEND))
			return fail(ps, at, "\\u%04x is %s", (unsigned)c,
				    c ? "half of a surrogate pair" : "not allowed in strings");
		c = 0xfffd;
	}
	add_utf8(&ps->scratch, c);
	return 0;
}

static int parse_escape(struct parser *ps)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *at = ps->p++, *name;

	if (take(ps, 'u'))
		return parse_unicode(ps, at);
	name = ps->p < ps->end && *ps->p ? strchr(names, *ps->p) : NULL;
	if (!name)
		return fail_want(ps, "one of \" \\ / b f n r t u behind \\");
	ps->p++;
	buf_chr(&ps->scratch, values[name - names]);
	return 0;
}

/* Reads a string into scratch; p stands on its opening quote. */
static int parse_string(struct parser *ps)
{
	const char *open = ps->p++;
	int r = 0;

	buf_reset(&ps->scratch);
	while (r == 0) {
		const char *run = ps->p;
		size_t n;

		while (ps->p < ps->end && *ps->p != '"' && *ps->p != '\\' && (unsigned char)*ps->p >= ' ') {
			n = (unsigned char)*ps->p < 0x80 ? 1 : json_utf8(ps->p, ps->end);
			if (!n)
				return fail(ps, ps->p, "not valid UTF-8");
			ps->p += n;
		}
		buf_add(&ps->scratch, run, (size_t)(ps->p - run));
		if (ps->p == ps->end)
			return fail(ps, open, "this string has no end");
		if (*ps->p == '"')
			break;
		if (*ps->p != '\\')
			return fail(ps, ps->p, "control character 0x%02x in a string: write it as \\u%04x",
				    (unsigned)*ps->p, (unsigned)*ps->p);
		r = parse_escape(ps);
	}
	if (r < 0)
		return r;
	ps->p++;
	if (ps->scratch.err)
		return err_nomem(ps->e);
	return charge(ps, JSON_COST_VALUE + ps->scratch.len);
}

static int parse_string_value(struct parser *ps, struct json_object **ret)
{
	int r = parse_string(ps);

	if (r < 0 || ps->skip)
		return r;
	*ret = json_object_new_string_len(buf_cstr(&ps->scratch), (int)ps->scratch.len);
	return *ret ? 0 : err_nomem(ps->e);
}

static bool skip_digits(struct parser *ps)
{
	const char *from = ps->p;

	while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
		ps->p++;
	return ps->p > from;
}

/* Moves over a number; *whole tells whether it has neither fraction nor exponent. */
static int skip_number(struct parser *ps, bool *whole)
{
	*whole = true;
	take(ps, '-');
	if (take(ps, '0')) {
		if (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
			return fail(ps, ps->p - 1, "a number does not start with 0");
	} else if (!skip_digits(ps)) {
		return fail_want(ps, "a digit");
	}
	if (take(ps, '.')) {
		*whole = false;
		if (!skip_digits(ps))
			return fail_want(ps, "a digit");
	}
	if (take(ps, 'e') || take(ps, 'E')) {
		*whole = false;
		if (!take(ps, '-'))
			take(ps, '+');
		if (!skip_digits(ps))
			return fail_want(ps, "a digit");
	}
	return 0;
}

/* Whole numbers up to 64 bits are integers; everything else keeps its text, so nothing is rounded. */
static struct json_object *new_number(const char *text, bool whole)
{
	if (whole) {
		long long i;
		unsigned long long u;

		errno = 0;
		i = strtoll(text, NULL, 10);
		if (!errno)
			return json_object_new_int64(i);
		errno = 0;
		u = strtoull(text, NULL, 10);
		if (!errno && *text != '-')
			return json_object_new_uint64(u);
	}
	return json_object_new_double_s(strtod(text, NULL), text);
}

static int parse_number(struct parser *ps, struct json_object **ret)
{
	const char *from = ps->p;
	bool whole;
	int r = skip_number(ps, &whole);

	if (r < 0)
		return r;
	if (ps->p - from > JSON_NUMBER_MAX)
		return fail(ps, from, "a number of more than %d characters", JSON_NUMBER_MAX);
	buf_reset(&ps->scratch);
	buf_add(&ps->scratch, from, (size_t)(ps->p - from));
	if (ps->scratch.err)
		return err_nomem(ps->e);
	r = charge(ps, JSON_COST_VALUE + ps->scratch.len);
	if (r < 0 || ps->skip)
		return r;
	*ret = new_number(buf_cstr(&ps->scratch), whole);
	return *ret ? 0 : err_nomem(ps->e);
}

static int parse_word(struct parser *ps, struct json_object **ret)
{
	static const char *const words[] = { "null", "false", "true" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, words[i], n) != 0)
			continue;
		ps->p += n;
		if (i == 0 || ps->skip)
			return 0;
		*ret = json_object_new_boolean(i == 2);
		return *ret ? charge(ps, JSON_COST_VALUE) : err_nomem(ps->e);
	}
	return fail_want(ps, "a value");
}

static int parse_array(struct parser *ps, unsigned depth, struct json_object *a)
{
	int r;

	ps->p++;
	skip_space(ps);
	if (take(ps, ']'))
		return 0;
	for (;;) {
		CLEANUP(json_put_p) struct json_object *v = NULL;

		r = parse_value(ps, depth + 1, &v);
		if (r < 0)
			return r;
		if (!ps->skip && json_object_array_add(a, v) < 0)
			return err_nomem(ps->e);
		TAKE_PTR(v);
		skip_space(ps);
		if (take(ps, ']'))
			return 0;
		if (!take(ps, ','))
			return fail_want(ps, "',' or ']'");
	}
}

/* Nothing of it when the table does not name its key. */
static int parse_member_value(struct parser *ps, unsigned depth, const char *key, struct json_object *o)
{
	CLEANUP(json_put_p) struct json_object *v = NULL;
	const struct json_table *outer = ps->keep;
	const struct json_field *f = outer ? json_field_find(outer, key) : NULL;
	bool skip = ps->skip;
	int r;

	ps->skip = skip || (outer && !f);
	ps->keep = f ? f->tab : NULL;
	r = parse_value(ps, depth, &v);
	if (r == 0 && !ps->skip) {
		r = json_put_member(o, key, v, ps->e);
		if (r == 0)
			TAKE_PTR(v);
	}
	ps->keep = outer;
	ps->skip = skip;
	return r;
}

static int parse_member(struct parser *ps, unsigned depth, struct json_object *o)
{
	CLEANUP(free_p) char *key = NULL;
	const char *at;
	int r;

	skip_space(ps);
	at = ps->p;
	if (at == ps->end || *at != '"')
		return fail_want(ps, "a key in double quotes");
	r = parse_string(ps);
	if (r < 0)
		return r;
	key = ps->skip ? NULL : strdup(buf_cstr(&ps->scratch));
	if (!key && !ps->skip)
		return err_nomem(ps->e);
	if ((ps->flags & JSON_UNIQUE) && json_object_object_get_ex(o, key, NULL))
		return fail(ps, at, "key \"%.64s\" is there twice", key);
	skip_space(ps);
	if (!take(ps, ':'))
		return fail_want(ps, "':'");
	return parse_member_value(ps, depth + 1, key, o);
}

static int parse_object(struct parser *ps, unsigned depth, struct json_object *o)
{
	ps->p++;
	skip_space(ps);
	if (take(ps, '}'))
		return 0;
	for (;;) {
		int r = parse_member(ps, depth, o);

		if (r < 0)
			return r;
		skip_space(ps);
		if (take(ps, '}'))
			return 0;
		if (!take(ps, ','))
			return fail_want(ps, "',' or '}'");
	}
}

static int parse_container(struct parser *ps, unsigned depth, struct json_object **ret)
{
	bool object = *ps->p == '{';
	CLEANUP(json_put_p) struct json_object *c = NULL;
	int r;

	if (depth >= JSON_DEPTH_MAX)
		return fail(ps, ps->p, "nested deeper than %d", JSON_DEPTH_MAX);
	r = charge(ps, object ? JSON_COST_OBJECT : JSON_COST_ARRAY);
	if (r < 0)
		return r;
	if (!ps->skip) {
		c = object ? json_object_new_object() : json_object_new_array_ext(4);
		if (!c)
			return err_nomem(ps->e);
	}
	r = object ? parse_object(ps, depth, c) : parse_array(ps, depth, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int parse_value(struct parser *ps, unsigned depth, struct json_object **ret)
{
	skip_space(ps);
	if (ps->p == ps->end)
		return fail_want(ps, "a value");
	switch (*ps->p) {
	case '{':
	case '[':
		return parse_container(ps, depth, ret);
	case '"':
		return parse_string_value(ps, ret);
	case '-':
	case '0' ... '9':
		return parse_number(ps, ret);
	default:
		return parse_word(ps, ret);
	}
}

static int parse(struct parser *ps, size_t len, struct json_object **ret)
{
	CLEANUP(json_put_p) struct json_object *v = NULL;
	int r;

	*ret = NULL;
	if (len > JSON_TEXT_MAX)
		return err_code(ps->e, ERR_DECODE, EFBIG, "%s: larger than the limit of %zu bytes", ps->what,
				JSON_TEXT_MAX);
	r = parse_value(ps, 0, &v);
	if (r == 0) {
		skip_space(ps);
		if (ps->p < ps->end)
			r = fail_want(ps, "the end of the text");
	}
	buf_clear(&ps->scratch);
	if (r == 0)
		*ret = TAKE_PTR(v);
	return r;
}

static struct parser parser_of(const char *text, size_t len, const char *what, unsigned flags, size_t room,
			       struct err *e)
{
	return (struct parser){ .start = text,
				.p = text,
				.end = text + len,
				.what = what,
				.flags = flags,
				.most = room,
				.left = room,
				.scratch = BUF_INIT(JSON_TEXT_MAX),
				.e = e };
}

int json_parse_in(const char *text, size_t len, const char *what, unsigned flags, size_t *room,
		  struct json_object **ret, struct err *e)
{
	struct parser ps = parser_of(text, len, what, flags, *room, e);
	int r = parse(&ps, len, ret);

	if (r == 0)
		*room = ps.left;
	return r;
}

int json_parse_kept(const struct json_table *keep, const char *text, size_t len, const char *what,
		    unsigned flags, struct json_object **ret, struct err *e)
{
	struct parser ps = parser_of(text, len, what, flags, JSON_TREE_MAX, e);

	ps.keep = keep;
	return parse(&ps, len, ret);
}

int json_parse_as(const char *text, size_t len, const char *what, unsigned flags, struct json_object **ret,
		  struct err *e)
{
	return json_parse_kept(NULL, text, len, what, flags, ret, e);
}

int json_parse(const char *text, size_t len, const char *what, struct json_object **ret, struct err *e)
{
	return json_parse_as(text, len, what, 0, ret, e);
}
