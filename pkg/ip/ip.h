/* SPDX-License-Identifier: Apache-2.0 */
/* ip.h - addresses, prefixes, ranges, sets of addresses and blocks of 64
 *
 * An address is a version and a 128-bit number, so that one piece of arithmetic serves both families. Nothing
 * here ever expands a range to addresses: a set is its sorted list of ranges, whatever it spans. Text is what
 * Go's net/netip prints (RFC 5952, no dotted quad in IPv6). An IPv4-mapped IPv6 address (::ffff:0:0/96) is
 * refused everywhere: it would give one address two names.
 */
#ifndef IP_IP_H
#define IP_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

__extension__ typedef unsigned __int128 ip_num;

#define IP_TEXT_MAX   48    /* any address with its prefix length */
#define IP_RANGE_MAX  96    /* two addresses and a dash */
#define IP_SET_MAX    65536 /* ranges in a set */
#define IP_BLOCK_BITS 6
#define IP_BLOCK_SIZE 64

struct ip {
	uint8_t ver; /* 4 or 6; 0: none */
	ip_num n;    /* host order; IPv4 in the low 32 bits */
};

struct ip_prefix {
	struct ip ip; /* host bits are kept: an interface address is one of these too */
	uint8_t len;
};

struct ip_range {
	ip_num lo, hi; /* both included, lo <= hi */
};

/* Invariant: ranges sorted, not overlapping and not adjacent; all of one version. Zeroed (with ver set or 0)
 * is the empty set. */
struct ip_set {
	uint8_t ver;
	struct ip_range *r;
	size_t n, cap;
};

/* ---- addresses and prefixes ---- */

/* Strict: no blanks, no zone, no leading zeros in IPv4. -EINVAL, code ERR_CONFIG, names the text. */
int ip_parse(const char *text, struct ip *ret, struct err *e);
/* "10.0.0.0/24"; a bare address is refused. */
int ip_prefix_parse(const char *text, struct ip_prefix *ret, struct err *e);
/* The same, and a bare address is taken as /32 or /128. */
int ip_prefix_parse_any(const char *text, struct ip_prefix *ret, struct err *e);
/* Returns out; "invalid IP" for version 0. */
const char *ip_format(struct ip ip, char out[IP_TEXT_MAX]);
const char *ip_prefix_format(struct ip_prefix p, char out[IP_TEXT_MAX]);

bool ip_equal(struct ip a, struct ip b);
uint8_t ip_bits(uint8_t ver); /* 32 or 128 */
ip_num ip_max(uint8_t ver);
/* Network byte order; 4 or 16 bytes. Takes what it is given, an IPv4-mapped address too. */
void ip_to_bytes(struct ip ip, uint8_t *out);
struct ip ip_from_bytes(uint8_t ver, const uint8_t *in);
/* First and last address of the prefix's network. */
struct ip_range ip_prefix_range(struct ip_prefix p);
struct ip_prefix ip_prefix_network(struct ip_prefix p); /* host bits cleared */
bool ip_prefix_contains(struct ip_prefix p, struct ip ip);
bool ip_prefix_overlaps(struct ip_prefix a, struct ip_prefix b);
bool ip_prefix_equal(struct ip_prefix a, struct ip_prefix b);
bool ip_is_multicast(struct ip ip);
bool ip_is_link_local(struct ip ip); /* unicast: 169.254.0.0/16, fe80::/10 */

/* ---- ranges: "a" or "a-b" without blanks, one family, a <= b (spec: IP range grammar) ---- */

/* ver 0 accepts either family; *ret_ver tells which (may be NULL). CIDR notation is refused with a sentence
 * of its own, so is a range that runs across the IPv4-mapped addresses. */
int ip_range_parse(const char *text, uint8_t ver, struct ip_range *ret, uint8_t *ret_ver, struct err *e);
const char *ip_range_format(uint8_t ver, struct ip_range r, char out[IP_RANGE_MAX]);

/* ---- sets ---- */

/* A failed operation leaves the set as it was. Sets of different versions have nothing in common: they can be
 * subtracted, intersected and compared, and ip_set_add_set() fails with -EINVAL. Both arguments may be one
 * set. An out set is overwritten, not released; it is empty after a failure. */

void ip_set_clear(struct ip_set *s); /* releases; empty set of the same version remains */
/* Union with one range; may merge; the set has its version. -ENOMEM, -E2BIG beyond IP_SET_MAX ranges. */
int ip_set_add(struct ip_set *s, struct ip_range r, struct err *e);
/* An empty set without a version takes that of other. */
int ip_set_add_set(struct ip_set *s, const struct ip_set *other, struct err *e);
int ip_set_subtract(struct ip_set *s, const struct ip_set *other, struct err *e);
int ip_set_intersect(struct ip_set *s, const struct ip_set *other, struct err *e);
int ip_set_copy(const struct ip_set *in, struct ip_set *out, struct err *e);
/* Union of texts, each a range of version ver; sorts once, so n log n. -E2BIG beyond IP_SET_MAX texts. */
int ip_set_parse(const char *const *texts, size_t n, uint8_t ver, struct ip_set *out, struct err *e);

bool ip_set_has(const struct ip_set *s, ip_num n);
bool ip_set_contains(const struct ip_set *s, const struct ip_set *sub);
bool ip_set_overlaps(const struct ip_set *a, const struct ip_set *b);
/* The first range of both, for messages; false when they are disjoint. */
bool ip_set_first_common(const struct ip_set *a, const struct ip_set *b, struct ip_range *ret);
/* Number of addresses; INT64_MAX when there are more (SpiderIPPool.status.totalIPCount). */
int64_t ip_set_count(const struct ip_set *s);

/* ---- blocks: the address space in aligned pieces of 64; block b holds addresses b*64 .. b*64+63 ---- */

/* Bit i set: address block*64+i is in the set. */
uint64_t ip_set_mask(const struct ip_set *s, ip_num block);
/* Number of blocks in which the set has an address, saturating at UINT64_MAX. */
uint64_t ip_set_blocks(const struct ip_set *s);
/* The k-th such block, k < ip_set_blocks(). */
ip_num ip_set_block_at(const struct ip_set *s, uint64_t k);
/* The smallest such block >= from; false when there is none. */
bool ip_set_block_next(const struct ip_set *s, ip_num from, ip_num *ret);

#define IP_BLOCK_NAME_MAX 40
/* "v4-0a000000", "v6-<32 hex>" after the first address; the name of the SpiderIPBlock. */
const char *ip_block_name(uint8_t ver, ip_num block, char out[IP_BLOCK_NAME_MAX]);
int ip_block_parse(const char *name, uint8_t *ret_ver, ip_num *ret_block, struct err *e);

#endif
