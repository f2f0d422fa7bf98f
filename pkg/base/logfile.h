/* SPDX-License-Identifier: Apache-2.0 */
/* logfile.h - a file that many processes append lines to at once, rotated by whoever finds it full
 *
 * A line is one write() with O_APPEND and takes no lock, so a process that was stopped holds up nobody. Only
 * rotating takes the file's flock; who does not get it goes on writing. A full file is renamed beside itself,
 * "x.log" to "x-2026-11-22T21-00-00.000.log" (UTC, never an existing name), then files too old or too many
 * are removed. So a line is lost only with the file that it is in.
 *
 * The path comes from a network configuration that not only root may write, therefore: it lies below /var/log
 * or below the state directory (there it ends in ".log", so that it cannot be the store), has no "." or "..",
 * no link is followed behind that root, and the file is a regular one with one name and our user as its
 * owner.
 *
 * A zeroed struct drops what it is given. Nothing is opened before the first line.
 */
#ifndef BASE_LOGFILE_H
#define BASE_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LOGFILE_ROOT     "/var/log"
#define LOGFILE_PATH_MAX 1024

struct logfile {
	char path[LOGFILE_PATH_MAX]; /* "": none */
	size_t root_len;             /* the part of path that must exist */
	int64_t max_bytes;
	int max_age_days, max_count; /* 0: no limit */
	bool is_open, gave_up;
	int fd;
	int failed;            /* positive errno of the last failure */
	const char *failed_at; /* what failed */
};

/* Checks and keeps the path; state_dir may be NULL. -EINVAL, code ERR_CONFIG. Limits are then max_bytes and
 * none on age and count; the caller sets what it wants. */
int logfile_init(struct logfile *f, const char *path, const char *state_dir, struct err *e);
/* Appends len bytes, which end in a newline. Negative errno when they were not written: tell
 * logfile_status(). A file that could not be opened is not tried again. */
int logfile_append(struct logfile *f, const char *line, size_t len);
/* 0, or the last failure as an error; a caller may say it once and go on. */
int logfile_status(const struct logfile *f, struct err *e);
void logfile_close(struct logfile *f);

#endif
