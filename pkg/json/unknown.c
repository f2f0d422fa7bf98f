/* SPDX-License-Identifier: Apache-2.0 */
/* unknown.c - the keys of a document that no table names */
#include <string.h>

#include "json/internal.h"

struct search {
	void (*unknown)(const char *path, void *arg);
	void *arg;
};

static void walk(struct search *s, const struct json_table *t, struct json_object *o,
		 const struct json_path *at);

static void walk_list(struct search *s, const struct json_table *t, struct json_object *a,
		      const struct json_path *at)
{
	for (size_t i = 0; i < json_len(a); i++) {
		const struct json_path here = { .up = at, .i = i };

		walk(s, t, json_at(a, i), &here);
	}
}

static void walk(struct search *s, const struct json_table *t, struct json_object *o,
		 const struct json_path *at)
{
	struct json_object_iter it;
	char path[JSON_PATH_MAX];

	if (!json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreachC(o, it)
	{
		const struct json_path here = { .up = at, .key = it.key };
		const struct json_field *f = json_field_find(t, it.key);

		if (!f)
			s->unknown(json_path_text(&here, path), s->arg);
		else if (f->kind == JSON_STRUCTS)
			walk_list(s, f->tab, it.val, &here);
		else if (f->tab)
			walk(s, f->tab, it.val, &here);
	}
}

void json_unknown(const struct json_table *t, struct json_object *o,
		  void (*unknown)(const char *path, void *arg), void *arg)
{
	struct search s = { .unknown = unknown, .arg = arg };

	walk(&s, t, o, NULL);
}
