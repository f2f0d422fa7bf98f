/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - asking the network before an address is used, telling it afterwards (spec/ipam.md 3.13) */
#ifndef PLUGIN_IPAM_WIRE_H
#define PLUGIN_IPAM_WIRE_H

#include "session.h"

/* Checks the attachment's addresses and gateways as configured; an address in use goes into quarantine and *a
 * gets another one. On failure the caller gives *a up with ipam_del(). Then the addresses are announced. */
int wire_settle(struct session *s, const struct session_request *r, struct ipam_attachment *a, struct err *e);

#endif
