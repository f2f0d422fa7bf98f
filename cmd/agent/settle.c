/* SPDX-License-Identifier: Apache-2.0 */
/* settle.c - what the last agent left: calls that were cut off, blocks that were lost, containers of an
 * earlier boot */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "ipam/reclaim.h"
#include "keys.h"

#define SETTLE_ALL_MS 30000
#define PATIENCE_MS   1000

static const char *text(const char *s)
{
	return s ? s : "";
}

/* What cannot be read stays as it is for somebody to repair, and the rest goes on. */
static int leave(struct agent *a, int r, const struct err *e)
{
	if (r != -EUCLEAN)
		return r;
	say(LOG_LEVEL_ERROR, "%s", e->msg);
	a->damaged = true;
	return 0;
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

static bool is_same(const struct ipam_attachment *at, void *arg)
{
	const struct ipam_attachment *cut = arg;

	return strcmp(at->container, cut->container) == 0 && strcmp(at->nic, cut->nic) == 0 &&
	       !at->claimed_by == !cut->claimed_by && strcmp(at->network, cut->network) == 0;
}

static bool names(const struct ipam_attachment *at, struct ip addr)
{
	struct ip_prefix p;
	struct err e;

	for (size_t i = 0; i < at->ips.n; i++)
		if (ipam_attachment_ip(at, i, &p, &e) == 0 && ip_equal(p.ip, addr))
			return true;
	return false;
}

/* A later try of the same call was answered: what the cut one has beyond that is given back. */
static int give_back_rest(struct call *c, const struct ipam_attachment *cut,
			  const struct ipam_attachment *stands, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < cut->ips.n; i++) {
		struct ip_prefix p;

		r = ipam_attachment_ip(cut, i, &p, e);
		if (r == 0 && !names(stands, p.ip))
			r = ipam_drop(&c->m, p.ip, cut->container, cut->nic,
				      ipam_attachment_hold(cut) == HOLD_POD, false, e);
	}
	return r;
}

/* The former sandbox's, of an address that the cut call was to take over from it. */
static bool has_too(const struct ipam_attachment *at, void *arg)
{
	const struct ipam_attachment *cut = arg;
	struct ip_prefix p;
	struct err e;

	if (!cut->rekeyed || strcmp(at->container, cut->container) == 0 || strcmp(at->nic, cut->nic) != 0 ||
	    strcmp(text(at->uid), text(cut->uid)) != 0)
		return false;
	for (size_t i = 0; i < cut->ips.n; i++)
		if (ipam_attachment_ip(cut, i, &p, &e) == 0 && names(at, p.ip))
			return true;
	return false;
}

/* The sandbox that has an attachment runs on with what it has. *ret_n: how many such there are. */
static int give_back_taken(struct agent *a, struct call *c, const struct ipam_attachment *cut, size_t *ret_n,
			   struct err *e)
{
	struct attached l;
	int r = attached_list(a, has_too, (void *)cut, &l, e);

	*ret_n = l.n;
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = ipam_return(&c->m, cut, &l.v[i], e);
	attached_clear(&l);
	return r;
}

static int give_back(struct agent *a, struct call *c, const struct ipam_attachment *cut, struct err *e)
{
	size_t returned = 0;
	struct attached l;
	int r = attached_list(a, is_same, (void *)cut, &l, e);

	if (r == 0)
		r = give_back_taken(a, c, cut, &returned, e);
	if (r == 0 && l.n) {
		r = give_back_rest(c, cut, &l.v[0], e);
	} else if (r == 0) {
		r = ipam_adopt(&c->m, cut, e);
		if (r == 0)
			r = (returned ? ipam_del : ipam_give_up)(&c->m, cut->network, cut->container,
								 cut->nic, e);
	}
	attached_clear(&l);
	return r;
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
	r = give_back(a, &c, at, e);
	call_close(&c);
	if (r == 0)
		say(LOG_LEVEL_INFO, "UNDO pod=%s/%s container=%s nic=%s: its ADD was cut off", text(at->ns),
		    text(at->pod), at->container, at->nic);
	return r;
}

static int settle_intents(struct agent *a, struct deadline until, struct err *e)
{
	struct cut x = { a, until, { 0 } };
	int r = store_kube_intents(a->hub, collect, &x, e);
	bool left = false;

	for (size_t i = 0; r == 0 && i < x.l.n; i++) {
		r = give_up(a, &x.l.v[i], until, e);
		left |= r == -EUCLEAN;
		r = leave(a, r, e);
	}
	attached_clear(&x.l);
	if (r == 0 && !left) /* else the next start gives up the rest */
		store_kube_intents_end(a->hub);
	return r;
}

/* ---- blocks against attachments ---- */

/* Of a pod that has no other call under way: what its DEL is letting go was not lost. An ADD, though, may
 * wait for the very end of this, and is not waited for. */
static int reclaim(struct agent *a, const struct ipam_attachment *at, struct deadline until,
		   struct deadline patience, struct err *e)
{
	struct err ignored;
	bool locked = keys_lock(a->keys, text(at->ns), text(at->pod), patience, &ignored) == 0;
	struct call c;
	int r = call_open_plain(a, ipam_attachment_hold(at) != HOLD_POD, until, &c, e);

	if (r == 0)
		r = ipam_reclaim(&c.m, at, e);
	call_close(&c);
	if (!locked) /* its DEL may have ended in between */
		a->orphans = true;
	if (locked)
		keys_unlock(a->keys, text(at->ns), text(at->pod));
	return r;
}

int settle_lost(struct agent *a, bool last, struct deadline until, struct err *e)
{
	struct deadline patience = deadline_in(PATIENCE_MS); /* with all of them together */
	uint64_t losses = store_kube_losses(a->hub);
	struct attached l;
	int r = attached_list(a, NULL, NULL, &l, e);

	a->damaged = false;
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		if (l.v[i].boot && strcmp(l.v[i].boot, a->boot) != 0)
			continue;
		r = leave(a, reclaim(a, &l.v[i], until, patience, e), e);
		if (r == -EEXIST) {
			if (last)
				say(LOG_LEVEL_ERROR, "%s", e->msg);
			r = 0;
		}
	}
	attached_clear(&l);
	if (r == 0 && last)
		store_kube_mended(a->hub, losses);
	return r;
}

struct orphan {
	struct ip addr;
	enum hold hold;
	bool stray; /* its container's NIC was answered with others */
	bool ended; /* its container did, with an earlier boot */
	char ns[254], pod[254], uid[64], container[BLOCK_FIELD_MAX + 1], nic[16], ref[BLOCK_FIELD_MAX + 1];
};
struct orphans {
	struct agent *a;
	const struct attached *known;
	struct orphan *v;
	size_t n;
};

static bool is_known(const struct attached *l, const struct block_rec *r, struct ip addr, bool *stray)
{
	*stray = false;
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].container, r->container) != 0 || strcmp(l->v[i].nic, r->nic) != 0)
			continue;
		if (names(&l->v[i], addr))
			return true;
		*stray = true;
	}
	return false;
}

static int keep_orphan(struct orphans *x, const struct block *b, unsigned i, struct err *e)
{
	const struct ip addr = { b->ver, (b->index << IP_BLOCK_BITS) + i };
	const struct block_rec *r = &b->rec[i];
	struct orphan *v;
	bool stray;

	if (is_known(x->known, r, addr, &stray))
		return 0;
	v = realloc(x->v, (x->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	x->v = v;
	v = &v[x->n++];
	v->addr = addr;
	v->stray = stray && !x->a->started; /* while it serves, an ADD may be under way */
	v->ended = r->boot[0] && strcmp(r->boot, x->a->boot) != 0;
	v->hold = r->hold;
	snprintf(v->ns, sizeof(v->ns), "%s", r->ns);
	snprintf(v->pod, sizeof(v->pod), "%s", r->pod);
	snprintf(v->uid, sizeof(v->uid), "%s", r->uid);
	snprintf(v->container, sizeof(v->container), "%s", r->container);
	snprintf(v->nic, sizeof(v->nic), "%s", r->nic);
	snprintf(v->ref, sizeof(v->ref), "%s", r->ref);
	return 0;
}

/* Without a container: taken over from an older Spiderpool, which did not record it. */
static bool has_pod(const struct block_rec *r)
{
	return block_rec_has_holder(r) || r->hold == HOLD_POD;
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
	if (r < 0 && r != -ENOMEM)
		e->sys = EUCLEAN;
	if (r < 0)
		return leave(x->a, err_wrap(e, "SpiderIPBlock %s", o->name), e);
	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++)
		if (has_pod(&b.rec[i]) && strcmp(b.rec[i].node, x->a->conf.node) == 0)
			r = keep_orphan(x, &b, i, e);
	block_clear(&b);
	return r;
}

/* A record of ours that no attachment answers for: kept while its pod lives; when its container is not known,
 * until the pod is gone, which comes behind the container's end. 1: it stays. */
static int judge_orphan(struct agent *a, const struct orphan *o, struct deadline until, struct err *e)
{
	enum cluster_fate fate = FATE_GONE;
	bool hold_dead = o->hold == HOLD_POD;
	struct call c;
	int64_t grace;
	int r = 0;

	if (!o->stray && o->pod[0] && cluster_pod_known_alive(a->cluster, o->ns, o->pod, o->uid))
		return 1;
	if (o->pod[0])
		r = cluster_pod_fate(a->cluster, o->ns, o->pod, o->uid, until, &fate, &grace, e);
	if (r < 0)
		return r;
	if (!o->stray &&
	    (fate == FATE_ALIVE || fate == FATE_REMADE || (!o->container[0] && fate != FATE_GONE)))
		return 1;
	if (!hold_dead)
		r = cluster_hold_dead(a->cluster, o->hold, o->ref, until, &hold_dead, e);
	if (r == 0)
		r = call_open_plain(a, true, until, &c, e);
	if (r < 0)
		return r;
	r = ipam_drop(&c.m, o->addr, o->container, o->nic, hold_dead, !o->stray && !o->ended, e);
	call_close(&c);
	return r;
}

int settle_orphans(struct agent *a, struct deadline until, struct err *e)
{
	struct orphans x = { .a = a };
	struct attached known;
	size_t left = 0;
	int r = attached_list(a, NULL, NULL, &known, e);

	x.known = &known;
	if (r == 0)
		r = store_kube_node_blocks(a->hub, until, look_at, &x, e);
	for (size_t i = 0; r >= 0 && i < x.n; i++) {
		r = leave(a, judge_orphan(a, &x.v[i], until, e), e);
		left += r > 0;
	}
	free(x.v);
	attached_clear(&known);
	a->orphans = r < 0 || left || a->damaged;
	return r < 0 ? r : 0;
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
		r = leave(a, release_attached(a, &l.v[i], false, until, e), e);
	attached_clear(&l);
	return r;
}

int settle_all(struct agent *a, struct err *e)
{
	struct deadline until = deadline_in(SETTLE_ALL_MS);
	int r = settle_intents(a, until, e);

	note_tidy(a->notes);
	if (r == 0)
		r = settle_lost(a, true, until, e);
	if (r == 0)
		r = release_notes(a, NULL, NULL, until, e);
	if (r == 0)
		r = end_boot(a, until, e);
	return r < 0 ? r : settle_orphans(a, until, e);
}
