/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - what coordinator is told to do, from three places
 *
 *	coordinator_section_read()     what stands in the network configuration; enough to start the log
 *	coordinator_agent_fetch()      what the node's agent says, if there is one (agent.h)
 *	coordinator_conf_merge()       both and the defaults, checked: the plugin works with this only
 *
 * For each key the network configuration comes first, then the agent, then the default; an empty text or list
 * says nothing. Errors have the code ERR_CONFIG and name the place, the key, the value and what is wanted.
 */
#ifndef COORDINATOR_CONF_H
#define COORDINATOR_CONF_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "cni/conf.h"
#include "ip/ip.h"
#include "json/json.h"
#include "podnet/options.h"

#define COORDINATOR_LOG_FILE     "/var/log/spidernet/coordinator.log"
#define COORDINATOR_SOCKET       "/var/run/spidernet/spiderpool.sock"
#define COORDINATOR_STATE_DIR    "/run/spiderpool"
#define COORDINATOR_NIC          "eth0"
#define COORDINATOR_HOST_TABLE   500
#define COORDINATOR_VETH_MTU     1500
#define COORDINATOR_RP_LEAVE     (-1)
#define COORDINATOR_ROUTES_MAX   1024 /* of hijacked prefixes, and of policy routes */
#define COORDINATOR_NETWORKS_MAX 128  /* NICs that one pod may ask Multus for */

/* Annotations of the pod that matter here. */
#define COORDINATOR_ANNOTATION_DEFAULT_NIC "ipam.spidernet.io/default-route-nic"

/* ---- as written ---- */

struct coordinator_route_text {
	char *dst, *gw;
};

/* The plugin's keys of the network configuration. */
struct coordinator_section {
	char *mode, *pod_default_cni_nic, *pod_default_route_nic, *veth_link_address, *pod_mac_prefix;
	struct json_strv overlay_pod_cidr, service_cidr, hijack_cidr;
	JSON_LIST(struct coordinator_route_text) policy_routes;
	struct json_bool tune_pod_routes;
	struct json_int host_rule_table, pod_rp_filter, tx_queue_len, veth_mtu;
	struct options_log log_options;
	char *state_dir, *agent_socket; /* never NULL after reading */
	/* known and without effect */
	struct json_object *multus_nic_prefix, *host_rp_filter, *detect_ip_conflict, *detect_gateway,
		*detect_options;

	struct log_conf log; /* ready for log_init(); points into this struct */
};
extern const struct json_table coordinator_section_table, coordinator_log_table;

/* The agent's answer. A zeroed one says nothing. */
struct coordinator_answer {
	char *mode, *pod_default_route_nic, *veth_link_address, *pod_mac_prefix;
	char *annotated_route_nic; /* what the pod's annotation says, from an agent that tells it apart */
	struct json_strv overlay_pod_cidr, service_cidr, hijack_cidr;
	JSON_LIST(struct coordinator_route_text) policy_routes;
	struct json_bool tune_pod_routes;
	struct json_int host_rule_table, pod_rp_filter, tx_queue_len, veth_mtu;
};
extern const struct json_table coordinator_answer_table;

/* tree is the whole request. */
int coordinator_section_read(struct json_object *tree, struct coordinator_section *ret, struct err *e);
void coordinator_section_clear(struct coordinator_section *s);
/* A sentence for each key that is unknown or has no effect. */
void coordinator_section_notes(struct json_object *tree, void (*note)(const char *sentence, void *arg),
			       void *arg);
/* The network configuration itself switches the plugin off: the agent need not be asked. */
bool coordinator_section_disabled(const struct coordinator_section *s);

void coordinator_answer_clear(struct coordinator_answer *a);

/* ---- what holds ---- */

enum coordinator_mode {
	COORDINATOR_AUTO,
	COORDINATOR_UNDERLAY,
	COORDINATOR_OVERLAY,
	COORDINATOR_DISABLE, /* then nothing else was looked at */
};

struct coordinator_route {
	struct ip_prefix dst; /* no host bits */
	struct ip gw;         /* same family */
};

struct coordinator_conf {
	enum coordinator_mode mode;
	char pod_nic[IFNAMSIZ];           /* podDefaultCniNic */
	char default_route_nic[IFNAMSIZ]; /* "": leave the default route where it is */
	bool tune_pod_routes;
	struct options_prefixes hijack; /* pods, services, others, in this order, none twice, no host bits */
	struct coordinator_route *routes; /* policyRoutes */
	size_t n_routes;
	uint32_t host_rule_table;
	int pod_rp_filter;     /* 0, 1, 2 or COORDINATOR_RP_LEAVE */
	uint32_t tx_queue_len; /* 0: leave */
	uint32_t veth_mtu;
	struct ip veth_link_address; /* IPv4, or version 0: none */
	bool has_mac_prefix;
	uint8_t mac_prefix[2];
	/* NICs that the pod's annotation asks Multus for, in the order in which they are added. */
	struct json_strv networks;
	bool networks_known; /* false: nobody told us the pod's annotations */
};

/* a may be NULL: no agent. annotations: see cni_pod_annotations(); may be NULL. */
int coordinator_conf_merge(const struct coordinator_section *s, const struct coordinator_answer *a,
			   const struct json_map *annotations, struct coordinator_conf *ret, struct err *e);
void coordinator_conf_clear(struct coordinator_conf *c);

/* DEL without a record must not fail for what an edit did to the configuration since: only what that needs is
 * read (mode, podDefaultCniNic, hostRuleTable), and what makes no sense counts as absent. Nothing has to be
 * released. */
void coordinator_conf_for_del(struct json_object *tree, const struct coordinator_answer *a,
			      struct coordinator_conf *ret);
/* The same for the section: stateDir and agentSocket, no log. */
int coordinator_section_read_essential(struct json_object *tree, struct coordinator_section *ret,
				       struct err *e);

#endif
