/* SPDX-License-Identifier: Apache-2.0 */
/* settled.c - what agents say they have seen of the pools */
#include "settled.h"

#include <stdlib.h>
#include <string.h>

#include "ipam/takeover.h"
#include "kube/watch.h"

/* Pods of our controllers carry the label too. */
#define AGENTS TAKEOVER_LABEL ",app.kubernetes.io/component=spiderpool-agent"

struct settled {
	struct controller *c;
	struct kube_cache *agents;
	struct kube_watch *watch;
	void (*changed)(void *arg);
	void *arg;
};

static bool has_ended(const struct kube_pod *p)
{
	const char *phase = p->status.phase;

	return p->meta.deleted_at ||
	       (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0));
}

bool settled_is_behind(const struct kube_pod *agent, bool node_ready, const char *version)
{
	if (!node_ready || has_ended(agent))
		return false;
	return settled_number(json_map_get(&agent->meta.annotations, API_ANNOTATION_POOLS_SEEN)) <
	       settled_number(version);
}

static void agent_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct settled *s = arg;

	(void)old;
	(void)now;
	s->changed(s->arg);
}

static bool is_ready(const struct kube_item *item)
{
	return item && world_node_ready(item->view);
}

static void node_changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct settled *s = arg;

	if (is_ready(old) != is_ready(now))
		s->changed(s->arg);
}

static void trouble(const struct err *why, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "agents' Pods are not followed now: %s", why->msg);
}

int settled_start(struct controller *c, void (*changed)(void *arg), void *arg, struct settled **ret,
		  struct err *e)
{
	struct settled *s = calloc(1, sizeof(*s));
	const struct kube_cache_conf cc = { .table = &kube_pod_table, .changed = agent_changed, .arg = s };
	struct kube_watch_conf wc = { .k = c->k,
				      .res = &kube_resources[KUBE_PODS],
				      .ns = c->conf.ns,
				      .labels = AGENTS,
				      .table = &kube_pod_table,
				      .event = kube_cache_event,
				      .trouble = trouble };
	int r;

	*ret = NULL;
	if (!s)
		return err_nomem(e);
	*s = (struct settled){ .c = c, .changed = changed, .arg = arg };
	r = kube_cache_new(&cc, &s->agents, e);
	wc.arg = s->agents;
	if (r == 0)
		r = kube_watch_start(&wc, &s->watch, e);
	if (r < 0) {
		settled_stop(s);
		return r;
	}
	world_listen(c->world, WORLD_NODES, node_changed, s);
	*ret = s;
	return 0;
}

void settled_end(struct settled *s)
{
	if (!s)
		return;
	kube_watch_stop(s->watch);
	s->watch = NULL;
}

void settled_stop(struct settled *s)
{
	if (!s)
		return;
	settled_end(s);
	kube_cache_free(s->agents);
	free(s);
}

bool settled_synced(struct settled *s)
{
	return kube_cache_wait(s->agents, deadline_in(0));
}

static bool node_ready(struct settled *s, const char *node)
{
	const struct kube_item *item =
		node ? kube_cache_get(world_cache(s->c->world, WORLD_NODES), NULL, node) : NULL;
	bool ready = is_ready(item);

	kube_item_put(item);
	return ready;
}

int settled_behind(struct settled *s, const char *version, struct status_names *ret, struct err *e)
{
	struct kube_items all;
	int r = kube_cache_pick(s->agents, NULL, NULL, &all, e);

	*ret = (struct status_names){ 0 };
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		const struct kube_pod *p = all.v[i]->view;

		if (p && settled_is_behind(p, node_ready(s, p->spec.node), version))
			status_name(ret, "%s", p->spec.node);
	}
	kube_items_clear(&all);
	if (r == 0)
		status_names_end(ret);
	return r;
}
