/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.h - GET /v1/coordinator/config: what the coordinator plugin is to do for a pod */
#ifndef AGENT_COORDINATOR_H
#define AGENT_COORDINATOR_H

#include "base/buf.h"
#include "cluster.h"

/* body: {"podName","podNamespace"}. The answer is appended to out as JSON. Nothing is followed: the
 * SpiderCoordinator is read when it is asked for. */
int coordinator_config(struct cluster *c, const char *body, size_t len, struct deadline until,
		       struct buf *out, struct err *e);

#endif
