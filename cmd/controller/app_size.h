/* SPDX-License-Identifier: Apache-2.0 */
/* app_size.h - which addresses the pool of an application is to have (spec/ipam.md 5.3)
 *
 * What a record of a block holds stays in its pool. Beyond that a pool has as many addresses as are wanted:
 * the lowest free ones of the subnet are added, the lowest free ones of the pool are given back.
 */
#ifndef CONTROLLER_APP_SIZE_H
#define CONTROLLER_APP_SIZE_H

#include "api/block.h"
#include "ip/ip.h"

/* Who holds what, as the blocks have it. */
struct app_held {
	struct ip_set own;   /* by records of this pool */
	struct ip_set other; /* by any other */
};
/* Adds a block's records, of those that are held at now. pool: "" for one that does not exist yet. */
int app_held_add(struct app_held *h, const struct block *b, int64_t now, const char *pool, struct err *e);
/* What lies in the block is not held as far as we know. */
int app_held_forget(struct app_held *h, uint8_t ver, ip_num index, struct err *e);
void app_held_clear(struct app_held *h);

struct app_size_in {                   /* sets of one family; none is NULL */
	const struct ip_set *subnet;   /* what pools may be cut from */
	const struct ip_set *others;   /* all other pools' */
	const struct ip_set *reserved; /* by SpiderReservedIPs */
	const struct ip_set *resting;  /* just given back: an agent may not have heard of it yet */
	const struct ip_set *now;      /* the pool's, empty for a new one */
	const struct app_held *held;
	int64_t want;
};

struct app_size {
	struct ip_set ips;     /* the pool's from now on */
	struct ip_set dropped; /* what it had and has no more */
	int64_t missing;       /* so many more are wanted, and the subnet has none */
	int64_t excess;        /* so many fewer are wanted, and all are held */
	bool changed;
};

/* What is reserved and not held, another pool's, or held through another pool, is of no use to this one. */
int app_size(const struct app_size_in *in, struct app_size *ret, struct err *e);
void app_size_clear(struct app_size *s);

#endif
