/* SPDX-License-Identifier: Apache-2.0 */
/* plan_impl.h - between plan.c and tune.c */
#ifndef COORDINATOR_PLAN_IMPL_H
#define COORDINATOR_PLAN_IMPL_H

#include "plan.h"

#define TABLE_FIRST_NIC \
	100              /* replies of marked connections, or what the first NIC sends from its own address */
#define TABLE_POLICY 101 /* of the first NIC that has one; the next ones count on */

#define RULE_MARKS     1000
#define BELOW_UNDERLAY RULE_MARKS
#define BELOW_OVERLAY  32766

/* What all steps look at. */
struct planner {
	const struct coordinator_conf *conf;
	struct podnet_attach *a;
	const struct podnet_view *view;
	struct coordinator_plan *p;
};

static inline uint32_t plan_below(const struct planner *x)
{
	return x->p->overlay ? BELOW_OVERLAY : BELOW_UNDERLAY;
}

/* Default route and policy routing over several NICs (spec 2.14). */
int plan_tune(const struct planner *x, uint8_t ver, struct err *e);
/* The lowest policy table that no other NIC of the sandbox has. */
uint32_t plan_free_table(const struct planner *x);

#endif
