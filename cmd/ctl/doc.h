/* SPDX-License-Identifier: Apache-2.0 */
/* doc.h - building a JSON tree without looking at each step: the first failure sticks
 *
 *	struct doc d = doc_new(e);
 *	doc_text(&d, "address", text);
 *	doc_int(&d, "free", n);
 *	return doc_end(&d, &tree);
 */
#ifndef CTL_DOC_H
#define CTL_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"

struct doc {
	struct json_object *o;
	int failed; /* 0 or the first negative errno; *e is then set */
	struct err *e;
};

struct doc doc_new(struct err *e);
/* s NULL or "": nothing is added. */
void doc_text(struct doc *d, const char *key, const char *s);
void doc_int(struct doc *d, const char *key, int64_t n);
void doc_bool(struct doc *d, const char *key, bool b);
void doc_null(struct doc *d, const char *key);
void doc_time(struct doc *d, const char *key, int64_t ms); /* RFC 3339; 0: nothing is added */
/* Takes over v; NULL: nothing is added. */
void doc_put(struct doc *d, const char *key, struct json_object *v);
/* An array that is filled with doc_append(); NULL after a failure. */
struct json_object *doc_array(struct doc *d, const char *key);
/* Takes over the sub-document. */
void doc_append(struct doc *d, struct json_object *array, struct doc *item);
void doc_append_text(struct doc *d, struct json_object *array, const char *s);
void doc_sub(struct doc *d, const char *key, struct doc *sub);
/* Hands over the tree; nothing and the error after a failure. */
int doc_end(struct doc *d, struct json_object **ret);
void doc_clear(struct doc *d); /* for CLEANUP */

#endif
