/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_store_value.c - records of random bytes in the store: reading gives an error or what is there, repair
 * leaves nothing that can be repaired
 *
 * Input: a byte of flags, then records: kind of key, its length, its bytes, two bytes of length, the value.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/local_impl.h"

#define RECORDS_MAX 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct store *st;
static struct err err;
static char dir[] = "/dev/shm/fuzz-store-XXXXXX";

static void must(int ok)
{
	if (!ok)
		abort();
}

static void remove_dir(void)
{
	char cmd[64];

	store_close(st);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd) != 0)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct store_local_opts o = { .dir = dir, .create = true, .relaxed = true };

	(void)argc;
	(void)argv;
	must(mkdtemp(dir) != NULL);
	must(store_local_open(&o, deadline_in(10000), &st, &err) == 0);
	atexit(remove_dir);
	return 0;
}

struct record {
	struct local_key key;
	uint8_t value[65536 + 8];
	size_t len;
};

static struct record records[RECORDS_MAX];

/* What the bytes say about the key: raw behind a first byte, or one of a few that collide. */
static void make_key(struct record *r, uint8_t how, const uint8_t *p, size_t len)
{
	static const char *const names[] = { "a", "v4-0a000000", "v6-20010db8000000000000000000000000" };
	static const uint8_t first[] = { LOCAL_KEY_OBJ, LOCAL_KEY_INDEX, LOCAL_KEY_HINT, 0x7f };
	struct local_key obj;

	local_key_obj(&obj, how & 1 ? STORE_BLOCK : STORE_ENDPOINT, how & 2 ? "ns" : "", names[how / 4 % 3]);
	switch (how >> 6) {
	case 0:
		r->key = obj;
		break;
	case 1:
		local_key_index(&r->key, &obj, p, len);
		break;
	case 2:
		local_hint_key(&r->key, how & 1 ? 4 : 6, how / 2 % 3, len ? p[0] : 0);
		break;
	default:
		r->key.b[0] = (uint8_t)(first[how & 3] + (how >> 2 & 7));
		memcpy(r->key.b + 1, p, len);
		r->key.len = len + 1;
	}
}

static size_t parse(const uint8_t *p, size_t size)
{
	size_t n = 0;

	while (n < RECORDS_MAX && size >= 4) {
		struct record *r = &records[n];
		uint8_t how = p[0];
		size_t key = p[1], len = (size_t)(p[2] | p[3] << 8);

		p += 4;
		size -= 4;
		if (key > size || len > size - key)
			break;
		make_key(r, how, p, key);
		memcpy(r->value + 8, p + key, len);
		r->len = len + 8;
		p += key + len;
		size -= key + len;
		n++;
	}
	return n;
}

/* A value of the flagged ones gets the sum it should have: what is behind the sum must be looked at too. */
static void put(struct record *r, bool right)
{
	MDB_val key = local_key_val(&r->key), v = { r->len, r->value };
	uint64_t sum = right ? local_val_sum(&key, &v) : 0;

	memcpy(r->value, &sum, sizeof(sum));
	if (r->key.b[0] >= LOCAL_KEY_INDEX && r->key.b[0] < LOCAL_KEY_HINT)
		v.mv_size = 0;
	must(mdb_put(local_of(st)->txn, LOCAL_DBI, &key, &v, 0) == 0);
}

static int each(const struct store_obj *o, void *arg, struct err *e)
{
	(void)e;
	++*(int *)arg;
	must(strlen(o->name) > 0 && strlen(o->ns) <= STORE_NAME_MAX * 2);
	return memchr(o->data, 0x42, o->len) ? 0 : 0; /* every byte can be read */
}

/* What decodes is what was put, byte for byte. */
static void check_value(struct record *r)
{
	struct local_val val;
	MDB_val key = local_key_val(&r->key), v = { r->len, r->value };
	uint8_t *again;

	if (local_val_decode(&key, &v, &val) < 0)
		return;
	must(local_val_size(&val) == r->len);
	again = malloc(r->len);
	must(again != NULL);
	local_val_encode(&r->key, &val, again);
	must(memcmp(again, r->value, r->len) == 0);
	free(again);
}

static void read_all(void)
{
	struct store_obj o;
	ip_num block;
	int n = 0;

	for (int k = 0; k < STORE_KIND_MAX; k++) {
		store_list(st, (enum store_kind)k, NULL, NULL, NULL, each, &n, &err);
		store_list(st, (enum store_kind)k, "t", NULL, NULL, each, &n, &err);
		store_list(st, (enum store_kind)k, NULL, "a", "z", each, &n, &err);
	}
	store_get(st, STORE_ENDPOINT, NULL, "a", &o, &err);
	store_get(st, STORE_BLOCK, "ns", "v4-0a000000", &o, &err);
	store_next_free(st, 4, 0, (1 << 26) - 1, 5, &block, &err);
	store_next_free(st, 6, 4095, ~(ip_num)0 >> 6, 5, &block, &err);
}

static void ignore(const char *sentence, void *arg)
{
	(void)sentence;
	(void)arg;
}

/* Objects are never touched: what remains to be found is about them, and found again. */
static void check_repair(void)
{
	int before = store_local_verify(st, true, ignore, NULL, &err), after, again;

	if (before < 0)
		return;
	after = store_local_verify(st, true, ignore, NULL, &err);
	again = store_local_verify(st, false, ignore, NULL, &err);
	must(after >= 0 && after <= before && again == after);
}

static void wipe(void)
{
	struct local *l = local_of(st);
	MDB_cursor *cur;
	MDB_val k;

	must(store_begin(st, STORE_WRITE, deadline_in(10000), &err) == 0);
	must(mdb_cursor_open(l->txn, LOCAL_DBI, &cur) == 0);
	while (mdb_cursor_get(cur, &k, NULL, MDB_NEXT) == 0)
		if (*(const uint8_t *)k.mv_data != LOCAL_KEY_STORE)
			must(mdb_cursor_del(cur, 0) == 0);
	mdb_cursor_close(cur);
	must(mdb_txn_commit(TAKE_PTR(l->txn)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct local *l = local_of(st);
	size_t n;
	uint8_t flags;

	if (size < 1)
		return 0;
	flags = data[0];
	n = parse(data + 1, size - 1);
	must(store_begin(st, STORE_WRITE, deadline_in(10000), &err) == 0);
	for (size_t i = 0; i < n; i++)
		put(&records[i], flags >> i % 7 & 1);
	read_all();
	for (size_t i = 0; i < n; i++)
		check_value(&records[i]);
	if (!(flags & 0x80)) {
		store_end(st);
		return 0;
	}
	if (l->cur)
		mdb_cursor_close(TAKE_PTR(l->cur));
	must(mdb_txn_commit(TAKE_PTR(l->txn)) == 0);
	must(store_begin(st, STORE_READ, deadline_in(10000), &err) == 0);
	read_all();
	store_end(st);
	check_repair();
	wipe();
	return 0;
}
