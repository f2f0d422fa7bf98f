/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what coordinator does for each CNI verb */
#ifndef COORDINATOR_VERBS_H
#define COORDINATOR_VERBS_H

#include "cni/plugin.h"

int verb_add(struct cni_call *c, struct err *e);
int verb_del(struct cni_call *c, struct err *e);
int verb_check(struct cni_call *c, struct err *e);
int verb_gc(struct cni_call *c, struct err *e);
int verb_status(struct cni_call *c, struct err *e);

#endif
