/* SPDX-License-Identifier: Apache-2.0 */
/* app_want.h - which pools an application is to have (spec/ipam.md 2.6, 5.3) */
#ifndef CONTROLLER_APP_WANT_H
#define CONTROLLER_APP_WANT_H

#include "app_object.h"
#include "daemon/file.h"

#define APP_INTERFACE_MAX 16
#define APP_NUMBER_MAX    16
#define APP_WANTS_MAX     (2 * IPAM_NICS_MAX)

struct app_want { /* one pool */
	char interface[APP_INTERFACE_MAX];
	uint8_t ver;
	char subnet[STORE_NAME_MAX + 1];
	int64_t size;                /* addresses */
	char number[APP_NUMBER_MAX]; /* as the pool's annotation has it: "5", "+1" */
	bool reclaim;
};

struct app_wants {
	struct app_want v[APP_WANTS_MAX];
	size_t n;
};

/* None when it asks for none, or the feature is off. Code ERR_CONFIG: the sentence that the agent says of the
 * same annotations to the application's pods. */
int app_wants(const struct app *a, const struct daemon_file *f, struct app_wants *ret, struct err *e);

#endif
