/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_config.c - the agent's file, environment and arguments: what holds, and every sentence */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A part of the agent, not of the library. */
#include "../../cmd/agent/config.c"

static char path[64], said[2048];
static struct err err;

static void note(const char *sentence, void *arg)
{
	assert_ptr_equal(arg, said);
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", sentence);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/agent-config-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* Variables that must be there, then up to two of a row's: of two that are the same the first counts. */
#define NEEDED \
	"SPIDERPOOL_POD_NAMESPACE=kube-system", "SPIDERPOOL_POD_NAME=agent-x", "SPIDERPOOL_NODE_NAME=n1", \
		"KUBERNETES_SERVICE_HOST=10.0.0.1", "KUBERNETES_SERVICE_PORT=443"
#define V4 "enableIPv4: true\n"

static int read_with(const char *text, const char *one, const char *two, struct agent_config *c)
{
	const char *env[] = { one ? one : "X=1", two ? two : "Y=2", NEEDED, NULL };
	FILE *f = fopen(path, "w");

	said[0] = '\0';
	fputs(text, f);
	fclose(f);
	memset(c, 0x55, sizeof(*c));
	return agent_config_read(path, (char *const *)env, note, said, c, &err);
}

static void test_defaults(void **state)
{
	struct agent_config c;

	(void)state;
	if (read_with(V4, NULL, NULL, &c) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(said, "");
	assert_string_equal(c.file.socket, "/var/run/spidernet/spiderpool.sock");
	assert_true(c.file.enable_ipv4);
	assert_false(c.file.enable_ipv6 || c.file.enable_stateful_set || c.file.enable_kubevirt ||
		     c.file.enable_subnet || c.file.enable_auto_pool || c.file.conflict_detection ||
		     c.file.gateway_detection || c.file.clean_endpoints || c.file.deletion_webhook ||
		     c.file.tune_sysctls || c.file.inject.enabled);
	assert_int_equal(c.file.flexible_number, 0);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_false(c.metrics || c.debug_metrics || c.rdma_metrics);
	assert_string_equal(c.ns, "kube-system");
	assert_string_equal(c.pod, "agent-x");
	assert_string_equal(c.node, "n1");
	assert_int_equal(c.health_port, 5710);
	assert_int_equal(c.metrics_port, 5711);
	assert_true(c.release_conflicts);
	assert_int_equal(c.pool_max, 5000);
	assert_int_equal(c.wait_pool_s, 2);
	assert_int_equal(c.wait_pool_tries, 25);
	assert_string_equal(c.cluster_network, "");
	assert_string_equal(c.state_dir, "/var/lib/spiderpool");
	assert_string_equal(c.kubeconfig, "");
	assert_string_equal(c.kube_host, "10.0.0.1");
	assert_string_equal(c.kube_port, "443");
	assert_int_equal(c.cooldown_s, 60);
	assert_int_equal(c.quarantine_s, 3600);
	agent_config_clear(&c);
	agent_config_clear(&c);
}

static void test_all_keys(void **state)
{
	static const char text[] =
		"ipamUnixSocketPath: /run/x.sock\nenableIPv4: true\nenableIPv6: true\nenableStatefulSet: true\n"
		"enableKubevirtStaticIP: true\nenableSpiderSubnet: true\nenableAutoPoolForApplication: true\n"
		"clusterSubnetAutoPoolDefaultRedundantIPNumber: 3\nclusterSubnetDefaultFlexibleIPNumber: 3\n"
		"enableIPConflictDetection: true\nenableGatewayDetection: true\n"
		"enableCleanOutdatedEndpoint: true\nenableValidatingResourcesDeletedWebhook: true\n"
		"tuneSysctlConfig: true\npodResourceInject:\n  enabled: true\n  namespacesExclude: [a, b]\n"
		"  namespacesInclude: []\niaasNetworkProvider:\n  serverUrl: \"\"\n  httpRequestTimeout: 30s\n"
		"  eniDevPlugin: {enabled: false, maxSlotsPerNode: 10}\n"
		"agent:\n  networkResourcePlugin: {enabled: false, kubeletRootDir: /var/lib/kubelet}\n";
	struct agent_config c;

	(void)state;
	if (read_with(text, NULL, NULL, &c) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(said, "");
	assert_string_equal(c.file.socket, "/run/x.sock");
	assert_true(c.file.enable_ipv4 && c.file.enable_ipv6 && c.file.enable_stateful_set &&
		    c.file.enable_kubevirt && c.file.enable_subnet && c.file.enable_auto_pool &&
		    c.file.conflict_detection && c.file.gateway_detection && c.file.clean_endpoints &&
		    c.file.deletion_webhook && c.file.tune_sysctls && c.file.inject.enabled);
	assert_int_equal(c.file.flexible_number, 3);
	assert_int_equal(c.file.inject.exclude.n, 2);
	agent_config_clear(&c);
}

static void test_file(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *want; /* a part of the sentence or of the notes */
	} rows[] = {
		{ V4 "clusterSubnetDefaultFlexibleIPNumber: 1\n", 1, "" },
		{ V4 "clusterSubnetAutoPoolDefaultRedundantIPNumber: 1\n", 1, "" },
		{ V4 "iaasNetworkProvider: null\nagent: {}\n", 0, "" },
		{ V4 "enableIPV6: true\n", 0, "key enableIPV6 is not known, it has no effect" },
		{ V4 "podResourceInject: {enable: true}\n", 0, "key podResourceInject.enable is not known" },
		{ "", -EINVAL, "enableIPv4 and enableIPv6 are both false: set one of them to true" },
		{ "enableIPv6: false\n", -EINVAL, "both false" },
		{ "enableIPv4: \"true\"\n", -EINVAL, "enableIPv4: want" },
		{ "enableIPv4: 1\n", -EINVAL, "enableIPv4: want" },
		{ V4 "---\n" V4, -EINVAL, ":3: a second document: want one" },
		{ "- a\n", -EINVAL, "want an object" },
		{ "a: [\n", -EINVAL, ":2:" },
		{ V4 "ipamUnixSocketPath: x.sock\n", -EINVAL, "want an absolute path of at most 100 bytes" },
		{ V4 "clusterSubnetDefaultFlexibleIPNumber: -1\n", -EINVAL, "0 to 65535" },
		{ V4 "clusterSubnetDefaultFlexibleIPNumber: 1\n"
		     "clusterSubnetAutoPoolDefaultRedundantIPNumber: 0\n",
		  -EINVAL, "they are the same setting, keep one" },
		{ V4 "iaasNetworkProvider: {serverUrl: \"http://x\"}\n", -ENOTSUP,
		  "iaasNetworkProvider.serverUrl is set: this Spiderpool cannot do that: leave it out" },
		{ V4 "iaasNetworkProvider: {eniDevPlugin: {enabled: true}}\n", -ENOTSUP,
		  "iaasNetworkProvider.eniDevPlugin.enabled is true: this Spiderpool cannot" },
		{ V4 "agent: {networkResourcePlugin: {enabled: true}}\n", -ENOTSUP,
		  "agent.networkResourcePlugin.enabled is true: this Spiderpool cannot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct agent_config c;
		int r = read_with(rows[i].text, NULL, NULL, &c);
		const char *got = r < 0 ? err.msg : said;

		if (r != (rows[i].r < 0 ? rows[i].r : 0) || !strstr(got, rows[i].want) ||
		    (r < 0 && (!strstr(got, path) || *said)) || (r == 0 && !*rows[i].want && *got))
			fail_msg("row %zu: %d %s, want %s", i, r, got, rows[i].want);
		if (r == 0 && c.file.flexible_number != rows[i].r)
			fail_msg("row %zu: %lld", i, (long long)c.file.flexible_number);
		if (r == 0)
			agent_config_clear(&c);
		assert_null(c.file.socket);
	}
}

/* One variable each; a value that holds, or a sentence. */
static void test_variables(void **state)
{
#define MISSING(v) "environment: " v " is missing or empty: want "
	static const struct {
		const char *set, *want; /* want NULL: it holds */
	} rows[] = {
		{ "SPIDERPOOL_LOG_LEVEL=DEBUG", NULL },
		{ "SPIDERPOOL_LOG_LEVEL= warn ", NULL },
		{ "SPIDERPOOL_LOG_LEVEL=", MISSING("SPIDERPOOL_LOG_LEVEL") "debug, info, " },
		{ "SPIDERPOOL_LOG_LEVEL=loud",
		  "LOG_LEVEL: want debug, info, warn, error, fatal or panic, got "
		  "\"loud\"" },
		{ "SPIDERPOOL_ENABLED_METRIC=T", NULL },
		{ "SPIDERPOOL_ENABLED_METRIC=", NULL },
		{ "SPIDERPOOL_ENABLED_METRIC=yes", "ENABLED_METRIC: want true or false, got \"yes\"" },
		{ "SPIDERPOOL_ENABLED_RDMA_METRIC=false", NULL },
		{ "SPIDERPOOL_ENABLED_RDMA_METRIC=1", "want false, as this agent has no RDMA metrics" },
		{ "SPIDERPOOL_POD_NAMESPACE= ", MISSING("SPIDERPOOL_POD_NAMESPACE") },
		{ "SPIDERPOOL_POD_NAME=", MISSING("SPIDERPOOL_POD_NAME") },
		{ "SPIDERPOOL_NODE_NAME=", MISSING("SPIDERPOOL_NODE_NAME") "the node whose pods" },
		{ "SPIDERPOOL_HEALTH_PORT=", MISSING("SPIDERPOOL_HEALTH_PORT") "a whole number, 1 to 65535" },
		{ "SPIDERPOOL_HEALTH_PORT=0", "want a whole number, 1 to 65535, got \"0\"" },
		{ "SPIDERPOOL_METRIC_HTTP_PORT=65535", NULL },
		{ "SPIDERPOOL_METRIC_HTTP_PORT=65536", "got \"65536\"" },
		{ "SPIDERPOOL_METRIC_HTTP_PORT=+1", "got \"+1\"" },
		{ "SPIDERPOOL_IPPOOL_MAX_ALLOCATED_IPS=99999999999999999999", "1 to 2147483647" },
		{ "SPIDERPOOL_ENABLED_RELEASE_CONFLICT_IPS=",
		  MISSING("SPIDERPOOL_ENABLED_RELEASE_CONFLICT_IPS") },
		{ "SPIDERPOOL_WAIT_SUBNET_POOL_TIME_IN_SECOND=", NULL },
		{ "SPIDERPOOL_WAIT_SUBNET_POOL_TIME_IN_SECOND=2s", "got \"2s\"" },
		{ "SPIDERPOOL_WAIT_SUBNET_POOL_MAX_RETRIES=-1", "got \"-1\"" },
		{ "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS=http://p",
		  "sends no profiles, got \"http://p\"" },
		{ "MULTUS_CLUSTER_NETWORK=kube-system/macvlan", NULL },
		{ "MULTUS_CLUSTER_NETWORK=macvlan", "want namespace/name, got \"macvlan\"" },
		{ "MULTUS_CLUSTER_NETWORK=a/b/c", "want namespace/name" },
		{ "MULTUS_CLUSTER_NETWORK=/b", "want namespace/name" },
		{ "SPIDERPOOL_STATE_DIR=x", "STATE_DIR: want an absolute path, got \"x\"" },
		{ "SPIDERPOOL_COOLDOWN_SECONDS=0", NULL },
		{ "SPIDERPOOL_COOLDOWN_SECONDS=86401", "0 to 86400" },
		{ "SPIDERPOOL_QUARANTINE_SECONDS=0", "1 to 31536000" },
		{ "KUBERNETES_SERVICE_HOST=",
		  MISSING("KUBERNETES_SERVICE_HOST") "the API server's address, or "
						     "KUBECONFIG" },
		{ "KUBERNETES_SERVICE_PORT=http", "want the API server's port, or KUBECONFIG, got \"http\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct agent_config c;
		int r = read_with(V4, rows[i].set, NULL, &c);

		if (r != (rows[i].want ? -EINVAL : 0) || (r < 0 && !strstr(err.msg, rows[i].want)) || *said)
			fail_msg("%s: %d %s%s, want %s", rows[i].set, r, r < 0 ? err.msg : "", said,
				 rows[i].want ? rows[i].want : "success");
		if (r < 0)
			assert_int_equal(err.cni, ERR_ENV);
		agent_config_clear(&c);
	}
}

static void test_values(void **state)
{
	struct agent_config c;

	(void)state;
	assert_int_equal(read_with(V4, "SPIDERPOOL_LOG_LEVEL= warn\n", "SPIDERPOOL_ENABLED_METRIC=True", &c),
			 0);
	assert_int_equal(c.log_level, LOG_LEVEL_WARN);
	assert_true(c.metrics);
	agent_config_clear(&c);
	assert_int_equal(read_with(V4, "SPIDERPOOL_STATE_DIR=", "SPIDERPOOL_COOLDOWN_SECONDS=0", &c), 0);
	assert_string_equal(c.state_dir, "/var/lib/spiderpool");
	assert_int_equal(c.cooldown_s, 0);
	agent_config_clear(&c);
	/* with a kubeconfig nothing of the pod is asked for */
	assert_int_equal(read_with(V4, "KUBECONFIG=/x", "KUBERNETES_SERVICE_HOST=", &c), 0);
	assert_string_equal(c.kubeconfig, "/x");
	agent_config_clear(&c);
	assert_int_equal(read_with(V4, "SPIDERPOOL_GOPS_LISTEN_PORT=5712", NULL, &c), 0);
	assert_string_equal(said,
			    "SPIDERPOOL_GOPS_LISTEN_PORT is 5712: it has no effect, there is nothing of "
			    "gops here\n");
	agent_config_clear(&c);
	/* all that is bad at once */
	assert_int_equal(read_with(V4, "SPIDERPOOL_NODE_NAME=", "SPIDERPOOL_HEALTH_PORT=x", &c), -EINVAL);
	assert_string_equal(err.msg,
			    "environment: SPIDERPOOL_NODE_NAME is missing or empty: want the node whose "
			    "pods are served; SPIDERPOOL_HEALTH_PORT: want a whole number, 1 to 65535, "
			    "got \"x\"");
}

static void test_nothing(void **state)
{
	char *const none[] = { NULL };
	struct agent_config c;

	(void)state;
	assert_int_equal(agent_config_read("/nonexistent/conf.yml", none, note, said, &c, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/conf.yml"));
	assert_int_equal(read_with(V4, NULL, NULL, &c), 0);
	agent_config_clear(&c);
	assert_int_equal(agent_config_read(path, none, NULL, NULL, &c, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "SPIDERPOOL_POD_NAMESPACE is missing"));
	assert_non_null(strstr(err.msg, "SPIDERPOOL_POD_NAME is missing"));
	assert_non_null(strstr(err.msg, "SPIDERPOOL_NODE_NAME is missing"));
}

static void test_args(void **state)
{
	static const struct {
		const char *argv[6], *want; /* NULL: the usage */
	} rows[] = {
		{ { "a", "daemon" }, "/tmp/spiderpool/config-map/conf.yml" },
		{ { "a", "daemon", "--config-path", "/x" }, "/x" },
		{ { "a", "daemon", "--config-path=/x" }, "/x" },
		{ { "a" }, NULL },
		{ { "a", "shutdown" }, NULL },
		{ { "a", "daemon", "--config-path" }, NULL },
		{ { "a", "daemon", "--config-path=" }, NULL },
		{ { "a", "daemon", "--config-path", "" }, NULL },
		{ { "a", "daemon", "--config-pathx", "/x" }, NULL },
		{ { "a", "daemon", "--config-path", "/x", "y" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = NULL;
		int argc = 0, r;

		while (rows[i].argv[argc])
			argc++;
		r = agent_config_args(argc, (char *const *)rows[i].argv, &got, &err);
		if (rows[i].want ? r != 0 || strcmp(got, rows[i].want) != 0
				 : r != -EINVAL || !strstr(err.msg, "usage: spiderpool-agent daemon"))
			fail_msg("row %zu: %d %s", i, r, got);
	}
}

/* What the reference page is made of: everything has a word, every default is a good value. */
static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < agent_variables_n; i++) {
		const struct daemon_variable *v = &agent_variables[i];
		char *const none[] = { NULL };
		CLEANUP(buf_clear) struct buf wrong = BUF_INIT(4096);
		struct agent_config c = { 0 };

		assert_true(v->doc && *v->doc);
		if (v->fallback)
			daemon_environ_read(v, 1, none, &c, &wrong);
		if (wrong.len)
			fail_msg("%s", buf_cstr(&wrong));
		agent_config_clear(&c);
	}
	for (size_t i = 0; i < daemon_file_table.n; i++)
		assert_true(daemon_file_table.f[i].doc || daemon_file_table.f[i].tab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_file),     cmocka_unit_test(test_variables),
		cmocka_unit_test(test_values),   cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_args),     cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
