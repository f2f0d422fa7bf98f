/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - addresses from the store of this node */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "datastore.h"
#include "ipam/usage.h"

/* ---- ADD ---- */

static int read_grant(struct add *a, struct err *e)
{
	const struct ipam_section *c = &a->s->conf;
	const struct ipam_attachment *from = &a->attached;
	int r = 0;

	grant_clear(&a->grant);
	for (size_t i = 0; r == 0 && i < from->ips.n; i++) {
		const struct ipam_address *ip = &from->ips.v[i];
		struct grant_ip g = {
			.detect_conflict = c->enable_ip_conflict_detection || ip->probe,
			.detect_gateway = c->enable_gateway_detection,
			.kept = ip->kept,
		};

		snprintf(g.pool, sizeof(g.pool), "%s", ip->pool);
		snprintf(g.former_mac, sizeof(g.former_mac), "%s", ip->former_mac ? ip->former_mac : "");
		r = grant_add_ip(&a->grant, ip->address, ip->gateway, &g, e);
	}
	for (size_t i = 0; r == 0 && i < from->routes.n; i++)
		r = grant_add_route(&a->grant, from->routes.v[i].dst, from->routes.v[i].gw, e);
	return r < 0 ? err_wrap(e, "record of container %s, NIC %s", from->container, from->nic) : 0;
}

static void undo(struct add *a)
{
	struct err ignored; /* the runtime calls DEL too, GC comes after that */

	(void)ipam_undo(&a->s->ipam, &a->r.req, &a->attached, &ignored);
}

static int claim(struct add *a, struct err *e)
{
	int r = session_open_store(a->s, true, e);

	if (r == 0)
		r = ipam_add(&a->s->ipam, &a->r.req, &a->attached, e);
	if (r < 0)
		return r;
	r = read_grant(a, e);
	if (r < 0)
		undo(a);
	return r;
}

static int replace(struct add *a, struct ip addr, const char *mac, struct err *e)
{
	int r = ipam_conflict(&a->s->ipam, &a->r.req, &a->attached, addr, mac, e);

	return r < 0 ? r : read_grant(a, e);
}

static int restore(struct add *a, struct ip addr, const char *mac, struct err *e)
{
	(void)mac;
	return ipam_conflict_undo(&a->s->ipam, &a->r.req, addr, e);
}

struct owner {
	const char *mac;
	struct buf *out;
};

static int find_owner(const struct ipam_found *f, void *arg, struct err *e)
{
	struct owner *o = arg;
	char addr[IP_TEXT_MAX];

	(void)e;
	if (!block_rec_has_holder(f->rec) || strcmp(f->rec->mac, o->mac) != 0)
		return 0;
	buf_fmt(o->out, "pod %s%s%s, container %s, NIC %s of this node, which was given %s", f->rec->ns,
		f->rec->ns[0] ? "/" : "", f->rec->pod[0] ? f->rec->pod : "-", f->rec->container, f->rec->nic,
		ip_format(f->addr, addr));
	return 1;
}

static void owner(struct add *a, const char *mac, struct buf *out)
{
	struct owner o = { mac, out };
	struct err e;

	if (ipam_records(&a->s->ipam, NULL, find_owner, &o, &e) < 0)
		buf_reset(out);
}

/* ---- DEL, GC ---- */

/* That something is missing may have other reasons: a mount namespace without /proc. */
static bool no_store(const struct session *s)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/data.mdb", s->conf.state_dir) < (int)sizeof(path) &&
	       access(path, F_OK) < 0 && errno == ENOENT;
}

static int del(struct session *s, struct err *e)
{
	const struct cni_call *c = s->call;
	int r = session_open_store(s, false, e);

	if (r == -ENOENT && no_store(s))
		return 0; /* nothing is recorded */
	if (r == 0)
		r = ipam_del(&s->ipam, c->conf.name, c->env.container_id, c->env.ifname, e);
	if (r == 0)
		log_info(&s->log, "released");
	return r;
}

static int gc(struct session *s, size_t *ret_freed, struct err *e)
{
	CLEANUP(free_p) struct ipam_valid *valid = NULL;
	const struct cni_conf *c = &s->call->conf;
	int r = session_open_store(s, false, e);

	if (r < 0)
		return r;
	valid = calloc(c->valid.n + 1, sizeof(*valid));
	if (!valid)
		return err_nomem(e);
	for (size_t i = 0; i < c->valid.n; i++)
		valid[i] = (struct ipam_valid){ c->valid.v[i].container_id, c->valid.v[i].ifname };
	return ipam_gc(&s->ipam, c->name, valid, c->valid.n, s->started, ret_freed, e);
}

/* ---- CHECK, STATUS ---- */

static int check(struct session *s, const struct ip_prefix *have, size_t n, struct err *e)
{
	const struct cni_call *c = s->call;
	int r = session_open_store(s, false, e);

	return r < 0 ? r : ipam_check(&s->ipam, c->conf.name, c->env.container_id, c->env.ifname, have, n, e);
}

static int status(struct session *s, struct err *e)
{
	int r = session_open_store(s, true, e);

	return r < 0 ? r : ipam_status(&s->ipam, e);
}

const struct datastore datastore_local = {
	.claim = claim,
	.replace = replace,
	.restore = restore,
	.owner = owner,
	.undo = undo,
	.del = del,
	.gc = gc,
	.check = check,
	.status = status,
};
