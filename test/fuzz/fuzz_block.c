/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_block.c - a text that decodes encodes to itself, and so does a block made from any strings */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err err;

static void must(int ok)
{
	if (!ok)
		abort();
}

static void check_meaning(const struct block *b)
{
	static const int64_t times[] = { 0, 1, 1000, INT64_MAX };

	for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
		uint64_t mask = block_held_mask(b, times[t]);
		int64_t min = INT64_MAX;

		for (int i = 0; i < IP_BLOCK_SIZE; i++) {
			const struct block_rec *r = &b->rec[i];
			int64_t free_at = block_rec_free_at(r);

			must(((mask >> i) & 1) == block_rec_held(r, times[t]));
			/* Held now means free at no time up to now, and the other way round for quarantine.
			 */
			must(!block_rec_held(r, times[t]) || free_at > times[t] || free_at == INT64_MAX);
			must(!block_rec_has_holder(r) || block_rec_held(r, times[t]));
			if (free_at < min)
				min = free_at;
		}
		must(block_free_at(b) == min);
	}
}

static void check_text(const char *text, size_t len)
{
	struct buf out = BUF_INIT(BLOCK_TEXT_MAX);
	struct block b;

	if (block_decode(4, 12, text, len, &b, &err) < 0) {
		must(!b.text && err.cni == ERR_DECODE && block_held_mask(&b, 0) == 0);
		return;
	}
	must(block_encode(&b, &out, &err) == 0);
	must(out.len == len && (len == 0 || memcmp(out.s, text, len) == 0));
	check_meaning(&b);
	block_clear(&b);
	buf_clear(&out);
}

/* Strings of the input become fields; what can be encoded must come back. */
static void check_fields(const char *text, size_t len)
{
	struct buf first = BUF_INIT(BLOCK_TEXT_MAX), second = BUF_INIT(BLOCK_TEXT_MAX);
	const char *s = text, *end = text + len;
	struct block b, again;

	block_init(&b, 6, 12);
	for (int i = 0; s < end; i = (i * 5 + 1) % IP_BLOCK_SIZE) {
		struct block_rec *r = &b.rec[i];
		const char **f[] = { &r->pool,  &r->network, &r->ns,        &r->pod,  &r->uid,
				     &r->nic,   &r->node,    &r->container, &r->boot, &r->request,
				     &r->netns, &r->ref,     &r->mac };

		r->hold = (enum hold)(*s % HOLD_MAX);
		r->unconfirmed = *s & 16;
		r->since = (int64_t)(end - s) * *s;
		r->until = *s == 'u' ? INT64_MAX : *s / 16;
		for (size_t k = 0; k < sizeof(f) / sizeof(f[0]) && s < end; k++) {
			*f[k] = s;
			s += strlen(s) + 1;
		}
	}
	if (block_encode(&b, &first, &err) == 0) {
		must(block_decode(6, 12, buf_cstr(&first), first.len, &again, &err) == 0);
		must(block_held_mask(&again, 5) == block_held_mask(&b, 5));
		must(block_encode(&again, &second, &err) == 0);
		must(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0);
		block_clear(&again);
	}
	buf_clear(&first);
	buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check_text(text, size);
	check_fields(text, size);
	free(text);
	return 0;
}
