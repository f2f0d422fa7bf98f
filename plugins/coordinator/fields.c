/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c - the keys of coordinator's configuration and of the agent's answer */
#include "conf.h"

#define TEXT(n)   TEXT_(n)
#define TEXT_(n)  #n
#define NO_EFFECT "accepted, without effect"
#define IN_IPAM \
	NO_EFFECT ": detection is done by the IPAM plugin (`enable_ip_conflict_detection`, " \
		  "`enable_gateway_detection` of its section)"

static const struct json_field route_fields[] = {
	JF(struct coordinator_route_text, dst, "dst", .flags = JSON_REQUIRED,
	   .doc = "address or prefix; an address is one host"),
	JF(struct coordinator_route_text, gw, "gw", .flags = JSON_REQUIRED,
	   .doc = "gateway, of the same family, reached through the NIC of this call"),
};
static const struct json_table route_table = JSON_TABLE(struct coordinator_route_text, "route", route_fields);

static const struct json_field log_fields[] = {
	JF(struct options_log, level, "logLevel",
	   .doc = "debug, info, warn, error, fatal or panic, in any case; default info"),
	JF(struct options_log, file, "logFile",
	   .doc = "below /var/log, or below stateDir with a name that ends in .log; default " COORDINATOR_LOG_FILE),
	JF(struct options_log, max_size, "logMaxSize",
	   .doc = "MB before it is rotated, a number, also in quotes; default 100"),
	JF(struct options_log, max_age, "logMaxAge",
	   .doc = "days a rotated file is kept, 0 for ever; default 30"),
	JF(struct options_log, max_count, "logMaxCount", .doc = "rotated files kept, 0 all; default 10"),
};
const struct json_table coordinator_log_table = JSON_TABLE(struct options_log, "logOptions", log_fields);

#define S struct coordinator_section
static const struct json_field section_fields[] = {
	JF(S, mode, "mode",
	   .doc = "`underlay`: this chain makes the pod's veth to the node; `overlay`: the first NIC is another "
		  "CNI's and reaches the node; `auto`: underlay for the first NIC and where the first NIC got "
		  "a veth, else overlay; `disabled` or `disable`: do nothing. From the agent, else `auto`"),
	JF(S, pod_default_cni_nic, "podDefaultCniNic",
	   .doc = "the pod's first NIC; default " COORDINATOR_NIC),
	JF(S, overlay_pod_cidr, "overlayPodCIDR",
	   .doc = "prefixes of the overlay pods, reached through the node. From the agent"),
	JF(S, service_cidr, "serviceCIDR",
	   .doc = "prefixes of clusterIPs, reached through the node. From the agent"),
	JF(S, hijack_cidr, "hijackCIDR",
	   .doc = "more prefixes and addresses that are reached through the node. From the agent"),
	JL(S, policy_routes, "policyRoutes", &route_table,
	   .doc = "routes through the NIC of this call. From the agent"),
	JF(S, tune_pod_routes, "tunePodRoutes",
	   .doc = "with several NICs: answer through the NIC a request came in by. From the agent, else true"),
	JF(S, pod_default_route_nic, "podDefaultRouteNic",
	   .doc = "the NIC that gets the pod's default route. The pod's annotation "
		  "`" COORDINATOR_ANNOTATION_DEFAULT_NIC
		  "` comes before this key, the agent after it; default: "
		  "it stays where it is"),
	JF(S, host_rule_table, "hostRuleTable", .min = 1, .max = UINT32_MAX,
	   .doc = "the node's routing table of pod addresses, not 253, 254 or 255. From the agent, else " TEXT(
		   COORDINATOR_HOST_TABLE)),
	JF(S, pod_rp_filter, "podRPFilter", .min = INT32_MIN, .max = 2,
	   .doc = "reverse path filter in the pod: 0 off, 1 strict, 2 loose; less than 0: leave it as it is. "
		  "From the agent, else 0"),
	JF(S, tx_queue_len, "txQueueLen", .min = 0, .max = INT32_MAX,
	   .doc = "transmit queue of the pod's NIC; 0: leave it as it is. From the agent, else 0"),
	JF(S, veth_link_address, "vethLinkAddress",
	   .doc = "IPv4 address of the pod's end of the veth, for example 169.254.200.1; not for pods with "
		  "IPv6 only. From the agent, else none"),
	JF(S, veth_mtu, "vethMTU", .min = 68, .max = 65535,
	   .doc = "MTU of the veth. From the agent, else " TEXT(COORDINATOR_VETH_MTU)),
	JF(S, pod_mac_prefix, "podMACPrefix",
	   .doc = "first two bytes of the NIC's MAC, for example 0a:1b; the other four come from its address. "
		  "From the agent, else the MAC stays"),
	JS(S, log_options, "logOptions", &coordinator_log_table, .doc = "the log of this plugin"),
	JF(S, state_dir, "stateDir",
	   .doc = "where it is written down what was done to a pod, cleared by a reboot; default " COORDINATOR_STATE_DIR),
	JF(S, agent_socket, "agentSocket", .doc = "socket of spiderpool-agent; default " COORDINATOR_SOCKET),
	JF(S, multus_nic_prefix, "multusNicPrefix", .doc = NO_EFFECT),
	JF(S, host_rp_filter, "hostRPFilter", .doc = NO_EFFECT ": the agent sets the node's"),
	JF(S, detect_ip_conflict, "detectIPConflict", .doc = IN_IPAM),
	JF(S, detect_gateway, "detectGateway", .doc = IN_IPAM),
	JF(S, detect_options, "detectOptions", .doc = IN_IPAM),
};
const struct json_table coordinator_section_table =
	JSON_TABLE(struct coordinator_section, "coordinator", section_fields);

/* Limits are looked at later, by those of the section. */
#define A struct coordinator_answer
static const struct json_field answer_fields[] = {
	JF(A, mode, "mode"),
	JF(A, overlay_pod_cidr, "overlayPodCIDR"),
	JF(A, service_cidr, "serviceCIDR"),
	JF(A, hijack_cidr, "hijackCIDR"),
	JL(A, policy_routes, "policyRoutes", &route_table),
	JF(A, tune_pod_routes, "tunePodRoutes"),
	JF(A, pod_default_route_nic, "podDefaultRouteNIC"),
	JF(A, annotated_route_nic, "podDefaultRouteNICAnnotation"),
	JF(A, host_rule_table, "hostRuleTable"),
	JF(A, pod_rp_filter, "podRPFilter"),
	JF(A, tx_queue_len, "txQueueLen"),
	JF(A, veth_link_address, "vethLinkAddress"),
	JF(A, veth_mtu, "vethMTU"),
	JF(A, pod_mac_prefix, "podMACPrefix"),
};
const struct json_table coordinator_answer_table =
	JSON_TABLE(struct coordinator_answer, "answer", answer_fields);
