/* SPDX-License-Identifier: Apache-2.0 */
/* candidates.h - which pools a pod asks for: annotations, then configuration, then the default pools
 *
 * The first rule that applies decides alone (spec/ipam.md 2.5): subnets, subnet, ippools, ippool, the
 * namespace's defaults, the network configuration's defaults, pools with default: true. Names may be
 * wildcards here; plan.h resolves them.
 */
#ifndef IPAM_CANDIDATES_H
#define IPAM_CANDIDATES_H

#include "ipam/ipam.h"

#define ANNOTATION_IPPOOL          "ipam.spidernet.io/ippool"
#define ANNOTATION_IPPOOLS         "ipam.spidernet.io/ippools"
#define ANNOTATION_ROUTES          "ipam.spidernet.io/routes"
#define ANNOTATION_SUBNET          "ipam.spidernet.io/subnet"
#define ANNOTATION_SUBNETS         "ipam.spidernet.io/subnets"
#define ANNOTATION_NETWORKS        "k8s.v1.cni.cncf.io/networks"
#define ANNOTATION_DEFAULT_NETWORK "v1.multus-cni.io/default-network"
/* Of an application's pool. */
#define ANNOTATION_IP_NUMBER "ipam.spidernet.io/ippool-ip-number"
#define ANNOTATION_RECLAIM   "ipam.spidernet.io/ippool-reclaim"
/* Of the namespace. */
#define ANNOTATION_DEFAULT_IPV4 "ipam.spidernet.io/default-ipv4-ippool"
#define ANNOTATION_DEFAULT_IPV6 "ipam.spidernet.io/default-ipv6-ippool"

enum rule {
	RULE_SUBNETS,
	RULE_SUBNET,
	RULE_IPPOOLS,
	RULE_IPPOOL,
	RULE_NAMESPACE,
	RULE_NETWORK,
	RULE_DEFAULT,
	RULE_MAX
};

/* "annotation ipam.spidernet.io/ippools", ... */
const char *rule_name(enum rule r);

struct candidate_nic {
	char *nic;
	bool clean_gateway;
	struct json_strv ipv4,
		ipv6;   /* names or patterns, in the user's order; of a subnet rule: the subnet */
	char *made_for; /* subnet rules: the interface that the application's pool is made for */
};

struct candidates {
	enum rule rule;
	JSON_LIST(struct candidate_nic) nics; /* RULE_DEFAULT: one NIC without names */
	JSON_LIST(struct api_route) routes;   /* annotation ipam.spidernet.io/routes, checked */
};

/* Code ERR_CONFIG when an annotation is malformed; the sentence names it. */
int candidates_select(const struct ipam_conf *c, const struct ipam_request *req, struct candidates *ret,
		      struct err *e);
void candidates_clear(struct candidates *c);

#endif
