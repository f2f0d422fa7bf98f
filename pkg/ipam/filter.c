/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c - may this pool serve this pod? (spec/ipam.md 3.4) */
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/networks.h"
#include "ipam/plan.h"
#include "ipam/takeover.h"

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

/* What is asked: which NIC of which request, where. */
struct asked {
	const struct ipam_conf *conf;
	const struct ipam_request *req;
	const char *nic;
};

static bool not_in_multus_name(struct buf *b, const char *network, const struct json_strv *names)
{
	buf_fmt(b, "network \"%s\" is not in spec.multusName (", network);
	list_names(b, names);
	buf_chr(b, ')');
	return true;
}

/* Without an API server the network's own name is all there is. */
static bool name_refuses(struct buf *b, const struct ipam_request *req, const struct json_strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *slash = strchr(names->v[i], '/');

		if (strcmp(slash ? slash + 1 : names->v[i], req->network) == 0)
			return false;
	}
	return not_in_multus_name(b, req->network, names);
}

/* "namespace/name" of the NIC's network: 1, or 0 when nothing tells. */
static int network_of(const struct asked *a, char ret[NETWORK_NAME_MAX], struct err *e)
{
	const struct json_map *m = a->req->annotations;
	const char *of_pod = m ? json_map_get(m, ANNOTATION_DEFAULT_NETWORK) : NULL;
	const char *agent_ns = a->conf->agent_ns ? a->conf->agent_ns : "";

	if (strcmp(a->nic, "eth0") != 0)
		return networks_of_nic(m ? json_map_get(m, ANNOTATION_NETWORKS) : NULL, a->nic, a->req->ns,
				       ret, e);
	return networks_default(of_pod ? of_pod : a->conf->cluster_network, agent_ns, ret, e);
}

static bool is_named(const struct asked *a, const char *network, const struct json_strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i], *ns = a->conf->agent_ns ? a->conf->agent_ns : "";
		size_t len = strlen(ns);

		if (strcmp(name, network) == 0)
			return true;
		if (strncmp(network, ns, len) == 0 && network[len] == '/' &&
		    strcmp(network + len + 1, name) == 0)
			return true;
	}
	return false;
}

/* Items are "namespace/name" or "name" of a network (NAD); only pools that have any ask for it. */
static int network_refuses(struct buf *b, const struct asked *a, const struct json_strv *names, struct err *e)
{
	char network[NETWORK_NAME_MAX];
	int r;

	if (!names->n)
		return 0;
	if (!a->conf->cluster)
		return name_refuses(b, a->req, names);
	r = network_of(a, network, e);
	if (r < 0)
		return r;
	if (r > 0)
		return is_named(a, network, names) ? 0 : not_in_multus_name(b, network, names);
	if (strcmp(a->nic, a->req->nic) == 0)
		return name_refuses(b, a->req, names);
	buf_fmt(b,
		"spec.multusName needs the network of NIC %s, which annotation " ANNOTATION_NETWORKS
		" does not tell",
		a->nic);
	return 1;
}

/* A pool made for an application serves its pods only: the keys of podAffinity are no labels of pods but name
 * the pod's controller. */
static bool application_refuses(struct buf *b, const struct ipam_owner *o, const struct api_selector *s)
{
	const char *version = o->api_version ? o->api_version : "", *slash = strchr(version, '/');
	char group[STORE_NAME_MAX + 1];
	const struct {
		const char *key, *value;
	} want[] = {
		{ "ipam.spidernet.io/app-api-group", group },
		{ "ipam.spidernet.io/app-api-version", slash ? slash + 1 : version },
		{ "ipam.spidernet.io/app-kind", o->kind ? o->kind : "" },
		{ "ipam.spidernet.io/app-namespace", o->ns ? o->ns : "" },
		{ "ipam.spidernet.io/app-name", o->name ? o->name : "" },
	};

	snprintf(group, sizeof(group), "%.*s", slash ? (int)(slash - version) : 0, version);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const char *have = json_map_get(&s->match_labels, want[i].key);
		char label[API_LABEL_MAX];

		have = have ? have
			    : ""; /* the group of the core's kinds: some API servers keep no empty text */
		if (strcmp(have, want[i].value) == 0 ||
		    strcmp(have, api_label_value(want[i].value, label)) == 0)
			continue;
		buf_fmt(b, "is made for another application: %s is \"%s\", of this pod \"%s\"", want[i].key,
			have, want[i].value);
		return true;
	}
	return false;
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
	else if (takeover_due(p))
		buf_str(b, "has addresses recorded by an older Spiderpool that are not taken over yet");
	else if (own != ver)
		buf_fmt(b, "is an IPv%u pool, asked for as IPv%u", own, ver);
	return b->len > 0;
}

/* 1 when the pool refuses, 0 when not. */
static int refuses(struct buf *b, const struct asked *a, uint8_t ver, const struct api_ippool *p,
		   struct err *e)
{
	const struct ipam_request *req = a->req;
	const struct api_ippool_spec *s = &p->spec;
	const struct affinity pod = { "podAffinity",   "pod",
				      req->pod,        "the runtime does not pass them",
				      s->pod_affinity, &req->pod_labels };
	int r;

	if (state_refuses(b, ver, p) || node_refuses(b, req, s) || namespace_refuses(b, req, s))
		return 1;
	if (a->conf->cluster && s->pod_affinity && json_map_get(&p->obj.meta.labels, API_LABEL_APP_NAME))
		return application_refuses(b, &req->owner, s->pod_affinity); /* it decides alone */
	if (affinity_refuses(b, &pod))
		return 1;
	r = network_refuses(b, a, &s->multus_name, e);
	return r || s->multus_name.n ? r : master_refuses(b, req->master, s);
}

int pool_refusal(const struct ipam_conf *c, const struct ipam_request *req, const char *nic, uint8_t ver,
		 const struct api_ippool *p, char **ret, struct err *e)
{
	const struct asked a = { c, req, nic };
	struct buf b = BUF_INIT(4096);
	int r = refuses(&b, &a, ver, p, e);

	*ret = NULL;
	if (r >= 0 && b.err)
		r = err_nomem(e);
	if (r < 0) {
		buf_clear(&b);
		return r;
	}
	*ret = b.s; /* NULL when nothing was said */
	return 0;
}
