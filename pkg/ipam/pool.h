/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h - a SpiderIPPool as the API server has it, for the store of a cluster (store/kube.h) */
#ifndef IPAM_POOL_H
#define IPAM_POOL_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

/* The text that transactions see and its index terms. Of the status only what the take-over of an older
 * Spiderpool's records has to know stays: it may be long, and nothing decides by it. */
int ipam_pool_value(struct json_object *pool, struct buf *text, const char *terms[4], struct err *e);

#endif
