/* SPDX-License-Identifier: Apache-2.0 */
/* txn.c - one transaction of the engine */
#include "ipam/txn.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "ipam/endpoint.h"

#define CHUNK_SIZE 4096

struct txn_chunk {
	struct txn_chunk *next;
	size_t used, size;
	char s[];
};

#define TERMS_MAX 4

struct txn_op {
	struct store_op op;
	struct buf value;
	const char *terms[TERMS_MAX];
};

const char *txn_str(struct txn *t, const char *s, struct err *e)
{
	size_t len = s ? strlen(s) : 0;
	struct txn_chunk *c = t->strings;
	char *p;

	if (!len)
		return "";
	if (!c || c->size - c->used <= len) {
		size_t size = len + 1 > CHUNK_SIZE ? len + 1 : CHUNK_SIZE;

		c = malloc(sizeof(*c) + size);
		if (!c) {
			err_nomem(e);
			return NULL;
		}
		*c = (struct txn_chunk){ .next = t->strings, .size = size };
		t->strings = c;
	}
	p = c->s + c->used;
	memcpy(p, s, len + 1);
	c->used += len + 1;
	return p;
}

static int load_block(struct txn *t, uint8_t ver, ip_num index, struct txn_block *b, struct err *e)
{
	char name[IP_BLOCK_NAME_MAX];
	struct store_obj o;
	int r;

	ip_block_name(ver, index, name);
	r = store_get(t->m->st, STORE_BLOCK, "", name, &o, e);
	if (r < 0)
		return r;
	if (r == 0) {
		block_init(&b->b, ver, index);
		return 0;
	}
	b->version = o.version;
	r = block_decode(ver, index, o.data, o.len, &b->b, e);
	if (r == -EBADMSG)
		e->sys = EUCLEAN;
	return r < 0 ? err_wrap(e, "SpiderIPBlock %s", name) : 0;
}

static struct txn_block *find_block(const struct txn *t, uint64_t key, uint8_t ver, ip_num index)
{
	struct txn_block *b;
	size_t at = 0;

	do
		b = hash_next(&t->block_of, key, &at);
	while (b && (b->b.ver != ver || b->b.index != index));
	return b;
}

int txn_block(struct txn *t, uint8_t ver, ip_num index, struct txn_block **ret, struct err *e)
{
	CLEANUP(free_p) struct txn_block *b = NULL;
	uint64_t key = XXH3_64bits_withSeed(&index, sizeof(index), ver);
	struct txn_block **grown;
	int r;

	*ret = find_block(t, key, ver, index);
	if (*ret)
		return 0;
	grown = realloc(t->blocks, (t->n_blocks + 1) * sizeof(struct txn_block *));
	if (!grown)
		return err_nomem(e);
	t->blocks = grown;
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_nomem(e);
	r = load_block(t, ver, index, b, e);
	if (r == 0)
		r = hash_add(&t->block_of, key, b, e);
	if (r < 0) {
		block_clear(&b->b);
		return r;
	}
	*ret = t->blocks[t->n_blocks++] = TAKE_PTR(b);
	return 0;
}

int txn_record(struct txn *t, struct ip addr, struct txn_block **ret_block, struct block_rec **ret,
	       struct err *e)
{
	int r = txn_block(t, addr.ver, addr.n >> IP_BLOCK_BITS, ret_block, e);

	if (r == 0)
		*ret = &(*ret_block)->b.rec[addr.n & (IP_BLOCK_SIZE - 1)];
	return r;
}

static int add_op(struct txn *t, const struct store_op *op, struct buf *value, struct err *e)
{
	struct txn_op *ops = realloc(t->ops, (t->n_ops + 1) * sizeof(*ops));
	struct txn_op *o;

	if (!ops)
		return err_nomem(e);
	t->ops = ops;
	o = &ops[t->n_ops];
	*o = (struct txn_op){ .op = *op };
	o->op.ns = txn_str(t, op->ns, e);
	o->op.name = txn_str(t, op->name, e);
	if (!o->op.ns || !o->op.name)
		return -ENOMEM;
	if (value) {
		o->value = *value;
		*value = BUF_INIT(value->max);
		o->op.data = buf_cstr(&o->value);
		o->op.len = o->value.len;
	}
	t->n_ops++;
	return 0;
}

int txn_put(struct txn *t, enum store_kind kind, const char *ns, const char *name, uint64_t version,
	    struct buf *value, struct err *e)
{
	struct store_op op = { .verb = version ? STORE_UPDATE : STORE_CREATE,
			       .kind = kind,
			       .ns = ns,
			       .name = name,
			       .version = version };

	if (value->err)
		return err_sys(e, -value->err, "write %s %s", store_kind_name(kind), name);
	return add_op(t, &op, value, e);
}

int txn_terms(struct txn *t, const char *const *terms, struct err *e)
{
	struct txn_op *o = &t->ops[t->n_ops - 1];

	for (size_t i = 0; terms[i]; i++) {
		if (i + 1 == TERMS_MAX)
			return err_set(e, E2BIG, "too many index terms");
		o->terms[i] = terms[i];
	}
	return 0;
}

void txn_behind(struct txn *t)
{
	t->ops[t->n_ops - 1].op.behind = true;
}

int txn_delete(struct txn *t, enum store_kind kind, const char *ns, const char *name, uint64_t version,
	       struct err *e)
{
	struct store_op op = {
		.verb = STORE_DELETE, .kind = kind, .ns = ns, .name = name, .version = version
	};

	return add_op(t, &op, NULL, e);
}

static int put_block(struct txn *t, const struct txn_block *b, struct err *e)
{
	struct buf value = BUF_INIT(BLOCK_TEXT_MAX);
	char name[IP_BLOCK_NAME_MAX];
	int r;

	ip_block_name(b->b.ver, b->b.index, name);
	r = block_encode(&b->b, &value, e);
	if (r == 0 && value.len) {
		r = txn_put(t, STORE_BLOCK, "", name, b->version, &value, e);
		if (r == 0)
			t->ops[t->n_ops - 1].op.free_at = block_free_at(&b->b);
	} else if (r == 0 && b->version) {
		r = txn_delete(t, STORE_BLOCK, "", name, b->version, e);
	}
	buf_clear(&value);
	return r;
}

static int commit(struct txn *t, struct err *e)
{
	CLEANUP(free_p) struct store_op *ops = NULL;
	int r;

	for (size_t i = 0; i < t->n_blocks; i++) {
		r = t->blocks[i]->dirty ? put_block(t, t->blocks[i], e) : 0;
		if (r < 0)
			return r;
	}
	r = endpoint_flush(t, e);
	if (r < 0)
		return r;
	if (!t->n_ops) /* the answer of an earlier call, whose process may not have lived to see it durable */
		return store_commit(t->m->st, NULL, 0, e);
	ops = calloc(t->n_ops, sizeof(*ops));
	if (!ops)
		return err_nomem(e);
	for (size_t i = 0; i < t->n_ops; i++) {
		ops[i] = t->ops[i].op;
		ops[i].terms = t->ops[i].terms;
	}
	return store_commit(t->m->st, ops, t->n_ops, e);
}

static void release(struct txn *t)
{
	store_end(t->m->st);
	for (size_t i = 0; i < t->n_blocks; i++) {
		block_clear(&t->blocks[i]->b);
		free(t->blocks[i]);
	}
	free(t->blocks);
	hash_clear(&t->block_of);
	endpoint_release(t);
	for (size_t i = 0; i < t->n_ops; i++)
		buf_clear(&t->ops[i].value);
	free(t->ops);
	while (t->strings) {
		struct txn_chunk *c = t->strings;

		t->strings = c->next;
		free(c);
	}
}

int txn_run(struct ipam *m, enum store_mode mode, int (*body)(struct txn *t, void *arg, struct err *e),
	    void *arg, struct err *e)
{
	bool lost;
	int r;

	do {
		struct txn t = { .m = m };

		r = store_begin(m->st, mode, m->until, e);
		t.now = clock_wall_ms() +
			m->conf.skew_ms; /* behind the wait for the lock: GC compares it with its own start */
		if (r == 0)
			r = body(&t, arg, e);
		lost = t.again && r == -ESTALE;
		if (r == 0 && mode != STORE_READ) {
			r = commit(&t, e);
			lost = r == -ESTALE;
		}
		release(&t);
	} while (lost && deadline_left(m->until) > 0);
	return r < 0 ? r : 0;
}
