/* SPDX-License-Identifier: Apache-2.0 */
/* app_wait.h - what waits for a subnet: applications for its addresses, given back addresses for the agents
 *
 * Hints, and for that reason only in memory: who starts anew looks at everything.
 */
#ifndef CONTROLLER_APP_WAIT_H
#define CONTROLLER_APP_WAIT_H

#include "app_name.h"

enum app_wait {
	APP_HUNGRY,  /* for addresses that others give back */
	APP_LEAVING, /* for records of its own pools to end */
	APP_BUSY,    /* for another one to be done with the subnet */
	APP_WAITS
};

struct app_waits; /* opaque; any thread */

int app_waits_new(struct app_waits **ret, struct err *e);
void app_waits_free(struct app_waits *w); /* accepts NULL */

/* Until it is woken once, or after APP_WAIT_MS: some ends are no event (a quarantine's), and memory may be
 * short. True: it did not wait before, and what it waits for may have come since that was read. */
#define APP_WAIT_MS 60000
bool app_wait(struct app_waits *w, enum app_wait what, struct ip_prefix subnet, const char *key);
/* Those that wait for a subnet that meets the prefix; wake() is told unlocked. */
void app_wake(struct app_waits *w, enum app_wait what, struct ip_prefix changed,
	      void (*wake)(const char *key, void *arg), void *arg);

/* The longest that waits, if any. */
void app_wake_one(struct app_waits *w, enum app_wait what, struct ip_prefix subnet,
		  void (*wake)(const char *key, void *arg), void *arg);
/* It waits no more. */
void app_wait_end(struct app_waits *w, enum app_wait what, struct ip_prefix subnet, const char *key);

/* How long an agent may take to hear that a pool has lost addresses. */
#define APP_REST_MS 5000
/* What a pool has given back is nobody's for that long. */
int app_rest(struct app_waits *w, const struct ip_set *dropped, struct err *e);
/* All that rests of the family; out is overwritten. */
int app_resting(struct app_waits *w, uint8_t ver, struct ip_set *out, struct err *e);

#endif
