/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.h - proving the invariants: blocks, attachments and endpoints agree
 *
 * Nothing here ever frees an address that something claims: an attachment is the evidence of an answered ADD,
 * a block record that of a claim; where one of the two is missing it is made anew from the other. Two claims
 * on one address are told and left to the operator.
 */
#ifndef IPAM_FSCK_H
#define IPAM_FSCK_H

#include "ipam/ipam.h"

struct ipam_fsck {
	bool repair;
	bool no_attachments; /* an operator's tool on a cluster: they are files of its nodes */
	/* One sentence a finding; repaired tells whether it was mended. */
	void (*found)(const char *sentence, bool repaired, void *arg);
	/* A held address that no pool hands out: legal after a pool was edited or deleted, worth knowing. */
	void (*remark)(const char *sentence, void *arg);
	void *arg;
};

/* Returns the number of findings (remarks do not count). */
int ipam_fsck(struct ipam *m, const struct ipam_fsck *f, struct err *e);

#endif
