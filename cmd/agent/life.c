/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - what an agent settles before it serves, and looks at again and again afterwards */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent.h"
#include "base/own.h"
#include "ipam/pool.h"
#include "keys.h"
#include "kube/thread.h"
#include "observed.h"

#define TRY_MS      30000 /* for one step at start */
#define PAUSE_MS    1000
#define SWEEP_MS    60000
#define SETTLE_MS   200 /* several pods end together */
#define NOTES_MS    5000
#define OTHERS_MS   5000  /* agents see within this time that the cluster has lost its state */
#define TEARDOWN_MS 30000 /* a pod that is gone: its node may still be stopping its containers */

static const char *text(const char *s)
{
	return s ? s : "";
}

/* ---- start ---- */

static void pools_changed(void *arg)
{
	struct agent *a = arg;

	pthread_mutex_lock(&a->lock);
	a->pools_seq++;
	pthread_cond_broadcast(&a->pools);
	observed_changed(a->observed);
	pthread_mutex_unlock(&a->lock);
}

static void pools_caught_up(void *arg)
{
	struct agent *a = arg;

	pthread_mutex_lock(&a->lock);
	observed_changed(a->observed);
	pthread_mutex_unlock(&a->lock);
}

static void wake(struct agent *a, bool lost)
{
	pthread_mutex_lock(&a->lock);
	a->sweep_soon = true;
	a->blocks_lost |= lost;
	pthread_cond_broadcast(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

static void lost(const char *sentence, bool all, void *arg)
{
	struct agent *a = arg;

	say(all ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "%s", sentence);
	pthread_mutex_lock(&a->lock);
	if (all)
		a->lost_at = clock_mono_ms();
	pthread_mutex_unlock(&a->lock);
	wake(a, true);
}

static void pod_ended(const char *ns, const char *name, const char *uid, void *arg)
{
	(void)ns;
	(void)name;
	(void)uid;
	wake(arg, false);
}

static void trouble(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_WARN, "%s", sentence);
}

static int connect(struct agent *a, struct err *e)
{
	const struct store_kube_conf sc = { .k = a->k,
					    .node = a->conf.node,
					    .dir = a->objects,
					    .pool_value = ipam_pool_value,
					    .pools_changed = pools_changed,
					    .pools_caught_up = pools_caught_up,
					    .lost = lost,
					    .wrote = gauges_commit,
					    .trouble = trouble,
					    .arg = a };
	const struct cluster_conf cc = { .k = a->k,
					 .node = a->conf.node,
					 .stateful_set = a->conf.file.enable_stateful_set,
					 .kubevirt = a->conf.file.enable_kubevirt,
					 .pod_ended = pod_ended,
					 .trouble = trouble,
					 .arg = a };
	int r = a->hub ? 0 : store_kube_open(&sc, &a->hub, e);

	if (r == 0 && !a->cluster)
		r = cluster_start(&cc, &a->cluster, e);
	if (r == 0 &&
	    (!store_kube_wait(a->hub, deadline_in(TRY_MS)) || !cluster_wait(a->cluster, deadline_in(TRY_MS))))
		r = err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
			     "pools, pods or namespaces could not be listed yet");
	return r;
}

static int observe(struct agent *a, struct err *e)
{
	struct observed *o;
	int r = observed_start(a->k, a->hub, a->conf.ns, a->conf.pod, &o, e);

	pthread_mutex_lock(&a->lock);
	a->observed = o;
	pthread_mutex_unlock(&a->lock);
	return r;
}

static void observe_no_more(struct agent *a)
{
	struct observed *o;

	pthread_mutex_lock(&a->lock);
	o = a->observed;
	a->observed = NULL;
	pthread_mutex_unlock(&a->lock);
	observed_stop(o);
}

int life_start(struct agent *a, struct err *e)
{
	int r;

	kube_timed(a->k, gauges_api, NULL);
	for (;;) {
		r = takeover(a, e);
		if (r == 0)
			r = connect(a, e);
		if (r == 0)
			r = settle_all(a, e);
		if (r == 0)
			r = observe(a, e);
		if (r == 0 || a->stopping)
			return r;
		say(LOG_LEVEL_WARN, "not ready, trying again: %s", e->msg);
		pthread_mutex_lock(&a->lock);
		if (!a->stopping)
			kube_cond_wait(&a->wake, &a->lock, deadline_in(PAUSE_MS));
		pthread_mutex_unlock(&a->lock);
	}
}

/* ---- the sweeper ---- */

static bool has_ended(const struct ipam_attachment *at, void *arg)
{
	struct agent *a = arg;

	return at->ns && at->pod && !at->claimed_by &&
	       !cluster_pod_known_alive(a->cluster, at->ns, at->pod, text(at->uid));
}

/* Since when a container's pod is known to be gone; only the sweeper looks. */
struct seen {
	uint64_t container;
	int64_t at; /* monotonic ms */
};
struct sweeper {
	struct agent *a;
	struct seen *v, *next; /* of the last round, of this one */
	size_t n, n_next;
	int64_t looked_at; /* monotonic ms: when blocks were looked at that some of is left for later */
};

static int64_t gone_for(struct sweeper *w, const char *container)
{
	struct seen s = { XXH3_64bits(container, strlen(container)), clock_mono_ms() };
	struct seen *v = realloc(w->next, (w->n_next + 1) * sizeof(*v));

	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].container == s.container)
			s.at = w->v[i].at;
	if (v) {
		w->next = v;
		v[w->n_next++] = s;
	}
	return clock_mono_ms() - s.at;
}

/* Pods that ended while their containers were already gone; and those whose DEL never comes. */
static void sweep_one(struct sweeper *w, const struct ipam_attachment *at)
{
	struct agent *a = w->a;
	struct deadline until = deadline_in(AGENT_DEL_MS);
	/* An ADD that was undone tells nothing of the sandbox that it took the address over from. */
	bool ended = at->detached && !at->rekeyed;
	enum cluster_fate fate;
	int64_t grace;
	struct err e;
	int r;

	/* Until its DEL, or until its pod is gone, nothing of it is freed whatever the API says. */
	if (!ended && cluster_pod_known(a->cluster, at->ns, at->pod, text(at->uid)) != FATE_GONE)
		return;
	r = cluster_pod_fate(a->cluster, at->ns, at->pod, text(at->uid), until, &fate, &grace, &e);
	if (r < 0 || fate == FATE_ALIVE)
		return;
	if (!ended && (fate != FATE_GONE || gone_for(w, at->container) < TEARDOWN_MS))
		return;
	if (keys_lock(a->keys, at->ns, at->pod, until, &e) < 0)
		return;
	if (release_attached(a, at, true, until, &e) < 0)
		say(LOG_LEVEL_WARN, "pod %s/%s has ended, its addresses are given back later: %s", at->ns,
		    at->pod, e.msg);
	keys_unlock(a->keys, at->ns, at->pod);
}

static void sweep(struct sweeper *w, bool orphans)
{
	struct agent *a = w->a;
	struct attached l;
	struct err e;

	if (attached_list(a, has_ended, a, &l, &e) < 0)
		return;
	for (size_t i = 0; i < l.n && !a->stopping; i++)
		sweep_one(w, &l.v[i]);
	attached_clear(&l);
	free(w->v);
	w->v = w->next;
	w->n = w->n_next;
	w->next = NULL;
	w->n_next = 0;
	if (orphans && a->orphans && settle_orphans(a, deadline_in(AGENT_DEL_MS), &e) < 0)
		say(LOG_LEVEL_WARN, "addresses without an attachment are looked at later: %s", e.msg);
	(void)release_notes(a, NULL, NULL, deadline_in(AGENT_DEL_MS), &e);
}

/* Other nodes have lost as much, and claim it again meanwhile. */
static bool is_too_soon(struct agent *a)
{
	bool soon;

	pthread_mutex_lock(&a->lock);
	soon = a->lost_at && clock_mono_ms() - a->lost_at < OTHERS_MS;
	pthread_mutex_unlock(&a->lock);
	return soon;
}

static void mend(struct agent *a)
{
	bool soon = is_too_soon(a);
	struct err e;
	int r = settle_lost(a, !soon, deadline_in(TRY_MS), &e);

	if (r == 0 && !soon)
		return;
	if (r < 0)
		say(LOG_LEVEL_ERROR, "blocks were lost, and could not be claimed again yet: %s", e.msg);
	pthread_mutex_lock(&a->lock);
	a->blocks_lost = a->sweep_soon = true;
	pthread_mutex_unlock(&a->lock);
}

/* All blocks of the node are read for what could not be settled before: not with each pod that ends. */
static void look(struct sweeper *w, bool lost)
{
	bool due = !w->looked_at || clock_mono_ms() - w->looked_at >= SWEEP_MS;

	if (due)
		w->looked_at = clock_mono_ms();
	if (lost || (due && w->a->damaged))
		mend(w->a);
	sweep(w, due);
	if (due)
		malloc_trim(0); /* what the last burst of pods took */
}

/* Until somebody has something to look at, or it is time; false: stop. */
static bool wait_for_work(struct agent *a, bool more)
{
	struct deadline until = deadline_in(more ? NOTES_MS : SWEEP_MS), notes;
	struct err e;

	while (!a->sweep_soon && !a->stopping && deadline_left(until) > 0) {
		notes = deadline_min(until, deadline_in(NOTES_MS));
		kube_cond_wait(&a->wake, &a->lock, notes);
		if (deadline_left(notes) > 0 || a->stopping)
			continue;
		pthread_mutex_unlock(&a->lock);
		(void)release_notes(a, NULL, NULL, deadline_in(AGENT_DEL_MS), &e);
		pthread_mutex_lock(&a->lock);
	}
	if (a->sweep_soon && !a->stopping)
		kube_cond_wait(&a->stop, &a->lock, deadline_in(SETTLE_MS));
	return !a->stopping;
}

static void *run(void *arg)
{
	struct agent *a = arg;
	struct sweeper w = { .a = a };

	pthread_mutex_lock(&a->lock);
	while (wait_for_work(a, w.n > 0)) {
		bool lost = a->blocks_lost;

		a->sweep_soon = a->blocks_lost = false;
		pthread_mutex_unlock(&a->lock);
		look(&w, lost);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	free(w.v);
	return NULL;
}

int life_sweeper(struct agent *a, struct err *e)
{
	int r = kube_thread(&a->sweeper, run, a, e);

	a->sweeping = r == 0;
	return r;
}

void life_end(struct agent *a)
{
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_broadcast(&a->wake);
	pthread_cond_broadcast(&a->pools);
	pthread_cond_broadcast(&a->stop);
	pthread_mutex_unlock(&a->lock);
}

void life_stop(struct agent *a)
{
	life_end(a);
	if (a->cluster)
		cluster_cancel(a->cluster);
	observe_no_more(a);
	if (a->sweeping)
		pthread_join(a->sweeper, NULL);
}
