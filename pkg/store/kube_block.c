/* SPDX-License-Identifier: Apache-2.0 */
/* kube_block.c - a block as the API has it, and the changes that wait to be written on top */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "api/block.h"
#include "base/own.h"
#include "json/json.h"
#include "store/kube_impl.h"

#define FIELD_NODE      9 /* of a line (api/block.h) */
#define FIELD_CONTAINER 10

/* ---- the table ---- */

static struct kube_block **place(struct store_kube *h, uint8_t ver, ip_num index)
{
	struct kube_block **at = &h->bucket[XXH3_64bits_withSeed(&index, sizeof(index), ver) % KUBE_BUCKETS];

	while (*at && ((*at)->ver != ver || (*at)->index != index))
		at = &(*at)->chain;
	return at;
}

struct kube_block *block_find(struct store_kube *h, uint8_t ver, ip_num index)
{
	return *place(h, ver, index);
}

struct kube_block *block_make(struct store_kube *h, uint8_t ver, ip_num index, struct err *e)
{
	struct kube_block **at = place(h, ver, index);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at) {
			err_nomem(e);
			return NULL;
		}
		(*at)->ver = ver;
		(*at)->index = index;
		(*at)->version = ++h->seq;
		h->n_blocks++;
	}
	(*at)->used_at = clock_mono_ms();
	return *at;
}

static void drop_lines(struct store_kube *h, struct kube_block *b)
{
	if (!b->line)
		return;
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		free(b->line[i]);
	free(b->line);
	b->line = NULL;
	h->n_lines--;
}

static bool is_idle(const struct kube_block *b)
{
	return !b->first && !b->flushing && !b->loading && !b->refs;
}

static struct kube_block *oldest(struct store_kube *h, bool with_lines)
{
	struct kube_block *ret = NULL;

	for (size_t i = 0; i < KUBE_BUCKETS; i++)
		for (struct kube_block *b = h->bucket[i]; b; b = b->chain)
			if (is_idle(b) && (!with_lines || b->line) && (!ret || b->used_at < ret->used_at))
				ret = b;
	return ret;
}

void block_evict(struct store_kube *h)
{
	struct kube_block *b;

	while (h->n_lines > KUBE_LINES_KEPT && (b = oldest(h, true))) {
		drop_lines(h, b);
		b->known = false;
	}
	while (h->n_blocks > KUBE_BLOCKS_KEPT && (b = oldest(h, false))) {
		struct kube_block **at = place(h, b->ver, b->index);

		*at = b->chain;
		drop_lines(h, b);
		free(b);
		h->n_blocks--;
	}
}

void blocks_forget(struct store_kube *h)
{
	for (size_t i = 0; i < KUBE_BUCKETS; i++) {
		for (struct kube_block *b = h->bucket[i]; b; b = b->chain) {
			if (!is_idle(b))
				continue;
			drop_lines(h, b);
			b->known = b->summed = b->exists = false;
			b->rv[0] = '\0';
		}
	}
	ip_set_clear(&h->full[0]);
	ip_set_clear(&h->full[1]);
}

void blocks_free(struct store_kube *h)
{
	for (size_t i = 0; i < KUBE_BUCKETS; i++) {
		while (h->bucket[i]) {
			struct kube_block *b = h->bucket[i];

			h->bucket[i] = b->chain;
			drop_lines(h, b);
			free(b);
		}
	}
	ip_set_clear(&h->full[0]);
	ip_set_clear(&h->full[1]);
}

/* ---- text and lines ---- */

const char *block_records(struct json_object *tree)
{
	const char *s = json_get_str(json_get(tree, "spec"), "records");

	return s ? s : "";
}

/* Calls for each line with its newline. A line that starts with no offset is damage. */
static int each_line(const char *text, size_t len,
		     int (*each)(unsigned slot, const char *line, size_t n, void *arg), void *arg,
		     struct err *e)
{
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		unsigned slot = 0;
		const char *d = p;

		for (; d < end && *d >= '0' && *d <= '9' && slot < IP_BLOCK_SIZE; d++)
			slot = slot * 10 + (unsigned)(*d - '0');
		if (!nl || d == p || *d != '\t' || slot >= IP_BLOCK_SIZE)
			return err_code(e, ERR_DECODE, EBADMSG,
					"spec.records: a line without an offset below %d", IP_BLOCK_SIZE);
		if (each(slot, p, (size_t)(nl + 1 - p), arg) < 0)
			return err_nomem(e);
		p = nl + 1;
	}
	return 0;
}

static int keep_line(unsigned slot, const char *line, size_t n, void *arg)
{
	char **out = arg;

	free(out[slot]);
	out[slot] = strndup(line, n);
	return out[slot] ? 0 : -ENOMEM;
}

void block_lines(const struct kube_block *b, const char *out[IP_BLOCK_SIZE])
{
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		out[i] = b->line ? b->line[i] : NULL;
	for (const struct rec_change *c = b->first; c; c = c->next)
		out[c->slot] = c->post;
}

int block_text(const struct kube_block *b, struct buf *out, struct err *e)
{
	const char *line[IP_BLOCK_SIZE];

	block_lines(b, line);
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		if (line[i])
			buf_str(out, line[i]);
	return out->err ? err_nomem(e) : 0;
}

/* A field of a line; *len 0 when it has none. */
static const char *field_of(const char *line, int field, size_t *len)
{
	for (int i = 0; i < field && line; i++) {
		line = strchr(line, '\t');
		line = line ? line + 1 : NULL;
	}
	*len = line ? strcspn(line, "\t\n") : 0;
	return line;
}

void line_node(const char *line, char out[256])
{
	size_t len;
	const char *node = field_of(line, FIELD_NODE, &len);

	snprintf(out, 256, "%.*s", (int)len, len ? node : "");
}

static bool has_container(const char *line)
{
	size_t len;

	(void)field_of(line, FIELD_CONTAINER, &len);
	return len > 0;
}

static bool is_held_here(const struct store_kube *h, const char *line)
{
	size_t len;
	const char *node = field_of(line, FIELD_NODE, &len);

	return len && strlen(h->node) == len && memcmp(node, h->node, len) == 0 && has_container(line);
}

static bool same_line(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* free_at of what transactions see. */
static int sum_up(struct kube_block *b, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(BLOCK_TEXT_MAX);
	struct block dec;
	int r = block_text(b, &text, e);

	if (r == 0)
		r = block_decode(b->ver, b->index, buf_cstr(&text), text.len, &dec, e);
	if (r < 0)
		return r;
	b->free_at = block_free_at(&dec);
	b->summed = true;
	block_clear(&dec);
	return 0;
}

/* ---- changes ---- */

static void change_end(struct rec_change *c, enum change_state state)
{
	struct kube_block *b = c->block;
	struct rec_change **at = &b->first;

	while (*at && *at != c)
		at = &(*at)->next;
	*at = c->next;
	if (b->last == c) {
		b->last = b->first;
		while (b->last && b->last->next)
			b->last = b->last->next;
	}
	c->next = NULL;
	c->state = state;
	c->sending = c->maybe = false;
	c->txn->waiting--;
}

static void stale(const struct kube_block *b, struct err *e)
{
	char name[IP_BLOCK_NAME_MAX];

	err_code(e, ERR_TRY_AGAIN, ESTALE, "SpiderIPBlock %s was changed by another node",
		 ip_block_name(b->ver, b->index, name));
}

/* The first change that does not fit what is below it; NULL when all do. */
static struct rec_change *misfit(const struct kube_block *b)
{
	const char *line[IP_BLOCK_SIZE];

	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		line[i] = b->line ? b->line[i] : NULL;
	for (struct rec_change *c = b->first; c; c = c->next) {
		if (!same_line(c->pre, line[c->slot]))
			return c;
		line[c->slot] = c->post;
	}
	return NULL;
}

static void shake(struct store_kube *h, struct kube_block *b)
{
	if (b->shaken)
		return;
	b->shaken = true;
	b->next_shaken = h->shaken;
	h->shaken = b;
}

static void drop_changes(struct store_kube *h, struct kube_txn *t, const struct err *why)
{
	if (!t->failed) {
		t->failed = true;
		t->why = *why;
	}
	for (struct rec_change *c = t->changes; c; c = c->sibling) {
		if (c->state == CHANGE_WAITS && !c->sending && !c->maybe)
			change_end(c, CHANGE_DROPPED);
		if (c->state == CHANGE_DROPPED)
			shake(h, c->block);
	}
}

/* What does not stand any more takes down what was built on it, in other blocks too. */
static void replay(struct store_kube *h)
{
	struct kube_block *b;
	struct rec_change *c;
	struct err e;

	while ((b = h->shaken)) {
		h->shaken = b->next_shaken;
		b->shaken = false;
		while ((c = misfit(b))) {
			stale(b, &e);
			/* Of one that was sent nothing else can be said: it neither stands nor may it land
			 * any more. */
			if (c->sending || c->maybe)
				change_end(c, CHANGE_DROPPED);
			drop_changes(h, c->txn, &e);
		}
		b->version = ++h->seq; /* who saw it must not write it back */
		b->summed = b->line && sum_up(b, &e) == 0;
		full_note(h, b);
	}
}

void txn_fail(struct store_kube *h, struct kube_txn *t, const struct err *why)
{
	drop_changes(h, t, why);
	replay(h);
}

/* The object has moved on, so no more of what was sent can land: of the changes that may have landed, those
 * did whose result is there now, and what came before it. */
static void find_landed(struct kube_block *b)
{
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		struct rec_change *upto = NULL, *c, *next;

		for (c = b->first; c; c = c->next)
			if (c->slot == i && (c->maybe || c->sending) && same_line(c->post, b->line[i]))
				upto = c;
		for (c = b->first; c && upto; c = next) {
			bool last = c == upto;

			next = c->next;
			if (c->slot == i)
				change_end(c, CHANGE_DONE);
			if (last)
				break;
		}
	}
	for (struct rec_change *c = b->first; c; c = c->next)
		c->maybe = c->sending = false;
}

/* A container of this node has lost its address, and nobody here has done it. Another's in its place is seen
 * by the claims alone: a StatefulSet's pod may have moved. */
static bool is_robbed(const struct store_kube *h, const struct kube_block *b, char *const *fresh)
{
	bool pending[IP_BLOCK_SIZE] = { false };

	for (const struct rec_change *c = b->first; c; c = c->next)
		pending[c->slot] = true;
	for (unsigned i = 0; i < IP_BLOCK_SIZE && b->line; i++)
		if (b->line[i] && !pending[i] && is_held_here(h, b->line[i]) &&
		    !same_line(b->line[i], fresh[i]))
			return true;
	return false;
}

int block_take(struct store_kube *h, struct kube_block *b, const char *records, const char *rv, struct err *e)
{
	char **fresh = calloc(IP_BLOCK_SIZE, sizeof(*fresh));
	int r = fresh ? 0 : err_nomem(e);
	bool moved, robbed;

	if (r == 0 && records)
		r = each_line(records, strlen(records), keep_line, fresh, e);
	if (r < 0) {
		for (unsigned i = 0; fresh && i < IP_BLOCK_SIZE; i++)
			free(fresh[i]);
		free(fresh);
		return r;
	}
	robbed = is_robbed(h, b, fresh);
	moved = b->exists != (records != NULL) || strcmp(b->rv, rv ? rv : "") != 0;
	drop_lines(h, b);
	b->line = fresh;
	h->n_lines++;
	b->known = true;
	b->exists = records != NULL;
	snprintf(b->rv, sizeof(b->rv), "%s", rv ? rv : "");
	if (moved)
		find_landed(b);
	shake(h, b);
	replay(h);
	r = sum_up(b, e);
	if (r < 0)
		b->known = false; /* whoever repairs it does not tell */
	return r < 0 ? r : robbed;
}

static int add_change(struct kube_block *b, struct kube_txn *t, unsigned slot, const char *pre,
		      const char *post, struct err *e)
{
	struct rec_change *c = calloc(1, sizeof(*c));

	if (c && pre)
		c->pre = strdup(pre);
	if (c && post)
		c->post = strdup(post);
	if (!c || (pre && !c->pre) || (post && !c->post)) {
		if (c) {
			free(c->pre);
			free(c->post);
		}
		free(c);
		return err_nomem(e);
	}
	c->txn = t;
	c->block = b;
	c->slot = slot;
	c->sibling = t->changes;
	t->changes = c;
	t->waiting++;
	if (b->last)
		b->last->next = c;
	else
		b->first = c;
	b->last = c;
	b->refs++;
	return 0;
}

int block_change(struct store_kube *h, struct kube_block *b, const struct store_op *op, struct kube_txn *t,
		 struct err *e)
{
	const char *old[IP_BLOCK_SIZE];
	char *now[IP_BLOCK_SIZE] = { 0 };
	bool gone = op->verb == STORE_DELETE; /* only the controller deletes the object */
	int r = gone ? 0 : each_line(op->data, op->len, keep_line, now, e);

	block_lines(b, old);
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		if (r == 0 && !same_line(old[i], now[i]))
			r = add_change(b, t, i, old[i], now[i], e);
		free(now[i]);
	}
	b->free_at = gone ? 0 : op->free_at;
	b->summed = true;
	full_note(h, b);
	b->version = ++h->seq;
	h->stats.changes++;
	return r;
}

void block_settle(struct store_kube *h, struct kube_block *b, const char *rv)
{
	struct rec_change *c = b->first, *next;

	for (; c; c = next) {
		next = c->next;
		if (!c->sending)
			continue;
		free(b->line[c->slot]);
		b->line[c->slot] = c->post ? strdup(c->post) : NULL;
		if (c->post && !b->line[c->slot])
			b->known = false; /* out of memory: read it again */
		change_end(c, CHANGE_DONE);
	}
	/* Whatever was tried before at an older version can never land now. */
	for (c = b->first; c; c = c->next)
		c->maybe = false;
	snprintf(b->rv, sizeof(b->rv), "%s", rv);
	b->exists = true;
	(void)h;
}

int txn_invert(struct store_kube *h, struct kube_txn *t, struct kube_txn **ret, struct err *e)
{
	struct kube_txn *u = calloc(1, sizeof(*u));
	int r = u ? 0 : err_nomem(e);

	/* The list is newest first: in reverse, as it must be. */
	for (struct rec_change *c = t->changes; r == 0 && c; c = c->sibling) {
		const char *line[IP_BLOCK_SIZE];

		if (c->state != CHANGE_DONE)
			continue;
		block_lines(c->block, line);
		if (!same_line(line[c->slot], c->post))
			continue; /* somebody else's by now */
		r = add_change(c->block, u, c->slot, c->post, c->pre, e);
		if (r == 0)
			r = sum_up(c->block, e);
		c->block->version = ++h->seq;
		full_note(h, c->block);
	}
	if (r < 0 && u) {
		txn_fail(h, u, e);
		txn_free(h, u);
		return r;
	}
	*ret = u;
	return r;
}

void txn_free(struct store_kube *h, struct kube_txn *t)
{
	if (!t)
		return;
	while (t->changes) {
		struct rec_change *c = t->changes;

		t->changes = c->sibling;
		c->block->refs--;
		free(c->pre);
		free(c->post);
		free(c);
	}
	for (size_t i = 0; i < t->n_intents; i++)
		free(t->intents[i]);
	free(t->intents);
	free(t);
	block_evict(h);
}
