/* SPDX-License-Identifier: Apache-2.0 */
/* addr.c - one address: text, bytes, kinds */
#include "ip/ip.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "ip/priv.h"

#define MAPPED_LO ((ip_num)0xffff << 32)
#define MAPPED_HI (MAPPED_LO | 0xffffffff)

uint8_t ip_bits(uint8_t ver)
{
	return ver == 6 ? 128 : 32;
}

ip_num ip_max(uint8_t ver)
{
	return ver == 6 ? ~(ip_num)0 : 0xffffffff;
}

bool ip_equal(struct ip a, struct ip b)
{
	return a.ver == b.ver && a.n == b.n;
}

bool ip_touches_mapped(uint8_t ver, struct ip_range r)
{
	return ver == 6 && r.lo <= MAPPED_HI && r.hi >= MAPPED_LO;
}

bool ip_is_multicast(struct ip ip)
{
	return ip.ver == 6 ? ip.n >> 120 == 0xff : ip.ver == 4 && ip.n >> 28 == 0xe;
}

bool ip_is_link_local(struct ip ip)
{
	return ip.ver == 6 ? ip.n >> 118 == 0xfe80 >> 6 : ip.ver == 4 && ip.n >> 16 == 0xa9fe;
}

void ip_to_bytes(struct ip ip, uint8_t *out)
{
	for (size_t i = ip_bits(ip.ver) / 8; i-- > 0; ip.n >>= 8)
		out[i] = (uint8_t)ip.n;
}

struct ip ip_from_bytes(uint8_t ver, const uint8_t *in)
{
	struct ip ip = { .ver = ver };

	for (size_t i = 0; i < ip_bits(ver) / 8; i++)
		ip.n = ip.n << 8 | in[i];
	return ip;
}

/* ---- reading ---- */

bool ip_has_blank(const char *text)
{
	return strpbrk(text, " \t\r\n\v\f") != NULL;
}

static bool has_leading_zero(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '0' && isdigit((unsigned char)p[1]) && (p == text || p[-1] == '.'))
			return true;
	}
	return false;
}

static const char *why_bad(const char *text)
{
	if (ip_has_blank(text))
		return "blanks are not accepted";
	if (strchr(text, '%'))
		return "a zone is not accepted";
	if (strchr(text, '/'))
		return "want an address without prefix length";
	if (!strchr(text, ':') && has_leading_zero(text))
		return "leading zeros are not accepted";
	return "want an IPv4 or IPv6 address";
}

const char *ip_read(const char *text, size_t len, struct ip *ret)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	uint8_t ver;
	struct ip ip;

	if (len >= sizeof(copy))
		return "want an IPv4 or IPv6 address";
	memcpy(copy, text, len);
	copy[len] = '\0';
	ver = memchr(copy, ':', len) ? 6 : 4;
	if (inet_pton(ver == 6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
		return why_bad(copy);
	ip = ip_from_bytes(ver, bytes);
	if (ip_touches_mapped(ver, (struct ip_range){ ip.n, ip.n }))
		return "an IPv4-mapped IPv6 address is not accepted, write the IPv4 address";
	*ret = ip;
	return NULL;
}

int ip_parse(const char *text, struct ip *ret, struct err *e)
{
	const char *why = ip_read(text, strlen(text), ret);

	if (why)
		return err_code(e, ERR_CONFIG, EINVAL, "address \"%.64s\": %s", text, why);
	return 0;
}

/* ---- writing ---- */

char *ip_write_dec(char *p, unsigned int n)
{
	char digits[10];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	while (len)
		*p++ = digits[--len];
	return p;
}

static char *write_hex(char *p, unsigned int n)
{
	int shift = n > 0xfff ? 12 : n > 0xff ? 8 : n > 0xf ? 4 : 0;

	for (; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[n >> shift & 0xf];
	return p;
}

/* The first of the longest runs of two or more zero groups; *len is 0 when there is none. */
static int zero_run(const uint16_t group[8], int *len)
{
	int start = 0, run = 0;

	*len = 0;
	for (int i = 0; i < 8; i++) {
		run = group[i] ? 0 : run + 1;
		if (run >= 2 && run > *len) {
			*len = run;
			start = i + 1 - run;
		}
	}
	return start;
}

static char *write_v6(char *p, ip_num n)
{
	uint16_t group[8];
	int start, len;

	for (int i = 8; i-- > 0; n >>= 16)
		group[i] = (uint16_t)n;
	start = zero_run(group, &len);
	for (int i = 0; i < 8; i++) {
		if (len && i == start) {
			*p++ = ':';
			*p++ = ':';
			i += len - 1;
			continue;
		}
		if (i && !(len && i == start + len))
			*p++ = ':';
		p = write_hex(p, group[i]);
	}
	return p;
}

char *ip_write(char *p, struct ip ip)
{
	if (ip.ver == 6) {
		p = write_v6(p, ip.n);
	} else if (ip.ver == 4) {
		for (int shift = 24; shift >= 0; shift -= 8) {
			p = ip_write_dec(p, (unsigned int)(ip.n >> shift) & 0xff);
			if (shift)
				*p++ = '.';
		}
	} else {
		p = stpcpy(p, "invalid IP");
	}
	*p = '\0';
	return p;
}

const char *ip_format(struct ip ip, char out[IP_TEXT_MAX])
{
	ip_write(out, ip);
	return out;
}
