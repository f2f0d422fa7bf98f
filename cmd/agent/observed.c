/* SPDX-License-Identifier: Apache-2.0 */
/* observed.c - what this agent has seen of the pools, said on its own Pod */
#include "observed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/own.h"
#include "daemon/say.h"
#include "kube/object.h"
#include "kube/queue.h"

#define KEY     "pools" /* the only one of its queue */
#define SOON_MS 1000
/* Pools are touched all the time by their status, which changes nothing here. That this was seen too is said
 * now and then, in case somebody waits for such a version. */
#define SLOW_MS 600000
#define CALL_MS 10000

struct observed {
	struct kube *k;
	struct store_kube *hub;
	const char *ns, *pod;
	struct kube_queue *q;
	uint64_t said; /* the worker's */
	bool missing;  /* the same: it was told that there is no such Pod */
};

static int64_t say_seen(const char *key, struct kube_cancel *cancel, void *arg, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(256);
	struct observed *o = arg;
	uint64_t seen = store_kube_pools_seen(o->hub);
	struct kube_op op = { .res = &kube_resources[KUBE_PODS],
			      .ns = o->ns,
			      .name = o->pod,
			      .until = deadline_in(CALL_MS),
			      .cancel = cancel };
	int r;

	(void)key;
	if (seen == o->said)
		return SLOW_MS;
	buf_fmt(&body, "{\"metadata\":{\"annotations\":{\"" API_ANNOTATION_POOLS_SEEN "\":\"%" PRIu64 "\"}}}",
		seen);
	r = kube_patch(o->k, &op, KUBE_MERGE_PATCH, buf_cstr(&body), body.len, NULL, e);
	if (r == -ENOENT && !o->missing)
		say(LOG_LEVEL_INFO, "pod %s/%s is not there: nobody is told which pools this agent has seen",
		    o->ns, o->pod);
	o->missing = r == -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	o->said = r < 0 ? 0 : seen;
	return SLOW_MS;
}

static void failed(const char *key, const struct err *why, unsigned n, void *arg)
{
	(void)key;
	(void)arg;
	if (n == 1 || n % 10 == 0)
		say(LOG_LEVEL_WARN, "which pools this agent has seen is said later: %s", why->msg);
}

void observed_changed(struct observed *o)
{
	if (o)
		kube_queue_add(o->q, KEY, SOON_MS);
}

int observed_start(struct kube *k, struct store_kube *hub, const char *ns, const char *pod,
		   struct observed **ret, struct err *e)
{
	struct observed *o = calloc(1, sizeof(*o));
	const struct kube_queue_conf conf = { .k = k, .work = say_seen, .failed = failed, .arg = o };
	int r;

	*ret = NULL;
	if (!o)
		return err_nomem(e);
	*o = (struct observed){ .k = k, .hub = hub, .ns = ns, .pod = pod };
	r = kube_queue_start(&conf, &o->q, e);
	if (r < 0) {
		free(o);
		return r;
	}
	observed_changed(o);
	*ret = o;
	return 0;
}

void observed_stop(struct observed *o)
{
	if (!o)
		return;
	kube_queue_stop(o->q);
	free(o);
}
