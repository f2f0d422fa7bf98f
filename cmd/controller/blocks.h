/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.h - SpiderIPBlocks in which nobody has anything: deleted in a slow walk
 *
 * Nobody else deletes a block. It goes by its UID and version, so not when anything was written into it since
 * it was looked at.
 */
#ifndef CONTROLLER_BLOCKS_H
#define CONTROLLER_BLOCKS_H

#include "api/block.h"
#include "controller.h"

#define BLOCKS_EMPTY_MS 600000

/* Nothing in it is held, in quarantine, to be probed before use, or was given back within BLOCKS_EMPTY_MS. */
bool blocks_is_empty(const struct block *b, int64_t now);

struct blocks; /* opaque */

int blocks_start(struct controller *c, struct blocks **ret, struct err *e);
void blocks_stop(struct blocks *b); /* accepts NULL */

#endif
