/* SPDX-License-Identifier: Apache-2.0 */
/* grant.h - what this NIC was given, whichever datastore gave it */
#ifndef PLUGIN_IPAM_GRANT_H
#define PLUGIN_IPAM_GRANT_H

#include "cni/result.h"
#include "nl/link.h"
#include "store/store.h"

#define GRANT_MAX 16 /* addresses of one NIC */

struct grant_ip {
	char pool[STORE_NAME_MAX + 1];
	bool detect_conflict, detect_gateway;
	bool kept;                      /* it was this pod's before: nobody gets another one in its place */
	char former_mac[LINK_MAC_TEXT]; /* of the same pod's former sandbox, which may still answer for it */
};

struct grant {
	struct cni_result result;      /* what is printed */
	struct grant_ip ip[GRANT_MAX]; /* beside result.ips */
};

/* Texts as they were recorded or sent; gateway may be NULL or "" */
int grant_add_ip(struct grant *g, const char *address, const char *gateway, const struct grant_ip *ip,
		 struct err *e);
int grant_add_route(struct grant *g, const char *dst, const char *gw, struct err *e);
/* Index of the address, -1 when it is not there. */
int grant_find(const struct grant *g, struct ip addr);
void grant_clear(struct grant *g);

#endif
