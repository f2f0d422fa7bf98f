/* SPDX-License-Identifier: Apache-2.0 */
/* way.c - the pod's routes to its node and through it */
#include "podnet/way.h"

static void add_route(const struct podnet_way *w, struct ip_prefix dst, struct ip via, uint32_t table)
{
	struct rt_route r = { .dst = dst,
			      .via = via,
			      .src = dst.ip.ver == 4 ? w->src4 : (struct ip){ 0 },
			      .table = table,
			      .scope = via.ver ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK };
	char text[RT_TEXT_MAX];

	if (!podnet_plan_pod_route(w->view, &r, w->path->pod_dev, w->changes))
		log_warn(w->log, "pod: route %s is not made, there is another one to that destination",
			 rt_route_text(&r, w->path->pod_dev, text));
}

void podnet_way_to_node(const struct podnet_way *w, uint32_t table)
{
	for (size_t i = 0; i < w->node_ips->n; i++) {
		struct ip ip = w->node_ips->v[i];

		add_route(w, (struct ip_prefix){ ip, ip_bits(ip.ver) }, (struct ip){ 0 }, table);
	}
}

void podnet_way_through(const struct podnet_way *w, const struct options_prefixes *dst, uint32_t table)
{
	for (size_t i = 0; i < dst->n; i++) {
		struct ip via = podnet_ips_first(w->node_ips, dst->v[i].ip.ver);

		if (podnet_view_has(w->view, dst->v[i].ip.ver) && via.ver)
			add_route(w, dst->v[i], via, table);
	}
}
