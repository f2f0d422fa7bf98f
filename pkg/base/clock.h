/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - time: the wall clock for what is recorded, the monotonic clock for every wait
 *
 * Wall time is in milliseconds since the epoch. A deadline is a point on the monotonic clock, so that a step
 * of the wall clock neither cuts a wait short nor makes it endless.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLOCK_TEXT_MAX 64

struct deadline {
	int64_t at_ms; /* monotonic */
};

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
/* The same in seconds, finer: to measure with. */
double clock_mono_s(void);
/* Tests only: wall time stands at ms from now on; negative turns that off. */
void clock_freeze_wall(int64_t ms);

struct deadline deadline_in(int64_t ms);
/* Milliseconds left, never negative. */
int64_t deadline_left(struct deadline d);
/* The earlier of the two. */
struct deadline deadline_min(struct deadline a, struct deadline b);

/* RFC 3339 in UTC with seconds, as Kubernetes writes it: 2026-11-22T21:00:00Z. Returns out. */
const char *clock_format(int64_t ms, char out[CLOCK_TEXT_MAX]);
/* The same with milliseconds, without the Z, and with colon between hours, minutes and seconds (for file
 * names). */
const char *clock_format_ms(int64_t ms, char colon, char out[CLOCK_TEXT_MAX]);
/* Reads RFC 3339 with optional fraction and offset. -EINVAL names the text. */
int clock_parse(const char *text, int64_t *ret_ms, struct err *e);

#endif
