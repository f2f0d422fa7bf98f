/* SPDX-License-Identifier: Apache-2.0 */
/* gc_sim.h - a cluster for the garbage collector: an API server, nodes with kubelets and agents, blocks
 *
 * What is true is here: objects, containers that run or do not, records. The controller's own sources are
 * compiled against it (test_gc_model.c): they see the objects through sim_get() and sim_list(), which may
 * fail, and through a cache that follows late, twice, or not at all. Time is ours.
 */
#ifndef TEST_GC_SIM_H
#define TEST_GC_SIM_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/block.h"
#include "base/own.h"
#include "store/store.h"

#define NODES      4
#define SETS       2
#define REPLICAS   4
#define PODS       24 /* names; the first SETS * REPLICAS are of StatefulSets */
#define BLOCKS     2
#define ADDRESSES  (BLOCKS * IP_BLOCK_SIZE)
#define CONTAINERS 4096 /* remembered */
#define TEARDOWN   25000
#define READY_MS   40000 /* silence after which a node is not ready */

struct sim_node {
	bool exists, ready;          /* of its object */
	int64_t since, boot_told_at; /* until then its status is of the boot before; 0: it is not */
	bool up, cut, agent;         /* runs; does not reach the API server; its agent runs */
	int boot;
	int64_t silent_since; /* 0: it is heard of */
};

struct sim_pod {
	bool exists, deleting, ended, failed;
	unsigned uid;
	int node;
	int64_t created, deleted_at, gone_at; /* gone_at: of the last that had the name */
	int64_t add_at;                       /* 0: no ADD under way */
	unsigned add_uid;
};

struct sim_set {
	bool exists;
	int replicas;
};

struct sim_container {
	unsigned uid;
	int pod, node, boot;
	bool live;
	int64_t ends_at; /* 0: nobody stops it */
	bool known;      /* to its node's agent, which frees it when it ends */
};

struct sim_block {
	char text[BLOCK_TEXT_MAX / 32];
	size_t len;
	uint64_t version;
};

struct sim {
	int64_t now;
	struct sim_node node[NODES];
	struct sim_pod pod[PODS];
	struct sim_set set[SETS];
	struct sim_container container[CONTAINERS];
	unsigned next_container, next_uid;
	struct sim_block block[BLOCKS];
	uint64_t version;
	bool lossy;       /* watches are late, lost and doubled in this run */
	bool failing;     /* calls fail */
	int64_t fails_to; /* the API server fails until then */
	bool inside;      /* a worker of the controller is at it */
};
static struct sim S;

static unsigned rnd(unsigned n)
{
	return (unsigned)random() % n;
}

static bool odds(unsigned percent)
{
	return rnd(100) < percent;
}

/* What happened; the test hands it to the controller's watches. kind: enum world_kind. */
static void sim_event(int kind, int i);

/* ---- names ---- */

static const char *pod_name(int p)
{
	static char name[PODS][32];

	if (p < SETS * REPLICAS)
		snprintf(name[p], 32, "set%d-%d", p / REPLICAS, p % REPLICAS);
	else
		snprintf(name[p], 32, "pod%d", p);
	return name[p];
}

static bool is_fixed(int p)
{
	return p < SETS * REPLICAS;
}

static bool set_wants(int p)
{
	return S.set[p / REPLICAS].exists && p % REPLICAS < S.set[p / REPLICAS].replicas;
}

static bool pod_alive(const struct sim_pod *p)
{
	return p->exists && !p->deleting && !p->ended;
}

static struct sim_container *container_of(const char *name)
{
	return &S.container[strtoul(name + 1, NULL, 10) % CONTAINERS];
}

/* ---- records, as a node's agent writes them ---- */

static void block_read(int i, struct block *b)
{
	struct err e;

	if (block_decode(4, (ip_num)(0x0a000000 >> 6) + (ip_num)i, S.block[i].text, S.block[i].len, b, &e) <
	    0)
		fail_msg("%s", e.msg);
}

static void block_write(int i, const struct block *b)
{
	struct buf out = BUF_INIT(BLOCK_TEXT_MAX);
	struct err e;

	if (block_encode(b, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(out.len < sizeof(S.block[i].text));
	S.block[i].len = out.len;
	memcpy(S.block[i].text, buf_cstr(&out), out.len + 1);
	S.block[i].version = ++S.version;
	buf_clear(&out);
	sim_event(3, i); /* WORLD_BLOCKS */
}

/* Does any address of the blocks say so? The container's own, or what waits for the pod. */
static bool find_record(struct block *b, int *at, bool (*want)(const struct block_rec *r, const void *arg),
			const void *arg)
{
	for (int k = 0; k < BLOCKS; k++) {
		block_read(k, b);
		for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
			if (want(&b->rec[i], arg)) {
				*at = k * IP_BLOCK_SIZE + (int)i;
				return true;
			}
		}
		block_clear(b);
	}
	return false;
}

static bool is_containers(const struct block_rec *r, const void *arg)
{
	return r->container[0] && strcmp(r->container, arg) == 0;
}

static bool waits_for(const struct block_rec *r, const void *arg)
{
	return r->hold == HOLD_STS && strcmp(r->pod, arg) == 0;
}

static bool is_unused(const struct block_rec *r, const void *arg)
{
	(void)arg;
	return (r->hold == HOLD_NONE || r->hold == HOLD_FREE) && odds(30);
}

static void agent_add(int p)
{
	struct sim_pod *pod = &S.pod[p];
	unsigned c = ++S.next_container;
	char container[16], uid[16], node[16], boot[16], ref[32];
	struct block_rec *r;
	struct block b;
	int at;

	if (!(is_fixed(p) && find_record(&b, &at, waits_for, pod_name(p))) &&
	    !find_record(&b, &at, is_unused, NULL))
		return;
	r = &b.rec[at % IP_BLOCK_SIZE];
	block_rec_init(r);
	snprintf(container, 16, "c%u", c);
	snprintf(uid, 16, "u%u", pod->add_uid);
	snprintf(node, 16, "n%d", pod->node);
	snprintf(boot, 16, "b%d", S.node[pod->node].boot);
	snprintf(ref, 32, "ns/set%d/%d", p / REPLICAS, p % REPLICAS);
	r->hold = is_fixed(p) ? HOLD_STS : HOLD_POD;
	r->ref = is_fixed(p) ? ref : "";
	r->pool = "v4", r->network = "net", r->ns = "ns", r->nic = "eth0";
	r->pod = pod_name(p);
	r->container = container, r->uid = uid, r->node = node, r->boot = boot;
	r->since = S.now + (odds(5) ? (int64_t)rnd(900) : 0); /* clocks are not quite the same */
	block_write(at / IP_BLOCK_SIZE, &b);
	block_clear(&b);
	S.container[c % CONTAINERS] = (struct sim_container){ .uid = pod->add_uid,
							      .pod = p,
							      .node = pod->node,
							      .boot = S.node[pod->node].boot,
							      .live = true,
							      .known = true };
}

/* Its own node's DEL, whenever that comes: by the container alone. */
static void agent_del(unsigned c)
{
	const struct sim_container *k = &S.container[c % CONTAINERS];
	char name[16];
	struct block b;
	int at;

	snprintf(name, 16, "c%u", c);
	if (!find_record(&b, &at, is_containers, name))
		return;
	if (b.rec[at % IP_BLOCK_SIZE].hold == HOLD_STS && set_wants(k->pod)) {
		struct block_rec *r = &b.rec[at % IP_BLOCK_SIZE];

		r->container = r->uid = r->boot = "";
		r->since = S.now;
	} else {
		block_rec_init(&b.rec[at % IP_BLOCK_SIZE]);
		b.rec[at % IP_BLOCK_SIZE].hold = HOLD_FREE;
		b.rec[at % IP_BLOCK_SIZE].since = S.now;
	}
	block_write(at / IP_BLOCK_SIZE, &b);
	block_clear(&b);
}

/* ---- nodes at work ---- */

static bool works(int n)
{
	return S.node[n].up && !S.node[n].cut;
}

/* The kubelet stops what is not to run any more, within its time; the API server's object of a pod that is
 * being deleted goes when its container has ended. DEL may be lost: no plugin, no agent. */
static void kubelet(int n)
{
	for (unsigned c = S.next_container < CONTAINERS ? 1 : S.next_container - CONTAINERS + 1;
	     c <= S.next_container; c++) {
		struct sim_container *k = &S.container[c % CONTAINERS];
		struct sim_pod *p = &S.pod[k->pod];
		bool wanted = p->exists && p->uid == k->uid && !p->deleting && !p->ended;

		if (k->node != n || !(k->live || k->known))
			continue;
		if (k->live && k->boot != S.node[n].boot)
			k->live = false;
		if (wanted && k->live)
			continue;
		if (k->live && !k->ends_at)
			k->ends_at = S.now + (int64_t)rnd(TEARDOWN);
		if (k->live && k->ends_at > S.now)
			continue;
		k->live = false;
		if (p->exists && p->uid == k->uid && p->deleting && p->deleted_at <= S.now) {
			p->exists = false;
			p->gone_at = S.now;
			sim_event(5, k->pod);
		}
		if (wanted || !S.node[n].agent)
			continue;
		if (k->known && odds(50))
			agent_del(c);
		k->known = false;
	}
}

static void node_heard(int n)
{
	struct sim_node *k = &S.node[n];

	if (!works(n)) {
		k->silent_since = k->silent_since ? k->silent_since : S.now;
		if (k->exists && k->ready && S.now - k->silent_since >= READY_MS) {
			k->ready = false;
			k->since = S.now;
			sim_event(6, n);
		}
		return;
	}
	k->silent_since = 0;
	if (k->boot_told_at && k->boot_told_at <= S.now) {
		k->boot_told_at = 0;
		sim_event(6, n);
	}
	if (k->exists && !k->ready && odds(50)) {
		k->ready = true;
		k->since = S.now;
		sim_event(6, n);
	}
}

static void pods_start(void)
{
	for (int i = 0; i < PODS; i++) {
		struct sim_pod *p = &S.pod[i];

		if (!p->add_at || p->add_at > S.now)
			continue;
		p->add_at = 0;
		/* The container starts with its ADD, even if its pod has just gone: then it is stopped again.
		 */
		if (works(p->node) && S.node[p->node].agent)
			agent_add(i);
	}
}

/* ---- what happens ---- */

static void create_pod(int i)
{
	struct sim_pod *p = &S.pod[i];
	int n = (int)rnd(NODES);

	if (p->exists || p->add_at || !S.node[n].exists || !S.node[n].ready || (is_fixed(i) && !set_wants(i)))
		return;
	*p = (struct sim_pod){ .exists = true,
			       .uid = ++S.next_uid,
			       .node = n,
			       .created = S.now,
			       .gone_at = p->gone_at,
			       .add_at = S.now + 100 + (int64_t)rnd(3000) };
	p->add_uid = p->uid;
	sim_event(5, i);
}

static void remove_pod(int i, bool force)
{
	struct sim_pod *p = &S.pod[i];

	if (!p->exists)
		return;
	if (force) {
		p->exists = false;
		p->gone_at = S.now;
	} else if (!p->deleting) {
		p->deleting = true;
		p->deleted_at = S.now + 1000 * (int64_t)rnd(30);
	}
	sim_event(5, i);
}

static void end_pod(int i, bool failed)
{
	struct sim_pod *p = &S.pod[i];

	if (!p->exists || p->ended || !works(p->node))
		return;
	p->ended = true;
	p->failed = failed;
	sim_event(5, i);
}

/* kube-controller-manager: pods of nodes that are not ready are deleted, those of nodes that are gone
 * removed. */
static void pod_gc(void)
{
	for (int i = 0; i < PODS; i++) {
		const struct sim_node *n = &S.node[S.pod[i].node];

		if (S.pod[i].exists && !n->exists)
			remove_pod(i, true);
		else if (S.pod[i].exists && !n->ready && S.now - n->since > 60000)
			remove_pod(i, false);
	}
}

/* The kubelet says so when it has started, before or behind the first pods. */
static void new_boot(int n)
{
	S.node[n].boot++;
	S.node[n].boot_told_at = S.now + 1 + (int64_t)rnd(20000);
}

static void node_fails(int n)
{
	struct sim_node *k = &S.node[n];

	switch (rnd(6)) {
	case 0: /* power off, or on again: another boot */
		k->up = !k->up;
		if (k->up) {
			new_boot(n);
		}
		for (int c = 0; c < CONTAINERS && !k->up; c++)
			if (S.container[c].node == n)
				S.container[c].live = false;
		break;
	case 1:
		k->cut = !k->cut;
		break;
	case 2:
		k->agent = !k->agent;
		break;
	case 3: /* a quick restart that nobody notices but by the boot */
		if (!k->up)
			break;
		new_boot(n);
		for (int c = 0; c < CONTAINERS; c++)
			if (S.container[c].node == n)
				S.container[c].live = false;
		break;
	case 4:
		if (k->exists && !works(n)) {
			k->exists = false;
			sim_event(6, n);
		}
		break;
	default:
		if (!k->exists && works(n)) {
			k->exists = k->ready = true;
			k->since = S.now;
			sim_event(6, n);
		}
	}
}

static void node_heals(int n)
{
	struct sim_node *k = &S.node[n];

	if (!k->up) {
		k->up = true;
		new_boot(n);
	}
	k->cut = false;
	k->agent = true;
	if (!k->exists) {
		k->exists = k->ready = true;
		k->since = S.now;
		sim_event(6, n);
	}
}

static void scale(int s)
{
	struct sim_set *k = &S.set[s];

	if (odds(15))
		k->exists = !k->exists;
	else
		k->replicas = (int)rnd(REPLICAS + 1);
	sim_event(7, s);
	for (int i = s * REPLICAS; i < (s + 1) * REPLICAS; i++)
		if (!set_wants(i))
			remove_pod(i, false);
}

/* Somebody else's doing, between two breaths. */
static void sim_act(void)
{
	unsigned what = rnd(100);
	int i = (int)rnd(PODS);

	if (what < 45)
		create_pod(i);
	else if (what < 60)
		remove_pod(i, false);
	else if (what < 66)
		remove_pod(i, true);
	else if (what < 72)
		end_pod(i, odds(30));
	else if (what < 76)
		node_fails((int)rnd(NODES));
	else if (what < 82 && !S.inside)
		scale((int)rnd(SETS));
	else if (what < 85)
		pod_gc();
	else if (what < 90)
		node_heals((int)rnd(NODES));
	for (int n = 0; n < NODES; n++) {
		node_heard(n);
		if (works(n))
			kubelet(n);
	}
	pods_start();
}

static void sim_start(bool lossy, bool failing)
{
	S = (struct sim){ .now = 1700000000000, .lossy = lossy, .failing = failing };
	for (int n = 0; n < NODES; n++)
		S.node[n] = (struct sim_node){ .exists = true,
					       .ready = true,
					       .since = S.now - 3600000,
					       .up = true,
					       .agent = true,
					       .boot = 1 };
	for (int s = 0; s < SETS; s++)
		S.set[s] = (struct sim_set){ true, REPLICAS };
	clock_freeze_wall(S.now);
}

#endif
