/* SPDX-License-Identifier: Apache-2.0 */
/* socket.c - the bodies of the agent's unix socket */
#include "ipam/socket.h"

/* There even when empty: who reads it asks for the key, not for what is in it. */
#define ALWAYS (JSON_REQUIRED | JSON_EMPTY)

static const struct json_field master_fields[] = {
	JF(struct socket_master, name, "name"),
	JF(struct socket_master, addresses, "addresses"),
	JF(struct socket_master, unknown, "unknown"),
};
static const struct json_table master_table = JSON_TABLE(struct socket_master, "master", master_fields);

/* m: where the struct socket_add lies in T, as a prefix of its members */
#define ADD_FIELDS(T, m) \
	JF(T, m container_id, "containerID", .flags = ALWAYS), JF(T, m ifname, "ifName", .flags = ALWAYS), \
		JF(T, m netns, "netNamespace", .flags = ALWAYS), \
		JF(T, m pod_namespace, "podNamespace", .flags = ALWAYS), \
		JF(T, m pod_name, "podName", .flags = ALWAYS), JF(T, m pod_uid, "podUID", .flags = ALWAYS), \
		JF(T, m default_ipv4, "defaultIPv4IPPool"), JF(T, m default_ipv6, "defaultIPv6IPPool"), \
		JF(T, m clean_gateway, "cleanGateway"), JF(T, m match_master_subnet, "matchMasterSubnet"), \
		JF(T, m network, "networkName"), JF(T, m ips, "ips"), \
		JF(T, m deadline_ms, "deadlineMs", .max = INT64_MAX), JF(T, m netns_id, "netnsID"), \
		JF(T, m mac, "mac"), JP(T, m master, "master", &master_table)

static const struct json_field add_fields[] = { ADD_FIELDS(struct socket_add, ) };
const struct json_table socket_add_table = JSON_TABLE(struct socket_add, "body", add_fields);

static const struct json_field conflict_fields[] = {
	ADD_FIELDS(struct socket_conflict, add.),
	JF(struct socket_conflict, address, "address", .flags = JSON_REQUIRED),
	JF(struct socket_conflict, by, "by", .flags = JSON_REQUIRED),
	JF(struct socket_conflict, undo, "undo"),
};
const struct json_table socket_conflict_table = JSON_TABLE(struct socket_conflict, "body", conflict_fields);

static const struct json_field ip_fields[] = {
	JF(struct socket_ip, version, "version", .flags = JSON_REQUIRED, .min = 4, .max = 6),
	JF(struct socket_ip, address, "address", .flags = JSON_REQUIRED),
	JF(struct socket_ip, nic, "nic", .flags = JSON_REQUIRED),
	JF(struct socket_ip, pool, "ipPool"),
	JF(struct socket_ip, gateway, "gateway"),
	JF(struct socket_ip, vlan, "vlan"),
	JF(struct socket_ip, mac, "mac"),
	JF(struct socket_ip, detect_gateway, "enableGatewayDetection"),
	JF(struct socket_ip, detect_conflict, "enableIPConflictDetection"),
	JF(struct socket_ip, probe, "probe"),
	JF(struct socket_ip, kept, "kept"),
	JF(struct socket_ip, former_mac, "formerMac"),
};
static const struct json_table ip_table = JSON_TABLE(struct socket_ip, "ip", ip_fields);

static const struct json_field route_fields[] = {
	JF(struct socket_route, ifname, "ifName", .flags = JSON_REQUIRED),
	JF(struct socket_route, dst, "dst", .flags = JSON_REQUIRED),
	JF(struct socket_route, gw, "gw", .flags = JSON_REQUIRED),
};
static const struct json_table route_table = JSON_TABLE(struct socket_route, "route", route_fields);

static const struct json_field dns_fields[] = {
	JF(struct socket_dns, domain, "domain"),
	JF(struct socket_dns, nameservers, "nameservers"),
	JF(struct socket_dns, options, "options"),
	JF(struct socket_dns, search, "search"),
};
static const struct json_table dns_table = JSON_TABLE(struct socket_dns, "dns", dns_fields);

static const struct json_field answer_fields[] = {
	JL(struct socket_answer, ips, "ips", &ip_table, .flags = JSON_REQUIRED),
	JL(struct socket_answer, routes, "routes", &route_table),
	JS(struct socket_answer, dns, "dns", &dns_table),
	JF(struct socket_answer, again, "again"),
};
const struct json_table socket_answer_table = JSON_TABLE(struct socket_answer, "answer", answer_fields);

static const struct json_field del_fields[] = {
	JF(struct socket_del, container_id, "containerID", .flags = ALWAYS),
	JF(struct socket_del, ifname, "ifName", .flags = ALWAYS),
	JF(struct socket_del, netns, "netNamespace"),
	JF(struct socket_del, pod_namespace, "podNamespace", .flags = ALWAYS),
	JF(struct socket_del, pod_name, "podName", .flags = ALWAYS),
	JF(struct socket_del, pod_uid, "podUID", .flags = ALWAYS),
	JF(struct socket_del, network, "networkName"),
	JF(struct socket_del, boot_id, "bootID"),
};
const struct json_table socket_del_table = JSON_TABLE(struct socket_del, "body", del_fields);

static const struct json_field batch_del_fields[] = {
	JF(struct socket_batch_del, conflict_ips, "isReleaseConflictIPs"),
	JF(struct socket_batch_del, container_id, "containerID", .flags = ALWAYS),
	JF(struct socket_batch_del, netns, "netNamespace"),
	JF(struct socket_batch_del, pod_namespace, "podNamespace", .flags = ALWAYS),
	JF(struct socket_batch_del, pod_name, "podName", .flags = ALWAYS),
	JF(struct socket_batch_del, pod_uid, "podUID", .flags = ALWAYS),
};
const struct json_table socket_batch_del_table =
	JSON_TABLE(struct socket_batch_del, "body", batch_del_fields);

static const struct json_field attachment_fields[] = {
	JF(struct socket_attachment, container_id, "containerID", .flags = JSON_REQUIRED),
	JF(struct socket_attachment, ifname, "ifName", .flags = JSON_REQUIRED),
};
static const struct json_table attachment_table =
	JSON_TABLE(struct socket_attachment, "attachment", attachment_fields);

static const struct json_field gc_fields[] = {
	JF(struct socket_gc, network, "networkName", .flags = JSON_REQUIRED),
	JL(struct socket_gc, attachments, "attachments", &attachment_table, .flags = JSON_REQUIRED),
	JF(struct socket_gc, started_ms, "startedMs", .flags = ALWAYS),
};
const struct json_table socket_gc_table = JSON_TABLE(struct socket_gc, "body", gc_fields);

static const struct json_field freed_fields[] = {
	JF(struct socket_freed, freed, "freed", .flags = ALWAYS),
};
const struct json_table socket_freed_table = JSON_TABLE(struct socket_freed, "answer", freed_fields);

static const struct json_field check_fields[] = {
	JF(struct socket_check, network, "networkName", .flags = JSON_REQUIRED),
	JF(struct socket_check, container_id, "containerID", .flags = JSON_REQUIRED),
	JF(struct socket_check, ifname, "ifName", .flags = JSON_REQUIRED),
	JF(struct socket_check, pod_namespace, "podNamespace"),
	JF(struct socket_check, pod_name, "podName"),
	JF(struct socket_check, ips, "ips", .flags = JSON_REQUIRED),
};
const struct json_table socket_check_table = JSON_TABLE(struct socket_check, "body", check_fields);

static const struct json_field status_fields[] = {
	JF(struct socket_status, network, "networkName", .flags = JSON_REQUIRED),
	JF(struct socket_status, default_ipv4, "defaultIPv4IPPool"),
	JF(struct socket_status, default_ipv6, "defaultIPv6IPPool"),
};
const struct json_table socket_status_table = JSON_TABLE(struct socket_status, "body", status_fields);

static const struct json_field error_fields[] = {
	JF(struct socket_error, code, "code", .flags = ALWAYS),
	JF(struct socket_error, message, "message", .flags = ALWAYS),
};
const struct json_table socket_error_table = JSON_TABLE(struct socket_error, "error", error_fields);

static const struct json_field interface_fields[] = {
	JF(struct socket_interface, interface, "interface", .flags = ALWAYS),
	JF(struct socket_interface, ipv4, "ipv4"),
	JF(struct socket_interface, ipv6, "ipv6"),
	JF(struct socket_interface, mac, "mac"),
	JF(struct socket_interface, vlan, "vlan"),
	JF(struct socket_interface, ipv4_pool, "ipv4Pool"),
	JF(struct socket_interface, ipv6_pool, "ipv6Pool"),
	JF(struct socket_interface, ipv4_gateway, "ipv4Gateway"),
	JF(struct socket_interface, ipv6_gateway, "ipv6Gateway"),
	JL(struct socket_interface, routes, "routes", &route_table),
};
static const struct json_table interface_table =
	JSON_TABLE(struct socket_interface, "interface", interface_fields);

static const struct json_field workload_fields[] = {
	JF(struct socket_workload, pod_namespace, "podNamespace", .flags = ALWAYS),
	JF(struct socket_workload, pod_name, "podName", .flags = ALWAYS),
	JF(struct socket_workload, pod_uid, "podUID", .flags = ALWAYS),
	JF(struct socket_workload, node, "node", .flags = ALWAYS),
	JL(struct socket_workload, interfaces, "interfaces", &interface_table, .flags = JSON_REQUIRED),
};
const struct json_table socket_workload_table =
	JSON_TABLE(struct socket_workload, "workload endpoint", workload_fields);
