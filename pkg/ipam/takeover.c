/* SPDX-License-Identifier: Apache-2.0 */
/* takeover.c - one pool's records of an older Spiderpool */
#include "ipam/takeover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/endpoint.h"
#include "ipam/owner.h"

#define BATCH 256        /* records of one transaction */
#define MADE  "takeover" /* block_rec.request of what was made here, until its pod has a container */

/* Without the mark, but written by our controller: an edit has lost it. The older one writes the status
 * whole, and knows no generation there. */
bool takeover_due(const struct api_ippool *p)
{
	const char *text = p->status.allocated_ips;

	return text && *text && strcmp(text, "{}") != 0 && !p->status.observed_generation.set &&
	       !json_map_get(&p->obj.meta.annotations, API_ANNOTATION_TAKEN_OVER);
}

/* ---- what the pool says ---- */

struct claimed {
	struct ip addr;
	char ns[STORE_NAME_MAX + 1];
	const char *pod, *uid; /* lent from the tree */
};
struct claims {
	struct json_object *tree;
	struct claimed *v;
	size_t n;
};

static void claims_clear(struct claims *l)
{
	json_object_put(l->tree);
	free(l->v);
}

static int read_claim(const char *address, struct json_object *o, struct claimed *ret, struct err *e)
{
	const char *who = json_get_str(o, "pod"), *slash = who ? strchr(who, '/') : NULL;

	if (ip_parse(address, &ret->addr, e) < 0)
		return -e->sys;
	if (!slash || !slash[1] || (size_t)(slash - who) > STORE_NAME_MAX ||
	    strlen(slash + 1) > STORE_NAME_MAX)
		return err_code(e, ERR_DECODE, EBADMSG, "address %s: pod: want \"NAMESPACE/NAME\"", address);
	snprintf(ret->ns, sizeof(ret->ns), "%.*s", (int)(slash - who), who);
	ret->pod = slash + 1;
	ret->uid = json_get_str(o, "podUid");
	ret->uid = ret->uid ? ret->uid : "";
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct claimed *x = a, *y = b;

	return x->addr.n < y->addr.n ? -1 : x->addr.n > y->addr.n;
}

static int read_claims(const char *text, struct claims *ret, struct err *e)
{
	int r = json_parse(text, strlen(text), "status.allocatedIPs", &ret->tree, e);

	if (r < 0)
		return r;
	if (!json_object_is_type(ret->tree, json_type_object))
		return err_code(e, ERR_DECODE, EBADMSG, "status.allocatedIPs: want an object");
	ret->v = calloc((size_t)json_object_object_length(ret->tree) + 1, sizeof(*ret->v));
	if (!ret->v)
		return err_nomem(e);
	json_object_object_foreach(ret->tree, key, value)
	{
		r = read_claim(key, value, &ret->v[ret->n++], e);
		if (r < 0)
			return err_wrap(e, "status.allocatedIPs");
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

/* ---- one record ---- */

struct batch {
	const struct api_ippool *pool;
	const struct claimed *v;
	size_t n;
	struct takeover *x, count; /* count: of this transaction */
};

/* What the pod's endpoint says of an address; NULL when it does not name it. */
static const struct api_endpoint_ip *entry_of(const struct txn_endpoint *ep, struct ip addr)
{
	const struct api_endpoint_current *now = &ep->ep.status.current;

	for (size_t i = 0; ep->version && i < now->ips.n; i++) {
		const char *text = addr.ver == 4 ? now->ips.v[i].ipv4 : now->ips.v[i].ipv6;
		struct ip_prefix p;
		struct err e;

		if (text && ip_prefix_parse_any(text, &p, &e) == 0 && ip_equal(p.ip, addr))
			return &now->ips.v[i];
	}
	return NULL;
}

static int hold_of(const struct takeover *x, const struct claimed *c, const struct txn_endpoint *ep,
		   struct owner_hold *ret, struct err *e)
{
	const struct api_endpoint_status *s = &ep->ep.status;
	const char *kind = ep->version && s->owner_controller_type ? s->owner_controller_type : "";
	const struct kube_owner o = {
		.api_version = (char *)(strcmp(kind, "StatefulSet") == 0 ? "apps/v1" : OWNER_KUBEVIRT),
		.kind = (char *)kind,
		.name = s->owner_controller_name,
	};

	return owner_hold_of(&o, c->ns, c->pod, x->stateful_set, x->kubevirt, ret, e);
}

static bool is_theirs(const struct block_rec *r, const struct claimed *c, const struct owner_hold *h)
{
	if (h->ref && r->hold == h->hold && strcmp(r->ref, h->ref) == 0)
		return true;
	return c->uid[0] && strcmp(r->uid, c->uid) == 0 && strcmp(r->ns, c->ns) == 0 &&
	       strcmp(r->pod, c->pod) == 0;
}

static void tell(const struct batch *b, const struct claimed *c, const struct block_rec *r, bool both)
{
	char text[IP_TEXT_MAX], line[ERR_MSG_MAX];

	if (!b->x->told)
		return;
	snprintf(
		line, sizeof(line),
		"address %s: pool %.253s had it for pod %.253s/%.253s (UID %.64s), %s %.253s/%.253s (UID %.64s); "
		"%s",
		ip_format(c->addr, text), b->pool->obj.meta.name, c->ns, c->pod, c->uid,
		both ? "and the older Spiderpool also for" : "but it is held by", r->ns, r->pod, r->uid,
		both ? "it is in quarantine until \"spiderpoolctl ip release\"; delete both pods"
		     : "that stays, delete one of the two pods");
	b->x->told(line, b->x->arg);
}

/* An address claimed twice is never freed by itself. */
static void clash(struct txn *t, struct batch *b, const struct claimed *c, struct txn_block *blk,
		  struct block_rec *r)
{
	bool made = strcmp(r->request, MADE) == 0 && !block_rec_has_holder(r);

	b->count.refused++;
	if (made && r->hold == HOLD_QUARANTINE)
		return;
	tell(b, c, r, made);
	if (!made)
		return;
	block_rec_init(r);
	r->hold = HOLD_QUARANTINE;
	r->since = t->now;
	r->request = MADE;
	blk->dirty = true;
}

static int make(struct txn *t, const struct batch *b, const struct claimed *c, const struct txn_endpoint *ep,
		const struct owner_hold *h, struct block_rec *r, struct err *e)
{
	const struct api_endpoint_ip *entry = entry_of(ep, c->addr);
	const struct api_endpoint_current *now = &ep->ep.status.current;

	block_rec_init(r);
	r->hold = h->hold;
	r->since = t->now;
	r->request = MADE;
	r->pool = txn_str(t, b->pool->obj.meta.name, e);
	r->ns = txn_str(t, c->ns, e);
	r->pod = txn_str(t, c->pod, e);
	r->uid = txn_str(t, c->uid, e);
	r->ref = txn_str(t, h->ref, e);
	r->nic = txn_str(t, entry && entry->interface ? entry->interface : "", e);
	r->node = txn_str(t, entry && now->node ? now->node : "", e);
	return r->pool && r->ns && r->pod && r->uid && r->ref && r->nic && r->node ? 0 : -ENOMEM;
}

/* By this label the agent of its node finds the endpoint. */
static int label(struct txn_endpoint *ep, struct ip addr, struct err *e)
{
	const char *node = ep->ep.status.current.node;
	struct json_map *labels = &ep->ep.obj.meta.labels;
	char value[API_LABEL_MAX];

	if (!node || !*node || !entry_of(ep, addr) || json_map_get(labels, ENDPOINT_LABEL_NODE))
		return 0;
	ep->dirty = true;
	return json_map_set(labels, ENDPOINT_LABEL_NODE, api_label_value(node, value), e);
}

static int take(struct txn *t, struct batch *b, const struct claimed *c, struct err *e)
{
	CLEANUP(owner_hold_clear) struct owner_hold h = { 0 };
	struct txn_endpoint *ep;
	struct txn_block *blk;
	struct block_rec *rec;
	int r = endpoint_get(t, c->ns, c->pod, &ep, e);

	if (r == 0)
		r = hold_of(b->x, c, ep, &h, e);
	if (r == 0)
		r = label(ep, c->addr, e);
	if (r == 0)
		r = txn_record(t, c->addr, &blk, &rec, e);
	if (r < 0)
		return r;
	if (is_theirs(rec, c, &h)) {
		b->count.known++;
		return 0;
	}
	if (block_rec_held(rec, t->now)) {
		clash(t, b, c, blk, rec);
		return 0;
	}
	b->count.taken++;
	blk->dirty = true;
	return make(t, b, c, ep, &h, rec, e);
}

static int batch_body(struct txn *t, void *arg, struct err *e)
{
	struct batch *b = arg;
	int r = 0;

	b->count = (struct takeover){ 0 };
	for (size_t i = 0; r == 0 && i < b->n; i++)
		r = take(t, b, &b->v[i], e);
	return r;
}

int ipam_takeover(struct ipam *m, const struct api_ippool *p, struct takeover *x, struct err *e)
{
	CLEANUP(claims_clear) struct claims all = { 0 };
	int r = takeover_due(p) ? read_claims(p->status.allocated_ips, &all, e) : 0;

	for (size_t i = 0; r == 0 && i < all.n; i += BATCH) {
		struct batch b = {
			.pool = p, .v = &all.v[i], .n = all.n - i < BATCH ? all.n - i : BATCH, .x = x
		};

		r = txn_run(m, STORE_WRITE, batch_body, &b, e);
		x->taken += b.count.taken;
		x->known += b.count.known;
		x->refused += b.count.refused;
	}
	return r < 0 ? err_wrap(e, "SpiderIPPool %s", p->obj.meta.name) : 0;
}
