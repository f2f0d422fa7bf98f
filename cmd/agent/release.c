/* SPDX-License-Identifier: Apache-2.0 */
/* release.c - giving back, by what the API says of the pod */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "keys.h"

static const char *text(const char *s)
{
	return s ? s : "";
}

/* ---- what is recorded on this node ---- */

struct listing {
	struct agent *a;
	bool (*want)(const struct ipam_attachment *at, void *arg);
	void *arg;
	struct attached *ret;
};

static int take(const struct store_obj *o, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct ipam_attachment at, *v;
	int r = ipam_attachment_decode(o, &at, e);

	/* Its address is one without an attachment: settle_orphans(). */
	if (r == -EUCLEAN) {
		if (!l->want && !l->a->started)
			say(LOG_LEVEL_ERROR, "%s", e->msg);
		return 0;
	}
	if (r < 0)
		return r;
	if (l->want && !l->want(&at, l->arg)) {
		ipam_attachment_clear(&at);
		return 0;
	}
	v = realloc(l->ret->v, (l->ret->n + 1) * sizeof(*v));
	if (!v) {
		ipam_attachment_clear(&at);
		return err_nomem(e);
	}
	l->ret->v = v;
	v[l->ret->n++] = at;
	return 0;
}

int attached_list(struct agent *a, bool (*want)(const struct ipam_attachment *at, void *arg), void *arg,
		  struct attached *ret, struct err *e)
{
	CLEANUP(store_close_p) struct store *st = NULL;
	struct listing l = { a, want, arg, ret };
	int r = store_kube_session(a->hub, false, &st, e);

	*ret = (struct attached){ 0 };
	if (r == 0)
		r = store_begin(st, STORE_READ, deadline_in(AGENT_DEL_MS), e);
	if (r == 0)
		r = store_list(st, STORE_ATTACHMENT, NULL, NULL, NULL, take, &l, e);
	if (r < 0)
		attached_clear(ret);
	return r;
}

void attached_clear(struct attached *l)
{
	for (size_t i = 0; i < l->n; i++)
		ipam_attachment_clear(&l->v[i]);
	free(l->v);
	*l = (struct attached){ 0 };
}

/* ---- one attachment ---- */

static int judge(struct agent *a, const struct ipam_attachment *at, struct deadline until,
		 enum cluster_fate *fate, bool *hold_dead, struct err *e)
{
	enum hold hold = ipam_attachment_hold(at);
	int64_t grace;
	int r = 0;

	*fate = FATE_GONE;
	*hold_dead = hold == HOLD_POD;
	if (at->ns && at->pod) {
		if (cluster_pod_known_alive(a->cluster, at->ns, at->pod, text(at->uid))) {
			*fate = FATE_ALIVE;
			return 0;
		}
		r = cluster_pod_fate(a->cluster, at->ns, at->pod, text(at->uid), until, fate, &grace, e);
	}
	if (r == 0 && *fate != FATE_ALIVE && hold != HOLD_POD)
		r = cluster_hold_dead(a->cluster, hold, text(at->hold_ref), until, hold_dead, e);
	return r;
}

/* Before it is done: from then on it may be another's. e2e/kube/history.py reads these lines. */
static void log_end(const struct ipam_attachment *at, const char *what)
{
	for (size_t i = 0; i < at->ips.n; i++)
		say(LOG_LEVEL_INFO, "%s pod=%s/%s container=%s nic=%s address=%s", what, text(at->ns),
		    text(at->pod), at->container, at->nic, at->ips.v[i].address);
}

int release_attached(struct agent *a, const struct ipam_attachment *at, bool unseen, struct deadline until,
		     struct err *e)
{
	enum cluster_fate fate;
	bool hold_dead;
	struct call c;
	int r = judge(a, at, until, &fate, &hold_dead, e);

	if (r == 0)
		r = call_open_plain(a, ipam_attachment_hold(at) != HOLD_POD, until, &c, e);
	if (r < 0)
		return r;
	log_end(at, fate == FATE_ALIVE ? "DETACH" : hold_dead ? "FREE" : "KEEP");
	if (fate == FATE_ALIVE)
		r = ipam_detach(&c.m, at->network, at->container, at->nic, e);
	else if (unseen)
		r = ipam_del_unseen(&c.m, at->network, at->container, at->nic, hold_dead, e);
	else if (hold_dead)
		r = ipam_del_hold(&c.m, at->network, at->container, at->nic, e);
	else
		r = ipam_del(&c.m, at->network, at->container, at->nic, e);
	call_close(&c);
	return r;
}

struct which {
	const char *container, *nic;
};

static bool is_that(const struct ipam_attachment *at, void *arg)
{
	const struct which *w = arg;

	return strcmp(at->container, w->container) == 0 && (!w->nic[0] || strcmp(at->nic, w->nic) == 0);
}

static int get_one(struct agent *a, struct store *st, const char *network, const struct which *w,
		   struct attached *ret, struct err *e)
{
	struct listing l = { a, NULL, NULL, ret };
	struct ipam_key key;
	struct store_obj o;
	int r;

	ipam_attachment_key(network, w->container, w->nic, &key);
	r = store_get(st, STORE_ATTACHMENT, key.ns, key.name, &o, e);
	return r <= 0 ? r : take(&o, &l, e);
}

/* By its key, and what was claimed for it ahead: a node's other attachments cost nothing. */
static int attached_get(struct agent *a, const char *network, const struct which *w, struct attached *ret,
			struct err *e)
{
	CLEANUP(store_close_p) struct store *st = NULL;
	int r = store_kube_session(a->hub, false, &st, e);

	*ret = (struct attached){ 0 };
	if (r == 0)
		r = store_begin(st, STORE_READ, deadline_in(AGENT_DEL_MS), e);
	if (r == 0)
		r = get_one(a, st, network, w, ret, e);
	if (r == 0)
		r = get_one(a, st, "", w, ret, e);
	if (r < 0)
		attached_clear(ret);
	return r;
}

int release_container(struct agent *a, const char *network, const char *container, const char *nic,
		      struct deadline until, struct err *e)
{
	struct which w = { .container = container, .nic = nic };
	struct attached l;
	int r = network && nic[0] ? attached_get(a, network, &w, &l, e)
				  : attached_list(a, is_that, &w, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = release_attached(a, &l.v[i], false, until, e);
	attached_clear(&l);
	return r;
}

/* ---- notes ---- */

struct notes {
	struct agent *a;
	const char *ns, *pod;
	struct deadline until;
};

static int settle_one(const struct notes *x, const struct note *n, struct err *e)
{
	int r = 0;

	/* Of a boot before this one: life_start() has seen to that. */
	if (!n->boot || !n->boot[0] || strcmp(n->boot, x->a->boot) == 0)
		r = release_container(x->a, text(n->network)[0] ? n->network : NULL, text(n->container),
				      text(n->nic), x->until, e);
	return r < 0 ? r : note_remove(x->a->notes, n, e);
}

static int settle(const struct note *n, const char *file, const struct err *why, void *arg, struct err *e)
{
	struct notes *x = arg;
	int r;

	if (!n) {
		say(LOG_LEVEL_ERROR, "release note %s cannot be read, remove it when its pod is gone: %s",
		    file, why->msg);
		return 0;
	}
	if (x->ns && (strcmp(text(n->ns), x->ns) != 0 || strcmp(text(n->pod), x->pod) != 0))
		return 0;
	if (x->ns)
		return settle_one(x, n, e);
	/* The ADD that is to be given back may still be under way: then it is next time's. */
	r = keys_lock(x->a->keys, text(n->ns), text(n->pod), deadline_in(0), e);
	if (r < 0)
		return r == -ETIMEDOUT ? 0 : r;
	r = settle_one(x, n, e);
	keys_unlock(x->a->keys, text(n->ns), text(n->pod));
	return r == -EUCLEAN ? 0 : r; /* the others do not wait for the repair of its block */
}

int release_notes(struct agent *a, const char *ns, const char *pod, struct deadline until, struct err *e)
{
	struct notes x = { a, ns, pod, until };

	return note_each(a->notes, settle, &x, e);
}
