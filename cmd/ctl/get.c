/* SPDX-License-Identifier: Apache-2.0 */
/* get.c - get: objects as kubectl shows them */
#include "get.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ipam/admin.h"

struct get {
	const char *ns;
	bool all_namespaces;
};

int get_kind(const char *word, enum api_kind *ret, const char **ret_name, struct err *e)
{
	const char *slash = strchr(word, '/');
	char kind[64], full[80];
	struct err unused;
	int k;

	snprintf(kind, sizeof(kind), "%.*s", slash ? (int)(slash - word) : (int)strlen(word), word);
	/* "spiderippool.spiderpool.spidernet.io" is what -o name prints */
	kind[strcspn(kind, ".")] = '\0';
	k = api_kind_find(kind, e);
	if (k < 0) {
		snprintf(full, sizeof(full), "spider%s", kind);
		k = api_kind_find(full, &unused);
	}
	*ret_name = slash ? slash + 1 : NULL;
	if (k < 0)
		return ctl_usage(e, "%s", e->msg);
	*ret = (enum api_kind)k;
	return 0;
}

/* ---- */

struct show {
	struct ctl *c;
	enum api_kind kind;
	const char *ns;           /* NULL: of all namespaces */
	const char *const *names; /* NULL-terminated; NULL: all */
	bool list;
};

static int print_name(struct ctl *c, enum api_kind kind, const struct api_object *obj)
{
	out_line(&c->out, "%s." API_GROUP "/%s", api_kinds[kind].singular, obj->meta.name);
	return 0;
}

static int show(struct api_object *obj, void *arg, struct err *e)
{
	const struct show *s = arg;
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct out *o = &s->c->out;
	int r;

	if (o->format == OUT_NAME)
		return print_name(s->c, s->kind, obj);
	if (!out_is_tree(o)) {
		get_views[s->kind].cells(o, obj);
		return 0;
	}
	r = json_encode(api_kinds[s->kind].table, obj, &tree, e);
	if (r < 0)
		return r;
	return s->list ? out_item(o, tree, e) : out_tree(o, tree, e);
}

/* Names are looked up one by one: those that are missing are told, the others shown. */
static int show_names(struct show *s)
{
	struct err e;

	for (size_t i = 0; s->names[i]; i++)
		if (admin_each(ctl_engine(s->c), s->kind, s->ns, s->names[i], show, s, &e) < 0)
			ctl_complain(s->c, &e);
	return 0;
}

static int show_all(struct show *s, struct err *e)
{
	return s->names ? show_names(s) : admin_each(ctl_engine(s->c), s->kind, s->ns, NULL, show, s, e);
}

static int print(struct show *s, struct err *e)
{
	const struct get_view *v = &get_views[s->kind];
	struct out *o = &s->c->out;
	int r;

	if (out_is_tree(o) && s->list)
		out_items_begin(o, true);
	else if (!out_is_tree(o))
		out_table_begin(o, v->columns, v->n);
	r = show_all(s, e);
	if (r < 0)
		return r;
	if (out_is_tree(o) && s->list)
		out_items_end(o);
	else if (!out_is_tree(o) && o->n)
		out_table_end(o, NULL);
	else if (o->format != OUT_NAME && !s->names)
		ctl_note(s->c, "no %s found", api_kinds[s->kind].kind);
	return 0;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct get *opts = args;
	const char *name, *one[2] = { NULL };
	struct show s = { .c = c };
	int r = get_kind(c->in.operands[0], &s.kind, &name, e);

	if (r < 0)
		return r;
	one[0] = name;
	if (name && c->in.n_operands > 1)
		return ctl_usage(e, "get: want KIND NAME... or KIND/NAME");
	s.names = name ? one : c->in.n_operands > 1 ? c->in.operands + 1 : NULL;
	s.list = !s.names || c->in.n_operands > 2;
	if (api_kinds[s.kind].namespaced && !opts->all_namespaces)
		s.ns = opts->ns ? opts->ns : s.names ? "default" : NULL;
	r = ctl_open(c, CTL_READ, e);
	return r < 0 ? r : print(&s, e);
}

static const struct option opts[] = {
	OPT(struct get, ns, 'n', "namespace", "NS", .help = "only this namespace"),
	OPT(struct get, all_namespaces, 'A', "all-namespaces", NULL,
	    .help = "every namespace (as without -n; a name is looked for in namespace default)"),
};

const struct command cmd_get = {
	.name = "get",
	.operands = "KIND [NAME]... | KIND/NAME",
	.summary = "list objects as kubectl does",
	.text = "Kinds: spiderippools (sp), spidersubnets (ss), spiderreservedips (sr), spiderendpoints "
		"(se),\n"
		"spideripblocks (sib); \"spider\" may be left out.",
	OPTIONS(struct get, opts),
	.min = 1,
	.max = OPERANDS_MAX_NO_END,
	.offer = { OFFER_KIND, OFFER_NAME },
	.names = true,
	.run = run,
};
