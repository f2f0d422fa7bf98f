/* SPDX-License-Identifier: Apache-2.0 */
/* engine.c - the engine of pkg/ipam on the cluster's blocks, for what no node does */
#include "controller.h"
#include "ipam/pool.h"

static void note(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_INFO, "%s", sentence);
}

static void trouble(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

int engine_start(struct controller *c, struct err *e)
{
	const struct store_kube_conf conf = {
		.k = c->k, .node = "", .pool_value = ipam_pool_value, .trouble = trouble, .arg = c
	};

	return store_kube_open(&conf, &c->hub, e);
}

int engine_open(struct controller *c, struct deadline until, struct engine *ret, struct err *e)
{
	*ret = (struct engine){ .m = { .until = until, .note = note } };
	ret->m.conf = (struct ipam_conf){ .disable_ipv4 = !c->conf.file.enable_ipv4,
					  .disable_ipv6 = !c->conf.file.enable_ipv6,
					  .cooldown_ms = IPAM_COOLDOWN_MS,
					  .quarantine_ms = IPAM_QUARANTINE_MS,
					  .ring_key = "",
					  .cluster = true,
					  .enable_subnet = c->conf.file.enable_subnet,
					  .enable_auto_pool = c->conf.file.enable_auto_pool,
					  .agent_ns = c->conf.ns,
					  .skew_ms = store_kube_skew(c->hub) };
	if (store_kube_session(c->hub, true, &ret->st, e) < 0)
		return -e->sys;
	ret->m.st = ret->st;
	return 0;
}

void engine_close(struct engine *g)
{
	store_close(g->st);
	g->st = NULL;
}
