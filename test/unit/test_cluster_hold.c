/* SPDX-License-Identifier: Apache-2.0 */
/* test_cluster_hold.c - whether what keeps an address is gone, and a pod; a virtual machine that moves */
#include "cluster_lab.h"

#define SET  "/apis/apps/v1/namespaces/a/statefulsets/db"
#define VMI  "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstances/vm"
#define VM   "/apis/kubevirt.io/v1/namespaces/a/virtualmachines/"
#define MOVE "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstancemigrations/"
#define CRD  "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

#define STANDS(meta) HTTP_OK "{" META("a", "x", "ux", meta) "}"
#define SPEC(spec)   HTTP_OK "{" META("a", "db", "s", "") ",\"spec\":{" spec "}}"
#define BY_VM(name)  OWNED("kubevirt.io/v1", "VirtualMachine", name, "uv")

/* ---- holds ---- */

enum { ALIVE, DEAD };

struct hold_row {
	const char *name;
	enum hold hold;
	const char *ref;
	struct fake_answer answers[6];
	int want; /* ALIVE, DEAD, -errno */
};

static struct hold_row hold_rows[] = {
	{ "in", HOLD_STS, "a/db/2", { { .path = SET, .text = SPEC("\"replicas\":3") } }, ALIVE },
	{ "scaled down", HOLD_STS, "a/db/3", { { .path = SET, .text = SPEC("\"replicas\":3") } }, DEAD },
	{ "scaled to nothing",
	  HOLD_STS,
	  "a/db/0",
	  { { .path = SET, .text = SPEC("\"replicas\":0") } },
	  DEAD },
	{ "one replica when none is said", HOLD_STS, "a/db/0", { { .path = SET, .text = SPEC("") } }, ALIVE },
	{ "the second of one", HOLD_STS, "a/db/1", { { .path = SET, .text = SPEC("") } }, DEAD },
	{ "first of those that start at 5",
	  HOLD_STS,
	  "a/db/5",
	  { { .path = SET, .text = SPEC("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  ALIVE },
	{ "last of those that start at 5",
	  HOLD_STS,
	  "a/db/6",
	  { { .path = SET, .text = SPEC("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  ALIVE },
	{ "behind them",
	  HOLD_STS,
	  "a/db/7",
	  { { .path = SET, .text = SPEC("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  DEAD },
	{ "before them",
	  HOLD_STS,
	  "a/db/1",
	  { { .path = SET, .text = SPEC("\"replicas\":2,\"ordinals\":{\"start\":5}") } },
	  DEAD },
	{ "no StatefulSet", HOLD_STS, "a/db/0", { { .path = SET, .text = NOT_FOUND } }, DEAD },
	{ "StatefulSets are not served", HOLD_STS, "a/db/0", { { .path = SET, .text = NO_KIND } }, -ENXIO },
	{ "may not be read",
	  HOLD_STS,
	  "a/db/0",
	  { { .path = SET, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },

	{ "runs", HOLD_VM, "a/vm", { { .path = VMI, .text = STANDS("") } }, ALIVE },
	{ "stopped",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NOT_FOUND }, { .path = VM "vm", .text = STANDS("") } },
	  ALIVE },
	{ "no instance, and the machine is going",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NOT_FOUND }, { .path = VM "vm", .text = STANDS(GOING) } },
	  DEAD },
	{ "no instance, no machine",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NOT_FOUND }, { .path = VM "vm", .text = NOT_FOUND } },
	  DEAD },
	{ "the instance is going, its machine is not",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = STANDS(GOING BY_VM("boss")) }, { .path = VM "boss", .text = STANDS("") } },
	  ALIVE },
	{ "the instance and its machine are going",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = STANDS(GOING BY_VM("boss")) },
	    { .path = VM "boss", .text = STANDS(GOING) } },
	  DEAD },
	{ "the instance is going, its machine is gone",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = STANDS(GOING BY_VM("boss")) }, { .path = VM "boss", .text = NOT_FOUND } },
	  DEAD },
	{ "an instance of no machine is going; a machine has its name",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = STANDS(GOING) }, { .path = VM "vm", .text = STANDS("") } },
	  DEAD },
	{ "an instance of something else is going",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = STANDS(GOING OWNED("x.io/v1", "VirtualMachine", "vm", "u")) },
	    { .path = VM "vm", .text = STANDS("") } },
	  DEAD },
	{ "the machine may not be read",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NOT_FOUND }, { .path = VM "vm", .text = REFUSED("403", "Forbidden") } },
	  -EACCES },
	{ "the instance may not be read",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },
	{ "no KubeVirt here",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NO_KIND },
	    { .path = VM, .text = NO_KIND },
	    { .path = CRD, .text = NOT_FOUND } },
	  DEAD },
	{ "KubeVirt is not served yet",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NO_KIND },
	    { .path = VM, .text = NO_KIND },
	    { .path = CRD "virtualmachineinstances.kubevirt.io", .text = STANDS("") } },
	  -EAGAIN },
	{ "whether KubeVirt is here may not be known",
	  HOLD_VM,
	  "a/vm",
	  { { .path = VMI, .text = NO_KIND }, { .path = CRD, .text = REFUSED("403", "Forbidden") } },
	  -EACCES },

	{ "of a pod", HOLD_POD, "a/db/0", { { 0 } }, -EINVAL },
	{ "no ordinal", HOLD_STS, "a/db", { { 0 } }, -EINVAL },
	{ "no number", HOLD_STS, "a/db/x", { { 0 } }, -EINVAL },
	{ "a number with a sign", HOLD_STS, "a/db/-1", { { 0 } }, -EINVAL },
	{ "more", HOLD_STS, "a/db/1/2", { { 0 } }, -EINVAL },
	{ "no namespace", HOLD_STS, "/db/1", { { 0 } }, -EINVAL },
	{ "no name", HOLD_STS, "a//1", { { 0 } }, -EINVAL },
	{ "nothing", HOLD_VM, "", { { 0 } }, -EINVAL },
	{ "no name of a machine", HOLD_VM, "a/", { { 0 } }, -EINVAL },
	{ "more than a machine", HOLD_VM, "a/vm/1", { { 0 } }, -EINVAL },
};

static void test_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hold_rows); i++) {
		struct hold_row *t = &hold_rows[i];
		struct err e = { 0 };
		struct lab l;
		bool dead = true;
		int r;

		lab_start(&l, "", t->answers);
		r = cluster_hold_dead(l.c, t->hold, t->ref, deadline_in(AMPLE), &dead, &e);
		lab_stop(&l);
		if ((r < 0 ? r : (int)dead) != t->want || (r < 0 && dead))
			fail_msg("%s: got %d, dead %d (%s), want %d", t->name, r, dead, e.msg, t->want);
		if (r == -EINVAL && !strstr(e.msg, "want namespace/name/ordinal"))
			fail_msg("%s: %s", t->name, e.msg);
	}
}

/* ---- fates ---- */

#define STATE(policy, phase, reason) \
	POD_AS("p", "u", "", \
	       "\"spec\":{\"nodeName\":\"n1\",\"restartPolicy\":\"" policy \
	       "\"},\"status\":{\"phase\":\"" phase "\",\"reason\":\"" reason "\"}")

#define HASH ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}"

struct fate_row {
	const char *name, *pod; /* in the watch and in the API */
	const char *answer;     /* instead, of the API */
	const char *uid;
	int want; /* or -errno */
	int64_t grace;
	bool known; /* alive, as the watch has it */
};

static struct fate_row fate_rows[] = {
	{ "runs", POD("p", "u", ""), NULL, "u", FATE_ALIVE, 0, true },
	{ "runs, UID not asked for", POD("p", "u", ""), NULL, "", FATE_ALIVE, 0, true },
	{ "a static pod", POD("p", "u", ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}"), NULL, "h",
	  FATE_ALIVE, 0, true },
	{ "another one", POD("p", "u2", ""), NULL, "u", FATE_GONE, 0, false },
	{ "another one that is dead", POD("p", "u2", GOING), NULL, "u", FATE_GONE, 0, false },
	{ "another one of kubelet's own", POD("p", "u2", HASH), NULL, "u", FATE_REMADE, 0, false },
	{ "another one of kubelet's own, going", POD("p", "u2", HASH GOING), NULL, "u", FATE_REMADE, 0,
	  false },
	{ "another one of another node's kubelet", POD_AS("p", "u2", HASH, "\"spec\":{\"nodeName\":\"n2\"}"),
	  NULL, "u", FATE_GONE, 0, false },
	{ "gone since", POD("p", "u", ""), NOT_FOUND, "u", FATE_GONE, 0, true },
	{ "going", POD("p", "u", GOING), NULL, "u", FATE_DEAD, 30, false },
	{ "going since", POD("p", "u", ""), HTTP_OK POD("p", "u", GOING), "u", FATE_DEAD, 30, true },
	{ "succeeded, to run once", STATE("Never", "Succeeded", ""), NULL, "u", FATE_DEAD, 0, false },
	{ "succeeded, to run again if it fails", STATE("OnFailure", "Succeeded", ""), NULL, "u", FATE_DEAD, 0,
	  false },
	{ "succeeded, to run for ever", STATE("Always", "Succeeded", ""), NULL, "u", FATE_ALIVE, 0, true },
	{ "failed, to run once", STATE("Never", "Failed", ""), NULL, "u", FATE_DEAD, 0, false },
	{ "failed, though it was to run again", STATE("OnFailure", "Failed", ""), NULL, "u", FATE_DEAD, 0,
	  false },
	{ "failed with its node's shutdown", STATE("Always", "Failed", "Terminated"), NULL, "u", FATE_DEAD, 0,
	  false },
	{ "evicted", STATE("Always", "Failed", "Evicted"), NULL, "u", FATE_DEAD, 0, false },
	{ "runs, Evicted", STATE("Always", "Running", "Evicted"), NULL, "u", FATE_ALIVE, 0, true },
	{ "a 404 of somebody else", POD("p", "u", ""), NO_KIND, "u", -ENXIO, -1, true },
	{ "may not be read", POD("p", "u", ""), REFUSED("403", "Forbidden"), "u", -EACCES, -1, true },
};

static void test_fates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fate_rows); i++) {
		struct fate_row *t = &fate_rows[i];
		CLEANUP(free_p) char *text = NULL;
		struct fake_answer answers[2] = { { .path = PODS("p") } };
		enum cluster_fate fate = FATE_GONE;
		struct err e = { 0 };
		int64_t grace = -1;
		struct lab l;
		bool known;
		int r;

		assert_true(asprintf(&text, HTTP_OK "%s", t->pod) > 0);
		answers[0].text = t->answer ? t->answer : text;
		lab_start(&l, t->pod, answers);
		known = cluster_pod_known_alive(l.c, "a", "p", t->uid);
		assert_int_equal(lab_asked(&l, PODS("p")), 0);
		r = cluster_pod_fate(l.c, "a", "p", t->uid, deadline_in(AMPLE), &fate, &grace, &e);
		assert_false(cluster_pod_known_alive(l.c, "a", "q", ""));
		lab_stop(&l);
		if ((r < 0 ? r : (int)fate) != t->want || grace != t->grace || known != t->known)
			fail_msg("%s: got %d, fate %d, grace %d, known alive %d (%s)", t->name, r, fate,
				 (int)grace, known, e.msg);
	}
}

/* ---- migrations ---- */

#define VM_POD(annotation) \
	POD("p", "u", OWNED("kubevirt.io/v1", "VirtualMachineInstance", "vm", "v") annotation)
#define TO(name) ",\"annotations\":{\"kubevirt.io/migrationJobName\":\"" name "\"}"

struct move_row {
	const char *name, *pod;
	struct fake_answer answers[4];
	int want; /* 1: it is the target of one */
	const char *trouble;
	unsigned asked;
};

static struct move_row move_rows[] = {
	{ "under way", VM_POD(TO("m")), { { .path = MOVE "m", .text = STANDS("") } }, 1, "", 1 },
	{ "none of that name", VM_POD(TO("m")), { { .path = MOVE "m", .text = NOT_FOUND } }, 0, "", 1 },
	{ "not said", VM_POD(""), { { .path = MOVE "m", .text = STANDS("") } }, 0, "", 0 },
	{ "not of a virtual machine",
	  POD("p", "u", TO("m")),
	  { { .path = MOVE "m", .text = STANDS("") } },
	  0,
	  "",
	  0 },
	{ "no name", VM_POD(TO("")), { { 0 } }, 0, "", 0 },
	{ "not a name", VM_POD(TO("a/b")), { { 0 } }, 0, "", 0 },
	{ "may not be read",
	  VM_POD(TO("m")),
	  { { .path = MOVE "m", .text = REFUSED("403", "Forbidden") } },
	  0,
	  "pod a/p: whether migration \"m\" is under way is not known, so its addresses are looked for on the "
	  "wire as always; let the agent get virtualmachineinstancemigrations.kubevirt.io: GET ",
	  1 },
	{ "not served",
	  VM_POD(TO("m")),
	  { { .path = MOVE "m", .text = NO_KIND }, { .path = CRD, .text = NOT_FOUND } },
	  0,
	  "",
	  1 },
	{ "not served yet",
	  VM_POD(TO("m")),
	  { { .path = MOVE "m", .text = NO_KIND }, { .path = CRD, .text = STANDS("") } },
	  -EAGAIN,
	  "",
	  1 },
};

static void test_migrations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(move_rows); i++) {
		struct move_row *t = &move_rows[i];
		struct cluster_pod p;
		struct err e = { 0 };
		unsigned asked;
		struct lab l;
		bool moves = true;
		int r;

		lab_start(&l, t->pod, t->answers);
		assert_int_equal(cluster_pod_get(l.c, "a", "p", "u", deadline_in(AMPLE), &p, &e), 0);
		r = cluster_migration(l.c, &p, deadline_in(AMPLE), &moves, &e);
		cluster_pod_clear(&p);
		asked = lab_asked(&l, MOVE);
		lab_stop(&l);
		if ((r < 0 ? r : (int)moves) != t->want || (r < 0 && moves) || asked != t->asked ||
		    !!*l.troubles != !!*t->trouble ||
		    strncmp(l.troubles, t->trouble, strlen(t->trouble)) != 0)
			fail_msg("%s: got %d, moves %d, asked %u (%s), trouble: %s", t->name, r, moves, asked,
				 e.msg, l.troubles);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_migrations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
