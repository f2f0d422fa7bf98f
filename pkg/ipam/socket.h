/* SPDX-License-Identifier: Apache-2.0 */
/* socket.h - what goes over the agent's unix socket: paths and bodies, as the plugin and the agent see them
 *
 * The bodies are those that clients of the Go agent know, and members that only our own plugin sends and
 * reads; the first of these is networkName, by which the agent knows who asks. A client without it is
 * answered as before: errors are a JSON text, status 500. To ours they are a socket_error, status 500 too.
 *
 * A body that lacks a required member does not decode; an empty text is there, and so is an empty list: who
 * encodes one sets "set".
 */
#ifndef IPAM_SOCKET_H
#define IPAM_SOCKET_H

#include "json/json.h"

#define SOCKET_PATH_HEALTHY  "/v1/ipam/healthy"
#define SOCKET_PATH_IP       "/v1/ipam/ip"  /* POST, DELETE */
#define SOCKET_PATH_IPS      "/v1/ipam/ips" /* POST does nothing; DELETE: all NICs of a pod */
#define SOCKET_PATH_WORKLOAD "/v1/workloadendpoint"
/* ours, all POST */
#define SOCKET_PATH_GC       "/v1/ipam/gc"
#define SOCKET_PATH_CHECK    "/v1/ipam/check"
#define SOCKET_PATH_STATUS   "/v1/ipam/status"
#define SOCKET_PATH_CONFLICT "/v1/ipam/conflict"
#define SOCKET_PATH_UNDO     "/v1/ipam/undo"

#define SOCKET_BODY_MAX   ((size_t)1 << 20)
#define SOCKET_ANSWER_MAX ((size_t)1 << 20)

/* DELETE SOCKET_PATH_IPS: the workload keeps its addresses. */
enum {
	SOCKET_FORBID_STATELESS = 521,
	SOCKET_FORBID_STATEFUL = 522,
};

/* The physical NIC behind an SR-IOV NIC. */
struct socket_master {
	char *name;
	struct json_strv addresses; /* with prefix length */
	char *unknown;              /* why there is nothing to compare with */
};

/* POST SOCKET_PATH_IP; answer: socket_answer */
struct socket_add {
	char *container_id, *ifname, *netns, *pod_namespace, *pod_name, *pod_uid;
	struct json_strv default_ipv4, default_ipv6;
	bool clean_gateway, match_master_subnet;
	/* ours */
	char *network;        /* NULL: not our plugin */
	struct json_strv ips; /* requested for this NIC; with or without prefix length */
	int64_t deadline_ms;  /* what is left to the caller; 0: not said */
	char *netns_id;       /* nsfs device:inode */
	char *mac;            /* of the NIC, when it exists already */
	struct socket_master *master;
};

struct socket_ip {
	uint32_t version;    /* 4 or 6 */
	char *address, *nic; /* with prefix length */
	char *pool, *gateway;
	int64_t vlan;
	char *mac; /* that the NIC must have; NULL: any */
	bool detect_gateway, detect_conflict;
	/* ours */
	bool probe;       /* ask the network even when detection is off */
	bool kept;        /* the pod had it before and gets no other in its place */
	char *former_mac; /* of the pod's former sandbox, which may still answer for it */
};

struct socket_route {
	char *ifname, *dst, *gw;
};

struct socket_dns {
	char *domain;
	struct json_strv nameservers, options, search;
};

/* Of all NICs of the pod that have addresses by now. */
struct socket_answer {
	JSON_LIST(struct socket_ip) ips;
	JSON_LIST(struct socket_route) routes;
	struct socket_dns dns;
	bool again; /* ours: the container had it before this ADD, which therefore may not be undone */
};

/* DELETE SOCKET_PATH_IP, and POST SOCKET_PATH_UNDO: an ADD whose answer could not be used. No answer. */
struct socket_del {
	char *container_id, *ifname, *netns, *pod_namespace, *pod_name, *pod_uid;
	/* ours */
	char *network; /* NULL: not our plugin */
	char *boot_id; /* in which the sandbox lived */
};

/* DELETE SOCKET_PATH_IPS. No answer. */
struct socket_batch_del {
	bool conflict_ips;
	char *container_id, *netns, *pod_namespace, *pod_name, *pod_uid;
};

struct socket_attachment {
	char *container_id, *ifname;
};

/* POST SOCKET_PATH_GC; answer: socket_freed */
struct socket_gc {
	char *network;
	JSON_LIST(struct socket_attachment) attachments; /* what the runtime still has */
	int64_t started_ms;                              /* wall time; what is younger stays */
};

struct socket_freed {
	int64_t freed; /* attachments */
};

/* POST SOCKET_PATH_CHECK. No answer: all is as recorded. */
struct socket_check {
	char *network, *container_id, *ifname, *pod_namespace, *pod_name;
	struct json_strv ips; /* that the runtime says the NIC has, with prefix length */
};

/* POST SOCKET_PATH_STATUS. No answer: ADD can be served. */
struct socket_status {
	char *network;
	struct json_strv default_ipv4, default_ipv6;
};

/* POST SOCKET_PATH_CONFLICT: an address of this NIC is in use by somebody else. Answer: a socket_answer of
 * this NIC with another one in its place. undo ends the quarantine again; nothing is answered. */
struct socket_conflict {
	struct socket_add add;
	char *address; /* without prefix length */
	char *by;      /* MAC */
	bool undo;
};

struct socket_error {
	uint32_t code; /* enum err_code */
	char *message;
};

/* GET SOCKET_PATH_WORKLOAD?podNamespace=&podName= */
struct socket_interface {
	char *interface, *ipv4, *ipv6;
	char *mac;
	int64_t vlan;
	char *ipv4_pool, *ipv6_pool, *ipv4_gateway, *ipv6_gateway;
	JSON_LIST(struct socket_route) routes;
};
struct socket_workload {
	char *pod_namespace, *pod_name, *pod_uid, *node;
	JSON_LIST(struct socket_interface) interfaces;
};

extern const struct json_table socket_add_table, socket_answer_table, socket_del_table,
	socket_batch_del_table, socket_gc_table, socket_freed_table, socket_check_table, socket_status_table,
	socket_conflict_table, socket_error_table, socket_workload_table;

#endif
