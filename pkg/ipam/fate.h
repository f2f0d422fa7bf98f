/* SPDX-License-Identifier: Apache-2.0 */
/* fate.h - whether the owner of an address has died: the rules alone (design: allocation.md section 5)
 *
 * Alive is what the API and the node's own agent say. A node's agent frees what ends there by itself; these
 * are the rules for what it did not, or could not. Whoever calls has read the objects from the API after the
 * record (ipam/judge.h), and compares the record again when it changes it (ipam/collect.h).
 *
 * Times are of the API server's clock, in ms.
 */
#ifndef IPAM_FATE_H
#define IPAM_FATE_H

#include "api/block.h"

/* The agent of a node that is ready frees what is left of a pod that is gone within 36 s (30 s for the
 * teardown, then it looks); that, and some for it to start anew. Counted from when the pod was gone and the
 * node was ready; behind it nobody will. */
#define FATE_AGENT_MS 60000
/* A node that is not ready may be so for a moment. */
#define FATE_NOT_READY_MS 60000
/* A node's object may still name the boot before the one that a record is of. */
#define FATE_BOOT_MS 60000
/* Only with fate_rules.running_without_ip: how long a pod may run before it shows an address. */
#define FATE_NO_IP_MS 600000

enum fate_pod_is {
	FATE_POD_UNKNOWN, /* the record names none */
	FATE_POD_ABSENT,  /* no such pod, or it has another UID */
	FATE_POD_SAME,
	FATE_POD_STATIC, /* another UID, but kubelet's static pod of that name on the record's node: its
			    object is made anew while its containers run on */
};

struct fate_pod {
	enum fate_pod_is is;
	int64_t gone_since; /* ABSENT: since when that is known */
	/* SAME */
	bool alive;         /* kube_pod_alive() */
	bool silent;        /* runs, and shows no address */
	int64_t deleted_at; /* deletionTimestamp, which contains the grace; 0: not being deleted */
};

enum fate_node_is {
	FATE_NODE_UNKNOWN, /* neither record nor pod names it */
	FATE_NODE_ABSENT,
	FATE_NODE_READY,
	FATE_NODE_NOT_READY,
};

struct fate_node {
	enum fate_node_is is;
	int64_t since;    /* READY, NOT_READY */
	const char *boot; /* lent; "" for unknown */
};

struct fate_facts {
	int64_t now;
	struct fate_pod pod;
	struct fate_node node;
	bool hold_lives; /* of HOLD_STS: the ordinal is one of its StatefulSet's; of HOLD_VM: the machine is
			    there */
};

/* The switches of spec/ipam.md 7.1 (docs/controller/gc.md). Zeroed: the node's agents free all that ends. */
struct fate_rules {
	bool ready_nodes, not_ready_nodes, running_without_ip;
	int64_t delay_ms;
};

enum fate_verdict {
	FATE_KEEP,
	FATE_LATER, /* look again at .at */
	FATE_FREE,
	FATE_CLEAR, /* the holder is dead, what keeps the address is not */
};

struct fate {
	enum fate_verdict verdict;
	bool unconfirmed;       /* FREE, CLEAR: without word from its node */
	bool kept_without_node; /* KEEP: of a pod whose node is gone */
	int64_t at;             /* LATER */
	const char *why;        /* a part of a sentence; never NULL, lives for ever */
};

/* Does anything have to be known about it? False: nothing of a pod's is there. */
bool fate_concerns(const struct block_rec *r);
/* It waits for its pod to come back: only hold_lives decides. */
bool fate_waits(const struct block_rec *r);
struct fate fate_of(const struct block_rec *r, const struct fate_facts *f, const struct fate_rules *rules);

#endif
