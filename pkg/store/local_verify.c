/* SPDX-License-Identifier: Apache-2.0 */
/* local_verify.c - index and free hint against the objects, and making them anew from the objects */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/local_impl.h"

struct verify {
	struct local *l;
	void (*found)(const char *sentence, void *arg);
	void *arg;
	int n;
};

static void finding(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void finding(struct verify *v, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->found(text, v->arg);
	v->n++;
}

static const char *key_text(const MDB_val *k, char out[64])
{
	const uint8_t *b = k->mv_data;
	size_t n = k->mv_size < 24 ? k->mv_size : 24;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", b[i]);
	return out;
}

/* ---- objects ---- */

static int check_terms(struct verify *v, const struct local_key *obj, struct local_terms terms,
		       const char *name, struct err *e)
{
	const uint8_t *term;
	size_t len;

	while (local_terms_next(&terms, &term, &len)) {
		struct local_key k;
		MDB_val key, none;
		int rc;

		local_key_index(&k, obj, term, len);
		key = local_key_val(&k);
		rc = local_mdb_get(v->l, &key, &none);
		if (rc == MDB_NOTFOUND)
			finding(v, "%s %s: its term \"%.*s\" is not in the index",
				store_kind_name((enum store_kind)(obj->b[0] - LOCAL_KEY_OBJ)), name, (int)len,
				(const char *)term);
		else if (rc)
			return local_err(v->l, rc, "verify", e);
	}
	return 0;
}

static int check_free_at(struct verify *v, const char *ns, const char *name, int64_t free_at, struct err *e)
{
	struct local_node n;
	uint8_t ver;
	ip_num block;
	int r;

	if (*ns || ip_block_parse(name, &ver, &block, e) < 0) {
		finding(v, "SpiderIPBlock %s: this is not the name of a block", name);
		return 0;
	}
	r = local_hint_load(v->l, ver, 0, block / LOCAL_FAN, &n, e);
	if (r == -EUCLEAN) /* found again where the node itself is looked at */
		return 0;
	if (r == 0 && n.at[block % LOCAL_FAN] != free_at)
		finding(v, "SpiderIPBlock %s: the free hint says %" PRId64 ", the block %" PRId64, name,
			n.at[block % LOCAL_FAN], free_at);
	return r;
}

static int check_obj(struct verify *v, const MDB_val *key, struct err *e)
{
	const char *ns, *name;
	char text[64];
	enum store_kind kind;
	struct local_key k;
	struct local_val val;
	int r;

	if (local_key_parse(key, &kind, &ns, &name) < 0) {
		finding(v, "key %s: damaged", key_text(key, text));
		return 0;
	}
	local_key_obj(&k, kind, ns, name);
	r = local_load(v->l, &k, &val, e);
	if (r < 0 && r != -EUCLEAN)
		return r;
	if (r <= 0) {
		finding(v, "%s %s%s%s: the value is damaged", store_kind_name(kind), ns, *ns ? "/" : "",
			name);
		return 0;
	}
	if (val.version > local_version(v->l))
		finding(v, "%s %s: its version is from the future", store_kind_name(kind), name);
	r = check_terms(v, &k, val.terms, name, e);
	return r < 0 || kind != STORE_BLOCK ? r : check_free_at(v, ns, name, val.free_at, e);
}

/* ---- index ---- */

static int check_index(struct verify *v, const MDB_val *key, struct err *e)
{
	struct local_key k, again;
	struct local_val val;
	const uint8_t *term;
	char text[64];
	size_t len;
	int r;

	if (local_key_index_obj(key, &k) < 0) {
		finding(v, "index key %s: damaged", key_text(key, text));
		return 0;
	}
	r = local_load(v->l, &k, &val, e);
	if (r == -EUCLEAN) /* found already */
		return 0;
	if (r < 0)
		return r;
	while (r && local_terms_next(&val.terms, &term, &len)) {
		local_key_index(&again, &k, term, len);
		if (again.len == key->mv_size && memcmp(again.b, key->mv_data, again.len) == 0)
			return 0;
	}
	finding(v, "index key %s: no object with such a term", key_text(key, text));
	return 0;
}

/* ---- free hint ---- */

/* What an entry of a node must be: the block's free_at, or the minimum of the node below. */
static int entry_wanted(const struct verify *v, uint8_t ver, int level, ip_num entry, int64_t *ret,
			struct err *e)
{
	char name[IP_BLOCK_NAME_MAX];
	struct local_node below;
	struct local_key k;
	struct local_val val;
	int r;

	if (level > 0) {
		r = local_hint_load(v->l, ver, level - 1, entry, &below, e);
		*ret = local_hint_min(&below);
		return r;
	}
	local_key_obj(&k, STORE_BLOCK, "", ip_block_name(ver, entry, name));
	r = local_load(v->l, &k, &val, e);
	*ret = r > 0 ? val.free_at : 0;
	return r < 0 ? r : 0;
}

static int check_node(struct verify *v, const MDB_val *key, struct err *e)
{
	struct local_node n, above = { 0 };
	char text[64];
	uint8_t ver;
	int level, r;
	ip_num node;

	if (local_hint_key_parse(key, &ver, &level, &node) < 0) {
		finding(v, "free hint %s: damaged key", key_text(key, text));
		return 0;
	}
	r = local_hint_load(v->l, ver, level, node, &n, e);
	if (r == 0 && level + 1 < local_hint_levels(ver))
		r = local_hint_load(v->l, ver, level + 1, node / LOCAL_FAN, &above, e);
	if (r == 0 && level + 1 < local_hint_levels(ver) && above.at[node % LOCAL_FAN] != local_hint_min(&n))
		finding(v, "free hint %s: the level above says something else", key_text(key, text));
	for (int i = 0; i < LOCAL_FAN && r == 0; i++) {
		int64_t want = 0;

		if (n.at[i])
			r = entry_wanted(v, ver, level, node * LOCAL_FAN + (unsigned)i, &want, e);
		if (r == 0 && n.at[i] && n.at[i] != want)
			finding(v, "free hint %s: entry %d is %" PRId64 ", want %" PRId64,
				key_text(key, text), i, n.at[i], want);
	}
	if (r == -EUCLEAN) {
		finding(v, "free hint %s: damaged", key_text(key, text));
		return 0;
	}
	return r;
}

/* ---- all of it ---- */

static int check_census(struct verify *v, struct err *e)
{
	struct err counted;
	int r = local_census_check(v->l, NULL, &counted);

	if (r == -EUCLEAN)
		finding(v, "%s", counted.msg);
	else if (r < 0)
		*e = counted;
	return r == -EUCLEAN ? 0 : r;
}

static int check_key(struct verify *v, const MDB_val *key, struct err *e)
{
	const uint8_t first = *(const uint8_t *)key->mv_data;
	char text[64];

	if (first >= LOCAL_KEY_OBJ && first < LOCAL_KEY_OBJ + STORE_KIND_MAX)
		return check_obj(v, key, e);
	if (first >= LOCAL_KEY_INDEX && first < LOCAL_KEY_INDEX + STORE_KIND_MAX)
		return check_index(v, key, e);
	if (first == LOCAL_KEY_HINT)
		return check_node(v, key, e);
	if (first != LOCAL_KEY_STORE || key->mv_size != 1)
		finding(v, "key %s: unknown", key_text(key, text));
	return 0;
}

/* Pages that are damaged may lead back to where one was, or past others. */
static int walk(struct verify *v, MDB_cursor *cur, size_t *n, struct err *e)
{
	struct local_key last = { 0 };
	MDB_val key;
	int rc, r = 0;

	for (*n = 0; (rc = local_mdb_move(v->l, cur, &key, NULL, MDB_NEXT)) == 0 && r == 0; ++*n) {
		if (!local_key_follows(&last, &key))
			return local_damaged(v->l, e, "the pages of the store are damaged");
		r = check_key(v, &key, e);
	}
	return r < 0 || rc == 0 || rc == MDB_NOTFOUND ? r : local_err(v->l, rc, "verify", e);
}

static int check_all(struct verify *v, struct err *e)
{
	MDB_cursor *cur = NULL;
	MDB_stat stat = { 0 };
	size_t n;
	int r, rc = mdb_stat(v->l->txn, LOCAL_DBI, &stat);

	if (rc == 0)
		rc = mdb_cursor_open(v->l->txn, LOCAL_DBI, &cur);
	if (rc)
		return local_err(v->l, rc, "verify", e);
	r = walk(v, cur, &n, e);
	mdb_cursor_close(cur);
	if (r == 0 && n != stat.ms_entries)
		finding(v, "%zu records can be reached, there should be %zu", n, stat.ms_entries);
	if (r == 0)
		r = check_census(v, e);
	return r;
}

/* ---- repair ---- */

static int drop_derived(const struct local *l, struct err *e)
{
	uint8_t start = LOCAL_KEY_INDEX;
	MDB_val key = { 1, &start };
	MDB_cursor *cur = NULL;
	int rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);

	if (rc)
		return local_err(l, rc, "repair", e);
	rc = local_mdb_move(l, cur, &key, NULL, MDB_SET_RANGE);
	while (rc == 0 && *(const uint8_t *)key.mv_data <= LOCAL_KEY_HINT) {
		rc = local_mdb_drop(l, cur);
		if (rc == 0)
			rc = local_mdb_move(l, cur, &key, NULL, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : local_err(l, rc, "repair", e);
}

/* The object at the first key not before k, which becomes that key: 1, 0 at the end. Found anew each time,
 * because the records around it change. */
static int next_obj(const struct local *l, struct local_key *k, struct err *e)
{
	MDB_val key = local_key_val(k);
	MDB_cursor *cur = NULL;
	int rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);

	if (rc == 0)
		rc = local_mdb_move(l, cur, &key, NULL, MDB_SET_RANGE);
	if (rc == 0 && *(const uint8_t *)key.mv_data < LOCAL_KEY_OBJ + STORE_KIND_MAX) {
		memcpy(k->b, key.mv_data, key.mv_size);
		k->len = key.mv_size;
	} else if (rc == 0) {
		rc = MDB_NOTFOUND;
	}
	mdb_cursor_close(cur);
	if (rc == MDB_NOTFOUND)
		return 0;
	return rc ? local_err(l, rc, "repair", e) : 1;
}

/* What is damaged is left as it is and gets no entries. */
static int derive_obj(const struct local *l, struct local_key *k, struct err *e)
{
	const MDB_val key = local_key_val(k);
	const char *ns, *name;
	enum store_kind kind;
	struct local_val val;
	int r;

	if (local_key_parse(&key, &kind, &ns, &name) < 0)
		return 0;
	r = local_load(l, k, &val, e);
	if (r > 0)
		r = local_derive(l, k, &val, e);
	return r == -EUCLEAN || r == -EINVAL /* not a block's name */ ? 0 : r;
}

static int derive_all(const struct local *l, struct err *e)
{
	struct local_key k = { 1, { LOCAL_KEY_OBJ } };
	int r;

	while ((r = next_obj(l, &k, e)) > 0) {
		r = derive_obj(l, &k, e);
		if (r < 0)
			return r;
		k.b[k.len++] = 0; /* the key behind it */
	}
	return r;
}

static int check_pages(struct verify *v, struct err *e)
{
	struct err why;
	int r = local_begin(&v->l->st, STORE_READ, deadline_in(30000), e);

	if (r < 0)
		return r;
	r = local_free_check(v->l, SIZE_MAX, &why);
	local_end(&v->l->st);
	if (r == -EUCLEAN)
		finding(v, "%s", why.msg);
	else if (r < 0)
		*e = why;
	return r == -EUCLEAN ? 0 : r;
}

static int repair_all(struct local *l, struct err *e)
{
	int rc, r = drop_derived(l, e);

	if (r == 0)
		r = derive_all(l, e);
	rc = r == 0 ? local_mdb_commit(l) : 0;
	return rc ? local_err(l, rc, "repair", e) : r;
}

int store_local_verify(struct store *st, bool repair, void (*found)(const char *sentence, void *arg),
		       void *arg, struct err *e)
{
	struct local *l = local_of(st);
	struct verify v = { l, found, arg, 0 };
	int r = check_pages(&v, e);

	if (r < 0)
		return r;
	repair = repair && !v.n; /* whatever is written now would be written over something else */
	r = local_begin(st, repair ? STORE_WRITE : STORE_READ, deadline_in(30000), e);
	if (r < 0)
		return r;
	r = check_all(&v, e);
	if (r == 0 && repair && v.n)
		r = repair_all(l, e);
	local_end(st);
	return r < 0 ? r : v.n;
}
