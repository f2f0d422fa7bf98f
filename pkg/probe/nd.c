/* SPDX-License-Identifier: Apache-2.0 */
/* nd.c - neighbour solicitation and advertisement over Ethernet (RFC 4861, RFC 4862 section 5.4, RFC 2464) */
#include "probe/probe_impl.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

/* Offsets: IPv6 header, then ICMPv6, then options. */
enum { PAYLOAD_LEN = 4, NEXT = 6, HOPS = 7, SRC = 8, DST = 24, ICMP = 40 };
enum { TYPE = ICMP, CODE = 41, CSUM = 42, FLAGS = 44, TARGET = 48, OPTIONS = ND_DAD_LEN };

enum { SOLICIT = 135, ADVERTISE = 136 };
enum { FLAG_SOLICITED = 0x40, FLAG_OVERRIDE = 0x20 };
enum { OPT_SOURCE_LLA = 1, OPT_TARGET_LLA = 2, OPT_LLA_LEN = 8 };

#define IP6_LEN 16

/* A router lets nothing through with this hop limit: whoever sent it is on the link. */
#define HOPS_ON_LINK 255

const uint8_t nd_all_nodes_mac[MAC_LEN] = { 0x33, 0x33, 0, 0, 0, 1 };

static const uint8_t all_nodes[IP6_LEN] = { 0xff, 2, [15] = 1 };
static const uint8_t solicited_node[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
static const uint8_t unspecified[IP6_LEN];

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (i < len)
		sum += (uint32_t)p[i] << 8;
	return sum;
}

/* Over pseudo header and len bytes of ICMPv6, the checksum field included: 0 when that is right. */
static unsigned checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = sum16(p + SRC, 2 * IP6_LEN, (uint32_t)len + IPPROTO_ICMPV6);

	sum = sum16(p + ICMP, len, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

void nd_group_mac(struct ip addr, uint8_t mac[MAC_LEN])
{
	uint8_t a[IP6_LEN];

	ip_to_bytes(addr, a);
	memcpy(mac, (const uint8_t[MAC_LEN]){ 0x33, 0x33, 0xff, a[13], a[14], a[15] }, MAC_LEN);
}

static void start(struct frame *f, uint8_t type, struct ip src, struct ip target)
{
	uint8_t *p;

	*f = (struct frame){ .ethertype = ETHERTYPE_IPV6, .len = ND_DAD_LEN };
	p = f->data;
	p[0] = 6 << 4;
	p[NEXT] = IPPROTO_ICMPV6;
	p[HOPS] = HOPS_ON_LINK;
	if (src.ver)
		ip_to_bytes(src, p + SRC);
	p[TYPE] = type;
	ip_to_bytes(target, p + TARGET);
}

static void add_lla(struct frame *f, uint8_t option, const uint8_t mac[MAC_LEN])
{
	f->data[OPTIONS] = option;
	f->data[OPTIONS + 1] = OPT_LLA_LEN / 8;
	memcpy(f->data + OPTIONS + 2, mac, MAC_LEN);
	f->len = ND_FULL_LEN;
}

static void finish(struct frame *f)
{
	put16(f->data + PAYLOAD_LEN, (unsigned)f->len - ICMP);
	put16(f->data + CSUM, checksum(f->data, f->len - ICMP));
}

void nd_solicit(struct frame *f, const uint8_t mac[MAC_LEN], struct ip sender, struct ip target)
{
	start(f, SOLICIT, sender, target);
	nd_group_mac(target, f->dst);
	memcpy(f->data + DST, solicited_node, sizeof(solicited_node));
	memcpy(f->data + DST + sizeof(solicited_node), f->dst + 3, 3);
	if (sender.ver)
		add_lla(f, OPT_SOURCE_LLA, mac);
	finish(f);
}

void nd_advertise(struct frame *f, const uint8_t mac[MAC_LEN], struct ip addr)
{
	start(f, ADVERTISE, addr, addr);
	memcpy(f->dst, nd_all_nodes_mac, MAC_LEN);
	memcpy(f->data + DST, all_nodes, IP6_LEN);
	f->data[FLAGS] = FLAG_OVERRIDE;
	add_lla(f, OPT_TARGET_LLA, mac);
	finish(f);
}

/* Length of the ICMPv6 message that begins at ICMP, 0 when this is none we read. */
static size_t icmp_len(const uint8_t *p, size_t len)
{
	size_t n;

	if (len < OPTIONS || p[0] >> 4 != 6 || p[NEXT] != IPPROTO_ICMPV6 || p[HOPS] != HOPS_ON_LINK)
		return 0;
	n = get16(p + PAYLOAD_LEN);
	if (n < OPTIONS - ICMP || n > len - ICMP || checksum(p, n) != 0)
		return 0;
	return n;
}

/* Walks the options in [at, end): false when one is malformed; *ret_lla is the last of the wanted kind. */
static bool read_options(const uint8_t *p, size_t at, size_t end, uint8_t want, const uint8_t **ret_lla)
{
	*ret_lla = NULL;
	while (at < end) {
		size_t len;

		if (end - at < 2)
			return false;
		len = (size_t)p[at + 1] * 8;
		if (len == 0 || len > end - at || (p[at] == want && len != OPT_LLA_LEN))
			return false;
		if (p[at] == want)
			*ret_lla = p + at + 2;
		at += len;
	}
	return true;
}

/* RFC 4861 section 7.1.2. */
static bool read_advertisement(const uint8_t *p, const uint8_t *lla, struct claim *ret)
{
	bool solicited = p[FLAGS] & FLAG_SOLICITED;

	if (solicited && p[DST] == 0xff)
		return false;
	if (lla)
		memcpy(ret->mac, lla, MAC_LEN);
	ret->kind = solicited ? CLAIM_ANSWERS : CLAIM_USES;
	return true;
}

/* RFC 4861 section 7.1.1. One from a proper address asks for the target and claims nothing. */
static bool read_solicitation(const uint8_t *p, const uint8_t *lla, struct claim *ret)
{
	if (memcmp(p + SRC, unspecified, IP6_LEN) != 0 || lla)
		return false;
	if (memcmp(p + DST, solicited_node, sizeof(solicited_node)) != 0)
		return false;
	ret->kind = CLAIM_PROBES;
	return true;
}

bool nd_claim(const uint8_t *p, size_t len, const uint8_t frame_src[MAC_LEN], struct claim *ret)
{
	size_t n = icmp_len(p, len);
	const uint8_t *lla;
	bool advert;

	if (n == 0 || p[CODE] != 0 || (p[TYPE] != SOLICIT && p[TYPE] != ADVERTISE) || p[TARGET] == 0xff)
		return false;
	advert = p[TYPE] == ADVERTISE;
	if (!read_options(p, OPTIONS, ICMP + n, advert ? OPT_TARGET_LLA : OPT_SOURCE_LLA, &lla))
		return false;
	memcpy(ret->mac, frame_src, MAC_LEN);
	ret->ip = ip_from_bytes(6, p + TARGET);
	ret->to = ip_from_bytes(6, p + DST);
	return advert ? read_advertisement(p, lla, ret) : read_solicitation(p, lla, ret);
}
