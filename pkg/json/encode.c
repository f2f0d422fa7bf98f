/* SPDX-License-Identifier: Apache-2.0 */
/* encode.c - a struct to a tree */
#include "base/own.h"
#include "json/internal.h"

/* Each encode_*() leaves *ret NULL when there is nothing to encode. */
static int made(struct json_object *v, struct json_object **ret, struct err *e)
{
	*ret = v;
	return v ? 0 : err_nomem(e);
}

static int encode_strv(const struct json_strv *l, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *a = NULL;
	int r;

	if (!l->set)
		return 0;
	a = json_object_new_array_ext(l->n ? (int)l->n : 1);
	if (!a)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++) {
		r = json_append(a, json_object_new_string(l->v[i]), e);
		if (r < 0)
			return r;
	}
	return made(TAKE_PTR(a), ret, e);
}

static int encode_map(const struct json_map *m, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	if (!m->set)
		return 0;
	o = json_object_new_object();
	if (!o)
		return err_nomem(e);
	for (size_t i = 0; i < m->n; i++) {
		r = json_set_str(o, m->v[i].key, m->v[i].value, e);
		if (r < 0)
			return r;
	}
	return made(TAKE_PTR(o), ret, e);
}

static int encode_structs(const struct json_field *f, const struct json_list *l, struct json_object **ret,
			  struct err *e)
{
	CLEANUP(json_put_p) struct json_object *a = NULL;
	int r;

	if (!l->set)
		return 0;
	a = json_object_new_array_ext(l->n ? (int)l->n : 1);
	if (!a)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++) {
		struct json_object *v;

		r = json_encode(f->tab, (const char *)l->v + i * f->tab->size, &v, e);
		if (r == 0)
			r = json_append(a, v, e);
		if (r < 0)
			return r;
	}
	return made(TAKE_PTR(a), ret, e);
}

static int encode_struct(const struct json_field *f, const void *m, struct json_object **ret, struct err *e)
{
	int r = json_encode(f->tab, m, ret, e);

	if (r == 0 && !(f->flags & JSON_EMPTY) && json_object_object_length(*ret) == 0)
		json_put_p(ret);
	return r;
}

static int encode_str(const struct json_field *f, const char *s, struct json_object **ret, struct err *e)
{
	if (!s && !(f->flags & JSON_EMPTY))
		return 0;
	return made(json_object_new_string(s ? s : ""), ret, e);
}

static int encode_bool(bool there, bool v, struct json_object **ret, struct err *e)
{
	return there ? made(json_object_new_boolean(v), ret, e) : 0;
}

static int encode_int(bool there, int64_t v, struct json_object **ret, struct err *e)
{
	return there ? made(json_object_new_int64(v), ret, e) : 0;
}

static int encode_field(const struct json_field *f, const void *in, struct json_object **ret, struct err *e)
{
	const void *m = json_member(in, f);
	bool empty = f->flags & JSON_EMPTY;

	switch (f->kind) {
	case JSON_STR:
		return encode_str(f, *(char *const *)m, ret, e);
	case JSON_BOOL:
		return encode_bool(empty || *(const bool *)m, *(const bool *)m, ret, e);
	case JSON_U32:
		return encode_int(empty || *(const uint32_t *)m, *(const uint32_t *)m, ret, e);
	case JSON_I64:
		return encode_int(empty || *(const int64_t *)m, *(const int64_t *)m, ret, e);
	case JSON_OPT_BOOL:
		return encode_bool(((const struct json_bool *)m)->set, ((const struct json_bool *)m)->v, ret,
				   e);
	case JSON_OPT_INT:
		return encode_int(((const struct json_int *)m)->set, ((const struct json_int *)m)->v, ret, e);
	case JSON_STRV:
		return encode_strv(m, ret, e);
	case JSON_MAP:
		return encode_map(m, ret, e);
	case JSON_RAW:
		*ret = json_object_get(*(struct json_object *const *)m);
		return 0;
	case JSON_STRUCT:
		return encode_struct(f, m, ret, e);
	case JSON_PTR:
		return *(void *const *)m ? json_encode(f->tab, *(void *const *)m, ret, e) : 0;
	case JSON_STRUCTS:
		return encode_structs(f, m, ret, e);
	}
	return 0;
}

int json_encode(const struct json_table *t, const void *in, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();

	*ret = NULL;
	if (!o)
		return err_nomem(e);
	for (size_t i = 0; i < t->n; i++) {
		struct json_object *v = NULL;
		int r = encode_field(&t->f[i], in, &v, e);

		if (r == 0 && v)
			r = json_set(o, t->f[i].key, v, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(o);
	return 0;
}

int json_encode_text(const struct json_table *t, const void *in, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r = json_encode(t, in, &o, e);

	return r < 0 ? r : json_print(o, false, out, e);
}
