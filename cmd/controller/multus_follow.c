/* SPDX-License-Identifier: Apache-2.0 */
/* multus_follow.c - a watch and a cache of a resource that the cluster may not have (yet) */
#include "multus_follow.h"

#include <errno.h>

#include "daemon/say.h"

static void changed(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	const struct follow *f = arg;

	f->c.changed(old, now, f->c.arg);
}

/* All three are on the watch's thread. */
static void synced(void *arg)
{
	struct follow *f = arg;

	if (f->said)
		say(LOG_LEVEL_INFO, "%s: followed now", f->c.res->plural);
	f->said = 0;
	if (f->c.synced)
		f->c.synced(f->c.arg);
}

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	const struct follow *f = arg;

	return kube_cache_event(ev, f->cache, e);
}

static void trouble(const struct err *why, void *arg)
{
	struct follow *f = arg;

	if (f->said == why->sys)
		return;
	f->said = why->sys;
	if (why->sys == ENOENT || why->sys == ENXIO)
		say(LOG_LEVEL_WARN, "%s: the cluster has no %s.%s: waiting for this CustomResourceDefinition",
		    f->c.needed, f->c.res->plural, f->c.res->group);
	else
		say(LOG_LEVEL_WARN, "%s: %s", f->c.needed, why->msg);
}

int follow_new(struct follow *f, const struct follow_conf *c, struct err *e)
{
	const struct kube_cache_conf cache = {
		.table = c->table, .changed = changed, .synced = synced, .arg = f
	};

	*f = (struct follow){ .c = *c };
	return kube_cache_new(&cache, &f->cache, e);
}

int multus_follow_start(struct follow *f, struct err *e)
{
	const struct kube_watch_conf watch = {
		.k = f->c.k,
		.res = f->c.res,
		.table = f->c.table,
		.event = event,
		.trouble = trouble,
		.arg = f,
	};

	return kube_watch_start(&watch, &f->watch, e);
}

void multus_follow_stop(struct follow *f)
{
	kube_watch_stop(f->watch);
	f->watch = NULL;
}

void follow_clear(struct follow *f)
{
	multus_follow_stop(f);
	kube_cache_free(f->cache);
	f->cache = NULL;
}

bool follow_synced(struct follow *f)
{
	return kube_cache_wait(f->cache, deadline_in(0));
}
