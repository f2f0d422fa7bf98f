/* SPDX-License-Identifier: Apache-2.0 */
/* settled.h - what agents say they have seen of the pools
 *
 * Each agent keeps API_ANNOTATION_POOLS_SEEN on its own Pod. Watches tell changes in the order of their
 * versions, so who has seen a later one has seen all before.
 */
#ifndef CONTROLLER_SETTLED_H
#define CONTROLLER_SETTLED_H

#include <stdlib.h>

#include "controller.h"
#include "status.h"

/* Resource versions are opaque by contract and numbers in fact: only these can be compared. */
static inline uint64_t settled_number(const char *version)
{
	return version ? strtoull(version, NULL, 10) : 0;
}

/* Whether this agent has to be waited for: it lives on a node that is ready, and has not seen it. */
bool settled_is_behind(const struct kube_pod *agent, bool node_ready, const char *version);

struct settled; /* the Pods of agents, followed; opaque */

/* changed(): somebody may have caught up. From a watch's thread. Before world_start(). */
int settled_start(struct controller *c, void (*changed)(void *arg), void *arg, struct settled **ret,
		  struct err *e);
void settled_end(struct settled *s);  /* changed() is not called any more; accepts NULL */
void settled_stop(struct settled *s); /* after world_stop(); accepts NULL */
bool settled_synced(struct settled *s);
/* The nodes whose agent has not seen version yet. */
int settled_behind(struct settled *s, const char *version, struct status_names *ret, struct err *e);

#endif
