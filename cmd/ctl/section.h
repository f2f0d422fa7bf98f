/* SPDX-License-Identifier: Apache-2.0 */
/* section.h - what a network configuration says to the IPAM plugin, as far as an operator's question needs it
 */
#ifndef CTL_SECTION_H
#define CTL_SECTION_H

#include "cni/network.h"
#include "ctl.h"
#include "ipam/section.h"

#define NETWORK_DIR "/etc/cni/net.d"

/* The section of the first plugin whose IPAM is ours: 1, or 0 when there is none; release with
 * ipam_section_clear(). */
int section_read(const struct cni_network *n, struct ipam_section *ret, struct err *e);
/* Is it about this state directory? */
bool section_is_of(const struct ipam_section *s, const char *state_dir);

/* The engine works as this configuration wants it; default pools are left alone. */
void section_apply(const struct ipam_section *s, struct ctl *c);

/* A file, or the name of a network that is looked for in NETWORK_DIR. */
int network_load(const char *file_or_name, struct cni_network *ret, struct err *e);

#endif
