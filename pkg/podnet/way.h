/* SPDX-License-Identifier: Apache-2.0 */
/* way.h - the pod's routes to its node and through it */
#ifndef PODNET_WAY_H
#define PODNET_WAY_H

#include "base/log.h"
#include "podnet/options.h"
#include "podnet/podnet.h"

struct podnet_way {
	const struct podnet_view *view;
	const struct podnet_path *path;
	const struct podnet_ips *node_ips;
	struct ip
		src4; /* what IPv4 is sent from, so that the node's answer comes back this way; ver 0: none */
	struct podnet_changes *changes;
	struct log *log; /* may be NULL; gets what is not made because main has another route there */
};

/* Each address of the node, on the link. */
void podnet_way_to_node(const struct podnet_way *w, uint32_t table);
/* Each prefix of the NIC's families via the node's first address of that family, if it has one. */
void podnet_way_through(const struct podnet_way *w, const struct options_prefixes *dst, uint32_t table);

#endif
