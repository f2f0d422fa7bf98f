/* SPDX-License-Identifier: Apache-2.0 */
/* meta.h - what is known about the whole store: the boot it was last used in, whether it was restored */
#ifndef IPAM_META_H
#define IPAM_META_H

#include "ipam/txn.h"

/* Was the store made anew from a backup in this boot? Then addresses it calls free may be in use. */
int meta_restored(struct txn *t, bool *ret, struct err *e);
/* The boot ID that the store was last used in; "" for none. */
int meta_boot_get(struct txn *t, char *out, size_t size, uint64_t *ret_version, struct err *e);
/* Ends what a restore in an earlier boot began. */
int meta_boot_put(struct txn *t, const char *boot, uint64_t version, struct err *e);

/* How many addresses of the pool went into quarantine within the last hour, counting is per pool. */
int meta_conflicts_count(struct txn *t, const char *pool, unsigned *ret, struct err *e);
int meta_conflicts_add(struct txn *t, const char *pool, int change, struct err *e);

#endif
