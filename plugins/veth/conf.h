/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - what veth is told to do
 *
 * Errors have the code ERR_CONFIG and name the key, the value and what is wanted.
 */
#ifndef VETH_CONF_H
#define VETH_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "json/json.h"
#include "podnet/options.h"

#define VETH_STATE_DIR    "/run/spiderpool"
#define VETH_LOG_FILE     "/var/log/meta-plugins/veth.log"
#define VETH_MTU          1500
#define VETH_PREFIXES_MAX 1024
#define VETH_RETRIES_MAX  1000

enum veth_migrate { VETH_MIGRATE_AUTO = -1, VETH_MIGRATE_NEVER, VETH_MIGRATE_ALWAYS };

struct veth_rp_filter {
	bool set_host;
	struct json_int value;
};
struct veth_ip_conflict {
	bool enabled;
	char *interval;
	struct json_int retries;
};

/* As written, and below what holds. */
struct veth_conf {
	struct json_strv service_hijack_subnet, overlay_hijack_subnet, additional_hijack_subnet;
	struct json_int migrate_route;
	struct veth_rp_filter *rp_filter_text;
	struct json_bool skip_call, only_op_mac;
	char *mac_prefix_text;
	struct veth_ip_conflict ip_conflict;
	struct options_log log_options;
	char *state_dir; /* never NULL after reading */

	struct log_conf log; /* ready for log_init(); points into this struct */
	bool skip;           /* then nothing below was looked at */
	bool only_mac, has_mac_prefix;
	uint8_t mac_prefix[2];
	struct options_prefixes hijack; /* services, overlay pods, others; none twice, no host bits */
	enum veth_migrate migrate;
	bool rp_filter_on_host;
	int rp_filter;       /* 0, 1, 2 */
	int64_t interval_ms; /* of ip_conflict */
	int retries;
};
extern const struct json_table veth_conf_table, veth_log_table;

/* tree is the whole request. note gets a sentence for each value that is replaced and each key that is not
 * known, after r->log is ready: call veth_conf_notes() then. */
int veth_conf_read(struct json_object *tree, struct veth_conf *ret, struct err *e);
/* What DEL needs must not fail for what an edit did to the configuration since: state_dir, no log. */
int veth_conf_read_essential(struct json_object *tree, struct veth_conf *ret, struct err *e);
void veth_conf_clear(struct veth_conf *c);
/* A sentence for each key that is unknown and each value that another one was taken for. */
void veth_conf_notes(const struct veth_conf *c, struct json_object *tree,
		     void (*note)(const char *sentence, void *arg), void *arg);

/* Go's: "1s", "300ms", "1m30s", "1.5h"; at least a millisecond. -EINVAL when it is none. */
int veth_duration(const char *text, int64_t *ret_ms);

#endif
