/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_model.c - random commits, lists, queries, reopenings and restores against an array in memory */
#include "../unit/store_util.h"

#include <time.h>

#define ROUNDS    1500
#define OBJS      400
#define TERMS     6
#define VALUE_MAX 9000 /* more than two pages, so that some lie outside the tree */

static uint64_t seed, rng;
static struct store *st;

#define CHECK(what) \
	do { \
		if (!(what)) \
			fail_msg("SEED=%llu, line %d: %s (%s)", (unsigned long long)seed, __LINE__, #what, \
				 err.msg); \
	} while (0)

/* xorshift64*: the same numbers everywhere. */
static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* ---- the model ---- */

struct obj {
	enum store_kind kind;
	char ns[STORE_NAME_MAX + 1], name[STORE_NAME_MAX + 1];
	uint64_t version; /* 0: is not there */
	uint32_t fill;    /* what its value is made of */
	size_t len;
	unsigned terms; /* a bit each */
	int64_t free_at;
};

static struct obj objs[OBJS], staged[OBJS];
static uint64_t highest;
static const char *const term_names[TERMS] = { "node/a", "node/b", "", "pod/ns/x", "\xc3\xa4", "long" };
static char long_term[STORE_TERM_MAX + 1];

static const char *term(int i)
{
	return i == TERMS - 1 ? long_term : term_names[i];
}

static void value_fill(const struct obj *o, char *out)
{
	uint32_t x = o->fill;

	for (size_t i = 0; i < o->len; i++) {
		x = x * 1664525 + 1013904223;
		out[i] = o->fill % 2 ? (char)(x >> 24) : (char)('a' + (x >> 24) % 26);
	}
}

/* Blocks at both ends of both families and across a border of the hint's levels. */
static void name_block(struct obj *o, unsigned i)
{
	static const uint64_t at[] = { 0, 4096 - 20, (1 << 26) - 40 };
	uint8_t ver = i % 2 ? 4 : 6;
	ip_num base = at[i / 2 % 3], block;

	if (ver == 6 && base == at[2])
		base = (~(ip_num)0 >> 6) - 39;
	block = base + i / 6 % 40;
	ip_block_name(ver, block, o->name);
}

static void name_objs(void)
{
	memset(long_term, 'T', STORE_TERM_MAX);
	for (unsigned i = 0; i < OBJS; i++) {
		struct obj *o = &objs[i];

		*o = (struct obj){ 0 };
		if (i < 240) {
			o->kind = STORE_BLOCK;
			name_block(o, i);
		} else {
			static const enum store_kind kinds[] = { STORE_IPPOOL, STORE_ENDPOINT,
								 STORE_ATTACHMENT };

			o->kind = kinds[i % 3];
			if (o->kind == STORE_ENDPOINT)
				snprintf(o->ns, sizeof(o->ns), "%.*s", (int)(i % 4), "n-s");
			snprintf(o->name, sizeof(o->name), "%0*u", i % 50 == 49 ? STORE_NAME_MAX : 3, i);
		}
	}
}

static struct obj *find(enum store_kind kind, const char *ns, const char *name)
{
	for (int i = 0; i < OBJS; i++)
		if (objs[i].kind == kind && !strcmp(objs[i].ns, ns) && !strcmp(objs[i].name, name))
			return &objs[i];
	return NULL;
}

/* ---- commits ---- */

struct op_memory {
	char value[VALUE_MAX];
	const char *terms[TERMS + 1];
};

/* A random operation on *o, which becomes what it will be; whether it fits. */
static bool random_op(struct obj *o, struct store_op *op, struct op_memory *m)
{
	static const int64_t times[] = { 0, 1, 1000, 5000, INT64_MAX - 1, INT64_MAX, INT64_MAX, INT64_MAX };
	bool wrong = rnd(20) == 0, fits;
	int n = 0;

	*op = (struct store_op){ .kind = o->kind, .ns = *o->ns ? o->ns : NULL, .name = o->name };
	op->verb =
		(enum store_verb)(o->version && !wrong ? STORE_UPDATE + (rnd(4) == 0) : rnd(wrong ? 3 : 1));
	op->version = rnd(20) ? o->version : o->version + 1;
	fits = op->verb == STORE_CREATE ? !o->version : o->version && op->version == o->version;
	if (op->verb == STORE_DELETE) {
		o->version = 0;
		o->free_at = 0;
		return fits;
	}
	o->fill = rnd(1 << 30);
	o->len = rnd(rnd(8) ? 300 : VALUE_MAX);
	o->terms = rnd(1 << TERMS);
	op->free_at = times[rnd(ARRAY_LEN(times))];
	o->free_at = o->kind == STORE_BLOCK ? op->free_at : 0;
	o->version = UINT64_MAX; /* known after the commit */
	value_fill(o, m->value);
	op->data = m->value;
	op->len = o->len;
	for (int i = 0; i < TERMS; i++)
		if (o->terms >> i & 1)
			m->terms[n++] = term(i);
	m->terms[n] = NULL;
	op->terms = m->terms;
	return fits;
}

static void learn_versions(void)
{
	struct store_obj got;
	uint64_t new = 0;

	CHECK(store_begin(st, STORE_READ, soon(), &err) == 0);
	for (int i = 0; i < OBJS; i++) {
		if (objs[i].version != UINT64_MAX)
			continue;
		CHECK(store_get(st, objs[i].kind, objs[i].ns, objs[i].name, &got, &err) == 1);
		CHECK(got.version > highest);
		objs[i].version = new = got.version;
	}
	store_end(st);
	if (new)
		highest = new;
}

static void random_commit(void)
{
	static struct op_memory memory[8];
	struct store_op ops[8];
	bool fits = true, used[OBJS] = { false };
	size_t n = rnd(8);
	int r;

	memcpy(staged, objs, sizeof(objs));
	for (size_t i = 0; i < n; i++) {
		unsigned k;

		do
			k = rnd(OBJS);
		while (used[k]);
		used[k] = true;
		fits &= random_op(&staged[k], &ops[i], &memory[i]);
		ops[i].name = objs[k].name;
		ops[i].ns = ops[i].ns ? objs[k].ns : NULL;
	}
	CHECK(store_begin(st, rnd(3) ? STORE_WRITE : STORE_RELEASE, soon(), &err) == 0);
	if (rnd(10) == 0) {
		store_end(st);
		return;
	}
	r = store_commit(st, ops, n, &err);
	CHECK(r == (fits ? 0 : -ESTALE));
	if (fits) {
		memcpy(objs, staged, sizeof(objs));
		learn_versions();
	}
}

/* ---- reading ---- */

static void check_obj(const struct obj *o, const struct store_obj *got)
{
	char value[VALUE_MAX];

	value_fill(o, value);
	CHECK(got->version == o->version && got->len == o->len && memcmp(got->data, value, o->len) == 0);
	CHECK(strcmp(got->ns, o->ns) == 0 && strcmp(got->name, o->name) == 0);
}

static void random_get(void)
{
	const struct obj *o = &objs[rnd(OBJS)];
	struct store_obj got;

	CHECK(store_begin(st, STORE_READ, soon(), &err) == 0);
	CHECK(store_get(st, o->kind, o->ns, o->name, &got, &err) == (o->version != 0));
	if (o->version)
		check_obj(o, &got);
	store_end(st);
}

struct listing {
	enum store_kind kind;
	unsigned n;
	char ns[STORE_NAME_MAX + 1], name[STORE_NAME_MAX + 1];
};

static int each(const struct store_obj *got, void *arg, struct err *e)
{
	struct listing *l = arg;
	int order = strcmp(l->ns, got->ns);

	(void)e;
	CHECK(l->n == 0 || order < 0 || (order == 0 && strcmp(l->name, got->name) < 0));
	check_obj(find(l->kind, got->ns, got->name), got);
	snprintf(l->ns, sizeof(l->ns), "%s", got->ns);
	snprintf(l->name, sizeof(l->name), "%s", got->name);
	l->n++;
	return 0;
}

static void random_list(void)
{
	const struct obj *a = &objs[rnd(OBJS)], *b = &objs[rnd(OBJS)];
	const char *from = NULL, *to = NULL, *by = NULL;
	struct listing l = { .kind = a->kind };
	int how = (int)rnd(3), t = (int)rnd(TERMS);
	unsigned want = 0;

	if (how == 1)
		by = term(t);
	if (how == 2) {
		from = a->name;
		to = b->name;
	}
	for (int i = 0; i < OBJS; i++) {
		const struct obj *o = &objs[i];

		if (o->kind != l.kind || !o->version || (how == 1 && !(o->terms >> t & 1)))
			continue;
		want += how != 2 || (!*o->ns && strcmp(o->name, from) >= 0 && strcmp(o->name, to) <= 0);
	}
	CHECK(store_begin(st, STORE_READ, soon(), &err) == 0);
	CHECK(store_list(st, l.kind, by, from, to, each, &l, &err) == 0);
	store_end(st);
	CHECK(l.n == want);
}

static int64_t free_at(uint8_t ver, ip_num block)
{
	char name[IP_BLOCK_NAME_MAX];
	const struct obj *o = find(STORE_BLOCK, "", ip_block_name(ver, block, name));

	return o && o->version ? o->free_at : 0;
}

static void random_query(void)
{
	static const int64_t befores[] = { 0, 999, 1000, 5000, INT64_MAX - 1, INT64_MAX };
	const struct obj *o = &objs[rnd(240)];
	int64_t before = befores[rnd(ARRAY_LEN(befores))];
	ip_num from, to, got = 0, want;
	uint8_t ver;
	int r;

	CHECK(ip_block_parse(o->name, &ver, &from, &err) == 0);
	to = ver == 4 ? (1 << 26) - 1 : ~(ip_num)0 >> 6;
	if (rnd(2) && to - from > 50)
		to = from + rnd(50);
	for (want = from; want < to && free_at(ver, want) > before;)
		want++;
	CHECK(store_begin(st, STORE_READ, soon(), &err) == 0);
	r = store_next_free(st, ver, from, to, before, &got, &err);
	store_end(st);
	CHECK(r == (free_at(ver, want) <= before));
	CHECK(!r || got == want);
}

/* ---- once in a while ---- */

static void reopen(void)
{
	store_close(st);
	st = open_opts((struct store_local_opts){ .relaxed = rnd(4) != 0 });
}

static void backup_and_restore(void)
{
	uint64_t count;
	int64_t when;

	CHECK(store_local_backup(st, "", &err) == 0);
	store_close(st);
	CHECK(store_local_restore(dir, "", &when, &count, &err) == 0);
	run("rm -f %s/*damaged*", dir);
	st = open_store();
}

static void test_model(void **state)
{
	(void)state;
	name_objs();
	st = open_opts((struct store_local_opts){ .create = true, .relaxed = true });
	for (int i = 0; i < ROUNDS; i++) {
		random_commit();
		random_get();
		random_list();
		random_query();
		if (rnd(100) == 0)
			reopen();
		if (rnd(400) == 0)
			backup_and_restore();
		if (rnd(100) == 0)
			CHECK(verify(st, rnd(2)) == 0);
	}
	CHECK(verify(st, false) == 0);
	store_close(st);
}

/* ---- the free hint alone, where nodes of all levels are full ---- */

#define WINDOW (64 * 64 * 64 + 5000)

static int64_t window[WINDOW];

static void check_query(const struct local *l, uint8_t ver, ip_num base, unsigned n)
{
	unsigned from = rnd(n), to = rnd(3) ? n - 1 : from + rnd(n - from), want = from;
	int64_t before = rnd(2) ? 0 : (int64_t)rnd(100);
	ip_num got = 0;
	int r;

	while (want < to && window[want] > before)
		want++;
	r = store_next_free((struct store *)&l->st, ver, base + from, base + to, before, &got, &err);
	CHECK(r == (window[want] <= before));
	CHECK(!r || got == base + want);
}

static void hint_window(uint8_t ver, ip_num base, unsigned n)
{
	struct local *l = local_of(st);

	CHECK(store_begin(st, STORE_WRITE, soon(), &err) == 0);
	for (unsigned i = 0; i < n; i++) {
		window[i] = INT64_MAX;
		CHECK(local_hint_set(l, ver, base + i, INT64_MAX, &err) == 0);
	}
	for (int i = 0; i < 600; i++) {
		unsigned k = rnd(n);

		window[k] = rnd(3) ? INT64_MAX : (int64_t)rnd(100);
		CHECK(local_hint_set(l, ver, base + k, window[k], &err) == 0);
		if (i % 20 == 0) /* and now and then nothing is free at all */
			for (unsigned j = 0; j < n; j++) {
				if (window[j] != INT64_MAX)
					CHECK(local_hint_set(l, ver, base + j, window[j] = INT64_MAX, &err) ==
					      0);
			}
		check_query(l, ver, base, n);
	}
	/* What is set back leaves nothing behind. */
	for (unsigned i = 0; i < n; i++)
		CHECK(local_hint_set(l, ver, base + i, 0, &err) == 0);
	{
		MDB_stat s;

		CHECK(mdb_stat(l->txn, LOCAL_DBI, &s) == 0 && s.ms_entries == 1);
	}
	store_end(st);
}

static void test_hint(void **state)
{
	const ip_num end4 = (1 << 26) - 1, end6 = ~(ip_num)0 >> 6;

	(void)state;
	st = open_store();
	hint_window(4, 64 * 64 * 64 - 2500, WINDOW);
	hint_window(4, 0, 5000);
	hint_window(4, end4 - 4999, 5000);
	hint_window(6, 0, 5000);
	hint_window(6, end6 - 4999, 5000);
	hint_window(6, ((ip_num)0xfd00 << 106) - 1000, 6000);
	store_close(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_hint, make_dir, remove_dir),
	};
	const char *from = getenv("SEED");

	seed = from ? strtoull(from, NULL, 10) : (uint64_t)time(NULL);
	rng = seed * 2 + 1;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("store model", tests, NULL, NULL);
}
