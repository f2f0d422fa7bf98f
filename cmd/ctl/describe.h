/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - between describe.c and what it says of each kind (describe_kinds.c) */
#ifndef CTL_DESCRIBE_H
#define CTL_DESCRIBE_H

#include "doc.h"
#include "ipam/usage.h"

struct described {
	struct txn *t;
	struct doc doc;
	const struct api_object *obj;
	struct json_object *addresses, *problems;
	size_t n_addresses;
};

/* Adds what hangs on the object. */
extern int (*const describe_kind[API_KIND_MAX])(struct described *x, struct err *e);

/* A sentence under "problems". */
void describe_problem(struct described *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Rows under "addresses" for what is recorded of the set. */
int describe_addresses(struct described *x, const struct ip_set *set, struct err *e);

#endif
