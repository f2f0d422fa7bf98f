/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - what comes over a watch */
#include "kube/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"

/* What has been read is dropped only when it is all, or the larger part: each byte moves once. */
static void compact(struct kube_lines *l)
{
	if (!l->at || (l->at < l->in.len && l->at < l->in.len / 2))
		return;
	if (l->at == l->in.len && l->in.cap > (size_t)256 << 10)
		buf_clear(&l->in);
	else
		memmove(l->in.s, l->in.s + l->at, l->in.len - l->at);
	l->in.len = l->in.s ? l->in.len - l->at : 0;
	l->seen -= l->at;
	l->at = 0;
}

bool kube_lines_next(struct kube_lines *l, const char **line, size_t *len)
{
	for (;;) {
		char *end = l->seen < l->in.len ? memchr(l->in.s + l->seen, '\n', l->in.len - l->seen) : NULL;

		if (!end) {
			l->seen = l->in.len;
			compact(l);
			return false;
		}
		*line = l->in.s + l->at;
		*len = (size_t)(end - *line);
		l->at = l->seen = (size_t)(end - l->in.s) + 1;
		if (*len && (*line)[*len - 1] == '\r')
			--*len;
		if (*len)
			return true;
	}
}

void kube_lines_clear(struct kube_lines *l)
{
	buf_clear(&l->in);
	l->at = l->seen = 0;
}

void kube_line_clear(struct kube_line *l)
{
	json_put_p(&l->object);
}

static int parse_change(const char *type)
{
	static const char *const names[] = { [KUBE_ADDED] = "ADDED",
					     [KUBE_MODIFIED] = "MODIFIED",
					     [KUBE_DELETED] = "DELETED",
					     [KUBE_BOOKMARK] = "BOOKMARK",
					     [KUBE_ERROR] = "ERROR" };

	for (size_t i = 0; type && i < ARRAY_LEN(names); i++) {
		if (!strcmp(names[i], type))
			return (int)i;
	}
	return -EBADMSG;
}

static int bad(struct err *e, const char *what)
{
	return err_code(e, ERR_DECODE, EBADMSG, "watch: %s", what);
}

static int take_object(struct kube_line *l, struct json_object *o, struct err *e)
{
	const char *version = kube_meta(o, "resourceVersion"), *name = kube_meta(o, "name");

	if (l->change == KUBE_ERROR)
		return kube_status_decode(o, &l->status) ? 0 : bad(e, "an error without a Status");
	if (!version || !*version || strlen(version) >= sizeof(l->version))
		return bad(e, "an object without a resourceVersion");
	if (l->change != KUBE_BOOKMARK && (!name || !*name))
		return bad(e, "an object without a name");
	memcpy(l->version, version, strlen(version) + 1);
	l->object = json_object_get(o);
	return 0;
}

static int parse(const char *line, size_t len, const struct json_table *keep, struct json_object **ret,
		 struct err *e)
{
	/* As in object.c: one object that is no text to the letter must not end the watch of all. */
	int r = json_parse_kept(keep, line, len, "watch", JSON_MEND, ret, e);

	if (r < 0 && r != -ENOMEM)
		e->sys = EBADMSG;
	return r < 0 ? -e->sys : 0;
}

int kube_line_decode(const char *line, size_t len, const struct json_table *keep, struct kube_line *ret,
		     struct err *e)
{
	const struct json_field fields[] = { { .key = "type" }, { .key = "object", .tab = keep } };
	const struct json_table event = { .f = fields, .n = ARRAY_LEN(fields) };
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	int r;

	*ret = (struct kube_line){ 0 };
	r = parse(line, len, &event, &tree, e);
	if (r < 0)
		return r;
	r = parse_change(json_get_str(tree, "type"));
	if (r < 0)
		return bad(e, "a line that is no event");
	if (r == KUBE_ERROR && keep) {
		/* Its object is a Status. */
		json_object_put(TAKE_PTR(tree));
		if (parse(line, len, NULL, &tree, e) < 0)
			return -e->sys;
	}
	ret->change = (enum kube_change)r;
	r = take_object(ret, json_get(tree, "object"), e);
	if (r < 0)
		*ret = (struct kube_line){ 0 };
	return r;
}
