/* SPDX-License-Identifier: Apache-2.0 */
/* section.h - the "ipam" section of a network configuration: one table for the plugin, the operator's tool
 * and the reference page
 */
#ifndef IPAM_SECTION_H
#define IPAM_SECTION_H

#include <stdbool.h>

#include "base/err.h"
#include "ipam/ipam.h"
#include "json/json.h"

#define SECTION_SOCKET   "/var/run/spidernet/spiderpool.sock"
#define SECTION_LOG_FILE "/var/log/spidernet/spiderpool.log"

struct ipam_section {
	char *type, *datastore;
	/* both datastores */
	char *log_level, *log_file_path;
	struct json_object *log_file_max_size, *log_file_max_age,
		*log_file_max_count; /* numbers, or such in quotes */
	struct json_strv default_ipv4_ippool, default_ipv6_ippool;
	bool clean_gateway, match_master_subnet;
	char *ipam_unix_socket_path;
	/* datastore local */
	char *state_dir, *durability, *node_name;
	struct json_map node_labels;
	bool keep_ip_by_pod_name;
	struct json_int cooldown_seconds, quarantine_seconds, timeout_seconds;
	bool enable_ip_conflict_detection, enable_gateway_detection;
	struct json_int detect_probes, detect_interval_ms, detect_timeout_ms;

	/* the log file numbers, read */
	int64_t log_max_size, log_max_age, log_max_count;
};

extern const struct json_table ipam_section_table;

/* Defaults are filled in; code ERR_CONFIG names the key. Unknown keys are told to unknown(): configurations
 * made for other versions keep working. section NULL is an error. */
int ipam_section_read(struct json_object *section, struct ipam_section *ret,
		      void (*unknown)(const char *path, void *arg), void *arg, struct err *e);
/* The same for DEL, which must not fail for what an edit did to the configuration since ADD: only the
 * datastore, its place and its timeout are read; the log goes nowhere. */
int ipam_section_read_essential(struct json_object *section, struct ipam_section *ret, struct err *e);
void ipam_section_clear(struct ipam_section *s);
bool ipam_section_is_local(const struct ipam_section *s);
/* What the engine is to do; points into s. */
struct ipam_conf ipam_section_conf(const struct ipam_section *s);

#endif
