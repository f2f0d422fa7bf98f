/* SPDX-License-Identifier: Apache-2.0 */
/* local_commit.c - writing objects: all or none */
#include <errno.h>
#include <string.h>

#include "store/local_impl.h"

/* ---- index ---- */

/* Makes or removes the index entries that the terms of a have and those of b have not. */
static int index_change(const struct local *l, const struct local_key *obj, struct local_terms a,
			struct local_terms b, bool make, struct err *e)
{
	const uint8_t *term;
	size_t len;
	int rc = 0;

	while (rc == 0 && local_terms_next(&a, &term, &len)) {
		struct local_key k;
		MDB_val key, none = { 0, NULL };

		if (local_terms_share(b, term, len))
			continue;
		local_key_index(&k, obj, term, len);
		key = local_key_val(&k);
		if (make)
			rc = local_mdb_put(l, &key, &none, 0);
		else
			rc = local_mdb_del(l, &key);
		if (rc == MDB_NOTFOUND) /* named twice, or lost: the object is what counts */
			rc = 0;
	}
	return rc ? local_err(l, rc, "write the index", e) : 0;
}

static int index_update(const struct local *l, const struct local_key *obj, struct local_terms old,
			struct local_terms new, struct err *e)
{
	int r = index_change(l, obj, old, new, false, e);

	return r < 0 ? r : index_change(l, obj, new, old, true, e);
}

/* ---- objects ---- */

/* Values lie in LMDB's pages and move with the next write. */
static int terms_copy(struct local_terms *t, uint8_t **own, struct err *e)
{
	if (!t->len)
		return 0;
	*own = malloc(t->len);
	if (!*own)
		return err_nomem(e);
	memcpy(*own, t->p, t->len);
	t->p = *own;
	return 0;
}

/* The block that the key names, for objects of that kind. */
static int hint_update(const struct local *l, const struct local_key *k, int64_t free_at, struct err *e)
{
	const char *ns = (const char *)k->b + 1, *name = ns + strlen(ns) + 1;
	uint8_t ver;
	ip_num block;
	int r;

	if (k->b[0] != LOCAL_KEY_OBJ + STORE_BLOCK)
		return 0;
	if (*ns)
		return err_set(e, EINVAL, "SpiderIPBlock %s/%s: a block has no namespace", ns, name);
	r = ip_block_parse(name, &ver, &block, e);
	return r < 0 ? r : local_hint_set(l, ver, block, free_at, e);
}

int local_put(const struct local *l, struct local_key *k, const struct local_val *val,
	      const struct local_val *old, struct err *e)
{
	const struct local_terms none = { NULL, 0 };
	CLEANUP(free_p) uint8_t *own = NULL;
	struct local_terms old_terms = old ? old->terms : none;
	int64_t old_free = old ? old->free_at : 0;
	MDB_val key = local_key_val(k), v = { local_val_size(val), NULL };
	int rc, r = terms_copy(&old_terms, &own, e);

	if (r < 0)
		return r;
	rc = local_mdb_put(l, &key, &v, MDB_RESERVE);
	if (rc)
		return local_err(l, rc, "write", e);
	local_val_encode(k, val, v.mv_data);
	r = index_update(l, k, old_terms, val->terms, e);
	if (r == 0 && !old)
		r = local_census_change(l, k, true, e);
	if (r == 0 && (!old || val->free_at != old_free))
		r = hint_update(l, k, val->free_at, e);
	return r;
}

int local_derive(const struct local *l, const struct local_key *k, const struct local_val *val, struct err *e)
{
	const struct local_terms none = { NULL, 0 };
	CLEANUP(free_p) uint8_t *own = NULL;
	struct local_terms terms = val->terms;
	int64_t free_at = val->free_at;
	int r = terms_copy(&terms, &own, e);

	if (r == 0)
		r = index_update(l, k, none, terms, e);
	return r < 0 ? r : hint_update(l, k, free_at, e);
}

static int drop(const struct local *l, struct local_key *k, const struct local_val *old, struct err *e)
{
	const struct local_terms none = { NULL, 0 };
	CLEANUP(free_p) uint8_t *own = NULL;
	struct local_terms terms = old->terms;
	MDB_val key = local_key_val(k);
	int rc, r = terms_copy(&terms, &own, e);

	if (r < 0)
		return r;
	rc = local_mdb_del(l, &key);
	if (rc)
		return local_err(l, rc, "delete", e);
	r = index_update(l, k, terms, none, e);
	if (r == 0)
		r = local_census_change(l, k, false, e);
	return r < 0 ? r : hint_update(l, k, 0, e);
}

static int err_stale(const struct store_op *op, const char *ns, const char *why, struct err *e)
{
	return err_code(e, ERR_TRY_AGAIN, ESTALE, "%s %s%s%s: %s", store_kind_name(op->kind), ns,
			*ns ? "/" : "", op->name, why);
}

static int apply(const struct local *l, const struct store_op *op, struct err *e)
{
	const char *ns = op->ns ? op->ns : "";
	CLEANUP(free_p) uint8_t *own = NULL;
	struct local_key k;
	struct local_val old, new = { .version = local_version(l), .data = op->data, .len = op->len };
	int r, found;

	local_key_obj(&k, op->kind, ns, op->name);
	found = local_load(l, &k, &old, e);
	if (found < 0)
		return found;
	if (op->verb == STORE_CREATE && found)
		return err_stale(op, ns, "exists already", e);
	if (op->verb != STORE_CREATE && !found)
		return err_stale(op, ns, "is gone", e);
	if (op->verb != STORE_CREATE && old.version != op->version)
		return err_stale(op, ns, "has changed since it was read", e);
	if (op->verb == STORE_DELETE)
		return drop(l, &k, &old, e);
	r = local_terms_pack(op->terms, &own, &new.terms, e);
	if (r < 0)
		return r;
	new.free_at = op->kind == STORE_BLOCK ? op->free_at : 0;
	return local_put(l, &k, &new, found ? &old : NULL, e);
}

/* An upper bound of what the pages written anew will take: values are copied, pages are copied for a change
 * in them, and each of the trees' levels with them. */
static size_t estimate(const struct store_op *ops, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		size_t terms = 0;

		while (ops[i].terms && ops[i].terms[terms])
			terms++;
		bytes += (ops[i].verb == STORE_DELETE ? 0 : ops[i].len) + (5 + 2 * terms) * 4096;
	}
	return bytes;
}

int local_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	struct local *l = local_of(st);
	int rc, r = local_txn_check(l, e);

	if (r == 0 && l->mode == STORE_READ)
		r = err_set(e, EINVAL, "store: a transaction for reading cannot commit");
	if (r == 0)
		r = local_space(l, estimate(ops, n), e);
	if (l->cur)
		mdb_cursor_close(TAKE_PTR(l->cur));
	for (size_t i = 0; i < n && r == 0; i++)
		r = apply(l, &ops[i], e);
	if (r < 0) {
		local_end(st);
		return r;
	}
	rc = local_mdb_commit(l);
	/* Also of nothing: what this transaction saw may be of a process that was killed before its flush. */
	if (rc == 0 && !l->relaxed)
		rc = mdb_env_sync(l->env, 1);
	return rc ? local_err(l, rc, "commit", e) : 0;
}
