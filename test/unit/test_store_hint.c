/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_hint.c - which block is free next, and what it costs to know
 * link: -Wl,--wrap=mdb_put */
#include "store_util.h"

static struct store *st;

/* Every page that a commit touches is written and flushed. */
static int puts_done;
int __real_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);
int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags);

int __wrap_mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
	puts_done++;
	return __real_mdb_put(txn, dbi, key, data, flags);
}

static int setup(void **state)
{
	if (make_dir(state) < 0)
		return -1;
	st = open_store();
	return 0;
}

static int teardown(void **state)
{
	store_close(st);
	st = NULL;
	return remove_dir(state);
}

static void set_block(uint8_t ver, ip_num block, int64_t free_at)
{
	char name[IP_BLOCK_NAME_MAX];
	struct store_op op = op_create(STORE_BLOCK, ip_block_name(ver, block, name), "x");

	op.version = version_of(st, STORE_BLOCK, name, NULL);
	op.verb = op.version ? STORE_UPDATE : STORE_CREATE;
	op.free_at = free_at;
	check(commit(st, &op, 1));
}

static void test_next_free(void **state)
{
	const ip_num base4 = 0x0a000000 / 64, end4 = 0xffffffff / 64;
	const ip_num base6 = ((ip_num)0x20010db800000000 << 64) / 64, end6 = ~(ip_num)0 / 64;

	(void)state;
	for (int i = 0; i < 130; i++)
		set_block(4, base4 + (unsigned)i, i == 70 ? 5000 : INT64_MAX);
	assert_int_equal(next_free(st, 4, base4, end4, 4999), 130);
	assert_int_equal(next_free(st, 4, base4, end4, 5000), 70);
	assert_int_equal(next_free(st, 4, base4 + 71, end4, INT64_MAX - 1), 130 - 71);
	assert_int_equal(next_free(st, 4, base4 + 71, end4, INT64_MAX), 0);
	assert_int_equal(next_free(st, 4, base4, base4 + 129, 4999), -1);
	set_block(4, base4 + 3, 0);
	assert_int_equal(next_free(st, 4, base4, base4 + 129, 0), 3);

	/* The last blocks of each family */
	for (int i = 0; i < 64; i++) {
		set_block(4, end4 - (unsigned)i, INT64_MAX);
		set_block(6, end6 - (unsigned)i, INT64_MAX);
		set_block(6, base6 + (unsigned)i, INT64_MAX);
	}
	assert_int_equal(next_free(st, 4, end4 - 63, end4, INT64_MAX - 1), -1);
	assert_int_equal(next_free(st, 4, end4 - 64, end4, 0), 0);
	assert_int_equal(next_free(st, 6, end6 - 63, end6, INT64_MAX - 1), -1);
	assert_int_equal(next_free(st, 6, end6, end6, 0), -1);
	assert_int_equal(next_free(st, 6, base6, end6, 0), 64);
	assert_int_equal(next_free(st, 6, 0, end6, 0), 0);
	assert_int_equal(verify(st, false), 0);
}

/* The records written: the object, of the hint only the levels that change, and when a block comes their
 * count. */
static void test_hint_writes(void **state)
{
	static const struct {
		unsigned block;
		int64_t free_at;
		int want;
	} rows[] = {
		{ 0, 0, 2 },                                    /* as if it were not there */
		{ 0, INT64_MAX, 2 },                            /* others of the node are still free */
		{ 0, INT64_MAX, 1 },                            /* nothing changes */
		{ 63, INT64_MAX, 4 },                           /* now none is: the level above is told */
		{ 5, 5, 3 },          { 6, 6, 2 }, { 5, 0, 2 }, /* the level above goes */
	};

	(void)state;
	for (unsigned i = 1; i < 63; i++)
		set_block(4, i, INT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		puts_done = 0;
		set_block(4, rows[i].block, rows[i].free_at);
		if (puts_done != rows[i].want)
			fail_msg("row %zu: want %d records written, got %d", i, rows[i].want, puts_done);
	}
}

/* free_at is a block's alone. */
static void test_free_at_elsewhere(void **state)
{
	struct store_op op = op_create(STORE_IPPOOL, "v4-0a000000", "x");

	(void)state;
	op.free_at = INT64_MAX;
	check(commit(st, &op, 1));
	assert_int_equal(next_free(st, 4, 0x0a000000 / 64, 0x0a000000 / 64, 0), 0);
	assert_int_equal(verify(st, false), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_next_free),
		T(test_hint_writes),
		T(test_free_at_elsewhere),
	};

	return cmocka_run_group_tests_name("store hint", tests, NULL, NULL);
}
