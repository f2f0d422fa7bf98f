/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - from what is there and what is wanted to the list of changes */
#ifndef VETH_PLAN_H
#define VETH_PLAN_H

#include "conf.h"
#include "podnet/attach.h"

struct veth_plan {
	bool first;     /* of the pod's NICs: it gets the pair */
	uint32_t table; /* of this NIC's routes by the pair; 0: main */
	struct podnet_path path;
	struct podnet_ips node_ips;
	uint8_t mac[LINK_MAC_LEN]; /* with a MAC prefix */
	struct podnet_changes changes;
};

/* Fills a zeroed plan for that NIC; prev: prevResult, its addresses tell the families. */
int veth_plan(const struct veth_conf *c, struct podnet_attach *a, const char *nic,
	      const struct cni_result *prev, struct veth_plan *ret, struct err *e);
void veth_plan_clear(struct veth_plan *p);

#endif
