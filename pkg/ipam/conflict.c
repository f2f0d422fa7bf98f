/* SPDX-License-Identifier: Apache-2.0 */
/* conflict.c - somebody else uses an address of ours: quarantine, and another one in its place */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/meta.h"
#include "ipam/release.h"

/* Beyond a tenth of a pool within an hour it is not strangers on the wire but something that answers for all.
 */
#define CONFLICTS_MIN 3

struct conflict {
	const struct ipam_request *req;
	struct ipam_attachment *a;
	struct ip addr;
	const char *mac;
	bool none_left; /* the quarantine stands, there is no other address */
	struct err why;
};

static int limit(struct txn *t, const struct plan_pool *pool, struct err *e)
{
	int64_t most = ip_set_count(&pool->eligible) / 10;
	unsigned seen;
	int r = meta_conflicts_count(t, pool->name, &seen, e);

	if (r < 0)
		return r;
	if (most < CONFLICTS_MIN)
		most = CONFLICTS_MIN;
	if (seen < (uint64_t)most)
		return 0;
	return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
			"%u addresses of pool %s went into quarantine within an hour; look for a proxy ARP "
			"router or a host "
			"with a wrong netmask on this network, then \"spiderpoolctl ip release\" them",
			seen, pool->name);
}

static int quarantine(struct txn *t, const struct conflict *c, const char *pool, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	char text[IP_TEXT_MAX];
	int r = txn_record(t, c->addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (strcmp(rec->container, c->req->container) != 0 || strcmp(rec->nic, c->req->nic) != 0)
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "address %s is no longer this container's",
				ip_format(c->addr, text));
	block_rec_init(rec);
	rec->hold = HOLD_QUARANTINE;
	rec->since = t->now;
	rec->until = t->now + t->m->conf.quarantine_ms;
	rec->mac = txn_str(t, c->mac, e);
	rec->pool = txn_str(t, pool, e);
	rec->network = txn_str(t, c->req->network, e);
	rec->request = txn_str(t, c->req->container, e); /* who may undo it */
	b->dirty = true;
	return rec->mac && rec->pool && rec->network && rec->request ? 0 : -ENOMEM;
}

static const char *pool_of(const struct ipam_attachment *a, struct ip addr, struct err *e)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct ip_prefix p;

		if (ipam_attachment_ip(a, i, &p, e) == 0 && ip_equal(p.ip, addr))
			return a->ips.v[i].pool;
	}
	return NULL;
}

/* The NIC has the address no more and gets none: its ADD fails, the quarantine must stand all the same. */
static int forget(struct txn *t, const struct conflict *c, struct stored_attachment *s, struct err *e)
{
	struct txn_endpoint *ep;
	int r;

	for (size_t i = 0; i < s->a.ips.n; i++) {
		struct ip_prefix p;

		r = ipam_attachment_ip(&s->a, i, &p, e);
		if (r < 0)
			return r;
		s->a.ips.v[i].released |= ip_equal(p.ip, c->addr);
	}
	r = endpoint_of(t, &s->a, &ep, e);
	if (r < 0)
		return r;
	endpoint_forget(ep, s->a.nic, c->addr);
	return claim_put(t, c->req->network, &s->a, s->version, e);
}

static int replace(struct txn *t, struct conflict *c, const struct plan *p, struct stored_attachment *s,
		   struct ipam_attachment *next, struct err *e)
{
	const struct plan_nic *nic = plan_nic_find(p, c->req->nic);
	const char *pool = pool_of(&s->a, c->addr, e);
	const struct plan_family *f = nic ? plan_family_find(nic, c->addr.ver) : NULL;
	const struct plan_pool *pp = f && pool ? plan_find(f, pool) : NULL;
	int r;

	if (!pp || pp->refusal)
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "pool %s changed while its address was probed",
				pool ? pool : "?");
	r = limit(t, pp, e);
	if (r == 0)
		r = quarantine(t, c, pool, e);
	if (r == 0)
		r = meta_conflicts_add(t, pool, 1, e);
	if (r == 0)
		r = claim_init(next, c->req, c->req->nic, t->now, e);
	next->clean_gateway = nic->clean_gateway;
	next->rekeyed = s->a.rekeyed;
	if (r == 0)
		r = json_strv_copy(&s->a.ahead, &next->ahead, e);
	if (r == 0)
		r = claim_replace(t, c->req, nic, &s->a, c->addr, next, e);
	if (r == -ENOSPC) {
		c->none_left = true;
		c->why = *e;
		return forget(t, c, s, e);
	}
	if (r == 0)
		r = claim_custom_routes(t, p, next, 1, e);
	if (r == 0)
		r = claim_put(t, c->req->network, next, s->version, e);
	return r < 0 ? r : endpoint_set(t, next, nic->clean_gateway, e);
}

static int conflict_body(struct txn *t, void *arg, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	struct conflict *c = arg;
	struct ipam_attachment next = { 0 };
	struct plan p;
	int r = stored_get(t, c->req->network, c->req->container, c->req->nic, &s, e);

	c->none_left = false;

	if (r == 0)
		r = err_code(e, ERR_UNKNOWN_CONTAINER, ENOENT, "container %s, NIC %s: nothing is recorded",
			     c->req->container, c->req->nic);
	if (r > 0)
		r = meta_restored(t, &t->probe_all, e);
	if (r == 0)
		r = plan_make(t, c->req, &p, e);
	if (r < 0)
		return r;
	r = replace(t, c, &p, &s, &next, e);
	plan_clear(&p);
	if (r == 0 && !c->none_left) {
		next.again = c->a->again;
		next.former = TAKE_PTR(c->a->former);
		ipam_attachment_clear(c->a);
		*c->a = next;
	} else {
		ipam_attachment_clear(&next);
	}
	return r;
}

int ipam_conflict(struct ipam *m, const struct ipam_request *req, struct ipam_attachment *a, struct ip addr,
		  const char *mac, struct err *e)
{
	struct conflict c = { .req = req, .a = a, .addr = addr, .mac = mac };
	int r = txn_run(m, STORE_WRITE, conflict_body, &c, e);

	if (r == 0 && c.none_left) {
		*e = c.why;
		r = -e->sys;
	}
	return r;
}

static int undo_body(struct txn *t, void *arg, struct err *e)
{
	const struct conflict *c = arg;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, c->addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (rec->hold != HOLD_QUARANTINE || strcmp(rec->request, c->req->container) != 0)
		return 1;
	r = meta_conflicts_add(t, rec->pool, -1, e);
	release_record(t, b, rec);
	return r;
}

int ipam_conflict_undo(struct ipam *m, const struct ipam_request *req, struct ip addr, struct err *e)
{
	struct conflict c = { .req = req, .addr = addr };

	return txn_run(m, STORE_RELEASE, undo_body, &c, e);
}
