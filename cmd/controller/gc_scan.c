/* SPDX-License-Identifier: Apache-2.0 */
/* gc_scan.c - everything, by lists of the API: what no watch has told, in memory that does not grow with the
 * addresses
 *
 * Pods are listed by metadata alone and become 8 bytes each. A block with an address whose pod is not among
 * them is looked at as the API has it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "gc.h"
#include "gc_impl.h"
#include "ipam/alive.h"

#define SCAN_MS   120000
#define SEEN_MS   3600000         /* how long it may take until a pod's address is freed, at least */
#define REQUESTS  "spiderpool-gc" /* a ConfigMap */
#define REQUESTED "requestedAt"
#define ASKED_MS  5000

static const struct kube_resource maps = { "", "v1", "configmaps", "ConfigMap", true };

struct scan {
	struct gc *g;
	struct alive pods;
	size_t blocks, endpoints;
};

static bool has_doubt(const struct scan *s, const struct block *b)
{
	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		const struct block_rec *r = &b->rec[i];

		if (fate_concerns(r) && (fate_waits(r) || !alive_has(&s->pods, r->ns, r->pod, r->uid)))
			return true;
	}
	return false;
}

/* What cannot be read is looked at too: that says why. */
static int look_at_block(struct json_object *o, void *arg, struct err *e)
{
	const char *name = kube_meta(o, "name"), *text = json_get_str(json_get(o, "spec"), "records");
	struct scan *s = arg;
	struct block b;
	struct err why;
	uint8_t ver;
	ip_num index;
	bool doubt = true;

	(void)e;
	if (!name || ip_block_parse(name, &ver, &index, &why) < 0)
		return 0;
	if (block_decode(ver, index, text ? text : "", text ? strlen(text) : 0, &b, &why) == 0) {
		doubt = has_doubt(s, &b);
		block_clear(&b);
	}
	s->blocks += doubt;
	if (doubt)
		gc_add_block(s->g, 'B', name, 0);
	return 0;
}

static bool is_somebodys(const struct scan *s, struct json_object *o)
{
	struct json_object *owners = json_get(json_get(o, "metadata"), "ownerReferences");
	const char *ns = kube_meta(o, "namespace");

	for (size_t i = 0; i < json_len(owners); i++) {
		const char *name = json_get_str(json_at(owners, i), "name");
		const char *uid = json_get_str(json_at(owners, i), "uid");

		if (name && uid && alive_has(&s->pods, ns, name, uid))
			return true;
	}
	return false;
}

static int look_at_endpoint(struct json_object *o, void *arg, struct err *e)
{
	const char *ns = kube_meta(o, "namespace"), *name = kube_meta(o, "name");
	struct scan *s = arg;
	bool doubt;

	(void)e;
	if (!ns || !name)
		return 0;
	doubt = kube_meta(o, "deletionTimestamp") || !is_somebodys(s, o);
	s->endpoints += doubt;
	if (doubt)
		gc_add_endpoint(s->g, ns, name, 0);
	return 0;
}

static int list(struct scan *s, struct kube_op op,
		int (*each)(struct json_object *o, void *arg, struct err *e), struct kube_cancel *cancel,
		struct err *e)
{
	const struct kube_lister l = { .each = each, .arg = s };

	op.until = deadline_in(SCAN_MS);
	op.cancel = cancel;
	return kube_list(s->g->c->k, &op, &l, NULL, e);
}

int64_t gc_scan(struct gc *g, struct kube_cancel *cancel, struct err *e)
{
	struct kube_op blocks = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS], .page = 50 };
	struct kube_op endpoints = { .res = &kube_resources[KUBE_SPIDERENDPOINTS], .metadata_only = true };
	struct scan s = { .g = g };
	int r = alive_list(g->c->k, cancel, deadline_in(SCAN_MS), &s.pods, e);

	if (r == 0)
		r = list(&s, blocks, look_at_block, cancel, e);
	if (r == 0)
		r = list(&s, endpoints, look_at_endpoint, cancel, e);
	alive_clear(&s.pods);
	gc_seen_prune(&g->seen, gc_now(g) - g->rules.delay_ms - SEEN_MS);
	malloc_trim(0); /* lists of everything are the most that is ever taken */
	if (r < 0)
		return err_wrap(e, "scan of all addresses");
	say(LOG_LEVEL_INFO, "scan: %zu blocks and %zu endpoints to look at", s.blocks, s.endpoints);
	return g->c->conf.gc_interval_s * 1000;
}

/* ---- asked for elsewhere ---- */

int64_t gc_asked(struct gc *g, struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = &maps,
			      .ns = g->c->conf.ns,
			      .name = REQUESTS,
			      .until = deadline_in(GC_CALL_MS),
			      .cancel = cancel };
	const char *at;
	uint64_t asked;
	int r = kube_get(g->c->k, &op, &o, e);

	if (r < 0 && r != -ENOENT)
		return r;
	at = r < 0 ? NULL : json_get_str(json_get(o, "data"), REQUESTED);
	asked = at ? XXH3_64bits(at, strlen(at)) | 1 : 1;
	/* What was asked before this replica led is answered by the scan with which that began. */
	if (at && g->asked && g->asked != asked)
		kube_queue_add(g->q, GC_SCAN, 0);
	g->asked = asked;
	return ASKED_MS;
}

/* Any replica. */
int gc_ask(struct controller *c, struct deadline until, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(1024);
	struct kube_op op = { .res = &maps, .ns = c->conf.ns, .name = REQUESTS, .until = until };
	char now[CLOCK_TEXT_MAX];
	int r;

	buf_fmt(&b,
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" REQUESTS
		"\",\"namespace\":\"%s\"},\"data\":{\"" REQUESTED "\":\"%s %s\"}}",
		c->conf.ns, clock_format_ms(clock_wall_ms(), ':', now), c->conf.pod);
	if (b.err)
		return err_nomem(e);
	r = kube_patch(c->k, &op, KUBE_MERGE_PATCH, b.s, b.len, NULL, e);
	if (r == -ENOENT) {
		op.name = NULL;
		r = kube_create(c->k, &op, b.s, b.len, NULL, e);
	}
	return r;
}
