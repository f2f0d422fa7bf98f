/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.c - SpiderEndpoint in a transaction */
#include "ipam/endpoint.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"

static int dup_to(char **dst, const char *s, struct err *e)
{
	char *copy = strdup(s);

	if (!copy)
		return err_nomem(e);
	free(*dst);
	*dst = copy;
	return 0;
}

static int load(struct txn *t, const char *ns, const char *pod, struct txn_endpoint *ep, struct err *e)
{
	struct store_obj o;
	int r = store_get(t->m->st, STORE_ENDPOINT, ns, pod, &o, e);

	if (r <= 0)
		return r;
	ep->version = o.version;
	return api_decode_text(API_ENDPOINT, o.data, o.len, "SpiderEndpoint", &ep->ep, e);
}

static int init(struct txn *t, const char *ns, const char *pod, struct txn_endpoint *ep, struct err *e)
{
	char now[CLOCK_TEXT_MAX];
	struct api_meta *m = &ep->ep.obj.meta;
	int r = dup_to(&ep->ep.obj.kind, api_kinds[API_ENDPOINT].kind, e);

	if (r == 0)
		r = dup_to(&ep->ep.obj.api_version, API_VERSION, e);
	if (r == 0)
		r = dup_to(&m->ns, ns, e);
	if (r == 0)
		r = dup_to(&m->name, pod, e);
	if (r == 0)
		r = dup_to(&m->creation_timestamp, clock_format(t->now, now), e);
	if (r == 0)
		r = dup_to(&ep->ep.status.owner_controller_type, "Pod", e);
	if (r == 0)
		r = dup_to(&ep->ep.status.owner_controller_name, pod, e);
	return r;
}

static void free_endpoint(struct txn_endpoint *ep)
{
	api_clear(API_ENDPOINT, &ep->ep);
	free(ep);
}

static uint64_t hash_of(const char *ns, const char *pod)
{
	return XXH3_64bits_withSeed(pod, strlen(pod), XXH3_64bits(ns, strlen(ns)));
}

static struct txn_endpoint *find(const struct txn *t, uint64_t key, const char *ns, const char *pod)
{
	struct txn_endpoint *ep;
	size_t at = 0;

	do
		ep = hash_next(&t->endpoint_of, key, &at);
	while (ep && (strcmp(ep->ep.obj.meta.ns, ns) != 0 || strcmp(ep->ep.obj.meta.name, pod) != 0));
	return ep;
}

int endpoint_get(struct txn *t, const char *ns, const char *pod, struct txn_endpoint **ret, struct err *e)
{
	struct txn_endpoint *ep, **grown;
	uint64_t key;
	int r;

	*ret = NULL;
	if (!ns || !pod || !ns[0] || !pod[0])
		return 0;
	key = hash_of(ns, pod);
	*ret = find(t, key, ns, pod);
	if (*ret)
		return 0;
	grown = realloc(t->endpoints, (t->n_endpoints + 1) * sizeof(struct txn_endpoint *));
	if (!grown)
		return err_nomem(e);
	t->endpoints = grown;
	ep = calloc(1, sizeof(*ep));
	if (!ep)
		return err_nomem(e);
	r = load(t, ns, pod, ep, e);
	if (r == 0 && !ep->version)
		r = init(t, ns, pod, ep, e);
	if (r == 0)
		r = hash_add(&t->endpoint_of, key, ep, e);
	if (r < 0) {
		free_endpoint(ep);
		return err_wrap(e, "SpiderEndpoint %s/%s", ns, pod);
	}
	*ret = t->endpoints[t->n_endpoints++] = ep;
	return 0;
}

int endpoint_of(struct txn *t, const struct ipam_attachment *a, struct txn_endpoint **ret, struct err *e)
{
	return endpoint_get(t, a->ns, a->endpoint ? a->endpoint : a->pod, ret, e);
}

int endpoint_of_request(struct txn *t, const struct ipam_request *req, struct txn_endpoint **ret,
			struct err *e)
{
	return endpoint_get(t, req->ns, req->endpoint ? req->endpoint : req->pod, ret, e);
}

const char *endpoint_record_name(const struct block_rec *r)
{
	const char *slash = r->hold == HOLD_VM ? strchr(r->ref, '/') : NULL;

	return slash ? slash + 1 : r->pod;
}

int endpoint_of_record(struct txn *t, const struct block_rec *r, struct txn_endpoint **ret, struct err *e)
{
	return endpoint_get(t, r->ns, endpoint_record_name(r), ret, e);
}

bool endpoint_is_stale(const struct txn *t, const struct txn_endpoint *ep, const char *uid, enum hold hold)
{
	const char *own = ep->ep.status.current.uid;

	if (!t->m->conf.cluster || !ep->version || strcmp(own ? own : "", uid) == 0)
		return false;
	/* One that outlives its pods has none of them as its owner. */
	return (hold != HOLD_STS && hold != HOLD_VM) || ep->ep.obj.meta.owner_references;
}

struct api_endpoint_ip *endpoint_find(struct txn_endpoint *ep, const char *nic)
{
	for (size_t i = 0; ep && i < ep->ep.status.current.ips.n; i++) {
		struct api_endpoint_ip *entry = &ep->ep.status.current.ips.v[i];

		if (entry->interface && strcmp(entry->interface, nic) == 0)
			return entry;
	}
	return NULL;
}

bool endpoint_names(struct txn_endpoint *ep, const char *nic, struct ip addr)
{
	const struct api_endpoint_ip *entry = endpoint_find(ep, nic);
	const char *text = !entry ? NULL : addr.ver == 4 ? entry->ipv4 : entry->ipv6;
	struct ip_prefix p;
	struct err e;

	return text && ip_prefix_parse(text, &p, &e) == 0 && ip_equal(p.ip, addr);
}

static void drop(char **s)
{
	free(*s);
	*s = NULL;
}

void endpoint_forget(struct txn_endpoint *ep, const char *nic, struct ip addr)
{
	struct api_endpoint_ip *entry = endpoint_find(ep, nic);
	struct api_endpoint_current *c;

	if (!endpoint_names(ep, nic, addr))
		return;
	ep->dirty = true;
	drop(addr.ver == 4 ? &entry->ipv4 : &entry->ipv6);
	drop(addr.ver == 4 ? &entry->ipv4_pool : &entry->ipv6_pool);
	drop(addr.ver == 4 ? &entry->ipv4_gateway : &entry->ipv6_gateway);
	if (entry->ipv4 || entry->ipv6)
		return;
	json_clear(&api_endpoint_ip_table, entry);
	c = &ep->ep.status.current;
	c->ips.n--;
	memmove(entry, entry + 1, (size_t)(c->ips.v + c->ips.n - entry) * sizeof(*entry));
}

/* The entry of a NIC, emptied; a new one when there is none. */
static int fresh_entry(struct txn_endpoint *ep, const char *nic, struct api_endpoint_ip **ret, struct err *e)
{
	struct api_endpoint_current *c = &ep->ep.status.current;
	struct api_endpoint_ip *entry = endpoint_find(ep, nic);

	if (entry) {
		json_clear(&api_endpoint_ip_table, entry);
	} else {
		entry = realloc(c->ips.v, (c->ips.n + 1) * sizeof(*entry));
		if (!entry)
			return err_nomem(e);
		c->ips.v = entry;
		c->ips.set = true;
		entry = &c->ips.v[c->ips.n++];
		*entry = (struct api_endpoint_ip){ 0 };
	}
	*ret = entry;
	return dup_to(&entry->interface, nic, e);
}

static int set_address(struct api_endpoint_ip *entry, const struct ipam_address *a, struct err *e)
{
	bool v4 = !strchr(a->address, ':');
	int r = dup_to(v4 ? &entry->ipv4 : &entry->ipv6, a->address, e);

	if (r == 0)
		r = dup_to(v4 ? &entry->ipv4_pool : &entry->ipv6_pool, a->pool, e);
	if (r == 0 && a->gateway)
		r = dup_to(v4 ? &entry->ipv4_gateway : &entry->ipv6_gateway, a->gateway, e);
	return r;
}

static int copy_routes(struct api_endpoint_ip *entry, const struct ipam_attachment *a, struct err *e)
{
	if (!a->routes.n)
		return 0;
	entry->routes.v = calloc(a->routes.n, sizeof(*entry->routes.v));
	if (!entry->routes.v)
		return err_nomem(e);
	entry->routes.set = true;
	for (size_t i = 0; i < a->routes.n; i++) {
		struct api_route *rt = &entry->routes.v[entry->routes.n++];

		if (dup_to(&rt->dst, a->routes.v[i].dst, e) < 0 || dup_to(&rt->gw, a->routes.v[i].gw, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int set_owner(struct api_meta *m, const struct ipam_attachment *a, struct err *e)
{
	struct json_object *list, *ref;
	int r;

	json_object_put(m->owner_references);
	m->owner_references = NULL;
	if (ipam_attachment_hold(a) != HOLD_POD || !a->uid)
		return 0;
	m->owner_references = list = json_object_new_array();
	ref = json_object_new_object();
	if (!list) {
		json_object_put(ref);
		return err_nomem(e);
	}
	r = json_append(list, ref, e);
	if (r == 0)
		r = json_set_str(ref, "apiVersion", "v1", e);
	if (r == 0)
		r = json_set_str(ref, "kind", "Pod", e);
	if (r == 0)
		r = json_set_str(ref, "name", a->pod, e);
	return r < 0 ? r : json_set_str(ref, "uid", a->uid, e);
}

/* What an endpoint in a cluster has besides its addresses. */
static int dress(struct txn_endpoint *ep, const struct ipam_attachment *a, struct err *e)
{
	struct api_endpoint_status *s = &ep->ep.status;
	struct api_meta *m = &ep->ep.obj.meta;
	char label[API_LABEL_MAX];
	int r = 0;

	ep->renew = m->deletion_timestamp;
	if (a->owner_kind)
		r = dup_to(&s->owner_controller_type, a->owner_kind, e);
	if (r == 0 && a->owner_name)
		r = dup_to(&s->owner_controller_name, a->owner_name, e);
	if (r == 0 && !json_strv_has(&m->finalizers, API_FINALIZER))
		r = json_strv_add(&m->finalizers, API_FINALIZER, e);
	if (r == 0 && a->node)
		r = json_map_set(&m->labels, ENDPOINT_LABEL_NODE, api_label_value(a->node, label), e);
	return r < 0 ? r : set_owner(m, a, e);
}

static void forget_all(struct txn_endpoint *ep)
{
	struct api_endpoint_current *c = &ep->ep.status.current;

	for (size_t i = 0; i < c->ips.n; i++)
		json_clear(&api_endpoint_ip_table, &c->ips.v[i]);
	c->ips.n = 0;
}

int endpoint_set(struct txn *t, const struct ipam_attachment *a, bool clean_gateway, struct err *e)
{
	struct api_endpoint_ip *entry = NULL;
	struct txn_endpoint *ep;
	int r = endpoint_of(t, a, &ep, e);

	if (r < 0 || !ep)
		return r;
	ep->dirty = true;
	if (endpoint_is_stale(t, ep, a->uid ? a->uid : "", ipam_attachment_hold(a)))
		forget_all(ep);
	if (t->m->conf.cluster)
		r = dress(ep, a, e);
	if (r == 0)
		r = fresh_entry(ep, a->nic, &entry, e);
	if (r == 0)
		r = dup_to(&ep->ep.status.current.uid, a->uid ? a->uid : "", e);
	if (r == 0)
		r = dup_to(&ep->ep.status.current.node, a->node ? a->node : "", e);
	for (size_t i = 0; r == 0 && i < a->ips.n; i++) {
		if (a->ips.v[i].released)
			continue;
		r = set_address(entry, &a->ips.v[i], e);
		if (a->ips.v[i].gateway)
			entry->clean_gateway = (struct json_bool){ true, clean_gateway };
	}
	return r < 0 ? r : copy_routes(entry, a, e);
}

static int delete (struct txn *t, const struct txn_endpoint *ep, bool behind, struct err *e)
{
	const struct api_meta *m = &ep->ep.obj.meta;
	int r = ep->version ? txn_delete(t, STORE_ENDPOINT, m->ns, m->name, ep->version, e) : 0;

	if (r == 0 && ep->version && behind)
		txn_behind(t);
	return r;
}

/* No update undoes a deletion: the old one goes, and one of the same contents comes. */
static int renew(struct txn *t, struct txn_endpoint *ep, bool behind, struct err *e)
{
	struct api_meta *m = &ep->ep.obj.meta;
	char now[CLOCK_TEXT_MAX];
	int r = delete (t, ep, behind, e);

	ep->version = 0;
	drop(&m->uid);
	drop(&m->resource_version);
	drop(&m->deletion_timestamp);
	return r < 0 ? r : dup_to(&m->creation_timestamp, clock_format(t->now, now), e);
}

static int flush_one(struct txn *t, struct txn_endpoint *ep, struct err *e)
{
	const struct api_meta *m = &ep->ep.obj.meta;
	/* Nobody else needs to read that of a pod that takes its addresses with it. */
	bool behind = t->m->conf.cluster && m->owner_references;
	struct buf value = BUF_INIT(STORE_VALUE_MAX);
	int r;

	if (!ep->ep.status.current.ips.n)
		return delete (t, ep, behind, e);
	r = ep->renew ? renew(t, ep, behind, e) : 0;
	if (r == 0)
		r = api_encode_text(API_ENDPOINT, &ep->ep, &value, e);
	if (r == 0)
		r = txn_put(t, STORE_ENDPOINT, m->ns, m->name, ep->version, &value, e);
	if (r == 0 && behind)
		txn_behind(t);
	buf_clear(&value);
	return r;
}

int endpoint_flush(struct txn *t, struct err *e)
{
	for (size_t i = 0; i < t->n_endpoints; i++) {
		int r = t->endpoints[i]->dirty ? flush_one(t, t->endpoints[i], e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

void endpoint_release(struct txn *t)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		free_endpoint(t->endpoints[i]);
	free(t->endpoints);
	hash_clear(&t->endpoint_of);
}
