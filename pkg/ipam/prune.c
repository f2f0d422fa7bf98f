/* SPDX-License-Identifier: Apache-2.0 */
/* prune.c - blocks in which nothing is held or cooling any more are forgotten */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipam/txn.h"

#define BATCH 256 /* blocks deleted in one transaction */

struct prune {
	struct txn *t;
	char (*names)[IP_BLOCK_NAME_MAX];
	size_t n, next;
};

/* 1 when every record is free and rested. */
static int is_empty(const struct txn *t, const struct store_obj *o, struct err *e)
{
	/* Other networks' addresses are in it, too, and may have to rest longer than ours. */
	int64_t rested = t->now - IPAM_COOLDOWN_MAX_S * 1000;
	struct block b;
	uint8_t ver;
	ip_num index;
	int r = ip_block_parse(o->name, &ver, &index, e);

	if (r == 0)
		r = block_decode(ver, index, o->data, o->len, &b, e);
	if (r < 0)
		return r;
	r = 1;
	for (unsigned i = 0; i < IP_BLOCK_SIZE && r; i++)
		r = !block_rec_held(&b.rec[i], t->now) && block_rec_free_at(&b.rec[i]) <= rested;
	block_clear(&b);
	return r;
}

static int collect(const struct store_obj *o, void *arg, struct err *e)
{
	struct prune *p = arg;
	void *names;
	int r = is_empty(p->t, o, e);

	if (r <= 0)
		return r;
	names = realloc(p->names, (p->n + 1) * sizeof(*p->names));
	if (!names)
		return err_nomem(e);
	p->names = names;
	memcpy(p->names[p->n++], o->name, strlen(o->name) + 1);
	return 0;
}

static int collect_body(struct txn *t, void *arg, struct err *e)
{
	struct prune *p = arg;
	int r;

	p->t = t;
	p->n = 0;
	r = store_list(t->m->st, STORE_BLOCK, NULL, NULL, NULL, collect, p, e);
	return r < 0 ? r : 1;
}

/* Judged again: somebody may have taken an address meanwhile. */
static int delete_body(struct txn *t, void *arg, struct err *e)
{
	const struct prune *p = arg;
	size_t end = p->n - p->next < BATCH ? p->n : p->next + BATCH;
	int r = 0;

	for (size_t i = p->next; i < end && r >= 0; i++) {
		struct store_obj o;

		r = store_get(t->m->st, STORE_BLOCK, "", p->names[i], &o, e);
		if (r > 0)
			r = is_empty(t, &o, e);
		if (r > 0)
			r = txn_delete(t, STORE_BLOCK, "", p->names[i], o.version, e);
	}
	return r < 0 ? r : 0;
}

int ipam_prune(struct ipam *m, struct err *e)
{
	struct prune p = { .names = NULL };
	int r = txn_run(m, STORE_READ, collect_body, &p, e);

	for (; r == 0 && p.next < p.n; p.next += BATCH)
		r = txn_run(m, STORE_RELEASE, delete_body, &p, e);
	free(p.names);
	return r;
}
