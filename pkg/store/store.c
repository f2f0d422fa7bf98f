/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - dispatch to the implementation, after checks that every implementation needs */
#include "store/store.h"

#include <errno.h>
#include <string.h>

#include "json/json.h"

static const char *const kind_names[STORE_KIND_MAX] = {
	[STORE_META] = "Meta",
	[STORE_IPPOOL] = "SpiderIPPool",
	[STORE_SUBNET] = "SpiderSubnet",
	[STORE_RESERVEDIP] = "SpiderReservedIP",
	[STORE_ENDPOINT] = "SpiderEndpoint",
	[STORE_BLOCK] = "SpiderIPBlock",
	[STORE_ATTACHMENT] = "Attachment",
};

const char *store_kind_name(enum store_kind kind)
{
	return (unsigned)kind < STORE_KIND_MAX ? kind_names[kind] : NULL;
}

int store_kind_parse(const char *word, struct err *e)
{
	for (int k = 0; k < STORE_KIND_MAX; k++)
		if (strcmp(kind_names[k], word) == 0)
			return k;
	return err_set(e, EINVAL, "store: there is no kind \"%.64s\"", word);
}

/* One of the words that name an object: they go into errors and, as JSON, into backups. */
static int check_word(enum store_kind kind, const char *what, const char *word, size_t max, struct err *e)
{
	size_t len = strnlen(word, max + 1), n;

	if (len > max)
		return err_set(e, ENAMETOOLONG, "%s: %s \"%.64s...\" is longer than %zu bytes",
			       kind_names[kind], what, word, max);
	for (const char *p = word; *p; p += n) {
		n = json_utf8(p, word + len);
		if (!n)
			return err_set(e, EINVAL, "%s: %s is not UTF-8", kind_names[kind], what);
	}
	return 0;
}

static int check_name(enum store_kind kind, const char *ns, const char *name, struct err *e)
{
	int r;

	if (!store_kind_name(kind))
		return err_set(e, EINVAL, "store: there is no kind %d", (int)kind);
	if (!name || !*name)
		return err_set(e, EINVAL, "%s: the name is empty", kind_names[kind]);
	r = check_word(kind, "name", name, STORE_NAME_MAX, e);
	return r < 0 || !ns ? r : check_word(kind, "namespace", ns, STORE_NAME_MAX, e);
}

int store_op_check(const struct store_op *op, struct err *e)
{
	int r = check_name(op->kind, op->ns, op->name, e);

	if (r < 0)
		return r;
	if ((unsigned)op->verb > STORE_DELETE)
		return err_set(e, EINVAL, "%s %s: there is no verb %d", kind_names[op->kind], op->name,
			       (int)op->verb);
	if (op->verb == STORE_DELETE)
		return 0;
	if (op->len > STORE_VALUE_MAX)
		return err_set(e, EFBIG, "%s %s: %zu bytes are more than the limit of %zu",
			       kind_names[op->kind], op->name, op->len, STORE_VALUE_MAX);
	if ((op->len && !op->data) || op->free_at < 0)
		return err_set(e, EINVAL, "%s %s: no data, or a negative time", kind_names[op->kind],
			       op->name);
	for (size_t i = 0; r == 0 && op->terms && op->terms[i]; i++) {
		if (i == STORE_TERMS_MAX)
			return err_set(e, E2BIG, "%s %s: more than %d index terms", kind_names[op->kind],
				       op->name, STORE_TERMS_MAX);
		r = check_word(op->kind, "index term", op->terms[i], STORE_TERM_MAX, e);
	}
	return r;
}

int store_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	return st->impl->begin(st, mode, until, e);
}

int store_get(struct store *st, enum store_kind kind, const char *ns, const char *name, struct store_obj *ret,
	      struct err *e)
{
	int r = check_name(kind, ns, name, e);

	return r < 0 ? r : st->impl->get(st, kind, ns ? ns : "", name, ret, e);
}

int store_list(struct store *st, enum store_kind kind, const char *term, const char *from, const char *to,
	       int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg, struct err *e)
{
	if (!store_kind_name(kind))
		return err_set(e, EINVAL, "store: there is no kind %d", (int)kind);
	if (!from != !to || (term && from))
		return err_set(e, EINVAL, "store: list %s by a term, or from one name to another",
			       kind_names[kind]);
	return st->impl->list(st, kind, term, from, to, each, arg, e);
}

int store_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
		    struct err *e)
{
	if ((ver != 4 && ver != 6) || to > (ver == 4 ? (ip_num)UINT32_MAX : ~(ip_num)0) >> IP_BLOCK_BITS)
		return err_set(e, EINVAL, "store: no such block in IPv%u", ver);
	if (from > to || before < 0)
		return 0;
	return st->impl->next_free(st, ver, from, to, before, ret, e);
}

int store_doubt(struct store *st, uint8_t ver, const struct ip_set *set, struct err *e)
{
	return st->impl->doubt ? st->impl->doubt(st, ver, set, e) : 0;
}

int store_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	int r = 0;

	if (n > STORE_OPS_MAX)
		r = err_set(e, E2BIG, "store: %zu operations in one commit, the limit is %d", n,
			    STORE_OPS_MAX);
	for (size_t i = 0; i < n && r == 0; i++)
		r = store_op_check(&ops[i], e);
	if (r == 0)
		return st->impl->commit(st, ops, n, e);
	st->impl->end(st);
	return r;
}

void store_end(struct store *st)
{
	st->impl->end(st);
}

void store_close(struct store *st)
{
	if (st)
		st->impl->close(st);
}

void store_close_p(struct store **st)
{
	store_close(*st);
}
