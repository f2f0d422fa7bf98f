/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - what the configurations of plugins that change a pod have in common */
#include "podnet/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* ---- a path ---- */

static bool path_ok(const char *path, size_t max)
{
	if (path[0] != '/' || strlen(path) > max)
		return false;
	for (const char *p = path; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");

		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

int options_path(char **s, const char *key, const char *absent, size_t max, struct err *e)
{
	if (*s && (*s)[0] && !path_ok(*s, max))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"config: %s \"%.200s\": want an absolute path without \".\" and \"..\", of at "
			"most %zu bytes, for example %s",
			key, *s, max, absent);
	if (*s && (*s)[0])
		return 0;
	free(*s);
	*s = strdup(absent);
	return *s ? 0 : err_nomem(e);
}

char *options_path_of(struct json_object *tree, const char *key, const char *absent, size_t max)
{
	const char *s = json_get_str(tree, key);

	return strdup(s && path_ok(s, max) ? s : absent);
}

/* ---- the log ---- */

/* The documentation of the original shows numbers in quotes, its code wants them bare: both are read. */
static int read_number(const char *object, const char *key, struct json_object *v, int64_t *ret,
		       struct err *e)
{
	const char *text = v ? json_text(v) : NULL;
	int64_t n;
	char *end;

	if (!v)
		return 0;
	if (json_number(v, &n) && n >= 0) {
		*ret = n;
		return 0;
	}
	if (text && isdigit((unsigned char)text[0])) {
		errno = 0;
		*ret = strtoll(text, &end, 10);
		if (!*end && !errno)
			return 0;
	}
	return err_code(e, ERR_CONFIG, EINVAL, "config: %s.%s: want a whole number, 0 or more, got %s%.64s%s",
			object, key, text ? "\"" : "", text ? text : "something else", text ? "\"" : "");
}

int options_log_read(const struct options_log *o, const struct json_table *t, struct log_conf *ret,
		     struct err *e)
{
	int r = 0;

	if (o->file && o->file[0])
		ret->path = o->file;
	if (o->level && o->level[0])
		r = log_level_parse(o->level, &ret->level, e);
	if (r < 0)
		return err_wrap(e, "config: %s.%s", t->name, t->f[0].key);
	r = read_number(t->name, t->f[2].key, o->max_size, &ret->max_size_mb, e);
	if (r == 0)
		r = read_number(t->name, t->f[3].key, o->max_age, &ret->max_age_days, e);
	if (r == 0)
		r = read_number(t->name, t->f[4].key, o->max_count, &ret->max_count, e);
	return r;
}

/* ---- prefixes ---- */

const char *options_trim(const char *s, char out[64])
{
	size_t len;

	s += strspn(s, " \t\r\n");
	len = strlen(s);
	while (len && strchr(" \t\r\n", s[len - 1]))
		len--;
	snprintf(out, 64, "%.*s", (int)(len < 64 ? len : 63), s);
	return out;
}

static bool known(const struct options_prefixes *l, struct ip_prefix p)
{
	for (size_t i = 0; i < l->n; i++)
		if (ip_prefix_equal(l->v[i], p))
			return true;
	return false;
}

int options_prefixes_add(struct options_prefixes *l, const struct json_strv *texts, bool bare, size_t max,
			 const char *where, const char *key, struct err *e)
{
	struct ip_prefix *v = reallocarray(l->v, l->n + texts->n + 1, sizeof(*v));

	if (!v)
		return err_nomem(e);
	l->v = v;
	for (size_t i = 0; i < texts->n; i++) {
		struct ip_prefix p;
		char text[64];
		int r;

		options_trim(texts->v[i], text);
		r = bare ? ip_prefix_parse_any(text, &p, e) : ip_prefix_parse(text, &p, e);
		if (r < 0)
			return err_wrap(e, "%s: %s[%zu]", where, key, i);
		p = ip_prefix_network(p);
		if (known(l, p))
			continue;
		if (l->n == max)
			return err_code(e, ERR_CONFIG, E2BIG, "%s: %s: more than %zu prefixes in all", where,
					key, max);
		l->v[l->n++] = p;
	}
	return 0;
}

void options_prefixes_clear(struct options_prefixes *l)
{
	free(l->v);
	*l = (struct options_prefixes){ 0 };
}

/* ---- others ---- */

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int options_mac_prefix(const char *text, uint8_t ret[2], const char *where, const char *key, struct err *e)
{
	bool ok = strlen(text) == 5 && strchr(":-", text[2]);

	for (size_t i = 0; ok && i < 5; i++)
		ok = i == 2 || isxdigit((unsigned char)text[i]);
	if (!ok || (hex(text[1]) & 1))
		return err_code(e, ERR_CONFIG, EINVAL, "%s: %s \"%.64s\": want %s", where, key, text,
				ok ? "an even first byte: an odd one makes a multicast MAC"
				   : "two bytes in hexadecimal, for example 0a:1b");
	for (size_t i = 0; i < 2; i++)
		ret[i] = (uint8_t)(hex(text[3 * i]) << 4 | hex(text[3 * i + 1]));
	return 0;
}

struct notes {
	void (*note)(const char *sentence, void *arg);
	void *arg;
};

/* Keys of every plugin: the protocol's, and what Multus writes into each. */
static bool is_common(const char *key)
{
	static const char *const common[] = {
		"cniVersion",   "name",       "type",     "dns",      "ipam",         "args",
		"capabilities", "prevResult", "deviceID", "pciBusID", "resourceName", "runtimeConfig",
	};

	for (size_t i = 0; i < ARRAY_LEN(common); i++)
		if (strcmp(key, common[i]) == 0)
			return true;
	/* A key with a dot is quoted in a path. */
	return strncmp(key, "[\"cni.dev/", strlen("[\"cni.dev/")) == 0;
}

static void unknown(const char *path, void *arg)
{
	const struct notes *n = arg;
	char text[256];

	if (is_common(path))
		return;
	snprintf(text, sizeof(text), "%.200s: unknown key, ignored", path);
	n->note(text, n->arg);
}

void options_unknown(const struct json_table *t, struct json_object *tree,
		     void (*note)(const char *sentence, void *arg), void *arg)
{
	struct notes n = { note, arg };

	json_unknown(t, tree, unknown, &n);
}
