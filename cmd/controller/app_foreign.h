/* SPDX-License-Identifier: Apache-2.0 */
/* app_foreign.h - applications of kinds that are not Kubernetes' own, as their pods show that they exist
 *
 * A pod that somebody else's object controls is read once for its annotations; then the object, which says
 * whether it is there, and its subresource "scale", which says how many pods it is to have. Which resource
 * the object is, discovery tells. From then on the resource is followed by metadata. All of it needs rights
 * that users give (docs/controller/applications.md).
 */
#ifndef CONTROLLER_APP_FOREIGN_H
#define CONTROLLER_APP_FOREIGN_H

#include "app_table.h"
#include "kube/client.h"

struct foreign_conf {
	struct kube *k;
	struct app_table *table;
	/* A key is to be looked at, in ms. From any thread. */
	void (*changed)(const char *key, int64_t ms, void *arg);
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

struct foreign; /* opaque */

int foreign_start(const struct foreign_conf *c, struct foreign **ret, struct err *e);
/* Nothing is told any more, nor followed anew. Both accept NULL. */
void foreign_stop(struct foreign *f);
void foreign_free(struct foreign *f); /* stopped before */

/* For world_listen(), of pods. */
void foreign_pod(const struct kube_item *old, const struct kube_item *now, void *foreign);

/* What is known of the key, if it is one of these, is read anew: 0, or in how many ms it is to be looked at
 * again. -EACCES: the sentence names the rule that is missing. On a worker. */
int64_t foreign_look(struct foreign *f, const char *key, struct kube_cancel *cancel, struct err *e);

/* An application of which a pool is known is to be looked at when it changes; nothing is known of what it
 * asks for. */
int foreign_adopt(struct foreign *f, const char *key, const struct ipam_owner *id, struct err *e);

/* app_kinds_get(), app_kinds_explain() */
struct discovered;
int foreign_resource(struct foreign *f, const char *api_version, const char *kind, struct kube_cancel *cancel,
		     struct discovered *ret, struct err *e);
int foreign_explain(struct foreign *f, const struct discovered *d, int r, struct err *e);

#endif
