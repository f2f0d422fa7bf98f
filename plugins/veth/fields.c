/* SPDX-License-Identifier: Apache-2.0 */
/* fields.c - the keys of veth's configuration */
#include "conf.h"

#define TEXT(n)  TEXT_(n)
#define TEXT_(n) #n

static const struct json_field rp_filter_fields[] = {
	JF(struct veth_rp_filter, set_host, "set_host",
	   .doc = "also on the node, for all its interfaces; is not put back when the pod is gone"),
	JF(struct veth_rp_filter, value, "value",
	   .doc = "0 off, 1 strict, 2 loose. Without it 2 when `set_host` is true, else 0"),
};
static const struct json_table rp_filter_table =
	JSON_TABLE(struct veth_rp_filter, "rp_filter", rp_filter_fields);

static const struct json_field ip_conflict_fields[] = {
	JF(struct veth_ip_conflict, enabled, "enabled",
	   .doc = "ask the network whether somebody else has an address of the pod, before anything is changed; "
		  "ADD fails if so"),
	JF(struct veth_ip_conflict, interval, "interval",
	   .doc = "time for an answer to one question, as Go writes it: `1s`, `300ms`; default 1s"),
	JF(struct veth_ip_conflict, retries, "retries",
	   .doc = "questions before silence counts, at most " TEXT(
		   VETH_RETRIES_MAX) "; default 3, also for 0 and less"),
};
static const struct json_table ip_conflict_table =
	JSON_TABLE(struct veth_ip_conflict, "ip_conflict", ip_conflict_fields);

static const struct json_field log_fields[] = {
	JF(struct options_log, level, "log_level",
	   .doc = "debug, info, warn, error, fatal or panic, in any case; default info, also for any other "
		  "word"),
	JF(struct options_log, file, "log_file",
	   .doc = "below /var/log, or below `state_dir` with a name that ends in .log; default " VETH_LOG_FILE),
	JF(struct options_log, max_size, "log_max_size",
	   .doc = "MB before it is rotated, a number, also in quotes; default 100"),
	JF(struct options_log, max_age, "log_max_age",
	   .doc = "days a rotated file is kept, 0 for ever; default 5"),
	JF(struct options_log, max_count, "log_max_count", .doc = "rotated files kept, 0 all; default 5"),
};
const struct json_table veth_log_table = JSON_TABLE(struct options_log, "log_options", log_fields);

#define C struct veth_conf
static const struct json_field conf_fields[] = {
	JF(C, service_hijack_subnet, "service_hijack_subnet",
	   .doc = "prefixes of clusterIPs, reached through the node. Required, unless `only_op_mac`"),
	JF(C, overlay_hijack_subnet, "overlay_hijack_subnet",
	   .doc = "prefixes of the overlay pods, reached through the node. Required, unless `only_op_mac`"),
	JF(C, additional_hijack_subnet, "additional_hijack_subnet",
	   .doc = "more prefixes that are reached through the node"),
	JF(C, migrate_route, "migrate_route",
	   .doc = "routes of a further NIC go into a table of its own, and what is sent from its addresses looks "
		  "there: 1 always; 0 never; -1 if its name comes behind that of the NIC with the default route "
		  "(net10 behind net2). Default -1, also for any other number"),
	JP(C, rp_filter_text, "rp_filter", &rp_filter_table,
	   .doc = "reverse path filter in the pod; without it `{\"set_host\": true, \"value\": 2}`"),
	JF(C, skip_call, "skip_call", .doc = "do nothing"),
	JF(C, only_op_mac, "only_op_mac", .doc = "only set the MAC by `mac_prefix`"),
	JF(C, mac_prefix_text, "mac_prefix",
	   .doc = "first two bytes of the NIC's MAC, for example 0a:1b; the other four come from its address. "
		  "Without it the MAC stays"),
	JS(C, ip_conflict, "ip_conflict", &ip_conflict_table, .doc = "detection of addresses in use"),
	JS(C, log_options, "log_options", &veth_log_table, .doc = "the log of this plugin"),
	JF(C, state_dir, "state_dir",
	   .doc = "where it is written down what was done to a pod, cleared by a reboot; default " VETH_STATE_DIR),
};
const struct json_table veth_conf_table = JSON_TABLE(struct veth_conf, "veth", conf_fields);
