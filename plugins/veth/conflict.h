/* SPDX-License-Identifier: Apache-2.0 */
/* conflict.h - does somebody else have an address of the pod? */
#ifndef VETH_CONFLICT_H
#define VETH_CONFLICT_H

#include "conf.h"
#include "podnet/attach.h"

/* Asks for each address of the result on that NIC; silence is fine, and so is what cannot be asked (a line in
 * the log). -EADDRINUSE names address and owner. Changes nothing. */
int veth_conflict(const struct veth_conf *c, struct podnet_attach *a, const char *nic,
		  const struct cni_result *prev, struct err *e);

#endif
