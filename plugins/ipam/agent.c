/* SPDX-License-Identifier: Apache-2.0 */
/* agent.c - addresses from the node's agent */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "base/own.h"
#include "datastore.h"
#include "ipam/note.h"

#define GIVING_BACK_MS 5000 /* nobody may wait long for that */

static int ask(const struct session *s, struct ask *q, struct deadline until, struct err *e)
{
	q->socket = s->conf.ipam_unix_socket_path;
	if (!q->method)
		q->method = "POST";
	return ask_agent(q, until, e);
}

/* Texts that stay their owners'. */
static char *lend(const char *text)
{
	return (char *)(text ? text : "");
}

/* ---- the body of ADD ---- */

/* A list of texts beside their memory. */
struct texts {
	char text[IPAM_MASTER_MAX][IP_TEXT_MAX];
	char *v[IPAM_MASTER_MAX + 1];
	size_t n;
};
_Static_assert(IPAM_REQUESTED_MAX <= IPAM_MASTER_MAX, "a struct texts holds the requested addresses too");

struct body {
	struct texts ips, addresses;
	struct socket_master master;
};

static struct json_strv texts_list(struct texts *t)
{
	return (struct json_strv){ .v = t->v, .n = t->n, .set = t->n > 0 };
}

static struct socket_master *fill_master(const struct ipam_master *m, struct body *b)
{
	struct texts *t = &b->addresses;

	for (; t->n < m->n; t->n++)
		t->v[t->n] = (char *)ip_prefix_format(m->addr[t->n], t->text[t->n]);
	b->master = (struct socket_master){ .name = lend(m->name),
					    .addresses = texts_list(t),
					    .unknown = m->unknown[0] ? lend(m->unknown) : NULL };
	return &b->master;
}

/* The agent must be done before we are: an answer to nobody is an address to be given up again. */
static int64_t time_for_agent(struct deadline until)
{
	int64_t left = deadline_left(until);

	return left - left / 8;
}

static struct socket_add fill_add(const struct add *a, struct body *b)
{
	const struct ipam_section *c = &a->s->conf;
	const struct ipam_request *r = &a->r.req;
	struct texts *t = &b->ips;

	for (; t->n < r->n_requested; t->n++)
		t->v[t->n] = (char *)ip_format(r->requested[t->n], t->text[t->n]);
	return (struct socket_add){
		.container_id = lend(r->container),
		.ifname = lend(r->nic),
		.netns = lend(r->netns_path),
		.pod_namespace = lend(r->ns),
		.pod_name = lend(r->pod),
		.pod_uid = lend(r->uid),
		.default_ipv4 = c->default_ipv4_ippool,
		.default_ipv6 = c->default_ipv6_ippool,
		.clean_gateway = c->clean_gateway,
		.match_master_subnet = c->match_master_subnet,
		.network = lend(r->network),
		.ips = texts_list(t),
		.deadline_ms = time_for_agent(a->s->until),
		.netns_id = lend(r->netns_id),
		.mac = r->mac && r->mac[0] ? lend(r->mac) : NULL,
		.master = r->master ? fill_master(r->master, b) : NULL,
	};
}

/* ---- its answer ---- */

static void answer_clear(struct socket_answer *a)
{
	json_clear(&socket_answer_table, a);
}

static int read_ip(struct grant *g, const struct socket_ip *ip, struct err *e)
{
	struct grant_ip flags = {
		.detect_conflict = ip->detect_conflict || ip->probe,
		.detect_gateway = ip->detect_gateway,
		.kept = ip->kept,
	};

	snprintf(flags.pool, sizeof(flags.pool), "%s", ip->pool ? ip->pool : "");
	snprintf(flags.former_mac, sizeof(flags.former_mac), "%s", ip->former_mac ? ip->former_mac : "");
	return grant_add_ip(g, ip->address, ip->gateway, &flags, e);
}

static int read_dns(struct cni_dns *to, const struct socket_dns *from, struct err *e)
{
	int r = json_strv_copy(&from->nameservers, &to->nameservers, e);

	if (r == 0)
		r = json_strv_copy(&from->search, &to->search, e);
	if (r == 0)
		r = json_strv_copy(&from->options, &to->options, e);
	if (r == 0 && from->domain)
		r = cni_result_set_text(&to->domain, from->domain, e);
	return r;
}

/* It tells of all NICs of the pod; the others are called for by themselves. */
static int read_grant(struct add *a, const struct socket_answer *from, struct err *e)
{
	const char *nic = a->r.req.nic;
	int r;

	grant_clear(&a->grant);
	r = read_dns(&a->grant.result.dns, &from->dns, e);
	for (size_t i = 0; r == 0 && i < from->ips.n; i++)
		if (strcmp(from->ips.v[i].nic, nic) == 0)
			r = read_ip(&a->grant, &from->ips.v[i], e);
	for (size_t i = 0; r == 0 && i < from->routes.n; i++)
		if (strcmp(from->routes.v[i].ifname, nic) == 0)
			r = grant_add_route(&a->grant, from->routes.v[i].dst, from->routes.v[i].gw, e);
	if (r == 0 && !a->grant.result.ips.n)
		r = err_set(e, ENODATA, "no Interface %s IP allocation found", nic);
	if (r < 0) {
		e->cni = ERR_TRY_AGAIN;
		return err_wrap(e, "answer of spiderpool-agent");
	}
	return 0;
}

static struct socket_del fill_del(const struct cni_call *c)
{
	return (struct socket_del){
		.container_id = lend(c->env.container_id),
		.ifname = lend(c->env.ifname),
		.netns = lend(c->env.netns),
		.pod_namespace = lend(c->args.pod_namespace),
		.pod_name = lend(c->args.pod_name),
		.pod_uid = lend(c->args.pod_uid),
		.network = lend(c->conf.name),
	};
}

static void undo(struct add *a)
{
	const struct cni_call *c = a->s->call;
	struct socket_del d = fill_del(c);
	struct ask q = { .path = SOCKET_PATH_UNDO, .body_table = &socket_del_table, .body = &d };
	struct err e;

	if (a->again)
		return;
	if (ask(a->s, &q, deadline_min(c->deadline, deadline_in(GIVING_BACK_MS)), &e) < 0)
		log_warn(&a->s->log, "the claim was not undone, that is left to DEL: %s", e.msg);
}

static int claim(struct add *a, struct err *e)
{
	CLEANUP(answer_clear) struct socket_answer answer = { 0 };
	struct body b = { 0 };
	struct socket_add add = fill_add(a, &b);
	struct ask q = { .path = SOCKET_PATH_IP,
			 .body_table = &socket_add_table,
			 .body = &add,
			 .answer_table = &socket_answer_table,
			 .answer = &answer };
	int r = ask(a->s, &q, a->s->until, e);

	if (r < 0)
		return err_wrap(e, "spiderpool IP allocation error");
	a->again = answer.again;
	r = read_grant(a, &answer, e);
	if (r < 0)
		undo(a);
	return r < 0 ? err_wrap(e, "spiderpool IP allocation error") : 0;
}

/* ---- conflicts ---- */

/* An agent of an earlier version: it is told as its own plugin tells it, and the pod is tried again. */
static int release_all(struct add *a, struct err *e)
{
	const struct cni_call *c = a->s->call;
	struct socket_batch_del d = {
		.container_id = lend(c->env.container_id),
		.netns = lend(c->env.netns),
		.pod_namespace = lend(c->args.pod_namespace),
		.pod_name = lend(c->args.pod_name),
		.pod_uid = lend(c->args.pod_uid),
	};
	struct ask q = {
		.method = "DELETE", .path = SOCKET_PATH_IPS, .body_table = &socket_batch_del_table, .body = &d
	};

	if (ask(a->s, &q, deadline_min(c->deadline, deadline_in(GIVING_BACK_MS)), e) < 0)
		return err_wrap(e, "spiderpool-agent, an earlier version, did not release it");
	return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
			"spiderpool-agent, an earlier version, released it and gives another one next time");
}

static int tell_conflict(struct add *a, struct ip addr, const char *mac, bool end,
			 struct socket_answer *answer, struct err *e)
{
	char text[IP_TEXT_MAX];
	struct body b = { 0 };
	struct socket_conflict c = {
		.add = fill_add(a, &b), .address = (char *)ip_format(addr, text), .by = lend(mac), .undo = end
	};
	struct ask q = { .path = SOCKET_PATH_CONFLICT,
			 .body_table = &socket_conflict_table,
			 .body = &c,
			 .answer_table = answer ? &socket_answer_table : NULL,
			 .answer = answer };

	return ask(a->s, &q, a->s->until, e);
}

static int replace(struct add *a, struct ip addr, const char *mac, struct err *e)
{
	CLEANUP(answer_clear) struct socket_answer answer = { 0 };
	int r = tell_conflict(a, addr, mac, false, &answer, e);

	if (r == -EOPNOTSUPP)
		return release_all(a, e);
	return r < 0 ? r : read_grant(a, &answer, e);
}

static int restore(struct add *a, struct ip addr, const char *mac, struct err *e)
{
	return tell_conflict(a, addr, mac, true, NULL, e);
}

/* ---- DEL ---- */

static int leave_note(struct session *s, const struct socket_del *d, struct err *e)
{
	const struct note n = {
		.container = d->container_id,
		.nic = d->ifname,
		.network = d->network,
		.ns = d->pod_namespace,
		.pod = d->pod_name,
		.uid = d->pod_uid,
		.boot = d->boot_id,
		.at = clock_wall_ms(),
	};
	/* DEL takes what is left of a configuration. */
	const char *state = s->conf.state_dir[0] == '/' ? s->conf.state_dir : STORE_LOCAL_DIR;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/" NOTE_DIR, state);
	return note_write(dir, &n, e);
}

/* Nothing holds up the end of a pod. */
static int del(struct session *s, struct err *e)
{
	struct socket_del d = fill_del(s->call);
	struct ask q = {
		.method = "DELETE", .path = SOCKET_PATH_IP, .body_table = &socket_del_table, .body = &d
	};
	char boot[SESSION_BOOT_MAX];

	(void)session_read_boot(boot, e);
	d.boot_id = boot;
	if (ask(s, &q, deadline_min(s->until, deadline_in(GIVING_BACK_MS)), e) == 0) {
		log_info(&s->log, "released");
		return 0;
	}
	log_warn(&s->log, "not released now, the agent will when it is back: %s", e->msg);
	if (leave_note(s, &d, e) < 0)
		log_error(&s->log, "no release note could be left: %s", e->msg);
	return 0;
}

/* ---- GC, CHECK, STATUS ---- */

/* Earlier versions of the agent look after that by themselves, or not at all. */
static int unless_earlier(struct session *s, int r, const struct err *e)
{
	if (r != -EOPNOTSUPP)
		return r;
	log_info(&s->log, "left to an agent of an earlier version: %s", e->msg);
	return 0;
}

static int gc(struct session *s, size_t *ret_freed, struct err *e)
{
	CLEANUP(free_p) struct socket_attachment *valid = NULL;
	const struct cni_conf *c = &s->call->conf;
	struct socket_gc g = { .network = c->name, .started_ms = s->started };
	struct socket_freed answer = { 0 };
	struct ask q = { .path = SOCKET_PATH_GC,
			 .body_table = &socket_gc_table,
			 .body = &g,
			 .answer_table = &socket_freed_table,
			 .answer = &answer };
	int r;

	valid = calloc(c->valid.n + 1, sizeof(*valid));
	if (!valid)
		return err_nomem(e);
	for (size_t i = 0; i < c->valid.n; i++)
		valid[i] = (struct socket_attachment){ c->valid.v[i].container_id, c->valid.v[i].ifname };
	g.attachments.v = valid;
	g.attachments.n = c->valid.n;
	g.attachments.set = true;
	r = unless_earlier(s, ask(s, &q, s->until, e), e);
	*ret_freed = (size_t)answer.freed;
	return r;
}

static void strv_clear(struct json_strv *l)
{
	json_strv_clear(l);
}

static int check(struct session *s, const struct ip_prefix *have, size_t n, struct err *e)
{
	CLEANUP(strv_clear) struct json_strv ips = { .set = true };
	const struct cni_call *c = s->call;
	struct socket_check k = {
		.network = c->conf.name,
		.container_id = lend(c->env.container_id),
		.ifname = lend(c->env.ifname),
		.pod_namespace = c->args.pod_namespace,
		.pod_name = c->args.pod_name,
	};
	struct ask q = { .path = SOCKET_PATH_CHECK, .body_table = &socket_check_table, .body = &k };
	char text[IP_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = json_strv_add(&ips, ip_prefix_format(have[i], text), e);
	if (r < 0)
		return r;
	k.ips = ips;
	return unless_earlier(s, ask(s, &q, s->until, e), e);
}

static int status(struct session *s, struct err *e)
{
	struct socket_status t = {
		.network = s->call->conf.name,
		.default_ipv4 = s->conf.default_ipv4_ippool,
		.default_ipv6 = s->conf.default_ipv6_ippool,
	};
	struct ask q = { .path = SOCKET_PATH_STATUS, .body_table = &socket_status_table, .body = &t };

	return unless_earlier(s, ask(s, &q, s->until, e), e);
}

const struct datastore datastore_agent = {
	.claim = claim,
	.replace = replace,
	.restore = restore,
	.undo = undo,
	.del = del,
	.gc = gc,
	.check = check,
	.status = status,
};
