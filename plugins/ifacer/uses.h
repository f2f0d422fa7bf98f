/* SPDX-License-Identifier: Apache-2.0 */
/* uses.h - which interfaces are needed by which attachments: what all records say */
#ifndef IFACER_USES_H
#define IFACER_USES_H

#include "conf.h"
#include "podnet/record.h"

struct ifacer_use {
	const struct podnet_record *record;
	struct ifacer_conf conf;
	char bond[IFNAMSIZ], vlan[IFNAMSIZ]; /* "": none */
};
struct ifacer_uses {
	struct podnet_records records;
	struct ifacer_use *v;
	size_t n;
	size_t bad; /* records that cannot be read: what they need is not known */
};

int ifacer_uses_read(const struct podnet_dir *d, struct ifacer_uses *ret, struct err *e);
void ifacer_uses_clear(struct ifacer_uses *u);

bool ifacer_uses_interface(const struct ifacer_uses *u, const char *name);
/* Somebody has the plan's bond with other slaves; NULL when nobody does. */
const struct ifacer_use *ifacer_uses_differently(const struct ifacer_uses *u, const struct ifacer_plan *p);

#endif
