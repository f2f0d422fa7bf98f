/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - addresses that somebody else gave out */
#include "ipam/import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/release.h"

/* What one transaction may write; the store takes a few more. */
#define OPS_MAX (STORE_OPS_MAX - 64)

struct pools {
	struct plan_pool *v; /* eligible: ips - excludeIPs; reserved addresses may be in use too */
	size_t n;
};

struct outcome {
	enum import_result result;
	char *reason; /* NULL unless refused */
};

struct run {
	const struct ipam_import *x;
	struct pools pools;
	struct outcome *out; /* one for each request */
	size_t first, end;   /* of this transaction */
	size_t at;           /* the request at hand */
	bool writing;
};

/* Returns 1. */
static int refuse(struct run *x, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int refuse(struct run *x, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&x->out[x->at].reason, fmt, ap);
	va_end(ap);
	if (n >= 0)
		return 1;
	x->out[x->at].reason = NULL;
	return err_nomem(e);
}

/* ---- pools ---- */

static void pools_clear(struct pools *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		api_clear(API_IPPOOL, &p->v[i].obj);
		ip_set_clear(&p->v[i].eligible);
	}
	free(p->v);
	*p = (struct pools){ 0 };
}

static int add_pool(const struct store_obj *o, void *arg, struct err *e)
{
	struct run *x = arg;
	struct plan_pool *p;
	int r;

	if (x->x->pool && strcmp(x->x->pool, o->name) != 0)
		return 0;
	p = realloc(x->pools.v, (x->pools.n + 1) * sizeof(*p));
	if (!p)
		return err_nomem(e);
	x->pools.v = p;
	p = &p[x->pools.n++];
	*p = (struct plan_pool){ .name = strdup(o->name) };
	if (!p->name)
		return err_nomem(e);
	r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p->obj, e);
	if (r == 0)
		r = ip_prefix_parse(p->obj.spec.range.subnet ? p->obj.spec.range.subnet : "", &p->subnet, e);
	if (r == 0)
		r = api_range_total(&p->obj.spec.range, &p->eligible, e);
	return r < 0 ? err_wrap(e, "SpiderIPPool %s", o->name) : 0;
}

static const struct plan_pool *pool_of(const struct pools *p, struct ip addr)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].eligible.ver == addr.ver && ip_set_has(&p->v[i].eligible, addr.n))
			return &p->v[i];
	return NULL;
}

/* ---- one request ---- */

static bool holds(const struct block_rec *rec, const struct ipam_request *req)
{
	return strcmp(rec->container, req->container) == 0 && strcmp(rec->nic, req->nic) == 0 &&
	       strcmp(rec->network, req->network) == 0 && block_rec_has_holder(rec);
}

/* 1: refused. A quarantine is none: the other one who was seen is this container. */
static int look_at_address(struct txn *t, struct run *x, const struct ipam_request *req, struct ip addr,
			   struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	char text[IP_TEXT_MAX];
	int r = txn_record(t, addr, &b, &rec, e);

	if (r < 0)
		return r;
	ip_format(addr, text);
	if (!pool_of(&x->pools, addr))
		return refuse(x, e, "address %s is not handed out by %s%s", text,
			      x->x->pool ? "pool " : "any pool", x->x->pool ? x->x->pool : "");
	if (!block_rec_held(rec, t->now) || rec->hold == HOLD_QUARANTINE || holds(rec, req) ||
	    kept_waits_for(rec, req))
		return 0;
	return refuse(x, e, "address %s is held by pod %s%s%s (container %s, NIC %s, network %s)", text,
		      rec->ns, rec->ns[0] ? "/" : "", rec->pod[0] ? rec->pod : "-",
		      rec->container[0] ? rec->container : "-", rec->nic, rec->network);
}

static bool names(const struct ipam_attachment *a, struct ip addr)
{
	struct ip_prefix p;
	struct err e;

	for (size_t i = 0; i < a->ips.n; i++)
		if (ipam_attachment_ip(a, i, &p, &e) == 0 && ip_equal(p.ip, addr))
			return true;
	return false;
}

/* The pod's endpoint names one address of each family: a second one would be forgotten there. */
static int look_at_families(struct run *x, const struct ipam_request *req, struct err *e)
{
	for (size_t i = 0; i < req->n_requested; i++)
		for (size_t k = 0; k < i; k++)
			if (req->requested[i].ver == req->requested[k].ver)
				return refuse(x, e,
					      "container %s, NIC %s has several IPv%u addresses; want one",
					      req->container, req->nic, req->requested[i].ver);
	return 0;
}

/* Is there an attachment already? It must be the same, then. */
static int look_at_attachment(struct txn *t, struct run *x, const struct ipam_request *req, bool *known,
			      struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, req->network, req->container, req->nic, &s, e);

	if (r == 0)
		r = stored_get(t, "", req->container, req->nic, &s, e);
	*known = r > 0;
	for (size_t i = 0; r > 0 && i < req->n_requested; i++)
		*known = *known && names(&s.a, req->requested[i]);
	if (r <= 0 || *known)
		return r < 0 ? r : 0;
	return refuse(x, e, "container %s, NIC %s has %s already", req->container, req->nic,
		      s.a.ips.n ? s.a.ips.v[0].address : "another attachment");
}

static int claim_address(struct txn *t, const struct run *x, const struct ipam_request *req, struct ip addr,
			 struct ipam_attachment *a, struct err *e)
{
	const struct plan_nic nic = { .nic = (char *)req->nic, .clean_gateway = t->m->conf.clean_gateway };
	const struct plan_pool *pool = pool_of(&x->pools, addr);
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, addr, &b, &rec, e);

	if (r == 0)
		r = kept_waits_for(rec, req) ? claim_holder(t, req, b, rec, e)
					     : claim_record(t, req, req->nic, pool->name, b, rec, e);
	return r < 0 ? r : claim_add_address(a, &nic, pool, addr, false, e);
}

static bool is_requested(const struct ipam_request *req, struct ip addr)
{
	for (size_t i = 0; i < req->n_requested; i++)
		if (ip_equal(req->requested[i], addr))
			return true;
	return false;
}

/* The endpoint will name what the NIC has. Another address that was kept for it is kept no more: it is free,
 * or dies with the former sandbox that still has it. */
static int drop_pins(struct txn *t, const struct ipam_request *req, struct err *e)
{
	struct kept k;
	int r = kept_find(t, req, req->nic, &k, e);

	for (size_t i = 0; r == 0 && i < k.n; i++) {
		struct block_rec *rec = k.v[i].rec;

		if (rec->hold != HOLD_PIN || is_requested(req, k.v[i].addr))
			continue;
		rec->hold = HOLD_POD;
		rec->ref = "";
		k.v[i].block->dirty = true;
		if (!block_rec_has_holder(rec))
			release_record(t, k.v[i].block, rec);
	}
	return r;
}

static int claim_one(struct txn *t, const struct run *x, const struct ipam_request *req, struct err *e)
{
	struct ipam_attachment a;
	int r = claim_init(&a, req, req->nic, t->now, e);

	for (size_t i = 0; r == 0 && i < req->n_requested; i++)
		r = claim_address(t, x, req, req->requested[i], &a, e);
	if (r == 0)
		r = claim_put(t, req->network, &a, 0, e);
	if (r == 0)
		r = drop_pins(t, req, e);
	if (r == 0)
		r = endpoint_set(t, &a, t->m->conf.clean_gateway, e);
	ipam_attachment_clear(&a);
	return r;
}

static int import_one(struct txn *t, struct run *x, struct err *e)
{
	const struct ipam_request *req = &x->x->v[x->at];
	struct outcome *out = &x->out[x->at];
	bool known = false;
	int r;

	free(TAKE_PTR(out->reason));
	r = look_at_families(x, req, e);
	if (r == 0)
		r = look_at_attachment(t, x, req, &known, e);
	for (size_t k = 0; r == 0 && !known && k < req->n_requested; k++)
		r = look_at_address(t, x, req, req->requested[k], e);
	if (r < 0)
		return r;
	out->result = r > 0        ? IMPORT_REFUSED
		      : known      ? IMPORT_KNOWN
		      : x->writing ? IMPORT_CLAIMED
				   : IMPORT_CLAIMABLE;
	return r > 0 || known ? 0 : claim_one(t, x, req, e);
}

/* ---- all of them ---- */

static int import_body(struct txn *t, void *arg, struct err *e)
{
	struct run *x = arg;
	int r;

	pools_clear(&x->pools);
	r = store_list(t->m->st, STORE_IPPOOL, NULL, NULL, NULL, add_pool, x, e);
	for (x->at = x->first; r == 0 && x->at < x->end; x->at++) {
		r = import_one(t, x, e);
		if (r == 0 && x->writing && !x->x->skip_refused && x->out[x->at].result == IMPORT_REFUSED)
			r = err_code(
				e, ERR_TRY_AGAIN, EBUSY,
				"%s, which it was not when this began; %zu of %zu are imported, do it again "
				"for the others",
				x->out[x->at].reason, x->first, x->x->n);
	}
	return r;
}

static int check_body(struct txn *t, void *arg, struct err *e)
{
	int r = import_body(t, arg, e);

	return r < 0 ? r : 1; /* what it claimed is forgotten */
}

static size_t refused(const struct run *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->x->n; i++)
		n += x->out[i].result == IMPORT_REFUSED;
	return n;
}

static int write_all(struct ipam *m, struct run *x, struct err *e)
{
	int r = 0;

	x->writing = true;
	for (x->first = 0; r == 0 && x->first < x->x->n; x->first = x->end) {
		size_t ops = 0;

		/* Each writes its attachment, its endpoint and at most as many blocks as addresses. */
		for (x->end = x->first; x->end < x->x->n; x->end++) {
			ops += 2 + x->x->v[x->end].n_requested;
			if (ops > OPS_MAX)
				break;
		}
		r = txn_run(m, STORE_WRITE, import_body, x, e);
	}
	return r;
}

int ipam_import(struct ipam *m, const struct ipam_import *call, struct err *e)
{
	struct run x = { .x = call, .out = calloc(call->n + 1, sizeof(*x.out)), .end = call->n };
	size_t n = 0;
	int r;

	if (!x.out)
		return err_nomem(e);
	r = txn_run(m, STORE_READ, check_body, &x, e);
	if (r == 0 && !call->dry_run && (call->skip_refused || !refused(&x)))
		r = write_all(m, &x, e);
	if (r == 0)
		n = refused(&x);
	for (size_t i = 0; i < call->n; i++) {
		if (r == 0)
			call->told(i, x.out[i].result, x.out[i].reason ? x.out[i].reason : "", call->arg);
		free(x.out[i].reason);
	}
	pools_clear(&x.pools);
	free(x.out);
	return r < 0 ? r : (int)n;
}
