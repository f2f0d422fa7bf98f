/* SPDX-License-Identifier: Apache-2.0 */
/* sign-backup.c - for tests: a backup without its tail from stdin to stdout, with a tail that fits */
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

int main(void)
{
	XXH64_state_t sum;
	char line[1 << 16];
	long long n = -1; /* the head is no object */

	XXH64_reset(&sum, 0);
	while (fgets(line, sizeof(line), stdin)) {
		XXH64_update(&sum, line, strlen(line));
		fputs(line, stdout);
		n += strchr(line, '\n') != NULL;
	}
	printf("{\"count\":%lld,\"xxh64\":\"%016llx\"}\n", n, (unsigned long long)XXH64_digest(&sum));
	return ferror(stdin) || fflush(stdout);
}
