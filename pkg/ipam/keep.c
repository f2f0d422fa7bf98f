/* SPDX-License-Identifier: Apache-2.0 */
/* keep.c - addresses that are already this pod's */
#include "ipam/keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"

static bool keeps(const struct ipam_request *req)
{
	return req->hold == HOLD_STS || req->hold == HOLD_VM;
}

static bool pinned_for(const struct block_rec *r, const struct ipam_request *req)
{
	size_t ns = strlen(req->ns);

	if (keeps(req) && r->hold == req->hold)
		return strcmp(r->ref, req->hold_ref) == 0;
	return r->hold == HOLD_PIN && strncmp(r->ref, req->ns, ns) == 0 && r->ref[ns] == '/' &&
	       strcmp(r->ref + ns + 1, req->pod) == 0;
}

static bool same_pod(const struct block_rec *r, const struct ipam_request *req)
{
	return req->uid[0] && strcmp(r->uid, req->uid) == 0 && strcmp(r->ns, req->ns) == 0 &&
	       strcmp(r->pod, req->pod) == 0 && r->hold != HOLD_FREE && r->hold != HOLD_QUARANTINE;
}

/* A fixed address whose record is gone is this pod's as long as it is nobody's. */
static bool was_lost(const struct txn *t, const struct ipam_request *req, const struct txn_endpoint *ep,
		     const struct block_rec *r)
{
	return keeps(req) && !block_rec_held(r, t->now) && !endpoint_is_stale(t, ep, req->uid, req->hold);
}

/* One address that the endpoint names. */
struct named {
	const struct txn_endpoint *ep;
	const char *nic, *address, *pool;
};

static int look_at(struct txn *t, const struct ipam_request *req, const struct named *n, struct kept *k,
		   struct err *e)
{
	struct kept_address *a = &k->v[k->n];
	struct ip_prefix p;
	int r;

	if (!n->address)
		return 0;
	r = ip_prefix_parse(n->address, &p, e);
	if (r == 0)
		r = txn_record(t, p.ip, &a->block, &a->rec, e);
	if (r < 0)
		return err_wrap(e, "SpiderEndpoint %s/%s", req->ns, req->pod);
	a->addr = p.ip;
	a->pool = a->rec->pool;
	a->lost = was_lost(t, req, n->ep, a->rec);
	if (a->lost) {
		a->pool = n->pool ? n->pool : "";
		k->n++;
		return 0;
	}
	if (strcmp(a->rec->nic, n->nic) != 0)
		return 0;
	if (same_pod(a->rec, req))
		k->same_uid = true;
	else if (!pinned_for(a->rec, req))
		return 0;
	k->n++;
	return 0;
}

int kept_find(struct txn *t, const struct ipam_request *req, const char *nic, struct kept *ret, struct err *e)
{
	const struct api_endpoint_ip *entry;
	struct txn_endpoint *ep;
	int r = endpoint_of_request(t, req, &ep, e);

	*ret = (struct kept){ 0 };
	entry = r == 0 ? endpoint_find(ep, nic) : NULL;
	if (!entry)
		return r;
	r = look_at(t, req, &(struct named){ ep, nic, entry->ipv4, entry->ipv4_pool }, ret, e);
	if (r == 0)
		r = look_at(t, req, &(struct named){ ep, nic, entry->ipv6, entry->ipv6_pool }, ret, e);
	return r;
}

bool kept_lost(const struct kept *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].lost)
			return true;
	return false;
}

int kept_by_container(struct txn *t, const struct ipam_request *req, const char *nic, struct err *e)
{
	const struct api_endpoint_ip *entry;
	struct txn_endpoint *ep;
	int r = endpoint_of_request(t, req, &ep, e);

	entry = r == 0 ? endpoint_find(ep, nic) : NULL;
	for (int i = 0; entry && i < 2; i++) {
		const char *text = i ? entry->ipv6 : entry->ipv4;
		struct txn_block *b;
		struct block_rec *rec;
		struct ip_prefix p;

		if (!text)
			continue;
		r = ip_prefix_parse(text, &p, e);
		if (r == 0)
			r = txn_record(t, p.ip, &b, &rec, e);
		if (r < 0)
			return err_wrap(e, "SpiderEndpoint %s/%s", req->ns, req->pod);
		if (strcmp(rec->container, req->container) == 0 && strcmp(rec->nic, nic) == 0)
			return 1;
	}
	return r;
}

bool kept_waits_for(const struct block_rec *r, const struct ipam_request *req)
{
	return !block_rec_has_holder(r) && pinned_for(r, req) && strcmp(r->nic, req->nic) == 0;
}

const struct kept_address *kept_of(const struct kept *k, uint8_t ver)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i].addr.ver == ver)
			return &k->v[i];
	return NULL;
}

void kept_drop(struct txn *t, struct kept *k, uint8_t ver)
{
	for (size_t i = 0; i < k->n; i++) {
		if (k->v[i].addr.ver != ver)
			continue;
		if (!k->v[i].lost)
			release_record(t, k->v[i].block, k->v[i].rec);
		k->v[i] = k->v[--k->n];
		return;
	}
}

int kept_drop_others(struct txn *t, const struct ipam_request *req, const struct plan *p, struct err *e)
{
	struct txn_endpoint *ep;
	size_t i = 0;
	int r = keeps(req) ? endpoint_of_request(t, req, &ep, e) : 1;

	while (r == 0 && ep && i < ep->ep.status.current.ips.n) {
		const char *nic = ep->ep.status.current.ips.v[i].interface;
		size_t before = ep->ep.status.current.ips.n;
		struct kept k = { 0 };

		if (nic && !plan_nic_find(p, nic))
			r = kept_find(t, req, nic, &k, e);
		for (size_t n = 0; r == 0 && n < k.n; n++) {
			if (block_rec_has_holder(k.v[n].rec))
				continue;
			if (!k.v[n].lost)
				release_record(t, k.v[n].block, k.v[n].rec);
			endpoint_forget(ep, nic, k.v[n].addr);
		}
		if (ep->ep.status.current.ips.n == before)
			i++;
	}
	return r < 0 ? r : 0;
}

/* Made by its own ADD, or claimed ahead by another NIC's. */
int kept_former(struct txn *t, const struct kept *k, struct stored_attachment *ret, struct err *e)
{
	const struct block_rec *rec = NULL;
	int r;

	for (size_t i = 0; i < k->n && !rec; i++)
		if (block_rec_has_holder(k->v[i].rec))
			rec = k->v[i].rec;
	if (!rec)
		return 0;
	r = stored_get(t, rec->network, rec->container, rec->nic, ret, e);
	return r ? r : stored_get(t, "", rec->container, rec->nic, ret, e);
}

/* An address that cannot be read is none of them. */
static bool is_kept(const struct kept *k, const struct ipam_attachment *a, size_t i)
{
	struct ip_prefix p;
	struct err e;

	if (ipam_attachment_ip(a, i, &p, &e) < 0)
		return false;
	for (size_t n = 0; n < k->n; n++)
		if (ip_equal(k->v[n].addr, p.ip))
			return true;
	return false;
}

bool kept_whole(const struct kept *k, const struct ipam_attachment *former)
{
	for (size_t i = 0; i < former->ips.n; i++)
		if (former->ips.v[i].released || !is_kept(k, former, i))
			return false;
	return former->ips.n == k->n;
}

/* The records of a claim ahead get the new container as their holder. */
static int rehold_records(struct txn *t, const struct ipam_request *req, const struct ipam_attachment *a,
			  struct err *e)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct txn_block *b;
		struct block_rec *rec;
		struct ip_prefix p;
		int r = ipam_attachment_ip(a, i, &p, e);

		if (r == 0)
			r = txn_record(t, p.ip, &b, &rec, e);
		if (r == 0 && strcmp(rec->container, a->container) == 0)
			r = claim_holder(t, req, b, rec, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int kept_move_ahead(struct txn *t, const struct ipam_request *req, const char *container, const char *nic,
		    struct json_strv *ahead, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, "", container, nic, &s, e);

	if (r <= 0)
		return r;
	r = rehold_records(t, req, &s.a, e);
	if (r == 0)
		r = txn_delete(t, STORE_ATTACHMENT, s.key.ns, s.key.name, s.version, e);
	if (r == 0)
		r = claim_rehold(&s.a, req, e);
	free(s.a.claimed_by);
	s.a.claimed_by = strdup(req->nic);
	s.a.since = t->now;
	if (r == 0 && !s.a.claimed_by)
		r = err_nomem(e);
	if (r == 0)
		r = json_strv_add(ahead, nic, e);
	return r < 0 ? r : claim_put(t, "", &s.a, 0, e);
}

static int refuse_alive(const struct ipam *m, const struct ipam_request *req, const struct ipam_attachment *a,
			struct err *e)
{
	if (!m->alive || !m->alive(a, m->alive_arg))
		return 0;
	return err_code(e, ERR_TRY_AGAIN, EBUSY,
			"the address kept for pod %s/%s, NIC %s, is still held by its former sandbox %s, "
			"whose network "
			"namespace %s exists; it follows when that is gone",
			req->ns, req->pod, a->nic, a->container, a->netns_path ? a->netns_path : "");
}

/* What the pod's endpoint does not name nobody would find again, also if it were kept. */
static int free_others(struct txn *t, const struct kept *k, const struct ipam_attachment *a, struct err *e)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct txn_block *b;
		struct block_rec *rec;
		struct ip_prefix p;
		int r;

		if (is_kept(k, a, i))
			continue;
		r = ipam_attachment_ip(a, i, &p, e);
		if (r == 0)
			r = txn_record(t, p.ip, &b, &rec, e);
		if (r < 0)
			return r;
		if (strcmp(rec->container, a->container) == 0 && strcmp(rec->nic, a->nic) == 0)
			release_record(t, b, rec);
	}
	return 0;
}

int kept_take_over(struct txn *t, const struct ipam_request *req, const struct plan *p, const struct kept *k,
		   struct json_strv *ahead, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = kept_former(t, k, &s, e);

	if (r <= 0)
		return r;
	r = k->same_uid ? 0 : refuse_alive(t->m, req, &s.a, e);
	for (size_t i = 0; r == 0 && i < s.a.ahead.n; i++)
		if (!p || !plan_nic_find(p, s.a.ahead.v[i]))
			r = kept_move_ahead(t, req, s.a.container, s.a.ahead.v[i], ahead, e);
	if (r == 0)
		r = free_others(t, k, &s.a, e);
	return r < 0 ? r : txn_delete(t, STORE_ATTACHMENT, s.key.ns, s.key.name, s.version, e);
}
