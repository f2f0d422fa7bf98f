/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what each CNI verb does */
#ifndef IFACER_VERBS_H
#define IFACER_VERBS_H

#include "cni/plugin.h"

cni_handler verb_add, verb_del, verb_check, verb_gc, verb_status;

#endif
