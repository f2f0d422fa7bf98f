/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - typed decoding and encoding over json-c, from one field table per struct
 *
 * json-c's getters coerce silently ("12abc" is 12, "false" is true, 3e9 is INT32_MAX), so nothing outside
 * this folder calls them. A table names each member once; from it come decode, encode, clear, the list of
 * unknown keys and the reference page. The kind of a field follows from the type of its member, so a table
 * cannot disagree with its struct.
 *
 * Absent is not zero: strings and pointers are NULL, lists and the optional numbers carry "set". A JSON null
 * counts as absent. Duplicate keys: the last one wins, as in Go's encoding/json.
 *
 * Ownership: what json_decode() fills in belongs to the struct and is released by json_clear(); both leave a
 * zeroed struct behind on failure. struct json_object pointers are json-c's, reference counted.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 32
#define JSON_TEXT_MAX  ((size_t)16 << 20)
#define JSON_LIST_MAX  65536

/* ---- member types ---- */

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

/* ---- tables ---- */

enum json_kind {
	JSON_STR,  /* char * */
	JSON_BOOL, /* bool, absent is false */
	JSON_U32,  /* uint32_t, absent is 0 */
	JSON_I64,  /* int64_t, absent is 0 */
	JSON_OPT_BOOL,
	JSON_OPT_INT,
	JSON_STRV,
	JSON_MAP,
	JSON_RAW,    /* struct json_object *, any JSON value, kept as it is */
	JSON_STRUCT, /* an embedded struct */
	JSON_PTR,    /* a pointer to a struct, NULL when absent */
	JSON_STRUCTS /* JSON_LIST() of structs */
};

enum {
	JSON_REQUIRED = 1 << 0, /* absent is an error */
	JSON_EMPTY = 1 << 1,    /* encode also when empty: "" , 0, false, [] ; default is to leave it out */
};

struct json_table;

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t off;
	unsigned flags;
	int64_t min, max;             /* numbers; both 0: the whole range of the kind */
	const char *const *one_of;    /* strings; NULL-terminated */
	const struct json_table *tab; /* structs */
	const char *doc;
};

struct json_table {
	const char *name; /* what the struct is called in errors and in the reference page */
	const struct json_field *f;
	size_t n, size; /* number of fields, sizeof the struct */
	bool closed;    /* an unknown key is an error; otherwise it is ignored */
};

#define JSON_KIND(m) \
	_Generic(&(m),                                                                                               \
		char **: JSON_STR,                                                                                   \
		bool *: JSON_BOOL,                                                                                   \
		uint32_t *: JSON_U32,                                                                                \
		int64_t *: JSON_I64,                                                                                 \
		struct json_bool *: JSON_OPT_BOOL,                                                                   \
		struct json_int *: JSON_OPT_INT,                                                                     \
		struct json_strv *: JSON_STRV,                                                                       \
		struct json_map *: JSON_MAP,                                                                         \
		struct json_object **: JSON_RAW)

/* JF(struct conf, mtu, "mtu", .max = 65535, .doc = "MTU of both ends") */
#define JF(T, m, k, ...) \
	{ \
		.key = (k), .kind = JSON_KIND(((T *)0)->m), .off = offsetof(T, m), __VA_ARGS__ \
	}
/* embedded struct, pointer to struct, list of structs */
#define JS(T, m, k, t, ...) \
	{ \
		.key = (k), .kind = JSON_STRUCT, .off = offsetof(T, m), .tab = (t), __VA_ARGS__ \
	}
#define JP(T, m, k, t, ...) \
	{ \
		.key = (k), .kind = JSON_PTR, .off = offsetof(T, m), .tab = (t), __VA_ARGS__ \
	}
#define JL(T, m, k, t, ...) \
	{ \
		.key = (k), .kind = JSON_STRUCTS, .off = offsetof(T, m), .tab = (t), __VA_ARGS__ \
	}
#define JSON_TABLE(T, title, fields) \
	{ \
		.name = (title), .f = (fields), .n = sizeof(fields) / sizeof((fields)[0]), .size = sizeof(T) \
	}

/* ---- text and trees ---- */

/* One JSON value and nothing behind it but white space: strict, valid UTF-8, no NUL in strings, at most
 * JSON_DEPTH_MAX deep. what names the source in errors (code ERR_DECODE, with line and column). */
int json_parse(const char *text, size_t len, const char *what, struct json_object **ret, struct err *e);
/* Compact, or pretty with two blanks; "/" is not escaped. */
int json_print(struct json_object *o, bool pretty, struct buf *out, struct err *e);
void json_put_p(struct json_object **o); /* for CLEANUP */

/* ---- structs ---- */

/* out is overwritten. path is put before keys in errors, "" for none:
 * "config: ipam.log_level: want a string, got 3"; what is the first word, NULL for none. */
int json_decode(const struct json_table *t, struct json_object *o, const char *what, void *out,
		struct err *e);
int json_encode(const struct json_table *t, const void *in, struct json_object **ret, struct err *e);
/* Releases all members and zeroes the struct. */
void json_clear(const struct json_table *t, void *obj);
/* Deep copy; out is overwritten. */
int json_copy(const struct json_table *t, const void *in, void *out, struct err *e);
/* Calls unknown() with the path of each key that no table names. */
void json_unknown(const struct json_table *t, struct json_object *o,
		  void (*unknown)(const char *path, void *arg), void *arg);

/* decode = parse + decode, text = encode + print, for callers that have no use for the tree */
int json_decode_text(const struct json_table *t, const char *text, size_t len, const char *what, void *out,
		     struct err *e);
int json_encode_text(const struct json_table *t, const void *in, struct buf *out, struct err *e);

/* ---- trees by hand: for prevResult and other documents that must pass through unharmed ---- */

/* A new reference-free view of a member, NULL when absent or null; o may be NULL or no object. */
struct json_object *json_get(struct json_object *o, const char *key);
/* Typed reads: NULL / false unless the value has exactly that type. */
const char *json_get_str(struct json_object *o, const char *key);
bool json_get_int(struct json_object *o, const char *key, int64_t *ret);
bool json_get_bool(struct json_object *o, const char *key, bool *ret);
/* Text of a string value itself (an array element, say); NULL if it is none. */
const char *json_text(struct json_object *o);
bool json_number(struct json_object *o, int64_t *ret);
bool json_boolean(struct json_object *o, bool *ret);
/* Adds a member / an element and takes over v (which is released on failure and may be NULL on OOM: then
 * -ENOMEM). An existing member is replaced. */
int json_set(struct json_object *o, const char *key, struct json_object *v, struct err *e);
int json_set_str(struct json_object *o, const char *key, const char *s, struct err *e);
int json_append(struct json_object *a, struct json_object *v, struct err *e);

/* ---- member types by hand ---- */

int json_strv_add(struct json_strv *l, const char *s, struct err *e);
bool json_strv_has(const struct json_strv *l, const char *s);
void json_strv_clear(struct json_strv *l);
int json_strv_copy(const struct json_strv *in, struct json_strv *out, struct err *e);
/* The value, or NULL. */
const char *json_map_get(const struct json_map *m, const char *key);
int json_map_set(struct json_map *m, const char *key, const char *value, struct err *e);
void json_map_clear(struct json_map *m);

#endif
