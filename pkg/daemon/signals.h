/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - a daemon's end */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "base/err.h"
#include "http/server.h"

struct daemon_end {               /* both are called on a thread of their own */
	void (*end)(void *arg);   /* begin to end */
	void (*hurry)(void *arg); /* 2.5 s later: what waits for the API server gives up */
	void *arg;
};
/* From now on signals are blocked in this thread and those it makes, but for those of a crash. SIGTERM and
 * SIGINT begin the end, also while the daemon still starts; a process that is there seven seconds later ends
 * without an order. Once. */
int daemon_signals(const struct daemon_end *end, struct err *e);

/* http_server_stop(). When calls are still under way after it, the process ends here: they use what the
 * caller would free next, and nothing is lost by leaving them. */
void daemon_server_stop(struct http_server *s, struct deadline until);

#endif
