/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - what spiderpool-agent is told, as a whole */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/ipam.h"

#define STATE_DIR "/var/lib/spiderpool"

#define VAR(m, k, n, f, d, ...) \
	{ \
		.name = (n), .fallback = (f), .kind = DAEMON_##k, .off = offsetof(struct agent_config, m), \
		.doc = (d), __VA_ARGS__ \
	}

const struct daemon_variable agent_variables[] = {
	VAR(log_level, LEVEL, "SPIDERPOOL_LOG_LEVEL", "info", "debug, info, warn, error, fatal or panic",
	    .filled = true),
	VAR(metrics, BOOL, "SPIDERPOOL_ENABLED_METRIC", "false", "serve metrics"),
	VAR(debug_metrics, BOOL, "SPIDERPOOL_ENABLED_DEBUG_METRIC", "false",
	    "without effect: there are no more"),
	VAR(rdma_metrics, BOOL, "SPIDERPOOL_ENABLED_RDMA_METRIC", "false",
	    "not supported: with true the agent refuses to start"),
	VAR(ns, TEXT, "SPIDERPOOL_POD_NAMESPACE", NULL, "the agent's own pod", .filled = true),
	VAR(pod, TEXT, "SPIDERPOOL_POD_NAME", NULL, "the agent's own pod", .filled = true),
	VAR(node, TEXT, "SPIDERPOOL_NODE_NAME", NULL, "the node whose pods are served", .filled = true),
	VAR(health_port, NUMBER, "SPIDERPOOL_HEALTH_PORT", "5710", "for probes", DAEMON_PORT),
	VAR(metrics_port, NUMBER, "SPIDERPOOL_METRIC_HTTP_PORT", "5711", "for metrics", DAEMON_PORT),
	VAR(gops_port, TEXT, "SPIDERPOOL_GOPS_LISTEN_PORT", "", "without effect"),
	VAR(profiler, TEXT, "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS", "",
	    "not supported: with a value the agent refuses to start"),
	VAR(release_conflicts, BOOL, "SPIDERPOOL_ENABLED_RELEASE_CONFLICT_IPS", "true",
	    "with the Go plugin: addresses that it found in use are given back", .filled = true),
	VAR(pool_max, NUMBER, "SPIDERPOOL_IPPOOL_MAX_ALLOCATED_IPS", "5000",
	    "without effect: a pool gives out all that it has", .min = 1, .max = INT32_MAX, .filled = true),
	VAR(wait_pool_s, NUMBER, "SPIDERPOOL_WAIT_SUBNET_POOL_TIME_IN_SECOND", "2",
	    "without effect: an application's pool is used as soon as it is there", .min = 1, .max = 3600),
	VAR(wait_pool_tries, NUMBER, "SPIDERPOOL_WAIT_SUBNET_POOL_MAX_RETRIES", "25",
	    "without effect: the call waits for the pool until its own time is over", .max = 100000),
	VAR(cluster_network, TEXT, "MULTUS_CLUSTER_NETWORK", "",
	    "`namespace/name` of the network that Multus gives to eth0"),
	VAR(commit, TEXT, "GIT_COMMIT_VERSION", "", "without effect"),
	VAR(commit_time, TEXT, "GIT_COMMIT_TIME", "", "without effect"),
	VAR(version, TEXT, "VERSION", "", "without effect: the log says the version that was built"),
	VAR(state_dir, TEXT, "SPIDERPOOL_STATE_DIR", STATE_DIR,
	    "what the node must not forget; made with mode 0700; plugins look below `" STATE_DIR "`"),
	VAR(kubeconfig, TEXT, "KUBECONFIG", "", "a file; otherwise what a pod is given"),
	VAR(kube_host, TEXT, "KUBERNETES_SERVICE_HOST", "", "the API server, unless KUBECONFIG is set"),
	VAR(kube_port, TEXT, "KUBERNETES_SERVICE_PORT", "", "its port"),
	VAR(cooldown_s, NUMBER, "SPIDERPOOL_COOLDOWN_SECONDS", "60",
	    "a freed address rests this long while others are left", .max = IPAM_COOLDOWN_MAX_S),
	VAR(quarantine_s, NUMBER, "SPIDERPOOL_QUARANTINE_SECONDS", "3600",
	    "an address somebody else was seen using is left alone this long", .min = 1, .max = 31536000),
};
const size_t agent_variables_n = ARRAY_LEN(agent_variables);

struct reading {
	void (*note)(const char *sentence, void *arg);
	void *arg;
	struct agent_config *c;
};

static void tell_gops(const struct reading *r)
{
	char text[ERR_MSG_MAX];

	(void)snprintf(
		text, sizeof(text),
		"SPIDERPOOL_GOPS_LISTEN_PORT is %.64s: it has no effect, there is nothing of gops here",
		r->c->gops_port);
	if (r->note)
		r->note(text, r->arg);
}

static bool is_network(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash && slash > s && slash[1] && !strchr(slash + 1, '/');
}

static void check_env(const struct reading *r, struct buf *wrong)
{
	const struct agent_config *c = r->c;
	int64_t port;

	if (*c->cluster_network && !is_network(c->cluster_network))
		daemon_environ_bad(wrong, "MULTUS_CLUSTER_NETWORK", c->cluster_network, "namespace/name");
	if (*c->state_dir != '/')
		daemon_environ_bad(wrong, "SPIDERPOOL_STATE_DIR", c->state_dir, "an absolute path");
	if (!*c->kubeconfig && !*c->kube_host)
		daemon_environ_bad(wrong, "KUBERNETES_SERVICE_HOST", "",
				   "the API server's address, or KUBECONFIG");
	if (!*c->kubeconfig && !daemon_number(c->kube_port, 1, 65535, &port))
		daemon_environ_bad(wrong, "KUBERNETES_SERVICE_PORT", c->kube_port,
				   "the API server's port, or KUBECONFIG");
	if (c->rdma_metrics)
		daemon_environ_bad(wrong, "SPIDERPOOL_ENABLED_RDMA_METRIC", "true",
				   "false, as this agent has no RDMA metrics");
	if (*c->profiler)
		daemon_environ_bad(wrong, "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS", c->profiler,
				   "nothing, as this agent sends no profiles");
	if (*c->gops_port)
		tell_gops(r);
}

static int read_env(struct reading *r, char *const *envp, struct err *e)
{
	CLEANUP(buf_clear) struct buf wrong = BUF_INIT(ERR_MSG_MAX * 4);

	daemon_environ_read(agent_variables, agent_variables_n, envp, r->c, &wrong);
	if (!wrong.len && !wrong.err)
		check_env(r, &wrong);
	return daemon_environ_end(&wrong, e);
}

void agent_config_clear(struct agent_config *c)
{
	daemon_file_clear(&c->file);
	daemon_environ_clear(agent_variables, agent_variables_n, c);
	*c = (struct agent_config){ 0 };
}

int agent_config_read(const char *path, char *const *envp, void (*note)(const char *sentence, void *arg),
		      void *arg, struct agent_config *out, struct err *e)
{
	struct reading r = { .note = note, .arg = arg, .c = out };
	int ret;

	*out = (struct agent_config){ 0 };
	ret = daemon_file_read(path, note, arg, &out->file, e);
	if (ret == 0)
		ret = read_env(&r, envp, e);
	if (ret < 0)
		agent_config_clear(out);
	return ret;
}

int agent_config_args(int argc, char *const *argv, const char **ret_path, struct err *e)
{
	static const char flag[] = "--config-path";
	const size_t n = sizeof(flag) - 1;

	*ret_path = DAEMON_CONFIG_PATH;
	if (argc == 2 && strcmp(argv[1], "daemon") == 0)
		return 0;
	if (argc == 4 && strcmp(argv[1], "daemon") == 0 && strcmp(argv[2], flag) == 0 && *argv[3]) {
		*ret_path = argv[3];
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "daemon") == 0 && strncmp(argv[2], flag, n) == 0 &&
	    argv[2][n] == '=' && argv[2][n + 1]) {
		*ret_path = argv[2] + n + 1;
		return 0;
	}
	return err_code(e, ERR_CONFIG, EINVAL,
			"usage: spiderpool-agent daemon [--config-path FILE] (default " DAEMON_CONFIG_PATH
			")");
}
