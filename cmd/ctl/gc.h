/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - freeing what containers that are gone have left, also for restore */
#ifndef CTL_GC_H
#define CTL_GC_H

#include "sandbox.h"

/* Why nothing of this attachment can be alive, NULL when it may be. */
const char *gc_evidence(const struct ctl *c, const struct sandboxes *known, const struct ipam_attachment *a);
/* *ret_freed counts attachments. */
int gc_sweep(struct ctl *c, const struct sandboxes *known, size_t *ret_freed, struct err *e);

/* gc_cluster.c */
int gc_cluster(struct ctl *c, bool dry_run, bool wait, struct err *e);

#endif
