/* SPDX-License-Identifier: Apache-2.0 */
/* ip.c - ip list, ip release, ip quarantine; ip show is ip_show.c */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "ipam/admin.h"
#include "record.h"

/* ---- list ---- */

struct list {
	const char *pool, *ns, *node, *state;
};

struct listing {
	struct ctl *c;
	const struct list *want;
	struct ip_set in_pool; /* what want->pool hands out now */
};

static bool equal(const char *want, const char *have)
{
	return !want || strcmp(want, have) == 0;
}

/* A record that is free or in quarantine does not say of which pool it was. */
static bool of_pool(const struct listing *l, const struct ipam_found *f)
{
	if (!l->want->pool)
		return true;
	if (f->rec->pool[0])
		return strcmp(f->rec->pool, l->want->pool) == 0;
	return f->addr.ver == l->in_pool.ver && ip_set_has(&l->in_pool, f->addr.n);
}

static int list_one(const struct ipam_found *f, void *arg, struct err *e)
{
	const struct listing *l = arg;
	enum record_state state = record_state(&l->c->ipam, f->rec);
	struct json_object *row;
	struct doc d;

	if (state == RECORD_FREE || !equal(l->want->state, record_state_name(state)) ||
	    !equal(l->want->ns, f->rec->ns) || !equal(l->want->node, f->rec->node) || !of_pool(l, f))
		return 0;
	d = doc_new(e);
	record_doc(&d, &l->c->ipam, f);
	return doc_end(&d, &row) < 0 ? -e->sys : out_row(&l->c->out, row, e);
}

static int pool_total(struct api_object *obj, void *arg, struct err *e)
{
	return api_range_total(&((struct api_ippool *)obj)->spec.range, arg, e);
}

static int run_list(struct ctl *c, const void *args, struct err *e)
{
	struct listing l = { .c = c, .want = args };
	int r = ctl_open(c, CTL_READ, e);

	if (r == 0 && l.want->pool)
		r = admin_each(ctl_engine(c), API_IPPOOL, NULL, l.want->pool, pool_total, &l.in_pool, e);
	if (r < 0)
		return r;
	out_rows_begin(&c->out, record_columns, record_n_columns);
	r = ipam_records(ctl_engine(c), NULL, list_one, &l, e);
	ip_set_clear(&l.in_pool);
	if (r < 0)
		return r;
	if (c->out.n || out_is_tree(&c->out))
		out_rows_end(&c->out, NULL);
	else
		ctl_note(c, "no such address is in use, kept, cooling or in quarantine");
	return 0;
}

static const struct option list_opts[] = {
	OPT(struct list, pool, 0, "pool", "POOL", .offer = OFFER_POOL, .help = "only of this pool"),
	OPT(struct list, ns, 'n', "namespace", "NS", .help = "only of pods of this namespace"),
	OPT(struct list, node, 0, "node", "NODE", .help = "only of this node"),
	OPT(struct list, state, 0, "state", "STATE", .one_of = record_states,
	    .help = "only in-use, kept, quarantine or cooling"),
};

static const struct command cmd_list = {
	.name = "list",
	.summary = "addresses that are in use, kept for a pod, cooling or in quarantine",
	OPTIONS(struct list, list_opts),
	.run = run_list,
};

/* ---- release, quarantine ---- */

struct release {
	bool force;
};

struct quarantine {
	struct opt_duration time;
};

/* All operands, before anything is changed. */
static int parse_all(const struct ctl *c, struct err *e)
{
	struct ip ip;

	for (size_t i = 0; i < c->in.n_operands; i++)
		if (ip_parse(c->in.operands[i], &ip, e) < 0)
			return ctl_usage(e, "%s", e->msg);
	return 0;
}

static const struct out_column result_columns[] = {
	{ "ADDRESS", "address", false },
	{ "RESULT", "result", false },
	{ "UNTIL", "until", false },
};

static int tell(struct ctl *c, struct ip ip, const char *result, int64_t until, struct err *e)
{
	struct doc d = doc_new(e);
	struct json_object *row;
	char text[IP_TEXT_MAX];

	doc_text(&d, "address", ip_format(ip, text));
	doc_text(&d, "result", result);
	doc_time(&d, "until", until);
	return doc_end(&d, &row) < 0 ? -e->sys : out_row(&c->out, row, e);
}

static int release_one(struct ctl *c, struct ip ip, const void *args, struct err *e)
{
	const struct release *opts = args;
	int r = ipam_release(ctl_engine(c), ip, opts->force, e);

	return r < 0 ? r : tell(c, ip, "released", 0, e);
}

struct wanted {
	struct ip ip;
	bool found;
};

static int look_for(struct api_object *obj, void *arg, struct err *e)
{
	struct wanted *w = arg;
	struct ip_set total = { 0 };
	int r = pool_total(obj, &total, e);

	w->found = w->found || (r == 0 && total.ver == w->ip.ver && ip_set_has(&total, w->ip.n));
	ip_set_clear(&total);
	return r;
}

static void warn_of_nobodys(struct ctl *c, struct ip ip)
{
	struct wanted w = { .ip = ip };
	char text[IP_TEXT_MAX];
	struct err e;

	if (admin_each(ctl_engine(c), API_IPPOOL, NULL, NULL, look_for, &w, &e) == 0 && !w.found)
		ctl_warn(c, "no pool hands out %s", ip_format(ip, text));
}

static int quarantine_one(struct ctl *c, struct ip ip, const void *args, struct err *e)
{
	const struct quarantine *opts = args;
	int64_t until = clock_wall_ms() + (opts->time.set ? opts->time.ms : IPAM_QUARANTINE_MS);
	int r = ipam_quarantine(ctl_engine(c), ip, until, e);

	if (r < 0)
		return r;
	warn_of_nobodys(c, ip);
	return tell(c, ip, "quarantine", until, e);
}

static int each_operand(struct ctl *c, const void *args, size_t columns,
			int (*one)(struct ctl *c, struct ip ip, const void *args, struct err *e),
			struct err *e)
{
	int r = parse_all(c, e);

	if (r == 0)
		r = ctl_open(c, CTL_WRITE, e);
	if (r < 0)
		return r;
	out_rows_begin(&c->out, result_columns, columns);
	for (size_t i = 0; i < c->in.n_operands; i++) {
		struct ip ip;
		struct err failed;

		r = ip_parse(c->in.operands[i], &ip, &failed);
		if (r == 0)
			r = one(c, ip, args, &failed);
		if (r < 0)
			ctl_complain(c, &failed);
	}
	if (c->out.n || out_is_tree(&c->out))
		out_rows_end(&c->out, NULL);
	return 0;
}

static int run_release(struct ctl *c, const void *args, struct err *e)
{
	return each_operand(c, args, 2, release_one, e);
}

static int run_quarantine(struct ctl *c, const void *args, struct err *e)
{
	return each_operand(c, args, 3, quarantine_one, e);
}

static const struct option release_opts[] = {
	OPT(struct release, force, 0, "force", NULL,
	    .help = "also when a container has it: only if that is gone for certain"),
};

static const struct command cmd_release = {
	.name = "release",
	.operands = "IP...",
	.summary = "let addresses go that are kept, in quarantine or (--force) in use",
	OPTIONS(struct release, release_opts),
	.min = 1,
	.max = OPERANDS_MAX_NO_END,
	.run = run_release,
};

static const struct option quarantine_opts[] = {
	OPT(struct quarantine, time, 0, "for", "TIME", .help = "for so long (default 1h)"),
};

static const struct command cmd_quarantine = {
	.name = "quarantine",
	.operands = "IP...",
	.summary = "do not give these addresses out for a while",
	OPTIONS(struct quarantine, quarantine_opts),
	.min = 1,
	.max = OPERANDS_MAX_NO_END,
	.run = run_quarantine,
};

static const struct command *const commands[] = {
	&cmd_list, &cmd_ip_show, &cmd_release, &cmd_quarantine, NULL,
};

const struct command cmd_ip = {
	.name = "ip",
	.summary = "single addresses: who has them, let them go, keep them back",
	.sub = commands,
};
