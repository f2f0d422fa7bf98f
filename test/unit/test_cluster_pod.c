/* SPDX-License-Identifier: Apache-2.0 */
/* test_cluster_pod.c - which pod is meant, what it belongs to, what keeps its addresses */
#include "cluster_lab.h"

/* What it keeps to itself. */
#include "../../cmd/agent/owner.c"

#define RS  "/apis/apps/v1/namespaces/a/replicasets/"
#define JOB "/apis/batch/v1/namespaces/a/jobs/"

#define GOT_MAX (2 * ERR_MSG_MAX)

struct row {
	const char *name;
	const char *pods; /* of the list */
	struct fake_answer answers[6];
	const char *pod, *uid;
	const char *want; /* of dump(), or "code errno: sentence" */
	unsigned asked;   /* for the pod by itself */
	bool off;         /* neither StatefulSets nor VMs keep anything */
};

#define OF_POD(name, uid) " v1/Pod a/" name "(" uid ") hold=pod"
#define MAPS              " maps=of-ns,of-ns,of-node"

static struct row rows[] = {
	{ "known", POD("p", "u", ""), .pod = "p", .uid = "u", .want = "p(u) alive" OF_POD("p", "u") MAPS },
	{ "known, no UID asked for", POD("p", "u", ""), .pod = "p", .uid = "",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS },
	{ "known, going", POD("p", "u", GOING), .pod = "p", .uid = "u",
	  .want = "p(u) dead" OF_POD("p", "u") MAPS },
	{ "a static pod, by its hash",
	  POD("p", "u", ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}"), .pod = "p", .uid = "h",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS },
	{ "not known yet",
	  "",
	  { { .path = PODS("p"), .text = HTTP_OK POD("p", "u", "") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS,
	  .asked = 1 },
	{ "another UID is known, the API has this one",
	  POD("p", "old", ""),
	  { { .path = PODS("p"), .text = HTTP_OK POD("p", "u", "") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS,
	  .asked = 1 },
	{ "a static pod, by its hash, not known yet",
	  "",
	  { { .path = PODS("p"),
	      .text = HTTP_OK POD("p", "u", ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}") } },
	  .pod = "p",
	  .uid = "h",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS,
	  .asked = 1 },
	{ "no UID, and what is known is going",
	  POD("p", "old", GOING),
	  { { .path = PODS("p"), .text = HTTP_OK POD("p", "u", "") } },
	  .pod = "p",
	  .uid = "",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS,
	  .asked = 1 },
	{ "another UID",
	  POD("p", "old", ""),
	  { { .path = PODS("p"), .text = HTTP_OK POD("p", "old", "") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ESTALE: pod a/p has the UID old now, this call is for the one with UID u",
	  .asked = 1 },
	{ "none",
	  "",
	  { { .path = PODS("p"), .text = NOT_FOUND } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ENOENT: pod a/p (UID u) does not exist",
	  .asked = 1 },
	{ "none of that UID any more",
	  POD("p", "old", ""),
	  { { .path = PODS("p"), .text = NOT_FOUND } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ENOENT: pod a/p (UID u) does not exist",
	  .asked = 1 },
	{ "a 404 of somebody else",
	  "",
	  { { .path = PODS("p"), .text = NO_KIND } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ENXIO: Pod a/p: what answers as the API server does not know this kind of object",
	  .asked = 1 },
	{ "may not be read",
	  "",
	  { { .path = PODS("p"), .text = REFUSED("403", "Forbidden") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "5 EACCES: GET /api/v1/namespaces/a/pods/p: refused (Forbidden, HTTP 403)",
	  .asked = 1 },
	{ "on another node",
	  "",
	  { { .path = PODS("p"), .text = HTTP_OK POD_AS("p", "u", "", "\"spec\":{\"nodeName\":\"n2\"}") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "7 EPERM: pod a/p is on node \"n2\", this is node \"n1\"",
	  .asked = 1 },
	{ "on no node",
	  "",
	  { { .path = PODS("p"), .text = HTTP_OK POD_AS("p", "u", "", "\"spec\":{}") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "7 EPERM: pod a/p is on node \"\", this is node \"n1\"",
	  .asked = 1 },
	{ "an answer that is no pod",
	  "",
	  { { .path = PODS("p"), .text = HTTP_OK "{}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "6 EBADMSG: pod a/p: an answer without a namespace, name or UID",
	  .asked = 1 },
	{ "unreadable in the watch",
	  "{" META("a", "p", "u", ",\"labels\":{\"l\":1}") "}",
	  { { .path = PODS("p"), .text = HTTP_OK POD("p", "u", "") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive" OF_POD("p", "u") MAPS,
	  .asked = 1 },

	{ "a Deployment's",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1",
	      .text = HTTP_OK "{" META("a", "web-1", "r", OWNED("apps/v1", "Deployment", "web", "d")) "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive apps/v1/Deployment a/web(d) hold=pod" MAPS },
	{ "of a ReplicaSet alone",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1", .text = HTTP_OK "{" META("a", "web-1", "r", "") "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive apps/v1/ReplicaSet a/web-1(r) hold=pod" MAPS },
	{ "of a ReplicaSet that a third party controls",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1",
	      .text = HTTP_OK
	      "{" META("a", "web-1", "r", OWNED("argoproj.io/v1alpha1", "Rollout", "w", "d")) "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive apps/v1/ReplicaSet a/web-1(r) hold=pod" MAPS },
	{ "a CronJob's",
	  POD("p", "u", OWNED("batch/v1", "Job", "j-1", "j")),
	  { { .path = JOB "j-1",
	      .text = HTTP_OK "{" META("a", "j-1", "j", OWNED("batch/v1beta1", "CronJob", "j", "c")) "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive batch/v1beta1/CronJob a/j(c) hold=pod" MAPS },
	{ "a Job's",
	  POD("p", "u", OWNED("batch/v1", "Job", "j-1", "j")),
	  { { .path = JOB "j-1", .text = HTTP_OK "{" META("a", "j-1", "j", "") "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "p(u) alive batch/v1/Job a/j-1(j) hold=pod" MAPS },
	{ "a DaemonSet's: nothing is read", POD("p", "u", OWNED("apps/v1", "DaemonSet", "ds", "d")),
	  .pod = "p", .uid = "u", .want = "p(u) alive apps/v1/DaemonSet a/ds(d) hold=pod" MAPS },
	{ "a third party's: nothing is read", POD("p", "u", OWNED("x.io/v1", "ReplicaSet", "rs", "d")),
	  .pod = "p", .uid = "u", .want = "p(u) alive x.io/v1/ReplicaSet a/rs(d) hold=pod" MAPS },
	{ "a static pod's node", POD("p", "u", OWNED("v1", "Node", "n1", "n")), .pod = "p", .uid = "u",
	  .want = "p(u) alive v1/Node a/n1(n) hold=pod" MAPS },
	{ "an owner that does not control it",
	  POD("p", "u",
	      ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":\"p\","
	      "\"uid\":\"s\"}]"),
	  .pod = "p", .uid = "u", .want = "p(u) alive" OF_POD("p", "u") MAPS },
	{ "an owner that is missing",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1", .text = NOT_FOUND } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ENOENT: pod a/p belongs to ReplicaSet \"web-1\" (UID r), which does not exist" },
	{ "an owner that is another one now",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1", .text = HTTP_OK "{" META("a", "web-1", "r2", "") "}" } },
	  .pod = "p",
	  .uid = "u",
	  .want = "11 ENOENT: pod a/p belongs to ReplicaSet \"web-1\" with UID r, which does not exist: the one of "
		  "that name has UID r2" },
	{ "an owner that may not be read",
	  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")),
	  { { .path = RS "web-1", .text = REFUSED("403", "Forbidden") } },
	  .pod = "p",
	  .uid = "u",
	  .want = "5 EACCES: owner of pod a/p: GET /apis/apps/v1/namespaces/a/replicasets/web-1: refused "
		  "(Forbidden, HTTP 403)" },

	{ "a StatefulSet's", POD("db-x-10", "u", OWNED("apps/v1", "StatefulSet", "db-x", "s")),
	  .pod = "db-x-10", .uid = "u",
	  .want = "db-x-10(u) alive apps/v1/StatefulSet a/db-x(s) hold=sts:a/db-x/10" MAPS },
	{ "a StatefulSet's, nothing is kept", POD("db-0", "u", OWNED("apps/v1", "StatefulSet", "db", "s")),
	  .pod = "db-0", .uid = "u", .off = true,
	  .want = "db-0(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, no ordinal", POD("db-x", "u", OWNED("apps/v1", "StatefulSet", "db", "s")),
	  .pod = "db-x", .uid = "u", .want = "db-x(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, an ordinal that it does not write",
	  POD("db-01", "u", OWNED("apps/v1", "StatefulSet", "db", "s")), .pod = "db-01", .uid = "u",
	  .want = "db-01(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, an ordinal too high",
	  POD("db-2147483648", "u", OWNED("apps/v1", "StatefulSet", "db", "s")), .pod = "db-2147483648",
	  .uid = "u", .want = "db-2147483648(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, of another name", POD("other-0", "u", OWNED("apps/v1", "StatefulSet", "db", "s")),
	  .pod = "other-0", .uid = "u",
	  .want = "other-0(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, another name as long",
	  POD("ab-0", "u", OWNED("apps/v1", "StatefulSet", "db", "s")), .pod = "ab-0", .uid = "u",
	  .want = "ab-0(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a StatefulSet's, no dash", POD("db10", "u", OWNED("apps/v1", "StatefulSet", "db", "s")),
	  .pod = "db10", .uid = "u", .want = "db10(u) alive apps/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "somebody else's StatefulSet",
	  POD("db-0", "u", OWNED("apps.kruise.io/v1", "StatefulSet", "db", "s")), .pod = "db-0", .uid = "u",
	  .want = "db-0(u) alive apps.kruise.io/v1/StatefulSet a/db(s) hold=pod" MAPS },
	{ "a virtual machine's",
	  POD("virt-1", "u", OWNED("kubevirt.io/v1", "VirtualMachineInstance", "vm", "v")), .pod = "virt-1",
	  .uid = "u",
	  .want = "virt-1(u) alive kubevirt.io/v1/VirtualMachineInstance a/vm(v) hold=vm:a/vm endpoint=vm" MAPS },
	{ "a virtual machine's, nothing is kept",
	  POD("virt-1", "u", OWNED("kubevirt.io/v1", "VirtualMachineInstance", "vm", "v")), .pod = "virt-1",
	  .uid = "u", .off = true,
	  .want = "virt-1(u) alive kubevirt.io/v1/VirtualMachineInstance a/vm(v) hold=pod" MAPS },
};

static void dump(const struct cluster_pod *p, char *out, size_t max)
{
	const char *endpoint = p->endpoint;

	assert_string_equal(p->ns, "a");
	assert_true(p->ns_known && p->node_known);
	assert_string_equal(p->pod->meta.uid, p->uid);
	assert_ptr_equal(p->labels, &p->pod->meta.labels);
	assert_ptr_equal(p->annotations, &p->pod->meta.annotations);
	snprintf(out, max, "%s(%s) %s %s/%s %s/%s(%s) hold=%s%s%s%s%s maps=%s,%s,%s", p->name, p->uid,
		 p->alive ? "alive" : "dead", p->owner.api_version, p->owner.kind, p->owner.ns, p->owner.name,
		 p->owner.uid, hold_name(p->hold), p->hold_ref ? ":" : "", p->hold_ref ? p->hold_ref : "",
		 endpoint ? " endpoint=" : "", endpoint ? endpoint : "", json_map_get(p->ns_labels, "l"),
		 json_map_get(p->ns_annotations, "n"), json_map_get(p->node_labels, "l"));
}

static void get(struct lab *l, const char *pod, const char *uid, char *out, size_t max)
{
	struct cluster_pod p;
	struct err e = { 0 };
	int r = cluster_pod_get(l->c, "a", pod, uid, deadline_in(AMPLE), &p, &e);

	if (r < 0) {
		assert_int_equal(r, -e.sys);
		lab_cut_server(l, e.msg);
		snprintf(out, max, "%d %s: %s", e.cni, strerrorname_np(e.sys), e.msg);
		assert_null(p.pod);
		return;
	}
	dump(&p, out, max);
	cluster_pod_clear(&p);
}

static void test_rows(void **state)
{
	char got[GOT_MAX];
	struct lab l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct row *t = &rows[i];
		char path[128];
		unsigned asked;

		lab_start(&l, t->pods, t->answers);
		l.c->conf.stateful_set = l.c->conf.kubevirt = !t->off;
		get(&l, t->pod, t->uid, got, sizeof(got));
		snprintf(path, sizeof(path), PODS("%s"), t->pod);
		asked = lab_asked(&l, path);
		lab_stop(&l);
		if (strcmp(got, t->want) != 0 || asked != t->asked)
			fail_msg("%s: got  %s (asked %u)\nwant %s (asked %u)", t->name, got, asked, t->want,
				 t->asked);
	}
}

/* What the watch does not have yet is read; what the API has not either is not known. */
static void test_unknown(void **state)
{
	static const struct fake_answer known[] = {
		{ .path = "/api/v1/namespaces?limit", .text = LIST("9", "") },
		{ .path = "/api/v1/nodes?fieldSelector", .text = LIST("9", "") },
		{ .path = "/api/v1/namespaces/a",
		  .text = HTTP_OK "{\"metadata\":{\"labels\":{\"l\":\"x\"},\"annotations\":{\"n\":\"y\"}}}" },
		{ .path = "/api/v1/nodes/n1", .text = HTTP_OK "{\"metadata\":{\"labels\":{\"l\":\"z\"}}}" },
		{ 0 }
	};
	static const struct fake_answer none[] = {
		{ .path = "/api/v1/namespaces?limit", .text = LIST("9", "") },
		{ .path = "/api/v1/nodes?fieldSelector", .text = LIST("9", "") },
		{ .path = "/api/v1/namespaces/a", .text = NOT_FOUND },
		{ .path = "/api/v1/nodes/n1", .text = NOT_FOUND },
		{ 0 }
	};
	static const struct fake_answer refused[] = {
		{ .path = "/api/v1/namespaces?limit", .text = LIST("9", "") },
		{ .path = "/api/v1/namespaces/a", .text = REFUSED("403", "Forbidden") },
		{ 0 }
	};
	struct cluster_pod p;
	char got[GOT_MAX];
	struct err e;
	struct lab l;

	(void)state;
	lab_start(&l, POD("p", "u", ""), known);
	get(&l, "p", "u", got, sizeof(got));
	assert_string_equal(got, "p(u) alive" OF_POD("p", "u") " maps=x,y,z");
	lab_stop(&l);

	lab_start(&l, POD("p", "u", ""), none);
	assert_int_equal(cluster_pod_get(l.c, "a", "p", "u", deadline_in(AMPLE), &p, &e), 0);
	assert_false(p.ns_known || p.node_known);
	assert_int_equal(p.ns_labels->n + p.ns_annotations->n + p.node_labels->n, 0);
	cluster_pod_clear(&p);
	lab_stop(&l);

	lab_start(&l, POD("p", "u", ""), refused);
	assert_int_equal(cluster_pod_get(l.c, "a", "p", "u", deadline_in(AMPLE), &p, &e), -EACCES);
	lab_stop(&l);
}

/* Deployments are found by one question for each ReplicaSet; that there is none is asked each time; no more
 * is remembered than there is room for. */
static void test_remembered(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = RS "web-1",
		  .text = HTTP_OK
		  "{" META("a", "web-1", "r", OWNED("apps/v1", "Deployment", "web", "d")) "}" },
		{ .path = RS "bare", .text = HTTP_OK "{" META("a", "bare", "b", "") "}" },
		{ 0 }
	};
	const struct kube_owner up = { (char *)"apps/v1", (char *)"Deployment", (char *)"w", (char *)"d",
				       true };
	struct kube_owner back = { 0 };
	char got[GOT_MAX], uid[32];
	struct lab l;
	struct err e;

	(void)state;
	lab_start(&l,
		  POD("p", "u", OWNED("apps/v1", "ReplicaSet", "web-1", "r")) "," POD(
			  "q", "v",
			  OWNED("apps/v1", "ReplicaSet", "web-1",
				"r")) "," POD("s", "w", OWNED("apps/v1", "ReplicaSet", "bare", "b")),
		  answers);
	for (int i = 0; i < 3; i++) {
		get(&l, "p", "u", got, sizeof(got));
		assert_string_equal(got, "p(u) alive apps/v1/Deployment a/web(d) hold=pod" MAPS);
		get(&l, "q", "v", got, sizeof(got));
		assert_string_equal(got, "q(v) alive apps/v1/Deployment a/web(d) hold=pod" MAPS);
		get(&l, "s", "w", got, sizeof(got));
	}
	assert_int_equal(lab_asked(&l, RS "web-1"), 1);
	assert_int_equal(lab_asked(&l, RS "bare"), 3);
	/* One is used all the time, and stays. */
	for (int i = 0; i < 2 * KNOWN_OWNERS_MAX; i++) {
		snprintf(uid, sizeof(uid), "uid-%d", i);
		remember(l.c, uid, &up);
		assert_int_equal(recall(l.c, "r", &back, &e), 1);
		owner_free(&back);
	}
	assert_int_equal(recall(l.c, "uid-0", &back, &e), 0);
	assert_int_equal(recall(l.c, uid, &back, &e), 1);
	owner_free(&back);
	lab_stop(&l);
}

/* Nobody waits for an API server that is away longer than he wants to. */
static void test_deadline(void **state)
{
	static const struct fake_answer answers[] = { { .path = PODS("p"), .stays = true }, { 0 } };
	struct cluster_pod p;
	struct err e;
	struct lab l;

	(void)state;
	lab_start(&l, "", answers);
	assert_int_equal(cluster_pod_get(l.c, "a", "p", "u", deadline_in(100), &p, &e), -ETIMEDOUT);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	assert_int_equal(cluster_pod_get(l.c, "", "p", "u", deadline_in(AMPLE), &p, &e), -EINVAL);
	assert_int_equal(cluster_pod_get(l.c, "a", "", "u", deadline_in(AMPLE), &p, &e), -EINVAL);
	assert_int_equal(cluster_pod_get(l.c, "a", "../x", "u", deadline_in(AMPLE), &p, &e), -EINVAL);
	cluster_cancel(l.c);
	assert_int_equal(cluster_pod_get(l.c, "a", "p", "u", deadline_in(AMPLE), &p, &e), -ECANCELED);
	lab_stop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
