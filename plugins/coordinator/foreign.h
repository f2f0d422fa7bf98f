/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.h - DEL of a pod that another program made: the Go coordinator, before this one was installed */
#ifndef COORDINATOR_FOREIGN_H
#define COORDINATOR_FOREIGN_H

#include "cni/plugin.h"
#include "conf.h"

/* What the Go plugin's DEL removes (spec 2.16), and only that: the pair of veth0 and, per address of the NIC,
 * the rule "to ADDRESS lookup hostRuleTable". The pair also when it is ours and its record was lost. Without
 * the pod's namespace there is nothing to do. */
int foreign_del(const struct cni_call *c, const struct coordinator_conf *conf, struct err *e);

#endif
