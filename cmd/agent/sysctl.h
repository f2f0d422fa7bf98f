/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.h - settings of the node that pods on an underlay want (tuneSysctlConfig) */
#ifndef AGENT_SYSCTL_H
#define AGENT_SYSCTL_H

#include "nl/space.h"

/* Makes them what is wanted: room for neighbours (never less than there is), forwarding, gratuitous ARP, no
 * reverse path filter. note() hears of each change and of each setting that this kernel does not have. All
 * are tried; the first that could not be made is the error. */
int agent_tune_sysctls(const struct netspace *node, void (*note)(const char *sentence, void *arg), void *arg,
		       struct err *e);

#endif
