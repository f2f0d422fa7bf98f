/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - libyaml's events to trees */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/own.h"
#include "json/tree.h"
#include "json/types.h"
#include "yaml/scalar.h"
#include "yaml/yaml.h"

#define CORE_TAG "tag:yaml.org,2002:"

struct reader {
	yaml_parser_t parser;
	const char *text, *what;
	size_t left; /* what this tree may still take, of JSON_TREE_MAX */
	struct err *e;
};

static int read_node(struct reader *rd, const yaml_event_t *ev, unsigned depth, struct json_object **ret);

static int __attribute__((format(printf, 4, 5)))
fail_at(struct reader *rd, size_t line, size_t col, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_code(rd->e, ERR_DECODE, EINVAL, "%s:%zu:%zu: %s", rd->what, line, col, why);
}

#define fail(rd, ev, ...) fail_at(rd, (ev)->start_mark.line + 1, (ev)->start_mark.column + 1, __VA_ARGS__)

/* libyaml tells of bytes that are no text by offset only. */
static int fail_bytes(struct reader *rd, size_t offset)
{
	size_t line = 1, col = 1;

	for (size_t i = 0; i < offset; i++) {
		if (rd->text[i] == '\n') {
			line++;
			col = 1;
		} else if ((rd->text[i] & 0xc0) != 0x80) {
			col++;
		}
	}
	return fail_at(rd, line, col, "%s", rd->parser.problem);
}

static int fail_parser(struct reader *rd)
{
	const yaml_parser_t *p = &rd->parser;

	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem(rd->e);
	if (p->error == YAML_READER_ERROR)
		return fail_bytes(rd, p->problem_offset);
	return fail_at(rd, p->problem_mark.line + 1, p->problem_mark.column + 1, "%s%s%s", p->problem,
		       p->context ? ", " : "", p->context ? p->context : "");
}

static int next(struct reader *rd, yaml_event_t *ev)
{
	return yaml_parser_parse(&rd->parser, ev) ? 0 : fail_parser(rd);
}

static int charge(struct reader *rd, const yaml_event_t *ev, size_t bytes)
{
	if (bytes > rd->left)
		return fail(rd, ev, "too many values: the limit is about %zu MiB of memory",
			    JSON_TREE_MAX >> 20);
	rd->left -= bytes;
	return 0;
}

/* What a tag other than "none" makes of a node: -1 when it is not a core one. */
static int tag_kind(const char *tag)
{
	static const struct {
		const char *name;
		int kind;
	} core[] = {
		{ "str", YAML_STRING }, { "null", YAML_NULL },   { "bool", YAML_BOOL },
		{ "int", YAML_INT },    { "float", YAML_FLOAT },
	};

	if (strcmp(tag, "!") == 0)
		return YAML_STRING;
	if (strncmp(tag, CORE_TAG, strlen(CORE_TAG)) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(core); i++) {
		if (strcmp(core[i].name, tag + strlen(CORE_TAG)) == 0)
			return core[i].kind;
	}
	return -1;
}

static bool fits(int wanted, enum yaml_kind got)
{
	if (wanted == YAML_INT)
		return got == YAML_INT || got == YAML_UINT;
	if (wanted == YAML_FLOAT)
		return got == YAML_INT || got == YAML_UINT || got == YAML_FLOAT || got == YAML_NOT_JSON;
	return wanted == (int)got;
}

/* The meaning of a scalar, its tag and quotes considered. */
static int resolve(struct reader *rd, const yaml_event_t *ev, struct yaml_scalar *out)
{
	const char *s = (const char *)ev->data.scalar.value, *tag = (const char *)ev->data.scalar.tag;
	int kind;

	out->kind = YAML_STRING;
	if (ev->data.scalar.anchor)
		return fail(rd, ev, "anchors (&%.64s) are not supported", (char *)ev->data.scalar.anchor);
	if (memchr(s, '\0', ev->data.scalar.length))
		return fail(rd, ev, "a NUL character is not allowed in text");
	if (!tag) {
		if (ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			yaml_resolve(s, out);
		return 0;
	}
	kind = tag_kind(tag);
	if (kind < 0)
		return fail(rd, ev, "tag %.64s is not supported", tag);
	if (kind == YAML_STRING)
		return 0;
	yaml_resolve(s, out);
	if (!fits(kind, out->kind))
		return fail(rd, ev, "\"%.64s\" is not what its tag %.64s says", s, tag);
	return 0;
}

static int read_scalar(struct reader *rd, const yaml_event_t *ev, struct json_object **ret)
{
	const char *s = (const char *)ev->data.scalar.value;
	struct yaml_scalar v;
	int r = resolve(rd, ev, &v);

	if (r == 0)
		r = charge(rd, ev, JSON_COST_VALUE + ev->data.scalar.length);
	if (r < 0)
		return r;
	switch (v.kind) {
	case YAML_NULL:
		return 0;
	case YAML_BOOL:
		*ret = json_object_new_boolean(v.b);
		break;
	case YAML_INT:
		*ret = json_object_new_int64(v.i);
		break;
	case YAML_UINT:
		*ret = json_object_new_uint64(v.u);
		break;
	case YAML_FLOAT:
		*ret = json_object_new_double_s(v.d, v.text);
		break;
	case YAML_NOT_JSON:
		return fail(rd, ev, "%.64s cannot be written in JSON; put it in quotes if it is text", s);
	case YAML_MERGE:
	case YAML_STRING:
		*ret = json_object_new_string_len(s, (int)ev->data.scalar.length);
		break;
	}
	return *ret ? 0 : err_nomem(rd->e);
}

/* A key must be text; on success *key belongs to the caller. */
static int read_key(struct reader *rd, const yaml_event_t *ev, struct json_object *o, char **key)
{
	static const char *const names[] = {
		[YAML_NULL] = "null",     [YAML_BOOL] = "true or false", [YAML_INT] = "a number",
		[YAML_UINT] = "a number", [YAML_FLOAT] = "a number",     [YAML_NOT_JSON] = "a number",
	};
	struct yaml_scalar v;
	const char *s;
	int r;

	if (ev->type == YAML_ALIAS_EVENT)
		return fail(rd, ev, "aliases (*%.64s) are not supported", (char *)ev->data.alias.anchor);
	if (ev->type != YAML_SCALAR_EVENT)
		return fail(rd, ev, "a key must be text, not a list or a mapping");
	s = (const char *)ev->data.scalar.value;
	r = resolve(rd, ev, &v);
	if (r < 0)
		return r;
	if (v.kind == YAML_MERGE)
		return fail(rd, ev, "merge keys (<<) are not supported");
	if (v.kind != YAML_STRING)
		return fail(rd, ev, "key \"%.64s\" would be read as %s: put it in quotes", s, names[v.kind]);
	if (json_object_object_get_ex(o, s, NULL))
		return fail(rd, ev, "key \"%.64s\" is there twice", s);
	r = charge(rd, ev, JSON_COST_VALUE + ev->data.scalar.length);
	if (r < 0)
		return r;
	*key = strdup(s);
	return *key ? 0 : err_nomem(rd->e);
}

static int read_member(struct reader *rd, const yaml_event_t *key_ev, unsigned depth, struct json_object *o)
{
	CLEANUP(json_put_p) struct json_object *v = NULL;
	CLEANUP(yaml_event_delete) yaml_event_t ev = { 0 };
	CLEANUP(free_p) char *key = NULL;
	int r = read_key(rd, key_ev, o, &key);

	if (r == 0)
		r = next(rd, &ev);
	if (r == 0)
		r = read_node(rd, &ev, depth, &v);
	if (r == 0)
		r = json_put_member(o, key, v, rd->e);
	if (r == 0)
		TAKE_PTR(v);
	return r;
}

static int read_element(struct reader *rd, const yaml_event_t *ev, unsigned depth, struct json_object *a)
{
	CLEANUP(json_put_p) struct json_object *v = NULL;
	int r = read_node(rd, ev, depth, &v);

	if (r < 0)
		return r;
	if (json_object_array_add(a, v) < 0)
		return err_nomem(rd->e);
	TAKE_PTR(v);
	return 0;
}

/* Everything up to the end of a sequence or mapping. */
static int read_content(struct reader *rd, bool mapping, unsigned depth, struct json_object *c)
{
	for (size_t n = 0;; n++) {
		CLEANUP(yaml_event_delete) yaml_event_t ev = { 0 };
		int r = next(rd, &ev);

		if (r < 0)
			return r;
		if (ev.type == YAML_MAPPING_END_EVENT || ev.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (n == JSON_LIST_MAX)
			return fail(rd, &ev, "more than %d elements", JSON_LIST_MAX);
		r = mapping ? read_member(rd, &ev, depth, c) : read_element(rd, &ev, depth, c);
		if (r < 0)
			return r;
	}
}

static int check_collection(struct reader *rd, const yaml_event_t *ev, const yaml_char_t *anchor,
			    const yaml_char_t *tag, const char *core, unsigned depth)
{
	if (anchor)
		return fail(rd, ev, "anchors (&%.64s) are not supported", (const char *)anchor);
	if (tag && strcmp((const char *)tag, "!") != 0 && strcmp((const char *)tag, core) != 0)
		return fail(rd, ev, "tag %.64s is not supported", (const char *)tag);
	if (depth >= JSON_DEPTH_MAX)
		return fail(rd, ev, "nested deeper than %d", JSON_DEPTH_MAX);
	return 0;
}

static int read_collection(struct reader *rd, const yaml_event_t *ev, unsigned depth,
			   struct json_object **ret)
{
	bool mapping = ev->type == YAML_MAPPING_START_EVENT;
	CLEANUP(json_put_p) struct json_object *c = NULL;
	int r;

	if (mapping)
		r = check_collection(rd, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag,
				     CORE_TAG "map", depth);
	else
		r = check_collection(rd, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag,
				     CORE_TAG "seq", depth);
	if (r == 0)
		r = charge(rd, ev, mapping ? JSON_COST_OBJECT : JSON_COST_ARRAY);
	if (r < 0)
		return r;
	c = mapping ? json_object_new_object() : json_object_new_array_ext(4);
	if (!c)
		return err_nomem(rd->e);
	r = read_content(rd, mapping, depth + 1, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

static int read_node(struct reader *rd, const yaml_event_t *ev, unsigned depth, struct json_object **ret)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(rd, ev, ret);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return read_collection(rd, ev, depth, ret);
	case YAML_ALIAS_EVENT:
		return fail(rd, ev, "aliases (*%.64s) are not supported", (char *)ev->data.alias.anchor);
	default:
		return fail(rd, ev, "want a value");
	}
}

/* The document behind its start event, its end event included. */
static int read_document(struct reader *rd, struct json_object **ret, size_t *line)
{
	CLEANUP(yaml_event_delete) yaml_event_t root = { 0 }, end = { 0 };
	int r = next(rd, &root);

	rd->left = JSON_TREE_MAX;
	*line = root.start_mark.line + 1;
	if (r == 0)
		r = read_node(rd, &root, 0, ret);
	return r < 0 ? r : next(rd, &end);
}

typedef int doc_fn(struct json_object *o, size_t line, void *arg, struct err *e);

static int read_stream(struct reader *rd, doc_fn *doc, void *arg)
{
	size_t docs = 0;

	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t ev = { 0 };
		CLEANUP(json_put_p) struct json_object *o = NULL;
		size_t line = 0;
		int r = next(rd, &ev);

		if (r < 0 || ev.type == YAML_STREAM_END_EVENT)
			return r;
		if (ev.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (docs++ == YAML_DOCS_MAX)
			return fail(rd, &ev, "more than %d documents", YAML_DOCS_MAX);
		r = read_document(rd, &o, &line);
		if (r == 0 && o)
			r = doc(o, line, arg, rd->e);
		if (r < 0)
			return r;
	}
}

/* JSON is YAML, but libyaml refuses some of it: surrogate pairs, keys of more than 1024 characters. Returns 1
 * when the text is not one JSON value. */
static int try_json(const char *text, size_t len, const char *what, doc_fn *doc, void *arg, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err ignored;
	size_t line = 1, i = 0;
	int r;

	for (; i < len && strchr(" \t\r\n", text[i]); i++)
		line += text[i] == '\n';
	if (i == len || (text[i] != '{' && text[i] != '['))
		return 1;
	r = json_parse_as(text, len, what, JSON_UNIQUE, &o, &ignored);
	if (r == -ENOMEM)
		return err_nomem(e);
	return r < 0 ? 1 : doc(o, line, arg, e);
}

#define TAG_DIRECTIVES_MAX 100

/* libyaml compares each %TAG line with all before it: some megabytes of them would take hours. It knows five
 * line breaks; what comes before a directive is in any case no visible ASCII character. */
static int check_directives(const struct reader *rd, size_t len)
{
	const char *p = rd->text, *end = rd->text + len;
	size_t n = 0;

	while ((p = memmem(p, (size_t)(end - p), "%TAG", 4))) {
		n += p == rd->text || (signed char)p[-1] <= ' ';
		if (n > TAG_DIRECTIVES_MAX)
			return err_code(rd->e, ERR_DECODE, EINVAL, "%s: more than %d %%TAG lines", rd->what,
					TAG_DIRECTIVES_MAX);
		p += 4;
	}
	return 0;
}

int yaml_parse(const char *text, size_t len, const char *what, doc_fn *doc, void *arg, struct err *e)
{
	struct reader rd = { .text = text, .what = what, .e = e };
	int r;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* editors put it there: "this is UTF-8" */
		text += 3;
		len -= 3;
		rd.text = text;
	}
	if (len > YAML_TEXT_MAX)
		return err_code(e, ERR_DECODE, EFBIG, "%s: larger than the limit of %zu bytes", what,
				YAML_TEXT_MAX);
	r = try_json(text, len, what, doc, arg, e);
	if (r <= 0)
		return r;
	r = check_directives(&rd, len);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&rd.parser))
		return err_nomem(e);
	yaml_parser_set_encoding(&rd.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&rd.parser, (const unsigned char *)text, len);
	r = read_stream(&rd, doc, arg);
	yaml_parser_delete(&rd.parser);
	return r;
}
