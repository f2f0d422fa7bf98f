/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - for each NIC and family: the pools that may serve it, in order, and why the others may not
 *
 * The order is affinity first (spec/ipam.md 3.3), then the order the user wrote; a refused pool stays in the
 * list behind the usable ones with its reason, so that an error and `spiderpoolctl why` say the same.
 */
#ifndef IPAM_PLAN_H
#define IPAM_PLAN_H

#include "ipam/candidates.h"
#include "ipam/txn.h"

struct plan_pool {
	char *name;
	char *refusal;           /* NULL: usable */
	struct api_ippool obj;   /* zeroed when the pool does not exist */
	struct ip_prefix subnet; /* zeroed when there is none */
	struct ip_set eligible;  /* ips - excludeIPs - reserved addresses; of usable pools only */
};

struct plan_family {
	uint8_t ver;
	struct plan_pool *pools;
	size_t n;
};

struct plan_nic {
	char *nic;
	bool clean_gateway;
	struct plan_family fam[2];
	size_t n_fam;
};

struct plan {
	struct candidates cand; /* the rule and the routes of the annotation */
	struct plan_nic *nics;
	size_t n;
	struct ip_set reserved[2]; /* IPv4, IPv6 */
};

/* Reads pools and reserved addresses in the open transaction. Code ERR_CONFIG when the pod or the
 * configuration asks for what cannot be (malformed annotation, no pool at all); a pool that is refused is no
 * error here. */
int plan_make(struct txn *t, const struct ipam_request *req, struct plan *ret, struct err *e);
void plan_clear(struct plan *p);

/* Each NULL when there is none. */
const struct plan_nic *plan_nic_find(const struct plan *p, const char *nic);
const struct plan_family *plan_family_find(const struct plan_nic *nic, uint8_t ver);
const struct plan_pool *plan_find(const struct plan_family *f, const char *pool);

/* All reserved addresses: IPv4, IPv6. */
int plan_reserved(struct txn *t, struct ip_set sets[2], struct err *e);

/* The index terms a pool is stored with: by family, and by family when it is a default pool. Fixed strings,
 * at most POOL_TERMS_MAX with the NULL. */
#define POOL_TERMS_MAX 3
#define POOL_TERM_IPV4 "family=4"
#define POOL_TERM_IPV6 "family=6"
void pool_terms(const struct api_ippool *p, const char *terms[POOL_TERMS_MAX]);

/* Why a pool may not serve this NIC of the request: an allocated sentence, or NULL when it may (filter.c). */
int pool_refusal(const struct ipam_conf *c, const struct ipam_request *req, const char *nic, uint8_t ver,
		 const struct api_ippool *p, char **ret, struct err *e);

/* The pool that the controller made from a subnet for the request's application and this interface
 * (app_pool.c): *ret is its allocated name. Code ERR_TRY_AGAIN, -EAGAIN: not made yet. */
int app_pool_find(struct txn *t, const struct ipam_request *req, const char *interface, uint8_t ver,
		  const char *subnet, char **ret, struct err *e);

#endif
