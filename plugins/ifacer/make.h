/* SPDX-License-Identifier: Apache-2.0 */
/* make.h - a plan carried out */
#ifndef IFACER_MAKE_H
#define IFACER_MAKE_H

#include "look.h"

/* Makes what v lacks and sets it up; mark becomes the alias of what is made. v has no difference that
 * ifacer_compare() tells. On failure what this call did is undone. -EAGAIN: somebody else made an interface
 * of that name meanwhile, look again. */
int ifacer_make(struct netlink *nl, const struct ifacer_plan *p, const struct ifacer_view *v,
		const char *mark, struct err *e);

/* The kernel can make such an interface ("vlan", "bond"); nothing is made. -EOPNOTSUPP names the module. */
int ifacer_kind_supported(struct netlink *nl, const char *kind, struct err *e);

#endif
