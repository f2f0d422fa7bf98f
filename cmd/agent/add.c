/* SPDX-License-Identifier: Apache-2.0 */
/* add.c - ADD, and another address in the place of one that is in use */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "keys.h"
#include "kube/thread.h"

/* ---- the answer ---- */

static int dup_to(char **to, const char *s, struct err *e)
{
	*to = s ? strdup(s) : NULL;
	return s && !*to ? err_nomem(e) : 0;
}

static int add_ip(const struct ipam_attachment *at, const struct ipam_address *from,
		  struct socket_answer *ret, struct err *e)
{
	struct socket_ip *v = realloc(ret->ips.v, (ret->ips.n + 1) * sizeof(*v));
	int r;

	if (!v)
		return err_nomem(e);
	ret->ips.v = v;
	v = &v[ret->ips.n++];
	*v = (struct socket_ip){ .version = strchr(from->address, ':') ? 6 : 4,
				 .probe = from->probe,
				 .kept = from->kept };
	r = dup_to(&v->address, from->address, e);
	if (r == 0)
		r = dup_to(&v->nic, at->nic, e);
	if (r == 0)
		r = dup_to(&v->pool, from->pool, e);
	if (r == 0)
		r = dup_to(&v->gateway, from->gateway, e);
	return r < 0 ? r : dup_to(&v->former_mac, from->former_mac, e);
}

static int add_route(const struct ipam_attachment *at, const struct api_route *from,
		     struct socket_answer *ret, struct err *e)
{
	struct socket_route *v = realloc(ret->routes.v, (ret->routes.n + 1) * sizeof(*v));
	int r;

	if (!v)
		return err_nomem(e);
	ret->routes.v = v;
	ret->routes.set = true;
	v = &v[ret->routes.n++];
	*v = (struct socket_route){ 0 };
	r = dup_to(&v->ifname, at->nic, e);
	if (r == 0)
		r = dup_to(&v->dst, from->dst, e);
	return r < 0 ? r : dup_to(&v->gw, from->gw, e);
}

static void detection(const struct agent *a, const struct call *c, struct socket_answer *ret)
{
	for (size_t i = 0; i < ret->ips.n; i++) {
		ret->ips.v[i].detect_conflict = a->conf.file.conflict_detection && !c->migrates;
		ret->ips.v[i].detect_gateway = a->conf.file.gateway_detection;
	}
}

static int add_nic(const struct ipam_attachment *at, struct socket_answer *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < at->ips.n; i++)
		if (!at->ips.v[i].released)
			r = add_ip(at, &at->ips.v[i], ret, e);
	for (size_t i = 0; r == 0 && i < at->routes.n; i++)
		r = add_route(at, &at->routes.v[i], ret, e);
	return r;
}

static bool is_other_nic(const struct ipam_attachment *at, void *arg)
{
	const struct socket_add *q = arg;

	return strcmp(at->container, q->container_id) == 0 && strcmp(at->nic, q->ifname) != 0;
}

/* Clients of the Go agent are told of every NIC that has addresses by now, and pick theirs. */
static int add_other_nics(struct agent *a, const struct socket_add *q, struct socket_answer *ret,
			  struct err *e)
{
	struct attached l;
	int r = attached_list(a, is_other_nic, (void *)q, &l, e);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add_nic(&l.v[i], ret, e);
	attached_clear(&l);
	return r;
}

static int answer(struct agent *a, const struct socket_add *q, const struct call *c,
		  const struct ipam_attachment *at, struct socket_answer *ret, struct err *e)
{
	int r;

	*ret = (struct socket_answer){ .again = at->again };
	ret->ips.set = true;
	r = add_nic(at, ret, e);
	if (r == 0 && !q->network)
		r = add_other_nics(a, q, ret, e);
	if (r == 0)
		detection(a, c, ret);
	return r;
}

/* ---- ADD ---- */

/* The pool of an application comes when the controller made it: a watch tells. */
static int claim(struct agent *a, struct call *c, struct ipam_attachment *at, struct deadline until,
		 struct err *e)
{
	int r;

	for (;;) {
		uint64_t seen;

		pthread_mutex_lock(&a->lock);
		seen = a->pools_seq;
		pthread_mutex_unlock(&a->lock);
		r = ipam_add(&c->m, &c->req, at, e);
		if (r != -EAGAIN || e->cni != ERR_TRY_AGAIN || deadline_left(until) == 0)
			return r;
		gauges_waited_for_pool();
		pthread_mutex_lock(&a->lock);
		while (a->pools_seq == seen && deadline_left(until) > 0 && !a->stopping)
			kube_cond_wait(&a->pools, &a->lock, until);
		pthread_mutex_unlock(&a->lock);
		if (a->stopping)
			return r;
	}
}

static int check_alive(const struct call *c, struct err *e)
{
	if (c->pod.alive)
		return 0;
	return err_code(e, ERR_TRY_AGAIN, EBUSY,
			"pod %s/%s (UID %s) is on its way out or has ended; it gets no address", c->pod.ns,
			c->pod.name, c->pod.uid);
}

/* Its DEL waits for us, or has left a note by now: what was claimed goes the way of both. */
static int check_gone(struct agent *a, const struct socket_add *q, struct deadline until, struct err *e)
{
	struct err ignored;

	if (!keys_is_gone(a->keys, q->container_id, q->ifname))
		return 0;
	(void)release_container(a, q->network, q->container_id, q->ifname, until, &ignored);
	return err_code(e, ERR_CONFIG, EINVAL, "container %s, NIC %s: its DEL came while it was added",
			q->container_id, q->ifname);
}

static int add(struct agent *a, const struct socket_add *q, struct deadline until, struct socket_answer *ret,
	       struct err *e)
{
	struct ipam_attachment at = { 0 };
	struct call c = { 0 };
	int r;

	if (keys_is_gone(a->keys, q->container_id, q->ifname))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"container %s, NIC %s: it had DEL within the last ten minutes; a container is never "
			"made twice",
			q->container_id, q->ifname);
	r = release_notes(a, q->pod_namespace, q->pod_name, until, e);
	if (r == 0)
		r = call_open(a, q, until, &c, e);
	if (r == 0)
		r = check_alive(&c, e);
	if (r == 0)
		r = claim(a, &c, &at, until, e);
	if (r == 0)
		r = check_gone(a, q, until, e);
	if (r == 0)
		r = answer(a, q, &c, &at, ret, e);
	for (size_t i = 0; r == 0 && i < at.ips.n; i++)
		say(LOG_LEVEL_INFO, "ADD pod=%s/%s container=%s nic=%s address=%s pool=%s", c.pod.ns,
		    c.pod.name, q->container_id, q->ifname, at.ips.v[i].address, at.ips.v[i].pool);
	ipam_attachment_clear(&at);
	call_close(&c);
	return r;
}

int verb_add(struct agent *a, const struct socket_add *q, struct deadline until, struct socket_answer *ret,
	     struct err *e)
{
	double start = clock_mono_s();
	int64_t most = AGENT_CALL_MS;
	int r;

	*ret = (struct socket_answer){ 0 };
	if (q->deadline_ms > 0 && q->deadline_ms < most)
		most = q->deadline_ms;
	until = deadline_min(until, deadline_in(most));
	r = keys_lock(a->keys, q->pod_namespace, q->pod_name, until, e);
	gauges_wait(false, clock_mono_s() - start);
	if (r < 0)
		return r;
	r = add(a, q, until, ret, e);
	keys_unlock(a->keys, q->pod_namespace, q->pod_name);
	if (r < 0)
		json_clear(&socket_answer_table, ret);
	return r;
}

/* ---- conflicts ---- */

static int conflict(struct agent *a, const struct socket_conflict *q, struct deadline until,
		    struct socket_answer *ret, struct err *e)
{
	struct ipam_attachment at = { 0 };
	struct call c;
	struct ip addr;
	int r = call_open(a, &q->add, until, &c, e);

	if (r == 0)
		r = ip_parse(q->address ? q->address : "", &addr, e);
	if (r == 0 && q->undo)
		r = ipam_conflict_undo(&c.m, &c.req, addr, e);
	if (r == 0 && !q->undo)
		r = ipam_conflict(&c.m, &c.req, &at, addr, q->by ? q->by : "", e);
	if (r == 0 && !q->undo)
		say(LOG_LEVEL_WARN, "ip conflict: pod=%s/%s nic=%s address=%s is in use by %s; quarantined",
		    c.pod.ns, c.pod.name, q->add.ifname, q->address, q->by ? q->by : "somebody");
	if (r == 0)
		r = answer(a, &q->add, &c, &at, ret, e);
	ipam_attachment_clear(&at);
	call_close(&c);
	return r;
}

int verb_conflict(struct agent *a, const struct socket_conflict *q, struct deadline until,
		  struct socket_answer *ret, struct err *e)
{
	int r;

	*ret = (struct socket_answer){ 0 };
	until = deadline_min(until, deadline_in(AGENT_CALL_MS));
	r = keys_lock(a->keys, q->add.pod_namespace, q->add.pod_name, until, e);
	if (r < 0)
		return r;
	r = conflict(a, q, until, ret, e);
	keys_unlock(a->keys, q->add.pod_namespace, q->add.pod_name);
	if (r < 0)
		json_clear(&socket_answer_table, ret);
	return r;
}
