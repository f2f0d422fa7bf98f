/* SPDX-License-Identifier: Apache-2.0 */
/* takeover.h - addresses that an older Spiderpool recorded in pools become records of blocks, once
 * (design/allocation.md section 4)
 *
 * It kept who has what in each pool's status.allocatedIPs. Until a pool is marked (API_ANNOTATION_TAKEN_OVER)
 * it serves nothing: filter.c.
 */
#ifndef IPAM_TAKEOVER_H
#define IPAM_TAKEOVER_H

#include "ipam/ipam.h"
#include "kube/client.h"

/* On pods of this Spiderpool: those without it, but with the component labels, are the older one's. */
#define TAKEOVER_LABEL "ipam.spidernet.io/blocks"
#define TAKEOVER_LEASE "spiderpool-takeover"

struct takeover {
	bool stateful_set, kubevirt; /* do their pods keep their addresses */
	/* What could not become a record as it was, a sentence each. */
	void (*told)(const char *sentence, void *arg);
	void *arg;
	/* out, counted up */
	size_t taken, known, refused;
};

/* Has it records that are not taken over? */
bool takeover_due(const struct api_ippool *p);

/* The pool's records. Never over somebody else's: that is told, and stays. Two pods of the older one that
 * claim the same address: it is told and goes into a quarantine without end. Can be repeated. */
int ipam_takeover(struct ipam *m, const struct api_ippool *p, struct takeover *x, struct err *e);

/* ---- all pools of a cluster (takeover_kube.c) ---- */

struct takeover_cluster {
	struct kube *k;
	const char *ns, *identity; /* of the lease */
	/* Ask whether we could write the status of pools: then so could an agent of the older one with the
	 * same account. */
	bool check_rights;
	bool (*stop)(void *arg); /* asked while it waits; NULL: never */
	void *arg;
};

/* -EBUSY, code ERR_TRY_AGAIN: pods of the older Spiderpool are there. */
int takeover_fence(const struct takeover_cluster *c, struct deadline until, struct err *e);
/* Names of the pools that are due. */
int takeover_list(const struct takeover_cluster *c, struct deadline until, struct json_strv *ret,
		  struct err *e);
/* Returns when no pool is due any more, whoever did it; one does it at a time. The number of pools done here.
 */
int takeover_run(const struct takeover_cluster *c, struct ipam *m, struct takeover *x, struct deadline until,
		 struct err *e);

#endif
