/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - what an attachment changed, told: to the network around and in the result */
#include "podnet/attach.h"
#include "probe/probe.h"

#define ANNOUNCE_MS 1000

void podnet_attach_announce(struct podnet_attach *a, const char *nic)
{
	struct probe_opts opts = PROBE_OPTS(deadline_min(a->call->deadline, deadline_in(ANNOUNCE_MS)));
	struct podnet_view v;
	struct podnet_ips ips;
	struct err e;
	int r = podnet_look(&a->n, nic, &v, &e);

	if (r == 0) {
		podnet_view_ips(&v, v.nic->index, 0, &ips);
		podnet_view_clear(&v);
		r = probe_announce(a->n.pod.netns, nic, ips.v, ips.n, &opts, &e);
	}
	if (r < 0)
		log_warn(a->log, "the new MAC address is not announced: %s", e.msg);
}

int podnet_attach_report_pair(const struct podnet_attach *a, const struct podnet_path *p,
			      struct cni_result *res, struct err *e)
{
	char mac[LINK_MAC_TEXT];
	int r = cni_result_add_interface(res, p->node_dev, link_mac_format(p->node_mac, mac), NULL, e);

	if (r >= 0)
		r = cni_result_add_interface(res, p->pod_dev, link_mac_format(p->pod_mac, mac),
					     a->call->env.netns, e);
	return r < 0 ? r : 0;
}

int podnet_attach_report_mac(const char *nic, const uint8_t mac[LINK_MAC_LEN], struct cni_result *res,
			     struct err *e)
{
	int i = cni_result_find_interface(res, nic, NULL);
	char text[LINK_MAC_TEXT];

	return i < 0 ? 0 : cni_result_set_text(&res->interfaces.v[i].mac, link_mac_format(mac, text), e);
}
