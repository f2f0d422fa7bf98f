/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c - writing down who has an address */
#include "ipam/claim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/takeover.h"

/* ---- records ---- */

int claim_holder(struct txn *t, const struct ipam_request *req, struct txn_block *b, struct block_rec *r,
		 struct err *e)
{
	const struct {
		const char **to;
		const char *from;
	} strings[] = {
		{ &r->network, req->network }, { &r->ns, req->ns },     { &r->pod, req->pod },
		{ &r->uid, req->uid },         { &r->node, req->node }, { &r->container, req->container },
		{ &r->boot, req->boot },       { &r->mac, req->mac },   { &r->netns, req->netns_id },
	};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
		*strings[i].to = txn_str(t, strings[i].from, e);
		if (!*strings[i].to)
			return -ENOMEM;
	}
	r->since = t->now;
	r->unconfirmed = false;
	b->dirty = true;
	return 0;
}

int claim_record(struct txn *t, const struct ipam_request *req, const char *nic, const char *pool,
		 struct txn_block *b, struct block_rec *r, struct err *e)
{
	char ref[2 * STORE_NAME_MAX + 2];

	block_rec_init(r);
	r->hold = HOLD_POD;
	if (req->hold == HOLD_STS || req->hold == HOLD_VM) {
		r->hold = req->hold;
		r->ref = txn_str(t, req->hold_ref, e);
	} else if (t->m->conf.keep_by_pod_name && req->ns[0] && req->pod[0]) {
		r->hold = HOLD_PIN;
		snprintf(ref, sizeof(ref), "%s/%s", req->ns, req->pod);
		r->ref = txn_str(t, ref, e);
	}
	r->pool = txn_str(t, pool, e);
	r->nic = txn_str(t, nic, e);
	if (!r->pool || !r->nic || !r->ref)
		return -ENOMEM;
	return claim_holder(t, req, b, r, e);
}

/* ---- attachments ---- */

static int set_str(char **to, const char *s, struct err *e)
{
	free(*to);
	*to = NULL;
	if (!s || !s[0])
		return 0;
	*to = strdup(s);
	return *to ? 0 : err_nomem(e);
}

struct ipam_request claim_request_of(const struct ipam_attachment *a)
{
#define TEXT(s) ((s) ? (s) : "")
	return (struct ipam_request){
		.network = a->network,
		.container = a->container,
		.nic = a->nic,
		.netns_path = TEXT(a->netns_path),
		.netns_id = TEXT(a->netns),
		.netns_dir = TEXT(a->netns_dir),
		.node = TEXT(a->node),
		.boot = TEXT(a->boot),
		.ns = TEXT(a->ns),
		.pod = TEXT(a->pod),
		.uid = TEXT(a->uid),
		.mac = TEXT(a->mac),
		.hold = ipam_attachment_hold(a),
		.hold_ref = a->hold_ref,
		.owner = { .kind = TEXT(a->owner_kind), .name = TEXT(a->owner_name) },
		.endpoint = a->endpoint,
	};
}

int claim_rehold(struct ipam_attachment *a, const struct ipam_request *req, struct err *e)
{
	bool keeps = req->hold == HOLD_STS || req->hold == HOLD_VM;
	const struct {
		char **to;
		const char *from;
	} strings[] = {
		{ &a->container, req->container },
		{ &a->netns, req->netns_id },
		{ &a->netns_path, req->netns_path },
		{ &a->netns_dir, req->netns_dir },
		{ &a->node, req->node },
		{ &a->boot, req->boot },
		{ &a->ns, req->ns },
		{ &a->pod, req->pod },
		{ &a->uid, req->uid },
		{ &a->hold, keeps ? hold_name(req->hold) : NULL },
		{ &a->hold_ref, keeps ? req->hold_ref : NULL },
		{ &a->owner_kind, req->owner.kind },
		{ &a->owner_name, req->owner.name },
		{ &a->endpoint, req->endpoint },
	};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		if (set_str(strings[i].to, strings[i].from, e) < 0)
			return -ENOMEM;
	return 0;
}

int claim_init(struct ipam_attachment *a, const struct ipam_request *req, const char *nic, int64_t now,
	       struct err *e)
{
	*a = (struct ipam_attachment){ .since = now };
	if (set_str(&a->nic, nic, e) < 0 || set_str(&a->network, req->network, e) < 0)
		return -ENOMEM;
	if (strcmp(nic, req->nic) == 0 && set_str(&a->mac, req->mac, e) < 0)
		return -ENOMEM;
	return claim_rehold(a, req, e);
}

int claim_put(struct txn *t, const char *network, const struct ipam_attachment *a, uint64_t version,
	      struct err *e)
{
	struct buf value = BUF_INIT(STORE_VALUE_MAX);
	struct ipam_key key;
	int r;

	ipam_attachment_key(network, a->container, a->nic, &key);
	r = json_encode_text(&ipam_attachment_table, a, &value, e);
	if (r == 0)
		r = txn_put(t, STORE_ATTACHMENT, key.ns, key.name, version, &value, e);
	buf_clear(&value);
	return r;
}

static bool has_route(const struct ipam_attachment *a, const char *dst, const char *gw)
{
	for (size_t i = 0; i < a->routes.n; i++)
		if (strcmp(a->routes.v[i].dst, dst) == 0 && strcmp(a->routes.v[i].gw, gw) == 0)
			return true;
	return false;
}

/* As the kernel takes them: no bits behind the prefix, none twice. */
int claim_add_route(struct ipam_attachment *a, const char *dst, const char *gw, struct err *e)
{
	char dst_text[IP_TEXT_MAX], gw_text[IP_TEXT_MAX];
	struct api_route *v;
	struct api_route *rt;
	struct ip_prefix to;
	struct ip via;

	if (!dst || !gw)
		return err_code(e, ERR_CONFIG, EINVAL, "a route of NIC %s has no %s", a->nic,
				dst ? "gw" : "dst");
	if (ip_prefix_parse(dst, &to, e) < 0 || ip_parse(gw, &via, e) < 0)
		return err_wrap(e, "a route of NIC %s", a->nic);
	dst = ip_prefix_format(ip_prefix_network(to), dst_text);
	gw = ip_format(via, gw_text);
	if (has_route(a, dst, gw))
		return 0;
	v = realloc(a->routes.v, (a->routes.n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	a->routes.v = v;
	a->routes.set = true;
	rt = &v[a->routes.n++];
	*rt = (struct api_route){ strdup(dst), strdup(gw) };
	return rt->dst && rt->gw ? 0 : err_nomem(e);
}

static int add_address(struct ipam_attachment *a, const struct plan_pool *pool, struct ip addr, bool probe,
		       struct err *e)
{
	const struct api_range_spec *s = &pool->obj.spec.range;
	struct ipam_address *v = realloc(a->ips.v, (a->ips.n + 1) * sizeof(*v));
	char text[IP_TEXT_MAX];

	if (!v)
		return err_nomem(e);
	a->ips.v = v;
	a->ips.set = true;
	v = &v[a->ips.n++];
	*v = (struct ipam_address){ .probe = probe };
	ip_prefix_format((struct ip_prefix){ addr, pool->subnet.len }, text);
	v->address = strdup(text);
	v->pool = strdup(pool->name);
	if (!v->address || !v->pool)
		return err_nomem(e);
	return set_str(&v->gateway, s->gateway, e);
}

/* The pool's own routes, then the default route through its gateway (spec/ipam.md 3.2 step 14). */
static int add_pool_routes(struct ipam_attachment *a, const struct plan_nic *nic,
			   const struct plan_pool *pool, uint8_t ver, struct err *e)
{
	const struct api_range_spec *s = &pool->obj.spec.range;

	for (size_t i = 0; i < s->routes.n; i++) {
		int r = claim_add_route(a, s->routes.v[i].dst, s->routes.v[i].gw, e);

		if (r < 0)
			return r;
	}
	if (!s->gateway || !s->gateway[0] || nic->clean_gateway)
		return 0;
	return claim_add_route(a, ver == 4 ? "0.0.0.0/0" : "::/0", s->gateway, e);
}

int claim_add_address(struct ipam_attachment *a, const struct plan_nic *nic, const struct plan_pool *pool,
		      struct ip addr, bool probe, struct err *e)
{
	int r = add_address(a, pool, addr, probe, e);

	return r < 0 ? r : add_pool_routes(a, nic, pool, addr.ver, e);
}

static int give(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
		const struct plan_pool *pool, const struct pick *p, struct ipam_attachment *a, struct err *e)
{
	int r = claim_record(t, req, nic->nic, pool->name, p->block, p->rec, e);

	return r < 0 ? r : claim_add_address(a, nic, pool, p->addr, p->probe || t->probe_all, e);
}

/* ---- choosing ---- */

static const struct ip *requested_of(const struct ipam_request *req, const char *nic, uint8_t ver)
{
	for (size_t i = 0; strcmp(nic, req->nic) == 0 && i < req->n_requested; i++)
		if (req->requested[i].ver == ver)
			return &req->requested[i];
	return NULL;
}

static int taken_by(const struct block_rec *r, const char *addr, struct err *e)
{
	char when[CLOCK_TEXT_MAX];

	clock_format(r->since, when);
	if (r->hold == HOLD_QUARANTINE)
		return err_code(e, ERR_TRY_AGAIN, EBUSY,
				"requested address %s is in quarantine since %s: %s was seen using it; when "
				"that is over, "
				"\"spiderpoolctl ip release %s\" ends it",
				addr, when, r->mac[0] ? r->mac : "somebody else", addr);
	return err_code(
		e, ERR_TRY_AGAIN, EBUSY,
		"requested address %s is held by pod %s%s%s (container %s, NIC %s, network %s) since %s",
		addr, r->ns, r->ns[0] ? "/" : "", r->pod[0] ? r->pod : "-",
		r->container[0] ? r->container : "-", r->nic, r->network, when);
}

static int give_requested(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
			  const struct plan_family *f, struct ip addr, struct ipam_attachment *a,
			  struct err *e)
{
	const struct block_rec *taken = NULL;
	char text[IP_TEXT_MAX];

	ip_format(addr, text);
	for (size_t i = 0; i < f->n && !f->pools[i].refusal; i++) {
		struct pick p;
		int r = pick_this(t, &f->pools[i], addr, &p, e);

		if (r < 0)
			return r;
		if (r > 0)
			return give(t, req, nic, &f->pools[i], &p, a, e);
		if (p.rec)
			taken = p.rec;
	}
	if (taken)
		return taken_by(taken, text, e);
	return err_code(e, ERR_CONFIG, EINVAL,
			"requested address %s is handed out by none of the pools that NIC %s may use: it is "
			"not in their "
			"ips, or excluded, or reserved",
			text, nic->nic);
}

/* Every pool with the reason why it did not serve. */
int claim_nothing_left(const struct plan_nic *nic, const struct plan_family *f, struct err *e)
{
	struct buf b = BUF_INIT(ERR_MSG_MAX);
	bool full = f->n && !f->pools[0].refusal, due = false;

	buf_fmt(&b, "%s: NIC %s, IPv%u", full ? "all IP addresses used out" : "no IPPool available", nic->nic,
		f->ver);
	for (size_t i = 0; i < f->n; i++) {
		const struct plan_pool *p = &f->pools[i];

		if (p->refusal)
			buf_fmt(&b, "; pool %s: %s", p->name, p->refusal);
		else
			buf_fmt(&b, "; pool %s: all %lld addresses are taken", p->name,
				(long long)ip_set_count(&p->eligible));
		due = due || takeover_due(&p->obj);
	}
	err_code(e, full || due ? ERR_TRY_AGAIN : ERR_CONFIG,
		 due    ? EAGAIN
		 : full ? ENOSPC
			: ENOENT,
		 "%s", buf_cstr(&b));
	buf_clear(&b);
	return -e->sys;
}

/* Was it decided by what may be old? Then all of it is read anew. */
static int look_again(struct txn *t, const struct plan_family *f, struct err *e)
{
	for (size_t i = 0; i < f->n && !f->pools[i].refusal; i++) {
		int r = store_doubt(t->m->st, f->ver, &f->pools[i].eligible, e);

		if (r < 0)
			return r;
		t->again |= r > 0;
	}
	return t->again ? err_code(e, ERR_TRY_AGAIN, ESTALE, "the pools of NIC were read anew") : 0;
}

static int claim_family(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
			const struct plan_family *f, struct ipam_attachment *a, struct err *e)
{
	int r;

	for (size_t i = 0; i < f->n && !f->pools[i].refusal; i++) {
		struct pick p;

		r = pick_any(t, &f->pools[i], &p, e);
		if (r < 0)
			return r;
		if (r > 0)
			return give(t, req, nic, &f->pools[i], &p, a, e);
	}
	r = look_again(t, f, e);
	return r < 0 ? r : claim_nothing_left(nic, f, e);
}

/* A kept address is used again unless another was asked for, or its pool would not give it to this pod today.
 * A StatefulSet's and a VM's stays as long as the pod asks for its pool, whatever became of that. */
static bool kept_fits(const struct kept_address *k, const struct plan_family *f, const struct ip *requested,
		      const struct plan_pool **ret)
{
	const struct plan_pool *p = plan_find(f, k->pool);
	bool fixed = k->rec->hold == HOLD_STS || k->rec->hold == HOLD_VM;

	*ret = p;
	if (!p || (requested && !ip_equal(*requested, k->addr)))
		return false;
	if (fixed)
		return p->subnet.ip.ver && ip_prefix_contains(p->subnet, k->addr);
	return !p->refusal && ip_set_has(&p->eligible, k->addr.n);
}

static int give_kept(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
		     const struct plan_pool *pool, const struct kept_address *k, struct ipam_attachment *a,
		     struct err *e)
{
	bool doubt = k->rec->unconfirmed; /* the pod's former container may have it on */
	int r = k->lost ? claim_record(t, req, nic->nic, pool->name, k->block, k->rec, e)
			: claim_holder(t, req, k->block, k->rec, e);

	if (r == 0)
		r = claim_add_address(a, nic, pool, k->addr, t->probe_all || doubt, e);
	if (r == 0)
		a->ips.v[a->ips.n - 1].kept = true;
	return r;
}

static int serve_family(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
			const struct plan_family *f, struct kept *kept, struct ipam_attachment *a,
			struct err *e)
{
	const struct ip *requested = requested_of(req, nic->nic, f->ver);
	const struct kept_address *k = kept_of(kept, f->ver);
	const struct plan_pool *pool;

	if (k && kept_fits(k, f, requested, &pool))
		return give_kept(t, req, nic, pool, k, a, e);
	if (k)
		kept_drop(t, kept, f->ver);
	return requested ? give_requested(t, req, nic, f, *requested, a, e)
			 : claim_family(t, req, nic, f, a, e);
}

int claim_nic(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic, struct kept *kept,
	      struct ipam_attachment *a, struct err *e)
{
	for (uint8_t ver = 4; ver <= 6; ver = (uint8_t)(ver + 2)) {
		const struct ip *requested = requested_of(req, nic->nic, ver);

		if (plan_family_find(nic, ver))
			continue;
		kept_drop(t, kept, ver);
		if (requested)
			return err_code(e, ERR_CONFIG, EINVAL,
					"an IPv%u address is requested, but NIC %s gets no IPv%u", ver,
					nic->nic, ver);
	}
	for (size_t i = 0; i < nic->n_fam; i++) {
		int r = serve_family(t, req, nic, &nic->fam[i], kept, a, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Each route of the annotation goes to the first NIC that can reach its gateway. */
int claim_custom_routes(struct txn *t, const struct plan *p, struct ipam_attachment *list, size_t n,
			struct err *e)
{
	for (size_t k = 0; k < p->cand.routes.n; k++) {
		const struct api_route *rt = &p->cand.routes.v[k];
		char note[512];
		bool placed = false;
		struct ip gw;
		int r = ip_parse(rt->gw, &gw, e);

		for (size_t i = 0; r == 0 && i < n && !placed; i++) {
			for (size_t j = 0; r == 0 && j < list[i].ips.n && !placed; j++) {
				struct ip_prefix own;

				r = ipam_attachment_ip(&list[i], j, &own, e);
				placed = r == 0 && ip_prefix_contains(own, gw);
			}
			if (placed)
				r = claim_add_route(&list[i], rt->dst, rt->gw, e);
		}
		if (r < 0)
			return r;
		if (!placed && t->m->note) {
			snprintf(note, sizeof(note),
				 "annotation " ANNOTATION_ROUTES
				 ": gateway %.64s of the route to %.64s is in no "
				 "subnet of the NICs that are attached now; the route is left out",
				 rt->gw, rt->dst);
			t->m->note(note, t->m->note_arg);
		}
	}
	return 0;
}

/* The NIC has it and keeps it. */
static int carry_over(struct ipam_attachment *a, const struct plan_nic *nic, const struct plan_pool *pool,
		      struct ip addr, const struct ipam_address *old, struct err *e)
{
	int r = claim_add_address(a, nic, pool, addr, old->probe, e);

	if (r < 0)
		return r;
	a->ips.v[a->ips.n - 1].kept = old->kept;
	a->ips.v[a->ips.n - 1].released = old->released;
	return set_str(&a->ips.v[a->ips.n - 1].former_mac, old->former_mac, e);
}

int claim_replace(struct txn *t, const struct ipam_request *req, const struct plan_nic *nic,
		  const struct ipam_attachment *old, struct ip lost, struct ipam_attachment *a, struct err *e)
{
	for (size_t i = 0; i < old->ips.n; i++) {
		const struct plan_family *f;
		const struct plan_pool *pool;
		struct ip_prefix p;
		int r = ipam_attachment_ip(old, i, &p, e);

		f = r == 0 ? plan_family_find(nic, p.ip.ver) : NULL;
		pool = f ? plan_find(f, old->ips.v[i].pool) : NULL;
		if (r < 0)
			return r;
		if (f && ip_equal(p.ip, lost))
			r = claim_family(t, req, nic, f, a, e);
		else if (pool && !pool->refusal)
			r = carry_over(a, nic, pool, p.ip, &old->ips.v[i], e);
		else
			r = err_code(e, ERR_TRY_AGAIN, ESTALE,
				     "pool %s changed while its address %s was probed", old->ips.v[i].pool,
				     old->ips.v[i].address);
		if (r < 0)
			return r;
	}
	return 0;
}
