/* SPDX-License-Identifier: Apache-2.0 */
/* review_diff.c - the JSON patch between two readings of one object */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "review.h"

#define PATH_MAX_BYTES 65536

static bool is_object(struct json_object *o)
{
	return json_object_is_type(o, json_type_object);
}

/* An empty string in a patch is made null by some API servers (Debian's 1.20.2), which the schema then
 * refuses. In what we fill in it is the same as nothing. */
static bool is_empty_text(struct json_object *o)
{
	const char *s = json_text(o);

	return s && !*s;
}

/* A copy without members that are empty strings. */
static int stripped(struct json_object *value, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *copy = NULL;
	int r = 0;

	if (!is_object(value)) {
		*ret = json_object_get(value);
		return 0;
	}
	copy = json_object_new_object();
	if (!copy)
		return err_nomem(e);
	json_object_object_foreach(value, key, member)
	{
		struct json_object *part = NULL;

		if (r < 0 || !member || is_empty_text(member))
			continue;
		r = stripped(member, &part, e);
		if (r == 0)
			r = json_set(copy, key, part, e);
	}
	if (r == 0)
		*ret = TAKE_PTR(copy);
	return r;
}

/* One operation; value is lent, NULL: none. */
static int operation(struct json_object *patch, const char *op, const struct buf *path,
		     struct json_object *value, struct err *e)
{
	struct json_object *o = json_object_new_object(), *copy = NULL;
	int r = json_append(patch, o, e);

	if (r == 0 && path->err)
		r = err_set(e, -path->err, "the path of a patch: %s", strerror(-path->err));
	if (r == 0)
		r = json_set_str(o, "op", op, e);
	if (r == 0)
		r = json_set_str(o, "path", buf_cstr(path), e);
	if (r == 0 && value)
		r = stripped(value, &copy, e);
	if (r == 0 && value)
		r = json_set(o, "value", copy, e);
	return r;
}

/* "/key", as RFC 6901 writes it. */
static void add_key(struct buf *path, const char *key)
{
	buf_chr(path, '/');
	for (; *key; key++) {
		if (*key == '~')
			buf_str(path, "~0");
		else if (*key == '/')
			buf_str(path, "~1");
		else
			buf_chr(path, *key);
	}
}

/* The same elements, and more behind them; the object has exactly what we read of it. */
static bool only_grew(struct json_object *object, struct json_object *before, struct json_object *after)
{
	if (!json_object_is_type(before, json_type_array) || !json_object_is_type(after, json_type_array) ||
	    json_len(after) <= json_len(before) || json_len(object) != json_len(before))
		return false;
	for (size_t i = 0; i < json_len(before); i++) {
		if (!json_object_equal(json_at(before, i), json_at(after, i)))
			return false;
	}
	return true;
}

static int grow(struct json_object *patch, struct buf *path, size_t from, struct json_object *after,
		struct err *e)
{
	int r = 0;

	buf_str(path, "/-");
	for (size_t i = from; i < json_len(after) && r == 0; i++)
		r = operation(patch, "add", path, json_at(after, i), e);
	return r;
}

static int walk(struct json_object *patch, struct buf *path, struct json_object *object,
		struct json_object *before, struct json_object *after, struct err *e);

static void cut(struct buf *path, size_t len)
{
	if (path->err)
		return;
	path->len = len;
	path->s[len] = '\0';
}

/* As many elements as before and as in the object, all of them objects. */
static bool same_elements(struct json_object *object, struct json_object *before, struct json_object *after)
{
	const size_t n = json_len(after);

	if (!n || json_len(before) != n || json_len(object) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_object(json_at(object, i)) || !is_object(json_at(before, i)) ||
		    !is_object(json_at(after, i)))
			return false;
	}
	return true;
}

static int each_element(struct json_object *patch, struct buf *path, struct json_object *object,
			struct json_object *before, struct json_object *after, struct err *e)
{
	const size_t len = path->len;
	int r = 0;

	for (size_t i = 0; i < json_len(after) && r == 0; i++) {
		buf_fmt(path, "/%zu", i);
		r = walk(patch, path, json_at(object, i), json_at(before, i), json_at(after, i), e);
		cut(path, len);
	}
	return r;
}

/* One member that after has; path leads to it. */
static int member(struct json_object *patch, struct buf *path, struct json_object *object,
		  struct json_object *before, struct json_object *after, struct err *e)
{
	if (before && json_object_equal(before, after))
		return 0;
	if (is_object(after) && is_object(object) && (!before || is_object(before)))
		return walk(patch, path, object, before, after, e);
	if (same_elements(object, before, after))
		return each_element(patch, path, object, before, after, e);
	if (only_grew(object, before, after))
		return grow(patch, path, json_len(before), after, e);
	if (!object && is_empty_text(after))
		return 0;
	return operation(patch, object ? "replace" : "add", path, after, e);
}

static int walk(struct json_object *patch, struct buf *path, struct json_object *object,
		struct json_object *before, struct json_object *after, struct err *e)
{
	const size_t len = path->len;
	int r;

	json_object_object_foreach(after, key, value)
	{
		if (!value)
			continue;
		add_key(path, key);
		r = member(patch, path, json_get(object, key), json_get(before, key), value, e);
		cut(path, len);
		if (r < 0)
			return r;
	}
	if (!before)
		return 0;
	json_object_object_foreach(before, gone, was)
	{
		if (!was || json_get(after, gone) || !json_get(object, gone))
			continue;
		add_key(path, gone);
		r = operation(patch, "remove", path, NULL, e);
		cut(path, len);
		if (r < 0)
			return r;
	}
	return 0;
}

int review_diff(struct json_object *object, struct json_object *before, struct json_object *after,
		struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *patch = json_object_new_array();
	CLEANUP(buf_clear) struct buf path = BUF_INIT(PATH_MAX_BYTES);
	int r;

	if (!patch)
		return err_nomem(e);
	r = walk(patch, &path, object, before, after, e);
	if (r == 0)
		*ret = TAKE_PTR(patch);
	return r;
}
