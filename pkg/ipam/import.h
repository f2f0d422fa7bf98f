/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - addresses that somebody else gave out, or that a restored backup does not know of: they become
 * what ADD would have recorded */
#ifndef IPAM_IMPORT_H
#define IPAM_IMPORT_H

#include "ipam/ipam.h"

enum import_result {
	IMPORT_CLAIMED,
	IMPORT_CLAIMABLE, /* nothing was written: a dry run, or another one was refused */
	IMPORT_KNOWN,     /* this container's NIC has these addresses already */
	IMPORT_REFUSED,   /* no pool has one of them, somebody else holds it, or two are of one family */
};

struct ipam_import {
	/* Who has what: requested[] are the addresses. No two of the same network, container and NIC. */
	const struct ipam_request *v;
	size_t n;
	const char *pool;  /* only from this one; NULL: from whichever hands the address out */
	bool dry_run;      /* look, change nothing */
	bool skip_refused; /* claim the others; otherwise one refusal is enough to change nothing */
	/* Once for each request, in order, when all is decided; reason "" unless refused. */
	void (*told)(size_t i, enum import_result result, const char *reason, void *arg);
	void *arg;
};

/* Everything is looked at in one transaction, then written in a few. Returns the number of refusals. Nothing
 * is in the way of repeating it. */
int ipam_import(struct ipam *m, const struct ipam_import *x, struct err *e);

#endif
