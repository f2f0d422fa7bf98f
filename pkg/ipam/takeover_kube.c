/* SPDX-License-Identifier: Apache-2.0 */
/* takeover_kube.c - the pools of a cluster, by one of all who start, when nobody writes into them any more */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/takeover.h"
#include "kube/lease.h"
#include "kube/object.h"

#define OLDER   "app.kubernetes.io/component in (spiderpool-agent, spiderpool-controller),!" TAKEOVER_LABEL
#define LOOK_MS 200

/* ---- the fence ---- */

struct older {
	char name[2 * STORE_NAME_MAX];
	size_t n;
};

static int count_older(struct json_object *o, void *arg, struct err *e)
{
	struct older *x = arg;

	(void)e;
	if (!x->n++)
		snprintf(x->name, sizeof(x->name), "%s/%s", kube_meta(o, "namespace"), kube_meta(o, "name"));
	return 0;
}

int takeover_fence(const struct takeover_cluster *c, struct deadline until, struct err *e)
{
	struct older x = { .n = 0 };
	struct kube_op op = {
		.res = &kube_resources[KUBE_PODS], .labels = OLDER, .metadata_only = true, .until = until
	};
	const struct kube_lister l = { .each = count_older, .arg = &x };
	int r = kube_list(c->k, &op, &l, NULL, e);

	if (r < 0 || !x.n)
		return r;
	return err_code(
		e, ERR_TRY_AGAIN, EBUSY,
		"%zu pods of an older Spiderpool are there, such as %.300s: they give out addresses that "
		"nobody else sees; remove its DaemonSet and Deployment first",
		x.n, x.name);
}

/* An account that may write the status of pools may be that of an agent nobody has found. */
static int check_rights(const struct takeover_cluster *c, struct deadline until, struct err *e)
{
	static const struct kube_resource reviews = { "authorization.k8s.io", "v1",
						      "selfsubjectaccessreviews", "SelfSubjectAccessReview",
						      false };
	static const char ask[] = "{\"apiVersion\": \"authorization.k8s.io/v1\", "
				  "\"kind\": \"SelfSubjectAccessReview\", \"spec\": {\"resourceAttributes\": "
				  "{\"group\": \"" API_GROUP "\", \"resource\": \"spiderippools\", "
				  "\"subresource\": \"status\", \"verb\": \"update\"}}}";
	CLEANUP(json_put_p) struct json_object *answer = NULL;
	struct kube_op op = { .res = &reviews, .until = until };
	bool allowed = true;
	int r = kube_create(c->k, &op, ask, sizeof(ask) - 1, &answer, e);

	if (r < 0)
		return r;
	if (!json_get_bool(json_get(answer, "status"), "allowed", &allowed) || !allowed)
		return 0;
	return err_code(
		e, ERR_TRY_AGAIN, EBUSY,
		"pools have addresses recorded by an older Spiderpool, and this account may still write "
		"them as that did: apply the roles of this version first");
}

/* ---- pools ---- */

static int add_unmarked(struct json_object *o, void *arg, struct err *e)
{
	struct json_object *meta = json_get(o, "metadata");

	if (json_get_str(json_get(meta, "annotations"), API_ANNOTATION_TAKEN_OVER))
		return 0;
	return json_strv_add(arg, kube_meta(o, "name"), e);
}

static void begin(void *arg)
{
	json_strv_clear(arg);
}

/* 1 and *ret, to be freed; 0: there is none of that name. */
static int read_pool(const struct takeover_cluster *c, const char *name, struct deadline until,
		     struct api_ippool **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS], .name = name, .until = until };
	struct api_object *obj = NULL;
	enum api_kind kind;
	int r = kube_get(c->k, &op, &tree, e);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = api_decode(tree, "SpiderIPPool", &kind, &obj, e);
	*ret = (struct api_ippool *)obj;
	return r < 0 ? r : 1;
}

/* One by one: their status may be long. */
int takeover_list(const struct takeover_cluster *c, struct deadline until, struct json_strv *ret,
		  struct err *e)
{
	CLEANUP(json_strv_clear) struct json_strv names = { 0 };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS],
			      .metadata_only = true,
			      .until = until };
	const struct kube_lister l = { .each = add_unmarked, .begin = begin, .arg = &names };
	int r = kube_list(c->k, &op, &l, NULL, e);

	json_strv_clear(ret);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		struct api_ippool *p = NULL;

		r = read_pool(c, names.v[i], until, &p, e);
		if (r > 0 && takeover_due(p))
			r = json_strv_add(ret, names.v[i], e);
		if (p)
			api_free(API_IPPOOL, &p->obj);
	}
	return r < 0 ? r : 0;
}

/* -ESTALE: it is not any more what was read. */
static int mark(const struct takeover_cluster *c, const struct api_meta *m, struct deadline until,
		struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1024);
	char now[CLOCK_TEXT_MAX];
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPPOOLS], .name = m->name, .until = until };

	buf_fmt(&b,
		"{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%s\",\"annotations\":{\"%s\":\"%s\"}}}",
		m->uid, m->resource_version, API_ANNOTATION_TAKEN_OVER, clock_format(clock_wall_ms(), now));
	if (b.err)
		return err_nomem(e);
	return kube_patch(c->k, &op, KUBE_MERGE_PATCH, b.s, b.len, NULL, e);
}

static int take_once(const struct takeover_cluster *c, struct ipam *m, struct kube_lease *lease,
		     const char *name, struct takeover *x, struct deadline until, struct err *e)
{
	struct api_ippool *p = NULL;
	int r = read_pool(c, name, until, &p, e);

	if (r <= 0)
		return r;
	m->until = until;
	r = 0;
	if (takeover_due(p)) {
		r = ipam_takeover(m, p, x, e);
		if (r == 0 && !kube_lease_held(lease))
			r = err_code(e, ERR_TRY_AGAIN, EAGAIN, "lease " TAKEOVER_LEASE " was lost meanwhile");
		if (r == 0)
			r = mark(c, &p->obj.meta, until, e);
		if (r == 0)
			r = 1;
	}
	api_free(API_IPPOOL, &p->obj);
	return r;
}

/* 1: done here, 0: nothing was due. */
static int take_pool(const struct takeover_cluster *c, struct ipam *m, struct kube_lease *lease,
		     const char *name, struct takeover *x, struct deadline until, struct err *e)
{
	int r;

	do
		r = take_once(c, m, lease, name, x, until, e);
	while (r == -ESTALE && deadline_left(until) > 0);
	return r;
}

static int take_all(const struct takeover_cluster *c, struct ipam *m, struct kube_lease *lease,
		    struct takeover *x, struct deadline until, struct err *e)
{
	struct json_strv due = { 0 };
	int r = takeover_list(c, until, &due, e), n = 0;

	if (r == 0)
		r = takeover_fence(c, until, e);
	for (size_t i = 0; r >= 0 && i < due.n; i++) {
		r = take_pool(c, m, lease, due.v[i], x, until, e);
		n += r > 0;
	}
	json_strv_clear(&due);
	return r < 0 ? r : n;
}

/* 1: there is nothing to do. */
static int is_done(const struct takeover_cluster *c, struct deadline until, struct err *e)
{
	struct json_strv due = { 0 };
	int r = takeover_list(c, until, &due, e);

	r = r < 0 ? r : !due.n;
	json_strv_clear(&due);
	return r;
}

/* Whether the lease is held is asked each time. */
static void nothing(void *arg)
{
	(void)arg;
}

int takeover_run(const struct takeover_cluster *c, struct ipam *m, struct takeover *x, struct deadline until,
		 struct err *e)
{
	const struct kube_lease_conf conf = { .k = c->k,
					      .ns = c->ns,
					      .name = TAKEOVER_LEASE,
					      .identity = c->identity,
					      .leading = nothing,
					      .lost = nothing };
	struct kube_cancel none = { false };
	struct kube_lease *lease;
	int r = is_done(c, until, e), n = 0;

	if (r)
		return r < 0 ? r : 0;
	r = c->check_rights ? check_rights(c, until, e) : 0;
	if (r == 0)
		r = kube_lease_start(&conf, &lease, e);
	if (r < 0)
		return r;
	do {
		if (kube_lease_held(lease))
			n = r = take_all(c, m, lease, x, until, e);
		else
			r = kube_sleep(c->k, &none, LOOK_MS, e);
		if (r >= 0)
			r = is_done(c, until, e);
	} while (r == 0 && deadline_left(until) > 0 && !(c->stop && c->stop(c->arg)));
	kube_lease_stop(lease);
	if (r == 0)
		return err_code(
			e, ERR_TRY_AGAIN, ETIMEDOUT,
			"addresses recorded by an older Spiderpool are not taken over yet; lease " TAKEOVER_LEASE
			" of namespace %s says by whom they are being",
			c->ns);
	return r < 0 ? r : n;
}
