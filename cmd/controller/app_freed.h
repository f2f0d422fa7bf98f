/* SPDX-License-Identifier: Apache-2.0 */
/* app_freed.h - whether a block's change frees an address: only then whoever waits for some is to look */
#ifndef CONTROLLER_APP_FREED_H
#define CONTROLLER_APP_FREED_H

#include "kube/cache.h"

/* Whether an address is free at that time (ms of the wall clock) that was not before; yes when that cannot be
 * told. The items are of SpiderIPBlocks; NULL: there was, or is, none. */
bool app_freed(const struct kube_item *old, const struct kube_item *now, int64_t at);

#endif
