/* SPDX-License-Identifier: Apache-2.0 */
/* app_plan.h - what is to become of an application's pools: pure functions over what was read
 *
 * app_choose() says which pool it is, app_size() (app_size.h) which addresses it is to have, app_body.h what
 * is written.
 */
#ifndef CONTROLLER_APP_PLAN_H
#define CONTROLLER_APP_PLAN_H

#include "app_body.h"
#include "app_size.h"

struct app_pools { /* lent; all that may be the application's, or of the subnet */
	const struct api_ippool *const *v;
	size_t n;
};

/* The pool that there is for what is wanted; NULL: none. It carries the application's UID, or is kept for
 * whoever has its name next (reclaim "false"). Of several, one that has its UID, then the first by name.
 * What is being deleted does not count. */
const struct api_ippool *app_choose(const struct app *a, const struct app_want *w,
				    const struct app_pools *pools);

/* Why no pool can be made from the subnet (NULL: there is none): 0, or code ERR_CONFIG. */
int app_check_subnet(const struct app_want *w, const struct api_subnet *s, struct err *e);

/* The totals of all pools of the subnet's network but skip (NULL: none): what cannot be read counts as
 * nothing. out is overwritten. */
int app_others(const struct api_subnet *s, const struct app_pools *pools, const struct api_ippool *skip,
	       struct ip_set *out, struct err *e);

/* What is to become of a pool that nothing which is wanted has chosen. */
enum app_fate {
	APP_KEEP,
	APP_LEAVE, /* to be deleted once nothing in it is held: the application now uses others */
	APP_GONE,  /* to be deleted if the application with its UID is no more */
};
/* a NULL: the application is not known; asks: it names subnets, and these could be read. */
enum app_fate app_fate_of(const struct app *a, bool asks, const struct api_ippool *p);

bool app_pool_reclaimed(const struct api_ippool *p); /* goes with its application */
bool app_pool_of_uid(const struct api_ippool *p, const char *uid);

#endif
