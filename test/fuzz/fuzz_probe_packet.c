/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_probe_packet.c - ARP and ND packets from the wire, and those we build
 *
 * The first byte chooses: 'a' ARP, 'n' ND as it is, 'c' ND with length and checksum put right first, 'b'
 * build from the rest and read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "probe/probe_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

static const uint8_t frame_src[MAC_LEN] = { 2, 0, 0, 0, 0, 1 };

/* In a block of its own size, so that ASan sees the first byte read beyond. */
static bool read_nd(const uint8_t *p, size_t len, struct claim *c)
{
	CLEANUP(free_p) uint8_t *copy = malloc(len ? len : 1);
	bool ok;

	MUST(copy);
	memcpy(copy, p, len);
	ok = nd_claim(copy, len, frame_src, c);
	return ok;
}

static bool read_arp(const uint8_t *p, size_t len, struct claim *c)
{
	CLEANUP(free_p) uint8_t *copy = malloc(len ? len : 1);

	MUST(copy);
	memcpy(copy, p, len);
	return arp_claim(copy, len, c);
}

static void fuzz_arp(const uint8_t *p, size_t len)
{
	struct claim c;

	if (!read_arp(p, len, &c))
		return;
	MUST(len >= ARP_LEN && c.ip.ver == 4 && c.to.ver == 4);
	MUST(c.kind == CLAIM_PROBES ? ip_equal(c.ip, c.to) : c.ip.n != 0);
	MUST(read_arp(p, ARP_LEN, &c));
	MUST(!read_arp(p, ARP_LEN - 1, &c));
}

static void fuzz_nd(uint8_t *p, size_t len)
{
	size_t end, bit;
	struct claim c;

	if (!read_nd(p, len, &c))
		return;
	end = 40 + ((size_t)p[4] << 8 | p[5]);
	MUST(end >= ND_DAD_LEN && end <= len && p[7] == 255);
	MUST(c.ip.ver == 6 && p[48] != 0xff);
	MUST(c.kind != CLAIM_ANSWERS || p[24] != 0xff);
	/* Neither a shorter packet nor one with any other bit is taken. */
	MUST(!read_nd(p, end - 1, &c));
	bit = 64 + (len * 7919 + p[end - 1] * 31u) % ((end - 8) * 8);
	p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	MUST(!read_nd(p, len, &c));
}

static void put_right(uint8_t *p, size_t len)
{
	uint64_t sum = 58;
	size_t n = len - 40;

	p[4] = (uint8_t)(n >> 8);
	p[5] = (uint8_t)n;
	p[42] = p[43] = 0;
	sum += n;
	for (size_t i = 8; i < len; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	sum = 0xffff - sum % 0xffff;
	p[42] = (uint8_t)(sum >> 8);
	p[43] = (uint8_t)sum;
}

static void fuzz_build(const uint8_t *p, size_t len)
{
	struct ip none = { 0 }, a4, g4, a6, g6;
	uint8_t mac[MAC_LEN];
	struct frame f;
	struct claim c;

	if (len < 38)
		return;
	a6 = ip_from_bytes(6, p);
	g6 = ip_from_bytes(6, p + 16);
	a4 = ip_from_bytes(4, p);
	g4 = ip_from_bytes(4, p + 16);
	memcpy(mac, p + 32, MAC_LEN);
	if (a4.n == 0 || p[0] == 0xff || p[16] == 0xff || a6.n == 0)
		return;
	arp_request(&f, mac, none, a4);
	MUST(read_arp(f.data, f.len, &c) && c.kind == CLAIM_PROBES && ip_equal(c.ip, a4));
	MUST(memcmp(c.mac, mac, MAC_LEN) == 0);
	arp_request(&f, mac, a4, g4);
	MUST(read_arp(f.data, f.len, &c) && c.kind == CLAIM_USES && ip_equal(c.ip, a4) && ip_equal(c.to, g4));
	nd_solicit(&f, mac, none, a6);
	MUST(read_nd(f.data, f.len, &c) && c.kind == CLAIM_PROBES && ip_equal(c.ip, a6));
	nd_solicit(&f, mac, a6, g6);
	MUST(!read_nd(f.data, f.len, &c));
	nd_advertise(&f, mac, a6);
	MUST(read_nd(f.data, f.len, &c) && c.kind == CLAIM_USES && ip_equal(c.ip, a6));
	MUST(memcmp(c.mac, mac, MAC_LEN) == 0);
	fuzz_nd(f.data, f.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t p[2048];

	if (size < 1 || size > sizeof(p))
		return 0;
	size--;
	memcpy(p, data + 1, size);
	if (data[0] == 'a')
		fuzz_arp(p, size);
	else if (data[0] == 'b')
		fuzz_build(p, size);
	else if (data[0] == 'c' && size >= 44)
		put_right(p, size);
	if (data[0] == 'n' || data[0] == 'c')
		fuzz_nd(p, size);
	return 0;
}
