/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c - looking without touching */
#include "ipam/usage.h"

#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/pick.h"

/* ---- records ---- */

struct walk {
	const struct ip_set *set;
	int (*each)(const struct ipam_found *f, void *arg, struct err *e);
	void *arg;
};

static int walk_block(const struct store_obj *o, void *arg, struct err *e)
{
	const struct walk *w = arg;
	struct block b;
	uint8_t ver;
	ip_num index;
	uint64_t mask;
	int r = ip_block_parse(o->name, &ver, &index, e);

	if (r == 0)
		r = block_decode(ver, index, o->data, o->len, &b, e);
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s", o->name);
	mask = w->set ? ip_set_mask(w->set, index) : UINT64_MAX;
	for (unsigned i = 0; r == 0 && i < IP_BLOCK_SIZE; i++) {
		struct ipam_found f = { { ver, (index << IP_BLOCK_BITS) + i }, &b.rec[i] };

		if ((mask >> i & 1) && b.rec[i].hold != HOLD_NONE)
			r = w->each(&f, w->arg, e);
	}
	block_clear(&b);
	return r;
}

int usage_walk(struct txn *t, const struct ip_set *s,
	       int (*each)(const struct ipam_found *f, void *arg, struct err *e), void *arg, struct err *e)
{
	char from[IP_BLOCK_NAME_MAX], to[IP_BLOCK_NAME_MAX];
	struct walk w = { s, each, arg };

	if (!s)
		return store_list(t->m->st, STORE_BLOCK, NULL, NULL, NULL, walk_block, &w, e);
	if (!s->n)
		return 0;
	ip_block_name(s->ver, s->r[0].lo >> IP_BLOCK_BITS, from);
	ip_block_name(s->ver, s->r[s->n - 1].hi >> IP_BLOCK_BITS, to);
	return store_list(t->m->st, STORE_BLOCK, NULL, from, to, walk_block, &w, e);
}

static int walk_body(struct txn *t, void *arg, struct err *e)
{
	const struct walk *w = arg;
	int r = usage_walk(t, w->set, w->each, w->arg, e);

	return r < 0 ? r : 1;
}

int ipam_records(struct ipam *m, const struct ip_set *set,
		 int (*each)(const struct ipam_found *f, void *arg, struct err *e), void *arg, struct err *e)
{
	struct walk w = { set, each, arg };

	return txn_run(m, STORE_READ, walk_body, &w, e);
}

/* ---- usage ---- */

struct count {
	struct ipam_usage u;
	const struct ip_set *reserved;
	int64_t now, cooldown;
};

static int count_record(const struct ipam_found *f, void *arg, struct err *e)
{
	struct count *c = arg;
	const struct block_rec *r = f->rec;
	int64_t free_at = block_rec_free_at(r);

	(void)e;
	if (r->hold == HOLD_QUARANTINE && block_rec_held(r, c->now))
		c->u.quarantined++;
	else if (block_rec_has_holder(r))
		c->u.in_use++;
	else if (block_rec_held(r, c->now))
		c->u.kept++;
	else if (free_at + c->cooldown > c->now && !ip_set_has(c->reserved, f->addr.n))
		c->u.cooling++;
	if (block_rec_held(r, c->now) && ip_set_has(c->reserved, f->addr.n))
		c->u.reserved--; /* counted as held */
	return 0;
}

/* total: what the pool hands out; eligible: the same without reserved addresses. */
static int count_pool(struct txn *t, const struct ip_set *total, const struct ip_set *reserved,
		      struct ipam_usage *ret, struct err *e)
{
	struct count c = { .reserved = reserved, .now = t->now, .cooldown = t->m->conf.cooldown_ms };
	struct ip_set both = { 0 };
	int r = ip_set_copy(total, &both, e);

	if (r == 0)
		r = ip_set_intersect(&both, reserved, e);
	c.u.total = ip_set_count(total);
	c.u.reserved = ip_set_count(&both);
	ip_set_clear(&both);
	if (r == 0)
		r = usage_walk(t, total, count_record, &c, e);
	*ret = c.u;
	ret->free = c.u.total == INT64_MAX
			    ? INT64_MAX
			    : c.u.total - c.u.reserved - c.u.in_use - c.u.kept - c.u.quarantined;
	return r;
}

struct usage_call {
	const struct api_ippool *pool;
	struct ipam_usage *ret;
};

int usage_of(struct txn *t, const struct api_ippool *pool, struct ipam_usage *ret, struct err *e)
{
	struct ip_set total = { 0 }, reserved[2] = { 0 };
	int r = api_range_total(&pool->spec.range, &total, e);

	if (r == 0)
		r = plan_reserved(t, reserved, e);
	if (r == 0)
		r = count_pool(t, &total, &reserved[total.ver == 6], ret, e);
	ip_set_clear(&total);
	ip_set_clear(&reserved[0]);
	ip_set_clear(&reserved[1]);
	return r;
}

static int usage_body(struct txn *t, void *arg, struct err *e)
{
	const struct usage_call *c = arg;
	int r = usage_of(t, c->pool, c->ret, e);

	return r < 0 ? r : 1;
}

int ipam_usage_of(struct ipam *m, const struct api_ippool *pool, struct ipam_usage *ret, struct err *e)
{
	struct usage_call c = { pool, ret };

	return txn_run(m, STORE_READ, usage_body, &c, e);
}

/* ---- explain ---- */

struct explain_call {
	const struct ipam_request *req;
	struct ipam_explain *ret;
};

void ipam_explain_clear(struct ipam_explain *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->rows[i].nic);
		free(x->rows[i].pool);
		free(x->rows[i].refusal);
	}
	free(x->rows);
	free(x->failure);
	free(x->failed_nic);
	*x = (struct ipam_explain){ 0 };
}

/* What one NIC would get, the next one would not: taken in this transaction, which writes nothing. */
static void take(struct txn *t, const struct pick *pick)
{
	block_rec_init(pick->rec);
	pick->rec->hold = HOLD_POD;
	pick->rec->since = t->now;
}

/* taken: an earlier pool of this NIC and family has an address already. */
static int outlook(struct txn *t, const struct plan *p, const struct plan_pool *pool, struct ipam_row *row,
		   bool *taken, struct err *e)
{
	struct ip_set total = { 0 };
	struct pick pick;
	int r = api_range_total(&pool->obj.spec.range, &total, e);

	if (r == 0)
		r = count_pool(t, &total, &p->reserved[row->ver == 6], &row->usage, e);
	ip_set_clear(&total);
	if (r == 0)
		r = pick_any(t, pool, &pick, e);
	if (r < 0)
		return r;
	row->has_next = r > 0;
	row->next = r > 0 ? pick.addr : (struct ip){ 0 };
	if (r > 0 && !*taken)
		take(t, &pick);
	*taken = *taken || r > 0;
	return 0;
}

static int add_row(struct txn *t, const struct plan *p, const struct plan_nic *nic,
		   const struct plan_family *f, const struct plan_pool *pool, bool *taken,
		   struct ipam_explain *x, struct err *e)
{
	struct ipam_row *rows = realloc(x->rows, (x->n + 1) * sizeof(*rows)), *row;

	if (!rows)
		return err_nomem(e);
	x->rows = rows;
	row = &rows[x->n++];
	*row = (struct ipam_row){ .nic = strdup(nic->nic), .pool = strdup(pool->name), .ver = f->ver };
	if (pool->refusal)
		row->refusal = strdup(pool->refusal);
	if (!row->nic || !row->pool || (pool->refusal && !row->refusal))
		return err_nomem(e);
	return pool->refusal ? 0 : outlook(t, p, pool, row, taken, e);
}

static int add_failure(const struct plan_nic *nic, const struct plan_family *f, struct ipam_explain *x,
		       struct err *e)
{
	struct err why;

	(void)claim_nothing_left(nic, f, &why);
	x->failure = strdup(why.msg);
	x->failed_nic = strdup(nic->nic);
	x->failed_ver = f->ver;
	return x->failure && x->failed_nic ? 0 : err_nomem(e);
}

static int add_family(struct txn *t, const struct plan *p, const struct plan_nic *nic,
		      const struct plan_family *f, struct ipam_explain *x, struct err *e)
{
	bool taken = false;
	int r = 0;

	for (size_t k = 0; r == 0 && k < f->n; k++)
		r = add_row(t, p, nic, f, &f->pools[k], &taken, x, e);
	return r < 0 || taken || x->failure ? r : add_failure(nic, f, x, e);
}

static int explain_body(struct txn *t, void *arg, struct err *e)
{
	const struct explain_call *c = arg;
	struct plan p;
	int r;

	ipam_explain_clear(c->ret);
	r = plan_make(t, c->req, &p, e);
	if (r < 0)
		return r;
	c->ret->rule = p.cand.rule;
	for (size_t i = 0; i < p.n; i++)
		for (size_t f = 0; r == 0 && f < p.nics[i].n_fam; f++)
			r = add_family(t, &p, &p.nics[i], &p.nics[i].fam[f], c->ret, e);
	plan_clear(&p);
	return r < 0 ? r : 1;
}

int ipam_explain(struct ipam *m, const struct ipam_request *req, struct ipam_explain *ret, struct err *e)
{
	struct explain_call c = { req, ret };
	int r;

	*ret = (struct ipam_explain){ 0 };
	r = txn_run(m, STORE_READ, explain_body, &c, e);
	if (r < 0)
		ipam_explain_clear(ret);
	return r;
}
