/* SPDX-License-Identifier: Apache-2.0 */
/* undo.c - an answer of ADD that cannot be used: records become what they were before it */
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/keep.h"

struct undo {
	const struct ipam_request *req;
	struct ipam_attachment *former; /* of the sandbox that was taken over */
};

/* 1 when the former sandbox has the address again, 0 when it is lost: in quarantine, or another's. */
static int give_back(struct txn *t, const struct undo *u, const struct ipam_request *to,
		     const struct ipam_address *a, struct ip addr, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (strcmp(rec->container, u->req->container) == 0 && strcmp(rec->nic, u->req->nic) == 0)
		r = claim_holder(t, to, b, rec, e);
	else if (!block_rec_held(rec, t->now)) /* from a quarantine that was ended */
		r = claim_record(t, to, to->nic, a->pool, b, rec, e);
	else
		return 0;
	return r < 0 ? r : 1;
}

static int give_all_back(struct txn *t, const struct undo *u, const struct ipam_request *to, size_t *left,
			 struct err *e)
{
	for (size_t i = 0; i < u->former->ips.n; i++) {
		struct ipam_address *a = &u->former->ips.v[i];
		struct ip_prefix p;
		int r = ipam_attachment_ip(u->former, i, &p, e);

		if (r == 0)
			r = give_back(t, u, to, a, p.ip, e);
		if (r < 0)
			return r;
		a->released = r == 0;
		*left += r > 0;
	}
	return 0;
}

static int put_former(struct txn *t, const struct undo *u, const struct ipam_request *to,
		      const struct stored_attachment *s, struct err *e)
{
	const struct ipam_attachment *f = u->former;
	const struct api_endpoint_ip *entry;
	struct json_strv moved = { 0 };
	struct txn_endpoint *ep;
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->ahead.n; i++)
		r = kept_move_ahead(t, to, s->a.container, f->ahead.v[i], &moved, e);
	json_strv_clear(&moved);
	if (r == 0)
		r = claim_put(t, f->claimed_by ? "" : f->network, f, 0, e);
	if (r == 0)
		r = endpoint_of(t, f, &ep, e);
	if (r < 0)
		return r;
	entry = endpoint_find(ep, f->nic);
	return endpoint_set(t, f, entry && entry->clean_gateway.v, e);
}

static int undo_body(struct txn *t, void *arg, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	const struct undo *u = arg;
	struct ipam_request to = claim_request_of(u->former);
	size_t left = 0;
	int r = stored_get(t, u->req->network, u->req->container, u->req->nic, &s, e);

	if (r <= 0)
		return r < 0 ? r : 1; /* DEL was here */
	r = give_all_back(t, u, &to, &left, e);
	if (r == 0 && left) {
		r = put_former(t, u, &to, &s, e);
		json_strv_clear(&s.a.ahead); /* it has that too */
	}
	/* Frees what took the place of a lost one. */
	return r < 0 ? r : release_attachment(t, &s, e);
}

/* The former sandbox is gone for certain: its DEL may have come meanwhile and found nothing. */
static bool is_gone(const struct ipam *m, const struct ipam_attachment *former)
{
	return former->netns && m->alive && !m->alive(former, m->alive_arg);
}

int ipam_undo(struct ipam *m, const struct ipam_request *req, const struct ipam_attachment *a, struct err *e)
{
	struct undo u = { req, a->former };

	if (a->again)
		return 0;
	if (!a->former || is_gone(m, a->former))
		return ipam_del(m, req->network, req->container, req->nic, e);
	return txn_run(m, STORE_RELEASE, undo_body, &u, e);
}
