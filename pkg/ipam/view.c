/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - objects as they would be shown in a cluster: status counted from the blocks */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/admin.h"
#include "ipam/usage.h"
#include "ipam/world.h"

#define ALLOCATED_MAX 5000 /* records in status.allocatedIPs, as users know it */

struct allocated {
	struct json_object *map; /* address -> {"pod": "ns/name", "podUid": "..."} */
	int64_t n;
};

static int add_allocated(const struct ipam_found *f, void *arg, struct err *e)
{
	struct allocated *a = arg;
	struct json_object *o;
	struct buf pod = BUF_INIT(1024);
	char text[IP_TEXT_MAX];
	int r;

	if (f->rec->hold == HOLD_FREE || f->rec->hold == HOLD_QUARANTINE)
		return 0;
	if (a->n++ >= ALLOCATED_MAX)
		return 0;
	o = json_object_new_object();
	buf_fmt(&pod, "%s/%s", f->rec->ns, f->rec->pod);
	r = !o || pod.err ? err_nomem(e) : json_set_str(o, "pod", buf_cstr(&pod), e);
	if (r == 0)
		r = json_set_str(o, "podUid", f->rec->uid, e);
	buf_clear(&pod);
	if (r < 0) {
		json_object_put(o);
		return r;
	}
	return json_set(a->map, ip_format(f->addr, text), o, e);
}

static int print_map(struct json_object *map, int64_t n, char **ret, struct err *e)
{
	struct buf b = BUF_INIT(STORE_VALUE_MAX);
	int r;

	free(*ret);
	*ret = NULL;
	if (!n)
		return 0;
	r = json_print(map, false, &b, e);
	if (r == 0)
		*ret = b.s;
	else
		buf_clear(&b);
	return r;
}

static int pool_status(struct txn *t, struct api_ippool *p, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = json_object_new_object();
	struct allocated a = { .map = map };
	struct ip_set total = { 0 };
	int r = map ? api_range_total(&p->spec.range, &total, e) : err_nomem(e);

	if (r == 0)
		r = usage_walk(t, &total, add_allocated, &a, e);
	p->status.total_ip_count = (struct json_int){ true, ip_set_count(&total) };
	p->status.allocated_ip_count = (struct json_int){ true, a.n };
	ip_set_clear(&total);
	return r < 0 ? r : print_map(map, a.n, &p->status.allocated_ips, e);
}

static int strv_json(const char *const *v, size_t n, struct json_object **ret, struct err *e)
{
	struct json_object *a = json_object_new_array();
	int r = a ? 0 : err_nomem(e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = json_append(a, json_object_new_string(v[i]), e);
	if (r < 0)
		json_object_put(a);
	else
		*ret = a;
	return r;
}

static int add_controlled(struct json_object *map, const struct api_ippool *p, struct err *e)
{
	struct json_object *ips = NULL, *o = json_object_new_object();
	int r = o ? strv_json((const char *const *)p->spec.range.ips.v, p->spec.range.ips.n, &ips, e)
		  : err_nomem(e);

	if (r == 0)
		r = json_set(o, "ips", ips, e);
	if (r < 0) {
		json_object_put(o);
		return r;
	}
	return json_set(map, p->obj.meta.name, o, e);
}

static int subnet_status(const struct world *w, struct api_subnet *s, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = json_object_new_object();
	struct ip_set total = { 0 };
	int64_t pools = 0, given = 0;
	int r = map ? api_range_total(&s->spec, &total, e) : err_nomem(e);

	for (size_t i = 0; r == 0 && i < w->api.n_pools; i++) {
		const struct api_ippool *p = w->api.pools[i];
		struct ip_set own = { 0 };

		if (strcmp(p->spec.range.subnet, s->spec.subnet) != 0)
			continue;
		pools++;
		r = api_range_total(&p->spec.range, &own, e);
		given += ip_set_count(&own);
		ip_set_clear(&own);
		if (r == 0)
			r = add_controlled(map, p, e);
	}
	s->status.total_ip_count = (struct json_int){ true, ip_set_count(&total) };
	s->status.allocated_ip_count = (struct json_int){ true, given };
	ip_set_clear(&total);
	return r < 0 ? r : print_map(map, pools, &s->status.controlled_ippools, e);
}

/* ---- */

struct view {
	enum api_kind kind;
	const char *ns, *name; /* NULL: all */
	int (*each)(struct api_object *obj, void *arg, struct err *e);
	void *arg;
	struct txn *t;
	const struct world *world;
	bool found;
};

/* Blocks are stored as bare record lines. */
static int block_object(const struct store_obj *o, struct api_ipblock *b, struct err *e)
{
	char cidr[IP_TEXT_MAX];
	struct ip_prefix p = { 0 };
	ip_num index;
	int r = ip_block_parse(o->name, &p.ip.ver, &index, e);

	if (r < 0)
		return r;
	p.ip.n = index << IP_BLOCK_BITS;
	p.len = (uint8_t)(ip_bits(p.ip.ver) - IP_BLOCK_BITS);
	b->obj.kind = strdup(api_kinds[API_IPBLOCK].kind);
	b->obj.api_version = strdup(API_VERSION);
	b->obj.meta.name = strdup(o->name);
	b->spec.ip_version = (struct json_int){ true, p.ip.ver };
	b->spec.cidr = strdup(ip_prefix_format(p, cidr));
	b->spec.records = strndup(o->data, o->len);
	return b->obj.kind && b->obj.api_version && b->obj.meta.name && b->spec.cidr && b->spec.records
		       ? 0
		       : err_nomem(e);
}

static int set_version(struct api_meta *m, uint64_t version, struct err *e)
{
	struct buf b = BUF_INIT(32);

	buf_fmt(&b, "%llu", (unsigned long long)version);
	free(m->resource_version);
	m->resource_version = b.s;
	return b.err ? err_nomem(e) : 0;
}

static int show(const struct store_obj *o, void *arg, struct err *e)
{
	struct view *v = arg;
	struct api_object *obj;
	int r;

	if ((v->ns && strcmp(v->ns, o->ns) != 0) || (v->name && strcmp(v->name, o->name) != 0))
		return 0;
	obj = calloc(1, api_kinds[v->kind].size);
	if (!obj)
		return err_nomem(e);
	r = v->kind == API_IPBLOCK ? block_object(o, (struct api_ipblock *)obj, e)
				   : api_decode_text(v->kind, o->data, o->len, o->name, obj, e);
	if (r == 0)
		r = set_version(&obj->meta, o->version, e);
	if (r == 0 && v->kind == API_IPPOOL)
		r = pool_status(v->t, (struct api_ippool *)obj, e);
	if (r == 0 && v->kind == API_SUBNET)
		r = subnet_status(v->world, (struct api_subnet *)obj, e);
	v->found = true;
	if (r == 0)
		r = v->each(obj, v->arg, e);
	api_free(v->kind, obj);
	return r;
}

static int view_body(struct txn *t, void *arg, struct err *e)
{
	struct view *v = arg;
	struct world w = { 0 };
	int r = v->kind == API_SUBNET ? world_load(t, API_SUBNET, "", NULL, &w, e) : 0;

	v->t = t;
	v->world = &w;
	if (r == 0)
		r = store_list(t->m->st, admin_store_kind(v->kind), NULL, NULL, NULL, show, v, e);
	world_clear(&w);
	return r < 0 ? r : 1;
}

int admin_each(struct ipam *m, enum api_kind kind, const char *ns, const char *name,
	       int (*each)(struct api_object *obj, void *arg, struct err *e), void *arg, struct err *e)
{
	struct view v = { .kind = kind, .ns = ns, .name = name, .each = each, .arg = arg };
	int r = txn_run(m, STORE_READ, view_body, &v, e);

	if (r == 0 && name && !v.found)
		r = err_code(e, ERR_CONFIG, ENOENT, "%s %s%s%s: there is none", api_kinds[kind].kind,
			     ns ? ns : "", ns ? "/" : "", name);
	return r;
}
