/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - what spiderpool-controller is told: arguments, the ConfigMap's file, the environment
 *
 * Keys and variables are those users have (spec: docs/reference/controller.md).
 */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H

#include "daemon/environ.h"
#include "daemon/file.h"

struct controller_config {
	struct daemon_file file;

	/* The environment. No string is NULL. */
	enum log_level log_level;
	bool metrics, debug_metrics;
	int64_t metric_renew_s;
	int64_t health_port, metrics_port, webhook_port;
	char *ns, *pod; /* where we run */
	int64_t lease_s, renew_s, retry_s;
	int64_t pool_max; /* records published in a pool's status.allocatedIPs */
	bool gc, gc_ready_nodes, gc_not_ready_nodes, gc_running_without_ip;
	int64_t gc_workers, gc_interval_s, gc_delay_s;
	bool coordinator, multus_config;
	char *coordinator_name, *cni_dir, *cilium_config, *name; /* of our Deployment and Service */
	char *kubeconfig, *kube_host, *kube_port;
	char *gops_port, *profiler, *commit, *commit_time, *version; /* refused, or without effect */

	/* Arguments */
	const char *cert, *key; /* files; "": the controller makes its own */
};

/* "daemon", then maybe --config-path FILE, --tls-server-cert FILE, --tls-server-key FILE (also as --x=y). */
int controller_config_args(int argc, char *const *argv, const char **ret_path, struct controller_config *out,
			   struct err *e);
/* As agent_config_read(); leaves what the arguments have set alone. */
int controller_config_read(const char *path, char *const *envp, void (*note)(const char *sentence, void *arg),
			   void *arg, struct controller_config *out, struct err *e);
void controller_config_clear(struct controller_config *c);

extern const struct daemon_variable controller_variables[];
extern const size_t controller_variables_n;

/* What users may have set, and needs no setting here. */
struct controller_unused {
	const char *name, *why;
};
extern const struct controller_unused controller_unused[];
extern const size_t controller_unused_n;

#endif
