/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_pools_work.c - one look at a pool: what fails, and which version agents are to have seen */
#include "kube_fake.h"

#include "../../cmd/controller/pools_impl.h"
#include "world_stub.h"

static int repaired; /* what pools_repair() answers */
static char asked[KUBE_VERSION_MAX];
static unsigned exhausted_told;

#define store_kube_skew(hub) ((void)(hub), 0)
#define look                 look_at
#include "../../cmd/controller/pools.c"
#undef look
#define tell tell_touched
#include "../../cmd/controller/pools_index.c"
#undef tell
#include "../../cmd/controller/pools_metrics.c"
#include "../../cmd/controller/pools_notes.c"
#include "../../cmd/controller/pools_publish.c"
#include "../../cmd/controller/status.c"
#include "../../cmd/controller/status_pool.c"

/* ---- the rest of the controller ---- */

int pools_repair(const struct pools_job *j, int64_t *again_ms, struct err *e)
{
	(void)j, (void)again_ms;
	return repaired < 0 ? err_code(e, ERR_TRY_AGAIN, -repaired, "said the API server") : repaired;
}

int pools_meta_release(const struct api_meta *m, struct buf *out, struct err *e)
{
	(void)m, (void)out, (void)e;
	return 0;
}

void events_say(struct events *v, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...)
{
	(void)v, (void)o, (void)warning, (void)fmt;
	exhausted_told += strcmp(reason, "Exhausted") == 0;
}

int settled_start(struct controller *c, void (*changed)(void *arg), void *arg, struct settled **ret,
		  struct err *e)
{
	(void)c, (void)changed, (void)arg, (void)ret, (void)e;
	return 0;
}

void settled_end(struct settled *s)
{
	(void)s;
}

void settled_stop(struct settled *s)
{
	(void)s;
}

bool settled_synced(struct settled *s)
{
	(void)s;
	return true;
}

int settled_behind(struct settled *s, const char *version, struct status_names *ret, struct err *e)
{
	(void)s, (void)e;
	*ret = (struct status_names){ .n = 0 };
	snprintf(asked, sizeof(asked), "%s", version);
	return 0;
}

void *lead_part(struct controller *c, const struct controller_part *part)
{
	(void)c, (void)part;
	return NULL;
}

int blocks_start(struct controller *c, struct blocks **ret, struct err *e)
{
	(void)c, (void)ret, (void)e;
	return 0;
}

void blocks_stop(struct blocks *b)
{
	(void)b;
}

/* ---- the lab ---- */

#define PATH "/apis/spiderpool.spidernet.io/v2beta1/spiderippools/p"
#define POOL(version, spec, status) \
	"{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"generation\":1,\"resourceVersion\":\"" version \
	"\",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER \
	"\":\"x\"}},\"spec\":{\"ipVersion\":4,\"subnet\":" \
	"\"10.0.0.0/24\",\"ips\":[\"10.0.0.1\"]" spec "},\"status\":{" status "}}"

static void caches_new(void)
{
	static const enum api_kind kinds[] = { API_IPPOOL, API_SUBNET, API_RESERVEDIP, API_IPBLOCK };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct kube_cache_conf conf = { .table = api_kinds[kinds[i]].table };

		assert_int_equal(kube_cache_new(&conf, &caches[i], &e), 0);
	}
}

static void caches_free(void)
{
	for (size_t i = 0; i < 4; i++)
		kube_cache_free(caches[i]);
}

static void hear(enum kube_change change, const char *version, const char *spec)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_event ev = { .change = change, .ns = "", .name = "p", .uid = "u", .version = version };
	char text[1024];
	struct err e;

	snprintf(text, sizeof(text), POOL("%s", "%s", ""), version, spec);
	assert_int_equal(json_parse(text, strlen(text), "pool", &o, &e), 0);
	ev.object = o;
	assert_int_equal(kube_cache_event(&ev, caches[WORLD_POOLS], &e), 0);
}

static void lab_new(struct pools *p)
{
	struct err e;

	pthread_mutex_init(&p->lock, NULL);
	assert_int_equal(pools_index_new(&p->ix, &e), 0);
	caches_new();
	hear(KUBE_ADDED, "50", "");
}

static void lab_end(struct pools *p)
{
	pools_index_free(p->ix);
	pools_notes_clear(p);
	pthread_mutex_destroy(&p->lock);
	caches_free();
}

/* ---- what fails is a failure ---- */

/* The queue's pauses grow; nothing else ends a loop of what fails for good. */
static void test_failures(void **state)
{
	static const int failures[] = { -EAGAIN, -ESTALE, -ENOENT, -EACCES, -EINVAL };
	struct controller c = { .k = NULL };
	struct pools p = { .c = &c };

	(void)state;
	lab_new(&p);
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		struct err e = { .sys = 0 };
		int64_t r;

		repaired = failures[i];
		r = work("p", NULL, &p, &e);
		if (r != failures[i] || e.sys != -failures[i])
			fail_msg("%s: answered %lld", strerror(-failures[i]), (long long)r);
	}
	repaired = 0;
	lab_end(&p);
}

static void test_tells(void **state)
{
	static const struct {
		int sys;
		unsigned n;
		bool tells;
	} tries[] = {
		{ EAGAIN, 1, true },  { EAGAIN, 2, false }, { EAGAIN, 10, true }, { ESTALE, 1, false },
		{ ESTALE, 8, true },  { ESTALE, 9, false }, { ESTALE, 10, true }, { ENOENT, 1, false },
		{ ENOENT, 20, true }, { EACCES, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		const struct err why = { .sys = tries[i].sys };

		if (kube_queue_tells(&why, tries[i].n) != tries[i].tells)
			fail_msg("row %zu", i);
	}
}

/* ---- the version that agents are to have seen ---- */

static const struct {
	const char *what, *version, *has, *want;
} looks[] = {
	{ "first seen", "50", "", "50" },
	{ "of the same generation", "60", "", "50" },
	{ "etcd was restored", "40", "", "40" },
	{ "it was not, for long", "70", "", "40" },
	{ "restored, and who led before saw it first", "30",
	  "\"observedGeneration\":1,\"observedVersion\":\"20\"", "20" },
	{ "restored, with a status of times that never were", "10",
	  "\"observedGeneration\":1,\"observedVersion\":\"900\"", "10" },
};

static void test_seen(void **state)
{
	static char texts[ARRAY_LEN(looks)][1024];
	struct fake_answer answers[2 * ARRAY_LEN(looks)] = { { .path = NULL } };
	struct controller c = { .conf = { .pool_max = 10 } };
	struct pools p = { .c = &c };
	struct fake f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		snprintf(texts[i], sizeof(texts[i]), "HTTP/1.1 200 OK\r\n\r\n" POOL("%s", "", "%s"),
			 looks[i].version, looks[i].has);
		answers[2 * i] =
			(struct fake_answer){ .path = PATH, .method = "GET", .text = texts[i], .times = 1 };
		answers[2 * i + 1] = (struct fake_answer){
			.path = PATH "/status", .method = "PATCH", .text = texts[i], .times = 1
		};
	}
	lab_new(&p);
	fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		int64_t r;

		hear(KUBE_MODIFIED, looks[i].version, "");
		r = work("p", NULL, &p, &e);
		if (r < 0)
			fail_msg("%s: %s", looks[i].what, e.msg);
		if (strcmp(asked, looks[i].want) != 0)
			fail_msg("%s: agents are asked for %s", looks[i].what, asked);
	}
	fake_stop(&f, c.k);
	lab_end(&p);
}

/* ---- a pool that is full ---- */

static void nobody(const char *pool, void *arg)
{
	(void)pool, (void)arg;
}

static void fill(struct pools *p)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(65536);
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	const ip_num a = 0x0a000001;
	char name[IP_BLOCK_NAME_MAX];
	struct kube_event ev = { .change = KUBE_ADDED, .object = o, .ns = "", .uid = "b", .version = "49" };
	struct ip_set total = { .ver = 4 };
	struct block_rec *rec;
	struct block b;
	struct err e;

	block_init(&b, 4, a >> IP_BLOCK_BITS);
	rec = &b.rec[a % IP_BLOCK_SIZE];
	block_rec_init(rec);
	rec->hold = HOLD_POD;
	rec->pool = "p";
	rec->ns = rec->pod = rec->nic = rec->node = rec->container = "x";
	assert_int_equal(block_encode(&b, &text, &e), 0);
	ev.name = ip_block_name(4, b.index, name);
	json_object_object_add(o, "spec", json_object_new_object());
	json_object_object_add(json_object_object_get(o, "spec"), "records",
			       json_object_new_string(buf_cstr(&text)));
	assert_int_equal(kube_cache_event(&ev, caches[WORLD_BLOCKS], &e), 0);
	assert_int_equal(ip_set_add(&total, (struct ip_range){ a, a }, &e), 0);
	assert_int_equal(pools_index_pool(p->ix, "p", &total, &e), 0);
	assert_int_equal(pools_index_block(p->ix, 4, b.index, buf_cstr(&text), nobody, NULL, &e), 0);
	ip_set_clear(&total);
	block_clear(&b);
}

static const struct {
	const char *what, *spec;
	unsigned told;
	const char *metric;
} full[] = {
	{ "a plain one", "", 1, "debug_ippool_disabled{SpiderIPPool=\"p\"} 0\n" },
	{ "one that is disabled", ",\"disable\":true", 0, "debug_ippool_disabled{SpiderIPPool=\"p\"} 1\n" },
};

static void test_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(full); i++) {
		static const char text[] = "HTTP/1.1 200 OK\r\n\r\n" POOL("50", "", "");
		struct fake_answer answers[] = { { .path = PATH, .text = text } };
		struct controller c = { .conf = { .pool_max = 10 } };
		struct pools p = { .c = &c };
		struct buf out = BUF_INIT(65536);
		struct fake f;
		struct err e;

		lab_new(&p);
		hear(KUBE_MODIFIED, "51", full[i].spec);
		fill(&p);
		fake_start(&f, answers, ARRAY_LEN(answers), &c.k);
		exhausted_told = 0;
		if (work("p", NULL, &p, &e) < 0)
			fail_msg("%s: %s", full[i].what, e.msg);
		if (exhausted_told != full[i].told)
			fail_msg("%s: told %u times", full[i].what, exhausted_told);
		print_pools(&p, &out);
		if (!strstr(buf_cstr(&out), full[i].metric) ||
		    !strstr(buf_cstr(&out), "available_ip_counts{SpiderIPPool=\"p\"} 0\n"))
			fail_msg("%s: %s", full[i].what, buf_cstr(&out));
		buf_clear(&out);
		fake_stop(&f, c.k);
		lab_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_full), cmocka_unit_test(test_failures),
					    cmocka_unit_test(test_tells), cmocka_unit_test(test_seen) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
