/* SPDX-License-Identifier: Apache-2.0 */
/* fsck.c - fsck: are the files whole, do the records agree? */
#include "ipam/fsck.h"

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "doc.h"
#include "fsck.h"

struct fsck {
	bool repair;
};

struct report {
	struct ctl *c;
	bool repair;
	size_t findings, repaired, remarks;
	int failed;
	struct err *e;
};

static const struct out_column columns[] = {
	{ "KIND", "kind", false },
	{ "REPAIRED", "repaired", false },
	{ "WHAT", "what", false },
};

static void tell(struct report *r, const char *kind, const char *sentence, bool repaired)
{
	struct json_object *row;
	struct doc d;

	if (r->failed)
		return;
	d = doc_new(r->e);
	doc_text(&d, "kind", kind);
	if (kind[0] != 'r')
		doc_bool(&d, "repaired", repaired);
	doc_text(&d, "what", sentence);
	r->failed = doc_end(&d, &row);
	if (!r->failed)
		r->failed = out_row(&r->c->out, row, r->e);
}

/* ---- the store: checksums, keys, index ---- */

struct sentences {
	struct report *r;
	struct json_strv list;
};

static void collect(const char *sentence, void *arg)
{
	struct sentences *s = arg;

	if (!s->r->failed)
		s->r->failed = json_strv_add(&s->list, sentence, s->r->e);
}

/* What is found again after repairing was not repaired. */
static int check_store(struct ctl *c, struct report *r, struct err *e)
{
	struct sentences before = { .r = r }, after = { .r = r };
	int x = store_local_verify(c->store, r->repair, collect, &before, e);

	if (x > 0 && r->repair)
		x = store_local_verify(c->store, false, collect, &after, e);
	for (size_t i = 0; i < before.list.n; i++) {
		bool repaired = r->repair && !json_strv_has(&after.list, before.list.v[i]);

		r->findings++;
		r->repaired += repaired;
		tell(r, "store", before.list.v[i], repaired);
	}
	json_strv_clear(&before.list);
	json_strv_clear(&after.list);
	return x < 0 ? x : r->failed;
}

/* ---- the records ---- */

static void found(const char *sentence, bool repaired, void *arg)
{
	struct report *r = arg;

	r->findings++;
	r->repaired += repaired;
	tell(r, "finding", sentence, repaired);
}

static void remark(const char *sentence, void *arg)
{
	struct report *r = arg;

	r->remarks++;
	tell(r, "remark", sentence, false);
}

static int check_records(struct ctl *c, struct report *r, struct err *e)
{
	const struct ipam_fsck f = {
		.repair = r->repair, .no_attachments = c->cluster, .found = found, .remark = remark, .arg = r
	};
	int x = ipam_fsck(ctl_engine(c), &f, e);

	if (x >= 0 && c->cluster)
		x = fsck_pods(c, found, r, e);
	return x < 0 ? x : r->failed;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct fsck *opts = args;
	struct err told;
	struct report r = { .c = c, .repair = opts->repair, .e = &told };
	int x = ctl_open(c, opts->repair ? CTL_WRITE : CTL_READ, e);

	if (x < 0)
		return x;
	out_rows_begin(&c->out, columns, ARRAY_LEN(columns));
	x = c->cluster ? 0 : check_store(c, &r, e); /* a cluster's store is etcd's to prove */
	if (x < 0 && r.failed)
		*e = told;
	if (x < 0)
		return x;
	/* Records that cannot be read are among what was found just now: that is told too. */
	if (check_records(c, &r, e) < 0)
		ctl_complain(c, r.failed ? &told : e);
	if (c->out.n || out_is_tree(&c->out))
		out_rows_end(&c->out, NULL);
	if (r.findings > r.repaired && c->status == CTL_OK)
		c->status = CTL_FINDINGS;
	if (r.findings)
		ctl_note(c, "%zu findings, %zu of them repaired, %zu remarks%s", r.findings, r.repaired,
			 r.remarks, r.repair ? "" : "; --repair mends what can be mended");
	else
		ctl_note(c, "everything agrees%s", r.remarks ? " (a remark is no finding)" : "");
	return 0;
}

static const struct option opts[] = {
	OPT(struct fsck, repair, 0, "repair", NULL,
	    .help = "make what is missing anew from what is there; never frees what something claims"),
};

const struct command cmd_fsck = {
	.name = "fsck",
	.summary = "prove that the store is whole and that its records agree",
	.text = "On a state directory: checksums and index of the store; then that each address that is held is named by one "
		"attachment\n"
		"and, if it is kept for a pod, by that pod's endpoint, and the other way round.\n"
		"On a cluster: that records, endpoints and pods agree.\n"
		"Exit status 5 when there are findings that were not repaired.",
	OPTIONS(struct fsck, opts),
	.run = run,
};
