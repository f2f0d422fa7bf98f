/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - a tree to a struct */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/internal.h"

const struct json_field *json_field_find(const struct json_table *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->f[i].key, key) == 0)
			return &t->f[i];
	}
	return NULL;
}

struct decoder {
	const char *what;
	struct err *e;
};

static int decode_struct(struct decoder *d, const struct json_table *t, struct json_object *o,
			 const struct json_path *at, void *out);

/* "WHAT: PATH: sentence"; a document that is wrong as a whole is called by the name of its table. */
static int __attribute__((format(printf, 4, 5)))
fail(struct decoder *d, const char *title, const struct json_path *at, const char *fmt, ...)
{
	char path[JSON_PATH_MAX], why[1024];
	const char *name = at ? json_path_text(at, path) : d->what ? "" : title;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_code(d->e, ERR_CONFIG, EINVAL, "%s%s%s%s%s", d->what ? d->what : "", d->what ? ": " : "",
			name, *name ? ": " : "", why);
}

#define WANT_MAX 600

static void range(const struct json_field *f, int64_t *min, int64_t *max)
{
	bool open = !f->min && !f->max;

	*min = f->kind == JSON_U32 && f->min < 0 ? 0 : f->min;
	*max = f->max;
	if (open && f->kind != JSON_U32)
		*min = INT64_MIN;
	if (f->kind == JSON_U32 && (open || f->max > UINT32_MAX))
		*max = UINT32_MAX;
	else if (open)
		*max = INT64_MAX;
}

static const char *want_one_of(const struct json_field *f, char *out)
{
	size_t n = 0;

	for (size_t i = 0; f->one_of[i] && n < WANT_MAX - 80; i++)
		n += (size_t)snprintf(out + n, WANT_MAX - n, "%s\"%.64s\"",
				      !i                 ? ""
				      : f->one_of[i + 1] ? ", "
							 : " or ",
				      f->one_of[i]);
	return out;
}

/* What a field takes, for "missing, want ..." and "want ..., got ...". */
static const char *want(const struct json_field *f, char out[WANT_MAX])
{
	int64_t min, max;

	switch (f->kind) {
	case JSON_STR:
		return f->one_of ? want_one_of(f, out) : "a string";
	case JSON_BOOL:
	case JSON_OPT_BOOL:
		return "true or false";
	case JSON_U32:
	case JSON_I64:
	case JSON_OPT_INT:
		range(f, &min, &max);
		snprintf(out, WANT_MAX, "a whole number from %lld to %lld", (long long)min, (long long)max);
		return out;
	case JSON_STRV:
		return "a list of strings";
	case JSON_MAP:
		return "an object of strings";
	case JSON_RAW:
		return "a value";
	case JSON_STRUCT:
	case JSON_PTR:
		return "an object";
	case JSON_STRUCTS:
		return "a list of objects";
	}
	return "a value";
}

static int fail_want(struct decoder *d, const struct json_field *f, const struct json_path *at,
		     struct json_object *o)
{
	char wanted[WANT_MAX], value[JSON_VALUE_MAX];
	bool any = f->kind == JSON_I64 || f->kind == JSON_OPT_INT;

	/* The limits of 64 bits help nobody who wrote no number. */
	any = any && !f->min && !f->max && !json_object_is_type(o, json_type_int);
	return fail(d, "", at, "want %s, got %s", any ? "a whole number" : want(f, wanted),
		    json_describe(o, value));
}

static int check_length(struct decoder *d, const struct json_path *at, size_t n)
{
	return n > JSON_LIST_MAX ? fail(d, "", at, "want at most %d elements, got %zu", JSON_LIST_MAX, n) : 0;
}

static bool is_one_of(const char *const *list, const char *s)
{
	for (; *list; list++) {
		if (strcmp(*list, s) == 0)
			return true;
	}
	return false;
}

/* f tells what is allowed: a JSON_STR field, or the elements of a list or map. */
static int decode_str(struct decoder *d, const struct json_field *f, struct json_object *o,
		      const struct json_path *at, char **out)
{
	const struct json_field element = { .kind = JSON_STR, .one_of = f->one_of };
	const char *s = json_text(o);

	if (!s || (f->one_of && !is_one_of(f->one_of, s)))
		return fail_want(d, &element, at, o);
	*out = strdup(s);
	return *out ? 0 : err_nomem(d->e);
}

static int decode_int(struct decoder *d, const struct json_field *f, struct json_object *o,
		      const struct json_path *at, int64_t *out)
{
	int64_t min, max, v;

	range(f, &min, &max);
	if (!json_number(o, &v) || v < min || v > max)
		return fail_want(d, f, at, o);
	*out = v;
	return 0;
}

static int decode_strv(struct decoder *d, const struct json_field *f, struct json_object *o,
		       const struct json_path *at, struct json_strv *out)
{
	size_t n = json_len(o);
	int r;

	if (!json_object_is_type(o, json_type_array))
		return fail_want(d, f, at, o);
	r = check_length(d, at, n);
	if (r < 0)
		return r;
	out->set = true;
	out->v = calloc(n + 1, sizeof(*out->v));
	if (!out->v)
		return err_nomem(d->e);
	for (; out->n < n; out->n++) {
		const struct json_path here = { .up = at, .i = out->n };

		r = decode_str(d, f, json_at(o, out->n), &here, &out->v[out->n]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_map(struct decoder *d, const struct json_field *f, struct json_object *o,
		      const struct json_path *at, struct json_map *out)
{
	struct json_object_iter it;
	int r;

	if (!json_object_is_type(o, json_type_object))
		return fail_want(d, f, at, o);
	r = check_length(d, at, (size_t)json_object_object_length(o));
	if (r < 0)
		return r;
	out->set = true;
	out->v = calloc((size_t)json_object_object_length(o) + 1, sizeof(*out->v));
	if (!out->v)
		return err_nomem(d->e);
	json_object_object_foreachC(o, it)
	{
		const struct json_path here = { .up = at, .key = it.key };
		struct json_map_entry *to = &out->v[out->n++];

		r = decode_str(d, f, it.val, &here, &to->value);
		if (r < 0)
			return r;
		to->key = strdup(it.key);
		if (!to->key)
			return err_nomem(d->e);
	}
	return 0;
}

static int decode_ptr(struct decoder *d, const struct json_field *f, struct json_object *o,
		      const struct json_path *at, void **out)
{
	*out = calloc(1, f->tab->size);
	if (!*out)
		return err_nomem(d->e);
	return decode_struct(d, f->tab, o, at, *out);
}

static int decode_structs(struct decoder *d, const struct json_field *f, struct json_object *o,
			  const struct json_path *at, struct json_list *out)
{
	size_t n = json_len(o);
	int r;

	if (!json_object_is_type(o, json_type_array))
		return fail_want(d, f, at, o);
	r = check_length(d, at, n);
	if (r < 0)
		return r;
	out->set = true;
	if (!n)
		return 0;
	out->v = calloc(n, f->tab->size);
	if (!out->v)
		return err_nomem(d->e);
	out->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct json_path here = { .up = at, .i = i };

		r = decode_struct(d, f->tab, json_at(o, i), &here, (char *)out->v + i * f->tab->size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_scalar(struct decoder *d, const struct json_field *f, struct json_object *o,
			 const struct json_path *at, void *m)
{
	bool b = false, number = f->kind == JSON_U32 || f->kind == JSON_I64 || f->kind == JSON_OPT_INT;
	int64_t i = 0;
	int r = 0;

	if (number)
		r = decode_int(d, f, o, at, &i);
	else if (!json_boolean(o, &b))
		r = fail_want(d, f, at, o);
	if (r < 0)
		return r;
	if (f->kind == JSON_BOOL)
		*(bool *)m = b;
	else if (f->kind == JSON_U32)
		*(uint32_t *)m = (uint32_t)i;
	else if (f->kind == JSON_I64)
		*(int64_t *)m = i;
	else if (f->kind == JSON_OPT_BOOL)
		*(struct json_bool *)m = (struct json_bool){ .set = true, .v = b };
	else
		*(struct json_int *)m = (struct json_int){ .set = true, .v = i };
	return 0;
}

static int decode_field(struct decoder *d, const struct json_field *f, struct json_object *o,
			const struct json_path *at, void *out)
{
	void *m = json_member(out, f);

	switch (f->kind) {
	case JSON_STR:
		return decode_str(d, f, o, at, m);
	case JSON_STRV:
		return decode_strv(d, f, o, at, m);
	case JSON_MAP:
		return decode_map(d, f, o, at, m);
	case JSON_RAW:
		*(struct json_object **)m = json_object_get(o);
		return 0;
	case JSON_STRUCT:
		return decode_struct(d, f->tab, o, at, m);
	case JSON_PTR:
		return decode_ptr(d, f, o, at, m);
	case JSON_STRUCTS:
		return decode_structs(d, f, o, at, m);
	default:
		return decode_scalar(d, f, o, at, m);
	}
}

static bool knows(const struct json_table *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->f[i].key, key) == 0)
			return true;
	}
	return false;
}

static int check_closed(struct decoder *d, const struct json_table *t, struct json_object *o,
			const struct json_path *at)
{
	struct json_object_iter it;
	char known[700];
	size_t n = 0;

	json_object_object_foreachC(o, it)
	{
		const struct json_path here = { .up = at, .key = it.key };

		if (knows(t, it.key))
			continue;
		known[0] = '\0';
		for (size_t i = 0; i < t->n && n < sizeof(known) - 80; i++)
			n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%.64s", i ? ", " : "",
					      t->f[i].key);
		return fail(d, "", &here, "unknown field; known are %s", known);
	}
	return 0;
}

static int decode_struct(struct decoder *d, const struct json_table *t, struct json_object *o,
			 const struct json_path *at, void *out)
{
	char text[WANT_MAX];
	int r = 0;

	if (!json_object_is_type(o, json_type_object))
		return fail(d, t->name, at, "want an object, got %s", json_describe(o, text));
	if (t->closed)
		r = check_closed(d, t, o, at);
	for (size_t i = 0; i < t->n && r == 0; i++) {
		const struct json_field *f = &t->f[i];
		const struct json_path here = { .up = at, .key = f->key };
		struct json_object *v = json_get(o, f->key);

		if (v)
			r = decode_field(d, f, v, &here, out);
		else if (f->flags & JSON_REQUIRED)
			r = fail(d, "", &here, "missing, want %s", want(f, text));
	}
	return r;
}

int json_decode(const struct json_table *t, struct json_object *o, const char *what, void *out, struct err *e)
{
	struct decoder d = { .what = what, .e = e };
	int r;

	memset(out, 0, t->size);
	r = decode_struct(&d, t, o, NULL, out);
	if (r < 0)
		json_clear(t, out);
	return r;
}

int json_decode_text(const struct json_table *t, const char *text, size_t len, const char *what, void *out,
		     struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	memset(out, 0, t->size);
	r = json_parse(text, len, what ? what : t->name, &o, e);
	return r < 0 ? r : json_decode(t, o, what, out, e);
}
