/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_bond.c - options of a bond: what is read is written as text that is read as the same, and compares as
 * equal with itself; an error has code 7 and a sentence
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "nl/bond.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf first = BUF_INIT(65536), second = BUF_INIT(65536);
	CLEANUP(buf_clear) struct buf differences = BUF_INIT(65536);
	CLEANUP(free_p) char *text = strndup((const char *)data, size);
	struct bond_state state = { .mode = 1 };
	struct bond_options o;
	struct err e = { 0 };

	if (bond_options_parse(text, &o, &e) < 0) {
		must(e.cni == ERR_CONFIG && *e.msg && o.n == 0, "an error without code or sentence");
		return 0;
	}
	bond_options_format(&o, &first);
	must(bond_options_parse(buf_cstr(&first), &state.have, &e) == 0, "cannot be read again");
	bond_options_format(&state.have, &second);
	must(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0, "is read as something else");
	for (size_t i = 0; i < o.n; i++)
		must(i == 0 || o.v[i].opt > o.v[i - 1].opt, "not in the kernel's order");
	bond_compare(&state, 1, &o, &differences);
	/* what the kernel would have rounded down is given as it is here */
	must(differences.len == 0 || strstr(buf_cstr(&first), "delay="), buf_cstr(&differences));
	return 0;
}
