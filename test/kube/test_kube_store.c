/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_store.c - four nodes' stores and the engine against a real API server, in peace and in trouble:
 * nobody goes without an address while one is left, none is had twice, all are free at the end
 *
 * Run by e2e/kube/25-store.bats. What an address's state is, is told twice: by a table of who was answered
 * what, and by the blocks.
 */
#include "store_lab.h"

#define THREADS  16
#define ADD_MS   20000
#define POOL_A4  "10.80.0.0-10.80.0.95" /* one block and a half, together 96 */
#define POOL_A6  "fd80::-fd80::5f"
#define POOL_B4  "10.80.0.64-10.80.0.191" /* the last third of the former, and as much beyond as one block */
#define POOL_B6  "fd80::40-fd80::bf"
#define EXACTLY  96
#define TOGETHER 192

static struct kube *k; /* of who looks, past all trouble */

struct storm {
	struct rig *rig;
	atomic_int tokens; /* addresses nobody has, of each family */
	atomic_bool stop, trouble;
	atomic_uint adds, dels, failed;
	const char *pools;
};

struct worker {
	struct storm *s;
	pthread_t thread;
	int hub, id;
};

static bool take_token(struct storm *s)
{
	int n = atomic_load(&s->tokens);

	while (n > 0)
		if (atomic_compare_exchange_weak(&s->tokens, &n, n - 1))
			return true;
	return false;
}

/* In trouble DEL is repeated, as a note would be. */
static void give_back(struct worker *w, struct pod *p)
{
	struct err e;
	int r;

	rig_forget(w->s->rig, p);
	do
		r = rig_del(w->s->rig, w->hub, p, ADD_MS, &e);
	while (r < 0 && atomic_load(&w->s->trouble));
	if (r < 0)
		fail_later(w->s->rig, "DEL %s: %s", p->name, e.msg);
	atomic_fetch_add(&w->s->dels, 1);
	atomic_fetch_add(&w->s->tokens, 1);
}

static bool get_one(struct worker *w, struct pod *p, int n)
{
	struct err e;
	int r;

	pod_name(p, w->hub, w->id, n);
	r = rig_add(w->s->rig, w->hub, p, w->s->pools, ADD_MS, &e);
	if (r == 0) {
		rig_remember(w->s->rig, p);
		atomic_fetch_add(&w->s->adds, 1);
		return true;
	}
	atomic_fetch_add(&w->s->failed, 1);
	if (!atomic_load(&w->s->trouble))
		fail_later(w->s->rig, "ADD %s: %s", p->name, e.msg);
	atomic_fetch_add(&w->s->tokens, 1);
	return false;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pod have[8];
	unsigned seed = (unsigned)(w->hub * 100 + w->id);
	int n = 0, made = 0;

	while (!atomic_load(&w->s->stop)) {
		bool more = n < 8 && rand_r(&seed) % 8 > n;

		if (more && take_token(w->s)) {
			n += get_one(w, &have[n], made++);
		} else if (n) {
			give_back(w, &have[--n]);
		} else {
			usleep(1000);
		}
	}
	while (n)
		give_back(w, &have[--n]);
	return NULL;
}

static void storm_start(struct storm *s, struct worker *w, struct rig *rig, const char *pools, int addresses)
{
	*s = (struct storm){ .rig = rig, .pools = pools };
	atomic_store(&s->tokens, addresses);
	for (int i = 0; i < HUBS * THREADS; i++) {
		w[i] = (struct worker){ .s = s, .hub = i % HUBS, .id = i / HUBS };
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
}

static void storm_end(struct storm *s, struct worker *w)
{
	atomic_store(&s->stop, true);
	for (int i = 0; i < HUBS * THREADS; i++)
		pthread_join(w[i].thread, NULL);
	print_message("# %u ADDs, %u DELs, %u ADDs that failed\n", s->adds, s->dels, s->failed);
	rig_settled(s->rig);
	rig_stats(s->rig);
	rig_check_free(s->rig, k);
	if (s->rig->failures[0])
		fail_msg("%s", s->rig->failures);
	assert_true(s->adds > 30);
}

static void test_exactly_fitting(void **state)
{
	struct worker w[HUBS * THREADS];
	struct rig rig;
	struct storm s;

	(void)state;
	rig_wipe(k);
	rig_open(&rig, NULL);
	storm_start(&s, w, &rig, "a", EXACTLY);
	sleep(3);
	storm_end(&s, w);
	assert_int_equal(s.failed, 0);
	rig_close(&rig);
}

static void test_overlapping(void **state)
{
	struct worker w[HUBS * THREADS];
	struct rig rig;
	struct storm s;

	(void)state;
	rig_wipe(k);
	rig_open(&rig, NULL);
	storm_start(&s, w, &rig, "ab", TOGETHER);
	sleep(3);
	storm_end(&s, w);
	assert_int_equal(s.failed, 0);
	rig_close(&rig);
}

/* Every address of both families is had at once; one more gets a sentence; one that comes back on another
 * node is seen at once. */
static void test_full(void **state)
{
	struct pod p[EXACTLY], more;
	struct rig rig;
	struct err e;

	(void)state;
	rig_wipe(k);
	rig_open(&rig, NULL);
	for (int i = 0; i < EXACTLY; i++) {
		pod_name(&p[i], i % HUBS, 0, i);
		ok(rig_add(&rig, i % HUBS, &p[i], "a", ADD_MS, &e), &e);
		rig_remember(&rig, &p[i]);
	}
	for (int i = 0; i < HUBS; i++) {
		pod_name(&more, i, 1, 0);
		assert_int_equal(rig_add(&rig, i, &more, "a", ADD_MS, &e), -ENOSPC);
		assert_non_null(strstr(e.msg, "used out"));
	}
	for (int i = 0; i < EXACTLY; i++) {
		int other = (i + 1) % HUBS;

		rig_forget(&rig, &p[i]);
		ok(rig_del(&rig, i % HUBS, &p[i], ADD_MS, &e), &e);
		pod_name(&p[i], other, 2, i);
		ok(rig_add(&rig, other, &p[i], "a", ADD_MS, &e), &e);
		rig_remember(&rig, &p[i]);
	}
	for (int i = 0; i < EXACTLY; i++) {
		rig_forget(&rig, &p[i]);
		ok(rig_del(&rig, (i + 1) % HUBS, &p[i], ADD_MS, &e), &e);
	}
	rig_settled(&rig);
	rig_check_free(&rig, k);
	assert_string_equal(rig.failures, "");
	rig_close(&rig);
}

/* Answers come late, in part, or not at all. */
static void test_bad_network(void **state)
{
	struct worker w[HUBS * THREADS];
	struct proxy proxy;
	struct rig rig;
	struct storm s;

	(void)state;
	proxy_start(&proxy);
	rig_wipe(k);
	rig_open(&rig, &proxy);
	storm_start(&s, w, &rig, "ab", TOGETHER);
	atomic_store(&s.trouble, true);
	for (int i = 0; i < 8; i++) {
		usleep(300000);
		proxy_spoil(&proxy, i % 2 ? PROXY_LOSE : PROXY_HALF);
		usleep(500000);
		proxy_spoil(&proxy, PROXY_FINE);
	}
	sleep(1);
	storm_end(&s, w);
	assert_true(rig_unknown(&rig) > 0);
	rig_close(&rig);
	proxy_stop(&proxy);
}

static void test_server_dies(void **state)
{
	struct worker w[HUBS * THREADS];
	struct rig rig;
	struct storm s;

	(void)state;
	rig_wipe(k);
	rig_open(&rig, NULL);
	storm_start(&s, w, &rig, "ab", TOGETHER);
	atomic_store(&s.trouble, true);
	for (int i = 0; i < 2; i++) {
		usleep(700000);
		lab_cluster(i ? "stop kube-apiserver KILL" : "stop kube-apiserver");
		usleep(200000);
		lab_cluster("start kube-apiserver");
		lab_ready(k);
	}
	usleep(700000);
	storm_end(&s, w);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),        cmocka_unit_test(test_exactly_fitting),
		cmocka_unit_test(test_overlapping), cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_server_dies),
	};

	alarm(900); /* a backstop: nothing should hang */
	cmocka_set_test_filter(getenv("TEST"));
	k = lab_open();
	lab_pool(k, "a4", "10.80.0.0/16", POOL_A4);
	lab_pool(k, "a6", "fd80::/64", POOL_A6);
	lab_pool(k, "b4", "10.80.0.0/16", POOL_B4);
	lab_pool(k, "b6", "fd80::/64", POOL_B6);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
