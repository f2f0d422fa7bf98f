/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_multus_alloc.c - each allocation on the way from a SpiderMultusConfig to its definition, and from
 * a cluster's texts to CIDRs, fails once
 */
#include "inject.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../cmd/controller/coordinator_find.c" /* a program's own, no library's */
#include "../../cmd/controller/nad.c"

static const char macvlan[] =
	"{\"metadata\":{\"name\":\"m\",\"namespace\":\"n\",\"uid\":\"u\",\"annotations\":{\"cni.spidernet.io/"
	"rdma-resource-inject\":\"x\"}},\"spec\":{\"cniType\":\"macvlan\",\"macvlan\":{\"master\":[\"a\",\"b\"],"
	"\"vlanID\":3,\"bond\":{\"name\":\"c\",\"mode\":1},\"rdmaResourceName\":\"r\",\"ippools\":{\"ipv4\":[\"p\"],"
	"\"ipv6\":[\"q\"]}},\"chainCNIJsonData\":[\"{\\\"type\\\":\\\"t\\\"}\"],\"coordinator\":{\"hijackCIDR\":["
	"\"10.0.0.1\"],\"policyRoutes\":[{\"dst\":\"10.0.0.2\",\"gw\":\"10.0.0.3\"}],\"podMACPrefix\":\"0a:1b\","
	"\"vethMTU\":1400,\"podRPFilter\":2}}}";
static const char sriov[] =
	"{\"metadata\":{\"name\":\"m\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{\"cniType\":\"sriov\",\"sriov\":{"
	"\"resourceName\":\"r\",\"mtu\":9,\"rdmaIsolation\":true,\"ippools\":{\"matchMasterSubnet\":true}}}}";
static const char ovs[] =
	"{\"metadata\":{\"name\":\"m\",\"namespace\":\"n\",\"uid\":\"u\"},\"spec\":{\"cniType\":\"ovs\",\"ovs\":{"
	"\"bridge\":\"b\",\"deviceID\":\"d\",\"trunk\":[{\"minID\":1,\"maxID\":2},{\"id\":3}]}}}";
static const char there[] =
	"{\"metadata\":{\"name\":\"m\",\"resourceVersion\":\"1\"},\"spec\":{\"config\":\"{}\"}}";
static const char pod[] = "{\"spec\":{\"containers\":[{\"command\":[\"--cluster-cidr=10.0.0.0/8\"],\"args\":["
			  "\"--service-cluster-ip-range\",\"10.1.0.0/16\"]}]}}";
static const char objects[] =
	"[{\"spec\":{\"cidr\":\"10.0.0.0/8\"}},{\"spec\":{\"ipv4\":{\"cidrs\":[\"10.1.0.0/16\"]}}}]";

static struct json_object *pod_tree, *objects_tree;

/* From text to the definition, and its object. */
static int make(const char *text, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	struct api_multus_nad n = { .name = NULL };
	struct api_multus m;
	int r = json_decode_text(&api_multus_table, text, strlen(text), "row", &m, e);

	if (r < 0)
		return r;
	r = api_multus_default(&m, e);
	if (r == 0)
		r = api_multus_validate_create(&m, NULL, e);
	if (r == 0)
		r = api_multus_generate(&m, &n, e);
	if (r == 0)
		r = nad_new(&n, &m, &out, e);
	api_multus_nad_clear(&n);
	json_clear(&api_multus_table, &m);
	return r;
}

static int op_macvlan(struct err *e)
{
	return make(macvlan, e);
}

static int op_sriov(struct err *e)
{
	return make(sriov, e);
}

static int op_ovs(struct err *e)
{
	return make(ovs, e);
}

static int op_change(struct err *e)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct api_multus m = { .obj = { .meta = { .name = (char *)"m", .uid = (char *)"u" } } };
	struct json_map_entry annotation = { (char *)"a", (char *)"b" };
	struct api_multus_nad n = { .name = "m", .annotations = { &annotation, 1, true } };
	int r = json_parse(there, strlen(there), "nad", &o, e);

	return r < 0 ? r : nad_change(o, &n, &m, &out, e);
}

static int op_coordinator(struct err *e)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"d\"},\"spec\":{\"podCIDRType\":\"none\",\"hijackCIDR\":["
		"\"10.0.0.1\"],\"policyRoutes\":[{\"dst\":\"::1\",\"gw\":\"::2\"}]}}";
	struct api_coordinator c;
	int r = json_decode_text(&api_coordinator_table, text, strlen(text), "row", &c, e);

	if (r < 0)
		return r;
	r = api_coordinator_default(&c, e);
	if (r == 0)
		r = api_coordinator_validate(&c, e);
	json_clear(&api_coordinator_table, &c);
	return r;
}

static int op_cidrs(struct err *e)
{
	struct coordinator_cidrs c = { .pods = { .set = false } };
	int r = coordinator_add_kubeadm(&c, "podSubnet: 10.2.0.0/16,fd00::/64\n", e);

	if (r == 0)
		r = coordinator_add_flags(&c, pod_tree, e);
	if (r == 0)
		r = coordinator_add_objects(&c.pods, objects_tree, e);
	coordinator_cidrs_clear(&c);
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct err *e);
	long least; /* allocations, so that a row which reaches nothing is noticed */
} ops[] = {
	{ "macvlan", op_macvlan, 150 },
	{ "sriov", op_sriov, 80 },
	{ "ovs", op_ovs, 80 },
	{ "change", op_change, 20 },
	{ "coordinator", op_coordinator, 20 },
	{ "cidrs", op_cidrs, 5 },
};

static void run(size_t row, long count)
{
	for (long n = 1;; n++) {
		const long live = inject_live();
		struct err e = { .msg = "" };
		long failed;
		int r;

		inject_arm(n, count);
		r = ops[row].run(&e);
		failed = inject_disarm();
		if (inject_live() != live)
			fail_msg("%s, allocation %ld: %ld blocks leaked", ops[row].name, n,
				 inject_live() - live);
		if (!failed && r == 0 && n > ops[row].least)
			return;
		if (!failed || r != -ENOMEM || e.sys != ENOMEM)
			fail_msg("%s, allocation %ld: failed %ld, answer %d, \"%s\"", ops[row].name, n,
				 failed, r, e.msg);
	}
}

static void one_allocation_fails(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		run(i, 1);
}

static void all_further_allocations_fail(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		run(i, 1000000);
}

static int setup(void **arg)
{
	struct err e;

	(void)arg;
	return json_parse(pod, strlen(pod), "pod", &pod_tree, &e) < 0 ||
	       json_parse(objects, strlen(objects), "objects", &objects_tree, &e) < 0;
}

static int teardown(void **arg)
{
	(void)arg;
	json_put_p(&pod_tree);
	json_put_p(&objects_tree);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_fails),
		cmocka_unit_test(all_further_allocations_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
