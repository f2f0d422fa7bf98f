/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - the garbage collector, for the rest of the controller (docs/controller/gc.md) */
#ifndef CONTROLLER_GC_H
#define CONTROLLER_GC_H

#include "controller.h"

/* A full scan begins now. part: what part_gc.start() answered, not NULL. */
void gc_scan_now(void *part);
/* The same of whichever replica leads: it sees that within some seconds. */
int gc_ask(struct controller *c, struct deadline until, struct err *e);

/* Since this process began. */
void gc_counts(uint64_t *freed, uint64_t *failed);

#endif
