/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c - the life of one attachment: noted, made, compared, undone */
#include "podnet/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "nl/netns.h"
#include "nl/nft.h"

/* ---- ADD ---- */

/* The records of the same sandbox, but for this one. */
static int load_others(struct podnet_attach *a, const char *container, const char *ifname,
		       const char *network, struct err *e)
{
	size_t bad, n = 0;
	int r;

	podnet_records_clear(&a->others);
	r = podnet_records_of(&a->dir, container, &a->others, &bad, e);
	if (r < 0)
		return r;
	if (bad)
		log_warn(a->log, "%zu attachment records of this sandbox in %s cannot be read", bad,
			 a->dir.path);
	for (size_t i = 0; i < a->others.n; i++) {
		struct podnet_record *o = &a->others.v[i];

		if (strcmp(o->ifname, ifname) == 0 && strcmp(o->network, network) == 0)
			podnet_record_clear(o);
		else
			a->others.v[n++] = *o;
	}
	a->others.n = n;
	return 0;
}

/* The configuration as it was, for whoever reads the record; prevResult is in the kernel. */
static int conf_copy(const struct cni_call *c, struct json_object **ret, struct err *e)
{
	int r = json_dup(c->conf.tree, ret, e);

	if (r == 0)
		json_object_object_del(*ret, "prevResult");
	return r;
}

/* Then the pair of an earlier ADD is what this one would make. */
static bool same_conf(const struct podnet_attach *a, const struct podnet_record *former)
{
	CLEANUP(buf_clear) struct buf now = BUF_INIT(PODNET_RECORD_MAX);
	CLEANUP(buf_clear) struct buf then = BUF_INIT(PODNET_RECORD_MAX);
	CLEANUP(json_put_p) struct json_object *conf = NULL;
	struct err e;

	return conf_copy(a->call, &conf, &e) == 0 && json_print(conf, false, &now, &e) == 0 &&
	       json_print(former->conf, false, &then, &e) == 0 &&
	       strcmp(buf_cstr(&now), buf_cstr(&then)) == 0;
}

static bool makes_pair(const struct podnet_record *r)
{
	for (size_t i = 0; i < r->changes.n; i++)
		if (strcmp(r->changes.v[i].kind, "veth") == 0)
			return true;
	return false;
}

/* A sandbox that was made again under the same ID has another namespace: then only the node's side is left to
 * undo. */
static int undo_former(struct podnet_attach *a, struct err *e)
{
	CLEANUP(podnet_record_clear) struct podnet_record former = { 0 };
	const struct cni_env *env = &a->call->env;
	char id[NETNS_ID_MAX];
	int r = podnet_record_load(&a->dir, env->container_id, env->ifname, a->call->conf.name, &former, e);

	if (r == -ENOENT)
		return 0;
	if (r == -EBADMSG) {
		log_warn(a->log, "%s", e->msg);
		return 0;
	}
	if (r == 0)
		r = netns_id(a->n.pod.netns, id, e);
	if (r < 0)
		return r;
	a->n.has_pod = former.netns && strcmp(former.netns, id) == 0;
	a->had_pair = a->n.has_pod && makes_pair(&former) && same_conf(a, &former);
	r = podnet_undo(&a->n, former.changes.v, former.changes.n, &a->others, a->had_pair, e);
	a->n.has_pod = true;
	return r < 0 ? err_wrap(e, "undo the former ADD") : 0;
}

int podnet_attach_begin(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
			struct podnet_attach *ret, struct err *e)
{
	int r;

	*ret = (struct podnet_attach){ .call = c, .log = log, .dir.fd = -1 };
	r = podnet_dir_open(state_dir, plugin, true, &ret->dir, e);
	if (r == 0)
		r = podnet_open(c->env.netns, NULL, &ret->n, e);
	if (r == 0)
		r = load_others(ret, c->env.container_id, c->env.ifname, c->conf.name, e);
	if (r == 0)
		r = undo_former(ret, e);
	return r;
}

static int make(struct podnet_attach *a, const struct podnet_record *rec, struct err *e)
{
	struct err ignored;
	int r = podnet_record_save(&a->dir, rec, e);

	if (r < 0)
		return r;
	r = podnet_apply(&a->n, rec->changes.v, rec->changes.n, e);
	if (r == 0)
		return 0;
	if (podnet_undo(&a->n, rec->changes.v, rec->changes.n, &a->others, false, &ignored) == 0)
		(void)podnet_record_remove(&a->dir, rec->container, rec->ifname, rec->network, &ignored);
	else
		log_warn(a->log, "after a failure: %s; DEL and GC try again", ignored.msg);
	return r;
}

int podnet_attach_make(struct podnet_attach *a, const struct podnet_changes *l, const char *mode,
		       uint32_t table, struct err *e)
{
	const struct cni_env *env = &a->call->env;
	CLEANUP(json_put_p) struct json_object *conf = NULL;
	char id[NETNS_ID_MAX];
	int r = netns_id(a->n.pod.netns, id, e);

	if (r == 0)
		r = conf_copy(a->call, &conf, e);
	if (r == 0 && l->err)
		r = l->err == -ENOMEM ? err_nomem(e)
				      : err_set(e, -l->err, "more than %d changes for one attachment",
						PODNET_CHANGES_MAX);
	if (r < 0)
		return r;
	return make(a,
		    &(struct podnet_record){ .container = (char *)env->container_id,
					     .ifname = (char *)env->ifname,
					     .network = a->call->conf.name,
					     .netns_path = (char *)env->netns,
					     .netns = id,
					     .created = clock_wall_ms(),
					     .mode = (char *)mode,
					     .table = table,
					     .conf = conf,
					     .changes = { l->v, l->n, true } },
		    e);
}

void podnet_attach_end(struct podnet_attach *a)
{
	podnet_records_clear(&a->others);
	podnet_close(&a->n);
	podnet_dir_close(&a->dir);
}

/* ---- DEL and GC ---- */

static int undo_record(struct podnet_attach *a, const struct podnet_record *rec, struct err *e)
{
	int r = load_others(a, rec->container, rec->ifname, rec->network, e);

	if (r == 0)
		r = podnet_open(rec->netns_path ? rec->netns_path : "", rec->netns ? rec->netns : "", &a->n,
				e);
	if (r < 0)
		return r;
	r = podnet_undo(&a->n, rec->changes.v, rec->changes.n, &a->others, false, e);
	podnet_close(&a->n);
	if (r == 0)
		r = podnet_record_remove(&a->dir, rec->container, rec->ifname, rec->network, e);
	return r;
}

int podnet_attach_undo(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
		       struct err *e)
{
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .call = c, .log = log, .dir.fd = -1 };
	CLEANUP(podnet_record_clear) struct podnet_record rec = { 0 };
	int r = podnet_dir_open(state_dir, plugin, false, &a.dir, e);

	if (r == 0)
		r = podnet_record_load(&a.dir, c->env.container_id, c->env.ifname, c->conf.name, &rec, e);
	if (r ==
	    -EBADMSG) /* a DEL that fails for ever holds up the pod; what the name tells is undone instead */
		log_warn(log, "%s", e->msg);
	/* A writer that was killed may have left something where there is no record, too. */
	if (r == -EBADMSG || r == -ENOENT)
		return podnet_record_remove(&a.dir, c->env.container_id, c->env.ifname, c->conf.name, e);
	if (r < 0)
		return r;
	r = undo_record(&a, &rec, e);
	return r < 0 ? r : 1;
}

int podnet_attach_gc(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
		     int64_t started, size_t *ret_n, struct err *e)
{
	CLEANUP(podnet_records_clear) struct podnet_records all = { 0 };
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .call = c, .log = log, .dir.fd = -1 };
	size_t bad = 0;
	int first = 0, r = podnet_dir_open(state_dir, plugin, false, &a.dir, e);

	*ret_n = 0;
	if (r == 0)
		r = podnet_records_all(&a.dir, c->conf.name, &all, &bad, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (bad)
		log_warn(log, "%zu attachment records in %s cannot be read", bad, a.dir.path);
	for (size_t i = 0; i < all.n; i++) {
		const struct podnet_record *rec = &all.v[i];
		struct err one;

		if (rec->created >= started || cni_conf_valid_has(&c->conf, rec->container, rec->ifname))
			continue;
		r = undo_record(&a, rec, &one);
		if (r == 0)
			++*ret_n;
		if (r < 0 && first == 0) {
			first = r;
			*e = one;
			err_wrap(e, "container %s interface %s", rec->container, rec->ifname);
		}
	}
	return first;
}

/* ---- CHECK and STATUS ---- */

int podnet_attach_check(const struct cni_call *c, const char *state_dir, const char *plugin, struct err *e)
{
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .call = c, .dir.fd = -1 };
	CLEANUP(podnet_record_clear) struct podnet_record rec = { 0 };
	int r = podnet_dir_open(state_dir, plugin, false, &a.dir, e);

	if (r == 0)
		r = podnet_record_load(&a.dir, c->env.container_id, c->env.ifname, c->conf.name, &rec, e);
	if (r == -ENOENT)
		return err_set(
			e, ENOENT,
			"nothing is recorded in %s/%s for interface %s of container %s: no ADD was done since this machine "
			"started, or by another program",
			state_dir, plugin, c->env.ifname, c->env.container_id);
	if (r == 0)
		r = podnet_open(c->env.netns, NULL, &a.n, e);
	if (r == 0)
		r = podnet_check(&a.n, rec.changes.v, rec.changes.n, e);
	return r;
}

int podnet_attach_status(const char *state_dir, const char *plugin, bool marks, struct err *e)
{
	CLEANUP(podnet_attach_end) struct podnet_attach a = { .dir.fd = -1 };
	struct rt_rules rules;
	int r = podnet_dir_open(state_dir, plugin, true, &a.dir, e);

	if (r == 0 && faccessat(a.dir.fd, ".", W_OK, AT_EACCESS) < 0)
		r = err_sys(e, errno, "state directory %s", a.dir.path);
	if (r == 0)
		r = netspace_open(-1, "node", &a.n.node, e);
	if (r == 0) {
		r = rt_rules(&a.n.node.rt, 4, &rules, e);
		if (r == 0)
			free(rules.v);
	}
	if (r == 0 && marks)
		r = nft_supported(&a.n.node.nf, NFPROTO_IPV4, e);
	if (r == 0 && marks && a.n.node.has_ipv6)
		r = nft_supported(&a.n.node.nf, NFPROTO_IPV6, e);
	return r;
}
