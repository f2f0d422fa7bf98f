/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_admit_defaults.c - what the mutating webhooks make of an object: the patch they answer; and
 * coordinators and networks as they are edited */
#include "admit_lab.h"

#define SUBNET \
	"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderSubnet\",\"metadata\":{" \
	"\"name\":\"s\",\"uid\":\"us\"},\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\"}}"
#define BELOW(labels, more) \
	POOL("a", \
	     ",\"finalizers\":[\"" API_FINALIZER "\"],\"labels\":{\"" API_LABEL_POOL_CIDR \
	     "\":\"10-0-0-0-24\"" labels "}" more, \
	     "\"subnet\":\"10.0.0.0/24\",\"default\":false,\"disable\":false")
#define LABELLED ",\"" API_LABEL_OWNER "\":\"s\""
#define OWNER \
	"{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"SpiderSubnet\",\"name\":\"s\",\"uid\":\"us\"," \
	"\"controller\":true,\"blockOwnerDeletion\":true}"
#define OWNED ",\"ownerReferences\":[" OWNER "]"

#define OLD(labels) \
	POOL("a", \
	     ",\"finalizers\":[\"" API_FINALIZER "\"],\"labels\":{\"" API_LABEL_POOL_CIDR \
	     "\":\"10-0-0-0-24\"" LABELLED labels "}" OWNED, \
	     "\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.2\",\"10.0.0.1\"]")
#define GOES ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""
#define MARKED(more) \
	BELOW(LABELLED, OWNED more ",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER "\":\"then\"}")

static const struct {
	const char *rule, *old, *object, *patch; /* NULL: no operation */
} defaults[] = {
	{ "a label of somebody's", BELOW(LABELLED, OWNED), BELOW(LABELLED ",\"x\":\"y\"", OWNED), NULL },
	{ "the label of the subnet goes", BELOW(LABELLED, OWNED), BELOW("", OWNED),
	  "[{\"op\":\"add\",\"path\":\"/metadata/labels/ipam.spidernet.io~1owner-spider-subnet\",\"value\":\"s\"}]" },
	{ "a label of a subnet that it has not yet", BELOW("", ""), BELOW(LABELLED, ""), NULL },
	{ "what marks a pool as ours goes", MARKED(""), BELOW(LABELLED, OWNED),
	  "[{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{\"ipam.spidernet.io/taken-over\":\"then\"}}]" },
	{ "while it is being deleted", MARKED(GOES),
	  BELOW(LABELLED, OWNED GOES ",\"annotations\":{\"a\":\"b\"}"),
	  "[{\"op\":\"add\",\"path\":\"/metadata/annotations/ipam.spidernet.io~1taken-over\",\"value\":\"then\"}]" },
	{ "an owner that does not control", NULL, BELOW(LABELLED, ",\"ownerReferences\":[{\"name\":\"x\"}]"),
	  "[{\"op\":\"add\",\"path\":\"/metadata/ownerReferences/-\",\"value\":" OWNER "}]" },
	{ "an empty list of owners", NULL, BELOW(LABELLED, ",\"ownerReferences\":[]"),
	  "[{\"op\":\"add\",\"path\":\"/metadata/ownerReferences/-\",\"value\":" OWNER "}]" },
	{ "no list of owners", NULL, BELOW(LABELLED, ""),
	  "[{\"op\":\"add\",\"path\":\"/metadata/ownerReferences\",\"value\":[" OWNER "]}]" },
	/* ranges that would be merged, from of old */
	{ "a label, while the spec is not as it would be made today", OLD(""), OLD(",\"x\":\"y\""), NULL },
	{ "another mark", MARKED(""),
	  BELOW(LABELLED, OWNED ",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER "\":\"now\"}"), NULL },
};

static void same_patch(const char *rule, struct json_object *patch, const char *want)
{
	const char *got = patch && json_len(patch)
				  ? json_object_to_json_string_ext(patch, JSON_C_TO_STRING_NOSLASHESCAPE)
				  : NULL;

	if (got ? !want || strcmp(got, want) != 0 : want != NULL)
		fail_msg("%s: %s", rule, got ? got : "nothing");
}

static void check_defaults(size_t i)
{
	CLEANUP(json_put_p) struct json_object *old = parse(defaults[i].old);
	CLEANUP(json_put_p) struct json_object *object = parse(defaults[i].object);
	CLEANUP(json_put_p) struct json_object *patch = NULL;
	const struct review_request q = { .operation = (char *)"UPDATE", .old = old, .object = object };
	const struct controller_config conf = { .file = { .enable_ipv4 = true, .enable_subnet = true } };
	struct fake_answer answers[] = { LIST("spidersubnets", SUBNET) };
	struct admit_call c = { .q = &q, .until = deadline_in(5000) };
	struct admit a;
	struct kube *k;
	struct fake f;
	int r;

	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	open_admit(&a, k, &conf);
	c.a = &a;
	r = admit_mutate_pool(&c, &patch, &err);
	close_admit(&a);
	fake_stop(&f, k);
	if (r < 0)
		fail_msg("%s: %s", defaults[i].rule, err.msg);
	same_patch(defaults[i].rule, patch, defaults[i].patch);
}

static void filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		check_defaults(i);
}

/* ---- SpiderCoordinator, SpiderMultusConfig ---- */

#define CO(more, spec) \
	"{\"apiVersion\":\"" API_VERSION \
	"\",\"kind\":\"SpiderCoordinator\",\"metadata\":{\"name\":\"c\"" more "},\"spec\":{" spec "}}"
#define FINAL ",\"finalizers\":[\"" API_FINALIZER "\"]"
#define SET \
	"\"mode\":\"auto\",\"podCIDRType\":\"none\",\"tunePodRoutes\":true,\"hostRuleTable\":500," \
	"\"podRPFilter\":0,\"txQueueLen\":0,"
#define MC(more, spec) \
	"{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"SpiderMultusConfig\",\"metadata\":{\"name\":\"m\"," \
	"\"namespace\":\"default\"" more \
	"},\"spec\":{\"cniType\":\"ovs\",\"ovs\":{\"bridge\":\"b\",\"trunk\":[{" spec "}]}}}"
#define LABEL(text)    ",\"labels\":{" text "}"
#define ANNOTATE(text) ",\"annotations\":{" text "}"
#define FAST           "\"" API_MULTUS_INJECT_RDMA "\":\"fast\""
#define SLOW           "\"" API_MULTUS_INJECT_RDMA "\":\"slow\""

static const struct {
	const char *rule;
	int (*mutate)(const struct admit_call *c, struct json_object **patch, struct err *e);
	int (*validate)(const struct admit_call *c, struct json_object **patch, struct err *e);
	const char *old, *object, *patch,
		*says; /* patch: NULL, no operation; says: NULL, let through unasked */
} others[] = {
	{ "a coordinator that breaks a rule is labelled", admit_mutate_coordinator,
	  admit_validate_coordinator, CO(FINAL, SET "\"vethMTU\":60"),
	  CO(FINAL LABEL("\"x\":\"y\""), SET "\"vethMTU\":60"), NULL, NULL },
	{ "one that lacks what is filled in today", admit_mutate_coordinator, admit_validate_coordinator,
	  CO("", "\"vethLinkAddress\":\"fe80::1\""),
	  CO(LABEL("\"x\":\"y\""), "\"vethLinkAddress\":\"fe80::1\""),
	  "[{\"op\":\"add\",\"path\":\"/metadata/finalizers\",\"value\":[\"spiderpool.spidernet.io\"]}]",
	  NULL },
	{ "its spec changes, and is still wrong", admit_mutate_coordinator, admit_validate_coordinator,
	  CO(FINAL, SET "\"vethMTU\":60"), CO(FINAL, SET "\"vethMTU\":61"), NULL, "spec.vethMTU" },
	{ "a network that breaks a rule is labelled", admit_mutate_multus, admit_validate_multus,
	  MC("", "\"id\":4096"), MC(LABEL("\"x\":\"y\"") ANNOTATE("\"a\":\"b\""), "\"id\":4096"), NULL,
	  NULL },
	{ "and annotated, which a rule is about", admit_mutate_multus, admit_validate_multus,
	  MC("", "\"id\":4096"), MC(ANNOTATE("\"" API_MULTUS_CNI_VERSION "\":\"1.0.0\""), "\"id\":4096"),
	  NULL, "spec.ovs.trunk[0]" },
	{ "an annotation that Pods are to find", admit_mutate_multus, NULL, MC("", "\"id\":1"),
	  MC(ANNOTATE(FAST), "\"id\":1"),
	  "[{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{" FAST "}}]", NULL },
	{ "it goes", admit_mutate_multus, NULL, MC(ANNOTATE(FAST) LABEL(FAST), "\"id\":1"),
	  MC(LABEL(FAST), "\"id\":1"),
	  "[{\"op\":\"remove\",\"path\":\"/metadata/labels/cni.spidernet.io~1rdma-resource-inject\"}]",
	  NULL },
	{ "it goes, and the label is somebody's", admit_mutate_multus, NULL,
	  MC(ANNOTATE(FAST) LABEL(FAST), "\"id\":1"), MC(LABEL(SLOW), "\"id\":1"), NULL, NULL },
	{ "it changes", admit_mutate_multus, NULL, MC(ANNOTATE(FAST) LABEL(FAST), "\"id\":1"),
	  MC(ANNOTATE(SLOW) LABEL(FAST), "\"id\":1"),
	  "[{\"op\":\"replace\",\"path\":\"/metadata/labels/cni.spidernet.io~1rdma-resource-inject\",\"value\":\"slow\"}]",
	  NULL },
};

static void check_other(size_t i)
{
	CLEANUP(json_put_p) struct json_object *old = parse(others[i].old);
	CLEANUP(json_put_p) struct json_object *object = parse(others[i].object);
	CLEANUP(json_put_p) struct json_object *patch = NULL;
	const struct review_request q = { .operation = (char *)"UPDATE", .old = old, .object = object };
	const struct controller_config conf = { .file = { .enable_ipv4 = true } };
	struct fake_answer answers[] = {
		{ "/apis/k8s.cni.cncf.io/", .text = HTTP("404 Not Found") "{}" },
		LIST("namespaces/default/spidermultusconfigs", ""),
	};
	struct admit_call c = { .q = &q, .until = deadline_in(5000) };
	struct admit a;
	struct kube *k;
	struct fake f;
	int r;

	fake_start(&f, answers, ARRAY_LEN(answers), &k);
	open_admit(&a, k, &conf);
	c.a = &a;
	if (others[i].mutate(&c, &patch, &err) < 0)
		fail_msg("%s: %s", others[i].rule, err.msg);
	r = others[i].validate ? others[i].validate(&c, NULL, &err) : 0;
	close_admit(&a);
	fake_stop(&f, k);
	same_patch(others[i].rule, patch, others[i].patch);
	if (others[i].says ? r != -EINVAL || !strstr(err.msg, others[i].says) : r != 0 || f.n_asked)
		fail_msg("%s: %d %s (%zu asked)", others[i].rule, r, r ? err.msg : "", f.n_asked);
}

static void edited(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		check_other(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filled_in),
		cmocka_unit_test(edited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
