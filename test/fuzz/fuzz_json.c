/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c - JSON text to trees and structs and back
 *
 * Properties: what is printed is read as an equal tree and printed the same; a copy is equal; a decoded
 * struct encodes to a document that decodes and encodes to the same bytes, also from one piece of memory and
 * from a tree of what its table names; an error has a sentence.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/sample.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

static void note(const char *path, void *arg)
{
	demand(*path != '\0', "an unknown key has no path", arg);
}

static void print_and_read(struct json_object *o)
{
	CLEANUP(json_put_p) struct json_object *again = NULL, *copy = NULL;
	struct err e = { 0 };

	for (int pretty = 0; pretty < 2; pretty++) {
		CLEANUP(buf_clear)
		struct buf first = BUF_INIT(BUF_MAX_DEFAULT), second = BUF_INIT(BUF_MAX_DEFAULT);

		demand(json_print(o, pretty, &first, &e) == 0, "print", &e);
		json_put_p(&again);
		demand(json_parse_as(first.s, first.len, "printed", JSON_UNIQUE, &again, &e) == 0,
		       "parse again", &e);
		demand(json_object_equal(o, again), "what was printed is another tree", &e);
		demand(json_print(again, pretty, &second, &e) == 0, "print again", &e);
		demand(strcmp(first.s, second.s) == 0, "printed differently", &e);
	}
	demand(json_dup(o, &copy, &e) == 0 && json_object_equal(o, copy), "copy", &e);
}

static void decode_and_encode(struct json_object *o)
{
	CLEANUP(buf_clear) struct buf first = BUF_INIT(BUF_MAX_DEFAULT), second = BUF_INIT(BUF_MAX_DEFAULT);
	struct sample s, again, copy;
	struct err e = { 0 };

	if (json_decode(&sample_table, o, "input", &s, &e) < 0) {
		demand(e.msg[0] && e.cni == ERR_CONFIG, "an error without a sentence", &e);
		return;
	}
	demand(json_copy(&sample_table, &s, &copy, &e) == 0, "copy", &e);
	demand(json_encode_text(&sample_table, &s, &first, &e) == 0, "encode", &e);
	json_clear(&sample_table, &s);
	demand(json_decode_text(&sample_table, first.s, first.len, "encoded", &again, &e) == 0,
	       "decode again", &e);
	demand(json_encode_text(&sample_table, &again, &second, &e) == 0, "encode again", &e);
	demand(strcmp(first.s, second.s) == 0, "encoded differently", &e);
	buf_reset(&second);
	demand(json_encode_text(&sample_table, &copy, &second, &e) == 0, "encode the copy", &e);
	demand(strcmp(first.s, second.s) == 0, "the copy is encoded differently", &e);
	json_clear(&sample_table, &again);
	json_clear(&sample_table, &copy);
}

/* A part of it is taken of the same texts, and decoded to the same struct; so is one in one piece. */
static void keep_and_pack(const char *text, size_t len, struct json_object *whole)
{
	CLEANUP(buf_clear) struct buf first = BUF_INIT(BUF_MAX_DEFAULT), second = BUF_INIT(BUF_MAX_DEFAULT);
	const char *const strings[] = { "a", "info" };
	const struct json_shared shared = { strings, 2 };
	CLEANUP(json_put_p) struct json_object *part = NULL;
	CLEANUP(free_p) char *packed = NULL;
	struct sample s;
	struct err e = { 0 };
	bool is;

	demand(json_parse_kept(&sample_table, text, len, "input", 0, &part, &e) == 0, "parse a part", &e);
	is = json_decode(&sample_table, whole, "input", &s, &e) == 0;
	if (!is)
		return;
	demand(json_encode_text(&sample_table, &s, &first, &e) == 0, "encode", &e);
	packed = malloc(json_pack_size(&sample_table, &s, &shared));
	demand(packed != NULL, "no memory", &e);
	json_pack(&sample_table, &s, &shared, packed);
	json_clear(&sample_table, &s);
	demand(json_encode_text(&sample_table, packed, &second, &e) == 0, "encode what is packed", &e);
	demand(strcmp(first.s, second.s) == 0, "packed differently", &e);
	json_pack_clear(&sample_table, packed);
	demand(json_decode(&sample_table, part, "input", &s, &e) == 0, "decode a part", &e);
	buf_reset(&second);
	demand(json_encode_text(&sample_table, &s, &second, &e) == 0, "encode a part", &e);
	demand(strcmp(first.s, second.s) == 0, "a part is encoded differently", &e);
	json_clear(&sample_table, &s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_put_p) struct json_object *o = NULL, *mended = NULL;
	struct err e = { 0 };
	int r = json_parse((const char *)data, size, "input", &o, &e);

	demand(r == 0 || (e.msg[0] && e.cni == ERR_DECODE && !o), "an error without a sentence", &e);
	if (r == 0)
		keep_and_pack((const char *)data, size, o);
	if (json_parse_as((const char *)data, size, "input", JSON_MEND, &mended, &e) < 0)
		return 0;
	demand(r < 0 || json_object_equal(o, mended), "mended although it is whole", &e);
	print_and_read(mended);
	decode_and_encode(mended);
	json_unknown(&sample_table, mended, note, &e);
	return 0;
}
