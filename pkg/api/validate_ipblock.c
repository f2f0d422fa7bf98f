/* SPDX-License-Identifier: Apache-2.0 */
/* validate_ipblock.c - the rules of SpiderIPBlock: all of it follows from its name, but for the records */
#include <string.h>

#include "api/block.h"
#include "api/check.h"

int validate_ipblock(const struct api_ipblock *b, struct err *e)
{
	const char *records = b->spec.records ? b->spec.records : "";
	char cidr[IP_TEXT_MAX];
	struct ip_prefix p;
	struct block decoded;
	uint8_t ver;
	ip_num index;
	int r;

	r = ip_block_parse(b->obj.meta.name, &ver, &index, e);
	if (r < 0)
		return err_wrap(e, "metadata.name");
	if (!b->spec.ip_version.set || b->spec.ip_version.v != ver)
		return check_failed(e, "spec.ipVersion: want %d, as the name says", ver);
	p = (struct ip_prefix){ .ip = { .ver = ver, .n = index * IP_BLOCK_SIZE },
				.len = (uint8_t)(ip_bits(ver) - IP_BLOCK_BITS) };
	if (!b->spec.cidr || strcmp(b->spec.cidr, ip_prefix_format(p, cidr)) != 0)
		return check_failed(e, "spec.cidr: %s: want %s, as the name says",
				    b->spec.cidr ? b->spec.cidr : "missing", ip_prefix_format(p, cidr));
	r = block_decode(ver, index, records, strlen(records), &decoded, e);
	if (r < 0) {
		err_wrap(e, "spec.records");
		e->cni = ERR_CONFIG;
		return r;
	}
	block_clear(&decoded);
	return 0;
}
