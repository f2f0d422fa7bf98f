/* SPDX-License-Identifier: Apache-2.0 */
/* lead.c - one replica leads: it has the world and the parts for as long as the Lease is its own */
#include "controller.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kube/thread.h"

#define LEASE    "spiderpool-controller-leases"
#define WAKE_MS  60000
#define AGAIN_MS 2000

/* In the order in which they start. */
static const struct controller_part *const parts[] = {
	&part_pools, &part_subnets, &part_applications, &part_gc, &part_multus, &part_coordinator,
};

static void wake(struct controller *c)
{
	pthread_mutex_lock(&c->lock);
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* ---- of the lease's thread ---- */

static void leading(void *arg)
{
	struct controller *c = arg;

	say(LOG_LEVEL_INFO, "this replica leads");
	c->leading = true;
	wake(c);
}

static void lost(void *arg)
{
	struct controller *c = arg;

	say(LOG_LEVEL_INFO, "this replica leads no more");
	c->leading = false;
	wake(c);
}

static void lease_trouble(const struct err *why, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "lease %s: %s", LEASE, why->msg);
}

/* ---- the parts ---- */

static void trouble(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

static void parts_stop(struct controller *c)
{
	if (c->world)
		world_stop(c->world);
	for (size_t i = ARRAY_LEN(parts); i-- > 0;) {
		if (c->parts[i])
			parts[i]->stop(c->parts[i]);
		c->parts[i] = NULL;
	}
	world_free(c->world);
	c->world = NULL;
}

static int parts_start(struct controller *c, struct err *e)
{
	const struct world_conf conf = { .k = c->k, .trouble = trouble, .arg = c };
	int r = world_new(&conf, &c->world, e);

	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++) {
		r = parts[i]->start(c, &c->parts[i], e);
		if (r < 0)
			err_wrap(e, "%s", parts[i]->name);
	}
	if (r == 0)
		r = world_start(c->world, e);
	if (r < 0)
		parts_stop(c);
	return r;
}

static bool wanted(struct controller *c)
{
	return c->leading && !c->stopping;
}

static void wait_while(struct controller *c, bool leads, int64_t most_ms)
{
	struct deadline until = deadline_in(most_ms);

	pthread_mutex_lock(&c->lock);
	while (wanted(c) == leads && !c->stopping && deadline_left(until) > 0)
		kube_cond_wait(&c->changed, &c->lock, until);
	pthread_mutex_unlock(&c->lock);
}

static void lead(struct controller *c)
{
	struct err e;
	int r;

	pthread_mutex_lock(&c->using);
	r = parts_start(c, &e);
	pthread_mutex_unlock(&c->using);
	if (r < 0) {
		say(LOG_LEVEL_ERROR, "could not begin to lead, trying again: %s", e.msg);
		wait_while(c, true, AGAIN_MS);
		return;
	}
	while (wanted(c))
		wait_while(c, true, WAKE_MS);
	pthread_mutex_lock(&c->using);
	parts_stop(c);
	pthread_mutex_unlock(&c->using);
}

static void *run(void *arg)
{
	struct controller *c = arg;

	while (!c->stopping) {
		if (wanted(c))
			lead(c);
		else
			wait_while(c, false, WAKE_MS);
	}
	return NULL;
}

/* ---- for the others ---- */

int lead_start(struct controller *c, struct err *e)
{
	const struct kube_lease_conf conf = { .k = c->k,
					      .ns = c->conf.ns,
					      .name = LEASE,
					      .identity = c->conf.pod,
					      .duration_ms = (unsigned)(c->conf.lease_s * 1000),
					      .renew_ms = (unsigned)(c->conf.renew_s * 1000),
					      .retry_ms = (unsigned)(c->conf.retry_s * 1000),
					      .leading = leading,
					      .lost = lost,
					      .trouble = lease_trouble,
					      .arg = c };
	int r = kube_thread(&c->leader, run, c, e);

	c->has_leader = r == 0;
	return r < 0 ? r : kube_lease_start(&conf, &c->lease, e);
}

void lead_stop(struct controller *c)
{
	wake(c);
	if (c->has_leader)
		pthread_join(c->leader, NULL);
	/* After the parts have ended: the next leader may begin at once. */
	kube_lease_stop(c->lease);
}

struct world *lead_use(struct controller *c)
{
	pthread_mutex_lock(&c->using);
	if (!c->world)
		pthread_mutex_unlock(&c->using);
	return c->world;
}

void lead_done(struct controller *c)
{
	pthread_mutex_unlock(&c->using);
}

void *lead_part(struct controller *c, const struct controller_part *part)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i] == part)
			return c->parts[i];
	return NULL;
}
