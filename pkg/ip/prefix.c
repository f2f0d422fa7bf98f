/* SPDX-License-Identifier: Apache-2.0 */
/* prefix.c - an address with a prefix length */
#include "ip/ip.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "ip/priv.h"

static int bad(const char *text, const char *why, struct err *e)
{
	return err_code(e, ERR_CONFIG, EINVAL, "prefix \"%.64s\": %s", text, why);
}

/* One to three digits, no sign, no leading zero; -1 when it is anything else. */
static int read_length(const char *p, uint8_t max)
{
	int n = 0;

	if (!isdigit((unsigned char)*p) || (*p == '0' && p[1]))
		return -1;
	for (; *p; p++) {
		if (!isdigit((unsigned char)*p))
			return -1;
		n = n * 10 + (*p - '0');
		if (n > max)
			return -1;
	}
	return n;
}

static int parse(const char *text, bool bare, struct ip_prefix *ret, struct err *e)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	const char *why;
	struct ip ip;
	int bits;

	if (ip_has_blank(text))
		return bad(text, "blanks are not accepted", e);
	why = ip_read(text, len, &ip);
	if (why)
		return bad(text, why, e);
	if (!slash && !bare)
		return bad(text, "want a prefix length behind the address, for example 10.0.0.0/24", e);
	bits = slash ? read_length(slash + 1, ip_bits(ip.ver)) : ip_bits(ip.ver);
	if (bits < 0)
		return bad(text,
			   ip.ver == 4 ? "want a prefix length from 0 to 32 behind the slash"
				       : "want a prefix length from 0 to 128 behind the slash",
			   e);
	*ret = (struct ip_prefix){ .ip = ip, .len = (uint8_t)bits };
	return 0;
}

int ip_prefix_parse(const char *text, struct ip_prefix *ret, struct err *e)
{
	return parse(text, false, ret, e);
}

int ip_prefix_parse_any(const char *text, struct ip_prefix *ret, struct err *e)
{
	return parse(text, true, ret, e);
}

const char *ip_prefix_format(struct ip_prefix p, char out[IP_TEXT_MAX])
{
	char *end = ip_write(out, p.ip);

	*end++ = '/';
	*ip_write_dec(end, p.len) = '\0';
	return out;
}

struct ip_range ip_prefix_range(struct ip_prefix p)
{
	/* A shift by all 128 bits is undefined. */
	ip_num host = p.len < ip_bits(p.ip.ver) ? ip_max(p.ip.ver) >> p.len : 0;

	return (struct ip_range){ p.ip.n & ~host, p.ip.n | host };
}

struct ip_prefix ip_prefix_network(struct ip_prefix p)
{
	p.ip.n = ip_prefix_range(p).lo;
	return p;
}

bool ip_prefix_contains(struct ip_prefix p, struct ip ip)
{
	struct ip_range r = ip_prefix_range(p);

	return p.ip.ver == ip.ver && r.lo <= ip.n && ip.n <= r.hi;
}

bool ip_prefix_overlaps(struct ip_prefix a, struct ip_prefix b)
{
	struct ip_range ra = ip_prefix_range(a), rb = ip_prefix_range(b);

	return a.ip.ver == b.ip.ver && ra.lo <= rb.hi && rb.lo <= ra.hi;
}

bool ip_prefix_equal(struct ip_prefix a, struct ip_prefix b)
{
	return a.len == b.len && ip_equal(a.ip, b.ip);
}
