/* SPDX-License-Identifier: Apache-2.0 */
/* test_gc_model.c - the garbage collector against a cluster that is simulated (gc_sim.h)
 *
 * The controller's own sources run: listeners, queue keys, caches, judgement, commits. Pods, nodes and sets
 * come, go, die and lie; watches are late, lost and doubled, calls fail, writes fail after they were done,
 * the controller is killed. What must hold is said here once more, in the simplest words: no address whose
 * pod lives is freed, nor one whose container runs on a node that can be asked; none stays behind its time.
 * SEED= replays, STEPS= sets how many.
 */
#include "gc_lab.h"

#include <time.h>

/* ---- what the controller writes, and what must hold of it ---- */

static struct {
	uint64_t freed, unconfirmed, cleared, steps, stale;
} counts;

static bool alive_by_api(const struct block_rec *r)
{
	for (int i = 0; i < PODS; i++)
		if (strcmp(pod_name(i), r->pod) == 0)
			return pod_alive(&S.pod[i]) && strcmp(number_text("u", S.pod[i].uid), r->uid) == 0;
	return false;
}

static bool hold_lives(const struct block_rec *r)
{
	for (int i = 0; i < SETS * REPLICAS; i++)
		if (strcmp(pod_name(i), r->pod) == 0)
			return r->hold == HOLD_STS && set_wants(i);
	return false;
}

/* Its object, in whatever state. */
static bool pod_is_there(const struct block_rec *r)
{
	for (int i = 0; i < PODS; i++)
		if (strcmp(pod_name(i), r->pod) == 0)
			return S.pod[i].exists && strcmp(number_text("u", S.pod[i].uid), r->uid) == 0;
	return false;
}

static void check_change(const struct block_rec *was, const struct block_rec *now)
{
	const struct sim_container *k = was->container[0] ? container_of(was->container) : NULL;
	bool freed = now->hold == HOLD_FREE;

	if (was->hold == now->hold && strcmp(was->container, now->container) == 0 && was->since == now->since)
		return;
	counts.freed += freed;
	counts.cleared += !freed;
	counts.unconfirmed += freed && now->unconfirmed;
	if (was->hold != HOLD_POD && was->hold != HOLD_STS)
		fail_msg("a record of no pod was changed (%s)", log_text);
	if (!freed && (now->hold != HOLD_STS || now->container[0] || now->uid[0]))
		fail_msg("a record was changed, but not freed (%s)", log_text);
	if (k && alive_by_api(was))
		fail_msg("pod %s lives, and lost its address (%s)", was->pod, log_text);
	if (!freed && !was->container[0] && !was->uid[0])
		fail_msg("what waits for %s was written for nothing (%s)", was->ref, log_text);
	if (!freed && k && pod_is_there(was) && k->boot == S.node[k->node].boot)
		fail_msg("pod %s is there, and its container was taken out of the record (%s)", was->pod,
			 log_text);
	if (freed && hold_lives(was))
		fail_msg("what was kept for %s is free (%s)", was->ref, log_text);
	if (k && k->live && !now->unconfirmed)
		fail_msg("container %s runs, and its address is free for sure (%s)", was->container,
			 log_text);
	if (k && k->live && S.node[k->node].exists && S.node[k->node].ready && works(k->node) &&
	    S.node[k->node].since + 1000 < S.now)
		fail_msg("container %s of a pod that is gone still runs on a node that is ready (%s)",
			 was->container, log_text);
}

struct sim_store {
	struct store st;
};

static int store_begin_(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	(void)st, (void)until;
	assert_int_equal(mode, STORE_RELEASE);
	meanwhile();
	return call_fails(e);
}

static int block_by_name(const char *name)
{
	for (int i = 0; i < BLOCKS; i++)
		if (strcmp(block_name(i), name) == 0)
			return i;
	fail_msg("block %s?", name);
	return -1;
}

static int store_get_(struct store *st, enum store_kind kind, const char *ns, const char *name,
		      struct store_obj *ret, struct err *e)
{
	int i;

	(void)st, (void)e;
	if (kind != STORE_BLOCK)
		return 0;
	i = block_by_name(name);
	*ret = (struct store_obj){ ns, name, S.block[i].version, S.block[i].text, S.block[i].len };
	return S.block[i].version != 0;
}

static int store_commit_(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	(void)st;
	meanwhile();
	if (call_fails(e) < 0)
		return -e->sys;
	for (size_t k = 0; k < n; k++) {
		int i = block_by_name(ops[k].name);
		struct block was, now;

		if (S.block[i].version != ops[k].version) {
			counts.stale++;
			return err_code(e, ERR_TRY_AGAIN, ESTALE, "stale");
		}
		block_read(i, &was);
		assert_int_equal(block_decode(4, was.index, ops[k].data, ops[k].len, &now, e), 0);
		for (unsigned a = 0; a < IP_BLOCK_SIZE; a++)
			check_change(&was.rec[a], &now.rec[a]);
		block_write(i, &now);
		block_clear(&was);
		block_clear(&now);
	}
	/* It was done, but nobody says so. */
	return call_fails(e);
}

static void store_nothing(struct store *st)
{
	(void)st;
}

static const struct store_impl impl = { .begin = store_begin_,
					.get = store_get_,
					.commit = store_commit_,
					.end = store_nothing,
					.close = store_nothing };
static struct sim_store store = { { &impl } };

int engine_open(struct controller *c, struct deadline until, struct engine *ret, struct err *e)
{
	(void)c, (void)e;
	*ret = (struct engine){ .st = &store.st, .m = { .st = &store.st, .until = until } };
	ret->m.conf.cluster = true;
	return 0;
}

void engine_close(struct engine *g)
{
	g->st = NULL;
}

/* ---- the controller's life ---- */

static void controller_start(void)
{
	struct err e;
	void *part;

	if (part_gc.start(&C, &part, &e) < 0)
		fail_msg("%s", e.msg);
	G = part;
	led_since = S.now;
	n_events = 0;
	for (enum world_kind kind = 0; kind < WORLD_KINDS; kind++)
		for (int i = 0; listener[kind] && kind != WORLD_ENDPOINTS && i < count_of(kind); i++)
			deliver(kind, i);
}

static void controller_stop(void)
{
	part_gc.stop(G);
	G = NULL;
	for (enum world_kind kind = 0; kind < WORLD_KINDS; kind++)
		for (int i = 0; i < PODS; i++)
			cached_clear(kind, &cache[kind][i]);
	memset(listener, 0, sizeof(listener));
}

/* ---- nothing dead stays behind its bound ---- */

static int64_t overdue[ADDRESSES];
static int64_t worst[3]; /* in peace, when calls fail, when watches do too */

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Since when is it certain, by what the API says; 0: it is not. In the simplest words. */
static int64_t certain_since(const struct block_rec *r)
{
	const struct sim_node *n = r->node[0] ? &S.node[atoi(r->node + 1)] : NULL;
	const struct sim_pod *p = NULL;

	if (r->hold != HOLD_POD && r->hold != HOLD_STS)
		return 0;
	if (!r->container[0])
		return hold_lives(r) ? 0 : 1;
	for (int i = 0; i < PODS; i++)
		if (strcmp(pod_name(i), r->pod) == 0)
			p = &S.pod[i];
	if (p->exists && strcmp(number_text("u", p->uid), r->uid) == 0) {
		if (pod_alive(p) || (r->hold == HOLD_STS && hold_lives(r)))
			return 0;
		if (!n->exists)
			return most(p->deleted_at, 1);
		return n->ready ? 0 : most(p->deleted_at, n->since + FATE_NOT_READY_MS);
	}
	if (!n->exists)
		return most(p->gone_at, 1);
	return most(most(p->gone_at, led_since), most(r->since, n->ready ? n->since : 0)) + FATE_AGENT_MS;
}

static void check_bound(int64_t dt)
{
	int64_t bound = S.lossy ? 600000 + FATE_AGENT_MS + 60000 : S.failing ? 90000 : 5000;

	for (int k = 0; k < BLOCKS; k++) {
		struct block b;

		block_read(k, &b);
		for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
			int64_t *late = &overdue[k * IP_BLOCK_SIZE + (int)i];
			int64_t since = certain_since(&b.rec[i]);

			*late = !since || since > S.now || !G || S.now < S.fails_to
					? 0
					: *late + least(dt, S.now - since);
			worst[S.lossy + S.failing] = most(worst[S.lossy + S.failing], *late);
			if (*late > bound)
				fail_msg(
					"address %u of block %d: pod %s, %s, node %s, hold %s, is dead for %lld ms "
					"longer than %lld (%s)",
					i, k, b.rec[i].pod, b.rec[i].uid, b.rec[i].node,
					hold_name(b.rec[i].hold), (long long)*late, (long long)bound,
					log_text);
		}
		block_clear(&b);
	}
}

/* ---- */

/* When the next thing is due. */
static int64_t next_due(int64_t at_most)
{
	for (size_t i = 0; i < n_events; i++)
		at_most = events[i].due < at_most ? events[i].due : at_most;
	for (size_t i = 0; G && i < n_queue; i++)
		at_most = queue[i].due < at_most ? queue[i].due : at_most;
	return at_most > S.now ? at_most : S.now;
}

static void pass_time(void)
{
	int64_t begun = S.now, end = S.now + (int64_t)rnd(odds(1) ? 30000 : 3000);

	do {
		S.now = next_due(end);
		clock_freeze_wall(S.now);
		deliver_due();
		if (G)
			queue_work();
	} while (S.now < end);
	check_bound(S.now - begun);
}

static void step(void)
{
	if (odds(60))
		sim_act();
	if (S.failing && rnd(2000) == 0)
		S.fails_to = S.now + (int64_t)rnd(30000);
	if (G && rnd(3000) == 0)
		controller_stop();
	else if (!G && odds(10))
		controller_start();
	pass_time();
	counts.steps++;
}

static void one_cluster(bool lossy, bool failing, unsigned steps)
{
	sim_start(lossy, failing);
	n_events = 0;
	memset(overdue, 0, sizeof(overdue));
	C.conf.gc = C.conf.gc_ready_nodes = C.conf.gc_not_ready_nodes = true;
	C.conf.gc_interval_s = 600;
	controller_start();
	for (unsigned i = 0; i < steps; i++)
		step();
	if (G)
		controller_stop();
}

static void test_model(void **state)
{
	const char *seed_text = getenv("SEED"), *steps_text = getenv("STEPS");
	unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : (unsigned)time(NULL);
	uint64_t steps = steps_text ? strtoull(steps_text, NULL, 10) : 100000;

	(void)state;
	print_message("# SEED=%u STEPS=%llu\n", seed, (unsigned long long)steps);
	srandom(seed);
	for (int i = 0; counts.steps < steps; i++)
		one_cluster(i % 3 == 2, i % 3 > 0, 5000);
	clock_freeze_wall(-1);
	print_message(
		"# %llu steps: %llu freed, %llu of them unconfirmed, %llu holders cleared, %llu races lost; "
		"latest %lld ms behind, %lld when calls fail, %lld when watches do too\n",
		(unsigned long long)counts.steps, (unsigned long long)counts.freed,
		(unsigned long long)counts.unconfirmed, (unsigned long long)counts.cleared,
		(unsigned long long)counts.stale, (long long)worst[0], (long long)worst[1],
		(long long)worst[2]);
	assert_true(counts.freed > 0 && counts.unconfirmed > 0 && counts.cleared > 0);
}

/* While nothing answers all is tried many times, and counted once. */
static void test_failures(void **state)
{
	uint64_t freed, failed, freed_before, failed_before;

	(void)state;
	sim_start(false, false);
	n_events = 0;
	memset(overdue, 0, sizeof(overdue));
	controller_start();
	for (int i = 0; i < 2000; i++)
		step();
	if (!G)
		controller_start();
	gc_counts(&freed_before, &failed_before);
	S.fails_to = S.now + 600000;
	for (int i = 0; i < PODS; i++)
		remove_pod(i, true);
	for (int i = 0; i < 100; i++)
		pass_time();
	assert_true(S.now < S.fails_to);
	gc_counts(&freed, &failed);
	assert_int_equal(freed, freed_before);
	assert_in_range(failed - failed_before, 1, ADDRESSES);
	controller_stop();
	clock_freeze_wall(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model), cmocka_unit_test(test_failures) };

	return cmocka_run_group_tests_name("gc model", tests, NULL, NULL);
}
