/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - plan: would so many more pods fit, and where? */
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "base/own.h"
#include "commands.h"
#include "doc.h"
#include "ipam/usage.h"

struct plan_opts {
	struct asker_opts who;
	struct opt_int replicas;
};

/* What one NIC and family takes of one pool. */
struct share {
	size_t pool; /* index of the pool's first row: NICs may share it */
	int64_t takes;
};

struct plan_run {
	const struct ipam_explain *x;
	struct share *shares; /* one for each row */
	int64_t *left;        /* of the pool whose first row this is */
	int64_t fit;          /* pods that get all of their addresses */
	size_t stuck;         /* first row of the NIC and family that stops the next one */
};

static bool same_need(const struct ipam_row *a, const struct ipam_row *b)
{
	return a->ver == b->ver && strcmp(a->nic, b->nic) == 0;
}

static size_t end_of_need(const struct ipam_explain *x, size_t first)
{
	size_t end = first;

	while (end < x->n && same_need(&x->rows[first], &x->rows[end]))
		end++;
	return end;
}

static int prepare(struct plan_run *p, struct err *e)
{
	const struct ipam_explain *x = p->x;

	p->shares = calloc(x->n + 1, sizeof(*p->shares));
	p->left = calloc(x->n + 1, sizeof(*p->left));
	if (!p->shares || !p->left)
		return err_nomem(e);
	for (size_t i = 0; i < x->n; i++) {
		size_t first = 0;

		while (strcmp(x->rows[first].pool, x->rows[i].pool) != 0)
			first++;
		p->shares[i] = (struct share){ first, 0 };
		if (!x->rows[i].refusal)
			p->left[first] = x->rows[i].usage.free;
	}
	return 0;
}

/* One address for the need that starts at first; the row it came from, or n when there is none. */
static size_t take_one(struct plan_run *p, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		int64_t *left = &p->left[p->shares[i].pool];

		if (p->x->rows[i].refusal || *left <= 0)
			continue;
		*left -= *left != INT64_MAX; /* that is "without end" */
		p->shares[i].takes++;
		return i;
	}
	return p->x->n;
}

/* All addresses of one pod, or none. */
static bool place_one(struct plan_run *p)
{
	size_t taken[2 * IPAM_NICS_MAX], n = 0;

	for (size_t first = 0, end; first < p->x->n; first = end) {
		size_t row;

		end = end_of_need(p->x, first);
		row = n < ARRAY_LEN(taken) ? take_one(p, first, end) : p->x->n;
		if (row == p->x->n) {
			p->stuck = first;
			while (n--) {
				int64_t *left = &p->left[p->shares[taken[n]].pool];

				*left += *left != INT64_MAX;
				p->shares[taken[n]].takes--;
			}
			return false;
		}
		taken[n++] = row;
	}
	return true;
}

/* ---- telling ---- */

static void add_placement(struct doc *d, const struct plan_run *p, struct err *e)
{
	struct json_object *rows = doc_array(d, "pools");

	for (size_t i = 0; i < p->x->n; i++) {
		const struct ipam_row *x = &p->x->rows[i];
		struct doc row = doc_new(e);

		doc_text(&row, "nic", x->nic);
		doc_text(&row, "family", x->ver == 4 ? "IPv4" : "IPv6");
		doc_text(&row, "pool", x->pool);
		doc_int(&row, "takes", p->shares[i].takes);
		if (x->refusal) {
			doc_text(&row, "why", x->refusal);
		} else {
			doc_int(&row, "free", x->usage.free);
			doc_int(&row, "left", p->left[p->shares[i].pool]);
		}
		doc_append(d, rows, &row);
	}
}

static void add_missing(struct doc *d, const struct plan_run *p, int64_t replicas)
{
	const struct ipam_row *x = &p->x->rows[p->stuck];
	bool any = false;
	char line[512];

	for (size_t i = p->stuck; i < end_of_need(p->x, p->stuck); i++)
		any = any || !p->x->rows[i].refusal;
	snprintf(line, sizeof(line), "NIC %.32s, IPv%u: %lld more addresses%s", x->nic, x->ver,
		 (long long)(replicas - p->fit), any ? "" : "; no pool may serve it");
	doc_text(d, "missing", line);
}

static int plan(struct ctl *c, const struct ipam_explain *x, int64_t replicas, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct plan_run p = { .x = x };
	struct doc d;
	int r = prepare(&p, e);

	while (r == 0 && p.fit < replicas && place_one(&p))
		p.fit++;
	if (r == 0) {
		d = doc_new(e);
		doc_int(&d, "replicas", replicas);
		doc_bool(&d, "fits", p.fit == replicas);
		if (p.fit < replicas) {
			doc_int(&d, "room", p.fit);
			add_missing(&d, &p, replicas);
			c->status = CTL_FINDINGS;
		}
		doc_text(&d, "rule", rule_name(x->rule));
		add_placement(&d, &p, e);
		r = doc_end(&d, &tree);
	}
	free(p.shares);
	free(p.left);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(asker_clear) struct asker a = { 0 };
	const struct plan_opts *opts = args;
	struct ipam_explain x = { 0 };
	int r;

	if (!opts->replicas.set)
		return ctl_usage(e, "plan: want --replicas N");
	r = ctl_open(c, CTL_READ, e);
	if (r == 0)
		r = asker_init(&a, c, &opts->who, ctl_operand(c, 0), e);
	if (r == 0)
		r = ipam_explain(ctl_engine(c), &a.req, &x, e);
	if (r < 0)
		return r;
	r = plan(c, &x, opts->replicas.v, e);
	ipam_explain_clear(&x);
	return r;
}

static const struct option opts[] = {
	OPT(struct plan_opts, replicas, 0, "replicas", "N", .min = 1, .max = 1000000,
	    .help = "how many more pods"),
	ASKER_OPTIONS(struct plan_opts, who),
};

const struct command cmd_plan = {
	.name = "plan",
	.operands = "--replicas N [[NAMESPACE/]POD]",
	.summary = "would so many more pods fit, and in which pools?",
	.text = "The pods are described by the same options as in \"why\"; POD is one that looks like them.\n"
		"A pool that several NICs may use is counted once. Exit status 5 when they do not fit.",
	OPTIONS(struct plan_opts, opts),
	.max = 1,
	.offer = { OFFER_POD },
	.run = run,
};
