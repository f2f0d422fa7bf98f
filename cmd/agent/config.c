/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - what spiderpool-agent is told, as a whole */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/own.h"
#include "ipam/ipam.h"
#include "yaml/yaml.h"

#define FILE_MAX  ((size_t)1 << 20)
#define TEXT_MAX  4096 /* of a variable */
#define STATE_DIR "/var/lib/spiderpool"

/* ---- the file ---- */

static const struct json_field inject_fields[] = {
	JF(struct agent_inject, enabled, "enabled", .doc = "the controller's: add network resources to pods"),
	JF(struct agent_inject, exclude, "namespacesExclude", .doc = "the controller's: but not in these"),
	JF(struct agent_inject, include, "namespacesInclude", .doc = "the controller's: only in these"),
};
static const struct json_table inject_table =
	JSON_TABLE(struct agent_inject, "podResourceInject", inject_fields);

static const struct json_field iaas_fields[] = {
	JF(struct agent_iaas, server_url, "serverUrl", .doc = "not supported: the agent refuses to start"),
	JF(struct agent_iaas, timeout, "httpRequestTimeout", .doc = "without effect"),
	JF(struct agent_iaas, eni_plugin, "eniDevPlugin",
	   .doc = "not supported: with `enabled: true` the agent refuses to start"),
};
static const struct json_table iaas_table = JSON_TABLE(struct agent_iaas, "iaasNetworkProvider", iaas_fields);

static const struct json_field plugin_fields[] = {
	JF(struct agent_plugin, network_resource, "networkResourcePlugin",
	   .doc = "not supported: with `enabled: true` the agent refuses to start"),
};
static const struct json_table plugin_table = JSON_TABLE(struct agent_plugin, "agent", plugin_fields);

static const struct json_field file_fields[] = {
	JF(struct agent_file, socket, "ipamUnixSocketPath",
	   .doc = "where plugins reach the agent; default `" AGENT_SOCKET "`"),
	JF(struct agent_file, enable_ipv4, "enableIPv4", .doc = "pods get IPv4 addresses"),
	JF(struct agent_file, enable_ipv6, "enableIPv6",
	   .doc = "pods get IPv6 addresses; one of both is needed"),
	JF(struct agent_file, enable_stateful_set, "enableStatefulSet",
	   .doc = "a StatefulSet's pods keep their addresses"),
	JF(struct agent_file, enable_kubevirt, "enableKubevirtStaticIP",
	   .doc = "virtual machines keep their addresses"),
	JF(struct agent_file, enable_subnet, "enableSpiderSubnet",
	   .doc = "pools may be made from SpiderSubnets"),
	JF(struct agent_file, enable_auto_pool, "enableAutoPoolForApplication",
	   .doc = "applications that name a subnet get a pool of their own"),
	JF(struct agent_file, redundant, "clusterSubnetAutoPoolDefaultRedundantIPNumber", .max = 65535,
	   .doc = "addresses more than replicas in a pool that is made so; default 0"),
	JF(struct agent_file, flexible, "clusterSubnetDefaultFlexibleIPNumber", .max = 65535,
	   .doc = "the same, as Helm's chart names it"),
	JF(struct agent_file, conflict_detection, "enableIPConflictDetection",
	   .doc = "plugins ask the network whether an address is in use"),
	JF(struct agent_file, gateway_detection, "enableGatewayDetection",
	   .doc = "plugins fail when the gateway does not answer"),
	JF(struct agent_file, clean_endpoints, "enableCleanOutdatedEndpoint",
	   .doc = "the controller's: remove SpiderEndpoints of pods that are gone"),
	JF(struct agent_file, deletion_webhook, "enableValidatingResourcesDeletedWebhook",
	   .doc = "the controller's: refuse to delete what is in use"),
	JF(struct agent_file, tune_sysctls, "tuneSysctlConfig",
	   .doc = "room for neighbours, forwarding, gratuitous ARP and no reverse path filter on the node"),
	JS(struct agent_file, inject, "podResourceInject", &inject_table, .doc = "the controller's"),
	JS(struct agent_file, iaas, "iaasNetworkProvider", &iaas_table, .doc = "not supported"),
	JS(struct agent_file, agent, "agent", &plugin_table, .doc = "not supported"),
};
const struct json_table agent_file_table = JSON_TABLE(struct agent_file, "conf.yml", file_fields);

struct reading {
	const char *path;
	void (*note)(const char *sentence, void *arg);
	void *arg;
	struct agent_config *c;
	size_t documents;
};

__attribute__((format(printf, 2, 3))) static void tell(const struct reading *r, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	if (!r->note)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->note(text, r->arg);
}

static void unknown_key(const char *path, void *arg)
{
	const struct reading *r = arg;

	tell(r, "%s: key %.256s is not known, it has no effect", r->path, path);
}

static int read_document(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct reading *r = arg;

	if (r->documents++)
		return err_code(e, ERR_CONFIG, EINVAL, "%s:%zu: a second document: want one", r->path, line);
	json_unknown(&agent_file_table, o, unknown_key, r);
	return json_decode(&agent_file_table, o, r->path, &r->c->file, e);
}

static int refused(struct err *e, const char *what)
{
	return err_code(e, ERR_CONFIG, ENOTSUP, "%s: this agent cannot do that: leave it out", what);
}

static bool enabled(struct json_object *o)
{
	bool on = false;

	return json_get_bool(o, "enabled", &on) && on;
}

static int refuse_undone(const struct agent_file *f, struct err *e)
{
	if (f->iaas.server_url && *f->iaas.server_url)
		return refused(e, "iaasNetworkProvider.serverUrl is set");
	if (enabled(f->iaas.eni_plugin))
		return refused(e, "iaasNetworkProvider.eniDevPlugin.enabled is true");
	if (enabled(f->agent.network_resource))
		return refused(e, "agent.networkResourcePlugin.enabled is true");
	return 0;
}

static int check_file(struct agent_config *c, struct err *e)
{
	struct agent_file *f = &c->file;
	const struct sockaddr_un *un = NULL;
	size_t max = sizeof(un->sun_path) - 8; /* the server needs some room, too */

	if (!f->enable_ipv4 && !f->enable_ipv6)
		return err_code(e, ERR_CONFIG, EINVAL,
				"enableIPv4 and enableIPv6 are both false: set one of them to true");
	if (!f->socket || !*f->socket) {
		free(f->socket);
		f->socket = strdup(AGENT_SOCKET);
		if (!f->socket)
			return err_nomem(e);
	}
	if (f->socket[0] != '/' || strlen(f->socket) > max)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"ipamUnixSocketPath: want an absolute path of at most %zu bytes, got \"%.128s\"", max,
			f->socket);
	if (f->redundant.set && f->flexible.set && f->redundant.v != f->flexible.v)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"clusterSubnetAutoPoolDefaultRedundantIPNumber is %lld and "
			"clusterSubnetDefaultFlexibleIPNumber is %lld: they are the same setting, keep "
			"one",
			(long long)f->redundant.v, (long long)f->flexible.v);
	c->flexible_number = f->redundant.set ? f->redundant.v : f->flexible.v;
	return refuse_undone(f, e);
}

static int read_file(struct reading *r, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(FILE_MAX);
	int ret = file_read(AT_FDCWD, r->path, FILE_MAX, &text, e);

	if (ret < 0)
		return err_wrap(e, "configuration");
	ret = yaml_parse(buf_cstr(&text), text.len, r->path, read_document, r, e);
	if (ret < 0)
		return ret;
	ret = check_file(r->c, e);
	return ret < 0 ? err_wrap(e, "%s", r->path) : 0;
}

/* ---- the environment ---- */

#define VAR(m, k, n, f, d, ...) \
	{ \
		.name = (n), .fallback = (f), .kind = AGENT_##k, .off = offsetof(struct agent_config, m), \
		.doc = (d), __VA_ARGS__ \
	}
#define PORT .min = 1, .max = 65535, .filled = true

const struct agent_variable agent_variables[] = {
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
	VAR(health_port, NUMBER, "SPIDERPOOL_HEALTH_PORT", "5710", "for probes", PORT),
	VAR(metrics_port, NUMBER, "SPIDERPOOL_METRIC_HTTP_PORT", "5711", "for metrics", PORT),
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

static void bad(struct buf *out, const char *name, const char *value, const char *want)
{
	if (out->len)
		buf_str(out, "; ");
	if (*value)
		buf_fmt(out, "%s: want %s, got \"%.64s\"", name, want, value);
	else
		buf_fmt(out, "%s is missing or empty: want %s", name, want);
}

static bool is_one_of(const char *s, const char *const *list)
{
	while (*list && strcmp(*list, s) != 0)
		list++;
	return *list != NULL;
}

/* What Go's strconv.ParseBool takes. */
static bool read_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True", NULL };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False", NULL };

	*ret = is_one_of(s, yes);
	return *ret || is_one_of(s, no);
}

static bool read_number(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	if (!*s || strspn(s, "0123456789") != strlen(s))
		return false;
	*ret = strtoll(s, NULL, 10); /* beyond its range: the greatest, which is no limit here */
	return *ret >= min && *ret <= max;
}

static void store(const struct agent_variable *v, const char *value, struct agent_config *c,
		  struct buf *wrong)
{
	char *to = (char *)c + v->off, want[64];
	struct err e;

	switch (v->kind) {
	case AGENT_TEXT:
		*(char **)to = strdup(value);
		if (!*(char **)to)
			wrong->err = -ENOMEM;
		break;
	case AGENT_BOOL:
		if (!read_bool(value, (bool *)to))
			bad(wrong, v->name, value, "true or false");
		break;
	case AGENT_NUMBER:
		(void)snprintf(want, sizeof(want), "a whole number, %lld to %lld", (long long)v->min,
			       (long long)v->max);
		if (!read_number(value, v->min, v->max, (int64_t *)to))
			bad(wrong, v->name, value, want);
		break;
	case AGENT_LEVEL:
		if (log_level_parse(value, (enum log_level *)to, &e) < 0)
			bad(wrong, v->name, value, v->doc);
	}
}

/* Blanks around a value do not count. */
static void read_variable(const struct agent_variable *v, char *const *envp, struct agent_config *c,
			  struct buf *wrong)
{
	char value[TEXT_MAX];
	const char *raw = NULL;
	size_t len;

	for (char *const *p = envp; *p && !raw; p++)
		if (strncmp(*p, v->name, strlen(v->name)) == 0 && (*p)[strlen(v->name)] == '=')
			raw = *p + strlen(v->name) + 1;
	raw = raw ? raw + strspn(raw, " \t\r\n") : v->fallback ? v->fallback : "";
	len = strlen(raw);
	while (len && strchr(" \t\r\n", raw[len - 1]))
		len--;
	if (len >= sizeof(value)) {
		bad(wrong, v->name, raw, "a shorter text");
		return;
	}
	memcpy(value, raw, len);
	value[len] = '\0';
	if (!len && v->filled && v->kind == AGENT_TEXT)
		bad(wrong, v->name, "", v->doc);
	else
		store(v, len || v->filled || !v->fallback ? value : v->fallback, c, wrong);
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
		bad(wrong, "MULTUS_CLUSTER_NETWORK", c->cluster_network, "namespace/name");
	if (*c->state_dir != '/')
		bad(wrong, "SPIDERPOOL_STATE_DIR", c->state_dir, "an absolute path");
	if (!*c->kubeconfig && !*c->kube_host)
		bad(wrong, "KUBERNETES_SERVICE_HOST", "", "the API server's address, or KUBECONFIG");
	if (!*c->kubeconfig && !read_number(c->kube_port, 1, 65535, &port))
		bad(wrong, "KUBERNETES_SERVICE_PORT", c->kube_port, "the API server's port, or KUBECONFIG");
	if (c->rdma_metrics)
		bad(wrong, "SPIDERPOOL_ENABLED_RDMA_METRIC", "true",
		    "false, as this agent has no RDMA metrics");
	if (*c->profiler)
		bad(wrong, "SPIDERPOOL_PYROSCOPE_PUSH_SERVER_ADDRESS", c->profiler,
		    "nothing, as this agent sends no profiles");
	if (*c->gops_port)
		tell(r,
		     "SPIDERPOOL_GOPS_LISTEN_PORT is %.64s: it has no effect, there is nothing of gops here",
		     c->gops_port);
}

static int read_env(struct reading *r, char *const *envp, struct err *e)
{
	CLEANUP(buf_clear) struct buf wrong = BUF_INIT(ERR_MSG_MAX * 4);

	for (size_t i = 0; i < agent_variables_n; i++)
		read_variable(&agent_variables[i], envp, r->c, &wrong);
	if (!wrong.len && !wrong.err)
		check_env(r, &wrong);
	if (wrong.err == -ENOMEM)
		return err_nomem(e);
	return wrong.len ? err_code(e, ERR_ENV, EINVAL, "environment: %s", buf_cstr(&wrong)) : 0;
}

/* ---- both ---- */

void agent_config_clear(struct agent_config *c)
{
	json_clear(&agent_file_table, &c->file);
	for (size_t i = 0; i < agent_variables_n; i++)
		if (agent_variables[i].kind == AGENT_TEXT)
			free(*(char **)((char *)c + agent_variables[i].off));
	*c = (struct agent_config){ 0 };
}

int agent_config_read(const char *path, char *const *envp, void (*note)(const char *sentence, void *arg),
		      void *arg, struct agent_config *out, struct err *e)
{
	struct reading r = { .path = path, .note = note, .arg = arg, .c = out };
	int ret;

	*out = (struct agent_config){ 0 };
	ret = read_file(&r, e);
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

	*ret_path = AGENT_CONFIG_PATH;
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
			"usage: spiderpool-agent daemon [--config-path FILE] (default " AGENT_CONFIG_PATH
			")");
}
