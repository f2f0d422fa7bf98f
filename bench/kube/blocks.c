/* SPDX-License-Identifier: Apache-2.0 */
/* blocks.c - requests (api.c) that make blocks of which every address is taken, as the agents write them
 *
 *	blocks POOL FIRST_ADDRESS COUNT NODE          at once
 *	blocks POOL FIRST_ADDRESS COUNT NODE grow     one address after the other: 64 writes of each block
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/block.h"
#include "base/clock.h"
#include "base/own.h"
#include "ip/ip.h"
#include "store/kube.h"

static int fail(const struct err *e)
{
	fprintf(stderr, "blocks: %s\n", e->msg);
	return 1;
}

/* The first n addresses are taken. */
static int records(const char *pool, const char *node, ip_num index, unsigned n, struct buf *text,
		   struct err *e)
{
	char pod[IP_BLOCK_SIZE][32], uid[IP_BLOCK_SIZE][48], container[IP_BLOCK_SIZE][72];
	struct block b;

	block_init(&b, 4, index);
	for (unsigned i = 0; i < n; i++) {
		unsigned number = (unsigned)index * IP_BLOCK_SIZE + i;
		struct block_rec *rec = &b.rec[i];

		snprintf(pod[i], sizeof(pod[i]), "taken-%08x", number);
		snprintf(uid[i], sizeof(uid[i]), "00000000-0000-0000-0000-%012x", number);
		snprintf(container[i], sizeof(container[i]), "%064x", number);
		block_rec_init(rec);
		rec->hold = HOLD_POD;
		rec->since = clock_wall_ms();
		rec->pool = pool;
		rec->network = "bench";
		rec->ns = "default";
		rec->pod = pod[i];
		rec->uid = uid[i];
		rec->nic = "eth0";
		rec->node = node;
		rec->container = container[i];
		rec->boot = "00000000-0000-0000-0000-000000000000";
		rec->netns = "4:4026531840";
	}
	return block_encode(&b, text, e);
}

static int print_block(const char *pool, const char *node, ip_num index, unsigned n, bool update,
		       struct err *e)
{
	struct ip_prefix cidr = { { 4, index << IP_BLOCK_BITS }, 32 - IP_BLOCK_BITS };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(BLOCK_TEXT_MAX);
	char name[IP_BLOCK_NAME_MAX], prefix[IP_TEXT_MAX];
	int r = records(pool, node, index, n, &text, e);

	if (r < 0)
		return r;
	ip_block_name(4, index, name);
	printf("%s /apis/" API_VERSION "/spideripblocks%s%s {\"apiVersion\":\"" API_VERSION
	       "\",\"kind\":\"SpiderIPBlock\",\"metadata\":{\"name\":\"%s\",%s\"labels\":{",
	       update ? "PUT" : "POST", update ? "/" : "", update ? name : "", name,
	       update ? "\"resourceVersion\":\"VERSION\"," : "");
	printf("%s\"" STORE_KUBE_NODE_LABEL
	       "%s\":\"\"}},\"spec\":{\"ipVersion\":4,\"cidr\":\"%s\",\"records\":\"",
	       n == IP_BLOCK_SIZE ? "\"" STORE_KUBE_FULL_LABEL "\":\"true\"," : "", node,
	       ip_prefix_format(cidr, prefix));
	for (const char *s = buf_cstr(&text); *s; s++)
		*s == '\t' ? fputs("\\t", stdout) : *s == '\n' ? fputs("\\n", stdout) : putchar(*s);
	puts("\"}}");
	return 0;
}

int main(int argc, char **argv)
{
	unsigned first_size = argc == 6 ? 1 : IP_BLOCK_SIZE;
	struct err e;
	struct ip first;

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: %s POOL FIRST_ADDRESS COUNT NODE [grow]\n", argv[0]);
		return 2;
	}
	if (ip_parse(argv[2], &first, &e) < 0)
		return fail(&e);
	for (unsigned i = 0; i < strtoul(argv[3], NULL, 10); i++)
		for (unsigned n = first_size; n <= IP_BLOCK_SIZE; n++)
			if (print_block(argv[1], argv[4], (first.n >> IP_BLOCK_BITS) + i, n, n > first_size,
					&e) < 0)
				return fail(&e);
	return 0;
}
