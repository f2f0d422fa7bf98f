/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - the configuration, and which interfaces it asks for */
#ifndef IFACER_CONF_H
#define IFACER_CONF_H

#include <net/if.h>

#include "json/json.h"
#include "nl/bond.h"

#define IFACER_INTERFACES_MAX 32
#define IFACER_BOND_NAME      "sp_bond0"

struct ifacer_bond {
	char *name;
	int64_t mode;
	char *options;
};

struct ifacer_conf {
	struct json_strv interfaces;
	int64_t vlan_id; /* 0: none */
	struct ifacer_bond *bond;
	char *state_dir; /* NULL: PODNET_STATE_DIR */
	bool remove_unused;
};
extern const struct json_table ifacer_conf_table;

/* What is to be there. Without bond and VLAN nothing is asked for, whatever else the configuration says. */
struct ifacer_plan {
	const char *port[IFACER_INTERFACES_MAX]; /* slaves of the bond, or the one parent of the VLAN */
	size_t ports;
	char bond[IFNAMSIZ], vlan[IFNAMSIZ]; /* "": none */
	int mode;
	struct bond_options options;
	uint16_t vlan_id;
};

/* *ret_plan points into *ret. Errors have the code ERR_CONFIG. */
int ifacer_conf_read(struct json_object *tree, struct ifacer_conf *ret, struct ifacer_plan *ret_plan,
		     struct err *e);
void ifacer_conf_clear(struct ifacer_conf *c);
/* The state directory alone, also of a configuration that is wrong otherwise. Belongs to tree. */
const char *ifacer_conf_state_dir(struct json_object *tree);

static inline bool ifacer_plan_is_empty(const struct ifacer_plan *p)
{
	return !p->bond[0] && !p->vlan[0];
}

#endif
