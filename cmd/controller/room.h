/* SPDX-License-Identifier: Apache-2.0 */
/* room.h - memory that many want at once: who would take more than is left waits until others have given back
 */
#ifndef CONTROLLER_ROOM_H
#define CONTROLLER_ROOM_H

#include <pthread.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/err.h"

struct room {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t left; /* bytes */
};

void room_init(struct room *m, size_t bytes);
void room_clear(struct room *m); /* nobody waits any more */
/* bytes: no more than there were at first. -ETIMEDOUT, code ERR_TRY_AGAIN. */
int room_take(struct room *m, size_t bytes, struct deadline until, struct err *e);
void room_give(struct room *m, size_t bytes);

#endif
