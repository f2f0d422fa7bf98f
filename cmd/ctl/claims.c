/* SPDX-License-Identifier: Apache-2.0 */
/* claims.c - a list of "this container's NIC has these addresses", to be imported and told */
#include "claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "doc.h"
#include "nl/netns.h"
#include "record.h"

int claims_add(struct claims *l, struct ip ip, const char *network, const char *container, const char *nic,
	       struct err *e)
{
	struct claim *v;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;

		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return err_nomem(e);
		l->v = v;
		l->cap = cap;
	}
	v = &l->v[l->n++];
	*v = (struct claim){
		.ip = ip, .network = strdup(network), .container = strdup(container), .nic = strdup(nic)
	};
	return v->network && v->container && v->nic ? 0 : err_nomem(e);
}

void claims_clear(struct claims *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].network);
		free(l->v[i].container);
		free(l->v[i].nic);
	}
	free(l->v);
	*l = (struct claims){ 0 };
}

/* ---- from claims to requests ---- */

struct batch {
	struct ctl *c;
	const struct claims_how *how;
	struct ipam_request *v;  /* one for each attachment */
	const struct claim **of; /* its first claim */
	char (*netns_id)[NETNS_ID_MAX], (*netns_dir)[NETNS_ID_MAX];
	size_t n, claimed;
	struct err *e;
	int failed;
};

static int compare_key(const struct claim *a, const struct claim *b)
{
	int r = strcmp(a->container, b->container);

	if (r == 0)
		r = strcmp(a->nic, b->nic);
	return r ? r : strcmp(a->network, b->network);
}

static int compare(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = compare_key(x, y);

	if (r)
		return r;
	if (x->ip.ver != y->ip.ver)
		return x->ip.ver - y->ip.ver;
	return x->ip.n < y->ip.n ? -1 : x->ip.n > y->ip.n;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static void read_netns_id(const char *path, char out[NETNS_ID_MAX])
{
	CLEANUP(close_p) int fd = -1;
	struct err e;

	if (netns_open(path, &fd, &e) < 0 || netns_id(fd, out, &e) < 0)
		out[0] = '\0';
}

static void fill_pod(struct ipam_request *req, const struct pod_objects *p)
{
	req->node = text(p->pod.spec.node);
	req->boot = ""; /* of its node, not ours */
	req->hold = p->hold.hold;
	req->hold_ref = p->hold.ref;
	req->endpoint = p->hold.endpoint;
	req->owner = (struct ipam_owner){ text(p->owner.api_version), text(p->owner.kind), req->ns,
					  text(p->owner.name), text(p->owner.uid) };
}

static void fill_request(struct batch *b, const struct claim *cl)
{
	static const struct sandbox unknown = { 0 };
	const struct sandbox *box = cl->box ? cl->box : &unknown;
	struct ipam_request *req = &b->v[b->n];

	b->netns_id[b->n][0] = b->netns_dir[b->n][0] = '\0';
	if (box->netns) {
		read_netns_id(box->netns, b->netns_id[b->n]);
		netns_dir_id(box->netns, b->netns_dir[b->n]);
	}
	*req = (struct ipam_request){
		.network = cl->network,
		.container = cl->container,
		.nic = cl->nic,
		.netns_path = text(box->netns),
		.netns_id = b->netns_id[b->n],
		.netns_dir = b->netns_dir[b->n],
		.node = b->c->node,
		.boot = b->c->boot,
		.ns = box->pod ? text(box->ns) : "",
		.pod = text(box->pod),
		.uid = text(box->uid),
		.mac = text(box->mac),
	};
	if (cl->of)
		fill_pod(req, cl->of);
	b->of[b->n++] = cl;
}

static int make_requests(struct batch *b, struct claims *l, struct err *e)
{
	const struct claim *last = NULL;

	b->v = calloc(l->n + 1, sizeof(*b->v));
	b->of = calloc(l->n + 1, sizeof(struct claim *));
	b->netns_id = calloc(l->n + 1, sizeof(*b->netns_id));
	b->netns_dir = calloc(l->n + 1, sizeof(*b->netns_dir));
	if (!b->v || !b->of || !b->netns_id || !b->netns_dir)
		return err_nomem(e);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	for (size_t i = 0; i < l->n; i++) {
		const struct claim *cl = &l->v[i];
		struct ipam_request *req;

		if (cl->left_out)
			continue;
		if (!last || compare_key(last, cl) != 0)
			fill_request(b, cl);
		last = cl;
		req = &b->v[b->n - 1];
		if (req->n_requested == IPAM_REQUESTED_MAX)
			return err_code(
				e, ERR_CONFIG, E2BIG,
				"container %.64s, NIC %.32s has more than %d addresses in network %.64s",
				cl->container, cl->nic, IPAM_REQUESTED_MAX, cl->network);
		if (!req->n_requested || !ip_equal(req->requested[req->n_requested - 1], cl->ip))
			req->requested[req->n_requested++] = cl->ip;
	}
	return 0;
}

static void batch_clear(struct batch *b)
{
	free(b->v);
	free(b->of);
	free(b->netns_id);
	free(b->netns_dir);
}

/* ---- telling ---- */

const struct out_column claims_columns[] = {
	{ "ADDRESSES", "addresses", false }, { "NIC", "nic", false },
	{ "NETWORK", "network", false },     { "POD", "pod", false },
	{ "RESULT", "result", false },       { "REASON", "reason", false },
	{ "CONTAINER", "container", true },
};
const size_t claims_n_columns = ARRAY_LEN(claims_columns);

static int tell(struct batch *b, const struct claim *cl, const struct ip *ips, size_t n, const char *result,
		const char *reason, struct err *e)
{
	const struct sandbox *box = cl->box;
	struct json_object *row, *addresses;
	struct doc d = doc_new(e);
	char line[POD_TEXT_MAX];

	addresses = doc_array(&d, "addresses");
	for (size_t i = 0; i < n; i++)
		doc_append_text(&d, addresses, ip_format(ips[i], line));
	doc_text(&d, "nic", cl->nic);
	doc_text(&d, "network", cl->network);
	doc_text(&d, "container", cl->container);
	if (box)
		doc_text(&d, "pod", record_pod(box->ns, box->pod, line));
	doc_text(&d, "result", result);
	doc_text(&d, "reason", reason);
	return doc_end(&d, &row) < 0 ? -e->sys : b->how->row(row, b->how->arg, e);
}

static void told(size_t i, enum import_result result, const char *reason, void *arg)
{
	static const char *const words[] = {
		[IMPORT_CLAIMED] = "claimed",
		[IMPORT_CLAIMABLE] = "can be claimed",
		[IMPORT_KNOWN] = "known",
		[IMPORT_REFUSED] = "refused",
	};
	struct batch *b = arg;

	b->claimed += result == IMPORT_CLAIMED;
	if (!b->failed)
		b->failed = tell(b, b->of[i], b->v[i].requested, b->v[i].n_requested, words[result], reason,
				 b->e);
}

static int import(struct batch *b, size_t *ret_refused, struct err *e)
{
	const struct ipam_import x = {
		.v = b->v,
		.n = b->n,
		.pool = b->how->pool,
		.dry_run = b->how->dry_run,
		.skip_refused = b->how->skip_refused,
		.told = told,
		.arg = b,
	};
	int r = ipam_import(ctl_engine(b->c), &x, e);

	*ret_refused = r < 0 ? 0 : (size_t)r;
	return r < 0 ? r : b->failed;
}

int claims_import(struct ctl *c, struct claims *l, const struct claims_how *how, size_t *ret_claimed,
		  size_t *ret_refused, struct err *e)
{
	struct batch b = { .c = c, .how = how, .e = e };
	int r = make_requests(&b, l, e);

	if (r == 0)
		r = import(&b, ret_refused, e);
	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (l->v[i].left_out)
			r = tell(&b, &l->v[i], &l->v[i].ip, 1, "left out", l->v[i].left_out, e);
	*ret_claimed = b.claimed;
	batch_clear(&b);
	return r;
}
