/* SPDX-License-Identifier: Apache-2.0 */
/* claims.h - a list of "this container's NIC has these addresses", to be imported and told */
#ifndef CTL_CLAIMS_H
#define CTL_CLAIMS_H

#include "ipam/import.h"
#include "pod.h"
#include "sandbox.h"

struct claim { /* one address */
	struct ip ip;
	char *network, *container, *nic;
	const char *left_out;         /* why it is not to be imported; NULL: it is */
	const struct pod_objects *of; /* its pod in a cluster; NULL: not one */
	const struct sandbox *box;    /* what the runtime knows of the attachment; NULL: nothing */
};
struct claims {
	struct claim *v;
	size_t n, cap;
};

/* Copies the strings. */
int claims_add(struct claims *l, struct ip ip, const char *network, const char *container, const char *nic,
	       struct err *e);
void claims_clear(struct claims *l);

struct claims_how {
	const char *pool; /* NULL: any */
	bool dry_run, skip_refused;
	/* One for each attachment (claims_columns), and takes it over. */
	int (*row)(struct json_object *row, void *arg, struct err *e);
	void *arg;
};
/* Imports them, one attachment for each network, container and NIC. The counts are of attachments. */
int claims_import(struct ctl *c, struct claims *l, const struct claims_how *how, size_t *ret_claimed,
		  size_t *ret_refused, struct err *e);
extern const struct out_column claims_columns[];
extern const size_t claims_n_columns;

#endif
