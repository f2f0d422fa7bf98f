/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_hash.c - the transaction's index of what it has read: everything is found again, nothing else is
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ipam/hash.h"

#define MANY 5000

static int values[MANY];

/* Is it found under this key, and how many others have the same? */
static size_t find(const struct hash *h, uint64_t key, const int *want)
{
	size_t at = 0, others = 0;
	const int *v;
	int found = 0;

	while ((v = hash_next(h, key, &at))) {
		found += v == want;
		others += v != want;
	}
	if (found != 1)
		fail_msg("key %#llx: found %d times", (unsigned long long)key, found);
	return others;
}

static void test_empty(void **state)
{
	struct hash h = { 0 };
	size_t at = 0;

	(void)state;
	assert_null(hash_next(&h, 0, &at));
	hash_clear(&h);
}

/* Keys that differ in their high bits only, in their low bits only, in steps of a power of two, and not at
 * all. */
static void test_keys(void **state)
{
	static const struct {
		uint64_t step;
		size_t others;
	} rows[] = {
		{ 1, 0 }, { 64, 0 }, { UINT64_C(1) << 40, 0 }, { UINT64_C(0x9e3779b97f4a7c15), 0 }, { 0, 99 },
	};

	(void)state;
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		size_t n = rows[row].others ? rows[row].others + 1 : MANY, at = 0;
		struct hash h = { 0 };
		struct err e;

		print_message("# row %zu\n", row);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(hash_add(&h, 7 + i * rows[row].step, &values[i], &e), 0);
			assert_int_equal(find(&h, 7, &values[0]), rows[row].others ? i : 0);
		}
		for (size_t i = 0; i < n; i++)
			assert_int_equal(find(&h, 7 + i * rows[row].step, &values[i]), rows[row].others);
		assert_null(hash_next(&h, 6, &at));
		hash_clear(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("ipam hash", tests, NULL, NULL);
}
