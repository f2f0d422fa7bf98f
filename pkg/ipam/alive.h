/* SPDX-License-Identifier: Apache-2.0 */
/* alive.h - every pod of a cluster that lives, in 8 bytes each: whose addresses need not be looked at
 *
 * That a pod is not in the list says nothing; ipam/judge.h asks about it.
 */
#ifndef IPAM_ALIVE_H
#define IPAM_ALIVE_H

#include "kube/object.h"

struct alive {
	uint64_t *v; /* sorted */
	size_t n, cap;
};

/* By quorum, in pages, by metadata alone. */
int alive_list(struct kube *k, struct kube_cancel *cancel, struct deadline until, struct alive *ret,
	       struct err *e);
bool alive_has(const struct alive *a, const char *ns, const char *name, const char *uid);
void alive_clear(struct alive *a);

#endif
