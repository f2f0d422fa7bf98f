/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - what veth does for each CNI verb */
#include "verbs.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/own.h"
#include "conf.h"
#include "conflict.h"
#include "foreign.h"
#include "plan.h"

#define RECORDS "veth"

/* One call: its configuration and its log. */
struct session {
	struct cni_call *call;
	struct veth_conf conf;
	struct log log;
	int64_t started; /* wall time, ms */
};

static void session_clear(struct session *s)
{
	veth_conf_clear(&s->conf);
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
	r = veth_conf_read(c->conf.tree, &s->conf, e);
	if (r == 0)
		r = log_init(&s->log, &s->conf.log, e);
	if (r < 0)
		return r;
	cni_call_log(c, &s->log);
	veth_conf_notes(&s->conf, c->conf.tree, note, s);
	return 0;
}

/* ---- ADD ---- */

static int read_prev(struct session *s, struct cni_result *ret, struct err *e)
{
	int r = cni_conf_prev_result(&s->call->conf, ret, e);

	if (r > 0)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"must be called as chained plugin: there is no prevResult; put veth behind the main plugin of the "
			"conflist");
	if (r == 0 && !s->conf.skip && !s->conf.only_mac && !ret->ips.n)
		return err_code(e, ERR_CONFIG, EINVAL,
				"prevResult has no IP address; want the addresses that the pod got");
	return r;
}

/* The NIC that the chain is about. */
static int find_nic(const struct session *s, const struct cni_result *prev, const char **ret, struct err *e)
{
	const char *asked = s->call->env.ifname;

	if (s->conf.only_mac || cni_result_find_interface(prev, asked, NULL) >= 0)
		*ret = asked;
	else if (prev->interfaces.n && prev->interfaces.v[0].name && prev->interfaces.v[0].name[0])
		*ret = prev->interfaces.v[0].name;
	else
		return err_code(e, ERR_CONFIG, EINVAL,
				"failed to find interface from prevResult: it names none; want a main plugin "
				"before veth, and cniVersion 0.3.0 or later");
	return 0;
}

/* What the record and the log call it. */
static const char *mode(const struct veth_conf *c, const struct veth_plan *p)
{
	return c->only_mac ? "mac" : p->first ? "first" : "further";
}

static int report(struct podnet_attach *a, const struct veth_conf *c, const char *nic,
		  const struct veth_plan *p, struct cni_result *res, struct err *e)
{
	int r = 0;

	if (c->has_mac_prefix) {
		podnet_attach_announce(a, nic);
		r = podnet_attach_report_mac(nic, p->mac, res, e);
	}
	return r == 0 && p->first ? podnet_attach_report_pair(a, &p->path, res, e) : r;
}

static int add(struct session *s, struct cni_result *res, struct err *e)
{
	CLEANUP(veth_plan_clear) struct veth_plan p = { 0 };
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .dir.fd = -1 };
	const char *nic = NULL;
	int r = find_nic(s, res, &nic, e);

	if (r == 0)
		r = podnet_attach_begin(s->call, s->conf.state_dir, RECORDS, &s->log, &a, e);
	if (r == 0 && s->conf.ip_conflict.enabled)
		r = veth_conflict(&s->conf, &a, nic, res, e);
	if (r == 0)
		r = veth_plan(&s->conf, &a, nic, res, &p, e);
	if (r == 0)
		r = podnet_attach_make(&a, &p.changes, mode(&s->conf, &p), p.table, e);
	if (r < 0)
		return r;
	if (s->conf.only_mac)
		log_info(&s->log, "MAC of %s", nic);
	else
		log_info(&s->log, "%s NIC %s, table %u, %zu changes, by %s and %s", mode(&s->conf, &p), nic,
			 p.first ? RT_TABLE_MAIN : p.table, p.changes.n, p.path.pod_dev, p.path.node_dev);
	return report(&a, &s->conf, nic, &p, res, e);
}

int verb_add(struct cni_call *c, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	if (r == 0)
		r = read_prev(&s, &res, e);
	if (r == 0 && !s.conf.skip)
		r = add(&s, &res, e);
	/* A container whose ID begins alike was about to take the same name for its interface on the node. */
	if (r == -EEXIST)
		r = add(&s, &res, e);
	if (r == 0)
		r = cni_result_print(&res, c->conf.version, c->out, e);
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
	return veth_conf_read_essential(c->conf.tree, &s->conf, e);
}

int verb_del(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start_del(c, &s, e);

	if (r == 0)
		r = podnet_attach_undo(c, s.conf.state_dir, RECORDS, &s.log, e);
	if (r > 0)
		log_info(&s.log, "undone");
	else if (r == 0)
		r = foreign_del(c, e);
	return finish(&s, r < 0 ? r : 0, e);
}

int verb_gc(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	size_t n = 0;
	int r = start_del(c, &s, e);

	if (r == 0)
		r = podnet_attach_gc(c, s.conf.state_dir, RECORDS, &s.log, s.started, &n, e);
	if (n)
		log_info(&s.log, "gc: %zu attachments undone", n);
	return finish(&s, r, e);
}

/* ---- CHECK, STATUS ---- */

int verb_check(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	if (r == 0 && !s.conf.skip)
		r = podnet_attach_check(c, s.conf.state_dir, RECORDS, e);
	return finish(&s, r, e);
}

int verb_status(struct cni_call *c, struct err *e)
{
	CLEANUP(session_clear) struct session s = { 0 };
	int r = start(c, &s, e);

	if (r == 0 && !s.conf.skip)
		r = podnet_attach_status(s.conf.state_dir, RECORDS, false, e);
	if (r < 0)
		e->cni = ERR_UNAVAILABLE;
	return finish(&s, r, e);
}
