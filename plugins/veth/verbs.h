/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what veth does for each CNI verb */
#ifndef VETH_VERBS_H
#define VETH_VERBS_H

#include "cni/plugin.h"

cni_handler verb_add, verb_del, verb_check, verb_gc, verb_status;

#endif
