/* SPDX-License-Identifier: Apache-2.0 */
/* copy.c - clearing and copying structs by their table */
#include <stdlib.h>
#include <string.h>

#include "json/internal.h"

static void clear_structs(const struct json_table *t, struct json_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_clear(t, (char *)l->v + i * t->size);
	free(l->v);
}

static void clear_field(const struct json_field *f, void *obj)
{
	void *m = json_member(obj, f);

	switch (f->kind) {
	case JSON_STR:
		free(*(char **)m);
		break;
	case JSON_STRV:
		json_strv_clear(m);
		break;
	case JSON_MAP:
		json_map_clear(m);
		break;
	case JSON_RAW:
		json_put_p(m);
		break;
	case JSON_STRUCT:
		json_clear(f->tab, m);
		break;
	case JSON_PTR:
		if (*(void **)m)
			json_clear(f->tab, *(void **)m);
		free(*(void **)m);
		break;
	case JSON_STRUCTS:
		clear_structs(f->tab, m);
		break;
	default:
		break;
	}
}

void json_clear(const struct json_table *t, void *obj)
{
	for (size_t i = 0; i < t->n; i++)
		clear_field(&t->f[i], obj);
	memset(obj, 0, t->size);
}

static int copy_members(const struct json_table *t, const void *in, void *out, struct err *e);

static int copy_str(const char *in, char **out, struct err *e)
{
	if (!in)
		return 0;
	*out = strdup(in);
	return *out ? 0 : err_nomem(e);
}

static int copy_ptr(const struct json_table *t, const void *in, void **out, struct err *e)
{
	if (!in)
		return 0;
	*out = calloc(1, t->size);
	return *out ? copy_members(t, in, *out, e) : err_nomem(e);
}

static int copy_structs(const struct json_table *t, const struct json_list *in, struct json_list *out,
			struct err *e)
{
	int r = 0;

	out->set = in->set;
	if (!in->n)
		return 0;
	out->v = calloc(in->n, t->size);
	if (!out->v)
		return err_nomem(e);
	out->n = in->n;
	for (size_t i = 0; i < in->n && r == 0; i++)
		r = copy_members(t, (const char *)in->v + i * t->size, (char *)out->v + i * t->size, e);
	return r;
}

static int copy_field(const struct json_field *f, const void *in, void *out, struct err *e)
{
	const void *from = json_member(in, f);
	void *to = json_member(out, f);

	switch (f->kind) {
	case JSON_STR:
		return copy_str(*(char *const *)from, to, e);
	case JSON_BOOL:
		*(bool *)to = *(const bool *)from;
		return 0;
	case JSON_U32:
		*(uint32_t *)to = *(const uint32_t *)from;
		return 0;
	case JSON_I64:
		*(int64_t *)to = *(const int64_t *)from;
		return 0;
	case JSON_OPT_BOOL:
		*(struct json_bool *)to = *(const struct json_bool *)from;
		return 0;
	case JSON_OPT_INT:
		*(struct json_int *)to = *(const struct json_int *)from;
		return 0;
	case JSON_STRV:
		return json_strv_copy(from, to, e);
	case JSON_MAP:
		return json_map_copy(from, to, e);
	case JSON_RAW:
		return json_dup(*(struct json_object *const *)from, to, e);
	case JSON_STRUCT:
		return copy_members(f->tab, from, to, e);
	case JSON_PTR:
		return copy_ptr(f->tab, *(void *const *)from, to, e);
	case JSON_STRUCTS:
		return copy_structs(f->tab, from, to, e);
	}
	return 0;
}

/* Into a zeroed struct; on failure what is there can be cleared. */
static int copy_members(const struct json_table *t, const void *in, void *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < t->n && r == 0; i++)
		r = copy_field(&t->f[i], in, out, e);
	return r;
}

int json_copy(const struct json_table *t, const void *in, void *out, struct err *e)
{
	int r;

	memset(out, 0, t->size);
	r = copy_members(t, in, out, e);
	if (r < 0)
		json_clear(t, out);
	return r;
}
