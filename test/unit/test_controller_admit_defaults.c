/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_admit_defaults.c - what the mutating webhooks make of an object: the patch they answer */
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

#define GOES ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""
#define MARKED(more) \
	BELOW(LABELLED, OWNED more ",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER "\":\"then\"}")

static const struct {
	const char *rule, *old, *object, *patch; /* NULL: no operation */
} defaults[] = {
	{ "a label of somebody's", BELOW(LABELLED, OWNED), BELOW(LABELLED ",\"x\":\"y\"", OWNED), NULL },
	{ "the label of the subnet goes", BELOW(LABELLED, OWNED), BELOW("", OWNED),
	  "[{\"op\":\"add\",\"path\":\"/metadata/labels/ipam.spidernet.io~1owner-spider-subnet\",\"value\":\"s\"}]" },
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
	{ "another mark", MARKED(""),
	  BELOW(LABELLED, OWNED ",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER "\":\"now\"}"), NULL },
};

static void check_defaults(size_t i)
{
	CLEANUP(json_put_p) struct json_object *old = parse(defaults[i].old);
	CLEANUP(json_put_p) struct json_object *object = parse(defaults[i].object);
	CLEANUP(json_put_p) struct json_object *patch = NULL;
	const struct review_request q = { .operation = (char *)"UPDATE", .old = old, .object = object };
	const struct controller_config conf = { .file = { .enable_ipv4 = true, .enable_subnet = true } };
	struct fake_answer answers[] = { LIST("spidersubnets", SUBNET) };
	struct admit_call c = { .q = &q, .until = deadline_in(5000) };
	const char *got;
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
	got = patch && json_len(patch) ? json_object_to_json_string_ext(patch, JSON_C_TO_STRING_NOSLASHESCAPE)
				       : NULL;
	if (got ? !defaults[i].patch || strcmp(got, defaults[i].patch) != 0 : defaults[i].patch != NULL)
		fail_msg("%s: %s", defaults[i].rule, got ? got : "nothing");
}

static void filled_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		check_defaults(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filled_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
