/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.h - fsck on a cluster */
#ifndef CTL_FSCK_H
#define CTL_FSCK_H

#include "ctl.h"

/* One sentence for each address whose pod does not exist. */
int fsck_pods(struct ctl *c, void (*found)(const char *sentence, bool repaired, void *arg), void *arg,
	      struct err *e);

#endif
