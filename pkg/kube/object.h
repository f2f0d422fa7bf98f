/* SPDX-License-Identifier: Apache-2.0 */
/* object.h - get, list, create, update, patch, delete
 *
 * Each call waits until op->until. What is safe to send again (retry.h) is sent again until then, unless
 * op->once: reads, and writes that were not sent or not looked at. A write with an unknown outcome is never
 * repeated: op->answer.outcome tells, and the caller settles it.
 *
 * Errors are those of client.h, with the method, the path and the API server's own words.
 */
#ifndef KUBE_OBJECT_H
#define KUBE_OBJECT_H

#include <json-c/json.h>

#include "json/json.h"
#include "kube/client.h"
#include "kube/resource.h"

#define KUBE_PAGE_DEFAULT 200
#define KUBE_VERSION_MAX  32 /* bytes of a resourceVersion and its NUL */

struct kube_op {
	const struct kube_resource *res;
	const char *ns, *name; /* ns NULL or "": all, or none; -EINVAL for one object that has one */
	const char *sub;       /* a subresource: "status"; NULL: the object */
	struct deadline until;
	struct kube_cancel *cancel;
	bool once;
	bool metadata_only; /* the answer is a PartialObjectMetadata (or a list of them) */
	/* get, list: NULL: the newest, by quorum; "0": what the server has at hand, which may be older than
	 * what we have seen already; else: not older than this one */
	const char *version;
	/* get, list: of an object's members other than its metadata only what this table names is taken from
	 * the answer; NULL: all. With it, and in lists of metadata, metadata is what users know of it: names,
	 * UID, version, generation, times, labels, annotations, owners, finalizers. */
	const struct json_table *table;
	/* list */
	const char *labels, *fields; /* selectors; NULL: all */
	unsigned page;               /* objects asked for at a time, 0: KUBE_PAGE_DEFAULT */
	/* delete: preconditions, NULL: none. -ESTALE when they do not hold. */
	const char *if_uid, *if_version;

	/* out: of the last request; the body has been taken */
	struct kube_answer answer;
};

/* *ret: the tree, to be released by the caller. It may be NULL for calls that change something: then the
 * answer is asked for without its spec and status, and dropped. */
int kube_get(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e);
/* body is the object. ns must be given for what has one. */
int kube_create(struct kube *k, struct kube_op *op, const char *body, size_t len, struct json_object **ret,
		struct err *e);
/* body is the whole object; with its metadata.resourceVersion it is a compare-and-swap, -ESTALE. */
int kube_update(struct kube *k, struct kube_op *op, const char *body, size_t len, struct json_object **ret,
		struct err *e);
/* A precondition is a part of the patch: metadata.resourceVersion and metadata.uid of a merge patch, "test"
 * of a JSON patch. */
int kube_patch(struct kube *k, struct kube_op *op, enum kube_content type, const char *body, size_t len,
	       struct json_object **ret, struct err *e);
/* 0: gone, or going when it has finalizers. */
int kube_delete(struct kube *k, struct kube_op *op, struct err *e);

struct kube_lister {
	/* Each object, lent (items of built-in kinds have neither kind nor apiVersion). A negative answer
	 * ends the list and is its result. */
	int (*each)(struct json_object *o, void *arg, struct err *e);
	/* The list begins, or begins anew, since it took so long that the server has forgotten its state:
	 * what each() was given so far is void. May be NULL. */
	void (*begin)(void *arg);
	void *arg;
};

/* In pages. version_out, when not NULL: where a watch goes on. */
int kube_list(struct kube *k, struct kube_op *op, const struct kube_lister *l,
	      char version_out[KUBE_VERSION_MAX], struct err *e);

/* ---- of any object ---- */

/* metadata.NAME as text; NULL when it has none. Lent. */
const char *kube_meta(struct json_object *o, const char *name);

#endif
