/* SPDX-License-Identifier: Apache-2.0 */
/* app_sim.h - applications that share a few subnets: pools, pods, administrators, and the API server
 *
 * What is true is here: the pools as they are and as agents see them, which address a pod has, what each
 * application wants. The controller's own sources are compiled against it (test_app_sizing.c): they write
 * through sim_create() and sim_patch(), which may fail with the write done or not. Time is ours.
 */
#ifndef TEST_APP_SIM_H
#define TEST_APP_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../cmd/controller/app_part.h"
#include "kube/object.h"

/* What the code under test calls. */
static int64_t sim_mono(void);
static const struct kube_item *sim_get(struct kube_cache *c, const char *ns, const char *name);
static int sim_create(struct kube *k, struct kube_op *op, const char *body, size_t len,
		      struct json_object **ret, struct err *e);
static int sim_patch(struct kube *k, struct kube_op *op, enum kube_content type, const char *body, size_t len,
		     struct json_object **ret, struct err *e);
#define clock_mono_ms               sim_mono
#define kube_cache_get(c, ns, name) sim_get(c, ns, name)
#define kube_item_put(item)         (void)(item)
#define kube_create                 sim_create
#define kube_patch                  sim_patch
#define kube_queue_add(q, key, ms)  ((void)(q), (void)(key))
#define world_cache(w, kind)        ((struct kube_cache *)(w))

#include "../../cmd/controller/app_body.c"
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/app_plan.c"
#include "../../cmd/controller/app_size.c"
#define drop wait_drop
#include "../../cmd/controller/app_wait.c"
#include "../../cmd/controller/app_settle.c"

#define APPS      50
#define SUBNETS   3
#define POOLS_MAX 400
#define SIZE      256  /* addresses of a subnet's network */
#define LAG_MS    4000 /* less than APP_REST_MS */
#define HISTORY   16

static uint64_t seed, rng;
static struct err err;

struct version {
	int64_t since;
	bool has[SIZE];
};

struct sim_pool {
	struct api_ippool *p; /* NULL: a free slot */
	int app, subnet;      /* app -1: made by hand */
	struct version history[HISTORY];
	unsigned n;
};

struct sim_app {
	struct app app;
	struct app_want want;
	int64_t want_size;
	int64_t again;       /* when it is to be looked at; 0: no */
	bool touched, waits; /* waits: until there is an event, or again */
};

static struct {
	int64_t now, version;
	struct api_subnet subnet[SUBNETS];
	struct kube_item item[SUBNETS];
	struct ip_set total[SUBNETS];
	struct sim_pool pool[POOLS_MAX];
	struct sim_app app[APPS];
	char holder[SUBNETS][SIZE][STORE_NAME_MAX + 1]; /* name of the pool that the record says; "": free */
	bool reserved[SUBNETS][SIZE];
	/* A moment for each claim, and for each look at a block in the present pass; 0: not looked at. */
	int64_t intended[SUBNETS][SIZE]; /* until when */
	int64_t moment, claimed[SUBNETS][SIZE], looked[SUBNETS][SIZE / IP_BLOCK_SIZE];
	void (*before_write)(void); /* once */
	bool quiet;                 /* nothing happens but what the controller does */
	int64_t writes, refused, lost, late;
} sim;
static struct controller controller;
static struct apps apps;

#define CHECK(what, ...) \
	do { \
		if (!(what)) { \
			fprintf(stderr, __VA_ARGS__); \
			fail_msg("SEED=%llu: %s", (unsigned long long)seed, #what); \
		} \
	} while (0)

/* xorshift64*: the same numbers everywhere. */
static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static int64_t sim_mono(void)
{
	return sim.now;
}

static ip_num base(int subnet)
{
	return 0x0a000000 + ((ip_num)subnet << 8);
}

/* ---- pools ---- */

static void bits_of(const struct api_ippool *p, int subnet, bool has[SIZE])
{
	struct ip_set set;

	assert_int_equal(api_range_total(&p->spec.range, &set, &err), 0);
	for (unsigned i = 0; i < SIZE; i++)
		has[i] = ip_set_has(&set, base(subnet) + i);
	ip_set_clear(&set);
}

static const bool *now_of(const struct sim_pool *s)
{
	return s->history[(s->n - 1) % HISTORY].has;
}

/* What an agent sees of the pool that heard of everything until then. */
static const bool *seen_of(const struct sim_pool *s, int64_t until)
{
	for (unsigned i = s->n; i > 0 && s->n - i < HISTORY; i--)
		if (s->history[(i - 1) % HISTORY].since <= until)
			return s->history[(i - 1) % HISTORY].has;
	return NULL;
}

static struct sim_pool *pool_called(const char *name)
{
	for (size_t i = 0; i < POOLS_MAX; i++)
		if (sim.pool[i].p && !strcmp(sim.pool[i].p->obj.meta.name, name))
			return &sim.pool[i];
	return NULL;
}

static int subnet_called(const char *cidr)
{
	for (int i = 0; i < SUBNETS; i++)
		if (!strcmp(sim.subnet[i].spec.subnet, cidr))
			return i;
	return -1;
}

static void touch(struct sim_pool *s)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)++sim.version);
	free(s->p->obj.meta.resource_version);
	s->p->obj.meta.resource_version = strdup(text);
}

static void changed(struct sim_pool *s)
{
	struct version *v = &s->history[s->n++ % HISTORY];

	v->since = sim.now;
	bits_of(s->p, s->subnet, v->has);
	touch(s);
	for (int i = 0; i < APPS; i++) {
		struct sim_app *a = &sim.app[i];

		if (i == s->app || a->want.subnet[1] - '0' == s->subnet)
			a->touched = true;
	}
}

/* As the webhook has it. */
static bool overlaps(const struct api_ippool *p, int subnet)
{
	bool has[SIZE];

	bits_of(p, subnet, has);
	for (size_t i = 0; i < POOLS_MAX; i++) {
		const struct sim_pool *s = &sim.pool[i];

		if (!s->p || s->subnet != subnet || !strcmp(s->p->obj.meta.name, p->obj.meta.name))
			continue;
		for (unsigned k = 0; k < SIZE; k++)
			if (has[k] && now_of(s)[k])
				return true;
	}
	return false;
}

static struct api_ippool *decoded(const char *text, size_t len)
{
	struct api_ippool *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	CHECK(api_decode_text(API_IPPOOL, text, len, "pool", p, &err) == 0, "%s: %s\n", err.msg, text);
	return p;
}

static int add_pool(struct api_ippool *p, int app)
{
	struct sim_pool *s = sim.pool;
	int subnet = subnet_called(p->spec.range.subnet);

	if (pool_called(p->obj.meta.name) || overlaps(p, subnet)) {
		api_free(API_IPPOOL, &p->obj);
		return -1;
	}
	while (s->p)
		s++;
	*s = (struct sim_pool){ .p = p, .app = app, .subnet = subnet };
	free(p->obj.meta.uid);
	p->obj.meta.uid = strdup("uid");
	changed(s);
	return 0;
}

static void remove_pool(struct sim_pool *s)
{
	api_free(API_IPPOOL, &s->p->obj);
	s->p = NULL;
	for (int i = 0; i < APPS; i++)
		sim.app[i].touched = true;
}

static bool is_idle(int subnet, unsigned at)
{
	for (size_t i = 0; i < POOLS_MAX; i++)
		if (sim.pool[i].p && sim.pool[i].subnet == subnet && now_of(&sim.pool[i])[at])
			return false;
	return ip_set_has(&sim.total[subnet], base(subnet) + at) && !sim.reserved[subnet][at] &&
	       !sim.holder[subnet][at][0];
}

/* ---- what happens by itself ---- */

static void claim(int64_t lag)
{
	struct sim_pool *s = &sim.pool[rnd(POOLS_MAX)];
	const bool *seen = s->p ? seen_of(s, sim.now - lag) : NULL;
	unsigned at = rnd(SIZE);

	if (!seen || s->app < 0)
		return;
	for (unsigned i = 0; i < SIZE; i++, at = (at + 1) % SIZE) {
		if (!seen[at] || sim.holder[s->subnet][at][0] || sim.reserved[s->subnet][at])
			continue;
		snprintf(sim.holder[s->subnet][at], STORE_NAME_MAX + 1, "%s", s->p->obj.meta.name);
		sim.claimed[s->subnet][at] = ++sim.moment;
		sim.late += !now_of(s)[at];
		return;
	}
}

static void end_pod(void)
{
	int subnet = (int)rnd(SUBNETS);
	unsigned at = rnd(SIZE);

	for (unsigned i = 0; i < SIZE; i++, at = (at + 1) % SIZE)
		if (sim.holder[subnet][at][0]) {
			sim.holder[subnet][at][0] = '\0';
			for (int k = 0; k < APPS; k++)
				sim.app[k].touched = true;
			return;
		}
}

static void scale(void)
{
	struct sim_app *a = &sim.app[rnd(APPS)];

	a->want.size = rnd(4) ? rnd(12) : rnd(40);
	snprintf(a->want.number, sizeof(a->want.number), "%lld", (long long)a->want.size);
	a->touched = true;
}

/* Half of the time right where the next pool would grow. */
static void by_hand(void)
{
	int subnet = (int)rnd(SUBNETS);
	unsigned lo = 1 + rnd(SIZE - 20), hi = lo + rnd(12);
	static unsigned n;
	char text[512];

	if (rnd(2)) {
		for (lo = 1; lo < SIZE - 20 && !is_idle(subnet, lo); lo++)
			;
		hi = lo + rnd(3);
	}
	snprintf(
		text, sizeof(text),
		"{\"metadata\":{\"name\":\"hand%u\"},\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.%d.0/24\",\"ips\":"
		"[\"10.0.%d.%u-10.0.%d.%u\"]}}",
		n++, subnet, subnet, lo, subnet, hi);
	(void)add_pool(decoded(text, strlen(text)), -1);
}

static void by_hand_no_more(void)
{
	for (size_t i = 0; i < POOLS_MAX; i++)
		if (sim.pool[i].p && sim.pool[i].app < 0) {
			remove_pool(&sim.pool[i]);
			return;
		}
}

static void reserve(void)
{
	int subnet = (int)rnd(SUBNETS);
	unsigned at = rnd(SIZE);

	sim.reserved[subnet][at] = !sim.reserved[subnet][at] && rnd(2);
	for (int i = 0; i < APPS; i++)
		sim.app[i].touched = true;
}

static void happen(unsigned most)
{
	for (unsigned n = sim.quiet ? 0 : rnd(most + 1); n > 0; n--) {
		unsigned what = rnd(100);

		sim.now += rnd(20);
		if (what < 45)
			claim(rnd(2) ? 0 : rnd(LAG_MS));
		else if (what < 75)
			end_pod();
		else if (what < 92)
			scale();
		else if (what < 95)
			by_hand();
		else if (what < 98)
			by_hand_no_more();
		else
			reserve();
	}
}

/* ---- the API server ---- */

#define INTENT_MS 90000

/* Whoever was let through and did not come has his addresses for a while, as admission sees it. */
static bool is_intended(const struct api_ippool *p, const bool *had, int subnet)
{
	bool has[SIZE];

	bits_of(p, subnet, has);
	for (unsigned i = 0; i < SIZE; i++)
		if (has[i] && !(had && had[i]) && sim.intended[subnet][i] > sim.now)
			return true;
	return false;
}

static void intend(const struct api_ippool *p, int subnet)
{
	bool has[SIZE];

	bits_of(p, subnet, has);
	for (unsigned i = 0; i < SIZE; i++)
		if (has[i])
			sim.intended[subnet][i] = sim.now + INTENT_MS;
}

static int is_being_made(struct err *e)
{
	sim.refused++;
	return err_code(e, ERR_TRY_AGAIN, ESTALE,
			"admission webhook \"x\" denied the request: is just being created");
}

/* 0: goes through; else the answer, and whether it is done all the same. */
static int fate(bool *done, struct err *e)
{
	unsigned what = sim.quiet ? 99 : rnd(100);

	*done = what > 1;
	if (what > 2)
		return 0;
	sim.lost++;
	return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "no answer");
}

static int sim_create(struct kube *k, struct kube_op *op, const char *body, size_t len,
		      struct json_object **ret, struct err *e)
{
	struct api_ippool *p = decoded(body, len);
	int app = *(int *)op->cancel, subnet = subnet_called(p->spec.range.subnet), r;
	bool done;

	(void)k;
	(void)ret;
	happen(2);
	sim.writes++;
	if (is_intended(p, NULL, subnet)) {
		api_free(API_IPPOOL, &p->obj);
		return is_being_made(e);
	}
	r = fate(&done, e);
	if (!done) {
		intend(p, subnet);
		api_free(API_IPPOOL, &p->obj);
	} else if (add_pool(p, app) < 0) {
		sim.refused++;
		return err_code(e, ERR_CONFIG, EINVAL, "refused");
	}
	return r;
}

/* RFC 7396 */
static void merge(struct json_object *to, struct json_object *patch)
{
	json_object_object_foreach(patch, key, v)
	{
		struct json_object *have = json_get(to, key);

		if (!v)
			json_object_object_del(to, key);
		else if (json_object_is_type(v, json_type_object) && have)
			merge(have, v);
		else
			json_object_object_add(to, key, json_object_get(v));
	}
}

/* Only what its block, read in this pass, said to be free. */
static void check_given_back(const struct sim_pool *s, const struct api_ippool *now)
{
	bool has[SIZE];

	bits_of(now, s->subnet, has);
	for (unsigned i = 0; i < SIZE; i++) {
		int64_t looked = sim.looked[s->subnet][i / IP_BLOCK_SIZE];

		if (has[i] || !now_of(s)[i])
			continue;
		CHECK(looked, "10.0.%d.%u was given back unseen\n", s->subnet, i);
		CHECK(strcmp(sim.holder[s->subnet][i], s->p->obj.meta.name) != 0 ||
			      sim.claimed[s->subnet][i] > looked,
		      "10.0.%d.%u was given back, and is held\n", s->subnet, i);
	}
}

static int apply(struct sim_pool *s, const char *body, size_t len)
{
	struct json_object *patch, *tree;
	struct buf text = BUF_INIT(1 << 20);
	struct api_ippool *p;
	const char *version;

	assert_int_equal(json_parse(body, len, "patch", &patch, &err), 0);
	version = kube_meta(patch, "resourceVersion");
	assert_non_null(version);
	if (strcmp(version, s->p->obj.meta.resource_version) != 0) {
		json_object_put(patch);
		return -ESTALE;
	}
	assert_int_equal(json_encode(api_kinds[API_IPPOOL].table, s->p, &tree, &err), 0);
	merge(tree, patch);
	assert_int_equal(json_print(tree, false, &text, &err), 0);
	p = decoded(text.s, text.len);
	buf_clear(&text);
	json_object_put(tree);
	json_object_put(patch);
	if (overlaps(p, s->subnet) || is_intended(p, now_of(s), s->subnet)) {
		bool wait = !overlaps(p, s->subnet);

		api_free(API_IPPOOL, &p->obj);
		return wait ? -EAGAIN : -EINVAL;
	}
	check_given_back(s, p);
	api_free(API_IPPOOL, &s->p->obj);
	s->p = p;
	changed(s);
	return 0;
}

static int sim_patch(struct kube *k, struct kube_op *op, enum kube_content type, const char *body, size_t len,
		     struct json_object **ret, struct err *e)
{
	struct sim_pool *s;
	bool done;
	int r, a;

	(void)k;
	(void)ret;
	assert_int_equal(type, KUBE_MERGE_PATCH);
	happen(2);
	if (sim.before_write) {
		sim.before_write();
		sim.before_write = NULL;
	}
	s = pool_called(op->name);
	if (!s)
		return err_code(e, ERR_IO, ENOENT, "gone");
	if (!sim.quiet && !rnd(20))
		touch(s); /* its status was published */
	r = fate(&done, e);
	sim.writes++;
	a = done ? apply(s, body, len) : 0;
	if (a == -EAGAIN)
		return is_being_made(e);
	sim.refused += a < 0;
	return a < 0 ? err_code(e, ERR_TRY_AGAIN, -a, "refused") : r;
}

static const struct kube_item *sim_get(struct kube_cache *c, const char *ns, const char *name)
{
	static const struct kube_item any_pool;

	(void)c;
	(void)ns;
	for (int i = 0; i < SUBNETS; i++)
		if (!strcmp(sim.subnet[i].obj.meta.name, name))
			return &sim.item[i];
	return pool_called(name) ? &any_pool : NULL;
}

#endif
