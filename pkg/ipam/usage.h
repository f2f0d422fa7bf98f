/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h - looking without touching: usage of pools, who has an address, why a pod gets what it gets */
#ifndef IPAM_USAGE_H
#define IPAM_USAGE_H

#include "api/block.h"
#include "ipam/plan.h"

struct ipam_usage {
	int64_t total;    /* ips - excludeIPs */
	int64_t reserved; /* of these, by SpiderReservedIPs and not held */
	int64_t in_use;   /* a container has it */
	int64_t kept;     /* nobody has it now, but it waits for its pod */
	int64_t cooling, quarantined;
	int64_t free; /* can be handed out now, cooling ones included */
};

/* Of one pool, counted from the blocks. */
int usage_of(struct txn *t, const struct api_ippool *pool, struct ipam_usage *ret, struct err *e);
/* The same in a transaction of its own. */
int ipam_usage_of(struct ipam *m, const struct api_ippool *pool, struct ipam_usage *ret, struct err *e);

/* Calls each() for every record in the set's addresses (NULL: all), in address order; rec is lent. */
struct ipam_found {
	struct ip addr;
	const struct block_rec *rec;
};
int ipam_records(struct ipam *m, const struct ip_set *set,
		 int (*each)(const struct ipam_found *f, void *arg, struct err *e), void *arg, struct err *e);

/* The same inside an open transaction. */
int usage_walk(struct txn *t, const struct ip_set *set,
	       int (*each)(const struct ipam_found *f, void *arg, struct err *e), void *arg, struct err *e);

/* What the pod of this request would get: one row for each NIC, family and candidate pool, in the order they
 * are tried. */
struct ipam_row {
	char *nic, *pool;
	uint8_t ver;
	char *refusal; /* NULL: usable, and then what follows is filled in */
	struct ipam_usage usage;
	bool has_next;
	struct ip next;
};
struct ipam_explain {
	enum rule rule;
	struct ipam_row *rows;
	size_t n;
	/* The first NIC and family for which there is no address, and what ADD would say; NULL: none. A pod
	 * whose address is kept gets it nevertheless. */
	char *failure, *failed_nic;
	uint8_t failed_ver;
};
int ipam_explain(struct ipam *m, const struct ipam_request *req, struct ipam_explain *ret, struct err *e);
void ipam_explain_clear(struct ipam_explain *x);

#endif
