/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - one call of a pod at a time; containers that had DEL */
#ifndef AGENT_KEYS_H
#define AGENT_KEYS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/err.h"

#define KEYS_GONE_MS  600000
#define KEYS_GONE_MAX 16384 /* the oldest are forgotten first */

struct keys;

int keys_new(struct keys **ret, struct err *e);
void keys_free(struct keys *k);

/* -ETIMEDOUT, code ERR_TRY_AGAIN: another call of the pod is under way. */
int keys_lock(struct keys *k, const char *ns, const char *pod, struct deadline until, struct err *e);
void keys_unlock(struct keys *k, const char *ns, const char *pod);

/* The container's NIC had DEL: an ADD that comes later is late. */
void keys_gone(struct keys *k, const char *container, const char *nic);
bool keys_is_gone(struct keys *k, const char *container, const char *nic);

#endif
