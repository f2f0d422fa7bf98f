/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - small files: read whole with a limit, replace atomically */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends all of fd, at most max bytes (-EFBIG beyond), to out. what names the source in errors. */
int file_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *e);
/* The same for a path below dirfd (or AT_FDCWD). -ENOENT when it does not exist. */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *e);

/* Writes all of data; retries short writes and EINTR. */
int file_write_fd(int fd, const char *what, const void *data, size_t len, struct err *e);
/* Replaces the file: temporary name in the same directory, rename; when durable also fsync of file and
 * directory. Readers see the old or the new content, never a mix; after an error the old file stands, unless
 * only the sync of the directory failed: then the new one does, but may be gone after a power cut. */
int file_replace(int dirfd, const char *path, mode_t mode, const void *data, size_t len, bool durable,
		 struct err *e);

/* Removes from the directory what file_replace() left there when its process was killed, if that was at least
 * age_ms ago: 0 where nobody else writes now. What cannot be removed stays. */
void file_tidy(const char *dir, int64_t age_ms);

/* mkdir -p; the last component gets mode, parents 0755. Existing directories are left as they are. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);

#endif
