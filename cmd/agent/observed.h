/* SPDX-License-Identifier: Apache-2.0 */
/* observed.h - what this agent has seen of the pools, said on its own Pod: the controller waits for it before
 * it calls an edit settled
 */
#ifndef AGENT_OBSERVED_H
#define AGENT_OBSERVED_H

#include "store/kube.h"

struct observed; /* opaque */

/* Strings are lent. That there is no such Pod is no error. */
int observed_start(struct kube *k, struct store_kube *hub, const char *ns, const char *pod,
		   struct observed **ret, struct err *e);
/* A pool is known as it is now: said soon. Accepts NULL; from any thread, and does not wait. */
void observed_changed(struct observed *o);
/* The hub is there until then. Accepts NULL. */
void observed_stop(struct observed *o);

#endif
