/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.h - SpiderEndpoint: what a pod has, by NIC; the way back from a pod's name to its addresses
 *
 * Read once a transaction, changed in memory, written with the rest. An endpoint without NICs is deleted.
 * Pods without a name (no Kubernetes) have none. Its name is the pod's, or that of the virtual machine.
 *
 * In a cluster it has a finalizer, a label with its node, and its pod as its owner, unless it outlives the
 * pod (StatefulSet, VM); one that a former pod of the same name left says nothing about this one and is
 * replaced.
 */
#ifndef IPAM_ENDPOINT_H
#define IPAM_ENDPOINT_H

#include "ipam/txn.h"

#define ENDPOINT_LABEL_NODE "ipam.spidernet.io/node"

struct txn_endpoint {
	struct api_endpoint ep; /* name and namespace always set */
	uint64_t version;       /* 0: not in the store */
	bool dirty;
	bool renew; /* is being deleted, and must be there: deleted and created anew */
};

/* NULL in *ret when the pod has no name. */
int endpoint_get(struct txn *t, const char *ns, const char *pod, struct txn_endpoint **ret, struct err *e);
int endpoint_of(struct txn *t, const struct ipam_attachment *a, struct txn_endpoint **ret, struct err *e);
int endpoint_of_request(struct txn *t, const struct ipam_request *req, struct txn_endpoint **ret,
			struct err *e);
int endpoint_of_record(struct txn *t, const struct block_rec *r, struct txn_endpoint **ret, struct err *e);
/* A virtual machine's endpoint has the name of what the address is kept for. */
const char *endpoint_record_name(const struct block_rec *r);
/* In a cluster: left by a former pod of that name. What keeps addresses for a StatefulSet or VM is never. */
bool endpoint_is_stale(const struct txn *t, const struct txn_endpoint *ep, const char *uid, enum hold hold);
struct api_endpoint_ip *endpoint_find(struct txn_endpoint *ep, const char *nic);
/* The NIC's entry becomes what the attachment says; uid and node are renewed. */
int endpoint_set(struct txn *t, const struct ipam_attachment *a, bool clean_gateway, struct err *e);
/* Does the NIC's entry name this address? ep may be NULL. */
bool endpoint_names(struct txn_endpoint *ep, const char *nic, struct ip addr);
/* Takes one address out of the NIC's entry, and the entry when it was the last one; nothing when that names
 * another. */
void endpoint_forget(struct txn_endpoint *ep, const char *nic, struct ip addr);

/* For txn.c. */
int endpoint_flush(struct txn *t, struct err *e);
void endpoint_release(struct txn *t);

#endif
