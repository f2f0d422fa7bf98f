/* SPDX-License-Identifier: Apache-2.0 */
/* environ.c - settings of a daemon that come from its environment */
#include "daemon/environ.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define TEXT_MAX 4096 /* of a variable */

void daemon_environ_bad(struct buf *out, const char *name, const char *value, const char *want)
{
	if (out->len)
		buf_str(out, "; ");
	if (*value)
		buf_fmt(out, "%s: want %s, got \"%.64s\"", name, want, value);
	else
		buf_fmt(out, "%s is missing or empty: want %s", name, want);
}

static bool is_one_of(const char *s, const char *const *list)
{
	while (*list && strcmp(*list, s) != 0)
		list++;
	return *list != NULL;
}

/* What Go's strconv.ParseBool takes. */
static bool read_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", NULL };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };

	*ret = is_one_of(s, yes);
	return *ret || is_one_of(s, no);
}

bool daemon_number(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	if (!*s || strspn(s, "0123456789") != strlen(s))
		return false;
	*ret = strtoll(s, NULL, 10); /* beyond its range: the greatest, which is no limit here */
	return *ret >= min && *ret <= max;
}

static void store(const struct daemon_variable *v, const char *value, void *out, struct buf *wrong)
{
	char *to = (char *)out + v->off, want[64];
	struct err e;

	switch (v->kind) {
	case DAEMON_TEXT:
		*(char **)to = strdup(value);
		if (!*(char **)to)
			wrong->err = -ENOMEM;
		break;
	case DAEMON_BOOL:
		if (!read_bool(value, (bool *)to))
			daemon_environ_bad(wrong, v->name, value, "true or false");
		break;
	case DAEMON_NUMBER:
		(void)snprintf(want, sizeof(want), "a whole number, %lld to %lld", (long long)v->min,
			       (long long)v->max);
		if (!daemon_number(value, v->min, v->max, (int64_t *)to))
			daemon_environ_bad(wrong, v->name, value, want);
		break;
	case DAEMON_LEVEL:
		if (log_level_parse(value, (enum log_level *)to, &e) < 0)
			daemon_environ_bad(wrong, v->name, value, v->doc);
	}
}

/* Blanks around a value do not count. */
static void read_variable(const struct daemon_variable *v, char *const *envp, void *out, struct buf *wrong)
{
	char value[TEXT_MAX];
	const char *raw = NULL;
	size_t len;

	for (char *const *p = envp; *p && !raw; p++)
		if (strncmp(*p, v->name, strlen(v->name)) == 0 && (*p)[strlen(v->name)] == '=')
			raw = *p + strlen(v->name) + 1;
	raw = raw ? raw + strspn(raw, " \t\r\n") : v->fallback ? v->fallback : "";
	len = strlen(raw);
	while (len && strchr(" \t\r\n", raw[len - 1]))
		len--;
	if (len >= sizeof(value)) {
		daemon_environ_bad(wrong, v->name, raw, "a shorter text");
		return;
	}
	memcpy(value, raw, len);
	value[len] = '\0';
	if (!len && v->filled && v->kind == DAEMON_TEXT)
		daemon_environ_bad(wrong, v->name, "", v->doc);
	else
		store(v, len || v->filled || !v->fallback ? value : v->fallback, out, wrong);
}

void daemon_environ_read(const struct daemon_variable *v, size_t n, char *const *envp, void *out,
			 struct buf *wrong)
{
	for (size_t i = 0; i < n; i++)
		read_variable(&v[i], envp, out, wrong);
}

void daemon_environ_clear(const struct daemon_variable *v, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == DAEMON_TEXT)
			free(*(char **)((char *)out + v[i].off));
}

int daemon_environ_end(const struct buf *wrong, struct err *e)
{
	if (wrong->err == -ENOMEM)
		return err_nomem(e);
	return wrong->len ? err_code(e, ERR_ENV, EINVAL, "environment: %s", buf_cstr(wrong)) : 0;
}
