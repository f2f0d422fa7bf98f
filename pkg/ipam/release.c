/* SPDX-License-Identifier: Apache-2.0 */
/* release.c - giving back */
#include "ipam/release.h"

#include <string.h>

#include "ipam/endpoint.h"

void release_record(struct txn *t, struct txn_block *b, struct block_rec *r)
{
	block_rec_init(r);
	r->hold = HOLD_FREE;
	r->since = t->now;
	r->unconfirmed = t->unseen;
	b->dirty = true;
}

void release_holder(struct txn *t, struct txn_block *b, struct block_rec *r)
{
	if (r->hold == HOLD_POD || t->hold_dead) {
		release_record(t, b, r);
		return;
	}
	r->container = r->uid = r->boot = r->request = r->netns = r->mac = "";
	r->since = t->now;
	r->unconfirmed |= t->unseen;
	b->dirty = true;
}

int stored_get(struct txn *t, const char *network, const char *container, const char *nic,
	       struct stored_attachment *ret, struct err *e)
{
	struct store_obj o;
	int r;

	*ret = (struct stored_attachment){ 0 };
	ipam_attachment_key(network, container, nic, &ret->key);
	r = store_get(t->m->st, STORE_ATTACHMENT, ret->key.ns, ret->key.name, &o, e);
	if (r <= 0)
		return r;
	ret->version = o.version;
	r = ipam_attachment_decode(&o, &ret->a, e);
	return r < 0 ? r : 1;
}

void stored_clear(struct stored_attachment *s)
{
	ipam_attachment_clear(&s->a);
}

/* The pod's endpoint names no longer what nothing keeps for it. */
static int forget_entry(struct txn *t, const struct ipam_attachment *a, struct ip addr, struct err *e)
{
	struct txn_endpoint *ep;
	int r = endpoint_of(t, a, &ep, e);

	if (r == 0)
		endpoint_forget(ep, a->nic, addr);
	return r;
}

/* Is the address still what this pod's endpoint names, whatever container has it? */
static bool is_endpoints(const struct block_rec *r, const struct ipam_attachment *a)
{
	const char *name = a->endpoint ? a->endpoint : a->pod;

	return r->hold != HOLD_NONE && r->hold != HOLD_FREE && r->hold != HOLD_QUARANTINE && a->ns && name &&
	       strcmp(r->ns, a->ns) == 0 && strcmp(endpoint_record_name(r), name) == 0;
}

static int release_address(struct txn *t, const struct ipam_attachment *a, size_t i, struct err *e)
{
	struct ip_prefix p;
	struct txn_block *b;
	struct block_rec *rec;
	int r = ipam_attachment_ip(a, i, &p, e);

	if (r < 0 || a->ips.v[i].released)
		return r;
	r = txn_record(t, p.ip, &b, &rec, e);
	if (r < 0)
		return r;
	/* Not ours any more: another sandbox has it, or this call was cut off before it came to the endpoint.
	 */
	if (strcmp(rec->container, a->container) != 0 || strcmp(rec->nic, a->nic) != 0)
		return is_endpoints(rec, a) ? 0 : forget_entry(t, a, p.ip, e);
	release_holder(t, b, rec);
	return rec->hold == HOLD_FREE ? forget_entry(t, a, p.ip, e) : 0;
}

static int release_one(struct txn *t, const struct stored_attachment *s, struct err *e)
{
	for (size_t i = 0; i < s->a.ips.n; i++) {
		int r = release_address(t, &s->a, i, e);

		if (r < 0)
			return r;
	}
	return txn_delete(t, STORE_ATTACHMENT, s->key.ns, s->key.name, s->version, e);
}

int release_ahead(struct txn *t, const struct stored_attachment *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->a.ahead.n; i++) {
		struct stored_attachment ahead;

		r = stored_get(t, "", s->a.container, s->a.ahead.v[i], &ahead, e);
		if (r > 0)
			r = release_one(t, &ahead, e);
		stored_clear(&ahead);
	}
	return r;
}

int release_attachment(struct txn *t, const struct stored_attachment *s, struct err *e)
{
	int r = release_one(t, s, e);

	return r < 0 ? r : release_ahead(t, s, e);
}
