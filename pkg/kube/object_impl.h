/* SPDX-License-Identifier: Apache-2.0 */
/* object_impl.h - shared by the files of object.h */
#ifndef KUBE_OBJECT_IMPL_H
#define KUBE_OBJECT_IMPL_H

#include "kube/object.h"

#define KUBE_PATH_MAX 65536 /* continue tokens and selectors are in it */

int kube_op_path(const struct kube_op *op, struct buf *out, struct err *e);
/* With what may be repeated repeated. keep: of the answer; NULL: all. ret NULL: nobody looks at the body. */
int kube_op_call(struct kube *k, struct kube_op *op, struct kube_request *q, const struct json_table *keep,
		 struct json_object **ret, struct err *e);

#define KUBE_KEEP_MAX 8 /* members of an object */

struct kube_keep {
	struct json_field f[KUBE_KEEP_MAX];
	struct json_table t;
};
/* The table of what is kept of objects: what theirs names, and of their metadata what we know (object.c), not
 * managedFields, which are longer than the rest and nobody's business. NULL: all. Filled into room. */
const struct json_table *kube_kept(const struct json_table *table, bool metadata_only,
				   struct kube_keep *room);

/* The first op->page objects, as they came. */
int kube_list_page(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e);

#endif
