/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_fate.c - whether the owner of an address has died, case by case (allocation.md section 5;
 * spec/ipam.md 7 and weak spots 7, 8, 9 of 13) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/own.h"
#include "ipam/fate.h"

#define NOW   ((int64_t)1700000000000)
#define AGO   (NOW - 3600000) /* an hour */
#define AGENT FATE_AGENT_MS

#define ABSENT(t) \
	{ \
		.is = FATE_POD_ABSENT, .gone_since = (t) \
	}
#define ALIVE \
	{ \
		.is = FATE_POD_SAME, .alive = true \
	}
#define SILENT \
	{ \
		.is = FATE_POD_SAME, .alive = true, .silent = true \
	}
#define DELETED(t) \
	{ \
		.is = FATE_POD_SAME, .deleted_at = (t) \
	}
#define FINISHED \
	{ \
		.is = FATE_POD_SAME \
	}
#define STATIC \
	{ \
		.is = FATE_POD_STATIC \
	}
#define READY(b) \
	{ \
		.is = FATE_NODE_READY, .boot = (b) \
	}
#define READY_SINCE(t) \
	{ \
		.is = FATE_NODE_READY, .since = (t), .boot = "b1" \
	}
#define NOT_READY(t) \
	{ \
		.is = FATE_NODE_NOT_READY, .since = (t), .boot = "b1" \
	}
#define NO_NODE \
	{ \
		.is = FATE_NODE_ABSENT, .boot = "" \
	}
#define UNKNOWN \
	{ \
		.is = FATE_NODE_UNKNOWN, .boot = "" \
	}
/* of records */
#define POD \
	{ \
		.hold = HOLD_POD, .container = "c1", .uid = "u1", .boot = "b1", .since = AGO \
	}
#define POD_SINCE(t) \
	{ \
		.hold = HOLD_POD, .container = "c1", .uid = "u1", .boot = "b1", .since = (t) \
	}
#define STS \
	{ \
		.hold = HOLD_STS, .container = "c1", .uid = "u1", .boot = "b1", .since = AGO \
	}
#define WAITS(h) \
	{ \
		.hold = (h), .container = "", .uid = "", .boot = "", .since = AGO \
	}

static const struct fate_rules defaults = { .ready_nodes = true, .not_ready_nodes = true };
static const struct fate_rules off = { false };
static const struct fate_rules silent = { true, true, true, 0 };
static const struct fate_rules delayed = { true, true, false, 30000 };

struct row {
	const char *what;
	struct block_rec r;
	struct fate_pod pod;
	struct fate_node node;
	bool hold_lives;
	const struct fate_rules *rules; /* NULL: defaults */
	enum fate_verdict want;
	bool unconfirmed;
	int64_t at;
};

static const struct row rows[] = {
	{ "free", { .hold = HOLD_FREE }, ABSENT(AGO), NO_NODE, .want = FATE_KEEP },
	{ "quarantine", { .hold = HOLD_QUARANTINE }, ABSENT(AGO), NO_NODE, .want = FATE_KEEP },
	{ "pin",
	  { .hold = HOLD_PIN, .container = "c", .uid = "u" },
	  ABSENT(AGO),
	  NO_NODE,
	  .want = FATE_KEEP },

	{ "alive", POD, ALIVE, READY("b1"), .want = FATE_KEEP },
	{ "alive after a reboot: it is to have it again", POD, ALIVE, READY("b2"), .want = FATE_KEEP },
	{ "alive on a node that is not ready", POD, ALIVE, NOT_READY(AGO), .want = FATE_KEEP },
	{ "alive on a node that is gone: podgc decides", POD, ALIVE, NO_NODE, .want = FATE_KEEP },
	{ "alive, scaled down, not yet deleted", STS, ALIVE, READY("b1"), .want = FATE_KEEP },
	{ "no address in its status", POD, SILENT, READY("b1"), .want = FATE_KEEP },
	{ "the same, switched on", POD, SILENT, READY("b1"), .rules = &silent, .want = FATE_FREE,
	  .unconfirmed = true },
	{ "the same, too early", POD_SINCE(NOW - 1000), SILENT, READY("b1"), .hold_lives = false,
	  .rules = &silent, .want = FATE_LATER, false, NOW - 1000 + FATE_NO_IP_MS },
	{ "the same, kept for a StatefulSet", STS, SILENT, READY("b1"), .hold_lives = true, .rules = &silent,
	  .want = FATE_KEEP },

	{ "deleted, ready: the agent's", POD, DELETED(AGO), READY("b1"), .want = FATE_KEEP },
	{ "finished, ready: the agent's", POD, FINISHED, READY("b1"), .want = FATE_KEEP },
	{ "finished, ready, boot not known", POD, FINISHED, READY(""), .want = FATE_KEEP },
	{ "finished, then restarted", POD, FINISHED, READY("b2"), .want = FATE_FREE },
	{ "deleted, then restarted", POD, DELETED(NOW - 1), READY("b2"), .want = FATE_FREE },
	{ "the same, within its grace", POD, DELETED(NOW + 500), READY("b2"), .want = FATE_LATER,
	  .at = NOW + 500 },
	{ "the same, left to the agents", POD, FINISHED, READY("b2"), .rules = &off, .want = FATE_KEEP },
	{ "the record may be newer than the node's status", POD_SINCE(NOW - 5000), FINISHED, READY("b2"),
	  .want = FATE_LATER, .at = NOW - 5000 + FATE_BOOT_MS },
	{ "finished, restarted, waits for its pod", STS, FINISHED, READY("b2"), .hold_lives = true,
	  .want = FATE_CLEAR },

	{ "deleted, not ready", POD, DELETED(AGO), NOT_READY(AGO), .want = FATE_FREE, .unconfirmed = true },
	{ "evicted, not ready", POD, FINISHED, NOT_READY(AGO), .want = FATE_FREE, .unconfirmed = true },
	{ "within its grace: once, not twice", POD, DELETED(NOW + 1), NOT_READY(AGO), .want = FATE_LATER,
	  .at = NOW + 1 },
	{ "not ready for a moment", POD, DELETED(AGO), NOT_READY(NOW - 1000), .want = FATE_LATER,
	  .at = NOW - 1000 + FATE_NOT_READY_MS },
	{ "the same with more grace", POD, DELETED(AGO), NOT_READY(NOW - FATE_NOT_READY_MS),
	  .hold_lives = false, .rules = &delayed, .want = FATE_LATER, .at = NOW + 30000 },
	{ "left to the agents", POD, DELETED(AGO), NOT_READY(AGO), .rules = &off, .want = FATE_KEEP },
	{ "static, not ready", STS, DELETED(AGO), NOT_READY(AGO), .hold_lives = true, .want = FATE_KEEP },
	{ "static, not ready, scaled down", STS, DELETED(AGO), NOT_READY(AGO), .want = FATE_FREE,
	  .unconfirmed = true },

	{ "deleted, node gone", POD, DELETED(AGO), NO_NODE, .want = FATE_FREE, .unconfirmed = true },
	{ "static, node gone", STS, DELETED(AGO), NO_NODE, .hold_lives = true, .want = FATE_KEEP },
	{ "deleted, no node known", POD, DELETED(AGO), UNKNOWN, .want = FATE_KEEP },

	{ "gone: the agent has its time", POD, ABSENT(NOW - AGENT + 1), READY("b1"), .want = FATE_LATER,
	  .at = NOW + 1 },
	{ "and no more", POD, ABSENT(NOW - AGENT), READY("b1"), .want = FATE_FREE, .unconfirmed = true },
	{ "whose node was not ready before", POD, ABSENT(AGO), READY_SINCE(NOW - 1000), .want = FATE_LATER,
	  .at = NOW - 1000 + AGENT },
	{ "with more grace", POD, ABSENT(NOW - AGENT), READY("b1"), .hold_lives = false, .rules = &delayed,
	  .want = FATE_LATER, .at = NOW + 30000 },
	{ "switches are of pods that are there", POD, ABSENT(AGO), READY("b1"), .hold_lives = false,
	  .rules = &off, .want = FATE_FREE, true },
	{ "recorded a moment ago", POD_SINCE(NOW - 10), ABSENT(AGO), READY("b1"), .want = FATE_LATER,
	  .at = NOW - 10 + AGENT },
	{ "recorded in the future", POD_SINCE(NOW + 1), ABSENT(AGO), READY("b1"), .want = FATE_FREE,
	  .unconfirmed = true },
	{ "gone in the future is gone now", POD, ABSENT(NOW + 99999), READY("b1"), .want = FATE_LATER,
	  .at = NOW + AGENT },
	{ "gone, node not ready", POD, ABSENT(AGO), NOT_READY(AGO), .want = FATE_FREE, .unconfirmed = true },
	{ "gone, node not known", POD, ABSENT(AGO), UNKNOWN, .want = FATE_FREE, .unconfirmed = true },
	{ "gone, node too: at once", POD, ABSENT(NOW), NO_NODE, .want = FATE_FREE, .unconfirmed = true },
	{ "gone, node restarted: at once, and certain", POD, ABSENT(NOW), READY("b2"), .want = FATE_FREE },
	{ "gone, of a boot not yet seen", POD_SINCE(NOW - 1), ABSENT(NOW), READY("b2"), .want = FATE_LATER,
	  .at = NOW + AGENT },
	{ "gone, StatefulSet lives", STS, ABSENT(AGO), READY("b1"), .hold_lives = true, .want = FATE_CLEAR,
	  .unconfirmed = true },
	{ "gone, scaled down", STS, ABSENT(AGO), READY("b1"), .want = FATE_FREE, .unconfirmed = true },
	{ "a static pod of kubelet", POD, STATIC, READY("b1"), .want = FATE_KEEP },

	{ "waits for its pod", WAITS(HOLD_STS), ABSENT(AGO), NO_NODE, .hold_lives = true, .want = FATE_KEEP },
	{ "waits for nothing any more", WAITS(HOLD_STS), ABSENT(NOW), UNKNOWN, .want = FATE_FREE },
	{ "a machine that was stopped", WAITS(HOLD_VM), ABSENT(AGO), NO_NODE, .hold_lives = true,
	  .want = FATE_KEEP },
	{ "a machine that is gone", WAITS(HOLD_VM), ABSENT(AGO), NO_NODE, .want = FATE_FREE },
	{ "whose holder's end was not confirmed",
	  { .hold = HOLD_STS, .container = "", .uid = "", .boot = "", .unconfirmed = true },
	  ABSENT(AGO),
	  NO_NODE,
	  .hold_lives = false,
	  .want = FATE_FREE,
	  true },
	/* taken over from an older Spiderpool: a pod's UID without a container */
	{ "no container, pod lives",
	  { .hold = HOLD_STS, .container = "", .uid = "u1", .boot = "" },
	  ALIVE,
	  READY("b1"),
	  .hold_lives = false,
	  .want = FATE_KEEP },
};

static void test_rows(void **state)
{
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		struct block_rec r;
		struct fate_facts f = { NOW, row->pod, row->node, row->hold_lives };
		struct fate x;

		block_rec_init(&r);
		r.hold = row->r.hold;
		r.since = row->r.since;
		r.unconfirmed = row->r.unconfirmed;
		r.container = row->r.container ? row->r.container : "";
		r.uid = row->r.uid ? row->r.uid : "";
		r.boot = row->r.boot ? row->r.boot : "";
		x = fate_of(&r, &f, row->rules ? row->rules : &defaults);
		if (x.verdict == row->want && x.unconfirmed == row->unconfirmed &&
		    x.at == (row->want == FATE_LATER ? row->at : 0) && x.why)
			continue;
		print_error("%s: got %d%s at %lld (%s), want %d%s at %lld\n", row->what, x.verdict,
			    x.unconfirmed ? " unconfirmed" : "", (long long)x.at, x.why, row->want,
			    row->unconfirmed ? " unconfirmed" : "", (long long)row->at);
		bad++;
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests_name("ipam fate", tests, NULL, NULL);
}
