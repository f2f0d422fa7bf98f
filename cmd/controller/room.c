/* SPDX-License-Identifier: Apache-2.0 */
/* room.c - memory that many want at once */
#include "room.h"

#include <errno.h>

#include "kube/thread.h"

void room_init(struct room *m, size_t bytes)
{
	pthread_mutex_init(&m->lock, NULL);
	kube_cond_init(&m->changed);
	m->left = bytes;
}

void room_clear(struct room *m)
{
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

int room_take(struct room *m, size_t bytes, struct deadline until, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&m->lock);
	while (m->left < bytes && deadline_left(until))
		kube_cond_wait(&m->changed, &m->lock, until);
	if (m->left < bytes)
		r = err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
			     "too much is being asked at this moment: try again");
	else
		m->left -= bytes;
	pthread_mutex_unlock(&m->lock);
	return r;
}

void room_give(struct room *m, size_t bytes)
{
	pthread_mutex_lock(&m->lock);
	m->left += bytes;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}
