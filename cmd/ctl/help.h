/* SPDX-License-Identifier: Apache-2.0 */
/* help.h - help texts, from the command tables */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "options.h"
#include "out.h"

/* Of the last command in i. */
void help_print(const struct invocation *i, struct out *o);

#endif
