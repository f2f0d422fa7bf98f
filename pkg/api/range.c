/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - the addresses that a pool, a subnet or a SpiderReservedIP speaks of */
#include "api/api.h"

#include <errno.h>

uint8_t api_range_version(const struct api_range_spec *s)
{
	struct ip_prefix p;
	struct err ignored;

	if (s->ip_version.set)
		return s->ip_version.v == 4 || s->ip_version.v == 6 ? (uint8_t)s->ip_version.v : 0;
	if (s->subnet && ip_prefix_parse(s->subnet, &p, &ignored) == 0)
		return p.ip.ver;
	return 0;
}

uint8_t api_list_version(const struct json_strv *ips)
{
	struct ip_range range;
	struct err unreadable;
	uint8_t ver;

	for (size_t i = 0; i < ips->n; i++) {
		if (ip_range_parse(ips->v[i], 0, &range, &ver, &unreadable) == 0)
			return ver;
	}
	return 0;
}

static int parse_list(const struct json_strv *l, const char *field, uint8_t ver, struct ip_set *out,
		      struct err *e)
{
	int r = ip_set_parse((const char *const *)l->v, l->n, ver, out, e);

	return r < 0 ? err_wrap(e, "spec.%s", field) : 0;
}

int api_range_total(const struct api_range_spec *s, struct ip_set *out, struct err *e)
{
	struct ip_set excluded = { 0 };
	uint8_t ver = api_range_version(s);
	int r;

	*out = (struct ip_set){ 0 };
	if (!ver)
		return err_code(e, ERR_CONFIG, EINVAL,
				"spec.ipVersion: neither it nor spec.subnet tells the family");
	r = parse_list(&s->ips, "ips", ver, out, e);
	if (r == 0)
		r = parse_list(&s->exclude_ips, "excludeIPs", ver, &excluded, e);
	if (r == 0)
		r = ip_set_subtract(out, &excluded, e);
	ip_set_clear(&excluded);
	if (r < 0)
		ip_set_clear(out);
	out->ver = ver;
	return r;
}

/* Where no webhook fills it in, ipVersion may be absent. */
int api_reserved_set(const struct api_reservedip *r, struct ip_set *out, struct err *e)
{
	const struct json_int *ver = &r->spec.ip_version;

	*out = (struct ip_set){ 0 };
	if (!ver->set)
		return parse_list(&r->spec.ips, "ips", api_list_version(&r->spec.ips), out, e);
	if (ver->v != 4 && ver->v != 6)
		return err_code(e, ERR_CONFIG, EINVAL, "spec.ipVersion: want 4 or 6");
	return parse_list(&r->spec.ips, "ips", (uint8_t)ver->v, out, e);
}
