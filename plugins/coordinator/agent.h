/* SPDX-License-Identifier: Apache-2.0 */
/* agent.h - coordinator's configuration from the node's agent: GET /v1/coordinator/config
 *
 * A node without an agent is no error. Where there is one, or one is installed, its silence is: the pod is
 * tried again later (ERR_TRY_AGAIN), it does not get what somebody guessed.
 */
#ifndef COORDINATOR_AGENT_H
#define COORDINATOR_AGENT_H

#include "base/clock.h"
#include "cni/args.h"
#include "conf.h"

#define COORDINATOR_AGENT_MARKER "/var/lib/spiderpool/agent.installed"
#define COORDINATOR_KEEP_DIR     "/var/lib/spiderpool/coordinator"
#define COORDINATOR_AGENT_MS     30000

/* 0: *ret is the answer; 1: there is no agent, *ret is zeroed. marker: a file that says that this node has an
 * agent, even when its socket is gone. */
int coordinator_agent_fetch(const char *socket, const char *marker, const struct cni_args *args,
			    struct deadline until, struct coordinator_answer *ret, struct err *e);

/* For STATUS, which has no pod to ask for: 0 it answers, 1 there is no agent. */
int coordinator_agent_healthy(const char *socket, const char *marker, struct deadline until, struct err *e);

/* Keeps the answer in dir (made if need be) for a DEL without record, without what belongs to one pod;
 * survives power loss; writes only what differs. */
int coordinator_agent_keep(const char *dir, const struct coordinator_answer *a, struct err *e);
/* 0: *ret is what was kept; 1: nothing was. */
int coordinator_agent_kept(const char *dir, struct coordinator_answer *ret, struct err *e);

#endif
