/* SPDX-License-Identifier: Apache-2.0 */
/* gc.h - what nobody needs any more */
#ifndef IFACER_GC_H
#define IFACER_GC_H

#include "session.h"

/* Forgets the attachments of this network that are not valid any more; with removeUnused also removes the
 * interfaces that ifacer has made under this state directory and that no attachment of any network needs.
 * Goes on after a failure; all failures are in the sentence. The records are open and locked. */
int ifacer_gc(struct session *s, struct err *e);

#endif
