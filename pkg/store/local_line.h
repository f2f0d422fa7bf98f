/* SPDX-License-Identifier: Apache-2.0 */
/* local_line.h - the lines of a backup: a head, one line for each object, a tail
 *
 *	{"format":"spiderpool-backup","schema":1,"time":"2026-11-22T21:00:00Z","count":2,"revision":17}
 *	{"kind":"SpiderIPPool","name":"blue","version":3,"data":"{...}"}
 *	{"kind":"SpiderIPBlock","name":"v4-0a000000","version":17,"freeAt":0,"terms":["node/a"],"data":"..."}
 *	{"count":2,"xxh64":"0123456789abcdef"}
 *
 * Data that is no plain text stands as "hex". The sum is over all bytes before the tail, as
 * "head -n -1 FILE | xxh64sum" prints it.
 */
#ifndef STORE_LOCAL_LINE_H
#define STORE_LOCAL_LINE_H

#include "json/json.h"
#include "store/store.h"

#define LINE_FORMAT  "spiderpool-backup"
#define LINE_SUM_MAX 17

struct line_head {
	char *format, *time;
	int64_t schema, count, revision;
};

struct line_tail {
	int64_t count;
	char *xxh64;
};

struct line_obj {
	char *kind, *ns, *name, *data, *hex;
	int64_t version, free_at;
	struct json_strv terms;
	size_t len; /* of data, once decoded */
};

extern const struct json_table line_head_table, line_tail_table, line_obj_table;

/* Appends the line without its end. terms is packed: see local_impl.h. */
struct local_val;
int line_obj_encode(enum store_kind kind, const char *ns, const char *name, const struct local_val *val,
		    struct buf *out, struct err *e);
/* Reads one and checks it; what it points to belongs to o (json_clear with line_obj_table). */
int line_obj_decode(const char *text, size_t len, const char *what, struct line_obj *o, struct store_op *ret,
		    struct err *e);

#endif
