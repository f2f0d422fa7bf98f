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
#define BLOCKS_DOUBT_MS (7LL * 86400000)

/* Nothing in it is held, in quarantine, was given back within BLOCKS_EMPTY_MS, or was freed without word from
 * its node within BLOCKS_DOUBT_MS: it is to be probed before use, and without its record nobody would. */
bool blocks_is_empty(const struct block *b, int64_t now);

struct blocks; /* opaque */

int blocks_start(struct controller *c, struct blocks **ret, struct err *e);
void blocks_stop(struct blocks *b); /* accepts NULL */

#endif
