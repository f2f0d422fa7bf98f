/* SPDX-License-Identifier: Apache-2.0 */
/* init_conf.c - what the environment of spiderpool-init says */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "base/own.h"
#include "init.h"

#define P "SPIDERPOOL_INIT_"
#define VAR(m, k, n, f, d, ...) \
	{ \
		.name = (n), .fallback = (f), .kind = DAEMON_##k, .off = offsetof(struct init_conf, m), \
		.doc = (d), __VA_ARGS__ \
	}
#define FAMILY(m, F) \
	VAR(m.subnet_name, TEXT, P "DEFAULT_" F "_SUBNET_NAME", "", "a SpiderSubnet of this name"), \
		VAR(m.pool_name, TEXT, P "DEFAULT_" F "_IPPOOL_NAME", "", \
		    "a default SpiderIPPool of this name"), \
		VAR(m.subnet, TEXT, P "DEFAULT_" F "_IPPOOL_SUBNET", "", "the prefix of both"), \
		VAR(m.ranges, TEXT, P "DEFAULT_" F "_IPPOOL_IPRANGES", "", "a list: the addresses of both"), \
		VAR(m.gateway, TEXT, P "DEFAULT_" F "_IPPOOL_GATEWAY", "", "the gateway of both")

const struct daemon_variable init_variables[] = {
	VAR(ns, TEXT, "SPIDERPOOL_NAMESPACE", NULL, "the namespace of the controller", .filled = true),
	VAR(controller, TEXT, "SPIDERPOOL_CONTROLLER_NAME", NULL, "the name of the controller's Service",
	    .filled = true),
	VAR(agent, TEXT, "SPIDERPOOL_AGENT_NAME", NULL, "the name of the agent's DaemonSet", .filled = true),
	VAR(multus, BOOL, P "ENABLE_MULTUS_CONFIG", NULL,
	    "true: a SpiderMultusConfig of the cluster's own network", .filled = true),
	VAR(coordinator, TEXT, P "DEFAULT_COORDINATOR_NAME", "", "a SpiderCoordinator of this name"),
	VAR(mode, TEXT, P "DEFAULT_COORDINATOR_MODE", "auto", "its mode"),
	VAR(cidr_type, TEXT, P "DEFAULT_COORDINATOR_POD_CIDR_TYPE", "auto", "its podCIDRType"),
	VAR(tune_routes, BOOL, P "DEFAULT_COORDINATOR_TUNE_POD_ROUTES", "true", "its tunePodRoutes"),
	VAR(hijack, TEXT, P "DEFAULT_COORDINATOR_HIJACK_CIDR", "", "a list: its hijackCIDR"),
	VAR(policy_routes, TEXT, P "DEFAULT_COORDINATOR_POLICY_ROUTES", "",
	    "JSON, as [{\"dst\": ..., \"gw\": ...}]: its policyRoutes"),
	VAR(link_address, TEXT, P "DEFAULT_COORDINATOR_VETH_LINK_ADDRESS", "", "its vethLinkAddress"),
	VAR(veth_mtu, NUMBER, P "DEFAULT_COORDINATOR_VETH_MTU", "1500", "its vethMTU", .min = 1,
	    .max = 65535),
	FAMILY(v4, "IPV4"),
	FAMILY(v6, "IPV6"),
	VAR(cni_dir, TEXT, P "DEFAULT_CNI_DIR", "/etc/cni/net.d", "where the cluster's own network is found"),
	VAR(cni_name, TEXT, P "DEFAULT_CNI_NAME", "", "the name of that network, instead of the directory"),
	VAR(cni_ns, TEXT, P "DEFAULT_CNI_NAMESPACE", "", "the namespace of its SpiderMultusConfig"),
	VAR(readiness_file, TEXT, P "READINESS_FILE", "", "without effect"),
	VAR(install_multus, BOOL, P "INSTALL_MULTUS", "false", "without effect"),
	VAR(multus_configmap, TEXT, P "MULTUS_CONFIGMAP", "", "without effect"),
	VAR(wait_s, NUMBER, P "TIMEOUT_SECONDS", "600", "then it gives up, and the Job starts it again",
	    .min = 1, .max = 86400),
	VAR(kubeconfig, TEXT, "KUBECONFIG", "", "a file; otherwise what a pod is given"),
	VAR(kube_host, TEXT, "KUBERNETES_SERVICE_HOST", "", "the API server, unless KUBECONFIG is set"),
	VAR(kube_port, TEXT, "KUBERNETES_SERVICE_PORT", "", "its port"),
};
const size_t init_variables_n = ARRAY_LEN(init_variables);

static void check_family(const struct init_family *f, const char *subnet, const char *ranges,
			 struct buf *wrong)
{
	if (!*f->subnet_name && !*f->pool_name)
		return;
	if (!*f->subnet)
		daemon_environ_bad(wrong, subnet, "", "the prefix, as a subnet or pool is asked for");
	if (!*f->ranges)
		daemon_environ_bad(wrong, ranges, "", "the addresses, as a subnet or pool is asked for");
}

static void check(const struct init_conf *c, struct buf *wrong)
{
	check_family(&c->v4, P "DEFAULT_IPV4_IPPOOL_SUBNET", P "DEFAULT_IPV4_IPPOOL_IPRANGES", wrong);
	check_family(&c->v6, P "DEFAULT_IPV6_IPPOOL_SUBNET", P "DEFAULT_IPV6_IPPOOL_IPRANGES", wrong);
	if (*c->v4.subnet_name && strcmp(c->v4.subnet_name, c->v6.subnet_name) == 0)
		daemon_environ_bad(wrong, P "DEFAULT_IPV6_SUBNET_NAME", c->v6.subnet_name,
				   "another name than the IPv4 subnet's");
	if (*c->v4.pool_name && strcmp(c->v4.pool_name, c->v6.pool_name) == 0)
		daemon_environ_bad(wrong, P "DEFAULT_IPV6_IPPOOL_NAME", c->v6.pool_name,
				   "another name than the IPv4 pool's");
	if (c->multus && !*c->cni_ns)
		daemon_environ_bad(wrong, P "DEFAULT_CNI_NAMESPACE", "",
				   "a namespace, as " P "ENABLE_MULTUS_CONFIG is true");
	if (!*c->kubeconfig && !*c->kube_host)
		daemon_environ_bad(wrong, "KUBERNETES_SERVICE_HOST", "",
				   "the API server's address, or KUBECONFIG");
}

int init_read(char *const *envp, struct init_conf *out, struct err *e)
{
	CLEANUP(buf_clear) struct buf wrong = BUF_INIT(ERR_MSG_MAX * 4);
	int r;

	*out = (struct init_conf){ 0 };
	daemon_environ_read(init_variables, init_variables_n, envp, out, &wrong);
	if (!wrong.len && !wrong.err)
		check(out, &wrong);
	r = daemon_environ_end(&wrong, e);
	if (r < 0)
		init_clear(out);
	return r;
}

void init_clear(struct init_conf *c)
{
	daemon_environ_clear(init_variables, init_variables_n, c);
	*c = (struct init_conf){ 0 };
}
