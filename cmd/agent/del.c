/* SPDX-License-Identifier: Apache-2.0 */
/* del.c - DEL in its forms: it never keeps a pod */
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "keys.h"

static const char *text(const char *s)
{
	return s ? s : "";
}

/* What could not be done now is a note; when not even that can be had, the pod's end will show. */
static void leave_note(struct agent *a, const struct socket_del *q, const struct err *why)
{
	const struct note n = { .container = q->container_id,
				.nic = q->ifname,
				.network = q->network,
				.ns = q->pod_namespace,
				.pod = q->pod_name,
				.uid = q->pod_uid,
				.boot = a->boot,
				.at = clock_wall_ms() };
	struct err e;

	say(LOG_LEVEL_WARN, "DEL pod=%s/%s container=%s nic=%s is noted and done later: %s", q->pod_namespace,
	    q->pod_name, q->container_id, q->ifname, why->msg);
	if (note_write(a->notes, &n, &e) < 0)
		say(LOG_LEVEL_ERROR, "DEL container=%s nic=%s could not even be noted: %s", q->container_id,
		    q->ifname, e.msg);
}

static struct deadline del_deadline(struct deadline until)
{
	return deadline_min(until, deadline_in(AGENT_DEL_MS));
}

int verb_del(struct agent *a, const struct socket_del *q, struct deadline until, struct err *e)
{
	double start = clock_mono_s();
	int r;

	until = del_deadline(until);
	keys_gone(a->keys, q->container_id, q->ifname);
	r = keys_lock(a->keys, q->pod_namespace, q->pod_name, until, e);
	gauges_wait(true, clock_mono_s() - start);
	if (r == 0) {
		r = release_container(a, q->network, q->container_id, q->ifname, until, e);
		keys_unlock(a->keys, q->pod_namespace, q->pod_name);
	}
	if (r < 0) {
		gauges_release_failed(e);
		leave_note(a, q, e);
	}
	return 0;
}

/* Of an ADD that was answered and is of no use: what it claimed is given up, the pod alive or not. What a
 * former sandbox of the pod had stays the pod's: had that one no DEL, it runs on. */
int verb_undo(struct agent *a, const struct socket_del *q, struct deadline until, struct err *e)
{
	struct call c;
	int r = keys_lock(a->keys, q->pod_namespace, q->pod_name, until, e);

	if (r < 0)
		return r;
	say(LOG_LEVEL_INFO, "UNDO pod=%s/%s container=%s nic=%s", q->pod_namespace, q->pod_name,
	    q->container_id, q->ifname);
	r = call_open_plain(a, true, until, &c, e);
	if (r == 0)
		r = ipam_give_up(&c.m, text(q->network)[0] ? q->network : "-", q->container_id, q->ifname, e);
	call_close(&c);
	keys_unlock(a->keys, q->pod_namespace, q->pod_name);
	return r;
}

static bool of_container(const struct ipam_attachment *at, void *arg)
{
	return strcmp(at->container, arg) == 0;
}

/* All NICs of the container, after a conflict on the wire. */
int verb_batch_del(struct agent *a, const struct socket_batch_del *q, struct deadline until, struct err *e)
{
	struct attached l;
	int r = keys_lock(a->keys, q->pod_namespace, q->pod_name, until, e);

	if (r < 0)
		return r;
	r = attached_list(a, of_container, q->container_id, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		if (ipam_attachment_hold(&l.v[i]) != HOLD_POD)
			r = err_code(e, SOCKET_FORBID_STATEFUL, 1,
				     "pod %s/%s keeps its addresses: they are not released after a conflict",
				     q->pod_namespace, q->pod_name);
	if (r == 0 && q->conflict_ips && !a->conf.release_conflicts)
		r = err_code(
			e, SOCKET_FORBID_STATELESS, 1,
			"SPIDERPOOL_ENABLED_RELEASE_CONFLICT_IPS is false: addresses are not released after a "
			"conflict");
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		struct call c;

		r = call_open_plain(a, false, until, &c, e);
		if (r == 0)
			r = ipam_del(&c.m, l.v[i].network, l.v[i].container, l.v[i].nic, e);
		call_close(&c);
	}
	attached_clear(&l);
	keys_unlock(a->keys, q->pod_namespace, q->pod_name);
	return r;
}

/* ---- GC ---- */

struct gc {
	struct agent *a;
	const struct socket_gc *q;
};

static bool is_valid(const struct socket_gc *q, const char *container, const char *nic)
{
	for (size_t i = 0; i < q->attachments.n; i++)
		if (strcmp(q->attachments.v[i].container_id, container) == 0 &&
		    strcmp(q->attachments.v[i].ifname, nic) == 0)
			return true;
	return false;
}

static bool gc_wants(const struct ipam_attachment *at, void *arg)
{
	const struct gc *g = arg;

	return !at->claimed_by && strcmp(at->network, g->q->network) == 0 && at->since <= g->q->started_ms &&
	       !is_valid(g->q, at->container, at->nic) &&
	       cluster_pod_known(g->a->cluster, text(at->ns), text(at->pod), text(at->uid)) != FATE_REMADE;
}

/* The runtime's list is a hint: of a pod that is alive nothing is freed. */
int verb_gc(struct agent *a, const struct socket_gc *q, struct deadline until, int64_t *ret_freed,
	    struct err *e)
{
	struct gc g = { a, q };
	struct attached l;
	int r = attached_list(a, gc_wants, &g, &l, e);

	*ret_freed = 0;
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		const struct ipam_attachment *at = &l.v[i];

		r = keys_lock(a->keys, text(at->ns), text(at->pod), until, e);
		if (r < 0)
			break;
		r = release_attached(a, at, false, until, e);
		keys_unlock(a->keys, text(at->ns), text(at->pod));
		*ret_freed += r == 0;
	}
	attached_clear(&l);
	return r;
}
