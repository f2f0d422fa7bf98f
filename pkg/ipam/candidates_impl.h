/* SPDX-License-Identifier: Apache-2.0 */
/* candidates_impl.h - what the files that read annotations share */
#ifndef IPAM_CANDIDATES_IMPL_H
#define IPAM_CANDIDATES_IMPL_H

#include "ipam/candidates.h"

/* One NIC with its pools; a list of them under "items". */
extern const struct json_table candidate_nic_table, candidates_nics_table;

/* The pod's annotation, NULL when it has none. */
const char *candidates_annotation(const struct ipam_request *req, const char *key);
/* The text must stand for something: null is refused, as is what is too long. */
int candidates_parse(const char *annotation, const char *text, struct json_object **ret, struct err *e);
/* Decodes an annotation that is an array into the list that table names; out is overwritten. */
int candidates_items(const char *annotation, const char *text, const struct json_table *table, void *out,
		     struct err *e);
/* Puts the annotation in front of what is wrong with it; code ERR_CONFIG. */
int candidates_bad(struct err *e, const char *annotation);
/* The only NIC is that of the request. */
int candidates_own_nic(struct candidates *c, const struct ipam_request *req, bool clean_gateway,
		       struct err *e);

/* In a cluster (candidates_subnet.c): 1 when the pod names subnets and its candidates are those, 0 when it
 * does not, or the feature is off. The names are subnets, plan.c looks for the pools made from them. */
int candidates_subnets(const struct ipam_conf *conf, const struct ipam_request *req, struct candidates *c,
		       struct err *e);

#endif
