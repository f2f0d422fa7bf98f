/* SPDX-License-Identifier: Apache-2.0 */
/* app_freed.c - whether a block's change frees an address */
#include "app_freed.h"

#include <string.h>

#include "api/api.h"
#include "api/block.h"

static bool decode(const struct kube_item *item, struct block *ret)
{
	const struct api_ipblock *o = item->view;
	const char *records = o && o->spec.records ? o->spec.records : "";
	struct err unreadable;
	uint8_t ver;
	ip_num index;

	return o && ip_block_parse(item->name, &ver, &index, &unreadable) == 0 &&
	       block_decode(ver, index, records, strlen(records), ret, &unreadable) == 0;
}

bool app_freed(const struct kube_item *old, const struct kube_item *now, int64_t at)
{
	struct block was, is;
	bool ret = false;

	if (!old || !now || !decode(old, &was))
		return true;
	if (!decode(now, &is)) {
		block_clear(&was);
		return true;
	}
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++)
		ret |= block_rec_held(&was.rec[i], at) && !block_rec_held(&is.rec[i], at);
	block_clear(&was);
	block_clear(&is);
	return ret;
}
