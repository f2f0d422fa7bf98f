/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - the HTTP API of the controller, beside the probes (spec/ipam.md 8.3; docs/controller/gc.md)
 *
 *	POST /v1/ipam/gc_ips   a scan of all addresses begins, on whichever replica leads
 *	GET  /v1/ipam/status   who leads, what is held
 *	PUT  /v1/ipam/ip       one address is freed or put into quarantine
 */
#include <errno.h>
#include <string.h>

#include "api_auth.h"
#include "base/own.h"
#include "gc.h"
#include "ipam/fate.h"
#include "kube/object.h"

#define CALL_MS 20000

static int answer(struct http_exchange *x, struct json_object *o, struct err *e)
{
	int r = json_print(o, false, &x->answer, e);

	if (r < 0)
		http_say(x, 500, "%s", e->msg);
	return 0;
}

/* ---- POST /v1/ipam/gc_ips ---- */

static int serve_gc(struct http_exchange *x, void *arg)
{
	CLEANUP(free_p) char *user = NULL;
	char holder[KUBE_HOLDER_MAX];
	struct controller *c = arg;
	struct err e;
	void *part;

	if (api_auth(c, x, &user) < 0)
		return 0;
	if (!c->conf.gc) {
		http_say(x, 409, "garbage collection is switched off (SPIDERPOOL_GC_IP_ENABLED)");
		return 0;
	}
	say(LOG_LEVEL_INFO, "a scan of all addresses was asked for by %s", user);
	if (lead_use(c)) {
		part = lead_part(c, &part_gc);
		if (part)
			gc_scan_now(part);
		lead_done(c);
		http_say(x, part ? 202 : 503,
			 part ? "a scan of all addresses begins" : "this replica begins to lead, try again");
		return 0;
	}
	if (gc_ask(c, deadline_min(x->until, deadline_in(CALL_MS)), &e) < 0)
		http_say(x, 503, "the leading replica could not be asked: %s", e.msg);
	else
		http_say(x, 202, "a scan of all addresses begins within seconds on replica %s, which leads",
			 kube_lease_holder(c->lease, holder));
	return 0;
}

/* ---- GET /v1/ipam/status ---- */

struct census {
	int64_t now;
	struct family {
		int64_t held, waiting, cooling, quarantined, unconfirmed;
	} v[2];
	int64_t blocks, unreadable;
};

static void begin(void *arg)
{
	struct census *s = arg;

	*s = (struct census){ .now = s->now };
}

static void count(struct census *s, const struct block *b)
{
	struct family *f = &s->v[b->ver == 6];

	for (unsigned i = 0; i < IP_BLOCK_SIZE; i++) {
		const struct block_rec *r = &b->rec[i];
		bool held = block_rec_held(r, s->now);

		f->quarantined += held && r->hold == HOLD_QUARANTINE;
		f->held += held && r->hold != HOLD_QUARANTINE;
		f->waiting += fate_waits(r);
		f->cooling += !held && r->hold != HOLD_NONE;
		f->unconfirmed += !held && r->unconfirmed;
	}
}

static int count_block(struct json_object *o, void *arg, struct err *e)
{
	const char *name = kube_meta(o, "name"), *text = json_get_str(json_get(o, "spec"), "records");
	struct census *s = arg;
	struct block b;
	uint8_t ver;
	ip_num index;

	s->blocks++;
	if (name && ip_block_parse(name, &ver, &index, e) == 0 &&
	    block_decode(ver, index, text ? text : "", text ? strlen(text) : 0, &b, e) == 0) {
		count(s, &b);
		block_clear(&b);
	} else {
		s->unreadable++;
	}
	return 0;
}

static int set_number(struct json_object *o, const char *key, int64_t n, struct err *e)
{
	return json_set(o, key, json_object_new_int64(n), e);
}

static int put_family(struct json_object *o, const char *key, const struct family *f, struct err *e)
{
	struct json_object *to = json_object_new_object();
	int r = json_set(o, key, to, e);

	if (r == 0)
		r = set_number(to, "held", f->held, e);
	if (r == 0)
		r = set_number(to, "waitingForTheirPod", f->waiting, e);
	if (r == 0)
		r = set_number(to, "cooling", f->cooling, e);
	if (r == 0)
		r = set_number(to, "unconfirmed", f->unconfirmed, e);
	return r < 0 ? r : set_number(to, "quarantined", f->quarantined, e);
}

static int fill(struct controller *c, const struct census *s, struct json_object *o, struct err *e)
{
	char holder[KUBE_HOLDER_MAX];
	uint64_t freed, failed;
	int r = json_set_str(o, "replica", c->conf.pod, e);

	gc_counts(&freed, &failed);
	if (r == 0)
		r = json_set_str(o, "leader", kube_lease_holder(c->lease, holder), e);
	if (r == 0)
		r = json_set(o, "garbageCollection", json_object_new_boolean(c->conf.gc), e);
	if (r == 0)
		r = set_number(o, "freedByThisReplica", (int64_t)freed, e);
	if (r == 0)
		r = set_number(o, "failedOnThisReplica", (int64_t)failed, e);
	if (r == 0)
		r = set_number(o, "blocks", s->blocks, e);
	if (r == 0)
		r = set_number(o, "unreadableBlocks", s->unreadable, e);
	if (r == 0)
		r = put_family(o, "ipv4", &s->v[0], e);
	return r < 0 ? r : put_family(o, "ipv6", &s->v[1], e);
}

static int serve_status(struct http_exchange *x, void *arg)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(free_p) char *user = NULL;
	struct controller *c = arg;
	struct census s = { .now = clock_wall_ms() + store_kube_skew(c->hub) };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS],
			      .page = 50,
			      .until = deadline_min(x->until, deadline_in(CALL_MS)) };
	const struct kube_lister l = { .each = count_block, .begin = begin, .arg = &s };
	struct err e;
	int r;

	if (api_auth(c, x, &user) < 0)
		return 0;
	r = o ? kube_list(c->k, &op, &l, NULL, &e) : err_nomem(&e);
	if (r == 0)
		r = fill(c, &s, o, &e);
	if (r == 0)
		return answer(x, o, &e);
	http_say(x, 503, "%s", e.msg);
	return 0;
}

/* ---- PUT /v1/ipam/ip ---- */

struct body {
	char *ip, *state, *until;
	bool force;
};
static const struct json_field body_fields[] = {
	JF(struct body, ip, "ip", .flags = JSON_REQUIRED),
	JF(struct body, state, "state", .flags = JSON_REQUIRED),
	JF(struct body, force, "force"),
	JF(struct body, until, "until"),
};
static const struct json_table body_table = JSON_TABLE(struct body, "body", body_fields);

/* -EINVAL: the body is wrong. */
static int change(struct controller *c, const struct body *b, struct deadline until, struct err *e)
{
	int64_t end = clock_wall_ms() + IPAM_QUARANTINE_MS;
	bool frees = strcmp(b->state, "free") == 0;
	struct engine g;
	struct ip addr;
	int r = ip_parse(b->ip, &addr, e);

	if (r == 0 && !frees && strcmp(b->state, "quarantine") != 0)
		r = err_code(e, ERR_CONFIG, EINVAL, "state: want \"free\" or \"quarantine\", got \"%s\"",
			     b->state);
	if (r == 0 && b->until)
		r = clock_parse(b->until, &end, e);
	if (r < 0)
		return r;
	r = engine_open(c, until, &g, e);
	if (r < 0)
		return r;
	r = frees ? ipam_release(&g.m, addr, b->force, e) : ipam_quarantine(&g.m, addr, end, e);
	engine_close(&g);
	return r;
}

static int status_of(int r)
{
	return r == -EINVAL || r == -EBADMSG ? 400 : r == -ENOENT ? 404 : r == -EBUSY ? 409 : 503;
}

static int serve_ip(struct http_exchange *x, void *arg)
{
	CLEANUP(free_p) char *user = NULL;
	struct controller *c = arg;
	struct body b = { .ip = NULL };
	struct err e;
	int r;

	if (api_auth(c, x, &user) < 0)
		return 0;
	r = json_decode_text(&body_table, x->body, x->len, "body", &b, &e);
	if (r < 0) {
		http_say(x, 400, "%s", e.msg);
		return 0;
	}
	say(LOG_LEVEL_INFO, "%s asks that address %s becomes %s%s", user, b.ip, b.state,
	    b.force ? ", with force" : "");
	r = change(c, &b, deadline_min(x->until, deadline_in(CALL_MS)), &e);
	if (r < 0)
		http_say(x, status_of(r), "%s", e.msg);
	else
		http_say(x, 200, "address %s: %s", b.ip, b.state);
	json_clear(&body_table, &b);
	return 0;
}

const struct http_route controller_api_routes[] = {
	{ "POST", "/v1/ipam/gc_ips", serve_gc },
	{ "GET", "/v1/ipam/status", serve_status },
	{ "PUT", "/v1/ipam/ip", serve_ip },
};
const size_t controller_api_n = ARRAY_LEN(controller_api_routes);
