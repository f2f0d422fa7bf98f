/* SPDX-License-Identifier: Apache-2.0 */
/* section.h - what a network configuration says to the IPAM plugin, as far as an operator's question needs it
 */
#ifndef CTL_SECTION_H
#define CTL_SECTION_H

#include "cni/network.h"
#include "ctl.h"

#define NETWORK_DIR "/etc/cni/net.d"

struct section {
	char *type, *datastore, *state_dir, *node_name;
	struct json_strv default_ipv4, default_ipv6;
	bool clean_gateway, keep_by_pod_name;
	struct json_map node_labels;
	struct json_int cooldown_s;
};

/* The section of the first plugin whose IPAM is ours: 1, or 0 when there is none. */
int section_read(const struct cni_network *n, struct section *ret, struct err *e);
void section_clear(struct section *s);
/* Is it about this state directory? */
bool section_is_of(const struct section *s, const char *state_dir);

/* The engine works as this configuration wants it; default pools are left alone. */
void section_apply(const struct section *s, struct ctl *c);

/* A file, or the name of a network that is looked for in NETWORK_DIR. */
int network_load(const char *file_or_name, struct cni_network *ret, struct err *e);

#endif
