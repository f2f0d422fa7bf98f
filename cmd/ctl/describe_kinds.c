/* SPDX-License-Identifier: Apache-2.0 */
/* describe_kinds.c - what hangs on an object of each kind */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "describe.h"
#include "record.h"
#include "sandbox.h"

/* ---- SpiderIPPool ---- */

static void add_usage(struct described *x, const struct ipam_usage *u, struct err *e)
{
	struct doc usage = doc_new(e);

	doc_int(&usage, "total", u->total);
	doc_int(&usage, "inUse", u->in_use);
	doc_int(&usage, "kept", u->kept);
	doc_int(&usage, "quarantined", u->quarantined);
	doc_int(&usage, "reserved", u->reserved);
	doc_int(&usage, "cooling", u->cooling);
	doc_int(&usage, "free", u->free);
	doc_sub(&x->doc, "usage", &usage);
}

static void pool_problems(struct described *x, const struct api_ippool *p, const struct ip_set *total,
			  const struct ipam_usage *u)
{
	struct err unreadable;
	struct ip gw;

	if (p->spec.disable.v)
		describe_problem(x, "disabled: it gives out nothing (spec.disable: true)");
	if (!u->total)
		describe_problem(
			x, "it has no addresses: spec.ips is empty, or spec.excludeIPs takes all of them");
	else if (!u->free)
		describe_problem(x, "full: none of its %lld addresses is free", (long long)u->total);
	if (u->quarantined)
		describe_problem(x,
				 "%lld addresses are in quarantine: somebody else was seen using them, or an "
				 "operator put them there",
				 (long long)u->quarantined);
	if (p->spec.range.gateway && ip_parse(p->spec.range.gateway, &gw, &unreadable) == 0 &&
	    gw.ver == total->ver && ip_set_has(total, gw.n))
		describe_problem(x, "its gateway %s is one of its addresses; put it into spec.excludeIPs",
				 p->spec.range.gateway);
}

/* Held in the pool's name although it no longer hands them out. */
struct outside {
	const char *pool;
	const struct ip_set *total;
	int64_t n;
	struct ip first;
};

static int count_outside(const struct ipam_found *f, void *arg, struct err *e)
{
	struct outside *o = arg;

	(void)e;
	if (f->rec->hold == HOLD_FREE || f->rec->hold == HOLD_QUARANTINE ||
	    strcmp(f->rec->pool, o->pool) != 0 ||
	    (f->addr.ver == o->total->ver && ip_set_has(o->total, f->addr.n)))
		return 0;
	if (!o->n++)
		o->first = f->addr;
	return 0;
}

static int describe_pool(struct described *x, struct err *e)
{
	const struct api_ippool *p = (const struct api_ippool *)x->obj;
	struct outside out = { .pool = x->obj->meta.name };
	struct ip_set total = { 0 };
	struct ipam_usage u = { 0 };
	char text[IP_TEXT_MAX];
	int r = usage_of(x->t, p, &u, e);

	if (r == 0)
		r = api_range_total(&p->spec.range, &total, e);
	out.total = &total;
	if (r == 0)
		r = usage_walk(x->t, NULL, count_outside, &out, e);
	if (r == 0) {
		add_usage(x, &u, e);
		pool_problems(x, p, &total, &u);
		if (out.n)
			describe_problem(
				x, "%lld addresses that it gave out are no longer in its ranges, %s for one",
				(long long)out.n, ip_format(out.first, text));
		r = describe_addresses(x, &total, e);
	}
	ip_set_clear(&total);
	return r;
}

/* ---- SpiderSubnet ---- */

struct below {
	struct described *x;
	const struct api_subnet *s;
	struct json_object *rows;
	struct ip_set left; /* of no pool */
};

static int add_pool_row(struct below *b, const struct api_ippool *p, struct err *e)
{
	struct doc row = doc_new(e);
	struct ip_set own = { 0 };
	struct ipam_usage u = { 0 };
	struct json_object *ips;
	int r = api_range_total(&p->spec.range, &own, e);

	if (r == 0)
		r = ip_set_subtract(&b->left, &own, e);
	ip_set_clear(&own);
	if (r == 0)
		r = usage_of(b->x->t, p, &u, e);
	if (r < 0) {
		doc_clear(&row);
		return r;
	}
	doc_text(&row, "pool", p->obj.meta.name);
	ips = doc_array(&row, "ips");
	for (size_t i = 0; i < p->spec.range.ips.n; i++)
		doc_append_text(&row, ips, p->spec.range.ips.v[i]);
	doc_int(&row, "total", u.total);
	doc_int(&row, "free", u.free);
	doc_append(&b->x->doc, b->rows, &row);
	return b->x->doc.failed;
}

static int look_at_pool(const struct store_obj *o, void *arg, struct err *e)
{
	struct below *b = arg;
	struct api_ippool p;
	int r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p, e);

	if (r < 0)
		return r;
	if (p.spec.range.subnet && b->s->spec.subnet && strcmp(p.spec.range.subnet, b->s->spec.subnet) == 0)
		r = add_pool_row(b, &p, e);
	api_clear(API_IPPOOL, &p);
	return r;
}

static void add_left(struct described *x, const struct ip_set *left)
{
	struct json_object *list = doc_array(&x->doc, "withoutPool");
	char text[IP_RANGE_MAX];

	for (size_t i = 0; list && i < left->n && i < 64; i++)
		doc_append_text(&x->doc, list, ip_range_format(left->ver, left->r[i], text));
}

static int describe_subnet(struct described *x, struct err *e)
{
	const struct api_subnet *s = (const struct api_subnet *)x->obj;
	struct below b = { .x = x, .s = s, .rows = doc_array(&x->doc, "pools") };
	int r = b.rows ? api_range_total(&s->spec, &b.left, e) : x->doc.failed;

	if (r == 0)
		r = store_list(x->t->m->st, STORE_IPPOOL, NULL, NULL, NULL, look_at_pool, &b, e);
	if (r == 0) {
		add_left(x, &b.left);
		if (!json_len(b.rows))
			describe_problem(x, "it has no pool: its addresses are given to nobody");
	}
	ip_set_clear(&b.left);
	return r < 0 ? r : x->doc.failed;
}

/* ---- SpiderReservedIP ---- */

struct reserved {
	struct described *x;
	struct json_object *rows;
	struct ip_set set;
};

static int look_at_reserving_pool(const struct store_obj *o, void *arg, struct err *e)
{
	struct reserved *v = arg;
	struct api_ippool p;
	struct ip_set both = { 0 };
	int64_t n = 0;
	int r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p, e);

	if (r < 0)
		return r;
	r = api_range_total(&p.spec.range, &both, e);
	if (r == 0 && both.ver == v->set.ver)
		r = ip_set_intersect(&both, &v->set, e);
	else
		ip_set_clear(&both);
	n = ip_set_count(&both);
	ip_set_clear(&both);
	api_clear(API_IPPOOL, &p);
	if (r == 0 && n) {
		struct doc row = doc_new(e);

		doc_text(&row, "pool", o->name);
		doc_int(&row, "addresses", n);
		doc_append(&v->x->doc, v->rows, &row);
	}
	return r;
}

static int describe_reserved(struct described *x, struct err *e)
{
	struct reserved v = { .x = x, .rows = doc_array(&x->doc, "keptFromPools") };
	int r = v.rows ? api_reserved_set((const struct api_reservedip *)x->obj, &v.set, e) : x->doc.failed;

	if (r == 0)
		r = store_list(x->t->m->st, STORE_IPPOOL, NULL, NULL, NULL, look_at_reserving_pool, &v, e);
	if (r == 0)
		r = describe_addresses(x, &v.set, e);
	if (r == 0 && x->n_addresses)
		describe_problem(x,
				 "%zu of its addresses were given out before they were reserved, or are in "
				 "quarantine; that stays so until their pods let them go",
				 x->n_addresses);
	ip_set_clear(&v.set);
	return r;
}

/* ---- SpiderEndpoint ---- */

struct endpoint {
	struct described *x;
	const struct api_endpoint *ep;
	struct json_object *rows;
};

static int look_at_attachment(const struct store_obj *o, void *arg, struct err *e)
{
	static const char *const states[] = { "unknown", "there", "gone" };
	struct endpoint *v = arg;
	const struct api_meta *m = &v->ep->obj.meta;
	struct ipam_attachment a;
	enum netns_state netns;
	struct doc row;
	int r = ipam_attachment_decode(o, &a, e);

	if (r < 0)
		return r;
	if (a.ns && a.pod && strcmp(a.ns, m->ns) == 0 && strcmp(a.pod, m->name) == 0) {
		netns = netns_look(&a);
		row = doc_new(e);
		doc_text(&row, "nic", a.nic);
		doc_text(&row, "network", a.network);
		doc_text(&row, "container", a.container);
		doc_text(&row, "netns", a.netns_path);
		doc_text(&row, "netnsState", states[netns]);
		doc_time(&row, "since", a.since);
		doc_append(&v->x->doc, v->rows, &row);
		if (netns == NETNS_GONE)
			describe_problem(v->x,
					 "NIC %s: network namespace %s is gone; \"spiderpoolctl gc\" frees "
					 "what it had",
					 a.nic, a.netns_path);
	}
	ipam_attachment_clear(&a);
	return r;
}

static int check_address(struct endpoint *v, const char *nic, const char *address, struct err *e)
{
	const struct api_meta *m = &v->ep->obj.meta;
	struct txn_block *b;
	struct block_rec *rec;
	struct ip_prefix p;
	int r;

	if (!address)
		return 0;
	r = ip_prefix_parse(address, &p, e);
	if (r == 0)
		r = txn_record(v->x->t, p.ip, &b, &rec, e);
	if (r == 0 && (!block_rec_held(rec, v->x->t->now) || strcmp(rec->ns, m->ns) != 0 ||
		       strcmp(rec->pod, m->name) != 0))
		describe_problem(
			v->x,
			"NIC %s: address %s is not the pod's; \"spiderpoolctl fsck --repair\" sets that "
			"right",
			nic, address);
	return r;
}

static void add_nics(struct endpoint *v, struct err *e)
{
	struct json_object *nics = doc_array(&v->x->doc, "nics");

	for (size_t i = 0; nics && i < v->ep->status.current.ips.n; i++) {
		const struct api_endpoint_ip *ip = &v->ep->status.current.ips.v[i];
		struct doc row = doc_new(e);

		doc_text(&row, "nic", ip->interface);
		doc_text(&row, "ipv4", ip->ipv4);
		doc_text(&row, "ipv4Pool", ip->ipv4_pool);
		doc_text(&row, "ipv4Gateway", ip->ipv4_gateway);
		doc_text(&row, "ipv6", ip->ipv6);
		doc_text(&row, "ipv6Pool", ip->ipv6_pool);
		doc_text(&row, "ipv6Gateway", ip->ipv6_gateway);
		if (ip->routes.n) {
			struct json_object *routes = doc_array(&row, "routes");
			char line[2 * IP_TEXT_MAX + 8];

			for (size_t k = 0; routes && k < ip->routes.n; k++) {
				snprintf(line, sizeof(line), "%s via %s", ip->routes.v[k].dst,
					 ip->routes.v[k].gw);
				doc_append_text(&row, routes, line);
			}
		}
		doc_append(&v->x->doc, nics, &row);
	}
}

static int describe_endpoint(struct described *x, struct err *e)
{
	const struct api_endpoint *ep = (const struct api_endpoint *)x->obj;
	struct endpoint v = { .x = x, .ep = ep };
	int r;

	doc_text(&x->doc, "node", ep->status.current.node);
	doc_text(&x->doc, "podUID", ep->status.current.uid);
	doc_text(&x->doc, "ownerType", ep->status.owner_controller_type);
	doc_text(&x->doc, "owner", ep->status.owner_controller_name);
	add_nics(&v, e);
	v.rows = doc_array(&x->doc, "sandboxes");
	r = v.rows ? store_list(x->t->m->st, STORE_ATTACHMENT, NULL, NULL, NULL, look_at_attachment, &v, e)
		   : x->doc.failed;
	for (size_t i = 0; r == 0 && i < ep->status.current.ips.n; i++) {
		const struct api_endpoint_ip *ip = &ep->status.current.ips.v[i];

		r = check_address(&v, ip->interface, ip->ipv4, e);
		if (r == 0)
			r = check_address(&v, ip->interface, ip->ipv6, e);
	}
	return r;
}

/* ---- SpiderIPBlock ---- */

static int describe_block(struct described *x, struct err *e)
{
	struct ip_set set = { 0 };
	char cidr[IP_TEXT_MAX];
	struct ip_prefix p = { 0 };
	ip_num index;
	int r = ip_block_parse(x->obj->meta.name, &p.ip.ver, &index, e);

	if (r < 0)
		return r;
	p.ip.n = index << IP_BLOCK_BITS;
	p.len = (uint8_t)(ip_bits(p.ip.ver) - IP_BLOCK_BITS);
	doc_text(&x->doc, "cidr", ip_prefix_format(p, cidr));
	set.ver = p.ip.ver;
	r = ip_set_add(&set, ip_prefix_range(p), e);
	if (r == 0)
		r = describe_addresses(x, &set, e);
	ip_set_clear(&set);
	return r;
}

int (*const describe_kind[API_KIND_MAX])(struct described *x, struct err *e) = {
	[API_IPPOOL] = describe_pool,         [API_SUBNET] = describe_subnet,
	[API_RESERVEDIP] = describe_reserved, [API_ENDPOINT] = describe_endpoint,
	[API_IPBLOCK] = describe_block,
};
