/* SPDX-License-Identifier: Apache-2.0 */
/* keep.h - addresses that are already this pod's: a new sandbox of the same pod, or a pod re-created under
 * its name */
#ifndef IPAM_KEEP_H
#define IPAM_KEEP_H

#include "ipam/endpoint.h"
#include "ipam/plan.h"
#include "ipam/release.h"

struct kept_address {
	struct ip addr;
	struct txn_block *block;
	struct block_rec *rec;
	const char *pool;
	bool lost; /* the endpoint says so, but the record is gone and nobody has the address: to be claimed
		      again */
};

struct kept {
	bool same_uid; /* the same pod in a new sandbox: answered as before, without looking at pools again */
	struct kept_address v[2];
	size_t n; /* 0: nothing is kept for this NIC */
};

/* What the pod's endpoint and the blocks agree on for this NIC. */
int kept_find(struct txn *t, const struct ipam_request *req, const char *nic, struct kept *ret,
	      struct err *e);
/* 1: the pod's endpoint has the NIC, and this very container holds it. */
int kept_by_container(struct txn *t, const struct ipam_request *req, const char *nic, struct err *e);
/* Kept, by whatever keeps it, for the request's pod and NIC, and nobody has it. */
bool kept_waits_for(const struct block_rec *r, const struct ipam_request *req);
const struct kept_address *kept_of(const struct kept *k, uint8_t ver);

/* The attachment that has what is kept, if a container has it: 1 found, 0 not. */
int kept_former(struct txn *t, const struct kept *k, struct stored_attachment *ret, struct err *e);
/* Is that all the former attachment has, and was none of it taken away? */
bool kept_whole(const struct kept *k, const struct ipam_attachment *former);

/* Is a record of it gone? */
bool kept_lost(const struct kept *k);
/* What waits for this pod in NICs that it has no longer is free. */
int kept_drop_others(struct txn *t, const struct ipam_request *req, const struct plan *p, struct err *e);

/* Takes the NIC out of the hands of its former container: forgets that attachment and frees what it has
 * beside the kept addresses; what it claimed ahead moves to the new container's req->nic, and *ahead gets
 * those names too. NICs of the plan (NULL: none) are left alone: the same call claims them one by one. Code
 * ERR_TRY_AGAIN while a former sandbox of another pod UID still lives. */
int kept_take_over(struct txn *t, const struct ipam_request *req, const struct plan *p, const struct kept *k,
		   struct json_strv *ahead, struct err *e);
/* One NIC's claim ahead goes from a container to req's, and to the NIC that asks now; *ahead gets its name.
 */
int kept_move_ahead(struct txn *t, const struct ipam_request *req, const char *container, const char *nic,
		    struct json_strv *ahead, struct err *e);
/* Gives up one kept address: another was asked for, or its pool no longer serves this pod. */
void kept_drop(struct txn *t, struct kept *k, uint8_t ver);

#endif
