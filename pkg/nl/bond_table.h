/* SPDX-License-Identifier: Apache-2.0 */
/* bond_table.h - the options of a bond, one row each; for bond.c and bond_options.c only */
#ifndef NL_BOND_TABLE_H
#define NL_BOND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "nl/bond.h"

enum bond_kind { BOND_U8, BOND_U16, BOND_U32, BOND_MAC, BOND_LINK, BOND_TARGETS };

struct bond_option {
	const char *key, *alias; /* alias: NULL, or another name for it */
	uint16_t attr;           /* IFLA_BOND_* */
	uint8_t kind;
	uint8_t ver;              /* of targets */
	bool rounded;             /* the kernel keeps whole intervals of miimon */
	bool late;                /* needs the slaves */
	const char *const *names; /* of the numbers 0, 1, ...; NULL-terminated, may be NULL */
};

/* In the order in which the kernel wants them. */
extern const struct bond_option bond_table[];
extern const size_t bond_table_len;

/* The value as it is written behind "key=". */
void bond_value_format(const struct bond_value *v, struct buf *out);

#endif
