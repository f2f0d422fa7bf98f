/* SPDX-License-Identifier: Apache-2.0 */
/* collect.c - takes addresses from holders that are dead */
#include "ipam/collect.h"

#include <string.h>

#include "ipam/endpoint.h"
#include "ipam/release.h"

struct collect {
	struct collect_item *v; /* of one commit */
	size_t n, changed;
};

static bool is_as_judged(const struct block_rec *r, const struct collect_item *it)
{
	return r->hold == it->hold && r->since == it->since && strcmp(r->container, it->container) == 0 &&
	       strcmp(r->uid, it->uid) == 0;
}

/* The endpoint of a StatefulSet's or VM's pod says what is kept for it. That of another pod of a cluster goes
 * with its pod. */
static int forget_entry(struct txn *t, const struct block_rec *r, struct ip addr, struct err *e)
{
	struct txn_endpoint *ep;
	int ret;

	if (r->hold == HOLD_POD && t->m->conf.cluster)
		return 0;
	ret = endpoint_of_record(t, r, &ep, e);
	if (ret == 0)
		endpoint_forget(ep, r->nic, addr);
	return ret;
}

static int free_record(struct txn *t, const struct collect_item *it, struct txn_block *b, struct block_rec *r,
		       struct err *e)
{
	int ret = forget_entry(t, r, it->addr, e);

	if (ret < 0)
		return ret;
	release_record(t, b, r);
	r->unconfirmed = it->unconfirmed;
	return 0;
}

/* What keeps it decides over it alone from now on. That nobody confirmed the holder's end stays known. */
static void clear_holder(struct txn *t, const struct collect_item *it, struct txn_block *b,
			 struct block_rec *r)
{
	release_holder(t, b, r);
	r->unconfirmed |= it->unconfirmed;
}

static int collect_one(struct txn *t, struct collect_item *it, struct err *e)
{
	struct txn_block *b;
	struct block_rec *r;
	int ret = txn_record(t, it->addr, &b, &r, e);

	it->done = false;
	if (ret < 0 || !is_as_judged(r, it))
		return ret;
	if (it->clear && r->hold != HOLD_POD)
		clear_holder(t, it, b, r);
	else if (!it->clear)
		ret = free_record(t, it, b, r, e);
	else
		return 0;
	it->done = ret == 0;
	return ret;
}

static int collect_body(struct txn *t, void *arg, struct err *e)
{
	struct collect *c = arg;
	int r = 0;

	c->changed = 0;
	for (size_t i = 0; i < c->n && r == 0; i++) {
		r = collect_one(t, &c->v[i], e);
		c->changed += c->v[i].done;
	}
	return r == 0 && !c->changed ? 1 : r;
}

int ipam_collect(struct ipam *m, struct collect_item *v, size_t n, size_t *ret_done, struct err *e)
{
	size_t done = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += COLLECT_BATCH) {
		struct collect c = { .v = v + i, .n = n - i < COLLECT_BATCH ? n - i : COLLECT_BATCH };

		r = txn_run(m, STORE_RELEASE, collect_body, &c, e);
		for (size_t k = 0; r < 0 && k < c.n; k++)
			c.v[k].done = false;
		done += r < 0 ? 0 : c.changed;
	}
	if (ret_done)
		*ret_done = done;
	return r;
}
