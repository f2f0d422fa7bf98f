/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - one range of addresses as users write it: "a" or "a-b" */
#include "ip/ip.h"

#include <errno.h>
#include <string.h>

#include "ip/priv.h"

static int bad(const char *text, const char *why, struct err *e)
{
	return err_code(e, ERR_CONFIG, EINVAL, "IP range \"%.96s\": %s", text, why);
}

/* Says what to write instead, if the prefix can be read. */
static int bad_cidr(const char *text, struct err *e)
{
	char range[IP_RANGE_MAX];
	struct ip_prefix p;
	struct err ignored;

	if (ip_prefix_parse(text, &p, &ignored) < 0)
		return bad(text, "CIDR notation is not accepted, write first-last", e);
	ip_range_format(p.ip.ver, ip_prefix_range(p), range);
	return err_code(e, ERR_CONFIG, EINVAL, "IP range \"%s\": CIDR notation is not accepted, write %s",
			text, range);
}

static int bad_order(const char *text, uint8_t ver, struct ip_range r, struct err *e)
{
	char range[IP_RANGE_MAX];

	ip_range_format(ver, (struct ip_range){ r.hi, r.lo }, range);
	return err_code(e, ERR_CONFIG, EINVAL,
			"IP range \"%s\": the first address is above the last, write %s", text, range);
}

int ip_range_parse(const char *text, uint8_t ver, struct ip_range *ret, uint8_t *ret_ver, struct err *e)
{
	const char *dash = strchr(text, '-');
	size_t len = dash ? (size_t)(dash - text) : strlen(text);
	const char *why;
	struct ip_range r;
	struct ip lo, hi;

	if (ip_has_blank(text))
		return bad(text, "blanks are not accepted, write first-last", e);
	if (strchr(text, '/'))
		return bad_cidr(text, e);
	why = ip_read(text, len, &lo);
	hi = lo;
	if (!why && dash)
		why = ip_read(dash + 1, strlen(dash + 1), &hi);
	if (why)
		return bad(text, why, e);
	if (lo.ver != hi.ver)
		return bad(text, "the two addresses are of different IP versions", e);
	if (ver && lo.ver != ver)
		return bad(text, ver == 4 ? "want IPv4, this is IPv6" : "want IPv6, this is IPv4", e);
	r = (struct ip_range){ lo.n, hi.n };
	if (r.lo > r.hi)
		return bad_order(text, lo.ver, r, e);
	if (ip_touches_mapped(lo.ver, r))
		return bad(text, "it has IPv4-mapped IPv6 addresses in it, which are not accepted", e);
	*ret = r;
	if (ret_ver)
		*ret_ver = lo.ver;
	return 0;
}

const char *ip_range_format(uint8_t ver, struct ip_range r, char out[IP_RANGE_MAX])
{
	char *end = ip_write(out, (struct ip){ .ver = ver, .n = r.lo });

	if (r.hi != r.lo) {
		*end++ = '-';
		ip_write(end, (struct ip){ .ver = ver, .n = r.hi });
	}
	return out;
}
