/* SPDX-License-Identifier: Apache-2.0 */
/* grant.c - what this NIC was given */
#include "grant.h"

#include <errno.h>

int grant_add_ip(struct grant *g, const char *address, const char *gateway, const struct grant_ip *ip,
		 struct err *e)
{
	struct ip gw = { 0 };
	struct ip_prefix p;
	int r = ip_prefix_parse(address, &p, e);

	if (r == 0 && gateway && *gateway)
		r = ip_parse(gateway, &gw, e);
	if (r == 0 && gw.ver && gw.ver != p.ip.ver)
		r = err_set(e, EINVAL, "address %s has gateway %s", address, gateway);
	if (r == 0 && g->result.ips.n == GRANT_MAX)
		r = err_set(e, E2BIG, "one NIC has more than %d addresses", GRANT_MAX);
	if (r < 0)
		return r;
	r = cni_result_add_ip(&g->result, p, gw, -1, e);
	if (r < 0)
		return r;
	g->ip[r] = *ip;
	return 0;
}

int grant_add_route(struct grant *g, const char *dst, const char *gw, struct err *e)
{
	struct ip_prefix p;
	struct ip via;
	int r = ip_prefix_parse(dst, &p, e);

	if (r == 0)
		r = ip_parse(gw, &via, e);
	if (r == 0)
		r = cni_result_add_route(&g->result, p, via, e);
	return r < 0 ? r : 0;
}

int grant_find(const struct grant *g, struct ip addr)
{
	for (size_t i = 0; i < g->result.ips.n; i++)
		if (ip_equal(g->result.ips.v[i].address.ip, addr))
			return (int)i;
	return -1;
}

void grant_clear(struct grant *g)
{
	cni_result_clear(&g->result);
	*g = (struct grant){ 0 };
}
