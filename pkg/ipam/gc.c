/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - many at once: GC by the runtime's list, sweep by evidence, sweep after a reboot */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/meta.h"
#include "ipam/release.h"

#define BATCH \
	64 /* attachments released in one transaction: other calls get their turn between two of them \
	    */

/* What one transaction may write: the endpoints, and what the last attachment takes, come on top. */
#define ROOM (STORE_OPS_MAX - 2 * BATCH)

struct sweep {
	bool (*want)(const struct ipam_attachment *a, void *arg);
	void *arg;
	struct ipam_key *keys;
	size_t n, cap, next, done; /* [next, done) is this transaction's share */
	size_t batch, freed;       /* in this transaction, in all that were committed */
};

static int collect(const struct store_obj *o, void *arg, struct err *e)
{
	struct sweep *s = arg;
	struct ipam_attachment a;
	bool want;
	int r = ipam_attachment_decode(o, &a, e);

	if (r < 0)
		return r;
	want = s->want(&a, s->arg);
	ipam_attachment_clear(&a);
	if (!want)
		return 0;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct ipam_key *keys = realloc(s->keys, cap * sizeof(*keys));

		if (!keys)
			return err_nomem(e);
		s->keys = keys;
		s->cap = cap;
	}
	memcpy(s->keys[s->n].ns, o->ns, strlen(o->ns) + 1);
	memcpy(s->keys[s->n].name, o->name, strlen(o->name) + 1);
	s->n++;
	return 0;
}

static int collect_body(struct txn *t, void *arg, struct err *e)
{
	struct sweep *s = arg;

	s->n = 0;
	return store_list(t->m->st, STORE_ATTACHMENT, NULL, NULL, NULL, collect, s, e);
}

/* Judged again: it may have changed since it was collected. */
static int release_key(struct txn *t, struct sweep *s, const struct ipam_key *key, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment sa = { .key = *key };
	struct store_obj o;
	int r = store_get(t->m->st, STORE_ATTACHMENT, key->ns, key->name, &o, e);

	if (r <= 0)
		return r;
	sa.version = o.version;
	r = ipam_attachment_decode(&o, &sa.a, e);
	if (r < 0 || !s->want(&sa.a, s->arg))
		return r;
	/* A claim ahead goes with its claimer when both are in this batch. */
	json_strv_clear(&sa.a.ahead);
	r = release_attachment(t, &sa, e);
	if (r == 0)
		s->batch++;
	return r;
}

static int release_body(struct txn *t, void *arg, struct err *e)
{
	struct sweep *s = arg;
	size_t end = s->n - s->next < BATCH ? s->n : s->next + BATCH;
	int r = 0;

	s->batch = 0;
	for (s->done = s->next; s->done < end && r == 0 && t->n_ops + t->n_blocks < ROOM; s->done++)
		r = release_key(t, s, &s->keys[s->done], e);
	return r == 0 && !s->batch ? 1 : r;
}

static int run(struct ipam *m, struct sweep *s, struct err *e)
{
	int r = txn_run(m, STORE_READ, collect_body, s, e);

	for (s->next = 0; r == 0 && s->next < s->n; s->next = s->done) {
		r = txn_run(m, STORE_RELEASE, release_body, s, e);
		if (r == 0)
			s->freed += s->batch;
	}
	free(s->keys);
	return r;
}

int ipam_sweep(struct ipam *m, bool (*dead)(const struct ipam_attachment *a, void *arg), void *arg,
	       size_t *ret_freed, struct err *e)
{
	struct sweep s = { .want = dead, .arg = arg };
	int r = run(m, &s, e);

	*ret_freed = s.freed;
	return r;
}

/* ---- GC ---- */

struct gc {
	const char *network;
	struct ipam_valid *valid; /* sorted */
	size_t n;
	int64_t started;
};

static int compare_valid(const void *a, const void *b)
{
	const struct ipam_valid *x = a, *y = b;
	int r = strcmp(x->container, y->container);

	return r ? r : strcmp(x->nic, y->nic);
}

static bool gc_wants(const struct ipam_attachment *a, void *arg)
{
	const struct gc *g = arg;
	/* A NIC claimed ahead lives as long as the one that claimed it. */
	struct ipam_valid key = { a->container, a->claimed_by ? a->claimed_by : a->nic };

	/* What comes from the future is old: the clock was set back. */
	return strcmp(a->network, g->network) == 0 &&
	       (a->since <= g->started || a->since > clock_wall_ms()) &&
	       !bsearch(&key, g->valid, g->n, sizeof(key), compare_valid);
}

int ipam_gc(struct ipam *m, const char *network, const struct ipam_valid *valid, size_t n, int64_t started_ms,
	    size_t *ret_freed, struct err *e)
{
	CLEANUP(free_p) struct ipam_valid *sorted = calloc(n + 1, sizeof(*sorted));
	struct gc g = { network, sorted, n, started_ms };
	int r;

	if (!sorted)
		return err_nomem(e);
	if (n)
		memcpy(sorted, valid, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_valid);
	r = ipam_sweep(m, gc_wants, &g, ret_freed, e);
	return r < 0 ? r : ipam_prune(m, e);
}

/* ---- after a reboot ---- */

struct boot {
	const char *id;
	uint64_t version;
	bool same;
};

static int boot_get(struct txn *t, void *arg, struct err *e)
{
	struct boot *b = arg;
	char known[128];
	int r = meta_boot_get(t, known, sizeof(known), &b->version, e);

	if (r < 0)
		return r;
	b->same = strcmp(known, b->id) == 0;
	return 1;
}

static int boot_put(struct txn *t, void *arg, struct err *e)
{
	struct boot *b = arg;
	int r = boot_get(t, b, e); /* another process may have been quicker */

	return r < 0 || b->same ? r : meta_boot_put(t, b->id, b->version, e);
}

static bool of_earlier_boot(const struct ipam_attachment *a, void *arg)
{
	const struct boot *b = arg;

	return !a->boot || strcmp(a->boot, b->id) != 0;
}

int ipam_boot(struct ipam *m, const char *boot, struct err *e)
{
	struct boot b = { .id = boot };
	size_t freed;
	int r;

	if (!boot[0])
		return 0;
	r = txn_run(m, STORE_READ, boot_get, &b, e);
	if (r < 0 || b.same)
		return r;
	r = ipam_sweep(m, of_earlier_boot, &b, &freed, e);
	return r < 0 ? r : txn_run(m, STORE_WRITE, boot_put, &b, e);
}
