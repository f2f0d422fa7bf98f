/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c - the keys of ifacer's configuration */
#include "base/own.h"
#include "conf.h"
#include "podnet/record.h"

static const struct json_field bond_fields[] = {
	JF(struct ifacer_bond, name, "name", .doc = "name of the bond; default `" IFACER_BOND_NAME "`"),
	JF(struct ifacer_bond, mode, "mode",
	   .doc = "0 balance-rr (default), 1 active-backup, 2 balance-xor, 3 broadcast, 4 802.3ad, 5 "
		  "balance-tlb, 6 balance-alb"),
	JF(struct ifacer_bond, options, "options", .doc = "`key=value;key=value`: docs/ifacer.md lists them"),
};
static const struct json_table bond_table = {
	.name = "bond",
	.f = bond_fields,
	.n = ARRAY_LEN(bond_fields),
	.size = sizeof(struct ifacer_bond),
	.closed = true,
};

static const struct json_field fields[] = {
	JF(struct ifacer_conf, interfaces, "interfaces",
	   .doc = "interfaces of the node: the parent of the VLAN, or two and more slaves of the bond"),
	JF(struct ifacer_conf, vlan_id, "vlanID", .max = 4094,
	   .doc = "VLAN `PARENT.ID` on that interface, or on the bond; 0 (default): none"),
	JP(struct ifacer_conf, bond, "bond", &bond_table,
	   .doc = "what the interfaces are bonded to; has no effect on a single interface"),
	JF(struct ifacer_conf, state_dir, "stateDir",
	   .doc = "where attachments are recorded; root's, mode 0700; default `" PODNET_STATE_DIR "`"),
	JF(struct ifacer_conf, remove_unused, "removeUnused",
	   .doc = "GC removes interfaces that this plugin has made and that no attachment needs any more"),
};
const struct json_table ifacer_conf_table = JSON_TABLE(struct ifacer_conf, "config", fields);
