/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.h - DEL of a pod that another program made: the Go veth, before this one was installed */
#ifndef VETH_FOREIGN_H
#define VETH_FOREIGN_H

#include "cni/plugin.h"

/* Removes the pair that the Go plugin's DEL would: the node's end goes by its name. It must be the other end
 * of this pod's veth0, or, when the pod's namespace is gone, one that no attachment has given an alias. */
int foreign_del(const struct cni_call *c, struct err *e);

#endif
