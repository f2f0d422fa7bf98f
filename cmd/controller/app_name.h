/* SPDX-License-Identifier: Apache-2.0 */
/* app_name.h - how the pool of an application is called, and what on it says whose it is (spec/ipam.md 5.2)
 */
#ifndef CONTROLLER_APP_NAME_H
#define CONTROLLER_APP_NAME_H

#include "app_want.h"

#define APP_LABEL(word)   "ipam.spidernet.io/" word
#define APP_LABEL_UID     APP_LABEL("owner-application-uid")
#define APP_LABEL_RECLAIM APP_LABEL("ippool-reclaim")

/* An application whatever its UID and version: "group|kind|namespace|name". Keys of the queue. */
#define APP_KEY_MAX 1024
const char *app_key(const char *api_version, const char *kind, const char *ns, const char *name,
		    char out[APP_KEY_MAX]);
/* Of whose pool it is, "" when it is no application's. Returns out. */
const char *app_pool_key(const struct api_ippool *p, char out[APP_KEY_MAX]);
/* The same in parts, without a UID; lent, but for the version, which is put into text. False: none. */
bool app_pool_owner(const struct api_ippool *p, char text[STORE_NAME_MAX + 1], struct ipam_owner *ret);

/* A name for the pool, the nth that comes into question: the first ones have more and more of the UID in
 * them. False: there is no nth. */
#define APP_NAMES 9
bool app_pool_name(const struct app *a, const struct app_want *w, unsigned n, char out[STORE_NAME_MAX + 1]);

/* Adds, or replaces. */
int app_pool_labels(const struct app *a, const struct app_want *w, const char *cidr, struct json_map *labels,
		    struct err *e);
int app_pool_affinity(const struct app *a, struct json_map *match_labels, struct err *e);
/* Made for this interface, family and subnet. Nothing is said of the application. */
bool app_pool_serves(const struct api_ippool *p, const struct app_want *w);

#endif
