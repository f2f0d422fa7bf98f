/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - resolve names to pools, filter, order */
#include "ipam/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define POOLS_MAX 4096 /* candidates of one NIC and family */

static const char *const term_family[2] = { POOL_TERM_IPV4, POOL_TERM_IPV6 };
static const char *const term_default[2] = { "default=4", "default=6" };

static int slot(uint8_t ver)
{
	return ver == 6;
}

void pool_terms(const struct api_ippool *p, const char *terms[POOL_TERMS_MAX])
{
	uint8_t ver = api_range_version(&p->spec.range);
	size_t n = 0;

	terms[n++] = term_family[slot(ver)];
	if (p->spec.is_default.v)
		terms[n++] = term_default[slot(ver)];
	terms[n] = NULL;
}

static void pool_clear(struct plan_pool *p)
{
	free(p->name);
	free(p->refusal);
	api_clear(API_IPPOOL, &p->obj);
	ip_set_clear(&p->eligible);
}

void plan_clear(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t f = 0; f < p->nics[i].n_fam; f++) {
			for (size_t k = 0; k < p->nics[i].fam[f].n; k++)
				pool_clear(&p->nics[i].fam[f].pools[k]);
			free(p->nics[i].fam[f].pools);
		}
		free(p->nics[i].nic);
	}
	free(p->nics);
	ip_set_clear(&p->reserved[0]);
	ip_set_clear(&p->reserved[1]);
	candidates_clear(&p->cand);
	*p = (struct plan){ 0 };
}

const struct plan_nic *plan_nic_find(const struct plan *p, const char *nic)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->nics[i].nic, nic) == 0)
			return &p->nics[i];
	return NULL;
}

const struct plan_family *plan_family_find(const struct plan_nic *nic, uint8_t ver)
{
	for (size_t i = 0; i < nic->n_fam; i++)
		if (nic->fam[i].ver == ver)
			return &nic->fam[i];
	return NULL;
}

const struct plan_pool *plan_find(const struct plan_family *f, const char *pool)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->pools[i].name, pool) == 0)
			return &f->pools[i];
	return NULL;
}

/* ---- names ---- */

static int add_pool(struct plan_family *f, const char *name, struct plan_pool **ret, struct err *e)
{
	struct plan_pool *p;

	if (f->n == POOLS_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "more than %d IPv%u pools are candidates", POOLS_MAX,
				f->ver);
	if ((f->n & (f->n - 1)) == 0) {
		p = realloc(f->pools, (f->n ? f->n * 2 : 1) * sizeof(*p));
		if (!p)
			return err_nomem(e);
		f->pools = p;
	}
	p = &f->pools[f->n];
	*p = (struct plan_pool){ .name = strdup(name) };
	if (!p->name)
		return err_nomem(e);
	f->n++;
	*ret = p;
	return 0;
}

static int add_object(struct plan_family *f, const struct store_obj *o, struct err *e)
{
	struct plan_pool *p;
	int r = add_pool(f, o->name, &p, e);

	if (r == 0)
		r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p->obj, e);
	return r;
}

struct match {
	struct plan_family *f;
	const char *pattern; /* NULL: everything */
};

static int add_match(const struct store_obj *o, void *arg, struct err *e)
{
	struct match *m = arg;
	int r = m->pattern ? api_wildcard_match(m->pattern, o->name, e) : 1;

	/* A pool that an earlier name already brought keeps its place. */
	if (r <= 0 || plan_find(m->f, o->name))
		return r < 0 ? r : 0;
	return add_object(m->f, o, e);
}

static int resolve_name(struct txn *t, const char *name, struct plan_family *f, struct err *e)
{
	struct match m = { f, name };
	struct plan_pool *p;
	struct store_obj o;
	int r;

	if (api_is_wildcard(name))
		return store_list(t->m->st, STORE_IPPOOL, term_family[slot(f->ver)], NULL, NULL, add_match,
				  &m, e);
	if (plan_find(f, name))
		return 0;
	r = store_get(t->m->st, STORE_IPPOOL, "", name, &o, e);
	if (r < 0)
		return r;
	if (r)
		return add_object(f, &o, e);
	r = add_pool(f, name, &p, e);
	if (r < 0)
		return r;
	p->refusal = strdup("does not exist");
	return p->refusal ? 0 : err_nomem(e);
}

static int nothing_matches(const char *nic, uint8_t ver, const struct json_strv *names, struct err *e)
{
	struct buf b = BUF_INIT(ERR_MSG_MAX);

	for (size_t i = 0; i < names->n; i++)
		buf_fmt(&b, "%s\"%s\"", i ? " or " : "", names->v[i]);
	err_code(e, ERR_CONFIG, ENOENT, "no IPPool available: NIC %s: no IPv%u pool matches %s", nic, ver,
		 buf_cstr(&b));
	buf_clear(&b);
	return -e->sys;
}

static int resolve_family(struct txn *t, uint8_t ver, const struct json_strv *names, struct plan_nic *nic,
			  struct err *e)
{
	struct plan_family *f = &nic->fam[nic->n_fam++];

	f->ver = ver;
	for (size_t i = 0; i < names->n; i++) {
		int r = resolve_name(t, names->v[i], f, e);

		if (r < 0)
			return err_wrap(e, "NIC %s: pool \"%s\"", nic->nic, names->v[i]);
	}
	return f->n ? 0 : nothing_matches(nic->nic, ver, names, e);
}

/* The only candidate is the pool made for the application. */
static int resolve_subnet(struct txn *t, const struct ipam_request *req, const struct candidate_nic *c,
			  uint8_t ver, struct plan_nic *nic, struct err *e)
{
	const struct json_strv *subnet = ver == 4 ? &c->ipv4 : &c->ipv6;
	CLEANUP(free_p) char *pool = NULL;
	struct json_strv names = { .v = &pool, .n = 1, .set = true };
	int r = app_pool_find(t, req, c->made_for, ver, subnet->v[0], &pool, e);

	return r < 0 ? r : resolve_family(t, ver, &names, nic, e);
}

static int resolve_defaults(struct txn *t, struct plan_nic *nic, struct err *e)
{
	const struct ipam_conf *c = &t->m->conf;

	for (uint8_t ver = 4; ver <= 6; ver = (uint8_t)(ver + 2)) {
		struct plan_family *f = &nic->fam[nic->n_fam];
		struct match m = { f, NULL };
		int r;

		if (ver == 4 ? c->disable_ipv4 : c->disable_ipv6)
			continue;
		f->ver = ver;
		nic->n_fam++;
		r = store_list(t->m->st, STORE_IPPOOL, term_default[slot(ver)], NULL, NULL, add_match, &m, e);
		if (r < 0)
			return r;
		if (!f->n)
			nic->n_fam--;
	}
	if (nic->n_fam)
		return 0;
	return err_code(e, ERR_CONFIG, ENOENT,
			"no IPPool available: NIC %s: neither the pod nor the network configuration names a "
			"pool, and no "
			"pool has spec.default: true",
			nic->nic);
}

static int resolve(struct txn *t, const struct ipam_request *req, const struct candidate_nic *c, uint8_t ver,
		   struct plan_nic *nic, struct err *e)
{
	const struct json_strv *names = ver == 4 ? &c->ipv4 : &c->ipv6;

	if (!names->n || (ver == 4 ? t->m->conf.disable_ipv4 : t->m->conf.disable_ipv6))
		return 0;
	return c->made_for ? resolve_subnet(t, req, c, ver, nic, e) : resolve_family(t, ver, names, nic, e);
}

static int resolve_nic(struct txn *t, const struct ipam_request *req, enum rule rule,
		       const struct candidate_nic *c, struct plan_nic *nic, struct err *e)
{
	int r;

	nic->clean_gateway = c->clean_gateway;
	nic->nic = strdup(c->nic);
	if (!nic->nic)
		return err_nomem(e);
	if (rule == RULE_DEFAULT)
		return resolve_defaults(t, nic, e);
	r = resolve(t, req, c, 4, nic, e);
	if (r == 0)
		r = resolve(t, req, c, 6, nic, e);
	if (r == 0 && !nic->n_fam)
		r = err_code(e, ERR_CONFIG, ENOENT,
			     "no IPPool available: NIC %s: the only family that %s names is disabled",
			     nic->nic, rule_name(rule));
	return r;
}

/* ---- reserved addresses, filter, order ---- */

static int add_reserved(const struct store_obj *o, void *arg, struct err *e)
{
	struct ip_set *sets = arg; /* IPv4, IPv6 */
	struct api_reservedip rsv;
	struct ip_set set = { 0 };
	int r = api_decode_text(API_RESERVEDIP, o->data, o->len, o->name, &rsv, e);

	if (r < 0)
		return r;
	if (!rsv.obj.meta.deletion_timestamp)
		r = api_reserved_set(&rsv, &set, e);
	if (r == 0 && set.n)
		r = ip_set_add_set(&sets[slot(set.ver)], &set, e);
	ip_set_clear(&set);
	api_clear(API_RESERVEDIP, &rsv);
	return r < 0 ? err_wrap(e, "SpiderReservedIP %s", o->name) : 0;
}

int plan_reserved(struct txn *t, struct ip_set sets[2], struct err *e)
{
	sets[0].ver = 4;
	sets[1].ver = 6;
	return store_list(t->m->st, STORE_RESERVEDIP, NULL, NULL, NULL, add_reserved, sets, e);
}

static int make_eligible(const struct plan *p, uint8_t ver, struct plan_pool *pool, struct err *e)
{
	const struct api_range_spec *s = &pool->obj.spec.range;
	int r = api_range_total(s, &pool->eligible, e);

	if (r == 0)
		r = ip_set_subtract(&pool->eligible, &p->reserved[slot(ver)], e);
	if (r < 0)
		return r;
	if (pool->eligible.n)
		return 0;
	pool->refusal = strdup("has no addresses left after excludeIPs and SpiderReservedIPs");
	return pool->refusal ? 0 : err_nomem(e);
}

/* Of a refused pool only the subnet is wanted: what it gave out before may still be kept. */
static int measure(const struct plan *p, uint8_t ver, struct plan_pool *pool, struct err *e)
{
	const char *subnet = pool->obj.spec.range.subnet;
	struct err unreadable;
	int r = ip_prefix_parse(subnet ? subnet : "", &pool->subnet, &unreadable);

	if (pool->refusal)
		return 0;
	if (r < 0)
		*e = unreadable;
	else
		r = make_eligible(p, ver, pool, e);
	return r < 0 ? err_wrap(e, "SpiderIPPool %s", pool->name) : 0;
}

static unsigned rank(const struct api_ippool_spec *s)
{
	return (s->pod_affinity ? 32u : 0) | (s->node_name.n ? 16u : 0) | (s->node_affinity ? 8u : 0) |
	       (s->namespace_name.n ? 4u : 0) | (s->namespace_affinity ? 2u : 0) |
	       (s->multus_name.n ? 1u : 0);
}

/* True when b must stand before a. */
static bool before(const struct plan_pool *a, const struct plan_pool *b)
{
	if (!a->refusal != !b->refusal)
		return a->refusal;
	return !b->refusal && rank(&b->obj.spec) > rank(&a->obj.spec);
}

/* Stable, so that equal pools keep the user's order; lists are short. */
static void order(struct plan_family *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct plan_pool p = f->pools[i];
		size_t k = i;

		for (; k > 0 && before(&f->pools[k - 1], &p); k--)
			f->pools[k] = f->pools[k - 1];
		f->pools[k] = p;
	}
}

static int filter_family(const struct ipam_conf *c, const struct plan *p, const struct ipam_request *req,
			 const char *nic, struct plan_family *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		struct plan_pool *pool = &f->pools[i];
		int r = 0;

		if (!pool->refusal)
			r = pool_refusal(c, req, nic, f->ver, &pool->obj, &pool->refusal, e);
		if (r == 0)
			r = measure(p, f->ver, pool, e);
		if (r < 0)
			return r;
	}
	order(f);
	return 0;
}

static int fill(struct txn *t, const struct ipam_request *req, struct plan *p, struct err *e)
{
	int r = candidates_select(&t->m->conf, req, &p->cand, e);

	if (r < 0)
		return r;
	r = plan_reserved(t, p->reserved, e);
	if (r < 0)
		return r;
	p->nics = calloc(p->cand.nics.n, sizeof(*p->nics));
	if (!p->nics)
		return err_nomem(e);
	for (size_t i = 0; i < p->cand.nics.n; i++) {
		struct plan_nic *nic = &p->nics[p->n++];

		r = resolve_nic(t, req, p->cand.rule, &p->cand.nics.v[i], nic, e);
		for (size_t f = 0; r == 0 && f < nic->n_fam; f++)
			r = filter_family(&t->m->conf, p, req, nic->nic, &nic->fam[f], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_make(struct txn *t, const struct ipam_request *req, struct plan *ret, struct err *e)
{
	int r;

	*ret = (struct plan){ 0 };
	r = fill(t, req, ret, e);
	if (r < 0)
		plan_clear(ret);
	return r;
}
