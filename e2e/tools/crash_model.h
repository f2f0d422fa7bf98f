/* SPDX-License-Identifier: Apache-2.0 */
/* crash_model.h - what crash.c knows about who must have which address
 *
 * A world is one state directory. In it a slot stands for one pod (or a container without a pod) and its
 * successors: the pod's sandbox and, for a while, the one before it, which was not torn down yet. What a NIC
 * has is known only when its plugin answered; a call that was killed leaves it unknown.
 */
#ifndef E2E_CRASH_MODEL_H
#define E2E_CRASH_MODEL_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ip/ip.h"

#define SLOTS     144
#define NICS      2
#define NETNS     30
#define PARALLEL  50 /* calls in flight in one world */
#define TINY_POOL 10 /* addresses in tiny4 */

enum have {
	NOTHING, /* never had, or DEL was acknowledged */
	UNKNOWN,
	HELD, /* ADD was acknowledged, and nothing was done since that may take it away */
};

struct nic {
	enum have have;
	char *answer; /* HELD: what ADD printed */
	struct ip ip[2];
	size_t n;
};

struct sandbox {
	bool used, busy; /* busy: a call is in flight */
	bool gone;       /* its network namespace is */
	unsigned gen, uid;
	char netns[48];
	struct nic nic[NICS];
};

struct flavour {
	const char *network, *default4, *default6;
	const char *ippools; /* annotation */
	unsigned nics, ips[NICS];
	bool pod, keep, tiny;
};

struct slot {
	unsigned number, gen_at_gc;
	bool robbed; /* an operator took an address away from this pod */
	const struct flavour *f;
	struct sandbox cur, old;
	struct nic kept[NICS]; /* flavours that keep: what the pod had at first */
};

struct world {
	char dir[PATH_MAX];
	unsigned number, in_flight, crowd; /* crowd: calls that are to be in flight */
	bool gc_busy, ctl_busy;
	struct slot slot[SLOTS];
	int netns[NETNS]; /* descriptors; their numbers are used once, as names of namespaces are */
};

static const struct flavour flavours[] = {
	{ .network = "net", .default4 = "wide4", .nics = 1, .ips = { 1 } },
	{ .network = "net", .default4 = "wide4", .default6 = "wide6", .nics = 1, .ips = { 2 }, .pod = true },
	{ .network = "net",
	  .default4 = "tiny4",
	  .default6 = "tiny6",
	  .nics = 1,
	  .ips = { 2 },
	  .pod = true,
	  .tiny = true },
	{ .network = "net",
	  .nics = 2,
	  .ips = { 1, 2 },
	  .pod = true,
	  .ippools = "[{\"interface\":\"eth0\",\"ipv4\":[\"wide4\"]},"
		     "{\"interface\":\"net1\",\"ipv4\":[\"second4\"],\"ipv6\":[\"wide6\"]}]" },
	{ .network = "kept",
	  .default4 = "kept4",
	  .default6 = "kept6",
	  .nics = 1,
	  .ips = { 2 },
	  .pod = true,
	  .keep = true },
	{ .network = "kept",
	  .nics = 2,
	  .ips = { 2, 1 },
	  .pod = true,
	  .keep = true,
	  .ippools = "[{\"interface\":\"net1\",\"ipv4\":[\"kept4\"]},"
		     "{\"interface\":\"eth0\",\"ipv4\":[\"kept4\"],\"ipv6\":[\"kept6\"]}]" },
};

static const char *const nic_names[NICS] = { "eth0", "net1" };

static const struct pool {
	const char *name, *spec;
} pools[] = {
	{ "tiny4", "subnet: 10.1.0.0/24, ips: [10.1.0.10-10.1.0.19]" },
	{ "tiny6", "subnet: 'fd00:1::/64', ips: ['fd00:1::10-fd00:1::1f']" },
	{ "wide4", "subnet: 10.2.0.0/16, ips: [10.2.0.10-10.2.3.200], gateway: 10.2.0.1" },
	{ "wide6", "subnet: 'fd00:2::/64', ips: ['fd00:2::10-fd00:2::ffff:ffff']" },
	{ "second4", "subnet: 10.4.0.0/24, ips: [10.4.0.10-10.4.0.200]" },
	{ "kept4", "subnet: 10.3.0.0/24, ips: [10.3.0.64-10.3.0.250]" },
	{ "kept6", "subnet: 'fd00:3::/64', ips: ['fd00:3::10-fd00:3::ffff']" },
};
/* Applied in turn while others use the pool; what was answered before must be answered again all the same. */
static const struct pool edits[] = {
	{ "wide4", "subnet: 10.2.0.0/16, ips: [10.2.0.10-10.2.3.200], gateway: 10.2.0.1, "
		   "routes: [{dst: 192.0.2.0/24, gw: 10.2.0.2}]" },
	{ "wide4", "subnet: 10.2.0.0/16, ips: [10.2.0.10-10.2.3.200], gateway: 10.2.0.1" },
	{ "wide6", "subnet: 'fd00:2::/64', ips: ['fd00:2::8-fd00:2::ffff:ffff'], gateway: 'fd00:2::1'" },
};

/* ---- names ---- */

static const char *sandbox_id(const struct world *w, const struct slot *s, unsigned gen, char out[48])
{
	snprintf(out, 48, "w%us%ug%u", w->number, s->number, gen);
	return out;
}

/* The sandbox with this container ID; NULL when it was torn down long ago, or there never was one. */
static struct sandbox *sandbox_of(struct world *w, const char *id, struct slot **ret)
{
	unsigned world, number, gen;
	struct slot *s;

	if (sscanf(id, "w%us%ug%u", &world, &number, &gen) != 3 || world != w->number || number >= SLOTS)
		return NULL;
	*ret = s = &w->slot[number];
	if (gen == s->cur.gen)
		return &s->cur;
	return s->old.used && gen == s->old.gen ? &s->old : NULL;
}

/* ---- what a NIC has ---- */

static void nic_become(struct nic *n, enum have have)
{
	free(n->answer);
	*n = (struct nic){ .have = have };
}

/* From now on it may be taken away. */
static void sandbox_expose(struct sandbox *b)
{
	for (unsigned i = 0; i < NICS; i++)
		if (b->nic[i].have == HELD)
			nic_become(&b->nic[i], UNKNOWN);
}

static bool sandbox_is_clean(const struct sandbox *b)
{
	return b->nic[0].have == NOTHING && b->nic[1].have == NOTHING;
}

static bool nic_has(const struct nic *n, struct ip ip)
{
	return (n->n > 0 && ip_equal(n->ip[0], ip)) || (n->n > 1 && ip_equal(n->ip[1], ip));
}

static bool nic_same(const struct nic *a, const struct nic *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!nic_has(b, a->ip[i]))
			return false;
	return a->n == b->n;
}

/* Who must have this address; false when nobody must. */
static bool find_holder(const struct world *w, struct ip ip, const struct nic *but, char where[64])
{
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct slot *s = &w->slot[i];

		for (unsigned k = 0; k < 2 * NICS; k++) {
			const struct sandbox *b = k < NICS ? &s->cur : &s->old;
			const struct nic *n = &b->nic[k % NICS];
			char id[48];

			if (n == but || n->have != HELD || !nic_has(n, ip))
				continue;
			snprintf(where, 64, "%s %s", sandbox_id(w, s, b->gen, id), nic_names[k % NICS]);
			return true;
		}
	}
	return false;
}

/* How many NICs may have an address of the tiny pools now. */
static unsigned tiny_users(const struct world *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SLOTS; i++)
		if (w->slot[i].f->tiny)
			n += (w->slot[i].cur.nic[0].have != NOTHING) +
			     (w->slot[i].old.nic[0].have != NOTHING);
	return n;
}

/* ---- slots ---- */

/* A GC in flight was told which containers live, and which will be each slot's next one. */
static bool slot_may_advance(const struct world *w, const struct slot *s)
{
	return !s->cur.busy && !s->old.used && !(w->gc_busy && s->cur.gen > s->gen_at_gc);
}

/* The next sandbox: of the same pod, or of a new one with its name. What the one before has not given back
 * is torn down later. */
static void slot_advance(const struct world *w, struct slot *s, unsigned netns, bool new_pod)
{
	struct sandbox next = { .used = true, .gen = s->cur.gen + 1, .uid = s->cur.uid + new_pod };

	snprintf(next.netns, sizeof(next.netns), "/proc/%d/fd/%d", (int)getpid(), w->netns[netns]);
	if (s->cur.used && !sandbox_is_clean(&s->cur))
		s->old = s->cur;
	s->robbed &= !new_pod;
	s->cur = next;
}

static void world_init(struct world *w, unsigned number, const char *dir)
{
	w->number = number;
	snprintf(w->dir, sizeof(w->dir), "%s", dir);
	for (unsigned i = 0; i < SLOTS; i++) {
		w->slot[i] = (struct slot){ .number = i, .f = &flavours[i % ARRAY_LEN(flavours)] };
		slot_advance(w, &w->slot[i], i % NETNS, true);
	}
}

#endif
