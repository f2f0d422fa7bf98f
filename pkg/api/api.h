/* SPDX-License-Identifier: Apache-2.0 */
/* api.h - the resources of group spiderpool.spidernet.io/v2beta1: types, text form, defaults, validation
 *
 * Pure functions: no clock, no store, no environment. The same functions serve spiderpoolctl, the webhook and
 * the plugins, so one rule is one sentence everywhere. Fields are those users know from the CRDs
 * (spec/ipam.md section 1); unknown fields of a manifest are pruned, as the API server does.
 *
 * Ownership: a decoded object owns all it points to; api_clear() releases it.
 */
#ifndef API_API_H
#define API_API_H

#include "ip/ip.h"
#include "json/json.h"

#define API_GROUP     "spiderpool.spidernet.io"
#define API_VERSION   "spiderpool.spidernet.io/v2beta1"
#define API_FINALIZER "spiderpool.spidernet.io"
#define API_LABEL_MAX 64 /* bytes of a label value and its NUL */

#define API_LABEL_POOL_CIDR   "ipam.spidernet.io/ippool-cidr"
#define API_LABEL_SUBNET_CIDR "ipam.spidernet.io/subnet-cidr"
#define API_LABEL_OWNER       "ipam.spidernet.io/owner-spider-subnet"
/* On pools whose status was written by us alone: what the Go Spiderpool had recorded there is in blocks. */
#define API_ANNOTATION_TAKEN_OVER "ipam.spidernet.io/taken-over"
/* On the Pod of an agent: the highest resourceVersion of a SpiderIPPool that it has taken note of. */
#define API_ANNOTATION_POOLS_SEEN "ipam.spidernet.io/pools-observed"
/* Its presence says that the controller made the pool for an application. */
#define API_LABEL_APP_NAME "ipam.spidernet.io/owner-application-name"

struct api_meta {
	char *name, *ns, *uid, *resource_version, *creation_timestamp, *deletion_timestamp;
	struct json_int generation;
	struct json_map labels, annotations;
	struct json_strv finalizers;
	struct json_object *owner_references; /* kept as it is */
};

struct api_requirement { /* one of LabelSelector.matchExpressions */
	char *key, *operator;
	struct json_strv values;
};

struct api_selector {
	struct json_map match_labels;
	JSON_LIST(struct api_requirement) match_expressions;
};

struct api_route {
	char *dst, *gw;
};

/* What pools and subnets have in common: json tables, defaults and most rules are written once over it. */
struct api_range_spec {
	struct json_int ip_version; /* 4, 6 */
	char *subnet;
	struct json_strv ips, exclude_ips;
	char *gateway;
	JSON_LIST(struct api_route) routes;
};

struct api_ippool_spec {
	struct api_range_spec range; /* its fields are direct members of "spec" */
	struct api_selector *pod_affinity, *namespace_affinity, *node_affinity;
	struct json_strv namespace_name, node_name, multus_name;
	struct json_bool is_default, disable;
};

struct api_ippool_status {
	char *allocated_ips; /* JSON text */
	struct json_int total_ip_count, allocated_ip_count;
	struct json_int observed_generation; /* the Go Spiderpool's writes of the status have none */
};

/* Every resource starts with kind, api_version and meta. */
struct api_object {
	char *api_version, *kind;
	struct api_meta meta;
};

struct api_ippool {
	struct api_object obj;
	struct api_ippool_spec spec;
	struct api_ippool_status status;
};

struct api_subnet_status {
	char *controlled_ippools; /* JSON text */
	struct json_int total_ip_count, allocated_ip_count;
};

struct api_subnet {
	struct api_object obj;
	struct api_range_spec spec;
	struct api_subnet_status status;
};

struct api_reservedip_spec {
	struct json_int ip_version;
	struct json_strv ips;
};

struct api_reservedip {
	struct api_object obj;
	struct api_reservedip_spec spec;
};

struct api_endpoint_ip { /* status.current.ips[] */
	char *interface, *ipv4, *ipv4_pool, *ipv4_gateway, *ipv6, *ipv6_pool, *ipv6_gateway, *mac;
	struct json_int vlan;
	struct json_bool clean_gateway;
	JSON_LIST(struct api_route) routes;
};

struct api_endpoint_current {
	char *uid, *node;
	JSON_LIST(struct api_endpoint_ip) ips;
};

struct api_endpoint_status {
	struct api_endpoint_current current;
	char *owner_controller_type, *owner_controller_name;
};

struct api_endpoint {
	struct api_object obj;
	struct api_endpoint_status status;
};

/* SpiderIPBlock as a manifest; what the records text means is api/block.h */
struct api_ipblock_spec {
	struct json_int ip_version;
	char *cidr, *records;
};

struct api_ipblock {
	struct api_object obj;
	struct api_ipblock_spec spec;
};

enum api_kind { API_IPPOOL, API_SUBNET, API_RESERVEDIP, API_ENDPOINT, API_IPBLOCK, API_KIND_MAX };

struct api_kind_info {
	const char *kind, *plural, *singular, *short_name; /* SpiderIPPool spiderippools spiderippool sp */
	bool namespaced;
	size_t size;
	const struct json_table *table;
};

/* Tables of members that other structs hold too (the engine's records, annotations). */
extern const struct json_table api_route_table, api_endpoint_ip_table;

/* Indexed by enum api_kind. */
extern const struct api_kind_info api_kinds[API_KIND_MAX];
/* By kind, plural, singular or short name, any case; -EINVAL lists what there is. */
int api_kind_find(const char *word, struct err *e);

/* ---- text form ----
 *
 * what names the source in errors and is never NULL. */

/* Reads apiVersion and kind (-EINVAL unless ours) and decodes into a new object of api_kinds[*ret_kind].size
 * bytes. Neither name nor namespace is looked at: see api_default() and api_validate_create(). */
int api_decode(struct json_object *tree, const char *what, enum api_kind *ret_kind, struct api_object **ret,
	       struct err *e);
/* The value that a store keeps: compact JSON; kind and apiVersion are written always, and may be missing when
 * read, but not be others (-EBADMSG). */
int api_decode_text(enum api_kind kind, const char *text, size_t len, const char *what, void *out,
		    struct err *e);
int api_encode_text(enum api_kind kind, const void *obj, struct buf *out, struct err *e);
void api_clear(enum api_kind kind, void *obj); /* releases members */
void api_free(enum api_kind kind, struct api_object *obj);

/* ---- defaults and validation (spec/ipam.md sections 1.5, 6; weak spots 15, 19, 22, 23 of section 13) ----
 *
 * api_default() is what the mutating webhook does: finalizer, ipVersion from the subnet or the first range,
 * cidr label, merged ranges, inheritance from the subnet of the same CIDR; namespace "default" for a
 * namespaced object without one, none for a cluster-scoped one. It says nothing about wrong values (only
 * -ENOMEM) and leaves objects that are being deleted alone. api_validate_*() come after it: each rule one
 * sentence "SpiderIPPool NAME: spec.gateway: ...", code ERR_CONFIG; the first rule broken is reported.
 * -EEXIST: the name is taken; -EBUSY: addresses are in use; -EINVAL: all else.
 *
 * Both are given what they compare with; lists may be empty, and may contain the object itself (by name). */
struct api_world {
	bool enable_ipv4, enable_ipv6, enable_subnet, refuse_delete_in_use;
	bool by_controller; /* our own controller asks: it alone may size pools made for an application */
	bool guard_apps;    /* and it alone makes such pools, and says whose they are */
	const struct api_ippool *const *pools; /* all of them */
	size_t n_pools;
	const struct api_subnet *const *subnets;
	size_t n_subnets;
	/* addresses of this pool (subnet: of pools below it) that are held now, from blocks; NULL for none */
	const struct ip_set *held;
	const char *held_advice; /* how they come free; NULL: by deleting the Pods */
};

int api_default(enum api_kind kind, void *obj, const struct api_world *w, struct err *e);
int api_validate_create(enum api_kind kind, const void *obj, const struct api_world *w, struct err *e);
int api_validate_update(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
			struct err *e);
/* The rules for an edit that leaves the spec alone; they are among those of api_validate_update(). */
int api_validate_metadata(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
			  struct err *e);
int api_validate_delete(enum api_kind kind, const void *obj, const struct api_world *w, struct err *e);

/* ---- helpers on valid objects ---- */

/* ips - excludeIPs as a set. */
int api_range_total(const struct api_range_spec *s, struct ip_set *out, struct err *e);
/* 4, 6; from ipVersion, else from the subnet; 0 when neither tells. */
uint8_t api_range_version(const struct api_range_spec *s);
/* The family of the first item that has one; 0 for none. */
uint8_t api_list_version(const struct json_strv *ips);
int api_reserved_set(const struct api_reservedip *r, struct ip_set *out, struct err *e);
/* metav1.LabelSelector semantics; NULL selector matches nothing, empty one everything. labels may be NULL. */
bool api_selector_matches(const struct api_selector *s, const struct json_map *labels);
/* "172-18-40-0-24": the value of the cidr labels. */
int api_cidr_label(const char *cidr, char out[API_LABEL_MAX], struct err *e);
/* A name as the value of a label: the text itself, or its start and a hash when it is too long. Returns out.
 */
const char *api_label_value(const char *text, char out[API_LABEL_MAX]);
/* Go filepath.Match on ASCII names: 1, 0, or -EINVAL for a pattern that is malformed anywhere. No
 * backtracking: at most pattern times name steps. */
int api_wildcard_match(const char *pattern, const char *name, struct err *e);
bool api_is_wildcard(const char *name);

#endif
