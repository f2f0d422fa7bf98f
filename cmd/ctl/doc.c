/* SPDX-License-Identifier: Apache-2.0 */
/* doc.c - building a JSON tree */
#include "doc.h"

#include <errno.h>

#include "base/clock.h"
#include "base/own.h"

struct doc doc_new(struct err *e)
{
	struct doc d = { .o = json_object_new_object(), .e = e };

	if (!d.o)
		d.failed = err_nomem(e);
	return d;
}

/* v NULL here means out of memory. */
static void add(struct doc *d, const char *key, struct json_object *v)
{
	if (d->failed)
		json_object_put(v);
	else
		d->failed = json_set(d->o, key, v, d->e);
}

void doc_text(struct doc *d, const char *key, const char *s)
{
	if (s && *s)
		add(d, key, json_object_new_string(s));
}

void doc_int(struct doc *d, const char *key, int64_t n)
{
	add(d, key, json_object_new_int64(n));
}

void doc_bool(struct doc *d, const char *key, bool b)
{
	add(d, key, json_object_new_boolean(b));
}

void doc_null(struct doc *d, const char *key)
{
	if (!d->failed && json_object_object_add(d->o, key, NULL) < 0)
		d->failed = err_nomem(d->e);
}

void doc_time(struct doc *d, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];

	if (ms)
		doc_text(d, key, clock_format(ms, text));
}

void doc_put(struct doc *d, const char *key, struct json_object *v)
{
	if (v)
		add(d, key, v);
}

struct json_object *doc_array(struct doc *d, const char *key)
{
	struct json_object *a = json_object_new_array();

	add(d, key, a);
	return d->failed ? NULL : a;
}

void doc_append(struct doc *d, struct json_object *array, struct doc *item)
{
	if (!d->failed && item->failed) {
		*d->e = *item->e;
		d->failed = item->failed;
	}
	if (d->failed)
		doc_clear(item);
	else
		d->failed = json_append(array, TAKE_PTR(item->o), d->e);
}

void doc_append_text(struct doc *d, struct json_object *array, const char *s)
{
	if (!d->failed)
		d->failed = json_append(array, json_object_new_string(s), d->e);
}

void doc_sub(struct doc *d, const char *key, struct doc *sub)
{
	if (!d->failed && sub->failed) {
		*d->e = *sub->e;
		d->failed = sub->failed;
	}
	add(d, key, TAKE_PTR(sub->o));
}

int doc_end(struct doc *d, struct json_object **ret)
{
	*ret = NULL;
	if (d->failed)
		doc_clear(d);
	else
		*ret = TAKE_PTR(d->o);
	return d->failed;
}

void doc_clear(struct doc *d)
{
	json_put_p(&d->o);
}
