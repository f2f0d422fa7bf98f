/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_store_line.c - lines of a backup: what is read is written the same way and read again as the same
 * object; any bytes at all survive in a value */
#include <stdlib.h>
#include <string.h>

#include "store/local_impl.h"
#include "store/local_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err err;

static void must(int ok)
{
	if (!ok)
		abort();
}

static void encode(const struct store_op *op, struct buf *out)
{
	uint8_t *own = NULL;
	struct local_val val = {
		.version = op->version, .free_at = op->free_at, .data = op->data, .len = op->len
	};

	must(local_terms_pack(op->terms, &own, &val.terms, &err) == 0);
	must(line_obj_encode(op->kind, op->ns, op->name, &val, out, &err) == 0);
	free(own);
}

static void check_same(const struct store_op *a, const struct store_op *b)
{
	size_t i = 0;

	must(a->kind == b->kind && a->version == b->version && a->free_at == b->free_at && a->len == b->len);
	must(strcmp(a->ns, b->ns) == 0 && strcmp(a->name, b->name) == 0 &&
	     memcmp(a->data, b->data, a->len) == 0);
	for (; a->terms && a->terms[i]; i++)
		must(b->terms && b->terms[i] && strcmp(a->terms[i], b->terms[i]) == 0);
	must(!b->terms || !b->terms[i]);
}

static void check_round(const struct store_op *op)
{
	struct line_obj o = { 0 };
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct store_op again;

	encode(op, &text);
	must(!memchr(buf_cstr(&text), '\n', text.len));
	must(line_obj_decode(buf_cstr(&text), text.len, "again", &o, &again, &err) == 0);
	check_same(op, &again);
	json_clear(&line_obj_table, &o);
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct store_op raw = { .kind = STORE_META,
				      .ns = "",
				      .name = "n",
				      .version = 1,
				      .data = (const char *)data,
				      .len = size };
	struct line_obj o = { 0 };
	struct store_op op;

	if (line_obj_decode((const char *)data, size, "line", &o, &op, &err) == 0)
		check_round(&op);
	json_clear(&line_obj_table, &o);
	if (size <= STORE_VALUE_MAX)
		check_round(&raw);
	return 0;
}
