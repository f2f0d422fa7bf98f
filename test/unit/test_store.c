/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - objects, lists, index terms, versions, verify */
#include "store_util.h"

static struct store *st;

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

/* ---- kinds and arguments ---- */

static void test_kinds(void **state)
{
	(void)state;
	for (int k = 0; k < STORE_KIND_MAX; k++)
		assert_int_equal(store_kind_parse(store_kind_name((enum store_kind)k), &err), k);
	assert_null(store_kind_name(STORE_KIND_MAX));
	assert_null(store_kind_name((enum store_kind) - 1));
	assert_int_equal(store_kind_parse("SpiderPool", &err), -EINVAL);
	assert_non_null(strstr(err.msg, "SpiderPool"));
}

static char long_name[STORE_NAME_MAX + 2], long_term[STORE_TERM_MAX + 2];

static void test_arguments(void **state)
{
	static const char *many[STORE_TERMS_MAX + 2], *one_long[] = { long_term, NULL },
						      *bad[] = { "a\xff", NULL };
	static const struct {
		const char *row;
		struct store_op op;
		int want;
		const char *says;
	} rows[] = {
		{ "kind", { .kind = STORE_KIND_MAX, .name = "a" }, -EINVAL, "kind" },
		{ "verb", { .verb = (enum store_verb)3, .name = "a" }, -EINVAL, "verb" },
		{ "no name", { .name = NULL }, -EINVAL, "name is empty" },
		{ "empty name", { .name = "" }, -EINVAL, "name is empty" },
		{ "long name", { .name = long_name }, -ENAMETOOLONG, "253" },
		{ "long namespace", { .ns = long_name, .name = "a" }, -ENAMETOOLONG, "namespace" },
		{ "name not UTF-8", { .name = "\xc3" }, -EINVAL, "UTF-8" },
		{ "value", { .name = "a", .data = "", .len = STORE_VALUE_MAX + 1 }, -EFBIG, "limit" },
		{ "no data", { .name = "a", .len = 1 }, -EINVAL, "no data" },
		{ "time", { .name = "a", .free_at = -1 }, -EINVAL, "time" },
		{ "long term", { .name = "a", .terms = one_long }, -ENAMETOOLONG, "200" },
		{ "term not UTF-8", { .name = "a", .terms = bad }, -EINVAL, "UTF-8" },
		{ "many terms", { .name = "a", .terms = many }, -E2BIG, "256" },
		{ "namespace of a block",
		  { .kind = STORE_BLOCK, .ns = "ns", .name = "v4-0a000000" },
		  -EINVAL,
		  "no namespace" },
		{ "block", { .kind = STORE_BLOCK, .name = "v4-0a00000g" }, -EINVAL, "v4-0a00000g" },
	};

	(void)state;
	memset(long_name, 'n', STORE_NAME_MAX + 1);
	memset(long_term, 't', STORE_TERM_MAX + 1);
	for (int i = 0; i <= STORE_TERMS_MAX; i++)
		many[i] = "t";
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* Good operations around it: nothing of the commit may remain. */
		const struct store_op ops[] = { op_create(STORE_IPPOOL, "good", "x"), rows[i].op,
						op_create(STORE_IPPOOL, "good2", "x") };
		int r = commit(st, ops, 3);

		if (r != rows[i].want || !strstr(err.msg, rows[i].says))
			fail_msg("row \"%s\": got %d, %s", rows[i].row, r, err.msg);
		if (version_of(st, STORE_IPPOOL, "good", NULL))
			fail_msg("row \"%s\": half a commit remains", rows[i].row);
	}
}

static void test_misuse(void **state)
{
	static const struct store_op op = { .kind = STORE_IPPOOL, .name = "a" };
	struct store_op many[STORE_OPS_MAX + 1];
	struct store_obj o;
	ip_num block;

	(void)state;
	assert_int_equal(store_get(st, STORE_IPPOOL, NULL, "a", &o, &err), -EINVAL);
	assert_int_equal(store_next_free(st, 4, 0, 1, 0, &block, &err), -EINVAL);
	assert_int_equal(store_commit(st, &op, 1, &err), -EINVAL);
	assert_int_equal(store_commit(st, NULL, 0, &err), -EINVAL);
	store_end(st);
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_begin(st, STORE_READ, soon(), &err), -EBUSY);
	assert_int_equal(store_commit(st, &op, 1, &err), -EINVAL);
	check(store_begin(st, STORE_READ, soon(), &err)); /* the commit ended it */
	assert_int_equal(store_list(st, STORE_IPPOOL, "t", "a", "b", NULL, NULL, &err), -EINVAL);
	assert_int_equal(store_list(st, STORE_IPPOOL, NULL, "a", NULL, NULL, NULL, &err), -EINVAL);
	assert_int_equal(store_next_free(st, 5, 0, 1, 0, &block, &err), -EINVAL);
	assert_int_equal(store_next_free(st, 4, 0, 1 << 26, 0, &block, &err), -EINVAL);
	assert_int_equal(store_next_free(st, 4, 2, 1, 0, &block, &err), 0);
	assert_int_equal(store_next_free(st, 4, 0, 1, -1, &block, &err), 0);
	store_end(st);
	for (size_t i = 0; i < ARRAY_LEN(many); i++)
		many[i] = op_create(STORE_IPPOOL, "a", "x");
	assert_int_equal(commit(st, many, ARRAY_LEN(many)), -E2BIG);
	assert_int_equal(store_begin(st, STORE_WRITE, deadline_in(0), &err), -ETIMEDOUT);
	assert_int_equal(err.cni, ERR_TRY_AGAIN);
	store_close(NULL);
	{
		struct store_local_opts o2 = { .dir = dir };
		struct store *second;

		assert_int_equal(store_local_open(&o2, soon(), &second, &err), -EBUSY);
		assert_non_null(strstr(err.msg, "already open in this process"));
	}
}

/* ---- versions ---- */

static void test_versions(void **state)
{
	struct store_op op = op_create(STORE_IPPOOL, "a", "1");
	uint64_t v1, v2, v3;

	(void)state;
	check(commit(st, &op, 1));
	v1 = version_of(st, STORE_IPPOOL, "a", "1");
	assert_int_equal(commit(st, &op, 1), -ESTALE);
	assert_int_equal(err.cni, ERR_TRY_AGAIN);
	assert_non_null(strstr(err.msg, "SpiderIPPool a: exists already"));

	op.verb = STORE_UPDATE;
	op.data = "2";
	op.version = v1 + 1;
	assert_int_equal(commit(st, &op, 1), -ESTALE);
	assert_non_null(strstr(err.msg, "changed"));
	assert_int_equal(version_of(st, STORE_IPPOOL, "a", "1"), v1);
	op.version = v1;
	check(commit(st, &op, 1));
	v2 = version_of(st, STORE_IPPOOL, "a", "2");
	assert_true(v2 > v1);

	op.verb = STORE_DELETE;
	assert_int_equal(commit(st, &op, 1), -ESTALE);
	op.version = v2;
	check(commit(st, &op, 1));
	assert_int_equal(version_of(st, STORE_IPPOOL, "a", NULL), 0);
	assert_int_equal(commit(st, &op, 1), -ESTALE);
	assert_non_null(strstr(err.msg, "gone"));

	/* Deleted and made again, in one commit too, it is never the same version. */
	create(st, STORE_IPPOOL, "a", "3");
	v3 = version_of(st, STORE_IPPOOL, "a", "3");
	assert_true(v3 > v2);
	{
		struct store_op ops[] = {
			{ .verb = STORE_DELETE, .kind = STORE_IPPOOL, .name = "a", .version = v3 },
			op_create(STORE_IPPOOL, "a", "4")
		};

		check(commit(st, ops, 2));
	}
	assert_true(version_of(st, STORE_IPPOOL, "a", "4") > v3);
	assert_int_equal(verify(st, false), 0);
}

/* Across processes and openings the versions go on. */
static void test_versions_reopen(void **state)
{
	uint64_t before, after;

	(void)state;
	create(st, STORE_IPPOOL, "a", "1");
	before = version_of(st, STORE_IPPOOL, "a", "1");
	store_close(st);
	st = open_store();
	assert_int_equal(version_of(st, STORE_IPPOOL, "a", "1"), before);
	create(st, STORE_IPPOOL, "b", "1");
	after = version_of(st, STORE_IPPOOL, "b", "1");
	assert_true(after > before);
}

static void test_atomic(void **state)
{
	const struct store_op ops[] = { op_create(STORE_IPPOOL, "b", "x"),
					op_create(STORE_BLOCK, "v4-0a000000", "x"),
					op_create(STORE_IPPOOL, "a", "y") };

	(void)state;
	create(st, STORE_IPPOOL, "a", "x");
	assert_int_equal(commit(st, ops, 3), -ESTALE);
	assert_int_equal(version_of(st, STORE_IPPOOL, "b", NULL), 0);
	assert_int_equal(version_of(st, STORE_BLOCK, "v4-0a000000", NULL), 0);
	assert_int_equal(verify(st, false), 0);
}

/* ---- names and values at their limits ---- */

static void test_limits(void **state)
{
	static char ns[STORE_NAME_MAX + 1], name[STORE_NAME_MAX + 1], other[STORE_NAME_MAX + 1],
		term[STORE_TERM_MAX + 1];
	static const char *terms[STORE_TERMS_MAX + 1];
	static char t[STORE_TERMS_MAX][STORE_TERM_MAX + 1];
	CLEANUP(free_p) char *big = malloc(STORE_VALUE_MAX);
	struct store_op op = { .kind = STORE_ENDPOINT,
			       .ns = ns,
			       .name = name,
			       .data = big,
			       .len = STORE_VALUE_MAX,
			       .terms = terms };
	struct store_obj o;

	(void)state;
	memset(big, 0xa5, STORE_VALUE_MAX);
	memset(ns, 'n', STORE_NAME_MAX);
	memset(name, 'm', STORE_NAME_MAX);
	memset(other, 'm', STORE_NAME_MAX);
	other[STORE_NAME_MAX - 1] = 'n';
	memset(term, 't', STORE_TERM_MAX);
	for (int i = 0; i < STORE_TERMS_MAX; i++) {
		snprintf(t[i], sizeof(t[i]), "%0*d", STORE_TERM_MAX, i);
		terms[i] = t[i];
	}
	check(commit(st, &op, 1));
	op.name = other;
	op.len = 0;
	check(commit(st, &op, 1));
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_get(st, STORE_ENDPOINT, ns, name, &o, &err), 1);
	assert_string_equal(o.ns, ns);
	assert_string_equal(o.name, name);
	assert_int_equal(o.len, STORE_VALUE_MAX);
	assert_memory_equal(o.data, big, STORE_VALUE_MAX);
	assert_int_equal(store_get(st, STORE_ENDPOINT, ns, other, &o, &err), 1);
	assert_int_equal(o.len, 0);
	assert_int_equal(store_get(st, STORE_ENDPOINT, NULL, name, &o, &err), 0);
	store_end(st);
	assert_int_equal(verify(st, false), 0);
}

/* ---- lists ---- */

static void put(const char *ns, const char *name, const char *data, const char *const *terms)
{
	struct store_op op = op_create(STORE_ENDPOINT, name, data);

	op.ns = ns;
	op.terms = terms;
	check(commit(st, &op, 1));
}

static void test_lists(void **state)
{
	static const char *red[] = { "red", NULL }, *both[] = { "red", "blue", "red", NULL },
			  *empty[] = { "", NULL };
	int stop = 2;

	(void)state;
	put("a-b", "x", "1", red); /* behind a/... though '-' is before '/' */
	put("a", "z", "2", both);
	put("a", "y", "3", NULL);
	put("", "pool", "4", empty);
	put("b", "a", "5", both);
	create(st, STORE_IPPOOL, "p1", "1");
	create(st, STORE_IPPOOL, "p10", "2");
	create(st, STORE_IPPOOL, "p2", "3");
	check_list("all", list(st, STORE_ENDPOINT, NULL, NULL, NULL), "pool=4 a/y=3 a/z=2 a-b/x=1 b/a=5");
	check_list("term", list(st, STORE_ENDPOINT, "red", NULL, NULL), "a/z=2 a-b/x=1 b/a=5");
	check_list("other term", list(st, STORE_ENDPOINT, "blue", NULL, NULL), "a/z=2 b/a=5");
	check_list("no such term", list(st, STORE_ENDPOINT, "green", NULL, NULL), "");
	check_list("empty term", list(st, STORE_ENDPOINT, "", NULL, NULL), "pool=4");
	check_list("other kind", list(st, STORE_SUBNET, NULL, NULL, NULL), "");
	check_list("term of another kind", list(st, STORE_IPPOOL, "red", NULL, NULL), "");
	check_list("range", list(st, STORE_IPPOOL, NULL, "p1", "p10"), "p1=1 p10=2");
	check_list("range between", list(st, STORE_IPPOOL, NULL, "p11", "p3"), "p2=3");
	check_list("range of none", list(st, STORE_IPPOOL, NULL, "p3", "p4"), "");
	check_list("range backwards", list(st, STORE_IPPOOL, NULL, "p2", "p1"), "");
	check_list("range of cluster scope", list(st, STORE_ENDPOINT, NULL, "a", "z"), "pool=4");

	listed[0] = '\0';
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_list(st, STORE_ENDPOINT, NULL, NULL, NULL, each_name, &stop, &err), 17);
	store_end(st);
	check_list("stopped", listed, "pool=4 a/y=3");
	assert_int_equal(verify(st, false), 0);
}

static void test_terms_change(void **state)
{
	static const char *const before[] = { "keep", "drop", NULL }, *const after[] = { "new", "keep",
											 NULL };
	struct store_op op = op_create(STORE_ENDPOINT, "e", "1");

	(void)state;
	op.terms = before;
	check(commit(st, &op, 1));
	op.verb = STORE_UPDATE;
	op.terms = after;
	op.version = version_of(st, STORE_ENDPOINT, "e", "1");
	check(commit(st, &op, 1));
	check_list("kept", list(st, STORE_ENDPOINT, "keep", NULL, NULL), "e=1");
	check_list("new", list(st, STORE_ENDPOINT, "new", NULL, NULL), "e=1");
	check_list("dropped", list(st, STORE_ENDPOINT, "drop", NULL, NULL), "");
	assert_int_equal(verify(st, false), 0);
	op.verb = STORE_DELETE;
	op.version = version_of(st, STORE_ENDPOINT, "e", "1");
	check(commit(st, &op, 1));
	check_list("deleted", list(st, STORE_ENDPOINT, "keep", NULL, NULL), "");
	assert_int_equal(verify(st, false), 0);
}

/* Two terms with one index entry, as three bytes of hash have it every so often. */
static void test_terms_collide(void **state)
{
	static char a[16], b[16];
	const char *both[] = { a, b, NULL }, *only_a[] = { a, NULL }, *only_b[] = { b, NULL };
	struct store_op op = op_create(STORE_ENDPOINT, "e", "1");
	struct local_key none, ka, kb = { 0 };

	(void)state;
	local_key_obj(&none, STORE_ENDPOINT, "", "e");
	snprintf(a, sizeof(a), "term");
	local_key_index(&ka, &none, a, strlen(a));
	for (unsigned i = 0; kb.len != ka.len || memcmp(ka.b, kb.b, ka.len) != 0; i++) {
		snprintf(b, sizeof(b), "%u", i);
		local_key_index(&kb, &none, b, strlen(b));
	}
	op.terms = both;
	check(commit(st, &op, 1));
	check_list("a", list(st, STORE_ENDPOINT, a, NULL, NULL), "e=1");
	check_list("b", list(st, STORE_ENDPOINT, b, NULL, NULL), "e=1");
	op.verb = STORE_UPDATE;
	op.terms = only_b;
	op.version = version_of(st, STORE_ENDPOINT, "e", "1");
	check(commit(st, &op, 1));
	check_list("no longer a", list(st, STORE_ENDPOINT, a, NULL, NULL), "");
	check_list("still b", list(st, STORE_ENDPOINT, b, NULL, NULL), "e=1");
	assert_int_equal(verify(st, false), 0);
	op.terms = only_a;
	op.version = version_of(st, STORE_ENDPOINT, "e", "1");
	check(commit(st, &op, 1));
	check_list("a again", list(st, STORE_ENDPOINT, a, NULL, NULL), "e=1");
	assert_int_equal(verify(st, false), 0);
}

/* ---- transactions ---- */

/* A reader sees one state, whatever is committed meanwhile. */
static void test_snapshot(void **state)
{
	struct store_obj before, after;
	int status;
	pid_t pid;

	(void)state;
	create(st, STORE_IPPOOL, "a", "old");
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_get(st, STORE_IPPOOL, NULL, "a", &before, &err), 1);
	pid = fork();
	if (pid == 0) {
		struct store_local_opts o = { .dir = dir };
		struct store *mine;
		struct store_op op = op_create(STORE_IPPOOL, "a", "new");

		/* The inherited store is not this process's: it only stands in the way of the check. */
		local_guard_remove(local_of(st));
		if (store_local_open(&o, soon(), &mine, &err) < 0 ||
		    store_begin(mine, STORE_WRITE, soon(), &err) < 0)
			_exit(1);
		op.verb = STORE_UPDATE;
		op.version = before.version;
		_exit(store_commit(mine, &op, 1, &err) == 0 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(store_get(st, STORE_IPPOOL, NULL, "a", &after, &err), 1);
	assert_int_equal(after.version, before.version);
	assert_memory_equal(after.data, "old", 3);
	store_end(st);
	assert_true(version_of(st, STORE_IPPOOL, "a", "new") > before.version);
}

/* ---- verify ---- */

static void raw(int mode, const struct local_key *k, const void *data, size_t len)
{
	struct local *l = local_of(st);
	MDB_val key = { k->len, (void *)k->b }, v = { len, (void *)data };

	check(store_begin(st, STORE_WRITE, soon(), &err));
	if (mode == 'd')
		assert_int_equal(mdb_del(l->txn, LOCAL_DBI, &key, NULL), 0);
	else
		assert_int_equal(mdb_put(l->txn, LOCAL_DBI, &key, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(l->txn), 0);
	l->txn = NULL;
}

static void test_verify(void **state)
{
	static const char *const terms[] = { "t", NULL };
	struct store_op op = op_create(STORE_BLOCK, "v4-0a000000", "x");
	struct local_key obj, index, hint;
	const ip_num block = 0x0a000000 / 64;

	(void)state;
	op.terms = terms;
	op.free_at = 77;
	check(commit(st, &op, 1));
	local_key_obj(&obj, STORE_BLOCK, "", "v4-0a000000");
	assert_int_equal(verify(st, false), 0);

	local_key_index(&index, &obj, "t", 1);
	raw('d', &index, NULL, 0);
	assert_int_equal(verify(st, false), 1); /* a term without entry */
	assert_int_equal(verify(st, true), 1);
	assert_int_equal(verify(st, false), 0);
	check_list("repaired", list(st, STORE_BLOCK, "t", NULL, NULL), "v4-0a000000=x");

	local_key_index(&index, &obj, "u", 1);
	raw('p', &index, NULL, 0);
	assert_int_equal(verify(st, true), 1); /* an entry without term */
	local_hint_key(&hint, 4, 0, block / LOCAL_FAN);
	raw('d', &hint, NULL, 0);
	assert_int_equal(verify(st, true), 1); /* a time without hint */
	raw('p', &hint, "nonsense nonsense", 17);
	assert_int_equal(store_begin(st, STORE_READ, soon(), &err), 0);
	{
		ip_num b;

		assert_int_equal(store_next_free(st, 4, block, block, 0, &b, &err), -EUCLEAN);
		assert_non_null(strstr(err.msg, "fsck --repair"));
	}
	store_end(st);
	assert_int_equal(verify(st, true), 1); /* a damaged hint */
	local_hint_key(&hint, 4, 1, block / LOCAL_FAN / LOCAL_FAN);
	raw('p', &hint, "nonsense nonsense", 17);
	assert_true(verify(st, true) > 0);
	assert_int_equal(verify(st, false), 0);
	assert_int_equal(next_free(st, 4, block, block, 76), -1);
	assert_int_equal(next_free(st, 4, block, block, 77), 0);
}

/* A right value in a wrong place is as damaged as a wrong one. */
static void test_verify_moved(void **state)
{
	struct local_key a, b;
	struct local_val val = { .version = 1, .data = "x", .len = 1 };
	char mem[64];
	struct store_obj o;

	(void)state;
	create(st, STORE_IPPOOL, "good", "1");
	local_key_obj(&a, STORE_IPPOOL, "", "a");
	local_key_obj(&b, STORE_IPPOOL, "", "b");
	local_val_encode(&a, &val, mem);
	raw('p', &b, mem, local_val_size(&val));
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_get(st, STORE_IPPOOL, NULL, "b", &o, &err), -EUCLEAN);
	assert_non_null(strstr(err.msg,
			       "SpiderIPPool b is damaged; restore the last backup with \"spiderpoolctl "
			       "restore"));
	assert_int_equal(store_list(st, STORE_IPPOOL, NULL, NULL, NULL, each_name, NULL, &err), -EUCLEAN);
	store_end(st);
	assert_int_equal(verify(st, true), 1); /* objects are never repaired */
	assert_int_equal(verify(st, false), 1);
	assert_true(version_of(st, STORE_IPPOOL, "good", "1") > 0);
}

static void test_info(void **state)
{
	static char big[100000];
	const struct store_op op = { .kind = STORE_ATTACHMENT, .name = "a", .data = big, .len = sizeof(big) };
	struct store_local_info a, b;

	(void)state;
	check(store_local_info(st, &a, &err));
	create(st, STORE_IPPOOL, "a", "x");
	check(commit(st, &op, 1));
	check(store_local_info(st, &b, &err));
	assert_int_equal(a.schema, LOCAL_SCHEMA);
	assert_int_equal(a.objects, 0);
	assert_int_equal(b.objects, 2);
	assert_int_equal(b.revision, a.revision + 2);
	assert_true(b.used_bytes >= a.used_bytes + sizeof(big));
	assert_true(b.file_bytes >= b.used_bytes + LOCAL_RESERVE);
	assert_true(b.map_bytes >= b.file_bytes);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), T(test_arguments),     T(test_misuse),   T(test_versions),
		T(test_versions_reopen),      T(test_atomic),        T(test_limits),   T(test_lists),
		T(test_terms_change),         T(test_terms_collide), T(test_snapshot), T(test_verify),
		T(test_verify_moved),         T(test_info),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
