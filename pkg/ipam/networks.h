/* SPDX-License-Identifier: Apache-2.0 */
/* networks.h - the Multus annotation k8s.v1.cni.cncf.io/networks: which NIC is the n-th network of a pod */
#ifndef IPAM_NETWORKS_H
#define IPAM_NETWORKS_H

#include <stddef.h>

#include "base/err.h"

/* Name of the pod's NIC number index: "eth0" for 0, then what the annotation requests for entry index-1 or
 * "net<index>". annotation NULL: none. Accepts the comma list "ns/name@if" and the JSON form. *ret is
 * allocated. */
int networks_nic_name(const char *annotation, size_t index, char **ret, struct err *e);

#endif
