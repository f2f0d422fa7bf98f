/* SPDX-License-Identifier: Apache-2.0 */
/* test_app_sizing.c - fifty applications share a few subnets: the code that writes pools (app_settle.c)
 * against an API server, agents and administrators that do what they like in between
 *
 * The API server refuses overlaps as the webhook does, and updates of an older version; some of its answers
 * are lost, with the write done or not. Agents see pools late. Meanwhile pods claim and end, workloads are
 * scaled, addresses are reserved, pools are made and removed by hand. SEED= replays, ROUNDS= says how long.
 */
#include "app_sim.h"

#define STEPS 600

/* ---- what is read (app_part.h) ---- */

void app_seen_clear(struct app_seen *s)
{
	for (size_t i = 0; i < s->n_own; i++)
		api_free(API_IPPOOL, &s->own[i]->obj);
	free(s->own);
	free(s->v);
	*s = (struct app_seen){ 0 };
}

/* Copies: the code under test keeps them while things happen. */
static int see(bool (*want)(const struct sim_pool *s, const void *arg), const void *arg, struct app_seen *ret)
{
	*ret = (struct app_seen){ 0 };
	ret->own = calloc(POOLS_MAX, sizeof(*ret->own));
	ret->v = calloc(POOLS_MAX, sizeof(*ret->v));
	for (size_t i = 0; i < POOLS_MAX; i++) {
		struct api_ippool *p;

		if (!sim.pool[i].p || !want(&sim.pool[i], arg))
			continue;
		p = calloc(1, sizeof(*p));
		assert_int_equal(json_copy(api_kinds[API_IPPOOL].table, sim.pool[i].p, p, &err), 0);
		ret->v[ret->n_own] = p;
		ret->own[ret->n_own++] = p;
	}
	ret->n = ret->n_own;
	return 0;
}

static bool of_key(const struct sim_pool *s, const void *arg)
{
	char key[APP_KEY_MAX];

	return !strcmp(app_pool_key(s->p, key), arg);
}

static bool of_network(const struct sim_pool *s, const void *arg)
{
	return !strcmp(s->p->spec.range.subnet, arg);
}

int app_seen_key(struct apps *a, const char *key, struct app_seen *ret, struct err *e)
{
	(void)a;
	(void)e;
	return see(of_key, key, ret);
}

int app_seen_network(struct apps *a, const char *cidr, struct app_seen *ret, struct err *e)
{
	(void)a;
	(void)e;
	return see(of_network, cidr, ret);
}

int app_seen_now(const struct app_task *t, const char *cidr, struct app_seen *ret, struct err *e)
{
	(void)t;
	(void)e;
	happen(1);
	memset(sim.looked, 0, sizeof(sim.looked));
	return see(of_network, cidr, ret);
}

static void add_held(struct app_held *h, int subnet, unsigned at, const char *pool)
{
	bool own = *pool && !strcmp(sim.holder[subnet][at], pool);

	if (sim.holder[subnet][at][0])
		assert_int_equal(ip_set_add(own ? &h->own : &h->other,
					    (struct ip_range){ base(subnet) + at, base(subnet) + at }, &err),
				 0);
}

/* The cache has not heard of some records, and of the end of none. */
int app_held_cached(struct apps *a, const struct ip_prefix *network, const char *pool, struct app_held *ret,
		    struct err *e)
{
	int subnet = (int)(network->ip.n >> 8 & 255);

	(void)a;
	(void)e;
	*ret = (struct app_held){ { .ver = 4 }, { .ver = 4 } };
	for (unsigned i = 0; i < SIZE; i++)
		if (sim.quiet || rnd(8))
			add_held(ret, subnet, i, pool);
	return 0;
}

int app_held_now(const struct app_task *t, const struct ip_set *set, const char *pool, struct app_held *held,
		 struct ip_set *verified, struct err *e)
{
	ip_num index = 0;

	(void)t;
	(void)e;
	verified->ver = 4;
	while (ip_set_block_next(set, index, &index)) {
		const struct ip_range block = { index << 6, (index << 6) + 63 };

		assert_int_equal(app_held_forget(held, 4, index, &err), 0);
		sim.looked[block.lo >> 8 & 255][block.lo >> 6 & 3] = ++sim.moment;
		for (ip_num n = block.lo; n <= block.hi; n++)
			add_held(held, (int)(n >> 8 & 255), (unsigned)(n & 255), pool);
		assert_int_equal(ip_set_add(verified, block, &err), 0);
		index++;
	}
	happen(1);
	return 0;
}

int app_reserved(struct apps *a, uint8_t ver, struct ip_set *ret, struct err *e)
{
	(void)a;
	(void)e;
	*ret = (struct ip_set){ .ver = ver };
	for (int s = 0; s < SUBNETS; s++)
		for (unsigned i = 0; i < SIZE; i++)
			if (sim.reserved[s][i])
				assert_int_equal(
					ip_set_add(ret, (struct ip_range){ base(s) + i, base(s) + i }, &err),
					0);
	return 0;
}

void app_warn(const struct app_task *t, const char *reason, const char *fmt, ...)
{
	(void)t;
	(void)reason;
	(void)fmt;
}

/* ---- what must hold ---- */

static const struct sim_pool *owner_of(int subnet, unsigned at)
{
	const struct sim_pool *found = NULL;

	for (size_t i = 0; i < POOLS_MAX; i++) {
		const struct sim_pool *s = &sim.pool[i];

		if (!s->p || s->subnet != subnet || !now_of(s)[at])
			continue;
		CHECK(!found, "10.0.%d.%u is in %s and %s\n", subnet, at, found->p->obj.meta.name,
		      s->p->obj.meta.name);
		found = s;
	}
	return found;
}

/* Nobody else's pool has what a pod holds; settled: its own has it. A pool made by hand may be put there by
 * who does not know. */
static void check_held(bool settled)
{
	for (int s = 0; s < SUBNETS; s++)
		for (unsigned i = 0; i < SIZE; i++) {
			const struct sim_pool *p = owner_of(s, i);
			const char *holder = sim.holder[s][i];

			if (!*holder || !pool_called(holder))
				continue;
			CHECK(p ? p->app < 0 || !strcmp(p->p->obj.meta.name, holder) : !settled,
			      "10.0.%d.%u is held through %s and in %s\n", s, i, holder,
			      p ? p->p->obj.meta.name : "no pool");
		}
}

static int64_t count(const struct sim_pool *s)
{
	int64_t n = 0;

	for (unsigned i = 0; i < SIZE; i++)
		n += now_of(s)[i];
	return n;
}

static int64_t held_through(const struct sim_pool *s)
{
	int64_t n = 0;

	for (unsigned i = 0; i < SIZE; i++)
		n += !strcmp(sim.holder[s->subnet][i], s->p->obj.meta.name) && now_of(s)[i];
	return n;
}

/* How many more addresses pools could have. */
static int64_t idle(int subnet)
{
	int64_t n = 0;

	for (unsigned i = 0; i < SIZE; i++)
		n += is_idle(subnet, i);
	return n;
}

static const struct sim_pool *pool_of(int app)
{
	const struct sim_pool *found = NULL;

	for (size_t i = 0; i < POOLS_MAX; i++)
		if (sim.pool[i].p && sim.pool[i].app == app) {
			CHECK(!found, "application %d has two pools\n", app);
			found = &sim.pool[i];
		}
	return found;
}

static void check_sizes(void)
{
	for (int i = 0; i < APPS; i++) {
		const struct sim_pool *s = pool_of(i);
		int64_t want = sim.app[i].want.size, have = s ? count(s) : 0, held = s ? held_through(s) : 0;
		int subnet = sim.app[i].want.subnet[1] - '0';

		if (have < want)
			CHECK(idle(subnet) == 0, "application %d has %lld of %lld, and %lld are idle\n", i,
			      (long long)have, (long long)want, (long long)idle(subnet));
		else
			CHECK(have == want || have == held, "application %d has %lld of %lld, %lld held\n", i,
			      (long long)have, (long long)want, (long long)held);
	}
}

/* ---- the controller ---- */

static void look(int i)
{
	struct sim_app *a = &sim.app[i];
	char key[APP_KEY_MAX], name[STORE_NAME_MAX + 1];
	/* Who asks, for sim_create(). */
	const struct app_task t = { &apps, app_key("apps/v1", "Deployment", a->app.ns, a->app.name, key),
				    &a->app, (struct kube_cancel *)&i };
	int64_t r;

	a->touched = false;
	r = app_settle(&t, &a->want, name, &err);
	a->again = r < 0 ? sim.now + 50 : r > 0 ? sim.now + r : 0;
	a->waits = r == APP_WAIT_MS;
	CHECK(r < 0 || !*name || pool_called(name), "there is no pool %s\n", name);
}

static void run_controller(unsigned most)
{
	for (unsigned n = 0; n < most; n++) {
		int i = (int)rnd(APPS);

		if (sim.app[i].touched || (sim.app[i].again && sim.app[i].again <= sim.now))
			look(i);
		check_held(false);
	}
}

/* Whoever just waits for what may never be is done. */
static bool all_done(void)
{
	for (int i = 0; i < APPS; i++)
		if (sim.app[i].touched || (sim.app[i].again && !sim.app[i].waits))
			return false;
	return true;
}

static void settle_down(void)
{
	int64_t writes;
	unsigned n = 0;

	sim.quiet = true;
	do {
		for (int i = 0; i < APPS; i++)
			if (sim.app[i].touched || (sim.app[i].again && sim.app[i].again <= sim.now))
				look(i);
		sim.now += 100;
		CHECK(++n < 5000, "it does not come to rest\n");
	} while (!all_done());
	/* Nothing is written when nothing changes. */
	writes = sim.writes;
	for (int i = 0; i < APPS; i++)
		look(i);
	CHECK(writes == sim.writes, "written without need\n");
	check_held(true);
	check_sizes();
	sim.quiet = false;
}

/* ---- a world ---- */

static void build(void)
{
	memset(&sim, 0, sizeof(sim));
	sim.now = 1000000;
	assert_int_equal(app_waits_new(&apps.waits, &err), 0);
	apps.c = &controller;
	for (int i = 0; i < SUBNETS; i++) {
		unsigned first = 1 + rnd(30), last = 100 + rnd(155), hole = first + 5 + rnd(60);
		char text[512];

		snprintf(
			text, sizeof(text),
			"{\"metadata\":{\"name\":\"s%d\",\"uid\":\"u\"},\"spec\":{\"ipVersion\":4,\"subnet\":"
			"\"10.0.%d.0/24\",\"ips\":[\"10.0.%d.%u-10.0.%d.%u\"],\"excludeIPs\":[\"10.0.%d.%u\"]}}",
			i, i, i, first, i, last, i, hole);
		assert_int_equal(
			api_decode_text(API_SUBNET, text, strlen(text), "subnet", &sim.subnet[i], &err), 0);
		sim.item[i].view = &sim.subnet[i];
		assert_int_equal(api_range_total(&sim.subnet[i].spec, &sim.total[i], &err), 0);
	}
	for (int i = 0; i < APPS; i++) {
		char name[16], uid[64];
		const struct ipam_owner id = { "apps/v1", "Deployment", i < APPS / 2 ? "a" : "b", name, uid };

		/* Some of them meet in their names. */
		snprintf(name, sizeof(name), "app%d", i % (APPS / 2));
		snprintf(uid, sizeof(uid), "0-0-0-0-44665%d", i);
		assert_int_equal(app_make(&id, &sim.app[i].app, &err), 0);
		sim.app[i].want = (struct app_want){ .interface = "eth0", .ver = 4, .reclaim = true };
		snprintf(sim.app[i].want.subnet, sizeof(sim.app[i].want.subnet), "s%u", rnd(SUBNETS));
		sim.app[i].want.size = rnd(10);
		snprintf(sim.app[i].want.number, APP_NUMBER_MAX, "%lld", (long long)sim.app[i].want.size);
		sim.app[i].touched = true;
	}
}

static void clear(void)
{
	for (size_t i = 0; i < POOLS_MAX; i++)
		if (sim.pool[i].p)
			api_free(API_IPPOOL, &sim.pool[i].p->obj);
	for (int i = 0; i < SUBNETS; i++) {
		api_clear(API_SUBNET, &sim.subnet[i]);
		ip_set_clear(&sim.total[i]);
	}
	for (int i = 0; i < APPS; i++)
		app_clear(&sim.app[i].app);
	app_waits_free(apps.waits);
}

static void test_sizing(void **state)
{
	const char *rounds = getenv("ROUNDS");
	long n = rounds ? strtol(rounds, NULL, 10) : 2;
	int64_t writes = 0, refused = 0, lost = 0, late = 0;

	(void)state;
	for (long k = 0; k < n; k++) {
		build();
		for (int i = 0; i < STEPS; i++) {
			happen(6);
			run_controller(4);
			if (i % 200 == 199)
				settle_down();
		}
		writes += sim.writes;
		refused += sim.refused;
		lost += sim.lost;
		late += sim.late;
		clear();
	}
	print_message("# SEED=%llu: %lld writes, %lld refused, %lld without an answer; %lld late claims\n",
		      (unsigned long long)seed, (long long)writes, (long long)refused, (long long)lost,
		      (long long)late);
	assert_true(refused > 0 && lost > 0 && late > 0);
}

/* ---- an agent that hears late, step by step ---- */

static void claim_at(unsigned at)
{
	const struct sim_pool *s = pool_of(0);

	snprintf(sim.holder[s->subnet][at], STORE_NAME_MAX + 1, "%s", s->p->obj.meta.name);
	sim.claimed[s->subnet][at] = ++sim.moment;
}

static unsigned first_of_pool;

static void claim_first(void)
{
	claim_at(first_of_pool);
}

static void test_late(void **state)
{
	struct sim_app *a = &sim.app[0];
	const struct sim_pool *s;
	unsigned second;

	(void)state;
	build();
	sim.quiet = true;
	a->want.size = 10;
	look(0);
	s = pool_of(0);
	assert_int_equal(count(s), 10);
	for (first_of_pool = 0; !now_of(s)[first_of_pool]; first_of_pool++)
		;
	/* Claimed between the look at the block and the write: back when the write is done. */
	a->want.size = 3;
	sim.before_write = claim_first;
	look(0);
	assert_int_equal(count(s), 3);
	assert_true(now_of(s)[first_of_pool]);
	assert_true(a->again);
	/* Claimed some time after that: back when it is looked at again. Nobody else has taken it. */
	for (second = first_of_pool + 1; now_of(s)[second]; second++)
		;
	claim_at(second);
	sim.app[1].want = a->want;
	sim.app[1].want.size = 200;
	look(1);
	assert_false(now_of(pool_of(1))[second]);
	sim.now = a->again;
	look(0);
	assert_true(now_of(s)[second]);
	assert_int_equal(count(s), 3);
	check_held(true);
	clear();
}

/* Somebody was let through and never came: his addresses are not waited for. */
static void test_intended(void **state)
{
	struct sim_app *a = &sim.app[0];

	(void)state;
	build();
	sim.quiet = true;
	a->want.size = 10;
	for (unsigned i = 0; i < 50; i++)
		sim.intended[a->want.subnet[1] - '0'][i] = sim.now + INTENT_MS;
	for (unsigned i = 0; i < 6 && !pool_of(0); i++)
		look(0);
	assert_non_null(pool_of(0));
	assert_int_equal(count(pool_of(0)), 10);
	clear();
}

/* ---- a subnet that is of no use now ---- */

static void still_serves(const char *row)
{
	struct sim_app *a = &sim.app[0];
	char key[APP_KEY_MAX], name[STORE_NAME_MAX + 1];
	const struct app_task t = { &apps, app_key("apps/v1", "Deployment", a->app.ns, a->app.name, key),
				    &a->app, (struct kube_cancel *)&(int){ 0 } };
	int64_t writes = sim.writes, r = app_settle(&t, &a->want, name, &err);

	if (r < 0 || !pool_of(0) || strcmp(name, pool_of(0)->p->obj.meta.name) != 0)
		fail_msg("%s: %lld, pool \"%s\"", row, (long long)r, name);
	if (writes != sim.writes || count(pool_of(0)) != 4)
		fail_msg("%s: the pool was changed", row);
}

/* The pool that was made from it is not taken for one that is not wanted: it would be deleted. */
static void test_unusable(void **state)
{
	struct sim_app *a = &sim.app[0];
	struct api_subnet *s;
	struct kube_item *item;

	(void)state;
	build();
	sim.quiet = true;
	s = &sim.subnet[a->want.subnet[1] - '0'];
	item = &sim.item[a->want.subnet[1] - '0'];
	a->want.size = 4;
	look(0);
	a->want.size = 6;
	s->obj.meta.deletion_timestamp = strdup("2026-11-23T12:00:00Z");
	still_serves("being deleted");
	free(s->obj.meta.deletion_timestamp);
	s->obj.meta.deletion_timestamp = NULL;
	item->view = NULL;
	still_serves("cannot be read");
	item->view = s;
	look(0);
	assert_int_equal(count(pool_of(0)), 6);
	clear();
}

/* ---- what nobody tells of ---- */

/* Those that the first application's pool has, or all others. */
static void hold(const char *pool, bool own)
{
	const struct sim_pool *s = pool_of(0);

	for (unsigned i = 0; i < SIZE; i++)
		if (now_of(s)[i] == own)
			snprintf(sim.holder[s->subnet][i], STORE_NAME_MAX + 1, "%s", pool);
}

/* Looked at once more at once, as the end may have come before it waited; then now and then. */
static void waits_in_vain(void)
{
	look(0);
	assert_int_equal(sim.app[0].again, sim.now + APP_LOOK_MS);
	look(0);
	assert_int_equal(sim.app[0].again, sim.now + APP_WAIT_MS);
	sim.now = sim.app[0].again;
}

static void test_unheard(void **state)
{
	struct sim_app *a = &sim.app[0];

	(void)state;
	build();
	sim.quiet = true;
	/* Its pods' addresses are in quarantine, the end of which is no event. */
	a->want.size = 5;
	look(0);
	assert_int_equal(a->again, 0);
	hold(pool_of(0)->p->obj.meta.name, true);
	a->want.size = 2;
	waits_in_vain();
	assert_int_equal(count(pool_of(0)), 5);
	hold("", true);
	look(0);
	assert_int_equal(count(pool_of(0)), 2);
	sim.now += APP_REST_MS;
	/* All else is held through a pool that is no more. */
	hold("gone", false);
	a->want.size = 3;
	waits_in_vain();
	assert_int_equal(count(pool_of(0)), 2);
	hold("", false);
	look(0);
	assert_int_equal(count(pool_of(0)), 3);
	clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_late), cmocka_unit_test(test_intended),
					    cmocka_unit_test(test_unheard), cmocka_unit_test(test_unusable),
					    cmocka_unit_test(test_sizing) };
	const char *s = getenv("SEED");

	seed = s ? strtoull(s, NULL, 10) : (uint64_t)time(NULL);
	rng = seed * 2 + 1;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	say_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < APP_LOCKS; i++)
		pthread_mutex_init(&apps.subnet[i], NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
