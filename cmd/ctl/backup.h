/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h - backup of a cluster */
#ifndef CTL_BACKUP_H
#define CTL_BACKUP_H

#include "ctl.h"

/* Pools, subnets, reserved addresses, endpoints and blocks as a List for kubectl; file NULL is refused, "-"
 * is standard output. */
int backup_kube_run(struct ctl *c, const char *file, struct err *e);

#endif
