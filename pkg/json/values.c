/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - lists of strings and maps */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/types.h"

static int too_long(struct err *e)
{
	return err_set(e, E2BIG, "list: the limit is %d elements", JSON_LIST_MAX);
}

int json_strv_add(struct json_strv *l, const char *s, struct err *e)
{
	char **v, *copy;

	if (l->n >= JSON_LIST_MAX)
		return too_long(e);
	v = realloc(l->v, (l->n + 2) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	l->v = v;
	v[l->n] = NULL;
	copy = strdup(s);
	if (!copy)
		return err_nomem(e);
	v[l->n++] = copy;
	v[l->n] = NULL;
	l->set = true;
	return 0;
}

bool json_strv_has(const struct json_strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], s) == 0)
			return true;
	}
	return false;
}

void json_strv_clear(struct json_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct json_strv){ 0 };
}

int json_strv_copy(const struct json_strv *in, struct json_strv *out, struct err *e)
{
	*out = (struct json_strv){ 0 };
	out->v = in->n ? calloc(in->n + 1, sizeof(*out->v)) : NULL;
	if (in->n && !out->v)
		return err_nomem(e);
	for (; out->n < in->n; out->n++) {
		out->v[out->n] = strdup(in->v[out->n]);
		if (!out->v[out->n]) {
			json_strv_clear(out);
			return err_nomem(e);
		}
	}
	out->set = in->set;
	return 0;
}

static struct json_map_entry *find(const struct json_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->v[i].key, key) == 0)
			return &m->v[i];
	}
	return NULL;
}

const char *json_map_get(const struct json_map *m, const char *key)
{
	struct json_map_entry *at = find(m, key);

	return at ? at->value : NULL;
}

int json_map_set(struct json_map *m, const char *key, const char *value, struct err *e)
{
	CLEANUP(free_p) char *k = NULL, *v = strdup(value);
	struct json_map_entry *at = find(m, key), *grown;

	if (!v)
		return err_nomem(e);
	if (at) {
		free(at->value);
		at->value = TAKE_PTR(v);
		return 0;
	}
	if (m->n >= JSON_LIST_MAX)
		return too_long(e);
	k = strdup(key);
	grown = k ? realloc(m->v, (m->n + 1) * sizeof(*grown)) : NULL;
	if (!grown)
		return err_nomem(e);
	m->v = grown;
	m->v[m->n++] = (struct json_map_entry){ .key = TAKE_PTR(k), .value = TAKE_PTR(v) };
	m->set = true;
	return 0;
}

void json_map_remove(struct json_map *m, const char *key)
{
	struct json_map_entry *at = find(m, key);

	if (!at)
		return;
	free(at->key);
	free(at->value);
	m->n--;
	memmove(at, at + 1, (size_t)(m->v + m->n - at) * sizeof(*at));
}

void json_map_clear(struct json_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].key);
		free(m->v[i].value);
	}
	free(m->v);
	*m = (struct json_map){ 0 };
}

int json_map_copy(const struct json_map *in, struct json_map *out, struct err *e)
{
	*out = (struct json_map){ 0 };
	out->v = in->n ? calloc(in->n, sizeof(*out->v)) : NULL;
	if (in->n && !out->v)
		return err_nomem(e);
	while (out->n < in->n) {
		struct json_map_entry *to = &out->v[out->n], *from = &in->v[out->n];

		out->n++;
		to->key = strdup(from->key);
		to->value = strdup(from->value);
		if (!to->key || !to->value) {
			json_map_clear(out);
			return err_nomem(e);
		}
	}
	out->set = in->set;
	return 0;
}
