/* SPDX-License-Identifier: Apache-2.0 */
/* test_probe_packets.c - ARP and ND packets, byte for byte as the RFCs draw them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"
#include "probe/probe_impl.h"

static const uint8_t mac[MAC_LEN] = { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x01 };
static const uint8_t other[MAC_LEN] = { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x99 };

static struct ip addr(const char *text)
{
	struct ip ip = { 0 };
	struct err e;

	if (text && ip_parse(text, &ip, &e) < 0)
		fail_msg("%s", e.msg);
	return ip;
}

/* "0a 00|..." to bytes; anything that is no hex digit separates. */
static size_t unhex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned v;

	while (*text) {
		if (!strchr("0123456789abcdef", *text)) {
			text++;
			continue;
		}
		assert_true(n < max);
		assert_int_equal(sscanf(text, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
		text += 2;
	}
	return n;
}

/* ---- building ---- */

enum build { ARP, NS, NA };

static const struct {
	const char *name;
	enum build what;
	const char *sender, *target, *dst, *bytes;
} built[] = {
	{ "ARP probe, RFC 5227 2.1.1", ARP, NULL, "10.0.0.5", "ffffffffffff",
	  "0001 0800 06 04 0001 | 02005e005301 00000000 | 000000000000 0a000005" },
	{ "ARP announcement, RFC 5227 2.3", ARP, "10.0.0.5", "10.0.0.5", "ffffffffffff",
	  "0001 0800 06 04 0001 | 02005e005301 0a000005 | 000000000000 0a000005" },
	{ "ARP request for a gateway", ARP, "10.0.0.5", "10.0.0.1", "ffffffffffff",
	  "0001 0800 06 04 0001 | 02005e005301 0a000005 | 000000000000 0a000001" },
	{ "solicitation of DAD, RFC 4862 5.4.2: from ::, no option", NS, NULL, "2001:db8::12:3456:789a",
	  "3333ff56789a",
	  "60000000 0018 3a ff | 00000000000000000000000000000000 | ff0200000000000000000001ff56789a |"
	  "87 00 26fc 00000000 20010db8000000000000001234 56789a" },
	{ "solicitation of a gateway with source option", NS, "2001:db8::5", "fe80::1", "3333ff000001",
	  "60000000 0020 3a ff | 20010db8000000000000000000000005 | ff0200000000000000000001ff000001 |"
	  "87 00 9a5c 00000000 fe800000000000000000000000000001 | 01 01 02005e005301" },
	{ "unsolicited advertisement, RFC 4861 7.2.6: override, to all nodes", NA, NULL, "2001:db8::5",
	  "333300000001",
	  "60000000 0020 3a ff | 20010db8000000000000000000000005 | ff020000000000000000000000000001 |"
	  "88 00 4822 20000000 20010db8000000000000000000000005 | 02 01 02005e005301" },
};

static void builds_as_the_rfcs_draw_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(built); i++) {
		uint8_t want[FRAME_MAX], dst[MAC_LEN];
		size_t len = unhex(built[i].bytes, want, sizeof(want));
		struct ip sender = addr(built[i].sender), target = addr(built[i].target);
		struct frame f;

		unhex(built[i].dst, dst, sizeof(dst));
		if (built[i].what == ARP)
			arp_request(&f, mac, sender, target);
		else if (built[i].what == NS)
			nd_solicit(&f, mac, sender, target);
		else
			nd_advertise(&f, mac, target);
		if (f.len != len || memcmp(f.data, want, len) || memcmp(f.dst, dst, MAC_LEN) ||
		    f.ethertype != (built[i].what == ARP ? 0x0806 : 0x86dd)) {
			for (size_t k = 0; k < f.len; k++)
				fprintf(stderr, "%02x", f.data[k]);
			fail_msg("%s: built as printed, %zu bytes, want %zu", built[i].name, f.len, len);
		}
	}
}

/* ---- reading ---- */

#define ARP_HEAD "0001 0800 06 04"
#define ME       "02005e005301"
#define HE       "02005e005399"
#define NOBODY   "000000000000"

static const struct {
	const char *name, *bytes;
	int want; /* -1: no claim */
	const char *ip, *to;
} arp[] = {
	{ "reply", ARP_HEAD "0002" HE "0a000005" ME "00000000", CLAIM_ANSWERS, "10.0.0.5", "0.0.0.0" },
	{ "reply to us", ARP_HEAD "0002" HE "0a000001" ME "0a000005", CLAIM_ANSWERS, "10.0.0.1", "10.0.0.5" },
	{ "request by the owner", ARP_HEAD "0001" HE "0a000005" NOBODY "0a000009", CLAIM_USES, "10.0.0.5",
	  "10.0.0.9" },
	{ "announcement", ARP_HEAD "0001" HE "0a000005" NOBODY "0a000005", CLAIM_USES, "10.0.0.5",
	  "10.0.0.5" },
	{ "probe", ARP_HEAD "0001" HE "00000000" NOBODY "0a000005", CLAIM_PROBES, "10.0.0.5", "10.0.0.5" },
	{ "Ethernet padding",
	  ARP_HEAD "0002" HE "0a000005" ME "00000000 000000000000000000000000000000000000", CLAIM_ANSWERS,
	  "10.0.0.5", "0.0.0.0" },
	{ "reply from nobody", ARP_HEAD "0002" HE "00000000" ME "0a000005", -1, NULL, NULL },
	{ "RARP operation", ARP_HEAD "0003" HE "0a000005" ME "0a000005", -1, NULL, NULL },
	{ "operation in the high byte", ARP_HEAD "0100" HE "0a000005" ME "0a000005", -1, NULL, NULL },
	{ "hardware type 6", "0006 0800 06 04 0002" HE "0a000005" ME "00000000", -1, NULL, NULL },
	{ "protocol IPv6", "0001 86dd 06 04 0002" HE "0a000005" ME "00000000", -1, NULL, NULL },
	{ "hardware length 8", "0001 0800 08 04 0002" HE "0a000005" ME "00000000", -1, NULL, NULL },
	{ "protocol length 16", "0001 0800 06 10 0002" HE "0a000005" ME "00000000", -1, NULL, NULL },
	{ "one byte short", ARP_HEAD "0002" HE "0a000005" ME "000000", -1, NULL, NULL },
	{ "empty", "", -1, NULL, NULL },
};

static void check_claim(const char *name, bool got, const struct claim *c, int want, const char *ip,
			const char *to)
{
	if (got != (want >= 0))
		fail_msg("%s: %s", name, got ? "taken for a claim" : "not taken for a claim");
	if (!got)
		return;
	if ((int)c->kind != want || !ip_equal(c->ip, addr(ip)) || memcmp(c->mac, other, MAC_LEN) != 0)
		fail_msg("%s: kind %d, want %d; or other address or MAC", name, c->kind, want);
	if (to && !ip_equal(c->to, addr(to)))
		fail_msg("%s: said to another address", name);
}

static void reads_arp(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(arp); i++) {
		uint8_t p[FRAME_MAX];
		size_t len = unhex(arp[i].bytes, p, sizeof(p));
		struct claim c = { 0 };

		check_claim(arp[i].name, arp_claim(p, len, &c), &c, arp[i].want, arp[i].ip, arp[i].to);
	}
}

/* ND packets are written without checksum (cccc is put in by the test) and payload length. */
#define ANY    "00000000000000000000000000000000"
#define PEER   "fe800000000000000000000000000009"
#define TGT    "20010db8000000000000000000000005"
#define ALL    "ff020000000000000000000000000001"
#define GROUP  "ff0200000000000000000001ff000005"
#define SLLA   "0101" HE
#define TLLA   "0201" HE
#define IP6    "60000000 LLLL 3a ff"
#define NA_US  IP6 PEER TGT
#define NA_ALL IP6 PEER ALL
#define NS_DAD IP6 ANY GROUP
#define NS_US  IP6 PEER GROUP

enum damage { NONE, NO_CHECKSUM, SHORT_PAYLOAD, LONG_PAYLOAD };

static const struct {
	const char *name, *bytes;
	enum damage damage;
	int want;
	const char *to;
} nd[] = {
	{ "solicited advertisement", NA_US "8800 0000 60000000" TGT TLLA, NONE, CLAIM_ANSWERS,
	  "2001:db8::5" },
	{ "answer to DAD", NA_ALL "8800 0000 20000000" TGT TLLA, NONE, CLAIM_USES, "ff02::1" },
	{ "advertisement without option: the frame's MAC", NA_ALL "8800 0000 20000000" TGT, NONE, CLAIM_USES,
	  "ff02::1" },
	{ "router, unknown option first", NA_US "8800 0000 c0000000" TGT "0e01 000000000000" TLLA, NONE,
	  CLAIM_ANSWERS, "2001:db8::5" },
	{ "solicitation of DAD", NS_DAD "8700 0000 00000000" TGT, NONE, CLAIM_PROBES, "ff02::1:ff00:5" },
	{ "the same with nonce, RFC 7527", NS_DAD "8700 0000 00000000" TGT "0e01 112233445566", NONE,
	  CLAIM_PROBES, "ff02::1:ff00:5" },
	{ "traffic class and flow label do not matter",
	  "6fffffff LLLL 3a ff" PEER ALL "8800 0000 20000000" TGT TLLA, NONE, CLAIM_USES, "ff02::1" },
	{ "padding after the payload", NA_ALL "8800 0000 20000000" TGT "0000", SHORT_PAYLOAD, CLAIM_USES,
	  NULL },
	{ "address resolution claims nothing", NS_US "8700 0000 00000000" TGT SLLA, NONE, -1, NULL },
	{ "DAD with source option", NS_DAD "8700 0000 00000000" TGT SLLA, NONE, -1, NULL },
	{ "DAD to all nodes", IP6 ANY ALL "8700 0000 00000000" TGT, NONE, -1, NULL },
	{ "solicited and multicast", NA_ALL "8800 0000 60000000" TGT TLLA, NONE, -1, NULL },
	{ "router advertisement", NA_ALL "8600 0000 20000000" TGT TLLA, NONE, -1, NULL },
	{ "code 1", NA_ALL "8801 0000 20000000" TGT TLLA, NONE, -1, NULL },
	{ "multicast target", NA_ALL "8800 0000 20000000" GROUP TLLA, NONE, -1, NULL },
	{ "option of length 0", NA_ALL "8800 0000 20000000" TGT "0200" HE, NONE, -1, NULL },
	{ "option beyond the end", NA_ALL "8800 0000 20000000" TGT "0e02" HE, NONE, -1, NULL },
	{ "half an option head", NA_ALL "8800 0000 20000000" TGT TLLA "02", NONE, -1, NULL },
	{ "link-layer address of 14 bytes", NA_ALL "8800 0000 20000000" TGT "0202" HE "0000000000000000",
	  NONE, -1, NULL },
	{ "hop limit 254", "60000000 LLLL 3a fe" PEER ALL "8800 0000 20000000" TGT TLLA, NONE, -1, NULL },
	{ "IPv4", "40000000 LLLL 3a ff" PEER ALL "8800 0000 20000000" TGT TLLA, NONE, -1, NULL },
	{ "UDP", "60000000 LLLL 11 ff" PEER ALL "8800 0000 20000000" TGT TLLA, NONE, -1, NULL },
	{ "wrong checksum", NA_ALL "8800 0000 20000000" TGT TLLA, NO_CHECKSUM, -1, NULL },
	{ "payload longer than the packet", NA_ALL "8800 0000 20000000" TGT TLLA, LONG_PAYLOAD, -1, NULL },
	{ "payload too short for a target", NA_ALL "8800 0000 20000000 20010db8 00000000 00000000 0000",
	  SHORT_PAYLOAD, -1, NULL },
	{ "one byte short", NA_ALL "8800 0000 20000000 20010db8 00000000 00000000 000000", NONE, -1, NULL },
	{ "header only", NA_ALL, NONE, -1, NULL },
	{ "empty", "", NONE, -1, NULL },
};

/* Written anew, on 32-bit words of a copied pseudo header, so that it shares no mistake with nd.c. */
static void fill_checksum(uint8_t *p, size_t icmp_len)
{
	uint8_t b[40 + 2 * FRAME_MAX] = { 0 };
	uint64_t sum = 0;

	memcpy(b, p + 8, 32);
	b[34] = (uint8_t)(icmp_len >> 8);
	b[35] = (uint8_t)icmp_len;
	b[39] = 58;
	memcpy(b + 40, p + 40, icmp_len);
	for (size_t i = 0; i < sizeof(b); i += 2)
		sum += (uint64_t)b[i] << 8 | b[i + 1];
	sum = 0xffff - sum % 0xffff;
	p[42] = (uint8_t)(sum >> 8);
	p[43] = (uint8_t)sum;
}

static size_t make_nd(const char *text, enum damage damage, uint8_t *p, size_t max)
{
	char hex[512];
	size_t len, payload;
	char *at;

	snprintf(hex, sizeof(hex), "%s", text);
	at = strstr(hex, "LLLL");
	if (at)
		memcpy(at, "0000", 4);
	len = unhex(hex, p, max);
	if (len < 44)
		return len;
	payload = len - 40 - (damage == SHORT_PAYLOAD ? 2 : 0);
	p[5] = (uint8_t)payload;
	fill_checksum(p, payload);
	if (damage == NO_CHECKSUM)
		p[43] ^= 1;
	if (damage == LONG_PAYLOAD)
		p[5]++;
	return len;
}

static void reads_nd(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nd); i++) {
		uint8_t p[2 * FRAME_MAX];
		size_t len = make_nd(nd[i].bytes, nd[i].damage, p, sizeof(p));
		/* The option counts, the frame's source only without one. */
		bool option = strstr(nd[i].bytes, TLLA) != NULL;
		struct claim c = { 0 };
		bool got = nd_claim(p, len, option ? mac : other, &c);

		check_claim(nd[i].name, got, &c, nd[i].want, "2001:db8::5", nd[i].to);
	}
}

static void what_we_send_reads_as_what_it_is(void **state)
{
	struct ip a4 = addr("192.0.2.200"), g4 = addr("192.0.2.1"), none = { 0 };
	struct ip a6 = addr("2001:db8::ffff"), g6 = addr("fe80::1");
	struct claim c;
	struct frame f;

	(void)state;
	arp_request(&f, other, none, a4);
	check_claim("ARP probe", arp_claim(f.data, f.len, &c), &c, CLAIM_PROBES, "192.0.2.200", NULL);
	arp_request(&f, other, a4, g4);
	check_claim("ARP request", arp_claim(f.data, f.len, &c), &c, CLAIM_USES, "192.0.2.200", "192.0.2.1");
	nd_solicit(&f, other, none, a6);
	check_claim("DAD", nd_claim(f.data, f.len, other, &c), &c, CLAIM_PROBES, "2001:db8::ffff", NULL);
	nd_solicit(&f, other, a6, g6);
	check_claim("solicitation", nd_claim(f.data, f.len, other, &c), &c, -1, NULL, NULL);
	nd_advertise(&f, other, a6);
	check_claim("advertisement", nd_claim(f.data, f.len, mac, &c), &c, CLAIM_USES, "2001:db8::ffff",
		    NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_as_the_rfcs_draw_it),
		cmocka_unit_test(reads_arp),
		cmocka_unit_test(reads_nd),
		cmocka_unit_test(what_we_send_reads_as_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
