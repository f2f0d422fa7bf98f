/* SPDX-License-Identifier: Apache-2.0 */
/* test_coordinator_conf.c - network configuration, agent and annotations merged: what holds, and every
 * sentence */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of a plugin, not of the library. */
#include "../../plugins/coordinator/conf.c"
#include "../../plugins/coordinator/section.c"
#include "../../plugins/coordinator/fields.c"

static struct err err;

static struct json_object *tree_of(const char *text)
{
	struct json_object *o = NULL;

	if (text && json_parse(text, strlen(text), "test", &o, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

static void dump_prefixes(struct buf *b, const struct coordinator_conf *c)
{
	char one[IP_TEXT_MAX], two[IP_TEXT_MAX];

	buf_str(b, " hijack=");
	for (size_t i = 0; i < c->hijack.n; i++)
		buf_fmt(b, "%s%s", i ? "," : "", ip_prefix_format(c->hijack.v[i], one));
	buf_str(b, " routes=");
	for (size_t i = 0; i < c->n_routes; i++)
		buf_fmt(b, "%s%s>%s", i ? "," : "", ip_prefix_format(c->routes[i].dst, one),
			ip_format(c->routes[i].gw, two));
}

/* All of it as " key=value ... " */
static void dump(struct buf *b, const struct coordinator_conf *c)
{
	static const char *const modes[] = { "auto", "underlay", "overlay", "disable" };
	char ip[IP_TEXT_MAX];

	buf_fmt(b, " mode=%s nic=%s default=%s tune=%d table=%u rp=%d txq=%u mtu=%u link=%s", modes[c->mode],
		c->pod_nic, c->default_route_nic, c->tune_pod_routes, c->host_rule_table, c->pod_rp_filter,
		c->tx_queue_len, c->veth_mtu,
		c->veth_link_address.ver ? ip_format(c->veth_link_address, ip) : "");
	buf_str(b, " mac=");
	if (c->has_mac_prefix)
		buf_fmt(b, "%02x:%02x", c->mac_prefix[0], c->mac_prefix[1]);
	dump_prefixes(b, c);
	buf_str(b, c->networks_known ? " networks=" : " networks=?");
	for (size_t i = 0; i < c->networks.n; i++)
		buf_fmt(b, "%s%s", i ? "," : "", c->networks.v[i]);
	buf_str(b, " ");
}

/* ---- merging ---- */

#define ALL_DEFAULT \
	" mode=auto nic=eth0 default= tune=1 table=500 rp=0 txq=0 mtu=1500 link= mac= hijack= routes= networks=? "
#define LINKS "\"k8s.v1.cni.cncf.io/networks\":"
#define NIC   "\"ipam.spidernet.io/default-route-nic\":"

struct row {
	const char *conf, *agent, *annotations; /* JSON; agent and annotations NULL: there is none */
	const char *want;                       /* a part of the dump or of the sentence */
};

static const struct row good[] = {
	{ "{}", NULL, NULL, ALL_DEFAULT },
	{ "{}", "{}", NULL, ALL_DEFAULT },
	/* nulls, empty texts and lists say nothing */
	{ "{\"mode\":null,\"vethMTU\":null,\"logOptions\":null}",
	  "{\"mode\":null,\"serviceCIDR\":null,\"policyRoutes\":null,\"tunePodRoutes\":null,\"hostRuleTable\":null,"
	  "\"podRPFilter\":null}",
	  NULL, ALL_DEFAULT },
	{ "{\"mode\":\"\",\"serviceCIDR\":[],\"vethLinkAddress\":\"\",\"podMACPrefix\":\"\",\"podDefaultCniNic\":"
	  "\"\",\"podDefaultRouteNic\":\"\"}",
	  "{\"mode\":\"overlay\",\"serviceCIDR\":[\"10.96.0.0/12\"],\"vethLinkAddress\":\"169.254.1.1\","
	  "\"podMACPrefix\":\"0a:1b\",\"podDefaultRouteNIC\":\"net1\"}",
	  NULL,
	  " mode=overlay nic=eth0 default=net1 tune=1 table=500 rp=0 txq=0 mtu=1500 link=169.254.1.1 mac=0a:1b "
	  "hijack=10.96.0.0/12 " },
	/* mode */
	{ "{\"mode\":\"underlay\"}", "{\"mode\":\"overlay\"}", NULL, " mode=underlay " },
	{ "{}", "{\"mode\":\"overlay\"}", NULL, " mode=overlay " },
	{ "{\"mode\":\"auto\"}", "{\"mode\":\"disabled\"}", NULL, " mode=auto " },
	{ "{\"mode\":\"disable\"}", NULL, NULL, " mode=disable " },
	{ "{\"mode\":\"disabled\"}", NULL, NULL, " mode=disable " },
	{ "{}", "{\"mode\":\"disabled\"}", NULL, " mode=disable " },
	{ "{\"mode\":\"disabled\",\"hijackCIDR\":[\"what\"]}", NULL, NULL, " mode=disable " },
	/* numbers */
	{ "{\"hostRuleTable\":1}", "{\"hostRuleTable\":7}", NULL, " table=1 " },
	{ "{}", "{\"hostRuleTable\":7}", NULL, " table=7 " },
	{ "{}", "{\"hostRuleTable\":0}", NULL, " table=500 " },
	{ "{}", "{\"hostRuleTable\":-3}", NULL, " table=500 " },
	{ "{\"hostRuleTable\":4294967295}", NULL, NULL, " table=4294967295 " },
	{ "{\"hostRuleTable\":252}", NULL, NULL, " table=252 " },
	{ "{\"hostRuleTable\":256}", NULL, NULL, " table=256 " },
	{ "{\"vethMTU\":68}", "{\"vethMTU\":9000}", NULL, " mtu=68 " },
	{ "{}", "{\"vethMTU\":65535}", NULL, " mtu=65535 " },
	{ "{}", "{\"vethMTU\":0}", NULL, " mtu=1500 " },
	{ "{\"txQueueLen\":0}", "{\"txQueueLen\":1000}", NULL, " txq=0 " },
	{ "{}", "{\"txQueueLen\":1000}", NULL, " txq=1000 " },
	{ "{}", "{\"txQueueLen\":-1}", NULL, " txq=0 " },
	{ "{\"podRPFilter\":0}", "{\"podRPFilter\":2}", NULL, " rp=0 " },
	{ "{}", "{\"podRPFilter\":2}", NULL, " rp=2 " },
	{ "{\"podRPFilter\":-1}", "{\"podRPFilter\":2}", NULL, " rp=-1 " },
	{ "{\"podRPFilter\":-7}", NULL, NULL, " rp=-1 " },
	{ "{}", "{\"podRPFilter\":-7}", NULL, " rp=-1 " },
	/* tunePodRoutes */
	{ "{\"tunePodRoutes\":false}", "{\"tunePodRoutes\":true}", NULL, " tune=0 " },
	{ "{\"tunePodRoutes\":true}", "{\"tunePodRoutes\":false}", NULL, " tune=1 " },
	{ "{}", "{\"tunePodRoutes\":false}", NULL, " tune=0 " },
	/* texts */
	{ "{\"podDefaultCniNic\":\"ens1\"}", NULL, NULL, " nic=ens1 " },
	{ "{\"vethLinkAddress\":\"169.254.200.1\"}", "{\"vethLinkAddress\":\"1.2.3.4\"}", NULL,
	  " link=169.254.200.1 " },
	{ "{\"vethLinkAddress\":\"169.254.200.1/32\"}", NULL, NULL, " link=169.254.200.1 " },
	{ "{\"podMACPrefix\":\"0A:1b\"}", "{\"podMACPrefix\":\"what\"}", NULL, " mac=0a:1b " },
	{ "{\"podMACPrefix\":\"fE-FF\"}", NULL, NULL, " mac=fe:ff " },
	{ "{\"podMACPrefix\":\"00:00\"}", NULL, NULL, " mac=00:00 " },
	/* prefixes: each list from its own place, in order, none twice, no host bits */
	{ "{\"hijackCIDR\":[\" 169.254.20.10 \",\"fd00::5\",\"10.1.2.3/16\"],\"overlayPodCIDR\":[\"10.244.0.0/16\","
	  "\"fd00:10::/64\"]}",
	  "{\"overlayPodCIDR\":[\"1.0.0.0/8\"],\"serviceCIDR\":[\"10.96.0.0/12\",\"10.244.9.9/16\"],"
	  "\"hijackCIDR\":[\"2.0.0.0/8\"]}",
	  NULL, " hijack=10.244.0.0/16,fd00:10::/64,10.96.0.0/12,169.254.20.10/32,fd00::5/128,10.1.0.0/16 " },
	{ "{}", "{\"hijackCIDR\":[\"169.254.20.10\"]}", NULL, " hijack=169.254.20.10/32 " },
	/* routes */
	{ "{\"policyRoutes\":[{\"dst\":\" 10.8.1.1/16\",\"gw\":\"10.6.0.1 \"},{\"dst\":\"10.9.0.1\",\"gw\":\"10.6.0.1\"},"
	  "{\"dst\":\"fd00::/8\",\"gw\":\"fd01::1\"},{\"dst\":\"10.8.0.0/16\",\"gw\":\"10.6.0.1\"}]}",
	  "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"}]}", NULL,
	  " routes=10.8.0.0/16>10.6.0.1,10.9.0.1/32>10.6.0.1,fd00::/8>fd01::1 " },
	{ "{}", "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"}]}", NULL,
	  " routes=1.1.1.1/32>1.1.1.2 " },
	{ "{\"policyRoutes\":[]}", "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"}]}", NULL,
	  " routes=1.1.1.1/32>1.1.1.2 " },
	/* who says where the default route goes */
	{ "{\"podDefaultRouteNic\":\"c\"}",
	  "{\"podDefaultRouteNIC\":\"d\",\"podDefaultRouteNICAnnotation\":\"b\"}", "{" NIC "\"a\"}",
	  " default=a " },
	{ "{\"podDefaultRouteNic\":\"c\"}",
	  "{\"podDefaultRouteNIC\":\"d\",\"podDefaultRouteNICAnnotation\":\"b\"}", "{" NIC "\"\"}",
	  " default=b " },
	{ "{\"podDefaultRouteNic\":\"c\"}",
	  "{\"podDefaultRouteNIC\":\"d\",\"podDefaultRouteNICAnnotation\":\"\"}", NULL, " default=c " },
	{ "{}", "{\"podDefaultRouteNIC\":\"d\"}", NULL, " default=d " },
	/* what Multus will add */
	{ "{}", NULL, "{}", " networks= " },
	{ "{}", NULL, "{" LINKS "\"  \"}", " networks= " },
	{ "{}", NULL, "{" LINKS "\"a,ns/b@blue, c\"}", " networks=net1,blue,net3 " },
	{ "{}", NULL, "{" LINKS "\"[]\"}", " networks= " },
	{ "{}", NULL,
	  "{" LINKS "\"[{\\\"name\\\":\\\"a\\\"},{\\\"name\\\":\\\"b\\\",\\\"interface\\\":\\\"red\\\"}]\"}",
	  " networks=net1,red " },
	/* for other versions, and without effect */
	{ "{\"detectIPConflict\":true,\"detectGateway\":1,\"detectOptions\":{\"retries\":\"x\"},\"hostRPFilter\":\"9\","
	  "\"multusNicPrefix\":[],\"later\":1}",
	  "{\"detectGateway\":false,\"later\":{}}", NULL, ALL_DEFAULT },
};

static const struct row wrong[] = {
	{ "{\"mode\":\"Auto\"}", NULL, NULL,
	  "config: mode \"Auto\": want auto, underlay, overlay or disabled" },
	{ "{}", "{\"mode\":\"x\"}", NULL, "agent: mode \"x\": want auto" },
	{ "{\"hostRuleTable\":254}", NULL, NULL, "config: hostRuleTable 254: want another table" },
	{ "{}", "{\"hostRuleTable\":253}", NULL, "agent: hostRuleTable 253: want another table" },
	{ "{\"hostRuleTable\":255}", NULL, NULL, "config: hostRuleTable 255: want another table" },
	{ "{}", "{\"hostRuleTable\":4294967296}", NULL,
	  "agent: hostRuleTable 4294967296: want 1 to 4294967295" },
	{ "{}", "{\"vethMTU\":67}", NULL, "agent: vethMTU 67: want 68 to 65535" },
	{ "{}", "{\"vethMTU\":65536}", NULL, "agent: vethMTU 65536: want 68 to 65535" },
	{ "{}", "{\"podRPFilter\":3}", NULL, "agent: podRPFilter 3: want" },
	{ "{}", "{\"txQueueLen\":2147483648}", NULL, "agent: txQueueLen 2147483648: want 0 to 2147483647" },
	{ "{\"podDefaultCniNic\":\"a/b\"}", NULL, NULL,
	  "config: podDefaultCniNic \"a/b\": want the name of a NIC" },
	{ "{\"podDefaultRouteNic\":\"0123456789abcdef\"}", NULL, NULL,
	  "config: podDefaultRouteNic \"0123456789abcdef\": want the name of a NIC" },
	{ "{}", "{\"podDefaultRouteNIC\":\"a b\"}", NULL, "agent: podDefaultRouteNic \"a b\"" },
	{ "{}", NULL, "{" NIC "\"..\"}",
	  "annotation ipam.spidernet.io/default-route-nic: podDefaultRouteNic \"..\"" },
	{ "{\"vethLinkAddress\":\"fe80::1\"}", NULL, NULL,
	  "config: vethLinkAddress \"fe80::1\": want one IPv4 address, for example" },
	{ "{}", "{\"vethLinkAddress\":\"what\"}", NULL, "agent: vethLinkAddress \"what\"" },
	{ "{\"vethLinkAddress\":\"169.254.0.1/16\"}", NULL, NULL,
	  "config: vethLinkAddress \"169.254.0.1/16\"" },
	{ "{\"vethLinkAddress\":\"fe80::1/32\"}", NULL, NULL, "config: vethLinkAddress \"fe80::1/32\"" },
	{ "{\"serviceCIDR\":[\"10.0.0.1\"]}", NULL, NULL, "config: serviceCIDR[0]: prefix \"10.0.0.1\"" },
	{ "{\"vethLinkAddress\":\"0.0.0.0\"}", NULL, NULL, "config: vethLinkAddress \"0.0.0.0\"" },
	{ "{\"vethLinkAddress\":\"224.0.0.1\"}", NULL, NULL, "config: vethLinkAddress \"224.0.0.1\"" },
	{ "{\"podMACPrefix\":\"0,:1b\"}", NULL, NULL, "config: podMACPrefix \"0,:1b\": want two bytes" },
	{ "{\"podMACPrefix\":\"0a1b\"}", NULL, NULL, "config: podMACPrefix \"0a1b\": want two bytes" },
	{ "{\"podMACPrefix\":\"0a.1b\"}", NULL, NULL, "want two bytes" },
	{ "{\"podMACPrefix\":\"0a:1b:2c\"}", NULL, NULL, "want two bytes" },
	{ "{\"podMACPrefix\":\"0a:1g\"}", NULL, NULL, "want two bytes" },
	{ "{\"podMACPrefix\":\"01:00\"}", NULL, NULL,
	  "config: podMACPrefix \"01:00\": want an even first byte" },
	{ "{}", "{\"podMACPrefix\":\"0b:00\"}", NULL,
	  "agent: podMACPrefix \"0b:00\": want an even first byte" },
	{ "{\"podMACPrefix\":\"aD:00\"}", NULL, NULL, "want an even first byte" },
	{ "{\"overlayPodCIDR\":[\"10.0.0.0/8\",\"10.0.0.1\"]}", NULL, NULL,
	  "config: overlayPodCIDR[1]: prefix \"10.0.0.1\": want a prefix length" },
	{ "{}", "{\"serviceCIDR\":[\"10.0.0.0/33\"]}", NULL,
	  "agent: serviceCIDR[0]: prefix \"10.0.0.0/33\"" },
	{ "{\"hijackCIDR\":[\"what\"]}", NULL, NULL, "config: hijackCIDR[0]: prefix \"what\"" },
	{ "{\"hijackCIDR\":[\"::ffff:1.2.3.4\"]}", NULL, NULL, "config: hijackCIDR[0]" },
	{ "{\"hijackCIDR\":[\"10.0.0.1                                                              x\"]}",
	  NULL, NULL, "config: hijackCIDR[0]" },
	{ "{\"policyRoutes\":[{\"dst\":\"x\",\"gw\":\"1.1.1.1\"}]}", NULL, NULL,
	  "config: policyRoutes[0]: dst: prefix \"x\"" },
	{ "{}",
	  "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"},{\"dst\":\"1.1.1.2\",\"gw\":\"y\"}]}",
	  NULL, "agent: policyRoutes[1]: gw: " },
	{ "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"fd00::1\"}]}", NULL, NULL,
	  "dst \"1.1.1.1\" and gw \"fd00::1\": want one family" },
	{ "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"0.0.0.0\"}]}", NULL, NULL,
	  "gw \"0.0.0.0\": want the address of a router" },
	{ "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"ff02::1\"}]}", NULL, NULL, "want one family" },
	{ "{\"policyRoutes\":[{\"dst\":\"::1\",\"gw\":\"ff02::1\"}]}", NULL, NULL,
	  "want the address of a router" },
	{ "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"},{\"dst\":\"1.1.1.1/32\",\"gw\":\"1.1.1.3\"}]}",
	  NULL, NULL, "policyRoutes[1]: dst 1.1.1.1/32 has two gateways, 1.1.1.2 and 1.1.1.3; want one" },
	{ "{}", NULL, "{" LINKS "\"[{\"}", "annotation k8s.v1.cni.cncf.io/networks: value:1:" },
	{ "{}", NULL, "{" LINKS "\"{}\"}", "annotation k8s.v1.cni.cncf.io/networks" },
	{ "{}", NULL, "{" LINKS "\"[{\\\"interface\\\":3}]\"}", "annotation k8s.v1.cni.cncf.io/networks" },
};

static int merge_row(const struct row *w, struct coordinator_conf *c)
{
	CLEANUP(json_put_p) struct json_object *tree = tree_of(w->conf), *notes = NULL;
	CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };
	CLEANUP(coordinator_answer_clear) struct coordinator_answer a = { 0 };
	struct json_map annotations = { 0 };
	int r = coordinator_section_read(tree, &s, &err);

	if (r < 0)
		fail_msg("%s: %s", w->conf, err.msg);
	if (w->agent &&
	    json_decode_text(&coordinator_answer_table, w->agent, strlen(w->agent), "answer", &a, &err) < 0)
		fail_msg("%s: %s", w->agent, err.msg);
	notes = tree_of(w->annotations);
	if (notes) {
		json_object_object_foreach(notes, key, value)
		{
			assert_int_equal(json_map_set(&annotations, key, json_text(value), &err), 0);
		}
		annotations.set = true;
	}
	r = coordinator_conf_merge(&s, w->agent ? &a : NULL, w->annotations ? &annotations : NULL, c, &err);
	json_map_clear(&annotations);
	return r;
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CLEANUP(coordinator_conf_clear) struct coordinator_conf c = { 0 };
		CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);

		if (merge_row(&good[i], &c) < 0)
			fail_msg("%s %s: %s", good[i].conf, good[i].agent, err.msg);
		dump(&b, &c);
		if (!strstr(buf_cstr(&b), good[i].want))
			fail_msg("%s %s %s: got \"%s\", want \"%s\"", good[i].conf, good[i].agent,
				 good[i].annotations, buf_cstr(&b), good[i].want);
	}
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CLEANUP(coordinator_conf_clear) struct coordinator_conf c = { 0 };

		err = (struct err){ 0 };
		if (merge_row(&wrong[i], &c) >= 0)
			fail_msg("%s %s %s: taken", wrong[i].conf, wrong[i].agent, wrong[i].annotations);
		if (!strstr(err.msg, wrong[i].want) || err.cni != ERR_CONFIG)
			fail_msg("%s %s: got %d \"%s\", want \"%s\"", wrong[i].conf, wrong[i].agent, err.cni,
				 err.msg, wrong[i].want);
		if (c.hijack.v || c.routes || c.networks.v)
			fail_msg("%s %s: something is left", wrong[i].conf, wrong[i].agent);
	}
}

/* A configuration with a list of n entries that differ in a number. */
static void long_list(struct buf *b, const char *start, const char *before, const char *behind, size_t n)
{
	buf_str(b, start);
	for (size_t i = 0; i < n; i++)
		buf_fmt(b, "%s%s10.%zu.%zu.1%s", i ? "," : "", before, i / 256, i % 256, behind);
	buf_str(b, "]}");
}

static void test_limits(void **state)
{
	static const struct {
		const char *start, *before, *behind, *said;
	} lists[] = {
		{ "{\"serviceCIDR\":[\"1.0.0.0/8\"],\"hijackCIDR\":[\"10.0.0.1\",", "\"", "\"",
		  "config: hijackCIDR: more than 1024 prefixes in all" },
		{ "{\"policyRoutes\":[{\"dst\":\"10.0.0.1\",\"gw\":\"10.0.0.2\"},", "{\"dst\":\"",
		  "\",\"gw\":\"10.0.0.2\"}", "config: policyRoutes has 1025 routes; the limit is 1024" },
	};
	struct coordinator_conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		for (size_t n = 1023; n <= 1024; n++) {
			CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);
			int r;

			long_list(&b, lists[i].start, lists[i].before, lists[i].behind, n);
			r = merge_row(&(struct row){ .conf = buf_cstr(&b) }, &c);
			if (r != (n > 1023 ? -E2BIG : 0))
				fail_msg("%s %zu entries: %d %s", lists[i].start, n, r, err.msg);
			coordinator_conf_clear(&c);
		}
		if (!strstr(err.msg, lists[i].said))
			fail_msg("%s: %s", lists[i].start, err.msg);
	}
	for (size_t n = COORDINATOR_NETWORKS_MAX; n <= COORDINATOR_NETWORKS_MAX + 1; n++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);
		int r;

		buf_str(&b, "{" LINKS "\"a");
		for (size_t i = 1; i < n; i++)
			buf_str(&b, ",a");
		buf_str(&b, "\"}");
		r = merge_row(&(struct row){ .conf = "{}", .annotations = buf_cstr(&b) }, &c);
		assert_int_equal(r, n > COORDINATOR_NETWORKS_MAX ? -E2BIG : 0);
		assert_int_equal(c.networks.n, r < 0 ? 0 : n);
		coordinator_conf_clear(&c);
	}
	assert_non_null(strstr(err.msg, "129 networks; the limit is 128"));
	assert_int_equal(err.cni, ERR_CONFIG);
}

/* ---- the section by itself ---- */

static void test_section(void **state)
{
	static const struct {
		const char *conf, *want; /* "path level size age count state socket", or a sentence */
	} sections[] = {
		{ "{}", "/var/log/spidernet/coordinator.log 1 -1 -1 -1 /run/spiderpool "
			"/var/run/spidernet/spiderpool.sock" },
		{ "{\"logOptions\":{}}", "/var/log/spidernet/coordinator.log 1 -1 -1 -1 " },
		{ "{\"logOptions\":{\"logLevel\":\"DEBUG\",\"logFile\":\"/var/log/x.log\",\"logMaxSize\":\"7\","
		  "\"logMaxAge\":0,\"logMaxCount\":\"0\"},\"stateDir\":\"/s\",\"agentSocket\":\"/a/b\"}",
		  "/var/log/x.log 0 7 0 0 /s /a/b" },
		{ "{\"logOptions\":{\"logLevel\":\"\",\"logFile\":\"\"},\"stateDir\":\"\",\"agentSocket\":\"\"}",
		  "/var/log/spidernet/coordinator.log 1 -1 -1 -1 /run/spiderpool /var/run" },
		{ "{\"logOptions\":{\"logLevel\":\"loud\"}}", "config: logOptions.logLevel: " },
		{ "{\"logOptions\":{\"logMaxSize\":\"7x\"}}",
		  "config: logOptions.logMaxSize: want a whole number, 0 or more, got \"7x\"" },
		{ "{\"logOptions\":{\"logMaxAge\":-1}}", "logMaxAge: want a whole number, 0 or more" },
		{ "{\"logOptions\":{\"logMaxAge\":\"\"}}",
		  "logMaxAge: want a whole number, 0 or more, got \"\"" },
		{ "{\"logOptions\":{\"logMaxCount\":[]}}", "logMaxCount: want a whole number, 0 or more" },
		{ "{\"logOptions\":{\"logMaxCount\":\"99999999999999999999\"}}", "logMaxCount: want" },
		{ "{\"logOptions\":3}", "config: logOptions: want an object" },
		{ "{\"stateDir\":\"run\"}", "config: stateDir \"run\": want an absolute path" },
		{ "{\"stateDir\":\"/run/../etc\"}",
		  "config: stateDir \"/run/../etc\": want an absolute path" },
		{ "{\"stateDir\":\"/run/.\"}", "config: stateDir \"/run/.\"" },
		{ "{\"stateDir\":\"/run/..x/.y/z..\"}", " /run/..x/.y/z.. " },
		{ "{\"agentSocket\":\"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		  "of at most 107 bytes" },
		{ "{\"vethMTU\":67}", "config: vethMTU: want a whole number from 68 to 65535, got 67" },
		{ "{\"vethMTU\":65536}", "config: vethMTU" },
		{ "{\"vethMTU\":0}", "config: vethMTU" },
		{ "{\"vethMTU\":\"1500\"}", "config: vethMTU" },
		{ "{\"hostRuleTable\":0}",
		  "config: hostRuleTable: want a whole number from 1 to 4294967295, got 0" },
		{ "{\"hostRuleTable\":4294967296}", "config: hostRuleTable" },
		{ "{\"podRPFilter\":3}", "config: podRPFilter" },
		{ "{\"txQueueLen\":-1}", "config: txQueueLen" },
		{ "{\"tunePodRoutes\":\"true\"}", "config: tunePodRoutes" },
		{ "{\"serviceCIDR\":\"10.0.0.0/8\"}", "config: serviceCIDR" },
		{ "{\"policyRoutes\":[{\"dst\":\"10.0.0.0/8\"}]}", "config: policyRoutes[0].gw" },
		{ "{\"mode\":1}", "config: mode" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		CLEANUP(json_put_p) struct json_object *tree = tree_of(sections[i].conf);
		CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };
		char got[ERR_MSG_MAX];
		int r = coordinator_section_read(tree, &s, &err);

		if (r < 0)
			snprintf(got, sizeof(got), "%s", err.msg);
		else
			snprintf(got, sizeof(got), "%s %d %d %d %d %s %s", s.log.path, (int)s.log.level,
				 (int)s.log.max_size_mb, (int)s.log.max_age_days, (int)s.log.max_count,
				 s.state_dir, s.agent_socket);
		if (!strstr(got, sections[i].want) || (r < 0 && err.cni != ERR_CONFIG))
			fail_msg("%s: got \"%s\", want \"%s\"", sections[i].conf, got, sections[i].want);
		if (r == 0)
			assert_ptr_equal(s.log.state_dir, s.state_dir);
	}
}

static void note(const char *sentence, void *arg)
{
	buf_fmt(arg, "%s; ", sentence);
}

static void test_notes(void **state)
{
	CLEANUP(json_put_p)
	struct json_object *tree = tree_of(
		"{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"type\":\"coordinator\",\"prevResult\":{\"ips\":[]},"
		"\"runtimeConfig\":{\"mac\":\"x\"},\"args\":{},\"capabilities\":{},\"cni.dev/valid-attachments\":[],"
		"\"deviceID\":\"x\",\"pciBusID\":\"x\",\"mode\":\"auto\",\"detectGateway\":true,\"hostRPFilter\":0,"
		"\"hostRpFilter\":0,\"logOptions\":{\"logLevel\":\"info\",\"logSize\":1},\"multusNicPrefix\":null,"
		"\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\",\"via\":\"x\"}]}");
	CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);

	(void)state;
	coordinator_section_notes(tree, note, &b);
	assert_string_equal(buf_cstr(&b),
			    "hostRPFilter: this key has no effect here; "
			    "detectGateway: this key has no effect here; the IPAM plugin detects; "
			    "hostRpFilter: unknown key, ignored; "
			    "logOptions.logSize: unknown key, ignored; "
			    "policyRoutes[0].via: unknown key, ignored; ");
}

static void test_disabled(void **state)
{
	static const struct {
		const char *conf;
		bool want;
	} sections[] = { { "{}", false },
			 { "{\"mode\":\"auto\"}", false },
			 { "{\"mode\":\"disable\"}", true },
			 { "{\"mode\":\"disabled\"}", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		CLEANUP(json_put_p) struct json_object *tree = tree_of(sections[i].conf);
		CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };

		assert_int_equal(coordinator_section_read(tree, &s, &err), 0);
		if (coordinator_section_disabled(&s) != sections[i].want)
			fail_msg("%s", sections[i].conf);
	}
}

/* ---- DEL ---- */

static void test_del(void **state)
{
	static const struct {
		const char *conf, *agent, *want;
	} dels[] = {
		{ "{}", NULL, "0 eth0 500 /run/spiderpool" },
		{ "{\"mode\":\"disabled\",\"podDefaultCniNic\":\"e1\",\"hostRuleTable\":7,\"stateDir\":\"/s\"}",
		  "{\"mode\":\"overlay\",\"hostRuleTable\":8}", "3 e1 7 /s" },
		{ "{}", "{\"mode\":\"overlay\",\"hostRuleTable\":8}", "2 eth0 8 /run/spiderpool" },
		{ "{\"mode\":\"\"}", "{\"mode\":\"disabled\",\"hostRuleTable\":0}", "3 eth0 500 " },
		/* what an edit broke */
		{ "{\"mode\":\"x\",\"podDefaultCniNic\":\"a/b\",\"hostRuleTable\":254,\"stateDir\":\"s\",\"vethMTU\":{}}",
		  NULL, "0 eth0 500 /run/spiderpool" },
		{ "{\"mode\":3,\"podDefaultCniNic\":[],\"hostRuleTable\":\"7\",\"stateDir\":5,\"agentSocket\":{}}",
		  NULL, "0 eth0 500 /run/spiderpool" },
		{ "{\"hostRuleTable\":4294967296}", NULL, "0 eth0 500 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dels); i++) {
		CLEANUP(json_put_p) struct json_object *tree = tree_of(dels[i].conf);
		CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };
		CLEANUP(coordinator_answer_clear) struct coordinator_answer a = { 0 };
		struct coordinator_conf c;
		char got[256];

		if (dels[i].agent)
			assert_int_equal(json_decode_text(&coordinator_answer_table, dels[i].agent,
							  strlen(dels[i].agent), "answer", &a, &err),
					 0);
		assert_int_equal(coordinator_section_read_essential(tree, &s, &err), 0);
		coordinator_conf_for_del(tree, dels[i].agent ? &a : NULL, &c);
		snprintf(got, sizeof(got), "%d %s %u %s", (int)c.mode, c.pod_nic, c.host_rule_table,
			 s.state_dir);
		if (strncmp(got, dels[i].want, strlen(dels[i].want)) != 0)
			fail_msg("%s %s: got %s, want %s", dels[i].conf, dels[i].agent, got, dels[i].want);
		assert_string_equal(s.agent_socket, COORDINATOR_SOCKET);
		assert_null(s.log.path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),    cmocka_unit_test(test_wrong), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_section), cmocka_unit_test(test_notes), cmocka_unit_test(test_disabled),
		cmocka_unit_test(test_del),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
