/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - shared inside pkg/json only */
#ifndef JSON_INTERNAL_H
#define JSON_INTERNAL_H

#include "json/json.h"

/* The text of a double as it was read; NULL when it was made by hand. */
const char *json_double_text(struct json_object *o);

/* Where a decoder stands: a chain on its stack, made into text only for an error. */
struct json_path {
	const struct json_path *up; /* NULL: below the root */
	const char *key;            /* NULL: element i */
	size_t i;
};

#define JSON_PATH_MAX 512
/* "ipam.routes[1].dst"; "" for NULL. Cut to size. */
const char *json_path_text(const struct json_path *p, char out[JSON_PATH_MAX]);

#define JSON_VALUE_MAX 100
/* A value for a sentence: 3, "text", true, null, a list, an object. Cut to size. */
const char *json_describe(struct json_object *o, char out[JSON_VALUE_MAX]);

/* NULL: the table does not name it. */
const struct json_field *json_field_find(const struct json_table *t, const char *key);

static inline void *json_member(const void *obj, const struct json_field *f)
{
	return (char *)obj + f->off; /* NOLINT: clear and decode write, encode and copy only read */
}

#endif
