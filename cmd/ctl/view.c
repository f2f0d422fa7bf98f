/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - a JSON tree as people like to read it
 *
 * Members one below the other, "Name:  value"; objects indented; lists of flat objects as tables. So what a
 * person reads and what a program gets are the same facts.
 */
#include <ctype.h>
#include <string.h>

#include "base/own.h"
#include "out.h"

#define TITLE_MAX 64
#define LINE_MAX  90 /* longer lists of scalars are written one a line */

/* ---- titles: "excludeIPs" is "Exclude IPs" ---- */

static const char *const words[] = { "IP", "IPs", "NIC", "NICs", "UID", "MAC", "CIDR", "IPv4", "IPv6", "ID" };

static size_t add_word(char *out, size_t len, const char *word, size_t n, bool first)
{
	if (len + n + 2 > TITLE_MAX)
		return len;
	if (!first)
		out[len++] = ' ';
	memcpy(out + len, word, n);
	out[len + n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(words[i], out + len) == 0) {
			memcpy(out + len, words[i], n);
			return len + n;
		}
	}
	out[len] = (char)(first ? toupper((unsigned char)word[0]) : tolower((unsigned char)word[0]));
	return len + n;
}

/* Keys that are data, such as labels, stay as they are. */
static const char *title(const char *key, bool raw, char out[TITLE_MAX])
{
	const char *start = key, *p = key;
	size_t len = 0;

	if (raw || isupper((unsigned char)key[0]) || strpbrk(key, "./- ")) {
		snprintf(out, TITLE_MAX, "%s", key);
		return out;
	}
	out[0] = '\0';
	for (; *p; p++) {
		if (p > start && isupper((unsigned char)*p) && islower((unsigned char)p[-1])) {
			len = add_word(out, len, start, (size_t)(p - start), len == 0);
			start = p;
		} else if (p > start + 1 && islower((unsigned char)*p) && *p != 's' &&
			   isupper((unsigned char)p[-1]) && isupper((unsigned char)p[-2])) {
			len = add_word(out, len, start, (size_t)(p - 1 - start), len == 0);
			start = p - 1;
		}
	}
	add_word(out, len, start, (size_t)(p - start), len == 0);
	return out;
}

static bool holds_data(const char *key)
{
	return strcmp(key, "labels") == 0 || strcmp(key, "annotations") == 0 ||
	       strcmp(key, "matchLabels") == 0;
}

/* ---- values ---- */

static bool is_scalar(struct json_object *v)
{
	return !json_object_is_type(v, json_type_object) && !json_object_is_type(v, json_type_array);
}

static bool is_scalars(struct json_object *v)
{
	if (!json_object_is_type(v, json_type_array))
		return is_scalar(v);
	for (size_t i = 0; i < json_len(v); i++)
		if (!is_scalar(json_at(v, i)))
			return false;
	return true;
}

/* A list of objects without objects in them. */
static bool is_table(struct json_object *v)
{
	struct json_object_iter it;

	for (size_t i = 0; i < json_len(v); i++) {
		struct json_object *row = json_at(v, i);

		if (!json_object_is_type(row, json_type_object))
			return false;
		json_object_object_foreachC(row, it)
		{
			if (!is_scalars(it.val))
				return false;
		}
	}
	return true;
}

static size_t columns_of(struct json_object *list, struct out_column *columns, char (*titles)[TITLE_MAX])
{
	struct json_object_iter it;
	size_t n = 0;

	for (size_t i = 0; i < json_len(list); i++) {
		json_object_object_foreachC(json_at(list, i), it)
		{
			size_t k = 0;

			while (k < n && strcmp(columns[k].key, it.key) != 0)
				k++;
			if (k < n || n == OUT_COLUMNS_MAX)
				continue;
			title(it.key, false, titles[n]);
			for (char *p = titles[n]; *p; p++)
				*p = (char)toupper((unsigned char)*p);
			columns[n] = (struct out_column){ .title = titles[n], .key = it.key };
			n++;
		}
	}
	return n;
}

static int view_table(struct out *o, struct json_object *list, const char *indent, struct err *e)
{
	char titles[OUT_COLUMNS_MAX][TITLE_MAX];
	struct out_column columns[OUT_COLUMNS_MAX];
	CLEANUP(out_clear) struct out t = { .color = o->color, .text = BUF_INIT(o->text.max) };
	size_t n = columns_of(list, columns, titles);
	int r = 0;

	t.cells = BUF_INIT(o->text.max);
	if (!n)
		return 0;
	out_table_begin(&t, columns, n);
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = out_row(&t, json_object_get(json_at(list, i)), e);
	out_table_end(&t, NULL);
	if (r == 0)
		r = out_finish(&t, e);
	out_indented(o, indent, indent, buf_cstr(&t.text));
	buf_chr(&o->text, '\n');
	return r;
}

static int view_object(struct out *o, struct json_object *tree, unsigned depth, bool raw, struct err *e);

static int view_list(struct out *o, struct json_object *list, unsigned depth, struct err *e)
{
	char indent[2 * JSON_DEPTH_MAX + 1];
	int r = 0;

	snprintf(indent, sizeof(indent), "%*s", (int)(2 * depth), "");
	if (is_table(list))
		return view_table(o, list, indent, e);
	for (size_t i = 0; i < json_len(list) && r == 0; i++) {
		struct json_object *v = json_at(list, i);
		struct buf text = BUF_INIT(BUF_MAX_DEFAULT);

		if (is_scalars(v)) {
			out_scalar(&text, v);
			out_line(o, "%s%s", indent, buf_cstr(&text));
		} else {
			if (i)
				buf_chr(&o->text, '\n');
			r = view_object(o, v, depth, false, e);
		}
		buf_clear(&text);
	}
	return r;
}

/* Everything on one line with its name? */
static bool fits_line(struct json_object *v, struct buf *text)
{
	buf_reset(text);
	if (!is_scalars(v))
		return false;
	out_scalar(text, v);
	if (json_object_is_type(v, json_type_array) && json_len(v) == 0)
		buf_str(text, "none");
	return is_scalar(v) || text->len <= LINE_MAX;
}

static int view_member(struct out *o, const char *key, struct json_object *v, unsigned depth, bool raw,
		       unsigned width, struct err *e)
{
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	char name[TITLE_MAX];
	int r = 0;

	title(key, raw, name);
	if (fits_line(v, &text)) {
		out_line(o, "%*s%s:%*s%s", (int)(2 * depth), "", name,
			 (int)(width > strlen(name) ? width - strlen(name) : 0) + 2, "", buf_cstr(&text));
	} else {
		out_line(o, "%*s%s:", (int)(2 * depth), "", name);
		r = json_object_is_type(v, json_type_array)
			    ? view_list(o, v, depth + 1, e)
			    : view_object(o, v, depth + 1, holds_data(key), e);
	}
	buf_clear(&text);
	return r;
}

static int view_object(struct out *o, struct json_object *tree, unsigned depth, bool raw, struct err *e)
{
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct json_object_iter it;
	char name[TITLE_MAX];
	unsigned width = 0;
	int r = 0;

	if (depth >= JSON_DEPTH_MAX)
		return 0;
	json_object_object_foreachC(tree, it)
	{
		if (fits_line(it.val, &text) && strlen(title(it.key, raw, name)) > width)
			width = (unsigned)strlen(name);
	}
	buf_clear(&text);
	json_object_object_foreachC(tree, it)
	{
		if (r == 0)
			r = view_member(o, it.key, it.val, depth, raw, width, e);
	}
	return r;
}

int out_view(struct out *o, struct json_object *tree, struct err *e)
{
	if (json_object_is_type(tree, json_type_object))
		return view_object(o, tree, 0, false, e);
	return view_list(o, tree, 0, e);
}
