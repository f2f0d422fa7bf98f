/* SPDX-License-Identifier: Apache-2.0 */
/* kube_object.c - objects that are read and written one by one, as they are */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "store/kube_impl.h"

const struct kube_resource *object_resource(enum store_kind kind)
{
	static const enum kube_resource_id ids[STORE_KIND_MAX] = {
		[STORE_IPPOOL] = KUBE_SPIDERIPPOOLS,         [STORE_SUBNET] = KUBE_SPIDERSUBNETS,
		[STORE_RESERVEDIP] = KUBE_SPIDERRESERVEDIPS, [STORE_ENDPOINT] = KUBE_SPIDERENDPOINTS,
		[STORE_BLOCK] = KUBE_SPIDERIPBLOCKS,
	};

	return &kube_resources[ids[kind]];
}

uint64_t object_version(struct json_object *tree)
{
	const char *rv = kube_meta(tree, "resourceVersion");
	uint64_t v = rv ? strtoull(rv, NULL, 10) : 0;

	return v ? v : 1;
}

int object_value(struct store_kube *h, enum store_kind kind, struct json_object *tree, struct buf *out,
		 const char *terms[4], struct err *e)
{
	terms[0] = NULL;
	if (kind == STORE_IPPOOL)
		return h->conf.pool_value(tree, out, terms, e);
	if (kind == STORE_BLOCK) {
		buf_str(out, block_records(tree));
		return out->err ? err_nomem(e) : 0;
	}
	json_object_object_del(json_get(tree, "metadata"), "managedFields");
	return json_print(tree, false, out, e);
}

int object_read(struct kube_session *s, enum store_kind kind, const char *ns, const char *name,
		struct store_obj *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct kube_op op = { .res = object_resource(kind), .ns = ns, .name = name, .until = s->until };
	const char *terms[4];
	int r;

	hub_unlock(s->h);
	r = kube_get(s->h->k, &op, &tree, e);
	if (r == 0)
		r = object_value(s->h, kind, tree, &text, terms, e);
	hub_lock(s->h);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	ret->version = object_version(tree);
	ret->len = text.len;
	r = session_lend_text(s, buf_cstr(&text), text.len, &ret->data, e);
	if (r == 0)
		r = session_lend_text(s, ns, strlen(ns), &ret->ns, e);
	if (r == 0)
		r = session_lend_text(s, name, strlen(name), &ret->name, e);
	return r < 0 ? r : 1;
}

/* The value with the version that the API server is to compare. */
static int body(const struct store_op *op, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct json_object *meta;
	char rv[KUBE_VERSION_MAX];
	int r = json_parse(op->data, op->len, op->name, &tree, e);

	if (r < 0)
		return r;
	meta = json_get(tree, "metadata");
	json_object_object_del(meta, "resourceVersion");
	snprintf(rv, sizeof(rv), "%llu", (unsigned long long)op->version);
	if (op->verb == STORE_UPDATE)
		r = json_set_str(meta, "resourceVersion", rv, e);
	return r < 0 ? r : json_print(tree, false, out, e);
}

int object_write(struct store_kube *h, const struct store_op *op, struct deadline until, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op call = {
		.res = object_resource(op->kind), .ns = op->ns, .name = op->name, .until = until
	};
	char rv[KUBE_VERSION_MAX];
	int r = op->verb == STORE_DELETE ? 0 : body(op, &text, e);

	if (r < 0)
		return r;
	hub_unlock(h);
	if (op->verb == STORE_DELETE) {
		snprintf(rv, sizeof(rv), "%llu", (unsigned long long)op->version);
		call.if_version = rv;
		r = kube_delete(h->k, &call, e);
	} else if (op->verb == STORE_CREATE) {
		r = kube_create(h->k, &call, text.s, text.len, NULL, e);
	} else {
		r = kube_update(h->k, &call, text.s, text.len, NULL, e);
	}
	hub_lock(h);
	return r == -EEXIST ? -ESTALE : r;
}

/* ---- lists ---- */

struct listing {
	struct kube_session *s;
	enum store_kind kind;
	const char *term, *from, *to;
	struct shelf found; /* the lists of the API are in order, its pages may begin anew */
};

static void begin(void *arg)
{
	struct listing *l = arg;

	shelf_clear(&l->found);
}

static bool has_term(const char *const *terms, const char *term)
{
	for (; *terms; terms++)
		if (strcmp(*terms, term) == 0)
			return true;
	return false;
}

static int add(struct json_object *o, void *arg, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct listing *l = arg;
	const char *name = kube_meta(o, "name"), *ns = kube_meta(o, "namespace");
	const char *terms[4];
	int r;

	if (!name || (l->from && (strcmp(name, l->from) < 0 || strcmp(name, l->to) > 0)))
		return 0;
	r = object_value(l->s->h, l->kind, o, &text, terms, e);
	if (r < 0 || (l->term && l->kind == STORE_IPPOOL && !has_term(terms, l->term)))
		return r;
	return shelf_put(&l->found, ns ? ns : "", name, buf_cstr(&text), text.len, NULL, object_version(o))
		       ? 0
		       : err_nomem(e);
}

int object_list(struct kube_session *s, enum store_kind kind, const char *term, const char *from,
		const char *to, int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg,
		struct err *e)
{
	struct listing l = { s, kind, term, from, to, { 0 } };
	struct kube_op op = { .res = object_resource(kind), .until = s->until };
	const struct kube_lister lister = { .each = add, .begin = begin, .arg = &l };
	int r;

	hub_unlock(s->h);
	r = kube_list(s->h->k, &op, &lister, NULL, e);
	hub_lock(s->h);
	for (size_t i = 0; r == 0 && i < l.found.n; i++) {
		struct shelf_item *it = l.found.v[i];
		struct store_obj o = { it->ns, it->name, it->version, it->data->text, it->data->len };

		r = each(&o, arg, e);
	}
	shelf_clear(&l.found);
	return r;
}
