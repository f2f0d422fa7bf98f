/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - conf.yml of the ConfigMap, which agent and controller share
 *
 * Keys are those users have. What is documented but not done here is refused when it is asked for, rather
 * than ignored.
 */
#ifndef DAEMON_FILE_H
#define DAEMON_FILE_H

#include "base/err.h"
#include "base/log.h"
#include "json/json.h"

#define DAEMON_CONFIG_PATH "/tmp/spiderpool/config-map/conf.yml"
#define DAEMON_SOCKET      "/var/run/spidernet/spiderpool.sock"

struct daemon_inject {
	bool enabled;
	struct json_strv exclude, include; /* namespaces */
};
struct daemon_iaas {
	char *server_url;
	struct json_object *timeout, *eni_plugin;
};
struct daemon_plugin {
	struct json_object *network_resource;
};

/* Defaults are filled in. */
struct daemon_file {
	char *socket; /* absolute */
	bool enable_ipv4, enable_ipv6, enable_stateful_set, enable_kubevirt, enable_subnet, enable_auto_pool;
	bool conflict_detection, gateway_detection, clean_endpoints, deletion_webhook, tune_sysctls;
	struct json_int redundant, flexible; /* two names of one setting, which is ... */
	int64_t flexible_number; /* ... addresses more than replicas in a pool that is made for an application
				  */
	struct daemon_inject inject;
	struct daemon_iaas iaas;
	struct daemon_plugin agent;
};

extern const struct json_table daemon_file_table; /* all but flexible_number */

/* Code ERR_CONFIG. note() hears of keys that nobody knows; may be NULL. */
int daemon_file_read(const char *path, void (*note)(const char *sentence, void *arg), void *arg,
		     struct daemon_file *out, struct err *e);
void daemon_file_clear(struct daemon_file *f);

#endif
