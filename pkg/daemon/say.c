/* SPDX-License-Identifier: Apache-2.0 */
/* say.c - lines of logfmt on stderr */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/say.h"
#include "base/clock.h"

static enum log_level least = LOG_LEVEL_INFO;

void say_level(enum log_level level)
{
	least = level;
}

void say(enum log_level level, const char *fmt, ...)
{
	char msg[LOG_MSG_MAX], line[2 * LOG_MSG_MAX + 128], when[CLOCK_TEXT_MAX];
	size_t n;
	va_list ap;

	if (level < least)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	n = (size_t)snprintf(line, sizeof(line), "time=%sZ level=%s msg=\"",
			     clock_format_ms(clock_wall_ms(), ':', when), log_level_name(level));
	for (const char *p = msg; *p && n < sizeof(line) - 4; p++) {
		if (*p == '"' || *p == '\\')
			line[n++] = '\\';
		line[n++] = (unsigned char)*p < ' ' ? ' ' : *p;
	}
	line[n++] = '"';
	line[n++] = '\n';
	/* One write, so that lines of threads do not mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}
