/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - gc: what containers that are gone have left behind
 *
 * Gone is what can be proved here: the attachment was made before the last boot, or its network namespace is
 * gone and the runtime's cache does not know it. Who does not see the directory in which it was, as in a
 * container, proves nothing.
 */
#include "gc.h"

#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "doc.h"
#include "record.h"

struct gc {
	const char *cache_dir;
	bool dry_run, wait;
};

struct sweep {
	struct ctl *c;
	const struct sandboxes *known;
	size_t found, hidden;
};

const char *gc_evidence(const struct ctl *c, const struct sandboxes *known, const struct ipam_attachment *a)
{
	if (a->boot && strcmp(a->boot, c->boot) != 0)
		return "made before the last boot";
	if (netns_look(a) != NETNS_GONE)
		return NULL;
	/* What was claimed ahead of its own ADD lives as long as its container. */
	if (sandboxes_find(known, a->container, a->claimed_by ? NULL : a->nic,
			   a->claimed_by ? NULL : a->network))
		return NULL;
	return "its network namespace is gone, and the runtime does not know it";
}

static bool is_dead(const struct ipam_attachment *a, void *arg)
{
	const struct sweep *s = arg;

	return gc_evidence(s->c, s->known, a) != NULL;
}

int gc_sweep(struct ctl *c, const struct sandboxes *known, size_t *ret_freed, struct err *e)
{
	struct sweep s = { .c = c, .known = known };

	return ipam_sweep(ctl_engine(c), is_dead, &s, ret_freed, e);
}

static const struct out_column columns[] = {
	{ "ADDRESSES", "addresses", false },
	{ "POD", "pod", false },
	{ "NIC", "nic", false },
	{ "NETWORK", "network", false },
	{ "REASON", "reason", false },
	{ "CONTAINER", "container", true },
	{ "NETNS", "netns", true },
	{ "SINCE", "since", true },
};

static int tell(const struct ipam_attachment *a, void *arg, struct err *e)
{
	struct sweep *s = arg;
	const char *reason = gc_evidence(s->c, s->known, a);
	struct json_object *row, *addresses;
	char pod[POD_TEXT_MAX];
	struct doc d;

	if (!reason) {
		s->hidden += a->netns_path && netns_look(a) == NETNS_UNKNOWN;
		return 0;
	}
	s->found++;
	d = doc_new(e);
	addresses = doc_array(&d, "addresses");
	for (size_t i = 0; i < a->ips.n; i++)
		doc_append_text(&d, addresses, a->ips.v[i].address);
	doc_text(&d, "pod", record_pod(a->ns, a->pod, pod));
	doc_text(&d, "nic", a->nic);
	doc_text(&d, "network", a->network);
	doc_text(&d, "container", a->container);
	doc_text(&d, "netns", a->netns_path);
	doc_time(&d, "since", a->since);
	doc_text(&d, "reason", reason);
	return doc_end(&d, &row) < 0 ? -e->sys : out_row(&s->c->out, row, e);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	CLEANUP(sandboxes_clear) struct sandboxes known = { 0 };
	const struct gc *opts = args;
	struct sweep s = { .c = c, .known = &known };
	size_t freed = 0;
	int r;

	if (c->cluster)
		return gc_cluster(c, opts->dry_run, opts->wait, e);
	r = ctl_open(c, opts->dry_run ? CTL_READ : CTL_WRITE, e);

	if (r == 0)
		r = sandboxes_load(opts->cache_dir, &known, e);
	if (r < 0)
		return r;
	out_rows_begin(&c->out, columns, ARRAY_LEN(columns));
	r = attachments_each(c, tell, &s, e);
	if (r == 0 && s.found && !opts->dry_run)
		r = gc_sweep(c, &known, &freed, e);
	if (r < 0)
		return r;
	if (s.found || out_is_tree(&c->out))
		out_rows_end(&c->out, NULL);
	if (s.hidden)
		ctl_warn(
			c,
			"%zu attachments are not judged: the directory of their network namespaces cannot be seen "
			"from here; run this where the container runtime runs, not in a container",
			s.hidden);
	if (opts->dry_run)
		ctl_note(c, "%zu attachments would be freed (dry run)", s.found);
	else
		ctl_note(c, "%zu attachments freed", freed);
	return 0;
}

static const struct option opts[] = {
	CACHE_OPTION(struct gc, cache_dir),
	OPT(struct gc, dry_run, 0, "dry-run", NULL, .help = "only tell what would be freed"),
	OPT(struct gc, wait, 0, "wait", NULL,
	    .help = "on a cluster: wait for what is still left to nodes' agents"),
};

const struct command cmd_gc = {
	.name = "gc",
	.summary = "free what containers that are gone have left behind",
	.text = "Freed is what was recorded before the last boot, and what has a network namespace that is "
		"gone\n"
		"and is not known to the runtime's cache. Addresses kept for a pod stay kept. To be run where "
		"the\n"
		"runtime runs: who does not see the directory of the namespaces, as in a container, frees "
		"nothing.\n"
		"\n"
		"On a cluster: what the controller would free, by the same rules: every pod, node, StatefulSet "
		"and\n"
		"virtual machine behind an address is read from the API. What pods that are gone have left is "
		"their\n"
		"nodes' agents' for a minute (--wait). Printed is what was freed, and why the rest is kept.",
	OPTIONS(struct gc, opts),
	.run = run,
};
