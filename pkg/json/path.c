/* SPDX-License-Identifier: Apache-2.0 */
/* path.c - fields and values as an error names them; no allocation, so it works when memory is gone */
#include <stdio.h>
#include <string.h>

#include "json/internal.h"

/* Appends up to max bytes of s in double quotes: whole characters, control characters as '?'. */
static size_t quote(char *out, size_t size, const char *s, size_t max)
{
	const char *end = s + strlen(s);
	size_t n = 0;

	out[n++] = '"';
	while (s < end) {
		size_t len = json_utf8(s, end);

		if (n + len + sizeof("...\"]") > size || n + len > max) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		if (len == 0 || (unsigned char)*s < ' ') {
			out[n++] = '?';
			s++;
			continue;
		}
		memcpy(out + n, s, len);
		n += len;
		s += len;
	}
	out[n++] = '"';
	out[n] = '\0';
	return n;
}

static bool plain(const char *key)
{
	return *key &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(key);
}

#define KEY_MAX 96

static size_t add_step(const struct json_path *p, char *out, size_t n)
{
	if (n + KEY_MAX + 16 > JSON_PATH_MAX)
		return n;
	if (!p->key)
		return n + (size_t)snprintf(out + n, JSON_PATH_MAX - n, "[%zu]", p->i);
	if (plain(p->key) && strlen(p->key) <= KEY_MAX)
		return n + (size_t)snprintf(out + n, JSON_PATH_MAX - n, "%s%s", n ? "." : "", p->key);
	out[n++] = '[';
	n += quote(out + n, JSON_PATH_MAX - n - 1, p->key, KEY_MAX);
	out[n++] = ']';
	out[n] = '\0';
	return n;
}

static size_t add_path(const struct json_path *p, char *out)
{
	return p ? add_step(p, out, add_path(p->up, out)) : 0;
}

const char *json_path_text(const struct json_path *p, char out[JSON_PATH_MAX])
{
	out[0] = '\0';
	add_path(p, out);
	return out;
}

static const char *describe_number(struct json_object *o, char *out)
{
	int64_t i;

	if (json_number(o, &i))
		snprintf(out, JSON_VALUE_MAX, "%lld", (long long)i);
	else if (json_object_is_type(o, json_type_int))
		snprintf(out, JSON_VALUE_MAX, "%llu", (unsigned long long)json_object_get_uint64(o));
	else if (json_double_text(o))
		snprintf(out, JSON_VALUE_MAX, "%.64s", json_double_text(o));
	else
		snprintf(out, JSON_VALUE_MAX, "%g", json_object_get_double(o));
	return out;
}

const char *json_describe(struct json_object *o, char out[JSON_VALUE_MAX])
{
	bool b;

	switch (json_object_get_type(o)) {
	case json_type_null:
		return "null";
	case json_type_array:
		return "a list";
	case json_type_object:
		return "an object";
	case json_type_boolean:
		return json_boolean(o, &b) && b ? "true" : "false";
	case json_type_string:
		quote(out, JSON_VALUE_MAX, json_text(o), 64);
		return out;
	default:
		return describe_number(o, out);
	}
}
