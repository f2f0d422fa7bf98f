/* SPDX-License-Identifier: Apache-2.0 */
/* crash_look.h - the store held against the model, while nothing is in flight */
#ifndef E2E_CRASH_LOOK_H
#define E2E_CRASH_LOOK_H

#include "crash_calls.h"
#include "ipam/usage.h"
#include "store/local.h"

struct look {
	struct world *w;
	struct ipam m;
	size_t held[SLOTS][2][NICS]; /* addresses found: sandbox now, before */
	size_t kept, attachments, endpoints;
};

static unsigned written, unwritten; /* calls that were cut off: had they done it? */

static void look_open(struct look *l, struct world *w)
{
	const struct store_local_opts o = { .dir = w->dir };
	struct err e;

	*l = (struct look){ .w = w, .m.until = deadline_in(60000) };
	if (store_local_open(&o, l->m.until, &l->m.st, &e) < 0)
		violated(NULL, "%s", e.msg);
}

static unsigned nic_number(const char *name)
{
	for (unsigned i = 0; i < NICS; i++)
		if (strcmp(name, nic_names[i]) == 0)
			return i;
	violated(NULL, "a NIC %s is recorded", name);
}

static int look_at_record(const struct ipam_found *f, void *arg, struct err *e)
{
	struct look *l = arg;
	unsigned nic;
	struct sandbox *b;
	struct slot *s;
	char text[IP_TEXT_MAX];

	(void)e;
	if (f->rec->hold == HOLD_FREE)
		return 0;
	ip_format(f->addr, text);
	if (!block_rec_has_holder(f->rec)) {
		l->kept++;
		return 0;
	}
	b = sandbox_of(l->w, f->rec->container, &s);
	if (!b)
		violated(NULL, "%s is held by %s, which was deleted", text, f->rec->container);
	nic = nic_number(f->rec->nic);
	/* One NIC's ADD claims for the pod's other NIC too. */
	if (b->nic[nic].have == NOTHING && (s->f->nics == 1 || b->nic[!nic].have == NOTHING))
		violated(NULL, "%s is held by %s %s after its DEL", text, f->rec->container, f->rec->nic);
	if (b->nic[nic].have == HELD && !nic_has(&b->nic[nic], f->addr))
		violated(NULL, "%s is held by %s %s, which was not given it", text, f->rec->container,
			 f->rec->nic);
	l->held[s->number][b == &s->old][nic]++;
	return 0;
}

static int count(const struct store_obj *o, void *arg, struct err *e)
{
	(void)o;
	(void)e;
	++*(size_t *)arg;
	return 0;
}

static void look_count(struct look *l)
{
	struct err e;

	if (store_begin(l->m.st, STORE_READ, l->m.until, &e) < 0 ||
	    store_list(l->m.st, STORE_ATTACHMENT, NULL, NULL, NULL, count, &l->attachments, &e) < 0 ||
	    store_list(l->m.st, STORE_ENDPOINT, NULL, NULL, NULL, count, &l->endpoints, &e) < 0)
		violated(NULL, "%s", e.msg);
	store_end(l->m.st);
}

static void look_records(struct look *l)
{
	struct err e;

	memset(l->held, 0, sizeof(l->held));
	l->kept = l->attachments = l->endpoints = 0;
	if (ipam_records(&l->m, NULL, look_at_record, l, &e) < 0)
		violated(NULL, "%s", e.msg);
	look_count(l);
}

/* Everything acknowledged is there, and nothing else is held. */
static void look_compare(struct world *w)
{
	struct look l;

	look_open(&l, w);
	look_records(&l);
	for (unsigned i = 0; i < SLOTS; i++) {
		for (unsigned k = 0; k < 2 * NICS; k++) {
			const struct sandbox *b = k < NICS ? &w->slot[i].cur : &w->slot[i].old;
			const struct nic *n = &b->nic[k % NICS];
			size_t have = l.held[i][k / NICS][k % NICS];
			char id[48];

			if (n->have == HELD && have != n->n)
				violated(NULL, "%s %s has %zu of the %zu addresses it was given: %s",
					 sandbox_id(w, &w->slot[i], b->gen, id), nic_names[k % NICS], have,
					 n->n, n->answer);
			written += n->have == UNKNOWN && have;
			unwritten += n->have == UNKNOWN && !have;
		}
	}
	store_close(l.m.st);
}

static int release_kept(const struct ipam_found *f, void *arg, struct err *e)
{
	struct ip_set *set = arg;

	if (f->rec->hold == HOLD_FREE)
		return 0;
	return ip_set_add(&set[f->addr.ver == 6], (struct ip_range){ f->addr.n, f->addr.n }, e);
}

/* After every DEL: no address is held. Those kept for pods that may come again are let go here. */
static void look_at_end(struct world *w)
{
	struct ip_set set[2] = { { .ver = 4 }, { .ver = 6 } };
	struct look l;
	struct err e;

	look_open(&l, w);
	look_records(&l);
	if (l.attachments)
		violated(NULL, "%s: %zu attachments are left after every DEL", w->dir, l.attachments);
	if (ipam_records(&l.m, NULL, release_kept, set, &e) < 0)
		violated(NULL, "%s", e.msg);
	for (unsigned i = 0; i < 2; i++) {
		for (size_t k = 0; k < set[i].n; k++)
			for (ip_num n = set[i].r[k].lo; n <= set[i].r[k].hi; n++)
				if (ipam_release(&l.m, (struct ip){ set[i].ver, n }, false, &e) < 0)
					violated(NULL, "%s", e.msg);
		ip_set_clear(&set[i]);
	}
	look_records(&l);
	if (l.kept || l.endpoints)
		violated(NULL, "%s: %zu addresses and %zu endpoints are left at the end", w->dir, l.kept,
			 l.endpoints);
	store_close(l.m.st);
}

#endif
