/* SPDX-License-Identifier: Apache-2.0 */
/* change.h - one thing that a plugin changes in the pod or on the node, as data
 *
 * What a plugin is going to do is a list of these, made before the first of them is carried out and written
 * down (record.h). The same list is applied, compared with the kernel (CHECK) and undone from its end (DEL,
 * GC, a failed ADD), so none of the four can forget what another one knows.
 *
 * Links are named, never numbered: the record outlives them. Texts are iproute2's.
 */
#ifndef PODNET_CHANGE_H
#define PODNET_CHANGE_H

#include "json/json.h"
#include "nl/rt.h"

#define PODNET_CHANGES_MAX 4096

enum podnet_where { PODNET_POD, PODNET_NODE };

enum podnet_kind {
	PODNET_VETH, /* a pair: dev with mac in the pod, peer with peer_mac on the node; mtu; value = the node
		      * end's alias */
	PODNET_UP,   /* dev is up; never undone */
	PODNET_MAC,  /* dev has mac, it had was */
	PODNET_TXQLEN,    /* dev has value, it had was */
	PODNET_ADDRESS,   /* dst on dev */
	PODNET_ROUTE,     /* dst, via, dev, src, table, scope, mtu */
	PODNET_RULE,      /* from, mark, table, priority */
	PODNET_NEIGHBOUR, /* dst on dev is mac */
	PODNET_SYSCTL,    /* path is value, it was was (absent: not put back) */
	PODNET_MARKS,     /* replies to what came by dev leave by it: value is "4", "6" or "46" */
	PODNET_KINDS
};

struct podnet_change {
	char *kind, *where; /* the words of the enums above */
	bool gone;          /* a route that is taken away */
	char *dev, *peer, *mac, *peer_mac, *dst, *via, *src, *from, *path, *value, *was;
	uint32_t table, scope, priority, mark, mtu;
};
extern const struct json_table podnet_change_table;

struct podnet_changes {
	struct podnet_change *v;
	size_t n;
	bool set;
	int err; /* sticky: 0 or a negative errno; the makers below do nothing then */
};

/* ---- making; each appends one ---- */

struct podnet_pair {
	const char *dev, *peer, *alias;
	uint8_t mac[LINK_MAC_LEN], peer_mac[LINK_MAC_LEN];
	uint32_t mtu;
};
void podnet_add_veth(struct podnet_changes *l, const struct podnet_pair *p);
void podnet_add_up(struct podnet_changes *l, enum podnet_where w, const char *dev);
void podnet_add_mac(struct podnet_changes *l, const char *dev, const uint8_t mac[LINK_MAC_LEN],
		    const uint8_t was[LINK_MAC_LEN]);
void podnet_add_txqlen(struct podnet_changes *l, const char *dev, uint32_t value, uint32_t was);
void podnet_add_address(struct podnet_changes *l, const char *dev, struct ip_prefix p);
/* r->oif is not looked at, dev says it; gone: the route is taken away. */
void podnet_add_route(struct podnet_changes *l, enum podnet_where w, const struct rt_route *r,
		      const char *dev, bool gone);
void podnet_add_rule(struct podnet_changes *l, enum podnet_where w, const struct rt_rule *r);
void podnet_add_neighbour(struct podnet_changes *l, enum podnet_where w, const char *dev, struct ip ip,
			  const uint8_t mac[LINK_MAC_LEN]);
/* was NULL: it stays as it is when the rest is undone. */
void podnet_add_sysctl(struct podnet_changes *l, enum podnet_where w, const char *path, const char *value,
		       const char *was);
void podnet_add_marks(struct podnet_changes *l, bool has4, bool has6, const char *dev);
void podnet_changes_clear(struct podnet_changes *l);

/* ---- reading; -EBADMSG when a record makes no sense ---- */

int podnet_change_kind(const struct podnet_change *c, enum podnet_kind *kind, enum podnet_where *where,
		       struct err *e);
/* oif and index stay 0. */
int podnet_change_route(const struct podnet_change *c, struct rt_route *ret, struct err *e);
int podnet_change_rule(const struct podnet_change *c, struct rt_rule *ret, struct err *e);
int podnet_change_neighbour(const struct podnet_change *c, struct rt_neigh *ret, struct err *e);
int podnet_change_address(const struct podnet_change *c, struct rt_addr *ret, struct err *e);
int podnet_mac_parse(const char *text, uint8_t mac[LINK_MAC_LEN], struct err *e);
/* Both make the same of the kernel; what was before does not matter. */
bool podnet_change_same(const struct podnet_change *a, const struct podnet_change *b);

#endif
