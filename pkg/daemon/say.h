/* SPDX-License-Identifier: Apache-2.0 */
/* say.h - what a daemon does, for who reads its container's log: one logfmt line each on stderr */
#ifndef DAEMON_SAY_H
#define DAEMON_SAY_H

#include "base/log.h"

void say_level(enum log_level level); /* less is not said; info unless set */
void say(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
