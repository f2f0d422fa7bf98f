/* SPDX-License-Identifier: Apache-2.0 */
/* ip_show.c - ip show: all that is known of one address */
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "ipam/release.h"
#include "record.h"
#include "sandbox.h"

struct show {
	struct ctl *c;
	struct ip ip;
	struct doc *d;
	struct json_object *pools;
	struct txn *t;
	struct json_object *reserved_by; /* names of SpiderReservedIPs that have it */
};

/* ---- reserved ---- */

static int look_at_reserved(const struct store_obj *o, void *arg, struct err *e)
{
	struct show *s = arg;
	struct api_reservedip rsv;
	struct ip_set set = { 0 };
	int r = api_decode_text(API_RESERVEDIP, o->data, o->len, o->name, &rsv, e);

	if (r < 0)
		return r;
	r = api_reserved_set(&rsv, &set, e);
	if (r == 0 && set.ver == s->ip.ver && ip_set_has(&set, s->ip.n)) {
		if (!s->reserved_by)
			s->reserved_by = doc_array(s->d, "reservedBy");
		doc_append_text(s->d, s->reserved_by, o->name);
	}
	ip_set_clear(&set);
	api_clear(API_RESERVEDIP, &rsv);
	return r;
}

/* ---- pools ---- */

static int pool_says(const struct api_ippool *p, struct ip ip, bool reserved, const char **ret, struct err *e)
{
	const struct json_strv *ips = &p->spec.range.ips;
	struct ip_set all = { 0 }, total = { 0 };
	bool listed, eligible;
	int r = ip_set_parse((const char *const *)ips->v, ips->n, ip.ver, &all, e);

	if (r == 0)
		r = api_range_total(&p->spec.range, &total, e);
	listed = ip_set_has(&all, ip.n);
	eligible = ip_set_has(&total, ip.n);
	ip_set_clear(&all);
	ip_set_clear(&total);
	*ret = !listed             ? "not in spec.ips"
	       : !eligible         ? "excluded by spec.excludeIPs"
	       : reserved          ? "reserved by a SpiderReservedIP"
	       : p->spec.disable.v ? "the pool is disabled"
				   : "eligible";
	return r;
}

static int look_at_pool(const struct store_obj *o, void *arg, struct err *e)
{
	struct show *s = arg;
	struct api_ippool p;
	struct ip_prefix subnet;
	const char *says;
	int r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &p, e);

	if (r < 0)
		return r;
	r = ip_prefix_parse(p.spec.range.subnet ? p.spec.range.subnet : "", &subnet, e);
	if (r == 0 && ip_prefix_contains(subnet, s->ip)) {
		r = pool_says(&p, s->ip, s->reserved_by != NULL, &says, e);
		if (r == 0) {
			struct doc row = doc_new(e);

			doc_text(&row, "pool", o->name);
			doc_text(&row, "subnet", p.spec.range.subnet);
			doc_text(&row, "address", says);
			doc_append(s->d, s->pools, &row);
		}
	}
	api_clear(API_IPPOOL, &p);
	return r;
}

/* ---- who has it ---- */

static int add_attachment(const struct show *s, const struct block_rec *rec, struct err *e)
{
	static const char *const states[] = { "unknown", "there", "gone" };
	CLEANUP(stored_clear) struct stored_attachment a = { 0 };
	int r = stored_get(s->t, rec->network, rec->container, rec->nic, &a, e);

	if (r == 0) {
		stored_clear(&a);
		r = stored_get(s->t, "", rec->container, rec->nic, &a, e);
	}
	if (r <= 0)
		return r;
	doc_text(s->d, "netns", a.a.netns_path);
	doc_text(s->d, "netnsState", states[netns_look(&a.a)]);
	doc_text(s->d, "claimedBy", a.a.claimed_by);
	return 0;
}

static int show_body(struct txn *t, void *arg, struct err *e)
{
	struct show *s = arg;
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, s->ip, &b, &rec, e);

	s->t = t;
	if (r < 0)
		return r;
	record_doc(s->d, &s->c->ipam, &(struct ipam_found){ s->ip, rec });
	if (block_rec_has_holder(rec))
		r = add_attachment(s, rec, e);
	if (r == 0)
		r = store_list(t->m->st, STORE_RESERVEDIP, NULL, NULL, NULL, look_at_reserved, s, e);
	s->pools = doc_array(s->d, "pools");
	if (r == 0 && s->pools)
		r = store_list(t->m->st, STORE_IPPOOL, NULL, NULL, NULL, look_at_pool, s, e);
	return r < 0 ? r : 1;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct show s = { .c = c };
	struct doc d;
	int r = ip_parse(c->in.operands[0], &s.ip, e);

	(void)args;
	if (r < 0)
		return ctl_usage(e, "%s", e->msg);
	r = ctl_open(c, CTL_READ, e);
	if (r < 0)
		return r;
	d = doc_new(e);
	s.d = &d;
	r = txn_run(ctl_engine(c), STORE_READ, show_body, &s, e);
	if (r < 0) {
		doc_clear(&d);
		return r;
	}
	r = doc_end(&d, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

const struct command cmd_ip_show = {
	.name = "show",
	.operands = "IP",
	.summary = "who has an address, since when, and which pools may give it out",
	.min = 1,
	.max = 1,
	.run = run,
};
