/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_cluster_subnet.c - pods that name subnets use the pool made for their application (spec/ipam.md
 * 5.2, 5.4; E00010; weak spots 14, 19 of 13) */
#include "ipam_cluster.h"

#define SUBNET(text) \
	{ \
		{ \
			ANNOTATION_SUBNET, text \
		} \
	}
#define SUBNETS(text) \
	{ \
		{ \
			ANNOTATION_SUBNETS, text \
		} \
	}
#define SUB SUBNET("{\"ipv4\":[\"sub\"]}")
#define WEB OWNER_OF("apps/v1", "Deployment", "web")

/* podAffinity as the controller writes it. */
#define AFFINITY(group, version, kind, name) \
	", podAffinity: {matchLabels: {ipam.spidernet.io/app-api-group: '" group \
	"', ipam.spidernet.io/app-api-version: " version ", ipam.spidernet.io/app-kind: " kind \
	", ipam.spidernet.io/app-namespace: default, ipam.spidernet.io/app-name: " name "}}"

static void the_pool_of_the_application(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	EXPECT_PART(
		cluster_add(&l, (struct cluster_pod){ .annotations = SUB, .owner = WEB }),
		"spiderpool-controller has not yet made the IPv4 pool of Deployment default/web, interface "
		"eth0, from SpiderSubnet sub");
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	assert_int_equal(l.e.sys, EAGAIN);
	cluster_app_pool(&l, "auto4-web-eth0-1", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", AFFINITY("apps", "v1", "Deployment", "web"));
	EXPECT(cluster_add(&l, (struct cluster_pod){ .annotations = SUB, .owner = WEB }), "10.0.0.1/24");
	/* others may not have it, not even by its name */
	EXPECT_PART(
		cluster_add(&l, (struct cluster_pod){ .container = "c2",
						      .pod = "q",
						      .uid = "u2",
						      .annotations = SUB,
						      .owner = OWNER_OF("apps/v1", "StatefulSet", "web") }),
		"has not yet made the IPv4 pool of StatefulSet default/web");
	EXPECT_PART(
		cluster_add(&l,
			    (struct cluster_pod){ .container = "c2",
						  .pod = "q",
						  .uid = "u2",
						  .annotations = { { ANNOTATION_IPPOOL,
								     "{\"ipv4\":[\"auto4-web-eth0-1\"]}" } },
						  .owner = OWNER_OF("apps/v1", "Deployment", "db") }),
		"is made for another application: ipam.spidernet.io/app-name is \"web\", of this pod \"db\"");
	cluster_app_pool(&l, "auto4-web-eth0-2", "subnet: 10.8.0.0/24, ips: [10.8.0.1-10.8.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", "");
	EXPECT_PART(cluster_add(&l, (struct cluster_pod){ .container = "c2",
							  .pod = "q",
							  .uid = "u2",
							  .annotations = SUB,
							  .owner = WEB }),
		    "pools auto4-web-eth0-1 and auto4-web-eth0-2 are both made for Deployment default/web");
	lab_close(&l);
}

/* The pool is made for the annotation's interface; every NIC that the annotation serves uses it. */
static void the_single_form_serves_any_nic(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	cluster_app_pool(&l, "auto4-web-eth0", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", "");
	cluster_app_pool(&l, "auto4-web-net1", "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.9]", "apps_v1",
			 "Deployment", "web", "net1", "");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .nic = "net7", .annotations = SUB, .owner = WEB }),
	       "10.0.0.1/24");
	EXPECT(cluster_add(&l,
			   (struct cluster_pod){
				   .annotations =
					   SUBNET("{\"interface\":\"net1\",\"ipv4\":[\"sub\",\"ignored\"]}"),
				   .owner = WEB }),
	       "10.1.0.1/24");
	lab_close(&l);
}

static void each_nic_of_subnets(void **state)
{
	static const char text[] = "[{\"interface\":\"eth0\",\"ipv4\":[\"sub\"]},"
				   "{\"interface\":\"net1\",\"ipv4\":[\"other\"]}]";
	struct cluster_pod p = { .annotations = SUBNETS((char *)text), .owner = WEB };
	struct lab l;

	(void)state;
	cluster_open(&l);
	cluster_app_pool(&l, "auto4-web-eth0", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", "");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24"); /* the other pool is its own NIC's affair */
	p.nic = "net1";
	EXPECT_PART(cluster_add(&l, p), "interface net1, from SpiderSubnet other");
	p.nic = "net2";
	EXPECT_PART(cluster_add(&l, p), "interface net2 of this network is not among its items");
	lab_close(&l);
}

static void E00010_one_family(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "d4", "subnet: 10.9.0.0/24, ips: [10.9.0.1], default: true");
	lab_pool(&l, "d6", "subnet: fd09::/64, ips: ['fd09::1'], default: true");
	cluster_app_pool(&l, "auto6-web-eth0", "subnet: fd00::/64, ips: ['fd00::1-fd00::9']", "apps_v1",
			 "Deployment", "web", "eth0", "");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .annotations = SUBNET("{\"ipv6\":[\"sub\"]}"),
						     .owner = WEB }),
	       "fd00::1/64");
	cluster_app_pool(&l, "auto4-web-eth0", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "apps_v1",
			 "Deployment", "web", "eth0", "");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "c2",
						     .pod = "q",
						     .uid = "u2",
						     .annotations = SUBNET(
							     "{\"ipv4\":[\"sub\"],\"ipv6\":[\"sub\"]}"),
						     .owner = WEB }),
	       "10.0.0.1/24 fd00::2/64");
	l.m.conf.disable_ipv6 = true;
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "c3",
						     .pod = "r",
						     .uid = "u3",
						     .annotations = SUBNET(
							     "{\"ipv4\":[\"sub\"],\"ipv6\":[\"sub\"]}"),
						     .owner = WEB }),
	       "10.0.0.2/24");
	lab_close(&l);
}

static void the_features_are_off(void **state)
{
	struct cluster_pod p = { .annotations = SUB, .owner = WEB };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "d", "subnet: 10.9.0.0/24, ips: [10.9.0.1-10.9.0.9], default: true");
	l.m.conf.enable_auto_pool = false;
	EXPECT_PART(cluster_add(&l, p), "annotation ipam.spidernet.io/subnet: pools for applications are "
					"switched off in this cluster (enableAutoPoolForApplication)");
	l.m.conf.enable_subnet = false;
	EXPECT(cluster_add(&l, p), "10.9.0.1/24"); /* as if it were not there */
	l.m.conf.cluster = false;
	p.container = "c2";
	p.uid = "u2";
	p.pod = "q";
	EXPECT_PART(cluster_add(&l, p), "which this datastore does not have");
	lab_close(&l);
}

static void who_may_name_subnets(void **state)
{
	static const struct {
		struct cluster_pod pod;
		const char *want;
	} rows[] = {
		{ { .annotations = SUB }, "pod default/p belongs to no controller" },
		{ { .annotations = SUBNETS("[{\"interface\":\"eth0\",\"ipv4\":[\"sub\"]}]") },
		  "pod default/p belongs to no controller" },
		{ { .annotations = SUB, .owner = OWNER_OF("apps.kruise.io/v1alpha1", "CloneSet", "web") },
		  "how many pods CloneSet default/web (apps.kruise.io/v1alpha1) has is not known" },
		{ { .annotations = SUB, .owner = OWNER_OF("v1", "ReplicationController", "web") },
		  "how many pods ReplicationController default/web (v1) has is not known" },
		{ { .annotations = SUB, .owner = OWNER_OF("batch/v1beta1", "CronJob", "web") },
		  "has not yet made the IPv4 pool of CronJob default/web" },
		{ { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_IP_NUMBER, "+2" } },
		    .owner = OWNER_OF("apps.kruise.io/v1alpha1", "CloneSet", "web") },
		  "has not yet made the IPv4 pool of CloneSet default/web" },
		{ { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_IP_NUMBER, "1+2+3" } },
		    .owner = WEB },
		  "annotation ipam.spidernet.io/ippool-ip-number: \"1+2+3\" is no number" },
		{ { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_IP_NUMBER, "-1" } },
		    .owner = WEB },
		  "annotation ipam.spidernet.io/ippool-ip-number: \"-1\" is no number" },
		{ { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_RECLAIM, "perhaps" } },
		    .owner = WEB },
		  "annotation ipam.spidernet.io/ippool-reclaim: \"perhaps\"; want true or false" },
		{ { .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
				     { ANNOTATION_IP_NUMBER, "5" },
				     { ANNOTATION_RECLAIM, "f" } },
		    .owner = WEB },
		  "has not yet made" },
	};
	struct lab l;

	(void)state;
	cluster_open(&l);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("# row %zu\n", i);
		EXPECT_PART(cluster_add(&l, rows[i].pod), rows[i].want);
	}
	lab_close(&l);
}

/* Weak spot 14: the core group has no name; an empty one is not kept by every API server. */
static void core_group(const char *affinity)
{
	struct lab l;

	cluster_open(&l);
	cluster_app_pool(&l, "auto4-rc", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "v1",
			 "ReplicationController", "rc", "eth0", affinity);
	EXPECT(cluster_add(
		       &l,
		       (struct cluster_pod){ .annotations = { { ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}" },
							      { ANNOTATION_IP_NUMBER, "3" } },
					     .owner = OWNER_OF("v1", "ReplicationController", "rc") }),
	       "10.0.0.1/24");
	lab_close(&l);
}

static void W14_core_group(void **state)
{
	(void)state;
	core_group(AFFINITY("", "v1", "ReplicationController", "rc"));
	core_group(
		", podAffinity: {matchLabels: {ipam.spidernet.io/app-api-version: v1, "
		"ipam.spidernet.io/app-kind: ReplicationController, ipam.spidernet.io/app-namespace: default, "
		"ipam.spidernet.io/app-name: rc}}");
}

/* The affinity of an application's pool ends the filter: its multusName is not asked. */
static void the_application_decides_alone(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	cluster_app_pool(&l, "auto4-web", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], multusName: [x/y]",
			 "apps_v1", "Deployment", "web", "eth0", AFFINITY("apps", "v1", "Deployment", "web"));
	EXPECT(cluster_add(&l, (struct cluster_pod){ .annotations = SUB, .owner = WEB }), "10.0.0.1/24");
	lab_close(&l);
}

/* Weak spot 19: a name that no label holds. */
static void W19_long_name(void **state)
{
	static const char name[] =
		"a-name-that-is-longer-than-the-sixty-three-characters-that-a-label-of-kubernetes-may-have";
	char label[API_LABEL_MAX];
	struct lab l;

	(void)state;
	cluster_open(&l);
	cluster_app_pool(&l, "auto4-long", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]", "apps_v1",
			 "Deployment", api_label_value(name, label), "eth0", "");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .annotations = SUB,
						     .owner = OWNER_OF("apps/v1", "Deployment", name) }),
	       "10.0.0.1/24");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_of_the_application),
		cmocka_unit_test(the_single_form_serves_any_nic),
		cmocka_unit_test(each_nic_of_subnets),
		cmocka_unit_test(E00010_one_family),
		cmocka_unit_test(the_features_are_off),
		cmocka_unit_test(who_may_name_subnets),
		cmocka_unit_test(W14_core_group),
		cmocka_unit_test(the_application_decides_alone),
		cmocka_unit_test(W19_long_name),
	};

	return cmocka_run_group_tests_name("ipam: subnets", tests, NULL, NULL);
}
