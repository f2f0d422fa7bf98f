/* SPDX-License-Identifier: Apache-2.0 */
/* local_obj.c - reading objects */
#include <errno.h>
#include <string.h>

#include "store/local_impl.h"

static void cursor_close_p(MDB_cursor **c)
{
	if (*c)
		mdb_cursor_close(*c);
}

static int err_value(const struct local *l, const MDB_val *k, struct err *e)
{
	const char *ns = "", *name = "?";
	enum store_kind kind;

	if (local_key_parse(k, &kind, &ns, &name) < 0)
		return local_damaged(l, e, "a key of the store is damaged");
	return local_damaged(l, e, "%s %s%s%s is damaged", store_kind_name(kind), ns, *ns ? "/" : "", name);
}

/* A damaged page may claim any length for a value; what leaves the map must not be touched. In a transaction
 * that writes, values also lie in memory of LMDB. */
static bool in_bounds(const struct local *l, const MDB_val *v)
{
	const char *p = v->mv_data;

	if (v->mv_size > STORE_VALUE_MAX + 2 * UINT16_MAX)
		return false;
	if (p < l->guard.lo || p >= l->guard.hi)
		return l->mode != STORE_READ || !l->guard.hi;
	return v->mv_size <= (size_t)(l->guard.hi - p);
}

static int decode(const struct local *l, const MDB_val *k, const MDB_val *v, struct local_val *ret,
		  struct err *e)
{
	if (!in_bounds(l, v) || local_val_decode(k, v, ret) < 0)
		return err_value(l, k, e);
	return 0;
}

int local_load(const struct local *l, struct local_key *k, struct local_val *ret, struct err *e)
{
	MDB_val key = local_key_val(k), v;
	int rc = local_mdb_get(l, &key, &v), r;

	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return local_err(l, rc, "read", e);
	r = decode(l, &key, &v, ret, e);
	return r < 0 ? r : 1;
}

static int fill(const struct local *l, const MDB_val *k, const MDB_val *v, struct store_obj *o,
		struct local_val *val, struct err *e)
{
	enum store_kind kind;
	int r = decode(l, k, v, val, e);

	if (r < 0)
		return r;
	if (local_key_parse(k, &kind, &o->ns, &o->name) < 0)
		return err_value(l, k, e);
	o->version = val->version;
	o->data = val->data;
	o->len = val->len;
	return 0;
}

int local_get(struct store *st, enum store_kind kind, const char *ns, const char *name, struct store_obj *ret,
	      struct err *e)
{
	struct local *l = local_of(st);
	struct local_key k;
	struct local_val val;
	MDB_val key, v;
	int rc, r = local_txn_check(l, e);

	if (r < 0)
		return r;
	local_key_obj(&k, kind, ns, name);
	key = local_key_val(&k);
	rc = l->cur ? 0 : mdb_cursor_open(l->txn, LOCAL_DBI, &l->cur);
	if (rc == 0) /* leaves the key of the map in key, whose name is lent */
		rc = local_mdb_move(l, l->cur, &key, &v, MDB_SET_KEY);
	if (rc == MDB_NOTFOUND) /* a block that is not there is one that nobody uses */
		return kind == STORE_BLOCK ? local_census_check(l, &k, e) : 0;
	if (rc)
		return local_err(l, rc, "read", e);
	r = fill(l, &key, &v, ret, &val, e);
	return r < 0 ? r : 1;
}

/* ---- lists ---- */

struct list {
	struct local *l;
	int (*each)(const struct store_obj *o, void *arg, struct err *e);
	void *arg;
};

static bool has_prefix(const MDB_val *k, const uint8_t *prefix, size_t len)
{
	return k->mv_size >= len && memcmp(k->mv_data, prefix, len) == 0;
}

/* Every object whose key is at or behind start, begins with its first prefix bytes, and whose name is not
 * behind to. */
static int list_objects(const struct list *c, struct local_key *start, size_t prefix, const char *to,
			struct err *e)
{
	CLEANUP(cursor_close_p) MDB_cursor *cur = NULL;
	MDB_val key = local_key_val(start), v;
	struct local_key last = { 0 };
	int r, rc = mdb_cursor_open(c->l->txn, LOCAL_DBI, &cur);

	if (rc == 0)
		rc = local_mdb_move(c->l, cur, &key, &v, MDB_SET_RANGE);
	for (; rc == 0 && has_prefix(&key, start->b, prefix);
	     rc = local_mdb_move(c->l, cur, &key, &v, MDB_NEXT)) {
		struct local_val val;
		struct store_obj o;

		if (!local_key_follows(&last, &key))
			return local_damaged(c->l, e, "the pages of the store are damaged");
		r = fill(c->l, &key, &v, &o, &val, e);
		if (r < 0)
			return r;
		if (to && strcmp(o.name, to) > 0)
			return 0;
		r = c->each(&o, c->arg, e);
		if (r != 0)
			return r;
	}
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : local_err(c->l, rc, "list", e);
}

/* The object that an index entry leads to, if it has the term: hashes collide, and an entry that leads
 * nowhere does no harm (verify reports it). */
static int list_entry(const struct list *c, MDB_cursor *cur, const MDB_val *index, const char *term,
		      struct err *e)
{
	struct local_key k;
	struct local_val val;
	struct store_obj o;
	MDB_val key, v;
	int r, rc;

	if (local_key_index_obj(index, &k) < 0)
		return local_damaged(c->l, e, "the index of the store is damaged");
	key = local_key_val(&k);
	rc = local_mdb_move(c->l, cur, &key, &v, MDB_SET_KEY);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc)
		return local_err(c->l, rc, "list", e);
	r = fill(c->l, &key, &v, &o, &val, e);
	if (r < 0 || !local_terms_have(val.terms, term, strlen(term)))
		return r;
	return c->each(&o, c->arg, e);
}

static int list_term(const struct list *c, enum store_kind kind, const char *term, struct err *e)
{
	CLEANUP(cursor_close_p) MDB_cursor *index = NULL;
	CLEANUP(cursor_close_p) MDB_cursor *objects = NULL;
	struct local_key none, start, last = { 0 };
	MDB_val key, v;
	int r = 0, rc;

	local_key_obj(&none, kind, "", "");
	local_key_index(&start, &none, term, strlen(term));
	start.len -= 1; /* the separator: entries of all namespaces */
	key = local_key_val(&start);
	rc = mdb_cursor_open(c->l->txn, LOCAL_DBI, &index);
	if (rc == 0)
		rc = mdb_cursor_open(c->l->txn, LOCAL_DBI, &objects);
	if (rc == 0)
		rc = local_mdb_move(c->l, index, &key, &v, MDB_SET_RANGE);
	for (; rc == 0 && r == 0 && has_prefix(&key, start.b, start.len);
	     rc = local_mdb_move(c->l, index, &key, &v, MDB_NEXT)) {
		if (!local_key_follows(&last, &key))
			return local_damaged(c->l, e, "the pages of the store are damaged");
		r = list_entry(c, objects, &key, term, e);
	}
	if (r != 0)
		return r;
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : local_err(c->l, rc, "list", e);
}

int local_list(struct store *st, enum store_kind kind, const char *term, const char *from, const char *to,
	       int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg, struct err *e)
{
	const struct list c = { local_of(st), each, arg };
	struct local_key start;
	int r = local_txn_check(c.l, e);

	if (r < 0)
		return r;
	if (term)
		return list_term(&c, kind, term, e);
	local_key_obj(&start, kind, "", from ? from : "");
	if (from)
		return list_objects(&c, &start, 2, to, e); /* of no namespace */
	start.len = 1;
	return list_objects(&c, &start, 1, NULL, e);
}

int local_count(const struct local *l, enum store_kind kind, uint64_t *count, struct err *e)
{
	CLEANUP(cursor_close_p) MDB_cursor *cur = NULL;
	struct local_key last = { 0 }, start = { 1, { (uint8_t)(LOCAL_KEY_OBJ + kind) } };
	MDB_val key = local_key_val(&start);
	int rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);

	if (rc == 0)
		rc = local_mdb_move(l, cur, &key, NULL, MDB_SET_RANGE);
	for (; rc == 0 && has_prefix(&key, start.b, 1); rc = local_mdb_move(l, cur, &key, NULL, MDB_NEXT)) {
		if (!local_key_follows(&last, &key))
			return local_damaged(l, e, "the pages of the store are damaged");
		++*count;
	}
	return rc == 0 || rc == MDB_NOTFOUND ? 0 : local_err(l, rc, "count", e);
}

int local_whole(const struct local *l, uint64_t *objects, struct err *e)
{
	CLEANUP(cursor_close_p) MDB_cursor *cur = NULL;
	struct local_key last = { 0 };
	MDB_stat stat = { 0 };
	size_t n = 0;
	MDB_val key;
	int rc = mdb_stat(l->txn, LOCAL_DBI, &stat);

	*objects = 0;
	if (rc == 0)
		rc = mdb_cursor_open(l->txn, LOCAL_DBI, &cur);
	for (; rc == 0 && (rc = local_mdb_move(l, cur, &key, NULL, MDB_NEXT)) == 0; n++) {
		const uint8_t *first = key.mv_data;

		if (!local_key_follows(&last, &key))
			return local_damaged(l, e, "the pages of the store are damaged");
		*objects += *first >= LOCAL_KEY_OBJ && *first < LOCAL_KEY_OBJ + STORE_KIND_MAX;
	}
	if (rc != MDB_NOTFOUND)
		return local_err(l, rc, "count", e);
	if (n != stat.ms_entries)
		return local_damaged(l, e, "%zu records can be reached, there should be %zu", n,
				     stat.ms_entries);
	return 0;
}
