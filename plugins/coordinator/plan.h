/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - from what is there and what is wanted to the list of changes */
#ifndef COORDINATOR_PLAN_H
#define COORDINATOR_PLAN_H

#include "conf.h"
#include "podnet/attach.h"

struct coordinator_plan {
	bool overlay;
	bool first;     /* of this sandbox's NICs, in its mode */
	uint32_t table; /* policy table of this NIC */
	struct podnet_path path;
	struct podnet_ips node_ips;
	bool has_mac; /* the NIC gets another one */
	uint8_t mac[LINK_MAC_LEN];
	struct podnet_changes changes;
};

/* Fills a zeroed plan; a->n and a->others tell what is there. The log gets what could not be done for a
 * family. */
int coordinator_plan(const struct coordinator_conf *c, struct podnet_attach *a, struct coordinator_plan *ret,
		     struct err *e);
void coordinator_plan_clear(struct coordinator_plan *p);

#endif
