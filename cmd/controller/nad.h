/* SPDX-License-Identifier: Apache-2.0 */
/* nad.h - a NetworkAttachmentDefinition: is it as its SpiderMultusConfig wants it, and the object that is
 *
 * Pure.
 */
#ifndef CONTROLLER_NAD_H
#define CONTROLLER_NAD_H

#include "api/multus.h"
#include "kube/views.h"

struct nad_spec {
	char *config; /* NULL: none */
};
struct nad {
	struct kube_meta_view meta;
	struct nad_spec spec;
};
extern const struct json_table nad_table;

/* Annotations, configuration and owner are those wanted. */
bool nad_is(const struct nad *n, const struct api_multus_nad *want, const struct api_multus *owner);
/* The SpiderMultusConfig among its owners, NULL for none. */
const struct kube_owner *nad_owner(const struct nad *n);

/* A new one of the wanted name, in the namespace of its owner. */
int nad_new(const struct api_multus_nad *want, const struct api_multus *owner, struct buf *out,
	    struct err *e);
/* The existing one, changed: what is none of the three stays. */
int nad_change(struct json_object *nad, const struct api_multus_nad *want, const struct api_multus *owner,
	       struct buf *out, struct err *e);

#endif
