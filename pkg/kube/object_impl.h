/* SPDX-License-Identifier: Apache-2.0 */
/* object_impl.h - shared by the files of object.h */
#ifndef KUBE_OBJECT_IMPL_H
#define KUBE_OBJECT_IMPL_H

#include "kube/object.h"

#define KUBE_PATH_MAX 65536 /* continue tokens and selectors are in it */

int kube_op_path(const struct kube_op *op, struct buf *out, struct err *e);
/* With what may be repeated repeated. ret NULL: nobody looks at the body. */
int kube_op_call(struct kube *k, struct kube_op *op, struct kube_request *q, struct json_object **ret,
		 struct err *e);

/* The first op->page objects, as they came. */
int kube_list_page(struct kube *k, struct kube_op *op, struct json_object **ret, struct err *e);

#endif
