/* SPDX-License-Identifier: Apache-2.0 */
/* put.c - the floor of any durable ADD on LMDB: a static program that opens an environment, commits one
 * record and ends
 *
 *	put DIR KEY
 */
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static int must(int rc, const char *what)
{
	if (rc)
		fprintf(stderr, "put: %s: %s\n", what, mdb_strerror(rc));
	return rc;
}

int main(int argc, char **argv)
{
	static char record[200]; /* about what an attachment takes */
	MDB_val key, value = { sizeof(record), record };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	if (argc != 3)
		return 2;
	key = (MDB_val){ strlen(argv[2]), argv[2] };
	if (must(mdb_env_create(&env), "create") || must(mdb_env_set_mapsize(env, (size_t)4 << 30), "map") ||
	    must(mdb_env_set_maxreaders(env, 1024), "readers") ||
	    must(mdb_env_open(env, argv[1], MDB_NOTLS, 0600), "open") ||
	    must(mdb_txn_begin(env, NULL, 0, &txn), "begin") ||
	    must(mdb_dbi_open(txn, NULL, 0, &dbi), "dbi") ||
	    must(mdb_put(txn, dbi, &key, &value, 0), "put") || must(mdb_txn_commit(txn), "commit"))
		return 1;
	mdb_env_close(env);
	return 0;
}
