/* SPDX-License-Identifier: Apache-2.0 */
/* apply.c - apply: manifests into the store */
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "doc.h"
#include "ipam/admin.h"
#include "manifest.h"

struct apply {
	struct opt_list files;
	bool dry_run;
};

struct run {
	const struct apply *opts;
	struct admin_pending pending; /* of a dry run */
};

struct told {
	struct ctl *c;
	const char *what;
	struct json_object *manifest;
};

/* As the API server does, unknown fields are left out; unlike it, they are told. */
static void unknown(const char *path, void *arg)
{
	const struct told *t = arg;
	const char *name = json_get_str(json_get(t->manifest, "metadata"), "name");

	ctl_warn(t->c, "%s: %s %s: %s: unknown field, left out", t->what, json_get_str(t->manifest, "kind"),
		 name ? name : "", path);
}

static void tell_unknown(struct ctl *c, struct json_object *o, const char *what)
{
	struct told t = { c, what, o };
	const char *word = json_get_str(o, "kind");
	struct err e;
	int kind = word ? api_kind_find(word, &e) : -1;

	if (kind >= 0)
		json_unknown(api_kinds[kind].table, o, unknown, &t);
}

static int tell(struct ctl *c, enum api_kind kind, const char *name, enum admin_result result, bool dry_run,
		const char *what, struct err *e)
{
	static const char *const words[] = { "created", "configured", "unchanged" };
	struct json_object *item;
	struct doc d;

	if (c->out.format == OUT_NAME) {
		out_line(&c->out, "%s." API_GROUP "/%s", api_kinds[kind].singular, name);
		return 0;
	}
	if (!out_is_tree(&c->out)) {
		out_line(&c->out, "%s." API_GROUP "/%s %s%s", api_kinds[kind].singular, name, words[result],
			 dry_run ? " (dry run)" : "");
		return 0;
	}
	d = doc_new(e);
	doc_text(&d, "kind", api_kinds[kind].kind);
	doc_text(&d, "name", name);
	doc_text(&d, "result", words[result]);
	doc_bool(&d, "dryRun", dry_run);
	doc_text(&d, "source", what);
	if (doc_end(&d, &item) < 0)
		return -e->sys;
	return out_row(&c->out, item, e);
}

/* Legal, and some networks want it so; in most it is an oversight. */
static void warn_of_edges(struct ctl *c, struct json_object *o, const char *what)
{
	struct api_object *obj = NULL;
	struct ip_set total = { 0 };
	struct ip_prefix subnet;
	enum api_kind kind;
	struct err e;
	struct ip_range all;

	if (api_decode(o, what, &kind, &obj, &e) < 0)
		return;
	if (kind == API_IPPOOL) {
		const struct api_range_spec *s = &((struct api_ippool *)obj)->spec.range;

		if (ip_prefix_parse(s->subnet ? s->subnet : "", &subnet, &e) == 0 &&
		    ip_bits(subnet.ip.ver) - subnet.len > 1 && api_range_total(s, &total, &e) == 0) {
			all = ip_prefix_range(subnet);
			if (ip_set_has(&total, all.lo))
				ctl_warn(
					c,
					"%s: SpiderIPPool %s hands out the network's own address; most hosts refuse it",
					what, obj->meta.name);
			if (subnet.ip.ver == 4 && ip_set_has(&total, all.hi))
				ctl_warn(c, "%s: SpiderIPPool %s hands out the broadcast address", what,
					 obj->meta.name);
		}
		ip_set_clear(&total);
	}
	api_free(kind, obj);
}

static int apply_one(struct ctl *c, struct json_object *o, const char *what, void *arg, struct err *e)
{
	struct run *x = arg;
	bool dry_run = x->opts->dry_run;
	char name[STORE_NAME_MAX + 1];
	enum admin_result result;
	enum api_kind kind;
	int r;

	tell_unknown(c, o, what);
	r = admin_apply(ctl_engine(c), o, what, dry_run ? &x->pending : NULL, &kind, name, &result, e);
	if (r < 0) /* the decoder says it already */
		return strncmp(e->msg, what, strlen(what)) == 0 ? r : err_wrap(e, "%s", what);
	if (result != ADMIN_UNCHANGED)
		warn_of_edges(c, o, what);
	return tell(c, kind, name, result, dry_run, what, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct apply *opts = args;
	struct run x = { .opts = opts };
	int r;

	if (!opts->files.n)
		return ctl_usage(e, "apply: want -f FILE; \"-f -\" reads standard input");
	r = ctl_open(c, CTL_CREATE, e);
	if (r < 0)
		return r;
	if (out_is_tree(&c->out))
		out_items_begin(&c->out, false);
	manifest_each(c, &opts->files, apply_one, &x);
	admin_pending_clear(&x.pending);
	if (out_is_tree(&c->out))
		out_items_end(&c->out);
	return 0;
}

static const struct option opts[] = {
	MANIFEST_OPTION(struct apply, files),
	OPT(struct apply, dry_run, 0, "dry-run", NULL, .help = "check everything, change nothing"),
};

const struct command cmd_apply = {
	.name = "apply",
	.operands = "-f FILE|DIR|-",
	.summary = "create or change pools, subnets and reserved addresses from manifests",
	.text = "The manifests are those of kubectl (apiVersion: " API_VERSION ").\n"
		"The state directory is made when it does not exist. All documents are tried, in their "
		"order;\n"
		"the exit status tells whether one was refused.",
	OPTIONS(struct apply, opts),
	.names = true,
	.run = run,
};
