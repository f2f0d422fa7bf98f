/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c - a SpiderIPPool as the API server has it */
#include "ipam/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/plan.h"
#include "ipam/takeover.h"

int ipam_pool_value(struct json_object *pool, struct buf *text, const char *terms[4], struct err *e)
{
	struct api_object *o = NULL;
	struct api_ippool *p;
	enum api_kind kind;
	int r;

	terms[0] = NULL;
	r = api_decode(pool, "SpiderIPPool", &kind, &o, e);
	if (r < 0)
		return r;
	p = (struct api_ippool *)o;
	if (!takeover_due(p))
		free(TAKE_PTR(p->status.allocated_ips));
	p->status.observed_generation.set = false;
	pool_terms(p, terms);
	r = api_encode_text(kind, p, text, e);
	api_free(kind, o);
	return r;
}
