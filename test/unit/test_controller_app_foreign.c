/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app_foreign.c - what pods tell of the applications of other people's kinds, over an API
 * server of scripted answers
 */
#include "kube_fake.h"

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_foreign.c"
#include "../../cmd/controller/app_name.c"
#define find table_find
#include "../../cmd/controller/app_table.c"
#undef find
/* Their tables have the same names. */
#define pod_meta_fields world_pod_meta_fields
#define pod_meta_table  world_pod_meta_table
#define pod_fields      world_pod_fields
#include "../../cmd/controller/world_views.c"
#undef pod_meta_fields
#undef pod_meta_table
#undef pod_fields
#include "../../cmd/controller/app_object.c"

#define HTTP_OK "HTTP/1.1 200 OK\r\n\r\n"
#define KEY     "g.io|K|ns|app"
#define PODS    "/api/v1/namespaces/ns/pods/"
#define META(name, made) \
	"{\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"u-" name \
	"\",\"creationTimestamp\":\"" made \
	"\",\"resourceVersion\":\"4\",\"ownerReferences\":[{\"apiVersion\":\"g.io/v1\",\"kind\":\"K\",\"name\":\"app\"," \
	"\"uid\":\"u\",\"controller\":true}],\"annotations\":{\"ipam.spidernet.io/subnet\":\"of-" name \
	"\"}}}"
#define POD(name, made) \
	{ \
		.path = PODS name, .text = HTTP_OK META(name, made) \
	}

static struct err err;

static void changed(const char *key, int64_t ms, void *arg)
{
	(void)ms;
	(void)arg;
	assert_string_equal(key, KEY);
}

static void no_trouble(const char *sentence, void *arg)
{
	(void)sentence;
	(void)arg;
}

static void tell(struct foreign *f, const char *name, const char *text)
{
	struct kube_item item = { .ns = "ns", .name = (char *)name };
	struct json_object *o;
	struct world_pod p;

	assert_int_equal(json_parse(text, strlen(text), "pod", &o, &err), 0);
	assert_int_equal(json_decode(&world_pod_table, o, "pod", &p, &err), 0);
	item.view = &p;
	foreign_pod(NULL, &item, f);
	json_clear(&world_pod_table, &p);
	json_object_put(o);
}

static void asks_for(struct foreign *f, const char *subnet)
{
	struct app a;

	if (foreign_look(f, KEY, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(app_table_get(f->c.table, KEY, &a, &err), 1);
	assert_string_equal(a.annotations.subnet, subnet);
	app_clear(&a);
}

/* ---- kinds: always the same resource, and followed ---- */

int app_kinds_new(const struct app_kinds_conf *c, struct app_kinds **ret, struct err *e)
{
	(void)c;
	(void)e;
	*ret = NULL;
	return 0;
}

void app_kinds_stop(struct app_kinds *ks)
{
	(void)ks;
}

void app_kinds_free(struct app_kinds *ks)
{
	(void)ks;
}

int app_kinds_get(struct app_kinds *ks, const char *api_version, const char *kind, struct kube_cancel *cancel,
		  struct discovered *ret, struct err *e)
{
	(void)ks;
	(void)api_version;
	(void)kind;
	(void)cancel;
	(void)e;
	*ret = (struct discovered){ .res = { "g.io", "v1", "ks", "K", true } };
	return 0;
}

int app_kinds_follow(struct app_kinds *ks, const char *api_version, const char *kind, struct err *e)
{
	(void)ks;
	(void)api_version;
	(void)kind;
	(void)e;
	return 1;
}

void app_kinds_doubt(struct app_kinds *ks, const struct discovered *d)
{
	(void)ks;
	(void)d;
}

int app_kinds_explain(struct app_kinds *ks, const struct discovered *d, int r, struct err *e)
{
	(void)ks;
	(void)d;
	(void)e;
	return r;
}

/* ---- tests ---- */

/* A leader that is new hears of all pods, in the order of their names. */
static void test_newest(void **state)
{
	struct fake_answer answers[] = {
		POD("a", "2026-11-23T12:00:00Z"),
		POD("b", "2026-11-23T12:00:30Z"),
		POD("c", "2026-11-23T12:00:10Z"),
		POD("d", "2026-11-23T12:00:20Z"),
		POD("e", "2026-11-23T12:00:31Z"),
		{ .path = "/apis/g.io/v1/namespaces/ns/ks/app",
		  .text = HTTP_OK "{\"metadata\":{\"name\":\"app\",\"uid\":\"u\"}}" },
	};
	struct foreign_conf c = { .changed = changed, .trouble = no_trouble };
	struct foreign *f;
	struct fake fake;

	(void)state;
	fake_start(&fake, answers, ARRAY_LEN(answers), &c.k);
	assert_int_equal(app_table_new(&c.table, &err), 0);
	assert_int_equal(foreign_start(&c, &f, &err), 0);
	tell(f, "a", META("a", "2026-11-23T12:00:00Z"));
	asks_for(f, "of-a");
	tell(f, "b", META("b", "2026-11-23T12:00:30Z"));
	tell(f, "c", META("c", "2026-11-23T12:00:10Z"));
	asks_for(f, "of-b");
	tell(f, "d", META("d", "2026-11-23T12:00:20Z"));
	asks_for(f, "of-b");
	tell(f, "e", META("e", "2026-11-23T12:00:31Z"));
	asks_for(f, "of-e");
	foreign_stop(f);
	foreign_free(f);
	app_table_free(c.table);
	fake_stop(&fake, c.k);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_newest) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
