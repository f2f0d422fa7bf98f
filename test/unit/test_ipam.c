/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam.c - the engine: what a call answers and what it leaves behind */
#include "ipam_lab.h"

#define POOL4  "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], gateway: 10.0.0.254"
#define POOL4B "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.3]"
#define POOL6  "subnet: fd00::/64, ips: ['fd00::1-fd00::3'], gateway: 'fd00::ff'"

static const char *const names_a[] = { "a", "b", NULL };

static void test_add_and_del(void **state)
{
	struct lab l;
	struct ipam_request a = lab_request("c1", "eth0"), b = lab_request("c2", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	EXPECT(lab_add(&l, &a), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	EXPECT(lab_add(&l, &a), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	EXPECT(lab_add(&l, &b), "10.0.0.2/24 0.0.0.0/0>10.0.0.254");
	lab_del(&l, "c1", "eth0");
	lab_del(&l, "c1", "eth0");
	/* never used before just released */
	a.container = "c3";
	EXPECT(lab_add(&l, &a), "10.0.0.3/24 0.0.0.0/0>10.0.0.254");
	/* a cooling one rather than none */
	a.container = "c4";
	EXPECT(lab_add(&l, &a), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	a.container = "c5";
	EXPECT(lab_add(&l, &a),
	       "all IP addresses used out: NIC eth0, IPv4; pool a: all 3 addresses are taken");
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	lab_close(&l);
}

static void test_least_recently_released(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	int64_t now = 1700000000000;

	(void)state;
	lab_open(&l);
	clock_freeze_wall(now);
	lab_pool(&l, "a", POOL4 ", default: true");
	for (int i = 1; i <= 3; i++) {
		char c[8];

		snprintf(c, sizeof(c), "c%d", i);
		r.container = c;
		lab_add(&l, &r);
	}
	clock_freeze_wall(now + 1000);
	lab_del(&l, "c2", "eth0");
	clock_freeze_wall(now + 2000);
	lab_del(&l, "c1", "eth0");
	r.container = "d1"; /* both cool: the one that rests longer */
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24");
	clock_freeze_wall(now + 2000 + IPAM_COOLDOWN_MS);
	lab_del(&l, "c3", "eth0");
	r.container = "d2"; /* .1 has rested, .3 has not */
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	clock_freeze_wall(-1);
	lab_close(&l);
}

/* A clock that was set back must not make addresses unusable. */
static void test_clock_goes_back(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true");
	clock_freeze_wall(1900000000000);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	clock_freeze_wall(1700000000000);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	clock_freeze_wall(-1);
	lab_close(&l);
}

static void test_dual_stack_is_all_or_nothing(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	struct ipam_usage u;
	struct api_ippool *pool = NULL;

	(void)state;
	(void)pool;
	(void)u;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_pool(&l, "b", "subnet: fd00::/64, ips: ['fd00::1'], default: true");
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64 0.0.0.0/0>10.0.0.254");
	r.container = "c2";
	EXPECT(lab_add(&l, &r),
	       "all IP addresses used out: NIC eth0, IPv6; pool b: all 1 addresses are taken");
	lab_del(&l, "c1", "eth0");
	/* nothing of the failed call is left: .2 was never used */
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24 fd00::1/64");
	lab_close(&l);
}

static void test_families_and_gateways(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	const char *const v4[] = { "a", NULL }, *const v6[] = { "s", NULL };
	struct json_strv l4 = lab_strv(v4), l6 = lab_strv(v6);

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", routes: [{dst: 10.9.0.0/16, gw: 10.0.0.253}]");
	lab_pool(&l, "s", POOL6);
	l.m.conf.default_ipv6 = &l6;
	EXPECT(lab_add(&l, &r), "fd00::1/64 ::/0>fd00::ff");
	l.m.conf.default_ipv4 = &l4;
	r.container = "c2";
	EXPECT(lab_add(&l, &r),
	       "10.0.0.1/24 fd00::2/64 10.9.0.0/16>10.0.0.253 0.0.0.0/0>10.0.0.254 ::/0>fd00::ff");
	l.m.conf.clean_gateway = true;
	r.container = "c3";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24 fd00::3/64 10.9.0.0/16>10.0.0.253");
	lab_close(&l);
}

/* What plugins are told is what the kernel takes. */
static void test_routes_are_plain(void **state)
{
	struct json_map_entry entry;
	struct json_map map = lab_annotation(
		&entry, ANNOTATION_ROUTES,
		"[{\"dst\":\"10.7.1.2/16\",\"gw\":\"10.0.0.9\"},{\"dst\":\"10.7.0.0/16\",\"gw\":\"10.0.0.9\"},"
		"{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.254\"},{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.253\"},"
		"{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.252\"}]");
	struct ipam_request r = lab_request("c1", "eth0");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true, routes: [{dst: 10.9.1.2/16, gw: 10.0.0.253}]");
	lab_pool(&l, "s", POOL6 ", default: true, routes: [{dst: 'fd01:0::1/32', gw: 'fd00:0::fd'}]");
	r.annotations = &map;
	EXPECT(lab_add(&l, &r),
	       "10.0.0.1/24 fd00::1/64 10.9.0.0/16>10.0.0.253 0.0.0.0/0>10.0.0.254 fd01::/32>fd00::fd "
	       "::/0>fd00::ff 10.7.0.0/16>10.0.0.9 10.9.0.0/16>10.0.0.252");
	lab_close(&l);
}

static void test_fallback_in_order(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c", "eth0");
	const char *const list[] = { "b", "missing", "a", NULL };
	struct json_strv names = lab_strv(list);
	char c[8];

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	lab_pool(&l, "b", POOL4B);
	l.m.conf.default_ipv4 = &names;
	for (int i = 0; i < 6; i++) {
		snprintf(c, sizeof(c), "c%d", i);
		r.container = c;
		EXPECT_PART(lab_add(&l, &r), i < 3 ? "10.1.0." : "10.0.0.");
	}
	r.container = "last";
	EXPECT(lab_add(&l, &r),
	       "all IP addresses used out: NIC eth0, IPv4; pool b: all 3 addresses are taken; pool a: all 3 "
	       "addresses are taken; pool missing: does not exist");
	lab_close(&l);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *spec, *want;
	} rows[] = {
		{ ", disable: true", "pool a: is disabled (spec.disable: true)" },
		{ ", nodeName: [n2]", "pool a: node \"n1\" is not in spec.nodeName (n2)" },
		{ ", nodeName: [n1]", "10.0.0.1/24" },
		{ ", nodeName: [n1], nodeAffinity: {matchLabels: {zone: east}}", "10.0.0.1/24" },
		{ ", nodeAffinity: {matchLabels: {zone: east}}",
		  "needs the labels of the node, which are not known here" },
		{ ", namespaceName: [prod]",
		  "pool a: namespace \"default\" is not in spec.namespaceName (prod)" },
		{ ", namespaceName: [default]", "10.0.0.1/24" },
		{ ", namespaceAffinity: {matchLabels: {zone: east}}", "use spec.namespaceName instead" },
		{ ", podAffinity: {matchLabels: {app: web}}", "10.0.0.1/24" },
		{ ", podAffinity: {matchLabels: {app: db}}",
		  "spec.podAffinity does not match the labels of pod p" },
		{ ", multusName: [kube-system/other]",
		  "network \"net\" is not in spec.multusName (kube-system/other)" },
		{ ", multusName: [kube-system/net]", "10.0.0.1/24" },
		{ ", excludeIPs: [10.0.0.1-10.0.0.3]", "has no addresses left" },
	};
	struct json_map_entry label = { (char *)"app", (char *)"web" };
	struct json_map labels = { &label, 1, true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "");
		char spec[512];
		struct lab l;

		lab_open(&l);
		snprintf(spec, sizeof(spec), "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], default: true%s",
			 rows[i].spec);
		lab_pool(&l, "a", spec);
		r.pod_labels = (struct ipam_labels){ true, &labels };
		EXPECT_PART(lab_add(&l, &r), rows[i].want);
		lab_close(&l);
	}
}

static void test_match_master(void **state)
{
	struct ipam_master with = { .name = "ens1", .n = 1 },
			   without = { .unknown = "interface eth0 is on no PCI bus" };
	struct ipam_request r = lab_request("c1", "eth0");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	r.master = &without;
	EXPECT_PART(lab_add(&l, &r), "pool a: match_master_subnet: interface eth0 is on no PCI bus");
	r.master = &with;
	assert_int_equal(ip_prefix_parse("10.1.0.1/24", &with.addr[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r), "no address of the physical NIC ens1 lies in spec.subnet 10.0.0.0/24");
	assert_int_equal(ip_prefix_parse("10.0.0.77/24", &with.addr[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	lab_close(&l);
}

/* Invariant C: an attachment that names an address another container holds gives it back to nobody. */
static void test_del_compares_the_container(void **state)
{
	struct ipam_request r = lab_request("c1", "eth0"), r2 = lab_request("c2", "eth0");
	struct store_op op = { .verb = STORE_CREATE, .kind = STORE_ATTACHMENT };
	struct ipam_key key;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_add(&l, &r);
	ipam_attachment_key("net", "c2", "eth0", &key);
	op.ns = key.ns;
	op.name = key.name;
	op.data = "{\"network\":\"net\",\"container\":\"c2\",\"nic\":\"eth0\",\"since\":1,"
		  "\"ips\":[{\"address\":\"10.0.0.1/24\",\"pool\":\"a\"}]}";
	op.len = strlen(op.data);
	assert_int_equal(store_begin(l.st, STORE_WRITE, deadline_in(1000), &l.e), 0);
	assert_int_equal(store_commit(l.st, &op, 1, &l.e), 0);
	lab_del(&l, "c2", "eth0");
	EXPECT_PART(lab_add(&l, &r2), "10.0.0.2/24");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	lab_close(&l);
}

static void test_affinity_comes_first(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	struct json_strv names = lab_strv(names_a);

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	lab_pool(&l, "b", POOL4B ", nodeName: [n1]");
	l.m.conf.default_ipv4 = &names;
	EXPECT_PART(lab_add(&l, &r), "10.1.0.1/24");
	lab_close(&l);
}

static void test_reserved_and_excluded(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.6], excludeIPs: [10.0.0.2], default: true");
	lab_apply(&l,
		  "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: r}\n"
		  "spec: {ips: [10.0.0.1, 10.0.0.3-10.0.0.5]}\n");
	EXPECT(lab_add(&l, &r), "10.0.0.6/24");
	r.container = "c2";
	EXPECT_PART(lab_add(&l, &r), "used out");
	lab_close(&l);
}

static void test_annotations(void **state)
{
	static const struct {
		const char *key, *value, *want;
	} rows[] = {
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}", "10.1.0.1/24" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"],\"ipv6\":[\"s\"]}",
		  "10.1.0.1/24 fd00::1/64 ::/0>fd00::ff" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"?\"]}", "10.0.0.1/24 0.0.0.0/0>10.0.0.254" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"x*\"]}", "no IPv4 pool matches \"x*\"" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"[\",\"]\"]}", "no IPPool available" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"[b-\"]}", "does not exist" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"nope\"]}", "pool nope: does not exist" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"s\"]}", "is an IPv6 pool, asked for as IPv4" },
		{ ANNOTATION_IPPOOL, "{}", "names no pool" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":\"b\"}", "annotation ipam.spidernet.io/ippool: ipv4: want" },
		{ ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\",\"b\"]}", "pool b is named twice" },
		{ ANNOTATION_IPPOOL, "{", "annotation ipam.spidernet.io/ippool: value" },
		{ ANNOTATION_IPPOOLS, "[]", "0 items; want 1 to 32" },
		{ ANNOTATION_IPPOOLS, "{}", "annotation ipam.spidernet.io/ippools: items: want" },
		{ ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"],\"cleangateway\":true}]",
		  "10.1.0.1/24" },
		{ ANNOTATION_IPPOOLS, "[{\"ipv4\":[\"b\"]}]", "10.1.0.1/24" },
		{ ANNOTATION_IPPOOLS, "[{\"interface\":\"net1\",\"ipv4\":[\"b\"]}]",
		  "interface eth0 of this network is not among" },
		{ ANNOTATION_IPPOOLS, "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"]},{\"ipv4\":[\"a\"]}]",
		  "1 of 2 items name an interface" },
		{ ANNOTATION_IPPOOLS,
		  "[{\"interface\":\"eth0\",\"ipv4\":[\"b\"]},{\"interface\":\"eth0\",\"ipv4\":[\"a\"]}]",
		  "interface eth0 is named twice" },
		{ ANNOTATION_SUBNET, "{\"ipv4\":[\"x\"]}", "made by spiderpool-controller" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"10.7.0.0/16\",\"gw\":\"10.0.0.9\"}]",
		  "10.0.0.1/24 0.0.0.0/0>10.0.0.254 10.7.0.0/16>10.0.0.9" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"10.7.0.0/16\",\"gw\":\"192.0.2.1\"}]",
		  "10.0.0.1/24 0.0.0.0/0>10.0.0.254" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"10.7.0.0/16\",\"gw\":\"fd00::1\"}]",
		  "of different families" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"10.7.0.0/16\"}]", "item 0 has no gw" },
		{ ANNOTATION_ROUTES, "[{\"gw\":\"10.0.0.9\"}]", "item 0 has no dst" },
		{ ANNOTATION_ROUTES, "[{\"dst\":\"10.7.0.0\",\"gw\":\"10.0.0.9\"}]",
		  "annotation ipam.spidernet.io/routes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_request("c1", "eth0");
		struct json_map_entry entry;
		struct json_map map = lab_annotation(&entry, rows[i].key, rows[i].value);
		struct lab l;

		lab_open(&l);
		lab_pool(&l, "a", POOL4 ", default: true");
		lab_pool(&l, "b", POOL4B);
		lab_pool(&l, "s", POOL6);
		r.annotations = &map;
		EXPECT_PART(lab_add(&l, &r), rows[i].want);
		lab_close(&l);
	}
}

static void test_two_sandboxes_of_one_pod(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	r.container = "c2"; /* the same pod, a new sandbox: the same answer */
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	lab_del(&l, "c1", "eth0"); /* late: not its address any more */
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	r = lab_pod("c3", "eth0", "p", "u2"); /* another pod of that name */
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24");
	lab_del(&l, "c2", "eth0");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24");
	lab_close(&l);
}

static bool never_dead(const struct ipam_attachment *a, void *arg)
{
	(void)a;
	return *(bool *)arg;
}

static void test_kept_by_pod_name(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "web-0", "u1"),
			    other = lab_pod("x1", "eth0", "web-1", "u9");
	bool alive = true;

	(void)state;
	lab_open(&l);
	l.m.conf.keep_by_pod_name = true;
	l.m.alive = never_dead;
	l.m.alive_arg = &alive;
	lab_pool(&l, "a",
		 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.2], gateway: 10.0.0.254, default: true");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	r = lab_pod("c2", "eth0", "web-0", "u2");
	EXPECT_PART(lab_add(&l, &r), "is still held by its former sandbox c1");
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	lab_del(&l, "c1", "eth0");
	EXPECT_PART(lab_add(&l, &other), "10.0.0.2/24");
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	alive = false; /* died without DEL */
	r = lab_pod("c3", "eth0", "web-0", "u3");
	EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
	lab_del(&l, "c2", "eth0");
	lab_del(&l, "c3", "eth0");
	/* the pool is full of addresses that are kept */
	other = lab_pod("y", "eth0", "new", "u7");
	EXPECT_PART(lab_add(&l, &other), "used out");
	/* a changed pool moves the pod */
	lab_pool(&l, "b", POOL4B);
	const char *const b[] = { "b", NULL };
	struct json_strv only_b = lab_strv(b);

	l.m.conf.default_ipv4 = &only_b;
	EXPECT_PART(lab_add(&l, &r), "10.1.0.1/24");
	l.m.conf.default_ipv4 = NULL;
	EXPECT_PART(lab_add(&l, &other), "10.0.0.1/24");
	lab_close(&l);
}

static void test_requested(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", ""), r2 = lab_request("c2", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	r.n_requested = 1;
	assert_int_equal(ip_parse("10.0.0.2", &r.requested[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r), "10.0.0.2/24");
	r2.requested[0] = r.requested[0];
	r2.n_requested = 1;
	EXPECT_PART(lab_add(&l, &r2),
		    "requested address 10.0.0.2 is held by pod default/p (container c1, NIC eth0");
	assert_int_equal(ip_parse("10.0.0.9", &r2.requested[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r2), "requested address 10.0.0.9 is handed out by none of the pools");
	assert_int_equal(ip_parse("fd00::1", &r2.requested[0], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r2), "an IPv6 address is requested, but NIC eth0 gets no IPv6");
	assert_int_equal(ip_parse("10.0.0.3", &r2.requested[0], &l.e), 0);
	assert_int_equal(ip_parse("10.0.0.1", &r2.requested[1], &l.e), 0);
	r2.n_requested = 2;
	EXPECT_PART(lab_add(&l, &r2), "2 IPv4 and 0 IPv6 addresses are requested");
	r2.n_requested = 1;
	EXPECT_PART(lab_add(&l, &r2), "10.0.0.3/24");
	lab_close(&l);
}

static void test_requested_dual(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_pool(&l, "s", POOL6 ", default: true");
	r.n_requested = 2;
	assert_int_equal(ip_parse("fd00::3", &r.requested[0], &l.e), 0);
	assert_int_equal(ip_parse("10.0.0.3", &r.requested[1], &l.e), 0);
	EXPECT_PART(lab_add(&l, &r), "10.0.0.3/24 fd00::3/64");
	lab_close(&l);
}

static void test_check(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");
	struct ip_prefix have[2];

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	assert_true(ipam_check(&l.m, "net", "c1", "eth0", NULL, 0, &l.e) < 0);
	assert_int_equal(l.e.cni, ERR_UNKNOWN_CONTAINER);
	lab_add(&l, &r);
	assert_int_equal(ip_prefix_parse("10.0.0.9/24", &have[0], &l.e), 0);
	assert_int_equal(ip_prefix_parse("10.0.0.1/24", &have[1], &l.e), 0);
	assert_int_equal(ipam_check(&l.m, "net", "c1", "eth0", have, 2, &l.e), 0);
	assert_true(ipam_check(&l.m, "net", "c1", "eth0", have, 1, &l.e) < 0);
	EXPECT_PART(l.e.msg, "does not have address 10.0.0.1/24");
	lab_close(&l);
}

static void test_status(void **state)
{
	struct lab l;
	struct json_strv names = lab_strv(names_a);
	const char *const none[] = { "zz*", NULL };
	struct json_strv zz = lab_strv(none);

	(void)state;
	lab_open(&l);
	assert_true(ipam_status(&l.m, &l.e) < 0);
	assert_int_equal(l.e.cni, ERR_UNAVAILABLE);
	lab_pool(&l, "b", "subnet: 10.0.0.0/24, ips: []");
	assert_int_equal(ipam_status(&l.m, &l.e), 0);
	l.m.conf.default_ipv4 = &names;
	assert_int_equal(ipam_status(&l.m, &l.e), 0);
	l.m.conf.default_ipv4 = &zz;
	assert_true(ipam_status(&l.m, &l.e) < 0);
	lab_close(&l);
}

static const struct store_impl *real;
static int commits;
static size_t committed;

static int count_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	commits++;
	committed += n;
	return real->commit(st, ops, n, e);
}

/* What is there already may not be durable yet: its process was killed before it could flush. */
static void test_unchanged_is_durable(void **state)
{
	struct store_impl counting;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	real = l.st->impl;
	counting = *real;
	counting.commit = count_commit;
	l.st->impl = &counting;
	commits = 0;
	committed = 0;
	lab_pool(&l, "a", POOL4);
	assert_int_equal(commits, 1);
	assert_int_equal(committed, 0);
	l.st->impl = real;
	lab_close(&l);
}

static void test_pool_edits(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_add(&l, &r);
	assert_int_equal(
		lab_try_apply(&l,
			      "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\n"
			      "metadata: {name: a}\nspec: {subnet: 10.0.0.0/24, ips: [10.0.0.2-10.0.0.3]}\n"),
		-EBUSY);
	EXPECT_PART(l.e.msg, "10.0.0.1");
	assert_int_equal(admin_delete(&l.m, API_IPPOOL, "a", false, &l.e), -EBUSY);
	lab_del(&l, "c1", "eth0");
	assert_int_equal(admin_delete(&l.m, API_IPPOOL, "a", false, &l.e), 0);
	assert_int_equal(admin_delete(&l.m, API_IPPOOL, "a", false, &l.e), -ENOENT);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_and_del),
		cmocka_unit_test(test_least_recently_released),
		cmocka_unit_test(test_clock_goes_back),
		cmocka_unit_test(test_dual_stack_is_all_or_nothing),
		cmocka_unit_test(test_families_and_gateways),
		cmocka_unit_test(test_routes_are_plain),
		cmocka_unit_test(test_fallback_in_order),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_match_master),
		cmocka_unit_test(test_del_compares_the_container),
		cmocka_unit_test(test_affinity_comes_first),
		cmocka_unit_test(test_reserved_and_excluded),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_two_sandboxes_of_one_pod),
		cmocka_unit_test(test_kept_by_pod_name),
		cmocka_unit_test(test_requested),
		cmocka_unit_test(test_requested_dual),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_unchanged_is_durable),
		cmocka_unit_test(test_pool_edits),
	};

	return cmocka_run_group_tests_name("ipam", tests, NULL, NULL);
}
