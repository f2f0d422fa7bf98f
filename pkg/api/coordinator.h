/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.h - SpiderCoordinator: what the coordinator does in every pod whose network says nothing else
 *
 * Pure, as api.h; the same spec is a part of SpiderMultusConfig (multus.h), where it speaks for one network.
 * Release with json_clear() and the table.
 */
#ifndef API_COORDINATOR_H
#define API_COORDINATOR_H

#include "api/api.h"

#define API_COORDINATOR_KIND   "SpiderCoordinator"
#define API_COORDINATOR_ROUTES 1024 /* of hijackCIDR, and of policyRoutes: what the plugin takes */

struct api_coordinator_spec {
	char *mode, *pod_cidr_type;
	struct json_strv hijack_cidr;
	JSON_LIST(struct api_route) policy_routes;
	char *pod_mac_prefix;
	struct json_bool tune_pod_routes;
	char *pod_default_route_nic;
	struct json_int host_rule_table, pod_rp_filter, tx_queue_len;
	char *veth_link_address;
	struct json_int veth_mtu;
};

struct api_coordinator_status {
	char *phase, *reason;
	struct json_strv overlay_pod_cidr, service_cidr;
};

struct api_coordinator {
	struct api_object obj;
	struct api_coordinator_spec spec;
	struct api_coordinator_status status;
};

extern const struct json_table api_coordinator_table, api_coordinator_spec_table,
	api_coordinator_status_table;

/* What the mutating webhook does: finalizer and defaults; addresses of hijackCIDR and policyRoutes become
 * prefixes. Wrong values stay for validation; an object that is being deleted is left alone. Only -ENOMEM. */
int api_coordinator_default(struct api_coordinator *c, struct err *e);
/* Create and update alike (nothing is immutable, and a delete is never refused): "SpiderCoordinator NAME:
 * spec.field: ...", -EINVAL, code ERR_CONFIG. */
int api_coordinator_validate(const struct api_coordinator *c, struct err *e);

/* The rules of the spec alone: a sentence that starts at "AT.field", at is "spec" or "spec.coordinator".
 * in_multus: podCIDRType and podRPFilter may be absent. */
int api_coordinator_check(const struct api_coordinator_spec *s, const char *at, bool in_multus,
			  struct err *e);
/* Addresses without a length become /32 and /128. */
int api_coordinator_normalize(struct api_coordinator_spec *s, struct err *e);

#endif
