/* SPDX-License-Identifier: Apache-2.0 */
/* environ.h - settings of a daemon that come from its environment, by a table */
#ifndef DAEMON_ENVIRON_H
#define DAEMON_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct daemon_variable {
	const char *name, *fallback; /* what holds when it is not set; NULL: it must be */
	enum { DAEMON_TEXT, DAEMON_BOOL, DAEMON_NUMBER, DAEMON_LEVEL } kind;
	size_t off; /* of char * (never NULL), bool, int64_t, enum log_level */
	int64_t min, max;
	bool filled; /* may not be empty */
	const char *doc;
};

#define DAEMON_PORT .min = 1, .max = 65535, .filled = true

/* Fills in the members of out. What is wrong with the environment is appended to wrong, all of it. Blanks
 * around a value do not count. */
void daemon_environ_read(const struct daemon_variable *v, size_t n, char *const *envp, void *out,
			 struct buf *wrong);
void daemon_environ_clear(const struct daemon_variable *v, size_t n, void *out);
/* One more thing that is wrong. */
void daemon_environ_bad(struct buf *wrong, const char *name, const char *value, const char *want);
/* 0 when nothing is; else code ERR_ENV, -EINVAL and one sentence of all. */
int daemon_environ_end(const struct buf *wrong, struct err *e);

/* A decimal number without a sign, min to max. */
bool daemon_number(const char *s, int64_t min, int64_t max, int64_t *ret);

#endif
