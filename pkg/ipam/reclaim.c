/* SPDX-License-Identifier: Apache-2.0 */
/* reclaim.c - a node's attachments and the cluster's blocks held against each other */
#include "ipam/reclaim.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/release.h"

struct reclaim {
	const struct ipam_attachment *was, *a; /* as listed, as stored now */
	char taken[IP_TEXT_MAX];               /* the last address that is another's */
	char by[256];
	struct err damage; /* what could not be read, .sys 0: nothing */
	bool wrote;
};

static int reclaim_one(struct txn *t, struct reclaim *x, size_t i, struct err *e)
{
	const struct ipam_attachment *a = x->a;
	struct ipam_request req = claim_request_of(a);
	struct txn_block *b;
	struct block_rec *rec;
	struct ip_prefix p;
	int r = ipam_attachment_ip(a, i, &p, e);

	if (r == 0)
		r = txn_record(t, p.ip, &b, &rec, e);
	if (r < 0 || (strcmp(rec->container, a->container) == 0 && strcmp(rec->nic, a->nic) == 0))
		return r;
	if (rec->hold == HOLD_STS || rec->hold == HOLD_VM) {
		/* Its own, without a holder: that was lost with the block, or let go since by a DEL. With one
		 * it has moved meanwhile. */
		if (req.hold == rec->hold && req.hold_ref && strcmp(rec->ref, req.hold_ref) == 0) {
			if (block_rec_has_holder(rec) || rec->since > a->since)
				return 0;
			x->wrote = true;
			return claim_holder(t, &req, b, rec, e);
		}
	}
	/* Not lost: somebody let it go since, such as an operator. */
	if (rec->hold == HOLD_FREE && rec->since > a->since)
		return 0;
	if (block_rec_held(rec, t->now)) {
		ip_format(p.ip, x->taken);
		snprintf(x->by, sizeof(x->by), "%.100s/%.100s (container %.40s)", rec->ns, rec->pod,
			 rec->container);
		return 0;
	}
	x->wrote = true;
	return claim_record(t, &req, a->nic, a->ips.v[i].pool, b, rec, e);
}

static int reclaim_body(struct txn *t, void *arg, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	struct reclaim *x = arg;
	const struct ipam_attachment *was = x->was;
	int r = stored_get(t, was->claimed_by ? "" : was->network, was->container, was->nic, &s, e);

	x->taken[0] = '\0';
	x->damage.sys = 0;
	x->wrote = false;
	if (r <= 0)
		return r < 0 ? r : 1; /* its DEL was quicker */
	x->a = &s.a;
	r = 0;
	for (size_t i = 0; r == 0 && i < s.a.ips.n; i++) {
		if (s.a.ips.v[i].released)
			continue;
		r = reclaim_one(t, x, i, e);
		if (r == -EUCLEAN) {
			x->damage = *e;
			r = 0;
		}
	}
	return r == 0 && !x->wrote ? 1 : r;
}

int ipam_reclaim(struct ipam *m, const struct ipam_attachment *a, struct err *e)
{
	struct reclaim x = { .was = a };
	int r = txn_run(m, STORE_RELEASE, reclaim_body, &x, e);

	if (r == 0 && x.damage.sys) {
		*e = x.damage;
		r = -EUCLEAN;
	}
	if (r < 0 || !x.taken[0])
		return r;
	return err_code(
		e, ERR_CONFIG, EEXIST,
		"address %s of pod %s/%s (container %s, NIC %s) was lost from its block, and is %s's by now; "
		"delete one of the two pods",
		x.taken, a->ns ? a->ns : "", a->pod ? a->pod : "-", a->container, a->nic, x.by);
}

struct drop {
	struct ip addr;
	const char *container, *nic;
	bool hold_dead, unseen;
};

static int drop_body(struct txn *t, void *arg, struct err *e)
{
	const struct drop *d = arg;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, d->addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (strcmp(rec->container, d->container) != 0 || strcmp(rec->nic, d->nic) != 0 ||
	    rec->hold == HOLD_FREE)
		return 1;
	t->hold_dead = d->hold_dead;
	t->unseen = d->unseen;
	release_holder(t, b, rec);
	return 0;
}

int ipam_drop(struct ipam *m, struct ip addr, const char *container, const char *nic, bool hold_dead,
	      bool unseen, struct err *e)
{
	struct drop d = { addr, container, nic, hold_dead, unseen };

	return txn_run(m, STORE_RELEASE, drop_body, &d, e);
}

struct giving {
	const struct ipam_attachment *cut, *to;
};

static int return_one(struct txn *t, const struct giving *x, size_t i, bool *wrote, struct err *e)
{
	struct ipam_request to = claim_request_of(x->to);
	struct txn_block *b;
	struct block_rec *rec;
	struct ip_prefix p;
	int r = ipam_attachment_ip(x->to, i, &p, e);

	if (r == 0)
		r = txn_record(t, p.ip, &b, &rec, e);
	if (r < 0 || strcmp(rec->container, x->cut->container) != 0 || strcmp(rec->nic, x->cut->nic) != 0)
		return r;
	*wrote = true;
	return claim_holder(t, &to, b, rec, e);
}

static int return_body(struct txn *t, void *arg, struct err *e)
{
	const struct giving *x = arg;
	bool wrote = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->to->ips.n; i++)
		if (!x->to->ips.v[i].released)
			r = return_one(t, x, i, &wrote, e);
	return r == 0 && !wrote ? 1 : r;
}

int ipam_return(struct ipam *m, const struct ipam_attachment *cut, const struct ipam_attachment *to,
		struct err *e)
{
	struct giving x = { cut, to };

	return txn_run(m, STORE_RELEASE, return_body, &x, e);
}

static int adopt_body(struct txn *t, void *arg, struct err *e)
{
	const struct ipam_attachment *a = arg;
	const char *network = a->claimed_by ? "" : a->network;
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, network, a->container, a->nic, &s, e);

	if (r)
		return r;
	return claim_put(t, network, a, 0, e);
}

int ipam_adopt(struct ipam *m, const struct ipam_attachment *a, struct err *e)
{
	return txn_run(m, STORE_RELEASE, adopt_body, (void *)a, e);
}
