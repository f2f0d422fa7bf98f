/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - what spiderpool-agent is told: arguments, the ConfigMap's file, the environment
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "daemon/environ.h"
#include "daemon/file.h"

struct agent_config {
	struct daemon_file file;

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

extern const struct daemon_variable agent_variables[];
extern const size_t agent_variables_n;

#endif
