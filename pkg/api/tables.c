/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the fields of every kind: decode, encode, clear and the reference page come from here
 *
 * Tables are open and nothing is required here: what must be there is said by validation, with the name of
 * the object, and an old or foreign object in a store can still be read, repaired and deleted.
 */
#include "api/tables.h"

/* ---- metadata ---- */

static const struct json_field meta_fields[] = {
	JF(struct api_meta, name, "name", .doc = "Name, a DNS subdomain of at most 253 characters"),
	JF(struct api_meta, ns, "namespace", .doc = "Namespace, of namespaced kinds only"),
	JF(struct api_meta, uid, "uid", .doc = "Set by the API server"),
	JF(struct api_meta, resource_version, "resourceVersion", .doc = "Set by the API server"),
	JF(struct api_meta, generation, "generation", .doc = "Set by the API server"),
	JF(struct api_meta, creation_timestamp, "creationTimestamp", .doc = "Set by the API server"),
	JF(struct api_meta, deletion_timestamp, "deletionTimestamp", .doc = "Set by the API server"),
	JF(struct api_meta, labels, "labels", .doc = "Labels"),
	JF(struct api_meta, annotations, "annotations", .doc = "Annotations"),
	JF(struct api_meta, finalizers, "finalizers", .doc = "What must be done before the object may go"),
	JF(struct api_meta, owner_references, "ownerReferences", .doc = "Objects that own this one"),
};
const struct json_table api_meta_table = JSON_TABLE(struct api_meta, "metadata", meta_fields);

/* The first rows of every kind. */
#define OBJECT_ROWS(T) \
	JF(T, obj.api_version, "apiVersion", .doc = API_VERSION), JF(T, obj.kind, "kind", .doc = "Kind"), \
		JS(T, obj.meta, "metadata", &api_meta_table, .doc = "Object metadata")

/* ---- pools and subnets ---- */

static const struct json_field route_fields[] = {
	JF(struct api_route, dst, "dst", .doc = "Destination in CIDR notation, never the default route"),
	JF(struct api_route, gw, "gw", .doc = "Gateway, inside the pool's subnet"),
};
const struct json_table api_route_table = JSON_TABLE(struct api_route, "route", route_fields);

static const struct json_field requirement_fields[] = {
	JF(struct api_requirement, key, "key", .doc = "Label"),
	JF(struct api_requirement, operator, "operator", .doc = "In, NotIn, Exists or DoesNotExist"),
	JF(struct api_requirement, values, "values", .doc = "Values, for In and NotIn"),
};
static const struct json_table requirement_table =
	JSON_TABLE(struct api_requirement, "label requirement", requirement_fields);

static const struct json_field selector_fields[] = {
	JF(struct api_selector, match_labels, "matchLabels", .doc = "Labels that must have these values"),
	JL(struct api_selector, match_expressions, "matchExpressions", &requirement_table,
	   .doc = "Requirements, all of which must hold"),
};
static const struct json_table selector_table =
	JSON_TABLE(struct api_selector, "label selector", selector_fields);

/* at: "range." where the common part is embedded, nothing where it is the struct itself. */
#define RANGE_ROWS(T, at) \
	JF(T, at ip_version, "ipVersion", .doc = "4 or 6; derived from the subnet when absent; immutable"), \
		JF(T, at subnet, "subnet", .doc = "Network in CIDR notation without host bits; immutable"), \
		JF(T, at ips, "ips", .doc = "Addresses and ranges a-b to hand out"), \
		JF(T, at exclude_ips, "excludeIPs", .doc = "Addresses and ranges taken out of ips"), \
		JF(T, at gateway, "gateway", \
		   .doc = "Gateway of the default route; a pool without one inherits its subnet's"), \
		JL(T, at routes, "routes", &api_route_table, \
		   .doc = "More routes; a pool without the list inherits its subnet's, [] inherits none")

static const struct json_field ippool_spec_fields[] = {
	RANGE_ROWS(struct api_ippool_spec, range.),
	JP(struct api_ippool_spec, pod_affinity, "podAffinity", &selector_table,
	   .doc = "Pods that may use the pool"),
	JP(struct api_ippool_spec, namespace_affinity, "namespaceAffinity", &selector_table,
	   .doc = "Namespaces that may use the pool, by label"),
	JF(struct api_ippool_spec, namespace_name, "namespaceName",
	   .doc = "Namespaces that may use the pool, by name; overrides namespaceAffinity"),
	JP(struct api_ippool_spec, node_affinity, "nodeAffinity", &selector_table,
	   .doc = "Nodes that may use the pool, by label"),
	JF(struct api_ippool_spec, node_name, "nodeName",
	   .doc = "Nodes that may use the pool, by name; overrides nodeAffinity"),
	JF(struct api_ippool_spec, multus_name, "multusName",
	   .doc = "Network attachment definitions (name or namespace/name) that may use the pool"),
	JF(struct api_ippool_spec, is_default, "default", .doc = "Used by Pods that name no pool"),
	JF(struct api_ippool_spec, disable, "disable", .doc = "Hands out nothing; release still works"),
};
const struct json_table api_ippool_spec_table =
	JSON_TABLE(struct api_ippool_spec, "spec", ippool_spec_fields);

static const struct json_field ippool_status_fields[] = {
	JF(struct api_ippool_status, allocated_ips, "allocatedIPs",
	   .doc = "JSON text: who has which address"),
	JF(struct api_ippool_status, total_ip_count, "totalIPCount", .doc = "Addresses of ips - excludeIPs"),
	JF(struct api_ippool_status, allocated_ip_count, "allocatedIPCount", .doc = "Addresses in use"),
	JF(struct api_ippool_status, observed_generation, "observedGeneration",
	   .doc = "Generation of the pool that the status is about"),
};
static const struct json_table ippool_status_table =
	JSON_TABLE(struct api_ippool_status, "status", ippool_status_fields);

static const struct json_field ippool_fields[] = {
	OBJECT_ROWS(struct api_ippool),
	JS(struct api_ippool, spec, "spec", &api_ippool_spec_table, .doc = "What to hand out, and to whom"),
	JS(struct api_ippool, status, "status", &ippool_status_table, .doc = "What is handed out"),
};
const struct json_table api_ippool_table = JSON_TABLE(struct api_ippool, "SpiderIPPool", ippool_fields);

static const struct json_field ippool_brief_status_fields[] = {
	JF(struct api_ippool_status, total_ip_count, "totalIPCount"),
	JF(struct api_ippool_status, allocated_ip_count, "allocatedIPCount"),
};
static const struct json_table ippool_brief_status_table =
	JSON_TABLE(struct api_ippool_status, "status", ippool_brief_status_fields);
static const struct json_field ippool_brief_fields[] = {
	OBJECT_ROWS(struct api_ippool),
	JS(struct api_ippool, spec, "spec", &api_ippool_spec_table),
	JS(struct api_ippool, status, "status", &ippool_brief_status_table),
};
const struct json_table api_ippool_brief_table =
	JSON_TABLE(struct api_ippool, "SpiderIPPool", ippool_brief_fields);

static const struct json_field subnet_spec_fields[] = {
	RANGE_ROWS(struct api_range_spec, ),
};
const struct json_table api_subnet_spec_table = JSON_TABLE(struct api_range_spec, "spec", subnet_spec_fields);

static const struct json_field subnet_status_fields[] = {
	JF(struct api_subnet_status, controlled_ippools, "controlledIPPools",
	   .doc = "JSON text: which pool has which ranges"),
	JF(struct api_subnet_status, total_ip_count, "totalIPCount", .doc = "Addresses of ips - excludeIPs"),
	JF(struct api_subnet_status, allocated_ip_count, "allocatedIPCount", .doc = "Addresses in pools"),
};
static const struct json_table subnet_status_table =
	JSON_TABLE(struct api_subnet_status, "status", subnet_status_fields);

static const struct json_field subnet_fields[] = {
	OBJECT_ROWS(struct api_subnet),
	JS(struct api_subnet, spec, "spec", &api_subnet_spec_table, .doc = "What pools may be cut from"),
	JS(struct api_subnet, status, "status", &subnet_status_table, .doc = "What pools have"),
};
const struct json_table api_subnet_table = JSON_TABLE(struct api_subnet, "SpiderSubnet", subnet_fields);

/* ---- reserved addresses ---- */

static const struct json_field reservedip_spec_fields[] = {
	JF(struct api_reservedip_spec, ip_version, "ipVersion",
	   .doc = "4 or 6; derived from the first item of ips when absent; immutable"),
	JF(struct api_reservedip_spec, ips, "ips", .doc = "Addresses and ranges a-b never handed out"),
};
const struct json_table api_reservedip_spec_table =
	JSON_TABLE(struct api_reservedip_spec, "spec", reservedip_spec_fields);

static const struct json_field reservedip_fields[] = {
	OBJECT_ROWS(struct api_reservedip),
	JS(struct api_reservedip, spec, "spec", &api_reservedip_spec_table, .doc = "What is reserved"),
};
const struct json_table api_reservedip_table =
	JSON_TABLE(struct api_reservedip, "SpiderReservedIP", reservedip_fields);

/* ---- endpoints ---- */

static const struct json_field endpoint_ip_fields[] = {
	JF(struct api_endpoint_ip, interface, "interface", .flags = JSON_EMPTY, .doc = "NIC of the Pod"),
	JF(struct api_endpoint_ip, ipv4, "ipv4", .doc = "IPv4 address with prefix length"),
	JF(struct api_endpoint_ip, ipv6, "ipv6", .doc = "IPv6 address with prefix length"),
	JF(struct api_endpoint_ip, ipv4_pool, "ipv4Pool", .doc = "SpiderIPPool of the IPv4 address"),
	JF(struct api_endpoint_ip, ipv6_pool, "ipv6Pool", .doc = "SpiderIPPool of the IPv6 address"),
	JF(struct api_endpoint_ip, vlan, "vlan", .max = 4094, .doc = "VLAN ID, set by an IaaS provider"),
	JF(struct api_endpoint_ip, ipv4_gateway, "ipv4Gateway", .doc = "IPv4 gateway"),
	JF(struct api_endpoint_ip, ipv6_gateway, "ipv6Gateway", .doc = "IPv6 gateway"),
	JF(struct api_endpoint_ip, clean_gateway, "cleanGateway", .doc = "The NIC gets no default route"),
	JL(struct api_endpoint_ip, routes, "routes", &api_route_table, .doc = "Routes of the NIC"),
	JF(struct api_endpoint_ip, mac, "mac", .doc = "MAC address, set by an IaaS provider"),
};
const struct json_table api_endpoint_ip_table =
	JSON_TABLE(struct api_endpoint_ip, "address of a NIC", endpoint_ip_fields);

static const struct json_field endpoint_current_fields[] = {
	JF(struct api_endpoint_current, uid, "uid", .flags = JSON_EMPTY, .doc = "UID of the Pod"),
	JF(struct api_endpoint_current, node, "node", .flags = JSON_EMPTY, .doc = "Node of the Pod"),
	JL(struct api_endpoint_current, ips, "ips", &api_endpoint_ip_table, .doc = "One entry for each NIC"),
};
static const struct json_table endpoint_current_table =
	JSON_TABLE(struct api_endpoint_current, "allocation", endpoint_current_fields);

static const struct json_field endpoint_status_fields[] = {
	JS(struct api_endpoint_status, current, "current", &endpoint_current_table, .flags = JSON_EMPTY,
	   .doc = "What the Pod has"),
	JF(struct api_endpoint_status, owner_controller_type, "ownerControllerType", .flags = JSON_EMPTY,
	   .doc = "Kind of the Pod's top controller"),
	JF(struct api_endpoint_status, owner_controller_name, "ownerControllerName", .flags = JSON_EMPTY,
	   .doc = "Name of the Pod's top controller"),
};
static const struct json_table endpoint_status_table =
	JSON_TABLE(struct api_endpoint_status, "status", endpoint_status_fields);

static const struct json_field endpoint_fields[] = {
	OBJECT_ROWS(struct api_endpoint),
	JS(struct api_endpoint, status, "status", &endpoint_status_table, .doc = "Addresses of one Pod"),
};
const struct json_table api_endpoint_table =
	JSON_TABLE(struct api_endpoint, "SpiderEndpoint", endpoint_fields);

/* ---- blocks ---- */

static const struct json_field ipblock_spec_fields[] = {
	JF(struct api_ipblock_spec, ip_version, "ipVersion", .doc = "4 or 6"),
	JF(struct api_ipblock_spec, cidr, "cidr", .doc = "The 64 addresses: a /26 or a /122"),
	JF(struct api_ipblock_spec, records, "records", .doc = "One line for each address that is not free"),
};
static const struct json_table ipblock_spec_table =
	JSON_TABLE(struct api_ipblock_spec, "spec", ipblock_spec_fields);

static const struct json_field ipblock_fields[] = {
	OBJECT_ROWS(struct api_ipblock),
	JS(struct api_ipblock, spec, "spec", &ipblock_spec_table, .doc = "Who has which of 64 addresses"),
};
const struct json_table api_ipblock_table = JSON_TABLE(struct api_ipblock, "SpiderIPBlock", ipblock_fields);
