/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - what each CNI verb does */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "backup.h"
#include "base/own.h"
#include "datastore.h"
#include "wire.h"

static int finish(struct session *s, int r, const struct err *e)
{
	if (r < 0)
		log_error(&s->log, "%s", e->msg);
	session_end(s);
	return r;
}

/* DEL and GC: nobody waits for a pod to start, so a backup may be made behind them. */
static int finish_with_backup(struct session *s, int r, const struct err *e)
{
	CLEANUP(free_p) char *dir = s->store ? strdup(s->conf.state_dir) : NULL;

	r = finish(s, r, e);
	if (r == 0 && dir)
		backup_if_due(dir);
	return r;
}

/* ---- ADD ---- */

static void add_clear(struct add *a)
{
	session_request_clear(&a->r);
	grant_clear(&a->grant);
	ipam_attachment_clear(&a->attached);
}

static void log_addresses(struct session *s, const struct grant *g)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < g->result.ips.n; i++)
		log_info(&s->log, "gave %s of pool %s", ip_prefix_format(g->result.ips.v[i].address, text),
			 g->ip[i].pool);
}

static int add(struct session *s, struct err *e)
{
	CLEANUP(add_clear) struct add a = { .s = s, .r.netns = -1 };
	const struct datastore *d = datastore_of(s);
	int r = session_request_read(s, &a.r, e);

	if (r == 0)
		r = d->claim(&a, e);
	if (r < 0)
		return r;
	r = wire_settle(&a, e);
	if (r == 0)
		r = cni_result_print(&a.grant.result, s->call->conf.version, s->call->out, e);
	if (r == 0)
		log_addresses(s, &a.grant);
	else
		d->undo(&a);
	return r;
}

int verb_add(struct cni_call *c, struct err *e)
{
	struct session s;
	int r = session_start(c, &s, e);

	if (r == 0)
		r = add(&s, e);
	return finish(&s, r, e);
}

/* ---- DEL, GC ---- */

int verb_del(struct cni_call *c, struct err *e)
{
	struct session s;
	int r = session_start(c, &s, e);

	if (r == 0)
		r = datastore_of(&s)->del(&s, e);
	return finish_with_backup(&s, r, e);
}

int verb_gc(struct cni_call *c, struct err *e)
{
	struct session s;
	size_t freed = 0;
	int r = session_start(c, &s, e);

	if (r == 0 && !c->conf.valid.set)
		r = err_code(e, ERR_CONFIG, EINVAL,
			     "GC without \"cni.dev/valid-attachments\": nothing is freed on a guess");
	if (r == 0)
		r = datastore_of(&s)->gc(&s, &freed, e);
	if (r == 0)
		log_info(&s.log, "gc: %zu attachments freed", freed);
	return finish_with_backup(&s, r, e);
}

/* ---- CHECK, STATUS ---- */

static int check_result(struct session *s, const struct cni_result *prev, struct err *e)
{
	CLEANUP(free_p) struct ip_prefix *have = calloc(prev->ips.n + 1, sizeof(*have));

	if (!have)
		return err_nomem(e);
	for (size_t i = 0; i < prev->ips.n; i++)
		have[i] = prev->ips.v[i].address;
	return datastore_of(s)->check(s, have, prev->ips.n, e);
}

int verb_check(struct cni_call *c, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result prev = { 0 };
	struct session s;
	int r = session_start(c, &s, e);

	if (r == 0)
		r = cni_conf_prev_result(&c->conf, &prev, e);
	if (r > 0)
		r = err_code(e, ERR_CONFIG, EINVAL,
			     "CHECK without prevResult: there is nothing to compare with");
	if (r == 0)
		r = check_result(&s, &prev, e);
	return finish(&s, r, e);
}

int verb_status(struct cni_call *c, struct err *e)
{
	struct session s;
	int r = session_start(c, &s, e);

	if (r < 0)
		return finish(&s, r, e);
	r = datastore_of(&s)->status(&s, e);
	if (r < 0)
		e->cni = ERR_UNAVAILABLE;
	return finish(&s, r, e);
}
