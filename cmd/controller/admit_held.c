/* SPDX-License-Identifier: Apache-2.0 */
/* admit_held.c - addresses that are held, from the blocks */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "api/block.h"
#include "base/own.h"
#include "kube/object.h"

/* So many blocks are read one by one, more by a list of all. */
#define BLOCKS_MAX 32

struct holding {
	const struct ip_set *set;
	const char *pool;
	struct ip_set *held;
};

static bool of_somebody(const struct block_rec *r)
{
	return r->hold == HOLD_POD || r->hold == HOLD_STS || r->hold == HOLD_VM || r->hold == HOLD_PIN;
}

static int look_at(const struct block *b, const struct holding *x, struct err *e)
{
	const uint64_t mask = ip_set_mask(x->set, b->index);
	int r = 0;

	for (unsigned i = 0; i < IP_BLOCK_SIZE && r == 0; i++) {
		const ip_num n = b->index * IP_BLOCK_SIZE + i;

		if (!(mask >> i & 1) || !of_somebody(&b->rec[i]))
			continue;
		if (x->pool && strcmp(b->rec[i].pool, x->pool) != 0)
			continue;
		r = ip_set_add(x->held, (struct ip_range){ n, n }, e);
	}
	return r;
}

static int block_one(struct json_object *tree, void *arg, struct err *e)
{
	const struct holding *x = arg;
	const char *name = kube_meta(tree, "name"),
		   *records = json_get_str(json_get(tree, "spec"), "records");
	CLEANUP(free_p) struct block *b = NULL;
	struct err ignored;
	ip_num index;
	uint8_t ver;
	int r;

	/* What is called otherwise is no block. */
	if (!name || !records || ip_block_parse(name, &ver, &index, &ignored) < 0 || ver != x->set->ver ||
	    !ip_set_mask(x->set, index))
		return 0;
	b = malloc(sizeof(*b));
	if (!b)
		return err_nomem(e);
	r = block_decode(ver, index, records, strlen(records), b, e);
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s: spec.records", name);
	r = look_at(b, x, e);
	block_clear(b);
	return r;
}

static void blocks_begin(void *arg)
{
	struct holding *x = arg;

	ip_set_clear(x->held);
}

static int get_blocks(const struct admit_call *c, struct holding *x, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP(json_put_p) struct json_object *tree = NULL;
		char name[IP_BLOCK_NAME_MAX];
		struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
				      .name = ip_block_name(x->set->ver, ip_set_block_at(x->set, i), name),
				      .until = c->until };
		int r = kube_get(c->a->k, &op, &tree, e);

		if (r == -ENOENT)
			continue;
		if (r == 0)
			r = block_one(tree, x, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int admit_held(const struct admit_call *c, const struct ip_set *set, const char *pool, struct ip_set *ret,
	       struct err *e)
{
	struct holding x = { .set = set, .pool = pool, .held = ret };
	const uint64_t n = ip_set_blocks(set);
	int r;

	*ret = (struct ip_set){ .ver = set->ver };
	if (n <= BLOCKS_MAX)
		r = get_blocks(c, &x, (size_t)n, e);
	else
		r = admit_each(c, &kube_resources[KUBE_SPIDERIPBLOCKS], NULL, NULL, block_one, blocks_begin,
			       &x, e);
	if (r == 0)
		return 0;
	ip_set_clear(ret);
	return err_wrap(e, "who has its addresses could not be read");
}
