/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - restore: the store anew from a backup, then what the backup is too old to know
 *
 * The runtime's cache knows the results of all attachments: those that live and that the backup does not have
 * are claimed again. What neither of them knows may still be in use, therefore the engine has each address
 * probed before use until the next boot, or until restore --confirm.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "claims.h"
#include "cni/result.h"
#include "commands.h"
#include "doc.h"
#include "gc.h"
#include "ipam/txn.h"
#include "section.h"

struct restore {
	const char *cache_dir;
	bool yes, confirm;
};

/* ---- --confirm ---- */

static int confirm_body(struct txn *t, void *arg, struct err *e)
{
	bool *there = arg;
	struct store_obj o;
	int r = store_get(t->m->st, STORE_META, "", STORE_META_RESTORED, &o, e);

	*there = r > 0;
	if (r <= 0)
		return r < 0 ? r : 1;
	return txn_delete(t, STORE_META, "", STORE_META_RESTORED, o.version, e);
}

static int confirm(struct ctl *c, struct err *e)
{
	bool there = false;
	int r = ctl_open(c, CTL_WRITE, e);

	if (r == 0)
		r = txn_run(ctl_engine(c), STORE_WRITE, confirm_body, &there, e);
	if (r < 0)
		return r;
	ctl_note(c, there ? "addresses are no longer probed because of the restore" : "nothing to confirm");
	return 0;
}

/* ---- what lives and is not in the backup ---- */

struct reclaim {
	struct ctl *c;
	const struct sandboxes *known;
	struct claims claims;
	bool keep, clean; /* only networks that are configured so */
	struct json_object *rows;
	size_t claimed, refused;
};

static int add_result(struct reclaim *x, const struct cni_cached *cached, struct err *e)
{
	const struct sandbox *box =
		sandboxes_find(x->known, cached->container_id, cached->ifname, cached->network);
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	int r = 0;

	if (netns_look_path(cached->netns) != NETNS_THERE)
		return 0;
	if (cni_result_decode(cached->result, CNI_VERSION_DEFAULT, "result", &res, e) < 0) {
		ctl_warn(x->c, "container %s, NIC %s: %s", cached->container_id, cached->ifname, e->msg);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < res.ips.n; i++) {
		r = claims_add(&x->claims, res.ips.v[i].address.ip, cached->network, cached->container_id,
			       cached->ifname, e);
		if (r == 0)
			x->claims.v[x->claims.n - 1].box = box;
	}
	return r;
}

static int look_at(const struct cni_cached *cached, void *arg, struct err *e)
{
	struct reclaim *x = arg;
	struct cni_network n = { 0 };
	struct ipam_section s = { 0 };
	struct err unreadable;
	int r = 0;

	if (!cached->result || cni_network_parse(buf_cstr(&cached->config), cached->config.len,
						 "cached network", &n, &unreadable) < 0)
		return 0;
	if (section_read(&n, &s, &unreadable) > 0 && section_is_of(&s, x->c->state_dir) &&
	    s.keep_ip_by_pod_name == x->keep && s.clean_gateway == x->clean) {
		section_apply(&s, x->c);
		r = add_result(x, cached, e);
	}
	ipam_section_clear(&s);
	cni_network_clear(&n);
	return r;
}

static int add_row(struct json_object *row, void *arg, struct err *e)
{
	struct reclaim *x = arg;
	const char *result = json_get_str(row, "result");

	if (result && strcmp(result, "known") != 0)
		return json_append(x->rows, row, e);
	json_object_put(row);
	return 0;
}

/* One kind of network at a time, because the engine has one configuration. */
static int reclaim(struct reclaim *x, const char *cache_dir, struct err *e)
{
	const struct claims_how how = { .skip_refused = true, .row = add_row, .arg = x };
	int r = 0;

	for (unsigned kind = 0; r == 0 && kind < 4; kind++) {
		size_t claimed = 0, refused = 0;

		x->keep = kind & 1;
		x->clean = kind & 2;
		r = cni_cache_each(cache_dir ? cache_dir : CNI_CACHE_DIR, look_at, x, e);
		if (r == 0 && x->claims.n)
			r = claims_import(x->c, &x->claims, &how, &claimed, &refused, e);
		x->claimed += claimed;
		x->refused += refused;
		claims_clear(&x->claims);
	}
	return r;
}

/* ---- */

static int ask(const struct ctl *c, const char *file, struct err *e)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO))
		return ctl_usage(e, "restore replaces everything in %s: want --yes", c->state_dir);
	fprintf(stderr, "Replace everything in %s by the backup %s? [y/N] ", c->state_dir,
		*file ? file : "backup.json in it");
	if (!fgets(answer, sizeof(answer), stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
		return err_set(e, ECANCELED, "nothing was changed");
	return 0;
}

static int tell(struct ctl *c, struct reclaim *x, const char *file, int64_t time, uint64_t count,
		size_t freed, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct doc d = doc_new(e);
	int r;

	doc_text(&d, "stateDir", c->state_dir);
	doc_text(&d, "backup", *file ? file : "backup.json");
	doc_time(&d, "backupTime", time);
	doc_int(&d, "objects", (int64_t)count);
	doc_int(&d, "goneContainersFreed", (int64_t)freed);
	doc_int(&d, "claimedAgain", (int64_t)x->claimed);
	doc_int(&d, "refused", (int64_t)x->refused);
	doc_put(&d, "attachments", json_len(x->rows) ? json_object_get(x->rows) : NULL);
	r = doc_end(&d, &tree);
	if (r == 0)
		r = out_tree(&c->out, tree, e);
	ctl_note(
		c,
		"until the next boot every address is probed before use; \"spiderpoolctl restore --confirm\" "
		"ends that when all is known to be right");
	if (x->refused)
		c->status = CTL_FINDINGS;
	return r;
}

static int restore(struct ctl *c, const struct restore *opts, const char *file, struct err *e)
{
	CLEANUP(sandboxes_clear) struct sandboxes known = { 0 };
	CLEANUP(json_put_p) struct json_object *rows = json_object_new_array();
	struct reclaim x = { .c = c, .known = &known, .rows = rows };
	uint64_t count = 0;
	size_t freed = 0;
	int64_t time = 0;
	int r = rows ? store_local_restore(c->state_dir, file, &time, &count, e) : err_nomem(e);

	if (r < 0)
		return r;
	r = ctl_open(c, CTL_WRITE, e);
	if (r == 0)
		r = sandboxes_load(opts->cache_dir, &known, e);
	if (r == 0)
		r = gc_sweep(c, &known, &freed, e);
	if (r == 0)
		r = reclaim(&x, opts->cache_dir, e);
	if (r < 0)
		return err_wrap(e, "the backup is restored, but claiming again what it does not know failed");
	return tell(c, &x, file, time, count, freed, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct restore *opts = args;
	const char *file = ctl_operand(c, 0) ? ctl_operand(c, 0) : "";
	int r;

	if (opts->confirm && (opts->yes || *file))
		return ctl_usage(e, "restore --confirm stands alone");
	if (opts->confirm)
		return confirm(c, e);
	r = opts->yes ? 0 : ask(c, file, e);
	return r < 0 ? r : restore(c, opts, file, e);
}

static const struct option opts[] = {
	OPT(struct restore, yes, 'y', "yes", NULL, .help = "do not ask"),
	OPT(struct restore, confirm, 0, "confirm", NULL,
	    .help = "end the probing that a restore began; restores nothing"),
	CACHE_OPTION(struct restore, cache_dir),
};

const struct command cmd_restore = {
	.name = "restore",
	.operands = "[FILE]",
	.summary = "make the store anew from a backup (default: backup.json in the state directory)",
	.text = "The old data.mdb is kept beside the new one. Attachments that are newer than the backup "
		"are\n"
		"claimed again from the runtime's cache as far as they live. Nothing else may have the store "
		"open.",
	.only_local = "a cluster is restored with kubectl apply, of what backup wrote, while no agent runs",
	OPTIONS(struct restore, opts),
	.max = 1,
	.offer = { OFFER_FILE },
	.run = run,
};
