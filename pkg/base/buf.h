/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - a growing string with a stated maximum
 *
 * Invariants: s is NUL-terminated whenever it is not NULL; len does not count the NUL. Adding never fails on
 * the spot: the first failure (-ENOMEM, or -EFBIG beyond max) sticks in err, later additions do nothing, and
 * the caller looks once at the end. Start with BUF_INIT(max) or a zeroed struct with max set.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
	char *s;
	size_t len, cap, max;
	int err; /* 0 or the negative errno of the first failure */
};

#define BUF_INIT(maximum) ((struct buf){ .max = (maximum) })
#define BUF_MAX_DEFAULT   ((size_t)64 << 20)

void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_chr(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text, "" when nothing was added; owned by the buffer. */
const char *buf_cstr(const struct buf *b);
/* Empties it and forgets the error; keeps the memory. */
void buf_reset(struct buf *b);
/* Releases the memory; the buffer can be used again. */
void buf_clear(struct buf *b);

#endif
