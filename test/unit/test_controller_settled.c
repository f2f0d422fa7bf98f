/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_settled.c - which agents are behind; which blocks are empty */
#include "kube_fake.h"

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/blocks.c"
#include "../../cmd/controller/settled.c"

#define NOW 1700000000000

static const struct {
	const char *what, *pod;
	bool ready;
	const char *version;
	bool behind;
} rows[] = {
	{ "has said nothing", "{\"metadata\":{}}", true, "9", true },
	{ "has seen less", "{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/pools-observed\":\"9\"}}}",
	  true, "10", true },
	{ "has seen it", "{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/pools-observed\":\"10\"}}}",
	  true, "10", false },
	{ "has seen more", "{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/pools-observed\":\"100\"}}}",
	  true, "99", false },
	{ "its node is not ready", "{\"metadata\":{}}", false, "9", false },
	{ "is going", "{\"metadata\":{\"deletionTimestamp\":\"x\"}}", true, "9", false },
	{ "has failed", "{\"metadata\":{},\"status\":{\"phase\":\"Failed\"}}", true, "9", false },
	{ "runs", "{\"metadata\":{},\"status\":{\"phase\":\"Running\"}}", true, "9", true },
};

static void test_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_pod p;
		struct err e;

		if (json_decode_text(&kube_pod_table, rows[i].pod, strlen(rows[i].pod), "pod", &p, &e) < 0)
			fail_msg("%s", e.msg);
		if (settled_is_behind(&p, rows[i].ready, rows[i].version) != rows[i].behind)
			fail_msg("%s", rows[i].what);
		json_clear(&kube_pod_table, &p);
	}
}

static const struct {
	const char *what;
	enum hold hold;
	bool unconfirmed;
	int64_t since, until;
	bool empty;
} blocks[] = {
	{ "never used", HOLD_NONE, false, 0, 0, true },
	{ "given back long ago", HOLD_FREE, false, NOW - BLOCKS_EMPTY_MS, 0, true },
	{ "given back lately", HOLD_FREE, false, NOW - BLOCKS_EMPTY_MS + 1, 0, false },
	{ "to be probed before use", HOLD_FREE, true, NOW - BLOCKS_DOUBT_MS + 1, 0, false },
	{ "was to be probed before use, and nobody wanted it", HOLD_FREE, true, NOW - BLOCKS_DOUBT_MS, 0,
	  true },
	{ "in quarantine, and to be probed after it", HOLD_QUARANTINE, true, 1, NOW - BLOCKS_EMPTY_MS,
	  false },
	{ "of a pod", HOLD_POD, false, 1, 0, false },
	{ "kept for a StatefulSet", HOLD_STS, false, 1, 0, false },
	{ "in quarantine without end", HOLD_QUARANTINE, false, 1, 0, false },
	{ "in quarantine", HOLD_QUARANTINE, false, 1, NOW + 1, false },
	{ "in quarantine until long ago", HOLD_QUARANTINE, false, 1, NOW - BLOCKS_EMPTY_MS, true },
	{ "in quarantine until lately", HOLD_QUARANTINE, false, 1, NOW - 1, false },
};

static void test_empty(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		struct block b;

		block_init(&b, 4, 1);
		b.rec[63].hold = blocks[i].hold;
		b.rec[63].unconfirmed = blocks[i].unconfirmed;
		b.rec[63].since = blocks[i].since;
		b.rec[63].until = blocks[i].until;
		if (blocks_is_empty(&b, NOW) != blocks[i].empty)
			fail_msg("%s", blocks[i].what);
		block_clear(&b);
	}
}

/* The API server has it without a text when all that was claimed there was undone. */
static void test_without_records(void **state)
{
	struct api_ipblock none = { 0 }, damaged = { .spec.records = (char *)"x" };
	struct kube_item item = { .name = (char *)"v4-0a000000", .view = &none };

	(void)state;
	assert_true(is_empty(&item, NOW));
	item.view = &damaged;
	assert_false(is_empty(&item, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_without_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
