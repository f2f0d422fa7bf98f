/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - wall time, deadlines, RFC 3339 */
#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t frozen_ms = -1;

static int64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	return frozen_ms >= 0 ? frozen_ms : read_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

double clock_mono_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void clock_freeze_wall(int64_t ms)
{
	frozen_ms = ms;
}

struct deadline deadline_in(int64_t ms)
{
	return (struct deadline){ clock_mono_ms() + ms };
}

int64_t deadline_left(struct deadline d)
{
	int64_t left = d.at_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

struct deadline deadline_min(struct deadline a, struct deadline b)
{
	return a.at_ms < b.at_ms ? a : b;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct civil {
	int year, month, day, second; /* second of the day */
};

/* Days since 1970 to a date of the Gregorian calendar, by eras of 400 years that start on 1 March. Not
 * gmtime_r(): its first call in a process reads /etc/localtime, which costs a plugin more than the line that
 * wants the time. */
static struct civil civil(int64_t ms)
{
	int64_t s = floor_div(ms, 1000), days = floor_div(s, 86400);
	int64_t z = days + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	struct civil c = { .day = (int)(doy - (153 * mp + 2) / 5 + 1), .second = (int)(s - days * 86400) };

	c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year = (int)(yoe + era * 400 + (c.month <= 2));
	return c;
}

static const char *format(int64_t ms, char colon, char out[CLOCK_TEXT_MAX])
{
	struct civil c = civil(ms);

	snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d%c%02d%c%02d", c.year, c.month, c.day,
		 c.second / 3600, colon, c.second / 60 % 60, colon, c.second % 60);
	return out;
}

const char *clock_format(int64_t ms, char out[CLOCK_TEXT_MAX])
{
	size_t len = strlen(format(ms, ':', out));

	snprintf(out + len, CLOCK_TEXT_MAX - len, "Z");
	return out;
}

const char *clock_format_ms(int64_t ms, char colon, char out[CLOCK_TEXT_MAX])
{
	size_t len = strlen(format(ms, colon, out));

	snprintf(out + len, CLOCK_TEXT_MAX - len, ".%03d", (int)(ms - floor_div(ms, 1000) * 1000));
	return out;
}

/* Whether text begins as shape does: 0 stands for a digit. strptime() also takes blanks and single digits. */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; shape++, text++) {
		if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape)
			return false;
	}
	return true;
}

/* Reads ".123" up to milliseconds; finer digits are dropped. */
static const char *parse_fraction(const char *p, int64_t *ms)
{
	int64_t unit = 100;

	for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
		*ms += (*p - '0') * unit;
	return p;
}

static bool parse_offset(const char *p, int64_t *ms)
{
	int h, m;

	if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
		return true;
	if ((*p != '+' && *p != '-') || !has_shape(p + 1, "00:00") || p[6])
		return false;
	h = (p[1] - '0') * 10 + p[2] - '0';
	m = (p[4] - '0') * 10 + p[5] - '0';
	if (h > 23 || m > 59)
		return false;
	*ms -= (*p == '-' ? -1 : 1) * (int64_t)(h * 60 + m) * 60000;
	return true;
}

int clock_parse(const char *text, int64_t *ret_ms, struct err *e)
{
	struct tm tm = { 0 };
	const char *p = NULL;
	int day, second;
	int64_t ms;

	if (has_shape(text, "0000-00-00T00:00:00"))
		p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!p)
		goto bad;
	day = tm.tm_mday;
	second = tm.tm_sec;
	ms = (int64_t)timegm(&tm) * 1000;
	if (tm.tm_mday != day || tm.tm_sec != second) /* 30 February, :60 */
		goto bad;
	if (has_shape(p, ".0"))
		p = parse_fraction(p, &ms);
	if (!parse_offset(p, &ms))
		goto bad;
	*ret_ms = ms;
	return 0;
bad:
	return err_set(e, EINVAL, "time \"%.64s\": want RFC 3339, for example 2026-11-22T21:00:00Z", text);
}
