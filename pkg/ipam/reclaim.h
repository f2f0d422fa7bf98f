/* SPDX-License-Identifier: Apache-2.0 */
/* reclaim.h - a node's attachments and the cluster's blocks held against each other, after either was lost */
#ifndef IPAM_RECLAIM_H
#define IPAM_RECLAIM_H

#include "ipam/ipam.h"

/* What an attachment has and no block says any more is claimed again, unless it is gone by now: 0. -EEXIST,
 * code ERR_CONFIG: another has one of its addresses by now; the rest was claimed. -EUCLEAN: one of its blocks
 * cannot be understood; the rest was claimed. */
int ipam_reclaim(struct ipam *m, const struct ipam_attachment *a, struct err *e);

/* A record that no attachment answers for: freed if this container's NIC still has it. hold_dead: nothing
 * keeps it. unseen: nobody on the node saw the container end. */
int ipam_drop(struct ipam *m, struct ip addr, const char *container, const char *nic, bool hold_dead,
	      bool unseen, struct err *e);

/* What cut, an attachment that was noted and never answered, took over from the attachment to, is to's again.
 */
int ipam_return(struct ipam *m, const struct ipam_attachment *cut, const struct ipam_attachment *to,
		struct err *e);

/* An attachment that was noted and never answered, so that ipam_del() finds it. */
int ipam_adopt(struct ipam *m, const struct ipam_attachment *a, struct err *e);

#endif
