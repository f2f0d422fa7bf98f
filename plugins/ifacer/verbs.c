/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - what each CNI verb does */
#include "verbs.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "gc.h"
#include "look.h"
#include "make.h"
#include "session.h"
#include "uses.h"

#define MAKE_TRIES 3

/* ---- result ---- */

/* The result of the plugin before us, else an empty one. The versions before 0.3.0 cannot say a result
 * without an address; runtimes take one that has only its version, and the main plugin behind us replaces it.
 */
static int print_result(struct cni_call *c, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	int r = cni_conf_prev_result(&c->conf, &res, e);

	if (r < 0)
		return r;
	if (c->conf.version <= CNI_V020 && res.ips.n == 0) {
		buf_fmt(c->out, "{\"cniVersion\":\"%s\"}", cni_version_text(c->conf.version));
		return c->out->err < 0 ? err_nomem(e) : 0;
	}
	return cni_result_print(&res, c->conf.version, c->out, e);
}

/* ---- ADD ---- */

/* A bond of ours lacks slaves: it was left half made, or it lost one. It is not for us to add to it what
 * another network has left out on purpose. */
static int check_completion(struct session *s, const struct ifacer_view *v, struct err *e)
{
	CLEANUP(ifacer_uses_clear) struct ifacer_uses uses = { 0 };
	const struct ifacer_use *other;
	int r;

	if (!v->bond.index || ifacer_missing_ports(&s->plan, v) == 0)
		return 0;
	r = ifacer_uses_read(&s->dir, &uses, e);
	if (r < 0)
		return r;
	other = ifacer_uses_differently(&uses, &s->plan);
	if (other)
		return err_set(e, EEXIST,
			       "bond %s is in use with other interfaces by network %s (container %s)",
			       s->plan.bond, other->record->network, other->record->container);
	return 0;
}

/* Written before the first change. *ret_new: there was none before. */
static int record(struct session *s, bool *ret_new, struct err *e)
{
	CLEANUP(podnet_record_clear) struct podnet_record former = { 0 };
	CLEANUP(json_put_p) struct json_object *conf = NULL;
	const struct cni_env *env = &s->call->env;
	struct podnet_record rec = {
		.container = (char *)env->container_id,
		.ifname = (char *)env->ifname,
		.network = s->call->conf.name,
		.netns_path = (char *)env->netns,
		.created = clock_wall_ms(),
	};
	struct err ignored;
	int r = json_encode(&ifacer_conf_table, &s->conf, &conf, e);

	if (r < 0)
		return r;
	rec.conf = conf;
	*ret_new = podnet_record_load(&s->dir, rec.container, rec.ifname, rec.network, &former, &ignored) ==
		   -ENOENT;
	return podnet_record_save(&s->dir, &rec, e);
}

static int look_and_make(struct session *s, struct err *e)
{
	CLEANUP(ifacer_view_clear) struct ifacer_view v = { 0 };
	CLEANUP(buf_clear) struct buf differences = BUF_INIT(ERR_MSG_MAX);
	const struct cni_env *env = &s->call->env;
	struct err ignored;
	bool is_new = false;
	int r = ifacer_look(&s->nl, &s->plan, &v, e);

	if (r < 0)
		return r;
	ifacer_compare(&s->nl, &s->plan, &v, false, &differences);
	if (differences.len)
		return err_set(e, EEXIST, "nothing was changed: %s", buf_cstr(&differences));
	r = check_completion(s, &v, e);
	if (r == 0)
		r = record(s, &is_new, e);
	if (r < 0)
		return r;
	r = ifacer_make(&s->nl, &s->plan, &v, s->mark, e);
	if (r < 0 && is_new)
		(void)podnet_record_remove(&s->dir, env->container_id, env->ifname, s->call->conf.name,
					   &ignored);
	return r;
}

static int make(struct session *s, struct err *e)
{
	int r = session_open_records(s, true, e);

	if (r == 0)
		r = session_open_kernel(s, e);
	if (r == 0)
		r = session_lock(s, true, e);
	if (r < 0)
		return r;
	for (int i = 0; i < MAKE_TRIES; i++) {
		r = look_and_make(s, e);
		if (r != -EAGAIN)
			break;
	}
	return r;
}

int verb_add(struct cni_call *c, struct err *e)
{
	CLEANUP(session_end) struct session s;
	int r = session_start(c, &s, e);

	/* First, so that a result which cannot be said leaves nothing behind. */
	if (r == 0)
		r = print_result(c, e);
	if (r == 0 && !ifacer_plan_is_empty(&s.plan))
		r = make(&s, e);
	return r;
}

/* ---- DEL, GC ---- */

/* Interfaces are shared, they stay. What is wrong in the configuration does not matter. */
int verb_del(struct cni_call *c, struct err *e)
{
	CLEANUP(session_end) struct session s;
	struct err ignored;
	int r;

	(void)session_start(c, &s, &ignored);
	r = session_open_records(&s, false, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = podnet_record_remove(&s.dir, c->env.container_id, c->env.ifname, c->conf.name, e);
	return r;
}

int verb_gc(struct cni_call *c, struct err *e)
{
	CLEANUP(session_end) struct session s;
	int r = session_start(c, &s, e);

	if (r == 0)
		r = session_open_records(&s, false, e);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = session_lock(&s, true, e);
	return r < 0 ? r : ifacer_gc(&s, e);
}

/* ---- CHECK, STATUS ---- */

static int compare(struct session *s, bool whole, struct ifacer_view *v, struct err *e)
{
	CLEANUP(buf_clear) struct buf differences = BUF_INIT(ERR_MSG_MAX);
	int r = ifacer_look(&s->nl, &s->plan, v, e);

	if (r < 0)
		return r;
	ifacer_compare(&s->nl, &s->plan, v, whole, &differences);
	return differences.len ? err_set(e, ESTALE, "%s", buf_cstr(&differences)) : 0;
}

/* Only removeUnused depends on the record; an attachment that is older than this plugin has none. */
static int check_record(struct session *s, struct err *e)
{
	CLEANUP(podnet_record_clear) struct podnet_record rec = { 0 };
	const struct cni_env *env = &s->call->env;
	int r = podnet_record_load(&s->dir, env->container_id, env->ifname, s->call->conf.name, &rec, e);

	if (r != -ENOENT)
		return r;
	return s->conf.remove_unused ? err_set(e, ENOENT,
					       "this attachment has no record in %s/" IFACER_RECORDS
					       ", so that GC may remove its interfaces",
					       s->state_dir)
				     : 0;
}

int verb_check(struct cni_call *c, struct err *e)
{
	CLEANUP(ifacer_view_clear) struct ifacer_view v = { 0 };
	CLEANUP(session_end) struct session s;
	int r = session_start(c, &s, e);

	if (r < 0 || ifacer_plan_is_empty(&s.plan))
		return r;
	r = session_open_records(&s, false, e);
	if (r == 0)
		r = session_lock(&s, false, e);
	if (r == 0 || r == -ENOENT)
		r = check_record(&s, e);
	if (r == 0)
		r = session_open_kernel(&s, e);
	return r < 0 ? r : compare(&s, true, &v, e);
}

static int can_make(struct session *s, struct err *e)
{
	CLEANUP(ifacer_view_clear) struct ifacer_view v = { 0 };
	int r = session_open_records(s, false, e);

	if (r == 0 || r == -ENOENT)
		r = session_open_kernel(s, e);
	if (r == 0)
		r = compare(s, false, &v, e);
	if (r == 0 && s->plan.bond[0] && !v.bond.index)
		r = ifacer_kind_supported(&s->nl, "bond", e);
	if (r == 0 && s->plan.vlan[0] && !v.vlan.index)
		r = ifacer_kind_supported(&s->nl, "vlan", e);
	return r;
}

int verb_status(struct cni_call *c, struct err *e)
{
	CLEANUP(session_end) struct session s;
	int r = session_start(c, &s, e);

	if (r == 0 && !ifacer_plan_is_empty(&s.plan))
		r = can_make(&s, e);
	if (r < 0)
		e->cni = ERR_UNAVAILABLE;
	return r;
}
