/* SPDX-License-Identifier: Apache-2.0 */
/* ipam.h - the engine: which address a pod's NIC gets, and when it is free again
 *
 * Straight-line blocking code over pkg/store; the same source serves the plugin with its local store and the
 *agent (design: allocation.md). A call is one transaction, or several that can each be cut off and repeated:
 *
 *	select (ipam/plan.h) - filter - order - pick (ipam/pick.h) - claim - record
 *
 * What must hold at every cut: an address has one record in one block; every held address is named by exactly
 *one attachment, or by nothing when its record is a pin that waits for its pod; ADD repeated gives the same
 *answer, DEL repeated succeeds.
 *
 * The engine reads no environment and no file. Strings in requests are lent and never NULL ("" for unknown);
 *answers are owned by the caller and released with ipam_attachment_clear().
 */
#ifndef IPAM_IPAM_H
#define IPAM_IPAM_H

#include "api/api.h"
#include "api/block.h"
#include "base/clock.h"
#include "ipam/attachment.h"
#include "store/store.h"

#define IPAM_NICS_MAX       32
#define IPAM_REQUESTED_MAX  16
#define IPAM_COOLDOWN_MS    60000
#define IPAM_COOLDOWN_MAX_S 86400
#define IPAM_QUARANTINE_MS  3600000

/* What an operator configured: the plugin's "ipam" section, in a cluster the ConfigMap too. */
struct ipam_conf {
	const struct json_strv *default_ipv4,
		*default_ipv6; /* pools for pods that name none; wildcards allowed */
	bool clean_gateway;    /* no default route from the pool's gateway */
	bool keep_by_pod_name; /* local store: a pod of the same namespace and name gets its address again */
	bool disable_ipv4, disable_ipv6;
	int64_t cooldown_ms;   /* a freed address rests this long while others are left */
	int64_t quarantine_ms; /* an address in use by somebody else is left alone this long */
	const char *ring_key;  /* where a pool's ring of blocks starts and the order within one: a hash of
				  this; "" starts at the first address */

	/* In a cluster. cluster: the pods' objects are known; endpoints get a finalizer and an owner. */
	bool cluster, enable_subnet, enable_auto_pool;
	const char *agent_ns;        /* of names of networks without one */
	const char *cluster_network; /* "namespace/name" of the network of eth0; NULL: not known */
	int64_t flexible_number; /* how many addresses more than replicas a pool made for an application has
				  */
	int64_t skew_ms;         /* what the API server's clock is ahead of ours */
};

/* The workload that a pod belongs to, up to the last controller; a pod of none is its own. "" for unknown. */
struct ipam_owner {
	const char *api_version, *kind, *ns, *name, *uid;
};

/* Labels that may be unknown: a plugin alone does not see the API server. */
struct ipam_labels {
	bool known;
	const struct json_map *map; /* NULL: none */
};

#define IPAM_MASTER_MAX 16

/* The physical NIC behind an SR-IOV NIC, for match_master_subnet. */
struct ipam_master {
	char name[16];
	struct ip_prefix addr[IPAM_MASTER_MAX];
	size_t n;
	char unknown[256]; /* why there is nothing to compare with; "" when there is */
};

/* Who asks. */
struct ipam_request {
	const char *network, *container, *nic;
	const char *netns_path, *netns_id;  /* nsfs device:inode; "" without netns */
	const char *netns_dir;              /* device:inode of the directory it lies in; NULL: not known */
	const char *node, *boot;            /* boot ID of the node */
	const char *ns, *pod, *uid;         /* "" outside Kubernetes */
	const char *mac;                    /* of the NIC, when it exists already */
	const struct json_map *annotations; /* NULL: none reached us */
	const struct json_map *ns_annotations;
	/* In a cluster: what keeps the address when the container is gone, and for whom (api/block.h). */
	enum hold hold;       /* HOLD_NONE is HOLD_POD */
	const char *hold_ref; /* NULL for HOLD_POD */
	struct ipam_owner owner;
	const char *endpoint; /* name of its SpiderEndpoint; NULL: the pod's */
	struct ipam_labels pod_labels, ns_labels, node_labels;
	const struct ipam_master *master;        /* pools must hold one of its addresses; NULL: need not */
	struct ip requested[IPAM_REQUESTED_MAX]; /* for this NIC */
	size_t n_requested;
};

struct ipam {
	struct store *st;
	struct ipam_conf conf;
	struct deadline until; /* for every wait of the call */
	/* Does the sandbox of this attachment still live? NULL: nobody knows, it does not. */
	bool (*alive)(const struct ipam_attachment *a, void *arg);
	void *alive_arg;
	/* Sentences worth a line in the log, none of them an error; may be NULL. */
	void (*note)(const char *sentence, void *arg);
	void *note_arg;
};

/* Claims, or finds again, the addresses of one NIC (and, when the pod names its NICs in one annotation, of
 * all of them) and answers those of req->nic. Durable when it returns 0. Codes: ERR_TRY_AGAIN (used up for
 * now, held by a sandbox that is not gone yet), ERR_CONFIG (what was asked for cannot be given). */
int ipam_add(struct ipam *m, const struct ipam_request *req, struct ipam_attachment *ret, struct err *e);

/* The answer of ipam_add() cannot be used after all: gives up what it claimed. What the container had before
 * that call it has on; what was taken over from a former sandbox of the pod goes back to it. Uses the store's
 * reserve. */
int ipam_undo(struct ipam *m, const struct ipam_request *req, const struct ipam_attachment *a, struct err *e);

/* Frees what this container's NIC holds in the network; succeeds when that is nothing. Never frees what was
 * taken over by another container (Invariant C) and keeps pins and what a StatefulSet or VM keeps. Uses the
 * store's reserve. */
int ipam_del(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e);
/* The same when the hold is known to be dead too: nothing is kept. */
int ipam_del_hold(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e);

/* The same without any word of the container's end, its pod being gone: what is free then is unconfirmed,
 * unless the container had DEL before (ipam_detach()). */
int ipam_del_unseen(struct ipam *m, const char *network, const char *container, const char *nic,
		    bool hold_dead, struct err *e);

/* DEL of a container whose pod the API still shows alive: nothing is freed, the attachment is marked. The
 * next sandbox of the same pod (its UID) takes it over as after a lost DEL; ipam_del() frees it. */
int ipam_detach(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e);

/* ipam_undo() for whoever has no more than the names of an answer of ipam_add(): frees what that claimed.
 * What was taken over from a former sandbox of the pod is not freed, for that may still run: it is detached.
 */
int ipam_give_up(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e);

/* An address of this attachment was found in use by mac: puts it into quarantine, claims another in its place
 * and updates *a. req is that of the ADD. -EADDRINUSE, code ERR_TRY_AGAIN, when a tenth of the pool (at least
 * three addresses) went into quarantine within an hour: then nothing is claimed and *a is to be given up by
 * ipam_undo(). */
int ipam_conflict(struct ipam *m, const struct ipam_request *req, struct ipam_attachment *a, struct ip addr,
		  const char *mac, struct err *e);
/* Ends the quarantine of an address that was put there by this container's request; not one of an operator.
 */
int ipam_conflict_undo(struct ipam *m, const struct ipam_request *req, struct ip addr, struct err *e);

/* Holds the store's records against each other and against what the runtime says the NIC has (addresses with
 * prefix length). The first difference is the error; code ERR_UNKNOWN_CONTAINER when nothing is recorded. */
int ipam_check(struct ipam *m, const char *network, const char *container, const char *nic,
	       const struct ip_prefix *have, size_t n_have, struct err *e);

/* CNI STATUS: ERR_UNAVAILABLE when the store cannot be written, or the configuration names no pool that
 * exists. A full pool is no error. */
int ipam_status(struct ipam *m, struct err *e);

struct ipam_valid {
	const char *container, *nic;
};

/* CNI GC: frees what the network holds for attachments that are not in the list, unless they were made after
 * started_ms; then prunes. *ret_freed counts attachments. */
int ipam_gc(struct ipam *m, const char *network, const struct ipam_valid *valid, size_t n, int64_t started_ms,
	    size_t *ret_freed, struct err *e);

/* Frees every attachment that dead() says yes to; it may not use the store. */
int ipam_sweep(struct ipam *m, bool (*dead)(const struct ipam_attachment *a, void *arg), void *arg,
	       size_t *ret_freed, struct err *e);

/* Forgets blocks in which nothing is held or in quarantine, and nothing can be cooling in any network. */
int ipam_prune(struct ipam *m, struct err *e);

/* Frees what holders of an earlier boot left (kernel state does not survive a reboot, and a store is one
 * machine's, whatever that is called today); does nothing when the store was already used in this boot.
 * ipam_add() does this first. */
int ipam_boot(struct ipam *m, const char *boot, struct err *e);

/* For an operator: frees one address whatever holds it (the hold too, so a pin is gone), or puts it into
 * quarantine; -ENOENT when there is nothing to free, -EBUSY when it is held by a container and force is not
 * set. */
int ipam_release(struct ipam *m, struct ip addr, bool force, struct err *e);
int ipam_quarantine(struct ipam *m, struct ip addr, int64_t until_ms, struct err *e);

#endif
