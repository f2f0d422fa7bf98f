/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - v1 Events about objects, behind the caller's back: what an administrator sees with kubectl
 * describe
 *
 * The same sentence about the same object raises the count of its Event instead of making another. Whoever
 * says something never waits and never fails: when too much waits to be written, the newest is dropped, and
 * the log says so.
 */
#ifndef CONTROLLER_EVENTS_H
#define CONTROLLER_EVENTS_H

#include "kube/client.h"

struct event_object { /* lent; ns "" for a cluster-scoped object: its Events are in namespace "default" */
	const char *api_version, *kind, *ns, *name, *uid;
};

struct events;

int events_start(struct kube *k, const char *component, const char *instance, struct events **ret,
		 struct err *e);
void events_stop(struct events *v); /* writes what waits, for some seconds at most; accepts NULL */
/* reason: one word in CamelCase. */
void events_say(struct events *v, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
