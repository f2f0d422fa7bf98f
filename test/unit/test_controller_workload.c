/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_workload.c - Kubernetes' own workloads, over an API server of scripted answers: which
 * CronJobs it has
 */
#include "kube_fake.h"

#include <errno.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/app_table.c"
#include "../../cmd/controller/workload.c"

#define AMPLE   30000
#define OK      "HTTP/1.1 200 OK\r\n\r\n"
#define NO_PATH "HTTP/1.1 404 x\r\n\r\n404 page not found\n"
#define EXPIRED \
	"HTTP/1.1 410 x\r\n\r\n{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"x\"}"
#define LIST(n) OK "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" n "]}"
#define STABLE  "/apis/batch/v1/cronjobs?"
#define BETA    "/apis/batch/v1beta1/cronjobs?"
#define FOLLOW(p) \
	{ .path = p "?limit", .text = LIST("") }, \
	{ \
		.path = p "?watch", .text = OK, .stays = true \
	}
#define OTHERS \
	FOLLOW("/apis/apps/v1/deployments"), FOLLOW("/apis/apps/v1/replicasets"), \
		FOLLOW("/apis/apps/v1/statefulsets"), FOLLOW("/apis/apps/v1/daemonsets"), \
		FOLLOW("/apis/batch/v1/jobs")
#define JOB \
	"{\"metadata\":{\"name\":\"c\",\"namespace\":\"ns\",\"uid\":\"u\",\"resourceVersion\":\"4\"},\"spec\":{" \
	"\"jobTemplate\":{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/subnet\":\"x\"}}}}}}}"

static struct lab {
	struct fake f;
	struct fake_answer answers[24];
	struct kube *k;
	struct app_table *table;
	struct workloads *w;
	atomic_uint troubles;
} lab;
static struct err err;

static void changed(const char *key, void *arg)
{
	(void)key;
	(void)arg;
}

static void note_trouble(const char *sentence, void *arg)
{
	(void)sentence;
	(void)arg;
	lab.troubles++;
}

static void start(const struct fake_answer *answers, size_t n)
{
	struct workloads_conf c = { .changed = changed, .trouble = note_trouble };

	memset(&lab, 0, sizeof(lab));
	memcpy(lab.answers, answers, n * sizeof(*answers));
	fake_start(&lab.f, lab.answers, n, &lab.k);
	assert_int_equal(app_table_new(&lab.table, &err), 0);
	c.k = lab.k;
	c.table = lab.table;
	assert_int_equal(workloads_start(&c, &lab.w, &err), 0);
}

static void stop(void)
{
	workloads_stop(lab.w);
	workloads_free(lab.w);
	app_table_free(lab.table);
	fake_stop(&lab.f, lab.k);
}

#define EVENTUALLY(what) \
	do { \
		struct deadline until_ = deadline_in(AMPLE); \
		while (!(what) && deadline_left(until_)) \
			usleep(5000); \
		if (!(what)) \
			fail_msg("never: %s; %u troubles", #what, lab.troubles); \
	} while (0)

static bool has_job(const char *api_version)
{
	struct app a;
	bool has = app_table_get(lab.table, "batch|CronJob|ns|c", &a, &err) > 0 &&
		   !strcmp(a.api_version, api_version);

	app_clear(&a);
	return has;
}

static const char *version(void)
{
	return workloads_resource(lab.w, APP_CRONJOB)->version;
}

static void test_stable(void **state)
{
	static const struct fake_answer answers[] = {
		OTHERS,
		{ .path = STABLE "limit", .text = LIST(JOB) },
		{ .path = STABLE "watch", .text = OK, .stays = true },
	};

	(void)state;
	start(answers, ARRAY_LEN(answers));
	EVENTUALLY(workloads_synced(lab.w));
	assert_true(has_job("batch/v1"));
	assert_string_equal(version(), "v1");
	assert_int_equal(lab.troubles, 0);
	stop();
}

/* Kubernetes 1.20, and then it is a newer one, which does not know the old version any more. */
static void test_beta(void **state)
{
	static atomic_bool old;
	static const struct fake_answer answers[] = {
		OTHERS,
		{ .path = STABLE "limit", .text = NO_PATH, .times = 1 },
		{ .path = BETA "limit", .text = LIST(JOB), .times = 1 },
		{ .path = BETA "watch", .text = EXPIRED, .held = &old, .times = 1 },
		{ .path = BETA, .text = NO_PATH },
		{ .path = STABLE "limit", .text = LIST(JOB) },
		{ .path = STABLE "watch", .text = OK, .stays = true },
	};

	(void)state;
	old = true;
	start(answers, ARRAY_LEN(answers));
	EVENTUALLY(workloads_synced(lab.w));
	assert_true(has_job("batch/v1beta1"));
	assert_string_equal(version(), "v1beta1");
	assert_int_equal(lab.troubles, 0);
	old = false;
	EVENTUALLY(has_job("batch/v1"));
	assert_string_equal(version(), "v1");
	assert_in_range(lab.troubles, 1, 1); /* that its state was forgotten */
	stop();
}

/* Neither version: said, and both are tried for as long as it takes. */
static void test_none(void **state)
{
	static const struct fake_answer answers[] = {
		OTHERS,
		{ .path = STABLE, .text = NO_PATH, .times = 2 },
		{ .path = BETA, .text = NO_PATH },
		{ .path = STABLE "limit", .text = LIST("") },
		{ .path = STABLE "watch", .text = OK, .stays = true },
	};

	(void)state;
	start(answers, ARRAY_LEN(answers));
	EVENTUALLY(workloads_synced(lab.w));
	assert_int_equal(lab.troubles, 3);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stable),
		cmocka_unit_test(test_beta),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
