/* SPDX-License-Identifier: Apache-2.0 */
/* podnet.h - a pod and its node, seen from both sides, and the changes of one attachment carried out on them
 *
 * A plugin looks (podnet_look), makes a list of changes out of what it saw and what it was asked for, writes
 * the list down and applies it. Looking changes nothing; applying needs nothing but the list.
 */
#ifndef PODNET_PODNET_H
#define PODNET_PODNET_H

#include "nl/rt.h"
#include "nl/space.h"
#include "podnet/change.h"
#include "podnet/record.h"

#define PODNET_VETH_NAME "veth0"
#define PODNET_IPS_MAX   256

/* Both namespaces of one call. */
struct podnet {
	struct netspace pod, node;
	bool has_pod; /* false: the pod's namespace is gone, or is another one than the record tells */
};

/* netns: path of the pod's namespace, the node's is our own. want_id: NULL, or "device:inode" that it must
 * have; then a namespace that is gone or another one is no error, has_pod tells. */
int podnet_open(const char *netns, const char *want_id, struct podnet *ret, struct err *e);
void podnet_close(struct podnet *n);

/* ---- carrying out ---- */

/* In order. The first failure ends it; what was done stays, podnet_undo() takes the whole list. */
int podnet_apply(struct podnet *n, const struct podnet_change *v, size_t count, struct err *e);
/* From the end; what is not there any more counts as undone, what one of keep (records of other NICs of the
 * same sandbox) needs too stays, and with keep_pair the pair of interfaces. Goes on after a failure and
 * returns the first. */
int podnet_undo(struct podnet *n, const struct podnet_change *v, size_t count,
		const struct podnet_records *keep, bool keep_pair, struct err *e);
/* Everything as it was made? Otherwise -ESTALE and a sentence that names each difference. */
int podnet_check(struct podnet *n, const struct podnet_change *v, size_t count, struct err *e);

/* ---- looking ---- */

struct podnet_ips {
	struct ip v[PODNET_IPS_MAX];
	size_t n;
};
void podnet_ips_add(struct podnet_ips *l, struct ip ip); /* once; silently full at PODNET_IPS_MAX */
/* The first of that version, ver 0 when there is none. */
struct ip podnet_ips_first(const struct podnet_ips *l, uint8_t ver);

/* The pod as it is. Addresses are those that can be routed: neither link-local nor multicast nor on lo. */
struct podnet_view {
	struct rt_links links;
	struct rt_addrs addrs;
	struct rt_routes routes; /* table main, both versions */
	struct rt_rules rules;   /* both versions */
	const struct rt_link *nic;
	bool has4, has6; /* families of nic */
};
/* -ENODEV: no such NIC; -EADDRNOTAVAIL: it has no address. */
int podnet_look(struct podnet *n, const char *nic, struct podnet_view *ret, struct err *e);
void podnet_view_clear(struct podnet_view *v);
const struct rt_link *podnet_view_link(const struct podnet_view *v, const char *name);
const struct rt_link *podnet_view_index(const struct podnet_view *v, int index);
/* Family of the NIC? */
bool podnet_view_has(const struct podnet_view *v, uint8_t ver);
/* Leaves out the addresses of a family that is not wanted. -EADDRNOTAVAIL: the NIC has none then. */
int podnet_view_limit(struct podnet_view *v, bool want4, bool want6, struct err *e);
/* Addresses on a link, of version ver (0: both). */
void podnet_view_ips(const struct podnet_view *v, int index, uint8_t ver, struct podnet_ips *ret);

/* Addresses of the node that pods are to reach (spec 2.6): first those the node would send from to the pod's,
 * then those of its interfaces but for bridges, tunnels and pairs of container networks. Versions of the NIC
 * only. */
int podnet_node_ips(struct podnet *n, const struct podnet_view *v, struct podnet_ips *ret, struct err *e);

/* ---- the way between pod and node ---- */

struct podnet_path {
	char pod_dev[IFNAMSIZ], node_dev[IFNAMSIZ];
	uint8_t pod_mac[LINK_MAC_LEN], node_mac[LINK_MAC_LEN];
};
/* The pair of which dev is the pod's end. A node's end that is a port of a bridge is reached through the
 * bridge: node_dev is that then. */
int podnet_path_find(struct podnet *n, const struct podnet_view *v, const char *dev, struct podnet_path *ret,
		     struct err *e);
/* Removes veth0 and its other end when that has this alias, or none: of an ADD that was killed, or the Go
 * plugin's. One with this alias and the MTU keep_mtu stays: podnet_path_plan() takes it. */
int podnet_path_clean(struct podnet *n, const char *alias, uint32_t keep_mtu, struct err *e);
/* A new pair, both ends up: veth0 in the pod, "veth" and the beginning of the container ID on the node, MACs
 * at random; the node's end takes no router advertisements. When the name is another container's, one made
 * from a hash is taken. The pair that an earlier ADD of this container made is used again. */
int podnet_path_plan(struct podnet *n, const struct podnet_view *v, const char *container, uint32_t mtu,
		     struct podnet_path *ret, struct podnet_changes *l, struct err *e);
/* The node's end as the Go plugins name it. */
void podnet_veth_name(const char *container, char out[IFNAMSIZ]);

/* ---- pieces of a plan ---- */

/* MAC = prefix and the last four bytes of the NIC's first address (spec 2.8); no change when it has it
 * already. */
int podnet_plan_mac(const struct podnet_view *v, const uint8_t prefix[2], struct podnet_changes *l,
		    uint8_t mac[LINK_MAC_LEN], struct err *e);
/* Node: each address of the NIC is at pod_mac behind node_dev. What else the node believes of where they are
 * is removed at once. first: the pod knows the node's addresses the same way. */
int podnet_plan_neighbours(struct podnet *n, const struct podnet_view *v, const struct podnet_path *p,
			   const struct podnet_ips *node_ips, bool first, struct podnet_changes *l,
			   struct err *e);
/* Node: each address of the NIC by node_dev, in that table; stale routes to them are removed at once. With a
 * rule of priority 1000 that looks it up, unless table is main. */
int podnet_plan_node_routes(struct podnet *n, const struct podnet_view *v, const struct podnet_path *p,
			    uint32_t table, struct podnet_changes *l, struct err *e);
/* A route in the pod. false: table main has one for this dst already; it is left alone, as the Go plugins do.
 */
bool podnet_plan_pod_route(const struct podnet_view *v, const struct rt_route *r, const char *dev,
			   struct podnet_changes *l);
/* All routes of that NIC in table main are copied to table; its default route is moved there. */
int podnet_plan_move(const struct podnet_view *v, const struct rt_link *nic, uint8_t ver, uint32_t table,
		     bool keep_default, struct podnet_changes *l, struct err *e);
/* For each address of the NIC: "from IP lookup TABLE" with the highest priority number below `below` that
 * nobody has. */
int podnet_plan_from(const struct podnet_view *v, const struct rt_link *nic, uint8_t ver, uint32_t table,
		     uint32_t below, struct podnet_changes *l, struct err *e);
/* The lowest table from `from` that neither a record, nor a rule, nor one of our own changes has. sharing:
 * the NIC whose record does not count, may be NULL. */
uint32_t podnet_free_table(const struct podnet_view *v, const struct podnet_records *others,
			   const struct podnet_changes *l, const char *sharing, uint32_t from);
/* rp_filter of all, default and every interface there is. Node: all, and of the others those that differ, for
 * good. (The kernel takes the larger one of "all" and the interface's own.) */
int podnet_plan_rp_filter(struct podnet *n, enum podnet_where w, int value, struct podnet_changes *l,
			  struct err *e);
/* Pod: disable_ipv6 off for all, default and every interface, for good: on again it would take addresses. */
int podnet_plan_ipv6(struct podnet *n, struct podnet_changes *l, struct err *e);
/* Adds the current value as was, when keep is false. A setting that is not there is an error. */
int podnet_plan_sysctl(struct podnet *n, enum podnet_where w, const char *path, const char *value, bool keep,
		       struct podnet_changes *l, struct err *e);

/* The link that owns a default route in main, the NIC itself and lo left out: the one with the lowest index.
 * NULL: none.
 */
const struct rt_link *podnet_default_owner(const struct podnet_view *v, uint8_t ver);

#endif
