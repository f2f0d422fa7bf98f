/* SPDX-License-Identifier: Apache-2.0 */
/* asker.h - who asks for an address, in why and plan: as the plugin would see the pod
 *
 * What the options do not say is taken from the pod's records and the runtime's cache, if there are any; on a
 * cluster from the pod, its namespace, node and owners.
 */
#ifndef CTL_ASKER_H
#define CTL_ASKER_H

#include "cni/args.h"
#include "pod.h"
#include "sandbox.h"
#include "section.h"

struct asker_opts {
	const char *args, *network, *nic, *node, *conflist, *cache_dir;
	struct opt_list annotations, pod_labels, ns_labels, node_labels, default_ipv4, default_ipv6;
};

#define ASKER_OPTIONS(T, m) \
	OPT(T, m.args, 0, "args", "K=V;...", \
	    .help = "CNI_ARGS as the runtime sends them, instead of naming the pod"), \
		OPT(T, m.annotations, 0, "annotation", "KEY=VALUE", \
		    .help = "of the pod; a key without \"/\" is one of ipam.spidernet.io"), \
		OPT(T, m.pod_labels, 0, "pod-label", "KEY=VALUE", .help = "of the pod, for podAffinity"), \
		OPT(T, m.ns_labels, 0, "namespace-label", "KEY=VALUE", \
		    .help = "of its namespace, for namespaceAffinity"), \
		OPT(T, m.node_labels, 0, "node-label", "KEY=VALUE", \
		    .help = "of its node, for nodeAffinity"), \
		OPT(T, m.node, 0, "node", "NODE", .help = "its node (default: this host)"), \
		OPT(T, m.nic, 0, "nic", "NIC", .help = "its interface (default eth0)"), \
		OPT(T, m.network, 0, "network", "NAME", .help = "name of the network, for multusName"), \
		OPT(T, m.conflist, 0, "conflist", "FILE|NAME", .offer = OFFER_FILE, \
		    .help = "network configuration whose ipam section counts; a name is looked for " \
			    "in " NETWORK_DIR), \
		OPT(T, m.default_ipv4, 0, "default-ipv4-ippool", "POOL", .offer = OFFER_POOL, \
		    .help = "as in the ipam section"), \
		OPT(T, m.default_ipv6, 0, "default-ipv6-ippool", "POOL", .offer = OFFER_POOL, \
		    .help = "as in the ipam section"), \
		CACHE_OPTION(T, m.cache_dir)

struct asker {
	struct ipam_request req;
	char *ns, *pod;             /* NULL: not named */
	bool from_cache;            /* network configuration and annotations are those the runtime used */
	struct pod_objects objects; /* of a cluster */
	/* what req and the engine's configuration point to */
	struct cni_args args;
	struct cni_network network;
	struct ipam_section section;
	struct cni_cached cached;
	struct json_map annotations, pod_labels, ns_labels, node_labels;
	struct json_strv default_ipv4, default_ipv6;
	char *network_name, *nic;
};

/* pod: "NS/NAME", "NAME" or NULL. The store must be open; c->ipam.conf is set to what the configuration says.
 */
int asker_init(struct asker *a, struct ctl *c, const struct asker_opts *opts, const char *pod, struct err *e);
void asker_clear(struct asker *a);

#endif
