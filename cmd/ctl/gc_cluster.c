/* SPDX-License-Identifier: Apache-2.0 */
/* gc_cluster.c - gc on a cluster: what the controller would do, by the same rules, now
 *
 * Whatever the controller is told of its environment is not known here: the rules are those without it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "doc.h"
#include "gc.h"
#include "ipam/alive.h"
#include "ipam/collect.h"
#include "ipam/judge.h"
#include "kube/object.h"
#include "record.h"

#define WAIT_MAX_MS (FATE_AGENT_MS + 5000)

/* What an agent still has time for. */
struct later {
	struct ip addr;
	int64_t since;
};

struct sweep {
	struct ctl *c;
	bool dry_run, second; /* second: only what was later before */
	struct alive alive;
	struct judge j;
	int64_t started, again_at;
	struct later *later;
	size_t n_later, freed, cleared, kept, failed;
	struct err why; /* of the first that could not be judged, or printed */
	int broken;
};

static const struct out_column columns[] = {
	{ "ADDRESS", "address", false }, { "POD", "pod", false },       { "NODE", "node", false },
	{ "WHAT", "what", false },       { "REASON", "reason", false }, { "CONTAINER", "container", true },
	{ "SINCE", "since", true },
};

static int64_t now_of(const struct sweep *s)
{
	return clock_wall_ms() + store_kube_skew(s->c->hub);
}

/* What was gone when we came is known to be since then. */
static int64_t gone_since(const struct block_rec *r, int64_t at_most, void *arg)
{
	const struct sweep *s = arg;

	(void)r;
	return at_most < s->started ? at_most : s->started;
}

static struct later *find_later(const struct sweep *s, struct ip addr, int64_t since)
{
	for (size_t i = 0; i < s->n_later; i++)
		if (ip_equal(s->later[i].addr, addr) && s->later[i].since == since)
			return &s->later[i];
	return NULL;
}

static bool skip(const struct block_rec *r, void *arg)
{
	const struct sweep *s = arg;

	if (!s->second)
		return alive_has(&s->alive, r->ns, r->pod, r->uid);
	for (size_t i = 0; i < s->n_later; i++)
		if (s->later[i].since == r->since)
			return false;
	return true;
}

static void print(struct sweep *s, struct ip addr, const struct block_rec *r, const char *what,
		  const char *reason)
{
	char text[IP_TEXT_MAX], pod[POD_TEXT_MAX];
	struct json_object *row;
	struct doc d = doc_new(&s->why);

	doc_text(&d, "address", ip_format(addr, text));
	doc_text(&d, "pod", record_pod(r->ns, r->pod, pod));
	doc_text(&d, "node", r->node);
	doc_text(&d, "what", what);
	doc_text(&d, "reason", reason);
	doc_text(&d, "container", r->container);
	doc_time(&d, "since", r->since);
	if (!s->broken)
		s->broken = doc_end(&d, &row) < 0 ? -s->why.sys : out_row(&s->c->out, row, &s->why);
	else
		doc_clear(&d);
}

static void note_later(struct sweep *s, struct ip addr, const struct block_rec *r, const struct fate *f)
{
	struct later *v;

	if (!s->again_at || f->at < s->again_at)
		s->again_at = f->at;
	if (find_later(s, addr, r->since))
		return;
	v = realloc(s->later, (s->n_later + 1) * sizeof(*v));
	if (!v)
		return;
	s->later = v;
	v[s->n_later++] = (struct later){ addr, r->since };
}

static void told(struct ip addr, const struct block_rec *r, const struct fate *f, const struct err *why,
		 void *arg)
{
	struct sweep *s = arg;

	if (why) {
		s->failed++;
		print(s, addr, r, "kept", why->msg);
	} else if (f->verdict == FATE_KEEP) {
		s->kept++;
		print(s, addr, r, "kept", f->why);
	} else if (f->verdict == FATE_LATER) {
		note_later(s, addr, r, f);
	} else {
		print(s, addr, r,
		      f->verdict == FATE_CLEAR ? "waits for its pod"
		      : f->unconfirmed         ? "freed, unconfirmed"
					       : "freed",
		      f->why);
	}
}

static int one_block(struct sweep *s, const char *name, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct judged x;
	struct block b;
	const char *text;
	size_t done = 0;
	uint8_t ver;
	ip_num index;
	int r;

	s->j.until = ctl_engine(s->c)->until;
	r = judge_get(&s->j, &kube_resources[KUBE_SPIDERIPBLOCKS], NULL, name, false, &o, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = ip_block_parse(name, &ver, &index, e);
	text = json_get_str(json_get(o, "spec"), "records");
	if (r == 0)
		r = block_decode(ver, index, text ? text : "", text ? strlen(text) : 0, &b, e);
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s", name);
	judge_block(&s->j, &b, skip, told, s, &x);
	if (!s->dry_run && x.n)
		r = ipam_collect(ctl_engine(s->c), x.v, x.n, &done, e);
	for (size_t i = 0; i < x.n; i++) {
		bool counts = s->dry_run || x.v[i].done;

		s->freed += counts && !x.v[i].clear;
		s->cleared += counts && x.v[i].clear;
	}
	block_clear(&b);
	return r;
}

static int add_name(struct json_object *o, void *arg, struct err *e)
{
	return json_strv_add(arg, kube_meta(o, "name"), e);
}

static void forget_names(void *arg)
{
	json_strv_clear(arg);
}

static int pass(struct sweep *s, struct err *e)
{
	CLEANUP(json_strv_clear) struct json_strv names = { 0 };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .metadata_only = true,
			      .until = deadline_in(s->c->timeout_ms) };
	const struct kube_lister l = { .each = add_name, .begin = forget_names, .arg = &names };
	int r = kube_list(s->c->k, &op, &l, NULL, e);

	s->again_at = 0;
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = one_block(s, names.v[i], e);
	if (r == 0 && s->broken) {
		*e = s->why;
		r = s->broken;
	}
	return r;
}

/* Until no agent has time for anything any more that was gone when we came. */
static int wait_for_agents(struct sweep *s, struct err *e)
{
	struct deadline until = deadline_in(WAIT_MAX_MS);
	struct kube_cancel none = { false };
	int r = 0;

	s->second = true;
	while (r == 0 && s->again_at && deadline_left(until) > 0) {
		int64_t ms = s->again_at - now_of(s);

		r = kube_sleep(s->c->k, &none, ms > 0 ? ms + 100 : 100, e);
		if (r == 0)
			r = pass(s, e);
	}
	return r;
}

static void say_more(struct sweep *s)
{
	ctl_note(s->c, "%zu addresses %s, %zu more wait for their pods from now on%s", s->freed,
		 s->dry_run ? "would be freed" : "freed", s->cleared, s->dry_run ? " (dry run)" : "");
	if (s->again_at)
		ctl_note(
			s->c,
			"%zu addresses of pods that are gone are left to their nodes' agents for up to %d s; "
			"--wait waits for them",
			s->n_later, FATE_AGENT_MS / 1000);
	if (s->failed)
		ctl_warn(s->c, "%zu addresses could not be judged and are kept", s->failed);
}

int gc_cluster(struct ctl *c, bool dry_run, bool wait, struct err *e)
{
	struct sweep s = { .c = c,
			   .dry_run = dry_run,
			   .j = { .k = c->k,
				  .rules = { .ready_nodes = true, .not_ready_nodes = true },
				  .gone_since = gone_since,
				  .arg = &s } };
	int r = ctl_open(c, dry_run ? CTL_READ : CTL_WRITE, e);

	if (r < 0)
		return r;
	s.j.k = c->k;
	s.j.skew_ms = store_kube_skew(c->hub);
	s.started = now_of(&s);
	out_rows_begin(&c->out, columns, ARRAY_LEN(columns));
	r = alive_list(c->k, NULL, deadline_in(c->timeout_ms), &s.alive, e);
	if (r == 0)
		r = pass(&s, e);
	if (r == 0 && wait && !dry_run)
		r = wait_for_agents(&s, e);
	if (r == 0) {
		out_rows_end(&c->out, "nothing to free");
		say_more(&s);
	}
	alive_clear(&s.alive);
	free(s.later);
	return r;
}
