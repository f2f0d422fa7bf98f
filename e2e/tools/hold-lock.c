/* SPDX-License-Identifier: Apache-2.0 */
/* hold-lock.c - for tests: takes the writer's lock of a state directory, says "held", and keeps it until its
 * standard input ends */
#include <stdio.h>
#include <unistd.h>

#include "store/local.h"

int main(int argc, char **argv)
{
	const struct store_local_opts o = { .dir = argc > 1 ? argv[1] : STORE_LOCAL_DIR };
	struct store *st = NULL;
	struct err e = { 0 };
	char c;

	if (store_local_open(&o, deadline_in(5000), &st, &e) < 0 ||
	    store_begin(st, STORE_WRITE, deadline_in(5000), &e) < 0) {
		fprintf(stderr, "hold-lock: %s\n", e.msg);
		return 1;
	}
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	store_close(st);
	return 0;
}
