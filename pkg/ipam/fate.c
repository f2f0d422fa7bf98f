/* SPDX-License-Identifier: Apache-2.0 */
/* fate.c - whether the owner of an address has died */
#include "ipam/fate.h"

#include <string.h>

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool is_fixed(const struct block_rec *r)
{
	return r->hold == HOLD_STS || r->hold == HOLD_VM;
}

bool fate_concerns(const struct block_rec *r)
{
	return r->hold == HOLD_POD || is_fixed(r);
}

bool fate_waits(const struct block_rec *r)
{
	return is_fixed(r) && !block_rec_has_holder(r) && !r->uid[0];
}

static struct fate keep(const char *why)
{
	return (struct fate){ .verdict = FATE_KEEP, .why = why };
}

/* Dead from due on. */
static struct fate dead(const struct block_rec *r, const struct fate_facts *f, int64_t due, bool unconfirmed,
			const char *why)
{
	struct fate x = { .verdict = FATE_FREE, .unconfirmed = unconfirmed, .why = why };

	if (f->now < due)
		return (struct fate){ .verdict = FATE_LATER, .at = due, .why = why };
	if (is_fixed(r) && f->hold_lives)
		x.verdict = FATE_CLEAR;
	return x;
}

/* No kernel state survives that: the one word of a node that its object has. */
static bool boots_differ(const struct block_rec *r, const struct fate_facts *f)
{
	return f->node.is == FATE_NODE_READY && f->node.boot[0] && r->boot[0] &&
	       strcmp(f->node.boot, r->boot) != 0;
}

/* What was recorded a moment ago may be of a boot that the node's object does not name yet. */
static int64_t believed_at(const struct block_rec *r)
{
	return r->since + FATE_BOOT_MS;
}

static struct fate of_gone(const struct block_rec *r, const struct fate_facts *f,
			   const struct fate_rules *rules)
{
	int64_t gone = f->pod.gone_since < f->now ? f->pod.gone_since : f->now;

	if (f->node.is == FATE_NODE_ABSENT)
		return dead(r, f, gone + rules->delay_ms, true, "its pod and its node are gone");
	if (boots_differ(r, f) && believed_at(r) <= f->now)
		return dead(r, f, gone + rules->delay_ms, false,
			    "its pod is gone, and its node was restarted");
	/* A time in the future is that of a clock that was set back. */
	if (r->since <= f->now)
		gone = later_of(gone, r->since);
	if (f->node.is == FATE_NODE_READY && f->node.since <= f->now)
		gone = later_of(gone, f->node.since);
	return dead(r, f, gone + FATE_AGENT_MS + rules->delay_ms, true,
		    f->node.is == FATE_NODE_NOT_READY
			    ? "its pod is gone, and its node is not ready"
			    : "its pod is gone, and its node's agent has not freed it");
}

static struct fate of_ended_on_ready(const struct block_rec *r, const struct fate_facts *f,
				     const struct fate_rules *rules)
{
	if (!boots_differ(r, f))
		return keep("its pod has ended, and its node's agent frees it when the sandbox is torn down");
	if (!rules->ready_nodes && !is_fixed(r))
		return keep(
			"its pod has ended, and what ends on nodes that are ready is left to their agents");
	return dead(r, f, later_of(f->pod.deleted_at + rules->delay_ms, believed_at(r)), false,
		    "its pod has ended, and its node was restarted");
}

/* It is being deleted or is finished, and its object is there. */
static struct fate of_ended(const struct block_rec *r, const struct fate_facts *f,
			    const struct fate_rules *rules)
{
	struct fate x;

	if (f->node.is == FATE_NODE_READY)
		return of_ended_on_ready(r, f, rules);
	if (f->node.is == FATE_NODE_UNKNOWN)
		return keep("its pod is still there");
	if (is_fixed(r) && f->hold_lives) {
		x = keep("its node cannot be asked, and the address of a pod that keeps it is kept");
		x.kept_without_node = f->node.is == FATE_NODE_ABSENT;
		return x;
	}
	if (f->node.is == FATE_NODE_ABSENT)
		return dead(r, f, f->pod.deleted_at + rules->delay_ms, true,
			    "its pod has ended, and its node is gone");
	if (!rules->not_ready_nodes)
		return keep("its node is not ready, and what ends on such nodes is left to their agents");
	return dead(r, f, later_of(f->pod.deleted_at, f->node.since + FATE_NOT_READY_MS) + rules->delay_ms,
		    true, "its pod has ended, and its node is not ready");
}

static struct fate of_alive(const struct block_rec *r, const struct fate_facts *f,
			    const struct fate_rules *rules)
{
	if (!rules->running_without_ip || is_fixed(r) || !f->pod.silent || r->since > f->now)
		return keep("its pod is alive");
	return dead(r, f, r->since + FATE_NO_IP_MS + rules->delay_ms, true,
		    "its pod runs without an address in its status");
}

struct fate fate_of(const struct block_rec *r, const struct fate_facts *f, const struct fate_rules *rules)
{
	if (!fate_concerns(r))
		return keep("no pod has it");
	if (fate_waits(r)) {
		if (f->hold_lives)
			return keep("it waits for its pod to come back");
		return dead(r, f, 0, r->unconfirmed, "what it was kept for is gone");
	}
	switch (f->pod.is) {
	case FATE_POD_UNKNOWN:
		return keep("it names no pod");
	case FATE_POD_STATIC:
		return keep("it is a static pod's of its node");
	case FATE_POD_SAME:
		return f->pod.alive ? of_alive(r, f, rules) : of_ended(r, f, rules);
	case FATE_POD_ABSENT:
		break;
	}
	return of_gone(r, f, rules);
}
