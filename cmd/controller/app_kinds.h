/* SPDX-License-Identifier: Apache-2.0 */
/* app_kinds.h - kinds that are not Kubernetes' own: which resource each is, discovered and remembered as long
 * as it is served so, and followed by metadata
 */
#ifndef CONTROLLER_APP_KINDS_H
#define CONTROLLER_APP_KINDS_H

#include "app_table.h"
#include "discovery.h"

#define APP_KINDS_AGAIN_MS \
	60000 /* what is not followed is looked at now and then; also for rights that came */

struct app_kinds_conf {
	struct kube *k;
	struct app_table *table;
	/* A key of the table is to be looked at. From any thread. */
	void (*changed)(const char *key, void *arg);
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

struct app_kinds; /* opaque; any thread */

int app_kinds_new(const struct app_kinds_conf *c, struct app_kinds **ret, struct err *e);
/* Nothing is told any more, nor followed anew. Both accept NULL. */
void app_kinds_stop(struct app_kinds *ks);
void app_kinds_free(struct app_kinds *ks); /* stopped before */

/* 0: *ret is the resource; 1: nothing defines such a kind any more, so that there is no object of it.
 * -ENOENT: it is not served, at least now. */
int app_kinds_get(struct app_kinds *ks, const char *api_version, const char *kind, struct kube_cancel *cancel,
		  struct discovered *ret, struct err *e);
/* From now on. 1: its changes are heard, 0: not yet, or not now. */
int app_kinds_follow(struct app_kinds *ks, const char *api_version, const char *kind, struct err *e);
/* What was discovered of it may be so no more: the next one who asks discovers anew. */
void app_kinds_doubt(struct app_kinds *ks, const struct discovered *d);
/* An error of the API server to a request for the resource; returns r. That we may not becomes one that names
 * the rule to add; that it is not served lets it be discovered anew. */
int app_kinds_explain(struct app_kinds *ks, const struct discovered *d, int r, struct err *e);

#endif
