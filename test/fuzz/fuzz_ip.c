/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_ip.c - what is read is printed in one form only, and that form is read as the same thing */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ip/ip.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err err;

static void must(int ok)
{
	if (!ok)
		abort();
}

/* The C library agrees: on what is an address, and on its form unless it prints a dotted quad. */
static void check_libc(const char *text, struct ip ip)
{
	char out[IP_TEXT_MAX], theirs[INET6_ADDRSTRLEN];
	uint8_t bytes[16], parsed[16];

	ip_to_bytes(ip, bytes);
	must(inet_pton(ip.ver == 6 ? AF_INET6 : AF_INET, text, parsed) == 1);
	must(memcmp(bytes, parsed, ip_bits(ip.ver) / 8) == 0);
	must(inet_ntop(ip.ver == 6 ? AF_INET6 : AF_INET, bytes, theirs, sizeof(theirs)) != NULL);
	if (ip.ver == 4 || !strchr(theirs, '.'))
		must(strcmp(ip_format(ip, out), theirs) == 0);
}

static void check_address(const char *text)
{
	char out[IP_TEXT_MAX], again[IP_TEXT_MAX];
	uint8_t bytes[16];
	struct ip ip, same;

	if (ip_parse(text, &ip, &err) < 0) {
		/* Refused by us and not by the C library: only IPv4-mapped addresses. */
		if (inet_pton(AF_INET6, text, bytes) == 1)
			must(strstr(err.msg, "mapped") != NULL);
		else
			must(inet_pton(AF_INET, text, bytes) != 1);
		return;
	}
	check_libc(text, ip);
	must(ip_parse(ip_format(ip, out), &same, &err) == 0 && ip_equal(ip, same));
	must(strcmp(ip_format(same, again), out) == 0);
}

static void check_prefix(const char *text)
{
	char out[IP_TEXT_MAX], again[IP_TEXT_MAX];
	struct ip_prefix p, same, net;
	struct ip_range r;

	if (ip_prefix_parse_any(text, &p, &err) < 0) {
		must(ip_prefix_parse(text, &same, &err) < 0);
		return;
	}
	must(ip_prefix_parse(ip_prefix_format(p, out), &same, &err) == 0 && ip_prefix_equal(p, same));
	must(strcmp(ip_prefix_format(same, again), out) == 0);
	must((ip_prefix_parse(text, &same, &err) == 0) == (strchr(text, '/') != NULL));
	net = ip_prefix_network(p);
	r = ip_prefix_range(p);
	must(r.lo == net.ip.n && r.lo <= p.ip.n && p.ip.n <= r.hi && r.hi <= ip_max(p.ip.ver));
	must(ip_prefix_contains(net, p.ip) && ip_prefix_overlaps(net, p));
}

static void check_range(const char *text)
{
	char out[IP_RANGE_MAX], again[IP_RANGE_MAX];
	struct ip_range r, same;
	uint8_t ver;

	if (ip_range_parse(text, 0, &r, &ver, &err) < 0)
		return;
	must(r.lo <= r.hi && r.hi <= ip_max(ver));
	must(ip_range_parse(ip_range_format(ver, r, out), ver, &same, NULL, &err) == 0);
	must(r.lo == same.lo && r.hi == same.hi);
	must(strcmp(ip_range_format(ver, same, again), out) == 0);
	must(ip_range_parse(text, ver == 4 ? 6 : 4, &same, NULL, &err) < 0);
}

static void check_block(const char *text)
{
	char out[IP_BLOCK_NAME_MAX];
	ip_num block;
	uint8_t ver;

	if (ip_block_parse(text, &ver, &block, &err) == 0)
		must(strcmp(ip_block_name(ver, block, out), text) == 0);
}

/* One line after the other must give the same set as all at once. */
static void check_set(const char *const *lines, size_t n, uint8_t ver)
{
	CLEANUP(ip_set_clear) struct ip_set all = { 0 }, one = { .ver = ver };
	struct ip_range r;

	if (ip_set_parse(lines, n, ver, &all, &err) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		must(ip_range_parse(lines[i], ver, &r, NULL, &err) == 0);
		must(ip_set_add(&one, r, &err) == 0);
	}
	must(all.n == one.n && (!all.n || memcmp(all.r, one.r, all.n * sizeof(r)) == 0));
	must(ip_set_contains(&all, &one) && ip_set_contains(&one, &all));
	for (size_t i = 1; i < all.n; i++)
		must(all.r[i - 1].hi < all.r[i].lo && all.r[i].lo - all.r[i - 1].hi > 1);
	must(ip_set_subtract(&one, &all, &err) == 0 && one.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_p) char *text = strndup((const char *)data, size);
	const char *lines[LINES_MAX];
	size_t n = 0;

	must(text != NULL);
	check_address(text);
	check_prefix(text);
	check_range(text);
	check_block(text);
	for (char *save = NULL, *p = text; n < LINES_MAX && (p = strtok_r(p, "\n", &save)); p = NULL)
		lines[n++] = p;
	check_set(lines, n, 4);
	check_set(lines, n, 6);
	return 0;
}
