/* SPDX-License-Identifier: Apache-2.0 */
/* test_agent_life.c - what an agent gives back of pods that ended without a word from their containers */
#include "agent_lab.h"

/* What it keeps to itself. */
#define connect life_connect
#include "../../cmd/agent/life.c"
#undef connect

#define FREED       "0\\tfree\\t"
#define UNCONFIRMED "\\t\\tu\\n"
#define TEXT        RECORD("0", "pod", "c1", "")

/* What became of the address. */
enum end { STAYS, FREE, FREE_UNCONFIRMED };

#define UPDATE_WITH(part) .path = BLOCK, .method = "PUT", .has = (part), .text = WRITTEN

static enum end end_of(struct agent_lab *x)
{
	return agent_wrote(x, UNCONFIRMED) ? FREE_UNCONFIRMED : agent_wrote(x, FREED) ? FREE : STAYS;
}

/* One round of the sweeper; what is gone is so for long. */
static void sweep_round(struct agent_lab *x, const char *container)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	struct sweeper w = { .a = &x->a, .v = seen, .n = 1 };

	assert_non_null(seen);
	*seen = (struct seen){ XXH3_64bits(container, strlen(container)), clock_mono_ms() - 2 * TEARDOWN_MS };
	sweep(&w, true);
	free(w.v);
}

#define FINISHED \
	POD_AS("p", "u", "", \
	       "\"spec\":{\"nodeName\":\"n1\",\"restartPolicy\":\"Never\"},\"status\":{\"phase\":\"Succeeded\"}")

struct sweep_row {
	const char *name;
	const char *known, *pod; /* to the watch, to the API; NULL: none */
	enum { NO_DEL, HAD_DEL, UNDONE } mark;
	enum end end;
};

static const struct sweep_row sweep_rows[] = {
	{ "runs", POD("p", "u", ""), POD("p", "u", ""), NO_DEL, STAYS },
	{ "gone", NULL, NULL, NO_DEL, FREE_UNCONFIRMED },
	{ "gone; the container had DEL", NULL, NULL, HAD_DEL, FREE },
	{ "another one", POD("p", "u2", ""), POD("p", "u2", ""), NO_DEL, FREE_UNCONFIRMED },
	{ "kubelet's, made anew", POD("p", "u2", MIRROR), POD("p", "u2", MIRROR), NO_DEL, STAYS },
	{ "kubelet's, made anew, and nobody knows yet", NULL, POD("p", "u2", MIRROR), NO_DEL, STAYS },
	{ "kubelet's, made anew; the container had DEL", POD("p", "u2", MIRROR), POD("p", "u2", MIRROR),
	  HAD_DEL, FREE },
	{ "going", POD("p", "u", GOING), POD("p", "u", GOING), NO_DEL, STAYS },
	{ "gone, and the watch is behind", POD("p", "u", GOING), NULL, NO_DEL, STAYS },
	{ "ended", FINISHED, FINISHED, NO_DEL, STAYS },
	{ "ended; the container had DEL", FINISHED, FINISHED, HAD_DEL, FREE },
	{ "going; the container had DEL", POD("p", "u", GOING), POD("p", "u", GOING), HAD_DEL, FREE },
	{ "going; an ADD that was undone, and the sandbox before it had no DEL", POD("p", "u", GOING),
	  POD("p", "u", GOING), UNDONE, STAYS },
};

static void test_sweep(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sweep_rows); i++) {
		const struct sweep_row *t = &sweep_rows[i];
		struct ipam_attachment at = agent_attachment("c1", "10.0.0.0/24", t->mark != NO_DEL);
		CLEANUP(free_p) char *pod = NULL;
		struct agent_lab x;
		enum end end;

		assert_true(asprintf(&pod, HTTP_OK "%s", t->pod ? t->pod : "") > 0);
		agent_open(&x, t->known ? t->known : "",
			   (struct fake_answer[]){ { .path = PODS("p"), .text = t->pod ? pod : NOT_FOUND },
						   { UPDATE_WITH(UNCONFIRMED) },
						   { UPDATE_WITH(FREED) },
						   { .path = BLOCK, .method = "GET", .text = RECORDS(TEXT) },
						   { 0 } });
		at.rekeyed = t->mark == UNDONE;
		agent_attach(&x, &at);
		sweep_round(&x, "c1");
		end = end_of(&x);
		if (end != t->end || agent_attached(&x) != (t->end == STAYS))
			fail_msg("%s: end %d, %zu attachments", t->name, end, agent_attached(&x));
		if (t->known && end == STAYS && lab_asked(&x.l, PODS("p"))) /* for nothing */
			fail_msg("%s: asked %u times", t->name, lab_asked(&x.l, PODS("p")));
		agent_close(&x);
	}
}

/* ---- records without an attachment ---- */

struct orphan_row {
	const char *name, *pod; /* to the watch and to the API; NULL: none */
	const char *text;       /* the record */
	enum end end;
};

#define OF_ANOTHER_BOOT \
	"0\\tpod\\t1\\tpool\\tnet\\ta\\tp\\tu\\teth0\\tn1\\tc1\\tearlier\\t\\t\\t\\t0\\t\\t\\n"

static const struct orphan_row orphan_rows[] = {
	{ "its pod runs", POD("p", "u", ""), TEXT, STAYS },
	{ "its pod is gone", NULL, TEXT, FREE_UNCONFIRMED },
	{ "kubelet's, made anew", POD("p", "u2", MIRROR), TEXT, STAYS },
	{ "without a container, its pod is going", POD("p", "u", GOING), RECORD("0", "pod", "", ""), STAYS },
	{ "without a container, its pod is gone", NULL, RECORD("0", "pod", "", ""), FREE_UNCONFIRMED },
	{ "of another boot, its pod is going", POD("p", "u", GOING), OF_ANOTHER_BOOT, FREE },
};

static void test_orphans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orphan_rows); i++) {
		const struct orphan_row *t = &orphan_rows[i];
		CLEANUP(free_p) char *pod = NULL, *list = NULL, *block = NULL;
		struct agent_lab x;
		enum end end;
		int r;

		assert_true(asprintf(&pod, HTTP_OK "%s", t->pod ? t->pod : "") > 0);
		assert_true(asprintf(&block, RECORDS("%s"), t->text) > 0);
		assert_true(asprintf(&list, LIST("9", RECORDS_OBJECT("%s")), t->text) > 0);
		agent_open(&x, t->pod ? t->pod : "",
			   (struct fake_answer[]){ { .path = PODS("p"), .text = t->pod ? pod : NOT_FOUND },
						   { .path = BLOCKS, .text = list },
						   { UPDATE_WITH(UNCONFIRMED) },
						   { UPDATE_WITH(FREED) },
						   { .path = BLOCK, .method = "GET", .text = block },
						   { 0 } });
		r = settle_orphans(&x.a, deadline_in(AMPLE), &x.e);
		end = end_of(&x);
		if (t->end == STAYS && strstr(t->name, "runs") && lab_asked(&x.l, PODS("p")))
			fail_msg("%s: asked %u times", t->name, lab_asked(&x.l, PODS("p")));
		if (r < 0 || end != t->end || x.a.orphans != (t->end == STAYS))
			fail_msg("%s: got %d (%s), end %d, some stay %d", t->name, r, x.e.msg, end,
				 x.a.orphans);
		agent_close(&x);
	}
}

/* However many pods end meanwhile. */
static void test_orphans_again(void **state)
{
	static const struct {
		const char *name;
		int64_t ago; /* when they were looked for */
		unsigned lists;
	} rows[] = { { "never", 0, 1 }, { "just now", 1, 0 }, { "long ago", SWEEP_MS, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sweeper w = { .looked_at = rows[i].ago ? clock_mono_ms() - rows[i].ago : 0 };
		struct agent_lab x;

		agent_open(&x, POD("p", "u", ""),
			   (struct fake_answer[]){
				   { .path = BLOCKS, .text = LIST("9", RECORDS_OBJECT(TEXT)) }, { 0 } });
		w.a = &x.a;
		x.a.orphans = true;
		look(&w, false);
		look(&w, false);
		if (lab_asked(&x.l, BLOCKS) != rows[i].lists || !x.a.orphans)
			fail_msg("%s: listed %u times", rows[i].name, lab_asked(&x.l, BLOCKS));
		agent_close(&x);
	}
}

/* ---- damage ---- */

#define DAMAGED     "7\\tpod\\n"
#define OTHER_BLOCK SP_API "spideripblocks/v4-0a000040"

/* A block of this node cannot be read: the agent starts, claims what it can, and what that one has lost when
 * it is repaired. */
static void test_damaged_block(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = BLOCKS, .text = LIST("9", RECORDS_OBJECT(DAMAGED)) },
		{ .path = BLOCK, .method = "PUT", .has = "0\\tpod\\t", .text = WRITTEN },
		{ .path = BLOCK, .method = "GET", .times = 1, .text = RECORDS(DAMAGED) },
		{ .path = BLOCK, .method = "GET", .text = RECORDS("") },
		{ .path = OTHER_BLOCK, .method = "GET", .text = RECORDS("") },
		{ .path = OTHER_BLOCK, .method = "PUT", .has = "1\\tpod\\t", .text = WRITTEN },
		{ .path = PODS("p"), .text = HTTP_OK POD("p", "u", "") },
		{ 0 },
	};
	struct ipam_address ips[] = { { .address = (char *)"10.0.0.0/24", .pool = (char *)"pool" },
				      { .address = (char *)"10.0.0.65/24", .pool = (char *)"pool" } };
	struct ipam_attachment at = agent_attachment("c1", "10.0.0.0/24", false);
	struct agent_lab x;

	(void)state;
	agent_open(&x, POD("p", "u", ""), answers);
	kube_cond_init(&x.a.wake);
	kube_cond_init(&x.a.stop);
	at.ips.v = ips;
	at.ips.n = 2;
	agent_attach(&x, &at);
	if (settle_all(&x.a, &x.e) < 0)
		fail_msg("%s", x.e.msg);
	assert_int_equal(agent_wrote(&x, "1\\tpod\\t"), 1);
	assert_int_equal(agent_wrote(&x, "0\\tpod\\t"), 0);
	assert_int_equal(life_sweeper(&x.a, &x.e), 0);
	wake(&x.a, false);
	for (int i = 0; i < AMPLE / 10 && !agent_wrote(&x, "0\\tpod\\t"); i++)
		usleep(10000);
	life_end(&x.a);
	pthread_join(x.a.sweeper, NULL);
	assert_int_equal(agent_wrote(&x, "0\\tpod\\t"), 1);
	agent_close(&x);
}

/* ---- GC ---- */

struct gc_row {
	const char *name, *pod;
	int64_t freed;
};

static const struct gc_row gc_rows[] = {
	{ "another one", POD("p", "u2", ""), 1 },
	{ "kubelet's, made anew", POD("p", "u2", MIRROR), 0 },
};

/* The runtime does not know the container, which proves nothing. */
static void test_gc(void **state)
{
	const struct socket_gc q = { .network = "net", .started_ms = 10 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gc_rows); i++) {
		const struct gc_row *t = &gc_rows[i];
		struct ipam_attachment at = agent_attachment("c1", "10.0.0.0/24", false);
		CLEANUP(free_p) char *pod = NULL;
		struct agent_lab x;
		int64_t freed;
		int r;

		assert_true(asprintf(&pod, HTTP_OK "%s", t->pod) > 0);
		agent_open(&x, t->pod,
			   (struct fake_answer[]){ { .path = PODS("p"), .text = pod },
						   { UPDATE_WITH(FREED) },
						   { .path = BLOCK, .method = "GET", .text = RECORDS(TEXT) },
						   { 0 } });
		agent_attach(&x, &at);
		r = verb_gc(&x.a, &q, deadline_in(AMPLE), &freed, &x.e);
		if (r < 0 || freed != t->freed || agent_wrote(&x, FREED) != (int)t->freed)
			fail_msg("%s: got %d (%s), freed %d", t->name, r, x.e.msg, (int)freed);
		agent_close(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_orphans_again),
		cmocka_unit_test(test_damaged_block),
		cmocka_unit_test(test_gc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
