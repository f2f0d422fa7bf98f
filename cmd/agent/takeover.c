/* SPDX-License-Identifier: Apache-2.0 */
/* takeover.c - what an older Spiderpool recorded is taken over before this one serves
 *
 * On a store of its own: the agent's reads the endpoints of its node when it is opened, and finds them by a
 * label that the take-over writes.
 */
#include <stdio.h>
#include <unistd.h>

#include "agent.h"
#include "base/own.h"
#include "ipam/pool.h"
#include "ipam/takeover.h"

#define TAKEOVER_MS 25000 /* longer than a lease outlives its holder */
#define CLOSE_MS    1000

static void told(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_ERROR, "%s", sentence);
}

static void trouble(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

static bool stop(void *arg)
{
	const struct agent *a = arg;

	return a->stopping;
}

static int run(struct agent *a, const struct takeover_cluster *c, struct deadline until, struct err *e)
{
	const struct store_kube_conf sc = {
		.k = a->k, .node = "", .pool_value = ipam_pool_value, .trouble = trouble
	};
	CLEANUP(store_close_p) struct store *st = NULL;
	struct takeover x = { .stateful_set = a->conf.file.enable_stateful_set,
			      .kubevirt = a->conf.file.enable_kubevirt,
			      .told = told };
	struct store_kube *hub;
	int r = store_kube_open(&sc, &hub, e);

	if (r < 0)
		return r;
	r = store_kube_session(hub, true, &st, e);
	if (r == 0) {
		struct ipam m = {
			.st = st, .conf = { .cluster = true, .skew_ms = store_kube_skew(hub), .ring_key = "" }
		};

		r = takeover_run(c, &m, &x, until, e);
	}
	store_close(TAKE_PTR(st));
	store_kube_close(hub, deadline_in(CLOSE_MS));
	if (r > 0)
		say(LOG_LEVEL_INFO,
		    "%d pools of an older Spiderpool are taken over: %zu addresses, %zu known already, %zu "
		    "refused",
		    r, x.taken, x.known, x.refused);
	return r < 0 ? r : 0;
}

int takeover(struct agent *a, struct err *e)
{
	struct deadline until = deadline_in(TAKEOVER_MS);
	CLEANUP(json_strv_clear) struct json_strv due = { 0 };
	char identity[512];
	const struct takeover_cluster c = { .k = a->k,
					    .ns = a->conf.ns,
					    .identity = identity,
					    .check_rights = true,
					    .stop = stop,
					    .arg = a };
	int r = takeover_fence(&c, until, e);

	snprintf(identity, sizeof(identity), "%.253s/%s/%d", a->conf.node, a->boot, (int)getpid());
	if (r == 0)
		r = takeover_list(&c, until, &due, e);
	return r < 0 || !due.n ? r : run(a, &c, until, e);
}
