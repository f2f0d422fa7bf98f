/* SPDX-License-Identifier: Apache-2.0 */
/* workload.h - Kubernetes' own workloads that ask for pools: followed, and kept by key (app_name.h)
 *
 * Workloads that ask for nothing are heard of and forgotten: what is kept does not grow with the cluster.
 */
#ifndef CONTROLLER_WORKLOAD_H
#define CONTROLLER_WORKLOAD_H

#include "app_table.h"
#include "kube/client.h"

struct workloads_conf {
	struct kube *k;
	struct app_table *table;
	/* An application that asks, or asked, is other than it was; any workload is gone. On a watch's
	 * thread: be short. */
	void (*changed)(const char *key, void *arg);
	void (*trouble)(const char *sentence, void *arg);
	void *arg;
};

struct workloads; /* opaque */

int workloads_start(const struct workloads_conf *c, struct workloads **ret, struct err *e);
/* Nothing is told any more. Both accept NULL. */
void workloads_stop(struct workloads *w);
void workloads_free(struct workloads *w); /* stopped before */
bool workloads_synced(struct workloads *w);
/* The resource as it is served, which may change; a kind of Kubernetes' own. */
const struct kube_resource *workloads_resource(const struct workloads *w, enum app_kind kind);

#endif
