/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - what each CNI verb does */
#include "verbs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "base/own.h"
#include "session.h"
#include "wire.h"

/* The agent's side is not part of this release: the same answer as for an agent that is down. */
static int agent_away(const struct session *s, struct err *e)
{
	return err_code(e, ERR_TRY_AGAIN, ECONNREFUSED,
			"spiderpool-agent is not reachable at %s; on a machine without Kubernetes set "
			"\"datastore\": \"local\" "
			"in the ipam section",
			s->conf.ipam_unix_socket_path);
}

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

static int print_result(const struct session *s, const struct ipam_attachment *a, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	struct cni_call *c = s->call;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < a->ips.n; i++) {
		struct ip_prefix p;
		struct ip gw = { 0 };

		r = ipam_attachment_ip(a, i, &p, e);
		if (r == 0 && a->ips.v[i].gateway)
			r = ip_parse(a->ips.v[i].gateway, &gw, e);
		if (r == 0)
			r = cni_result_add_ip(&res, p, gw, -1, e);
	}
	for (size_t i = 0; r >= 0 && i < a->routes.n; i++) {
		struct ip_prefix dst;
		struct ip gw;

		r = ip_prefix_parse(a->routes.v[i].dst, &dst, e);
		if (r == 0)
			r = ip_parse(a->routes.v[i].gw, &gw, e);
		if (r == 0)
			r = cni_result_add_route(&res, dst, gw, e);
	}
	return r < 0 ? r : cni_result_print(&res, c->conf.version, c->out, e);
}

static void log_addresses(struct session *s, const struct ipam_attachment *a)
{
	for (size_t i = 0; i < a->ips.n; i++)
		log_info(&s->log, "gave %s of pool %s", a->ips.v[i].address, a->ips.v[i].pool);
}

static int claim_and_settle(struct session *s, const struct session_request *r, struct err *e)
{
	struct ipam_attachment a;
	int x = ipam_add(&s->ipam, &r->req, &a, e);

	if (x < 0)
		return x;
	x = wire_settle(s, r, &a, e);
	if (x == 0)
		x = print_result(s, &a, e);
	if (x == 0) {
		log_addresses(s, &a);
	} else {
		struct err ignored; /* the runtime calls DEL too, GC comes after that */

		(void)ipam_undo(&s->ipam, &r->req, &a, &ignored);
	}
	ipam_attachment_clear(&a);
	return x;
}

int verb_add(struct cni_call *c, struct err *e)
{
	struct session_request r = { .netns = -1 };
	struct session s;
	int x = session_start(c, &s, e);

	if (x == 0 && !ipam_section_is_local(&s.conf))
		x = agent_away(&s, e);
	if (x == 0)
		x = session_open_store(&s, true, e);
	if (x == 0)
		x = session_request_read(&s, &r, e);
	if (x == 0)
		x = claim_and_settle(&s, &r, e);
	session_request_clear(&r);
	return finish(&s, x, e);
}

/* ---- DEL, GC ---- */

/* That something is missing may have other reasons: a mount namespace without /proc. */
static bool no_store(const struct session *s)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/data.mdb", s->conf.state_dir) < (int)sizeof(path) &&
	       access(path, F_OK) < 0 && errno == ENOENT;
}

int verb_del(struct cni_call *c, struct err *e)
{
	struct session s;
	int x = session_start(c, &s, e);

	if (x < 0 || !ipam_section_is_local(&s.conf))
		return finish(&s, x, e); /* no agent ever gave anything */
	x = session_open_store(&s, false, e);
	if (x == -ENOENT && no_store(&s))
		return finish(&s, 0, e); /* nothing is recorded */
	if (x == 0)
		x = ipam_del(&s.ipam, c->conf.name, c->env.container_id, c->env.ifname, e);
	if (x == 0)
		log_info(&s.log, "released");
	return finish_with_backup(&s, x, e);
}

int verb_gc(struct cni_call *c, struct err *e)
{
	CLEANUP(free_p) struct ipam_valid *valid = NULL;
	struct session s;
	size_t freed = 0;
	int x = session_start(c, &s, e);

	if (x == 0 && !ipam_section_is_local(&s.conf))
		x = agent_away(&s, e);
	if (x == 0 && !c->conf.valid.set)
		x = err_code(e, ERR_CONFIG, EINVAL,
			     "GC without \"cni.dev/valid-attachments\": nothing is freed on a guess");
	if (x == 0)
		x = session_open_store(&s, false, e);
	if (x == 0) {
		valid = calloc(c->conf.valid.n + 1, sizeof(*valid));
		x = valid ? 0 : err_nomem(e);
	}
	for (size_t i = 0; x == 0 && i < c->conf.valid.n; i++)
		valid[i] = (struct ipam_valid){ c->conf.valid.v[i].container_id, c->conf.valid.v[i].ifname };
	if (x == 0)
		x = ipam_gc(&s.ipam, c->conf.name, valid, c->conf.valid.n, s.started, &freed, e);
	if (x == 0)
		log_info(&s.log, "gc: %zu attachments freed", freed);
	return finish_with_backup(&s, x, e);
}

/* ---- CHECK, STATUS ---- */

static int check_result(struct session *s, const struct cni_result *prev, struct err *e)
{
	const struct cni_call *c = s->call;
	CLEANUP(free_p) struct ip_prefix *have = calloc(prev->ips.n + 1, sizeof(*have));

	if (!have)
		return err_nomem(e);
	for (size_t i = 0; i < prev->ips.n; i++)
		have[i] = prev->ips.v[i].address;
	return ipam_check(&s->ipam, c->conf.name, c->env.container_id, c->env.ifname, have, prev->ips.n, e);
}

int verb_check(struct cni_call *c, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result prev = { 0 };
	struct session s;
	int x = session_start(c, &s, e);

	if (x == 0 && !ipam_section_is_local(&s.conf))
		x = agent_away(&s, e);
	if (x == 0)
		x = cni_conf_prev_result(&c->conf, &prev, e);
	if (x > 0)
		x = err_code(e, ERR_CONFIG, EINVAL,
			     "CHECK without prevResult: there is nothing to compare with");
	if (x == 0)
		x = session_open_store(&s, false, e);
	if (x == 0)
		x = check_result(&s, &prev, e);
	return finish(&s, x, e);
}

int verb_status(struct cni_call *c, struct err *e)
{
	struct session s;
	int x = session_start(c, &s, e);

	if (x < 0)
		return finish(&s, x, e);
	x = ipam_section_is_local(&s.conf) ? session_open_store(&s, true, e) : agent_away(&s, e);
	if (x == 0)
		x = ipam_status(&s.ipam, e);
	if (x < 0)
		e->cni = ERR_UNAVAILABLE;
	return finish(&s, x, e);
}
