/* SPDX-License-Identifier: Apache-2.0 */
/* multus_follow.h - a watch and a cache of a resource that the cluster may not have (yet)
 *
 * When it is not there it is looked for again, at most some seconds apart; that, and any other trouble, is
 * said once.
 */
#ifndef CONTROLLER_MULTUS_FOLLOW_H
#define CONTROLLER_MULTUS_FOLLOW_H

#include "kube/cache.h"

struct follow_conf {
	struct kube *k;
	const struct kube_resource *res;
	const struct json_table *table;
	const char *needed; /* by whom, for the log */
	/* As those of kube_cache_conf. */
	void (*changed)(const struct kube_item *old, const struct kube_item *now, void *arg);
	void (*synced)(void *arg); /* may be NULL */
	void *arg;
};

struct follow {
	struct follow_conf c;
	struct kube_cache *cache;
	struct kube_watch *watch;
	int said; /* errno of the last trouble that was said; 0: none */
};

/* f belongs to the caller, and stays where it is. Nothing is called before the start. */
int follow_new(struct follow *f, const struct follow_conf *c, struct err *e);
int multus_follow_start(struct follow *f, struct err *e);
void multus_follow_stop(struct follow *f); /* nothing is called any more; the cache is still there */
void follow_clear(struct follow *f);
bool follow_synced(struct follow *f);

#endif
