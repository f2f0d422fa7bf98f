/* SPDX-License-Identifier: Apache-2.0 */
/* backup_kube.c - backup of a cluster: a list that kubectl applies */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "backup.h"
#include "base/file.h"
#include "base/own.h"
#include "doc.h"
#include "kube/object.h"

#define TEXT_MAX ((size_t)2 << 30)

static const enum kube_resource_id kinds[] = {
	KUBE_SPIDERSUBNETS,   KUBE_SPIDERIPPOOLS,  KUBE_SPIDERRESERVEDIPS,
	KUBE_SPIDERENDPOINTS, KUBE_SPIDERIPBLOCKS,
};

struct kube_backup {
	const struct kube_resource *res;
	struct json_object *items; /* of this kind */
};

static void begin(void *arg)
{
	const struct kube_backup *b = arg;
	size_t n = json_object_array_length(b->items);

	if (n)
		json_object_array_del_idx(b->items, 0, n);
}

/* As somebody would have written it who makes it anew. */
static int add(struct json_object *o, void *arg, struct err *e)
{
	static const char *const drop[] = {
		"uid",      "resourceVersion", "creationTimestamp", "generation",
		"selfLink", "managedFields",   "deletionTimestamp", "deletionGracePeriodSeconds"
	};
	const struct kube_backup *b = arg;
	CLEANUP(buf_clear) struct buf version = BUF_INIT(256);
	struct json_object *meta = json_get(o, "metadata");
	int r;

	for (size_t i = 0; i < ARRAY_LEN(drop); i++)
		json_object_object_del(meta, drop[i]);
	kube_resource_version(b->res, &version);
	r = version.err ? err_nomem(e) : json_set_str(o, "apiVersion", buf_cstr(&version), e);
	if (r == 0)
		r = json_set_str(o, "kind", b->res->kind, e);
	return r < 0 ? r : json_append(b->items, json_object_get(o), e);
}

static int add_kind(struct ctl *c, const struct kube_resource *res, struct buf *out, size_t *n, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *items = json_object_new_array();
	struct kube_backup b = { res, items };
	struct kube_op op = { .res = res, .until = deadline_in(c->timeout_ms) };
	const struct kube_lister l = { .each = add, .begin = begin, .arg = &b };
	int r = items ? kube_list(c->k, &op, &l, NULL, e) : err_nomem(e);

	for (size_t i = 0; r == 0 && i < json_object_array_length(items); i++) {
		buf_str(out, (*n)++ ? ",\n" : "\n");
		r = json_print(json_object_array_get_idx(items, i), false, out, e);
	}
	return r;
}

static int backup(struct ctl *c, struct buf *out, size_t *ret_n, struct err *e)
{
	int r = 0;

	*ret_n = 0;
	buf_str(out, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [");
	/* Blocks come last: what they say is then not older than what names it. */
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(kinds); i++)
		r = add_kind(c, &kube_resources[kinds[i]], out, ret_n, e);
	buf_str(out, "\n]}\n");
	return r == 0 && out->err ? err_sys(e, -out->err, "backup") : r;
}

int backup_kube_run(struct ctl *c, const char *file, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(TEXT_MAX);
	size_t n;
	struct doc d;
	int r;

	if (!file)
		return ctl_usage(
			e,
			"backup: want a FILE, or \"-\" for standard output: a cluster has no place of its own for it");
	if (strcmp(file, "-") == 0)
		return backup(c, &c->out.text, &n, e);
	r = backup(c, &text, &n, e);
	if (r == 0)
		r = file_replace(AT_FDCWD, file, 0600, text.s, text.len, true, e);
	if (r < 0)
		return r;
	d = doc_new(e);
	doc_text(&d, "cluster", kube_server(c->k));
	doc_text(&d, "backup", file);
	doc_int(&d, "objects", (int64_t)n);
	r = doc_end(&d, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}
