/* SPDX-License-Identifier: Apache-2.0 */
/* why.c - why: which pools are candidates for a pod, what refuses each, which address would be next */
#include <stdio.h>
#include <string.h>

#include "asker.h"
#include "base/own.h"
#include "commands.h"
#include "doc.h"
#include "ipam/usage.h"
#include "record.h"

struct why {
	struct asker_opts who;
};

/* ---- what the pod has ---- */

struct kept {
	struct ip ip;
	char nic[64], pool[STORE_NAME_MAX + 1], container[STORE_NAME_MAX + 1]; /* "": nobody has it now */
};

struct having {
	struct ctl *c;
	const struct ipam_request *req;
	struct doc *d;
	struct json_object *rows;
	struct kept kept[2 * IPAM_NICS_MAX]; /* by pod name: the pod gets them again */
	size_t n_kept;
};

static void add_kept(struct having *h, const struct ipam_found *f)
{
	struct kept *k = &h->kept[h->n_kept];

	if ((f->rec->hold != HOLD_PIN && f->rec->hold != HOLD_STS && f->rec->hold != HOLD_VM) ||
	    h->n_kept == ARRAY_LEN(h->kept))
		return;
	k->ip = f->addr;
	snprintf(k->nic, sizeof(k->nic), "%s", f->rec->nic);
	snprintf(k->pool, sizeof(k->pool), "%s", f->rec->pool);
	snprintf(k->container, sizeof(k->container), "%s", f->rec->container);
	h->n_kept++;
}

static int add_having(const struct ipam_found *f, void *arg, struct err *e)
{
	struct having *h = arg;
	enum record_state state = record_state(&h->c->ipam, f->rec);
	struct doc row;

	if ((state != RECORD_IN_USE && state != RECORD_KEPT) || strcmp(f->rec->pod, h->req->pod) != 0 ||
	    strcmp(f->rec->ns, h->req->ns) != 0)
		return 0;
	if (!h->rows)
		h->rows = doc_array(h->d, "has");
	add_kept(h, f);
	row = doc_new(e);
	record_doc(&row, &h->c->ipam, f);
	doc_append(h->d, h->rows, &row);
	return h->d->failed;
}

/* ---- what it would get ---- */

static void add_row(struct doc *d, struct json_object *rows, const struct ipam_row *x, struct err *e)
{
	struct doc row = doc_new(e);
	char next[IP_TEXT_MAX];

	doc_text(&row, "pool", x->pool);
	doc_text(&row, "family", x->ver == 4 ? "IPv4" : "IPv6");
	doc_bool(&row, "usable", !x->refusal);
	if (x->refusal) {
		doc_text(&row, "why", x->refusal);
	} else {
		doc_int(&row, "total", x->usage.total);
		doc_int(&row, "used",
			x->usage.in_use + x->usage.kept + x->usage.quarantined + x->usage.reserved);
		doc_int(&row, "free", x->usage.free);
		if (x->has_next)
			doc_text(&row, "next", ip_format(x->next, next));
		else
			doc_text(&row, "why", "every address is taken");
	}
	doc_append(d, rows, &row);
}

/* What is kept for the pod, as long as its pool may serve it. */
static const struct kept *find_kept(const struct having *h, const struct ipam_row *rows, size_t n)
{
	for (size_t i = 0; i < h->n_kept; i++) {
		const struct kept *k = &h->kept[i];

		for (size_t r = 0; r < n; r++)
			if (k->ip.ver == rows[r].ver && strcmp(k->nic, rows[r].nic) == 0 &&
			    strcmp(k->pool, rows[r].pool) == 0 && !rows[r].refusal)
				return k;
	}
	return NULL;
}

/* rows: the pools of one NIC and family. The first one with an address is what it would get. */
static void add_answer(struct doc *d, struct json_object *answer, const struct having *h,
		       const struct ipam_row *rows, size_t n, struct err *e)
{
	const struct kept *kept = find_kept(h, rows, n);
	struct doc row = doc_new(e);
	char next[IP_TEXT_MAX];
	size_t i = 0;

	while (i < n && !rows[i].has_next)
		i++;
	doc_text(&row, "nic", rows[0].nic);
	doc_text(&row, "family", rows[0].ver == 4 ? "IPv4" : "IPv6");
	if (kept || i < n) {
		doc_text(&row, "address", ip_format(kept ? kept->ip : rows[i].next, next));
		doc_text(&row, "pool", kept ? kept->pool : rows[i].pool);
		doc_bool(&row, "kept", kept != NULL);
		if (kept && kept->container[0])
			doc_text(&row, "heldBy", kept->container);
	} else {
		doc_null(&row, "address");
	}
	doc_append(d, answer, &row);
}

static bool same_nic(const struct ipam_row *a, const struct ipam_row *b)
{
	return strcmp(a->nic, b->nic) == 0;
}

static void add_nics(struct doc *d, const struct having *h, const struct ipam_explain *x, struct err *e)
{
	struct json_object *nics = doc_array(d, "candidates"), *answer;

	for (size_t i = 0, end; i < x->n; i = end) {
		struct doc nic = doc_new(e);
		struct json_object *rows;

		doc_text(&nic, "nic", x->rows[i].nic);
		rows = doc_array(&nic, "pools");
		for (end = i; end < x->n && same_nic(&x->rows[i], &x->rows[end]); end++)
			add_row(&nic, rows, &x->rows[end], e);
		doc_append(d, nics, &nic);
	}
	answer = doc_array(d, "next");
	for (size_t i = 0, end; i < x->n; i = end) {
		for (end = i; end < x->n && same_nic(&x->rows[i], &x->rows[end]) &&
			      x->rows[i].ver == x->rows[end].ver;)
			end++;
		add_answer(d, answer, h, &x->rows[i], end - i, e);
	}
}

/* In the words of the ADD that fails. */
static void add_failure(struct doc *d, const struct having *h, const struct ipam_explain *x)
{
	size_t first = 0, end;

	if (!x->failure)
		return;
	while (first < x->n &&
	       (x->rows[first].ver != x->failed_ver || strcmp(x->rows[first].nic, x->failed_nic) != 0))
		first++;
	for (end = first; end < x->n && same_nic(&x->rows[first], &x->rows[end]) &&
			  x->rows[first].ver == x->rows[end].ver;)
		end++;
	if (!find_kept(h, &x->rows[first], end - first))
		doc_text(d, "error", x->failure);
}

static int explain(struct ctl *c, const struct asker *a, struct doc *d, struct err *e)
{
	struct having h = { .c = c, .req = &a->req, .d = d };
	struct ipam_explain x = { 0 };
	char pod[POD_TEXT_MAX];
	int r = 0;

	doc_text(d, "pod", record_pod(a->req.ns, a->req.pod, pod));
	doc_text(d, "node", a->req.node);
	doc_text(d, "network", a->req.network);
	if (a->from_cache)
		doc_text(d, "asked", "with the configuration and annotations in the runtime's cache");
	if (a->pod)
		r = ipam_records(ctl_engine(c), NULL, add_having, &h, e);
	if (r == 0)
		r = ipam_explain(ctl_engine(c), &a->req, &x, e);
	if (r < 0)
		return r;
	doc_text(d, "rule", rule_name(x.rule));
	add_nics(d, &h, &x, e);
	add_failure(d, &h, &x);
	ipam_explain_clear(&x);
	return d->failed;
}

static int answer(struct ctl *c, const struct asker *a, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct doc d = doc_new(e);
	int r = explain(c, a, &d, e);

	if (r < 0) {
		doc_clear(&d);
		return r;
	}
	for (size_t i = 0; i < a->req.n_requested; i++) {
		char ip[IP_TEXT_MAX];

		ip_format(a->req.requested[i], ip);
		ctl_note(c, "it asks for %s: \"spiderpoolctl ip show %s\" tells whether it can have that", ip,
			 ip);
	}
	r = doc_end(&d, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(asker_clear) struct asker a = { 0 };
	const struct why *opts = args;
	int r;

	if (!c->in.n_operands && !opts->who.args)
		return ctl_usage(e, "why: want NAMESPACE/POD, or --args");
	r = ctl_open(c, CTL_READ, e);
	if (r == 0)
		r = asker_init(&a, c, &opts->who, ctl_operand(c, 0), e);
	return r < 0 ? r : answer(c, &a, e);
}

static const struct option opts[] = {
	ASKER_OPTIONS(struct why, who),
};

const struct command cmd_why = {
	.name = "why",
	.operands = "[NAMESPACE/]POD | --args K=V;...",
	.summary = "which pools may serve a pod, what refuses the others, which address is next",
	.text = "The pod need not exist. Of one that does, the runtime's cache tells with which "
		"configuration and\n"
		"annotations it was attached; in a cluster its objects are read, and the networks' default "
		"pools\n"
		"are those of --conflist or the options. Options come before both.",
	OPTIONS(struct why, opts),
	.max = 1,
	.offer = { OFFER_POD },
	.run = run,
};
