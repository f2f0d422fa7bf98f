/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - lists, in pages */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object.h"
#include "kube/object_impl.h"

#define RESTARTS_MAX 4
#define CONTINUE_MAX 16384

#define PARTIAL_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

struct listing {
	struct kube *k;
	struct kube_op *op;
	const struct kube_lister *l;
	struct buf next; /* where the next page starts; empty: from the beginning */
	unsigned page;   /* objects in it */
	char version[KUBE_VERSION_MAX];
};

static unsigned page_of(const struct kube_op *op)
{
	return op->page ? op->page : KUBE_PAGE_DEFAULT;
}

static int get_page(struct kube *k, struct kube_op *op, unsigned page, const char *next,
		    struct json_object **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct kube_request q = { .method = "GET", .accept = op->metadata_only ? PARTIAL_LIST : NULL };
	struct kube_keep item;
	const struct json_field fields[] = {
		{ .key = "metadata" },
		{ .key = "items", .tab = kube_kept(op->table, op->metadata_only, &item) },
	};
	const struct json_table keep = { .f = fields, .n = ARRAY_LEN(fields) };
	char limit[16];
	int r = kube_op_path(op, &path, e);

	if (r < 0)
		return r;
	snprintf(limit, sizeof(limit), "%u", page);
	kube_query(&path, "labelSelector", op->labels);
	kube_query(&path, "fieldSelector", op->fields);
	kube_query(&path, "limit", limit);
	/* A further page is of the state that the first one was of. */
	kube_query(&path, "continue", next);
	kube_query(&path, "resourceVersion", next ? NULL : op->version);
	if (path.err)
		return path.err == -ENOMEM ? err_nomem(e) : err_code(e, ERR_IO, EFBIG, "a selector too long");
	q.path = path.s;
	return kube_op_call(k, op, &q, &keep, ret, e);
}

int kube_list_page(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e)
{
	return get_page(k, op, page_of(op), NULL, ret, e);
}

/* 1: there is more. */
static int take_page(struct listing *s, struct json_object *page, struct err *e)
{
	struct json_object *items = json_get(page, "items");
	const char *version = kube_meta(page, "resourceVersion");
	const char *next = kube_meta(page, "continue");

	if (!version || strlen(version) >= sizeof(s->version) ||
	    (items && !json_object_is_type(items, json_type_array)))
		return err_code(e, ERR_DECODE, EBADMSG, "list of %s: the answer is no list",
				s->op->res->plural);
	snprintf(s->version, sizeof(s->version), "%s", version);
	for (size_t i = 0; i < json_len(items); i++) {
		int r = s->l->each(json_at(items, i), s->l->arg, e);

		if (r < 0)
			return r;
	}
	buf_reset(&s->next);
	if (!next || !*next)
		return 0;
	buf_str(&s->next, next);
	return s->next.err ? err_code(e, ERR_DECODE, EBADMSG, "list of %s: \"continue\" is too long",
				      s->op->res->plural)
			   : 1;
}

/* Objects may be so large that many of them are no answer any more; where a page starts, it may be shorter
 * than the one before. */
static int next_page(struct listing *s, struct json_object **ret, struct err *e)
{
	int r;

	for (;;) {
		r = get_page(s->k, s->op, s->page, s->next.len ? s->next.s : NULL, ret, e);
		if (r != -EFBIG || s->page == 1)
			return r;
		s->page = (s->page + 1) / 2;
	}
}

static int list_pages(struct listing *s, struct err *e)
{
	int r, restarts = 0;

	for (;;) {
		CLEANUP(json_put_p) struct json_object *page = NULL;

		if (!s->next.len && s->l->begin)
			s->l->begin(s->l->arg);
		r = next_page(s, &page, e);
		if (r == -EIDRM && s->next.len && restarts++ < RESTARTS_MAX) {
			buf_reset(&s->next);
			continue;
		}
		if (r == 0)
			r = take_page(s, page, e);
		if (r <= 0)
			return r;
	}
}

int kube_list(struct kube *k, struct kube_op *op, const struct kube_lister *l,
	      char version_out[KUBE_VERSION_MAX], struct err *e)
{
	struct listing s = { .k = k, .op = op, .l = l, .next = BUF_INIT(CONTINUE_MAX), .page = page_of(op) };
	int r;

	op->answer = (struct kube_answer){ 0 };
	r = list_pages(&s, e);
	buf_clear(&s.next);
	if (r == 0 && version_out)
		memcpy(version_out, s.version, sizeof(s.version));
	return r;
}
