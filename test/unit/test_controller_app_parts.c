/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app_parts.c - what the API server serves, by its replies; the table of applications;
 * waiting
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/discovery.c"
#define find table_find
#include "../../cmd/controller/app_table.c"

static int64_t mono;

static int64_t test_mono(void)
{
	return mono;
}
#define drop          wait_drop
#define clock_mono_ms test_mono
#include "../../cmd/controller/app_wait.c"

static struct err err;

/* ---- discovery: replies of API servers, cut to what is read ---- */

#define LIST(gv, resources) \
	"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"" gv \
	"\",\"resources\":[" resources "]}"
#define RES(name, namespaced, kind) \
	"{\"name\":\"" name "\",\"singularName\":\"\",\"namespaced\":" namespaced ",\"kind\":\"" kind \
	"\",\"verbs\":[\"get\",\"list\"]}"

/* Kubernetes 1.20.2: CronJobs are in v1beta1. */
#define BATCH_120 LIST("batch/v1", RES("jobs", "true", "Job") "," RES("jobs/status", "true", "Job"))
#define BATCH_120_B \
	LIST("batch/v1beta1", \
	     RES("cronjobs", "true", "CronJob") "," RES("cronjobs/status", "true", "CronJob"))
/* Kubernetes 1.29. */
#define BATCH_129 \
	LIST("batch/v1", \
	     RES("cronjobs", "true", "CronJob") "," RES("cronjobs/status", "true", "CronJob") "," RES( \
		     "jobs", "true", "Job") "," RES("jobs/status", "true", "Job"))
/* OpenKruise: the scale of a CloneSet says that it is one of autoscaling. */
#define KRUISE \
	LIST("apps.kruise.io/v1alpha1", \
	     RES("clonesets", "true", "CloneSet") "," RES( \
		     "clonesets/status", "true", \
		     "CloneSet") "," \
				 "{\"name\":\"clonesets/scale\",\"singularName\":\"\",\"namespaced\":true,\"group\":\"autoscaling\"," \
				 "\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"get\",\"patch\",\"update\"]}," RES( \
					 "sidecarsets", "false", "SidecarSet"))
#define CORE \
	LIST("v1", RES("replicationcontrollers", "true", \
		       "ReplicationController") "," RES("replicationcontrollers/scale", "true", "Scale"))

static const struct {
	const char *name, *list, *api_version, *kind;
	int r;
	const char *group, *version, *plural;
	bool namespaced, scale;
} found[] = {
	{ "1.20, CronJob", BATCH_120, "batch/v1", "CronJob", -ENOENT, "", "", "", false, false },
	{ "1.20, CronJob, v1beta1", BATCH_120_B, "batch/v1beta1", "CronJob", 0, "batch", "v1beta1",
	  "cronjobs", true, false },
	{ "1.29, CronJob", BATCH_129, "batch/v1", "CronJob", 0, "batch", "v1", "cronjobs", true, false },
	{ "with a scale", KRUISE, "apps.kruise.io/v1alpha1", "CloneSet", 0, "apps.kruise.io", "v1alpha1",
	  "clonesets", true, true },
	{ "without one, of the cluster", KRUISE, "apps.kruise.io/v1alpha1", "SidecarSet", 0, "apps.kruise.io",
	  "v1alpha1", "sidecarsets", false, false },
	{ "a subresource's kind", KRUISE, "apps.kruise.io/v1alpha1", "Scale", -ENOENT, "", "", "", false,
	  false },
	{ "core", CORE, "v1", "ReplicationController", 0, "", "v1", "replicationcontrollers", true, true },
	{ "nothing", "{}", "a/v1", "A", -ENOENT, "", "", "", false, false },
	{ "no list", "{\"resources\":7}", "a/v1", "A", -ENOENT, "", "", "", false, false },
};

static void test_discovery(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(found); i++) {
		struct json_object *list;
		struct discovered d;
		int r;

		assert_int_equal(json_parse(found[i].list, strlen(found[i].list), "row", &list, &err), 0);
		r = discovery_read(list, found[i].api_version, found[i].kind, &d, &err);
		if (r != found[i].r ||
		    (r == 0 &&
		     (strcmp(d.res.group, found[i].group) != 0 ||
		      strcmp(d.res.version, found[i].version) != 0 ||
		      strcmp(d.res.plural, found[i].plural) != 0 || strcmp(d.res.kind, found[i].kind) != 0 ||
		      d.res.namespaced != found[i].namespaced || d.scale != found[i].scale)))
			fail_msg("%s: %d %s", found[i].name, r, r < 0 ? err.msg : d.plural);
		json_object_put(list);
	}
}

/* What stands in an owner reference becomes a path: nothing but a version may. */
static void test_versions(void **state)
{
	static const char *const bad[] = { "a/../b", "a/b/c", "a?b/v1", "A/v1", "a%2f/v1", "a b/v1" };
	struct discovered d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (discovery_find(NULL, bad[i], "X", deadline_in(0), NULL, &d, &err) != -ENOENT)
			fail_msg("%s", bad[i]);
}

/* ---- the table ---- */

static struct app sample(const char *kind, const char *name, const char *uid, int64_t replicas)
{
	const struct ipam_owner id = { "apps/v1", kind, "ns", name, uid };
	struct app a;

	assert_int_equal(app_make(&id, &a, &err), 0);
	a.replicas = replicas;
	return a;
}

static void told(const char *key, void *arg)
{
	struct buf *b = arg;

	buf_fmt(b, "%s ", key);
}

static int put_one(struct app_table *t, const char *kind, const char *name, const char *uid, int64_t replicas,
		   uint64_t list)
{
	struct app a = sample(kind, name, uid, replicas);
	char key[APP_KEY_MAX];
	int r = app_table_put(t, app_key("apps/v1", kind, "ns", name, key), &a, list, &err);

	app_clear(&a);
	return r;
}

static void test_table(void **state)
{
	struct buf gone = BUF_INIT(4096);
	struct app_table *t;
	struct app a;

	(void)state;
	assert_int_equal(app_table_new(&t, &err), 0);
	assert_int_equal(put_one(t, "Deployment", "a", "u", 1, 1), 1);
	assert_int_equal(put_one(t, "Deployment", "a", "u", 1, 1), 0);
	assert_int_equal(put_one(t, "Deployment", "a", "u", 2, 1), 1);
	assert_int_equal(put_one(t, "Deployment", "a", "v", 2, 1), 1);
	assert_int_equal(put_one(t, "Deployment", "b", "u", 1, 1), 1);
	assert_int_equal(put_one(t, "Job", "a", "u", 1, 1), 1);
	assert_int_equal(app_table_get(t, "apps|Deployment|ns|a", &a, &err), 1);
	assert_string_equal(a.uid, "v");
	app_clear(&a);
	assert_int_equal(app_table_get(t, "apps|Deployment|ns|c", &a, &err), 0);
	/* Another list has one of the two. */
	assert_int_equal(put_one(t, "Deployment", "b", "u", 1, 2), 0);
	app_table_sweep(t, APP_DEPLOYMENT, 2, told, &gone);
	assert_string_equal(buf_cstr(&gone), "apps|Deployment|ns|a ");
	assert_true(app_table_has(t, "apps|Deployment|ns|b"));
	assert_true(app_table_has(t, "apps|Job|ns|a"));
	assert_true(app_table_drop(t, "apps|Job|ns|a"));
	assert_false(app_table_drop(t, "apps|Job|ns|a"));
	buf_reset(&gone);
	app_table_each(t, told, &gone);
	assert_string_equal(buf_cstr(&gone), "apps|Deployment|ns|b ");
	buf_clear(&gone);
	app_table_free(t);
}

/* ---- waiting ---- */

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(text, &p, &err), 0);
	return p;
}

static void woken(struct app_waits *w, enum app_wait what, const char *changed, const char *want)
{
	struct buf b = BUF_INIT(4096);

	app_wake(w, what, prefix(changed), told, &b);
	assert_string_equal(buf_cstr(&b), want);
	buf_clear(&b);
}

static void test_wait(void **state)
{
	struct app_waits *w;

	(void)state;
	assert_int_equal(app_waits_new(&w, &err), 0);
	assert_true(app_wait(w, APP_HUNGRY, prefix("10.0.0.0/24"), "a"));
	assert_false(app_wait(w, APP_HUNGRY, prefix("10.0.0.0/24"), "a"));
	app_wait(w, APP_LEAVING, prefix("10.0.0.0/24"), "b");
	app_wait(w, APP_LEAVING, prefix("10.0.1.0/24"), "c");
	woken(w, APP_HUNGRY, "10.0.1.0/24", "");
	woken(w, APP_HUNGRY, "10.0.0.0/24", "a ");
	woken(w, APP_HUNGRY, "10.0.0.0/24", "");
	woken(w, APP_LEAVING, "10.0.0.64/26", "b ");
	woken(w, APP_LEAVING, "fd00::/122", "");
	app_waits_free(w); /* one waits still */
}

static void test_rest(void **state)
{
	const char *v4 = "10.0.0.1-10.0.0.5", *v6 = "fd00::1";
	struct ip_set set, resting;
	struct app_waits *w;

	(void)state;
	mono = 100;
	assert_int_equal(app_waits_new(&w, &err), 0);
	assert_int_equal(ip_set_parse(&v4, 1, 4, &set, &err), 0);
	assert_int_equal(app_rest(w, &set, &err), 0);
	ip_set_clear(&set);
	assert_int_equal(ip_set_parse(&v6, 1, 6, &set, &err), 0);
	assert_int_equal(app_rest(w, &set, &err), 0);
	ip_set_clear(&set);
	assert_int_equal(app_rest(w, &set, &err), 0);
	mono += APP_REST_MS - 1;
	assert_int_equal(app_resting(w, 4, &resting, &err), 0);
	assert_int_equal(ip_set_count(&resting), 5);
	ip_set_clear(&resting);
	assert_int_equal(app_resting(w, 6, &resting, &err), 0);
	assert_int_equal(ip_set_count(&resting), 1);
	ip_set_clear(&resting);
	mono++;
	assert_int_equal(app_resting(w, 4, &resting, &err), 0);
	assert_int_equal(ip_set_count(&resting), 0);
	app_waits_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_discovery), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_table),     cmocka_unit_test(test_wait),
		cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
