/* SPDX-License-Identifier: Apache-2.0 */
/* arp.c - ARP for IPv4 over Ethernet (RFC 826, RFC 5227) */
#include "probe/probe_impl.h"

#include <net/ethernet.h>
#include <string.h>

/* Offsets; the last address ends at ARP_LEN. */
enum { HTYPE = 0, PTYPE = 2, HLEN = 4, PLEN = 5, OPER = 6, SHA = 8, SPA = 14, THA = 18, TPA = 24 };

enum { OP_REQUEST = 1, OP_REPLY = 2 };

/* Ethernet, IPv4, their address lengths. */
static const uint8_t head[OPER] = { 0, 1, 8, 0, MAC_LEN, 4 };

void arp_request(struct frame *f, const uint8_t mac[MAC_LEN], struct ip sender, struct ip target)
{
	*f = (struct frame){ .ethertype = ETHERTYPE_ARP, .len = ARP_LEN };
	memset(f->dst, 0xff, MAC_LEN);
	memcpy(f->data, head, sizeof(head));
	f->data[OPER + 1] = OP_REQUEST;
	memcpy(f->data + SHA, mac, MAC_LEN);
	if (sender.ver)
		ip_to_bytes(sender, f->data + SPA);
	ip_to_bytes(target, f->data + TPA);
}

bool arp_claim(const uint8_t *p, size_t len, struct claim *ret)
{
	struct ip sender, target;
	unsigned op;

	if (len < ARP_LEN || memcmp(p, head, sizeof(head)) != 0)
		return false;
	op = (unsigned)p[OPER] << 8 | p[OPER + 1];
	if (op != OP_REQUEST && op != OP_REPLY)
		return false;
	sender = ip_from_bytes(4, p + SPA);
	target = ip_from_bytes(4, p + TPA);
	memcpy(ret->mac, p + SHA, MAC_LEN);
	ret->to = target;
	ret->ip = sender;
	ret->kind = op == OP_REPLY ? CLAIM_ANSWERS : CLAIM_USES;
	if (sender.n == 0) {
		ret->ip = target;
		ret->kind = CLAIM_PROBES;
	}
	return sender.n != 0 || op == OP_REQUEST;
}
