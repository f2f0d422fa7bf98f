/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - what is published about pools and subnets: pure functions from blocks and specs to status
 *
 * Nothing decides by what is published. Records that count for a pool are those that name it, and those in
 * its ranges that name no pool there is.
 */
#ifndef CONTROLLER_STATUS_H
#define CONTROLLER_STATUS_H

#include "api/api.h"
#include "api/block.h"

/* ---- conditions ---- */

#define STATUS_SETTLED     "Settled"
#define STATUS_EXHAUSTED   "Exhausted"
#define STATUS_NEARLY      "NearlyExhausted"
#define STATUS_CONFLICT    "ConflictSeen"
#define STATUS_TRUNCATED   "AllocatedIPsTruncated"
#define STATUS_MESSAGE_MAX 1024

struct status_condition {
	char *type, *status, *reason, *message, *changed_at;
	struct json_int generation;
};
struct status_conditions { /* laid out as a JSON_LIST() */
	struct status_condition *v;
	size_t n;
	bool set;
};

struct status_said {
	const char *type;
	bool is;
	bool quiet; /* not told while it is false and was never true */
	const char *reason, *message;
};

/* The time is that of the last change of true and false. 1: something is different now. */
int status_say(struct status_conditions *l, const struct status_said *s, int64_t generation, int64_t now,
	       struct err *e);
/* NULL: nothing was said. */
const struct status_condition *status_find(const struct status_conditions *l, const char *type);
bool status_is(const struct status_conditions *l, const char *type); /* it is true */

/* ---- status as the API has it ---- */

struct status_pool {
	char *allocated_ips, *observed_version;
	struct json_int total, allocated, observed_generation;
	struct status_conditions conditions;
};
struct status_subnet {
	char *controlled_pools;
	struct json_int total, allocated;
	struct status_conditions conditions;
};
extern const struct json_table status_pool_table, status_subnet_table;

/* Of a whole object; one that has no status yet has an empty one. out is overwritten. */
int status_read(const struct json_table *t, struct json_object *object, void *out, struct err *e);
/* Appends a merge patch that makes the status of the object, at its version, that of now: 1, or 0 when it is.
 */
int status_patch(const struct json_table *t, const char *uid, const char *version, const void *old,
		 const void *now, struct buf *out, struct err *e);

/* ---- a pool ---- */

struct status_pool_in {
	const char *name;
	const struct ip_set *total;    /* ips - excludeIPs */
	const struct ip_set *eligible; /* without what is reserved */
	int64_t now;
	size_t max; /* records that are published */
	bool (*is_pool)(const char *name, void *arg);
	void *arg;
};

struct status_names { /* for a sentence: the first few, and how many there are */
	char text[STATUS_MESSAGE_MAX / 2];
	size_t n;
};

/* Zeroed, then one block after another in address order. */
struct status_sum {
	struct buf text;                 /* of allocatedIPs; nothing for no record */
	int64_t allocated;               /* records of the pool */
	int64_t published;               /* of these, in the text */
	int64_t taken;                   /* eligible addresses that nobody can get, whoever has them */
	int64_t next;                    /* when something changes although no block does; 0: never */
	struct status_names outside;     /* records of the pool outside of its ranges */
	struct status_names quarantined; /* addresses in its ranges, and who answers for them */
};
int status_sum_block(const struct status_pool_in *in, const struct block *b, struct status_sum *s,
		     struct err *e);
void status_sum_end(struct status_sum *s); /* after the last block */
void status_sum_clear(struct status_sum *s);
void status_name(struct status_names *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void status_names_end(struct status_names *l); /* says how many more there are than were named */

struct status_pool_facts {
	int64_t generation, now;
	const char *version;               /* the pool's when the generation was first seen */
	const struct status_names *behind; /* nodes whose agent has not seen it */
};
/* Fills in all that is published; now has the conditions that were published before. */
int status_pool_fill(const struct status_pool_in *in, const struct status_sum *s,
		     const struct status_pool_facts *f, struct status_pool *now, struct err *e);
/* An address less than a tenth is left, or less than three of ten and more. */
bool status_is_scarce(int64_t total, int64_t available);

/* ---- a subnet ---- */

/* pools: all that may be below it; what belongs to another CIDR is skipped. */
int status_subnet_fill(const struct api_subnet *s, const struct api_ippool *const *pools, size_t n,
		       int64_t now_ms, struct status_subnet *now, struct err *e);

#endif
