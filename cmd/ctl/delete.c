/* SPDX-License-Identifier: Apache-2.0 */
/* delete.c - delete: pools, subnets and reserved addresses that nothing uses */
#include <errno.h>

#include "base/own.h"
#include "commands.h"
#include "doc.h"
#include "get.h"
#include "ipam/admin.h"
#include "manifest.h"

struct delete
{
	struct opt_list files;
	bool dry_run, ignore_not_found;
};

static int tell(struct ctl *c, enum api_kind kind, const char *name, const struct delete *opts, struct err *e)
{
	struct json_object *item;
	struct doc d;

	if (!out_is_tree(&c->out)) {
		out_line(&c->out, "%s." API_GROUP "/%s%s%s", api_kinds[kind].singular, name,
			 c->out.format == OUT_NAME ? "" : " deleted",
			 c->out.format != OUT_NAME && opts->dry_run ? " (dry run)" : "");
		return 0;
	}
	d = doc_new(e);
	doc_text(&d, "kind", api_kinds[kind].kind);
	doc_text(&d, "name", name);
	doc_text(&d, "result", "deleted");
	doc_bool(&d, "dryRun", opts->dry_run);
	return doc_end(&d, &item) < 0 ? -e->sys : out_row(&c->out, item, e);
}

static int ignore(struct api_object *obj, void *arg, struct err *e)
{
	(void)obj;
	(void)arg;
	(void)e;
	return 0;
}

/* In a cluster a finalizer may keep it: nobody gets an address of it any more. */
static bool still_there(struct ctl *c, enum api_kind kind, const char *name)
{
	struct err none;

	return c->cluster && admin_each(ctl_engine(c), kind, NULL, name, ignore, NULL, &none) == 0;
}

static int delete_one(struct ctl *c, enum api_kind kind, const char *name, const struct delete *opts,
		      struct err *e)
{
	int r = admin_delete(ctl_engine(c), kind, name, opts->dry_run, e);

	if (r == -ENOENT && opts->ignore_not_found)
		return 0;
	if (r < 0)
		return r;
	if (!opts->dry_run && still_there(c, kind, name))
		ctl_note(
			c,
			"%s %s is being deleted: it goes when its finalizers do, which is the controller's work",
			api_kinds[kind].kind, name);
	return tell(c, kind, name, opts, e);
}

static int delete_manifest(struct ctl *c, struct json_object *o, const char *what, void *arg, struct err *e)
{
	const char *word = json_get_str(o, "kind"), *name = json_get_str(json_get(o, "metadata"), "name");
	int kind;

	if (!word || !name || !*name)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: want an object with kind and metadata.name",
				what);
	kind = api_kind_find(word, e);
	return kind < 0 ? err_wrap(e, "%s", what) : delete_one(c, (enum api_kind)kind, name, arg, e);
}

static int delete_names(struct ctl *c, const struct delete *opts, struct err *e)
{
	enum api_kind kind;
	const char *name;
	struct err one;
	int r = get_kind(c->in.operands[0], &kind, &name, e);

	if (r < 0)
		return r;
	if (!name == (c->in.n_operands == 1))
		return ctl_usage(e, "delete: want KIND NAME... or KIND/NAME");
	if (name && delete_one(c, kind, name, opts, &one) < 0)
		ctl_complain(c, &one);
	for (size_t i = 1; i < c->in.n_operands; i++)
		if (delete_one(c, kind, c->in.operands[i], opts, &one) < 0)
			ctl_complain(c, &one);
	return 0;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	struct delete opts = *(const struct delete *)args;
	int r;

	if (!opts.files.n == !c->in.n_operands)
		return ctl_usage(e, "delete: want KIND NAME..., or -f FILE");
	r = ctl_open(c, CTL_WRITE, e);
	if (r < 0)
		return r;
	if (out_is_tree(&c->out))
		out_items_begin(&c->out, false);
	if (opts.files.n)
		manifest_each(c, &opts.files, delete_manifest, &opts);
	else
		r = delete_names(c, &opts, e);
	if (out_is_tree(&c->out))
		out_items_end(&c->out);
	return r;
}

static const struct option opts[] = {
	MANIFEST_OPTION(struct delete, files),
	OPT(struct delete, dry_run, 0, "dry-run", NULL, .help = "check everything, change nothing"),
	OPT(struct delete, ignore_not_found, 0, "ignore-not-found", NULL,
	    .help = "what does not exist is no error"),
};

const struct command cmd_delete = {
	.name = "delete",
	.operands = "KIND NAME... | KIND/NAME | -f FILE|DIR|-",
	.summary = "delete objects that nothing uses",
	.text = "Refused: a pool with an address in use or kept for a pod, and a subnet with pools.",
	OPTIONS(struct delete, opts),
	.max = OPERANDS_MAX_NO_END,
	.offer = { OFFER_KIND, OFFER_NAME },
	.names = true,
	.run = run,
};
