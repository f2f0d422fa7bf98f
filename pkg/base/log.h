/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what a plugin did, one logfmt line each, in a file (stdout is the result, stderr the runtime's)
 *
 *	time=2026-11-22T21:00:00.123Z level=info msg="took 10.0.0.7" cmd=ADD containerID=3f2a ifname=eth0
 *
 * A log never makes its plugin fail: NULL and a zeroed struct drop every line, so does a file that cannot be
 * opened; log_status() says why. A line below the level costs a comparison and opens nothing.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/logfile.h"

#define LOG_MSG_MAX     2560 /* room for an error; longer messages end in "..." */
#define LOG_CONTEXT_MAX 1024

/* Fatal and panic are known to configurations of the Go programs; as levels they silence all that we log. */
enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_FATAL,
	LOG_LEVEL_PANIC,
};

struct log_conf {
	const char *path;      /* below /var/log or state_dir; NULL or "": no log */
	const char *state_dir; /* may be NULL */
	enum log_level level;
	int64_t max_size_mb;  /* 0 and less: LOG_SIZE_MB */
	int64_t max_age_days; /* 0: no limit; less: LOG_AGE_DAYS */
	int64_t max_count;    /* rotated files; 0: keep all; less: LOG_COUNT */
};

/* What is documented for settings that are not given. */
#define LOG_SIZE_MB  100
#define LOG_AGE_DAYS 30
#define LOG_COUNT    10

struct log {
	enum log_level level;
	struct logfile file;
	char context[LOG_CONTEXT_MAX]; /* " key=value ..." */
	size_t context_len;
};

/* Case does not matter. -EINVAL, code ERR_CONFIG, lists the levels. */
int log_level_parse(const char *text, enum log_level *ret, struct err *e);
const char *log_level_name(enum log_level level);

/* Checks the configuration and opens nothing. -EINVAL, code ERR_CONFIG; l is then zeroed. */
int log_init(struct log *l, const struct log_conf *c, struct err *e);
/* Goes behind the message of every later line. Nothing for a value that is NULL or "", or when the context is
 * full. key is plain. */
void log_context(struct log *l, const char *key, const char *value);
/* 0, or the last failure to open, write or rotate: to be said on stderr once. */
int log_status(const struct log *l, struct err *e);
void log_close(struct log *l);

static inline bool log_wants(const struct log *l, enum log_level level)
{
	return l && l->file.path[0] && level >= l->level;
}

/* 0, or a negative errno when the line was not written. Use the macros: they do not even look at the
 * arguments below the level. */
int log_line(struct log *l, enum log_level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_at(l, level, ...) \
	do { \
		if (log_wants((l), (level))) \
			(void)log_line((l), (level), __VA_ARGS__); \
	} while (0)
#define log_debug(l, ...) log_at((l), LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(l, ...)  log_at((l), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(l, ...)  log_at((l), LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(l, ...) log_at((l), LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
