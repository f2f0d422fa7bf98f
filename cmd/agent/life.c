/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - what an agent settles before it serves, and looks at again and again afterwards */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "ipam/pool.h"
#include "ipam/reclaim.h"
#include "keys.h"
#include "kube/thread.h"

#define TRY_MS      30000 /* for one step at start */
#define PAUSE_MS    1000
#define SWEEP_MS    60000
#define SETTLE_MS   200 /* several pods end together */
#define NOTES_MS    5000
#define TEARDOWN_MS 30000 /* a pod that is gone: its node may still be stopping its containers */

static const char *text(const char *s)
{
	return s ? s : "";
}

/* ---- calls that were cut off ---- */

struct cut {
	struct agent *a;
	struct deadline until;
	struct attached l;
};

static int collect(const struct store_obj *o, void *arg, struct err *e)
{
	struct cut *x = arg;
	struct ipam_attachment at, *v;
	int r = ipam_attachment_decode(o, &at, e);

	if (r < 0) {
		say(LOG_LEVEL_WARN, "an intent cannot be read: %s", e->msg);
		return 0;
	}
	v = realloc(x->l.v, (x->l.n + 1) * sizeof(*v));
	if (!v) {
		ipam_attachment_clear(&at);
		return err_nomem(e);
	}
	x->l.v = v;
	v[x->l.n++] = at;
	return 0;
}

/* Nobody was answered. Its update may still be on its way: after a fence it cannot land any more. */
static int give_up(struct agent *a, const struct ipam_attachment *at, struct deadline until, struct err *e)
{
	struct call c;
	int r = 0;

	for (size_t i = 0; r == 0 && i < at->ips.n; i++) {
		struct ip_prefix p;

		r = ipam_attachment_ip(at, i, &p, e);
		if (r == 0)
			r = store_kube_fence(a->hub, p.ip.ver, p.ip.n >> IP_BLOCK_BITS, until, e);
	}
	if (r == 0)
		r = call_open_plain(a, ipam_attachment_hold(at) != HOLD_POD, until, &c, e);
	if (r < 0)
		return r;
	r = ipam_adopt(&c.m, at, e);
	if (r == 0)
		r = ipam_del(&c.m, at->network, at->container, at->nic, e);
	call_close(&c);
	if (r == 0)
		say(LOG_LEVEL_INFO, "ADD pod=%s/%s container=%s nic=%s was cut off and is given back",
		    text(at->ns), text(at->pod), at->container, at->nic);
	return r;
}

static int settle_intents(struct agent *a, struct deadline until, struct err *e)
{
	struct cut x = { a, until, { 0 } };
	int r = store_kube_intents(a->hub, collect, &x, e);

	for (size_t i = 0; r == 0 && i < x.l.n; i++)
		r = give_up(a, &x.l.v[i], until, e);
	attached_clear(&x.l);
	if (r == 0)
		store_kube_intents_end(a->hub);
	return r;
}

/* ---- blocks against attachments ---- */

static int reclaim(struct agent *a, struct deadline until, struct err *e)
{
	struct attached l;
	int r = attached_list(a, NULL, NULL, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++) {
		struct call c;

		if (l.v[i].boot && strcmp(l.v[i].boot, a->boot) != 0)
			continue;
		r = call_open_plain(a, ipam_attachment_hold(&l.v[i]) != HOLD_POD, until, &c, e);
		if (r == 0)
			r = ipam_reclaim(&c.m, &l.v[i], e);
		call_close(&c);
		if (r == -EEXIST) {
			say(LOG_LEVEL_ERROR, "%s", e->msg);
			r = 0;
		}
	}
	attached_clear(&l);
	return r;
}

struct orphan {
	struct ip addr;
	enum hold hold;
	char ns[254], pod[254], uid[64], container[BLOCK_FIELD_MAX + 1], nic[16], ref[BLOCK_FIELD_MAX + 1];
};
struct orphans {
	struct agent *a;
	const struct attached *known;
	struct orphan *v;
	size_t n;
};

static bool is_known(const struct attached *l, const struct block_rec *r)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].container, r->container) == 0 && strcmp(l->v[i].nic, r->nic) == 0)
			return true;
	return false;
}

static int keep_orphan(struct orphans *x, const struct block *b, unsigned i, struct err *e)
{
	struct orphan *v = realloc(x->v, (x->n + 1) * sizeof(*v));
	const struct block_rec *r = &b->rec[i];

	if (!v)
		return err_nomem(e);
	x->v = v;
	v = &v[x->n++];
	v->addr = (struct ip){ b->ver, (b->index << IP_BLOCK_BITS) + i };
	v->hold = r->hold;
	snprintf(v->ns, sizeof(v->ns), "%s", r->ns);
	snprintf(v->pod, sizeof(v->pod), "%s", r->pod);
	snprintf(v->uid, sizeof(v->uid), "%s", r->uid);
	snprintf(v->container, sizeof(v->container), "%s", r->container);
	snprintf(v->nic, sizeof(v->nic), "%s", r->nic);
	snprintf(v->ref, sizeof(v->ref), "%s", r->ref);
	return 0;
}

static int look_at(const struct store_obj *o, void *arg, struct err *e)
{
	struct orphans *x = arg;
	struct block b;
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(o->name, &ver, &index, e);

	if (r == 0)
		r = block_decode(ver, index, o->data, o->len, &b, e);
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s", o->name);
	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++)
		if (block_rec_has_holder(&b.rec[i]) && strcmp(b.rec[i].node, x->a->conf.node) == 0 &&
		    !is_known(x->known, &b.rec[i]))
			r = keep_orphan(x, &b, i, e);
	block_clear(&b);
	return r;
}

/* A record of ours that no attachment answers for: kept while its pod lives. */
static int judge_orphan(struct agent *a, const struct orphan *o, struct deadline until, struct err *e)
{
	enum cluster_fate fate = FATE_GONE;
	bool hold_dead = o->hold == HOLD_POD;
	struct call c;
	int64_t grace;
	int r = 0;

	if (o->pod[0])
		r = cluster_pod_fate(a->cluster, o->ns, o->pod, o->uid, until, &fate, &grace, e);
	if (r < 0 || fate == FATE_ALIVE)
		return r;
	if (!hold_dead)
		r = cluster_hold_dead(a->cluster, o->hold, o->ref, until, &hold_dead, e);
	if (r == 0)
		r = call_open_plain(a, true, until, &c, e);
	if (r < 0)
		return r;
	r = ipam_drop(&c.m, o->addr, o->container, o->nic, hold_dead, e);
	call_close(&c);
	return r;
}

static int drop_orphans(struct agent *a, struct deadline until, struct err *e)
{
	struct orphans x = { .a = a };
	struct attached known;
	int r = attached_list(a, NULL, NULL, &known, e);

	x.known = &known;
	if (r == 0)
		r = store_kube_node_blocks(a->hub, until, look_at, &x, e);
	for (size_t i = 0; r == 0 && i < x.n; i++)
		r = judge_orphan(a, &x.v[i], until, e);
	free(x.v);
	attached_clear(&known);
	return r;
}

/* ---- after a reboot ---- */

static bool of_earlier_boot(const struct ipam_attachment *at, void *arg)
{
	return !at->boot || strcmp(at->boot, arg) != 0;
}

/* Their containers are dead; pods that live on get new ones, and their addresses again. */
static int end_boot(struct agent *a, struct deadline until, struct err *e)
{
	struct attached l;
	int r = attached_list(a, of_earlier_boot, a->boot, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = release_attached(a, &l.v[i], until, e);
	attached_clear(&l);
	return r;
}

/* ---- start ---- */

static int settle(struct agent *a, struct err *e)
{
	struct deadline until = deadline_in(TRY_MS);
	int r = settle_intents(a, until, e);

	if (r == 0)
		r = reclaim(a, until, e);
	if (r == 0)
		r = release_notes(a, NULL, NULL, until, e);
	if (r == 0)
		r = end_boot(a, until, e);
	return r < 0 ? r : drop_orphans(a, until, e);
}

static void pools_changed(void *arg)
{
	struct agent *a = arg;

	pthread_mutex_lock(&a->lock);
	a->pools_seq++;
	pthread_cond_broadcast(&a->pools);
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

static void block_lost(uint8_t ver, ip_num index, void *arg)
{
	char name[IP_BLOCK_NAME_MAX];

	say(LOG_LEVEL_ERROR,
	    "SpiderIPBlock %s has vanished or is older than it was; what pods of this node have of it is claimed again",
	    ip_block_name(ver, index, name));
	wake(arg, true);
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
					    .block_lost = block_lost,
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

int life_start(struct agent *a, struct err *e)
{
	int r;

	for (;;) {
		r = connect(a, e);
		if (r == 0)
			r = settle(a, e);
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

/* Pods that ended while their containers were already gone; and those whose DEL never comes. */
static void sweep_one(struct agent *a, const struct ipam_attachment *at)
{
	struct deadline until = deadline_in(AGENT_DEL_MS);
	enum cluster_fate fate;
	int64_t grace;
	struct err e;
	int r = cluster_pod_fate(a->cluster, at->ns, at->pod, text(at->uid), until, &fate, &grace, &e);

	if (r < 0 || fate == FATE_ALIVE)
		return;
	if (!at->detached && (fate != FATE_GONE || clock_wall_ms() - at->since < TEARDOWN_MS))
		return;
	if (keys_lock(a->keys, at->ns, at->pod, until, &e) < 0)
		return;
	if (release_attached(a, at, until, &e) < 0)
		say(LOG_LEVEL_WARN, "pod %s/%s has ended, its addresses are given back later: %s", at->ns,
		    at->pod, e.msg);
	keys_unlock(a->keys, at->ns, at->pod);
}

static void sweep(struct agent *a)
{
	struct attached l;
	struct err e;

	if (attached_list(a, has_ended, a, &l, &e) < 0)
		return;
	for (size_t i = 0; i < l.n && !a->stopping; i++)
		sweep_one(a, &l.v[i]);
	attached_clear(&l);
	(void)release_notes(a, NULL, NULL, deadline_in(AGENT_DEL_MS), &e);
}

static void mend(struct agent *a)
{
	struct err e;

	if (reclaim(a, deadline_in(TRY_MS), &e) == 0)
		return;
	say(LOG_LEVEL_ERROR, "blocks were lost, and could not be claimed again yet: %s", e.msg);
	pthread_mutex_lock(&a->lock);
	a->blocks_lost = true;
	pthread_mutex_unlock(&a->lock);
}

static void *run(void *arg)
{
	struct agent *a = arg;
	int64_t last = clock_mono_ms();

	pthread_mutex_lock(&a->lock);
	while (!a->stopping) {
		bool soon = a->sweep_soon, lost = a->blocks_lost;

		if (!soon && clock_mono_ms() - last < SWEEP_MS) {
			kube_cond_wait(&a->wake, &a->lock, deadline_in(NOTES_MS));
			if (!a->sweep_soon && !a->stopping) {
				struct err e;

				pthread_mutex_unlock(&a->lock);
				(void)release_notes(a, NULL, NULL, deadline_in(AGENT_DEL_MS), &e);
				pthread_mutex_lock(&a->lock);
			}
			continue;
		}
		kube_cond_wait(&a->pools, &a->lock, deadline_in(SETTLE_MS));
		a->sweep_soon = a->blocks_lost = false;
		pthread_mutex_unlock(&a->lock);
		last = clock_mono_ms();
		if (lost)
			mend(a);
		sweep(a);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int life_sweeper(struct agent *a, struct err *e)
{
	int r = kube_thread(&a->sweeper, run, a, e);

	a->sweeping = r == 0;
	return r;
}

void life_stop(struct agent *a)
{
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_broadcast(&a->wake);
	pthread_cond_broadcast(&a->pools);
	pthread_mutex_unlock(&a->lock);
	if (a->cluster)
		cluster_cancel(a->cluster);
	if (a->sweeping)
		pthread_join(a->sweeper, NULL);
}
