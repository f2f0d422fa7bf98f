/* SPDX-License-Identifier: Apache-2.0 */
/* mend.c - what fsck found is made whole: the missing half anew from the one that is there */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/fsck_impl.h"

struct mend {
	const struct finding *f;
	bool mended;
};

/* A request as the record's holder would make it. */
static struct ipam_request request_of(const struct block_rec *r)
{
	return (struct ipam_request){
		.network = r->network,
		.container = r->container,
		.nic = r->nic,
		.netns_path = "",
		.netns_id = r->netns,
		.node = r->node,
		.boot = r->boot,
		.ns = r->ns,
		.pod = r->pod,
		.uid = r->uid,
		.mac = r->mac,
		.hold = r->hold,
		.hold_ref = r->ref,
		.endpoint = r->hold == HOLD_VM ? endpoint_record_name(r) : NULL,
	};
}

/* Prefix length, gateway and routes come from the pool, if that still exists. */
static int add_from_pool(struct txn *t, const struct block_rec *r, struct ip addr, struct ipam_attachment *a,
			 struct err *e)
{
	struct plan_nic nic = { 0 };
	struct plan_pool p = { .name = (char *)r->pool };
	struct store_obj o;
	int x = store_get(t->m->st, STORE_IPPOOL, "", r->pool, &o, e);

	if (x > 0)
		x = api_decode_text(API_IPPOOL, o.data, o.len, r->pool, &p.obj, e);
	p.subnet.len = ip_bits(addr.ver);
	if (x == 0 && p.obj.spec.range.subnet)
		x = ip_prefix_parse(p.obj.spec.range.subnet, &p.subnet, e);
	if (x == 0)
		x = claim_add_address(a, &nic, &p, addr, false, e);
	api_clear(API_IPPOOL, &p.obj);
	return x;
}

static int mend_attachment(struct txn *t, struct mend *m, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	struct ipam_request req;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, m->f->addr, &b, &rec, e);

	if (r < 0 || !block_rec_has_holder(rec))
		return r < 0 ? r : 1;
	req = request_of(rec);
	r = fsck_attachment_of(t, rec, &s, e);
	if (r > 0 && fsck_names(&s.a, m->f->addr)) {
		m->mended = true; /* it changed hands, and is in order */
		return 1;
	}
	if (r == 0)
		r = claim_init(&s.a, &req, rec->nic, rec->since, e);
	if (r < 0)
		return r;
	r = add_from_pool(t, rec, m->f->addr, &s.a, e);
	if (r == 0)
		r = claim_put(t, s.a.claimed_by ? "" : rec->network, &s.a, s.version, e);
	m->mended = r == 0;
	return r;
}

/* 1: the text of an entry is an address that the record's pod holds, too. */
static int pod_has(struct txn *t, const struct block_rec *rec, const char *text, struct ip *ret,
		   struct block_rec **ret_rec, struct err *e)
{
	struct txn_block *b;
	struct ip_prefix p;
	struct err unreadable;
	int r;

	if (!text || ip_prefix_parse(text, &p, &unreadable) < 0)
		return 0;
	*ret = p.ip;
	r = txn_record(t, p.ip, &b, ret_rec, e);
	return r < 0 ? r : fsck_pod_holds(t, *ret_rec, rec->ns, endpoint_record_name(rec));
}

static int mend_endpoint(struct txn *t, struct mend *m, struct err *e)
{
	struct ipam_attachment a = { 0 };
	struct ipam_request req;
	struct txn_endpoint *ep;
	struct txn_block *b;
	struct block_rec *rec, *other;
	struct ip addr;
	const struct api_endpoint_ip *entry;
	bool v4 = m->f->addr.ver == 4;
	int r = txn_record(t, m->f->addr, &b, &rec, e);

	if (r == 0)
		r = endpoint_of_record(t, rec, &ep, e);
	if (r < 0 || !fsck_keeps(rec) || !ep)
		return r < 0 ? r : 1;
	entry = endpoint_find(ep, rec->nic);
	r = entry ? pod_has(t, rec, v4 ? entry->ipv4 : entry->ipv6, &addr, &other, e) : 0;
	if (r)
		return r; /* which of the two it is to keep only the operator can tell */
	req = request_of(rec);
	r = claim_init(&a, &req, rec->nic, rec->since, e);
	if (r == 0)
		r = add_from_pool(t, rec, m->f->addr, &a, e);
	if (r == 0 && entry)
		r = pod_has(t, rec, v4 ? entry->ipv6 : entry->ipv4, &addr, &other, e);
	if (r > 0) /* the other family stays */
		r = add_from_pool(t, other, addr, &a, e);
	if (r == 0)
		r = endpoint_set(t, &a, false, e);
	ipam_attachment_clear(&a);
	m->mended = r == 0;
	return r;
}

/* The address is free, or waits for this very pod: it becomes the attachment's again. Somebody else's, in
 * quarantine, kept for another pod: told, and left to the operator. */
static int mend_record(struct txn *t, struct mend *m, struct err *e)
{
	struct ipam_attachment a;
	struct ipam_request req;
	struct txn_block *b;
	struct block_rec *rec;
	struct store_obj o;
	bool waits;
	int r = store_get(t->m->st, STORE_ATTACHMENT, m->f->key.ns, m->f->key.name, &o, e);

	if (r <= 0)
		return r < 0 ? r : 1;
	r = txn_record(t, m->f->addr, &b, &rec, e);
	if (r == 0)
		r = ipam_attachment_decode(&o, &a, e);
	if (r < 0)
		return r;
	req = claim_request_of(&a);
	waits = kept_waits_for(rec, &req);
	if (block_rec_held(rec, t->now) && !waits) {
		ipam_attachment_clear(&a);
		return 1;
	}
	for (size_t i = 0; r == 0 && i < a.ips.n; i++) {
		struct ip_prefix p;

		r = ipam_attachment_ip(&a, i, &p, e);
		if (r == 0 && ip_equal(p.ip, m->f->addr)) {
			r = waits ? claim_holder(t, &req, b, rec, e)
				  : claim_record(t, &req, req.nic, a.ips.v[i].pool, b, rec, e);
			m->mended = r == 0;
		}
	}
	ipam_attachment_clear(&a);
	return r;
}

static int mend_false_entry(struct txn *t, struct mend *m, struct err *e)
{
	struct txn_endpoint *ep;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, m->f->addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (fsck_pod_holds(t, rec, m->f->key.ns, m->f->key.name)) {
		m->mended = true; /* with the record, a moment ago */
		return 1;
	}
	r = endpoint_get(t, m->f->key.ns, m->f->key.name, &ep, e);
	for (size_t i = 0; r == 0 && ep && i < ep->ep.status.current.ips.n; i++) {
		const char *nic = ep->ep.status.current.ips.v[i].interface;

		if (!endpoint_names(ep, nic, m->f->addr))
			continue;
		endpoint_forget(ep, nic, m->f->addr);
		m->mended = true;
		break;
	}
	return r;
}

static int mend_body(struct txn *t, void *arg, struct err *e)
{
	struct mend *m = arg;

	m->mended = false;
	switch (m->f->kind) {
	case RECORD_WITHOUT_ATTACHMENT:
		return mend_attachment(t, m, e);
	case PIN_WITHOUT_ENDPOINT:
		return mend_endpoint(t, m, e);
	case ATTACHMENT_WITHOUT_RECORD:
		return mend_record(t, m, e);
	default:
		return mend_false_entry(t, m, e);
	}
}

int fsck_mend(struct ipam *m, const struct finding *f, bool *ret_mended, struct err *e)
{
	struct mend x = { .f = f };
	int r = txn_run(m, STORE_WRITE, mend_body, &x, e);

	*ret_mended = r == 0 && x.mended;
	return r;
}
