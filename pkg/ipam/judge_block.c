/* SPDX-License-Identifier: Apache-2.0 */
/* judge_block.c - which of a block's 64 addresses have lost their owners */
#include "ipam/judge.h"

static void take(struct judged *x, struct ip addr, const struct block_rec *r, const struct fate *f)
{
	if (f->verdict == FATE_LATER && (!x->again_at || f->at < x->again_at))
		x->again_at = f->at;
	if (f->verdict != FATE_FREE && f->verdict != FATE_CLEAR)
		return;
	x->fate[x->n] = *f;
	x->v[x->n++] = (struct collect_item){ .addr = addr,
					      .container = r->container,
					      .uid = r->uid,
					      .since = r->since,
					      .hold = r->hold,
					      .clear = f->verdict == FATE_CLEAR,
					      .unconfirmed = f->unconfirmed };
}

void judge_block(struct judge *j, const struct block *b, bool (*skip)(const struct block_rec *r, void *arg),
		 void (*told)(struct ip addr, const struct block_rec *r, const struct fate *f,
			      const struct err *why, void *arg),
		 void *arg, struct judged *ret)
{
	*ret = (struct judged){ .n = 0 };
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		const struct ip addr = { b->ver, (b->index << IP_BLOCK_BITS) + i };
		const struct block_rec *r = &b->rec[i];
		struct fate f;
		struct err why;

		if (!fate_concerns(r) || (skip && skip(r, arg)))
			continue;
		if (judge_record(j, r, &f, &why) < 0) {
			if (!ret->failed++)
				ret->why = why;
			if (told)
				told(addr, r, NULL, &why, arg);
			continue;
		}
		take(ret, addr, r, &f);
		if (told)
			told(addr, r, &f, NULL, arg);
	}
	judge_end(j);
}
