/* SPDX-License-Identifier: Apache-2.0 */
/* kube.c - a request's transactions on the store of a cluster */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/block.h"
#include "base/own.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

static struct kube_session *of(struct store *st)
{
	return (struct kube_session *)st;
}

int session_lend(struct kube_session *s, struct blob *b, struct err *e)
{
	if (s->n_lent == s->cap_lent) {
		size_t cap = s->cap_lent ? 2 * s->cap_lent : 16;
		struct blob **v = realloc(s->lent, cap * sizeof(struct blob *));

		if (!v)
			return err_nomem(e);
		s->lent = v;
		s->cap_lent = cap;
	}
	s->lent[s->n_lent++] = blob_ref(b);
	return 0;
}

int session_lend_text(struct kube_session *s, const char *text, size_t len, const char **ret, struct err *e)
{
	struct blob *b = blob_new(text, len);
	int r = b ? session_lend(s, b, e) : err_nomem(e);

	if (r == 0)
		*ret = b->text;
	blob_put(b);
	return r;
}

static int begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	struct kube_session *s = of(st);

	(void)e;
	s->mode = mode;
	s->until = until;
	hub_lock(s->h);
	s->held = true;
	return 0;
}

/* What it writes is by the pools as they are now. */
static void plan(struct kube_session *s)
{
	struct store_kube *h = s->h;

	if (s->planned || s->mode != STORE_WRITE)
		return;
	s->planned = true;
	s->pools_seen = h->pools_seen;
	s->next = h->planning;
	h->planning = s;
}

/* true: somebody may be waiting for it. */
static bool plan_ends(struct kube_session *s)
{
	struct kube_session **at = &s->h->planning;

	if (!s->planned)
		return false;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->planned = false;
	return s->pools_seen < s->h->pools_edited;
}

static void end(struct store *st)
{
	struct kube_session *s = of(st);
	const struct store_kube_conf *c = &s->h->conf;
	bool caught_up;

	if (!s->held)
		return;
	for (size_t i = 0; i < s->n_lent; i++)
		blob_put(s->lent[i]);
	s->n_lent = 0;
	s->held = false;
	caught_up = plan_ends(s);
	hub_unlock(s->h);
	if (caught_up && c->pools_caught_up)
		c->pools_caught_up(c->arg);
}

/* ---- reading ---- */

static int get_block(struct kube_session *s, const char *name, struct store_obj *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct kube_block *b;
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(name, &ver, &index, e);

	if (r < 0)
		return r;
	b = block_make(s->h, ver, index, e);
	if (!b)
		return -ENOMEM;
	if (!b->known || (hub_is_tool(s->h) && !b->first))
		r = hub_is_tool(s->h) ? block_reload(s->h, b, s->until, e) : block_load(s->h, b, s->until, e);
	if (r == 0)
		r = block_text(b, &text, e);
	if (r < 0)
		return r;
	if (!b->exists && !b->first)
		return 0;
	*ret = (struct store_obj){ .ns = "", .version = b->version, .len = text.len };
	r = session_lend_text(s, buf_cstr(&text), text.len, &ret->data, e);
	if (r == 0)
		r = session_lend_text(s, name, strlen(name), &ret->name, e);
	block_evict(s->h);
	return r < 0 ? r : 1;
}

static int lend_item(struct kube_session *s, const struct shelf_item *it, struct store_obj *ret,
		     struct err *e)
{
	int r;

	if (!it || !it->data)
		return 0;
	*ret = (struct store_obj){ .version = it->version, .data = it->data->text, .len = it->data->len };
	r = session_lend(s, it->data, e);
	if (r == 0)
		r = session_lend_text(s, it->ns, strlen(it->ns), &ret->ns, e);
	if (r == 0)
		r = session_lend_text(s, it->name, strlen(it->name), &ret->name, e);
	return r < 0 ? r : 1;
}

/* NULL: it is not kept here. */
static struct shelf *shelf_of(struct store_kube *h, enum store_kind kind)
{
	switch (kind) {
	case STORE_META:
		return &h->local[0];
	case STORE_ATTACHMENT:
		return &h->local[1];
	case STORE_IPPOOL:
		return hub_is_tool(h) ? NULL : &h->pools;
	case STORE_RESERVEDIP:
		return hub_is_tool(h) ? NULL : &h->reserved;
	default:
		return NULL;
	}
}

static int get(struct store *st, enum store_kind kind, const char *ns, const char *name,
	       struct store_obj *ret, struct err *e)
{
	struct kube_session *s = of(st);
	struct shelf *shelf = shelf_of(s->h, kind);

	if (kind == STORE_BLOCK)
		return get_block(s, name, ret, e);
	if (kind == STORE_ENDPOINT)
		return endpoint_read(s, ns, name, ret, e);
	if (shelf == &s->h->pools)
		plan(s);
	return shelf ? lend_item(s, shelf_find(shelf, ns, name), ret, e)
		     : object_read(s, kind, ns, name, ret, e);
}

static bool has_term(const struct shelf_item *it, const char *term)
{
	for (size_t i = 0; it->terms && it->terms[i]; i++)
		if (strcmp(it->terms[i], term) == 0)
			return true;
	return false;
}

static int list(struct store *st, enum store_kind kind, const char *term, const char *from, const char *to,
		int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg, struct err *e)
{
	struct kube_session *s = of(st);
	struct shelf *shelf = shelf_of(s->h, kind);
	struct shelf_item **v;
	size_t n = 0;
	int r = 0;

	if (!shelf)
		return object_list(s, kind, term, from, to, each, arg, e);
	if (shelf == &s->h->pools)
		plan(s);
	v = calloc(shelf->n + 1, sizeof(struct shelf_item *));
	if (!v)
		return err_nomem(e);
	/* each() may look at other objects, and the lock is given up for that: what is lent stays. */
	for (size_t i = 0; i < shelf->n; i++)
		if ((!term || has_term(shelf->v[i], term)) &&
		    (!from || (strcmp(shelf->v[i]->name, from) >= 0 && strcmp(shelf->v[i]->name, to) <= 0)))
			v[n++] = shelf->v[i];
	if (n) {
		struct store_obj *o = calloc(n, sizeof(*o));

		if (!o)
			r = err_nomem(e);
		for (size_t i = 0; r >= 0 && i < n; i++)
			r = lend_item(s, v[i], &o[i], e);
		for (size_t i = 0; r >= 0 && i < n; i++) {
			r = each(&o[i], arg, e);
			if (r)
				break;
		}
		free(o);
	}
	free(v);
	return r;
}

/* ---- commit ---- */

static int check_block(struct store_kube *h, const struct store_op *op, struct kube_block **ret,
		       struct err *e)
{
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(op->name, &ver, &index, e);

	if (r < 0)
		return r;
	*ret = block_make(h, ver, index, e);
	if (!*ret)
		return -ENOMEM;
	if (!(*ret)->known ||
	    (op->verb == STORE_CREATE ? (*ret)->exists || (*ret)->first : op->version != (*ret)->version))
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "SpiderIPBlock %s changed meanwhile", op->name);
	return 0;
}

static int check_local(struct store_kube *h, const struct store_op *op, struct err *e)
{
	const struct shelf_item *it = shelf_find(shelf_of(h, op->kind), op->ns ? op->ns : "", op->name);

	if (op->verb == STORE_CREATE ? it != NULL : !it || it->version != op->version)
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "%s %s changed meanwhile",
				store_kind_name(op->kind), op->name);
	return 0;
}

static bool is_local(enum store_kind kind)
{
	return kind == STORE_META || kind == STORE_ATTACHMENT;
}

static int check(struct store_kube *h, const struct store_op *ops, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct kube_block *b;
		int r = 0;

		if (ops[i].kind == STORE_BLOCK)
			r = check_block(h, &ops[i], &b, e);
		else if (is_local(ops[i].kind))
			r = check_local(h, &ops[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* An address that a block says is free may be one that the block lost: waits until that is claimed again. */
static int check_losses(const struct kube_session *s, struct err *e)
{
	struct store_kube *h = s->h;

	if (s->mode != STORE_WRITE || h->losses == h->mended)
		return 0;
	while (h->losses != h->mended && deadline_left(s->until) > 0 && !h->stopping)
		kube_cond_wait(&h->changed, &h->lock, s->until);
	if (h->losses == h->mended)
		return err_code(e, ERR_TRY_AGAIN, ESTALE, "SpiderIPBlocks were claimed again meanwhile");
	return err_code(
		e, ERR_TRY_AGAIN, EBUSY,
		"SpiderIPBlocks were deleted or set back; what pods of this node have of them is being "
		"claimed again first");
}

/* Notes what will be claimed, then changes what transactions see of the blocks. */
static int prepare(struct kube_session *s, const struct store_op *ops, size_t n, struct kube_txn *t,
		   struct err *e)
{
	struct store_kube *h = s->h;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = local_intent(h, &ops[i], t, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct kube_block *b;

		if (ops[i].kind != STORE_BLOCK)
			continue;
		r = check_block(h, &ops[i], &b, e);
		if (r == 0)
			r = block_change(h, b, &ops[i], t, e);
	}
	return r;
}

static int publish_behind(struct store_kube *h, const struct store_op *ops, size_t n, bool removals,
			  struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_op *op = &ops[i];
		bool removal = op->verb == STORE_DELETE;

		if (op->kind == STORE_ENDPOINT && removal == removals && !hub_is_tool(h) &&
		    (op->behind || (removal && shelf_find(&h->endpoints, op->ns, op->name))))
			r = endpoint_behind(h, op->ns, op->name, removal ? NULL : op->data, e);
	}
	return r;
}

/* The blocks stand: what names them follows. */
static int publish(struct kube_session *s, const struct store_op *ops, size_t n, const struct kube_txn *t,
		   struct err *e)
{
	struct store_kube *h = s->h;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct store_op *op = &ops[i];
		bool known = op->kind == STORE_ENDPOINT && shelf_find(&h->endpoints, op->ns, op->name);

		if (op->kind == STORE_ENDPOINT &&
		    (op->behind || (op->verb == STORE_DELETE && known && !s->fixed)))
			continue;
		if (op->kind == STORE_ENDPOINT)
			r = endpoint_write(s, op, e);
		else if (!is_local(op->kind) && op->kind != STORE_BLOCK)
			r = object_write(h, op, s->until, e);
	}
	/* Whoever repeats a call that was cut off here finds the attachment as long as an endpoint is left.
	 */
	if (r == 0)
		r = publish_behind(h, ops, n, true, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (is_local(ops[i].kind))
			r = local_apply(h, &ops[i], t, e);
	return r < 0 ? r : publish_behind(h, ops, n, false, e);
}

static int commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	struct kube_session *s = of(st);
	struct store_kube *h = s->h;
	struct kube_txn *t = calloc(1, sizeof(*t));
	int r = t ? 0 : err_nomem(e);

	if (r == 0) {
		t->giving = s->mode == STORE_RELEASE;
		r = check_losses(s, e);
	}
	if (r == 0)
		r = check(h, ops, n, e);
	if (r == 0)
		r = prepare(s, ops, n, t, e);
	if (r == 0)
		r = txn_await(h, t, s->until, e);
	if (r == 0 && s->mode == STORE_WRITE && h->losses != h->mended) /* the answer told it */
		r = err_code(e, ERR_TRY_AGAIN, ESTALE, "SpiderIPBlocks were deleted or set back");
	if (r == 0)
		r = publish(s, ops, n, t, e);
	if (r < 0 && t)
		txn_abandon(h, t, s->until);
	else
		txn_free(h, t);
	end(st);
	return r;
}

static void close_session(struct store *st)
{
	end(st);
	free(of(st)->lent);
	free(st);
}

static const struct store_impl impl = {
	.begin = begin,
	.get = get,
	.list = list,
	.next_free = kube_next_free,
	.doubt = kube_doubt,
	.commit = commit,
	.end = end,
	.close = close_session,
};

int store_kube_session(struct store_kube *h, bool fixed, struct store **ret, struct err *e)
{
	struct kube_session *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem(e);
	s->st.impl = &impl;
	s->h = h;
	s->fixed = fixed;
	*ret = &s->st;
	return 0;
}
