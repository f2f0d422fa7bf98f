/* SPDX-License-Identifier: Apache-2.0 */
/* sriov.h - the physical function (PF) behind a virtual function (VF) that was moved into a pod */
#ifndef NL_SRIOV_H
#define NL_SRIOV_H

#include <net/if.h>
#include <stddef.h>

#include "base/err.h"
#include "ip/ip.h"

#define SRIOV_BUS_MAX 32
#define SRIOV_SYSFS   "/sys"

/* PCI address of the interface, as its driver tells ("0000:03:02.1"). sock as in link.h. -EOPNOTSUPP when it
 * is on no PCI bus. */
int sriov_bus(int sock, const char *ifname, char out[SRIOV_BUS_MAX], struct err *e);
/* Interface name of the PF of the VF at that address; sysfs is where sysfs is mounted. -ENODEV when the
 * device is no VF, or its PF has no interface here. */
int sriov_pf(const char *sysfs, const char *bus, char out[IF_NAMESIZE], struct err *e);
/* Addresses of an interface of our own namespace, link-local ones left out; *ret_n is at most max. */
int sriov_addresses(const char *ifname, struct ip_prefix *ret, size_t max, size_t *ret_n, struct err *e);

#endif
