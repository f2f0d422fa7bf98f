/* SPDX-License-Identifier: Apache-2.0 */
/* app_part.h - what the files of the part "applications" share: its state, and what they read of the cluster
 */
#ifndef CONTROLLER_APP_PART_H
#define CONTROLLER_APP_PART_H

#include "app_foreign.h"
#include "app_plan.h"
#include "app_wait.h"
#include "controller.h"
#include "events.h"
#include "workload.h"

#define APP_LOCKS   16
#define APP_CALL_MS 10000
#define APP_LOOK_MS 200 /* pods come and go in crowds */

struct apps {
	struct controller *c;
	struct kube_queue *queue;
	struct app_table *table;
	struct workloads *workloads;
	struct foreign *foreign;
	struct app_waits *waits;
	/* One pool of a subnet at a time. By the subnet's name. */
	pthread_mutex_t subnet[APP_LOCKS];
};

/* ---- one key (app_work.c) ---- */

int64_t app_work(const char *key, struct kube_cancel *cancel, void *apps, struct err *e);

/* One pool that is wanted (app_settle.c): 0, or in how many ms it is to be looked at again. What cannot be
 * done now and is not an error has been said, and waits. *ret_pool: its name (STORE_NAME_MAX + 1 bytes), ""
 * for none. */
struct app_task {
	struct apps *apps;
	const char *key;
	const struct app *app;
	struct kube_cancel *cancel;
};
int64_t app_settle(const struct app_task *t, const struct app_want *w, char *ret_pool, struct err *e);
/* It waits: in how many ms it is to be looked at all the same. */
int64_t app_wait_ms(const struct app_task *t, enum app_wait what, struct ip_prefix network);

void app_warn(const struct app_task *t, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- reading (app_read.c) ---- */

struct app_seen { /* pools */
	const struct api_ippool **v;
	size_t n;
	const struct kube_item **items; /* what holds those of the cache, and ... */
	size_t n_items;
	struct api_ippool **own; /* ... the others */
	size_t n_own;
};
void app_seen_clear(struct app_seen *s);
/* From the cache: those of the application with this key; those of a network. */
int app_seen_key(struct apps *a, const char *key, struct app_seen *ret, struct err *e);
int app_seen_network(struct apps *a, const char *cidr, struct app_seen *ret, struct err *e);
/* Those of a network by quorum. */
int app_seen_now(const struct app_task *t, const char *cidr, struct app_seen *ret, struct err *e);

/* What is held in the network, from the cache. ret is overwritten. */
int app_held_cached(struct apps *a, const struct ip_prefix *network, const char *pool, struct app_held *ret,
		    struct err *e);
/* What is held in the blocks of set, by quorum, but for those in verified, which grows. */
int app_held_now(const struct app_task *t, const struct ip_set *set, const char *pool, struct app_held *held,
		 struct ip_set *verified, struct err *e);
int app_reserved(struct apps *a, uint8_t ver, struct ip_set *ret, struct err *e);

#endif
