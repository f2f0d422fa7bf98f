/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - typed decoding and encoding, from one field table per struct
 *
 * json-c's getters coerce silently ("12abc" is 12, "false" is true, 3e9 is INT32_MAX), so nothing outside
 * this folder calls them. A table names each member once; from it come decode, encode, clear, the list of
 * unknown keys and the reference page. The kind of a field follows from the type of its member, so a table
 * cannot disagree with its struct.
 *
 * Absent is not zero: strings and pointers are NULL, lists, maps and the optional numbers carry "set". A JSON
 * null counts as absent, as an element of a list or map it is an error. Duplicate keys: the last one wins, as
 * in Go's encoding/json. Keys are compared to the letter.
 *
 * Ownership: what json_decode() fills in belongs to the struct and is released by json_clear(); both leave a
 * zeroed struct behind on failure. JSON_RAW members share the value with the tree they were decoded from and
 * with the tree they are encoded into: replace them, do not change them.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "json/tree.h"
#include "json/types.h"

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
	JSON_STRUCT, /* an embedded struct; when absent, what is required in it is not asked for */
	JSON_PTR,    /* a pointer to a struct, NULL when absent */
	JSON_STRUCTS /* JSON_LIST() of structs */
};

/* What is encoded: kinds that tell absent from empty whenever they are there, so [] {} "" and an optional
 * false stay; bool, u32 and i64 unless they are false or 0; an embedded struct unless nothing in it is
 * encoded. */
enum {
	JSON_REQUIRED = 1 << 0, /* absent is an error */
	JSON_EMPTY = 1 << 1,    /* encode also false, 0, a NULL string (as "") and an empty embedded struct */
};

struct json_table;

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t off;
	unsigned flags;
	int64_t min, max;             /* numbers; both 0: the whole range of the kind */
	const char *const *one_of;    /* strings and their lists; NULL-terminated */
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

/* ---- structs ---- */

/* out is overwritten. Errors have the code ERR_CONFIG and name the field:
 * "config: ipam.routes[1].dst: want a string, got 3"; what is the first word, NULL for none. */
int json_decode(const struct json_table *t, struct json_object *o, const char *what, void *out,
		struct err *e);
int json_encode(const struct json_table *t, const void *in, struct json_object **ret, struct err *e);
/* Releases all members and zeroes the struct. */
void json_clear(const struct json_table *t, void *obj);
/* Deep copy; out is overwritten. */
int json_copy(const struct json_table *t, const void *in, void *out, struct err *e);
/* json_parse_as(), but of objects only the members that the table names are kept, at all depths where it has
 * a table: the tree of what nobody reads costs ten times its text. The rest is checked all the same, but for
 * duplicate keys. Nobody sees later what was unknown. keep NULL: everything. */
int json_parse_kept(const struct json_table *keep, const char *text, size_t len, const char *what,
		    unsigned flags, struct json_object **ret, struct err *e);
/* Calls unknown() with the path of each key that no table names. */
void json_unknown(const struct json_table *t, struct json_object *o,
		  void (*unknown)(const char *path, void *arg), void *arg);

/* A struct and all that it points to in one piece of memory, for who keeps many of them: a small object takes
 * half of what its single strings take. room has json_pack_size() bytes and is aligned as an int64_t; the
 * struct is at its start. What is packed is not written to. Strings that are equal to a shared one, which
 * must live as long, are not copied. Before the piece is freed: json_pack_clear(), for JSON_RAW. */
struct json_shared {
	const char *const *v;
	size_t n;
};
size_t json_pack_size(const struct json_table *t, const void *in, const struct json_shared *shared);
void json_pack(const struct json_table *t, const void *in, const struct json_shared *shared, void *room);
void json_pack_clear(const struct json_table *t, void *packed);

/* decode = parse + decode, text = encode + print, for callers that have no use for the tree */
int json_decode_text(const struct json_table *t, const char *text, size_t len, const char *what, void *out,
		     struct err *e);
int json_encode_text(const struct json_table *t, const void *in, struct buf *out, struct err *e);

#endif
