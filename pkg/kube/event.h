/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - what comes over a watch: lines of JSON, one event each */
#ifndef KUBE_EVENT_H
#define KUBE_EVENT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"
#include "kube/object.h"
#include "kube/status.h"

/* etcd takes 1.5 MiB of an object; this is the same as text, with room. */
#define KUBE_EVENT_MAX ((size_t)8 << 20)

/* ---- lines out of pieces ---- */

struct kube_lines {
	struct buf in; /* pieces are appended here */
	size_t at;     /* where the next line starts */
	size_t seen;   /* there is no line end before this */
};

#define KUBE_LINES_INIT ((struct kube_lines){ .in = BUF_INIT(KUBE_EVENT_MAX) })

/* The next whole line that is not blank, without its end; lent until the next call. False: more must come. */
bool kube_lines_next(struct kube_lines *l, const char **line, size_t *len);
void kube_lines_clear(struct kube_lines *l);

/* ---- events ---- */

enum kube_change {
	KUBE_ADDED,
	KUBE_MODIFIED,
	KUBE_DELETED, /* the object as it was last */
	KUBE_BOOKMARK,
	KUBE_ERROR,
	KUBE_LISTING, /* not of a line: a list begins, KUBE_ADDED follows for all there is ... */
	KUBE_SYNCED,  /* ... and this: what was not in between is gone */
};

struct kube_line {
	enum kube_change change;
	struct json_object *object; /* not of KUBE_ERROR */
	char version[KUBE_VERSION_MAX];
	struct kube_status status; /* of KUBE_ERROR */
};

/* keep: of the object; NULL: all. -EBADMSG, code ERR_DECODE: no event, or one of an object without name or
 * version. */
int kube_line_decode(const char *line, size_t len, const struct json_table *keep, struct kube_line *ret,
		     struct err *e);
void kube_line_clear(struct kube_line *l);

#endif
