/* SPDX-License-Identifier: Apache-2.0 */
/* signals.h - a daemon's end */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "base/err.h"

/* From now on signals are blocked in this thread and those it makes, but for those of a crash. At SIGTERM or
 * SIGINT, also while the daemon still starts, end() is called on a thread of its own; a process that is there
 * four seconds later ends without an order. Once. */
int daemon_signals(void (*end)(void *arg), void *arg, struct err *e);

#endif
