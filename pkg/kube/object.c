/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - get, create, update, patch, delete */
#include "kube/object.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object_impl.h"
#include "kube/retry.h"

#define PARTIAL(kind) "application/json;as=" kind ";g=meta.k8s.io;v=v1,application/json"

const char *kube_meta(struct json_object *o, const char *name)
{
	return json_get_str(json_get(o, "metadata"), name);
}

/* Namespaces come from what others wrote, too. */
static int check_ns(const struct kube_op *op, const char *name, struct err *e)
{
	if (!op->res->namespaced || (op->ns && *op->ns))
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL, "%s \"%s\": want a namespace, got none", op->res->kind, name);
}

int kube_op_path(const struct kube_op *op, struct buf *out, struct err *e)
{
	int r = op->name ? check_ns(op, op->name, e) : 0;

	if (r < 0)
		return r;
	return kube_resource_path(op->res, op->ns, op->name, op->sub, out, e);
}

int kube_op_call(struct kube *k, struct kube_op *op, struct kube_request *q, const struct json_table *keep,
		 struct json_object **ret, struct err *e)
{
	struct kube_retry again = { 0 };
	bool reads = !q->body;
	int r;

	q->cancel = op->cancel;
	for (;;) {
		kube_answer_clear(&op->answer);
		r = kube_call(k, q, op->until, &op->answer, e);
		if (r == 0 || op->once ||
		    !kube_retry(k, &again, reads, r, &op->answer, op->until, op->cancel))
			break;
	}
	if (r == 0 && ret) {
		/* An annotation of any user may be no text to the letter, and the API server does not mind.
		 */
		r = json_parse_kept(keep, buf_cstr(&op->answer.body), op->answer.body.len, "answer",
				    JSON_MEND, ret, e);
		if (r < 0) {
			e->sys = r == -ENOMEM ? ENOMEM : EBADMSG;
			r = err_wrap(e, "%s %s", q->method, q->path);
		}
	}
	buf_clear(&op->answer.body);
	return r;
}

static const struct json_field meta_fields[] = {
	{ .key = "name" },
	{ .key = "namespace" },
	{ .key = "uid" },
	{ .key = "resourceVersion" },
	{ .key = "generation" },
	{ .key = "creationTimestamp" },
	{ .key = "deletionTimestamp" },
	{ .key = "deletionGracePeriodSeconds" },
	{ .key = "labels" },
	{ .key = "annotations" },
	{ .key = "ownerReferences" },
	{ .key = "finalizers" },
};
static const struct json_table meta_table = { .f = meta_fields, .n = ARRAY_LEN(meta_fields) };
static const struct json_field always[] = { { .key = "apiVersion" },
					    { .key = "kind" },
					    { .key = "metadata", .tab = &meta_table } };

const struct json_table *kube_kept(const struct json_table *table, bool metadata_only, struct kube_keep *room)
{
	size_t n = ARRAY_LEN(always);

	if (!table && !metadata_only)
		return NULL;
	memcpy(room->f, always, sizeof(always));
	for (size_t i = 0; table && i < table->n; i++) {
		const struct json_field *f = &table->f[i];

		if (strcmp(f->key, "apiVersion") == 0 || strcmp(f->key, "kind") == 0 ||
		    strcmp(f->key, "metadata") == 0)
			continue;
		if (n == KUBE_KEEP_MAX)
			return NULL;
		room->f[n++] = *f;
	}
	room->t = (struct json_table){ .f = room->f, .n = n };
	return &room->t;
}

static int finish(struct buf *path, struct err *e)
{
	return path->err == -ENOMEM ? err_nomem(e)
	       : path->err          ? err_code(e, ERR_IO, EFBIG, "a path too long")
				    : 0;
}

int kube_get(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct kube_request q = { .method = "GET" };
	struct kube_keep keep;
	int r;

	*ret = NULL;
	assert(op->name);
	op->answer = (struct kube_answer){ 0 };
	r = kube_op_path(op, &path, e);
	if (r < 0)
		return r;
	kube_query(&path, "resourceVersion", op->version);
	r = finish(&path, e);
	q.path = path.s;
	q.accept = op->metadata_only ? PARTIAL("PartialObjectMetadata") : NULL;
	return r < 0 ? r : kube_op_call(k, op, &q, kube_kept(op->table, false, &keep), ret, e);
}

static int change(struct kube *k, struct kube_op *op, struct kube_request *q, struct json_object **ret,
		  struct err *e)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	int r;

	if (ret)
		*ret = NULL;
	op->answer = (struct kube_answer){ 0 };
	r = kube_op_path(op, &path, e);
	if (r < 0)
		return r;
	q->path = path.s;
	q->accept = op->metadata_only || !ret ? PARTIAL("PartialObjectMetadata") : NULL;
	return kube_op_call(k, op, q, NULL, ret, e);
}

int kube_create(struct kube *k, struct kube_op *op, const char *body, size_t len, struct json_object **ret,
		struct err *e)
{
	struct kube_request q = { .method = "POST", .body = body, .len = len };
	const char *name = op->name;
	int r = check_ns(op, name ? name : "", e);

	op->answer = (struct kube_answer){ 0 };
	if (ret)
		*ret = NULL;
	if (r < 0)
		return r;
	/* The name is in the body, except for a subresource (a pod's eviction, say). */
	if (!op->sub)
		op->name = NULL;
	r = change(k, op, &q, ret, e);
	op->name = name;
	return r;
}

int kube_update(struct kube *k, struct kube_op *op, const char *body, size_t len, struct json_object **ret,
		struct err *e)
{
	struct kube_request q = { .method = "PUT", .body = body, .len = len };

	assert(op->name);
	return change(k, op, &q, ret, e);
}

int kube_patch(struct kube *k, struct kube_op *op, enum kube_content type, const char *body, size_t len,
	       struct json_object **ret, struct err *e)
{
	struct kube_request q = { .method = "PATCH", .type = type, .body = body, .len = len };

	assert(op->name);
	return change(k, op, &q, ret, e);
}

struct preconditions {
	char *uid, *version;
};
struct delete_options {
	char *api_version, *kind;
	struct preconditions preconditions;
};
static const struct json_field preconditions_fields[] = {
	JF(struct preconditions, uid, "uid"),
	JF(struct preconditions, version, "resourceVersion"),
};
static const struct json_table preconditions_table =
	JSON_TABLE(struct preconditions, "preconditions", preconditions_fields);
static const struct json_field delete_fields[] = {
	JF(struct delete_options, api_version, "apiVersion"),
	JF(struct delete_options, kind, "kind"),
	JS(struct delete_options, preconditions, "preconditions", &preconditions_table),
};
static const struct json_table delete_table =
	JSON_TABLE(struct delete_options, "DeleteOptions", delete_fields);

int kube_delete(struct kube *k, struct kube_op *op, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(4096);
	/* Only lent to the encoder. */
	struct delete_options o = { (char *)"v1",
				    (char *)"DeleteOptions",
				    { (char *)op->if_uid, (char *)op->if_version } };
	struct kube_request q = { .method = "DELETE" };
	int r;

	assert(op->name);
	op->answer = (struct kube_answer){ 0 };
	r = json_encode_text(&delete_table, &o, &body, e);
	if (r < 0)
		return r;
	q.body = body.s;
	q.len = body.len;
	return change(k, op, &q, NULL, e);
}
