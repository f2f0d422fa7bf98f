/* SPDX-License-Identifier: Apache-2.0 */
/* local_mdb.c - LMDB's calls that follow pages
 *
 * A page that is damaged may lead LMDB anywhere, also out of its map: what faults in here is blamed on the
 * store (local_guard.c).
 */
#include "store/local_impl.h"

int local_mdb_get(const struct local *l, MDB_val *k, MDB_val *v)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_get(l->txn, LOCAL_DBI, k, v);
	local_guard_leave();
	return rc;
}

int local_mdb_put(const struct local *l, MDB_val *k, MDB_val *v, unsigned flags)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_put(l->txn, LOCAL_DBI, k, v, flags);
	local_guard_leave();
	return rc;
}

int local_mdb_del(const struct local *l, MDB_val *k)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_del(l->txn, LOCAL_DBI, k, NULL);
	local_guard_leave();
	return rc;
}

int local_mdb_move(const struct local *l, MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_cursor_get(c, k, v, op);
	local_guard_leave();
	return rc;
}

int local_mdb_drop(const struct local *l, MDB_cursor *c)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_cursor_del(c, 0);
	local_guard_leave();
	return rc;
}

int local_mdb_commit(struct local *l)
{
	int rc;

	local_guard_enter(l);
	rc = mdb_txn_commit(TAKE_PTR(l->txn));
	local_guard_leave();
	return rc;
}
