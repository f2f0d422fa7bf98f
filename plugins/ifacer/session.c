/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - one call */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "look.h"

#define LOCK_FILE ".lock" /* records are in directories, and names of containers begin otherwise */

int session_start(struct cni_call *c, struct session *s, struct err *e)
{
	*s = (struct session){ .call = c, .dir.fd = -1, .lock = -1, .started = clock_wall_ms() };
	s->state_dir = ifacer_conf_state_dir(c->conf.tree);
	snprintf(s->mark, sizeof(s->mark), IFACER_MARK "%s", s->state_dir);
	return ifacer_conf_read(c->conf.tree, &s->conf, &s->plan, e);
}

int session_open_kernel(struct session *s, struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return err_sys(e, errno, "open a netlink socket");
	return netlink_adopt(fd, NETLINK_ROUTE, "node", &s->nl, e);
}

int session_open_records(struct session *s, bool create, struct err *e)
{
	return podnet_dir_open(s->state_dir, IFACER_RECORDS, create, &s->dir, e);
}

int session_lock(struct session *s, bool writer, struct err *e)
{
	struct deadline until = deadline_min(s->call->deadline, deadline_in(IFACER_LOCK_WAIT_MS));
	long wait_us = 500;

	s->lock = openat(s->dir.fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		return err_sys(e, errno, "open %s/" LOCK_FILE, s->dir.path);
	while (flock(s->lock, (writer ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
		struct timespec pause = { .tv_nsec = wait_us * 1000 };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "lock %s/" LOCK_FILE, s->dir.path);
		if (deadline_left(until) == 0)
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
					"another call of ifacer has held %s/" LOCK_FILE
					" for too long; nothing was changed; look for a stopped process with "
					"\"fuser -v %s/" LOCK_FILE "\"",
					s->dir.path, s->dir.path);
		nanosleep(&pause, NULL);
		wait_us = wait_us < 16000 ? wait_us * 2 : wait_us;
	}
	return 0;
}

void session_end(struct session *s)
{
	close_p(&s->lock);
	netlink_close(&s->nl);
	podnet_dir_close(&s->dir);
	ifacer_conf_clear(&s->conf);
}
