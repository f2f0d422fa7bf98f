/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.c - proving the invariants */
#include "ipam/fsck.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/fsck_impl.h"
#include "ipam/usage.h"

static int add(struct fsck *f, const struct finding *one, struct err *e)
{
	struct finding *v = realloc(f->v, (f->n + 1) * sizeof(*v));

	if (!v)
		return err_nomem(e);
	f->v = v;
	v[f->n++] = *one;
	return 0;
}

static int report(struct fsck *f, enum finding_kind kind, struct ip addr, const struct ipam_key *key,
		  const char *sentence, struct err *e)
{
	struct finding one = { .kind = kind, .addr = addr };

	if (key)
		one.key = *key;
	snprintf(one.sentence, sizeof(one.sentence), "%s", sentence);
	return add(f, &one, e);
}

bool fsck_names(const struct ipam_attachment *a, struct ip addr)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct ip_prefix p;
		struct err e;

		if (!a->ips.v[i].released && ipam_attachment_ip(a, i, &p, &e) == 0 && ip_equal(p.ip, addr))
			return true;
	}
	return false;
}

/* ---- every held record has its attachment and its endpoint entry ---- */

int fsck_attachment_of(struct txn *t, const struct block_rec *r, struct stored_attachment *ret, struct err *e)
{
	int x = stored_get(t, r->network, r->container, r->nic, ret, e);

	return x ? x : stored_get(t, "", r->container, r->nic, ret, e);
}

static int record_attachment(struct fsck *f, const struct ipam_found *x, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	char text[IP_TEXT_MAX], line[512];
	int r;

	if (!block_rec_has_holder(x->rec))
		return 0;
	r = fsck_attachment_of(f->t, x->rec, &s, e);
	if (r < 0 || (r > 0 && fsck_names(&s.a, x->addr)))
		return r < 0 ? r : 0;
	snprintf(line, sizeof(line),
		 "address %s is held by container %.64s, NIC %.32s, but no attachment names it",
		 ip_format(x->addr, text), x->rec->container, x->rec->nic);
	return report(f, RECORD_WITHOUT_ATTACHMENT, x->addr, NULL, line, e);
}

bool fsck_keeps(const struct block_rec *r)
{
	return r->hold == HOLD_PIN || r->hold == HOLD_STS || r->hold == HOLD_VM;
}

/* A pod's former sandbox may hold an address that its endpoint no longer names; a pin must be named. */
static int record_endpoint(struct fsck *f, const struct ipam_found *x, struct err *e)
{
	char text[IP_TEXT_MAX], line[768];
	struct txn_endpoint *ep;
	int r;

	if (!fsck_keeps(x->rec))
		return 0;
	r = endpoint_of_record(f->t, x->rec, &ep, e);
	if (r < 0 || endpoint_names(ep, x->rec->nic, x->addr))
		return r;
	snprintf(
		line, sizeof(line),
		"address %s is kept for pod %.253s/%.253s, NIC %.32s, but its SpiderEndpoint does not say so",
		ip_format(x->addr, text), x->rec->ns, endpoint_record_name(x->rec), x->rec->nic);
	return report(f, PIN_WITHOUT_ENDPOINT, x->addr, NULL, line, e);
}

static int record_pool(struct fsck *f, const struct ipam_found *x, struct err *e)
{
	char text[IP_TEXT_MAX], line[512];
	struct ip_set total = { 0 };
	struct api_ippool pool;
	struct store_obj o;
	bool in = false, exists;
	int r = store_get(f->t->m->st, STORE_IPPOOL, "", x->rec->pool, &o, e);

	exists = r > 0;
	if (exists) {
		r = api_decode_text(API_IPPOOL, o.data, o.len, x->rec->pool, &pool, e);
		if (r == 0)
			r = api_range_total(&pool.spec.range, &total, e);
		in = r == 0 && total.ver == x->addr.ver && ip_set_has(&total, x->addr.n);
		ip_set_clear(&total);
		api_clear(API_IPPOOL, &pool);
	}
	if (r < 0 || in || !f->call->remark)
		return r;
	snprintf(line, sizeof(line), "address %s was given out by pool %.253s, which %s",
		 ip_format(x->addr, text), x->rec->pool, exists ? "no longer has it" : "no longer exists");
	f->call->remark(line, f->call->arg);
	return 0;
}

static int check_record(const struct ipam_found *x, void *arg, struct err *e)
{
	struct fsck *f = arg;
	int r = 0;

	if (x->rec->hold == HOLD_FREE || x->rec->hold == HOLD_QUARANTINE)
		return 0;
	if (!f->call->no_attachments)
		r = record_attachment(f, x, e);
	if (r == 0)
		r = record_endpoint(f, x, e);
	return r < 0 ? r : record_pool(f, x, e);
}

/* ---- every attachment holds what it names ---- */

static int attachment_address(struct fsck *f, const struct ipam_attachment *a, const struct ipam_key *key,
			      size_t i, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	struct ip_prefix p;
	char line[768];
	int r = ipam_attachment_ip(a, i, &p, e);

	if (r == 0)
		r = txn_record(f->t, p.ip, &b, &rec, e);
	if (r < 0 || (strcmp(rec->container, a->container) == 0 && strcmp(rec->nic, a->nic) == 0))
		return r;
	snprintf(line, sizeof(line), "container %.64s, NIC %.32s was given address %s, which is %s%.64s",
		 a->container, a->nic, a->ips.v[i].address,
		 block_rec_has_holder(rec) ? "held by container " : "not held by anybody", rec->container);
	return report(f, ATTACHMENT_WITHOUT_RECORD, p.ip, key, line, e);
}

static int check_attachment(const struct store_obj *o, void *arg, struct err *e)
{
	struct fsck *f = arg;
	struct ipam_attachment a;
	struct ipam_key key;
	int r = ipam_attachment_decode(o, &a, e);

	if (r < 0)
		return r;
	snprintf(key.ns, sizeof(key.ns), "%s", o->ns);
	snprintf(key.name, sizeof(key.name), "%s", o->name);
	for (size_t i = 0; r == 0 && i < a.ips.n; i++)
		r = a.ips.v[i].released ? 0 : attachment_address(f, &a, &key, i, e);
	ipam_attachment_clear(&a);
	return r;
}

/* ---- every endpoint entry is true ---- */

bool fsck_pod_holds(const struct txn *t, const struct block_rec *r, const char *ns, const char *pod)
{
	return block_rec_held(r, t->now) && strcmp(r->ns, ns) == 0 &&
	       strcmp(endpoint_record_name(r), pod) == 0;
}

static int endpoint_address(struct fsck *f, const struct api_endpoint *ep, const char *nic,
			    const char *address, struct err *e)
{
	const struct api_meta *m = &ep->obj.meta;
	struct txn_block *b;
	struct block_rec *rec;
	struct ip_prefix p;
	struct ipam_key key;
	char line[768];
	int r;

	if (!address)
		return 0;
	r = ip_prefix_parse(address, &p, e);
	if (r == 0)
		r = txn_record(f->t, p.ip, &b, &rec, e);
	if (r < 0 || fsck_pod_holds(f->t, rec, m->ns, m->name))
		return r;
	snprintf(line, sizeof(line),
		 "SpiderEndpoint %.253s/%.253s, NIC %.32s names address %s, which the pod does not hold",
		 m->ns, m->name, nic, address);
	snprintf(key.ns, sizeof(key.ns), "%s", m->ns);
	snprintf(key.name, sizeof(key.name), "%s", m->name);
	return report(f, ENDPOINT_FALSE, p.ip, &key, line, e);
}

static int check_endpoint(const struct store_obj *o, void *arg, struct err *e)
{
	struct fsck *f = arg;
	struct api_endpoint ep;
	int r = api_decode_text(API_ENDPOINT, o->data, o->len, "SpiderEndpoint", &ep, e);

	if (r < 0)
		return err_wrap(e, "%s/%s", o->ns, o->name);
	for (size_t i = 0; r == 0 && i < ep.status.current.ips.n; i++) {
		const struct api_endpoint_ip *ip = &ep.status.current.ips.v[i];

		r = endpoint_address(f, &ep, ip->interface, ip->ipv4, e);
		if (r == 0)
			r = endpoint_address(f, &ep, ip->interface, ip->ipv6, e);
	}
	api_clear(API_ENDPOINT, &ep);
	return r;
}

/* ---- */

static int check_body(struct txn *t, void *arg, struct err *e)
{
	struct fsck *f = arg;
	int r;

	f->t = t;
	f->n = 0;
	r = usage_walk(t, NULL, check_record, f, e);
	if (r == 0)
		r = store_list(t->m->st, STORE_ATTACHMENT, NULL, NULL, NULL, check_attachment, f, e);
	if (r == 0)
		r = store_list(t->m->st, STORE_ENDPOINT, NULL, NULL, NULL, check_endpoint, f, e);
	return r < 0 ? r : 1;
}

int ipam_fsck(struct ipam *m, const struct ipam_fsck *call, struct err *e)
{
	struct fsck f = { .call = call };
	int r = txn_run(m, STORE_READ, check_body, &f, e);

	for (size_t i = 0; r == 0 && i < f.n; i++) {
		bool mended = false;

		if (call->repair)
			r = fsck_mend(m, &f.v[i], &mended, e);
		call->found(f.v[i].sentence, mended, call->arg);
	}
	r = r < 0 ? r : (int)f.n;
	free(f.v);
	return r;
}
