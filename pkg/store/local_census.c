/* SPDX-License-Identifier: Apache-2.0 */
/* local_census.c - which blocks there are
 *
 * A record has a checksum, a page of LMDB has none: one that is damaged may lose records, and a block that is
 * not found counts as one that nobody uses. Its addresses would be given out again. So their number and the
 * sum of their keys' hashes stand in the schema record, written when one comes or goes, and whoever does not
 * find a block compares, and looks whether it was led to the right place. (Only keys are walked, and only
 * when a block is to be made: one ADD in 64.)
 */
#include "store/local_impl.h"

static bool is_block(const uint8_t *key)
{
	return key[0] == LOCAL_KEY_OBJ + STORE_BLOCK;
}

static int count(const struct local *l, struct local_schema *ret, struct err *e)
{
	struct local_key last = { 0 };
	uint8_t start = LOCAL_KEY_OBJ + STORE_BLOCK;
	MDB_val key = { 1, &start };
	MDB_cursor *cur = NULL;
	bool follows = true;
	int rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);

	ret->blocks = ret->keys = 0;
	if (rc == 0)
		rc = local_mdb_move(l, cur, &key, NULL, MDB_SET_RANGE);
	while (rc == 0 && is_block(key.mv_data) && (follows = local_key_follows(&last, &key))) {
		ret->blocks++;
		ret->keys += local_sum(0, key.mv_data, key.mv_size);
		rc = local_mdb_move(l, cur, &key, NULL, MDB_NEXT);
	}
	if (cur)
		mdb_cursor_close(cur);
	if (rc && rc != MDB_NOTFOUND)
		return local_err(l, rc, "count", e);
	return follows ? 0 : local_damaged(l, e, "the pages of the store are damaged");
}

int local_census_change(const struct local *l, const struct local_key *k, bool come, struct err *e)
{
	struct local_schema rec;
	uint64_t hash = local_sum(0, k->b, k->len);
	int r;

	if (!is_block(k->b))
		return 0;
	r = local_schema_load(l, &rec, e);
	if (r > 0) {
		rec.blocks += come ? 1 : UINT64_MAX;
		rec.keys += come ? hash : -hash;
	} else if (r == 0) {
		r = count(l, &rec, e);
	}
	return r < 0 ? r : local_schema_store(l, &rec, e);
}

static int check_blocks(struct local *l, struct err *e)
{
	struct local_schema want, have;
	int r = local_schema_load(l, &want, e);

	if (r > 0)
		r = count(l, &have, e);
	else if (r == 0) /* not counted yet */
		return 0;
	if (r < 0)
		return r;
	if (have.blocks != want.blocks || have.keys != want.keys)
		return local_damaged(
			l, e,
			"%llu blocks of addresses can be reached, %llu, or others, were written: "
			"which addresses are in use is not known",
			(unsigned long long)have.blocks, (unsigned long long)want.blocks);
	l->counted = true;
	return 0;
}

/* Does the key lie between the two where it was looked for? */
static int check_place(const struct local *l, MDB_cursor *cur, struct local_key *k, struct err *e)
{
	const MDB_val want = local_key_val(k);
	MDB_val at = want;
	int rc = local_mdb_move(l, cur, &at, NULL, MDB_SET_RANGE);
	bool right = rc || mdb_cmp(l->txn, LOCAL_DBI, &want, &at) < 0;

	if (rc == 0 || rc == MDB_NOTFOUND)
		rc = local_mdb_move(l, cur, &at, NULL, rc == 0 ? MDB_PREV : MDB_LAST);
	if (rc)
		return local_err(l, rc, "read", e);
	if (!right || mdb_cmp(l->txn, LOCAL_DBI, &at, &want) >= 0)
		return local_damaged(l, e, "the pages of the store are damaged");
	return 0;
}

int local_census_check(struct local *l, struct local_key *k, struct err *e)
{
	MDB_cursor *cur = NULL;
	int r = l->counted ? 0 : check_blocks(l, e), rc;

	if (r < 0 || !k)
		return r;
	rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);
	if (rc)
		return local_err(l, rc, "read", e);
	r = check_place(l, cur, k, e);
	mdb_cursor_close(cur);
	return r;
}
