/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_init.c - what spiderpool-init makes of its environment, and every sentence about that */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/init_conf.c"
#undef P
#undef VAR
#include "../../cmd/controller/init_objects.c"

#define I "SPIDERPOOL_INIT_"
#define NEEDED \
	"SPIDERPOOL_NAMESPACE=kube-system", "SPIDERPOOL_CONTROLLER_NAME=c", "SPIDERPOOL_AGENT_NAME=a", \
		"SPIDERPOOL_INIT_ENABLE_MULTUS_CONFIG=false", "KUBERNETES_SERVICE_HOST=10.0.0.1"
#define ROW_MAX 8

static struct err err;

/* Of two variables that are the same the first counts. */
static int read_row(const char *const row[ROW_MAX], struct init_conf *c)
{
	const char *needed[] = { NEEDED }, *env[ROW_MAX + ARRAY_LEN(needed) + 1] = { NULL };
	size_t n = 0;

	for (size_t i = 0; i < ROW_MAX && row[i]; i++)
		env[n++] = row[i];
	for (size_t i = 0; i < ARRAY_LEN(needed); i++)
		env[n++] = needed[i];
	memset(c, 0x55, sizeof(*c));
	return init_read((char *const *)env, c, &err);
}

/* In want, ' is ", and each object's apiVersion is left out. */
static const struct {
	const char *what, *env[ROW_MAX], *network, *want;
} made[] = {
	{ "nothing", { NULL }, NULL, "" },
	{ "coordinator, as it is by default",
	  { I "DEFAULT_COORDINATOR_NAME=default" },
	  NULL,
	  "{'kind':'SpiderCoordinator','metadata':{'name':'default'},'spec':{'mode':'auto','podCIDRType':'auto',"
	  "'tunePodRoutes':true,'hijackCIDR':[],'vethMTU':1500}}\n" },
	{ "coordinator, all of it",
	  { I "DEFAULT_COORDINATOR_NAME=x", I "DEFAULT_COORDINATOR_MODE=underlay",
	    I "DEFAULT_COORDINATOR_POD_CIDR_TYPE=none", I "DEFAULT_COORDINATOR_TUNE_POD_ROUTES=false",
	    I "DEFAULT_COORDINATOR_HIJACK_CIDR=[\"169.254.0.0/16\", \"fd00::/8\"]",
	    I "DEFAULT_COORDINATOR_POLICY_ROUTES=[{\"dst\": \"10.0.0.0/8\", \"gw\": \"1.2.3.4\"}]",
	    I "DEFAULT_COORDINATOR_VETH_LINK_ADDRESS=169.254.1.1", I "DEFAULT_COORDINATOR_VETH_MTU=1400" },
	  NULL,
	  "{'kind':'SpiderCoordinator','metadata':{'name':'x'},'spec':{'mode':'underlay','podCIDRType':'none',"
	  "'tunePodRoutes':false,'hijackCIDR':['169.254.0.0/16','fd00::/8'],'vethLinkAddress':'169.254.1.1',"
	  "'vethMTU':1400,'policyRoutes':[{'dst':'10.0.0.0/8','gw':'1.2.3.4'}]}}\n" },
	{ "a list with commas; values that are empty, as a chart leaves them",
	  { I "DEFAULT_COORDINATOR_NAME=x", I "DEFAULT_COORDINATOR_HIJACK_CIDR= 1.1.1.1,2.2.2.2 ,3.3.3.3 ",
	    I "DEFAULT_COORDINATOR_VETH_MTU=", I "DEFAULT_COORDINATOR_MODE=",
	    I "DEFAULT_COORDINATOR_TUNE_POD_ROUTES=", I "DEFAULT_IPV4_IPPOOL_NAME=" },
	  NULL,
	  "{'kind':'SpiderCoordinator','metadata':{'name':'x'},'spec':{'mode':'auto','podCIDRType':'auto',"
	  "'tunePodRoutes':true,'hijackCIDR':['1.1.1.1','2.2.2.2','3.3.3.3'],'vethMTU':1500}}\n" },
	{ "subnet before pool",
	  { I "DEFAULT_IPV4_SUBNET_NAME=s", I "DEFAULT_IPV4_IPPOOL_NAME=p",
	    I "DEFAULT_IPV4_IPPOOL_SUBNET=10.1.0.0/16",
	    I "DEFAULT_IPV4_IPPOOL_IPRANGES=[10.1.0.2-10.1.0.9,10.1.1.1]",
	    I "DEFAULT_IPV4_IPPOOL_GATEWAY=10.1.0.1" },
	  NULL,
	  "{'kind':'SpiderSubnet','metadata':{'name':'s'},'spec':{'subnet':'10.1.0.0/16',"
	  "'ips':['10.1.0.2-10.1.0.9','10.1.1.1'],'gateway':'10.1.0.1'}}\n"
	  "{'kind':'SpiderIPPool','metadata':{'name':'p'},'spec':{'subnet':'10.1.0.0/16',"
	  "'ips':['10.1.0.2-10.1.0.9','10.1.1.1'],'gateway':'10.1.0.1','default':true}}\n" },
	{ "IPv6 without a gateway",
	  { I "DEFAULT_IPV6_IPPOOL_NAME=p6", I "DEFAULT_IPV6_IPPOOL_SUBNET=fd00::/64",
	    I "DEFAULT_IPV6_IPPOOL_IPRANGES=fd00::2-fd00::9" },
	  NULL,
	  "{'kind':'SpiderIPPool','metadata':{'name':'p6'},'spec':{'subnet':'fd00::/64',"
	  "'ips':['fd00::2-fd00::9'],'default':true}}\n" },
	{ "the network of the cluster",
	  { I "ENABLE_MULTUS_CONFIG=true", I "DEFAULT_CNI_NAMESPACE=kube-system" },
	  "cbr0",
	  "{'kind':'SpiderMultusConfig','metadata':{'name':'cbr0','namespace':'kube-system'},"
	  "'spec':{'cniType':'custom','enableCoordinator':false}}\n" },
	{ "Calico's has another name for users",
	  { I "ENABLE_MULTUS_CONFIG=true", I "DEFAULT_CNI_NAMESPACE=kube-system" },
	  "k8s-pod-network",
	  "{'kind':'SpiderMultusConfig','metadata':{'name':'calico','namespace':'kube-system',"
	  "'annotations':{'multus.spidernet.io/cr-name':'k8s-pod-network'}},"
	  "'spec':{'cniType':'custom','enableCoordinator':false}}\n" },
};

static void add_object(struct buf *out, struct json_object *o)
{
	static const char head[] = "{\"apiVersion\":\"" API_VERSION "\",";
	CLEANUP(buf_clear) struct buf b = BUF_INIT(65536);

	assert_int_equal(json_print(o, false, &b, &err), 0);
	assert_int_equal(strncmp(b.s, head, strlen(head)), 0);
	buf_chr(out, '{');
	for (const char *p = b.s + strlen(head); *p; p++)
		buf_chr(out, *p == '"' ? '\'' : *p);
	buf_chr(out, '\n');
}

static void test_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(65536);
		struct init_object v[INIT_OBJECTS_MAX];
		struct init_conf c;
		int n = read_row(made[i].env, &c);

		if (n == 0)
			n = init_objects(&c, made[i].network, v, &err);
		for (int k = 0; k < n; k++)
			add_object(&b, v[k].body);
		if (n < 0 || strcmp(buf_cstr(&b), made[i].want) != 0)
			fail_msg("%s: want\n%sgot %d\n%s%s", made[i].what, made[i].want, n, buf_cstr(&b),
				 n < 0 ? err.msg : "");
		init_objects_clear(v, n);
		init_clear(&c);
	}
}

static const struct {
	const char *env[ROW_MAX], *want;
} refused[] = {
	{ { "SPIDERPOOL_NAMESPACE=" }, "SPIDERPOOL_NAMESPACE is missing or empty" },
	{ { I "ENABLE_MULTUS_CONFIG=maybe" }, I "ENABLE_MULTUS_CONFIG: want true or false, got \"maybe\"" },
	{ { I "ENABLE_MULTUS_CONFIG=true" }, I "DEFAULT_CNI_NAMESPACE is missing or empty" },
	{ { "KUBERNETES_SERVICE_HOST=" }, "KUBERNETES_SERVICE_HOST is missing or empty" },
	{ { I "DEFAULT_COORDINATOR_VETH_MTU=big" }, "want a whole number, 1 to 65535, got \"big\"" },
	{ { I "DEFAULT_IPV4_IPPOOL_NAME=p", I "DEFAULT_IPV4_IPPOOL_IPRANGES=1.1.1.1" },
	  I "DEFAULT_IPV4_IPPOOL_SUBNET is missing or empty" },
	{ { I "DEFAULT_IPV6_SUBNET_NAME=s", I "DEFAULT_IPV6_IPPOOL_SUBNET=fd00::/64" },
	  I "DEFAULT_IPV6_IPPOOL_IPRANGES is missing or empty" },
	{ { I "DEFAULT_IPV4_IPPOOL_NAME=p", I "DEFAULT_IPV4_IPPOOL_SUBNET=1.1.1.0/24",
	    I "DEFAULT_IPV4_IPPOOL_IPRANGES=1.1.1.1", I "DEFAULT_IPV6_IPPOOL_NAME=p",
	    I "DEFAULT_IPV6_IPPOOL_SUBNET=fd00::/64", I "DEFAULT_IPV6_IPPOOL_IPRANGES=fd00::1" },
	  I "DEFAULT_IPV6_IPPOOL_NAME: want another name than the IPv4 pool's, got \"p\"" },
	{ { I "DEFAULT_COORDINATOR_NAME=x", I "DEFAULT_COORDINATOR_POLICY_ROUTES=[{" },
	  I "DEFAULT_COORDINATOR_POLICY_ROUTES:1:" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct init_object v[INIT_OBJECTS_MAX];
		struct init_conf c;
		int r = read_row(refused[i].env, &c);

		if (r == 0)
			r = init_objects(&c, NULL, v, &err);
		if (r >= 0 || !strstr(err.msg, refused[i].want))
			fail_msg("row %zu: want %s, got %d %s", i, refused[i].want, r, r < 0 ? err.msg : "");
		init_clear(&c);
	}
}

/* ---- the node's network ---- */

static char dir[64];

static void file(const char *name, const char *content)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!content) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static void test_network(void **state)
{
	CLEANUP(free_p) char *name = NULL;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/controller-init-XXXXXX");
	assert_non_null(mkdtemp(dir));
	file("00-multus.conf", "{\"name\": \"multus-cni-network\"}");
	file("05-note.txt", "{\"name\": \"no\"}");
	assert_int_equal(init_network(dir, &name, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no network is configured here yet"));
	file("20-late.conf", "{\"name\": \"late\"}");
	file("10-first.conflist", "{\"name\": \"first\", \"plugins\": []}");
	assert_int_equal(init_network(dir, &name, &err), 0);
	assert_string_equal(name, "first");
	file("10-first.conflist", "{}");
	free(TAKE_PTR(name));
	assert_int_equal(init_network(dir, &name, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "10-first.conflist has no name"));
	file("10-first.conflist", "{");
	assert_true(init_network(dir, &name, &err) < 0);
	file("10-first.conflist", NULL);
	file("20-late.conf", NULL);
	file("05-note.txt", NULL);
	file("00-multus.conf", NULL);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(init_network(dir, &name, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
