/* SPDX-License-Identifier: Apache-2.0 */
/* marks.h - replies leave by the interface their request came in by (spec 2.13; internal to podnet)
 *
 * A connection that begins on dev is marked, its packets that leave the pod get the mark back, and a rule
 * sends what is marked to a table of its own. Only the lowest bit is ours, others' marks stay.
 */
#ifndef PODNET_MARKS_H
#define PODNET_MARKS_H

#include "nl/nft.h"

#define PODNET_MARK 0x1u

/* versions: "4", "6" or "46" */
int podnet_marks_put(struct netlink *nf, const char *versions, const char *dev, struct err *e);
int podnet_marks_del(struct netlink *nf, const char *versions, struct err *e);
int podnet_marks_check(struct netlink *nf, const char *versions, const char *dev, struct err *e);

#endif
