/* SPDX-License-Identifier: Apache-2.0 */
/* top.c - top: how full each pool is */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "doc.h"
#include "ipam/usage.h"

#define BAR_CELLS 20

struct top {
	struct opt_int watch;
};

struct pool {
	char *name;
	uint8_t ver;
	struct ipam_usage usage;
	ip_num size; /* exact, where usage.total ends at INT64_MAX */
	bool disabled;
};

struct pools {
	const struct ctl *c;
	struct txn *t;
	struct pool *v;
	size_t n;
};

static void pools_clear(struct pools *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].name);
	free(p->v);
	p->v = NULL;
	p->n = 0;
}

/* ---- counting ---- */

static bool wanted(const struct ctl *c, const char *name)
{
	for (size_t i = 0; i < c->in.n_operands; i++)
		if (strcmp(c->in.operands[i], name) == 0)
			return true;
	return !c->in.n_operands;
}

static int set_size(struct pool *p, const struct api_ippool *obj, struct err *e)
{
	struct ip_set total = { 0 };
	int r = api_range_total(&obj->spec.range, &total, e);

	p->ver = total.ver;
	for (size_t i = 0; i < total.n; i++)
		p->size += total.r[i].hi - total.r[i].lo + 1;
	ip_set_clear(&total);
	return r;
}

static int add(const struct store_obj *o, void *arg, struct err *e)
{
	struct pools *l = arg;
	struct api_ippool obj;
	struct pool *v;
	int r;

	if (!wanted(l->c, o->name))
		return 0;
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	l->v = v;
	v = &v[l->n++];
	*v = (struct pool){ .name = strdup(o->name) };
	if (!v->name)
		return err_nomem(e);
	r = api_decode_text(API_IPPOOL, o->data, o->len, o->name, &obj, e);
	if (r < 0)
		return r;
	v->disabled = obj.spec.disable.v;
	r = set_size(v, &obj, e);
	if (r == 0)
		r = usage_of(l->t, &obj, &v->usage, e);
	api_clear(API_IPPOOL, &obj);
	return r;
}

static int count_body(struct txn *t, void *arg, struct err *e)
{
	struct pools *l = arg;
	int r;

	pools_clear(l);
	l->t = t;
	r = store_list(t->m->st, STORE_IPPOOL, NULL, NULL, NULL, add, l, e);
	return r < 0 ? r : 1;
}

static int64_t used(const struct pool *p)
{
	return p->usage.in_use + p->usage.kept + p->usage.quarantined + p->usage.reserved;
}

static double share(const struct pool *p)
{
	return p->size ? (double)used(p) / (double)p->size : 1;
}

/* The fullest first. */
static int compare(const void *a, const void *b)
{
	const struct pool *x = a, *y = b;
	double d = share(y) - share(x);

	return d > 0 ? 1 : d < 0 ? -1 : strcmp(x->name, y->name);
}

/* ---- showing ---- */

static const struct out_column columns[] = {
	{ .title = "POOL" },        { .title = "FAMILY" },   { .title = "USED" },
	{ .title = "TOTAL" },       { .title = "%" },        { .title = "" },
	{ .title = "IN-USE" },      { .title = "KEPT" },     { .title = "COOLING" },
	{ .title = "QUARANTINED" }, { .title = "RESERVED" }, { .title = "FREE" },
};

/* 65536, 2^64; "~" when it is about that. */
static void cell_size(struct out *o, ip_num n)
{
	unsigned bits = 0;

	if (n < (ip_num)1000000000000) {
		out_cell_fmt(o, "%llu", (unsigned long long)n);
		return;
	}
	while (bits < 127 && n >> (bits + 1))
		bits++;
	if (n == (ip_num)1 << bits)
		out_cell_fmt(o, "2^%u", bits);
	else
		out_cell_fmt(o, "~2^%u", bits + (bits < 127 && (n >> (bits - 1) & 1)));
}

static void cell_bar(const struct ctl *c, struct out *o, double full)
{
	static const char *const eighths[] = { "",       "\u258f", "\u258e", "\u258d",
					       "\u258c", "\u258b", "\u258a", "\u2589" };
	unsigned parts = (unsigned)(full * BAR_CELLS * 8 + 0.5), cells = parts / 8;
	struct buf b = BUF_INIT(256);

	if (!parts && full > 0)
		parts = 1;
	for (unsigned i = 0; i < cells && i < BAR_CELLS; i++)
		buf_str(&b, c->utf8 ? "\u2588" : "#");
	if (cells < BAR_CELLS && parts % 8 && c->utf8)
		buf_str(&b, eighths[parts % 8]);
	else if (cells < BAR_CELLS && parts % 8)
		buf_chr(&b, '-');
	for (cells += parts % 8 != 0; cells < BAR_CELLS; cells++)
		buf_chr(&b, c->utf8 ? ' ' : '.');
	out_paint(o, full >= 0.9 ? OUT_RED : full >= 0.7 ? OUT_YELLOW : OUT_GREEN);
	out_cell(o, buf_cstr(&b));
	buf_clear(&b);
}

static void show_row(const struct ctl *c, struct out *o, const struct pool *p)
{
	const int64_t numbers[] = { p->usage.in_use, p->usage.kept, p->usage.cooling, p->usage.quarantined,
				    p->usage.reserved };
	double full = share(p) > 1 ? 1 : share(p);

	out_cell_fmt(o, "%s%s", p->name, p->disabled ? " (disabled)" : "");
	out_cell_fmt(o, "IPv%u", p->ver);
	out_cell_fmt(o, "%lld", (long long)used(p));
	cell_size(o, p->size);
	if (full > 0 && full < 0.01)
		out_cell(o, "<1%");
	else
		out_cell_fmt(o, "%d%%", (int)(full * 100)); /* 100 is only what is full */
	cell_bar(c, o, full);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		out_cell_fmt(o, "%lld", (long long)numbers[i]);
	cell_size(o, p->usage.free == INT64_MAX ? p->size - (ip_num)used(p) : (ip_num)p->usage.free);
}

static int show_item(struct out *o, const struct pool *p, struct err *e)
{
	struct json_object *row;
	struct doc d = doc_new(e);

	doc_text(&d, "pool", p->name);
	doc_int(&d, "family", p->ver);
	doc_bool(&d, "disabled", p->disabled);
	doc_int(&d, "total", p->usage.total);
	doc_int(&d, "used", used(p));
	doc_int(&d, "inUse", p->usage.in_use);
	doc_int(&d, "kept", p->usage.kept);
	doc_int(&d, "cooling", p->usage.cooling);
	doc_int(&d, "quarantined", p->usage.quarantined);
	doc_int(&d, "reserved", p->usage.reserved);
	doc_int(&d, "free", p->usage.free);
	return doc_end(&d, &row) < 0 ? -e->sys : out_row(o, row, e);
}

static int check_names(const struct ctl *c, const struct pools *l, struct err *e)
{
	for (size_t i = 0; i < c->in.n_operands; i++) {
		size_t k = 0;

		while (k < l->n && strcmp(l->v[k].name, c->in.operands[i]) != 0)
			k++;
		if (k == l->n)
			return err_code(e, ERR_CONFIG, ENOENT, "SpiderIPPool %.253s: there is none",
					c->in.operands[i]);
	}
	return 0;
}

static int show(struct ctl *c, struct err *e)
{
	struct pools l = { .c = c };
	int r = txn_run(ctl_engine(c), STORE_READ, count_body, &l, e);

	if (r == 0)
		r = check_names(c, &l, e);
	if (r == 0 && l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	if (r == 0)
		out_rows_begin(&c->out, columns, ARRAY_LEN(columns));
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		if (out_is_tree(&c->out))
			r = show_item(&c->out, &l.v[i], e);
		else
			show_row(c, &c->out, &l.v[i]);
	}
	if (r == 0)
		out_rows_end(&c->out, "no SpiderIPPool");
	pools_clear(&l);
	return r;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct top *opts = args;
	int r = ctl_open(c, CTL_READ, e);

	while (r == 0) {
		if (opts->watch.set && c->tty && !out_is_tree(&c->out))
			buf_str(&c->out.text, "\033[H\033[J");
		r = show(c, e);
		if (r == 0 && !opts->watch.set)
			break;
		if (r == 0)
			r = ctl_flush(c, e);
		if (r == 0)
			nanosleep(&(struct timespec){ .tv_sec = opts->watch.v }, NULL);
	}
	return r == -EPIPE ? 0 : r;
}

static const struct option opts[] = {
	OPT(struct top, watch, 'w', "watch", "SECONDS", .min = 1, .max = 86400,
	    .help = "again and again, until Ctrl-C"),
};

const struct command cmd_top = {
	.name = "top",
	.operands = "[POOL]...",
	.summary = "how full each pool is, the fullest first",
	OPTIONS(struct top, opts),
	.max = OPERANDS_MAX_NO_END,
	.offer = { OFFER_POOL, OFFER_POOL },
	.run = run,
};
