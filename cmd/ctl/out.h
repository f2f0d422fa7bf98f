/* SPDX-License-Identifier: Apache-2.0 */
/* out.h - the printer: tables for people, JSON and YAML for programs
 *
 * Everything is collected in out->text and printed by main.c at the end. Failures (no memory) stick in the
 * buffers; out_finish() tells. A list is an object with the member "items". Control characters never reach a
 * terminal.
 */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "json/tree.h"

#define OUT_COLUMNS_MAX 24

enum out_format { OUT_TABLE, OUT_WIDE, OUT_JSON, OUT_YAML, OUT_NAME };
enum out_color { OUT_PLAIN, OUT_GREEN, OUT_YELLOW, OUT_RED };

struct out_column {
	const char *title;
	const char *key; /* out_row(): member of the row */
	bool wide;       /* only with -o wide */
};

struct out_cell {
	size_t at;      /* in cells */
	unsigned width; /* characters */
	enum out_color color;
};

struct out {
	enum out_format format;
	bool color;
	struct buf text;
	/* the table that is being collected */
	const struct out_column *columns;
	size_t n_columns;
	struct buf cells;
	struct out_cell *v;
	size_t n, cap;
	enum out_color next_color;
	size_t items; /* of the list that is being written */
};

/* JSON or YAML? */
bool out_is_tree(const struct out *o);
/* text with each line indented, the first one with first; the last newline is left out. */
void out_indented(struct out *o, const char *first, const char *others, const char *text);
/* A line for people. */
void out_line(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- tables ---- */

void out_table_begin(struct out *o, const struct out_column *columns, size_t n);
/* The next cell, row by row; "" and NULL are shown as "-". */
void out_cell(struct out *o, const char *text);
void out_cell_fmt(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Of the next cell. */
void out_paint(struct out *o, enum out_color color);
/* none is said when the table has no row; NULL: the head alone is printed. */
void out_table_end(struct out *o, const char *none);

/* ---- trees ---- */

/* One document. For people: what out_view() makes of it. */
int out_tree(struct out *o, struct json_object *tree, struct err *e);
/* {"items": [...]}, for Kubernetes objects with apiVersion v1 and kind List; in JSON and YAML only. */
void out_items_begin(struct out *o, bool kubernetes);
int out_item(struct out *o, struct json_object *tree, struct err *e);
void out_items_end(struct out *o);
/* view.c: names and values one below the other, lists of objects as tables. */
int out_view(struct out *o, struct json_object *tree, struct err *e);

/* ---- both: a list of flat objects; columns name their members ---- */

void out_rows_begin(struct out *o, const struct out_column *columns, size_t n);
/* Takes over row. */
int out_row(struct out *o, struct json_object *row, struct err *e);
void out_rows_end(struct out *o, const char *none);

/* A scalar, or a list of them, as people read it: "" for what is absent. Appends. */
void out_scalar(struct buf *b, struct json_object *v);

/* -ENOMEM when something was lost on the way. */
int out_finish(struct out *o, struct err *e);
void out_clear(struct out *o);

#endif
