/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h - what the API says of the owner of an address, and what follows (ipam/fate.h)
 *
 * Everything is read by quorum, after the record: nothing is decided on what somebody remembers. What is read
 * of nodes, StatefulSets and machines serves the other records of one pass too, until judge_end().
 */
#ifndef IPAM_JUDGE_H
#define IPAM_JUDGE_H

#include <json-c/json.h>

#include "ipam/collect.h"
#include "ipam/fate.h"
#include "kube/object.h"

struct judge_seen; /* what was read in this pass */

struct judge {
	struct kube *k;
	struct kube_cancel *cancel; /* may be NULL */
	struct deadline until;
	int64_t skew_ms; /* what the API server's clock is ahead of ours */
	struct fate_rules rules;
	/* When it became known that the record's pod is gone; at_most: at the latest. NULL: at_most. */
	int64_t (*gone_since)(const struct block_rec *r, int64_t at_most, void *arg);
	void *arg;

	struct judge_seen *seen; /* starts as NULL */
};

/* Fails when it cannot be known: then nothing may be done with it. */
int judge_record(struct judge *j, const struct block_rec *r, struct fate *ret, struct err *e);
void judge_end(struct judge *j);

/* A block's dead, for ipam_collect(). */
struct judged {
	struct collect_item v[IP_BLOCK_SIZE]; /* lends from the block */
	struct fate fate[IP_BLOCK_SIZE];      /* of v */
	size_t n;
	int64_t again_at; /* the earliest LATER; 0: none */
	size_t failed;    /* could not be judged; why is the first */
	struct err why;
};
/* Every record but those that skip() (may be NULL) says yes to. told() (may be NULL) hears of each that was
 * judged, or why (else NULL) it could not be. Ends the pass. */
void judge_block(struct judge *j, const struct block *b, bool (*skip)(const struct block_rec *r, void *arg),
		 void (*told)(struct ip addr, const struct block_rec *r, const struct fate *f,
			      const struct err *why, void *arg),
		 void *arg, struct judged *ret);

/* Is the pod of this UID there? uid "": that of its name, if it was made before since. Of ABSENT, gone_since
 * is not said. */
struct judge_pod {
	struct fate_pod pod;
	char node[254];     /* of the pod of that name; "" for none */
	int64_t created_at; /* ABSENT: when another of that name was made, 0: there is none */
};
int judge_pod(struct judge *j, const char *ns, const char *name, const char *uid, int64_t since,
	      struct judge_pod *ret, struct err *e);

/* Does what keeps an address live: 1, 0. hold is HOLD_STS or HOLD_VM, ref as in api/block.h. */
int judge_hold(struct judge *j, enum hold hold, const char *ref, struct err *e);

/* 1 with its metadata, 0: there is none, or KubeVirt is not installed. res: a custom resource. */
int judge_find(struct judge *j, const struct kube_resource *res, const char *ns, const char *name,
	       struct json_object **ret, struct err *e);

/* For judge_hold.c. kube_get() of res; a name that no object can have is no object's (-ENOENT). */
int judge_get(struct judge *j, const struct kube_resource *res, const char *ns, const char *name,
	      bool metadata_only, struct json_object **ret, struct err *e);

#endif
