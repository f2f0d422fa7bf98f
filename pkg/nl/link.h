/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - one interface by name: what it is, set it up, wait until it runs
 *
 * sock is any AF_INET datagram socket; the interface is looked up in the namespace that socket was opened in
 * (netns.h). These are the few questions a plugin asks without rtnetlink.
 */
#ifndef NL_LINK_H
#define NL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define LINK_MAC_LEN  6
#define LINK_MAC_TEXT 18

struct link_info {
	int index;
	unsigned flags;            /* IFF_*, the low 16 bits */
	uint16_t type;             /* ARPHRD_* */
	uint8_t mac[LINK_MAC_LEN]; /* zero unless type is ARPHRD_ETHER */
};

/* -ENODEV when there is no such interface, -EINVAL when it is no name of one. */
int link_get(int sock, const char *name, struct link_info *ret, struct err *e);
int link_set_up(int sock, const char *name, struct err *e);
/* 1 when packets can leave: it is up and has carrier. */
int link_running(int sock, const char *name, struct err *e);
/* 1 as soon as that is so, 0 when until has passed first. */
int link_wait_running(int sock, const char *name, struct deadline until, struct err *e);
/* 1 when its driver has this name ("ipvlan"), 0 when another or one that does not tell. */
int link_has_driver(int sock, const char *name, const char *driver, struct err *e);

/* "02:00:5e:00:53:01" */
const char *link_mac_format(const uint8_t mac[LINK_MAC_LEN], char out[LINK_MAC_TEXT]);

#endif
