/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_coordinator.c - what the agent tells the coordinator plugin, from a SpiderCoordinator and a pod
 */
#include "cluster_lab.h"

/* Parts of programs, not of the library: the agent's, and what the plugin reads the answer with. */
#define route_fields  plugin_route_fields
#define route_table   plugin_route_table
#define answer_fields plugin_answer_fields
#include "../../plugins/coordinator/fields.c"
#undef route_fields
#undef route_table
#undef answer_fields
#include "../../cmd/agent/coordinator.c"

#define SCC  "/apis/spiderpool.spidernet.io/v2beta1/spidercoordinators/default"
#define BODY "{\"podName\":\"p\",\"podNamespace\":\"a\"}"
#define P    POD("p", "u", "")
#define P_NIC(nic) \
	POD("p", "u", ",\"annotations\":{\"ipam.spidernet.io/default-route-nic\":\"" nic "\",\"x\":\"y\"}")
#define SYNCED "\"status\":{\"phase\":\"Synced\"}"
#define IS(spec, status) \
	{ \
		{ \
			.path = SCC, .text = HTTP_OK "{\"metadata\":{\"name\":\"default\"},\"spec\":{" spec \
						     "}," status "}" \
		} \
	}

struct row {
	const char *name;
	const char *pods; /* of the list */
	const char *body; /* NULL: BODY */
	struct fake_answer answers[3];
	const char *want; /* the answer, or "code errno: sentence" */
};

static struct row rows[] = {
	{ "all of it", P, NULL,
	  IS("\"mode\":\"overlay\",\"podCIDRType\":\"calico\",\"hijackCIDR\":[\"169.254.0.0/16\"],"
	     "\"policyRoutes\":[{\"dst\":\"10.8.0.0/16\",\"gw\":\"10.6.0.1\"},{\"dst\":\"fd00::/64\",\"gw\":\"fd01::1\"}],"
	     "\"tunePodRoutes\":false,\"podDefaultRouteNIC\":\"net1\",\"hostRuleTable\":501,\"podRPFilter\":2,"
	     "\"txQueueLen\":2000,\"vethLinkAddress\":\"169.254.200.1\",\"vethMTU\":1400,\"podMACPrefix\":\"0a:1b\"",
	     "\"status\":{\"phase\":\"Synced\",\"reason\":\"\",\"overlayPodCIDR\":[\"10.233.64.0/18\",\"fd85::/64\"],"
	     "\"serviceCIDR\":[\"10.233.0.0/18\"]}"),
	  "{\"mode\":\"overlay\",\"hijackCIDR\":[\"169.254.0.0/16\"],"
	  "\"policyRoutes\":[{\"dst\":\"10.8.0.0/16\",\"gw\":\"10.6.0.1\"},{\"dst\":\"fd00::/64\",\"gw\":\"fd01::1\"}],"
	  "\"tunePodRoutes\":false,\"podDefaultRouteNIC\":\"net1\",\"hostRuleTable\":501,\"podRPFilter\":2,"
	  "\"txQueueLen\":2000,\"vethLinkAddress\":\"169.254.200.1\",\"vethMTU\":1400,\"podMACPrefix\":\"0a:1b\","
	  "\"overlayPodCIDR\":[\"10.233.64.0/18\",\"fd85::/64\"],\"serviceCIDR\":[\"10.233.0.0/18\"]}" },
	{ "nothing but the phase", P, NULL, IS("", SYNCED),
	  "{\"mode\":\"auto\",\"tunePodRoutes\":true,\"overlayPodCIDR\":[],\"serviceCIDR\":[]}" },
	{ "no spec",
	  P,
	  NULL,
	  { { .path = SCC, .text = HTTP_OK "{" SYNCED "}" } },
	  "{\"mode\":\"auto\",\"tunePodRoutes\":true,\"overlayPodCIDR\":[],\"serviceCIDR\":[]}" },
	{ "an empty mode, zeros, lists of nothing", P, NULL,
	  IS("\"mode\":\"\",\"hijackCIDR\":[],\"policyRoutes\":[],\"txQueueLen\":0,\"podRPFilter\":-1,\"hostRuleTable\":0",
	     SYNCED),
	  "{\"mode\":\"auto\",\"hijackCIDR\":[],\"policyRoutes\":[],\"tunePodRoutes\":true,\"hostRuleTable\":0,"
	  "\"podRPFilter\":-1,\"txQueueLen\":0,\"overlayPodCIDR\":[],\"serviceCIDR\":[]}" },
	{ "no services: the pods' CIDRs stay", P, NULL,
	  IS("\"mode\":\"disabled\"",
	     "\"status\":{\"phase\":\"Synced\",\"overlayPodCIDR\":[\"10.1.0.0/16\"],\"serviceCIDR\":null}"),
	  "{\"mode\":\"disabled\",\"tunePodRoutes\":true,\"overlayPodCIDR\":[\"10.1.0.0/16\"],\"serviceCIDR\":[]}" },
	{ "addresses become prefixes, what is neither stays", P, NULL,
	  IS("\"hijackCIDR\":[\"10.0.0.1\",\"fd00::0:1\",\"10.0.0.1/8\",\"x\",\"\"]", SYNCED),
	  "{\"mode\":\"auto\",\"hijackCIDR\":[\"10.0.0.1/32\",\"fd00::1/128\",\"10.0.0.1/8\",\"x\",\"\"],"
	  "\"tunePodRoutes\":true,\"overlayPodCIDR\":[],\"serviceCIDR\":[]}" },

	{ "the pod's NIC", P_NIC("net2"), NULL, IS("\"podDefaultRouteNIC\":\"net1\"", SYNCED),
	  "{\"mode\":\"auto\",\"tunePodRoutes\":true,\"podDefaultRouteNIC\":\"net2\",\"overlayPodCIDR\":[],"
	  "\"serviceCIDR\":[],\"podDefaultRouteNICAnnotation\":\"net2\"}" },
	{ "the pod's NIC is empty", P_NIC(""), NULL, IS("\"podDefaultRouteNIC\":\"net1\"", SYNCED),
	  "{\"mode\":\"auto\",\"tunePodRoutes\":true,\"podDefaultRouteNIC\":\"net1\",\"overlayPodCIDR\":[],"
	  "\"serviceCIDR\":[]}" },
	{ "the pod is not known yet",
	  "",
	  NULL,
	  { { .path = SCC, .text = HTTP_OK "{" SYNCED "}" },
	    { .path = PODS("p"), .text = HTTP_OK P_NIC("net3") } },
	  "{\"mode\":\"auto\",\"tunePodRoutes\":true,\"podDefaultRouteNIC\":\"net3\",\"overlayPodCIDR\":[],"
	  "\"serviceCIDR\":[],\"podDefaultRouteNICAnnotation\":\"net3\"}" },

	{ "there is none",
	  P,
	  NULL,
	  { { .path = SCC, .text = NOT_FOUND } },
	  "11 ENOENT: there is no SpiderCoordinator \"default\": create it, coordinator's settings stand in it" },
	{ "the kind is not known",
	  P,
	  NULL,
	  { { .path = SCC, .text = NO_KIND } },
	  "11 ENXIO: SpiderCoordinator /default: what answers as the API server does not know this kind of object" },
	{ "it may not be read",
	  P,
	  NULL,
	  { { .path = SCC, .text = REFUSED("403", "Forbidden") } },
	  "5 EACCES: GET " SCC ": refused (Forbidden, HTTP 403)" },
	{ "it cannot be read", P, NULL, IS("\"vethMTU\":\"1500\"", SYNCED),
	  "7 EINVAL: SpiderCoordinator /default: spec.vethMTU: want a whole number, got \"1500\"" },
	{ "not looked at yet", P, NULL, IS("", "\"status\":{}"),
	  "11 EAGAIN: SpiderCoordinator default has no status.phase: spiderpool-controller has not found out the "
	  "cluster's CIDRs yet; is it running?" },
	{ "no status", P, NULL, IS("", "\"x\":1"),
	  "11 EAGAIN: SpiderCoordinator default has no status.phase: spiderpool-controller has not found out the "
	  "cluster's CIDRs yet; is it running?" },
	{ "not ready", P, NULL,
	  IS("\"mode\":\"disabled\"",
	     "\"status\":{\"phase\":\"NotReady\",\"reason\":\"no kubeadm-config\",\"overlayPodCIDR\":[\"10.1.0.0/16\"]}"),
	  "11 EAGAIN: SpiderCoordinator default has the phase NotReady, want Synced: no kubeadm-config" },
	{ "not ready, without a reason", P, NULL,
	  IS("", "\"status\":{\"phase\":\"NotReady\",\"reason\":\"\"}"),
	  "11 EAGAIN: SpiderCoordinator default has the phase NotReady, want Synced: no reason is given" },

	{ "no such pod",
	  "",
	  NULL,
	  { { .path = SCC, .text = HTTP_OK "{" SYNCED "}" }, { .path = PODS("p"), .text = NOT_FOUND } },
	  "11 ENOENT: pod a/p (UID not given) does not exist" },
	{ "another node's pod",
	  "",
	  NULL,
	  { { .path = SCC, .text = HTTP_OK "{" SYNCED "}" },
	    { .path = PODS("p"), .text = HTTP_OK POD_AS("p", "u", "", "\"spec\":{\"nodeName\":\"n2\"}") } },
	  "7 EPERM: pod a/p is on node \"n2\", this is node \"n1\"" },
	{ "no pod in the body", P, "{\"podNamespace\":\"a\"}", IS("", SYNCED),
	  "7 EINVAL: body: podName: missing, want a string" },
	{ "no namespace in the body", P, "{\"podName\":\"p\"}", IS("", SYNCED),
	  "7 EINVAL: body: podNamespace: missing, want a string" },
	{ "an empty namespace", P, "{\"podName\":\"p\",\"podNamespace\":\"\"}", IS("", SYNCED),
	  "7 EINVAL: Pod \"p\": want a namespace, got none" },
	{ "no body", P, "", IS("", SYNCED), "6 EINVAL: body:1:1: want a value, got the end of the text" },
};

static int question(struct lab *l, const char *body, struct deadline until, struct buf *out, struct err *e)
{
	return coordinator_config(l->c, body, strlen(body), until, out, e);
}

/* The answer as it is, and that our plugin can read it. */
static void get(struct lab *l, const char *body, struct buf *out)
{
	struct coordinator_answer a;
	struct err e = { 0 };
	int r = question(l, body, deadline_in(AMPLE), out, &e);

	if (r < 0) {
		lab_cut_server(l, e.msg);
		if (r != -e.sys)
			buf_fmt(out, "(returned %d) ", r);
		buf_fmt(out, "%d %s: %s", e.cni, strerrorname_np(e.sys), e.msg);
		return;
	}
	if (json_decode_text(&coordinator_answer_table, out->s, out->len, "answer", &a, &e) < 0)
		buf_fmt(out, " (not readable: %s)", e.msg);
	json_clear(&coordinator_answer_table, &a);
}

static void test_rows(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(65536);
		struct row *t = &rows[i];
		struct lab l;

		lab_start(&l, t->pods, t->answers);
		get(&l, t->body ? t->body : BODY, &got);
		lab_stop(&l);
		if (strcmp(buf_cstr(&got), t->want) != 0) {
			print_error("%s: got  %s\nwant %s\n", t->name, buf_cstr(&got), t->want);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* The plugin reads all that is answered, each member into its own place. */
static void test_read_by_plugin(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(65536), again = BUF_INIT(65536);
	struct coordinator_answer a;
	struct json_object *said, *read;
	struct err e;
	struct lab l;

	(void)state;
	lab_start(&l, P_NIC("net2"), rows[0].answers);
	assert_int_equal(question(&l, BODY, deadline_in(AMPLE), &out, &e), 0);
	lab_stop(&l);
	assert_int_equal(json_decode_text(&coordinator_answer_table, out.s, out.len, "answer", &a, &e), 0);
	assert_int_equal(json_encode_text(&coordinator_answer_table, &a, &again, &e), 0);
	json_clear(&coordinator_answer_table, &a);
	assert_int_equal(json_parse(out.s, out.len, "said", &said, &e), 0);
	assert_int_equal(json_parse(again.s, again.len, "read", &read, &e), 0);
	assert_true(json_object_equal(said, read));
	assert_int_equal(json_object_object_length(said), coordinator_answer_table.n);
	json_put_p(&said);
	json_put_p(&read);
}

/* It is read each time: what was changed holds for the next pod. */
static void test_changes(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = SCC, .text = HTTP_OK "{\"status\":{\"phase\":\"NotReady\"}}", .times = 1 },
		{ .path = SCC, .text = HTTP_OK "{\"spec\":{\"mode\":\"underlay\"}," SYNCED "}", .times = 1 },
		{ .path = SCC, .text = HTTP_OK "{\"spec\":{\"mode\":\"overlay\"}," SYNCED "}", .times = 1 },
		{ 0 }
	};
	static const char *const want[] = { "11 EAGAIN: ", "{\"mode\":\"underlay\"",
					    "{\"mode\":\"overlay\"" };
	struct lab l;

	(void)state;
	lab_start(&l, P, answers);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		CLEANUP(buf_clear) struct buf got = BUF_INIT(65536);

		get(&l, BODY, &got);
		if (strncmp(buf_cstr(&got), want[i], strlen(want[i])) != 0)
			fail_msg("call %zu: got %s, want %s...", i, buf_cstr(&got), want[i]);
	}
	assert_int_equal(lab_asked(&l, SCC), 3);
	assert_int_equal(lab_asked(&l, "/apis/spiderpool.spidernet.io/v2beta1/spidercoordinators"), 3);
	lab_stop(&l);
}

/* An API server that says nothing holds no caller longer than he waits, and not the agent that is to stop. */
static void test_deadline(void **state)
{
	static const struct fake_answer answers[] = { { .path = SCC, .stays = true }, { 0 } };
	CLEANUP(buf_clear) struct buf out = BUF_INIT(65536);
	struct lab l;
	struct err e;

	(void)state;
	lab_start(&l, P, answers);
	assert_int_equal(question(&l, BODY, deadline_in(100), &out, &e), -ETIMEDOUT);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	cluster_cancel(l.c);
	assert_int_equal(question(&l, BODY, deadline_in(AMPLE), &out, &e), -ECANCELED);
	assert_int_equal(out.len, 0);
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_read_by_plugin),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
