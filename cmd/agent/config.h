/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - what spiderpool-agent is told: arguments, the ConfigMap's file, the environment
 *
 * Keys and variables are those users have. What is documented but not done here is refused when it is asked
 * for, rather than ignored.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "base/err.h"
#include "base/log.h"
#include "json/json.h"

#define AGENT_CONFIG_PATH "/tmp/spiderpool/config-map/conf.yml"
#define AGENT_SOCKET      "/var/run/spidernet/spiderpool.sock"

struct agent_inject {
	bool enabled;
	struct json_strv exclude, include; /* namespaces */
};
struct agent_iaas {
	char *server_url;
	struct json_object *timeout, *eni_plugin;
};
struct agent_plugin {
	struct json_object *network_resource;
};

/* The file. Defaults are filled in. */
struct agent_file {
	char *socket; /* absolute */
	bool enable_ipv4, enable_ipv6, enable_stateful_set, enable_kubevirt, enable_subnet, enable_auto_pool;
	bool conflict_detection, gateway_detection, clean_endpoints, deletion_webhook, tune_sysctls;
	struct json_int redundant, flexible; /* two names of one setting: see agent_config.flexible_number */
	struct agent_inject inject;          /* the controller's */
	struct agent_iaas iaas;
	struct agent_plugin agent;
};

struct agent_config {
	struct agent_file file;
	int64_t flexible_number; /* addresses more than replicas in a pool that is made for an application */

	/* The environment. No string is NULL. */
	enum log_level log_level;
	bool metrics, debug_metrics, rdma_metrics;
	char *ns, *pod, *node; /* where we run */
	int64_t health_port, metrics_port;
	bool release_conflicts;
	int64_t pool_max; /* addresses given out of one pool */
	int64_t wait_pool_s, wait_pool_tries;
	char *cluster_network; /* "namespace/name"; "": not known */
	char *commit, *commit_time, *version;
	char *state_dir;
	char *kubeconfig; /* "": what a pod is given, which is the next two */
	char *kube_host, *kube_port;
	int64_t cooldown_s, quarantine_s;
	char *profiler, *gops_port; /* refused, ignored */
};

/* "daemon", then maybe --config-path FILE or --config-path=FILE. *ret_path is lent. -EINVAL says the usage.
 */
int agent_config_args(int argc, char *const *argv, const char **ret_path, struct err *e);
/* Code ERR_CONFIG for what is wrong with the file, ERR_ENV for the environment: one sentence names all bad
 * variables. note() hears of keys nobody knows and settings without effect; may be NULL. */
int agent_config_read(const char *path, char *const *envp, void (*note)(const char *sentence, void *arg),
		      void *arg, struct agent_config *out, struct err *e);
void agent_config_clear(struct agent_config *c);

/* ---- what there is, for the reference page ---- */

extern const struct json_table agent_file_table;

struct agent_variable {
	const char *name, *fallback; /* what holds when it is not set; NULL: it must be */
	enum { AGENT_TEXT, AGENT_BOOL, AGENT_NUMBER, AGENT_LEVEL } kind;
	size_t off;
	int64_t min, max;
	bool filled; /* may not be empty */
	const char *doc;
};
extern const struct agent_variable agent_variables[];
extern const size_t agent_variables_n;

#endif
