/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - one question to the agent over its socket */
#ifndef PLUGIN_IPAM_ASK_H
#define PLUGIN_IPAM_ASK_H

#include "ipam/socket.h"

#include "base/clock.h"

struct ask {
	const char *socket;
	const char *method, *path;
	const struct json_table *body_table, *answer_table; /* answer_table NULL: nothing is answered */
	const void *body;
	void *answer; /* released by json_clear() */
};

/* The agent's own refusals come with its code and its sentence. Else the code is ERR_TRY_AGAIN, and
 *   -EOPNOTSUPP  this agent is of a version that does not know the path
 *   -ENOENT, -ECONNREFUSED  it is away: nothing was asked
 * With any other failure it is not known what the agent did. */
int ask_agent(const struct ask *q, struct deadline until, struct err *e);

#endif
