/* SPDX-License-Identifier: Apache-2.0 */
/* admit_world.c - what there is: lists by quorum, and addresses that are held */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "api/block.h"
#include "base/own.h"
#include "kube/object.h"

/* A pool's status may be half a megabyte. */
#define PAGE       500
#define PAGE_SMALL 24
/* So many blocks are read one by one, more by a list of all. */
#define BLOCKS_MAX 32

int admit_each(const struct admit_call *c, const struct kube_resource *res, const char *ns,
	       const char *labels, int (*each)(struct json_object *o, void *arg, struct err *e),
	       void (*begin)(void *arg), void *arg, struct err *e)
{
	static const unsigned pages[] = { PAGE, PAGE_SMALL };
	const struct kube_lister l = { .each = each, .begin = begin, .arg = arg };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct kube_op op = {
			.res = res, .ns = ns, .labels = labels, .page = pages[i], .until = c->until
		};

		if (begin)
			begin(arg);
		r = kube_list(c->a->k, &op, &l, NULL, e);
		if (r != -EFBIG)
			break;
	}
	return r;
}

/* ---- pools, subnets ---- */

struct listing {
	enum api_kind kind;
	struct admit_list *l;
	size_t cap;
};

void admit_list_clear(enum api_kind kind, struct admit_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		api_free(kind, l->v[i]);
	free(l->v);
	*l = (struct admit_list){ 0 };
}

static void list_begin(void *arg)
{
	struct listing *x = arg;

	admit_list_clear(x->kind, x->l);
	x->cap = 0;
}

static int list_one(struct json_object *tree, void *arg, struct err *e)
{
	struct listing *x = arg;
	const struct api_kind_info *info = &api_kinds[x->kind];
	struct api_object *o;
	int r;

	if (x->l->n == x->cap) {
		const size_t cap = x->cap ? 2 * x->cap : 64;
		struct api_object **more = realloc(x->l->v, cap * sizeof(*more));

		if (!more)
			return err_nomem(e);
		x->l->v = more;
		x->cap = cap;
	}
	json_object_object_del(tree, "status");
	o = calloc(1, info->size);
	if (!o)
		return err_nomem(e);
	r = json_decode(info->table, tree, NULL, o, e);
	if (r < 0) {
		free(o);
		return err_wrap(e, "%s", info->kind);
	}
	x->l->v[x->l->n++] = o;
	return 0;
}

static const struct kube_resource *resource_of(enum api_kind kind)
{
	switch (kind) {
	case API_IPPOOL:
		return &kube_resources[KUBE_SPIDERIPPOOLS];
	case API_SUBNET:
		return &kube_resources[KUBE_SPIDERSUBNETS];
	default:
		return &kube_resources[KUBE_SPIDERIPBLOCKS];
	}
}

int admit_list(const struct admit_call *c, enum api_kind kind, struct admit_list *ret, struct err *e)
{
	struct listing x = { .kind = kind, .l = ret };
	int r;

	*ret = (struct admit_list){ 0 };
	r = admit_each(c, resource_of(kind), NULL, NULL, list_one, list_begin, &x, e);
	if (r < 0) {
		admit_list_clear(kind, ret);
		return err_wrap(e, "cannot be compared with what there is");
	}
	return 0;
}

/* ---- blocks ---- */

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
		struct kube_op op = { .res = resource_of(API_IPBLOCK),
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
		r = admit_each(c, resource_of(API_IPBLOCK), NULL, NULL, block_one, blocks_begin, &x, e);
	if (r == 0)
		return 0;
	ip_set_clear(ret);
	return err_wrap(e, "who has its addresses could not be read");
}
