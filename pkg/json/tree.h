/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - JSON text and json-c trees
 *
 * The trees are json-c's; reading and printing text is ours. json-c 0.16 takes 'single' quotes, NaN,
 * raw control characters and half surrogates even when told to be strict, and when memory runs out its
 * tokener and its printer answer with a shorter document instead of an error.
 *
 * A struct json_object is reference counted (not atomically: a tree belongs to one thread at a time);
 * JSON null is the NULL pointer. Make values with json_object_new_*(), never read them with
 * json_object_get_*(): those convert silently.
 */
#ifndef JSON_TREE_H
#define JSON_TREE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 32
#define JSON_TEXT_MAX  ((size_t)16 << 20)
/* What a tree read from text may take, estimated by the costs: short text such as [{},{},{}...] makes huge
 * trees (json-c allocates 16 slots with each object). A list of small objects reaches it at 8 MB of text. */
#define JSON_TREE_MAX    ((size_t)256 << 20)
#define JSON_COST_OBJECT 832
#define JSON_COST_ARRAY  160
#define JSON_COST_VALUE  80   /* and the bytes of its text; also for a key */
#define JSON_NUMBER_MAX  1024 /* characters of a number */

enum json_parse_flags {
	JSON_UNIQUE = 1 << 0, /* a duplicate key is an error; otherwise the last one wins */
	JSON_MEND = 1 << 1,   /* \u0000 and half surrogates become U+FFFD, otherwise they are errors */
};

/* One JSON value and nothing behind it but white space: RFC 8259 to the letter, valid UTF-8, no NUL in
 * strings, at most JSON_DEPTH_MAX deep. what names the source in errors: "WHAT:line:column: ...", code
 * ERR_DECODE. *ret is NULL for null and on failure. */
int json_parse(const char *text, size_t len, const char *what, struct json_object **ret, struct err *e);
int json_parse_as(const char *text, size_t len, const char *what, unsigned flags, struct json_object **ret,
		  struct err *e);
/* *room: what the tree may take, in place of JSON_TREE_MAX; on success what is left of it. */
int json_parse_in(const char *text, size_t len, const char *what, unsigned flags, size_t *room,
		  struct json_object **ret, struct err *e);
/* Appends compact text, or pretty with two blanks; "/" is not escaped, bytes that are not UTF-8 become
 * U+FFFD. A tree deeper than JSON_DEPTH_MAX or with a number that JSON cannot write is -EINVAL. */
int json_print(struct json_object *o, bool pretty, struct buf *out, struct err *e);

void json_put_p(struct json_object **o); /* for CLEANUP */
/* Deep copy; *ret is NULL for null and on failure. */
int json_dup(struct json_object *o, struct json_object **ret, struct err *e);

/* ---- reading; o may be NULL or of another type ---- */

/* A member, NULL when absent or null. What is returned belongs to o. */
struct json_object *json_get(struct json_object *o, const char *key);
/* Typed reads: NULL / false unless the value has exactly that type (and, for numbers, is a whole one that
 * fits). */
const char *json_get_str(struct json_object *o, const char *key);
bool json_get_int(struct json_object *o, const char *key, int64_t *ret);
bool json_get_bool(struct json_object *o, const char *key, bool *ret);
/* The same for the value itself (an array element, say). */
const char *json_text(struct json_object *o);
bool json_number(struct json_object *o, int64_t *ret);
bool json_boolean(struct json_object *o, bool *ret);
/* Elements of an array; 0 for anything else. */
size_t json_len(struct json_object *o);
/* The element, NULL beyond the end and for null. */
struct json_object *json_at(struct json_object *o, size_t i);

/* ---- writing; o must be an object, a an array ---- */

/* Adds a member / an element and takes over v (which is released on failure and may be NULL on OOM: then
 * -ENOMEM). An existing member is replaced. */
int json_set(struct json_object *o, const char *key, struct json_object *v, struct err *e);
/* s NULL: nothing is done, as absent strings are NULL. */
int json_set_str(struct json_object *o, const char *key, const char *s, struct err *e);
int json_append(struct json_object *a, struct json_object *v, struct err *e);
/* As json_set(), but NULL is null, and on failure v still belongs to the caller. */
int json_put_member(struct json_object *o, const char *key, struct json_object *v, struct err *e);

/* Bytes of the valid UTF-8 sequence at p, 0 when there is none; p < end. */
size_t json_utf8(const char *p, const char *end);

#endif
