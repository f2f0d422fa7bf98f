/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - to follow a resource: a list, then every change, for as long as it takes
 *
 * A thread of its own lists, watches from there, resumes where it was when the watch ends or breaks, and
 * lists again when the server has forgotten that state (410), has gone back in time, or has sent nothing, not
 * even a bookmark. Between KUBE_LISTING and KUBE_SYNCED come all objects as KUBE_ADDED; whoever keeps them
 * drops what was not among them (cache.h does).
 */
#ifndef KUBE_WATCH_H
#define KUBE_WATCH_H

#include "json/json.h"
#include "kube/event.h"

struct kube_event {
	enum kube_change change; /* never KUBE_BOOKMARK or KUBE_ERROR */
	/* Lent; not of KUBE_LISTING and KUBE_SYNCED. Listed objects of built-in kinds say no kind. */
	struct json_object *object;
	const char *ns, *name, *uid, *version; /* of the object; ns "" for none */
	/* Of KUBE_SYNCED: what was listed is older than what had come before: the server was restored. */
	bool back;
};

struct kube_watch_conf {
	struct kube *k;
	const struct kube_resource *res;
	const char *ns, *labels, *fields; /* copied; NULL: all */
	bool metadata_only;               /* objects are PartialObjectMetadata */
	/* The first list is what the server has at hand, not a quorum read: for what every node lists. */
	bool cached;
	const struct json_table *table; /* as in struct kube_op */
	unsigned page;                  /* objects listed at a time, 0: KUBE_PAGE_DEFAULT */
	unsigned lasts_s;               /* the server ends a watch after about so long; 0: 300 */
	unsigned silence_s; /* a server that sends nothing for so long is given up; 0: 150 (a bookmark a
			       minute) */
	/* On the watch's thread. A negative answer: what is kept is not what was said; all is listed again.
	 */
	int (*event)(const struct kube_event *ev, void *arg, struct err *e);
	/* Nothing is followed now, and why; it is tried again. May be NULL. On the watch's thread. */
	void (*trouble)(const struct err *why, void *arg);
	void *arg;
};

struct kube_watch;

int kube_watch_start(const struct kube_watch_conf *c, struct kube_watch **ret, struct err *e);
/* Returns when the thread has ended; no callback comes afterwards. Not from a callback. Accepts NULL. */
void kube_watch_stop(struct kube_watch *w);

#endif
