/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.h - what tells whether a container still lives: its network namespace, the boot, the runtime's
 * cache
 */
#ifndef CTL_SANDBOX_H
#define CTL_SANDBOX_H

#include "cni/cache.h"
#include "ctl.h"

/* For all commands that look into the runtime's cache. */
#define CACHE_OPTION(T, m) \
	OPT(T, m, 0, "cni-cache-dir", "DIR", .offer = OFFER_FILE, \
	    .help = "where the runtime keeps its results (default " CNI_CACHE_DIR ")")

/* One attachment that the runtime's cache knows. */
struct sandbox {
	char *network, *container, *nic, *netns; /* netns NULL: not known */
	char *ns, *pod, *uid;                    /* from CNI_ARGS; NULL: not said */
	char *mac;                               /* of the NIC, from the result; NULL: not said */
};
struct sandboxes {
	struct sandbox *v; /* by container, NIC, network */
	size_t n, cap;
};

/* dir NULL: CNI_CACHE_DIR. No directory is an empty list. */
int sandboxes_load(const char *dir, struct sandboxes *ret, struct err *e);
void sandboxes_clear(struct sandboxes *s);
/* nic, network NULL: any. NULL when there is none. */
const struct sandbox *sandboxes_find(const struct sandboxes *s, const char *container, const char *nic,
				     const char *network);

enum netns_state { NETNS_UNKNOWN, NETNS_THERE, NETNS_GONE };
/* Of an attachment: gone when nothing, or another one, is under its path now, in the very directory where it
 * was then. A container sees other directories than the runtime, and then nothing is known. */
enum netns_state netns_look(const struct ipam_attachment *a);
/* Of a path in the runtime's cache; gone when its directory has others. */
enum netns_state netns_look_path(const char *path);

/* Calls each() for every attachment in the store, in one read transaction. */
int attachments_each(struct ctl *c, int (*each)(const struct ipam_attachment *a, void *arg, struct err *e),
		     void *arg, struct err *e);

#endif
