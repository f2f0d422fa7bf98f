/* SPDX-License-Identifier: Apache-2.0 */
/* attachment.h - what one ADD was answered: container, NIC, network and the addresses and routes it got
 *
 * Key in the store: namespace = container, name = nic "/" network; a NIC whose addresses were claimed ahead
 * by another NIC's ADD has no network yet and ends in "/". Over-long parts are hashed.
 */
#ifndef IPAM_ATTACHMENT_H
#define IPAM_ATTACHMENT_H

#include "api/api.h"
#include "api/block.h"
#include "ip/ip.h"
#include "json/json.h"
#include "store/store.h"

struct ipam_address {
	char *address; /* with prefix length */
	char *gateway; /* NULL: none */
	char *pool;
	bool probe;       /* must be probed on the wire before use, even if detection is off */
	bool kept;        /* it was this pod's before: nobody gets another one in its place */
	bool released;    /* an operator took it away; the NIC has it no more */
	char *former_mac; /* of the same pod's former sandbox, which may still answer for it */
};

struct ipam_attachment {
	char *network, *container, *nic, *netns, *netns_path, *netns_dir, *node, *boot, *mac;
	char *ns, *pod, *uid;
	/* In a cluster; all absent elsewhere. */
	char *hold, *hold_ref;         /* what keeps its addresses: "sts" or "vm", and for whom */
	char *owner_kind, *owner_name; /* the pod's controller */
	char *endpoint;                /* name of its SpiderEndpoint; NULL: the pod's */
	bool clean_gateway;
	bool detached;    /* its container had DEL while the pod lives: the next sandbox takes it over */
	bool rekeyed;     /* it has what a former sandbox of its pod had and may still use */
	char *claimed_by; /* the NIC whose ADD claimed this one ahead; NULL: its own */
	struct json_strv ahead; /* NICs that this one claimed ahead */
	int64_t since;
	JSON_LIST(struct ipam_address) ips;
	JSON_LIST(struct api_route) routes;
	/* Not stored: what ipam_undo() needs of an answer of ipam_add(). */
	bool again;                     /* the same container was answered before */
	struct ipam_attachment *former; /* of the sandbox it was taken over from; NULL: of none */
};

extern const struct json_table ipam_attachment_table;

struct ipam_key {
	char ns[STORE_NAME_MAX + 1], name[STORE_NAME_MAX + 1];
};

/* network "" is the key of a claim ahead. */
void ipam_attachment_key(const char *network, const char *container, const char *nic, struct ipam_key *ret);
int ipam_attachment_decode(const struct store_obj *o, struct ipam_attachment *ret, struct err *e);
void ipam_attachment_clear(struct ipam_attachment *a);
/* HOLD_STS, HOLD_VM or HOLD_POD. */
enum hold ipam_attachment_hold(const struct ipam_attachment *a);
/* Address i, parsed; attachments from the store always parse, else -EBADMSG. */
int ipam_attachment_ip(const struct ipam_attachment *a, size_t i, struct ip_prefix *ret, struct err *e);

#endif
