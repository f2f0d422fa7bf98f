/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - reading, writing and copying json-c trees */
#include "json/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/internal.h"

void json_put_p(struct json_object **o)
{
	json_object_put(*o);
	*o = NULL;
}

struct json_object *json_get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

const char *json_text(struct json_object *o)
{
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

bool json_number(struct json_object *o, int64_t *ret)
{
	int64_t v;

	if (!json_object_is_type(o, json_type_int))
		return false;
	v = json_object_get_int64(o);
	/* json-c clamps what is larger. */
	if (v == INT64_MAX && json_object_get_uint64(o) != INT64_MAX)
		return false;
	*ret = v;
	return true;
}

bool json_boolean(struct json_object *o, bool *ret)
{
	if (!json_object_is_type(o, json_type_boolean))
		return false;
	*ret = json_object_get_boolean(o);
	return true;
}

const char *json_get_str(struct json_object *o, const char *key)
{
	return json_text(json_get(o, key));
}

bool json_get_int(struct json_object *o, const char *key, int64_t *ret)
{
	return json_number(json_get(o, key), ret);
}

bool json_get_bool(struct json_object *o, const char *key, bool *ret)
{
	return json_boolean(json_get(o, key), ret);
}

size_t json_len(struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

struct json_object *json_at(struct json_object *o, size_t i)
{
	return i < json_len(o) ? json_object_array_get_idx(o, i) : NULL;
}

/* Not json_object_object_add(): when the table cannot grow, that loses its copy of the key. */
int json_put_member(struct json_object *o, const char *key, struct json_object *v, struct err *e)
{
	struct lh_table *t = json_object_get_object(o);
	unsigned long hash;
	struct lh_entry *old;
	char *copy;

	assert(t);
	hash = lh_get_hash(t, key);
	old = lh_table_lookup_entry_w_hash(t, key, hash);
	if (old) {
		json_object_put(lh_entry_v(old));
		lh_entry_set_val(old, v);
		return 0;
	}
	copy = strdup(key);
	if (!copy || lh_table_insert_w_hash(t, copy, v, hash, 0) < 0) {
		free(copy);
		return err_nomem(e);
	}
	return 0;
}

int json_set(struct json_object *o, const char *key, struct json_object *v, struct err *e)
{
	int r = v ? json_put_member(o, key, v, e) : err_nomem(e);

	if (r < 0)
		json_object_put(v);
	return r;
}

int json_set_str(struct json_object *o, const char *key, const char *s, struct err *e)
{
	return s ? json_set(o, key, json_object_new_string(s), e) : 0;
}

int json_append(struct json_object *a, struct json_object *v, struct err *e)
{
	assert(json_object_is_type(a, json_type_array));
	if (v && json_object_array_add(a, v) == 0)
		return 0;
	json_object_put(v);
	return err_nomem(e);
}

const char *json_double_text(struct json_object *o)
{
	return json_object_get_userdata(o);
}

static int dup_array(struct json_object *from, struct json_object *to, struct err *e)
{
	for (size_t i = 0; i < json_object_array_length(from); i++) {
		struct json_object *v;
		int r = json_dup(json_object_array_get_idx(from, i), &v, e);

		if (r < 0)
			return r;
		if (json_object_array_add(to, v) < 0) {
			json_object_put(v);
			return err_nomem(e);
		}
	}
	return 0;
}

static int dup_object(struct json_object *from, struct json_object *to, struct err *e)
{
	struct json_object_iter it;

	json_object_object_foreachC(from, it)
	{
		struct json_object *v;
		int r = json_dup(it.val, &v, e);

		if (r < 0)
			return r;
		r = json_put_member(to, it.key, v, e);
		if (r < 0) {
			json_object_put(v);
			return r;
		}
	}
	return 0;
}

static struct json_object *dup_number(struct json_object *o)
{
	int64_t i;

	if (json_object_is_type(o, json_type_double)) {
		double d = json_object_get_double(o);
		const char *text = json_double_text(o);

		return text ? json_object_new_double_s(d, text) : json_object_new_double(d);
	}
	return json_number(o, &i) ? json_object_new_int64(i)
				  : json_object_new_uint64(json_object_get_uint64(o));
}

/* The value itself, without what is in it. */
static struct json_object *dup_shallow(struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return json_object_new_boolean(json_object_get_boolean(o));
	case json_type_string:
		return json_object_new_string_len(json_object_get_string(o), json_object_get_string_len(o));
	case json_type_array:
		return json_object_new_array_ext(4);
	case json_type_object:
		return json_object_new_object();
	default:
		return dup_number(o);
	}
}

int json_dup(struct json_object *o, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *copy = NULL;
	int r = 0;

	*ret = NULL;
	if (!o)
		return 0;
	copy = dup_shallow(o);
	if (!copy)
		return err_nomem(e);
	if (json_object_is_type(o, json_type_array))
		r = dup_array(o, copy, e);
	if (json_object_is_type(o, json_type_object))
		r = dup_object(o, copy, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(copy);
	return 0;
}
