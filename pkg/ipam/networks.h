/* SPDX-License-Identifier: Apache-2.0 */
/* networks.h - the Multus annotation k8s.v1.cni.cncf.io/networks: which NIC is the n-th network of a pod */
#ifndef IPAM_NETWORKS_H
#define IPAM_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Name of the pod's NIC number index: "eth0" for 0, then what the annotation requests for entry index-1 or
 * "net<index>". annotation NULL: none. Accepts the comma list "ns/name@if" and the JSON form. *ret is
 * allocated. */
int networks_nic_name(const char *annotation, size_t index, char **ret, struct err *e);

#define NETWORK_NAME_MAX 508 /* "namespace/name" and its NUL */

/* "namespace/name" of the network (NAD) that a NIC is attached to: 1 and ret, or 0 when the annotation does
 * not tell. Entries that request no interface are net1, net2 ... by their place; ns is that of names without
 * one.
 */
int networks_of_nic(const char *annotation, const char *nic, const char *ns, char ret[NETWORK_NAME_MAX],
		    struct err *e);
/* The same for the only network that annotation v1.multus-cni.io/default-network names. */
int networks_default(const char *annotation, const char *ns, char ret[NETWORK_NAME_MAX], struct err *e);

#endif
