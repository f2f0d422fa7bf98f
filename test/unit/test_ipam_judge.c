/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_judge.c - what is read of an address's owner, and that nothing is concluded from an answer that
 * says nothing. Needs loopback. */
#include "kube_fake.h"

#include <errno.h>

#include "base/own.h"
#include "ipam/judge.h"

#define HTTP_OK   "HTTP/1.1 200 OK\r\n\r\n"
#define NOT_FOUND REFUSED("404", "NotFound")
#define REFUSED(code, reason) \
	"HTTP/1.1 " code " x\r\n\r\n{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason \
	"\",\"message\":\"refused\"}"
#define NO_KIND "HTTP/1.1 404 x\r\n\r\n404 page not found\n"
#define NOW     ((int64_t)1800000000000) /* 2027-01-15 */
#define LONG    (NOW - 86400000)
#define PAST    "2026-01-01T00:00:00Z"

#define POD_AT  "/api/v1/namespaces/a/pods/db-1"
#define NODE_AT "/api/v1/nodes/n1"
#define SET_AT  "/apis/apps/v1/namespaces/a/statefulsets/db"
#define VMI_AT  "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstances/vm"
#define VM_AT   "/apis/kubevirt.io/v1/namespaces/a/virtualmachines/vm"
#define CRD_AT  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

#define POD(uid, meta, node, status) \
	HTTP_OK "{\"metadata\":{\"name\":\"db-1\",\"namespace\":\"a\",\"uid\":\"" uid \
		"\",\"creationTimestamp\":\"" PAST "\"" meta "},\"spec\":{\"nodeName\":\"" node \
		"\",\"restartPolicy\":\"Never\"},\"status\":{" status "}}"
#define GOING ",\"deletionTimestamp\":\"" PAST "\""
#define HASH  ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}"
#define NODE(ready, boot) \
	HTTP_OK "{\"metadata\":{\"name\":\"n1\",\"uid\":\"x\"},\"status\":{\"conditions\":[{\"type\":\"Disk\"," \
		"\"status\":\"True\"},{\"type\":\"Ready\",\"status\":\"" ready \
		"\",\"lastTransitionTime\":\"" PAST "\"}],\"nodeInfo\":{\"bootID\":\"" boot "\"}}}"
#define SET(spec) HTTP_OK "{\"metadata\":{\"name\":\"db\",\"uid\":\"s\"},\"spec\":{" spec "}}"
#define META(m)   HTTP_OK "{\"metadata\":{\"name\":\"vm\",\"uid\":\"v\"" m "}}"
#define BY_VM \
	",\"ownerReferences\":[{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"VirtualMachine\",\"name\":\"vm\"," \
	"\"uid\":\"u\",\"controller\":true}]"

#define RECORD(h, r) \
	{ \
		.hold = (h), .ref = (r), .ns = "a", .pod = "db-1", .uid = "u1", .node = "n1", .boot = "b1", \
		.container = "c1", .since = LONG \
	}
#define OF_POD RECORD(HOLD_POD, "")
#define OF_SET RECORD(HOLD_STS, "a/db/1")
#define WAITS(h, r) \
	{ \
		.hold = (h), .ref = (r), .ns = "a", .pod = "db-1", .uid = "", .node = "n1", .boot = "", \
		.container = "", .since = LONG \
	}

struct row {
	const char *what;
	struct block_rec r;
	struct fake_answer answers[4];
	int want; /* enum fate_verdict, + 10 unconfirmed, -errno */
};

static struct row rows[] = {
	{ "alive: nothing else is asked",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u1", "", "n1", "") } },
	  FATE_KEEP },
	{ "finished on a ready node",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u1", "", "n1", "\"phase\":\"Failed\"") },
	    { .path = NODE_AT, .text = NODE("True", "b1") } },
	  FATE_KEEP },
	{ "finished, restarted",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u1", "", "n1", "\"phase\":\"Failed\"") },
	    { .path = NODE_AT, .text = NODE("True", "b2") } },
	  FATE_FREE },
	{ "deleted, node not ready",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u1", GOING, "n1", "") },
	    { .path = NODE_AT, .text = NODE("Unknown", "b1") } },
	  FATE_FREE + 10 },
	{ "deleted, node gone",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u1", GOING, "n1", "") }, { .path = NODE_AT, .text = NOT_FOUND } },
	  FATE_FREE + 10 },
	{ "gone just now",
	  OF_POD,
	  { { .path = POD_AT, .text = NOT_FOUND }, { .path = NODE_AT, .text = NODE("True", "b1") } },
	  FATE_LATER },
	{ "another of its name, made long ago",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u2", "", "n1", "") },
	    { .path = NODE_AT, .text = NODE("True", "b1") } },
	  FATE_FREE + 10 },
	{ "static, its object made anew",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u2", HASH, "n1", "") },
	    { .path = NODE_AT, .text = NODE("True", "b1") } },
	  FATE_KEEP },
	{ "static, of another node",
	  OF_POD,
	  { { .path = POD_AT, .text = POD("u2", HASH, "n2", "") },
	    { .path = NODE_AT, .text = NODE("True", "b1") } },
	  FATE_FREE + 10 },

	{ "no answer about the pod",
	  OF_POD,
	  { { .path = POD_AT, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },
	{ "something else answers", OF_POD, { { .path = POD_AT, .text = NO_KIND } }, -ENXIO },
	{ "no pod in the answer", OF_POD, { { .path = POD_AT, .text = HTTP_OK "{}" } }, -EBADMSG },
	{ "no JSON", OF_POD, { { .path = POD_AT, .text = HTTP_OK "<html>" } }, -EBADMSG },
	{ "no answer about the node",
	  OF_POD,
	  { { .path = POD_AT, .text = NOT_FOUND }, { .path = NODE_AT, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },
	{ "no answer about the set",
	  WAITS(HOLD_STS, "a/db/1"),
	  { { .path = SET_AT, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },

	{ "gone, its set has it",
	  OF_SET,
	  { { .path = POD_AT, .text = POD("u2", "", "n1", "") },
	    { .path = NODE_AT, .text = NOT_FOUND },
	    { .path = SET_AT, .text = SET("\"replicas\":2") } },
	  FATE_CLEAR + 10 },
	{ "finished, restarted, its set has it",
	  OF_SET,
	  { { .path = POD_AT, .text = POD("u1", "", "n1", "\"phase\":\"Failed\"") },
	    { .path = NODE_AT, .text = NODE("True", "b2") },
	    { .path = SET_AT, .text = SET("\"replicas\":2") } },
	  FATE_CLEAR },
	{ "gone, scaled down",
	  OF_SET,
	  { { .path = POD_AT, .text = NOT_FOUND },
	    { .path = NODE_AT, .text = NOT_FOUND },
	    { .path = SET_AT, .text = SET("\"replicas\":1") } },
	  FATE_FREE + 10 },
	{ "waits",
	  WAITS(HOLD_STS, "a/db/1"),
	  { { .path = SET_AT, .text = SET("\"replicas\":2") } },
	  FATE_KEEP },
	{ "waits, one when none is said",
	  WAITS(HOLD_STS, "a/db/0"),
	  { { .path = SET_AT, .text = SET("") } },
	  FATE_KEEP },
	{ "waits, from 5 on",
	  WAITS(HOLD_STS, "a/db/5"),
	  { { .path = SET_AT, .text = SET("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  FATE_KEEP },
	{ "waits, before those from 5 on",
	  WAITS(HOLD_STS, "a/db/4"),
	  { { .path = SET_AT, .text = SET("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  FATE_FREE },
	{ "waits, removed", WAITS(HOLD_STS, "a/db/1"), { { .path = SET_AT, .text = NOT_FOUND } }, FATE_FREE },
	{ "a reference that is none", WAITS(HOLD_STS, "a/db"), { { 0 } }, -EINVAL },
	{ "a machine runs", WAITS(HOLD_VM, "a/vm"), { { .path = VMI_AT, .text = META("") } }, FATE_KEEP },
	{ "is stopped",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = NOT_FOUND }, { .path = VM_AT, .text = META("") } },
	  FATE_KEEP },
	{ "is being removed",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = NOT_FOUND }, { .path = VM_AT, .text = META(GOING) } },
	  FATE_FREE },
	{ "its instance starts anew",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = META(GOING BY_VM) }, { .path = VM_AT, .text = META("") } },
	  FATE_KEEP },
	{ "an instance of no machine goes",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = META(GOING) }, { .path = VM_AT, .text = META("") } },
	  FATE_FREE },
	{ "no KubeVirt",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = NO_KIND },
	    { .path = VM_AT, .text = NO_KIND },
	    { .path = CRD_AT, .text = NOT_FOUND } },
	  FATE_FREE },
	{ "KubeVirt is not served yet",
	  WAITS(HOLD_VM, "a/vm"),
	  { { .path = VMI_AT, .text = NO_KIND }, { .path = CRD_AT, .text = META("") } },
	  -EAGAIN },
};

static void test_rows(void **state)
{
	size_t bad = 0;

	(void)state;
	clock_freeze_wall(NOW);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct judge j = { .until = deadline_in(5000),
				   .rules = { .ready_nodes = true, .not_ready_nodes = true } };
		struct block_rec r;
		struct fate f = { 0 };
		struct fake server;
		struct err e = { 0 };
		size_t n = 0;
		int got;

		block_rec_init(&r);
#define COPY(m) r.m = rows[i].r.m
		COPY(hold), COPY(ref), COPY(ns), COPY(pod), COPY(uid), COPY(node), COPY(boot);
		COPY(container), COPY(since);
		while (n < ARRAY_LEN(rows[i].answers) && rows[i].answers[n].path)
			n++;
		fake_start(&server, rows[i].answers, n, &j.k);
		got = judge_record(&j, &r, &f, &e);
		got = got < 0 ? got : (int)f.verdict + 10 * f.unconfirmed;
		judge_end(&j);
		fake_stop(&server, j.k);
		if (got == rows[i].want)
			continue;
		print_error("%s: got %d (%s), want %d\n", rows[i].what, got, got < 0 ? e.msg : f.why,
			    rows[i].want);
		bad++;
	}
	clock_freeze_wall(-1);
	assert_int_equal(bad, 0);
}

/* What a node is asked once, and what cannot be judged does not stop the others. */
static void test_block(void **state)
{
	struct fake_answer answers[] = {
		{ .path = POD_AT, .text = NOT_FOUND },
		{ .path = "/api/v1/namespaces/a/pods/bad", .text = REFUSED("403", "Forbidden") },
		{ .path = NODE_AT, .text = NOT_FOUND },
	};
	struct judge j = { .until = deadline_in(5000) };
	static struct judged x;
	struct block b;
	struct fake server;
	size_t nodes = 0;

	(void)state;
	block_init(&b, 4, 1);
	for (unsigned i = 0; i < 5; i++) {
		const struct block_rec r = OF_POD;

		b.rec[i].hold = r.hold;
		b.rec[i].since = r.since;
		b.rec[i].ns = r.ns;
		b.rec[i].pod = i == 2 ? "bad" : r.pod;
		b.rec[i].uid = r.uid;
		b.rec[i].node = r.node;
		b.rec[i].container = r.container;
	}
	fake_start(&server, answers, ARRAY_LEN(answers), &j.k);
	judge_block(&j, &b, NULL, NULL, NULL, &x);
	fake_stop(&server, j.k);
	assert_int_equal(x.n, 4);
	assert_int_equal(x.failed, 1);
	assert_non_null(strstr(x.why.msg, "pod a/bad"));
	assert_int_equal((int)x.v[3].addr.n, 68);
	assert_true(x.v[0].unconfirmed);
	for (size_t i = 0; i < server.n_asked; i++)
		nodes += strstr(server.asked[i], "/nodes/") != NULL;
	assert_int_equal(nodes, 1);
	assert_null(j.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_block) };

	return cmocka_run_group_tests_name("ipam judge", tests, NULL, NULL);
}
