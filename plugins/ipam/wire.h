/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - asking the network before an address is used, telling it afterwards (spec/ipam.md 3.13) */
#ifndef PLUGIN_IPAM_WIRE_H
#define PLUGIN_IPAM_WIRE_H

#include "datastore.h"

/* Checks the addresses and gateways of a->grant that ask for it; an address in use goes into quarantine and
 * the grant gets another one. On failure the caller gives the claim up. Then the addresses are announced. */
int wire_settle(struct add *a, struct err *e);

#endif
