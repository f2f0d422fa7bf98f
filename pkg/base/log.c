/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - levels and logfmt lines */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/own.h"

#define LINE_MAX_BYTES (LOG_MSG_MAX + LOG_MSG_MAX / 2 + LOG_CONTEXT_MAX)
#define MB             ((int64_t)1 << 20)

static const char *const level_names[] = { "debug", "info", "warn", "error", "fatal", "panic" };

int log_level_parse(const char *text, enum log_level *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (strcasecmp(text, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return err_code(e, ERR_CONFIG, EINVAL,
			"log level \"%.64s\": want debug, info, warn, error, fatal or panic", text);
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

/* ---- text ---- */

/* Adds to a line of fixed size; what no longer fits is left out. */
struct line {
	char *s;
	size_t len, max;
};

static void add(struct line *t, const char *s, size_t len)
{
	if (len > t->max - t->len)
		return;
	memcpy(t->s + t->len, s, len);
	t->len += len;
}

static void add_str(struct line *t, const char *s)
{
	add(t, s, strlen(s));
}

static bool tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 character at p, 0 when there is none. */
static size_t utf8_len(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return tail(p[1]) ? 2 : 0;
	if ((p[0] & 0xf0) == 0xe0) {
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return 0;
		return tail(p[1]) && tail(p[2]) ? 3 : 0;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
			return 0;
		return tail(p[1]) && tail(p[2]) && tail(p[3]) ? 4 : 0;
	}
	return 0;
}

/* One character as it stands between quotes: returns its length, *used is how many bytes of p it was. */
static size_t escape(const char *p, size_t *used, char out[8])
{
	static const char plain[] = "\"\\\n\r\t", letter[] = "\"\\nrt", hex[] = "0123456789abcdef";
	const unsigned char c = (unsigned char)*p;
	const char *at = memchr(plain, c, sizeof(plain) - 1);
	size_t len = utf8_len((const unsigned char *)p);

	*used = len ? len : 1;
	if (at) {
		out[0] = '\\';
		out[1] = letter[at - plain];
		return 2;
	}
	if (c < ' ' || c == 0x7f) {
		memcpy(out, "\\u00", 4);
		out[4] = hex[c >> 4];
		out[5] = hex[c & 0xf];
		return 6;
	}
	if (!len)
		len = strlen(p = "\xef\xbf\xbd"); /* U+FFFD stands for what is no UTF-8 */
	memcpy(out, p, len);
	return len;
}

/* In quotes, and cut so that room bytes stay free. was_cut: text is already a part of something longer. */
static void add_quoted(struct line *t, const char *text, size_t room, bool was_cut)
{
	size_t used;
	char c[8];

	room += strlen("...\"");
	add(t, "\"", 1);
	for (; *text; text += used) {
		size_t len = escape(text, &used, c);

		if (t->len + len + room > t->max)
			break;
		add(t, c, len);
	}
	add_str(t, *text || was_cut ? "...\"" : "\"");
}

static bool needs_quotes(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("\"\\=", *p))
			return true;
	}
	return false;
}

/* ---- the log ---- */

static int64_t or_default(int64_t value, int64_t least, int64_t most, int64_t otherwise)
{
	return value < least ? otherwise : value > most ? most : value;
}

int log_init(struct log *l, const struct log_conf *c, struct err *e)
{
	int r;

	*l = (struct log){ .level = c->level };
	if (!c->path || !c->path[0])
		return 0;
	r = logfile_init(&l->file, c->path, c->state_dir, e);
	if (r < 0)
		return r;
	l->file.max_bytes = or_default(c->max_size_mb, 1, 1 << 30, LOG_SIZE_MB) * MB;
	l->file.max_age_days = (int)or_default(c->max_age_days, 0, 1 << 20, LOG_AGE_DAYS);
	l->file.max_count = (int)or_default(c->max_count, 0, 1 << 20, LOG_COUNT);
	return 0;
}

void log_context(struct log *l, const char *key, const char *value)
{
	struct line t;

	if (!l || !value || !value[0])
		return;
	t = (struct line){ .s = l->context, .len = l->context_len, .max = sizeof(l->context) };
	/* Quotes, a cut and one character fit behind the key, or it is left out. */
	if (t.max - t.len < strlen(key) + 16)
		return;
	add_str(&t, " ");
	add_str(&t, key);
	add_str(&t, "=");
	if (needs_quotes(value) || strlen(value) > t.max - t.len)
		add_quoted(&t, value, 0, false);
	else
		add_str(&t, value);
	l->context_len = t.len;
}

int log_line(struct log *l, enum log_level level, const char *fmt, ...)
{
	char msg[LOG_MSG_MAX], text[LINE_MAX_BYTES], utc[CLOCK_TEXT_MAX];
	struct line t = { .s = text, .max = sizeof(text) };
	va_list ap;
	int n;

	if (!log_wants(l, level))
		return 0;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	add_str(&t, "time=");
	add_str(&t, clock_format_ms(clock_wall_ms(), ':', utc));
	add_str(&t, "Z level=");
	add_str(&t, level_names[level]);
	add_str(&t, " msg=");
	add_quoted(&t, n < 0 ? fmt : msg, l->context_len + 1, n >= (int)sizeof(msg));
	add(&t, l->context, l->context_len);
	add(&t, "\n", 1);
	return logfile_append(&l->file, text, t.len);
}

int log_status(const struct log *l, struct err *e)
{
	return l ? logfile_status(&l->file, e) : 0;
}

void log_close(struct log *l)
{
	if (l)
		logfile_close(&l->file);
}
