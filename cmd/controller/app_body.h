/* SPDX-License-Identifier: Apache-2.0 */
/* app_body.h - the pool of an application as the API server is given it: a new object, or what is to change
 */
#ifndef CONTROLLER_APP_BODY_H
#define CONTROLLER_APP_BODY_H

#include "app_name.h"

/* Appends the object; gateway and routes are the subnet's as they are now. */
int app_body_create(const struct app *a, const struct app_want *w, const struct api_subnet *subnet,
		    const char *name, const struct ip_set *ips, struct buf *out, struct err *e);
/* Appends a merge patch that holds only for the version of pool: 1, or 0 when nothing is to change. ips NULL:
 * they stay. What others have added to the pool stays. */
int app_body_update(const struct app *a, const struct app_want *w, const struct api_ippool *pool,
		    const struct ip_set *ips, struct buf *out, struct err *e);

#endif
