/* SPDX-License-Identifier: Apache-2.0 */
/* out.c - the printer */
#include "out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "yaml/yaml.h"

bool out_is_tree(const struct out *o)
{
	return o->format == OUT_JSON || o->format == OUT_YAML;
}

/* Without what could steer a terminal; returns the number of characters. */
static unsigned add_clean(struct buf *b, const char *p)
{
	const char *end = p + strlen(p);
	unsigned width = 0;

	for (; p < end; width++) {
		size_t len = json_utf8(p, end);

		if (!len || (unsigned char)*p < ' ' || *p == 0x7f)
			buf_chr(b, '?');
		else
			buf_add(b, p, len);
		p += len ? len : 1;
	}
	return width;
}

void out_line(struct out *o, const char *fmt, ...)
{
	CLEANUP(free_p) char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0) {
		line = NULL;
		o->text.err = o->text.err ? o->text.err : -ENOMEM;
		return;
	}
	add_clean(&o->text, line);
	buf_chr(&o->text, '\n');
}

/* ---- tables ---- */

void out_table_begin(struct out *o, const struct out_column *columns, size_t n)
{
	o->columns = columns;
	o->n_columns = n;
	o->n = 0;
	buf_reset(&o->cells);
}

static struct out_cell *new_cell(struct out *o)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 256;
		struct out_cell *v = realloc(o->v, cap * sizeof(*v));

		if (!v) {
			o->text.err = o->text.err ? o->text.err : -ENOMEM;
			return NULL;
		}
		o->v = v;
		o->cap = cap;
	}
	o->v[o->n] = (struct out_cell){ .at = o->cells.len, .color = o->next_color };
	o->next_color = OUT_PLAIN;
	return &o->v[o->n++];
}

void out_paint(struct out *o, enum out_color color)
{
	o->next_color = color;
}

void out_cell(struct out *o, const char *text)
{
	struct out_cell *c = new_cell(o);

	if (!c)
		return;
	c->width = add_clean(&o->cells, text && *text ? text : "-");
	buf_chr(&o->cells, '\0');
}

void out_cell_fmt(struct out *o, const char *fmt, ...)
{
	CLEANUP(free_p) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		text = NULL;
	out_cell(o, text);
}

static bool shown(const struct out *o, size_t column)
{
	return !o->columns[column].wide || o->format == OUT_WIDE;
}

static void pad(struct buf *b, unsigned n)
{
	buf_fmt(b, "%*s", (int)n, "");
}

static void print_cell(struct out *o, const struct out_cell *c, unsigned width, bool last)
{
	static const char *const codes[] = { "", "\033[32m", "\033[33m", "\033[31m" };
	bool paint = o->color && c->color != OUT_PLAIN;

	if (paint)
		buf_str(&o->text, codes[c->color]);
	buf_str(&o->text, o->cells.s + c->at);
	if (paint)
		buf_str(&o->text, "\033[0m");
	if (!last)
		pad(&o->text, width - c->width + 2);
}

static size_t last_shown(const struct out *o)
{
	size_t last = 0;

	for (size_t k = 0; k < o->n_columns; k++)
		if (shown(o, k))
			last = k;
	return last;
}

void out_table_end(struct out *o, const char *none)
{
	unsigned width[OUT_COLUMNS_MAX] = { 0 };
	size_t rows = o->n / o->n_columns, last = last_shown(o);

	if (o->cells.err) {
		o->text.err = o->text.err ? o->text.err : o->cells.err;
		return;
	}
	if (!rows && none) {
		out_line(o, "%s", none);
		return;
	}
	for (size_t k = 0; k < o->n_columns; k++) {
		width[k] = (unsigned)strlen(o->columns[k].title);
		for (size_t i = 0; i < rows; i++)
			if (o->v[i * o->n_columns + k].width > width[k])
				width[k] = o->v[i * o->n_columns + k].width;
	}
	for (size_t k = 0; k < o->n_columns; k++) {
		if (!shown(o, k))
			continue;
		buf_str(&o->text, o->columns[k].title);
		if (k != last)
			pad(&o->text, width[k] - (unsigned)strlen(o->columns[k].title) + 2);
	}
	buf_chr(&o->text, '\n');
	for (size_t i = 0; i < rows; i++) {
		for (size_t k = 0; k < o->n_columns; k++)
			if (shown(o, k))
				print_cell(o, &o->v[i * o->n_columns + k], width[k], k == last);
		buf_chr(&o->text, '\n');
	}
}

/* ---- trees ---- */

int out_tree(struct out *o, struct json_object *tree, struct err *e)
{
	int r;

	if (!out_is_tree(o))
		return out_view(o, tree, e);
	if (o->format == OUT_YAML)
		return yaml_print(tree, &o->text, e);
	r = json_print(tree, true, &o->text, e);
	buf_chr(&o->text, '\n');
	return r;
}

void out_indented(struct out *o, const char *first, const char *others, const char *text)
{
	for (const char *p = text; *p; p++) {
		size_t len = strcspn(p, "\n");

		if (p != text)
			buf_chr(&o->text, '\n');
		buf_str(&o->text, p == text ? first : others);
		buf_add(&o->text, p, len);
		p += len;
		if (!*p)
			break;
	}
}

void out_items_begin(struct out *o, bool kubernetes)
{
	o->items = 0;
	if (o->format == OUT_JSON)
		buf_fmt(&o->text, "{\n%s  \"items\": [",
			kubernetes ? "  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n" : "");
	else if (o->format == OUT_YAML)
		buf_str(&o->text, kubernetes ? "apiVersion: v1\nkind: List\nitems:" : "items:");
}

int out_item(struct out *o, struct json_object *tree, struct err *e)
{
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	int r = 0;

	if (o->format == OUT_JSON) {
		r = json_print(tree, true, &text, e);
		buf_str(&o->text, o->items ? ",\n" : "\n");
		out_indented(o, "    ", "    ", buf_cstr(&text));
	} else if (o->format == OUT_YAML) {
		r = yaml_print(tree, &text, e);
		buf_chr(&o->text, '\n');
		out_indented(o, "- ", "  ", buf_cstr(&text));
	}
	o->items++;
	buf_clear(&text);
	return r;
}

void out_items_end(struct out *o)
{
	if (o->format == OUT_JSON)
		buf_str(&o->text, o->items ? "\n  ]\n}\n" : "]\n}\n");
	else if (o->format == OUT_YAML)
		buf_str(&o->text, o->items ? "\n" : " []\n");
}

/* ---- both ---- */

void out_scalar(struct buf *b, struct json_object *v)
{
	int64_t n;
	bool yes;

	if (!v)
		return;
	if (json_text(v)) {
		buf_str(b, json_text(v));
	} else if (json_number(v, &n)) {
		if (n == INT64_MAX) /* counts end here */
			buf_str(b, "2^63 and more");
		else
			buf_fmt(b, "%lld", (long long)n);
	} else if (json_boolean(v, &yes)) {
		buf_str(b, yes ? "true" : "false");
	} else if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_len(v); i++) {
			buf_str(b, i ? ", " : "");
			out_scalar(b, json_at(v, i));
		}
	} else {
		struct err ignored; /* what no table has: as JSON */

		(void)json_print(v, false, b, &ignored);
	}
}

void out_rows_begin(struct out *o, const struct out_column *columns, size_t n)
{
	if (out_is_tree(o))
		out_items_begin(o, false);
	else
		out_table_begin(o, columns, n);
}

int out_row(struct out *o, struct json_object *row, struct err *e)
{
	struct buf cell = BUF_INIT(BUF_MAX_DEFAULT);
	int r = 0;

	if (out_is_tree(o)) {
		r = out_item(o, row, e);
	} else {
		for (size_t k = 0; k < o->n_columns; k++) {
			buf_reset(&cell);
			out_scalar(&cell, json_get(row, o->columns[k].key));
			out_cell(o, buf_cstr(&cell));
		}
		if (cell.err)
			r = err_nomem(e);
	}
	buf_clear(&cell);
	json_object_put(row);
	return r;
}

void out_rows_end(struct out *o, const char *none)
{
	if (out_is_tree(o))
		out_items_end(o);
	else
		out_table_end(o, none);
}

/* ---- */

int out_finish(struct out *o, struct err *e)
{
	if (o->text.err == -ENOMEM)
		return err_nomem(e);
	return o->text.err ? err_sys(e, -o->text.err, "what is to be printed") : 0;
}

void out_clear(struct out *o)
{
	buf_clear(&o->text);
	buf_clear(&o->cells);
	free(o->v);
	o->v = NULL;
	o->n = o->cap = 0;
}
