/* SPDX-License-Identifier: Apache-2.0 */
/* datastore.h - where addresses come from: the store of this node, or the agent */
#ifndef PLUGIN_IPAM_DATASTORE_H
#define PLUGIN_IPAM_DATASTORE_H

#include "base/buf.h"
#include "grant.h"
#include "session.h"

/* One ADD. */
struct add {
	struct session *s;
	struct session_request r;
	struct grant grant;
	struct ipam_attachment attached; /* local */
	bool again;                      /* agent: the container had it before */
};

struct datastore {
	/* Claims, and fills a->grant. What it has claimed when it fails it gives up itself. */
	int (*claim)(struct add *a, struct err *e);
	/* addr was found in use by mac: quarantine, and a->grant has another one in its place. */
	int (*replace)(struct add *a, struct ip addr, const char *mac, struct err *e);
	/* Ends the quarantine of such an address. */
	int (*restore)(struct add *a, struct ip addr, const char *mac, struct err *e);
	/* Appends who of this node's pods has the MAC, if any; NULL: nobody can tell. */
	void (*owner)(struct add *a, const char *mac, struct buf *out);
	/* The claim cannot be used after all. */
	void (*undo)(struct add *a);

	int (*del)(struct session *s, struct err *e);
	int (*gc)(struct session *s, size_t *ret_freed, struct err *e);
	int (*check)(struct session *s, const struct ip_prefix *have, size_t n, struct err *e);
	int (*status)(struct session *s, struct err *e);
};

extern const struct datastore datastore_local, datastore_agent;

static inline const struct datastore *datastore_of(const struct session *s)
{
	return ipam_section_is_local(&s->conf) ? &datastore_local : &datastore_agent;
}

#endif
