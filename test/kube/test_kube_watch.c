/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_watch.c - a cache that follows a real API server, whatever happens to that */
#include "lab.h"

#include <pthread.h>

#include "kube/cache.h"
#include "kube/views.h"

static struct kube *k;
static const char *ns;

#define CM (&lab_configmaps)

struct follow {
	struct kube_cache *cache;
	struct kube_watch *watch;
	pthread_mutex_t lock;
	unsigned lists, added, changed, gone, troubles;
};

static int event(const struct kube_event *ev, void *arg, struct err *e)
{
	struct follow *f = arg;

	pthread_mutex_lock(&f->lock);
	f->lists += ev->change == KUBE_LISTING;
	pthread_mutex_unlock(&f->lock);
	return kube_cache_event(ev, f->cache, e);
}

static void on_change(const struct kube_item *old, const struct kube_item *now, void *arg)
{
	struct follow *f = arg;

	pthread_mutex_lock(&f->lock);
	f->added += !old;
	f->changed += old && now;
	f->gone += !now;
	pthread_mutex_unlock(&f->lock);
}

static void trouble(const struct err *why, void *arg)
{
	struct follow *f = arg;

	pthread_mutex_lock(&f->lock);
	f->troubles++;
	pthread_mutex_unlock(&f->lock);
	print_message("# %s\n", why->msg);
}

static void start(struct follow *f, const struct kube_watch_conf *more)
{
	struct kube_watch_conf c = *more;
	struct err e;

	*f = (struct follow){ 0 };
	pthread_mutex_init(&f->lock, NULL);
	ok(kube_cache_new(
		   &(struct kube_cache_conf){ .table = &kube_object_table, .changed = on_change, .arg = f },
		   &f->cache, &e),
	   &e);
	c.k = k;
	c.res = c.res ? c.res : CM;
	c.ns = ns;
	c.event = event;
	c.trouble = trouble;
	c.arg = f;
	ok(kube_watch_start(&c, &f->watch, &e), &e);
	assert_true(kube_cache_wait(f->cache, deadline_in(AMPLE)));
}

static void stop(struct follow *f)
{
	kube_watch_stop(f->watch);
	kube_cache_free(f->cache);
	pthread_mutex_destroy(&f->lock);
}

static unsigned count(struct follow *f, const unsigned *counter)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = *counter;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* Until the cache has the object with that label (NULL: has it not). */
static void await(struct follow *f, const char *name, const char *label)
{
	struct deadline end = deadline_in(AMPLE);

	for (;;) {
		CLEANUP(kube_item_put_p) const struct kube_item *item = kube_cache_get(f->cache, ns, name);
		const struct kube_object *o = item ? item->view : NULL;
		const char *has = o ? json_map_get(&o->meta.labels, "v") : NULL;

		if (label ? has && !strcmp(has, label) : !item)
			return;
		if (!deadline_left(end))
			fail_msg("%s never has the label %s, it has %s", name, label ? label : "(gone)",
				 has ? has : "none");
		usleep(20000);
	}
}

static void create(const char *name)
{
	lab_create(k, CM, ns, name, "\"labels\":{\"v\":\"1\"}", "\"data\":{\"a\":\"b\"}");
}

static void relabel(const char *name, const char *v)
{
	struct kube_op op = lab_op(CM, ns, name);
	char patch[96];
	struct err e;

	snprintf(patch, sizeof(patch), "{\"metadata\":{\"labels\":{\"v\":\"%s\"}}}", v);
	ok(kube_patch(k, &op, KUBE_MERGE_PATCH, patch, strlen(patch), NULL, &e), &e);
}

static void follow(const struct kube_watch_conf *c)
{
	const struct kube_item *kept;
	struct follow f;

	create("a");
	start(&f, c);
	assert_int_equal(count(&f, &f.added), 1);
	kept = kube_cache_get(f.cache, ns, "a");
	assert_non_null(kept);
	create("b");
	await(&f, "b", "1");
	relabel("a", "2");
	await(&f, "a", "2");
	/* What a reader holds does not change under it. */
	assert_string_equal(json_map_get(&((const struct kube_object *)kept->view)->meta.labels, "v"), "1");
	lab_delete(k, CM, ns, "a");
	lab_delete(k, CM, ns, "b");
	await(&f, "a", NULL);
	await(&f, "b", NULL);
	assert_int_equal(kube_cache_count(f.cache), 0);
	assert_int_equal(count(&f, &f.lists), 1);
	assert_int_equal(count(&f, &f.added), 2);
	assert_int_equal(count(&f, &f.changed), 1);
	assert_int_equal(count(&f, &f.gone), 2);
	stop(&f);
	assert_string_equal(kept->name, "a");
	kube_item_put(kept);
}

static void test_follow(void **state)
{
	(void)state;
	follow(&(struct kube_watch_conf){ .page = 1 });
	follow(&(struct kube_watch_conf){ .metadata_only = true });
	follow(&(struct kube_watch_conf){ .cached = true });
}

static void test_selectors(void **state)
{
	struct follow f;

	(void)state;
	create("in");
	create("out");
	start(&f, &(struct kube_watch_conf){ .fields = "metadata.name=in", .labels = "v in (1,2)" });
	assert_int_equal(kube_cache_count(f.cache), 1);
	/* An object that does not match any more is gone. */
	relabel("in", "3");
	await(&f, "in", NULL);
	relabel("in", "2");
	await(&f, "in", "2");
	stop(&f);
	lab_delete(k, CM, ns, "in");
	lab_delete(k, CM, ns, "out");
}

/* The server ends watches; nothing is listed again, nothing is missed. */
static void test_resumes(void **state)
{
	struct follow f;
	char name[16];

	(void)state;
	start(&f, &(struct kube_watch_conf){ .lasts_s = 2 });
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "r-%d", i);
		create(name);
		usleep(100000);
	}
	await(&f, "r-59", "1");
	assert_int_equal(kube_cache_count(f.cache), 60);
	assert_int_equal(count(&f, &f.added), 60);
	assert_int_equal(count(&f, &f.lists), 1);
	stop(&f);
}

static void test_restart(void **state)
{
	struct follow f;

	(void)state;
	create("stays");
	create("changes");
	start(&f, &(struct kube_watch_conf){ .silence_s = 20 });
	lab_cluster("stop kube-apiserver");
	lab_cluster("start kube-apiserver");
	lab_ready(k);
	relabel("changes", "2");
	await(&f, "changes", "2");
	await(&f, "stays", "1");
	assert_true(count(&f, &f.troubles) >= 1);
	stop(&f);
	lab_delete(k, CM, ns, "stays");
	lab_delete(k, CM, ns, "changes");
}

/* ---- etcd ---- */

static void stop_all(void)
{
	lab_cluster("stop kube-apiserver");
	lab_cluster("stop etcd");
}

static void start_all(void)
{
	lab_cluster("start etcd");
	lab_cluster("start kube-apiserver");
	lab_ready(k);
}

static void etcd_copy(const char *from, const char *to)
{
	const char *name = lab_env("KUBE_NAME");
	char line[256];

	snprintf(line, sizeof(line), "rm -rf /dev/shm/spk-%s%s && cp -a /dev/shm/spk-%s%s /dev/shm/spk-%s%s",
		 name, to, name, from, name, to);
	assert_int_equal(system(line), 0);
}

static void etcd_remove(const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "rm -rf /dev/shm/spk-%s%s", lab_env("KUBE_NAME"), what);
	assert_int_equal(system(line), 0);
}

static void compact(void)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_config conf = { .server = (char *)"http://127.0.0.1:2379" };
	struct kube_request q = { .method = "POST", .path = "/v3/kv/compaction" };
	struct kube_op op = lab_op(CM, ns, "newest");
	struct kube_answer a;
	struct kube *etcd;
	char body[96];
	struct err e;

	ok(kube_get(k, &op, &o, &e), &e);
	snprintf(body, sizeof(body), "{\"revision\":\"%s\",\"physical\":true}",
		 kube_meta(o, "resourceVersion"));
	q.body = body;
	q.len = strlen(body);
	ok(kube_open(&conf, 0, &etcd, &e), &e);
	ok(kube_call(etcd, &q, deadline_in(AMPLE), &a, &e), &e);
	kube_answer_clear(&a);
	kube_close(etcd);
}

/* The watch's version is forgotten while the server is away: all is listed again, and what went meanwhile
 * goes. */
static void test_compacted(void **state)
{
	const struct kube_resource *events = &kube_resources[KUBE_EVENTS];
	char more[256];
	struct follow f;
	unsigned lists;

	(void)state;
	snprintf(more, sizeof(more), "\"involvedObject\":{\"namespace\":\"%s\"},\"reason\":\"r\"", ns);
	lab_create(k, events, ns, "goes", "\"labels\":{\"v\":\"1\"}", more);
	lab_create(k, events, ns, "keeps", "\"labels\":{\"v\":\"1\"}", more);
	/* Events have no watch cache: the server asks etcd for each watch, and etcd remembers. They have no
	 * bookmarks either, so that each watch resumes from what was listed. */
	start(&f, &(struct kube_watch_conf){ .res = events, .lasts_s = 6 });
	await(&f, "goes", "1");
	lists = count(&f, &f.lists);
	/* A watch may start at the version that etcd was compacted to, not before. */
	create("newer");
	create("newest");
	compact();
	for (struct deadline end = deadline_in(AMPLE); count(&f, &f.lists) == lists && deadline_left(end);)
		usleep(100000);
	assert_true(count(&f, &f.lists) > lists);
	await(&f, "keeps", "1");
	lab_delete(k, events, ns, "goes");
	await(&f, "goes", NULL);
	stop(&f);
	lab_delete(k, CM, ns, "newer");
	lab_delete(k, CM, ns, "newest");
}

/* etcd comes back with yesterday's data: what was made since then is gone, and the watch sees what comes now.
 */
static void test_restored(void **state)
{
	struct follow f;
	char name[16];

	(void)state;
	create("old");
	start(&f, &(struct kube_watch_conf){ .silence_s = 20 });
	stop_all();
	etcd_copy("", "-saved");
	start_all();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "lost-%d", i);
		create(name);
	}
	await(&f, "lost-19", "1");
	stop_all();
	etcd_copy("-saved", "");
	start_all();
	await(&f, "lost-0", NULL);
	await(&f, "lost-19", NULL);
	await(&f, "old", "1");
	create("new");
	await(&f, "new", "1");
	stop(&f);
	etcd_remove("-saved");
}

/* ---- stopping ---- */

static void test_stop(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	struct follow f;

	(void)state;
	for (int i = 0; i < 20; i++) {
		start(&f, &(struct kube_watch_conf){ .page = 1 });
		stop(&f);
	}
	start(&f, &(struct kube_watch_conf){ 0 });
	lab_freeze(pid);
	stop(&f);
	kill(pid, SIGCONT);
	lab_ready(k);
}

/* A server that hangs is given up after its silence, and found again. */
static void test_silence(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	struct follow f;

	(void)state;
	create("quiet");
	start(&f, &(struct kube_watch_conf){ .silence_s = 2 });
	for (int i = 0; i < 2;
	     i++) { /* a list may bring the first; a request without an answer yet has a minute */
		relabel("quiet", i ? "1" : "0");
		await(&f, "quiet", i ? "1" : "0");
	}
	lab_freeze(pid);
	for (struct deadline end = deadline_in(AMPLE); !count(&f, &f.troubles) && deadline_left(end);)
		usleep(100000);
	kill(pid, SIGCONT);
	assert_true(count(&f, &f.troubles) > 0);
	relabel("quiet", "2");
	await(&f, "quiet", "2");
	stop(&f);
	lab_delete(k, CM, ns, "quiet");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follow),    cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_resumes),   cmocka_unit_test(test_stop),
		cmocka_unit_test(test_silence),   cmocka_unit_test(test_restart),
		cmocka_unit_test(test_compacted), cmocka_unit_test(test_restored),
	};
	int r;

	alarm(300);
	cmocka_set_test_filter(getenv("KUBE_TEST_FILTER"));
	k = lab_open_as(getenv("KUBE_TEST_HTTP1") ? KUBE_HTTP1 : 0);
	ns = lab_namespace(k, "watch");
	r = cmocka_run_group_tests(tests, NULL, NULL);
	kube_close(k);
	return r;
}
