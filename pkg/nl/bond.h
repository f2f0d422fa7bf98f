/* SPDX-License-Identifier: Apache-2.0 */
/* bond.h - bonds: mode, options by their names, and what the kernel has
 *
 * Options are the text "key=value;key=value" of network configurations. The kernel takes each by a request of
 * its own, so that what it refuses is named; the first one makes the bond with its mode. Delays are kept by
 * the kernel in whole intervals of miimon, so a comparison rounds them down as it does.
 */
#ifndef NL_BOND_H
#define NL_BOND_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "ip/ip.h"
#include "nl/link.h"
#include "nl/netlink.h"
#include "nl/rt.h"

#define BOND_MODES       7
#define BOND_OPTIONS_MAX 32
#define BOND_TARGETS_MAX 16 /* the kernel's, too */

struct bond_option; /* a row of the table in bond_options.c */

struct bond_value {
	const struct bond_option *opt;
	uint32_t n;                /* number; index of a link */
	char link[IFNAMSIZ];       /* active_slave, primary; "" when the index is all that is known */
	uint8_t mac[LINK_MAC_LEN]; /* ad_actor_system */
	struct ip target[BOND_TARGETS_MAX];
	size_t n_targets;
};
struct bond_options {
	struct bond_value v[BOND_OPTIONS_MAX]; /* in the order in which the kernel wants them */
	size_t n;
};

/* ---- text ---- */

/* "1 (active-backup)"; any number. */
const char *bond_mode_text(int64_t mode, char out[48]);
/* Blanks around parts, keys and values do not count, nor do empty parts; numbers may be written as the kernel
 * names them (lacp_rate=fast). An unknown key, one that comes twice, a part that is no key=value and a value
 * that cannot be are errors, code ERR_CONFIG; so are miimon and arp_interval together. */
int bond_options_parse(const char *text, struct bond_options *ret, struct err *e);
/* Appends "key=value;key=value". */
void bond_options_format(const struct bond_options *o, struct buf *out);
/* The i-th link that is named by an option, NULL behind the last. *ret_key (may be NULL): the option. */
struct bond_value *bond_options_link(struct bond_options *o, size_t i, const char **ret_key);

/* ---- kernel ---- */

/* A new bond, down, without slaves; EEXIST fails. index: which it shall have, 0: any. */
void bond_add(struct netlink_batch *b, int index, const char *name, int mode);
/* One request an option; n of links must be set. late: those that need the slaves (active_slave, which is a
 * wish: a slave without a link does not become it), otherwise the others. */
void bond_options_put(struct netlink_batch *b, int index, const char *name, const struct bond_options *o,
		      bool late);

struct bond_state {
	int64_t mode; /* -1: the kernel does not tell */
	struct bond_options have;
};
/* -ENODEV when there is none. *ret_state is for links of the kind "bond" only. */
int bond_get(struct netlink *nl, const char *name, struct rt_link *ret, struct bond_state *ret_state,
	     struct err *e);
/* The slaves of a bond, or what else has that master. */
int bond_slaves(struct netlink *nl, int bond, const char *name, struct rt_links *ret, struct err *e);
/* Appends "mode is 0 (balance-rr), want 1 (active-backup)" and the like, "; " between them. Which slave is
 * active is the bond's own affair and not compared, nor is a link whose n is 0. */
void bond_compare(const struct bond_state *s, int mode, const struct bond_options *want, struct buf *out);

#endif
