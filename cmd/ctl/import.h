/* SPDX-License-Identifier: Apache-2.0 */
/* import.h - what the ways to import share */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include "claims.h"
#include "commands.h"

/* Imports the claims as the options say and tells about each. */
int import_claims(struct ctl *c, struct claims *l, const char *pool, bool dry_run, bool skip_refused,
		  struct err *e);

extern const struct command import_spiderpool, import_whereabouts;

#endif
