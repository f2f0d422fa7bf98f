/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - status: facts about the state directory */
#include <sys/statvfs.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "doc.h"
#include "ipam/txn.h"

struct count {
	int64_t n[STORE_KIND_MAX];
	bool restored;
};

static int count_one(const struct store_obj *o, void *arg, struct err *e)
{
	(void)o;
	(void)e;
	++*(int64_t *)arg;
	return 0;
}

static int count_body(struct txn *t, void *arg, struct err *e)
{
	struct count *c = arg;
	struct store_obj o;
	int r = 0;

	for (int k = STORE_IPPOOL; r == 0 && k < STORE_KIND_MAX; k++)
		r = store_list(t->m->st, (enum store_kind)k, NULL, NULL, NULL, count_one, &c->n[k], e);
	if (r == 0)
		r = store_get(t->m->st, STORE_META, "", STORE_META_RESTORED, &o, e);
	c->restored = r > 0;
	return r < 0 ? r : 1;
}

static void add_store(struct doc *d, struct ctl *c, const struct store_local_info *info, struct err *e)
{
	struct doc store = doc_new(e);
	struct statvfs fs;

	doc_int(&store, "schema", (int64_t)info->schema);
	doc_int(&store, "revision", (int64_t)info->revision);
	doc_int(&store, "objects", (int64_t)info->objects);
	doc_int(&store, "usedBytes", (int64_t)info->used_bytes);
	doc_int(&store, "fileBytes", (int64_t)info->file_bytes);
	doc_int(&store, "mapBytes", (int64_t)info->map_bytes);
	doc_int(&store, "readers", (int64_t)info->readers);
	if (statvfs(c->state_dir, &fs) == 0)
		doc_int(&store, "diskFreeBytes", (int64_t)(fs.f_bavail * fs.f_frsize));
	doc_sub(d, "store", &store);
}

static void add_cluster(struct doc *d, const struct ctl *c)
{
	doc_text(d, "cluster", kube_server(c->k));
	doc_text(d, "kubeconfig", c->kubeconfig);
	doc_text(d, "configuration", c->settings.ns ? c->settings.ns : "defaults: no ConfigMap was found");
}

/* Attachments of a cluster are files of its nodes. */
static int last_kind(const struct ctl *c)
{
	return c->cluster ? STORE_BLOCK : STORE_ATTACHMENT;
}

static void add_objects(struct doc *d, const struct ctl *c, const struct count *n, struct err *e)
{
	struct doc objects = doc_new(e);

	for (int k = STORE_IPPOOL; k <= last_kind(c); k++)
		doc_int(&objects, store_kind_name((enum store_kind)k), n->n[k]);
	doc_sub(d, "objects", &objects);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct store_local_info info = { 0 };
	struct count n = { .restored = false };
	struct doc d;
	int r = ctl_open(c, CTL_READ, e);

	(void)args;
	if (r == 0 && !c->cluster)
		r = store_local_info(c->store, &info, e);
	if (r == 0)
		r = txn_run(ctl_engine(c), STORE_READ, count_body, &n, e);
	if (r < 0)
		return r;
	d = doc_new(e);
	if (c->cluster)
		add_cluster(&d, c);
	else
		doc_text(&d, "stateDir", c->state_dir);
	doc_text(&d, "version", SPIDERPOOL_VERSION);
	if (!c->cluster) {
		doc_text(&d, "node", c->node);
		doc_time(&d, "backupTime", store_local_backup_time(c->store));
		doc_bool(&d, "probingAfterRestore", n.restored);
	}
	add_objects(&d, c, &n, e);
	if (!c->cluster)
		add_store(&d, c, &info, e);
	r = doc_end(&d, &tree);
	return r < 0 ? r : out_tree(&c->out, tree, e);
}

const struct command cmd_status = {
	.name = "status",
	.summary = "facts about the store: what it holds, its size, its backup",
	.run = run,
};
