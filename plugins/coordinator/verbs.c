/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - what coordinator does for each CNI verb */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "cni/pod.h"
#include "conf.h"
#include "foreign.h"
#include "ipam/candidates.h"
#include "plan.h"

#define RECORDS "coordinator"

/* One call: its configuration and its log. */
struct session {
	struct cni_call *call;
	struct coordinator_section section;
	struct coordinator_conf conf;
	struct log log;
	int64_t started; /* wall time, ms */
};

static void session_clear(struct session *s)
{
	coordinator_conf_clear(&s->conf);
	coordinator_section_clear(&s->section);
	log_close(&s->log);
}

static int finish(struct session *s, int r, const struct err *e)
{
	if (r < 0)
		log_error(&s->log, "%s", e->msg);
	return r;
}

static void note(const char *sentence, void *arg)
{
	struct session *s = arg;

	log_warn(&s->log, "%s", sentence);
}

static int start(struct cni_call *c, struct session *s, struct err *e)
{
	int r;

	*s = (struct session){ .call = c, .started = clock_wall_ms() };
	r = coordinator_section_read(c->conf.tree, &s->section, e);
	if (r == 0)
		r = log_init(&s->log, &s->section.log, e);
	if (r < 0)
		return r;
	cni_call_log(c, &s->log);
	coordinator_section_notes(c->conf.tree, note, s);
	return 0;
}

/* Network configuration, agent and defaults. */
static int read_conf(struct session *s, struct err *e)
{
	CLEANUP(coordinator_answer_clear) struct coordinator_answer answer = { 0 };
	CLEANUP(json_map_clear) struct json_map annotations = { 0 };
	static const char *const keys[] = { COORDINATOR_ANNOTATION_DEFAULT_NIC, ANNOTATION_NETWORKS };
	struct err kept;
	int r = 0, agent = 1;

	if (!coordinator_section_disabled(&s->section))
		agent = coordinator_agent_fetch(s->section.agent_socket, COORDINATOR_AGENT_MARKER,
						&s->call->args, s->call->deadline, &answer, e);
	if (agent < 0)
		return agent;
	r = cni_pod_annotations(&s->call->conf, keys, ARRAY_LEN(keys), &annotations, e);
	if (r == 0)
		r = coordinator_conf_merge(&s->section, agent ? NULL : &answer, &annotations, &s->conf, e);
	if (r == 0 && agent == 0 && coordinator_agent_keep(COORDINATOR_KEEP_DIR, &answer, &kept) < 0)
		log_warn(&s->log, "the agent's answer is not kept for a later DEL: %s", kept.msg);
	return r;
}

/* ---- ADD ---- */

static int pass_on(struct session *s, const struct cni_result *res, struct err *e)
{
	return cni_result_print(res, s->call->conf.version, s->call->out, e);
}

static int add(struct session *s, struct cni_result *res, struct err *e)
{
	CLEANUP(coordinator_plan_clear) struct coordinator_plan p = { 0 };
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .dir.fd = -1 };
	int r = podnet_attach_begin(s->call, s->section.state_dir, RECORDS, &s->log, &a, e);

	if (r == 0)
		r = coordinator_plan(&s->conf, &a, &p, e);
	if (r == 0)
		r = podnet_attach_make(&a, &p.changes, p.overlay ? "overlay" : "underlay", p.table, e);
	if (r < 0)
		return r;
	log_info(&s->log, "%s, %s NIC, table %u, %zu changes, by %s and %s",
		 p.overlay ? "overlay" : "underlay", p.first ? "first" : "further", p.table, p.changes.n,
		 p.path.pod_dev, p.path.node_dev);
	if (p.has_mac) {
		podnet_attach_announce(&a, s->call->env.ifname);
		r = podnet_attach_report_mac(s->call->env.ifname, p.mac, res, e);
	}
	return r == 0 && !p.overlay && p.first ? podnet_attach_report_pair(&a, &p.path, res, e) : r;
}

int verb_add(struct cni_call *c, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	if (r == 0)
		r = cni_conf_prev_result(&c->conf, &res, e);
	if (r > 0)
		r = err_code(
			e, ERR_CONFIG, EINVAL,
			"must be called as chained plugin: there is no prevResult; put coordinator behind the main plugin of the "
			"conflist");
	if (r == 0)
		r = read_conf(&s, e);
	if (r == 0 && s.conf.mode != COORDINATOR_DISABLE)
		r = add(&s, &res, e);
	/* A container whose ID begins alike was about to take the same name for its interface on the node. */
	if (r == -EEXIST)
		r = add(&s, &res, e);
	if (r == 0)
		r = pass_on(&s, &res, e);
	return finish(&s, r, e);
}

/* ---- DEL, GC ---- */

/* A configuration that was broken since ADD must not keep the pod from being taken down. */
static int start_del(struct cni_call *c, struct session *s, struct err *e)
{
	int r = start(c, s, e);

	if (r == 0)
		return 0;
	session_clear(s);
	*s = (struct session){ .call = c, .started = clock_wall_ms() };
	return coordinator_section_read_essential(c->conf.tree, &s->section, e);
}

static int del_foreign(struct session *s, struct err *e)
{
	CLEANUP(coordinator_answer_clear) struct coordinator_answer kept = { 0 };
	struct coordinator_conf conf;
	int r = coordinator_agent_kept(COORDINATOR_KEEP_DIR, &kept, e);

	if (r < 0)
		log_warn(&s->log, "%s", e->msg);
	coordinator_conf_for_del(s->call->conf.tree, r == 0 ? &kept : NULL, &conf);
	return conf.mode == COORDINATOR_DISABLE ? 0 : foreign_del(s->call, &conf, e);
}

int verb_del(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start_del(c, &s, e);

	if (r == 0)
		r = podnet_attach_undo(c, s.section.state_dir, RECORDS, &s.log, e);
	if (r > 0)
		log_info(&s.log, "undone");
	else if (r == 0)
		r = del_foreign(&s, e);
	return finish(&s, r < 0 ? r : 0, e);
}

int verb_gc(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	size_t n = 0;
	int r = start(c, &s, e);

	if (r == 0)
		r = podnet_attach_gc(c, s.section.state_dir, RECORDS, &s.log, s.started, &n, e);
	if (n)
		log_info(&s.log, "gc: %zu attachments undone", n);
	return finish(&s, r, e);
}

/* ---- CHECK, STATUS ---- */

int verb_check(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	if (r == 0 && !coordinator_section_disabled(&s.section))
		r = podnet_attach_check(c, s.section.state_dir, RECORDS, e);
	return finish(&s, r, e);
}

int verb_status(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	/* The agent's answer is about one pod; here is none. */
	if (r == 0)
		r = coordinator_conf_merge(&s.section, NULL, NULL, &s.conf, e);
	if (r == 0 && s.conf.mode != COORDINATOR_DISABLE)
		r = coordinator_agent_healthy(s.section.agent_socket, COORDINATOR_AGENT_MARKER, c->deadline,
					      e);
	if (r >= 0 && s.conf.mode != COORDINATOR_DISABLE)
		r = podnet_attach_status(s.section.state_dir, RECORDS, s.conf.mode != COORDINATOR_OVERLAY, e);
	if (r < 0)
		e->cni = ERR_UNAVAILABLE;
	return finish(&s, r, e);
}
