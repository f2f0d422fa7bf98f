/* SPDX-License-Identifier: Apache-2.0 */
/* test_ip.c - text of addresses, prefixes, ranges, block names; sets at the ends of the address space
 * link: -Wl,--wrap=reallocarray */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ip/ip.h"

#define MAX6 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

static struct err err;
static bool no_memory;

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory ? NULL : __real_reallocarray(p, n, size);
}

static struct ip addr(const char *text)
{
	struct ip ip = { 0 };

	if (ip_parse(text, &ip, &err) < 0)
		fail_msg("%s", err.msg);
	return ip;
}

static struct ip_range range(const char *text)
{
	struct ip_range r = { 0, 0 };

	if (ip_range_parse(text, 0, &r, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	return r;
}

/* The sentence names the text and gives the reason; code and errno are those of a wrong configuration. */
static void check_err(const char *row, int r, const char *want)
{
	if (r != -EINVAL || err.cni != ERR_CONFIG || err.sys != EINVAL)
		fail_msg("row \"%s\": want -EINVAL, code 7; got %d, code %d", row, r, err.cni);
	if (!strstr(err.msg, want) || (strlen(row) < 64 && !strstr(err.msg, row)))
		fail_msg("row \"%s\": want a sentence with \"%s\", got: %s", row, want, err.msg);
	err.msg[0] = '\0';
}

static void test_address_text(void **state)
{
	/* want NULL: printed as read. */
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "0.0.0.0", NULL },
		{ "10.0.0.1", NULL },
		{ "109.200.30.9", NULL },
		{ "255.255.255.255", NULL },
		{ "::", NULL },
		{ "::1", NULL },
		{ "1::", NULL },
		{ MAX6, NULL },
		{ "fe80::1", NULL },
		{ "1:2:3:4:5:6:7:8", NULL },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8" },
		/* RFC 5952 4.2.1, 4.2.3: the longest run; of equal ones the first */
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:0:0:0:1:0:0:1", "2001::1:0:0:1" },
		{ "0:0:1:0:0:0:0:0", "0:0:1::" },
		{ "0:0:0:1:0:0:0:0", "0:0:0:1::" },
		{ "0:0:0:0:1:0:0:0", "::1:0:0:0" },
		{ "0:0:0:0:1:0:0:1", "::1:0:0:1" },
		{ "0:0:1:0:0:1:0:0", "::1:0:0:1:0:0" },
		{ "0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1" },
		{ "1:0:1:0:1:0:1:0", "1:0:1:0:1:0:1:0" },
		{ "1:0:0:0:0:0:0:0", "1::" },
		{ "0:0:0:0:0:0:0:0", "::" },
		{ "1:0:0:0:0:0:0:1", "1::1" },
		/* 4.1, 4.3: no leading zeros, lower case */
		{ "2001:0DB8:000A:00B0:0C00:D000:0001:0010", "2001:db8:a:b0:c00:d000:1:10" },
		/* a dotted quad is read, never printed */
		{ "::1.2.3.4", "::102:304" },
		{ "::0.0.0.0", "::" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "1:2:3:4:5:6:255.255.255.255", "1:2:3:4:5:6:ffff:ffff" },
		{ "::ffff:0:0:0", NULL },
		{ "::fffe:1.2.3.4", "::fffe:102:304" },
		{ "::1:ffff:1.2.3.4", "::1:ffff:102:304" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[IP_TEXT_MAX];
		struct ip ip;

		if (ip_parse(rows[i].text, &ip, &err) < 0)
			fail_msg("row \"%s\": %s", rows[i].text, err.msg);
		ip_format(ip, out);
		if (strcmp(out, rows[i].want ? rows[i].want : rows[i].text) != 0)
			fail_msg("row \"%s\": printed as %s", rows[i].text, out);
		if (!ip_equal(addr(out), ip))
			fail_msg("row \"%s\": %s is another address", rows[i].text, out);
	}
}

static void test_no_address(void **state)
{
	char out[IP_TEXT_MAX];

	(void)state;
	assert_string_equal(ip_format((struct ip){ 0 }, out), "invalid IP");
}

static void test_address_errors(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "want an IPv4 or IPv6 address" },
		{ "x", "want an IPv4 or IPv6 address" },
		{ "1.2.3", "want an IPv4 or IPv6 address" },
		{ "1.2.3.", "want an IPv4 or IPv6 address" },
		{ "1.2.3.4.", "want an IPv4 or IPv6 address" },
		{ "1.2.3.4.5", "want an IPv4 or IPv6 address" },
		{ "1.2.3.256", "want an IPv4 or IPv6 address" },
		{ "1.2.3.-4", "want an IPv4 or IPv6 address" },
		{ "0x1.2.3.4", "want an IPv4 or IPv6 address" },
		{ "16909060", "want an IPv4 or IPv6 address" },
		{ "01.2.3.4", "leading zeros" },
		{ "1.2.3.004", "leading zeros" },
		{ "1.00.3.4", "leading zeros" },
		{ " 1.2.3.4", "blanks" },
		{ "1.2.3.4 ", "blanks" },
		{ "1.2.3.4\n", "blanks" },
		{ "1.2.3.4/24", "without prefix length" },
		{ "::1/64", "without prefix length" },
		{ "1.2.3.4-1.2.3.5", "want an IPv4 or IPv6 address" },
		{ ":", "want an IPv4 or IPv6 address" },
		{ ":::", "want an IPv4 or IPv6 address" },
		{ "1::2::3", "want an IPv4 or IPv6 address" },
		{ ":1:2:3:4:5:6:7", "want an IPv4 or IPv6 address" },
		{ "1:2:3:4:5:6:7", "want an IPv4 or IPv6 address" },
		{ "1:2:3:4:5:6:7:", "want an IPv4 or IPv6 address" },
		{ "1:2:3:4:5:6:7:8:9", "want an IPv4 or IPv6 address" },
		{ "1:2:3:4:5:6:7::8", "want an IPv4 or IPv6 address" },
		{ "::12345", "want an IPv4 or IPv6 address" },
		{ "::00001", "want an IPv4 or IPv6 address" },
		{ "::g", "want an IPv4 or IPv6 address" },
		{ "[::1]", "want an IPv4 or IPv6 address" },
		{ "::1.2.3.04", "want an IPv4 or IPv6 address" },
		{ "fe80::1%eth0", "zone" },
		{ "::ffff:10.0.0.1", "IPv4-mapped" },
		{ "::ffff:0:0", "IPv4-mapped" },
		{ "0:0:0:0:0:FFFF:ffff:ffff", "IPv4-mapped" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:1", "want an IPv4 or IPv6 address" },
		{ "0000000000000000000000000000000000000000000000000000000000000000000000000001",
		  "want an IPv4 or IPv6 address" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip ip = { 9, 9 };

		check_err(rows[i].text, ip_parse(rows[i].text, &ip, &err), rows[i].want);
		assert_true(ip.ver == 9 && ip.n == 9); /* untouched on failure */
	}
}

static void test_bytes(void **state)
{
	static const char *const rows[] = { "1.2.3.4", "255.254.253.252", "0102:304::f00f", MAX6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip ip = addr(rows[i]);
		uint8_t b[17];

		memset(b, 0xa5, sizeof(b));
		ip_to_bytes(ip, b);
		assert_int_equal(b[ip_bits(ip.ver) / 8], 0xa5);
		assert_true(ip_equal(ip_from_bytes(ip.ver, b), ip));
		assert_int_equal(b[0], (uint8_t)(ip.n >> (ip_bits(ip.ver) - 8)));
	}
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool multicast, link_local;
	} rows[] = {
		{ "223.255.255.255", false, false }, { "224.0.0.0", true, false },
		{ "239.255.255.255", true, false },  { "240.0.0.0", false, false },
		{ "169.253.255.255", false, false }, { "169.254.0.0", false, true },
		{ "169.254.255.255", false, true },  { "169.255.0.0", false, false },
		{ "feff::1", false, false },         { "ff00::", true, false },
		{ "ff02::1", true, false },          { MAX6, true, false },
		{ "fe7f:ffff::", false, false },     { "fe80::", false, true },
		{ "febf:ffff::", false, true },      { "fec0::", false, false },
		{ "::a9fe:1", false, false },        { "::e000:1", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (ip_is_multicast(addr(rows[i].text)) != rows[i].multicast)
			fail_msg("row %s: multicast", rows[i].text);
		if (ip_is_link_local(addr(rows[i].text)) != rows[i].link_local)
			fail_msg("row %s: link-local", rows[i].text);
	}
	assert_false(ip_is_multicast((struct ip){ 0 }) || ip_is_link_local((struct ip){ 0 }));
}

static void test_prefix_text(void **state)
{
	static const struct {
		const char *text, *net, *first, *last;
	} rows[] = {
		{ "10.1.2.3/24", "10.1.2.0/24", "10.1.2.0", "10.1.2.255" },
		{ "10.1.2.3/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "255.255.255.255/1", "128.0.0.0/1", "128.0.0.0", "255.255.255.255" },
		{ "10.1.2.3/31", "10.1.2.2/31", "10.1.2.2", "10.1.2.3" },
		{ "255.255.255.255/32", "255.255.255.255/32", "255.255.255.255", "255.255.255.255" },
		{ "fd00::1/0", "::/0", "::", MAX6 },
		{ MAX6 "/1", "8000::/1", "8000::", MAX6 },
		{ "fd00:1:2:3:4:5:6:7/64", "fd00:1:2:3::/64",
		  "fd00:1:2:3::", "fd00:1:2:3:ffff:ffff:ffff:ffff" },
		{ "fd00:1:2:3:4:5:6:7/63", "fd00:1:2:2::/63",
		  "fd00:1:2:2::", "fd00:1:2:3:ffff:ffff:ffff:ffff" },
		{ "fd00::7/127", "fd00::6/127", "fd00::6", "fd00::7" },
		{ MAX6 "/128", MAX6 "/128", MAX6, MAX6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[IP_TEXT_MAX];
		struct ip_prefix p, any;
		struct ip_range r;

		if (ip_prefix_parse(rows[i].text, &p, &err) < 0)
			fail_msg("row \"%s\": %s", rows[i].text, err.msg);
		assert_int_equal(ip_prefix_parse_any(rows[i].text, &any, &err), 0);
		assert_true(ip_prefix_equal(p, any));
		assert_string_equal(ip_prefix_format(p, out), rows[i].text);
		assert_string_equal(ip_prefix_format(ip_prefix_network(p), out), rows[i].net);
		r = ip_prefix_range(p);
		if (r.lo != addr(rows[i].first).n || r.hi != addr(rows[i].last).n)
			fail_msg("row \"%s\": wrong range", rows[i].text);
	}
}

static void test_prefix_errors(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "want an IPv4 or IPv6 address" },
		{ "/24", "want an IPv4 or IPv6 address" },
		{ "10.0.0/24", "want an IPv4 or IPv6 address" },
		{ "10.0.0.0/", "from 0 to 32" },
		{ "10.0.0.0/33", "from 0 to 32" },
		{ "10.0.0.0/024", "from 0 to 32" },
		{ "10.0.0.0/00", "from 0 to 32" },
		{ "10.0.0.0/-1", "from 0 to 32" },
		{ "10.0.0.0/+8", "from 0 to 32" },
		{ "10.0.0.0/2x", "from 0 to 32" },
		{ "10.0.0.0/8/8", "from 0 to 32" },
		{ "10.0.0.0/4294967304", "from 0 to 32" },
		{ "fd00::/129", "from 0 to 128" },
		{ "fd00::/999999999999999999999999", "from 0 to 128" },
		{ "10.0.0.0 /8", "blanks" },
		{ "10.0.0.0/8 ", "blanks" },
		{ "10.0.0.010/8", "leading zeros" },
		{ "fe80::1%eth0/64", "zone" },
		{ "::ffff:10.0.0.0/104", "IPv4-mapped" },
	};
	struct ip_prefix p = { .len = 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_err(rows[i].text, ip_prefix_parse(rows[i].text, &p, &err), rows[i].want);
		check_err(rows[i].text, ip_prefix_parse_any(rows[i].text, &p, &err), rows[i].want);
	}
	check_err("10.0.0.1", ip_prefix_parse("10.0.0.1", &p, &err), "want a prefix length");
	assert_int_equal(p.len, 99);
	assert_int_equal(ip_prefix_parse_any("10.0.0.1", &p, &err), 0);
	assert_true(p.len == 32 && ip_equal(p.ip, addr("10.0.0.1")));
	assert_int_equal(ip_prefix_parse_any("fd00::1", &p, &err), 0);
	assert_true(p.len == 128 && ip_equal(p.ip, addr("fd00::1")));
}

static void test_prefix_relations(void **state)
{
	static const struct {
		const char *a, *b;
		bool contains, overlaps; /* a contains the address of b */
	} rows[] = {
		{ "10.0.0.0/24", "10.0.0.255/32", true, true },
		{ "10.0.0.0/24", "10.0.1.0/32", false, false },
		{ "10.0.0.7/24", "10.0.0.0/8", true, true },
		{ "10.0.0.0/24", "10.0.0.0/8", true, true },
		{ "10.0.0.0/24", "10.9.0.0/8", false, true },
		{ "0.0.0.0/0", "255.255.255.255/32", true, true },
		{ "::/0", MAX6 "/128", true, true },
		{ "::/0", "0.0.0.0/0", false, false },
		{ "0.0.0.0/0", "::1/128", false, false },
		{ MAX6 "/128", "ffff::/128", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_prefix a, b;

		assert_int_equal(ip_prefix_parse(rows[i].a, &a, &err), 0);
		assert_int_equal(ip_prefix_parse(rows[i].b, &b, &err), 0);
		if (ip_prefix_contains(a, b.ip) != rows[i].contains)
			fail_msg("row %s %s: contains", rows[i].a, rows[i].b);
		if (ip_prefix_overlaps(a, b) != rows[i].overlaps ||
		    ip_prefix_overlaps(b, a) != rows[i].overlaps)
			fail_msg("row %s %s: overlaps", rows[i].a, rows[i].b);
		assert_true(ip_prefix_equal(a, a));
		assert_false(ip_prefix_equal(a, b));
	}
}

static void test_range_text(void **state)
{
	static const struct {
		const char *text, *want;
		uint8_t ver;
	} rows[] = {
		{ "10.0.0.1", NULL, 4 },
		{ "10.0.0.1-10.0.0.1", "10.0.0.1", 4 },
		{ "10.0.0.1-10.0.0.9", NULL, 4 },
		{ "0.0.0.0-255.255.255.255", NULL, 4 },
		{ "FD00::1-fd00:0::FFFF", "fd00::1-fd00::ffff", 6 },
		{ "fd00::-" MAX6, NULL, 6 },
		{ "::-::fffe:ffff:ffff", NULL, 6 },
		{ "::1:0:0:0-" MAX6, NULL, 6 },
		{ "1000:1000:1000:1000:1000:1000:1000:1000-" MAX6, NULL, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[IP_RANGE_MAX];
		struct ip_range r, same;
		uint8_t ver = 0;

		if (ip_range_parse(rows[i].text, 0, &r, &ver, &err) < 0)
			fail_msg("row \"%s\": %s", rows[i].text, err.msg);
		assert_int_equal(ver, rows[i].ver);
		assert_int_equal(ip_range_parse(rows[i].text, ver, &same, NULL, &err), 0);
		assert_true(r.lo == same.lo && r.hi == same.hi && r.lo <= r.hi);
		assert_string_equal(ip_range_format(ver, r, out), rows[i].want ? rows[i].want : rows[i].text);
	}
}

static void test_range_errors(void **state)
{
	static const struct {
		const char *text, *want;
		uint8_t ver;
	} rows[] = {
		{ "", "want an IPv4 or IPv6 address", 0 },
		{ "-", "want an IPv4 or IPv6 address", 0 },
		{ "10.0.0.1-", "want an IPv4 or IPv6 address", 0 },
		{ "-10.0.0.1", "want an IPv4 or IPv6 address", 0 },
		{ "10.0.0.1-10", "want an IPv4 or IPv6 address", 0 },
		{ "10.0.0.1-10.0.0.2-10.0.0.3", "want an IPv4 or IPv6 address", 0 },
		{ "10.0.0.1,10.0.0.2", "want an IPv4 or IPv6 address", 0 },
		{ "10.0.0.1 - 10.0.0.2", "blanks are not accepted, write first-last", 0 },
		{ " 10.0.0.1", "blanks", 0 },
		{ "10.0.0.1\t", "blanks", 0 },
		{ "10.0.0.9-10.0.0.1", "first address is above the last, write 10.0.0.1-10.0.0.9", 0 },
		{ "fd00::2-fd00::1", "first address is above the last, write fd00::1-fd00::2", 6 },
		{ "10.0.0.1-fd00::1", "different IP versions", 0 },
		{ "fd00::1-10.0.0.1", "different IP versions", 4 },
		{ "10.0.0.0/24", "CIDR notation is not accepted, write 10.0.0.0-10.0.0.255", 4 },
		{ "fd00::5/126", "CIDR notation is not accepted, write fd00::4-fd00::7", 0 },
		{ "10.0.0.7/32", "CIDR notation is not accepted, write 10.0.0.7", 4 },
		{ "10.0.0.0/33", "CIDR notation is not accepted, write first-last", 4 },
		{ "10.0.0.0/24-10.0.1.0/24", "CIDR notation is not accepted, write first-last", 4 },
		{ "10.0.0.1", "want IPv6, this is IPv4", 6 },
		{ "fd00::1-fd00::2", "want IPv4, this is IPv6", 4 },
		{ "10.0.0.01", "leading zeros", 4 },
		{ "10.0.0.1-10.0.0.010", "leading zeros", 4 },
		{ "fe80::1%eth0", "zone", 6 },
		{ "::ffff:1.2.3.4", "IPv4-mapped", 0 },
		{ "::-fd00::", "IPv4-mapped", 6 },
		{ "::fffe:ffff:ffff-::ffff:0:0", "IPv4-mapped", 6 },
		{ "::-::1:0:0:0", "IPv4-mapped", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_range r = { 1, 2 };
		uint8_t ver = 9;

		check_err(rows[i].text, ip_range_parse(rows[i].text, rows[i].ver, &r, &ver, &err),
			  rows[i].want);
		assert_true(r.lo == 1 && r.hi == 2 && ver == 9);
	}
}

static void test_block_names(void **state)
{
	static const struct {
		const char *addr, *name;
	} rows[] = {
		{ "0.0.0.0", "v4-00000000" },
		{ "10.0.0.63", "v4-0a000000" },
		{ "10.0.0.64", "v4-0a000040" },
		{ "255.255.255.255", "v4-ffffffc0" },
		{ "::", "v6-00000000000000000000000000000000" },
		{ "fd00::1:41", "v6-fd000000000000000000000000010040" },
		{ MAX6, "v6-ffffffffffffffffffffffffffffffc0" },
	};
	static const char *const wrong[] = {
		"",
		"v4-",
		"v5-0a000000",
		"V4-0a000000",
		"v4_0a000000",
		"v4-0a00000",
		"v4-0a0000000",
		"v4-0A000000",
		"v4-0a000020",
		"v4-0a00003f",
		"v4-0a00000g",
		"v4-0x000000",
		"v4-0a000000\n",
		"v4-0a000000\xf0", /* 0xf0 minus '0' ends in six zero bits */
		"v6-0a000000",
		"v6-fd000000000000000000000000010041",
		"v6-fd0000000000000000000000000100400",
		"v6-00000000000000000000ffff0a000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip ip = addr(rows[i].addr);
		char out[IP_BLOCK_NAME_MAX];
		ip_num block = 0;
		uint8_t ver = 0;

		assert_string_equal(ip_block_name(ip.ver, ip.n >> IP_BLOCK_BITS, out), rows[i].name);
		assert_int_equal(ip_block_parse(rows[i].name, &ver, &block, &err), 0);
		assert_true(ver == ip.ver && block == ip.n >> IP_BLOCK_BITS);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		ip_num block = 5;
		uint8_t ver = 5;

		check_err(wrong[i], ip_block_parse(wrong[i], &ver, &block, &err), "block name");
		assert_true(ver == 5 && block == 5);
	}
}

/* Everything, and the address before the end and behind the start: where +1 and -1 overflow. */
static void check_whole_space(uint8_t ver)
{
	CLEANUP(ip_set_clear) struct ip_set s = { .ver = ver }, last = { .ver = ver }, none = { .ver = ver };
	ip_num max = ip_max(ver), block = 0;

	assert_int_equal(ip_set_add(&s, (struct ip_range){ 1, max }, &err), 0);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ 0, 0 }, &err), 0);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ max, max }, &err), 0);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ 0, max }, &err), 0);
	assert_true(s.n == 1 && s.r[0].lo == 0 && s.r[0].hi == max);
	assert_true(ip_set_has(&s, 0) && ip_set_has(&s, max));
	assert_true(ip_set_count(&s) == (ver == 4 ? (int64_t)1 << 32 : INT64_MAX));
	assert_true(ip_set_blocks(&s) == (ver == 4 ? (uint64_t)1 << 26 : UINT64_MAX));
	assert_true(ip_set_mask(&s, max >> IP_BLOCK_BITS) == UINT64_MAX);
	assert_true(ip_set_mask(&s, (max >> IP_BLOCK_BITS) + 1) == 0);
	assert_true(ip_set_block_at(&s, ((uint64_t)1 << 26) - 1) == ((ip_num)1 << 26) - 1);
	assert_true(ip_set_block_next(&s, max >> IP_BLOCK_BITS, &block) && block == max >> IP_BLOCK_BITS);
	assert_false(ip_set_block_next(&s, (max >> IP_BLOCK_BITS) + 1, &block));

	assert_int_equal(ip_set_add(&last, (struct ip_range){ max, max }, &err), 0);
	assert_int_equal(ip_set_subtract(&s, &last, &err), 0);
	assert_true(s.n == 1 && s.r[0].hi == max - 1);
	assert_int_equal(ip_set_add_set(&s, &last, &err), 0);
	assert_true(s.n == 1 && s.r[0].hi == max);
	assert_int_equal(ip_set_subtract(&s, &s, &err), 0);
	assert_true(s.n == 0 && ip_set_count(&s) == 0 && ip_set_blocks(&s) == 0);
	assert_true(ip_set_contains(&last, &s) && !ip_set_contains(&s, &last));
	assert_int_equal(ip_set_intersect(&last, &none, &err), 0);
	assert_int_equal(last.n, 0);
}

static void test_whole_space(void **state)
{
	(void)state;
	check_whole_space(4);
	check_whole_space(6);
}

/* INT64_MAX and UINT64_MAX are reached, and not one too early. */
static void test_counts_saturate(void **state)
{
	CLEANUP(ip_set_clear) struct ip_set s = { .ver = 6 }, t = { .ver = 6 };
	ip_num two63 = (ip_num)1 << 63, two70 = (ip_num)1 << 70;

	(void)state;
	assert_int_equal(ip_set_add(&s, (struct ip_range){ 0, two63 - 3 }, &err), 0);
	assert_true(ip_set_count(&s) == INT64_MAX - 1);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ two63, two63 }, &err), 0);
	assert_true(ip_set_count(&s) == INT64_MAX);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ two70, two70 }, &err), 0);
	assert_true(ip_set_count(&s) == INT64_MAX);

	assert_int_equal(ip_set_add(&t, (struct ip_range){ 0, two70 - 65 }, &err), 0);
	assert_true(ip_set_blocks(&t) == UINT64_MAX);
	assert_true(ip_set_block_at(&t, UINT64_MAX - 1) == UINT64_MAX - 1);
	assert_int_equal(ip_set_add(&t, (struct ip_range){ two70 + 640, two70 + 640 }, &err), 0);
	assert_true(ip_set_blocks(&t) == UINT64_MAX);
	ip_set_clear(&t);
	assert_int_equal(ip_set_add(&t, (struct ip_range){ 0, two70 - 129 }, &err), 0);
	assert_true(ip_set_blocks(&t) == UINT64_MAX - 1);
}

static void test_families_apart(void **state)
{
	CLEANUP(ip_set_clear) struct ip_set a = { 0 }, b = { 0 }, zero = { 0 };
	static const char *const four[] = { "0.0.0.0-0.0.0.9" }, *const six[] = { "::-::9" };
	struct ip_range r;

	(void)state;
	assert_int_equal(ip_set_parse(four, 1, 4, &a, &err), 0);
	assert_int_equal(ip_set_parse(six, 1, 6, &b, &err), 0);
	assert_false(ip_set_overlaps(&a, &b) || ip_set_contains(&a, &b) || ip_set_first_common(&a, &b, &r));
	assert_int_equal(ip_set_add_set(&a, &b, &err), -EINVAL);
	assert_int_equal(ip_set_subtract(&a, &b, &err), 0);
	assert_int_equal(ip_set_count(&a), 10);
	assert_int_equal(ip_set_add_set(&a, &zero, &err), 0);
	assert_int_equal(ip_set_add_set(&zero, &b, &err), 0);
	assert_true(zero.ver == 6 && ip_set_count(&zero) == 10);
	assert_int_equal(ip_set_intersect(&a, &b, &err), 0);
	assert_true(a.ver == 4 && a.n == 0);
}

static void test_set_parse(void **state)
{
	static const char *const texts[] = { "10.0.0.9",  "10.0.0.1-10.0.0.4", "10.0.0.5",
					     "10.0.0.20", "10.0.0.2",          "10.0.0.8-10.0.0.10" };
	static const char *const bad[] = { "10.0.0.1", "10.0.0.0/24" };
	CLEANUP(ip_set_clear) struct ip_set s = { 0 };

	(void)state;
	assert_int_equal(ip_set_parse(texts, ARRAY_LEN(texts), 4, &s, &err), 0);
	assert_int_equal(s.n, 3);
	assert_true(s.r[0].lo == range("10.0.0.1").lo && s.r[0].hi == range("10.0.0.5").lo);
	assert_true(s.r[1].lo == range("10.0.0.8").lo && s.r[1].hi == range("10.0.0.10").lo);
	assert_true(s.r[2].lo == range("10.0.0.20").lo && s.r[2].hi == s.r[2].lo);
	ip_set_clear(&s);
	check_err("10.0.0.0/24", ip_set_parse(bad, 2, 4, &s, &err), "CIDR");
	assert_true(s.ver == 4 && !s.n && !s.r);
	assert_int_equal(ip_set_parse(NULL, 0, 6, &s, &err), 0);
	assert_true(s.ver == 6 && !s.n);
}

/* The limit holds for every way to make a set, and what was there before stays. */
static void test_limit(void **state)
{
	CLEANUP(ip_set_clear)
	struct ip_set s = { .ver = 4 }, odd = { .ver = 4 }, one = { .ver = 4 }, parsed = { 0 };
	CLEANUP(free_p) const char **texts = calloc(IP_SET_MAX + 1, sizeof(*texts));

	(void)state;
	assert_non_null(texts);
	for (uint32_t i = 0; i < IP_SET_MAX / 2 + 1; i++)
		assert_int_equal(ip_set_add(&s, (struct ip_range){ i * 4, i * 4 }, &err), 0);
	assert_int_equal(ip_set_copy(&s, &parsed, &err), 0); /* room for 32769: twice that is too much */
	ip_set_clear(&s);
	s = parsed;
	parsed = (struct ip_set){ 0 };
	for (uint32_t i = IP_SET_MAX / 2 + 1; i < IP_SET_MAX; i++)
		assert_int_equal(ip_set_add(&s, (struct ip_range){ i * 4, i * 4 }, &err), 0);
	assert_int_equal(s.n, IP_SET_MAX);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ ip_max(4), ip_max(4) }, &err), -E2BIG);
	assert_int_equal(ip_set_add(&one, (struct ip_range){ 2, 2 }, &err), 0);
	assert_int_equal(ip_set_add_set(&s, &one, &err), -E2BIG);
	assert_int_equal(ip_set_add(&odd, (struct ip_range){ 0, 1 << 20 }, &err), 0);
	assert_int_equal(ip_set_subtract(&odd, &s, &err), 0); /* 65536 holes leave 65536 ranges */
	assert_int_equal(odd.n, IP_SET_MAX);
	assert_int_equal(ip_set_add(&one, (struct ip_range){ 6, 6 }, &err), 0);
	assert_int_equal(ip_set_subtract(&odd, &one, &err), -E2BIG);
	assert_int_equal(odd.n, IP_SET_MAX);
	assert_int_equal(ip_set_add(&s, (struct ip_range){ 1, 3 }, &err), 0); /* one that merges fits */
	assert_int_equal(s.n, IP_SET_MAX - 1);
	for (size_t i = 0; i <= IP_SET_MAX; i++)
		texts[i] = "10.0.0.1";
	assert_int_equal(ip_set_parse(texts, IP_SET_MAX + 1, 4, &parsed, &err), -E2BIG);
}

static void test_no_memory(void **state)
{
	static const char *const texts[] = { "10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7" };
	CLEANUP(ip_set_clear) struct ip_set s = { 0 }, one = { .ver = 4 }, out = { 0 };

	(void)state;
	assert_int_equal(ip_set_parse(texts, ARRAY_LEN(texts), 4, &s, &err), 0);
	assert_int_equal(ip_set_add(&one, range("10.0.0.3"), &err), 0);
	no_memory = true;
	assert_int_equal(ip_set_add(&s, range("10.0.0.9"), &err), -ENOMEM);
	assert_int_equal(ip_set_add_set(&s, &one, &err), -ENOMEM);
	assert_int_equal(ip_set_subtract(&s, &one, &err), -ENOMEM);
	assert_int_equal(ip_set_intersect(&s, &one, &err), -ENOMEM);
	assert_int_equal(ip_set_copy(&s, &out, &err), -ENOMEM);
	assert_true(!out.r && !out.n);
	assert_int_equal(ip_set_parse(texts, 1, 4, &out, &err), -ENOMEM);
	assert_true(!out.r && !out.n);
	no_memory = false;
	assert_int_equal(ip_set_count(&s), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_text),    cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_address_errors),  cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_kinds),           cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_errors),   cmocka_unit_test(test_prefix_relations),
		cmocka_unit_test(test_range_text),      cmocka_unit_test(test_range_errors),
		cmocka_unit_test(test_block_names),     cmocka_unit_test(test_whole_space),
		cmocka_unit_test(test_counts_saturate), cmocka_unit_test(test_families_apart),
		cmocka_unit_test(test_set_parse),       cmocka_unit_test(test_limit),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
