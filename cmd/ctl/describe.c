/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - describe: one object with all that hangs on it, and what is wrong with it */
#include "describe.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "get.h"
#include "ipam/admin.h"
#include "record.h"

#define ADDRESSES_MAX 256 /* in one description; ip list has them all */

struct describe {
	const char *ns;
};

void describe_problem(struct described *x, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	doc_append_text(&x->doc, x->problems, text);
}

static int add_address(const struct ipam_found *f, void *arg, struct err *e)
{
	struct described *x = arg;
	struct doc row;

	if (record_state(x->t->m, f->rec) == RECORD_FREE || x->n_addresses++ >= ADDRESSES_MAX)
		return 0;
	row = doc_new(e);
	record_doc(&row, x->t->m, f);
	doc_append(&x->doc, x->addresses, &row);
	return x->doc.failed;
}

int describe_addresses(struct described *x, const struct ip_set *set, struct err *e)
{
	int r;

	x->n_addresses = 0;
	x->addresses = doc_array(&x->doc, "addresses");
	r = x->addresses ? usage_walk(x->t, set, add_address, x, e) : x->doc.failed;
	if (r == 0 && x->n_addresses > ADDRESSES_MAX)
		doc_int(&x->doc, "moreAddresses", (int64_t)(x->n_addresses - ADDRESSES_MAX));
	return r;
}

/* ---- */

static void add_map(struct doc *d, const char *key, const struct json_map *m, struct err *e)
{
	struct doc map = doc_new(e);

	for (size_t i = 0; i < m->n; i++)
		doc_text(&map, m->v[i].key, m->v[i].value[0] ? m->v[i].value : "\"\"");
	if (m->n)
		doc_sub(d, key, &map);
	else
		doc_clear(&map);
}

static int add_head(struct described *x, enum api_kind kind, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	const struct api_meta *m = &x->obj->meta;
	struct doc *d = &x->doc;
	int r = json_encode(api_kinds[kind].table, x->obj, &tree, e);

	if (r < 0)
		return r;
	doc_text(d, "name", m->name);
	doc_text(d, "namespace", m->ns);
	doc_text(d, "kind", api_kinds[kind].kind);
	doc_text(d, "created", m->creation_timestamp);
	add_map(d, "labels", &m->labels, e);
	add_map(d, "annotations", &m->annotations, e);
	if (kind != API_IPBLOCK)
		doc_put(d, "spec", json_object_get(json_get(tree, "spec")));
	return d->failed;
}

static int add_kind(struct described *x, enum api_kind kind, struct err *e)
{
	int r = add_head(x, kind, e);

	if (r < 0)
		return r;
	x->problems = json_object_new_array();
	if (!x->problems)
		return err_nomem(e);
	r = describe_kind[kind](x, e);
	doc_put(&x->doc, "problems", x->problems);
	return r < 0 ? r : x->doc.failed;
}

struct call {
	struct described x;
	enum api_kind kind;
	const char *ns, *name;
};

/* Blocks are stored as bare record lines: only the name is needed. */
static int decode(const struct call *call, const struct store_obj *o, struct api_object *obj, struct err *e)
{
	if (call->kind != API_IPBLOCK)
		return api_decode_text(call->kind, o->data, o->len, o->name, obj, e);
	obj->meta.name = strdup(o->name);
	return obj->meta.name ? 0 : err_nomem(e);
}

static int body(struct txn *t, void *arg, struct err *e)
{
	struct call *call = arg;
	struct api_object *obj;
	struct store_obj o;
	int r = store_get(t->m->st, admin_store_kind(call->kind), call->ns, call->name, &o, e);

	if (r == 0)
		r = err_code(e, ERR_CONFIG, ENOENT, "%s %s%s%s: there is none", api_kinds[call->kind].kind,
			     call->ns, call->ns[0] ? "/" : "", call->name);
	if (r < 0)
		return r;
	obj = calloc(1, api_kinds[call->kind].size);
	if (!obj)
		return err_nomem(e);
	r = decode(call, &o, obj, e);
	call->x.t = t;
	call->x.obj = obj;
	if (r == 0)
		r = add_kind(&call->x, call->kind, e);
	api_free(call->kind, obj);
	return r < 0 ? r : 1;
}

static int describe_one(struct ctl *c, struct call *call, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	int r;

	call->x = (struct described){ .doc = doc_new(e) };
	r = txn_run(ctl_engine(c), STORE_READ, body, call, e);
	if (r < 0) {
		doc_clear(&call->x.doc);
		return r;
	}
	r = doc_end(&call->x.doc, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct describe *opts = args;
	const char *name;
	struct call call;
	int r = get_kind(c->in.operands[0], &call.kind, &name, e);

	if (r < 0)
		return r;
	if (!name == (c->in.n_operands == 1))
		return ctl_usage(e, "describe: want KIND NAME or KIND/NAME");
	call.name = name ? name : c->in.operands[1];
	call.ns = !api_kinds[call.kind].namespaced ? "" : opts->ns ? opts->ns : "default";
	r = ctl_open(c, CTL_READ, e);
	return r < 0 ? r : describe_one(c, &call, e);
}

static const struct option opts[] = {
	OPT(struct describe, ns, 'n', "namespace", "NS", .help = "of an endpoint (default \"default\")"),
};

const struct command cmd_describe = {
	.name = "describe",
	.operands = "KIND NAME | KIND/NAME",
	.summary = "one object: usage, who has its addresses, what is wrong with it",
	OPTIONS(struct describe, opts),
	.min = 1,
	.max = 2,
	.offer = { OFFER_KIND, OFFER_NAME },
	.run = run,
};
