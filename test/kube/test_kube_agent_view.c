/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_agent_view.c - what an agent sees of a real API server, with an agent's own rights
 *
 * Run by e2e/kube/30-cluster-view.bats. AGENT_TOKEN is of the agent's service account.
 */
#include "lab.h"

#include <pthread.h>

/* Parts of a program, not of the library. */
#include "../../cmd/agent/cluster.c"
#include "../../cmd/agent/fate.c"
#include "../../cmd/agent/hold.c"
#include "../../cmd/agent/owner.c"
#include "../../cmd/agent/pod.c"

#define SOON deadline_in(AMPLE)

static const struct kube_resource vms = { "kubevirt.io", "v1", "virtualmachines", "VirtualMachine", true };
static const struct kube_resource vmis = { "kubevirt.io", "v1", "virtualmachineinstances",
					   "VirtualMachineInstance", true };
static const struct kube_resource crds = { "apiextensions.k8s.io", "v1", "customresourcedefinitions",
					   "CustomResourceDefinition", false };

static struct kube *k, *agent; /* the operator's, and the agent's */
static const char *ns;
static struct cluster *c;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char told[16384]; /* " name" of each that has ended */
static unsigned troubles;

static void on_end(const char *in, const char *name, const char *uid, void *arg)
{
	size_t n;

	(void)arg;
	assert_true(*uid);
	if (strcmp(in, ns) != 0)
		return;
	pthread_mutex_lock(&lock);
	n = strlen(told);
	snprintf(told + n, sizeof(told) - n, " %s ", name);
	pthread_mutex_unlock(&lock);
}

static void on_trouble(const char *sentence, void *arg)
{
	(void)arg;
	print_message("# %s\n", sentence);
	pthread_mutex_lock(&lock);
	troubles++;
	pthread_mutex_unlock(&lock);
}

static bool was_told(const char *name)
{
	char word[80];
	bool is;

	snprintf(word, sizeof(word), " %s ", name);
	pthread_mutex_lock(&lock);
	is = strstr(told, word);
	pthread_mutex_unlock(&lock);
	return is;
}

/* Until it is so. */
#define AWAIT(is) \
	do { \
		struct deadline end_ = SOON; \
		while (!(is) && deadline_left(end_)) \
			usleep(20000); \
		assert_true(is); \
	} while (0)

/* ---- what there is ---- */

#define TEMPLATE \
	"\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}," \
	"\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static struct kube_op get_op(const struct kube_resource *res, const char *name)
{
	return lab_op(res, res->namespaced ? ns : NULL, name);
}

/* Static, of the last call. */
static const char *uid_of(const struct kube_resource *res, const char *name)
{
	static char uid[64];
	struct kube_op op = get_op(res, name);
	struct json_object *o;
	struct err e;

	ok(kube_get(k, &op, &o, &e), &e);
	snprintf(uid, sizeof(uid), "%s", kube_meta(o, "uid"));
	json_object_put(o);
	return uid;
}

static void patch(const struct kube_resource *res, const char *name, const char *sub, const char *text)
{
	struct kube_op op = get_op(res, name);
	struct err e;

	op.sub = sub;
	ok(kube_patch(k, &op, KUBE_MERGE_PATCH, text, strlen(text), NULL, &e), &e);
}

/* "" or ,"ownerReferences":... */
static const char *owned(const char *version, const char *kind, const char *name, const char *uid)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "\"ownerReferences\":[{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"uid\":\"%s\","
		 "\"controller\":true}]",
		 version, kind, name, uid);
	return text;
}

static void make_pod(const char *name, const char *node, const char *meta)
{
	char more[256];

	snprintf(more, sizeof(more),
		 "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}", node);
	lab_create(k, &kube_resources[KUBE_PODS], ns, name, meta, more);
}

/* There is no kubelet that would wait for its containers. */
static void end_pod(const char *name)
{
	static const char body[] =
		"{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0}";
	struct kube_request q = { .method = "DELETE", .body = body, .len = sizeof(body) - 1 };
	struct kube_answer a;
	char path[256];
	struct err e;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", ns, name);
	q.path = path;
	ok(kube_call(k, &q, SOON, &a, &e), &e);
	kube_answer_clear(&a);
}

static void start(void)
{
	struct cluster_conf conf = { .k = agent,
				     .node = "view-1",
				     .stateful_set = true,
				     .kubevirt = true,
				     .pod_ended = on_end,
				     .trouble = on_trouble };
	struct err e;

	ok(cluster_start(&conf, &c, &e), &e);
	assert_true(cluster_wait(c, SOON));
}

static int get(const char *name, const char *uid, struct cluster_pod *p, struct err *e)
{
	return cluster_pod_get(c, ns, name, uid, SOON, p, e);
}

/* ---- tests ---- */

/* Pods of other nodes reach us in no way; our own, with its namespace and node. */
static void test_own(void **state)
{
	size_t before = kube_cache_count(c->follow[FOLLOW_PODS].cache);
	struct cluster_pod p;
	char name[16];
	struct err e;

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "far-%d", i);
		make_pod(name, "view-2", "");
	}
	make_pod("own", "view-1", "\"annotations\":{\"x\":\"y\"}");
	AWAIT(cluster_pod_known_alive(c, ns, "own", ""));
	assert_int_equal(kube_cache_count(c->follow[FOLLOW_PODS].cache), before + 1);
	assert_int_equal(kube_cache_count(c->follow[FOLLOW_NODE].cache), 1);

	ok(get("own", uid_of(&kube_resources[KUBE_PODS], "own"), &p, &e), &e);
	assert_string_equal(p.uid, uid_of(&kube_resources[KUBE_PODS], "own"));
	assert_non_null(p.view.item); /* nobody was asked */
	assert_string_equal(json_map_get(p.annotations, "x"), "y");
	assert_true(p.ns_known && p.node_known && p.alive);
	assert_string_equal(json_map_get(p.node_labels, "rack"), "7");
	assert_string_equal(p.owner.kind, "Pod");
	assert_int_equal(p.hold, HOLD_POD);
	cluster_pod_clear(&p);

	assert_int_equal(get("far-1", "", &p, &e), -EPERM);
	assert_int_equal(e.cni, ERR_CONFIG);
	assert_int_equal(get("none", "", &p, &e), -ENOENT);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	assert_int_equal(get("own", "another", &p, &e), -ESTALE);

	patch(&kube_resources[KUBE_NAMESPACES], ns, NULL, "{\"metadata\":{\"labels\":{\"team\":\"x\"}}}");
	for (struct deadline end = SOON;; usleep(20000)) {
		const char *team;

		ok(get("own", "", &p, &e), &e);
		team = json_map_get(p.ns_labels, "team");
		if (team && !strcmp(team, "x"))
			break;
		assert_true(deadline_left(end));
		cluster_pod_clear(&p);
	}
	cluster_pod_clear(&p);
}

static enum cluster_fate fate(const char *name, const char *uid, int64_t *grace)
{
	enum cluster_fate f;
	struct err e;

	ok(cluster_pod_fate(c, ns, name, uid, SOON, &f, grace, &e), &e);
	return f;
}

static void test_fate(void **state)
{
	struct cluster_pod p;
	char old[64];
	int64_t grace;
	struct err e;

	(void)state;
	make_pod("goes", "view-1", "");
	make_pod("evicted", "view-1", "");
	snprintf(old, sizeof(old), "%s", uid_of(&kube_resources[KUBE_PODS], "goes"));
	assert_int_equal(fate("goes", old, &grace), FATE_ALIVE);
	AWAIT(cluster_pod_known_alive(c, ns, "goes", old));
	lab_delete(k, &kube_resources[KUBE_PODS], ns, "goes");
	assert_int_equal(fate("goes", old, &grace), FATE_DEAD);
	assert_int_equal(grace, 30);
	AWAIT(was_told("goes"));
	assert_false(cluster_pod_known_alive(c, ns, "goes", old));
	end_pod("goes");
	assert_int_equal(fate("goes", old, &grace), FATE_GONE);
	make_pod("goes", "view-1", "");
	assert_int_equal(fate("goes", old, &grace), FATE_GONE);
	assert_int_equal(get("goes", old, &p, &e), -ESTALE);
	/* Right after it was made: whether the watch has it or the API is asked. */
	ok(get("goes", uid_of(&kube_resources[KUBE_PODS], "goes"), &p, &e), &e);
	cluster_pod_clear(&p);

	patch(&kube_resources[KUBE_PODS], "evicted", "status",
	      "{\"status\":{\"phase\":\"Failed\",\"reason\":\"Evicted\"}}");
	assert_int_equal(fate("evicted", "", &grace), FATE_DEAD);
	AWAIT(was_told("evicted"));
	ok(get("evicted", "", &p, &e), &e);
	assert_false(p.alive);
	cluster_pod_clear(&p);
}

static void test_owners(void **state)
{
	const struct kube_resource *rs = &kube_resources[KUBE_REPLICASETS],
				   *jobs = &kube_resources[KUBE_JOBS];
	struct cluster_pod p;
	struct err e;

	(void)state;
	lab_create(k, rs, ns, "web-1", owned("apps/v1", "Deployment", "web", "d"), "\"spec\":{" TEMPLATE "}");
	make_pod("web-1-x", "view-1", owned("apps/v1", "ReplicaSet", "web-1", uid_of(rs, "web-1")));
	ok(get("web-1-x", "", &p, &e), &e);
	assert_string_equal(p.owner.kind, "Deployment");
	assert_string_equal(p.owner.name, "web");
	assert_string_equal(p.owner.uid, "d");
	cluster_pod_clear(&p);

	lab_create(k, jobs, ns, "job", owned("batch/v1beta1", "CronJob", "cron", "c"),
		   "\"spec\":{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":"
		   "\"c\",\"image\":\"i\"}]}}}");
	make_pod("job-x", "view-1", owned("batch/v1", "Job", "job", uid_of(jobs, "job")));
	ok(get("job-x", "", &p, &e), &e);
	assert_string_equal(p.owner.kind, "CronJob");
	cluster_pod_clear(&p);

	make_pod("orphan", "view-1", owned("apps/v1", "ReplicaSet", "none", "r"));
	assert_int_equal(get("orphan", "", &p, &e), -ENOENT);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	make_pod("false", "view-1", owned("apps/v1", "ReplicaSet", "web-1", "another"));
	assert_int_equal(get("false", "", &p, &e), -ENOENT);
}

static bool hold_dead(enum hold hold, const char *what)
{
	char ref[256];
	struct err e;
	bool dead;

	snprintf(ref, sizeof(ref), "%s/%s", ns, what);
	ok(cluster_hold_dead(c, hold, ref, SOON, &dead, &e), &e);
	return dead;
}

static void test_sets(void **state)
{
	const struct kube_resource *sets = &kube_resources[KUBE_STATEFULSETS];
	struct cluster_pod p;
	char want[256];
	struct err e;

	(void)state;
	lab_create(k, sets, ns, "db", "", "\"spec\":{\"serviceName\":\"s\",\"replicas\":2," TEMPLATE "}");
	make_pod("db-1", "view-1", owned("apps/v1", "StatefulSet", "db", uid_of(sets, "db")));
	ok(get("db-1", "", &p, &e), &e);
	assert_int_equal(p.hold, HOLD_STS);
	snprintf(want, sizeof(want), "%s/db/1", ns);
	assert_string_equal(p.hold_ref, want);
	cluster_pod_clear(&p);

	assert_false(hold_dead(HOLD_STS, "db/1"));
	assert_true(hold_dead(HOLD_STS, "db/2"));
	patch(sets, "db", NULL, "{\"spec\":{\"replicas\":1}}");
	assert_true(hold_dead(HOLD_STS, "db/1"));
	assert_false(hold_dead(HOLD_STS, "db/0"));
	lab_delete(k, sets, ns, "db");
	assert_true(hold_dead(HOLD_STS, "db/0"));
}

/* ---- virtual machines ---- */

static void make_crd(const struct kube_resource *res, const char *singular)
{
	char name[128], more[1024];
	bool served = false;

	snprintf(name, sizeof(name), "%s.%s", res->plural, res->group);
	snprintf(
		more, sizeof(more),
		"\"spec\":{\"group\":\"%s\",\"scope\":\"Namespaced\",\"names\":{\"plural\":\"%s\",\"singular\":"
		"\"%s\",\"kind\":\"%s\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":true,"
		"\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		"\"x-kubernetes-preserve-unknown-fields\":true}}}]}",
		res->group, res->plural, singular, res->kind);
	lab_create(k, &crds, NULL, name, "", more);
	for (struct deadline end = SOON; !served && deadline_left(end); usleep(50000)) {
		struct kube_op op = get_op(res, "none");
		struct json_object *o;
		struct err e;

		served = kube_get(k, &op, &o, &e) == -ENOENT && !strcmp(op.answer.reason, "NotFound");
	}
	assert_true(served);
}

static bool annotated(const char *pod)
{
	CLEANUP(kube_item_put_p)
	const struct kube_item *item = kube_cache_get(c->follow[FOLLOW_PODS].cache, ns, pod);
	const struct kube_pod *p = item ? item->view : NULL;

	return p && json_map_get(&p->meta.annotations, MIGRATION_OF);
}

static bool moves(const char *pod)
{
	struct cluster_pod p;
	struct err e;
	bool is;

	ok(get(pod, "", &p, &e), &e);
	assert_int_equal(p.hold, HOLD_VM);
	assert_string_equal(p.endpoint, "vm");
	ok(cluster_migration(c, &p, SOON, &is, &e), &e);
	cluster_pod_clear(&p);
	return is;
}

/* Without KubeVirt, with it, and a machine that is stopped, moved and removed. */
static void test_machines(void **state)
{
	(void)state;
	assert_true(hold_dead(HOLD_VM, "vm"));
	make_crd(&vmis, "virtualmachineinstance");
	make_crd(&vms, "virtualmachine");
	assert_true(hold_dead(HOLD_VM, "vm"));
	lab_create(k, &vms, ns, "vm", "", "");
	assert_false(hold_dead(HOLD_VM, "vm"));
	lab_create(k, &vmis, ns, "vm", owned("kubevirt.io/v1", "VirtualMachine", "vm", uid_of(&vms, "vm")),
		   "");
	make_pod("launcher", "view-1",
		 owned("kubevirt.io/v1", "VirtualMachineInstance", "vm", uid_of(&vmis, "vm")));
	patch(&kube_resources[KUBE_PODS], "launcher", NULL,
	      "{\"metadata\":{\"annotations\":{\"kubevirt.io/migrationJobName\":\"move\"}}}");
	AWAIT(annotated("launcher"));
	assert_false(moves("launcher"));
	make_crd(&migrations, "virtualmachineinstancemigration");
	assert_false(moves("launcher"));
	lab_create(k, &migrations, ns, "move", "", "");
	assert_true(moves("launcher"));

	/* Its instance waits for somebody, and the machine stays; then the machine goes too. */
	patch(&vmis, "vm", NULL, "{\"metadata\":{\"finalizers\":[\"x.io/wait\"]}}");
	lab_delete(k, &vmis, ns, "vm");
	assert_false(hold_dead(HOLD_VM, "vm"));
	lab_delete(k, &vms, ns, "vm");
	assert_true(hold_dead(HOLD_VM, "vm"));
	patch(&vmis, "vm", NULL, "{\"metadata\":{\"finalizers\":null}}");
	assert_true(hold_dead(HOLD_VM, "vm"));
}

/* ---- the API server goes, and its rights ---- */

static void test_restart(void **state)
{
	struct cluster_pod p;
	struct err e;

	(void)state;
	make_pod("stays", "view-1", "");
	make_pod("ends", "view-1", "");
	AWAIT(cluster_pod_known_alive(c, ns, "stays", "") && cluster_pod_known_alive(c, ns, "ends", ""));
	lab_cluster("stop kube-apiserver");
	/* What is known is still known; what is not, nobody is told about. */
	ok(get("stays", "", &p, &e), &e);
	assert_true(p.alive);
	cluster_pod_clear(&p);
	assert_true(cluster_pod_get(c, ns, "unknown", "", deadline_in(300), &p, &e) < 0);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	lab_cluster("start kube-apiserver");
	lab_ready(k);
	end_pod("ends");
	AWAIT(was_told("ends"));
	assert_true(cluster_pod_known_alive(c, ns, "stays", ""));
	assert_false(was_told("stays"));
}

/* Another view of the node is told of what is dead already, and knows the rest. */
static void test_anew(void **state)
{
	(void)state;
	cluster_stop(c);
	pthread_mutex_lock(&lock);
	told[0] = '\0';
	pthread_mutex_unlock(&lock);
	start();
	assert_true(was_told("evicted"));
	assert_false(was_told("stays"));
	assert_true(cluster_pod_known_alive(c, ns, "stays", ""));
}

/* A right that is missing leaves detection on; where an address could be lost, it is an error. */
static void test_forbidden(void **state)
{
	static struct kube_meta_view meta;
	struct cluster_pod p = {
		.ns = ns, .name = "launcher", .hold = HOLD_VM, .annotations = &meta.annotations
	};
	struct deadline end = SOON;
	unsigned before = troubles;
	enum cluster_fate f;
	int64_t grace;
	struct err e;
	bool is;

	(void)state;
	assert_int_equal(json_map_set(&meta.annotations, MIGRATION_OF, "move", &e), 0);
	lab_delete(k,
		   &(struct kube_resource){ "rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole",
					    false },
		   NULL, "spiderpool-agent");
	/* The API server hears of it a little later. */
	do {
		usleep(50000);
		ok(cluster_migration(c, &p, SOON, &is, &e), &e);
	} while (is && deadline_left(end));
	assert_false(is);
	assert_true(troubles > before);
	assert_int_equal(cluster_hold_dead(c, HOLD_STS, "x/db/1", SOON, &is, &e), -EACCES);
	assert_int_equal(cluster_hold_dead(c, HOLD_VM, "x/vm", SOON, &is, &e), -EACCES);
	assert_false(is);
	assert_int_equal(cluster_pod_fate(c, ns, "stays", "", SOON, &f, &grace, &e), -EACCES);
	json_map_clear(&meta.annotations);
}

static struct kube *open_agent(void)
{
	struct kube_config conf;
	struct kube *ret = NULL;
	struct err e;

	ok(kube_config_file(lab_env("KUBECONFIG"), NULL, 0, &conf, &e), &e);
	free(conf.cert.file);
	free(conf.cert.text);
	free(conf.key.file);
	free(conf.key.text);
	free(conf.token);
	conf.cert = conf.key = (struct kube_pem){ 0 };
	conf.token = strdup(lab_env("AGENT_TOKEN"));
	ok(kube_open(&conf, 0, &ret, &e), &e);
	kube_config_clear(&conf);
	return ret;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),  cmocka_unit_test(test_fate),      cmocka_unit_test(test_owners),
		cmocka_unit_test(test_sets), cmocka_unit_test(test_machines),  cmocka_unit_test(test_restart),
		cmocka_unit_test(test_anew), cmocka_unit_test(test_forbidden),
	};
	int r;

	alarm(300);
	cmocka_set_test_filter(getenv("KUBE_TEST_FILTER"));
	k = lab_open();
	agent = open_agent();
	ns = lab_namespace(k, "view");
	lab_create(k, &kube_resources[KUBE_NODES], NULL, "view-1", "\"labels\":{\"rack\":\"7\"}", "");
	lab_create(k, &kube_resources[KUBE_NODES], NULL, "view-2", "", "");
	start();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	cluster_stop(c);
	kube_close(agent);
	kube_close(k);
	return r;
}
