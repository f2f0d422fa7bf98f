/* SPDX-License-Identifier: Apache-2.0 */
/* columns.c - what get shows of each kind: the printer columns of the CRDs */
#include <stdio.h>
#include <string.h>

#include "api/block.h"
#include "base/own.h"
#include "get.h"

static void cell_int(struct out *o, const struct json_int *n)
{
	if (n->set)
		out_cell_fmt(o, "%lld", (long long)n->v);
	else
		out_cell(o, NULL);
}

static void cell_bool(struct out *o, const struct json_bool *b)
{
	out_cell(o, b->set && b->v ? "true" : "false");
}

static void cell_list(struct out *o, const struct json_strv *l)
{
	struct buf b = BUF_INIT(BUF_MAX_DEFAULT);

	for (size_t i = 0; i < l->n; i++)
		buf_fmt(&b, "%s%s", i ? "," : "", l->v[i]);
	out_cell(o, buf_cstr(&b));
	buf_clear(&b);
}

static void cell_age(struct out *o, const struct api_object *obj)
{
	char age[AGE_MAX];

	out_cell(o, get_age(obj->meta.creation_timestamp, age));
}

const char *get_age(const char *timestamp, char out[AGE_MAX])
{
	static const struct {
		char unit;
		int64_t s;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	int64_t ms, s;
	struct err e;

	snprintf(out, AGE_MAX, "-");
	if (!timestamp || clock_parse(timestamp, &ms, &e) < 0)
		return out;
	s = (clock_wall_ms() - ms) / 1000;
	s = s < 0 ? 0 : s;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (s >= 2 * units[i].s || units[i].s == 1) { /* 90m rather than 1h */
			snprintf(out, AGE_MAX, "%lld%c", (long long)(s / units[i].s), units[i].unit);
			return out;
		}
	}
	return out;
}

static void cell_range(struct out *o, const struct api_object *obj, const struct api_range_spec *s)
{
	out_cell(o, obj->meta.name);
	cell_int(o, &s->ip_version);
	out_cell(o, s->subnet);
}

/* ---- SpiderIPPool ---- */

static const struct out_column pool_columns[] = {
	{ .title = "NAME" },
	{ .title = "VERSION" },
	{ .title = "SUBNET" },
	{ .title = "ALLOCATED-IP-COUNT" },
	{ .title = "TOTAL-IP-COUNT" },
	{ .title = "DEFAULT" },
	{ .title = "DISABLE", .wide = true },
	{ .title = "NODENAME", .wide = true },
	{ .title = "MULTUSNAME", .wide = true },
	{ .title = "APP-NAMESPACE", .wide = true },
	{ .title = "AGE", .wide = true },
};

static void pool_cells(struct out *o, const struct api_object *obj)
{
	const struct api_ippool *p = (const struct api_ippool *)obj;
	const struct api_selector *app = p->spec.pod_affinity;

	cell_range(o, obj, &p->spec.range);
	cell_int(o, &p->status.allocated_ip_count);
	cell_int(o, &p->status.total_ip_count);
	cell_bool(o, &p->spec.is_default);
	cell_bool(o, &p->spec.disable);
	cell_list(o, &p->spec.node_name);
	cell_list(o, &p->spec.multus_name);
	out_cell(o, app ? json_map_get(&app->match_labels, "ipam.spidernet.io/app-namespace") : NULL);
	cell_age(o, obj);
}

/* ---- SpiderSubnet ---- */

static const struct out_column subnet_columns[] = {
	{ .title = "NAME" },           { .title = "VERSION" },
	{ .title = "SUBNET" },         { .title = "ALLOCATED-IP-COUNT" },
	{ .title = "TOTAL-IP-COUNT" }, { .title = "AGE", .wide = true },
};

static void subnet_cells(struct out *o, const struct api_object *obj)
{
	const struct api_subnet *s = (const struct api_subnet *)obj;

	cell_range(o, obj, &s->spec);
	cell_int(o, &s->status.allocated_ip_count);
	cell_int(o, &s->status.total_ip_count);
	cell_age(o, obj);
}

/* ---- SpiderReservedIP ---- */

static const struct out_column reserved_columns[] = {
	{ .title = "NAME" },
	{ .title = "VERSION" },
	{ .title = "IPS", .wide = true },
	{ .title = "AGE", .wide = true },
};

static void reserved_cells(struct out *o, const struct api_object *obj)
{
	const struct api_reservedip *r = (const struct api_reservedip *)obj;

	out_cell(o, obj->meta.name);
	cell_int(o, &r->spec.ip_version);
	cell_list(o, &r->spec.ips);
	cell_age(o, obj);
}

/* ---- SpiderEndpoint: all NICs, not only the first ---- */

static const struct out_column endpoint_columns[] = {
	{ .title = "NAMESPACE" }, { .title = "NAME" }, { .title = "INTERFACE" },
	{ .title = "IPV4POOL" },  { .title = "IPV4" }, { .title = "IPV6POOL" },
	{ .title = "IPV6" },      { .title = "NODE" }, { .title = "AGE", .wide = true },
};

static void cell_nics(struct out *o, const struct api_endpoint *ep, size_t member)
{
	struct buf b = BUF_INIT(BUF_MAX_DEFAULT);

	for (size_t i = 0; i < ep->status.current.ips.n; i++) {
		const char *nic = (const char *)&ep->status.current.ips.v[i];
		const char *text;

		memcpy(&text, nic + member, sizeof(text));
		if (text && *text)
			buf_fmt(&b, "%s%s", b.len ? "," : "", text);
	}
	out_cell(o, buf_cstr(&b));
	buf_clear(&b);
}

static void endpoint_cells(struct out *o, const struct api_object *obj)
{
	const struct api_endpoint *ep = (const struct api_endpoint *)obj;

	out_cell(o, obj->meta.ns);
	out_cell(o, obj->meta.name);
	cell_nics(o, ep, offsetof(struct api_endpoint_ip, interface));
	cell_nics(o, ep, offsetof(struct api_endpoint_ip, ipv4_pool));
	cell_nics(o, ep, offsetof(struct api_endpoint_ip, ipv4));
	cell_nics(o, ep, offsetof(struct api_endpoint_ip, ipv6_pool));
	cell_nics(o, ep, offsetof(struct api_endpoint_ip, ipv6));
	out_cell(o, ep->status.current.node);
	cell_age(o, obj);
}

/* ---- SpiderIPBlock ---- */

static const struct out_column block_columns[] = {
	{ .title = "NAME" },
	{ .title = "VERSION" },
	{ .title = "CIDR" },
	{ .title = "HELD" },
};

static void block_cells(struct out *o, const struct api_object *obj)
{
	const struct api_ipblock *b = (const struct api_ipblock *)obj;
	struct block block;
	struct err e;
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(obj->meta.name, &ver, &index, &e);

	out_cell(o, obj->meta.name);
	cell_int(o, &b->spec.ip_version);
	out_cell(o, b->spec.cidr);
	if (r == 0)
		r = block_decode(ver, index, b->spec.records, strlen(b->spec.records), &block, &e);
	if (r < 0) {
		out_cell(o, "damaged");
		return;
	}
	out_cell_fmt(o, "%d", __builtin_popcountll(block_held_mask(&block, clock_wall_ms())));
	block_clear(&block);
}

const struct get_view get_views[API_KIND_MAX] = {
	[API_IPPOOL] = { pool_columns, ARRAY_LEN(pool_columns), pool_cells },
	[API_SUBNET] = { subnet_columns, ARRAY_LEN(subnet_columns), subnet_cells },
	[API_RESERVEDIP] = { reserved_columns, ARRAY_LEN(reserved_columns), reserved_cells },
	[API_ENDPOINT] = { endpoint_columns, ARRAY_LEN(endpoint_columns), endpoint_cells },
	[API_IPBLOCK] = { block_columns, ARRAY_LEN(block_columns), block_cells },
};
