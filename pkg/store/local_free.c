/* SPDX-License-Identifier: Apache-2.0 */
/* local_free.c - LMDB's list of free pages
 *
 * By the number of the transaction that freed them: a count, then their numbers, the highest first. Writers
 * take pages from it, the oldest first, and LMDB believes what it says: a count that is wrong makes it write
 * beyond its memory, a page that is in use is written over.
 */
#include <string.h>

#include "store/local_impl.h"

#define FREE_DBI 0

static bool pages_make_sense(const struct local *l, const MDB_val *val, size_t last_page)
{
	const uint8_t *p = val->mv_data;
	uint64_t n, page, above = last_page + 1;

	if (val->mv_size < sizeof(n) || val->mv_size > (size_t)(l->guard.hi - (const char *)p))
		return false;
	memcpy(&n, p, sizeof(n));
	if (n != val->mv_size / sizeof(n) - 1)
		return false;
	for (uint64_t i = 1; i <= n; i++, above = page) {
		memcpy(&page, p + i * sizeof(page), sizeof(page));
		if (page >= above || page < 2)
			return false;
	}
	return true;
}

static bool list_makes_sense(const struct local *l, MDB_cursor *cur, size_t most, size_t entries)
{
	MDB_envinfo info;
	MDB_val key, val;
	bool sane = true;
	size_t n = 0;
	int rc = 0;

	mdb_env_info(l->env, &info);
	for (; sane && n < most && (rc = local_mdb_move(l, cur, &key, &val, MDB_NEXT)) == 0; n++) {
		local_guard_enter(l);
		sane = key.mv_size == sizeof(uint64_t) && pages_make_sense(l, &val, info.me_last_pgno);
		local_guard_leave();
	}
	return sane && (rc == 0 || (rc == MDB_NOTFOUND && n == entries));
}

/* The list is shown to readers only: beside the transaction of a writer, one for reading, which sees the
 * same. */
int local_free_check(const struct local *l, size_t most, struct err *e)
{
	MDB_txn *own = NULL, *txn = l->txn;
	MDB_cursor *cur = NULL;
	MDB_stat stat = { 0 };
	bool sane = true;
	int rc = 0;

	if (!l->guard.hi) /* pages larger than the system's */
		return 0;
	if (l->mode != STORE_READ) {
		rc = mdb_txn_begin(l->env, NULL, MDB_RDONLY, &own);
		txn = own;
	}
	if (rc == MDB_READERS_FULL)
		return 0;
	if (rc == 0)
		rc = mdb_stat(txn, FREE_DBI, &stat);
	if (rc == 0)
		rc = mdb_cursor_open(txn, FREE_DBI, &cur);
	if (rc == 0) {
		sane = list_makes_sense(l, cur, most, stat.ms_entries);
		mdb_cursor_close(cur);
	}
	if (own)
		mdb_txn_abort(own);
	if (rc)
		return local_err(l, rc, "read the list of free pages", e);
	return sane ? 0 : local_damaged(l, e, "the list of free pages is damaged, so nothing can be written");
}
