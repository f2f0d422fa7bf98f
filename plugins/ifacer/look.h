/* SPDX-License-Identifier: Apache-2.0 */
/* look.h - what the kernel has of a plan, and where it differs */
#ifndef IFACER_LOOK_H
#define IFACER_LOOK_H

#include "base/buf.h"
#include "conf.h"
#include "nl/rt.h"

/* The alias of an interface that ifacer has made: the mark and its state directory. */
#define IFACER_MARK "spiderpool ifacer "

/* index 0: not there. */
struct ifacer_view {
	struct rt_link port[IFACER_INTERFACES_MAX]; /* as in the plan */
	struct rt_link bond, vlan;
	struct bond_state state; /* of the bond, when it is one */
	struct rt_links slaves;  /* all that it has */
};

/* Only a kernel that does not answer is an error. */
int ifacer_look(struct netlink *nl, const struct ifacer_plan *p, struct ifacer_view *ret, struct err *e);
void ifacer_view_clear(struct ifacer_view *v);

/* Ours, of whatever state directory. */
bool ifacer_is_marked(const struct rt_link *l);
/* A bond of ours may lack some: its making ended early, or a NIC went away and came again. */
size_t ifacer_missing_ports(const struct ifacer_plan *p, const struct ifacer_view *v);

/* The options of the plan as the kernel takes them: links by index. slaves_only: the others have none. */
void ifacer_resolve_options(const struct ifacer_plan *p, const struct ifacer_view *v, bool slaves_only,
			    struct bond_options *ret);

/* Appends each difference, "; " between them: "interface eth0.5: its vlan id is 6, want 5". whole: also what
 * is missing or down; otherwise only what ADD could not make or set right. */
void ifacer_compare(struct netlink *nl, const struct ifacer_plan *p, const struct ifacer_view *v, bool whole,
		    struct buf *out);

#endif
