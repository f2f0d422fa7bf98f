/* SPDX-License-Identifier: Apache-2.0 */
/* takeover.c - what an older Spiderpool recorded is taken over before this one serves */
#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "ipam/takeover.h"

#define TAKEOVER_MS 25000 /* longer than a lease outlives its holder */

static void told(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_ERROR, "%s", sentence);
}

static bool stop(void *arg)
{
	const struct agent *a = arg;

	return a->stopping;
}

int takeover(struct agent *a, struct err *e)
{
	struct deadline until = deadline_in(TAKEOVER_MS);
	struct takeover x = { .stateful_set = a->conf.file.enable_stateful_set,
			      .kubevirt = a->conf.file.enable_kubevirt,
			      .told = told };
	char identity[512];
	const struct takeover_cluster c = { .k = a->k,
					    .ns = a->conf.ns,
					    .identity = identity,
					    .check_rights = true,
					    .stop = stop,
					    .arg = a };
	struct call call;
	int r = takeover_fence(&c, until, e);

	snprintf(identity, sizeof(identity), "%.253s/%s/%d", a->conf.node, a->boot, (int)getpid());
	if (r == 0)
		r = call_open_plain(a, true, until, &call, e);
	if (r < 0)
		return r;
	r = takeover_run(&c, &call.m, &x, until, e);
	call_close(&call);
	if (r > 0)
		say(LOG_LEVEL_INFO,
		    "%d pools of an older Spiderpool are taken over: %zu addresses, %zu known already, %zu "
		    "refused",
		    r, x.taken, x.known, x.refused);
	return r < 0 ? r : 0;
}
