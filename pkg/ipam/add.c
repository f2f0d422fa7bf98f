/* SPDX-License-Identifier: Apache-2.0 */
/* add.c - ADD: find again what the NIC has, else claim for it and for the NICs its pod names along with it */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/meta.h"
#include "ipam/release.h"

struct add {
	const struct ipam_request *req;
	struct ipam_attachment *ret;
};

/* Does the container still hold every address of its attachment? */
static int holds_all(struct txn *t, const struct ipam_attachment *a, struct err *e)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct txn_block *b;
		struct block_rec *rec;
		struct ip_prefix p;
		int r = ipam_attachment_ip(a, i, &p, e);

		if (r == 0)
			r = txn_record(t, p.ip, &b, &rec, e);
		if (r < 0)
			return r;
		if (a->ips.v[i].released || strcmp(rec->container, a->container) != 0 ||
		    strcmp(rec->nic, a->nic) != 0)
			return 0;
	}
	return a->ips.n > 0;
}

/* Records and attachment get today's network, netns, boot and time; container and addresses stay. */
static int refresh(struct txn *t, const struct ipam_request *req, struct ipam_attachment *a, struct err *e)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct txn_block *b;
		struct block_rec *rec;
		struct ip_prefix p;
		int r = ipam_attachment_ip(a, i, &p, e);

		if (r == 0)
			r = txn_record(t, p.ip, &b, &rec, e);
		if (r == 0)
			r = claim_holder(t, req, b, rec, e);
		if (r < 0)
			return r;
	}
	free(a->network);
	a->network = strdup(req->network);
	free(a->claimed_by);
	a->claimed_by = NULL;
	a->since = t->now;
	a->detached = false;
	return a->network ? claim_rehold(a, req, e) : err_nomem(e);
}

/* 1: the NIC was answered before, in this network or ahead of its own ADD; *ret is that answer. */
static int find_again(struct txn *t, const struct add *x, const char *network, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	const struct ipam_request *req = x->req;
	bool ahead = !network[0];
	int r = stored_get(t, network, req->container, req->nic, &s, e);

	if (r <= 0)
		return r;
	r = holds_all(t, &s.a, e);
	if (r < 0)
		return r;
	if (r == 0) /* an operator took an address away: begin anew */
		return release_attachment(t, &s, e);
	/* Written in any case: a GC that is under way must see that it is wanted. */
	r = refresh(t, req, &s.a, e);
	if (r == 0 && ahead)
		r = txn_delete(t, STORE_ATTACHMENT, s.key.ns, s.key.name, s.version, e);
	if (r == 0)
		r = claim_put(t, req->network, &s.a, ahead ? 0 : s.version, e);
	if (r < 0)
		return r;
	*x->ret = s.a;
	x->ret->again = !ahead;
	s.a = (struct ipam_attachment){ 0 };
	return 1;
}

/* ---- the same pod in a new sandbox ---- */

static int add_known(struct ipam_attachment *a, const struct block_rec *rec, const char *address,
		     const char *pool, const char *gateway, bool probe, struct err *e)
{
	struct ipam_address *v;

	if (!address)
		return 0;
	v = realloc(a->ips.v, (a->ips.n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	a->ips.v = v;
	a->ips.set = true;
	v = &v[a->ips.n++];
	*v = (struct ipam_address){
		.address = strdup(address),
		.gateway = gateway ? strdup(gateway) : NULL,
		.pool = strdup(pool ? pool : ""),
		.probe = probe,
		.kept = rec->hold != HOLD_POD,
		.former_mac = strdup(rec->mac),
	};
	return v->address && v->pool && v->former_mac && (!gateway || v->gateway) ? 0 : err_nomem(e);
}

/* Answers what the endpoint says, as before. */
static int from_endpoint(struct txn *t, const struct ipam_request *req, struct kept *k,
			 struct ipam_attachment *a, struct err *e)
{
	const struct api_endpoint_ip *entry;
	struct txn_endpoint *ep;
	int r = endpoint_of_request(t, req, &ep, e);

	if (r < 0)
		return r;
	entry = endpoint_find(ep, req->nic);
	a->clean_gateway = entry->clean_gateway.v;
	for (size_t i = 0; r == 0 && i < k->n; i++) {
		bool v4 = k->v[i].addr.ver == 4;

		/* The record's MAC is read before it becomes the new NIC's. */
		r = add_known(a, k->v[i].rec, v4 ? entry->ipv4 : entry->ipv6,
			      v4 ? entry->ipv4_pool : entry->ipv6_pool,
			      v4 ? entry->ipv4_gateway : entry->ipv6_gateway, t->probe_all, e);
		if (r == 0)
			r = claim_holder(t, req, k->v[i].block, k->v[i].rec, e);
	}
	for (size_t i = 0; r == 0 && i < entry->routes.n; i++)
		r = claim_add_route(a, entry->routes.v[i].dst, entry->routes.v[i].gw, e);
	return r;
}

static int keep_former(struct stored_attachment *s, struct ipam_attachment *a, struct err *e)
{
	a->former = malloc(sizeof(*a->former));
	if (!a->former)
		return err_nomem(e);
	*a->former = s->a;
	s->a = (struct ipam_attachment){ 0 };
	return 0;
}

/* 1: answered. When not all is as it was, the pod's NIC is claimed for anew, with what is kept. */
static int same_pod_again(struct txn *t, const struct add *x, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	const struct ipam_request *req = x->req;
	struct kept k;
	int r = kept_find(t, req, req->nic, &k, e);

	if (r < 0 || !k.n || !k.same_uid || kept_lost(&k))
		return r;
	r = kept_former(t, &k, &s, e);
	if (r <= 0 || !kept_whole(&k, &s.a))
		return r < 0 ? r : 0;
	r = claim_init(x->ret, req, req->nic, t->now, e);
	if (r == 0)
		r = kept_take_over(t, req, NULL, &k, &x->ret->ahead, e);
	if (r == 0)
		r = from_endpoint(t, req, &k, x->ret, e);
	x->ret->rekeyed = true;
	if (r == 0)
		r = claim_put(t, req->network, x->ret, 0, e);
	if (r == 0)
		r = keep_former(&s, x->ret, e);
	return r < 0 ? r : 1;
}

/* ---- a new claim ---- */

/* A NIC that this container has already, ahead of its ADD or by it, is not claimed once more. */
static int has_already(struct txn *t, const struct ipam_request *req, const char *nic, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, "", req->container, nic, &s, e);

	return r ? r : kept_by_container(t, req, nic, e);
}

static int claim_one(struct txn *t, const struct add *x, const struct plan *p, const struct plan_nic *nic,
		     struct ipam_attachment *a, struct err *e)
{
	const struct ipam_request *req = x->req;
	struct kept k;
	int r = claim_init(a, req, nic->nic, t->now, e);

	a->clean_gateway = nic->clean_gateway;
	if (r == 0)
		r = kept_find(t, req, nic->nic, &k, e);
	if (r == 0 && k.n)
		r = kept_take_over(t, req, p, &k, &x->ret->ahead, e);
	a->rekeyed = r == 0 && k.same_uid;
	return r < 0 ? r : claim_nic(t, req, nic, &k, a, e);
}

/* Queues all attachments: the request's own under its network, the others ahead of their own ADD. */
static int put_all(struct txn *t, const struct add *x, const struct plan *p, struct ipam_attachment *list,
		   size_t n, struct err *e)
{
	struct ipam_attachment *own = NULL;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].nic, x->req->nic) == 0)
			own = &list[i];
	assert(own);                /* candidates without the request's NIC are refused */
	own->ahead = x->ret->ahead; /* what was taken over from former sandboxes */
	x->ret->ahead = (struct json_strv){ 0 };
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (&list[i] == own)
			continue;
		list[i].claimed_by = strdup(x->req->nic);
		r = list[i].claimed_by ? 0 : err_nomem(e);
		if (r == 0 && !json_strv_has(&own->ahead, list[i].nic))
			r = json_strv_add(&own->ahead, list[i].nic, e);
		if (r == 0)
			r = claim_put(t, "", &list[i], 0, e);
	}
	if (r == 0)
		r = claim_put(t, x->req->network, own, 0, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = endpoint_set(t, &list[i], plan_nic_find(p, list[i].nic)->clean_gateway, e);
	if (r < 0)
		return r;
	*x->ret = *own;
	*own = (struct ipam_attachment){ 0 };
	return 0;
}

static int claim_all(struct txn *t, const struct add *x, const struct plan *p, struct ipam_attachment *list,
		     size_t *n, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		bool own = strcmp(p->nics[i].nic, x->req->nic) == 0;
		int r;

		/* Without an endpoint nobody knows what the others have. */
		if (!own && (!x->req->ns[0] || !x->req->pod[0]))
			continue;
		r = own ? 0 : has_already(t, x->req, p->nics[i].nic, e);
		if (r > 0)
			continue;
		if (r == 0)
			r = claim_one(t, x, p, &p->nics[i], &list[(*n)++], e);
		if (r < 0)
			return r;
	}
	return claim_custom_routes(t, p, list, *n, e);
}

static int claim_new(struct txn *t, const struct add *x, struct err *e)
{
	struct ipam_attachment list[IPAM_NICS_MAX] = { 0 };
	struct plan p;
	size_t n = 0;
	int r = plan_make(t, x->req, &p, e);

	if (r < 0)
		return r;
	if (p.cand.rule == RULE_IPPOOLS) /* it names all NICs that the pod has */
		r = kept_drop_others(t, x->req, &p, e);
	if (r == 0)
		r = claim_all(t, x, &p, list, &n, e);
	if (r == 0)
		r = put_all(t, x, &p, list, n, e);
	for (size_t i = 0; i < n; i++)
		ipam_attachment_clear(&list[i]);
	plan_clear(&p);
	return r;
}

static int add_body(struct txn *t, void *arg, struct err *e)
{
	const struct add *x = arg;
	int r;

	ipam_attachment_clear(x->ret); /* of an attempt that lost a race */
	r = meta_restored(t, &t->probe_all, e);
	if (r == 0)
		r = find_again(t, x, x->req->network, e);
	if (r == 0)
		r = find_again(t, x, "", e);
	if (r == 0)
		r = same_pod_again(t, x, e);
	if (r == 0)
		r = claim_new(t, x, e);
	return r < 0 ? r : 0;
}

static int check_request(const struct ipam_request *req, struct err *e)
{
	size_t n4 = 0;

	for (size_t i = 0; i < req->n_requested; i++)
		n4 += req->requested[i].ver == 4;
	if (n4 > 1 || req->n_requested - n4 > 1)
		return err_code(e, ERR_CONFIG, EINVAL,
				"%zu IPv4 and %zu IPv6 addresses are requested for NIC %s; want at most one "
				"of each family",
				n4, req->n_requested - n4, req->nic);
	if (strlen(req->ns) > STORE_NAME_MAX || strlen(req->pod) > STORE_NAME_MAX)
		return err_code(e, ERR_ENV, EINVAL,
				"K8S_POD_NAMESPACE or K8S_POD_NAME is longer than %d bytes", STORE_NAME_MAX);
	return 0;
}

int ipam_add(struct ipam *m, const struct ipam_request *req, struct ipam_attachment *ret, struct err *e)
{
	struct add x = { req, ret };
	int r = check_request(req, e);

	*ret = (struct ipam_attachment){ 0 };
	if (r == 0 && !m->conf.cluster) /* an agent knows which pods lived on */
		r = ipam_boot(m, req->boot, e);
	if (r == 0)
		r = txn_run(m, STORE_WRITE, add_body, &x, e);
	if (r < 0)
		ipam_attachment_clear(ret);
	return r;
}
