/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - what spiderpool-controller is told, as a whole */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/own.h"

#define VAR(m, k, n, f, d, ...) \
	{ \
		.name = (n), .fallback = (f), .kind = DAEMON_##k, \
		.off = offsetof(struct controller_config, m), .doc = (d), __VA_ARGS__ \
	}
#define SECONDS .min = 1, .max = 86400
#define NUMBER  .min = 1, .max = INT32_MAX

const struct daemon_variable controller_variables[] = {
	VAR(log_level, LEVEL, "SPIDERPOOL_LOG_LEVEL", "info", "debug, info, warn, error, fatal or panic",
	    .filled = true),
	VAR(metrics, BOOL, "SPIDERPOOL_ENABLED_METRIC", "false", "serve metrics"),
	VAR(debug_metrics, BOOL, "SPIDERPOOL_ENABLED_DEBUG_METRIC", "false",
	    "without effect: those of each pool and subnet are always there"),
	VAR(metric_renew_s, NUMBER, "SPIDERPOOL_METRIC_RENEW_PERIOD", "120",
	    "without effect: metrics are counted when they are read", SECONDS),
	VAR(health_port, NUMBER, "SPIDERPOOL_HEALTH_PORT", "5720", "for probes and the HTTP API",
	    DAEMON_PORT),
	VAR(metrics_port, NUMBER, "SPIDERPOOL_METRIC_HTTP_PORT", "5721", "for metrics", DAEMON_PORT),
	VAR(webhook_port, NUMBER, "SPIDERPOOL_WEBHOOK_PORT", "5722", "for admission", DAEMON_PORT),
	VAR(gops_port, TEXT, "SPIDERPOOL_GOPS_LISTEN_PORT", "", "without effect"),
	VAR(profiler, TEXT, "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS", "",
	    "not supported: with a value the controller refuses to start"),
	VAR(ns, TEXT, "SPIDERPOOL_POD_NAMESPACE", NULL, "the controller's own pod", .filled = true),
	VAR(pod, TEXT, "SPIDERPOOL_POD_NAME", NULL, "the controller's own pod, its name in the election",
	    .filled = true),
	VAR(name, TEXT, "SPIDERPOOL_CONTROLLER_DEPLOYMENT_NAME", "spiderpool-controller",
	    "of the Deployment, the Service and both webhook configurations", .filled = true),
	VAR(lease_s, NUMBER, "SPIDERPOOL_LEADER_DURATION", "15", "another replica leads after so long",
	    SECONDS),
	VAR(renew_s, NUMBER, "SPIDERPOOL_LEADER_RENEW_DEADLINE", "10",
	    "a leader that could not renew for so long ends its work", SECONDS),
	VAR(retry_s, NUMBER, "SPIDERPOOL_LEADER_RETRY_PERIOD", "2", "between attempts", SECONDS),
	VAR(pool_max, NUMBER, "SPIDERPOOL_IPPOOL_MAX_ALLOCATED_IPS", "5000",
	    "records shown in a pool's `status.allocatedIPs`; more are given out", NUMBER),
	VAR(gc, BOOL, "SPIDERPOOL_GC_IP_ENABLED", "true", "free addresses whose owners have died"),
	VAR(gc_ready_nodes, BOOL, "SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_READY_NODE_ENABLED", "true",
	    "of pods that are overdue on a node that is ready"),
	VAR(gc_not_ready_nodes, BOOL, "SPIDERPOOL_GC_STATELESS_TERMINATING_POD_ON_NOT_READY_NODE_ENABLED",
	    "true", "of pods that are overdue on a node that is not ready"),
	VAR(gc_running_without_ip, BOOL, "SPIDERPOOL_GC_ENABLE_STATELESS_RUNNING_POD_ON_EMPTY_POD_STATUS_IPS",
	    "false", "of running pods without an address in their status"),
	VAR(gc_workers, NUMBER, "SPIDERPOOL_GC_IP_WORKER_NUM", "3", "pods looked at together", .min = 1,
	    .max = 64),
	VAR(gc_interval_s, NUMBER, "SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION", "600",
	    "between looks at everything", SECONDS),
	VAR(gc_delay_s, NUMBER, "SPIDERPOOL_GC_ADDITIONAL_GRACE_DELAY", "0",
	    "more seconds for a pod that is on its way out", .max = 86400),
	VAR(coordinator, BOOL, "SPIDERPOOL_COORDINATOR_ENABLED", "false", "keep SpiderCoordinator's status"),
	VAR(coordinator_name, TEXT, "SPIDERPOOL_COORDINATOR_DEAFULT_NAME", "default",
	    "of the SpiderCoordinator (the name is misspelt as users have it)", .filled = true),
	VAR(multus_config, BOOL, "SPIDERPOOL_MULTUS_CONFIG_ENABLED", "false",
	    "make NetworkAttachmentDefinitions of SpiderMultusConfigs"),
	VAR(cni_dir, TEXT, "SPIDERPOOL_CNI_CONFIG_DIR", "/etc/cni/net.d",
	    "where the CNI of the cluster is seen", .filled = true),
	VAR(cilium_config, TEXT, "SPIDERPOOL_CILIUM_CONFIGMAP_NAMESPACE_NAME", "kube-system/cilium-config",
	    "`namespace/name` of Cilium's ConfigMap", .filled = true),
	VAR(commit, TEXT, "GIT_COMMIT_VERSION", "", "without effect"),
	VAR(commit_time, TEXT, "GIT_COMMIT_TIME", "", "without effect"),
	VAR(version, TEXT, "VERSION", "", "without effect: the log says the version that was built"),
	VAR(kubeconfig, TEXT, "KUBECONFIG", "", "a file; otherwise what a pod is given"),
	VAR(kube_host, TEXT, "KUBERNETES_SERVICE_HOST", "", "the API server, unless KUBECONFIG is set"),
	VAR(kube_port, TEXT, "KUBERNETES_SERVICE_PORT", "", "its port"),
};
const size_t controller_variables_n = ARRAY_LEN(controller_variables);

const struct controller_unused controller_unused[] = {
	{ "SPIDERPOOL_LEADER_RETRY_GAP", "a lost election is followed by the next at once" },
	{ "SPIDERPOOL_GC_CHANNEL_BUFFER", "nothing is dropped" },
	{ "SPIDERPOOL_GC_MAX_PODENTRY_DB_CAP", "nothing is dropped" },
	{ "SPIDERPOOL_GC_TRACE_POD_GAP_DURATION", "each pod is looked at when it is due" },
	{ "SPIDERPOOL_GC_SIGNAL_TIMEOUT_DURATION", "nothing is dropped" },
	{ "SPIDERPOOL_GC_HTTP_REQUEST_TIME_GAP", "a request starts a look at once" },
	{ "SPIDERPOOL_GC_PODENTRY_MAX_RETRIES", "what failed is tried until it is done" },
	{ "SPIDERPOOL_SUBNET_INFORMER_RESYNC_PERIOD", "a watch that missed something lists again" },
	{ "SPIDERPOOL_SUBNET_INFORMER_WORKERS", "one worker a kind" },
	{ "SPIDERPOOL_SUBNET_INFORMER_MAX_WORKQUEUE_LENGTH", "each object waits once" },
	{ "SPIDERPOOL_SUBNET_APPLICATION_CONTROLLER_WORKERS", "one worker" },
	{ "SPIDERPOOL_IPPOOL_INFORMER_RESYNC_PERIOD", "a watch that missed something lists again" },
	{ "SPIDERPOOL_IPPOOL_INFORMER_WORKERS", "one worker a kind" },
	{ "SPIDERPOOL_AUTO_IPPOOL_HANDLER_MAX_WORKQUEUE_LENGTH", "each object waits once" },
	{ "SPIDERPOOL_WORKQUEUE_MAX_RETRIES", "what failed is tried until it is done" },
	{ "SPIDERPOOL_WORKQUEUE_RETRY_DELAY_DURATION", "pauses grow up to half a minute" },
	{ "SPIDERPOOL_COORDINATOR_INFORMER_RESYNC_PERIOD", "a watch that missed something lists again" },
	{ "SPIDERPOOL_MULTUS_CONFIG_INFORMER_RESYNC_PERIOD", "a watch that missed something lists again" },
};
const size_t controller_unused_n = ARRAY_LEN(controller_unused);

static void check(const struct controller_config *c, struct buf *wrong)
{
	const char *slash = strchr(c->cilium_config, '/');
	int64_t port;

	if (!slash || slash == c->cilium_config || !slash[1] || strchr(slash + 1, '/'))
		daemon_environ_bad(wrong, "SPIDERPOOL_CILIUM_CONFIGMAP_NAMESPACE_NAME", c->cilium_config,
				   "namespace/name");
	if (c->lease_s <= c->renew_s || c->renew_s <= c->retry_s)
		daemon_environ_bad(wrong, "SPIDERPOOL_LEADER_DURATION", "",
				   "more than SPIDERPOOL_LEADER_RENEW_DEADLINE, and that more than "
				   "SPIDERPOOL_LEADER_RETRY_PERIOD");
	if (!*c->kubeconfig && !*c->kube_host)
		daemon_environ_bad(wrong, "KUBERNETES_SERVICE_HOST", "",
				   "the API server's address, or KUBECONFIG");
	if (!*c->kubeconfig && !daemon_number(c->kube_port, 1, 65535, &port))
		daemon_environ_bad(wrong, "KUBERNETES_SERVICE_PORT", c->kube_port,
				   "the API server's port, or KUBECONFIG");
	if (*c->profiler)
		daemon_environ_bad(wrong, "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS", c->profiler,
				   "nothing, as this controller sends no profiles");
}

int controller_config_read(const char *path, char *const *envp, void (*note)(const char *sentence, void *arg),
			   void *arg, struct controller_config *out, struct err *e)
{
	CLEANUP(buf_clear) struct buf wrong = BUF_INIT(ERR_MSG_MAX * 4);
	int r = daemon_file_read(path, note, arg, &out->file, e);

	if (r < 0)
		return r;
	daemon_environ_read(controller_variables, controller_variables_n, envp, out, &wrong);
	if (!wrong.len && !wrong.err)
		check(out, &wrong);
	return daemon_environ_end(&wrong, e);
}

void controller_config_clear(struct controller_config *c)
{
	daemon_file_clear(&c->file);
	daemon_environ_clear(controller_variables, controller_variables_n, c);
}

/* ---- arguments ---- */

static const char usage[] =
	"usage: spiderpool-controller daemon [--config-path FILE] [--tls-server-cert FILE "
	"--tls-server-key FILE] (default " DAEMON_CONFIG_PATH ")";

/* Of "--name value" or "--name=value"; *i moves on. */
static bool take(int argc, char *const *argv, int *i, const char *name, const char **ret)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return false;
	if (argv[*i][n] == '=')
		*ret = argv[*i] + n + 1;
	else if (!argv[*i][n] && *i + 1 < argc)
		*ret = argv[++*i];
	else
		return false;
	return **ret;
}

int controller_config_args(int argc, char *const *argv, const char **ret_path, struct controller_config *out,
			   struct err *e)
{
	bool good = argc > 1 && strcmp(argv[1], "daemon") == 0;

	*ret_path = DAEMON_CONFIG_PATH;
	out->cert = out->key = "";
	for (int i = 2; i < argc && good; i++)
		good = take(argc, argv, &i, "--config-path", ret_path) ||
		       take(argc, argv, &i, "--tls-server-cert", &out->cert) ||
		       take(argc, argv, &i, "--tls-server-key", &out->key);
	if (!good || !*out->cert != !*out->key)
		return err_code(e, ERR_CONFIG, EINVAL, "%s", usage);
	return 0;
}
