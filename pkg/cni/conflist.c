/* SPDX-License-Identifier: Apache-2.0 */
/* conflist.c - the runtime's side: the plugins of a network for one attachment */
#include "cni/conflist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/cache.h"
#include "cni/env.h"
#include "cni/internal.h"

static const char *cache_dir(const struct cni_runtime *rt)
{
	return rt->cache_dir ? rt->cache_dir : CNI_CACHE_DIR;
}

static bool has_prev_result(const struct cni_network *n, enum cni_verb verb)
{
	return verb == CNI_ADD || n->version >= CNI_V040;
}

/* Puts a further failure behind the error. */
static void add_error(struct err *e, const char *what, const struct err *more)
{
	size_t len = strlen(e->msg);

	snprintf(e->msg + len, sizeof(e->msg) - len, "; %s: %.*s", what, ERR_MSG_MAX / 4, more->msg);
}

/* {"a": "b"} as libcni writes it: [["a","b"]] */
static int args_to_json(const struct json_map *args, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = json_object_new_array();
	int r = list ? 0 : err_nomem(e);

	for (size_t i = 0; i < args->n && r == 0; i++) {
		CLEANUP(json_put_p) struct json_object *pair = json_object_new_array();

		if (strchr(args->v[i].key, ';') || strchr(args->v[i].value, ';'))
			return err_code(e, ERR_CONFIG, EINVAL, "CNI_ARGS cannot hold a \";\": %.64s=%.64s",
					args->v[i].key, args->v[i].value);
		if (!pair)
			return err_nomem(e);
		r = json_append(pair, json_object_new_string(args->v[i].key), e);
		if (r == 0)
			r = json_append(pair, json_object_new_string(args->v[i].value), e);
		if (r == 0)
			r = json_append(list, TAKE_PTR(pair), e);
	}
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

/* An attachment, the record of it, and what both say together. */
struct attachment {
	struct cni_chain c;
	struct cni_cached cached;
	struct json_object *args;
	struct json_object *prev; /* the recorded result */
};

static void attachment_clear(struct attachment *a)
{
	cni_cached_clear(&a->cached);
	json_put_p(&a->args);
	json_put_p(&a->prev);
}

static int attachment_init(struct attachment *a, const struct cni_network *n, const struct cni_runtime *rt,
			   struct err *e)
{
	a->c = (struct cni_chain){
		.n = n,
		.rt = rt,
		.container_id = rt->container_id,
		.netns = rt->netns,
		.ifname = rt->ifname,
		.capability_args = rt->capability_args,
	};
	if (!cni_name_ok(rt->container_id))
		return err_code(e, ERR_CONFIG, EINVAL,
				"container ID \"%.64s\": want letters, digits, \"_\", \".\" and \"-\"",
				rt->container_id);
	if (!cni_ifname_ok(rt->ifname))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"interface name \"%.64s\": want 1 to 15 bytes without \"/\", \":\" and white space",
			rt->ifname);
	if (rt->args && args_to_json(rt->args, &a->args, e) < 0)
		return -e->sys;
	a->c.args = a->args;
	return 0;
}

/* What the caller does not say is taken from the record. A result that cannot be used is none. */
static void complete(struct attachment *a)
{
	struct err ignored;

	if (!a->c.netns || !*a->c.netns)
		a->c.netns = a->cached.netns;
	if (!a->c.rt->args)
		a->c.args = a->cached.args;
	if (!a->c.capability_args)
		a->c.capability_args = a->cached.capability_args;
	if (a->cached.result)
		cni_chain_result(&a->c, a->cached.result, &a->prev, &ignored);
}

/* ---- ADD ---- */

/* DEL for plugins last..0. */
static void roll_back(const struct cni_chain *c, size_t last, struct json_object *prev, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err more;

	if (!has_prev_result(c->n, CNI_DEL))
		prev = NULL;
	for (size_t i = last + 1; i-- > 0;)
		if (cni_chain_call(c, CNI_DEL, i, prev, NULL, &out, &more) < 0)
			add_error(e, "undoing it", &more);
}

static int add_one(const struct cni_chain *c, size_t i, struct json_object **result, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct json_object *next = NULL;
	int r = cni_chain_call(c, CNI_ADD, i, *result, NULL, &out, e);

	if (r < 0)
		return r;
	r = json_parse(buf_cstr(&out), out.len, "result", &o, e);
	if (r == 0)
		r = cni_chain_result(c, o, &next, e);
	if (r < 0)
		return err_wrap(e, "network %.64s: plugin %.64s: ADD", c->n->name, c->n->plugins.v[i].type);
	json_put_p(result);
	*result = next;
	return 0;
}

static int remember(const struct attachment *a, struct json_object *result, struct err *e)
{
	const struct cni_cached record = {
		.network = a->c.n->name,
		.container_id = (char *)a->c.container_id,
		.ifname = (char *)a->c.ifname,
		.netns = (char *)a->c.netns,
		.config = a->c.n->text,
		.args = a->c.args,
		.capability_args = a->c.capability_args,
		.result = result,
	};

	return cni_cache_write(cache_dir(a->c.rt), &record, e);
}

int cni_network_add(const struct cni_network *n, const struct cni_runtime *rt, struct json_object **ret,
		    struct err *e)
{
	CLEANUP(attachment_clear) struct attachment a = { 0 };
	CLEANUP(json_put_p) struct json_object *result = NULL;
	size_t last = 0;
	int r = attachment_init(&a, n, rt, e);

	*ret = NULL;
	if (r == 0)
		r = cni_cache_check(cache_dir(rt), n->name, rt->container_id, rt->ifname, e);
	if (r == 0 && (!rt->netns || !*rt->netns))
		r = err_code(e, ERR_CONFIG, EINVAL,
			     "network %.64s: ADD needs the path of a network namespace", n->name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n->plugins.n && r == 0; i++) {
		last = i;
		r = add_one(&a.c, i, &result, e);
	}
	if (r == 0)
		r = remember(&a, result, e);
	if (r < 0) {
		roll_back(&a.c, last, result, e);
		return r;
	}
	*ret = TAKE_PTR(result);
	return 0;
}

/* ---- DEL and CHECK ---- */

int cni_network_del(const struct cni_network *n, const struct cni_runtime *rt, struct err *e)
{
	CLEANUP(attachment_clear) struct attachment a = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err damaged;
	int recorded, r = attachment_init(&a, n, rt, e);

	if (r < 0)
		return r;
	recorded = cni_cache_read(cache_dir(rt), n->name, rt->container_id, rt->ifname, &a.cached, &damaged);
	if (recorded == 0)
		complete(&a);
	for (size_t i = n->plugins.n; i-- > 0 && r == 0;)
		r = cni_chain_call(&a.c, CNI_DEL, i, has_prev_result(n, CNI_DEL) ? a.prev : NULL, NULL, &out,
				   e);
	if (r < 0 || recorded == 1)
		return r;
	return cni_cache_delete(cache_dir(rt), n->name, rt->container_id, rt->ifname, e);
}

int cni_network_check(const struct cni_network *n, const struct cni_runtime *rt, struct err *e)
{
	CLEANUP(attachment_clear) struct attachment a = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = cni_verb_allowed(CNI_CHECK, n->version, e);

	if (r < 0)
		return err_wrap(e, "network %.64s", n->name);
	if (n->disable_check)
		return 0;
	r = attachment_init(&a, n, rt, e);
	if (r == 0)
		r = cni_cache_read(cache_dir(rt), n->name, rt->container_id, rt->ifname, &a.cached, e);
	if (r < 0)
		return r;
	complete(&a);
	if (!a.prev)
		return err_code(
			e, ERR_UNKNOWN_CONTAINER, ENOENT,
			"network %.64s: no result of ADD is recorded for container %.64s, interface %s",
			n->name, rt->container_id, rt->ifname);
	for (size_t i = 0; i < n->plugins.n && r == 0; i++)
		r = cni_chain_call(&a.c, CNI_CHECK, i, a.prev, NULL, &out, e);
	return r;
}

/* ---- GC, STATUS, VERSION ---- */

struct gc {
	struct cni_chain c;
	const struct cni_attachment *valid;
	size_t n_valid;
	struct err *e; /* the first failure, the others behind it */
	int failed;    /* 0 or the first failure */
};

static void note(struct gc *g, int r, const struct err *e)
{
	if (r < 0 && g->failed)
		add_error(g->e, "also", e);
	else if (r < 0)
		*g->e = *e;
	if (r < 0 && !g->failed)
		g->failed = r;
}

static int delete_stale(const struct cni_cached *cached, void *arg, struct err *unused)
{
	struct gc *g = arg;
	struct cni_runtime rt = *g->c.rt;
	struct err e;

	(void)unused;
	if (strcmp(cached->network, g->c.n->name) != 0)
		return 0;
	for (size_t i = 0; i < g->n_valid; i++)
		if (strcmp(g->valid[i].container_id, cached->container_id) == 0 &&
		    strcmp(g->valid[i].ifname, cached->ifname) == 0)
			return 0;
	rt.container_id = cached->container_id;
	rt.ifname = cached->ifname;
	rt.netns = NULL;
	rt.args = NULL;
	rt.capability_args = NULL;
	note(g, cni_network_del(g->c.n, &rt, &e), &e);
	return 0;
}

static int valid_to_json(const struct cni_attachment *valid, size_t n, struct json_object **ret,
			 struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = json_object_new_array();
	int r = list ? 0 : err_nomem(e);

	for (size_t i = 0; i < n && r == 0; i++) {
		CLEANUP(json_put_p) struct json_object *o = json_object_new_object();

		if (!o)
			return err_nomem(e);
		r = json_set_str(o, "containerID", valid[i].container_id, e);
		if (r == 0)
			r = json_set_str(o, "ifname", valid[i].ifname, e);
		if (r == 0)
			r = json_append(list, TAKE_PTR(o), e);
	}
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

int cni_network_gc(const struct cni_network *n, const struct cni_runtime *rt,
		   const struct cni_attachment *valid, size_t n_valid, struct err *e)
{
	struct gc g = { .c = { .n = n, .rt = rt }, .valid = valid, .n_valid = n_valid, .e = e };
	CLEANUP(json_put_p) struct json_object *list = NULL;
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct err one;
	int r;

	if (n->disable_gc)
		return 0;
	r = valid_to_json(valid, n_valid, &list, e);
	if (r < 0)
		return r;
	note(&g, cni_cache_each(cache_dir(rt), delete_stale, &g, &one), &one);
	for (size_t i = 0; i < n->plugins.n && n->version >= CNI_V110; i++)
		note(&g, cni_chain_call(&g.c, CNI_GC, i, NULL, list, &out, &one), &one);
	return g.failed;
}

int cni_network_status(const struct cni_network *n, const struct cni_runtime *rt, struct err *e)
{
	const struct cni_chain c = { .n = n, .rt = rt };
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = 0;

	for (size_t i = 0; i < n->plugins.n && n->version >= CNI_V110 && r == 0; i++)
		r = cni_chain_call(&c, CNI_STATUS, i, NULL, NULL, &out, e);
	return r;
}

static int check_supported(const struct cni_network *n, size_t i, const struct buf *answer, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	const char *type = n->plugins.v[i].type;
	struct json_object *list;

	if (json_parse(buf_cstr(answer), answer->len, "the answer to VERSION", &o, e) < 0)
		return err_wrap(e, "network %.64s: plugin %.64s", n->name, type);
	list = json_get(o, "supportedVersions");
	for (size_t k = 0; k < json_len(list); k++) {
		const char *v = json_text(json_at(list, k));

		if (v && strcmp(v, cni_version_text(n->version)) == 0)
			return 0;
	}
	return err_code(e, ERR_VERSION, EPROTONOSUPPORT,
			"network %.64s: plugin %.64s does not support CNI version %s", n->name, type,
			cni_version_text(n->version));
}

int cni_network_validate(const struct cni_network *n, const struct cni_runtime *rt, struct err *e)
{
	const struct cni_chain c = { .n = n, .rt = rt };
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = 0;

	for (size_t i = 0; i < n->plugins.n && r == 0; i++) {
		r = cni_chain_call(&c, CNI_VERSION, i, NULL, NULL, &out, e);
		if (r == 0)
			r = check_supported(n, i, &out, e);
	}
	return r;
}
