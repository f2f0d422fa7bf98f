/* SPDX-License-Identifier: Apache-2.0 */
/* clean.h - everything of Spiderpool out of a cluster's API, whatever state it is in
 *
 * For the end: who has which address is gone with it. No controller is needed, and none is minded: what it
 * makes meanwhile is found in the next round. Can be repeated.
 */
#ifndef IPAM_CLEAN_H
#define IPAM_CLEAN_H

#include "kube/client.h"

struct ipam_clean {
	struct kube *k;
	const char *ns;                    /* where it is installed */
	const char *validating, *mutating; /* names of webhook configurations; NULL or "": leave them */
	bool dry_run;                      /* only count */
	/* What was removed, a sentence for each kind. */
	void (*told)(const char *sentence, void *arg);
	void *arg;
	/* out, counted up */
	size_t objects, kinds;
};

/* Admission first, then the objects, without waiting for who would do something about their end, then their
 * definitions; at last what the controller and spiderpool-init have made in ns. */
int ipam_clean(struct ipam_clean *x, struct deadline until, struct err *e);

#endif
