/* SPDX-License-Identifier: Apache-2.0 */
/* probe_impl.h - inside pkg/probe: packets (arp.c, nd.c: pure) and the sockets they go through (port.c)
 *
 * Packets are built and read from the network header on; the Ethernet header is the kernel's work.
 */
#ifndef PROBE_PROBE_IMPL_H
#define PROBE_PROBE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "ip/ip.h"
#include "nl/link.h"

#define MAC_LEN LINK_MAC_LEN

#define FRAME_MAX   72
#define ARP_LEN     28
#define ND_DAD_LEN  64 /* IPv6 header and a solicitation or advertisement without option */
#define ND_FULL_LEN 72 /* the same with one link-layer address option */

struct frame {
	uint16_t ethertype;   /* ETH_P_ARP or ETH_P_IPV6 */
	uint8_t dst[MAC_LEN]; /* Ethernet destination */
	uint8_t data[FRAME_MAX];
	size_t len;
};

/* sender.ver 0: nobody asks, as when checking for a conflict (ARP probe, solicitation of DAD). */
void arp_request(struct frame *f, const uint8_t mac[MAC_LEN], struct ip sender, struct ip target);
void nd_solicit(struct frame *f, const uint8_t mac[MAC_LEN], struct ip sender, struct ip target);
/* Unsolicited, to all nodes, override. */
void nd_advertise(struct frame *f, const uint8_t mac[MAC_LEN], struct ip addr);
/* Ethernet group on which solicitations for addr arrive. */
void nd_group_mac(struct ip addr, uint8_t mac[MAC_LEN]);
extern const uint8_t nd_all_nodes_mac[MAC_LEN];

/* What a received packet says about one address. */
enum claim_kind {
	CLAIM_USES,    /* mac has the address */
	CLAIM_ANSWERS, /* the same, said in answer to a question of `to` */
	CLAIM_PROBES,  /* mac is checking whether it may take the address */
};

struct claim {
	enum claim_kind kind;
	struct ip ip, to;
	uint8_t mac[MAC_LEN];
};

/* False: says nothing about any address, or not well-formed. Reads only within len. */
bool arp_claim(const uint8_t *p, size_t len, struct claim *ret);
/* frame_src: Ethernet source, which is all that a packet without link-layer address option has. */
bool nd_claim(const uint8_t *p, size_t len, const uint8_t frame_src[MAC_LEN], struct claim *ret);

/* An interface that is ready to send; sockets are -1 for a family that is not wanted. */
struct port {
	struct link_info link;
	bool ipvlan;
	int ctl, arp, nd;
};

#define PORT_INIT ((struct port){ .ctl = -1, .arp = -1, .nd = -1 })

/* Opens, sets the link up, waits until it runs. -ENODEV, -EOPNOTSUPP, -ENETDOWN: cannot be used (now). */
int port_open(struct port *p, int netns, const char *ifname, bool v4, bool v6, struct deadline until,
	      struct err *e);
void port_close(struct port *p);
/* From here on packets are received. */
int port_listen(const struct port *p, struct err *e);
/* Lets packets for this Ethernet group in. */
int port_join(const struct port *p, const uint8_t mac[MAC_LEN], struct err *e);
/* 0 or a negative errno. */
int port_send(const struct port *p, const struct frame *f);

#endif
