/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - may this pool serve this pod? (spec/ipam.md 3.4) */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/plan.h"

static void list_names(struct buf *b, const struct json_strv *l)
{
	for (size_t i = 0; i < l->n && i < 5; i++)
		buf_fmt(b, "%s%s", i ? ", " : "", l->v[i]);
	if (l->n > 5)
		buf_fmt(b, ", and %zu more", l->n - 5);
}

/* The affinity kinds differ only in their words. */
struct affinity {
	const char *field, *of, *name, *how;
	const struct api_selector *selector;
	const struct ipam_labels *labels;
};

static bool affinity_refuses(struct buf *b, const struct affinity *a)
{
	if (!a->selector)
		return false;
	if (!a->labels->known) {
		buf_fmt(b, "spec.%s needs the labels of the %s, which are not known here (%s)", a->field,
			a->of, a->how);
		return true;
	}
	if (api_selector_matches(a->selector, a->labels->map))
		return false;
	buf_fmt(b, "spec.%s does not match the labels of %s %s", a->field, a->of, a->name);
	return true;
}

/* A list of names beats the selector of the same thing. */
static bool names_refuse(struct buf *b, const char *field, const char *of, const char *name,
			 const struct json_strv *names)
{
	if (json_strv_has(names, name))
		return false;
	buf_fmt(b, "%s \"%s\" is not in spec.%s (", of, name, field);
	list_names(b, names);
	buf_chr(b, ')');
	return true;
}

static bool node_refuses(struct buf *b, const struct ipam_request *req, const struct api_ippool_spec *s)
{
	const struct affinity a = { "nodeAffinity",   "node",
				    req->node,        "the network configuration may give node_labels",
				    s->node_affinity, &req->node_labels };

	if (s->node_name.n)
		return names_refuse(b, "nodeName", "node", req->node, &s->node_name);
	return affinity_refuses(b, &a);
}

static bool namespace_refuses(struct buf *b, const struct ipam_request *req, const struct api_ippool_spec *s)
{
	const struct affinity a = {
		"namespaceAffinity",   "namespace",    req->ns, "use spec.namespaceName instead",
		s->namespace_affinity, &req->ns_labels
	};

	if (s->namespace_name.n)
		return names_refuse(b, "namespaceName", "namespace", req->ns, &s->namespace_name);
	return affinity_refuses(b, &a);
}

/* Items are "namespace/name" or "name" of a network; without an API server the network's own name is all
 * there is. */
static bool network_refuses(struct buf *b, const struct ipam_request *req, const struct json_strv *names)
{
	if (!names->n)
		return false;
	for (size_t i = 0; i < names->n; i++) {
		const char *slash = strchr(names->v[i], '/');

		if (strcmp(slash ? slash + 1 : names->v[i], req->network) == 0)
			return false;
	}
	buf_fmt(b, "network \"%s\" is not in spec.multusName (", req->network);
	list_names(b, names);
	buf_chr(b, ')');
	return true;
}

/* match_master_subnet (spec/ipam.md 3.4 rule 7). */
static bool master_refuses(struct buf *b, const struct ipam_master *m, const struct api_ippool_spec *s)
{
	struct ip_prefix subnet;
	struct err e;

	if (!m)
		return false;
	if (m->unknown[0]) {
		buf_fmt(b, "match_master_subnet: %s", m->unknown);
		return true;
	}
	for (size_t i = 0;
	     ip_prefix_parse(s->range.subnet ? s->range.subnet : "", &subnet, &e) == 0 && i < m->n; i++)
		if (ip_prefix_contains(subnet, m->addr[i].ip))
			return false;
	buf_fmt(b, "match_master_subnet: no address of the physical NIC %s lies in spec.subnet %s", m->name,
		s->range.subnet);
	return true;
}

static bool state_refuses(struct buf *b, uint8_t ver, const struct api_ippool *p)
{
	uint8_t own = api_range_version(&p->spec.range);

	if (p->obj.meta.deletion_timestamp)
		buf_str(b, "is being deleted");
	else if (p->spec.disable.v)
		buf_str(b, "is disabled (spec.disable: true)");
	else if (own != ver)
		buf_fmt(b, "is an IPv%u pool, asked for as IPv%u", own, ver);
	return b->len > 0;
}

int pool_refusal(const struct ipam_request *req, uint8_t ver, const struct api_ippool *p, char **ret,
		 struct err *e)
{
	const struct api_ippool_spec *s = &p->spec;
	const struct affinity pod = { "podAffinity",   "pod",
				      req->pod,        "the runtime does not pass them",
				      s->pod_affinity, &req->pod_labels };
	struct buf b = BUF_INIT(4096);

	*ret = NULL;
	if (!state_refuses(&b, ver, p) && !node_refuses(&b, req, s) && !namespace_refuses(&b, req, s) &&
	    !affinity_refuses(&b, &pod) && !network_refuses(&b, req, &s->multus_name) && !s->multus_name.n)
		master_refuses(&b, req->master, s);
	if (b.err) {
		buf_clear(&b);
		return err_nomem(e);
	}
	*ret = b.s; /* NULL when nothing was said */
	return 0;
}
