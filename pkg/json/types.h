/* SPDX-License-Identifier: Apache-2.0 */
/* types.h - member types of structs that have a field table (json.h)
 *
 * "set" tells absent from empty: an absent list and [] are not the same, nor are absent and false.
 */
#ifndef JSON_TYPES_H
#define JSON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_LIST_MAX 65536 /* elements of any list and entries of any map */

struct json_bool {
	bool set, v;
};
struct json_int {
	bool set;
	int64_t v;
};
struct json_strv { /* list of strings; v has n entries and, when not NULL, a NULL behind them */
	char **v;
	size_t n;
	bool set; /* false: absent or null; true with n == 0: [] */
};
struct json_map_entry {
	char *key, *value;
};
struct json_map { /* string to string, in the order of the text */
	struct json_map_entry *v;
	size_t n;
	bool set;
};
/* A list of structs. All instances share this layout; JSON_LIST() gives the element type to the compiler. */
struct json_list {
	void *v;
	size_t n;
	bool set;
};
#define JSON_LIST(T) \
	struct { \
		T *v; \
		size_t n; \
		bool set; \
	}

/* All copy what they are given and set "set". -E2BIG beyond JSON_LIST_MAX; on failure nothing has changed. */
int json_strv_add(struct json_strv *l, const char *s, struct err *e);
bool json_strv_has(const struct json_strv *l, const char *s);
void json_strv_clear(struct json_strv *l);
/* out is overwritten; zeroed on failure. */
int json_strv_copy(const struct json_strv *in, struct json_strv *out, struct err *e);

/* The value, or NULL. */
const char *json_map_get(const struct json_map *m, const char *key);
/* Adds or replaces. */
int json_map_set(struct json_map *m, const char *key, const char *value, struct err *e);
void json_map_remove(struct json_map *m, const char *key); /* the others keep their order */
void json_map_clear(struct json_map *m);
int json_map_copy(const struct json_map *in, struct json_map *out, struct err *e);

#endif
